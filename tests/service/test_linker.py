"""Who is looked at again, and when: the queue of ripples."""

from __future__ import annotations

from linkage.service import linker
from linkage.service.linker import Ripples
from linkage.service.linking import News

NOTHING_NEW = News(frozenset(), {})


def test_the_nearest_to_the_news_come_first_and_of_these_who_waited_longest() -> None:
    ripples = Ripples()
    ripples.move_on([[], []], [["account:b"], ["account:far"]], NOTHING_NEW)
    ripples.move_on([[], []], [["account:a"], []], NOTHING_NEW)
    assert ripples.next() == [["account:b", "account:a"], []]
    ripples.move_on(ripples.next(), [], NOTHING_NEW)
    assert ripples.next() == [[], ["account:far"]]
    ripples.move_on(ripples.next(), [], NOTHING_NEW)
    assert len(ripples) == 0


def test_who_waits_already_waits_once() -> None:
    ripples = Ripples()
    for _ in range(2):
        ripples.move_on([[], []], [["account:a"], []], NOTHING_NEW)
    assert ripples.next() == [["account:a"], []]


def test_a_run_takes_no_more_than_nobody_notices() -> None:
    ripples = Ripples()
    ripples.move_on([[], []], [[f"account:{number}" for number in range(3 * linker.AT_ONCE)], []], NOTHING_NEW)
    (first, _) = ripples.next()
    assert first == [f"account:{number}" for number in range(linker.AT_ONCE)]


def test_what_was_news_stays_so_until_its_ripples_were_looked_at() -> None:
    ripples = Ripples()
    use = ("account:new", "ip", "192.0.2.7")
    first = ripples.join(News(frozenset({"account:new"}), {use: 1}))
    ripples.move_on([[], []], [["account:lone"], []], first)
    second = ripples.join(News(frozenset({"account:new"}), {use: 2}))
    assert second.is_new(*use, count=3)
    ripples.move_on([["account:lone"], []], [], second)
    assert ripples.join(NOTHING_NEW).seen == {}


def test_more_than_can_wait_is_left_to_the_next_resolution() -> None:
    ripples = Ripples()
    many = [f"account:{number}" for number in range(linker.MOST_WAITING + 1)]
    ripples.move_on([[], []], [many, []], NOTHING_NEW)
    assert len(ripples) == 0
