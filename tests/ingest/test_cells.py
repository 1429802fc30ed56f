"""Whole columns of cells: times and numbers in the forms that sources use."""

from __future__ import annotations

import pyarrow as pa
import pytest

from linkage.ingest import cells


@pytest.mark.parametrize(
    ("text", "form", "time"),
    [
        ("2026-01-01T10:00:00Z", None, "2026-01-01T10:00:00+00:00"),
        ("2026-01-01 10:00", None, "2026-01-01T10:00:00+00:00"),
        ("2026-01-01", None, "2026-01-01T00:00:00+00:00"),
        ("2026-01-01T10:00:00.123456789+02:00", None, "2026-01-01T08:00:00.123456+00:00"),
        ("2026-01-01T10:00:00,5-0530", None, "2026-01-01T15:30:00.500000+00:00"),
        ("2026-01-01T10:00:00 UTC", None, "2026-01-01T10:00:00+00:00"),
        ("1767225600", "epoch", "2026-01-01T00:00:00+00:00"),
        ("1767225600.25", "epoch", "2026-01-01T00:00:00.250000+00:00"),
        ("1767225600250", "epoch_ms", "2026-01-01T00:00:00.250000+00:00"),
        ("1767225600000001", "epoch_us", "2026-01-01T00:00:00.000001+00:00"),
        ("1767225600000000000", "epoch_ns", "2026-01-01T00:00:00+00:00"),
        ("1/2/2026 3:04 PM", "%d/%m/%Y %I:%M %p", "2026-02-01T15:04:00+00:00"),
        ("2026-02-01 15:04 +0100", "%Y-%m-%d %H:%M %z", "2026-02-01T14:04:00+00:00"),
    ],
)
def test_times_become_utc(text: str, form: str | None, time: str) -> None:
    read = cells.times(pa.array([text, None, ""]), form)
    assert read.values[0].as_py().isoformat() == time
    assert read.values[1:].null_count == 2
    assert read.bad.to_pylist() == [False, False, False]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        *(
            (text, None)
            for text in ("2026-02-30", "2026-1-1", "soon", "10:00", "2026-01-01T24:00", "2026-01-01T10", "inf")
        ),
        *((text, None) for text in ("1767225600", "1899-12-31", "2200-01-01", "9999-12-31T00:00:00Z")),
        *((text, "epoch") for text in ("1767225600250", "x", "-99999999999", "1e9")),
        ("31.12.2026", "%d/%m/%Y"),
    ],
)
def test_what_is_no_time_is_bad(text: str, form: str | None) -> None:
    read = cells.times(pa.array([text]), form)
    assert (read.bad.to_pylist(), read.values.to_pylist()) == ([True], [None])


@pytest.mark.parametrize(
    ("column", "values", "bad"),
    [
        (pa.array(["3", " 4 ", "5.0", "+6", "", None]), [3, 4, 5, 6, 1, 1], []),
        (pa.array(["-1", "x", "1.5", "1e3", "9" * 30]), [1] * 5, [0, 1, 2, 3, 4]),
        (pa.array([2.0, 2.5, None]), [2, 1, 1], [1]),
        (pa.array([2, -2, None], pa.int8()), [2, 1, 1], [1]),
        (pa.array([2**64 - 1], pa.uint64()), [1], [0]),
    ],
)
def test_whole_numbers_are_read_and_others_are_bad(column: pa.Array, values: list[int], bad: list[int]) -> None:  # type: ignore[type-arg]
    read = cells.whole(column, least=1, default=1)
    assert read.values.to_pylist() == values
    assert [place for place, is_bad in enumerate(read.bad.to_pylist()) if is_bad] == bad
