"""Data sets → a model whose numbers fit them: what `linkage fit` does.

Rounds under the present numbers show what they make of the data (`engine.lessons`), regression says which numbers
would have judged better (`engine.fit`), and the two take turns. Of the models met on the way, the one that was given
included, the answer is the one whose clusters are best where nothing was taught: what is worth choosing is clusters,
not pairs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from linkage.engine.curves import Judged, judge, learn_scorecard
from linkage.engine.fit import Free, Taught, ends, free_numbers, log_loss, moved, priced, read, regress, steps
from linkage.engine.labels import Actors, Decisions
from linkage.engine.lessons import cluster, learn, look_at_world, members_of, newcomers_of
from linkage.engine.model import Model, Scorecard
from linkage.engine.model_file import check_place, differences, write_model
from linkage.engine.second_look import Seen
from linkage.engine.standing import Beside
from linkage.engine.tables import Ints
from linkage.evaluate import evaluate
from linkage.model.progress import Progress, silent
from linkage.service.provenance import notes_on, provenance
from linkage.service.pupils import Basis, Pupil, Sources, read_pupils

PRICE = 2.0  # of bystanders: one ordinary account in a hundred drawn in weighs as much as two hundredths of F1
PAIRS = 1000.0  # that the pairs of each data set weigh together
# That a pair of two actors weighs. Of 1, 4, 8 and 16 on small worlds: at 1 bystanders trebled, at 16 they went down
# most, and recall by two to four hundredths.
WRONG = 16.0
# What a number's leeway costs, squared and by half: dear where there are few labels, dearest where they are one's own.
RIDGE = {Basis.TRUTH: 1.0, Basis.DECISIONS: 5.0, Basis.NOTHING: 10.0}
SAME = 1e-6  # nats by which two losses are one
STILL = 0.02  # leeways below which no number has moved


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a model makes of the held-out part of one data set; None where it is not defined."""

    worth: float
    figures: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that was met: in which turn (0: the one given), and what comes out under it."""

    name: str
    turn: int
    model: Model
    outcomes: tuple[Outcome, ...]

    @property
    def worth(self) -> float | None:
        """What the held-out clusters are worth, every data set alike."""
        return float(np.mean([each.worth for each in self.outcomes])) if self.outcomes else None

    @property
    def rank(self) -> tuple[float, float]:
        """By worth; where that is the same by how well confidence is told."""
        return round(self.worth or 0.0, 6), -(self.mean().get("brier") or 0.0)

    def mean(self) -> dict[str, float | None]:
        """The mean of each figure, and of what it is worth, over the data sets where it is defined."""
        names = sorted({name for each in self.outcomes for name in each.figures})
        known = {name: [v for each in self.outcomes if (v := each.figures.get(name)) is not None] for name in names}
        means = {name: round(float(np.mean(values)), 5) if values else None for name, values in known.items()}
        return {"worth": None if self.worth is None else round(self.worth, 5), **means}


@dataclass(slots=True)
class Met:
    """The models met, in order, and how many turns it took."""

    candidates: list[Candidate] = field(default_factory=list)
    turns: int = 0


def fit_files(
    sources: Sources,
    out: Path,
    *,
    start: Model,
    turns: int = 3,
    memory_limit: str = "4GB",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Fit the numbers of `start` to data sets, write the model to `out`, and return what was done and measured.

    Labels are each data set's own `truth` file, or the given one; else its decisions; where no data set has any, the
    clusters of the model itself (classification EM: Celeux and Govaert 1992), and then nothing is measured. Raises
    BadLabels with all that stands in the way.
    """
    check_place(out)
    threads = os.cpu_count() or 1
    pupils = read_pupils(sources, start, memory_limit, threads, progress)
    kinds = sorted({kind for pupil in pupils for kind in pupil.world.gathered.kinds})
    free = free_numbers(start, kinds)
    met = _take_turns(pupils, start, free, turns, threads, progress)
    measured = pupils[0].basis is not Basis.NOTHING
    given = met.candidates[0]
    losses = _losses(pupils, met.candidates, threads, progress) if measured else {}
    best = choose(met.candidates, losses["held_out"]) if measured else met.candidates[-1]
    model = best.model if best is given else best.model.model_copy(update={"version": _version(start)})
    summary = {
        "model": model.fingerprint,
        "started_from": start.fingerprint,
        "date": _today(),
        "data_sets": [pupil.described for pupil in pupils],
        "learnt_from": sorted({pupil.basis.value for pupil in pupils}),
        "measured": measured,
        "turns": met.turns,
        "chosen": best.name,
        "changed": _count(differences(model, start)) - (best is not given),
        "log_loss": _before_and_after(losses, met.candidates.index(best)),
        "before": given.mean(),
        "after": best.mean(),
        "candidates": [
            {"name": each.name, "log_loss": losses["held_out"][number] if measured else None, **each.mean()}
            for number, each in enumerate(met.candidates)
        ],
    }
    summary["notes"] = notes_on(summary)
    write_model(model, out, provenance(summary))
    return summary


