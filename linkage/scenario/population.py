"""Who is in a world: rings, people, households, places, and when their accounts live.

Accounts are numbered with rings first and ordinary people after them; the numbers are shuffled when they are
written out. Everything an account owns is named by the number of the account that owned it first, so that
sharing is one account's number standing in another's row.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import numpy as np

from linkage.scenario.draws import Flags, Real, Whole, choose, cut, mix, spread, starts, stream
from linkage.scenario.habits import Habit, Place, Sizes

#: The window of every world: 2026-01-01 and 181 days, in seconds.
DAY = 86_400
WINDOW = 181 * DAY
BEHAVIOURS = ("shared hours", "hand-off", "blending")
EVASION = ("low", "medium", "high")
#: How much of the way to "nothing shared" a ring's pools go at each level of evasion.
_EVASION_PULL = (0.0, 0.18, 0.4)
_SMALLEST_RING = 5


@dataclass(frozen=True, slots=True)
class RingPlan:
    """One entry a ring: the accounts are first … first + size − 1."""

    first: Whole
    size: Whole
    style: Whole
    evasion: Whole
    behaviour: Whole
    pull: Real
    start: Whole


@dataclass(frozen=True, slots=True)
class Gathering:
    """A place with its people: `group` per account (−1: not there), `size` per group, `held_at` for events."""

    place: Place
    group: Whole
    size: Whole
    held_at: Whole


@dataclass(frozen=True, slots=True)
class Population:
    """One entry an account unless said otherwise; times in seconds from the start of the window.

    `ring` is −1 for ordinary accounts; `person` is the first account of the person (rings: the account itself);
    `household` numbers ordinary households and is −1 for ring accounts; `household_first` is its first account.
    """

    accounts: int
    ring_accounts: int
    ring: Whole
    person: Whole
    household: Whole
    household_first: Whole
    households: int
    born: Whole
    wake: Whole
    end: Whole
    actor: Whole
    organisation: Whole
    organisation_open: Flags
    organisation_ring: Whole
    rings: RingPlan
    gatherings: tuple[Gathering, ...]

    @property
    def ordinary(self) -> Whole:
        """The accounts of ordinary people."""
        return np.arange(self.ring_accounts, self.accounts)

    @property
    def in_rings(self) -> Whole:
        """The accounts of rings."""
        return np.arange(self.ring_accounts)


def populate(habit: Habit, accounts: int, seed: int) -> Population:
    """Plan the world's accounts."""
    rings = _plan_rings(habit, accounts, stream(seed, "rings"))
    ring_accounts = int(rings.size.sum())
    ring = np.full(accounts, -1)
    ring[:ring_accounts] = spread(rings.size)
    person, household, household_first = _plan_people(habit, accounts, ring_accounts, stream(seed, "people"))
    born, wake, end = np.zeros((3, accounts), dtype=np.int64)
    born[ring_accounts:], end[ring_accounts:] = _lives(habit, accounts - ring_accounts, stream(seed, "lives"))
    born[:ring_accounts], wake[:ring_accounts], end[:ring_accounts] = _ring_lives(
        habit, rings, ring[:ring_accounts], stream(seed, "ring lives")
    )
    gatherings = tuple(
        _gather(place, person, born, end, ring_accounts, stream(seed, "place", str(number), place.name))
        for number, place in enumerate(habit.places)
    )
    wake[ring_accounts:] = born[ring_accounts:]
    organisation, is_open, shell_of = _organisations(habit, gatherings, rings, ring[:ring_accounts], accounts)
    return Population(
        accounts=accounts,
        ring_accounts=ring_accounts,
        ring=ring,
        person=person,
        household=household,
        household_first=household_first,
        households=int(household.max(initial=-1)) + 1,
        born=born,
        wake=wake,
        end=end,
        actor=_actors(rings, ring, person, gatherings),
        organisation=organisation,
        organisation_open=is_open,
        organisation_ring=shell_of,
        rings=rings,
        gatherings=gatherings,
    )


