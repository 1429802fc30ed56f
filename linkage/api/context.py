"""What a request holds: the parts of the service that outlive it, and loaders that live with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import strawberry

from linkage.api.loaders import Loaders
from linkage.graph.reads import Reader

if TYPE_CHECKING:
    from linkage.api.work import Work


@dataclass(slots=True)
class Context:
    """The context of one operation."""

    reader: Reader
    work: Work
    #: region of phone numbers without +, for looking identifiers up
    phone_region: str | None = None
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.reader)


Info: TypeAlias = strawberry.Info[Context, None]
