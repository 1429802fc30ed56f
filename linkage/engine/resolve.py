"""Resolution: a pure function (facts, decisions, model) → clusters, with what decided them.

The order of the steps, and nothing else: SQL before (`steps`), compiled rounds (`rounds`), SQL after (`results`).
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from linkage.engine import results, steps
from linkage.engine.facts import Facts
from linkage.engine.members import confidence, member_bits
from linkage.engine.model import Model
from linkage.engine.rounds import Floats, Holdings, Rounds
from linkage.engine.runner import Runner, peak_memory
from linkage.engine.weigh import Weights
from linkage.model.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a resolution found; labels number the clusters, singles included, by their first subject.

    memberships  subject_type, subject_id, label, size, confidence        every subject
    evidence     label, kind, value, bits, full_bits, members, holders, holder_clusters, reason
    merges       label, round, left, right, left_size, right_size, bits, posterior, evidence (JSON)
    identifiers  kind, value, holders, holder_clusters, sharing_class     two holders or more
    weakest      label, weakest (JSON)                                    clusters of two or more
    """

    memberships: pa.Table
    evidence: pa.Table
    merges: pa.Table
    identifiers: pa.Table
    weakest: pa.Table
    summary: dict[str, Any] = field(default_factory=dict)


def resolve(
    facts: Facts,
    model: Model | None = None,
    *,
    progress: Progress = silent,
    memory_limit: str = "4GB",
    threads: int | None = None,
) -> Resolution:
    """Resolve the facts into clusters of one actor each."""
    started = time.perf_counter()
    threads = threads or os.cpu_count() or 1
    runner = Runner(memory_limit, threads, progress)
    try:
        return _resolve(runner, facts, model or Model.load(), threads, started)
    finally:
        runner.close()


def _resolve(runner: Runner, facts: Facts, model: Model, threads: int, started: float) -> Resolution:
    facts.register(runner.connection)
    prepare(runner, model)
    kinds, holdings = _holdings(runner)
    weights = Weights.of(model, kinds, sign_up_span(holdings.created))
    rounds = Rounds(holdings, weights, threads)
    with runner.step("decisions"):
        conflicts, declared = _bind(runner, rounds)
    with runner.step("rounds"):
        count = rounds.run(model.prior.stages, model.rounds.maximum, runner.progress)
    with runner.step("confidence"):
        label, clusters = rounds.labels()
        size = np.bincount(label, minlength=clusters).astype(np.int32)
        bits = member_bits(holdings, label, size, weights)
        sure = confidence(bits, size[label] > 1, weights, model.confidence.slope, model.confidence.offset)
    _give(runner, rounds, holdings, label, size, sure, declared, weights)
    with runner.step("results"):
        runner.connection.execute(f"CREATE TEMP TABLE cluster_values AS {results.cluster_values()}")
        runner.connection.execute(f"CREATE TEMP TABLE value_clusters AS {results.value_clusters()}")
        tables = {
            name: runner.arrow(sql())
            for name, sql in (
                ("memberships", results.memberships),
                ("evidence", results.evidence),
                ("merges", results.merges),
                ("identifiers", results.identifiers),
                ("weakest", results.weakest),
            )
        }
    summary = {
        "subjects": holdings.subjects,
        "shared_identifiers": len(holdings.value_kind),
        "holdings": len(holdings.subject),
        "clusters": int((size > 1).sum()),
        "clustered": int(size[size > 1].sum()),
        "largest": int(size.max(initial=0)),
        "rounds": count,
        "conflicts": conflicts,
        "unknown_kinds": sorted(set(kinds) - set(model.kinds)),
        "model": model.fingerprint,
        "timings": runner.timings,
        "seconds": round(time.perf_counter() - started, 3),
        "peak_memory": peak_memory(),
    }
    return Resolution(**tables, summary=summary)


def prepare(runner: Runner, model: Model) -> None:
    """Facts to `subjects`, `shared_values` and `holding_rows`."""
    runner.table("decided_subjects", steps.decided_subjects())
    runner.table("subject_ids", steps.subject_ids())
    runner.table("subjects", steps.subjects())
    runner.view("all_observations", steps.all_observations())
    runner.table("repeated_hashes", steps.repeated_hashes())
    runner.table("periods", steps.periods())
    runner.table("members", steps.members())
    runner.table("closed_organisations", steps.closed_organisations(model))
    runner.table("declared", steps.declared())
    runner.table("owned", steps.owned(model))
    runner.table("shared_values", steps.shared_values())
    runner.table("holding_rows", steps.holdings())
    runner.drop("subject_ids", "repeated_hashes", "periods", "owned")


