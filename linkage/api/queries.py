"""The queries."""

from __future__ import annotations

import asyncio
import enum
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import strawberry

from linkage.api.connections import LARGEST, page_info, page_of, write_cursor
from linkage.api.context import Context, Info
from linkage.api.decisions import (
    NOBODY,
    DecisionFilter,
    DecisionInput,
    cluster_id,
    conditions,
    decision_id,
    member,
    statement,
)
from linkage.api.feed import number_of
from linkage.api.ids import NodeId, named, parse
from linkage.api.limits import GRAPH_LIMIT
from linkage.api.masking import is_masked, is_row_masked
from linkage.api.resolving import RunState
from linkage.api.types import graph
from linkage.api.types.audit import AUDIT, AuditConnection, read
from linkage.api.types.band import Bands, BandType
from linkage.api.types.change import CHANGES, ClusterChangeConnection
from linkage.api.types.cluster import Cluster, ClusterConnection, ClusterEdge
from linkage.api.types.decision import DECISIONS, Decision, DecisionConnection, DecisionEffect, JudgementType
from linkage.api.types.erasure import ErasureEffect, ErasureTarget, wanted
from linkage.api.types.explanation import Explanation
from linkage.api.types.graph import NODES, Graph, Path
from linkage.api.types.identifier import Identifier
from linkage.api.types.key import ApiKey
from linkage.api.types.node import Node
from linkage.api.types.past import AsOf, moment_of
from linkage.api.types.resolution import RESOLUTIONS, Resolution, ResolutionConnection
from linkage.api.types.scalars import Long
from linkage.api.types.search import SearchConnection, SearchEdge
from linkage.api.types.statistics import Statistics
from linkage.api.types.subject import Account, AccountConnection, Organisation
from linkage.api.types.withdrawal import ObservationSelector, WithdrawalEffect, selection
from linkage.errors import BadInput
from linkage.graph.reads import Place, changes, clusters, decisions, resolutions, search, statistics, subjects
from linkage.graph.reads.page import Slice
from linkage.model import Costs
from linkage.model import Identifier as IdentifierValue
from linkage.normalise import KINDS, canonical_name, kind_of
from linkage.normalise import Context as NormaliseContext
from linkage.service import explaining
from linkage.service.withdrawing import Order

#: The longest way that `path` looks for.
HOPS = 8
SEARCH = "search"
#: How deep a search may be paged into.
SEARCH_DEPTH = 10_000
LONGEST_TEXT = 1_000
LONGEST_VALUE = 8_192

ClusterOrder = enum.Enum("ClusterOrder", {name: name for name in clusters.ORDERS})  # type: ignore[misc]
ClusterOrderType = strawberry.enum(
    ClusterOrder, name="ClusterOrder", description="By what clusters are ordered; ties by id."
)
AccountOrder = enum.Enum("AccountOrder", {name: name for name in subjects.ORDERS})  # type: ignore[misc]
AccountOrderType = strawberry.enum(
    AccountOrder,
    name="AccountOrder",
    description="By what accounts are ordered; ties by id. CREATED leaves out those without a known time.",
)


@strawberry.input(description="Which clusters; everything that is given must hold.")
class ClusterFilter:
    """A filter of clusters."""

    minimum_size: int | None = None
    maximum_size: int | None = None
    minimum_accounts: int | None = None
    minimum_organisations: int | None = None
    minimum_confidence: float | None = None
    maximum_confidence: float | None = None
    band: list[BandType] | None = strawberry.field(  # type: ignore[valid-type]
        default=None, description="In one of these bands, by the confidence of the cluster as a whole."
    )
    minimum_tokens: Long | None = strawberry.field(default=None, description="Its accounts used so many or more.")
    created_after: datetime | None = None
    created_before: datetime | None = None
    updated_after: datetime | None = None
    kind: list[str] | None = strawberry.field(default=None, description="Tied by one of these kinds of identifier.")


