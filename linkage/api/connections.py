"""Relay connections over keyset cursors.

A cursor is the place of a row in the order: the value it is ordered by and its id. It holds nothing that the row's
own id does not give away. Paging by place, not by offset: rows that come or go between two pages move nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from strawberry.relay import PageInfo

from linkage.api.limits import Limits
from linkage.errors import BadInput
from linkage.graph.reads import Page, Place
from linkage.graph.reads.page import Slice, cut

PAGE = 20
LARGEST = Limits().page
#: A cursor is never longer than this; what is longer was not issued by us.
LONGEST = 8_192


class HasCursor(Protocol):
    """An edge."""

    cursor: str


def page_of(
    order: str,
    *,
    first: int | None,
    after: str | None,
    last: int | None = None,
    before: str | None = None,
    default: int = PAGE,
) -> Page:
    """The page that the arguments ask for; raise `BadInput` where they contradict each other."""
    if first is not None and last is not None:
        raise BadInput("give `first` or `last`, not both")
    backwards = last is not None
    asked = last if last is not None else first
    size = default if asked is None else asked
    if not 0 <= size <= LARGEST:
        raise BadInput(f"`{'last' if backwards else 'first'}` may be 0 to {LARGEST}")
    return Page(
        size=size,
        backwards=backwards,
        after=read_cursor(after, order) if after is not None else None,
        before=read_cursor(before, order) if before is not None else None,
    )


def write_cursor(order: str, place: Place) -> str:
    """The place as an opaque text; `order` names the order it belongs to."""
    value = {"at": place.value.isoformat()} if isinstance(place.value, datetime) else place.value
    packed = json.dumps([order, value, place.id], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def read_cursor(text: str, order: str) -> Place:
    """The place that a cursor names; raise `BadInput` for anything that `write_cursor` did not write."""
    wrong = BadInput("the cursor is not one of this list's", next_step="Start again without `after` and `before`.")
    if len(text) > LONGEST:
        raise wrong
    try:
        padded = text + "=" * (-len(text) % 4)
        unpacked: Any = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        match unpacked:
            case [str(of), {"at": str(at)}, str(identity)] if of == order:
                return Place(datetime.fromisoformat(at), identity)
            case [str(of), None | int() | float() as value, str(identity)] if of == order and _plain(value):
                return Place(value, identity)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise wrong from error
    raise wrong


def _plain(value: float | int | None) -> bool:
    return value is None or (not isinstance(value, bool) and abs(value) < 2**62)


def page_info(found: Slice, edges: Sequence[HasCursor]) -> PageInfo:
    """How to go on from a page."""
    return PageInfo(
        has_next_page=found.more,
        has_previous_page=found.earlier,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )


def slice_of(rows: Sequence[Any], page: Page) -> Slice:
    """The page of rows that are at hand already; a place in them is their number."""
    first = _number(page.after, -1) + 1
    last = min(_number(page.before, len(rows)), len(rows))
    between = range(max(first, 0), max(last, 0))
    kept = between[max(len(between) - page.size, 0) :] if page.backwards else between[: page.size]
    return Slice(
        rows=[{"place": at, "row": rows[at]} for at in kept],
        more=kept.stop < len(rows) if kept else first < last,
        earlier=kept.start > 0 if kept else False,
    )


def placed(rows: Sequence[Any], page: Page, place_of: Callable[[Any], Place]) -> Slice:
    """The page of rows that are at hand, the highest place first."""

    def key(place: Place) -> tuple[Any, str]:
        return (place.value, place.id)

    between = [
        row
        for row in sorted(rows, key=lambda row: key(place_of(row)), reverse=True)
        if (page.after is None or key(place_of(row)) < key(page.after))
        and (page.before is None or key(place_of(row)) > key(page.before))
    ]
    return cut(between[::-1] if page.backwards else between, page)


def _number(place: Place | None, otherwise: int) -> int:
    return int(place.value) if place is not None and isinstance(place.value, int | float) else otherwise
