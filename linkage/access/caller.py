"""A caller whose identity is proven."""

from __future__ import annotations

from dataclasses import dataclass

from linkage.access.roles import Role


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: `id` for the record (`key:…`), `name` for people, and what they may do."""

    id: str
    name: str
    role: Role


#: Whoever comes to a demo without a key.
DEMO = Caller("demo", "demo", Role.ADMIN)
