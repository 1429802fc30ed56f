"""The parts that the flows need, opened together and closed together."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from linkage import ingest
from linkage.engine.model import Model
from linkage.engine.reference import Reference
from linkage.errors import Conflict
from linkage.graph.connection import Connection, Graph, open_graph
from linkage.graph.forgetting import forget
from linkage.graph.local import LocalServer
from linkage.graph.locks import exclusive
from linkage.graph.projection import LINKED, Projector
from linkage.graph.reads import Reader
from linkage.ledger import Ledger
from linkage.ledger.erasure import Erased
from linkage.model import Judgement, Merge, Subject
from linkage.model.identifier import opaque_id
from linkage.model.progress import Progress, silent
from linkage.normalise import Context
from linkage.service import (
    deciding,
    erasing,
    explaining,
    history,
    judging,
    linking,
    loading,
    projecting,
    recording,
    rejecting,
    replaying,
    resolving,
    retaining,
    reviewing,
    withdrawing,
)
from linkage.service.erased import Erasure, edits
from linkage.service.linker import Linker
from linkage.service.waiting import WaitingRoom
from linkage.settings import Settings, project_secret

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Followed:
    """How many commits of the ledger were brought into the graph, what was linked, and up to which version of a table;
    `more`: somebody is left to look at, when there is nothing newer."""

    commits: int
    done: Mapping[str, int]
    linked: linking.Linked
    more: bool = False


#: How long a question from the command line may take, in seconds: a Neo4j that has just started is slow at first.
PATIENCE = 60.0
#: How often it is written down how far links are, in seconds: a crash has as much linked anew.
MARK_EVERY = 1.0
#: How often facts are taken out that are older than may be kept, in seconds.
RETAIN_EVERY = 86_400.0


@dataclass
class Service:
    """One project: its ledger, its graph, its model. Opening it touches neither ledger nor graph.

    The graph is connected on first use (the managed Neo4j is started then), so that facts can be taken while Neo4j
    is down.
    """

    settings: Settings
    progress: Progress
    _resources: ExitStack = field(repr=False)
    #: how far links are written down as done, and when they are next
    _marked: Mapping[str, int] = field(default_factory=dict, init=False, repr=False)
    _mark_after: float = field(default=0.0, init=False, repr=False)
    #: when facts are next looked at that are older than may be kept
    _retain_after: float = field(default=0.0, init=False, repr=False)

    @classmethod
    @contextmanager
    def open(cls, settings: Settings, progress: Progress = silent) -> Iterator[Service]:
        """Open the project the settings name; `progress` is told of the start of the managed Neo4j."""
        with ExitStack() as resources:
            yield cls(settings, progress, resources)

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger."""
        return Ledger(
            self.settings.ledger,
            memory_limit=self.settings.memory_limit,
            protect=partial(ingest.protected, self.spelling.hashing),
        )

    @cached_property
    def spelling(self) -> Context:
        """How values are looked up: under which region, and which are kept as hashes."""
        return Context(self.settings.phone_region, self.settings.hashing)

    @cached_property
    def model(self) -> Model:
        """The model table that resolutions use."""
        return Model.load(self.settings.model)

    @cached_property
    def reference(self) -> Reference | None:
        """What the operator's reference files say of places, where the settings name any."""
        return Reference.load(self.settings.reference) if self.settings.reference else None

    @cached_property
    def secret(self) -> bytes:
        """What keys the opaque ids of identifiers."""
        return project_secret(self.settings.data)

    @cached_property
    def connection(self) -> Connection:
        """Where Neo4j is: the one named in the settings, else the managed local one, started if need be."""
        named = self.settings
        if named.neo4j_uri:
            password = named.neo4j_password.get_secret_value() if named.neo4j_password else ""
            return Connection(named.neo4j_uri, named.neo4j_user, password, named.neo4j_database)
        return self._resources.enter_context(LocalServer(named.data, named.cache).held(self.progress))

    @cached_property
    def graph(self) -> Graph:
        """The graph, for threads."""
        return self._resources.enter_context(open_graph(self.connection))

    @cached_property
    def _linker(self) -> Linker:
        return Linker(self.ledger, self.graph, self.projector, self.model)

    @cached_property
    def projector(self) -> Projector:
        """What brings the ledger's changes into the graph."""
        return Projector(self.graph, self.secret)

    @contextmanager
    def _alone(self, work: str, *, wait: bool = True) -> Iterator[None]:
        """Hold one kind of work for this process; whoever comes second waits, or is told `BlockingIOError`."""
        self.settings.data.mkdir(parents=True, exist_ok=True)
        with exclusive(self.settings.data / f"{work}.lock", wait=wait):
            yield

    # -- writing

    def load(
        self, paths: Sequence[Path], *, mapping: ingest.Mapping | None = None, progress: Progress = silent
    ) -> loading.LoadSummary:
        """Append files to the ledger."""
        return loading.load(
            self.ledger, paths, mapping=mapping, phone_region=self.settings.phone_region, progress=progress
        )

    def record(
        self,
        record: str,
        rows: Sequence[Mapping[str, object]],
        *,
        source: str = "api",
        idempotency_key: str | None = None,
    ) -> recording.Recorded:
        """Append the rows of one call to the ledger; works while Neo4j is down."""
        return self.record_together(record, [recording.Call(rows, source, idempotency_key)])[0]

    def record_together(self, record: str, calls: Sequence[recording.Call]) -> list[recording.Recorded]:
        """Append the rows of several calls in one commit."""
        return recording.record_together(self.ledger, record, calls, phone_region=self.settings.phone_region)

    @contextmanager
    def claim_resolution(self, *, wait: bool = True) -> Iterator[None]:
        """Hold the right to resolve: one resolution at a time, whichever process runs it.

        Raises `Conflict` where another one is under way and `wait` is false.
        """
        with ExitStack() as held:
            try:
                held.enter_context(self._alone("resolve", wait=wait))
            except BlockingIOError as error:
                raise Conflict(
                    "a resolution is under way in another process", next_step="Wait until it is through."
                ) from error
            yield

    def resolve(self, *, gate: bool = True, progress: Progress = silent) -> dict[str, Any]:
        """Resolve the ledger's facts and write what changed to the ledger; `catch_up` brings it into the graph.

        Where more would change than the settings' gate lets through, nothing is published: the summary's `waiting` is
        true, and `approve_resolution` or `refuse_resolution` says what becomes of it. Without `gate` nothing waits.
        """
        with self.claim_resolution():
            return self.resolve_claimed(gate=gate, progress=progress)

    def resolve_claimed(self, *, gate: bool = True, progress: Progress = silent) -> dict[str, Any]:
        """`resolve`, by whoever holds the claim."""
        with self._under_way():
            return resolving.resolve(self._desk(gate=gate), self.model, self.reference, progress=progress)

    def preview_resolution(self, model: Model | None = None, *, progress: Progress = silent) -> dict[str, Any]:
        """What `resolve` would publish, under another model if one is given, in figures; nothing is written."""
        return resolving.preview(self._desk(), model or self.model, self.reference, progress=progress)

    def approve_resolution(self, resolution_id: str, *, author: str, reason: str | None = None) -> dict[str, Any]:
        """Publish a resolution that waits; return its summary as of now."""
        return resolving.approve(self._desk(), resolution_id, author=author, reason=reason)

    def refuse_resolution(self, resolution_id: str, *, author: str, reason: str | None = None) -> None:
        """Let a resolution that waits never be published."""
        resolving.refuse(self._desk(), resolution_id, author=author, reason=reason)

    def waiting_resolutions(self) -> list[str]:
        """The ids of the resolutions that wait for a person."""
        return reviewing.waiting(self.ledger)

    def was_cut_off(self) -> bool:
        """Whether the last resolution was begun and never came to an end: its process was killed."""
        return self._mark.exists()

    @property
    def _mark(self) -> Path:
        return self.settings.data / "resolving.json"

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        """Leave a mark that only a process that is killed does not take away."""
        self._mark.write_text(json.dumps({"process": os.getpid(), "started_at": datetime.now(UTC).isoformat()}))
        try:
            yield
        finally:
            self._mark.unlink(missing_ok=True)

    def _desk(self, *, gate: bool = True) -> resolving.Desk:
        return resolving.Desk(
            self.ledger,
            alone=lambda: self._alone("publish"),
            room=WaitingRoom(self.settings.data / "waiting"),
            memory_limit=self.settings.memory_limit,
            gate=self.settings.gate if gate else None,
        )

    def needs_resolution(self) -> bool:
        """Whether facts, decisions, the model or the reference files changed since the last resolution."""
        return resolving.is_needed(self.ledger, self.model, self.reference)

    def follow(self) -> Followed:
        """Bring the graph up to date and link those of whom it has something new, until the next resolution.

        Nothing is linked before the first resolution. Whoever is to be looked at since others were placed is looked at
        by the calls that find nothing new: `follow_through` makes them.
        """
        commits = self.catch_up()
        linked = linking.NOTHING
        if self._unlinked() or self._linker.waits:
            with self._alone("publish"):
                commits += self.catch_up()
                waiting = self._unlinked()
                linked = self._linker.link(self._publish_links)
                commits += bool(linked.rows)
                self.projector.note_linked(waiting)
        if self.projector.linked() != self._marked and time.monotonic() > self._mark_after:
            self.projector.mark_linked()
            self._marked, self._mark_after = self.projector.linked(), time.monotonic() + MARK_EVERY
        return Followed(commits, self.projector.linked(), linked, more=self._linker.waits)

    def follow_through(self) -> dict[str, str]:
        """`follow` until nobody is left to look at; by cluster what links did to it: `born` or `grew`."""
        events: dict[str, str] = {}
        more = True
        while more:
            followed = self.follow()
            events = {**followed.linked.events, **events}
            more = followed.more
        return events

    def _publish_links(self, linked: linking.Linked) -> None:
        linking.publish_links(self.ledger, linked)
        self._project({linked.publication_id: linked.rows})

    def _unlinked(self) -> dict[str, int]:
        """Ledger table → version, where the graph has something of which nobody was linked yet."""
        reached, done = self.projector.reached(), self.projector.linked()
        return {table: reached[table] for table in LINKED if reached.get(table, -1) > done.get(table, -1)}

    # -- what people decide

    def preview(self, statements: Sequence[deciding.Statement]) -> deciding.Effect:
        """What decisions would do to clusters now; writes nothing."""
        return deciding.preview(self.ledger, statements, bars=self._bars)

    def decide(self, statements: Sequence[deciding.Statement]) -> deciding.Effect:
        """Record decisions and apply them to the clusters concerned; `catch_up` brings both into the graph."""
        with self._alone("publish"):
            return deciding.decide(self.ledger, statements, bars=self._bars)

    def preview_undoing(
        self, cluster_id: str, sides: tuple[Subject, Subject], *, author: str, reason: str
    ) -> deciding.Effect:
        """What undoing the merge of a cluster that brought two members together would do now; writes nothing."""
        said = deciding.Statement(str(sides[0]), str(sides[1]), Judgement.DIFFERENT, author, reason)
        return deciding.preview_undoing(self.ledger, cluster_id, sides, said, bars=self._bars)

    def undo(self, cluster_id: str, sides: tuple[Subject, Subject], *, author: str, reason: str) -> deciding.Effect:
        """Undo the merge of a cluster that brought two members together: what it joined is different from now on."""
        said = deciding.Statement(str(sides[0]), str(sides[1]), Judgement.DIFFERENT, author, reason)
        with self._alone("publish"):
            return deciding.undo(self.ledger, cluster_id, sides, said, bars=self._bars)

    def preview_retraction(self, decision_id: str) -> deciding.Effect:
        """What taking a decision back would do now; writes nothing."""
        return deciding.preview_retraction(self.ledger, decision_id, bars=self._bars)

    def retract(self, decision_id: str, *, author: str, reason: str) -> deciding.Effect:
        """Take a decision back, and apply what counts then to the clusters concerned."""
        with self._alone("publish"):
            return deciding.retract(self.ledger, decision_id, author, reason, bars=self._bars)

    def decisions(self, *, about: str | None = None, only_contradicting: bool = False) -> list[deciding.Recorded]:
        """The decisions of the ledger and how they stand, newest first."""
        return deciding.find(self.ledger, about=about, only_contradicting=only_contradicting)

    def contradictions(self) -> dict[str, list[str]]:
        """The decisions that contradict each other as they stand, each with the others."""
        return deciding.contradictions(self.ledger)

    def counting(self, ids: Sequence[str]) -> set[str]:
        """Which of the decisions count."""
        return deciding.counting(self.ledger, ids)

    @property
    def _bars(self) -> replaying.Bars:
        """What clusters are made anew by, between resolutions."""
        prior = self.model.prior
        return replaying.Bars(self.model.confidence.stated, prior.threshold_bits - prior.bits)

    # -- what was wrong

    def preview_withdrawal(self, order: withdrawing.Order) -> withdrawing.Withdrawn:
        """What withdrawing or reinstating observations would do to clusters now; writes nothing."""
        return withdrawing.preview(self.ledger, order, bars=self._bars, context=self.spelling)

    def withdraw(self, order: withdrawing.Order) -> withdrawing.Withdrawn:
        """Take observations back or let them count again; `catch_up` brings that into the graph."""
        with self._alone("publish"):
            return withdrawing.withdraw(self.ledger, order, bars=self._bars, context=self.spelling)

    def withdrawals(self) -> list[dict[str, Any]]:
        """The observations that are withdrawn, with who said so, when and why, the latest first."""
        return withdrawing.find(self.ledger).to_pylist()

    # -- what is erased

    def preview_erasure(self, wanted: erasing.Wanted) -> erasing.Erasing:
        """What erasing a subject or an identifier would take away, by table; `NotFound` where that is nothing."""
        found = erasing.find(self.ledger, wanted, context=self.spelling)
        tables = erasing.preview(self.ledger, found)
        erasing.demand(tables, wanted)
        return erasing.Erasing(None, tables)

    def erase(
        self, wanted: erasing.Wanted, *, restart: bool = False, wait: bool = True, progress: Progress = silent
    ) -> erasing.Erasing:
        """Erase a subject or an identifier from ledger and graph, and from all that lies beside them.

        With `restart` a managed Neo4j that others use is stopped for it, else its files are emptied when it next
        starts. Without `wait` a resolution under way is a `Conflict`.
        """
        with self._erasing(wait=wait):
            found = erasing.find(self.ledger, wanted, context=self.spelling)
            erasing.demand(erasing.preview(self.ledger, found), wanted)
            self._erasures.begin(found)
            return self._carry_out_erasure(found, restart=restart, progress=progress)

    def preview_retention(self) -> list[Erased]:
        """How many facts are older than the settings let them be kept, by table."""
        return retaining.preview(self.ledger, retaining.overdue(self.settings.kept_for))

    def retain(self, *, wait: bool = True, progress: Progress = silent) -> list[Erased]:
        """Take out the facts that are older than the settings let them be kept; return how many, by table."""
        old = retaining.overdue(self.settings.kept_for)
        with self._erasing(wait=wait):
            if not retaining.preview(self.ledger, old):
                return []
            resolving.overtake(self._desk())
            self.catch_up(progress=progress)
            with self._alone("project"):
                return retaining.retain(self.ledger, self.graph, self.secret, old)

    def accounted_erasure(self, wanted: erasing.Wanted, reason: str) -> tuple[dict[str, list[str]], str]:
        """What the audit keeps of an erasure: opaque ids, and the reason without the names of what is erased."""
        found = erasing.find(self.ledger, wanted, context=self.spelling)
        ids = {
            "subjects": list(found.subjects),
            "identifiers": [opaque_id(f"{kind}:{value}", self.secret) for kind, value in found.identifiers],
        }
        return ids, found.sentence(reason) or ""

    def finish_erasures(self, *, progress: Progress = silent) -> int:
        """Take up the erasures that were cut off; return how many there were."""
        if not any(self._erasures.under_way()):
            return 0
        with self._erasing(wait=True):
            found = list(self._erasures.under_way())
            for erasure in found:
                self._carry_out_erasure(erasure, restart=False, progress=progress)
        return len(found)

    @property
    def _erasures(self) -> erasing.Desk:
        return erasing.Desk(self.settings.data / "erasing")

    @contextmanager
    def _erasing(self, *, wait: bool) -> Iterator[None]:
        """Alone among all who publish and tidy, and while nothing is being resolved."""
        with self.claim_resolution(wait=wait), self._alone("tidy"), self._alone("publish"):
            yield

    def _carry_out_erasure(self, erasure: Erasure, *, restart: bool, progress: Progress) -> erasing.Erasing:
        resolving.overtake(self._desk())
        erasing.leave(self.ledger, erasure, bars=self._bars)
        before = erasing.named(self.ledger, erasure)
        tables = self.ledger.erase(edits(erasure), progress=progress)
        left = self._forget(erasure, before, restart=restart, progress=progress)
        self.ledger.drop_unneeded()
        self._erasures.end(erasure)
        return erasing.Erasing(erasure.erasure_id, [one for one in tables if one.removed or one.changed], left)

    def _forget(self, erasure: Erasure, before: erasing.Named, *, restart: bool, progress: Progress) -> list[str]:
        """Take what is erased out of the graph; return where something is left that we cannot reach."""
        managed = not self.settings.neo4j_uri
        if managed and LocalServer(self.settings.data, self.settings.cache).empty(progress, now=restart):
            self.catch_up(progress=progress)
            return []
        self.catch_up(progress=progress)
        with self._alone("project"):
            forget(self.graph, erasing.forgotten(self.ledger, erasure, before), self.secret)
        return [erasing.LEFT_MANAGED if managed else erasing.LEFT_EXTERNAL]

    # -- the graph

    def _project(self, known: Mapping[str, Mapping[str, pa.Table]], *, progress: Progress = silent) -> int:
        with self._alone("project"):
            return projecting.catch_up(self.ledger, self.projector, known=known, progress=progress)

    def catch_up(self, *, progress: Progress = silent) -> int:
        """Bring everything the ledger has and the graph has not into the graph; return the number of commits."""
        return self._project({}, progress=progress)

    def tidy(self) -> None:
        """Join the small files that single facts leave in the ledger, where there are many; once a day, take out what
        is older than may be kept."""
        with suppress(BlockingIOError), self._alone("tidy", wait=False):
            self.ledger.tidy()
        if self.settings.retention and time.monotonic() > self._retain_after:
            with suppress(Conflict):  # a resolution is under way: the next look will do
                self.retain(wait=False)
                self._retain_after = time.monotonic() + RETAIN_EVERY

    def rebuild_graph(self, *, progress: Progress = silent) -> int:
        """Make the whole graph anew from the ledger."""
        with self._alone("project"):
            return projecting.rebuild(self.ledger, self.projector, progress=progress)

    def check_graph(self, *, progress: Progress = silent) -> list[str]:
        """Compare the graph with the ledger; each difference is a line, none means they agree."""
        with self._alone("project"):
            return projecting.check(self.ledger, self.projector, progress=progress)

    # -- why

    def explain(self, left: Subject, right: Subject) -> explaining.Finding:
        """Look into the link of two subjects."""
        ends = explaining.key(left), explaining.key(right)
        return self._ask(lambda reader: explaining.find(reader, self.model, *ends))

    def joined_by(self, finding: explaining.Finding) -> Merge | None:
        """The merge that brought two members of a cluster together; None where they are in none."""
        if finding.cluster is None:
            return None
        cluster_id = str(finding.cluster["id"])
        merges = self.merges_of([cluster_id]).get(cluster_id, [])
        return explaining.joined_at(merges, finding.explanation.left, finding.explanation.right)

    def judge(self, cluster_id: str) -> judging.Judged:
        """How a cluster came to be, what it would fall into, what else could stand behind it."""

        async def found(reader: Reader) -> judging.Judged:
            cluster = await judging.find(reader, cluster_id)
            merges = self.merges_of([cluster_id]).get(cluster_id, [])
            return await judging.judge(reader, cluster, merges, self.model.bands.costs)

        return self._ask(found)

    def _ask(self, question: Callable[[Reader], Awaitable[T]]) -> T:
        """Put a question to the graph from a thread that has no event loop."""

        async def asked() -> T:
            reader = Reader.open(self.connection, seconds=PATIENCE)
            try:
                return await question(reader)
            finally:
                await reader.close()

        return asyncio.run(asked())

    # -- what was refused

    def rejections(self, *, file: str | None = None, code: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """Rejected rows that were not replayed yet, newest first."""
        return rejecting.rejections(self.ledger, file=file, code=code, limit=limit)

    def replay(self, *, progress: Progress = silent) -> rejecting.Replayed:
        """Try every rejected row again, under the rules as they are now."""
        return rejecting.replay(self.ledger, phone_region=self.settings.phone_region, progress=progress)

    # -- what only the ledger remembers

    def usage_of_cluster(
        self, cluster_id: str, *, bucket: str = "day", published: int | None = None
    ) -> list[dict[str, Any]]:
        """Usage of a cluster's members over time; `published`: as of that version of the publications."""
        return history.usage_of_cluster(self.ledger, cluster_id, bucket=bucket, published=published)

    def merges_of(self, cluster_ids: Sequence[str], published: int | None = None) -> dict[str, list[Merge]]:
        """How clusters came together; `published`: as of that version of the publications."""
        return history.merges_of(self.ledger, cluster_ids, published)

    def lineage_of(self, cluster_ids: Sequence[str]) -> list[dict[str, Any]]:
        """What became of clusters."""
        return history.lineage_of(self.ledger, cluster_ids)

    def largest_clusters(self, *, limit: int = 10) -> list[dict[str, Any]]:
        """The largest live clusters with what holds them together."""
        return history.largest_clusters(self.ledger, limit=limit)

    def clusters_of_accounts(self) -> pa.Table:
        """Where every known account is."""
        return history.clusters_of_accounts(self.ledger)
