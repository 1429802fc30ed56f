"""What each ledger table becomes in the graph: a row of steps, each turning rows into Cypher parameters.

A step says how its rows are made from the rows of the ledger (a pure function over Arrow tables) and which Cypher
writes them (`$rows` is a list of lists, in the order of the columns). Nodes come before the relationships that need
them. Rows of a step are distinct and ordered, so that the same ledger rows always make the same batches.

Times travel as two numbers, seconds and nanoseconds: the driver takes 50 µs to write one date-time down.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from linkage.graph.changes import COLUMNS
from linkage.graph.kinds import LONGEST_KEY
from linkage.model import End, PublicationKind
from linkage.model.identifier import opaque_id
from linkage.normalise.kinds import kind_of

Tables = Mapping[str, pa.Table]


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of node or relationship to write: its rows, and the Cypher for a batch of them."""

    name: str
    rows: Callable[[Tables, bytes], pa.Table]
    cypher: str


def graph_key(kind: str, value: str) -> str:
    """The key of an identifier in the graph: `kind:value`, shortened by a hash where it is longer than indexes take."""
    key = f"{kind}:{value}"
    if len(key) <= LONGEST_KEY:
        return key
    return f"{key[:200]}…{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}"


def _texts(column: Any) -> list[str]:
    texts: list[str] = column.to_pylist()
    return texts


def _table(columns: dict[str, Any]) -> pa.Table:
    return pa.table(columns)


# ---- rows: ledger columns → distinct, ordered columns of a step


def _of_type(subject_type: str, table: str = "observations") -> Callable[[Tables], pa.Table]:
    def chosen(tables: Tables) -> pa.Table:
        rows = tables[table]
        return rows.filter(pc.equal(rows["subject_type"], pa.scalar(subject_type)))

    return chosen


def _distinct(table: pa.Table, names: list[str]) -> pa.Table:
    distinct = table.select(names).group_by(names, use_threads=False).aggregate([])
    return distinct.sort_by([(name, "ascending") for name in names])


def _seconds(times: pa.ChunkedArray[Any]) -> list[pa.ChunkedArray[Any]]:
    micros = times.cast(pa.int64())
    seconds = pc.floor(pc.divide(micros.cast(pa.float64()), 1e6)).cast(pa.int64())
    # The float is exact enough to be off by one at most; the remainder settles it.
    rest = pc.subtract(micros, pc.multiply(seconds, 1_000_000))
    return [seconds, pc.multiply(rest, 1000)]


def _columns(table: pa.Table, names: list[str]) -> pa.Table:
    """Lay columns out for Cypher; each time becomes two columns."""
    laid: list[tuple[str, pa.ChunkedArray[Any]]] = []
    for name in names:
        column = table[name]
        if pa.types.is_timestamp(column.type):
            seconds, nanoseconds = _seconds(column)
            laid += [(f"{name}_s", seconds), (f"{name}_ns", nanoseconds)]
        else:
            laid.append((name, column))
    return pa.table([column for _, column in laid], names=[name for name, _ in laid])


def last_rows(table: pa.Table, key: str) -> pa.Table:
    """The last row of each key, ordered by key."""
    numbered = table.append_column("_place", pa.array(range(table.num_rows), pa.int64()))
    last = numbered.group_by(key, use_threads=False).aggregate([("_place", "max")])["_place_max"]
    return table.take(last).sort_by(key)


def first_rows(table: pa.Table, key: str) -> pa.Table:
    """The first row of each key, ordered by key."""
    numbered = table.append_column("_place", pa.array(range(table.num_rows), pa.int64()))
    first = numbered.group_by(key, use_threads=False).aggregate([("_place", "min")])["_place_min"]
    return table.take(first).sort_by(key)


def _subjects(subject_type: str) -> Callable[[Tables, bytes], pa.Table]:
    chosen = _of_type(subject_type)
    return lambda tables, secret: _distinct(chosen(tables), ["subject_id"])


