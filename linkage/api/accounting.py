"""What an answer showed of whom, gathered while it is made, and written down before it goes out.

Each object of the answer is noted where it is completed, once, whatever field led to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types import ExecutionContext

from linkage.access.table import rule_of
from linkage.audit.record import OK, Record


@dataclass(slots=True)
class Seen:
    """Opaque ids of what an answer holds, and of what was shown whole in it."""

    identifiers: set[str] = field(default_factory=set)
    revealed: set[str] = field(default_factory=set)
    subjects: set[str] = field(default_factory=set)
    clusters: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)

    def ids(self) -> dict[str, list[str]]:
        """As the record has them."""
        return {name: list(getattr(self, name)) for name in self.__slots__}

    def account(self, identity: object) -> None:
        self.subjects.add(f"account:{identity}")

    def organisation(self, identity: object) -> None:
        self.subjects.add(f"organisation:{identity}")

    def cluster(self, identity: object) -> None:
        self.clusters.add(str(identity))

    def identifier(self, identity: object) -> None:
        self.identifiers.add(str(identity))


#: Type of a node → what notes its id.
_NODES: dict[str, Callable[[Seen, object], None]] = {
    "Account": Seen.account,
    "Organisation": Seen.organisation,
    "Cluster": Seen.cluster,
    "Identifier": Seen.identifier,
}


def _node(type_name: str) -> Callable[[Seen, Any], None]:
    note = _NODES[type_name]
    return lambda seen, node: note(seen, node.row["id"])


#: Type → what notes the ids that an object of it shows.
_NOTES: dict[str, Callable[[Seen, Any], object]] = {
    **{name: _node(name) for name in _NODES},
    "GraphNode": lambda seen, node: _NODES[node.type](seen, node.row["id"]),
    "Merge": lambda seen, merge: seen.subjects.update((merge.left, merge.right)),
    "WeakestCut": lambda seen, cut: seen.subjects.update(cut.smaller),
    "ApiKey": lambda seen, key: seen.keys.add(key.key_id),
    "ClusterBridge": lambda seen, bridge: seen.subjects.add(bridge.subject),
}


class Accounting(StrawberryGraphQLCoreExecutionContext):
    """Notes what is completed."""

    def complete_object_value(self, return_type: Any, *parts: Any) -> Any:
        """Complete an object and note what it shows."""
        note = _NOTES.get(return_type.name)
        if note is not None:
            note(self.context_value.seen, parts[3])
        return super().complete_object_value(return_type, *parts)


def record_of(execution: ExecutionContext, errors: list[GraphQLError] | None) -> Record | None:
    """What is to be written down of an operation; None: nothing must be.

    Written down are answers with identifiers or with values shown whole, whatever the table says is accounted for, and
    what was refused.
    """
    context = execution.context
    caller, seen, asked = context.caller, context.seen, context.asked
    if caller is None or asked is None:
        return None
    code = str((errors[0].extensions or {}).get("code")) if errors else OK
    accounted = any(rule_of(row).accounted for row in asked.rows)
    if not (accounted or seen.identifiers or seen.revealed or code == "FORBIDDEN"):
        return None
    return Record(
        caller=caller.id,
        name=caller.name,
        role=caller.role,
        kind=execution.operation_type.value.lower(),
        asked=asked.roots,
        operation=execution.operation_name,
        purpose=context.purposes,
        ids=seen.ids(),
        outcome=code,
    )
