"""`linkage audit`: who asked what, why, and what came back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from linkage.audit.chain import Link
    from linkage.audit.log import AuditLog


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        name="audit",
        help="""The audit: who asked what, why, and what came back.

        It is kept in DATA/audit, one JSON object a line, each sealed to the one before. It holds opaque ids, no values.
        """,
        no_args_is_help=True,
    )
    group.command("list")(list_)
    group.command("verify")(verify)
    app.add_typer(group)


def list_(
    last: Annotated[int | None, typer.Option(min=1, help="Only so many of the latest; without it, all.")] = None,
    caller: Annotated[str | None, typer.Option(help="Only of this caller, such as key:k3x9a02bq1.")] = None,
    about: Annotated[
        str | None, typer.Option(help="Only what showed this: an identifier's opaque id, account:ID, a cluster's id.")
    ] = None,
) -> None:
    """Print the records, oldest first, one JSON object a line; this reading is the last of them.

    Examples:

      linkage audit list --last 20

      linkage audit list --about account:a17 | jq -r '[.at, .name, .purpose] | @tsv'

      linkage audit list > audit.ndjson        (the whole, to keep elsewhere)
    """
    from collections import deque

    from linkage.audit.reading import is_of, records

    account("audit list")
    log = _log()
    name = log.name_of(about) if about is not None else None
    wanted = (line for line, record in records(log) if is_of(record, caller=caller, about=name))
    for line in wanted if last is None else deque(wanted, maxlen=last):
        typer.echo(line)


def verify(
    must_hold: Annotated[
        str | None, typer.Option(help="A place that an earlier verify printed (COUNT:SEAL), to be found again.")
    ] = None,
) -> None:
    """Check that no record was changed, removed, reordered, inserted or cut off.

    Prints how many there are and the seal of the last. Whoever can replace the whole of the data folder can put an
    older one in its place: note what this prints elsewhere, and ask for it again with --must-hold.

    Examples:

      linkage audit verify

      linkage audit verify --must-hold 1882:4be0…
    """
    from linkage.audit.checking import verify as check
    from linkage.cli.terminal import out
    from linkage.errors import AuditDamaged

    checked = check(_log(), must_hold=_place(must_hold) if must_hold else None)
    if checked.faults:
        raise AuditDamaged(
            f"the audit is not as it was written; {checked.records:,} records were looked at",
            details=checked.faults,
            next_step="Keep DATA/audit and DATA/audit-head as they are, and find out who could write there.",
        )
    out.print(f"Records, each as it was written: {checked.records:,}.", highlight=False)
    out.print(f"{checked.end.count}:{checked.end.mac}", highlight=False, soft_wrap=True)


def account(command: str, purpose: str = "", **ids: list[str]) -> None:
    """Write down what was done on the command line, by whoever is logged in. Raises `AuditUnavailable`."""
    from linkage.audit.record import Record
    from linkage.cli.decide import user

    who = user()
    _log().append(
        [Record(f"cli:{who}", who, "shell", "command", [command], purpose=[purpose] if purpose else [], ids=ids)]
    )


def _log() -> AuditLog:
    from linkage.audit.log import AuditLog
    from linkage.settings import Settings, project_secret

    settings = Settings.load(os.environ)
    return AuditLog(settings.data, project_secret(settings.data))


def _place(text: str) -> Link:
    import re

    from linkage.audit.chain import Link
    from linkage.errors import BadInput

    found = re.fullmatch(r"(\d{1,15}):([0-9a-f]{64})", text)
    if found is None:
        raise BadInput("that is no place in the audit", next_step="Give COUNT:SEAL as linkage audit verify prints it.")
    return Link(int(found[1]), found[2])
