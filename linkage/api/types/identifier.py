"""Identifiers: typed, normalised values that subjects used; masked unless revealed."""

# ruff: noqa: PLC0415 - the nouns refer to each other in a circle
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.relay import PageInfo

from linkage.api.connections import page_info, page_of, write_cursor
from linkage.api.context import Info
from linkage.api.ids import NodeId
from linkage.api.masking import Purpose, Reveal, note_reveal
from linkage.api.types.node import Node
from linkage.findings.words import masked
from linkage.graph.reads import Place
from linkage.model.identifier import opaque_id

if TYPE_CHECKING:
    from linkage.api.types.cluster import Cluster
    from linkage.api.types.subject import Subject

HOLDERS = "holders"


@strawberry.type(description="A typed, normalised value that subjects used.")
class Identifier(Node):
    """An identifier of the graph."""

    row: strawberry.Private[Mapping[str, Any]]

    def node_id(self) -> NodeId:
        return NodeId("Identifier", self.row["id"])

    @classmethod
    def of(cls, kind: str, value: str, secret: bytes, **known: object) -> Identifier:
        """The identifier of that kind and value, without a look into the graph."""
        key = f"{kind}:{value}"
        return cls(row={"id": opaque_id(key, secret), "key": key, "kind": kind, "value": value, **known})

    @strawberry.field(description="What it is: `ip`, `email`, `payment_method`, …")
    def kind(self) -> str:
        return str(self.row["kind"])

    @strawberry.field(description="The value, masked by the rule of its kind unless `reveal` is given.")
    def value(self, info: Info, reveal: Reveal = False, purpose: Purpose = None) -> str:
        value = str(self.row["value"])
        if not reveal:
            return masked(str(self.row["kind"]), value)
        note_reveal(info, str(self.row["id"]))
        return value

    @strawberry.field(description="How many subjects used it, as of the last resolution.")
    def holders(self) -> int:
        return int(self.row.get("holders") or 1)

    @strawberry.field(description="How many clusters (lone subjects count as one) used it, as of the last resolution.")
    def holder_clusters(self) -> int:
        return int(self.row.get("holder_clusters") or self.row.get("holders") or 1)

    @strawberry.field(description="What kind of place or thing it is: `home`, `office`, `campus`, `mobile`, `vpn`, …")
    def sharing_class(self) -> str | None:
        return self.row.get("sharing_class")

    @strawberry.field(
        description="What its holders, or a class known from reference files, add to its weight, in bits."
    )
    def class_bits(self) -> float:
        return float(self.row.get("class_bits") or 0.0)

    @strawberry.field(description="Why it is of this class, with figures, and what shifts its weight.")
    def class_reason(self) -> str | None:
        return self.row.get("class_reason")

    @strawberry.field(description="Whoever used it.")
    async def held_by(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> HolderConnection:
        page = page_of(HOLDERS, first=first, after=after, last=last, before=before)
        found = await info.context.loaders.holders.load((self.row["id"], page))
        return HolderConnection.of(found)

    @strawberry.field(description="The clusters that it ties together, those with most of its holders first.")
    async def clusters(
        self, info: Info, first: int = 10
    ) -> list[Annotated[Cluster, strawberry.lazy("linkage.api.types.cluster")]]:
        from linkage.api.types.cluster import Cluster

        rows = await info.context.loaders.clusters_of_identifier.load((self.row["id"], first))
        return [Cluster(row=row["cluster"]) for row in rows]


@strawberry.type(description="A subject that used an identifier.")
class HolderEdge:
    """Subject, and when it used the identifier."""

    node: Annotated[Subject, strawberry.lazy("linkage.api.types.subject")]
    cursor: str
    first_seen: datetime | None
    last_seen: datetime | None
    count: int | None = strawberry.field(description="How often it was seen.")


@strawberry.type(description="Subjects that used an identifier.")
class HolderConnection:
    """A page of holders, by id."""

    edges: list[HolderEdge]
    page_info: PageInfo

    @strawberry.field(description="The subjects alone.")
    def nodes(self) -> list[Annotated[Subject, strawberry.lazy("linkage.api.types.subject")]]:
        return [edge.node for edge in self.edges]

    @classmethod
    def of(cls, found: Any) -> HolderConnection:
        """The page as the graph gave it."""
        from linkage.api.types.subject import subject_of

        edges = [
            HolderEdge(
                node=subject_of(row["subject"]["type"], row["subject"]["node"]),
                cursor=write_cursor(HOLDERS, Place(None, subject_key(row["subject"]))),
                first_seen=row["use"].get("first_seen"),
                last_seen=row["use"].get("last_seen"),
                count=row["use"].get("count"),
            )
            for row in found.rows
        ]
        return cls(edges=edges, page_info=page_info(found, edges))


def subject_key(subject: Mapping[str, Any]) -> str:
    """`account:ID` or `organisation:ID`, as the graph orders subjects of both kinds."""
    return f"{str(subject['type']).lower()}:{subject['node']['id']}"


@strawberry.type(description="An identifier that a subject used.")
class UsedIdentifierEdge:
    """Identifier, and when the subject used it."""

    node: Identifier
    cursor: str
    first_seen: datetime | None
    last_seen: datetime | None
    count: int | None = strawberry.field(description="How often it was seen.")


@strawberry.type(description="Identifiers that a subject used, most shared first.")
class UsedIdentifierConnection:
    """A page of identifiers."""

    edges: list[UsedIdentifierEdge]
    page_info: PageInfo

    @strawberry.field(description="The identifiers alone.")
    def nodes(self) -> list[Identifier]:
        return [edge.node for edge in self.edges]
