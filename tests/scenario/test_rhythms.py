"""Usage: jobs at round hours, release days, and the ways rings work."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from linkage.scenario.habits import HABITS, HANDOFF, SLOPPY, Habit, Rings, RingStyle
from linkage.scenario.population import DAY, Population, populate
from linkage.scenario.rhythms import HOUR, release_times, work


def worked(habit: Habit, accounts: int = 10_000) -> tuple[Population, np.ndarray, np.ndarray]:
    population = populate(habit, accounts, 2)
    parts = list(work(habit, population, 2))
    return population, np.concatenate([p.account for p in parts]), np.concatenate([p.hour for p in parts])


def of_rings(style: RingStyle) -> Habit:
    return replace(HABITS["mixed"], rings=Rings(0.3, (style,)))


def crowding(population: Population, account: np.ndarray, hour: np.ndarray) -> float:
    """How much a ring's work falls together: same-hour pairs of a ring, over those of its members' hours shuffled."""
    mine = account < population.ring_accounts
    ring, hour = population.ring[account[mine]], hour[mine]

    def pairs(hours: np.ndarray) -> float:
        _, counts = np.unique(ring * 10_000 + hours, return_counts=True)
        return float((counts * (counts - 1)).sum())

    generator = np.random.default_rng(1)
    shuffled = hour.copy()
    for number in range(len(population.rings.size)):
        where = np.flatnonzero(ring == number)
        shift = generator.integers(-60, 60, len(where))
        shuffled[where] = hour[where] + shift
    return pairs(hour) / pairs(shuffled)


def test_rings_with_shared_hours_work_together_far_above_chance() -> None:
    assert crowding(*worked(of_rings(replace(SLOPPY, behaviour=(1.0, 0.0, 0.0))))) > 4


def test_rings_that_blend_do_not() -> None:
    assert crowding(*worked(of_rings(replace(SLOPPY, behaviour=(0.0, 0.0, 1.0))))) < 2


def test_groups_of_a_hand_off_ring_work_one_after_the_other() -> None:
    population, account, hour = worked(of_rings(HANDOFF))
    largest = int(np.argmax(population.rings.size))
    mine = population.ring[account] == largest
    members = np.unique(account[mine])
    hours = {int(who): set(hour[mine & (account == who)].tolist()) for who in members}
    overlap = np.array([[len(hours[a] & hours[b]) for b in hours] for a in hours])
    # Accounts fall into groups: some pairs share hours often, most never do.
    others = overlap[~np.eye(len(members), dtype=bool)]
    assert (others == 0).mean() > 0.5
    assert others.max() >= 3


def test_jobs_at_round_hours_are_what_the_busiest_hours_of_the_day_show() -> None:
    _, _, hour = worked(HABITS["enterprise"])
    by_hour = np.bincount(hour % 24, minlength=24)
    assert set(np.argsort(by_hour)[-4:].tolist()) & set(HABITS["enterprise"].usage.job_hours)


def test_release_days_move_everybody() -> None:
    habit = HABITS["retail"]
    _, account, hour = worked(habit)
    days = np.bincount(hour // 24, minlength=200).astype(float)
    released = release_times(habit, 2) // DAY
    released = released[(released >= 14) & (released < 174)]
    assert len(released) >= 2
    usual = (days[released - 7] + days[released + 7]) / 2
    assert (days[released] > 1.15 * usual).all()
    assert len(np.unique(account)) > 5_000


def test_nobody_works_before_waking_or_after_the_end() -> None:
    population, account, hour = worked(HABITS["mixed"])
    assert (hour * HOUR >= population.wake[account] - HOUR).all()
    assert (hour * HOUR <= population.end[account]).all()
