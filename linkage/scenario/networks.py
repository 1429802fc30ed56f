"""Addresses: who is given which, and when.

Every network has its own range of the address space, laid out one after the other: homes, then places, then
rings' own exits. A home's lease ends and its address goes to another household of the same provider.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linkage.scenario.draws import Real, Whole, choose, fraction, mix, starts, stream
from linkage.scenario.habits import Habit
from linkage.scenario.population import DAY, WINDOW, Gathering, Population
from linkage.scenario.values import IPV6_BIT

_ALIGN = 1 << 12
_IPV6_DAYS = 75


def _aligned(count: int) -> int:
    return (count + _ALIGN) // _ALIGN * _ALIGN


@dataclass(frozen=True, slots=True)
class Exits:
    """The exits of a gathering: group g has `count[g]` addresses from `first[g]` on."""

    first: Whole
    count: Whole

    def draw(self, group: Whole, generator: np.random.Generator) -> Whole:
        """A random exit of each group."""
        return self.first[group] + (generator.random(len(group)) * self.count[group]).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Lines:
    """Households' lines: the provider's range, lease length and phase; a fixed address where it is kept."""

    base: Whole
    pool: Whole
    lease: Real
    phase: Real
    providers: int
    fixed_base: int
    fixed_share: float
    ipv6_share: float
    seed: int

    def addresses(self, household: Whole, epoch: Whole) -> Whole:
        """The address of each household in each of its lease periods."""
        provider = household % self.providers
        slot = household // self.providers
        pool = self.pool[provider]
        leased = self.base[provider] + (slot + epoch * (pool // 3 * 2 + 1)) % pool
        kept = fraction(mix(household, self.seed * 3 + 1)) < self.fixed_share
        return np.where(kept, self.fixed_base + household, leased)

    def epoch(self, household: Whole, time: Whole) -> Whole:
        """The lease period of each household at each time."""
        provider = household % self.providers
        return np.floor((time + self._phase(household)) / self.lease[provider]).astype(np.int64)

    def period(self, household: Whole, epoch: Whole) -> tuple[Whole, Whole]:
        """When each lease begins and ends; a fixed address is never given back."""
        lease = self.lease[household % self.providers]
        begin = epoch * lease - self._phase(household)
        kept = fraction(mix(household, self.seed * 3 + 1)) < self.fixed_share
        return np.where(kept, 0, begin).astype(np.int64), np.where(kept, WINDOW, begin + lease - 1).astype(np.int64)

    def has_ipv6(self, household: Whole) -> np.ndarray:
        """Whether the line has an IPv6 network too."""
        return fraction(mix(household, self.seed * 3 + 2)) < self.ipv6_share

    def ipv6(self, household: Whole, time: Whole) -> Whole:
        """The /64 of each household at each time."""
        return IPV6_BIT + household * 8 + (time + self._phase(household).astype(np.int64)) // (_IPV6_DAYS * DAY) % 8

    def _phase(self, household: Whole) -> Real:
        """Providers renumber a household at about the same time as its neighbours, within a day."""
        return self.phase[household % self.providers] + fraction(mix(household, self.seed * 3)) * DAY


@dataclass(frozen=True, slots=True)
class Networks:
    """Every range of the world's address space."""

    lines: Lines
    places: tuple[Exits, ...]
    hosting: int

    def exits_named(self, population: Population, name: str) -> Exits | None:
        """The exits of the first place of that name."""
        for exits, gathering in zip(self.places, population.gatherings, strict=True):
            if gathering.place.name == name and len(gathering.size):
                return exits
        return None


def lay_out(habit: Habit, population: Population, seed: int) -> Networks:
    """Give every network its range."""
    generator = stream(seed, "networks")
    homes = habit.homes
    ordinary = population.accounts - population.ring_accounts
    providers = int(max(3, round(ordinary / homes.accounts_per_provider)))
    per_provider = -(-max(population.households, 1) // providers)
    pool = np.maximum(
        8, per_provider * homes.addresses_per_household * generator.uniform(0.95, 1.25, providers)
    ).astype(np.int64)
    begin = int(generator.integers(0, 1 << 22)) * 256
    base = begin + starts((pool + _ALIGN) // _ALIGN * _ALIGN)
    at = int(base[-1]) + _aligned(int(pool[-1]))
    lease = homes.lease_days * np.exp(0.4 * generator.standard_normal(providers)) * DAY
    lines = Lines(
        base=base,
        pool=pool,
        lease=lease,
        phase=generator.random(providers) * lease,
        providers=providers,
        fixed_base=at,
        fixed_share=homes.fixed,
        ipv6_share=homes.ipv6,
        seed=seed,
    )
    at += _aligned(population.households)
    places = []
    for gathering in population.gatherings:
        exits = _exits(gathering, at)
        at += _aligned(int(exits.count.sum()))
        places.append(exits)
    return Networks(lines, tuple(places), at)


def _exits(gathering: Gathering, at: int) -> Exits:
    count = np.maximum(1, np.rint(gathering.size / gathering.place.people_per_exit)).astype(np.int64)
    return Exits(at + starts(count), count)


def within(generator: np.random.Generator, begin: Whole, end: Whole) -> Whole:
    """A random time between begin and end of each."""
    time: Whole = begin + (generator.random(len(begin)) * np.maximum(end - begin, 1)).astype(np.int64)
    return time


def routes(generator: np.random.Generator, weights: np.ndarray, style: Whole) -> Whole:
    """The route of each visit, by the weights of its ring's style (rows of `weights`)."""
    found = np.zeros(len(style), dtype=np.int64)
    for code in range(len(weights)):
        mine = style == code
        found[mine] = choose(generator, weights[code], int(mine.sum()))
    return found
