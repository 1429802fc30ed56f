"""Ledger versions → graph, exactly once, restartable at any point.

How far the graph is stands in the graph, in `Watermark` nodes that move in the transaction of the rows they count.
Small versions of a table are one transaction, those that follow each other together. A large one of facts is cut into
windows, steps and batches, always in the same way; the batches of a step are dealt to a fixed number of lanes, and
every lane has a watermark of its own.
Whoever starts again (or works at the same time) goes the same way and leaves out what the watermarks count. What a
publication says of clusters is always one transaction, so that nobody ever reads half of it.

A wipe begins a new epoch: a projector that still works on the old one is refused, and a wipe that was interrupted is
finished before anything is projected.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import neo4j
import pyarrow as pa
from neo4j.exceptions import Neo4jError

from linkage.errors import Conflict, DatabaseUnavailable
from linkage.graph.changes import change_rows
from linkage.graph.connection import Graph
from linkage.graph.kinds import NODES, RELATIONSHIPS
from linkage.graph.schema import apply_schema, drop_search
from linkage.graph.steps import (
    FACT_STEPS,
    PREPARING_STEPS,
    PUBLICATION_STEPS,
    REVIEW_STEPS,
    WITHDRAWAL_STEPS,
    Step,
    Tables,
)
from linkage.model.progress import Progress, silent

# How a version is cut. The watermarks count by these: a version begun under one cut cannot be finished under another.
BATCH = 5_000
WINDOW = 500_000
LANES = 4

#: So many rows are written by one statement, whatever steps they take: each question to Neo4j costs milliseconds.
FEW = 500

#: Lanes that write around the same hubs now and then wait for each other in a circle; the driver tries again for
#: seconds, and so often is that done over.
DEADLOCK_TRIES = 10

PUBLICATIONS = "publications"
REVIEWS = "reviews"
WITHDRAWALS = "withdrawals"
#: The tables that become something in the graph, in the order in which they are best projected.
PROJECTED = (
    "organisations",
    "accounts",
    "observations",
    WITHDRAWALS,
    "usage",
    "decisions",
    "retractions",
    REVIEWS,
    PUBLICATIONS,
)
#: The tables whose new rows are linked, and the watermarks of how far they are.
LINKED = {table: f"{table} linked" for table in ("observations", "accounts")}
#: The tables that a publication's rows are taken from.
PUBLISHED = ("publications", "resolutions", "memberships", "clusters", "lineage", "evidence", "merges", "identifiers")


class ChangeLike(Protocol):
    """The rows that one version of a ledger table appended, or several that follow each other, up to `version`."""

    @property
    def table(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def batches(self) -> Iterator[pa.RecordBatch]: ...


@dataclass(frozen=True, slots=True)
class Publication:
    """One publication's difference: `version` of its row in `publications`, and its rows of each table of results."""

    version: int
    publications: pa.Table
    resolutions: pa.Table
    memberships: pa.Table
    clusters: pa.Table
    lineage: pa.Table
    evidence: pa.Table
    merges: pa.Table
    identifiers: pa.Table

    def tables(self) -> dict[str, pa.Table]:
        """Table name → rows, and the changes that follow from them."""
        tables = {name: getattr(self, name) for name in PUBLISHED}
        numbered = self.publications.append_column("version", pa.array([self.version], pa.int64()))
        return {**tables, "changes": change_rows(tables, self.version), PUBLICATIONS: numbered}


@dataclass(frozen=True, slots=True)
class Review:
    """What one version of `reviews` says, and the rows of `resolutions` that it speaks of."""

    version: int
    reviews: pa.Table
    resolutions: pa.Table


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What one version of `withdrawals` says, and the observations that are left of the uses it speaks of."""

    version: int
    withdrawals: pa.Table
    observations: pa.Table


_OPEN = """
MERGE (w:Watermark {key: 'graph'})
ON CREATE SET w.epoch = $epoch, w.version = 0, w.done = 0
RETURN w.epoch AS epoch, w.wiping AS wiping
"""
_REACHED = """
MATCH (w:Watermark {epoch: $epoch}) WHERE w.key IN $tables AND w.version >= 0
RETURN w.key AS key, w.version AS version
"""
_LAY = """
UNWIND $keys AS key
MATCH (g:Watermark {key: 'graph', epoch: $epoch})
MERGE (w:Watermark {key: key}) ON CREATE SET w.epoch = $epoch, w.version = -1, w.done = 0
"""
#: Setting a property takes the node's lock, so that the comparison after it sees what is committed.
_MOVING = """
MATCH (w:Watermark {key: $key, epoch: $epoch})
SET w.locked = true
WITH w, (w.version < $version OR (w.version = $version AND w.done < $done))
        AND ($after IS NULL OR w.version = $after) AS ahead
