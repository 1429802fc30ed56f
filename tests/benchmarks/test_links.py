"""Who has the same companions in two partitions."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.links import companions

LABELS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30)


@given(LABELS)
def test_an_account_agrees_where_both_partitions_give_it_the_same_companions(labels: list[tuple[int, int]]) -> None:
    left, right = [one for one, _ in labels], [f"c{other}" for _, other in labels]
    found = companions(left, right)
    for at in range(len(labels)):
        ours = {other for other in range(len(labels)) if left[other] == left[at]}
        theirs = {other for other in range(len(labels)) if right[other] == right[at]}
        assert found[at] == (ours == theirs)


def test_equal_partitions_agree_whatever_their_names() -> None:
    assert companions([3, 3, 1], ["x", "x", "y"]).all()
    assert np.array_equal(companions([1, 1, 2], [1, 2, 2]), [False, False, False])
