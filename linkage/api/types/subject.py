"""Subjects: what gets linked, accounts and organisations."""

# ruff: noqa: PLC0415 - the nouns refer to each other in a circle
from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import strawberry
from strawberry.relay import PageInfo
from strawberry.scalars import JSON

from linkage.api.connections import page_info, page_of, write_cursor
from linkage.api.context import Info
from linkage.api.ids import NodeId
from linkage.api.masking import Purpose, Reveal, leaves_masked, note_reveal
from linkage.api.types.band import BandType
from linkage.api.types.identifier import Identifier, UsedIdentifierConnection, UsedIdentifierEdge
from linkage.api.types.node import Node
from linkage.api.types.past import present_only
from linkage.api.types.usage import Usage
from linkage.findings.words import masked
from linkage.graph.reads import Place
from linkage.graph.reads.page import Slice
from linkage.model import Subject as SubjectValue

if TYPE_CHECKING:
    from linkage.api.types.cluster import Cluster

#: The kinds of identifier by whose rules a subject's own names and numbers are masked.
ACCOUNT_NAME, ORGANISATION_NAME, REGISTERED = "person_name", "organisation_name", "registration_number"

T = TypeVar("T")

IDENTIFIERS = "identifiers"
ACCOUNTS = "accounts"


@strawberry.type(description="A subject's place in its cluster.")
class Membership:
    """Where a subject is, and how sure that is."""

    cluster: Annotated[Cluster, strawberry.lazy("linkage.api.types.cluster")]
    confidence: float | None = strawberry.field(
        description="Probability that the subject belongs to the cluster's actor."
    )
    since: datetime | None = strawberry.field(description="Since when it is in this cluster.")
    provisional: bool = strawberry.field(description="Linked by a new fact, not yet by a resolution.")

    @strawberry.field(description="What to do about the subject; null: its confidence is not known.")
    def band(self, info: Info) -> BandType | None:  # type: ignore[valid-type]
        return info.context.costs.band(self.confidence)