def identifier_rows(pairs: pa.Table, secret: bytes) -> pa.Table:
    """Key, kind, value, id, label of the distinct identifiers among columns `kind` and `value`."""
    distinct = _distinct(pairs, ["kind", "value"])
    kinds, values = _texts(distinct["kind"]), _texts(distinct["value"])
    keys = [graph_key(kind, value) for kind, value in zip(kinds, values, strict=True)]
    labels = {kind: kind_of(kind).label for kind in set(kinds)}
    ids = [opaque_id(f"{kind}:{value}", secret) for kind, value in zip(kinds, values, strict=True)]
    return _table(
        {
            "key": pa.array(keys, pa.string()),
            "kind": distinct["kind"],
            "value": distinct["value"],
            "id": pa.array(ids, pa.string()),
            "label": pa.array([labels[kind] for kind in kinds], pa.string()),
        }
    )


def _with_key(table: pa.Table) -> pa.Table:
    pairs = zip(_texts(table["kind"]), _texts(table["value"]), strict=True)
    return table.append_column("key", pa.array([graph_key(kind, value) for kind, value in pairs], pa.string()))


def _identifiers(table: str) -> Callable[[Tables, bytes], pa.Table]:
    return lambda tables, secret: identifier_rows(tables[table], secret)


def used_rows(observations: pa.Table) -> pa.Table:
    """Subject × identifier with the earliest, the latest and the number of uses.

    A use without one of its two times counts at the other; a use without a count counts once.
    """
    first = pc.coalesce(observations["first_seen"], observations["last_seen"])
    last = pc.coalesce(observations["last_seen"], observations["first_seen"])
    table = _table(
        {
            "subject_id": observations["subject_id"],
            "kind": observations["kind"],
            "value": observations["value"],
            "first_seen": first,
            "last_seen": last,
            "count": pc.coalesce(observations["count"], pa.scalar(1, pa.int64())),
        }
    )
    keys = ["subject_id", "kind", "value"]
    summed = table.group_by(keys, use_threads=False).aggregate(
        [("first_seen", "min"), ("last_seen", "max"), ("count", "sum")]
    )
    summed = summed.rename_columns([*keys, "first_seen", "last_seen", "count"])
    return summed.sort_by([(name, "ascending") for name in keys])


def _withdrawn(subject_type: str) -> Callable[[Tables, bytes], pa.Table]:
    chosen = _of_type(subject_type, "withdrawals")

    def rows(tables: Tables, secret: bytes) -> pa.Table:
        pairs = _distinct(chosen(tables), ["subject_id", "kind", "value"])
        return _with_key(pairs).select(["subject_id", "key"])

    return rows


def _used(subject_type: str) -> Callable[[Tables, bytes], pa.Table]:
    chosen = _of_type(subject_type)
    return lambda tables, secret: _columns(
        _with_key(used_rows(chosen(tables))), ["subject_id", "key", "first_seen", "last_seen", "count"]
    )


ACCOUNT_COLUMNS = ["created_at", "status", "organisation_id", "country", "plan", "display_name", "attributes"]
ORGANISATION_COLUMNS = ["name", "domain", "country", "registration_number", "attributes"]


def _accounts(tables: Tables, secret: bytes) -> pa.Table:
    return _columns(last_rows(tables["accounts"], "account_id"), ["account_id", *ACCOUNT_COLUMNS])


def _named_organisations(tables: Tables, secret: bytes) -> pa.Table:
    named = _distinct(tables["accounts"], ["organisation_id"])
    return named.filter(pc.is_valid(named["organisation_id"]))


def _belonging(tables: Tables, secret: bytes) -> pa.Table:
    rows = last_rows(tables["accounts"], "account_id").select(["account_id", "organisation_id"])
    return _beside(rows, "organisation_id", "account_id")


def _beside(rows: pa.Table, hub: str, key: str) -> pa.Table:
    """Order rows so that those around one hub lie side by side: one session writes them, and none waits for another."""
    return rows.sort_by([(hub, "ascending"), (key, "ascending")])


def _organisations(tables: Tables, secret: bytes) -> pa.Table:
    return _columns(last_rows(tables["organisations"], "organisation_id"), ["organisation_id", *ORGANISATION_COLUMNS])


TOTALS = ["requests", "input_tokens", "output_tokens"]


def usage_rows(usage: pa.Table) -> pa.Table:
    """Account with the sums of its usage and its first and last hour; a missing number counts nothing."""
    filled = _table(
        {
            "account_id": usage["account_id"],
            **{name: pc.coalesce(usage[name], pa.scalar(0, pa.int64())) for name in TOTALS},
            "first_used": usage["window_start"],
            "last_used": usage["window_start"],
        }
    )
    summed = filled.group_by("account_id", use_threads=False).aggregate(
        [*((name, "sum") for name in TOTALS), ("first_used", "min"), ("last_used", "max")]
    )
    return summed.rename_columns(["account_id", *TOTALS, "first_used", "last_used"]).sort_by("account_id")


