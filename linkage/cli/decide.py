"""`linkage decide`, `linkage decisions`, `linkage retract`, `linkage undo`: what people decide, and what it does."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.table import Table

    from linkage.model import Decision, Judgement
    from linkage.service import Service
    from linkage.service.deciding import Effect, Recorded
    from linkage.service.replaying import Touched

End = Annotated[
    str, typer.Argument(metavar="A", help="An account's id, organisation:ID, or a cluster's cl_….", show_default=False)
]
OtherEnd = Annotated[str, typer.Argument(metavar="B", help="The other one.", show_default=False)]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept.", show_default=False)]
Author = Annotated[str | None, typer.Option("--author", help="Who says so.", show_default="the user of this computer")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would happen, and do nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def register(app: typer.Typer) -> None:
    app.command("decide")(decide)
    app.command("undo")(undo)
    app.command("retract")(retract)
    app.command("decisions")(decisions)


def decide(
    left: End,
    right: OtherEnd,
    reason: Reason,
    same: Annotated[bool, typer.Option("--same", help="One actor runs both.")] = False,
    different: Annotated[bool, typer.Option("--different", help="No actor runs both.")] = False,
    undecided: Annotated[bool, typer.Option("--undecided", help="Take back what was said of the two.")] = False,
    author: Author = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Decide that two accounts, organisations or clusters are one actor's, or are not.

    The clusters concerned change at once, and every resolution from then on obeys: what is different is never in one
    cluster, what is the same always is, unless it is different too. A cluster stands for the members that it has now.
    Of several decisions on the same two the latest counts; see linkage decisions, and linkage retract to take one back.

    Examples:

      linkage decide acct-17 acct-99 --different --reason "two shops of one mall"

      linkage decide cl_ifrfjx7aztz2om3rcxgevmtsgy acct-99 --same --reason "same card" --dry-run
    """
    from linkage.service.deciding import Statement

    said = Statement(left, right, _judgement(same, different, undecided), author or user(), reason)
    _carry_out(
        "decide",
        lambda service: service.preview([said]) if dry_run else service.decide([said]),
        dry_run=dry_run,
        as_json=as_json,
    )