REMOVE w.locked
FOREACH (_ IN CASE WHEN ahead THEN [1] ELSE [] END | SET w.version = $version, w.done = $done)
"""
_MOVE = f"{_MOVING} RETURN ahead"
_BEGIN_WIPE = """
MATCH (w:Watermark) WHERE w.key <> 'graph' DELETE w
WITH count(*) AS gone
MERGE (g:Watermark {key: 'graph'}) SET g.epoch = $epoch, g.wiping = true, g.version = 0, g.done = 0
"""


class Projector:
    """Writes ledger versions into the graph. `secret` keys the opaque ids of identifiers.

    One projector is used by one thread at a time; several processes may project at once and none of the work is done
    twice.
    """

    def __init__(self, graph: Graph, secret: bytes) -> None:
        self._graph = graph
        self._secret = secret
        self._epoch: str | None = None
        self._settled = False
        self._seen: dict[str, int] | None = None

    # ---- what callers do

    def reached(self, *, anew: bool = False) -> dict[str, int]:
        """Ledger table → version that is in the graph; tables of which nothing is there are left out.

        Read once and then remembered, unless it is to be read `anew`: what another process projects meanwhile is found
        when we come to it. Lays the schema when first asked, and finishes a wipe that was interrupted.
        """
        if anew:
            self._seen = None
        return {table: version for table, version in self._watermarks().items() if table in PROJECTED}

    def linked(self) -> dict[str, int]:
        """Ledger table → version up to which those it speaks of were looked at for links."""
        found = self._watermarks()
        return {table: found[key] for table, key in LINKED.items() if key in found}

    def note_linked(self, versions: Mapping[str, int]) -> None:
        """Remember that all up to these versions were looked at for links, until `mark_linked` writes it down."""
        self._watermarks().update({LINKED[table]: version for table, version in versions.items()})

    def mark_linked(self) -> None:
        """Write down how far links are. What is linked twice after a crash comes out the same."""
        linked = self.linked()

        def move(tx: neo4j.ManagedTransaction) -> None:
            for table, version in linked.items():
                self.passes(tx, LINKED[table], version, 0)

        self._graph.transaction(move)

    def _watermarks(self) -> dict[str, int]:
        if self._seen is None:
            keys = [*PROJECTED, *LINKED.values()]
            rows = self._graph.read(_REACHED, epoch=self._epoch or self._open(), tables=keys)
            self._seen = {row["key"]: row["version"] for row in rows}
        return self._seen

    def apply(self, change: ChangeLike, progress: Progress = silent) -> None:
        """Project a change of a table of facts; one that is there already changes nothing.

        Changes of a table are to be applied in order, each beginning where `reached` ends: of one that another process
        has begun meanwhile nothing is done, and `reached` tells anew. Raises `DatabaseUnavailable`; then it can be
        tried again.
        """
        steps = FACT_STEPS[change.table]
        windows = _windows(change.batches)
        first = next(windows, None)
        if first is None:
            self._mark(change.table, change.version)
            return
        if first.num_rows <= BATCH:
            after = self._watermarks().get(change.table, -1)
            self._at_once(change.table, change.version, steps, {change.table: first}, after=after)
            progress(f"project {change.table}", first.num_rows)
            return
        run = _Run(self, change.table, change.version, progress)
        for window in _chain(first, windows):
            run.window(steps, {change.table: window})
        self._mark(change.table, change.version)

    def publish(self, publication: Publication, progress: Progress = silent) -> None:
        """Bring a publication to the readers: whatever they see of clusters is of before it or of after it.

        What nobody reads as the state of a cluster goes before, in batches where it is much. The rest is one
        transaction, however large: it holds about 2 KB of Neo4j's heap a row.
        """
        tables = publication.tables()
        if sum(table.num_rows for table in tables.values()) > 4 * BATCH:
            _Run(self, PUBLICATIONS, publication.version, progress).window(PREPARING_STEPS, tables)
            steps: tuple[Step, ...] = PUBLICATION_STEPS
        else:
            steps = (*PREPARING_STEPS, *PUBLICATION_STEPS)
        self._at_once(PUBLICATIONS, publication.version, steps, tables, progress)
        progress(f"project {PUBLICATIONS}", 1, 1)

    def review(self, review: Review) -> None:
        """Bring to the readers how resolutions stand that wait, or waited, for a person."""
        tables = {REVIEWS: review.reviews, "resolutions": review.resolutions}
        self._at_once(REVIEWS, review.version, REVIEW_STEPS, tables)

    def withdraw(self, withdrawal: Withdrawal, progress: Progress = silent) -> None:
        """Tell uses anew, or not at all, after observations were withdrawn or count again.

        To be called when the graph has all observations that the version speaks of.
        """
        tables = {WITHDRAWALS: withdrawal.withdrawals, "observations": withdrawal.observations}
        self._at_once(WITHDRAWALS, withdrawal.version, WITHDRAWAL_STEPS, tables, progress)

    def wipe(self, progress: Progress = silent) -> None:
        """Empty the graph of all that is projected, in batches; what is not of our kinds stays."""
        drop_search(self._graph)
        self._graph.write(_BEGIN_WIPE, epoch=secrets.token_hex(8))
        self._finish_wipe(progress)
        self._epoch = self._seen = None
        self._settled = False

    def settle(self) -> None:
        """Lay the search index, which is left out while an empty graph is filled; call it when all is applied."""
        if not self._settled:
            apply_schema(self._graph)
            self._settled = True

    # ---- inside

    def _open(self) -> str:
        apply_schema(self._graph, search=False)
        row = self._graph.write(_OPEN, epoch=secrets.token_hex(8))[0]
        if row["wiping"]:
            self._finish_wipe(silent)
        self._epoch = str(row["epoch"])
        lanes = [_lane_key(table, lane) for table in PROJECTED for lane in range(LANES)]
        self._graph.write(_LAY, keys=[*PROJECTED, *LINKED.values(), *lanes], epoch=self._epoch)
        return self._epoch

    @property
    def epoch(self) -> str:
        """The life of the graph that this projector works on."""
        return self._epoch or self._open()

    def _finish_wipe(self, progress: Progress) -> None:
        for kind in RELATIONSHIPS:
            self._delete(f"()-[x:{kind.type}]->()", kind.type, progress)
        for node in NODES:
            if node.label != "Watermark":
                self._delete(f"(x:{node.label})", node.label, progress)
        self._graph.write("MATCH (g:Watermark {key: 'graph'}) REMOVE g.wiping")

    def _delete(self, pattern: str, name: str, progress: Progress) -> None:
        text = f"MATCH {pattern} WITH x LIMIT $limit DETACH DELETE x RETURN count(*) AS n"
        if pattern.startswith("()"):
            text = text.replace("DETACH DELETE", "DELETE")
        done = 0
        while gone := int(self._graph.write(text, limit=50_000)[0]["n"]):
            done += gone
            progress(f"wipe {name}", done)

    def _at_once(
        self,
        table: str,
        version: int,
        steps: tuple[Step, ...],
        tables: Tables,
        progress: Progress = silent,
        *,
        after: int | None = None,
    ) -> None:
        """Write all in one transaction, unless the graph has it; with `after`, unless it is not at that version."""
        rows = [step.rows(tables, self._secret) for step in steps]
        few = sum(table_rows.num_rows for table_rows in rows) <= FEW

        def one_statement(tx: neo4j.ManagedTransaction) -> bool:
            moved: dict[str, Any] = {"key": table, "epoch": self.epoch, "version": version, "done": 0, "after": after}
            written = tx.run(_in_one(steps), moved, rows=[_as_lists(part) for part in rows]).single() is not None
            # Nothing is written either where the graph is beyond it or where it was wiped: which, is told here.
            return written or self.passes(tx, table, version, 0, after=after)

        def step_by_step(tx: neo4j.ManagedTransaction) -> bool:
            passed = self.passes(tx, table, version, 0, after=after)
            for step, table_rows in zip(steps, rows, strict=True) if passed else ():
                for number, batch in enumerate(_batches(table_rows), 1):
                    tx.run(step.cypher, rows=batch).consume()
                    progress(f"project {step.name}", min(number * BATCH, table_rows.num_rows), table_rows.num_rows)
            return passed

        if self._graph.transaction(one_statement if few else step_by_step):
            self._watermarks()[table] = version
        else:
            self.reached(anew=True)

    def _mark(self, table: str, version: int) -> None:
        self._graph.transaction(lambda tx: self.passes(tx, table, version, 0))
        self._watermarks()[table] = version

    def passes(
        self, tx: neo4j.ManagedTransaction, key: str, version: int, done: int, *, after: int | None = None
    ) -> bool:
        """Move a watermark in this transaction; False where it was there or beyond, or with `after` not there.

        Raises `Conflict` where the graph was wiped meanwhile.
        """
        row = tx.run(_MOVE, key=key, epoch=self.epoch, version=version, done=done, after=after).single()
        if row is None:
            self._epoch = self._seen = None
            raise Conflict(
                "the graph was emptied by another process while this one projected into it",
                next_step="Start again when `linkage graph rebuild` is through.",
            )
        return bool(row["ahead"])

    @property
    def graph(self) -> Graph:
        """The graph that is written to."""
        return self._graph

    @property
    def secret(self) -> bytes:
        """The project's secret."""
        return self._secret


