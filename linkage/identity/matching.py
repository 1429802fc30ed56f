"""Which new cluster keeps which old id.

An old cluster and a new one match by the number of members that they share. The largest overlaps are settled first:
a new cluster takes the id of the old one most of which lives on in it, unless a larger share of that old one lives
on elsewhere. Ties go to the older cluster, then to the smaller id; among new clusters to the larger, then to the
smaller label, so that the answer depends on nothing but the members.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


def heirs(old: Integers, new: Integers, overlap: Integers, old_rank: Integers, new_rank: Integers) -> dict[int, int]:
    """Match old clusters to new ones, each at most once: new → old.

    `old`, `new` and `overlap` are parallel, one entry a pair that shares members; old and new clusters are numbered
    from 0, and `old_rank[i]`, `new_rank[j]` order them where overlaps are equal, lower first.
    """
    order = np.lexsort((new_rank[new], old_rank[old], -overlap))
    taken = np.zeros(len(old_rank), bool)
    matched: dict[int, int] = {}
    for former, heir in zip(old[order].tolist(), new[order].tolist(), strict=True):
        if not taken[former] and heir not in matched:
            taken[former] = True
            matched[heir] = former
    return matched