def _usage(tables: Tables, secret: bytes) -> pa.Table:
    return _columns(usage_rows(tables["usage"]), ["account_id", *TOTALS, "first_used", "last_used"])


def _users(tables: Tables, secret: bytes) -> pa.Table:
    return _distinct(tables["usage"], ["account_id"])


DECISION_COLUMNS = ["left", "right", "judgement", "author", "reason", "decided_at"]


def _ends(decisions: pa.Table) -> Iterator[tuple[str, str, End]]:
    """Decision × side with what stood there."""
    for side in ("left", "right"):
        for decision, name, members in zip(
            *(_texts(decisions[column]) for column in ("decision_id", side, f"{side}_members")), strict=True
        ):
            yield decision, side, End.read(name, members)


def _decisions(tables: Tables, secret: bytes) -> pa.Table:
    rows = last_rows(tables["decisions"], "decision_id")
    sizes: dict[str, list[int]] = {"left": [], "right": []}
    for _, side, end in _ends(rows):
        sizes[side].append(len(end.members))
    for side, counted in sizes.items():
        rows = rows.append_column(f"{side}_size", pa.array(counted, pa.int64()))
    return _columns(rows, ["decision_id", *DECISION_COLUMNS, "left_size", "right_size"])


def about_rows(decisions: pa.Table) -> pa.Table:
    """Decision × side × subject."""
    found = [
        (decision, side, member.type.value, member.id)
        for decision, side, end in _ends(last_rows(decisions, "decision_id"))
        for member in end.members
    ]
    columns = list(zip(*found, strict=True)) or [()] * 4
    names = ["decision_id", "side", "subject_type", "subject_id"]
    return pa.table([pa.array(column, pa.string()) for column in columns], names=names)


def _decided(subject_type: str) -> Callable[[Tables, bytes], pa.Table]:
    """The subjects of a type that decisions are about."""

    def rows(tables: Tables, secret: bytes) -> pa.Table:
        about = about_rows(tables["decisions"])
        return _distinct(about.filter(pc.equal(about["subject_type"], pa.scalar(subject_type))), ["subject_id"])

    return rows


def _about(subject_type: str) -> Callable[[Tables, bytes], pa.Table]:
    def rows(tables: Tables, secret: bytes) -> pa.Table:
        about = about_rows(tables["decisions"])
        chosen = about.filter(pc.equal(about["subject_type"], pa.scalar(subject_type)))
        return _beside(chosen.select(["subject_id", "decision_id", "side"]), "decision_id", "subject_id")

    return rows


def _retractions(tables: Tables, secret: bytes) -> pa.Table:
    rows = first_rows(tables["retractions"], "decision_id")
    return _columns(rows, ["decision_id", "author", "reason", "retracted_at"])


# ---- Cypher


def time_of(position: int) -> str:
    """The time that stands as seconds and nanoseconds at two positions of `r`; null where there is none."""
    value = f"datetime({{epochSeconds: r[{position}], nanosecond: r[{position + 1}]}})"
    return f"CASE WHEN r[{position}] IS NULL THEN null ELSE {value} END"


_ZERO = "requests: 0, input_tokens: 0, output_tokens: 0, tokens: 0"
NEW_ACCOUNT = f"ON CREATE SET a += {{{_ZERO}}}"

