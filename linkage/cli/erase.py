"""`linkage erase`: a subject, or an identifier, out of everything that is held."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Annotated

import typer

from linkage.cli.decide import AsJson, DryRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from linkage.service.erasing import Erasing, Wanted


def register(app: typer.Typer) -> None:
    app.command("erase")(erase)


def erase(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="WHAT", help="account:ID, organisation:ID, or: identifier KIND VALUE.", show_default=False
        ),
    ],
    reason: Annotated[str | None, typer.Option("--reason", help="Why; the audit keeps it.", show_default=False)] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    restart_neo4j: Annotated[
        bool, typer.Option("--restart-neo4j", help="Stop a managed Neo4j that others use, so that its files go now.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Erase a subject, or an identifier with everybody's use of it, for good.

    It goes from ledger, graph, rejected rows and decisions, in older versions too; sentences about others lose its
    name. Identifiers that others used as well are facts about them and stay. Clusters of others keep their ids. The
    audit keeps that something was erased, and by whom, under a keyed hash.

    An erasure that was cut off is taken up by the next one and by the next start of the service.

    Examples:

      linkage erase account:a17 --dry-run

      linkage erase account:a17 --reason "request 2026-118" --yes

      linkage erase identifier email ann@example.com --reason "request 2026-119"
    """
    from linkage.cli.audit import account
    from linkage.cli.terminal import notes, progress
    from linkage.service import Service
    from linkage.service.erasing import OUTSIDE
    from linkage.settings import Settings

    wanted = _wanted(what)
    if not (reason or dry_run):
        raise typer.BadParameter("say why: the audit keeps it", param_hint="--reason")
    with progress() as report, Service.open(Settings.load(os.environ), report) as service:
        service.finish_erasures(progress=report)
        foreseen = service.preview_erasure(wanted)
        if dry_run:
            _print(foreseen, as_json=as_json)
            return
        if not yes:
            _print(foreseen, as_json=False)
            typer.confirm("Erase it for good?", abort=True, err=True)
        # Before, so that nothing is erased of which nobody can say that it was.
        ids, purpose = service.accounted_erasure(wanted, reason or "")
        account("erase", purpose, **ids)
        done = service.erase(wanted, restart=restart_neo4j, progress=report)
    _print(done, as_json=as_json)
    for line in () if as_json else (*done.left, OUTSIDE):
        notes.print(line, highlight=False)


def _wanted(what: Sequence[str]) -> Wanted:
    from linkage.model import Subject
    from linkage.service.erasing import Wanted

    if len(what) == 3 and what[0] == "identifier":
        return Wanted(kind=what[1], value=what[2])
    if len(what) != 1:
        raise typer.BadParameter("name account:ID, organisation:ID, or: identifier KIND VALUE", param_hint="WHAT")
    return Wanted(subject=Subject.parse(what[0]))


def _print(effect: Erasing, *, as_json: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from linkage.cli.terminal import out

    if as_json:
        rows = [{"table": one.table, "removed": one.removed, "changed": one.changed} for one in effect.tables]
        out.print_json(json.dumps({"erasure": effect.erasure_id, "tables": rows, "left": list(effect.left)}))
        return
    tense = "that would go" if effect.erasure_id is None else "gone"
    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("table", f"rows {tense}", "rows that lose words"):
        shown.add_column(column)
    for one in effect.tables:
        shown.add_row(one.table, f"{one.removed:,}", f"{one.changed:,}")
    out.print(shown)
