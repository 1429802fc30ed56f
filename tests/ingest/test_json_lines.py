"""JSON Lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from linkage.ingest.readers import json_lines
from linkage.ingest.readers.json_lines import keys_of, read


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "table.jsonl"


def test_known_keys_become_text_and_others_stay_json(file: Path) -> None:
    file.write_text('{"id": 7, "f": 7.0, "b": true, "more": {"x": [1]}}\n\n{"id": "8", "other": "y"}\n')
    (chunk,) = read(file, {"id", "f", "b"})
    assert chunk.rows.to_pylist() == [
        {"id": "7", "f": "7", "b": "true", "more": '{"x": [1]}', "other": None},
        {"id": "8", "f": None, "b": None, "more": None, "other": '"y"'},
    ]
    assert chunk.lines.to_pylist() == [1, 3]
    assert chunk.json == {"more", "other"}


def test_an_object_in_place_of_a_value_is_told(file: Path) -> None:
    file.write_text('{"id": 1}\n{"id": {"a": 1}}\n{"id": [1]}\n')
    (chunk,) = read(file, {"id"})
    assert chunk.nested == {"id": [1, 2]}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"id": ', "BAD_JSON"),
        (b"[1]", "BAD_JSON"),
        (b"[" * 100_000, "BAD_JSON"),
        (b'{"id": ' + b"9" * 5_000 + b"}", "BAD_JSON"),
        (b'{"id": "\xff"}', "BAD_ENCODING"),
        (b'{"id": "' + b"x" * 2_000_000 + b'"}', "TOO_LONG"),
    ],
)
def test_a_line_that_is_no_object_costs_itself_only(file: Path, line: bytes, code: str) -> None:
    file.write_bytes(b'{"id": 1}\n' + line + b'\n{"id": 2}\n')
    (chunk,) = read(file, {"id"})
    assert [(found.line, found.code) for found in chunk.broken] == [(2, code)]
    assert chunk.rows["id"].to_pylist() == ["1", "2"]


def test_half_a_surrogate_is_replaced_so_that_it_can_be_refused(file: Path) -> None:
    file.write_text('{"id": "a\\ud800", "more": "\\ud800"}\n')
    (chunk,) = read(file, {"id"})
    assert chunk.rows["id"].to_pylist() == ["a?"]


def test_the_keys_of_the_first_objects_are_the_columns(file: Path) -> None:
    file.write_text("no json\n" + "".join(json.dumps({f"k{n}": n}) + "\n" for n in range(200)))
    assert {"k0", "k98"} <= keys_of(file)
    assert "k150" not in keys_of(file)


def test_a_file_that_breaks_off_gives_what_is_there(file: Path) -> None:
    import gzip

    packed = gzip.compress("".join(json.dumps({"id": n * 7919 % 10007}) + "\n" for n in range(100_000)).encode())
    file.write_bytes(packed[: len(packed) // 2])
    chunks = list(json_lines.read(file, {"id"}))
    assert sum(chunk.rows.num_rows for chunk in chunks) > 1_000
    assert [line.code for line in chunks[-1].broken][-1] == "TRUNCATED_FILE"
