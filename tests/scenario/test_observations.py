"""What rings and ordinary people share, and that what looks shared was shared for the stated reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from linkage.scenario.habits import CAREFUL, HABITS, HYDRA, Habit, People, Rings
from linkage.scenario.networks import lay_out
from linkage.scenario.observations import Rows, belongings, observe
from linkage.scenario.population import DAY, Population, populate


def world(habit: Habit, accounts: int = 10_000, seed: int = 2) -> tuple[Population, list[Rows]]:
    population = populate(habit, accounts, seed)
    return population, list(observe(habit, population, lay_out(habit, population, seed), seed))


def of_kind(rows: list[Rows], kind: str) -> tuple[np.ndarray, np.ndarray]:
    mine = [part for part in rows if part.kind == kind]
    return np.concatenate([part.account for part in mine]), np.concatenate([part.owner for part in mine])


def test_hydra_accounts_have_a_device_each_and_cards_in_common() -> None:
    habit = replace(HABITS["mixed"], rings=Rings(0.4, (replace(HYDRA, stolen=0.0),), evasion=(1, 0, 0)))
    population = populate(habit, 10_000, 2)
    own = belongings(habit, population, 2)
    members = population.in_rings
    assert len(np.unique(own.device[members])) == len(members)
    cards = own.card[members]
    assert len(np.unique(cards[cards >= 0])) < 0.5 * (cards >= 0).sum()


def test_no_ring_reaches_into_another_rings_pools() -> None:
    habit = replace(HABITS["mixed"], rings=replace(HABITS["mixed"].rings, share=0.4))
    population = populate(habit, 10_000, 2)
    own = belongings(habit, population, 2)
    for owner in (own.device, own.mailbox, own.phone):
        members = population.in_rings[owner[population.in_rings] >= 0]
        assert (population.ring[owner[members]] == population.ring[members]).all()


def test_a_share_of_the_rings_cards_is_ordinary_peoples() -> None:
    habit = replace(HABITS["mixed"], rings=Rings(0.4, (replace(CAREFUL, stolen=0.25),)))
    population = populate(habit, 20_000, 2)
    own = belongings(habit, population, 2)
    cards = np.unique(own.card[population.in_rings])
    victims = set(own.card[population.ordinary].tolist())
    stolen = [card for card in cards[cards >= 0].tolist() if card in victims]
    assert len(stolen) / (cards >= 0).sum() == pytest.approx(0.25, abs=0.04)


def test_harder_evasion_means_larger_pools() -> None:
    def devices(evasion: tuple[float, float, float]) -> int:
        habit = replace(HABITS["mixed"], rings=Rings(0.4, (CAREFUL,), evasion=evasion))
        population = populate(habit, 10_000, 2)
        return len(np.unique(belongings(habit, population, 2).device[population.in_rings]))

    assert devices((0, 0, 1)) > 1.2 * devices((1, 0, 0))


def test_a_second_hand_device_was_given_up_before_it_was_taken_over() -> None:
    people = People(family_device=0, own_device=1, second_hand=0.3, several=(1.0,), households=(1.0,), devices=1.0)
    habit = replace(HABITS["mixed"], people=people, places=())
    population = populate(habit, 10_000, 2)
    owner = belongings(habit, population, 2).device
    taken = population.ordinary[owner[population.ordinary] != population.ordinary]
    assert len(taken) > 200
    assert (population.end[owner[taken]] + 2 * DAY < population.born[taken]).all()


def test_a_leased_address_is_one_households_at_a_time_but_for_the_day_of_the_change() -> None:
    habit = HABITS["residential"]
    population = populate(habit, 5_000, 2)
    lines = lay_out(habit, population, 2).lines
    household = np.arange(population.households)
    overlaps = 0
    for day in (10, 60, 111):
        time = np.full(len(household), day * DAY)
        address = lines.addresses(household, lines.epoch(household, time))
        overlaps += len(household) - len(np.unique(address))
    assert overlaps < 0.03 * 3 * len(household)


def test_leases_are_recycled_among_households() -> None:
    habit = HABITS["residential"]
    population = populate(habit, 5_000, 2)
    lines = lay_out(habit, population, 2).lines
    household = np.arange(population.households)
    seen = [
        set(lines.addresses(household, lines.epoch(household, np.full(len(household), day * DAY))).tolist())
        for day in (10, 60)
    ]
    assert len(seen[0] & seen[1]) > 0.8 * len(seen[0])


def test_residential_rings_leave_through_ordinary_peoples_homes(worlds: dict[str, Path]) -> None:
    folder = worlds["residential"]
    with duckdb.connect() as connection:
        found = connection.execute(f"""
            with used as (select distinct value, account_id, ring, style from '{folder}/observations.parquet'
                join '{folder}/truth.parquet' using (account_id) where kind = 'ip'),
            homes as (select distinct value from used where not ring)
            select avg((value in (from homes))::int) from used where ring and style = 'residential'""").fetchone()
    assert found is not None
    assert found[0] > 0.6


def test_mixed_traffic_rings_show_ordinary_peoples_devices() -> None:
    habit = HABITS["resellers"]
    population, rows = world(habit)
    account, owner = of_kind(rows, "device")
    ordinary = set(owner[account >= population.ring_accounts].tolist())
    style = np.array([style.name for style in habit.rings.styles])[population.rings.style]
    carriers = (account < population.ring_accounts) & (style[population.ring[account]] == "mixed-traffic")
    assert np.isin(owner[carriers], list(ordinary)).mean() > 0.05


def test_popular_templates_are_used_by_hundreds_and_rings_have_their_own() -> None:
    population, rows = world(HABITS["mixed"])
    account, owner = of_kind(rows, "prompt_template")
    _, counts = np.unique(owner, return_counts=True)
    assert counts.max() > 300
    in_rings = account < population.ring_accounts
    own = set(owner[in_rings].tolist()) - set(owner[~in_rings].tolist())
    assert len(own) > 20


def test_weak_kinds_appear_where_the_provider_keeps_them(worlds: dict[str, Path]) -> None:
    with duckdb.connect() as connection:
        for name, folder in worlds.items():
            query = f"select distinct kind from '{folder}/observations.parquet'"
            kinds = {kind for (kind,) in connection.execute(query).fetchall()}
            assert ({"user_agent", "tls_fingerprint"} <= kinds) == HABITS[name].spelling.weak_kinds, name
