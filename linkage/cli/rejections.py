"""`linkage rejections`: rows that were not taken, and another try."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        name="rejections",
        help="Rows that could not be taken: where they stood, why, and another try.",
        no_args_is_help=True,
    )
    group.command("list")(list_)
    group.command("replay")(replay)
    app.add_typer(group)


def list_(
    file: Annotated[str | None, typer.Option(help="Only rows of files whose path ends like this.")] = None,
    code: Annotated[str | None, typer.Option(help="Only rows refused for this reason, e.g. BAD_TIME.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many rows.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List rejected rows, newest first: file, line, column, code, reason.

    --json adds each row as it came (card numbers masked).

    Examples:

      linkage rejections list --code BAD_TIME

      linkage rejections list --json | jq -r '.[].raw'
    """
    from rich.table import Table

    from linkage.cli.audit import account
    from linkage.cli.terminal import notes, out
    from linkage.service import Service
    from linkage.settings import Settings

    with Service.open(Settings.load(os.environ)) as service:
        rows = service.rejections(file=file, code=code, limit=limit)
    if as_json:
        account("rejections list --json")
        out.print_json(json.dumps(rows, default=str))
        return
    if not rows:
        out.print("Nothing was rejected." if file is None and code is None else "No such row was rejected.")
        return
    table = Table("file", "line", "column", "code", "reason")
    for row in rows:
        table.add_row(row["file"], str(row["line"]), row["column"] or "", row["code"], row["reason"])
    out.print(table)
    if len(rows) == limit:
        notes.print(f"There may be more than these {limit:,}: see --limit.")


def replay(as_json: AsJson = False) -> None:
    """Try rejected rows again, after a mapping, a default region or a rule was mended.

    Rows that are taken now are no longer listed. Lines that were no rows and card numbers are not tried: they were
    not kept. Mend such rows in their file and load it again.
    """
    from linkage.cli.terminal import out, progress
    from linkage.service import Service
    from linkage.settings import Settings

    with Service.open(Settings.load(os.environ)) as service, progress() as report:
        done = service.replay(progress=report)
    if as_json:
        out.print_json(json.dumps({"tried": done.tried, "taken": done.taken}))
    else:
        out.print(f"{done.taken:,} of {done.tried:,} rejected rows are taken now.")
