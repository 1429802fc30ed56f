"""Keyset clauses."""

from __future__ import annotations

from linkage.graph.reads.page import Order, Page, Place, cut

SIZE = Order("c.id", "c.size", descending=True)
BY_ID = Order("c.id")


def test_a_first_page_wants_rows_with_a_value_only() -> None:
    assert SIZE.clause(Page(5)) == "c.size IS NOT NULL AND c.id IS NOT NULL"
    assert BY_ID.clause(Page(5)) == "c.id IS NOT NULL"


def test_value_and_id_run_in_the_same_direction_so_that_an_index_serves() -> None:
    assert SIZE.by(Page(5)) == "c.size DESC, c.id DESC"
    assert SIZE.by(Page(5, backwards=True)) == "c.size ASC, c.id ASC"
    assert BY_ID.by(Page(5)) == "c.id ASC"


def test_a_later_page_goes_on_beyond_the_place() -> None:
    page = Page(5, after=Place(3, "x"), before=Place(1, "y"))
    assert SIZE.clause(page) == (
        "c.size IS NOT NULL AND c.id IS NOT NULL AND c.size <= $after_value "
        "AND CASE c.size WHEN $after_value THEN c.id < $after_id ELSE true END "
        "AND c.size >= $before_value AND CASE c.size WHEN $before_value THEN c.id > $before_id ELSE true END"
    )
    assert BY_ID.clause(Page(5, after=Place(None, "x"))) == "c.id IS NOT NULL AND c.id > $after_id"
    assert page.parameters == {
        "limit": 6,
        "after_value": 3,
        "after_id": "x",
        "before_value": 1,
        "before_id": "y",
    }


def test_the_row_beyond_the_page_tells_that_there_is_more() -> None:
    rows = [{"n": n} for n in range(3)]
    forwards = cut(rows, Page(2))
    assert ([row["n"] for row in forwards.rows], forwards.more, forwards.earlier) == ([0, 1], True, False)
    backwards = cut(rows, Page(2, backwards=True, before=Place(1, "x")))
    assert ([row["n"] for row in backwards.rows], backwards.more, backwards.earlier) == ([1, 0], True, True)
    last = cut(rows, Page(3, after=Place(1, "x")))
    assert (len(last.rows), last.more, last.earlier) == (3, False, True)
