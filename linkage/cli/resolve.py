"""`linkage resolve`: ledger → clusters → graph, or files → files."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class Engine(StrEnum):
    """What runs the engine's steps."""

    DUCKDB = "duckdb"


def register(app: typer.Typer) -> None:
    app.command("resolve")(resolve)


def resolve(
    dataset: Annotated[
        Path | None, typer.Argument(help="A data set to resolve into files; without it, the ledger is resolved.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the answer, with DATASET.")] = None,
    engine: Annotated[Engine, typer.Option(help="What runs the engine.")] = Engine.DUCKDB,
    model: Annotated[Path | None, typer.Option(help="A model table (TOML) instead of the one shipped.")] = None,
    reference: Annotated[
        Path | None, typer.Option(help="A folder of reference files: networks, mail domains, single values.")
    ] = None,
    mapping: Annotated[Path | None, typer.Option(help="A mapping (TOML) for files of any other shape.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Resolve accounts into clusters.

    Without arguments: the facts of the ledger, published as a difference to ledger and graph; clusters keep their ids.

    With a data set and --out: files to files, no server. Writes clusters.parquet (account_id, cluster_id, size,
    confidence), evidence.parquet, identifiers.parquet, merges.parquet and resolution.json. How many members are to be
    acted on, looked at and left alone follows from the costs of the model (its table bands).

    With --reference (or LINKAGE_REFERENCE), the networks.csv, asn.csv, email_domains.csv and identifiers.csv of a
    folder say what kind of place an address, a mail domain or a card is: a VPN exit then counts for less.

    Examples:

      linkage resolve

      linkage resolve worlds/a --out answer

      linkage resolve worlds/a --out answer --reference reference
    """
    import os

    from linkage.cli.terminal import out as console
    from linkage.cli.terminal import progress
    from linkage.settings import Settings

    if (dataset is None) != (out is None):
        raise typer.BadParameter("a data set and --out go together")
    settings = Settings.load(os.environ)
    with progress() as report:
        if dataset and out:
            from linkage.engine import Model, Reference
            from linkage.ingest import Mapping
            from linkage.service.filing import resolve_files

            places = reference or settings.reference
            summary = resolve_files(
                dataset,
                out,
                model=Model.load(model or settings.model),
                reference=Reference.load(places) if places else None,
                mapping=Mapping.load(mapping) if mapping else None,
                phone_region=settings.phone_region,
                memory_limit=settings.memory_limit,
                progress=report,
            )
        else:
            from linkage.service import Service

            named = {"model": model, "reference": reference}
            settings = settings.model_copy(update={name: path for name, path in named.items() if path})
            with Service.open(settings) as service:
                summary = service.resolve(progress=report)
                service.catch_up(progress=report)
    if as_json:
        console.print_json(json.dumps(summary, default=str))
    else:
        _print(summary, out)


def _print(summary: dict[str, Any], out: Path | None) -> None:
    from linkage.cli.terminal import notes
    from linkage.cli.terminal import out as console

    console.print(
        f"{summary['subjects']:,} subjects: {summary['clustered']:,} of them in {summary['clusters']:,} clusters, "
        f"the largest of {summary['largest']:,}.",
        highlight=False,
    )
    bands = summary["bands"]
    console.print(
        f"Of those in clusters {bands['act']:,} are sure enough to act on, {bands['review']:,} are to be looked at, "
        f"{bands['abstain']:,} to be left alone.",
        highlight=False,
    )
    if out:
        peak = summary["peak_memory_bytes"] / 2**30
        console.print(
            f"Written to {out} in {summary['total_seconds']:.1f} s with at most {peak:.1f} GiB of memory.",
            highlight=False,
        )
        rejected = summary["rows"].get("rejections", 0)
        if rejected:
            notes.print(f"{rejected:,} rows were not taken: {out / 'rejections.parquet'} says which and why.")
    else:
        events = ", ".join(f"{count:,} {event}" for event, count in sorted(summary["lineage"].items()))
        console.print(f"Published as {summary['resolution_id']}: {events or 'nothing changed'}.", highlight=False)
    for conflict in summary["conflicts"]:
        notes.print(f"Decisions contradict each other: {conflict}", style="yellow", highlight=False)
