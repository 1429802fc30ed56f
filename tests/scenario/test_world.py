"""Worlds as files: repeatable, whole, in the public load format, each with habits of its own."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from linkage.errors import BadInput
from linkage.scenario import HABITS, generate

from .conftest import SIZE


def rows(sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(sql).fetchall()


def one(sql: str) -> object:
    return rows(sql)[0][0]


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_the_same_name_size_and_seed_give_the_same_bytes(worlds: dict[str, Path], tmp_path: Path) -> None:
    again = generate("enterprise", SIZE, 3, tmp_path)
    assert digests(again.out) == digests(worlds["enterprise"])


def test_another_seed_gives_another_world(worlds: dict[str, Path], tmp_path: Path) -> None:
    other = digests(generate("mixed", SIZE, 4, tmp_path).out)
    assert not set(other.values()) & set(digests(worlds["mixed"]).values())


def test_the_files_are_the_record_files_of_the_load_format(world: Path) -> None:
    expected = {
        "accounts": ["account_id", "created_at", "status", "organisation_id", "country", "plan", "display_name"],
        "observations": [
            "account_id",
            "organisation_id",
            "kind",
            "value",
            "first_seen",
            "last_seen",
            "count",
            "source",
        ],
        "usage": ["account_id", "window_start", "model", "endpoint", "requests", "input_tokens", "output_tokens"],
        "truth": ["account_id", "actor_id", "style", "ring", "evasion", "behaviour"],
    }
    for record, columns in expected.items():
        assert pq.read_schema(world / f"{record}.parquet").names == columns


def test_every_account_is_described_once_and_has_a_truth(world: Path) -> None:
    assert one(f"select count(distinct account_id) from '{world}/accounts.parquet'") == SIZE
    missing = f"select count(*) from '{world}/accounts.parquet' anti join '{world}/truth.parquet' using (account_id)"
    assert one(missing) == 0
    assert one(f"select count(*) from '{world}/truth.parquet' where actor_id is null or style is null") == 0


@pytest.mark.parametrize("record", ["observations", "usage"])
def test_what_is_observed_belongs_to_a_subject_of_the_world(world: Path, record: str) -> None:
    strangers = f"""select count(*) from '{world}/{record}.parquet' anti join '{world}/accounts.parquet'
        using (account_id) where account_id is not null"""
    assert one(strangers) == 0


def test_a_row_is_of_an_account_or_of_an_organisation(worlds: dict[str, Path]) -> None:
    folder = worlds["enterprise"]
    assert (
        one(f"""select count(*) from '{folder}/observations.parquet'
        where (account_id is null) = (organisation_id is null)""")
        == 0
    )
    assert (
        one(f"""select count(*) from '{folder}/observations.parquet' anti join
        '{folder}/organisations.parquet' using (organisation_id) where organisation_id is not null""")
        == 0
    )


def test_times_are_in_order_within_the_window_and_within_the_accounts_life(world: Path) -> None:
    assert one(f"select count(*) from '{world}/observations.parquet' where last_seen < first_seen or count < 1") == 0
    low, high = rows(f"select min(first_seen), max(last_seen) from '{world}/observations.parquet'")[0]
    assert str(low) >= "2026-01-01"
    assert str(high) < "2026-07-02"
    early = f"""select count(*) from '{world}/observations.parquet' join '{world}/accounts.parquet' using (account_id)
        where first_seen < created_at - interval 1 hour"""
    assert one(early) == 0


def test_usage_falls_on_hours_in_which_the_account_existed(world: Path) -> None:
    wrong = f"""select count(*) from '{world}/usage.parquet' join '{world}/accounts.parquet' using (account_id)
        where window_start <> date_trunc('hour', window_start) or window_start < created_at - interval 2 hours
        or requests < 1 or input_tokens < 1 or output_tokens < 1"""
    assert one(wrong) == 0


def test_rings_have_five_accounts_or_more_and_the_share_that_the_habit_says(worlds: dict[str, Path]) -> None:
    for name, folder in worlds.items():
        smallest = one(f"""select min(n) from (select count(*) as n from '{folder}/truth.parquet'
            where ring group by actor_id)""")
        assert isinstance(smallest, int)
        assert smallest >= 5, name
        share = one(f"select avg(ring::int) from '{folder}/truth.parquet'")
        assert share == pytest.approx(HABITS[name].rings.share, abs=0.001), name


def test_every_style_of_the_habit_is_there_even_in_a_small_world(worlds: dict[str, Path]) -> None:
    for name, folder in worlds.items():
        if name == "quiet":  # 120 ring accounts: fewer rings than styles
            continue
        styles = {style for (style,) in rows(f"select distinct style from '{folder}/truth.parquet' where ring")}
        assert styles == {style.name for style in HABITS[name].rings.styles}, name


def test_ordinary_people_have_three_accounts_at_most_unless_they_are_a_declared_customer(world: Path) -> None:
    largest = one(f"""select coalesce(max(n), 0) from (select count(*) as n from '{world}/truth.parquet'
        where not ring and style <> 'enterprise' group by actor_id
        having actor_id not in (select actor_id from '{world}/truth.parquet' where style = 'enterprise'))""")
    assert isinstance(largest, int)
    assert largest <= 3


def test_a_declared_customer_is_one_actor_and_a_resellers_clients_are_not(worlds: dict[str, Path]) -> None:
    folder = worlds["enterprise"]
    actors = rows(f"""select type, ring, organisation_id, count(distinct actor_id), count(*)
        from '{folder}/truth.parquet' join '{folder}/accounts.parquet' using (account_id)
        join '{folder}/organisations.parquet' using (organisation_id) group by all having count(*) > 4""")
    companies = [actors for type_, ring, _, actors, _ in actors if type_ == "company" and not ring]
    resellers = [(actors, members) for type_, _, _, actors, members in actors if type_ == "reseller"]
    assert companies
    assert set(companies) == {1}
    assert resellers
    for found, members in resellers:
        assert isinstance(found, int)
        assert isinstance(members, int)
        assert found > members / 2


def test_shell_organisations_of_a_ring_share_cards(worlds: dict[str, Path]) -> None:
    folder = worlds["enterprise"]
    shared = rows(f"""select count(distinct organisation_id) from '{folder}/observations.parquet'
        where kind = 'payment_method' and organisation_id is not null group by value having count(*) > 1""")
    assert shared


def test_rings_and_ordinary_people_stand_mixed_in_the_files(world: Path) -> None:
    share = one(f"select avg(ring::int) from (select * from '{world}/truth.parquet' limit {SIZE // 2})")
    whole = one(f"select avg(ring::int) from '{world}/truth.parquet'")
    assert share == pytest.approx(whole, abs=0.03)


def test_habits_differ_in_how_much_is_shared(worlds: dict[str, Path]) -> None:
    def sharing(folder: Path) -> dict[str, float]:
        found = rows(f"""select kind, avg((holders > 1)::int) from (select kind, value, count(distinct account_id) as
            holders from '{folder}/observations.parquet' where account_id is not null group by all) group by kind""")
        return {str(kind): float(str(share)) for kind, share in found}

    by_name = {name: sharing(folder) for name, folder in worlds.items()}
    kinds = ("ip", "device", "payment_method", "phone", "prompt_template")
    for kind in kinds:
        shares = [found[kind] for found in by_name.values()]
        assert max(shares) > 1.5 * min(shares), kind


@pytest.mark.parametrize(
    ("name", "accounts", "seed", "says"),
    [
        ("nowhere", 5_000, 1, "No world is called nowhere"),
        ("mixed", 999, 1, "1,000 to 10,000,000"),
        ("mixed", 10_000_001, 1, "1,000 to 10,000,000"),
        ("mixed", 5_000, -1, "seed"),
    ],
)
def test_what_cannot_be_made_is_refused(tmp_path: Path, name: str, accounts: int, seed: int, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        generate(name, accounts, seed, tmp_path / "world")
    assert not (tmp_path / "world").exists()


def test_the_smallest_world_of_every_name_can_be_made(tmp_path: Path) -> None:
    for name in HABITS:
        world = generate(name, 1_000, 0, tmp_path / name)
        assert world.accounts == 1_000
        assert world.rings >= 1
        assert world.observations > 5_000


def test_progress_is_told_of_every_step(tmp_path: Path) -> None:
    told: list[str] = []

    def progress(step: str, done: int, total: int | None = None, /) -> None:
        told.append(step)

    generate("mixed", 1_000, 1, tmp_path, progress=progress)
    assert list(dict.fromkeys(told)) == ["plan", "observations", "usage"]
