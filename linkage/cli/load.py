"""`linkage load`: files into ledger and graph."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from linkage.service.loading import LoadSummary


def register(app: typer.Typer) -> None:
    app.command("load")(load)


def load(
    paths: Annotated[
        list[Path], typer.Argument(help="Record files, or folders of them (data sets).", show_default=False)
    ],
    mapping: Annotated[Path | None, typer.Option(help="A mapping (TOML) for files of any other shape.")] = None,
    graph: Annotated[bool, typer.Option(help="Project into Neo4j too; without it the graph catches up later.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Load tables into the ledger and the graph.

    Files are CSV, JSONL or Parquet (also .gz), named after what they hold: accounts, organisations, observations,
    usage, decisions. Rows that cannot be taken are kept with file, line and reason: see linkage rejections.
    Loading the same files again changes nothing; a load that was killed is finished by starting it again.

    Examples:

      linkage load accounts.csv observations.parquet usage.jsonl.gz

      linkage load logins.csv --mapping logins.toml
    """
    import os

    from linkage.cli.terminal import notes, out, progress
    from linkage.errors import DatabaseUnavailable
    from linkage.ingest import Mapping
    from linkage.service import Service
    from linkage.settings import Settings

    chosen = Mapping.load(mapping) if mapping else None
    with Service.open(Settings.load(os.environ)) as service, progress() as report:
        summary = service.load(paths, mapping=chosen, progress=report)
        pending = None
        if graph:
            try:
                service.catch_up(progress=report)
            except DatabaseUnavailable as error:
                pending = error
    if as_json:
        out.print_json(json.dumps(_as_json(summary)))
    else:
        _print(summary)
    if pending:
        notes.print(f"The ledger has everything; the graph will catch up. {pending}", style="yellow")


def _as_json(summary: LoadSummary) -> dict[str, object]:
    return {
        "accepted": summary.accepted,
        "rejected": summary.rejected,
        "unknown_kinds": sorted(summary.unknown_kinds),
        "files": [asdict(line) for line in summary.loaded.values()],
    }


def _print(summary: LoadSummary) -> None:
    from rich.table import Table

    from linkage.cli.terminal import notes, out

    table = Table("file", "record")
    for name in ("accepted", "duplicate", "rejected"):
        table.add_column(name, justify="right")
    for line in summary.loaded.values():
        table.add_row(
            Path(line.file).name, line.record, f"{line.accepted:,}", f"{line.duplicate:,}", f"{line.rejected:,}"
        )
    out.print(table)
    if summary.rejected:
        notes.print(f"{summary.rejected:,} rows were not taken: `linkage rejections list` says which and why.")
    if summary.unknown_kinds:
        notes.print(
            f"Kinds without rules of their own, linked with caution: {', '.join(sorted(summary.unknown_kinds))}."
        )
