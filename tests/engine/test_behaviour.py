"""Behaviour: working in the same hours, against what chance and habit explain."""

from __future__ import annotations

import numpy as np
import pytest

from linkage.engine import Model
from linkage.engine.behaviour import gather_activity, profile_clusters, synchrony_bits
from linkage.engine.weigh import Weights

WEIGHTS = Weights.of(Model.load(), [])
COSTS_AT_MOST = np.log2(1 - WEIGHTS.coordinated)
WEEKS = 8
CORE, NEWCOMER, EVERYBODY = 0, 1, 2


def _bits(core: list[list[int]], newcomer: list[int], crowd: list[list[int]]) -> float:
    """Bits between a core of several members and a newcomer, in hours since a Monday at midnight."""
    subjects = [*core, newcomer, *crowd]
    subject = np.repeat(np.arange(len(subjects), dtype=np.int32), [len(hours) for hours in subjects])
    activity = gather_activity(subject, np.concatenate([sorted(hours) for hours in subjects]), len(subjects))
    label = np.array([CORE] * len(core) + [NEWCOMER] + [EVERYBODY] * len(crowd), np.int32)
    return float(synchrony_bits(CORE, NEWCOMER, profile_clusters(activity, label, 3), activity, WEIGHTS))


def _anybody(seed: int, count: int) -> list[list[int]]:
    """People who work now and then, by day."""
    draw = np.random.default_rng(seed)
    days = draw.integers(0, WEEKS * 7, (count, 12))
    return [
        sorted({int(day * 24 + hour) for day, hour in zip(row, draw.integers(7, 23, 12), strict=True)}) for row in days
    ]


CROWD = _anybody(1, 400)
SESSIONS = [day * 24 + (7 * day) % 24 for day in range(0, WEEKS * 7, 3)]


def test_who_works_in_the_odd_hours_of_a_core_is_likely_its_own() -> None:
    core = [[hour + member % 3 for hour in SESSIONS] for member in range(6)]
    assert _bits(core, [hour + 1 for hour in SESSIONS[:14]], CROWD) == pytest.approx(WEIGHTS.behaviour_cap)


def test_anybody_is_as_often_in_a_core_s_hours_as_chance_has_it() -> None:
    core = [[hour + member % 3 for hour in SESSIONS] for member in range(6)]
    bits = np.array([_bits(core, hours, CROWD) for hours in _anybody(2, 200)])
    # a Bayes factor is 1 on average where the null holds, and rarely large
    assert np.mean(2.0**bits) < 1.5
    assert np.mean(bits > 5) <= 0.01


def test_two_daily_jobs_at_noon_say_nothing_about_each_other() -> None:
    noon = [day * 24 + 12 for day in range(WEEKS * 7)]
    assert abs(_bits([noon] * 6, noon, CROWD)) < 1.5


def test_a_weekly_job_explains_its_own_weeks() -> None:
    weekly = [week * 168 + 20 for week in range(WEEKS)]
    assert _bits([weekly] * 6, weekly, CROWD) < 5


def test_a_day_that_brings_everybody_is_no_sign() -> None:
    release = [30 * 24 + hour for hour in range(14, 20)]
    crowd = [sorted({*hours, *release}) for hours in CROWD]
    core = [sorted({*hours, *release}) for hours in _anybody(3, 6)]
    assert _bits(core, sorted({*_anybody(4, 1)[0], *release}), crowd) < 1


def test_too_little_work_says_nothing() -> None:
    core = [SESSIONS] * 6
    assert _bits(core, SESSIONS[:2], CROWD) == 0
    assert _bits([[hour] for hour in SESSIONS[:3]], [hour + 2000 for hour in SESSIONS], CROWD) == 0


def test_working_at_other_hours_costs_little_since_not_every_actor_coordinates() -> None:
    core = [[hour + member % 3 for hour in SESSIONS] for member in range(6)]
    assert COSTS_AT_MOST - 1e-9 <= _bits(core, [hour + 36 for hour in SESSIONS[:14]], CROWD) < 0
