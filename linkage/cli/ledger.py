"""`linkage ledger`: history, upkeep and verification of the ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    group = typer.Typer(
        no_args_is_help=True, help="The ledger: what was taken when (history), upkeep (compact), soundness (verify)."
    )
    group.command("history")(history)
    group.command("compact")(compact)
    group.command("verify")(verify)
    group.command("retain")(retain)
    app.add_typer(group, name="ledger")


def history(
    table: Annotated[str | None, typer.Argument(help="Only this table.", show_default=False)] = None,
    last: Annotated[int, typer.Option(help="So many versions of each table, the newest; 0: all.", min=0)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Show the versions of the ledger's tables: when, what, how many rows, under which batch id.

    Examples:

      linkage ledger history

      linkage ledger history observations --last 0 --json
    """
    import os

    from rich.table import Table

    from linkage.cli.terminal import out
    from linkage.ledger import Ledger
    from linkage.settings import Settings

    ledger = Ledger(Settings.load(os.environ).ledger)
    names = [table] if table else list(ledger.versions())
    commits = [commit for name in names for commit in ledger.history(name)[-last or None :]]
    if as_json:
        for commit in commits:
            row = {"table": commit.table, "version": commit.version, "at": commit.at.isoformat()}
            row |= {"operation": commit.operation, "rows": commit.rows, "batch_ids": list(commit.batch_ids)}
            typer.echo(json.dumps(row))
        return
    shown = Table("table", "version", "at (UTC)", "operation", "rows", "batch")
    for commit in commits:
        rows = f"{commit.rows:,}" if commit.rows else ""
        at = f"{commit.at:%Y-%m-%d %H:%M:%S}"
        shown.add_row(commit.table, str(commit.version), at, commit.operation, rows, _named(commit.batch_ids))
    out.print(shown if commits else "The ledger is empty: linkage load puts something in.")


def _named(batch_ids: Sequence[str]) -> str:
    """The first batch id, shortened, and how many more calls were written with it."""
    more = f" +{len(batch_ids) - 1}" if len(batch_ids) > 1 else ""
    return batch_ids[0][:16] + more if batch_ids else ""


def compact(
    keep_days: Annotated[float, typer.Option(help="Old files stay readable for so long.", min=0)] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Join small files into large ones and remove files that have not been needed for some days.

    Loading and reading may go on meanwhile; nothing is lost, and what each version appended stays known.
    With --keep-days 0 make sure that nobody is reading or loading.

    Examples:

      linkage ledger compact

      linkage ledger compact --keep-days 30
    """
    import os
    from dataclasses import asdict

    from linkage.cli.terminal import out, progress
    from linkage.ledger import Ledger
    from linkage.settings import Settings

    with progress() as report:
        done = Ledger(Settings.load(os.environ).ledger).compact(retention_hours=round(keep_days * 24), progress=report)
    if as_json:
        typer.echo(json.dumps([asdict(line) for line in done]))
        return
    for line in done:
        files = f"{line.files_before:,} → {line.files_after:,} files" if line.files_before else "no files"
        out.print(f"{line.table}: {files}" + (f", {line.removed:,} old ones removed" if line.removed else ""))
    if not done:
        out.print("The ledger is empty: nothing to do.")


def retain(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would go, and do nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Take out facts that are older than the setting `retention` lets them be kept, from ledger and graph.

    Observations go by when they were last seen, usage by its hour. Clusters are weighed anew by the next resolution.
    `linkage serve` does this once a day.

    Examples:

      LINKAGE_RETENTION=ip=90d,usage=365d linkage ledger retain --dry-run
    """
    import os
    from dataclasses import asdict

    from linkage.cli.audit import account
    from linkage.cli.terminal import out, progress
    from linkage.service import Service
    from linkage.settings import Settings

    with progress() as report, Service.open(Settings.load(os.environ), report) as service:
        if not dry_run:
            account("ledger retain")
        done = service.preview_retention() if dry_run else service.retain(progress=report)
    if as_json:
        typer.echo(json.dumps([asdict(line) for line in done]))
        return
    for line in done:
        less = f", {line.changed:,} that say less" if line.changed else ""
        out.print(f"{line.table}: {line.removed:,} rows {'would go' if dry_run else 'gone'}{less}")
    if not done:
        out.print("Nothing is older than it may be kept.")


def verify(
    deep: Annotated[bool, typer.Option(help="Read every page against its checksum too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the faults as JSON.")] = False,
) -> None:
    """Check that everything which was accepted is there and whole; exit status 1 where it is not.

    Looks at every log entry and at every file of the current version: present, of the right size, with the
    right number of rows.

    Examples:

      linkage ledger verify

      linkage ledger verify --deep --json
    """
    import os

    from linkage.cli.terminal import out, progress
    from linkage.errors import LedgerDamaged
    from linkage.ledger import Ledger
    from linkage.settings import Settings

    ledger = Ledger(Settings.load(os.environ).ledger)
    with progress() as report:
        faults = ledger.verify(deep=deep, progress=report)
    if as_json:
        typer.echo(json.dumps({"faults": faults, "versions": {} if faults else ledger.versions()}))
        raise typer.Exit(1 if faults else 0)
    if faults:
        raise LedgerDamaged(
            f"the ledger has {len(faults):,} {'fault' if len(faults) == 1 else 'faults'}",
            details=faults,
            next_step="Bring the files named back from a backup, then verify again.",
        )
    tables = ", ".join(ledger.versions())
    out.print(f"The ledger is sound: {tables}." if tables else "The ledger is empty.")