class _Run:
    """A large version under way: which number the next batch of each lane has."""

    def __init__(self, projector: Projector, table: str, version: int, progress: Progress) -> None:
        self._projector = projector
        self._table = table
        self._version = version
        self._progress = progress
        self._numbers = [0] * LANES
        self._done: dict[str, int] = {}
        self._lock = threading.Lock()

    def window(self, steps: Iterable[Step], tables: Tables) -> None:
        """Write the steps of some rows; each step is through before the next begins."""
        with ThreadPoolExecutor(LANES) as pool:
            for step in steps:
                rows = step.rows(tables, self._projector.secret)
                lanes = [pool.submit(self._lane, step, lane, part) for lane, part in enumerate(_deal(rows))]
                for lane in lanes:
                    lane.result()

    def _lane(self, step: Step, lane: int, rows: pa.Table) -> None:
        key = _lane_key(self._table, lane)
        for batch in _batches(rows):
            self._numbers[lane] += 1
            self._write(step, key, self._numbers[lane], batch)
            with self._lock:
                self._done[step.name] = self._done.get(step.name, 0) + len(batch)
                self._progress(f"project {step.name}", self._done[step.name])

    def _write(self, step: Step, key: str, number: int, batch: list[list[Any]]) -> None:
        def transaction(tx: neo4j.ManagedTransaction) -> None:
            if self._projector.passes(tx, key, self._version, number):
                tx.run(step.cypher, rows=batch).consume()

        for tries_left in reversed(range(DEADLOCK_TRIES)):
            try:
                self._projector.graph.transaction(transaction)
            except DatabaseUnavailable as error:
                if not (tries_left and _is_deadlock(error)):
                    raise
            else:
                return


