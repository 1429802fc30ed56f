"""When accounts work: the usage table.

Ordinary accounts: a few hours now and then, heavy users, daily and weekly jobs at popular hours, and days when a
new model is released and everybody comes. Rings: hours they share, hand-off between groups at quotas, or
blending with everybody else. Naive synchrony finds the daily jobs first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from linkage.scenario.draws import Whole, choose, fraction, mix, spread, starts, stream
from linkage.scenario.habits import Habit
from linkage.scenario.population import DAY, WINDOW, Population

HOUR = 3_600
_HOURS = WINDOW // HOUR
#: Requests by hour of the day where somebody lives: asleep, at work, in the evening.
_DAY_SHAPE = np.array([1, 1, 1, 1, 1, 2, 4, 7, 10, 12, 12, 11, 10, 11, 12, 12, 11, 10, 9, 9, 9, 8, 5, 2], dtype=float)
_WEEKEND = 0.45
_LONGEST_JOB = 130
_SHARED_SESSION_DAYS = 2.5
_SHARED_SESSION_HOURS = 4
_GROUPS = 4
_QUOTA_HOURS = 3


@dataclass(frozen=True, slots=True)
class Hours:
    """Usage rows: account number, hour of the window, a size factor."""

    account: Whole
    hour: Whole
    load: np.ndarray


def work(habit: Habit, population: Population, seed: int) -> Iterator[Hours]:
    """Every hour in which an account worked; who comes on a release day may stand twice in an hour."""
    generator = stream(seed, "usage")
    ordinary = population.ordinary
    usage = habit.usage
    shares = (usage.casual, usage.heavy, usage.daily, usage.weekly)
    part = choose(generator, (*shares, max(0.0, 1 - sum(shares))), len(ordinary))
    yield _now_and_then(generator, population, ordinary[part == 0], usage.casual_hours, 1.0)
    yield _now_and_then(generator, population, ordinary[part == 1], usage.heavy_hours, 5.0)
    yield _jobs(generator, habit, population, ordinary[part == 2], DAY)
    yield _jobs(generator, habit, population, ordinary[part == 3], 7 * DAY)
    yield _releases(generator, habit, population, seed)
    yield from _rings(habit, population, seed)


def release_times(habit: Habit, seed: int) -> Whole:
    """When new models came out: on Tuesdays to Thursdays, in the afternoon."""
    number = habit.usage.releases
    generator = stream(seed, "releases")
    days = np.sort((np.arange(number) + generator.random(number)) * WINDOW / max(number, 1) / DAY).astype(np.int64)
    days = days // 7 * 7 + generator.integers(5, 8, number)  # the window begins on a Thursday
    return days * DAY + generator.integers(14, 18, number) * HOUR


def _alive(population: Population, account: Whole, hour: Whole) -> np.ndarray:
    time = hour * HOUR
    return (time >= population.wake[account] - HOUR) & (time <= population.end[account]) & (hour < _HOURS) & (hour >= 0)


def _hours(population: Population, generator: np.random.Generator, account: Whole, hour: Whole, load: float) -> Hours:
    kept = _alive(population, account, hour)
    account, hour = np.divmod(np.unique(account[kept] * _HOURS + hour[kept]), _HOURS)
    return Hours(account, hour, load * np.exp(0.9 * generator.standard_normal(len(account))))


def _daytime(generator: np.random.Generator, population: Population, who: Whole) -> Whole:
    """An hour of each account's life, by the shape of its days and weeks."""
    begin, end = population.wake[who] // DAY, population.end[who] // DAY
    day = begin + (generator.random(len(who)) * (end - begin + 1)).astype(np.int64)
    # 2026-01-01 is a Thursday: days 2 and 3 of each seven are the week-end.
    away = np.isin(day % 7, (2, 3)) & (generator.random(len(who)) > _WEEKEND)
    day = np.where(away, np.minimum(day + 2, end), day)
    zone = (fraction(mix(population.person[who], 91)) * 3).astype(np.int64) * 7
    return day * 24 + (choose(generator, _DAY_SHAPE.tolist(), len(who)) + zone) % 24