def _plan_rings(habit: Habit, accounts: int, generator: np.random.Generator) -> RingPlan:
    wanted = round(accounts * habit.rings.share)
    largest = max(_SMALLEST_RING + 3, accounts // 50)
    size = cut(generator, wanted, _capped(habit, largest))
    number = len(size)
    generator.shuffle(size)
    style = _dealt([style.weight for style in habit.rings.styles], number, generator)
    evasion = choose(generator, habit.rings.evasion, number)
    behaviour = np.zeros(number, dtype=np.int64)
    for code, ring_style in enumerate(habit.rings.styles):
        mine = style == code
        behaviour[mine] = _dealt(ring_style.behaviour, int(mine.sum()), generator)
    return RingPlan(
        first=starts(size),
        size=size,
        style=style,
        evasion=evasion,
        behaviour=behaviour,
        pull=np.take(_EVASION_PULL, evasion) * generator.uniform(0.7, 1.3, number),
        start=(generator.random(number) * 0.8 * WINDOW).astype(np.int64),
    )


def _capped(habit: Habit, largest: int) -> Sizes:
    sizes = habit.rings.sizes
    return replace(sizes, high=min(sizes.high, largest))


def _dealt(weights: tuple[float, ...] | list[float], number: int, generator: np.random.Generator) -> Whole:
    """Codes in proportion to the weights rather than by chance, shuffled: small worlds have every style too."""
    edges = np.cumsum(weights) / np.sum(weights)
    places = (np.arange(number) + generator.random()) / max(number, 1)
    codes = np.minimum(np.searchsorted(edges, places, side="right"), len(weights) - 1)
    generator.shuffle(codes)
    return codes


def _plan_people(
    habit: Habit, accounts: int, ring_accounts: int, generator: np.random.Generator
) -> tuple[Whole, Whole, Whole]:
    ordinary = accounts - ring_accounts
    per_person = 1 + choose(generator, habit.people.several, ordinary)
    per_person = _trimmed(per_person, ordinary)
    per_household = 1 + choose(generator, habit.people.households, len(per_person))
    per_household = _trimmed(per_household, len(per_person))
    person_first = starts(per_person)
    household_of_person = spread(per_household)
    person = np.arange(accounts)
    person[ring_accounts:] = ring_accounts + np.repeat(person_first, per_person)
    household = np.full(accounts, -1)
    household[ring_accounts:] = np.repeat(household_of_person, per_person)
    first = np.arange(accounts)
    first[ring_accounts:] = ring_accounts + np.repeat(
        person_first[starts(per_household)][household_of_person], per_person
    )
    return person, household, first


def _trimmed(sizes: Whole, total: int) -> Whole:
    """The first sizes that add up to exactly `total`."""
    if total == 0:
        return sizes[:0]
    ends = np.cumsum(sizes)
    last = int(np.searchsorted(ends, total, side="left"))
    kept = sizes[: last + 1].copy()
    kept[-1] -= ends[last] - total
    return kept


def _lives(habit: Habit, number: int, generator: np.random.Generator) -> tuple[Whole, Whole]:
    born = (np.power(generator.random(number), habit.people.growth) * (WINDOW - DAY)).astype(np.int64)
    life = (generator.exponential(habit.people.life_days, number) + 0.5) * DAY
    end = np.minimum(born + life, WINDOW - 1)
    end = np.where(generator.random(number) < habit.people.stay, WINDOW - 1, end)
    return born, end.astype(np.int64)


def _of_style(habit: Habit, rings: RingPlan, value: str) -> Real:
    """The named number of each ring's style."""
    return np.array([getattr(style, value) for style in habit.rings.styles], dtype=np.float64)[rings.style]


def _ring_lives(
    habit: Habit, rings: RingPlan, ring: Whole, generator: np.random.Generator
) -> tuple[Whole, Whole, Whole]:
    """Sign-ups come in bursts of the ring's campaign; sleepers wake later, all of a ring within days."""
    number = len(ring)
    bursts = 1 + (rings.size / _of_style(habit, rings, "burst")).astype(np.int64)
    burst = (generator.random(number) * bursts[ring]).astype(np.int64)
    campaign = habit.rings.campaign_days * DAY * np.exp(0.6 * generator.standard_normal(len(rings.size)))
    hours = _of_style(habit, rings, "burst_hours")[ring]
    when = fraction_of(burst, ring, "burst") * campaign[ring]
    born = rings.start[ring] + when + generator.exponential(1, number) * hours * 3_600
    born = np.minimum(born, WINDOW - 2 * DAY)
    asleep = np.array([style.sleep_days for style in habit.rings.styles], dtype=np.float64)[rings.style]
    sleep = asleep[:, 0] + generator.random(len(rings.size)) * (asleep[:, 1] - asleep[:, 0])
    born = np.where(sleep[ring] > 0, np.minimum(born, WINDOW - (sleep[ring] + 4) * DAY), born)
    born = np.maximum(born, 0)
    jitter = generator.exponential(1.5, number) * DAY
    wake = np.where(sleep[ring] > 0, np.minimum(born + sleep[ring] * DAY + jitter, WINDOW - DAY), born)
    life = (generator.exponential(1, number) * _of_style(habit, rings, "life_days")[ring] + 1) * DAY
    end = np.minimum(wake + life, WINDOW - 1)
    return born.astype(np.int64), wake.astype(np.int64), end.astype(np.int64)


def fraction_of(number: Whole, group: Whole, salt: str) -> Real:
    """A number in [0, 1) that depends on (number, group) only."""
    words = mix(np.asarray(group) * 1_000_003 + number, zlib.crc32(salt.encode()))
    return (words >> np.uint64(11)).astype(np.float64) / float(2**53)


def _gather(
    place: Place, person: Whole, born: Whole, end: Whole, ring_accounts: int, generator: np.random.Generator
) -> Gathering:
    """Who goes there. Events move the sign-up of their newcomers, so `born` and `end` change in place."""
    accounts = len(person)
    heads = np.unique(person[ring_accounts:])
    going = heads[generator.random(len(heads)) < place.share]
    generator.shuffle(going)
    size = _network_sizes(place, len(going)) if place.networks else cut(generator, len(going), place.sizes)
    group_of = np.full(accounts, -1)
    group_of[going[: int(size.sum())]] = spread(size)
    group = group_of[person]
    held_at = ((0.1 + 0.8 * generator.random(len(size))) * WINDOW).astype(np.int64)
    if place.event and len(size):
        there = np.flatnonzero(group >= 0)
        new = there[generator.random(len(there)) < place.newcomers]
        signed_up = held_at[group[new]] + (generator.random(len(new)) * 1.5 * DAY).astype(np.int64)
        end[new] = np.minimum(np.maximum(end[new] - born[new], DAY) + signed_up, WINDOW - 1)
        born[new] = signed_up
    return Gathering(place, group, size, held_at)


def _network_sizes(place: Place, total: int) -> Whole:
    shares = 1.0 / np.arange(1, place.networks + 1)
    size = np.floor(total * shares / shares.sum()).astype(np.int64)
    crowded: Whole = size[size > 0]
    return crowded


def _organisations(
    habit: Habit, gatherings: tuple[Gathering, ...], rings: RingPlan, ring: Whole, accounts: int
) -> tuple[Whole, Flags, Whole]:
    """The declared organisation of each account (−1: none), which are of an open kind, and whose shell each is."""
    found = np.full(accounts, -1)
    is_open: list[Flags] = []
    number = 0
    for gathering in gatherings:
        if gathering.place.organisation:
            members = (gathering.group >= 0) & (found < 0)
            found[members] = gathering.group[members] + number
            number += len(gathering.size)
            is_open.append(np.full(len(gathering.size), gathering.place.organisation == "open"))
    shell = _of_style(habit, rings, "declared").astype(np.int64)
    shells = np.where(shell > 0, -(-rings.size // np.maximum(shell, 1)), 0)
    declared = np.flatnonzero(shell[ring] > 0)
    if len(declared):
        mine = ring[declared]
        within = (declared - rings.first[mine]) // shell[mine]
        found[declared] = number + (np.cumsum(shells) - shells)[mine] + within
        is_open.append(np.zeros(int(shells.sum()), dtype=bool))
    shell_of = np.concatenate([np.full(number, -1), np.repeat(np.arange(len(shells)), shells)])
    return found, np.concatenate(is_open) if is_open else np.zeros(0, dtype=bool), shell_of


def _actors(rings: RingPlan, ring: Whole, person: Whole, gatherings: tuple[Gathering, ...]) -> Whole:
    """The actor by the first account it runs; a declared customer is one actor, whoever its members are."""
    actor = np.where(ring >= 0, rings.first[ring] if len(rings.first) else person, person)
    taken = ring >= 0
    for gathering in gatherings:
        if gathering.place.organisation == "customer" and len(gathering.size):
            members = np.flatnonzero((gathering.group >= 0) & ~taken)
            first = np.full(len(gathering.size), len(person))
            np.minimum.at(first, gathering.group[members], members)
            actor[members] = first[gathering.group[members]]
            taken[members] = True
    return actor