@strawberry.interface(description="What gets linked: an account or an organisation.")
class Subject(Node):
    """An account or an organisation."""

    row: strawberry.Private[Mapping[str, Any]]
    #: what a read of a cluster's members already knows of the membership
    known_membership: strawberry.Private[Mapping[str, Any] | None] = None
    #: the moment that it is told as of; None: now
    as_of: strawberry.Private[datetime | None] = None

    @property
    def key(self) -> tuple[str, str]:
        """(type, id)."""
        return type(self).__name__, str(self.row["id"])

    @property
    def value(self) -> SubjectValue:
        """The subject as the engine knows it."""
        return SubjectValue.parse(f"{type(self).__name__.lower()}:{self.row['id']}")

    def node_id(self) -> NodeId:
        return NodeId(*self.key)

    @strawberry.field(description="The provider's own id.")
    def subject_id(self) -> str:
        return str(self.row["id"])

    @strawberry.field(description="What to call it: its id, and its name, masked, where it has one.")
    def label(self) -> str:
        return label_of(self.row)

    @strawberry.field(description="Its place in a cluster; null: it stands alone.")
    async def membership(self, info: Info) -> Membership | None:
        from linkage.api.types.cluster import Cluster

        found = await self._place(info)
        if found is None:
            return None
        held = found["membership"]
        return Membership(
            cluster=Cluster(row=found["cluster"], as_of=self.as_of),
            confidence=held.get("confidence"),
            since=held.get("since"),
            provisional=bool(held.get("provisional")),
        )

    @strawberry.field(description="Its cluster; null: it stands alone.")
    async def cluster(self, info: Info) -> Annotated[Cluster, strawberry.lazy("linkage.api.types.cluster")] | None:
        from linkage.api.types.cluster import Cluster

        found = await self._place(info)
        return Cluster(row=found["cluster"], as_of=self.as_of) if found else None

    @strawberry.field(description="Probability that it belongs to its cluster's actor; null: it stands alone.")
    async def confidence(self, info: Info) -> float | None:
        return await self._confidence(info)

    @strawberry.field(description="What to do about it; null: it stands alone, there is no actor to act against.")
    async def band(self, info: Info) -> BandType | None:  # type: ignore[valid-type]
        return info.context.costs.band(await self._confidence(info))

    async def _confidence(self, info: Info) -> float | None:
        if self.known_membership is not None:
            return self.known_membership.get("confidence")
        found = await self._place(info)
        return found["membership"].get("confidence") if found else None

    async def _place(self, info: Info) -> Mapping[str, Any] | None:
        """Membership and cluster; None: it stands alone."""
        if self.as_of is not None:
            return await info.context.past.place(self.key, self.as_of)
        return await info.context.loaders.cluster_of.load(self.key)

    @strawberry.field(description="What it used, most shared first; as of now only.")
    async def identifiers(
        self,
        info: Info,
        kinds: Annotated[list[str] | None, strawberry.argument(description="Only of these kinds.")] = None,
        minimum_holders: Annotated[int, strawberry.argument(description="Only with so many holders or more.")] = 1,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> UsedIdentifierConnection:
        present_only(self.as_of, "identifiers")
        page = page_of(IDENTIFIERS, first=first, after=after, last=last, before=before)
        only = tuple(kinds) if kinds is not None else None
        found = await info.context.loaders.identifiers_of.load((self.key, page, only, minimum_holders))
        edges = [
            UsedIdentifierEdge(
                node=Identifier(row=row["node"]),
                cursor=write_cursor(IDENTIFIERS, Place(row["node"].get("holders") or 1, row["node"]["id"])),
                first_seen=row["use"].get("first_seen"),
                last_seen=row["use"].get("last_seen"),
                count=row["use"].get("count"),
            )
            for row in found.rows
        ]
        return UsedIdentifierConnection(edges=edges, page_info=page_info(found, edges))

    @strawberry.field(
        description="Whatever else the provider said of it; texts and numbers are masked unless `reveal` is given."
    )
    def attributes(self, info: Info, reveal: Reveal = False, purpose: Purpose = None) -> JSON | None:
        held = self.row.get("attributes")
        if not isinstance(held, str) or not held:
            return None
        return self._shown(info, json.loads(held), leaves_masked, reveal=reveal)

    def _shown(self, info: Info, held: T | None, mask: Callable[[T], T], *, reveal: bool) -> T | None:
        """What the provider said, masked unless it is revealed."""
        if held is None:
            return None
        if not reveal:
            return mask(held)
        note_reveal(info, str(self.value))
        return held


@strawberry.type(description="A login or API account at the provider.")
class Account(Subject):
    """An account."""

    @strawberry.field(description="The provider's own id.")
    def account_id(self) -> str:
        return str(self.row["id"])

    @strawberry.field(description="When it was opened.")
    def created_at(self) -> datetime | None:
        return self.row.get("created_at")

    @strawberry.field(description="Its state at the provider: `active`, `suspended`, …")
    def status(self) -> str | None:
        return self.row.get("status")

    @strawberry.field(description="Its country, as the provider has it.")
    def country(self) -> str | None:
        return self.row.get("country")

    @strawberry.field(description="Its plan or tier.")
    def plan(self) -> str | None:
        return self.row.get("plan")

    @strawberry.field(description="Its name at the provider, by initials unless `reveal` is given.")
    def display_name(self, info: Info, reveal: Reveal = False, purpose: Purpose = None) -> str | None:
        return self._shown(info, self.row.get("display_name"), partial(masked, ACCOUNT_NAME), reveal=reveal)

    @strawberry.field(description="The organisation that it is declared to belong to.")
    async def organisation(self, info: Info) -> Organisation | None:
        if self.as_of is not None:
            named = self.row.get("organisation_id")
            row = await info.context.past.subject(("Organisation", str(named)), self.as_of) if named else None
            return Organisation(row=row, as_of=self.as_of) if row else None
        found = await info.context.loaders.organisation_of.load(str(self.row["id"]))
        return Organisation(row=found) if found else None

    @strawberry.field(description="What it used, added up; as of now only.")
    def usage(self) -> Usage:
        present_only(self.as_of, "usage")
        return Usage.of(self.row)


@strawberry.type(description="An account in a list.")
class AccountEdge:
    """Account and place."""

    node: Account
    cursor: str


@strawberry.type(description="Accounts.")
class AccountConnection:
    """A page of accounts."""

    edges: list[AccountEdge]
    page_info: PageInfo

    @strawberry.field(description="The accounts alone.")
    def nodes(self) -> list[Account]:
        return [edge.node for edge in self.edges]

    @classmethod
    def of(cls, found: Slice, order: str) -> AccountConnection:
        """The page as the graph gave it."""
        edges = [
            AccountEdge(
                node=Account(row=row["node"]),
                cursor=write_cursor(order, Place(row.get("value"), row["node"]["id"])),
            )
            for row in found.rows
        ]
        return cls(edges=edges, page_info=page_info(found, edges))


@strawberry.type(description="The customer that accounts belong to and that pays.")
class Organisation(Subject):
    """An organisation."""

    @strawberry.field(description="The provider's own id.")
    def organisation_id(self) -> str:
        return str(self.row["id"])

    @strawberry.field(description="Its name, masked unless `reveal` is given.")
    def name(self, info: Info, reveal: Reveal = False, purpose: Purpose = None) -> str | None:
        return self._shown(info, self.row.get("name"), partial(masked, ORGANISATION_NAME), reveal=reveal)

    @strawberry.field(description="Its domain.")
    def domain(self) -> str | None:
        return self.row.get("domain")

    @strawberry.field(description="Its country.")
    def country(self) -> str | None:
        return self.row.get("country")

    @strawberry.field(description="Its number in a register of companies, masked unless `reveal` is given.")
    def registration_number(self, info: Info, reveal: Reveal = False, purpose: Purpose = None) -> str | None:
        return self._shown(info, self.row.get("registration_number"), partial(masked, REGISTERED), reveal=reveal)

    @strawberry.field(description="Its declared accounts, by id; as of now only.")
    async def accounts(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> AccountConnection:
        present_only(self.as_of, "accounts")
        page = page_of(ACCOUNTS, first=first, after=after, last=last, before=before)
        found = await info.context.loaders.accounts_of_organisation.load((str(self.row["id"]), page))
        return AccountConnection.of(found, ACCOUNTS)


def label_of(row: Mapping[str, Any]) -> str:
    """What to call a subject or a cluster where everybody sees it: its id, and its name as far as it may be seen."""
    identity = str(row["id"])
    for column, kind in (("display_name", ACCOUNT_NAME), ("name", ORGANISATION_NAME)):
        name = masked(kind, str(row[column])) if row.get(column) else "***"
        if name.strip("*"):
            return f"{name} ({identity})"
    return identity


#: The graph's word for a subject's type → the type of the schema.
TYPES: dict[str, type[Account] | type[Organisation]] = {"Account": Account, "Organisation": Organisation}


def subject_of(
    type_name: str,
    row: Mapping[str, Any],
    membership: Mapping[str, Any] | None = None,
    as_of: datetime | None = None,
) -> Account | Organisation:
    """The subject of that type."""
    return TYPES[type_name](row=row, known_membership=membership, as_of=as_of)
