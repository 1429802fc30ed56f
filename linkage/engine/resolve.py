"""Resolution: a pure function (facts, decisions, model) → clusters, with what decided them.

The order of the steps, and nothing else: SQL before (`steps`), compiled rounds (`rounds`), SQL after (`results`).
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from linkage.engine import places, results, steps
from linkage.engine.bands import count_bands
from linkage.engine.behaviour import Activity, gather_activity
from linkage.engine.classes import Holders, look_at_holders, separateness, weigh_classes
from linkage.engine.decisions import Decided, read_decisions
from linkage.engine.facts import Facts
from linkage.engine.forest import JOINED, REFUSED, Forest, Marks, declare_pairs, plant
from linkage.engine.lookup import doubt_known, look_up
from linkage.engine.model import Model
from linkage.engine.reference import Reference, version
from linkage.engine.rounds import Rounds, join_merges
from linkage.engine.runner import Runner, peak_memory
from linkage.engine.second_look import Seen, let_go, look_twice, retell
from linkage.engine.similar import add_similar
from linkage.engine.standing import Scene, look_at_members, look_at_newcomers, set_scene
from linkage.engine.tables import Flags, Floats, Holdings, Ints, Whole
from linkage.engine.uses import Uses, look_at_uses
from linkage.engine.weigh import Weights
from linkage.model.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a resolution found; labels number the clusters, singles included, by their first subject.

    memberships  subject_type, subject_id, label, size, confidence        every subject
    evidence     label, kind, value, bits, full_bits, members, holders, holder_clusters, reason
    merges       label, round, left, right, left_size, right_size, bits, posterior, evidence (JSON)
    identifiers  kind, value, holders, holder_clusters, sharing_class, class_bits, class_reason     two holders or more
    weakest      label, weakest (JSON)                                    clusters of two or more
    """

    memberships: pa.Table
    evidence: pa.Table
    merges: pa.Table
    identifiers: pa.Table
    weakest: pa.Table
    summary: dict[str, Any] = field(default_factory=dict)


class Gathered(NamedTuple):
    """Facts as arrays: of each shared value its kind, and by how many logits it is worth more than its kind (similar
    values: less); subject × shared value with its period in days; and of each subject when it was opened (NaN: not
    known), how many telling identifiers it has that nobody else holds, and as bits the families that may differ of
    which it has any value (an empty array where nobody has)."""

    kinds: list[str]
    kind: Ints
    shift: Floats
    subject: Ints
    value: Ints
    first: Floats
    last: Floats
    created: Floats
    private: Ints
    stated: Whole
    activity: Activity


@dataclass(frozen=True, slots=True)
class Bound:
    """What decisions and declarations settled before the rounds: merges made, those a decision forbade, and who is to
    stay apart from whom."""

    marks: Marks
    left: Ints
    right: Ints
    why: tuple[str, ...]
    conflicts: tuple[dict[str, Any], ...]

    def stated(self, subjects: int) -> Flags:
        """Whose membership somebody stated, subject by subject."""
        flags = np.zeros(subjects, np.bool_)
        flags[np.concatenate([self.left, self.right])] = True
        return flags


def resolve(
    facts: Facts,
    model: Model | None = None,
    *,
    reference: Reference | None = None,
    progress: Progress = silent,
    memory_limit: str = "4GB",
    threads: int | None = None,
) -> Resolution:
    """Resolve the facts into clusters of one actor each; `memory_limit` binds DuckDB, which spills beyond it.

    `reference` is what an operator knows of places: it names sharing classes, and lessens weights by the model's.
    """
    started = time.perf_counter()
    threads = threads or os.cpu_count() or 1
    runner = Runner(memory_limit, threads, progress)
    try:
        facts.register(runner.connection)
        return _resolve(runner, model or Model.load(), reference, threads, started)
    finally:
        runner.close()


