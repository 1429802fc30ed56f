"""The plan of a world: rings, people, places, lives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from linkage.scenario.habits import HABITS, SLEEPER, Habit, Rings, Sizes
from linkage.scenario.population import DAY, WINDOW, Population, populate


@pytest.fixture(scope="module", params=sorted(HABITS))
def habit(request: pytest.FixtureRequest) -> Habit:
    return HABITS[request.param]


@pytest.fixture(scope="module")
def population(habit: Habit) -> Population:
    return populate(habit, 8_000, 5)


def test_lives_begin_before_they_end_within_the_window(population: Population) -> None:
    assert (population.born >= 0).all()
    assert (population.born <= population.wake).all()
    assert (population.wake <= population.end).all()
    assert (population.end < WINDOW).all()


def test_households_hold_whole_people_and_no_ring_members(population: Population) -> None:
    ordinary = population.ordinary
    assert (population.household[ordinary] >= 0).all()
    assert (population.household[population.in_rings] == -1).all()
    assert (population.household[population.person[ordinary]] == population.household[ordinary]).all()


def test_people_have_the_shares_of_further_accounts_that_the_habit_says(habit: Habit) -> None:
    population = populate(habit, 60_000, 5)
    accounts = np.bincount(np.unique(population.person[population.ordinary], return_counts=True)[1])
    share = accounts[1:] / accounts.sum()
    assert share == pytest.approx(habit.people.several, abs=0.01)


def test_a_ring_is_one_actor(population: Population) -> None:
    rings = population.rings
    for first, size in zip(rings.first, rings.size, strict=True):
        assert (population.actor[first : first + size] == first).all()


def test_no_ring_is_larger_than_a_fiftieth_of_the_world_or_the_habits_limit() -> None:
    habit = replace(HABITS["mixed"], rings=Rings(0.3, HABITS["mixed"].rings.styles, sizes=Sizes(5, 500, 900, 1.0)))
    assert populate(habit, 20_000, 1).rings.size.max() <= 400 + 5
    assert populate(habit, 100_000, 1).rings.size.max() <= 900 + 5


def test_sleepers_wake_weeks_after_they_signed_up() -> None:
    habit = replace(HABITS["mixed"], rings=Rings(0.3, (SLEEPER,)))
    population = populate(habit, 10_000, 1)
    asleep = (population.wake - population.born)[population.in_rings] / DAY
    assert np.median(asleep) > 30
    assert asleep.min() > 0


def test_guests_who_sign_up_at_an_event_do_so_on_its_days() -> None:
    population = populate(HABITS["campus"], 30_000, 2)
    event = next(found for found in population.gatherings if found.place.event)
    guests = np.flatnonzero(event.group >= 0)
    late = population.born[guests] - event.held_at[event.group[guests]]
    on_the_day = (late >= 0) & (late < 2 * DAY)
    assert on_the_day.mean() > 0.45


def test_places_take_the_share_of_people_that_the_habit_says(habit: Habit) -> None:
    population = populate(habit, 60_000, 4)
    people = np.unique(population.person[population.ordinary])
    for gathering in population.gatherings:
        there = (gathering.group[people] >= 0).mean()
        assert there == pytest.approx(gathering.place.share, rel=0.15, abs=0.005), gathering.place.name


def test_open_organisations_do_not_make_one_actor_of_their_members() -> None:
    population = populate(HABITS["resellers"], 20_000, 1)
    members = population.organisation >= 0
    assert population.organisation_open.all()
    assert len(np.unique(population.actor[members])) > 0.9 * members.sum()
