"""Making a world: plan, observe, write. Seeded: the same name, size and seed give the same files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from linkage.errors import BadInput
from linkage.model.progress import Progress, silent
from linkage.scenario.draws import Whole, choose, fraction, mix, stream
from linkage.scenario.habits import HABITS, Habit
from linkage.scenario.networks import lay_out
from linkage.scenario.observations import Rows, observe
from linkage.scenario.population import BEHAVIOURS, EVASION, Population, populate
from linkage.scenario.rhythms import HOUR, Hours, release_times, work
from linkage.scenario.values import Writer, account_ids, display_names, domains, hexed, organisation_names, writers

SMALLEST, LARGEST = 1_000, 10_000_000
#: 2026-01-01T00:00:00Z in microseconds.
_EPOCH = 1_767_225_600_000_000
_TIME = pa.timestamp("us", tz="UTC")
_SLICE = 1_000_000
_ROW_GROUP = 262_144

_OBSERVATIONS = pa.schema(
    [
        ("account_id", pa.string()),
        ("organisation_id", pa.string()),
        ("kind", pa.string()),
        ("value", pa.string()),
        ("first_seen", _TIME),
        ("last_seen", _TIME),
        ("count", pa.int64()),
        ("source", pa.string()),
    ]
)
#: Where a kind is seen.
_SOURCES = {
    "email": "signup",
    "phone": "signup",
    "referral_code": "signup",
    "payment_method": "billing",
    "ip": "login",
    "device": "login",
    "user_agent": "login",
    "tls_fingerprint": "login",
    "prompt_template": "usage",
    "domain": "signup",
}


@dataclass(frozen=True, slots=True)
class World:
    """What was written."""

    name: str
    seed: int
    accounts: int
    rings: int
    ring_accounts: int
    organisations: int
    observations: int
    usage: int
    out: Path


def generate(name: str, accounts: int, seed: int, out: Path, *, progress: Progress = silent) -> World:
    """Write the named world to the folder `out`; raises BadInput for an unknown name or a size out of range."""
    habit = HABITS.get(name)
    if habit is None:
        raise BadInput(f"No world is called {name}.", next_step=f"Worlds: {', '.join(HABITS)}.")
    if not SMALLEST <= accounts <= LARGEST:
        raise BadInput(f"A world has {SMALLEST:,} to {LARGEST:,} accounts.", next_step="Choose a size in between.")
    if seed < 0:
        raise BadInput("A seed is a whole number from 0 on.", next_step="Choose another seed.")
    return _Maker(habit, accounts, seed, out, progress).make()


class _Maker:
    """One world in the making."""

    def __init__(self, habit: Habit, accounts: int, seed: int, out: Path, progress: Progress) -> None:
        self.habit = habit
        self.seed = seed
        self.out = out
        self.progress = progress
        progress("plan", 0, accounts)
        self.population = populate(habit, accounts, seed)
        number = stream(seed, "numbers").permutation(accounts)
        self.ids = account_ids(habit.spelling.account_id, number, 7 + seed)
        self.organisation_ids = _organisation_ids(len(self.population.organisation_open), seed)
        progress("plan", accounts, accounts)

    def make(self) -> World:
        self.out.mkdir(parents=True, exist_ok=True)
        self._write("accounts", _accounts(self.habit, self.population, self.ids, self.organisation_ids, self.seed))
        self._write("truth", _truth(self.habit, self.population, self.ids))
        if len(self.organisation_ids):
            self._write("organisations", _organisations(self.population, self.organisation_ids, self.seed))
        observations = self._observations()
        usage = self._usage()
        return World(
            name=self.habit.name,
            seed=self.seed,
            accounts=self.population.accounts,
            rings=len(self.population.rings.size),
            ring_accounts=self.population.ring_accounts,
            organisations=len(self.organisation_ids),
            observations=observations,
            usage=usage,
            out=self.out,
        )

    def _write(self, record: str, table: pa.Table) -> None:
        pq.write_table(table, self.out / f"{record}.parquet", compression="zstd", row_group_size=_ROW_GROUP)

    def _observations(self) -> int:
        networks = lay_out(self.habit, self.population, self.seed)
        write = writers(self.habit.spelling, self.seed)
        total = 0
        path = self.out / "observations.parquet"
        with pq.ParquetWriter(path, _OBSERVATIONS, compression="zstd") as writer:
            for rows in observe(self.habit, self.population, networks, self.seed):
                for part in _slices(rows):
                    value = write[part.kind](part.owner, part.variant)
                    writer.write_table(self._observed(part, value), row_group_size=_ROW_GROUP)
                    total += len(part.account)
                    self.progress("observations", total, None)
            if len(self.organisation_ids):
                owned = _organisation_observations(self.population, self.organisation_ids, write)
                writer.write_table(owned, row_group_size=_ROW_GROUP)
                total += len(owned)
        return total

    def _observed(self, rows: Rows, value: pa.Array) -> pa.Table:
        length = len(rows.account)
        days = (rows.last - rows.first) / 86_400
        words = fraction(mix(rows.account * 131 + rows.first, 15))
        count = 1 + np.minimum(np.floor(-np.log(1 - words) * (1 + days * 1.5)), 5_000).astype(np.int64)
        return pa.table(
            [
                self.ids.take(pa.array(rows.account)),
                pa.nulls(length, pa.string()),
                _repeated(rows.kind, length),
                value,
                _times(rows.first),
                _times(rows.last),
                pa.array(count),
                _repeated(_SOURCES[rows.kind], length),
            ],
            schema=_OBSERVATIONS,
        )

    def _usage(self) -> int:
        schema = pa.schema(
            [
                ("account_id", pa.string()),
                ("window_start", _TIME),
                ("model", pa.string()),
                ("endpoint", pa.string()),
                ("requests", pa.int64()),
                ("input_tokens", pa.int64()),
                ("output_tokens", pa.int64()),
            ]
        )
        generator = stream(self.seed, "loads")
        total = 0
        with pq.ParquetWriter(self.out / "usage.parquet", schema, compression="zstd") as writer:
            for hours in work(self.habit, self.population, self.seed):
                for start in range(0, len(hours.account), _SLICE):
                    end = start + _SLICE
                    part = Hours(hours.account[start:end], hours.hour[start:end], hours.load[start:end])
                    writer.write_table(self._used(part, generator, schema), row_group_size=_ROW_GROUP)
                    total += len(part.account)
                    self.progress("usage", total, None)
        return total

    def _used(self, hours: Hours, generator: np.random.Generator, schema: pa.Schema) -> pa.Table:
        usage, length = self.habit.usage, len(hours.account)
        requests = np.maximum(1, np.rint(hours.load * 12 * np.exp(0.6 * generator.standard_normal(length)))).astype(
            np.int64
        )
        taste = 350 * np.exp(1.1 * (fraction(mix(self.population.person[hours.account], 97)) - 0.3) * 2.5)
        tokens = np.maximum(1, requests * taste * np.exp(0.3 * generator.standard_normal(length))).astype(np.int64)
        answer = np.maximum(1, tokens * (0.3 + 2.7 * fraction(mix(self.population.person[hours.account], 98)))).astype(
            np.int64
        )
        return pa.table(
            [
                self.ids.take(pa.array(hours.account)),
                _times(hours.hour * HOUR),
                pa.array(usage.models).take(pa.array(self._models(hours, generator))),
                pa.array(usage.endpoints).take(pa.array(generator.integers(0, len(usage.endpoints), length))),
                pa.array(requests),
                pa.array(tokens),
                pa.array(answer),
            ],
            schema=schema,
        )

    def _models(self, hours: Hours, generator: np.random.Generator) -> Whole:
        """Everybody moves to the newest model some time after it came out; a ring moves at one time."""
        released = release_times(self.habit, self.seed)
        who = hours.account
        mover = np.where(self.population.ring[who] >= 0, -1 - self.population.ring[who], self.population.person[who])
        newest = np.zeros(len(who), dtype=np.int64)
        for number, time in enumerate(released):
            lag = -np.log(1 - fraction(mix(mover + 1_000_000, 200 + number))) * 25 * 86_400
            newest = np.where(hours.hour * HOUR > time + lag, number + 1, newest)
        models = len(self.habit.usage.models)
        stray = generator.random(len(who)) < 0.1
        return np.where(stray, generator.integers(0, models, len(who)), newest * (models - 1) // max(len(released), 1))


def _slices(rows: Rows) -> Iterator[Rows]:
    for start in range(0, len(rows.account), _SLICE):
        end = start + _SLICE
        yield Rows(
            rows.kind,
            rows.account[start:end],
            rows.owner[start:end],
            rows.variant[start:end],
            rows.first[start:end],
            rows.last[start:end],
        )


def _times(seconds: Whole) -> pa.Array:
    return pa.array(seconds * 1_000_000 + _EPOCH).cast(_TIME)


def _repeated(text: str, length: int) -> pa.Array:
    return pa.array([text], pa.string()).take(pa.array(np.zeros(length, dtype=np.int64)))


def _organisation_ids(number: int, seed: int) -> pa.Array:
    return pc.binary_join_element_wise("org_", hexed(mix(np.arange(number), 31 + seed), 12), "")


def _accounts(habit: Habit, population: Population, ids: pa.Array, organisations: pa.Array, seed: int) -> pa.Table:
    generator = stream(seed, "accounts")
    number = population.accounts
    countries = np.array(habit.spelling.countries)
    country = (mix(population.person, 37) % np.uint64(len(countries))).astype(np.int64)
    ended = generator.random(number) < np.where(population.ring >= 0, 0.35, 0.02)
    declared = population.organisation
    organisation = (
        organisations.take(pa.array(declared, mask=declared < 0))
        if len(organisations)
        else pa.nulls(number, pa.string())
    )
    plan = choose(generator, (0.6, 0.28, 0.12), number)
    named = pa.array(generator.random(number) < 0.6)
    names = pc.if_else(named, display_names(np.arange(number)), pa.scalar(None, pa.string()))
    return pa.table(
        {
            "account_id": ids,
            "created_at": _times(population.born),
            "status": pa.array(["active", "suspended"]).take(pa.array(ended.astype(np.int64))),
            "organisation_id": organisation,
            "country": pa.array(countries.tolist()).take(pa.array(country)),
            "plan": pa.array(["free", "paid", "team"]).take(pa.array(plan)),
            "display_name": names,
        }
    )


def _truth(habit: Habit, population: Population, ids: pa.Array) -> pa.Table:
    """Ordinary accounts are styled by the most crowded company they keep."""
    rings, ring = population.rings, population.ring
    in_ring = ring >= 0
    known = ["alone", "household", "several accounts", *(g.place.name for g in population.gatherings)]
    company = np.zeros(population.accounts, dtype=np.int64)
    several = np.bincount(population.person, minlength=population.accounts)[population.person] > 1
    households = np.bincount(population.household[~in_ring], minlength=max(population.households, 1))
    company[~in_ring] = households[population.household[~in_ring]] > 1
    for number, gathering in enumerate(population.gatherings):
        if not gathering.place.networks:
            company[gathering.group >= 0] = 3 + number
    company[several & (company < 3)] = 2
    style = pa.array(known).take(pa.array(company))
    return pa.table(
        {
            "account_id": ids,
            "actor_id": pc.binary_join_element_wise("actor-", pc.cast(pa.array(population.actor), pa.string()), ""),
            "style": _of_ring([s.name for s in habit.rings.styles], rings.style, ring, style),
            "ring": pa.array(in_ring),
            "evasion": _of_ring(list(EVASION), rings.evasion, ring, pa.nulls(population.accounts, pa.string())),
            "behaviour": _of_ring(list(BEHAVIOURS), rings.behaviour, ring, pa.nulls(population.accounts, pa.string())),
        }
    )


def _of_ring(names: list[str], codes: Whole, ring: Whole, otherwise: pa.Array) -> pa.Array:
    if not len(codes):
        return otherwise
    index = pa.array(codes[np.maximum(ring, 0)])
    return pc.if_else(pa.array(ring >= 0), pa.array(names).take(index), otherwise)


def _organisations(population: Population, ids: pa.Array, seed: int) -> pa.Table:
    number = np.arange(len(ids))
    return pa.table(
        {
            "organisation_id": ids,
            "name": organisation_names(number),
            "domain": domains(number),
            "country": pa.array(["US", "GB", "DE", "FR", "SG"]).take(
                pa.array((mix(number, 43) % np.uint64(5)).astype(np.int64))
            ),
            "registration_number": hexed(mix(number, 44 + seed), 9),
            "type": pa.array(["company", "reseller"]).take(pa.array(population.organisation_open.astype(np.int64))),
        }
    )


def _organisation_observations(population: Population, ids: pa.Array, write: dict[str, Writer]) -> pa.Table:
    """An organisation's own domain and payment method; shells of one ring pay with three cards."""
    number, ring = np.arange(len(ids)), population.organisation_ring
    card = np.where(
        ring >= 0, (1 << 41) + ring * 8 + (mix(number, 45) % np.uint64(3)).astype(np.int64), (1 << 40) + number
    )
    tables = []
    for kind, owner in (("domain", number), ("payment_method", card)):
        value = write[kind](owner, np.zeros(len(number), dtype=np.uint64))
        tables.append(
            pa.table(
                [
                    pa.nulls(len(number), pa.string()),
                    ids,
                    _repeated(kind, len(number)),
                    value,
                    _times(np.zeros(len(number), dtype=np.int64)),
                    _times(np.full(len(number), 180 * 86_400)),
                    pa.array(np.full(len(number), 6)),
                    _repeated(_SOURCES[kind], len(number)),
                ],
                schema=_OBSERVATIONS,
            )
        )
    return pa.concat_tables(tables)
