"""What stands in the graph, declared once: labels, properties, keys, indexes.

Constraints, indexes and `schema/graph.cypher` are made from these declarations. They keep to what Neo4j Community
can do: uniqueness, range and full-text indexes. Every time is a Neo4j date-time in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a node or relationship: its name, its type in Cypher, what it says."""

    name: str
    type: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class NodeKind:
    """A kind of node. `unique` properties identify it; each of `indexes` serves a lookup or a page in that order."""

    label: str
    about: str
    properties: tuple[Property, ...]
    unique: tuple[str, ...] = ("id",)
    indexes: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class RelationshipKind:
    """A kind of relationship and the labels it joins."""

    type: str
    about: str
    start: tuple[str, ...]
    end: tuple[str, ...]
    properties: tuple[Property, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """A full-text index over some labels and properties."""

    name: str
    labels: tuple[str, ...]
    properties: tuple[str, ...]


def _text(name: str, about: str = "") -> Property:
    return Property(name, "STRING", about)


def _whole(name: str, about: str = "") -> Property:
    return Property(name, "INTEGER", about)


def _real(name: str, about: str = "") -> Property:
    return Property(name, "FLOAT", about)


def _time(name: str, about: str = "") -> Property:
    return Property(name, "ZONED DATETIME", about)


_TOTALS = (
    _whole("requests"),
    _whole("input_tokens"),
    _whole("output_tokens"),
    _whole("tokens", "input_tokens + output_tokens"),
    _time("first_used"),
    _time("last_used"),
)

ACCOUNT = NodeKind(
    "Account",
    "a login or API account at the provider; usage is summed over all of its hours",
    (
        _text("id", "the provider's own"),
        _time("created_at"),
        _text("status"),
        _text("country"),
        _text("plan"),
        _text("display_name"),
        _text("attributes", "JSON object"),
        *_TOTALS,
    ),
    indexes=(("created_at", "id"), ("tokens", "id")),
)
ORGANISATION = NodeKind(
    "Organisation",
    "the customer that accounts belong to and that pays",
    (
        _text("id", "the provider's own"),
        _text("name"),
        _text("domain"),
        _text("country"),
        _text("registration_number"),
        _text("attributes", "JSON object"),
    ),
)
IDENTIFIER = NodeKind(
    "Identifier",
    "a typed, normalised value that subjects used; its kind is a second label, such as IP or PaymentMethod",
    (
        _text("key", "kind:value; very long values end in a hash"),
        _text("id", "keyed hash of the key, for ids and cursors that give nothing away"),
        _text("kind"),
        _text("value"),
        _whole("holders", "subjects that use it, as of the last resolution that saw it change; shared values only"),
        _whole("holder_clusters", "clusters and lone subjects among them"),
        _text("sharing_class", "home, office, campus, mobile, vpn, …: by reference files, else by its pattern of use"),
        _real("class_bits", "what its holders, or a class known from reference files, add to its weight"),
        _text("class_reason", "why it is of its class, with figures, and what shifts its weight"),
    ),
    unique=("key", "id"),
    indexes=(("kind", "holders"), ("holders", "key")),
)
CLUSTER = NodeKind(
    "Cluster",
    "the subjects held to be run by one actor; a retired cluster stays, with its successors",
    (
        _text("id"),
        _whole("size", "subjects"),
        _whole("accounts"),
        _whole("organisations"),
        _real("confidence"),
        _time("created_at", "when the cluster was first published"),
        _time("updated_at", "when a publication last changed it"),
        _time("retired_at", "null while it lives"),
        _text("told_by", "the publication from which on its evidence and merges hold"),
        _whole("published", "the ledger's version of the publication that last changed it"),
        *_TOTALS,
        _real("opened_mean", "mean of its accounts' sign-ups, in days since 1970"),
        _real("opened_spread", "standard deviation of the same, in days"),
        _real("weakest_bits", "bits of the weakest link"),
        _text("weakest", "JSON object: bits, parts and identifiers of the weakest link"),
    ),
    indexes=(("size", "id"), ("tokens", "id"), ("confidence", "id"), ("created_at", "id"), ("updated_at", "id")),
)
RESOLUTION = NodeKind(
    "Resolution",
    "one run of the engine",
    (
        _text("id"),
        _time("started_at"),
        _time("finished_at"),
        _text("model_version"),
        _text("summary", "JSON object"),
        _text("versions", "JSON object: ledger table → version that it read"),
        _text("state", "published; waiting, approved, refused, overtaken: a person was asked"),
        _text("reviewed_by"),
        _text("reviewed_for", "the reason given"),
        _time("reviewed_at"),
    ),
    indexes=(("finished_at", "id"),),
)
CHANGE = NodeKind(
    "Change",
    "what became of a cluster in a publication; a number beyond the watermark of publications does not count yet",
    (
        _whole("number", "place in the order of all changes, the same after every rebuild"),
        _text("event", "born, grew, shrank, changed, merged, split, retired"),
        _text("cluster_id"),
        _text("successor_id", "where members went that are in another cluster now"),
        _whole("members", "members that went there; the size, where the cluster lives on"),
        _time("at", "when it was published"),
        _text("publication"),
        _text("kind", "what published it: resolution, link, decision, withdrawal"),
        _text("evidence", "JSON list: the strongest identifiers that brought members in"),
    ),
    unique=("number",),
    indexes=(("at", "number"), ("cluster_id", "number"), ("successor_id", "number")),
)
DECISION = NodeKind(
    "Decision",
    "a person's statement about two ends",
    (
        _text("id", "hash of the content"),
        _text("left", "account:ID, organisation:ID, cluster:ID, or part:ID:MEMBER, a part that a merge brought in"),
        _text("right"),
        _whole("left_size", "subjects that the left end stood for when the decision was made"),
        _whole("right_size"),
        _text("judgement", "same, different, undecided"),
        _text("author"),
        _text("reason"),
        _time("decided_at"),
        _time("retracted_at", "null while it stands"),
        _text("retracted_by"),
        _text("retraction", "why it was taken back"),
    ),
    indexes=(("left",), ("right",), ("decided_at", "id")),
)
ACTOR = NodeKind(
    "Actor",
    "a named party to whom clusters are attributed",
    (_text("id"), _text("name"), _text("about")),
)
WATERMARK = NodeKind(
    "Watermark",
    "how far the ledger is projected; written in the transaction of the rows it counts",
    (
        _text("key", "ledger table, or table/step/partition"),
        _text("epoch", "one life of the graph, from wipe to wipe"),
        _whole("version", "ledger version"),
        _whole("done", "batches of that version"),
        _whole("resolution", "of publications: the version of the last that was a resolution"),
    ),
    unique=("key",),
)

NODES = (ACCOUNT, ORGANISATION, IDENTIFIER, CLUSTER, RESOLUTION, CHANGE, DECISION, ACTOR, WATERMARK)

USED = RelationshipKind(
    "USED",
    "a subject used an identifier",
    ("Account", "Organisation"),
    ("Identifier",),
    (_time("first_seen"), _time("last_seen"), _whole("count")),
)
MEMBER_OF = RelationshipKind("MEMBER_OF", "an account belongs to an organisation", ("Account",), ("Organisation",))
IN = RelationshipKind(
    "IN",
    "a subject belongs to a cluster",
    ("Account", "Organisation"),
    ("Cluster",),
    (
        _real("confidence"),
        _time("since"),
        Property("provisional", "BOOLEAN", "attached since the last resolution"),
    ),
)
EVIDENCED_BY = RelationshipKind(
    "EVIDENCED_BY",
    "an identifier holds the cluster together",
    ("Cluster",),
    ("Identifier",),
    (
        _real("bits", "what counted"),
        _real("full_bits", "what it would weigh alone"),
        _whole("members", "members that use it"),
        _whole("holders", "subjects that used it when it was counted"),
        _whole("holder_clusters"),
        _text("reason"),
    ),
)
SUCCEEDED_BY = RelationshipKind(
    "SUCCEEDED_BY",
    "what became of a cluster that ended or was split",
    ("Cluster",),
    ("Cluster",),
    (_text("how", "merged, split, …"), _time("at"), _text("publication"), _whole("members")),
)
ABOUT = RelationshipKind(
    "ABOUT",
    "a decision is about a subject, by itself or as one of a group",
    ("Decision",),
    ("Account", "Organisation"),
    (_text("side", "left or right"),),
)
ATTRIBUTED_TO = RelationshipKind(
    "ATTRIBUTED_TO",
    "a person ties a cluster to an actor",
    ("Cluster",),
    ("Actor",),
    (_real("confidence"), _text("by"), _text("reason"), _time("at")),
)

RELATIONSHIPS = (USED, MEMBER_OF, IN, EVIDENCED_BY, SUCCEEDED_BY, ABOUT, ATTRIBUTED_TO)

SEARCH = SearchIndex(
    "search",
    ("Account", "Organisation", "Identifier", "Cluster", "Actor"),
    ("id", "name", "display_name", "domain", "value"),
)

#: Longest key that is kept as it is, in characters: Neo4j's indexes refuse keys beyond 8 kB.
LONGEST_KEY = 1000
