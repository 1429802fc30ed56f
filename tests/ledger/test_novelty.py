"""Runs of hashes answer as a plain set would."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from linkage.ledger.novelty import Hashes, Runs

pairs = st.tuples(st.integers(0, 6), st.integers(0, 6))  # few values, so that first words collide


def hashes(rows: list[tuple[int, int]]) -> Hashes:
    array = np.array(sorted(rows) or np.empty((0, 2)), np.uint64)
    return Hashes(array[:, 0], array[:, 1])


@given(st.lists(st.lists(pairs, max_size=12), max_size=12), st.lists(pairs, min_size=1, max_size=20))
def test_runs_hold_what_was_added_and_nothing_else(added: list[list[tuple[int, int]]], asked: list) -> None:
    runs = Runs()
    for rows in added:
        runs.add(hashes(rows))
    known = {row for rows in added for row in rows}
    expected = [row in known for row in sorted(asked)]
    assert runs.hold(hashes(asked)).tolist() == expected
    assert len(runs) == sum(map(len, added))
    assert len(runs.merged()) == len(runs)
    assert runs.hold(hashes(asked)).tolist() == expected
