"""`linkage fit`: a model whose numbers suit your data."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    app.command("fit")(fit)


def fit(
    datasets: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATASET…", help="Data sets to learn from: folders or files, as for resolve.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option(help="The model table (TOML) to write.", show_default=False)],
    truth: Annotated[
        Path | None,
        typer.Option(help="account_id and actor_id, for all data sets, instead of each one's own truth file."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="A model table (TOML) to start from, instead of the one shipped.")
    ] = None,
    mapping: Annotated[Path | None, typer.Option(help="A mapping (TOML) for files of any other shape.")] = None,
    turns: Annotated[int, typer.Option(help="How often rounds and regression take turns.", min=1)] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Learn a model's numbers from data of which it is known who is one actor.

    What is known comes from the truth file of each data set (account_id, actor_id), else from its decisions (same,
    different). A third of the actors is held out: they teach nothing, and the answer is the model whose clusters are
    best over them, by B-cubed F1 less twice the share of bystanders (with decisions: by how many are kept). If none is
    better than the one it started from, that one is the answer, and it says so.

    Where no data set has labels, the clusters of the model itself teach it. Then nothing is measured: such a model may
    be worse. Try it where you know the truth.

    The file holds what differs from the shipped model, and on top where it comes from. docs/fitting.md has more.

    Examples:

      linkage fit worlds/a worlds/b --out mine.toml

      linkage fit accounts-2026 --truth known-rings.csv --out mine.toml

      linkage resolve worlds/c --out answer --model mine.toml
    """
    from linkage.cli.terminal import out as console
    from linkage.cli.terminal import progress
    from linkage.engine import Model
    from linkage.ingest import Mapping
    from linkage.service.fitting import fit_files
    from linkage.service.pupils import Sources
    from linkage.settings import Settings

    settings = Settings.load(os.environ)
    with progress() as report:
        summary = fit_files(
            Sources(datasets, truth, Mapping.load(mapping) if mapping else None, settings.phone_region),
            out,
            start=Model.load(model or settings.model),
            turns=turns,
            memory_limit=settings.memory_limit,
            progress=report,
        )
    if as_json:
        console.print_json(json.dumps(summary, default=str))
    else:
        _print(summary, out)


def _print(summary: dict[str, Any], out: Path) -> None:
    from rich.table import Table

    from linkage.cli.terminal import notes
    from linkage.cli.terminal import out as console
    from linkage.service.provenance import compared, describe

    for each in summary["data_sets"]:
        console.print(describe(each), highlight=False)
        if each.get("unknown_accounts"):
            notes.print(f"{each['name']}: {each['unknown_accounts']:,} accounts of the truth are not in the data")
    rows = compared(summary)
    if rows:
        table = Table(title="On what was held out", title_justify="left", title_style="bold")
        for heading in ("figure", "before", "after"):
            table.add_column(heading, justify="left" if heading == "figure" else "right")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    console.print(
        f"{summary['turns']} turns; the answer: {summary['chosen']}. {summary['changed']} numbers changed; "
        f"written to {out} as model {summary['model']}.",
        highlight=False,
    )
    for note in summary["notes"]:
        notes.print(note, style="yellow", highlight=False)
