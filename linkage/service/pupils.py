"""Data sets that are to teach, with what is known of them: read, labelled, and refused where it is too little."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage import ingest
from linkage.engine.labels import Actors, Decisions, split
from linkage.engine.lessons import World, gather_world
from linkage.engine.model import Model
from linkage.errors import BadLabels
from linkage.evaluate import actors_of, read_table
from linkage.model.progress import Progress
from linkage.service.filing import read_parts

FEWEST_ACTORS = 6  # of two accounts or more, over all data sets
FEWEST_DECISIONS = 10  # of each sort
_ENDINGS = (".parquet", ".csv", ".csv.gz", ".jsonl", ".jsonl.gz")


class Basis(StrEnum):
    """Where labels come from."""

    TRUTH = "truth"
    DECISIONS = "decisions"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Pupil:
    """A data set with its labels; without any, its labels are made anew in each turn.

    truth    account_id, actor_id, counted (held out), ring if known: what outcomes are measured against
    """

    world: World
    basis: Basis
    labels: Actors | Decisions | None
    truth: pa.Table | None
    described: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sources:
    """What to learn from: data sets (folders or files), one truth for all of them if there is one, and how to read
    them."""

    datasets: Sequence[Path]
    truth: Path | None = None
    mapping: ingest.Mapping | None = None
    phone_region: str | None = None


def read_pupils(sources: Sources, model: Model, memory_limit: str, threads: int, progress: Progress) -> list[Pupil]:
    """Every data set as the rounds take it, with its labels; raises BadLabels with all that stands in the way."""
    pupils = []
    for dataset in sources.datasets:
        truth = sources.truth or truth_of(dataset)
        with tempfile.TemporaryDirectory(prefix="linkage-fit-") as work:
            parts = read_parts(
                dataset, Path(work), mapping=sources.mapping, phone_region=sources.phone_region, progress=progress
            )
            world = gather_world(
                dataset.resolve().name,
                parts.facts,
                model,
                bound_by_decisions=truth is not None,
                memory_limit=memory_limit,
                threads=threads,
                progress=progress,
            )
        pupils.append(label_world(world, truth))
    refuse(pupils, sources.truth)
    return pupils


def truth_of(dataset: Path) -> Path | None:
    """The truth file of a data set, if it is a folder that has one."""
    named = (dataset / f"truth{ending}" for ending in _ENDINGS)
    return next((path for path in named if path.is_file()), None)


def label_world(world: World, truth: Path | None) -> Pupil:
    """The data set with what is known of it: by the truth, else by its decisions, else nothing."""
    described: dict[str, Any] = {"name": world.name, "accounts": len(world.accounts)}
    if truth is not None:
        return _with_truth(world, read_table(truth), described)
    if any(word in ("same", "different") for _, _, word in world.judged):
        labels = Decisions.of(len(world.gathered.created), world.judged)
        said = {"decisions": len(labels.same), "same": int(labels.same.sum()), "different": int((~labels.same).sum())}
        return Pupil(world, Basis.DECISIONS, labels, None, {**described, "labels": "decisions", **said})
    return Pupil(world, Basis.NOTHING, None, None, {**described, "labels": "nothing"})


def _with_truth(world: World, truth: pa.Table, described: dict[str, Any]) -> Pupil:
    told = actors_of(truth)
    place = pc.index_in(world.accounts, value_set=told.column("account_id").combine_chunks())
    found = place.fill_null(-1).to_numpy(zero_copy_only=False)
    known = np.flatnonzero(found >= 0)
    told_known = told.take(found[known])
    actor = np.full(len(world.gathered.created), -1, np.int64)
    actor[known] = told_known.column("actor_id").combine_chunks().dictionary_encode().indices.to_numpy()
    labels = Actors(actor, split(actor))
    counted = pa.array(~labels.teaches[actor[known]]) if len(known) else pa.array([], pa.bool_())
    size = np.bincount(actor[known]) if len(known) else np.zeros(0, np.int64)
    said = {
        "known": len(known),
        "actors": len(size),
        "actors_of_several": int((size > 1).sum()),
        "unknown_accounts": len(told) - len(known),
    }
    return Pupil(
        world,
        Basis.TRUTH,
        labels,
        told_known.append_column("counted", counted),
        {**described, "labels": "truth", **said},
    )


def refuse(pupils: Sequence[Pupil], truth: Path | None) -> None:
    """Raise BadLabels with everything about the labels that stands in the way."""
    faults = [fault for pupil in pupils if (fault := _fault_of(pupil, truth))]
    labelled = [pupil for pupil in pupils if pupil.basis is not Basis.NOTHING]
    if labelled:
        faults += [
            f"{pupil.world.name} has neither a truth file nor decisions, and other data sets have"
            for pupil in pupils
            if pupil.basis is Basis.NOTHING
        ]
    several = sum(pupil.described.get("actors_of_several", 0) for pupil in pupils)
    with_truth = [pupil for pupil in pupils if pupil.basis is Basis.TRUTH and pupil.described["known"]]
    if with_truth and several < FEWEST_ACTORS:
        faults.append(
            f"the truth has {several} actors of two accounts or more among {_together(with_truth)}; fitting takes "
            f"{FEWEST_ACTORS}, since one in three is held out"
        )
    if faults:
        raise BadLabels(
            "There is too little to learn from.",
            details=faults,
            next_step="Give more, leave such data sets out, or give only data sets without labels: then the clusters "
            "of the model itself teach, and nothing is measured.",
        )


def _fault_of(pupil: Pupil, truth: Path | None) -> str | None:
    said = pupil.described
    if pupil.basis is Basis.TRUTH and not said["known"]:
        named = f"{truth}" if truth else "its truth file"
        return f"{pupil.world.name}: {named} names {said['unknown_accounts']:,} accounts, none of which is in the data"
    if pupil.basis is Basis.DECISIONS and min(said["same"], said["different"]) < FEWEST_DECISIONS:
        return (
            f"{pupil.world.name} has {said['same']} decisions 'same' and {said['different']} 'different'; "
            f"fitting takes {FEWEST_DECISIONS} of each"
        )
    return None


def _together(pupils: Sequence[Pupil]) -> str:
    return ", ".join(pupil.world.name for pupil in pupils)
