"""How many members fall into each band."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.engine import Facts, Model, resolve
from linkage.engine.bands import count_bands
from linkage.model.band import Band, Costs
from tests.engine.conftest import decided, observed


@given(st.lists(st.floats(0, 1), max_size=30), st.floats(0.1, 50), st.floats(0.1, 50), st.floats(0, 10))
def test_counts_are_those_of_asking_one_by_one(sure: list[float], wrong: float, missed: float, review: float) -> None:
    costs = Costs(wrong, missed, review)
    asked = [costs.band(one) for one in sure]
    counts = count_bands(np.array(sure), costs)
    assert counts == {band.value: asked.count(band) for band in (Band.ACT, Band.REVIEW, Band.ABSTAIN)}


def test_a_resolution_counts_members_of_clusters_and_nobody_who_is_alone() -> None:
    # A single account has confidence 1, and no actor to act against.
    facts = Facts(observations=observed([("c", "email", "own")]), decisions=decided([("a", "b", "same")]))
    summary = resolve(facts).summary
    assert summary["bands"] == {"act": 2, "review": 0, "abstain": 0}
    assert summary["costs"] == pytest.approx(Model.load().bands.model_dump())
