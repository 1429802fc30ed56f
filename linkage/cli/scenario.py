"""`linkage scenario`: synthetic worlds with their truth."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

_LIST = "list"


def register(app: typer.Typer) -> None:
    app.command("scenario")(scenario)


def scenario(
    name: Annotated[str, typer.Argument(help="A world's name; `list` describes them.")] = _LIST,
    accounts: Annotated[int, typer.Option(help="How many accounts: 1,000 to 10,000,000.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same name, size and seed give the same world.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Folder for the data set.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Write a synthetic world with its truth, as a data set to load or resolve.

    Writes accounts, organisations, observations, usage and truth (account_id, actor_id, style, ring, evasion,
    behaviour) as Parquet. Worlds of different names differ in habits, not just in seeds: docs/scenarios.md.

    Examples:

      linkage scenario list

      linkage scenario mixed --accounts 20000 --seed 1 --out world

      linkage scenario hydra --accounts 1000000 --seed 7 --out large
    """
    from linkage.cli.terminal import out as console
    from linkage.cli.terminal import progress
    from linkage.scenario import HABITS, generate

    if name == _LIST:
        _describe({habit.name: habit.about for habit in HABITS.values()}, as_json)
        return
    if out is None:
        raise typer.BadParameter("name a folder for the world", param_hint="--out")
    with progress() as report:
        world = generate(name, accounts, seed, out, progress=report)
    if as_json:
        console.print_json(json.dumps({**asdict(world), "out": str(world.out)}))
        return
    console.print(
        f"{world.name} (seed {world.seed}) in {world.out}: {world.accounts:,} accounts, {world.rings:,} rings with "
        f"{world.ring_accounts:,} of them, {world.organisations:,} organisations, {world.observations:,} observations, "
        f"{world.usage:,} hours of usage",
        highlight=False,
        soft_wrap=True,
    )


def _describe(worlds: dict[str, str], as_json: bool) -> None:
    from rich.table import Table

    from linkage.cli.terminal import out as console

    if as_json:
        console.print_json(json.dumps(worlds))
        return
    table = Table("world", "habits")
    for name, about in worlds.items():
        table.add_row(name, about)
    console.print(table)
