"""Decisions as callers name them: inputs, filters, and the ends that arguments name."""

from __future__ import annotations

import strawberry

from linkage.api.context import Context
from linkage.api.ids import named
from linkage.api.types.decision import DecisionEffect, JudgementType
from linkage.errors import BadInput
from linkage.graph.reads.subjects import LABELS
from linkage.model import Judgement, Subject
from linkage.model.decision import CLUSTER
from linkage.service.deciding import Statement

#: What a preview, which nobody signs, is signed with.
NOBODY = "preview"


@strawberry.input(description="That two ends are one actor's, are not, or that this is open.")
class DecisionInput:
    """What somebody says of two ends."""

    left: strawberry.ID = strawberry.field(
        description="A global id, `account:ID`, `organisation:ID`, an account's id, or a cluster's `cl_…`."
    )
    right: strawberry.ID = strawberry.field(description="The other end.")
    judgement: JudgementType  # type: ignore[valid-type]
    author: str = strawberry.field(description="Who says so.")
    reason: str = strawberry.field(description="Why.")


@strawberry.input(description="Which decisions; everything that is given must hold.")
class DecisionFilter:
    """A filter of decisions."""

    about: strawberry.ID | None = strawberry.field(
        default=None, description="About this subject, by itself or in a group; or about this cluster or its members."
    )
    contradicting: bool | None = strawberry.field(
        default=None, description="Whether it contradicts another as the two stand."
    )
    judgement: list[JudgementType] | None = None  # type: ignore[valid-type]
    retracted: bool | None = strawberry.field(default=None, description="Whether it was taken back.")


def statement(given: DecisionInput) -> Statement:
    """What the service takes."""
    return Statement(
        end_name(str(given.left)), end_name(str(given.right)), Judgement(given.judgement), given.author, given.reason
    )


def end_name(text: str) -> str:
    """The end that an argument names, as the service names it."""
    bare = text.removeprefix(CLUSTER)
    found = named(bare, "Cluster" if bare.startswith("cl_") else "Account")
    if found.type != "Cluster" and found.type not in LABELS:
        raise BadInput(f"a decision is about accounts, organisations and clusters, not about a {found.type.lower()}")
    return f"{found.type.lower()}:{found.id}"


def member(text: str) -> Subject:
    """The subject that an argument names."""
    found = named(text, "Account")
    if found.type not in LABELS:
        raise BadInput(f"that is a {found.type.lower()}, not an account or organisation")
    return Subject.parse(f"{found.type.lower()}:{found.id}")


def cluster_id(text: str) -> str:
    """The cluster that an argument names."""
    found = named(text.removeprefix(CLUSTER), "Cluster")
    if found.type != "Cluster":
        raise BadInput(f"that is a {found.type.lower()}, not a cluster")
    return found.id


def decision_id(text: str) -> str:
    """The decision that an argument names."""
    found = named(text, "Decision")
    if found.type != "Decision":
        raise BadInput(f"that is a {found.type.lower()}, not a decision")
    return found.id


async def conditions(context: Context, given: DecisionFilter | None) -> dict[str, object]:
    """What the filter says, by the names of the conditions of `linkage.graph.reads.decisions`."""
    if given is None:
        return {}
    found: dict[str, object] = {}
    if given.judgement is not None:
        found["judgement"] = [Judgement(one).value for one in given.judgement]
    if given.retracted is not None:
        found["retracted"] = given.retracted
    if given.about is not None:
        name = end_name(str(given.about))
        kind, _, identity = name.partition(":")
        found[kind] = name if kind == "cluster" else identity
    if given.contradicting is not None:
        found["ids" if given.contradicting else "other_ids"] = list(await context.work.contradictions())
    return found


async def decide(context: Context, given: list[DecisionInput]) -> DecisionEffect:
    """Make the decisions and tell what they did."""
    return DecisionEffect.of(await context.work.decide([statement(one) for one in given]))