MERGE_ACCOUNTS = f"UNWIND $rows AS r MERGE (a:Account {{id: r[0]}}) {NEW_ACCOUNT}"
MERGE_ORGANISATIONS = "UNWIND $rows AS r MERGE (:Organisation {id: r[0]})"
MERGE_IDENTIFIERS = """
UNWIND $rows AS r
MERGE (i:Identifier {key: r[0]})
ON CREATE SET i.kind = r[1], i.value = r[2], i.id = r[3], i:$(r[4])
"""
SET_ACCOUNTS = f"""
UNWIND $rows AS r
MERGE (a:Account {{id: r[0]}}) {NEW_ACCOUNT}
SET a.created_at = {time_of(1)}, a.status = r[3], a.organisation_id = r[4], a.country = r[5], a.plan = r[6],
    a.display_name = r[7], a.attributes = r[8]
"""
SET_BELONGING = """
UNWIND $rows AS r
MATCH (a:Account {id: r[0]})
CALL (a, r) {
  MATCH (a)-[old:MEMBER_OF]->(o:Organisation) WHERE r[1] IS NULL OR o.id <> r[1]
  DELETE old
}
WITH a, r WHERE r[1] IS NOT NULL
MATCH (o:Organisation {id: r[1]})
MERGE (a)-[:MEMBER_OF]->(o)
"""
SET_ORGANISATIONS = """
UNWIND $rows AS r
MERGE (o:Organisation {id: r[0]})
SET o.name = r[1], o.domain = r[2], o.country = r[3], o.registration_number = r[4], o.attributes = r[5]
"""
SET_DECISIONS = f"""
UNWIND $rows AS r
MERGE (d:Decision {{id: r[0]}})
SET d.left = r[1], d.right = r[2], d.judgement = r[3], d.author = r[4], d.reason = r[5],
    d.decided_at = {time_of(6)}, d.left_size = r[8], d.right_size = r[9]
"""
#: Decisions are projected before retractions, but one that is made and taken back meanwhile may come in after its
#: retraction: then its node is here already.
SET_RETRACTIONS = f"""
UNWIND $rows AS r
MERGE (d:Decision {{id: r[0]}})
WITH d, r WHERE d.retracted_at IS NULL
SET d.retracted_by = r[1], d.retraction = r[2], d.retracted_at = {time_of(3)}
"""
ADD_USAGE = f"""
UNWIND $rows AS r
MERGE (a:Account {{id: r[0]}}) {NEW_ACCOUNT}
WITH a, r, {time_of(4)} AS first, {time_of(6)} AS last
SET a.requests = a.requests + r[1], a.input_tokens = a.input_tokens + r[2],
    a.output_tokens = a.output_tokens + r[3], a.tokens = a.tokens + r[2] + r[3],
    a.first_used = CASE WHEN a.first_used IS NULL OR first < a.first_used THEN first ELSE a.first_used END,
    a.last_used = CASE WHEN a.last_used IS NULL OR last > a.last_used THEN last ELSE a.last_used END
"""
#: The totals of a cluster are the sums over its accounts, made anew whenever one of them changed.
_SUM = """
CALL (c) {
  OPTIONAL MATCH (c)<-[:IN]-(a:Account)
  WITH coalesce(sum(a.requests), 0) AS requests, coalesce(sum(a.input_tokens), 0) AS input,
       coalesce(sum(a.output_tokens), 0) AS output, min(a.first_used) AS first, max(a.last_used) AS last,
       avg(a.created_at.epochSeconds) / 86400.0 AS opened, stDevP(a.created_at.epochSeconds) / 86400.0 AS spread
  SET c.opened_mean = opened, c.opened_spread = CASE WHEN opened IS NULL THEN null ELSE spread END,
      c.requests = requests, c.input_tokens = input, c.output_tokens = output, c.tokens = input + output,
      c.first_used = first, c.last_used = last
}
"""
SUM_CLUSTERS_OF_ACCOUNTS = f"""
UNWIND $rows AS r
MATCH (:Account {{id: r[0]}})-[:IN]->(c:Cluster)
WITH DISTINCT c ORDER BY c.id
{_SUM}
"""
SUM_CLUSTERS = f"UNWIND $rows AS r MATCH (c:Cluster {{id: r[0]}}) {_SUM}"


def add_used(label: str) -> str:
    """Subjects of a label used identifiers: earliest, latest, and the sum.

    CREATE where MERGE would do: MERGE locks a hub for itself, and sessions side by side would wait for each other. No
    two sessions write the same pair at the same time: see the lanes of `linkage.graph.projection`.
    """
    return f"""
UNWIND $rows AS r
MATCH (s:{label} {{id: r[0]}})
MATCH (i:Identifier {{key: r[1]}})
OPTIONAL MATCH (s)-[u:USED]->(i)
WITH s, i, u, r, {time_of(2)} AS first, {time_of(4)} AS last
FOREACH (_ IN CASE WHEN u IS NULL THEN [1] ELSE [] END |
  CREATE (s)-[:USED {{first_seen: first, last_seen: last, count: r[6]}}]->(i))
FOREACH (_ IN CASE WHEN u IS NULL THEN [] ELSE [1] END |
  SET u.first_seen = CASE WHEN u.first_seen <= first THEN u.first_seen ELSE coalesce(first, u.first_seen) END,
      u.last_seen = CASE WHEN u.last_seen >= last THEN u.last_seen ELSE coalesce(last, u.last_seen) END,
      u.count = u.count + r[6])
"""


