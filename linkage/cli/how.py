"""`linkage how`: how a cluster came to be, what it would fall into, what else could stand behind it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from linkage.findings.hypotheses import Hypothesis
    from linkage.model import Merge
    from linkage.service.judging import Judged


def register(app: typer.Typer) -> None:
    app.command("how")(how)


def how(
    cluster: Annotated[str, typer.Argument(help="The cluster's id, cl_….", show_default=False)],
    last: Annotated[int, typer.Option(help="So many of the latest merges in the table; 0: all.", min=0)] = 15,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the answer as JSON: every merge, values masked.")
    ] = False,
) -> None:
    """Tell how a cluster came to be, and what to think of before believing it.

    How sure the cluster is as a whole, and what to do about its members by the costs of the model: act, review or
    abstain. Then the merges that built it, in their order: which parts became one, by what evidence in bits. Then the
    weakest cut: what it falls into if its weakest merge is wrong. Then what else could stand behind it (one employer, a
    family, a campus, a reseller, a conference, users of one VPN or carrier), scored in bits beside the single actor:
    below 0 speaks for the single actor, and less than 3 bits apart cannot be told apart.

    An id that was merged or split answers with the clusters that it lives on in.

    Examples:

      linkage how cl_ifrfjx7aztz2om3rcxgevmtsgy

      linkage how cl_ifrfjx7aztz2om3rcxgevmtsgy --json | jq '.hypotheses[0]'
    """
    from linkage.cli.terminal import out, progress
    from linkage.service import Service
    from linkage.settings import Settings

    with progress() as report, Service.open(Settings.load(os.environ), report) as service:
        judged = service.judge(cluster)
    if as_json:
        out.print_json(json.dumps(as_record(judged), default=str))
    elif judged.live:
        _print(judged, last)
    else:
        _print_ended(judged)


def _print(judged: Judged, last: int) -> None:
    from linkage.cli.terminal import out
    from linkage.findings import words

    cluster, merges = judged.cluster, judged.merges
    sure = f", {words.percent(cluster['confidence'])} sure" if cluster.get("confidence") is not None else ""
    sure += f": {words.band(judged.band)}" if judged.band else ""
    out.print(f"[bold]{cluster['id']}[/bold]: {cluster['size']:,} subjects{sure}\n", highlight=False)
    shown = merges[-last:] if last else merges
    if shown:
        out.print(merges_table(shown, len(merges) - len(shown)))
        if len(shown) < len(merges):
            out.print(f"The latest {len(shown):,} of {len(merges):,} merges; --last 0 shows all.\n", highlight=False)
    else:
        out.print("The ledger holds no merges of it.\n")
    out.print("[bold]The weakest cut[/bold]")
    weakest = judged.cut.text if judged.cut else "None: all of it is declared or decided, nothing rests on evidence."
    out.print(f"  {weakest}\n", highlight=False)
    out.print("[bold]What could stand behind it[/bold]")
    out.print(hypotheses_table(judged.hypotheses))


def merges_table(merges: Sequence[Merge], earlier: int) -> Table:
    """The merges in their order, numbered from the first."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from linkage.findings import sentences, words

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("", "round", "parts", "bits", "sure"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("of which", no_wrap=True)
    table.add_column("by")
    for number, merge in enumerate(merges, earlier + 1):
        stated = merge.stated is not None
        table.add_row(
            f"{number:,}",
            "" if stated else f"{merge.round}",
            f"{merge.left_size:,} + {merge.right_size:,}",
            "" if stated else f"{merge.bits:.1f}",
            "" if stated else words.percent(merge.posterior),
            f"{merge.left.id}\n{merge.right.id}",
            f"{merge.stated}" if stated else sentences.pieces_of(merge),
        )
    return table


def hypotheses_table(hypotheses: Sequence[Hypothesis]) -> Table:
    """What could stand behind a cluster, likeliest first."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("bits", justify="right", no_wrap=True)
    table.add_column("what", no_wrap=True)
    table.add_column("why")
    table.add_column("what would decide")
    for hypothesis in hypotheses:
        table.add_row(
            f"{hypothesis.bits:+.0f}" if hypothesis.bits else "0",
            hypothesis.title,
            hypothesis.reason,
            hypothesis.decided_by,
        )
    return table


def _print_ended(judged: Judged) -> None:
    from linkage.cli.terminal import notes, out

    ended = judged.cluster.get("retired_at")
    out.print(f"{judged.cluster['id']} ended{f' on {ended:%Y-%m-%d}' if ended else ''}.", highlight=False)
    for successor in judged.successors:
        out.print(f"It lives on in {successor['id']} of {successor['size']:,} subjects.", highlight=False)
    if judged.successors:
        notes.print(f"Ask on: linkage how {judged.successors[0]['id']}", highlight=False)
    else:
        out.print("None of its members is in a cluster now.")


def as_record(judged: Judged) -> dict[str, Any]:
    """What was found, as scripts read it."""
    cluster, cut = judged.cluster, judged.cut
    return {
        "cluster": cluster["id"],
        "live": judged.live,
        "size": cluster.get("size") or 0,
        "confidence": cluster.get("confidence"),
        "band": judged.band,
        "successors": [successor["id"] for successor in judged.successors],
        "merges": [merge_record(merge) for merge in judged.merges],
        "weakest_cut": {
            "bits": cut.cut.merge.bits,
            "parts": [cut.cut.larger, cut.cut.smaller],
            "smaller": [str(member) for member in cut.cut.members],
            "text": cut.text,
        }
        if cut
        else None,
        "hypotheses": [
            {
                "cause": hypothesis.cause.value,
                "bits": hypothesis.bits,
                "reason": hypothesis.reason,
                "decided_by": hypothesis.decided_by,
                "findings": [
                    {"name": finding.name, "bits": finding.bits, "sentence": finding.sentence}
                    for finding in hypothesis.findings
                ],
            }
            for hypothesis in judged.hypotheses
        ],
    }


def merge_record(merge: Merge) -> dict[str, Any]:
    """A merge as scripts read it."""
    from linkage.findings import sentences, words

    return {
        "round": merge.round,
        "left": str(merge.left),
        "right": str(merge.right),
        "left_size": merge.left_size,
        "right_size": merge.right_size,
        "bits": merge.bits,
        "posterior": merge.posterior,
        "stated": merge.stated,
        "evidence": [
            {
                "kind": piece.kind,
                "value": words.masked(piece.kind, piece.value),
                "bits": piece.bits,
                "full_bits": piece.full_bits,
            }
            for piece in merge.evidence
        ],
        "sentence": sentences.merged(merge),
    }