def undo(
    cluster: Annotated[str, typer.Argument(help="The cluster's id, cl_….", show_default=False)],
    left: Annotated[str, typer.Argument(metavar="A", help="A member of it.", show_default=False)],
    right: Annotated[str, typer.Argument(metavar="B", help="Another one.", show_default=False)],
    reason: Reason,
    author: Author = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Undo the merge that brought two members of a cluster together.

    Linkage how lists the merges, each with a member of both of its parts. What the merge joined is different from then
    on: a decision like any other, that linkage retract takes back.

    Examples:

      linkage undo cl_ifrfjx7aztz2om3rcxgevmtsgy acct-17 acct-99 --reason "a tablet in a shop" --dry-run
    """
    from linkage.model import Subject

    sides = Subject.parse(_named(left)), Subject.parse(_named(right))
    who = author or user()
    _carry_out(
        "undo",
        lambda service: (service.preview_undoing if dry_run else service.undo)(
            cluster, sides, author=who, reason=reason
        ),
        dry_run=dry_run,
        as_json=as_json,
    )


def retract(
    decision: Annotated[str, typer.Argument(help="The decision's id, dc_….", show_default=False)],
    reason: Reason,
    author: Author = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take a decision back. It stays on record, and the one before it on the same two counts again.

    What was the same by the decision alone falls apart at once; what was kept apart is not joined before the next
    resolution weighs it.

    Examples:

      linkage retract dc_6f1ed002ab5595859014ebf0951522d9 --reason "the wrong cluster"
    """
    who = author or user()
    _carry_out(
        "retract",
        lambda service: (
            service.preview_retraction(decision) if dry_run else service.retract(decision, author=who, reason=reason)
        ),
        dry_run=dry_run,
        as_json=as_json,
    )


def decisions(
    about: Annotated[
        str | None,
        typer.Option("--about", help="Only about this account, organisation:ID or cl_….", show_default=False),
    ] = None,
    conflicts: Annotated[bool, typer.Option("--conflicts", help="Only those that contradict others.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what people decided, newest first, how it stands, and what contradicts what.

    Examples:

      linkage decisions --about cl_ifrfjx7aztz2om3rcxgevmtsgy

      linkage decisions --conflicts --json | jq '.[].contradicts'
    """
    from linkage.cli.terminal import notes, out
    from linkage.service import Service
    from linkage.settings import Settings

    with Service.open(Settings.load(os.environ)) as service:
        found = service.decisions(about=about, only_contradicting=conflicts)
    if as_json:
        out.print_json(json.dumps([as_record(one) for one in found], default=str))
    elif found:
        out.print(decisions_table(found))
    else:
        notes.print("No such decisions.")


def _judgement(same: bool, different: bool, undecided: bool) -> Judgement:
    from linkage.model import Judgement

    said = [
        judgement
        for judgement, given in (
            (Judgement.SAME, same),
            (Judgement.DIFFERENT, different),
            (Judgement.UNDECIDED, undecided),
        )
        if given
    ]
    if len(said) != 1:
        raise typer.BadParameter("say one of --same, --different and --undecided")
    return said[0]


def _named(text: str) -> str:
    if not text:
        raise typer.BadParameter("name two members of the cluster")
    return text


def user() -> str:
    """The user of this computer; by number where it has no name, as in a container."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _carry_out(command: str, change: Callable[[Service], Effect], *, dry_run: bool, as_json: bool) -> None:
    from linkage.cli.audit import account
    from linkage.cli.terminal import notes, out, progress
    from linkage.service import Service
    from linkage.settings import Settings

    with progress() as report, Service.open(Settings.load(os.environ), report) as service:
        effect = change(service)
        if not dry_run:
            account(command, decisions=[stated.decision.id for stated in effect.stated])
            service.catch_up(progress=report)
    if as_json:
        out.print_json(json.dumps(effect_record(effect), default=str))
        return
    out.print(effect.summary, highlight=False, markup=False)
    print_touched(effect.touched)
    for stated in effect.stated:
        for other in stated.contradicts:
            notes.print(f"It contradicts {_in_words(other)}.", style="yellow", highlight=False, markup=False)
        if stated.replaces is not None:
            notes.print(f"It takes the place of {_in_words(stated.replaces)}.", highlight=False, markup=False)
        if not dry_run:
            notes.print(f"Take it back: linkage retract {stated.decision.id}", highlight=False)


def print_touched(touched: Sequence[Touched]) -> None:
    """Print the clusters that change, one a line."""
    from linkage.cli.terminal import out

    for one in touched:
        if one.cluster_id is not None:
            became = f"{one.size_before:,} → {one.size_after:,}" if one.size_after else f"{one.size_before:,}, ended"
            out.print(f"  {one.cluster_id}  {became}", highlight=False)


def _in_words(decision: Decision) -> str:
    who = f" by {decision.author}" if decision.author else ""
    return f"{decision.id}{who}: {decision.left.name} and {decision.right.name} are {decision.judgement}"


def decisions_table(found: Sequence[Recorded]) -> Table:
    """Decisions, one below the other."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("decision", "said", "of", "when", "by"):
        table.add_column(column, overflow="fold")
    table.add_column("how it stands")
    for one in found:
        said = one.decision
        table.add_row(
            said.id,
            said.judgement.value,
            "\n".join(
                f"{end.name} ({len(end.members):,})" if end.grouped else end.name for end in (said.left, said.right)
            ),
            f"{said.decided_at:%Y-%m-%d}" if said.decided_at else "",
            "\n".join(part for part in (said.author, said.reason) if part),
            standing(one),
        )
    return table


def standing(one: Recorded) -> str:
    """How a decision stands, in words."""
    if one.retracted_at is not None:
        return f"taken back by {one.retracted_by}: {one.retraction}"
    if not one.counts:
        return "a later one counts"
    return f"contradicts {', '.join(one.contradicts)}" if one.contradicts else "counts"


def as_record(one: Recorded) -> dict[str, Any]:
    """A decision as scripts read it."""
    return {
        **decision_record(one.decision),
        "counts": one.counts,
        "retracted_at": one.retracted_at,
        "retracted_by": one.retracted_by,
        "retraction": one.retraction,
        "contradicts": list(one.contradicts),
    }


def decision_record(decision: Decision) -> dict[str, Any]:
    """What was said, as scripts read it; a group with the members that it had then."""
    return {
        "decision": decision.id,
        "left": decision.left.name,
        "right": decision.right.name,
        "left_members": [str(member) for member in decision.left.members],
        "right_members": [str(member) for member in decision.right.members],
        "judgement": decision.judgement,
        "author": decision.author,
        "reason": decision.reason,
        "decided_at": decision.decided_at,
    }


def effect_record(effect: Effect) -> dict[str, Any]:
    """What decisions did, as scripts read it."""
    return {
        "summary": effect.summary,
        "changes": list(effect.changes),
        "clusters": [touched_record(one) for one in effect.touched],
        "decisions": [
            {
                **decision_record(stated.decision),
                "repeated": stated.repeated,
                "contradicts": [other.id for other in stated.contradicts],
                "replaces": stated.replaces.id if stated.replaces is not None else None,
            }
            for stated in effect.stated
        ],
        "publication": effect.publication_id,
    }


def touched_record(one: Touched) -> dict[str, Any]:
    """A cluster that changes, as scripts read it."""
    return {
        "cluster": one.cluster_id,
        "size_before": one.size_before,
        "size_after": one.size_after,
        "confidence_before": one.confidence_before,
        "confidence_after": one.confidence_after,
    }