def _now_and_then(
    generator: np.random.Generator, population: Population, chosen: Whole, mean: float, load: float
) -> Hours:
    rows = 1 + generator.negative_binomial(1.2, 1.2 / (1.2 + mean - 1), len(chosen)) if len(chosen) else chosen
    who = chosen[spread(rows)] if len(chosen) else chosen
    return _hours(population, generator, who, _daytime(generator, population, who), load)


def _jobs(generator: np.random.Generator, habit: Habit, population: Population, chosen: Whole, period: int) -> Hours:
    """The same hour every day, or every week, for as long as the account lives."""
    life = population.end[chosen] - population.wake[chosen]
    runs = np.minimum(1 + life // period, _LONGEST_JOB)
    who = spread(runs)
    turn = np.arange(len(who)) - starts(runs)[who]
    at = generator.choice(np.array(habit.usage.job_hours), len(chosen))
    hour = ((population.wake[chosen][who] // DAY) * DAY + turn * period) // HOUR + at[who]
    kept = generator.random(len(who)) > 0.06
    return _hours(population, generator, chosen[who][kept], hour[kept], 3.0)


def _releases(generator: np.random.Generator, habit: Habit, population: Population, seed: int) -> Hours:
    times = release_times(habit, seed)
    drawn = [np.flatnonzero(generator.random(population.accounts) < habit.usage.release) for _ in times]
    who = np.concatenate(drawn) if drawn else np.zeros(0, dtype=np.int64)
    when = np.repeat(times, [len(part) for part in drawn])
    hour = when // HOUR + np.minimum(generator.exponential(3, len(who)), 30).astype(np.int64)
    return _hours(population, generator, who, hour, 2.0)


def _rings(habit: Habit, population: Population, seed: int) -> Iterator[Hours]:
    generator = stream(seed, "ring usage")
    members = population.in_rings
    if not len(members):
        return
    style = population.rings.style[population.ring[members]]
    behaviour = population.rings.behaviour[population.ring[members]]
    mean = np.array([s.hours for s in habit.rings.styles])[style]
    rows = 1 + generator.poisson(mean * np.exp(0.5 * generator.standard_normal(len(members))))
    for code, (hours_of, load) in enumerate(((_shared, 4.0), (_handed_off, 5.0), (_blended, 2.0))):
        mine = behaviour == code
        who = members[mine][spread(rows[mine])]
        yield _hours(population, generator, who, hours_of(generator, population, who), load)


def _blended(generator: np.random.Generator, population: Population, who: Whole) -> Whole:
    return _daytime(generator, population, who)


def _shared(generator: np.random.Generator, population: Population, who: Whole) -> Whole:
    """Sessions of the ring, every two or three days at an hour of its choosing; one row in six is the account's own."""
    ring = population.ring[who]
    spacing = _SHARED_SESSION_DAYS * DAY / HOUR
    begin, end = population.wake[who] / HOUR / spacing, population.end[who] / HOUR / spacing
    session = np.floor(begin + generator.random(len(who)) * (end - begin + 1)).astype(np.int64)
    start = session * spacing + fraction(mix(ring * 100_003 + session, 51)) * (spacing - _SHARED_SESSION_HOURS)
    hour = start.astype(np.int64) + (generator.random(len(who)) * _SHARED_SESSION_HOURS).astype(np.int64)
    own = generator.random(len(who)) < 1 / 6
    return np.where(own, _daytime(generator, population, who), hour)


def _handed_off(generator: np.random.Generator, population: Population, who: Whole) -> Whole:
    """Groups of the ring work in turn: at its quota one stops and the next goes on within the hour or two."""
    ring = population.ring[who]
    groups = np.minimum(_GROUPS, np.maximum(2, population.rings.size[ring] // 4))
    group = (mix(who, 53) % groups.astype(np.uint64)).astype(np.int64)
    cycle = groups * _QUOTA_HOURS
    begin, end = population.wake[who] / HOUR / cycle, population.end[who] / HOUR / cycle
    turn = np.floor(begin + generator.random(len(who)) * (end - begin + 1)).astype(np.int64)
    boundary = fraction(mix((ring * 100_003 + turn) * 8 + group, 55)) * 1.5
    inside = generator.random(len(who)) * _QUOTA_HOURS
    hour: Whole = (turn * cycle + group * _QUOTA_HOURS + boundary + inside).astype(np.int64)
    return hour