def _holdings(runner: Runner) -> tuple[list[str], Holdings]:
    subjects = runner.connection.execute("SELECT count(*) FROM subjects").fetchall()[0][0]
    kinds = [
        row[0] for row in runner.connection.execute("SELECT DISTINCT kind FROM shared_values ORDER BY 1").fetchall()
    ]
    values = runner.arrow("SELECT kind FROM shared_values ORDER BY v")["kind"]
    numbers = {kind: number for number, kind in enumerate(kinds)}
    encoded = values.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    translate = np.array([numbers[kind] for kind in encoded.dictionary.to_pylist()], dtype=np.int32)
    rows = runner.connection.execute("SELECT * FROM holding_rows ORDER BY value, subject").fetchnumpy()
    opened = runner.connection.execute(steps.created()).fetchnumpy()
    created = np.full(subjects, np.nan, np.float32)
    created[opened["subject"]] = opened["created"]
    return kinds, Holdings(
        subject=np.asarray(rows["subject"], np.int32),
        value=np.asarray(rows["value"], np.int32),
        first=np.asarray(rows["first"], np.float32),
        last=np.asarray(rows["last"], np.float32),
        value_kind=translate[encoded.indices.to_numpy(zero_copy_only=False)] if len(values) else np.zeros(0, np.int32),
        created=created,
        subjects=subjects,
    )


def _bind(runner: Runner, rounds: Rounds) -> tuple[list[dict[str, Any]], list[tuple[int, int, str]]]:
    """Decisions and declarations into the forest: first what must stay apart, then what belongs together."""
    runner.table("judgements", steps.judgements())
    fetch = runner.connection.execute
    judged = fetch("SELECT a, b, judgement FROM judgements ORDER BY said, a, b").fetchall()
    apart = np.array([(a, b) for a, b, j in judged if j == "different"], np.int32).reshape(-1, 2)
    rounds.forbid(apart[:, 0], apart[:, 1])
    bound: list[tuple[int, int, str]] = []
    conflicts: list[dict[str, Any]] = []
    names = "SELECT subject_type || ':' || subject_id FROM subjects WHERE subject = ?"
    for why, pairs in (
        ("decision", [(a, b) for a, b, j in judged if j == "same"]),
        ("declared", fetch("SELECT subject, organisation FROM declared ORDER BY 1, 2").fetchall()),
    ):
        both = np.array(pairs, np.int32).reshape(-1, 2)
        refused = rounds.declare(both[:, 0], both[:, 1])
        for (a, b), no in zip(pairs, refused, strict=True):
            if no:
                left, right = (fetch(names, [side]).fetchall()[0][0] for side in (a, b))
                conflicts.append({"left": left, "right": right, "why": why, "kept": "different"})
            else:
                bound.append((a, b, why))
    return conflicts, bound


def _give(runner, rounds, holdings, label, size, sure, declared, weights) -> None:
    """Hand the outcome of the rounds to the SQL that follows."""
    runner.give(
        "labels",
        subject=np.arange(len(label), dtype=np.int32),
        label=label,
        size=size[label],
        confidence=sure,
    )
    tree = rounds.dendrogram()
    first = np.arange(len(declared), dtype=np.int64)
    pairs = np.array([(a, b) for a, b, _ in declared], np.int32).reshape(-1, 2)
    total = len(declared) + len(tree.left)
    why = [f'[{{"declared": "{reason}"}}]' for *_, reason in declared]
    odds = tree.bits - weights.neighbourhood_bits
    runner.give(
        "merge_list",
        merge=np.arange(total, dtype=np.int64),
        round=np.concatenate([np.zeros(len(first), np.int32), tree.round]),
        left=np.concatenate([pairs[:, 0], tree.left]),
        right=np.concatenate([pairs[:, 1], tree.right]),
        left_size=np.concatenate([np.ones(len(first), np.int32), tree.left_size]),
        right_size=np.concatenate([np.ones(len(first), np.int32), tree.right_size]),
        bits=np.concatenate([np.full(len(first), 2 * weights.neighbourhood_bits), tree.bits]),
        posterior=np.concatenate([np.ones(len(first)), 1 / (1 + np.exp2(-odds))]),
        declared=pa.array([*why, *["[]"] * len(tree.left)], pa.string()),
    )
    runner.give(
        "merge_evidence",
        merge=len(declared) + np.repeat(np.arange(len(tree.left), dtype=np.int64), np.diff(tree.evidence_start)),
        value=tree.evidence_value,
        bits=tree.evidence_bits,
        full_bits=tree.evidence_full,
        holders=tree.evidence_holders,
    )


def sign_up_span(created: Floats) -> float:
    """Days within which all but a few accounts were opened; 0 where no time is known."""
    known = created[~np.isnan(created)]
    return float(np.diff(np.quantile(known, [0.01, 0.99]))[0]) if len(known) > 1 else 0.0
