"""Bands: the cheapest thing to do, by costs."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.model.band import BANDS, Band, Costs

MONEY = st.floats(0.01, 1000)
COSTS = st.builds(Costs, wrong=MONEY, missed=MONEY, review=st.floats(0, 1000))
SURE = st.floats(0, 1)


def priced(costs: Costs, sure: float) -> dict[Band, float]:
    """What each of the three is expected to cost."""
    return {
        Band.ACT: (1 - sure) * costs.wrong,
        Band.REVIEW: costs.review,
        Band.ABSTAIN: sure * costs.missed,
    }


@given(COSTS, SURE)
def test_a_band_is_the_cheapest_of_the_three(costs: Costs, sure: float) -> None:
    prices, band = priced(costs, sure), costs.band(sure)
    assert band is not None
    assert prices[band] <= min(prices.values()) + 1e-9


@given(COSTS)
def test_looking_has_a_band_exactly_where_it_is_cheapest_somewhere(costs: Costs) -> None:
    look_from, act_from = costs.edges
    assert 0 <= look_from <= act_from <= 1
    even = costs.wrong / (costs.wrong + costs.missed)
    worth = costs.wrong * costs.missed / (costs.wrong + costs.missed)
    if costs.review > worth * (1 + 1e-9):
        assert look_from == act_from == even
        assert all(costs.band(sure / 1000) is not Band.REVIEW for sure in range(1001))
    elif costs.review < worth * (1 - 1e-9):
        assert look_from < even < act_from
        assert costs.band(even) is Band.REVIEW


@given(COSTS, SURE)
def test_the_spans_of_the_bands_part_all_confidences(costs: Costs, sure: float) -> None:
    held = [band for band in BANDS if costs.span(band)[0] <= sure < costs.span(band)[1]]
    assert held == [costs.band(sure)]


@given(COSTS, st.lists(SURE, min_size=1, max_size=20))
def test_the_band_of_a_mean_is_the_cheapest_single_treatment_of_all(costs: Costs, sure: list[float]) -> None:
    total = {band: sum(priced(costs, one)[band] for one in sure) for band in BANDS}
    band = costs.band(min(math.fsum(sure) / len(sure), 1.0))
    assert band is not None
    assert total[band] == pytest.approx(min(total.values()), rel=1e-6, abs=1e-6)


def test_the_edges_of_costs_worked_out_by_hand() -> None:
    # 1 − 1/20 and 1/2; acting and leaving alone cost the same at 20/22.
    costs = Costs(wrong=20, missed=2, review=1)
    assert costs.edges == (0.5, 0.95)
    assert [costs.band(sure) for sure in (0.49, 0.5, 0.94, 0.95)] == [
        Band.ABSTAIN, Band.REVIEW, Band.REVIEW, Band.ACT,
    ]  # fmt: skip
    # A look as dear as a missed account is never worth it: 20/21 parts acting from leaving alone.
    assert Costs(wrong=20, missed=1, review=1).edges == (20 / 21, 20 / 21)


def test_who_is_alone_has_no_band() -> None:
    assert Costs(20, 2, 1).band(None) is None


@pytest.mark.parametrize("sure", [-0.1, 1.1, math.nan])
def test_what_is_no_probability_has_no_band(sure: float) -> None:
    with pytest.raises(ValueError, match="no probability"):
        Costs(20, 2, 1).band(sure)


@pytest.mark.parametrize("costs", [(0, 1, 1), (1, 0, 1), (1, 1, -1), (math.inf, 1, 1), (1, math.nan, 1)])
def test_costs_that_make_no_sense_cannot_be_built(costs: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="cost more than nothing"):
        Costs(*costs)
