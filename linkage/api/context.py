"""What a request holds: the parts of the service that outlive it, and loaders that live with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import strawberry
from strawberry.extensions import SchemaExtension

from linkage.api.loaders import Loaders
from linkage.graph.reads import Reader
from linkage.model import Costs

if TYPE_CHECKING:
    from linkage.api.work import Work


@dataclass(slots=True)
class Context:
    """The context of one operation."""

    reader: Reader
    work: Work
    #: region of phone numbers without +, for looking identifiers up
    phone_region: str | None = None
    #: what a WebSocket said when it connected
    connection_params: dict[str, object] | None = None
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.reader, self.work)

    @property
    def costs(self) -> Costs:
        """What makes bands of confidences: the costs of the service's model as it is now."""
        return self.work.model.bands.costs


Info: TypeAlias = strawberry.Info[Context, None]


class OwnContext(SchemaExtension):
    """Gives each operation a context of its own: those of one WebSocket would share their loaders' memory for hours."""

    def on_operation(self) -> Iterator[None]:
        held: Context = self.execution_context.context
        self.execution_context.context = Context(held.reader, held.work, held.phone_region, held.connection_params)
        yield