def _is_deadlock(error: DatabaseUnavailable) -> bool:
    return isinstance(error.__cause__, Neo4jError) and "Deadlock" in (error.__cause__.code or "")


def _lane_key(table: str, lane: int) -> str:
    return f"{table}/{lane}"


def _deal(rows: pa.Table) -> Iterator[pa.Table]:
    """Cut ordered rows into one run a lane: neighbours share nodes, so they stay in one lane."""
    size = -(-rows.num_rows // LANES)
    for lane in range(LANES):
        yield rows.slice(lane * size, size)


def _batches(rows: pa.Table) -> Iterator[list[list[Any]]]:
    for start in range(0, rows.num_rows, BATCH):
        part = rows.slice(start, BATCH)
        yield _as_lists(part)


def _as_lists(rows: pa.Table) -> list[list[Any]]:
    return [list(row) for row in zip(*(column.to_pylist() for column in rows.columns), strict=True)]


@cache
def _in_one(steps: tuple[Step, ...]) -> str:
    """One statement that moves a watermark and, where it moved, writes the rows of every step, `$rows[0]` and so on.

    They are one parameter: Neo4j plans anew for every size (none, one, ten, a hundred) of each list that it is given.
    """
    written = (f"CALL () {{ {step.cypher.replace('$rows', f'$rows[{place}]')} }}" for place, step in enumerate(steps))
    return "\n".join((_MOVING, "WITH ahead WHERE ahead", *written, "RETURN ahead"))


def _windows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Gather rows into windows of the same size whatever the batches are."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        rest = batch
        while count + rest.num_rows >= WINDOW:
            need = WINDOW - count
            yield pa.Table.from_batches([*held, rest.slice(0, need)])
            rest, held, count = rest.slice(need), [], 0
        if rest.num_rows:
            held.append(rest)
            count += rest.num_rows
    if count:
        yield pa.Table.from_batches(held)


def _chain(first: pa.Table, rest: Iterator[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from rest
