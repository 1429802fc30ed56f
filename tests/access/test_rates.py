"""What callers spend in a minute."""

from __future__ import annotations

import pytest

from linkage.access.budgets import BUDGETS
from linkage.access.rates import Left, Rates
from linkage.access.roles import Role
from linkage.errors import RateLimited
from linkage.server.records import MOST_ROWS


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rates(clock: Clock) -> Rates:
    return Rates("cost", clock=clock, most=3)


def test_a_minutes_budget_may_be_spent_in_one_go_and_comes_back_evenly(rates: Rates, clock: Clock) -> None:
    assert rates.spend("ann", 600, 600) == Left(600, 0, 60)
    with pytest.raises(RateLimited) as refused:
        rates.spend("ann", 100, 600)
    assert refused.value.retry_after == 10
    clock.now += 10
    assert rates.spend("ann", 100, 600) == Left(600, 0, 60)
    clock.now += 3_600
    assert rates.left("ann", 600) == Left(600, 600, 0)


def test_what_is_refused_costs_nothing(rates: Rates) -> None:
    rates.spend("ann", 500, 600)
    with pytest.raises(RateLimited):
        rates.spend("ann", 200, 600)
    assert rates.left("ann", 600).left == 100


def test_one_caller_spends_nothing_of_another(rates: Rates) -> None:
    rates.spend("ann", 600, 600)
    assert rates.spend("ben", 600, 600).left == 0


def test_more_than_a_minutes_budget_is_to_be_had_when_it_is_whole_and_is_paid_off_after(
    rates: Rates, clock: Clock
) -> None:
    assert rates.spend("ann", 1_200, 600) == Left(600, 0, 120)
    clock.now += 60
    with pytest.raises(RateLimited) as refused:
        rates.spend("ann", 1, 600)
    assert refused.value.retry_after == 1


def test_no_number_of_callers_takes_more_memory_than_so_many(rates: Rates) -> None:
    for number in range(50):
        rates.spend(f"caller {number}", 1, 600)
    assert len(rates) == 3


def test_looking_at_what_is_left_remembers_nobody(rates: Rates) -> None:
    for number in range(50):
        rates.left(f"caller {number}", 600)
        assert rates.wait(f"caller {number}", 1, 600) == 0
    assert len(rates) == 0


def test_whatever_may_be_sent_at_once_fits_into_a_minutes_budget() -> None:
    assert set(BUDGETS) == set(Role)
    for budget in BUDGETS.values():
        assert budget.cost >= 10 * budget.document
        assert budget.rows == 0 or budget.rows >= MOST_ROWS
