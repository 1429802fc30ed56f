"""The audit as an admin reads it, newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import strawberry
from strawberry.relay import PageInfo

from linkage.api.connections import write_cursor
from linkage.api.types.scalars import Long
from linkage.audit.log import AuditLog
from linkage.audit.reading import is_of, newest_first
from linkage.graph.reads import Page, Place

AUDIT = "audit"


@strawberry.type(description="What was written down of one operation: opaque ids, never a value.")
class AuditRecord:
    """A record of the audit."""

    row: strawberry.Private[Mapping[str, Any]]

    @strawberry.field(description="Its number, counted from 1.")
    def number(self) -> Long:
        return Long(self.row["n"])

    @strawberry.field(description="When the answer was ready.")
    def at(self) -> datetime:
        return datetime.fromisoformat(self.row["at"])

    @strawberry.field(description="Who asked: `key:ID`, `cli:USER`, `demo`.")
    def caller(self) -> str:
        return str(self.row["caller"])

    @strawberry.field(description="What the key is called.")
    def name(self) -> str:
        return str(self.row["name"])

    @strawberry.field(description="The role that it had.")
    def role(self) -> str:
        return str(self.row["role"])

    @strawberry.field(description="`query`, `mutation`, `subscription`, `request` (of an endpoint) or `command`.")
    def kind(self) -> str:
        return str(self.row["kind"])

    @strawberry.field(description="Root fields, the endpoint, or the command.")
    def asked(self) -> list[str]:
        return list(self.row["asked"])

    @strawberry.field(description="What the caller named the operation.")
    def operation(self) -> str | None:
        return self.row.get("operation")

    @strawberry.field(description="What for values were shown whole.")
    def purpose(self) -> list[str]:
        return list(self.row.get("purpose") or ())

    @strawberry.field(description="`OK`, or the code of the error.")
    def outcome(self) -> str:
        return str(self.row["outcome"])

    @strawberry.field(description="Opaque ids of the identifiers that were shown, masked or whole.")
    def identifiers(self) -> list[str]:
        return self._ids("identifiers")

    @strawberry.field(
        description="Of what a value was shown whole: identifiers by opaque id, subjects as `subjects` has them."
    )
    def revealed(self) -> list[str]:
        return self._ids("revealed")

    @strawberry.field(description="Subjects that were shown, a keyed hash each: `account:…`. `about` takes their ids.")
    def subjects(self) -> list[str]:
        return self._ids("subjects")

    @strawberry.field(description="Ids of clusters that were shown.")
    def clusters(self) -> list[str]:
        return self._ids("clusters")

    @strawberry.field(description="Ids of keys that were made, changed or listed.")
    def keys(self) -> list[str]:
        return self._ids("keys")

    def _ids(self, name: str) -> list[str]:
        return list((self.row.get("ids") or {}).get(name) or ())


@strawberry.type(description="A record in a list.")
class AuditEdge:
    """Record and place."""

    node: AuditRecord
    cursor: str


@strawberry.type(description="Records of the audit, newest first.")
class AuditConnection:
    """A page of records."""

    edges: list[AuditEdge]
    page_info: PageInfo

    @strawberry.field(description="The records alone.")
    def nodes(self) -> list[AuditRecord]:
        return [edge.node for edge in self.edges]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], page: Page) -> AuditConnection:
        """A page of rows, one more than its size where there are more."""
        edges = [
            AuditEdge(node=AuditRecord(row=row), cursor=write_cursor(AUDIT, Place(int(row["n"]), "")))
            for row in rows[: page.size]
        ]
        return cls(
            edges=edges,
            page_info=PageInfo(
                has_next_page=len(rows) > page.size,
                has_previous_page=page.after is not None,
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else None,
            ),
        )


def read(log: AuditLog, page: Page, *, caller: str | None, about: str | None) -> list[dict[str, Any]]:
    """A page of the audit from its files, and one record more where there is one."""
    before = page.after.value if page.after is not None else None
    found = (
        record
        for record in newest_first(log)
        if (not isinstance(before, int) or record["n"] < before) and is_of(record, caller=caller, about=about)
    )
    return list(islice(found, page.size + 1))