# Turns


def _take_turns(
    pupils: Sequence[Pupil], start: Model, free: Sequence[Free], turns: int, threads: int, progress: Progress
) -> Met:
    """Rounds and regression in turns; every model met is measured, with the curves that suit it."""
    met, model, given = Met(), start, read(start, free)
    for turn in range(turns + 1):
        models, taken = steps(model, free) if turn < turns else ([], np.zeros(0))
        watched = []
        for number, pupil in enumerate(pupils):
            progress(f"turn {turn} of {turns}", number, len(pupils))
            watched.append(learn(pupil.world, _labels(pupil, model, threads), model, models, threads=threads))
        progress(f"turn {turn} of {turns}", len(pupils), len(pupils))
        labels = [label for _, label in watched]
        if turn == 0:
            met.candidates.append(_candidate("as given", 0, start, pupils, labels))
        model = _with_curves(model, pupils, labels)
        if model is not start:
            name = f"turn {turn}" if turn else "as given, with curves of its own"
            met.candidates.append(_candidate(name, turn, model, pupils, labels))
        lessons = [priced(found, WRONG) for found, _ in watched if len(found.total)]
        if turn == turns or not lessons:
            break
        here = read(model, free)
        ridge = min(RIDGE[pupil.basis] for pupil in pupils)
        where = regress(Taught.by(lessons, taken, -start.prior.bits, PAIRS), here, given, ends(free), ridge).where
        if np.abs(where - here).max(initial=0.0) < STILL:
            break
        model = moved(model, free, where)
        met.turns = turn + 1
    return met


def _labels(pupil: Pupil, model: Model, threads: int) -> Actors | Decisions:
    """The labels of a data set; where it has none, the clusters that the present model makes of it."""
    if pupil.labels is not None:
        return pupil.labels
    seen = look_at_world(pupil.world, cluster(pupil.world, model, threads), model)
    return Actors(seen.label.astype(np.int64), np.ones(len(seen.size), np.bool_))


def _with_curves(model: Model, pupils: Sequence[Pupil], labels: Sequence[Ints]) -> Model:
    """The model with the curves that the members of these clusters teach, where a truth tells who is right: one's own
    clusters are right by definition, and decisions are of members about whom there was doubt."""
    taught = [
        (pupil, label, pupil.labels)
        for pupil, label in zip(pupils, labels, strict=True)
        if pupil.truth is not None and isinstance(pupil.labels, Actors)
    ]
    members = [_judge(pupil, members_of(pupil.world, label, model), label, actors) for pupil, label, actors in taught]
    given = _scorecard(model.confidence)
    learnt = learn_scorecard(members, given)
    if learnt != given:
        right = float(np.mean([each.right.mean() for each in members if len(each.right)]))
        typical = round(min(max(right, 0.01), 0.99), 3)
        confidence = model.confidence.model_copy(
            update={"curves": learnt.curves, "together": learnt.together, "typical": typical}
        )
        model = model.model_copy(update={"confidence": confidence})
    newcomers = []
    for pupil, label, actors in taught:
        beside, kept = newcomers_of(pupil.world, label, model)
        newcomers.append(_judge(pupil, beside, kept, actors))
    learnt = learn_scorecard(newcomers, _scorecard(model.newcomers))
    welcome = model.newcomers.model_copy(update={"curves": learnt.curves, "together": learnt.together})
    return model.model_copy(update={"newcomers": welcome})


def _scorecard(part: Scorecard) -> Scorecard:
    """The scorecard of a part of the model, by itself."""
    return Scorecard(curves=part.curves, together=part.together)


