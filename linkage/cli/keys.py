"""`linkage keys`: who may come in, and as what."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from linkage.access.keys import Key, KeyRing
    from linkage.access.roles import Role
    from linkage.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Identity = Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `linkage keys list` names it.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        name="keys",
        help="""API keys: who may come in, and as what.

        A key reads lk_ID.SECRET and is told once, when it is made; only an HMAC of it is kept, in DATA/keys.json. Every
        change takes effect at once, also in a service that runs, and is written into the audit.
        """,
        no_args_is_help=True,
    )
    group.command("create")(create)
    group.command("list")(list_)
    group.command("rotate")(rotate)
    group.command("revoke")(revoke)
    app.add_typer(group)


def create(
    label: Annotated[str, typer.Argument(help="Who or what will use it, such as `sign-up service` or `ann`.")],
    role: Annotated[str, typer.Option(help="viewer, service, investigator, analyst or admin.")],
    expires: Annotated[
        str | None, typer.Option(help="When it ends to count: after a time (90d, 12h) or on a day (2027-01-31).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, this once.

    viewer looks at clusters, everything masked · service sends facts and looks accounts up, masked · investigator also
    searches, and sees single values for a purpose · analyst also decides, withdraws, resolves · admin does everything.

    Examples:

      linkage keys create "sign-up service" --role service --expires 365d

      linkage keys create ann --role analyst --json | jq -r .key
    """
    key, token = _ring().create(label, _role(role), expires_at=_moment(expires))
    _account("keys create", key)
    _tell(key, token, as_json=as_json)


def list_(as_json: AsJson = False) -> None:
    """List the keys there are and were: id, label, role, standing, last use (to ten minutes)."""
    from datetime import UTC, datetime

    from rich.table import Table

    from linkage.cli.terminal import out

    keys, now = _ring().keys().values(), datetime.now(UTC)
    if as_json:
        rows = [{**key.model_dump(mode="json", exclude={"digest"}), "standing": key.standing(now)} for key in keys]
        out.print_json(json.dumps(rows))
        return
    if not keys:
        out.print("There is no key: linkage serve makes the first one, or linkage keys create.")
        return
    table = Table("id", "label", "role", "standing", "made", "last used", "expires", "replaces")
    for key in keys:
        times = (_day(at) for at in (key.created_at, key.last_used_at, key.expires_at))
        table.add_row(key.id, key.label, key.role, key.standing(now), *times, key.replaces or "")
    out.print(table)


def rotate(
    identity: Identity,
    overlap: Annotated[str, typer.Option(help="How long the old key goes on to count, such as 24h.")] = "0s",
    as_json: AsJson = False,
) -> None:
    """Make a key that takes another's place, with its label, role and expiry, and print it, this once.

    The old one counts no more, at once or after --overlap.

    Example:

      linkage keys rotate k3x9a02bq1 --overlap 24h
    """
    key, token = _ring().rotate(identity, overlap=span_of(overlap))
    _account("keys rotate", key)
    _tell(key, token, as_json=as_json)


def revoke(identity: Identity) -> None:
    """Let a key count no more, from now on; it stays listed.

    Example:

      linkage keys revoke k3x9a02bq1
    """
    from linkage.cli.terminal import out

    key = _ring().revoke(identity)
    _account("keys revoke", key)
    out.print(f"The key {key.id} ({key.label}) counts no more.", highlight=False)


def ring_of(settings: Settings) -> KeyRing:
    """The keys of a project."""
    from linkage.access.keys import KeyRing
    from linkage.settings import project_secret

    return KeyRing(settings.data, project_secret(settings.data))


def _ring() -> KeyRing:
    from linkage.settings import Settings

    return ring_of(Settings.load(os.environ))


def _account(command: str, key: Key) -> None:
    from linkage.cli.audit import account

    account(command, keys=[key.id])


def _tell(key: Key, token: str, *, as_json: bool) -> None:
    from linkage.cli.terminal import notes, out

    if as_json:
        out.print_json(json.dumps({"id": key.id, "role": key.role, "label": key.label, "key": token}))
        return
    out.print(token, highlight=False, soft_wrap=True)
    notes.print(f"The key of {key.label} ({key.role}). It is told this once: put it where it is kept secret.")


def _role(text: str) -> Role:
    from linkage.access.roles import Role
    from linkage.errors import BadInput

    if text not in set(Role):
        raise BadInput(f"{text} is no role", next_step=f"Roles are {', '.join(Role)}.")
    return Role(text)


def _moment(text: str | None) -> datetime | None:
    """When a key ends to count: after a time from now, or at the end of a day, in UTC."""
    from datetime import UTC, date, datetime, time, timedelta

    if text is None:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=1)
    except ValueError:
        return datetime.now(UTC) + span_of(text)


def span_of(text: str) -> timedelta:
    """A time such as `90d`, `12h`, `15m`, `30s`."""
    import re
    from datetime import timedelta

    from linkage.errors import BadInput

    found = re.fullmatch(r"(\d{1,5})([smhd])", text)
    if found is None:
        raise BadInput(f"{text} is no time", next_step="Write it as 90d, 12h, 15m or 30s.")
    seconds = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}[found[2]]
    return timedelta(seconds=int(found[1]) * seconds)


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at is not None else "–"