def prepare(runner: Runner, model: Model) -> None:
    """Facts to `subjects`, `shared_values` and `holding_rows`."""
    runner.table("decided_subjects", steps.decided_subjects())
    runner.table("subject_ids", steps.subject_ids())
    runner.table("subjects", steps.subjects())
    runner.view("all_observations", steps.all_observations())
    runner.table("repeated_hashes", steps.repeated_hashes())
    runner.table("periods", steps.periods())
    add_similar(runner, model)
    runner.table("private_counts", steps.private_counts(model))
    runner.table("members", steps.members())
    runner.table("closed_organisations", steps.closed_organisations(model))
    runner.table("declared", steps.declared())
    runner.table("owned", steps.owned(model))
    runner.table("shared_values", steps.shared_values())
    runner.table("holding_rows", steps.holdings())
    runner.table("decided", steps.decided())
    runner.table("decided_members", steps.decided_members())
    runner.drop("subject_ids", "repeated_hashes", "periods", "owned")


def sign_up_span(created: Floats) -> float:
    """Days within which all but a few accounts were opened; 0 where no time is known."""
    known = created[~np.isnan(created)]
    return float(np.diff(np.quantile(known, [0.01, 0.99]))[0]) if len(known) > 1 else 0.0


def _resolve(runner: Runner, model: Model, reference: Reference | None, threads: int, started: float) -> Resolution:
    prepare(runner, model)
    look_up(runner, reference)
    gathered = gather(runner, model)
    weights, holders, holdings = weigh(gathered, model)
    values, doubted = doubt_known(runner, holdings.values, weights, model)
    holdings = holdings._replace(values=values)
    with runner.step("decisions"):
        forest, bound = bind(runner, holdings.subjects)
    rounds = Rounds(holdings, weights, forest, gathered.activity, threads)
    with runner.step("rounds"):
        count = rounds.run(model.prior.stages, model.rounds.maximum, runner.progress)
    with runner.step("second look"):
        joined, _ = rounds.labels()
        seen = look_again(joined, gathered, holdings, weights, bound, model, threads)
    label, size = seen.label, seen.size
    with runner.step("results"):
        _give(runner, rounds, joined, count, seen, bound)
        _give_classes(runner, holders, holdings, weights, doubted)
        _give_uses(runner, holdings, label)
        tables = {name: runner.arrow(sql) for name, sql in results.published(runner.table)}
    summary = {
        "subjects": holdings.subjects,
        "shared_identifiers": len(holdings.values.kind),
        "holdings": len(holdings.subject),
        "clusters": int((size > 1).sum()),
        "clustered": int(size[size > 1].sum()),
        "largest": int(size.max(initial=0)),
        "bands": count_bands(seen.sure[size[label] > 1], model.bands.costs),
        "costs": model.bands.model_dump(),
        "rounds": count,
        "let_go": int(seen.gone.sum()),
        "taken_in": len(seen.taken.right),
        "conflicts": list(bound.conflicts),
        "unknown_kinds": sorted(set(gathered.kinds) - set(model.kinds)),
        "sign_up_span": round(weights.sign_up_span, 3),
        "base_rate_bits": round(seen.base_rate_bits, 3),
        "model": version(model.fingerprint, reference),
        "reference_rows": reference.rows if reference else {},
        "timings": runner.timings,
        "seconds": round(time.perf_counter() - started, 3),
        "peak_memory": peak_memory(),
    }
    return Resolution(**tables, summary=summary)


def gather(runner: Runner, model: Model) -> Gathered:
    """What the steps before the rounds prepared, as arrays."""
    subjects = int(runner.rows("SELECT count(*) FROM subjects")[0][0])
    kinds = [row[0] for row in runner.rows("SELECT DISTINCT kind FROM shared_values ORDER BY 1")]
    numbered = " ".join(f"WHEN ? THEN {number}" for number in range(len(kinds)))
    kind_of_value = f"SELECT CAST(CASE kind {numbered} ELSE 0 END AS INTEGER) AS kind FROM shared_values ORDER BY v"
    values = runner.arrays(kind_of_value if kinds else "SELECT v AS kind FROM shared_values", kinds)
    shifted = runner.arrays("SELECT v.v, s.shift FROM shared_values v JOIN similar_values s USING (kind, value)")
    shift = np.zeros(len(values["kind"]), np.float32)
    shift[shifted["v"]] = shifted["shift"]
    rows = runner.arrays("SELECT * FROM holding_rows ORDER BY value, subject")
    opened = runner.arrays(steps.created())
    created = np.full(subjects, np.nan, np.float32)
    created[opened["subject"]] = opened["created"]
    counted = runner.arrays("SELECT * FROM private_counts")
    active = runner.arrays(steps.active_hours())
    private = np.zeros(subjects, np.int32)
    private[counted["subject"]] = counted["own"]
    families = runner.arrays(steps.stated(model))
    stated = np.zeros(subjects if len(families["subject"]) else 0, np.int64)
    stated[families["subject"]] = families["families"]
    return Gathered(
        kinds=kinds,
        kind=np.asarray(values["kind"], np.int32),
        shift=shift,
        subject=np.asarray(rows["subject"], np.int32),
        value=np.asarray(rows["value"], np.int32),
        first=np.asarray(rows["first"], np.float32),
        last=np.asarray(rows["last"], np.float32),
        created=created,
        private=private,
        stated=stated,
        activity=gather_activity(
            np.asarray(active["subject"]), np.asarray(active["hour"]), subjects, np.asarray(active["requests"])
        ),
    )