def drop_used(label: str) -> str:
    """What is known of uses by subjects of a label is taken away."""
    return f"UNWIND $rows AS r MATCH (:{label} {{id: r[0]}})-[u:USED]->(:Identifier {{key: r[1]}}) DELETE u"


def add_about(label: str) -> str:
    """Decisions are about subjects of a label."""
    return f"""
UNWIND $rows AS r
MATCH (s:{label} {{id: r[0]}})
MATCH (d:Decision {{id: r[1]}})
MERGE (d)-[:ABOUT {{side: r[2]}}]->(s)
"""


#: Ledger table of facts → its steps.
FACT_STEPS: dict[str, tuple[Step, ...]] = {
    "accounts": (
        Step("organisations", _named_organisations, MERGE_ORGANISATIONS),
        Step("accounts", _accounts, SET_ACCOUNTS),
        Step("members of organisations", _belonging, SET_BELONGING),
    ),
    "organisations": (Step("organisations", _organisations, SET_ORGANISATIONS),),
    "observations": (
        Step("accounts", _subjects("account"), MERGE_ACCOUNTS),
        Step("organisations", _subjects("organisation"), MERGE_ORGANISATIONS),
        Step("identifiers", _identifiers("observations"), MERGE_IDENTIFIERS),
        Step("uses by accounts", _used("account"), add_used("Account")),
        Step("uses by organisations", _used("organisation"), add_used("Organisation")),
    ),
    "usage": (
        Step("usage", _usage, ADD_USAGE),
        Step("usage of clusters", _users, SUM_CLUSTERS_OF_ACCOUNTS),
    ),
    "decisions": (
        Step("accounts", _decided("account"), MERGE_ACCOUNTS),
        Step("organisations", _decided("organisation"), MERGE_ORGANISATIONS),
        Step("decisions", _decisions, SET_DECISIONS),
        Step("subjects of decisions", _about("account"), add_about("Account")),
        Step("subjects of decisions", _about("organisation"), add_about("Organisation")),
    ),
    "retractions": (Step("retractions", _retractions, SET_RETRACTIONS),),
}


#: The tables of a withdrawal → its steps.
WITHDRAWAL_STEPS = (
    Step("uses by accounts", _withdrawn("account"), drop_used("Account")),
    Step("uses by organisations", _withdrawn("organisation"), drop_used("Organisation")),
    Step("uses by accounts", _used("account"), add_used("Account")),
    Step("uses by organisations", _used("organisation"), add_used("Organisation")),
)


# ---- a publication


def _changed_clusters(tables: Tables, secret: bytes) -> pa.Table:
    rows = last_rows(tables["clusters"], "cluster_id")
    bits = [_weakest_bits(text) for text in rows["weakest"].to_pylist()]
    rows = rows.append_column("weakest_bits", pa.array(bits, pa.float64()))
    names = ["cluster_id", "size", "accounts", "organisations", "confidence", "created_at", "weakest", "weakest_bits"]
    stamped = _stamped(_columns(rows, [*names, "told_by"]), tables)
    return stamped.append_column("version", pa.repeat(tables["publications"]["version"][0], rows.num_rows))


def _weakest_bits(text: str | None) -> float | None:
    bits = json.loads(text).get("bits") if text else None
    return float(bits) if bits is not None else None


def _stamped(rows: pa.Table, tables: Tables) -> pa.Table:
    """Add to every row when it was published."""
    at = _columns(tables["publications"], ["at"])
    for name in ("at_s", "at_ns"):
        rows = rows.append_column(name, pa.repeat(at[name][0], rows.num_rows))
    return rows


