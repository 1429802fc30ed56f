"""Pages and cursors."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from linkage.api.connections import LARGEST, LONGEST, page_of, read_cursor, slice_of, write_cursor
from linkage.errors import BadInput
from linkage.graph.reads import Page, Place


@pytest.mark.parametrize("value", [None, 3, 1.5, -(2**40), datetime(2026, 5, 3, 1, 2, 3, 456, tzinfo=UTC)])
def test_a_cursor_reads_back_as_the_place_it_was_written_for(value: object) -> None:
    place = Place(value, "ünï:1")  # type: ignore[arg-type]
    assert read_cursor(write_cursor("SIZE_DESC", place), "SIZE_DESC") == place


def packed(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "%",
        "é",
        "A" * (LONGEST + 1),
        packed(None),
        packed([]),
        packed(["SIZE_DESC", 1]),
        packed(["SIZE_ASC", 1, "c1"]),
        packed(["SIZE_DESC", True, "c1"]),
        packed(["SIZE_DESC", 2**63, "c1"]),
        packed(["SIZE_DESC", "1", "c1"]),
        packed(["SIZE_DESC", {"at": "yesterday"}, "c1"]),
        packed(["SIZE_DESC", 1, 2]),
        base64.urlsafe_b64encode(b"[" * 5_000).decode(),
        base64.urlsafe_b64encode(b'["SIZE_DESC",NaN,"c1"]').decode(),
    ],
)
def test_what_is_no_cursor_of_the_list_is_refused(cursor: str) -> None:
    with pytest.raises(BadInput, match="cursor"):
        read_cursor(cursor, "SIZE_DESC")


def test_a_page_knows_its_end() -> None:
    cursor = write_cursor("X", Place(1, "a"))
    assert page_of("X", first=5, after=cursor) == Page(5, after=Place(1, "a"))
    assert page_of("X", first=None, after=None, last=5, before=cursor) == Page(5, backwards=True, before=Place(1, "a"))
    assert page_of("X", first=None, after=None).size == 20


@pytest.mark.parametrize(
    "arguments", [{"first": 1, "last": 1}, {"first": -1}, {"first": LARGEST + 1}, {"last": LARGEST + 1}]
)
def test_a_page_has_bounds(arguments: dict[str, int]) -> None:
    with pytest.raises(BadInput):
        page_of("X", **{"first": None, "after": None, **arguments})


@pytest.mark.parametrize(
    ("page", "rows", "more", "earlier"),
    [
        (Page(2), "ab", True, False),
        (Page(2, after=Place(1, "")), "cd", True, True),
        (Page(9, after=Place(3, "")), "e", False, True),
        (Page(2, backwards=True), "de", False, True),
        (Page(2, backwards=True, before=Place(2, "")), "ab", True, False),
        (Page(9, after=Place(0, ""), before=Place(3, "")), "bc", True, True),
        (Page(2, after=Place(99, "")), "", False, False),
        (Page(0), "", True, False),
    ],
)
def test_rows_at_hand_are_paged_by_their_number(page: Page, rows: str, more: bool, earlier: bool) -> None:
    found = slice_of("abcde", page)
    assert "".join(row["row"] for row in found.rows) == rows
    assert (found.more, found.earlier) == (more, earlier)
