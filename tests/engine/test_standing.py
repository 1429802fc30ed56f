"""How a subject stands beside a cluster: what its load and its hours say, and where they say nothing."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.engine.behaviour import gather_activity
from linkage.engine.facts import Facts
from linkage.engine.lessons import gather_world, members_of
from linkage.engine.model import Model
from linkage.engine.standing import (
    ASPECTS,
    HOURS,
    LOAD,
    NOBODYS,
    SIGN_UP,
    profile_both,
    weigh_hours,
    weigh_loads,
    weigh_sign_ups,
)
from linkage.engine.weigh import Weights, sign_up_bits

CLUSTER, ALONE = 0, 1
UNKNOWN = math.nan
CROWD = np.random.default_rng(1).normal(4.0, 1.2, 500).tolist()
POOL = np.random.default_rng(2).normal(6.0, 0.3, 12).tolist()


def _loads(pool: list[float], newcomer: float, crowd: list[float], *, inside: bool = False) -> float:
    """What the load of a newcomer says beside a pool of accounts, of which it may be one already."""
    load = np.array([*pool, newcomer, *crowd])
    alone = np.arange(len(load), dtype=np.int32) - len(pool) + ALONE
    label = np.where(np.arange(len(load)) < len(pool) + inside, CLUSTER, alone).astype(np.int32)
    seen = np.full((1, len(ASPECTS)), np.nan)
    subject, cluster = np.array([len(pool)], np.int32), np.array([CLUSTER], np.int32)
    weigh_loads(seen, subject, cluster, load, label, int(label.max()) + 1)
    assert np.isnan(np.delete(seen[0], LOAD)).all()
    return float(seen[0, LOAD])


def test_who_works_as_hard_as_the_others_is_likelier_one_of_them_than_who_works_as_anybody_does() -> None:
    alike, anybody, idle = (_loads(POOL, load, CROWD) for load in (6.0, 4.0, 1.0))
    assert alike > 1
    assert 0 > anybody > idle


def test_of_few_others_less_is_known() -> None:
    few, many = (_loads(pool, 6.0, CROWD) for pool in (POOL[:2], POOL))
    assert 0 < few < many
    assert _loads(POOL[:2], 4.0, CROWD) > _loads(POOL, 4.0, CROWD)


def test_others_who_work_as_anybody_does_say_nothing() -> None:
    among_anybody = [_loads(CROWD[:300], load, CROWD[300:]) for load in (1.5, 4.0, 6.5)]
    assert among_anybody == pytest.approx([0.0, 0.0, 0.0], abs=0.3)


@settings(deadline=None)
@given(st.lists(st.floats(0, 20), min_size=1, max_size=8), st.floats(0, 20))
def test_a_member_is_compared_with_the_others_and_not_with_itself(pool: list[float], load: float) -> None:
    beside = _loads(pool, load, CROWD)
    assert _loads(pool, load, CROWD, inside=True) == pytest.approx(beside, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("pool", "newcomer", "crowd"),
    [(POOL, UNKNOWN, CROWD), ([UNKNOWN] * 6, 6.0, CROWD)],
    ids=["not its own", "not theirs"],
)
def test_a_load_that_cannot_be_compared_is_not_known(pool: list[float], newcomer: float, crowd: list[float]) -> None:
    assert math.isnan(_loads(pool, newcomer, crowd))


@pytest.mark.parametrize("load", [3.0, UNKNOWN], ids=["everybody's is the same", "nobody's is known"])
def test_a_load_that_tells_nobody_apart_is_lacking(load: float) -> None:
    assert _loads([load] * 6, load, [load] * 50) == NOBODYS


@pytest.mark.parametrize("kept", [True, False])
def test_hours_and_sign_ups_that_are_known_of_nobody_are_told_from_those_of_one_who_has_none(kept: bool) -> None:
    start = pa.array([0] * 4, pa.timestamp("us", "UTC"))
    opened = pa.array([0, 86_400_000_000, 90 * 86_400_000_000, None], pa.timestamp("us", "UTC"))
    accounts, usage = pa.table({"account_id": ["a", "b", "c", "d"]}), None
    if kept:
        accounts = accounts.append_column("created_at", opened)
        usage = pa.table({"account_id": ["a", "b", "c", "c"], "window_start": start})
    world = gather_world("one", Facts(accounts=accounts, usage=usage), Model.load(), bound_by_decisions=True)
    seen = members_of(world, np.zeros(4, np.int32), Model.load()).seen
    assert seen[3, [SIGN_UP, HOURS]] == pytest.approx([UNKNOWN if kept else NOBODYS] * 2, nan_ok=True)
    assert seen[0, SIGN_UP] == NOBODYS if not kept else np.isfinite(seen[0, SIGN_UP])


def test_sign_ups_are_compared_to_the_minute() -> None:
    """Days since 1970 are large numbers, whose squares must not swallow what lies between two of them."""
    opened = [20_000.0, 20_000.5, 20_001.0, 20_001.5, 20_040.0]
    created = np.array(opened, np.float32)
    label = np.array([0, 0, 0, 0, 1], np.int32)
    seen = np.full((1, len(ASPECTS)), np.nan)
    weights = Weights.of(Model.load(), [], 365.0)
    weigh_sign_ups(seen, np.array([4], np.int32), np.array([0], np.int32), created, label, 2, weights)
    share, days = weights.burst_share, weights.burst_days
    spread = float(np.std(opened[:4]))
    exact = sign_up_bits(share, days, 365.0, opened[4], 0.0, float(np.mean(opened[:4])), spread)
    assert seen[0, SIGN_UP] == pytest.approx(exact, abs=1e-4)


def test_a_load_is_the_mean_of_the_logarithms_of_the_requests_in_hours_of_which_they_are_known() -> None:
    subject = np.array([0, 0, 0, 1, 2], np.int32)
    requests = np.array([2.0, 32.0, UNKNOWN, 0.0, UNKNOWN])
    load = gather_activity(subject, np.arange(5, dtype=np.int32), 4, requests).load
    assert load.tolist() == pytest.approx([3.0, 0.0, UNKNOWN, UNKNOWN], nan_ok=True)


@pytest.mark.parametrize("counted", [True, False])
def test_requests_of_an_hour_are_those_of_all_its_rows_where_a_provider_counts_them(counted: bool) -> None:
    start = pa.array([0, 0, 3_600_000_000], pa.timestamp("us", "UTC"))
    usage = pa.table({"account_id": ["a", "a", "a"], "window_start": start})
    if counted:
        usage = usage.append_column("requests", pa.array([3, 5, 2]))
    accounts = pa.table({"account_id": ["a"]})
    world = gather_world("one", Facts(accounts=accounts, usage=usage), Model.load(), bound_by_decisions=True)
    activity = world.gathered.activity
    assert activity.hour.tolist()[1] - activity.hour.tolist()[0] == 1
    assert activity.load.tolist() == pytest.approx([(3 + 1) / 2 if counted else UNKNOWN], nan_ok=True)


def _hours(newcomer: list[int]) -> float:
    """What the hours of a newcomer say beside six members who work every third day."""
    sessions = [day * 24 + 9 for day in range(0, 60, 3)]
    work = [*[sessions] * 6, newcomer]
    subject = np.repeat(np.arange(7, dtype=np.int32), [len(hours) for hours in work])
    activity = gather_activity(subject, np.concatenate(work).astype(np.int32), 7)
    label = np.array([CLUSTER] * 6 + [ALONE], np.int32)
    size = np.bincount(label).astype(np.int32)
    seen = np.full((1, len(ASPECTS)), np.nan)
    weights = Weights.of(Model.load(), [])
    beside = np.array([6], np.int32), np.array([CLUSTER], np.int32)
    weigh_hours(seen, *beside, label, size, profile_both(label, 2, activity), activity, weights)
    return float(seen[0, HOURS])


def test_hours_of_which_too_little_is_known_are_not_known() -> None:
    assert np.isfinite(_hours([9, 81, 153]))
    assert np.isnan(_hours([9, 81]))  # too few of its own
    assert np.isnan(_hours([82, 83, 84]))  # in a life too short for theirs
