"""`linkage withdraw`, `linkage reinstate`, `linkage withdrawals`: observations that were wrong."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linkage.cli.decide import AsJson, Author, DryRun, Reason, user

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

Who = Annotated[
    str | None, typer.Argument(metavar="[SUBJECT]", help="An account's id or organisation:ID.", show_default=False)
]
Kind = Annotated[str | None, typer.Option("--kind", help="Only of this kind, such as ip.", show_default=False)]
Value = Annotated[str | None, typer.Option("--value", help="Only this value; needs --kind.", show_default=False)]
Source = Annotated[
    str | None, typer.Option("--source", help="Only what this source saw, as its rows say.", show_default=False)
]


def register(app: typer.Typer) -> None:
    app.command("withdraw")(withdraw)
    app.command("reinstate")(reinstate)
    app.command("withdrawals")(withdrawals)


def withdraw(
    reason: Reason,
    subject: Who = None,
    kind: Kind = None,
    value: Value = None,
    source: Source = None,
    author: Author = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take observations back that were wrong.

    Which: those of which all that is given holds. They stay on record and count no more, however often they are loaded
    again; what was linked by them alone comes apart at once. What is right in their place is loaded as ever.

    Examples:

      linkage withdraw acct-17 --kind ip --value 203.0.113.9 --reason "the support desk's address" --dry-run

      linkage withdraw --source crm-sync --reason "columns were swapped"
    """
    _carry_out(subject, kind, value, source, author or user(), reason, withdrawn=True, dry_run=dry_run, as_json=as_json)


def reinstate(
    reason: Reason,
    subject: Who = None,
    kind: Kind = None,
    value: Value = None,
    source: Source = None,
    author: Author = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Let observations count again that were withdrawn; what they join, the next resolution joins.

    Examples:

      linkage reinstate acct-17 --kind ip --reason "it was theirs after all"
    """
    _carry_out(
        subject, kind, value, source, author or user(), reason, withdrawn=False, dry_run=dry_run, as_json=as_json
    )


def withdrawals(as_json: AsJson = False) -> None:
    """List the observations that are withdrawn, the latest first.

    Examples:

      linkage withdrawals --json | jq '.[] | select(.source == "crm-sync")'
    """
    from linkage.cli.terminal import notes, out
    from linkage.service import Service
    from linkage.settings import Settings

    with Service.open(Settings.load(os.environ)) as service:
        found = service.withdrawals()
    if as_json:
        out.print_json(json.dumps(found, default=str))
    elif found:
        out.print(_table(found))
    else:
        notes.print("No observation is withdrawn.")


def _carry_out(
    subject: str | None,
    kind: str | None,
    value: str | None,
    source: str | None,
    author: str,
    reason: str,
    *,
    withdrawn: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    from linkage.cli.audit import account
    from linkage.cli.decide import print_touched, touched_record
    from linkage.cli.terminal import out, progress
    from linkage.model import Subject
    from linkage.service import Service
    from linkage.service.withdrawing import Order, Selection
    from linkage.settings import Settings

    named = Subject.parse(subject) if subject else None
    order = Order(Selection(named, kind, value, source), withdrawn, author, reason)
    with progress() as report, Service.open(Settings.load(os.environ), report) as service:
        effect = service.preview_withdrawal(order) if dry_run else service.withdraw(order)
        if not dry_run:
            account("withdraw" if withdrawn else "reinstate", subjects=[str(named)] if named else [])
            service.catch_up(progress=report)
    if as_json:
        record = {
            "summary": effect.summary,
            "observations": effect.observations,
            "changes": list(effect.changes),
            "clusters": [touched_record(one) for one in effect.touched],
            "publication": effect.publication_id,
        }
        out.print_json(json.dumps(record, default=str))
        return
    out.print(effect.summary, highlight=False, markup=False)
    print_touched(effect.touched)


def _table(found: Sequence[Mapping[str, Any]]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("of", "kind", "value", "source", "when", "by"):
        table.add_column(column, overflow="fold")
    for row in found:
        table.add_row(
            f"{row['subject_type']}:{row['subject_id']}",
            row["kind"],
            row["value"],
            row["source"] or "",
            f"{row['said_at']:%Y-%m-%d}",
            f"{row['author']}\n{row['reason']}",
        )
    return table
