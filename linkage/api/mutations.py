"""The mutations: facts in and withdrawn, decisions made and taken back, resolutions started, keys made."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated

import strawberry

from linkage.api.context import Context, Info
from linkage.api.decisions import DecisionInput, cluster_id, decide, decision_id, member
from linkage.api.ids import named
from linkage.api.resolving import RunState
from linkage.api.types.decision import DecisionEffect, JudgementType
from linkage.api.types.erasure import ErasureEffect, ErasureTarget, wanted
from linkage.api.types.key import ApiKey, IssuedKey, RoleType
from linkage.api.types.recording import AccountInput, ObservationInput, RecordResult, UsageInput
from linkage.api.types.resolution import Resolution, ResolutionState
from linkage.api.types.withdrawal import ObservationSelector, WithdrawalEffect, selection
from linkage.errors import BadInput
from linkage.service.signing import check_signature
from linkage.service.withdrawing import Order

#: Rows of one call; more go through `POST /v1/…` or files.
MOST_ROWS = 1_000
LONGEST_NAME = 200
#: Seconds for which a key that was rotated may go on to count.
LONGEST_OVERLAP = 30 * 86_400


Wait = Annotated[
    bool, strawberry.argument(description="Answer once the facts are linked, or after two seconds without that.")
]
Rows = Sequence[ObservationInput] | Sequence[UsageInput] | Sequence[AccountInput]


async def _record(
    context: Context, record: str, rows: Rows, source: str | None, key: str | None, *, wait: bool
) -> RecordResult:
    if len(rows) > MOST_ROWS:
        raise BadInput(f"one call may hold {MOST_ROWS} rows", next_step="Send more through POST /v1/… or in files.")
    if (source is not None and not 1 <= len(source) <= LONGEST_NAME) or (
        key is not None and not 1 <= len(key) <= LONGEST_NAME
    ):
        raise BadInput(f"`source` and `idempotencyKey` have 1 to {LONGEST_NAME} characters")
    assert context.caller is not None  # noqa: S101 - others were refused at the door
    context.bounds.spend_rows(context.caller, len(rows))
    given = [{name: value for name, value in vars(row).items() if value is not None} for row in rows]
    recorded = await context.work.record(record, given, source=source or "graphql", idempotency_key=key)
    return RecordResult.of(recorded, await context.work.touched(record, recorded) if wait else None)


@strawberry.type(description="What became of a resolution that waited. The graph follows in a moment.")
class Review:
    """Which resolution, and how it stands."""

    resolution_id: str = strawberry.field(description="Its id, as the command line has it.")
    state: ResolutionState = strawberry.field(description="How it stands now.")  # type: ignore[valid-type]


def _reviewed(context: Context, identity: strawberry.ID, reason: str, author: str) -> str:
    """The id in the ledger of the resolution that a caller names: by that id, a global one, or that of a run."""
    check_signature(author, reason)
    found = named(str(identity), "Resolution").id
    run = context.work.resolving.get(found)
    return run.resolution_id if run is not None and run.resolution_id is not None else found


@strawberry.type(description="What can be said and started.")
class Mutation:
    """The root of every change."""

    @strawberry.mutation(
        description="Record what subjects used. The same `idempotencyKey` writes once, however often it is sent."
    )
    async def record_observations(
        self,
        info: Info,
        observations: list[ObservationInput],
        source: str | None = None,
        idempotency_key: str | None = None,
        wait: Wait = True,
    ) -> RecordResult:
        return await _record(info.context, "observations", observations, source, idempotency_key, wait=wait)

    @strawberry.mutation(description="Record requests and tokens of accounts, by hour.")
    async def record_usage(
        self,
        info: Info,
        usage: list[UsageInput],
        source: str | None = None,
        idempotency_key: str | None = None,
    ) -> RecordResult:
        return await _record(info.context, "usage", usage, source, idempotency_key, wait=False)

    @strawberry.mutation(description="Record accounts; the last description of an account counts.")
    async def record_accounts(
        self,
        info: Info,
        accounts: list[AccountInput],
        source: str | None = None,
        idempotency_key: str | None = None,
        wait: Wait = True,
    ) -> RecordResult:
        return await _record(info.context, "accounts", accounts, source, idempotency_key, wait=wait)

    @strawberry.mutation(
        description="Say that two ends are one actor's, are not, or that this is open. An end is an account, an "
        "organisation or a cluster. It holds at once and in every later resolution; see `previewDecision`."
    )
    async def decide(
        self,
        info: Info,
        left: strawberry.ID,
        right: strawberry.ID,
        judgement: JudgementType,  # type: ignore[valid-type]
        author: str,
        reason: str,
    ) -> DecisionEffect:
        given = DecisionInput(left=left, right=right, judgement=judgement, author=author, reason=reason)
        return await decide(info.context, [given])

    @strawberry.mutation(description="Make many decisions as one change: all of them or, if one is wrong, none.")
    async def decide_many(self, info: Info, decisions: list[DecisionInput]) -> DecisionEffect:
        return await decide(info.context, decisions)

    @strawberry.mutation(
        description="Take a decision back. The one before it on the same ends counts again; what was kept apart is not "
        "joined before the next resolution weighs it."
    )
    async def retract_decision(self, info: Info, id: strawberry.ID, author: str, reason: str) -> DecisionEffect:
        return DecisionEffect.of(await info.context.work.retract(decision_id(str(id)), author, reason))

    @strawberry.mutation(
        description="Undo the merge that brought two members of a cluster together, such as `left` and `right` of one "
        "of its `merges`: the parts that it joined are different from now on."
    )
    async def undo_merge(
        self,
        info: Info,
        cluster: strawberry.ID,
        left: strawberry.ID,
        right: strawberry.ID,
        author: str,
        reason: str,
    ) -> DecisionEffect:
        sides = member(str(left)), member(str(right))
        return DecisionEffect.of(await info.context.work.undo(cluster_id(str(cluster)), sides, author, reason))

    @strawberry.mutation(
        description="Take observations back that were wrong. Evidence that rests on them goes at once, and what was "
        "linked by it alone comes apart. They count no more, however often they are said again, until they are "
        "reinstated."
    )
    async def withdraw_observations(
        self, info: Info, of: ObservationSelector, author: str, reason: str
    ) -> WithdrawalEffect:
        order = Order(selection(of), withdrawn=True, author=author, reason=reason)
        return WithdrawalEffect.of(await info.context.work.withdraw(order))

    @strawberry.mutation(
        description="Let observations count again that were withdrawn. What they join, the next resolution joins."
    )
    async def reinstate_observations(
        self, info: Info, of: ObservationSelector, author: str, reason: str
    ) -> WithdrawalEffect:
        order = Order(selection(of), withdrawn=False, author=author, reason=reason)
        return WithdrawalEffect.of(await info.context.work.withdraw(order))

    @strawberry.mutation(
        description="Erase a subject, or an identifier with everybody's use of it, from ledger and graph for good; see "
        "`previewErasure`. Identifiers that others used too are facts about them and stay. CONFLICT: a resolution is "
        "under way."
    )
    async def request_erasure(
        self,
        info: Info,
        of: ErasureTarget,
        reason: Annotated[str, strawberry.argument(description="Why; the audit keeps it, without what is erased.")],
    ) -> ErasureEffect:
        check_signature("an admin", reason)
        named = wanted(of)
        ids, purpose = await info.context.work.accounted_erasure(named, reason)
        info.context.seen.subjects.update(ids["subjects"])
        info.context.seen.identifiers.update(ids["identifiers"])
        info.context.purposes = (*info.context.purposes, purpose)
        return ErasureEffect.of(await info.context.work.erase(named))

    @strawberry.mutation(
        description="Start a resolution in the background: facts, decisions and model in, clusters out. One at a time."
    )
    async def start_resolution(self, info: Info) -> Resolution:
        return Resolution.of_run(info.context.work.resolving.start())

    @strawberry.mutation(
        description="Publish a resolution that waits, as a difference to what holds by now. CONFLICT: it waits no more."
    )
    async def approve_resolution(
        self,
        info: Info,
        id: strawberry.ID,
        reason: str,
        author: Annotated[str, strawberry.argument(description="Who decides, for the record.")] = "graphql",
    ) -> Review:
        resolution_id = _reviewed(info.context, id, reason, author)
        await info.context.work.approve(resolution_id, author=author, reason=reason)
        return Review(resolution_id=resolution_id, state=RunState.FINISHED)

    @strawberry.mutation(description="Let a resolution that waits never be published; it stays listed.")
    async def refuse_resolution(
        self,
        info: Info,
        id: strawberry.ID,
        reason: str,
        author: Annotated[str, strawberry.argument(description="Who decides, for the record.")] = "graphql",
    ) -> Review:
        resolution_id = _reviewed(info.context, id, reason, author)
        await info.context.work.refuse(resolution_id, author=author, reason=reason)
        return Review(resolution_id=resolution_id, state=RunState.REFUSED)

    @strawberry.mutation(description="Make an API key; its text is told in this answer and never again.")
    async def create_api_key(
        self,
        info: Info,
        label: Annotated[str, strawberry.argument(description="Who or what will use it.")],
        role: RoleType,  # type: ignore[valid-type]
        expires_at: Annotated[
            datetime | None, strawberry.argument(description="When it ends to count; null: never.")
        ] = None,
    ) -> IssuedKey:
        if expires_at is not None and expires_at.tzinfo is None:
            raise BadInput("`expiresAt` needs a time zone, for example 2027-05-03T00:00:00Z")
        make = partial(info.context.keys.create, label, role, expires_at=expires_at)
        return IssuedKey.of(await asyncio.to_thread(make))

    @strawberry.mutation(
        description="Make a key in another's place, with its label, role and expiry. The old one counts no more."
    )
    async def rotate_api_key(
        self,
        info: Info,
        id: strawberry.ID,
        overlap_seconds: Annotated[
            int, strawberry.argument(description="How long the old key goes on to count; 30 days at most.")
        ] = 0,
    ) -> IssuedKey:
        if not 0 <= overlap_seconds <= LONGEST_OVERLAP:
            raise BadInput(f"`overlapSeconds` may be 0 to {LONGEST_OVERLAP}")
        rotate = partial(info.context.keys.rotate, str(id), overlap=timedelta(seconds=overlap_seconds))
        return IssuedKey.of(await asyncio.to_thread(rotate))

    @strawberry.mutation(description="Let a key count no more, from now on; it stays listed.")
    async def revoke_api_key(self, info: Info, id: strawberry.ID) -> ApiKey:
        return ApiKey.of(await asyncio.to_thread(info.context.keys.revoke, str(id)))
