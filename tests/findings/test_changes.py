"""What a change does to clusters, in words."""

from __future__ import annotations

import pytest

from linkage.findings.changes import Flow, changes


@pytest.mark.parametrize(
    ("flows", "told"),
    [
        ([Flow("cl_1", 7, 40), Flow("cl_1", 8, 3)], ["splits cl_1 (43) into 40 + 3"]),
        (
            [Flow("cl_1", 7, 40), Flow("cl_1", 8, 3), Flow("cl_1", None, 1, "account:a")],
            ["splits cl_1 (44) into 40 + 3, and leaves account:a alone"],
        ),
        (
            [Flow("cl_1", 7, 1_000), *(Flow("cl_1", None, 1, f"account:{n}") for n in range(4))],
            ["takes 4 subjects out of cl_1 (1,004), which keeps 1,000"],
        ),
        (
            [Flow("cl_1", None, 1, "account:a"), Flow("cl_1", None, 1, "account:b")],
            ["dissolves cl_1 (2): all its members stand alone"],
        ),
        (
            [Flow("cl_1", 7, 40), Flow("cl_2", 7, 3), Flow("cl_2", 8, 2), Flow(None, 7, 1, "account:a")],
            ["splits cl_2 (5) into 3 + 2", "merges cl_1 (40), 3 of cl_2 and account:a into one cluster of 44"],
        ),
        ([Flow("cl_1", 7, 40), Flow(None, None, 1, "account:a")], []),
    ],
)
def test_each_change_is_a_clause_and_who_stays_with_whom_is_none(flows: list[Flow], told: list[str]) -> None:
    assert changes(flows) == told
