"""What a person types becomes words, never Lucene's query language."""

from __future__ import annotations

import pytest

from linkage.graph.reads.search import LONGEST_PIECE, MOST_PIECES, pieces_of, query_of


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Ann@Example.com", ["ann", "example.com"]),
        ("acct-00017 OR *:*", ["acct", "00017", "or"]),
        ("2001:db8::1", ["2001", "db8", "1"]),
        ('"a" && b || !c~2 ^3 \\u0060', ["a", "b", "c", "2", "3", "u0060"]),
        ("", []),
        ("…", []),
    ],
)
def test_text_becomes_pieces(text: str, pieces: list[str]) -> None:
    assert pieces_of(text) == pieces


def test_a_search_has_bounds() -> None:
    assert len(pieces_of("a " * 100)) == MOST_PIECES
    assert len(pieces_of("x" * 5_000)[0]) == LONGEST_PIECE


def test_every_piece_must_be_there_and_whole_words_count_more() -> None:
    assert query_of(["ann", "example.com"]) == '("ann"^4 OR ann*) AND ("example.com"^4 OR example.com*)'