def weigh(gathered: Gathered, model: Model) -> tuple[Weights, Holders, Holdings]:
    """The model's numbers for these kinds, what holders are like, and the holdings with what each value is worth."""
    g = gathered
    weights = Weights.of(model, g.kinds, sign_up_span(g.created))
    separate = separateness(g.subject, g.kind[g.value], g.private, weights)
    holders = look_at_holders(g.value, g.subject, len(g.kind), separate, g.created)
    values = weigh_classes(g.kind, holders, weights)
    values = values._replace(alpha=values.alpha + g.shift)
    return weights, holders, Holdings(g.subject, g.value, g.first, g.last, values, g.created, len(g.created), g.stated)


def bind(runner: Runner, subjects: int) -> tuple[Forest, Bound]:
    """Decisions and declarations into the forest: first what must stay apart, then what belongs together."""
    decided = read_decisions(runner)
    forest = plant(subjects, decided.marks)
    declared = np.array(runner.rows("SELECT subject, organisation FROM declared ORDER BY 1, 2"), np.int32)
    declared = declared.reshape(-1, 2)
    left = np.concatenate([decided.left, declared[:, 0]])
    right = np.concatenate([decided.right, declared[:, 1]])
    outcome = declare_pairs(left, right, forest)
    made = np.flatnonzero(outcome == JOINED)
    why = tuple("decision" if i < len(decided.of) else "declared" for i in made)
    conflicts = [
        *_contradictions(decided, outcome, forest),
        *(
            _undeclared(runner, decided, int(left[i]), int(right[i]), forest)
            for i in np.flatnonzero(outcome == REFUSED)
            if i >= len(decided.of)
        ),
    ]
    return forest, Bound(decided.marks, left[made], right[made], why, tuple(conflicts))


def _contradictions(decided: Decided, outcome: Ints, forest: Forest) -> list[dict[str, Any]]:
    """The decisions `same` that others forbid, in part or whole."""
    return [
        {
            "left": decided.told[number].left,
            "right": decided.told[number].right,
            "stated": "decision",
            "kept": "different",
            "decision": decided.told[number].id,
            "forbidden_by": [decided.told[other].id for other in others],
        }
        for number, others in decided.contradictions(forest, outcome).items()
    ]


def _undeclared(runner: Runner, decided: Decided, member: int, organisation: int, forest: Forest) -> dict[str, Any]:
    """A declared membership that a decision `different` forbids."""
    named = "SELECT subject_type || ':' || subject_id FROM subjects WHERE subject = ?"
    return {
        "left": runner.rows(named, [member])[0][0],
        "right": runner.rows(named, [organisation])[0][0],
        "stated": "declared",
        "kept": "different",
        "decision": None,
        "forbidden_by": [decided.told[other].id for other in decided.forbidding(member, organisation, forest)],
    }