@strawberry.input(description="Which accounts; everything that is given must hold.")
class AccountFilter:
    """A filter of accounts."""

    status: list[str] | None = None
    country: list[str] | None = None
    plan: list[str] | None = None
    organisation_id: str | None = strawberry.field(default=None, description="The provider's id of the organisation.")
    clustered: bool | None = strawberry.field(default=None, description="Whether it is in a cluster.")
    cluster_id: strawberry.ID | None = strawberry.field(default=None, description="In this cluster.")
    minimum_confidence: float | None = strawberry.field(
        default=None, description="In a cluster with this probability or more."
    )
    band: list[BandType] | None = strawberry.field(  # type: ignore[valid-type]
        default=None, description="In a cluster, and in one of these bands."
    )
    minimum_tokens: Long | None = strawberry.field(default=None, description="It used so many tokens or more.")
    created_after: datetime | None = None
    created_before: datetime | None = None


def _given(filter_: ClusterFilter | AccountFilter | None, costs: Costs) -> dict[str, object]:
    """What the filter says, by the names of the conditions; bands become the confidences that they span."""
    if filter_ is None:
        return {}
    given: dict[str, object] = {}
    for name, value in vars(filter_).items():
        if value is None:
            continue
        if isinstance(value, list) and len(value) > LARGEST:
            raise BadInput(f"`{name}` may hold {LARGEST} values")
        if isinstance(value, datetime) and value.tzinfo is None:
            raise BadInput(f"`{name}` needs a time zone, for example 2026-05-03T00:00:00Z")
        if name == "cluster_id":
            given[name] = named(str(value), "Cluster").id
        elif name == "band":
            given[name] = [list(costs.span(band)) for band in value]
        else:
            given[name] = value
    return given


def _spelt(text: str, context: NormaliseContext) -> list[str]:
    """The keys of the identifiers, one a kind at most, whose value the text is."""
    values = ((kind.name, kind.normalise(text, context)) for kind in KINDS.values())
    return [IdentifierValue(name, value).key for name, value in values if value is not None]


def _audited_name(text: str) -> str:
    """What an argument names, as the audit has it."""
    found = named(text, "Cluster" if text.startswith("cl_") else "Identifier")
    return f"{found.type.lower()}:{found.id}" if found.type in subjects.LABELS else found.id


def subject_key(text: str) -> tuple[str, str]:
    """The subject that an argument names."""
    found = named(text, "Account")
    if found.type not in subjects.LABELS:
        raise BadInput(f"that is a {found.type.lower()}, not an account or organisation")
    return found.type, found.id


def node_key(text: str) -> tuple[str, str]:
    """The node that an argument names; a bare `cl_…` is a cluster."""
    found = named(text, "Cluster" if text.startswith("cl_") else "Account")
    if found.type not in NODES:
        raise BadInput(f"a {found.type.lower()} has no place in the graph")
    return found.type, found.id


async def _finding(context: Context, left: strawberry.ID, right: strawberry.ID) -> explaining.Finding:
    ends = subject_key(str(left)), subject_key(str(right))
    finding = await explaining.find(context.reader, context.work.model, *ends)
    if is_row_masked(context, "Decision.reason"):
        # Sentences quote what people said: for those who are not shown it there is nothing to quote.
        unsaid = [{**row, "reason": None, "retraction": None} for row in finding.decisions]
        finding = replace(finding, decisions=unsaid)
    return finding


async def find_node(context: Context, found: NodeId) -> Node | None:
    """The node of a global id; None where there is none."""
    if found.type == "Resolution":
        return await find_resolution(context, found.id)
    loader = context.loaders.of_type(found.type)
    row = await loader.load(found.id) if loader is not None else None
    if found.type == "Decision":
        return Decision(row=row) if row is not None else None
    return NODES[found.type](row=row) if row is not None else None


async def find_resolution(context: Context, identity: str) -> Resolution | None:
    """The resolution of an id: of this process, or from the graph."""
    run = context.work.resolving.get(identity)
    if run is not None and run.state is not RunState.WAITING:
        return Resolution.of_run(run)
    # Of one that waits the graph knows what a person said since.
    row = await resolutions.by_id(context.reader, (run.resolution_id if run is not None else None) or identity)
    if row is None:
        return Resolution.of_run(run) if run is not None else None
    return Resolution.of(row)


