"""`linkage explain` and `linkage why-not`: the evidence between two subjects, in a table and in sentences."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from linkage.model import Explanation, Merge
    from linkage.service.explaining import Finding

Left = Annotated[str, typer.Argument(metavar="A", help="An account's id, or organisation:ID.", show_default=False)]
Right = Annotated[str, typer.Argument(metavar="B", help="The other one.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON: every bit, values masked.")]


def register(app: typer.Typer) -> None:
    app.command("explain")(explain)
    app.command("why-not")(why_not)


def explain(left: Left, right: Right, as_json: AsJson = False) -> None:
    """Explain why two accounts are held to be one actor's.

    Each thing that both used, with what it counts in bits: one bit doubles the odds that one actor runs both. The bits
    add up to the total; with the odds before looking they make the probability. What was discounted says why. Where
    two members of a cluster share too little, the thread through others that ties them is told. How sure each one's
    place is and what to do about it follows (act, review or abstain, by the costs of the model), then what
    people decided. Values are masked.

    Examples:

      linkage explain acct-17 acct-42

      linkage explain organisation:acme acct-42 --json | jq .posterior
    """
    from linkage.service.explaining import why

    _answer(left, right, why, as_json)


def why_not(left: Left, right: Right, as_json: AsJson = False) -> None:
    """Tell why two accounts are not held to be one actor's: what is missing, what speaks against it.

    The same evidence as `linkage explain`, ending with the bits that are missing for a link, what was discounted, and
    what people decided.

    Examples:

      linkage why-not acct-17 acct-99

      linkage why-not acct-17 acct-99 --json | jq '.missing[]'
    """
    from linkage.service.explaining import why_not as why_not_said

    _answer(left, right, why_not_said, as_json)


def _answer(left: str, right: str, summary: Callable[[Finding], str], as_json: bool) -> None:
    from linkage.cli.terminal import out, progress
    from linkage.model import Subject
    from linkage.service import Service
    from linkage.settings import Settings

    if not left or not right:
        raise typer.BadParameter("name two accounts, or organisations as organisation:ID")
    with progress() as report, Service.open(Settings.load(os.environ), report) as service:
        finding = service.explain(Subject.parse(left), Subject.parse(right))
        joined = service.joined_by(finding)
    if as_json:
        out.print_json(json.dumps(as_record(finding, summary(finding), joined), default=str))
    else:
        _print(finding, summary(finding), joined)


def _print(finding: Finding, summary: str, joined: Merge | None) -> None:
    from linkage.cli.terminal import out
    from linkage.findings import words
    from linkage.service.explaining import missing, told

    found = finding.explanation
    out.print(f"{summary[0].upper()}{summary[1:]}\n", style="bold", highlight=False, markup=False)
    if found.evidence:
        out.print(evidence_table(found))
    out.print(
        f"{words.bits_text(found.total_bits)} of evidence, {words.bits_text(found.prior_bits)} before looking: "
        f"a probability of {words.percent(found.posterior)}. A link needs {words.percent(found.threshold)}, "
        f"{words.bits_text(finding.needed_bits)} of evidence.\n",
        highlight=False,
    )
    for step in finding.chain:
        out.print(f"[bold]{step.left[1]}[/bold] to [bold]{step.right[1]}[/bold]", highlight=False)
        out.print(evidence_table(step.explanation))
    if lines := missing(finding) if finding.cluster is None else []:
        out.print("[bold]What is missing[/bold]")
        for line in lines:
            out.print(f"  {line}", highlight=False)
        out.print()
    out.print("[bold]In words[/bold]")
    for line in told(finding, joined):
        out.print(f"  {line}", highlight=False)


def evidence_table(explanation: Explanation) -> Table:
    """The evidence with its bits, which add up to the total below them."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from linkage.findings import words

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_footer=True)
    shown = words.adding_up([piece.bits for piece in explanation.evidence])
    table.add_column("bits", f"{sum(shown):.1f}".replace("-", "−"), justify="right", no_wrap=True)
    table.add_column("of", justify="right", no_wrap=True)
    table.add_column("shared", "total")
    table.add_column(f"{explanation.left.id} used it")
    table.add_column(f"{explanation.right.id} used it")
    table.add_column("why it counts so")
    for piece, bits in zip(explanation.evidence, shown, strict=True):
        table.add_row(
            f"{bits:.1f}".replace("-", "−"),
            f"{piece.full_bits:.1f}" if piece.full_bits > 0 else "",
            f"{words.noun(piece.identifier.kind)} {words.masked(piece.identifier.kind, piece.identifier.value)}",
            words.period(piece.left_first_seen, piece.left_last_seen),
            words.period(piece.right_first_seen, piece.right_last_seen),
            piece.reason,
        )
    return table


def as_record(finding: Finding, summary: str, joined: Merge | None) -> dict[str, Any]:
    """The finding as scripts read it."""
    from linkage.cli.how import merge_record
    from linkage.service.explaining import missing, told

    found = finding.explanation
    return {
        "left": str(found.left),
        "right": str(found.right),
        "linked": finding.cluster is not None,
        "direct": found.linked,
        "cluster": finding.cluster["id"] if finding.cluster is not None else None,
        "places": {
            side: {"confidence": confidence, "band": band}
            for side, (_, confidence, band) in zip(("left", "right"), finding.placed, strict=True)
        },
        "summary": summary,
        **_weighed(found),
        "prior_bits": found.prior_bits,
        "threshold": found.threshold,
        "needed_bits": finding.needed_bits,
        "missing_bits": finding.missing_bits,
        "missing": missing(finding),
        "chain": [
            {"left": str(step.explanation.left), "right": str(step.explanation.right), **_weighed(step.explanation)}
            for step in finding.chain
        ],
        "decisions": [dict(decision) for decision in finding.decisions],
        "joined_by": merge_record(joined) if joined else None,
        "sentences": told(finding, joined),
    }


def _weighed(explanation: Explanation) -> dict[str, Any]:
    from linkage.findings import words

    return {
        "total_bits": explanation.total_bits,
        "posterior": explanation.posterior,
        "evidence": [
            {
                "kind": piece.identifier.kind,
                "value": words.masked(piece.identifier.kind, piece.identifier.value),
                "bits": piece.bits,
                "full_bits": piece.full_bits,
                "holders": piece.holders,
                "holder_clusters": piece.holder_clusters,
                "reason": piece.reason,
                "left_first_seen": piece.left_first_seen,
                "left_last_seen": piece.left_last_seen,
                "right_first_seen": piece.right_first_seen,
                "right_last_seen": piece.right_last_seen,
            }
            for piece in explanation.evidence
        ],
    }