def look_again(
    label: Ints, gathered: Gathered, holdings: Holdings, weights: Weights, bound: Bound, model: Model, threads: int = 1
) -> Seen:
    """The second look at the clusters that the rounds ended with."""
    g = gathered
    separate = separateness(g.subject, g.kind[g.value], g.private, weights)
    stated = bound.stated(holdings.subjects)
    core, near = model.newcomers.core, model.newcomers.near

    def scene(label: Ints) -> Scene:
        return set_scene(label, holdings, separate, g.activity, weights, threads)

    return look_twice(
        label,
        lambda label: look_at_members(scene(label)),
        lambda label: look_at_newcomers(scene(label), core, near),
        stated,
        bound.marks,
        model.confidence,
        model.newcomers,
    )


def _give(runner: Runner, rounds: Rounds, joined: Ints, count: int, seen: Seen, bound: Bound) -> None:
    """Hand the outcome to the SQL that follows; `joined` are the clusters that the rounds ended with after `count`."""
    label = seen.label
    runner.give(
        "labels",
        subject=np.arange(len(label), dtype=np.int32),
        label=label,
        size=seen.size[label],
        confidence=seen.sure,
    )
    taken, tree = seen.taken, rounds.dendrogram()
    stated = len(bound.left)
    kept = retell(np.concatenate([bound.left, tree.left]), np.concatenate([bound.right, tree.right]), seen.gone)
    late = rounds.tell(let_go(joined, seen.gone), taken.left, taken.right, count + taken.turn, taken.bits)
    tree = join_merges(tree, late)
    merges = stated + len(tree.left)
    merge = np.concatenate([kept.merge, np.arange(merges - len(late.left), merges)])
    nothing = np.zeros(stated)
    bits = np.concatenate([np.full(stated, np.nan), tree.bits])[merge]
    odds = np.nan_to_num(bits, nan=np.inf) - rounds.weights.neighbourhood_bits
    runner.give(
        "merge_list",
        merge=merge,
        round=np.concatenate([np.zeros(stated, np.int32), tree.round])[merge],
        left=np.concatenate([kept.left, taken.left]),
        right=np.concatenate([kept.right, taken.right]),
        left_size=np.concatenate([kept.left_size, taken.left_size]),
        right_size=np.concatenate([kept.right_size, np.ones(len(taken.right), np.int32)]),
        bits=pa.array(bits, from_pandas=True),
        posterior=1 / (1 + np.exp2(-odds)),
        sign_up=np.concatenate([nothing, tree.sign_up])[merge],
        behaviour=np.concatenate([nothing, tree.behaviour])[merge],
        uncovered=np.concatenate([nothing, tree.uncovered])[merge],
        differing=np.concatenate([nothing, tree.differing])[merge],
        standing=np.concatenate([nothing, tree.standing])[merge],
        stated=pa.array([*bound.why, *[None] * len(tree.left)], pa.string()).take(merge),
    )
    runner.give(
        "merge_evidence",
        merge=stated + np.repeat(np.arange(len(tree.left), dtype=np.int64), tree.pieces),
        value=tree.piece_value,
        bits=tree.piece_bits,
        full_bits=tree.piece_full,
        holders=tree.piece_holders,
    )


def _give_classes(runner: Runner, holders: Holders, holdings: Holdings, weights: Weights, doubted: Flags) -> None:
    """Hand on how far the holders of each value, and what is known of it, shifted what it is worth."""
    kind, alpha, beta = holdings.values
    runner.give(
        "value_classes",
        value=np.arange(len(kind), dtype=np.int32),
        alpha_shift=alpha - weights.alpha[kind],
        beta_shift=beta - weights.beta[kind],
        separate=pa.array(holders.separate, from_pandas=True),
        spread=pa.array(holders.spread, from_pandas=True),
        doubted=doubted,
    )


def _give_uses(runner: Runner, holdings: Holdings, label: Ints) -> None:
    """Hand on how each value is used."""
    lives = runner.arrays(places.lives())
    life = np.zeros(holdings.subjects, np.float32)
    life[lives["subject"]] = lives["days"]
    values = len(holdings.values.kind)
    start = np.searchsorted(holdings.value, np.arange(values + 1)).astype(np.int64)
    uses = Uses(*look_at_uses(start, holdings.subject, holdings.first, holdings.last, label, life))
    columns = {name: pa.array(column, from_pandas=True) for name, column in uses._asdict().items()}
    runner.give("value_uses", value=np.arange(values, dtype=np.int32), **columns)