@strawberry.type(description="What can be asked.")
class Query:
    """The root of every question."""

    @strawberry.field(description="Whatever has this global id; null: nothing has.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        found = parse(str(id))
        return await find_node(info.context, found) if found is not None else None

    @strawberry.field(description="The account with the provider's id.")
    async def account(self, info: Info, account_id: str, as_of: AsOf = None) -> Account | None:
        if (moment := moment_of(as_of)) is not None:
            then = await info.context.past.subject(("Account", account_id), moment)
            return Account(row=then, as_of=moment) if then is not None else None
        row = await info.context.loaders.account.load(account_id)
        return Account(row=row) if row is not None else None

    @strawberry.field(description="The organisation with the provider's id.")
    async def organisation(self, info: Info, organisation_id: str, as_of: AsOf = None) -> Organisation | None:
        if (moment := moment_of(as_of)) is not None:
            then = await info.context.past.subject(("Organisation", organisation_id), moment)
            return Organisation(row=then, as_of=moment) if then is not None else None
        row = await info.context.loaders.organisation.load(organisation_id)
        return Organisation(row=row) if row is not None else None

    @strawberry.field(description="The identifier of that kind and value, however the value is spelt.")
    async def identifier(self, info: Info, kind: str, value: str) -> Identifier | None:
        if canonical_name(kind) is None or len(value) > LONGEST_VALUE:
            raise BadInput("that is no kind and value of an identifier")
        rule = kind_of(kind)
        normal = rule.normalise(value, info.context.work.spelling)
        if normal is None:
            return None
        key = IdentifierValue(rule.name, normal).key
        row = await info.context.loaders.identifier_by_key.load(key)
        return Identifier(row=row) if row is not None else None

    @strawberry.field(
        description="The cluster of that id, global or as files have it. One that ended answers with its `successors`."
    )
    async def cluster(self, info: Info, id: strawberry.ID, as_of: AsOf = None) -> Cluster | None:
        found = named(str(id), "Cluster")
        if found.type != "Cluster":
            return None
        if (moment := moment_of(as_of)) is not None:
            then = await info.context.past.cluster.load((found.id, moment))
            return Cluster(row=then, as_of=moment) if then is not None else None
        row = await info.context.loaders.cluster.load(found.id)
        return Cluster(row=row) if row is not None else None

    @strawberry.field(description="Live clusters, largest first unless another order is asked for.")
    async def clusters(
        self,
        info: Info,
        filter: ClusterFilter | None = None,
        order_by: ClusterOrderType = ClusterOrder["SIZE_DESC"],  # type: ignore[valid-type]
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> ClusterConnection:
        order: str = order_by.value  # type: ignore[attr-defined]
        page = page_of(order, first=first, after=after, last=last, before=before)
        filters = _given(filter, info.context.costs)
        found = await clusters.page(info.context.reader, filters, order, page)
        edges = [
            ClusterEdge(
                node=Cluster(row=row["node"]),
                cursor=write_cursor(order, Place(row["value"], str(row["node"]["id"]))),
            )
            for row in found.rows
        ]
        return ClusterConnection(edges=edges, page_info=page_info(found, edges), filters=filters)

    @strawberry.field(description="Accounts, by id unless another order is asked for.")
    async def accounts(
        self,
        info: Info,
        filter: AccountFilter | None = None,
        order_by: AccountOrderType = AccountOrder["ID_ASC"],  # type: ignore[valid-type]
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> AccountConnection:
        order: str = order_by.value  # type: ignore[attr-defined]
        page = page_of(order, first=first, after=after, last=last, before=before)
        filters = _given(filter, info.context.costs)
        found = await subjects.page(info.context.reader, "Account", filters, order, page)
        return AccountConnection.of(found, order)

    @strawberry.field(
        description="What became of clusters, in the order in which it was published. Whoever goes on from `endCursor` "
        "misses nothing and reads nothing twice, whatever is published or rebuilt meanwhile."
    )
    async def cluster_changes(
        self,
        info: Info,
        since: Annotated[
            datetime | None,
            strawberry.argument(description="From this moment on; `after`, where given, counts instead."),
        ] = None,
        after: str | None = None,
        first: int | None = None,
    ) -> ClusterChangeConnection:
        size = page_of(CHANGES, first=first, after=after).size
        if since is not None and since.tzinfo is None:
            raise BadInput("`since` needs a time zone, for example 2026-05-03T00:00:00Z")
        start = 0
        if after is not None:
            start = number_of(after)
        elif since is not None:
            start = await changes.before(info.context.reader, since)
        rows = await changes.page(info.context.reader, start, size + 1)
        return ClusterChangeConnection.of(rows, size, start)

    @strawberry.field(
        description="Resolutions that came to an end, newest first: those that hold or held, and those that wait for a "
        "person, were refused or overtaken."
    )
    async def resolutions(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> ResolutionConnection:
        page = page_of(RESOLUTIONS, first=first, after=after, last=last, before=before)
        return ResolutionConnection.of(await resolutions.page(info.context.reader, page))

    @strawberry.field(description="A resolution, finished or under way; without an id, the one under way.")
    async def resolution(self, info: Info, id: strawberry.ID | None = None) -> Resolution | None:
        if id is None:
            run = info.context.work.resolving.running()
            return Resolution.of_run(run) if run is not None else None
        found = named(str(id), "Resolution")
        return await find_resolution(info.context, found.id) if found.type == "Resolution" else None

    @strawberry.field(description="What people decided, newest first.")
    async def decisions(
        self,
        info: Info,
        filter: DecisionFilter | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> DecisionConnection:
        page = page_of(DECISIONS, first=first, after=after, last=last, before=before)
        filters = await conditions(info.context, filter)
        return DecisionConnection.of(await decisions.page(info.context.reader, filters, page))

    @strawberry.field(description="The decision of that id, global or as files have it.")
    async def decision(self, info: Info, id: strawberry.ID) -> Decision | None:
        row = await info.context.loaders.decision.load(decision_id(str(id)))
        return Decision(row=row) if row is not None else None

    @strawberry.field(
        description="What a decision would do to clusters now; ends are named as in `decide`. Writes nothing."
    )
    async def preview_decision(
        self,
        info: Info,
        left: strawberry.ID,
        right: strawberry.ID,
        judgement: JudgementType,  # type: ignore[valid-type]
    ) -> DecisionEffect:
        given = DecisionInput(left=left, right=right, judgement=judgement, author=NOBODY, reason=NOBODY)
        return DecisionEffect.of(await info.context.work.preview([statement(given)]))

    @strawberry.field(description="What taking a decision back would do to clusters now. Writes nothing.")
    async def preview_retraction(self, info: Info, id: strawberry.ID) -> DecisionEffect:
        return DecisionEffect.of(await info.context.work.preview_retraction(decision_id(str(id))))

    @strawberry.field(description="What undoing a merge would do now; it is named as in `undoMerge`. Writes nothing.")
    async def preview_undo(
        self, info: Info, cluster: strawberry.ID, left: strawberry.ID, right: strawberry.ID
    ) -> DecisionEffect:
        sides = member(str(left)), member(str(right))
        return DecisionEffect.of(await info.context.work.preview_undoing(cluster_id(str(cluster)), sides, NOBODY))

    @strawberry.field(
        description="What withdrawing observations, or reinstating them, would do to clusters now. Writes nothing."
    )
    async def preview_withdrawal(
        self, info: Info, of: ObservationSelector, reinstate: bool = False
    ) -> WithdrawalEffect:
        order = Order(selection(of), withdrawn=not reinstate, author=NOBODY, reason=NOBODY)
        return WithdrawalEffect.of(await info.context.work.preview_withdrawal(order))

    @strawberry.field(
        description="Accounts, organisations, identifiers and clusters that hold every word, best first. For those who "
        "see everything masked: those whose id or whole value is the text."
    )
    async def search(
        self, info: Info, text: str, first: int | None = None, after: str | None = None
    ) -> SearchConnection:
        if len(text) > LONGEST_TEXT:
            raise BadInput(f"a search may have {LONGEST_TEXT} characters")
        page = page_of(SEARCH, first=first, after=after)
        skip = page.after.value if page.after is not None else 0
        if not isinstance(skip, int) or not 0 <= skip <= SEARCH_DEPTH:
            raise BadInput(f"a search can be paged {SEARCH_DEPTH} results deep")
        if is_masked(info):
            keys = _spelt(text, info.context.work.spelling)
            rows = await search.search_whole(info.context.reader, text, keys, skip=skip, limit=page.size + 1)
        else:
            rows = await search.search(info.context.reader, text, skip=skip, limit=page.size + 1)
        edges = [
            SearchEdge(
                node=NODES[row["type"]](row=row["node"]),
                cursor=write_cursor(SEARCH, Place(skip + position + 1, "")),
                score=float(row["score"]),
            )
            for position, row in enumerate(rows[: page.size])
        ]
        found = Slice(rows=rows, more=len(rows) > page.size, earlier=skip > 0)
        return SearchConnection(edges=edges, page_info=page_info(found, edges))

    @strawberry.field(
        description="Why two subjects are linked. Ids are global ones, `account:ID`, `organisation:ID`, or account ids."
    )
    async def why(self, info: Info, left: strawberry.ID, right: strawberry.ID) -> Explanation:
        finding = await _finding(info.context, left, right)
        return Explanation.of(finding, explaining.why(finding), info.context.work.secret)

    @strawberry.field(description="Why two subjects are not linked: what is missing, what speaks against it.")
    async def why_not(self, info: Info, left: strawberry.ID, right: strawberry.ID) -> Explanation:
        finding = await _finding(info.context, left, right)
        return Explanation.of(finding, explaining.why_not(finding), info.context.work.secret)

    @strawberry.field(description="The best of the shortest ways between two nodes, through the rarest identifiers.")
    async def path(
        self,
        info: Info,
        from_: Annotated[strawberry.ID, strawberry.argument(name="from")],
        to: strawberry.ID,
        max_hops: int = 6,
        max_holders: Annotated[
            int, strawberry.argument(description="Not through identifiers with more holders than this.")
        ] = 500,
    ) -> Path | None:
        if not 1 <= max_hops <= HOPS:
            raise BadInput(f"`maxHops` may be 1 to {HOPS}")
        return await graph.path(
            info.context, node_key(str(from_)), node_key(str(to)), hops=max_hops, most_holders=max_holders
        )

    @strawberry.field(description="What lies around some nodes, strongest first: nodes and edges to draw.")
    async def neighbourhood(
        self,
        info: Info,
        ids: list[strawberry.ID],
        hops: int = 1,
        limit: Annotated[int, strawberry.argument(description="So many nodes at most.")] = 200,
        strongest_first: bool = True,
    ) -> Graph:
        if not 1 <= len(ids) <= 100:
            raise BadInput("`ids` may be 1 to 100")
        if not 1 <= limit <= GRAPH_LIMIT:
            raise BadInput(f"`limit` may be 1 to {GRAPH_LIMIT}")
        keys = list(dict.fromkeys(node_key(str(one)) for one in ids))
        return await graph.neighbourhood(info.context, keys, hops=hops, limit=limit, strongest=strongest_first)

    @strawberry.field(description="What `requestErasure` would take away, by table.")
    async def preview_erasure(self, info: Info, of: ErasureTarget) -> ErasureEffect:
        return ErasureEffect.of(await info.context.work.preview_erasure(wanted(of)))

    @strawberry.field(
        description="The audit, newest first; `about`: only what showed this subject, identifier or cluster. Reading "
        "it is written down in it."
    )
    async def audit(
        self,
        info: Info,
        caller: str | None = None,
        about: strawberry.ID | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> AuditConnection:
        page = page_of(AUDIT, first=first, after=after)
        name = info.context.log.name_of(_audited_name(str(about))) if about is not None else None
        rows = await asyncio.to_thread(read, info.context.log, page, caller=caller, about=name)
        return AuditConnection.of(rows, page)

    @strawberry.field(description="The keys there are and were, without their secrets.")
    def api_keys(self, info: Info) -> list[ApiKey]:
        return [ApiKey.of(key) for key in info.context.keys.keys().values()]

    @strawberry.field(description="What makes bands of confidences now: costs, and the edges that follow from them.")
    def bands(self, info: Info) -> Bands:
        return Bands.of(info.context.costs)

    @strawberry.field(description="How much there is, and how current it is.")
    async def statistics(self, info: Info) -> Statistics:
        row = await statistics.statistics(info.context.reader)
        held = row["clusters"]
        return Statistics(
            accounts=row["accounts"],
            organisations=row["organisations"],
            identifiers=row["identifiers"],
            observations=row["observations"],
            clusters=held["clusters"],
            clustered_subjects=row["clustered_subjects"],
            clustered_accounts=Long(held["accounts"] or 0),
            largest_cluster=Long(held["largest"] or 0),
        )
