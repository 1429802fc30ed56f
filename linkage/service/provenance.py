"""A fit told to people: what taught, what came out before and after, and what to beware of."""

from __future__ import annotations

from typing import Any

from linkage import __version__

#: Figures of a summary, as they are told.
FIGURES = {
    "worth": "what the clusters are worth",
    "b_cubed_f1": "B³ F1, all accounts",
    "ring_precision": "ring B³ precision",
    "ring_recall": "ring B³ recall",
    "bystanders": "bystanders",
    "calibration_error": "calibration error",
    "brier": "Brier score of confidence",
    "same_together": "decided same, together",
    "different_apart": "decided different, apart",
}


def provenance(summary: dict[str, Any]) -> list[str]:
    """Where a fitted model comes from, as the comment on top of its file."""
    lines = [
        f"Fitted by linkage {__version__} on {summary['date']}, from model {summary['started_from']}.",
        "What is not here is as shipped. How to read and try it: docs/fitting.md.",
        "",
        *(f"{describe(each)}" for each in summary["data_sets"]),
        f"{summary['turns']} turns; the answer: {summary['chosen']}.",
    ]
    lines += [f"{name}: {before} -> {after}" for name, before, after in compared(summary)]
    return [*lines, *summary["notes"]]


def describe(data_set: dict[str, Any]) -> str:
    """A data set with its labels, in a line."""
    head = f"{data_set['name']}: {data_set['accounts']:,} accounts; "
    if data_set["labels"] == "truth":
        return head + (
            f"truth of {data_set['known']:,} accounts, {data_set['actors']:,} actors, "
            f"{data_set['actors_of_several']:,} of two accounts or more"
        )
    if data_set["labels"] == "decisions":
        return (
            head
            + f"{data_set['decisions']:,} decisions, {data_set['same']:,} same, {data_set['different']:,} different"
        )
    return head + "no labels: the model's own clusters"


def compared(summary: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Figure, before, after; of the held-out part unless it says otherwise."""
    rows = []
    losses = summary["log_loss"]
    for part, name in (("taught", "log loss of a pair, taught"), ("held_out", "log loss of a pair, held out")):
        if losses.get(f"{part}_before") is not None:
            rows.append((name, f"{losses[f'{part}_before']:.4f}", f"{losses[f'{part}_after']:.4f}"))
    for figure, name in FIGURES.items():
        before, after = summary["before"].get(figure), summary["after"].get(figure)
        if before is not None and after is not None:
            rows.append((name, f"{before:.4f}", f"{after:.4f}"))
    return rows


def notes_on(summary: dict[str, Any]) -> list[str]:
    """What somebody should know before the model is used."""
    notes = []
    if not summary["measured"]:
        notes.append(
            "Nothing was measured: without labels the model's own clusters taught, which may as well confirm its "
            "mistakes. Try it where the truth is known before it is used."
        )
    elif summary["chosen"] == "as given":
        notes.append(
            "Nothing that was met is better on what was held out, by clusters and by pairs: the answer is the model as "
            "it was given."
        )
    else:
        worse = [name for figure, name in FIGURES.items() if _worse(figure, summary)]
        if worse:
            notes.append(f"Worse than before on the held-out part: {', '.join(worse)}.")
    return notes


def _worse(figure: str, summary: dict[str, Any]) -> bool:
    before, after = summary["before"].get(figure), summary["after"].get(figure)
    if before is None or after is None:
        return False
    bad = figure in ("bystanders", "calibration_error", "brier")
    return bool(after > before + 1e-4 if bad else after < before - 1e-4)