def _members(subject_type: str) -> Callable[[Tables, bytes], pa.Table]:
    chosen = _of_type(subject_type, "memberships")

    def rows(tables: Tables, secret: bytes) -> pa.Table:
        last = last_rows(chosen(tables), "subject_id")
        rows = last.select(["subject_id", "cluster_id", "confidence", "provisional"])
        return _stamped(_beside(rows, "cluster_id", "subject_id"), tables)

    return rows


def _successions(tables: Tables, secret: bytes) -> pa.Table:
    rows = tables["lineage"]
    followed = pc.and_(pc.is_valid(rows["successor_id"]), pc.not_equal(rows["successor_id"], rows["cluster_id"]))
    rows = rows.filter(followed).sort_by([("cluster_id", "ascending"), ("successor_id", "ascending")])
    return _columns(rows, ["cluster_id", "successor_id", "event", "at", "members", "publication_id"])


_EVIDENCE_COLUMNS = ["cluster_id", "key", "bits", "full_bits", "members", "holders", "holder_clusters", "reason"]


def _evidence(tables: Tables, secret: bytes) -> pa.Table:
    rows = _with_key(tables["evidence"]).sort_by([("cluster_id", "ascending"), ("key", "ascending")])
    return rows.select(_EVIDENCE_COLUMNS)


def _cluster_ids(tables: Tables, secret: bytes) -> pa.Table:
    return _distinct(tables["clusters"], ["cluster_id"])


def _told_anew(tables: Tables, secret: bytes) -> pa.Table:
    """The clusters whose evidence this publication tells from the beginning, or which ended."""
    rows, publication = tables["clusters"], tables["publications"]["publication_id"][0]
    anew = pc.or_(pc.equal(rows["told_by"], publication), pc.equal(rows["size"], pa.scalar(0, pa.int64())))
    return _distinct(rows.filter(anew), ["cluster_id"])


def _shared(tables: Tables, secret: bytes) -> pa.Table:
    rows = _with_key(tables["identifiers"]).sort_by("key")
    return rows.select(["key", "holders", "holder_clusters", "sharing_class", "class_bits", "class_reason"])


_RESOLUTION_COLUMNS = ["resolution_id", "started_at", "finished_at", "model_version", "summary", "versions"]


def _resolution(tables: Tables, secret: bytes) -> pa.Table:
    return _columns(tables["resolutions"], _RESOLUTION_COLUMNS)


def _resolution_version(tables: Tables, secret: bytes) -> pa.Table:
    rows = tables["publications"]
    return rows.filter(pc.equal(rows["kind"], pa.scalar(str(PublicationKind.RESOLUTION)))).select(["version"])


def _reviewed(tables: Tables, secret: bytes) -> pa.Table:
    """Resolutions with what was last said of them."""
    reviews = last_rows(tables["reviews"], "resolution_id")
    rows = tables["resolutions"].join(reviews, "resolution_id", join_type="inner").sort_by("resolution_id")
    return _columns(rows, [*_RESOLUTION_COLUMNS, "state", "author", "reason", "at"])


def _changes(tables: Tables, secret: bytes) -> pa.Table:
    return _stamped(tables["changes"].select(list(COLUMNS)), tables)


