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
    gate: Annotated[
        bool,
        typer.Option("--gate/--no-gate", help="Let a resolution that changes much wait for a person (LINKAGE_GATE)."),
    ] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change; write nothing.")] = False,
    compare: Annotated[
        Path | None, typer.Option(help="Say what would change under this model table (TOML); write nothing.")
    ] = None,
    approve: Annotated[str | None, typer.Option(metavar="ID", help="Publish a resolution that waits.")] = None,
    refuse: Annotated[str | None, typer.Option(metavar="ID", help="Never publish a resolution that waits.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why, for the record, with --approve and --refuse.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Resolve accounts into clusters.

    Without arguments: the facts of the ledger, published as a difference to ledger and graph; clusters keep their ids.

    A resolution that would change more known memberships than LINKAGE_GATE lets through is not published: it waits,
    with a report, until somebody says --approve or --refuse. --no-gate publishes whatever changes; --dry-run and
    --compare MODEL only say what would change.

    With a data set and --out: files to files, no server. Writes clusters.parquet (account_id, cluster_id, size,
    confidence), evidence.parquet, identifiers.parquet, merges.parquet and resolution.json. How many members are to be
    acted on, looked at and left alone follows from the costs of the model (its table bands).

    With --reference (or LINKAGE_REFERENCE), the networks.csv, asn.csv, email_domains.csv and identifiers.csv of a
    folder say what kind of place an address, a mail domain or a card is: a VPN exit then counts for less.

    Examples:

      linkage resolve

      linkage resolve --compare new-model.toml

      linkage resolve --approve rs_… --reason "the new model was measured"

      linkage resolve worlds/a --out answer

      linkage resolve worlds/a --out answer --reference reference
    """
    import os

    from linkage.cli.terminal import out as console
    from linkage.cli.terminal import progress
    from linkage.settings import Settings

    if (dataset is None) != (out is None):
        raise typer.BadParameter("a data set and --out go together")
    if sum(map(bool, (dataset, dry_run, compare, approve, refuse))) > 1:
        raise typer.BadParameter("a data set, --dry-run, --compare, --approve and --refuse exclude each other")
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
            from linkage.cli.audit import account
            from linkage.cli.decide import user
            from linkage.engine import Model
            from linkage.service import Service

            named = {"model": model, "reference": reference}
            settings = settings.model_copy(update={name: path for name, path in named.items() if path})
            with Service.open(settings) as service:
                who = user()
                if refuse:
                    service.refuse_resolution(refuse, author=who, reason=reason)
                    account("resolve --refuse", resolutions=[refuse])
                    summary = {"resolution_id": refuse, "refused": True}
                elif approve:
                    summary = service.approve_resolution(approve, author=who, reason=reason)
                    account("resolve --approve", resolutions=[approve])
                elif dry_run or compare:
                    summary = service.preview_resolution(Model.load(compare) if compare else None, progress=report)
                else:
                    summary = service.resolve(gate=gate, progress=report)
                if not (dry_run or compare):
                    service.catch_up(progress=report)
    if as_json:
        console.print_json(json.dumps(summary, default=str))
    elif summary.get("refused"):
        console.print(f"{refuse} is refused and will never be published.", highlight=False)
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
        _print_changes(summary)
    for conflict in summary["conflicts"]:
        notes.print(f"Decisions contradict each other: {conflict}", style="yellow", highlight=False)


def _print_changes(summary: dict[str, Any]) -> None:
    """What changed, or would; where it waits, what to do about it."""
    from linkage.cli.terminal import notes
    from linkage.cli.terminal import out as console

    events = ", ".join(f"{count:,} {event}" for event, count in sorted(summary["lineage"].items()))
    identity, waiting = summary.get("resolution_id"), summary.get("waiting")
    if identity and not waiting:
        console.print(f"Published as {identity}: {events or 'nothing changed'}.", highlight=False)
        return
    told = summary["changes"]
    console.print(
        f"{'Not published' if waiting else 'It would publish'}: {events or 'nothing changes'}. "
        f"{told['memberships']:,} subjects change place, {told['known']:,} of them were known before: "
        f"{told['share']:.1%} of those in clusters.",
        highlight=False,
    )
    if told["model_before"] != told["model_after"]:
        console.print(f"Model: {told['model_before'] or 'none'} → {told['model_after']}.", highlight=False)
    for row in told["largest"]:
        console.print(f"  {row['cluster_id']}  {row['before']:,} → {row['after']:,} members", highlight=False)
    if waiting:
        notes.print(
            f"{identity} waits for you. Publish it: linkage resolve --approve {identity}. "
            f"Let it be: linkage resolve --refuse {identity}. Never ask: --no-gate, or a higher LINKAGE_GATE.",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )
