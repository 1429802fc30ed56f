"""CSV files as they come: every kind of breakage costs its own row and no other."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from linkage.ingest.readers import delimited, lines


def rows(path: Path, **options: str) -> list[dict[str, str]]:
    return [row for chunk in delimited.read(path, **options) for row in chunk.rows.to_pylist()]


def line_numbers(path: Path) -> list[int]:
    return [line for chunk in delimited.read(path) for line in chunk.lines.to_pylist()]


def broken(path: Path) -> list[tuple[int, str]]:
    return [(line.line, line.code) for chunk in delimited.read(path) for line in chunk.broken]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_ends_and_byte_order_marks_do_not_matter(file: Path, mark: bytes, end: bytes) -> None:
    file.write_bytes(mark + end.join([b"a,b", b"1,2", b"", b"3,4"]))
    assert rows(file) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    assert line_numbers(file) == [2, 4]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_known_by_its_mark(file: Path, encoding: str) -> None:
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    file.write_bytes(mark + "a,b\nä,2\n".encode(encoding))
    assert rows(file) == [{"a": "ä", "b": "2"}]


def test_another_encoding_is_read_when_it_is_named(file: Path) -> None:
    file.write_bytes("a;b\nMüller;2\n".encode("latin-1"))
    assert rows(file, encoding="latin-1", delimiter=";") == [{"a": "Müller", "b": "2"}]


@pytest.mark.parametrize("delimiter", list(delimited.DELIMITERS))
def test_the_delimiter_is_found_in_the_header(file: Path, delimiter: str) -> None:
    file.write_text(f"a{delimiter}b\n1{delimiter}2\n")
    assert rows(file) == [{"a": "1", "b": "2"}]


def test_columns_without_or_with_the_same_name_get_one(file: Path) -> None:
    file.write_text('a,,a, "c"\n1,2,3,4\n')
    assert list(rows(file)[0]) == ["a", "column_2", "a_2", '"c"']


def test_cells_may_run_over_lines(file: Path) -> None:
    file.write_text('a,b\n"one\ntwo, ""three""\n",x\n4,5\n')
    assert rows(file) == [{"a": 'one\ntwo, "three"\n', "b": "x"}, {"a": "4", "b": "5"}]
    assert line_numbers(file) == [2, 5]


def test_a_quote_left_open_costs_its_own_line_only(file: Path) -> None:
    file.write_text('a,b\n1,2\n3,"4\n5,6\n7,8\n"9",10\n')
    assert [row["a"] for row in rows(file)] == ["1", "5", "7", "9"]
    assert broken(file) == [(3, "UNCLOSED_QUOTE")]


def test_a_quote_left_open_at_the_end_costs_its_own_line_only(file: Path) -> None:
    file.write_text('a,b\n1,2\n3,"4\n5,6')
    assert [row["a"] for row in rows(file)] == ["1", "5"]
    assert broken(file) == [(3, "UNCLOSED_QUOTE")]


def test_quotes_inside_a_cell_are_text(file: Path) -> None:
    file.write_text('a,b\n5" pipe,2\n"x"y,3\n')
    assert [row["a"] for row in rows(file)] == ['5" pipe', "xy"]


def test_a_cell_over_lines_may_cross_the_end_of_a_block(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines.blocks, "__kwdefaults__", {"encoding": None, "size": 16})
    file.write_text("a,b\n" + '"one\ntwo\nthree\nfour",x\n' * 20)
    assert rows(file) == [{"a": "one\ntwo\nthree\nfour", "b": "x"}] * 20
    assert line_numbers(file) == [2 + 4 * place for place in range(20)]


def test_rows_of_another_width_are_refused(file: Path) -> None:
    file.write_text('a,b\n1\n1,2,3\n"1",2,3\n1,2\n,\n"",""\n')
    assert broken(file) == [(2, "WRONG_WIDTH"), (3, "WRONG_WIDTH"), (4, "WRONG_WIDTH")]
    assert [row["a"] for row in rows(file)] == ["1", "", ""]


def test_bytes_that_are_no_text_are_refused_and_shown(file: Path) -> None:
    file.write_bytes(b"a,b\n1,\xff\xfe\n\x00\x01,\x02\n3,4\n\xc3\xa4,5\n")
    assert broken(file) == [(2, "BAD_ENCODING"), (3, "BINARY_DATA")]
    assert [row["a"] for row in rows(file)] == ["3", "ä"]
    (chunk,) = delimited.read(file)
    assert chunk.broken[0].text == "1,\\xff\\xfe"


def test_a_row_of_megabytes_is_refused_and_cut(file: Path) -> None:
    file.write_text("a,b\n1," + "x" * 3_000_000 + '\n2,"' + "y\n" * 500_000 + '"\n3,4\n')
    assert broken(file) == [(2, "TOO_LONG"), (3, "TOO_LONG")]
    assert rows(file) == [{"a": "3", "b": "4"}]
    (chunk,) = delimited.read(file)
    assert len(chunk.broken[0].text) < 3_000


def test_a_file_without_an_end_of_line_is_not_kept_in_memory(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_LINE", 1_000_000)
    monkeypatch.setattr(lines.blocks, "__kwdefaults__", {"encoding": None, "size": 100_000})
    file.write_text("a,b\n" + "x" * 5_000_000)
    assert broken(file) == [(2, "TOO_LONG")]
    with lines.open_bytes(file) as stream:
        assert max(len(block.data) for block in lines.blocks(stream)) <= 1_000_001


def test_a_return_in_the_middle_of_a_cell_is_refused(file: Path) -> None:
    file.write_bytes(b"a,b\n1,x\ry\n3,4\n")
    assert broken(file) == [(2, "BAD_QUOTES")]
    assert [row["a"] for row in rows(file)] == ["3"]


def test_gzip_is_known_by_its_bytes_and_a_cut_one_gives_what_is_there(file: Path) -> None:
    whole = gzip.compress(("a,b\n" + "".join(f"{n},{n * 7919 % 10007}\n" for n in range(100_000))).encode())
    file.write_bytes(whole)
    assert len(rows(file)) == 100_000
    file.write_bytes(whole[: len(whole) // 2])
    assert 10_000 < len(rows(file)) < 100_000
    assert broken(file)[-1][1] == "TRUNCATED_FILE"


@pytest.mark.parametrize("content", [b"", b"\n\n", gzip.compress(b"", mtime=0)])
def test_an_empty_file_has_no_columns(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert delimited.header_of(file) is None
    assert rows(file) == []


def test_a_gzip_without_content_is_told(file: Path) -> None:
    file.write_bytes(gzip.compress(b"a,b\n1,2\n")[:10])
    assert broken(file) == [(1, "TRUNCATED_FILE")]


def test_a_header_that_cannot_be_taken_apart_is_split_at_its_delimiters(file: Path) -> None:
    assert delimited.dialect_of("a\rb,c").columns == ("a\rb", "c")