SET_CLUSTERS = f"""
UNWIND $rows AS r
MERGE (c:Cluster {{id: r[0]}}) ON CREATE SET c += {{{_ZERO}}}
SET c.size = r[1], c.accounts = r[2], c.organisations = r[3], c.confidence = r[4],
    c.created_at = coalesce({time_of(5)}, c.created_at), c.weakest = r[7], c.weakest_bits = r[8], c.told_by = r[9],
    c.updated_at = {time_of(10)}, c.retired_at = CASE WHEN r[1] = 0 THEN {time_of(10)} ELSE null END,
    c.published = r[12]
"""
SET_SUCCESSIONS = f"""
UNWIND $rows AS r
MERGE (old:Cluster {{id: r[0]}})
MERGE (new:Cluster {{id: r[1]}})
MERGE (old)-[s:SUCCEEDED_BY {{publication: r[6]}}]->(new)
SET s.how = r[2], s.at = {time_of(3)}, s.members = r[5]
"""
DROP_EVIDENCE = "UNWIND $rows AS r MATCH (:Cluster {id: r[0]})-[e:EVIDENCED_BY]->() DELETE e"
SET_EVIDENCE = """
UNWIND $rows AS r
MATCH (c:Cluster {id: r[0]})
MATCH (i:Identifier {key: r[1]})
CREATE (c)-[:EVIDENCED_BY {bits: r[2], full_bits: r[3], members: r[4], holders: r[5], holder_clusters: r[6],
                           reason: r[7]}]->(i)
"""
SET_SHARED = """
UNWIND $rows AS r
MATCH (i:Identifier {key: r[0]})
SET i.holders = CASE WHEN r[1] > 1 THEN r[1] END, i.holder_clusters = CASE WHEN r[1] > 1 THEN r[2] END,
    i.sharing_class = CASE WHEN r[1] > 1 THEN r[3] END, i.class_bits = CASE WHEN r[1] > 1 THEN r[4] END,
    i.class_reason = CASE WHEN r[1] > 1 THEN r[5] END
"""
SET_RESOLUTION = f"""
UNWIND $rows AS r
MERGE (n:Resolution {{id: r[0]}})
SET n.started_at = {time_of(1)}, n.finished_at = {time_of(3)}, n.model_version = r[5], n.summary = r[6],
    n.versions = r[7], n.state = 'published'
"""
#: Readers tell by it whether a resolution came in between two of their reads.
MARK_RESOLUTION = "UNWIND $rows AS r MATCH (w:Watermark {key: 'publications'}) SET w.resolution = r[0]"
#: A publication may have been faster than the word that let it through.
SET_REVIEWS = f"""
UNWIND $rows AS r
MERGE (n:Resolution {{id: r[0]}})
SET n.started_at = {time_of(1)}, n.finished_at = {time_of(3)}, n.model_version = r[5], n.summary = r[6],
    n.versions = r[7], n.state = CASE n.state WHEN 'published' THEN n.state ELSE r[8] END,
    n.reviewed_by = r[9], n.reviewed_for = r[10], n.reviewed_at = {time_of(11)}
"""
SET_CHANGES = f"""
UNWIND $rows AS r
MERGE (c:Change {{number: r[0]}})
SET c.event = r[1], c.cluster_id = r[2], c.successor_id = r[3], c.members = r[4], c.publication = r[5], c.kind = r[6],
    c.evidence = r[7], c.at = {time_of(8)}
"""


def set_members(label: str) -> str:
    """Subjects of a label move to where they are put; `since` stays while they stay."""
    new = NEW_ACCOUNT.replace(" a ", " s ") if label == "Account" else ""
    return f"""
UNWIND $rows AS r
MERGE (s:{label} {{id: r[0]}}) {new}
WITH s, r
CALL (s, r) {{
  MATCH (s)-[old:IN]->(c:Cluster) WHERE r[1] IS NULL OR c.id <> r[1]
  DELETE old
}}
WITH s, r WHERE r[1] IS NOT NULL
MATCH (c:Cluster {{id: r[1]}})
MERGE (s)-[i:IN]->(c)
ON CREATE SET i.since = {time_of(4)}
SET i.confidence = r[2], i.provisional = coalesce(r[3], false)
"""


#: The tables of a review → its steps.
REVIEW_STEPS = (Step("reviews", _reviewed, SET_REVIEWS),)

#: What goes before a publication, in as many transactions as it takes: nobody reads it as the state of a cluster, and
#: of changes nobody reads those beyond the watermark.
PREPARING_STEPS = (
    Step("identifiers", _identifiers("identifiers"), MERGE_IDENTIFIERS),
    Step("identifiers", _identifiers("evidence"), MERGE_IDENTIFIERS),
    Step("sharing of identifiers", _shared, SET_SHARED),
    Step("changes", _changes, SET_CHANGES),
)

#: The tables of a publication → the steps that readers see all of or nothing.
PUBLICATION_STEPS = (
    Step("clusters", _changed_clusters, SET_CLUSTERS),
    Step("members of clusters", _members("account"), set_members("Account")),
    Step("members of clusters", _members("organisation"), set_members("Organisation")),
    Step("evidence", _told_anew, DROP_EVIDENCE),
    Step("evidence", _evidence, SET_EVIDENCE),
    Step("usage of clusters", _cluster_ids, SUM_CLUSTERS),
    Step("lineage", _successions, SET_SUCCESSIONS),
    Step("resolution", _resolution, SET_RESOLUTION),
    Step("resolution", _resolution_version, MARK_RESOLUTION),
)