def _judge(pupil: Pupil, beside: Beside, label: Ints, actors: Actors) -> Judged:
    return judge(beside, label, actors, pupil.world.stated, pupil.world.gathered.activity.load)


# Measuring


def _candidate(name: str, turn: int, model: Model, pupils: Sequence[Pupil], labels: Sequence[Ints]) -> Candidate:
    found = [_outcome(p, look_at_world(p.world, label, model)) for p, label in zip(pupils, labels, strict=True)]
    return Candidate(name, turn, model, tuple(each for each in found if each))


def _outcome(pupil: Pupil, seen: Seen) -> Outcome | None:
    if pupil.truth is not None:
        return _against_truth(pupil, pupil.truth, seen)
    return _agreement(pupil.labels, seen) if isinstance(pupil.labels, Decisions) else None


def _against_truth(pupil: Pupil, truth: pa.Table, seen: Seen) -> Outcome:
    accounts = len(pupil.world.accounts)
    clusters = pa.table(
        {
            "account_id": pupil.world.accounts,
            "cluster_id": pa.array(seen.label[:accounts]),
            "confidence": pa.array(seen.sure[:accounts]),
        }
    )
    report = evaluate(clusters, truth, bootstrap=0)
    calibration = report.calibration
    bystanders = report.bystanders.value
    return Outcome(
        worth=(report.b_cubed.f1.value or 0.0) - PRICE * (bystanders or 0.0),
        figures={
            "b_cubed_f1": report.b_cubed.f1.value,
            "ring_precision": report.ring_b_cubed.precision.value,
            "ring_recall": report.ring_b_cubed.recall.value,
            "bystanders": bystanders,
            "calibration_error": calibration.error.value if calibration else None,
            "brier": calibration.brier if calibration else None,
        },
    )


def _agreement(labels: Decisions, seen: Seen) -> Outcome:
    """How many of the held-out pairs that are the same are together, and of those that differ apart: the mean of both
    shares, since people decide upon whom they please."""
    together = seen.label[labels.left] == seen.label[labels.right]
    asked = labels.held_out
    shares: dict[str, float | None] = {}
    for name, chosen, kept in (
        ("same_together", asked & labels.same, together),
        ("different_apart", asked & ~labels.same, ~together),
    ):
        shares[name] = float(kept[chosen].mean()) if chosen.any() else None
    known = [share for share in shares.values() if share is not None]
    return Outcome(float(np.mean(known)) if known else 0.0, shares)


def choose(candidates: Sequence[Candidate], losses: Sequence[float | None]) -> Candidate:
    """The candidate of highest rank, the first of several, among those that also judge the held-out pairs no worse than
    the first: two views that must agree, or a handful of accounts would decide by chance."""
    given = losses[0]
    sound = [
        each
        for each, loss in zip(candidates, losses, strict=True)
        if given is None or loss is None or loss <= given + SAME
    ]
    return max(sound, key=lambda each: each.rank)


def _losses(
    pupils: Sequence[Pupil], candidates: Sequence[Candidate], threads: int, progress: Progress
) -> dict[str, list[float | None]]:
    """By part and candidate the mean log loss in nats of the pairs that the first one's rounds meet, as each candidate
    weighs them."""
    start, models = candidates[0].model, [each.model for each in candidates]
    losses = {}
    for part in ("taught", "held_out"):
        lessons = []
        for number, pupil in enumerate(pupils):
            progress(f"log loss ({part.replace('_', ' ')})", number, len(pupils))
            if pupil.labels is not None:
                labels = pupil.labels if part == "taught" else pupil.labels.others()
                found, _ = learn(pupil.world, labels, start, models, threads=threads)
                lessons.append(priced(found, WRONG))
        losses[part] = [log_loss(lessons, -start.prior.bits, number) for number in range(len(models))]
    return losses


def _before_and_after(losses: dict[str, list[float | None]], chosen: int) -> dict[str, float | None]:
    told = {}
    for part, found in losses.items():
        for when, loss in (("before", found[0]), ("after", found[chosen])):
            told[f"{part}_{when}"] = None if loss is None else round(loss, 5)
    return told


def _count(table: dict[str, Any]) -> int:
    """How many numbers (a curve is one) differ."""
    return sum(
        _count(value) if isinstance(value, dict) and not {"at", "bits"} & value.keys() else 1
        for value in table.values()
    )


def _version(start: Model) -> str:
    return f"{start.version}-fitted-{_today()}"


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
