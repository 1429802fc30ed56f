"""Making a world: plan, observe, write. Seeded: the same name, size and seed give the same files.

Rows are made and written a million at a time, so memory grows with the accounts (about 0.6 GB a million), not
with what was seen of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from linkage.errors import BadInput
from linkage.model.progress import Progress, silent
from linkage.scenario.draws import Whole, fraction, mix, stream
from linkage.scenario.habits import HABITS, Habit
from linkage.scenario.networks import lay_out
from linkage.scenario.observations import Rows, observe
from linkage.scenario.population import populate
from linkage.scenario.records import (
    OBSERVATIONS,
    SOURCES,
    USAGE,
    accounts_table,
    organisation_ids,
    organisation_observations,
    organisations_table,
    times,
    truth_table,
)
from linkage.scenario.rhythms import HOUR, Hours, release_times, work
from linkage.scenario.text import Text, nothing, pick, repeated
from linkage.scenario.values import account_ids, writers

SMALLEST, LARGEST = 1_000, 10_000_000
_SLICE = 1_000_000
_ROW_GROUP = 262_144


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
        self.number = stream(seed, "numbers").permutation(accounts)
        self.ids = account_ids(habit.spelling.account_id, self.number, 7 + seed)
        self.organisation_ids = organisation_ids(len(self.population.organisation_open), seed)
        progress("plan", accounts, accounts)

    def make(self) -> World:
        self.out.mkdir(parents=True, exist_ok=True)
        order = np.argsort(self.number)
        accounts = accounts_table(self.habit, self.population, self.ids, self.organisation_ids, self.seed)
        self._write("accounts", accounts.take(order))
        self._write("truth", truth_table(self.habit, self.population, self.ids).take(order))
        if len(self.organisation_ids):
            self._write("organisations", organisations_table(self.population, self.organisation_ids, self.seed))
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
        with pq.ParquetWriter(path, OBSERVATIONS, compression="zstd") as writer:
            for rows in observe(self.habit, self.population, networks, self.seed):
                for part in _slices(rows):
                    value = write[part.kind](part.owner, part.variant)
                    writer.write_table(self._observed(part, value), row_group_size=_ROW_GROUP)
                    total += len(part.account)
                    self.progress("observations", total, None)
            if len(self.organisation_ids):
                owned = organisation_observations(self.population, self.organisation_ids, write)
                writer.write_table(owned, row_group_size=_ROW_GROUP)
                total += len(owned)
        return total

    def _observed(self, rows: Rows, value: Text) -> pa.Table:
        length = len(rows.account)
        days = (rows.last - rows.first) / 86_400
        words = fraction(mix(rows.account * 131 + rows.first, 15))
        count = 1 + np.minimum(np.floor(-np.log(1 - words) * (1 + days * 1.5)), 5_000).astype(np.int64)
        return pa.table(
            [
                self.ids.take(rows.account),
                nothing(length),
                repeated(rows.kind, length),
                value,
                times(rows.first),
                times(rows.last),
                pa.array(count),
                repeated(SOURCES[rows.kind], length),
            ],
            schema=OBSERVATIONS,
        )

    def _usage(self) -> int:
        generator = stream(self.seed, "loads")
        total = 0
        with pq.ParquetWriter(self.out / "usage.parquet", USAGE, compression="zstd") as writer:
            for hours in work(self.habit, self.population, self.seed):
                for start in range(0, len(hours.account), _SLICE):
                    end = start + _SLICE
                    part = Hours(hours.account[start:end], hours.hour[start:end], hours.load[start:end])
                    writer.write_table(self._used(part, generator), row_group_size=_ROW_GROUP)
                    total += len(part.account)
                    self.progress("usage", total, None)
        return total

    def _used(self, hours: Hours, generator: np.random.Generator) -> pa.Table:
        usage, length = self.habit.usage, len(hours.account)
        person = self.population.person[hours.account]
        noise = np.exp(0.6 * generator.standard_normal(length))
        requests = np.maximum(1, np.rint(hours.load * 12 * noise)).astype(np.int64)
        length_of_prompts = 250 * np.exp(2.75 * fraction(mix(person, 97)))
        noise = np.exp(0.3 * generator.standard_normal(length))
        tokens = np.maximum(1, requests * length_of_prompts * noise).astype(np.int64)
        answer = np.maximum(1, tokens * (0.3 + 2.7 * fraction(mix(person, 98)))).astype(np.int64)
        return pa.table(
            [
                self.ids.take(hours.account),
                times(hours.hour * HOUR),
                pick(usage.models, self._models(hours, generator)),
                pick(usage.endpoints, generator.integers(0, len(usage.endpoints), length)),
                pa.array(requests),
                pa.array(tokens),
                pa.array(answer),
            ],
            schema=USAGE,
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
