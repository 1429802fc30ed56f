"""`linkage mapping`: mappings checked before they are used."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        name="mapping",
        help="Mappings: TOML files that say what makes records of tables of any other shape.",
        no_args_is_help=True,
    )
    group.callback()(lambda: None)  # keeps `check` a command of its own while it is the only one
    group.command("check")(check)
    app.add_typer(group)


def check(
    file: Annotated[Path, typer.Argument(help="The mapping (TOML).", show_default=False)],
    against: Annotated[
        Path | None, typer.Option(help="A file or folder to try it on: columns, and the first rows of each file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Check a mapping; every fault at once, with line and column. Exit status 1 where there is one.

    Nothing is loaded, also with --against.

    Examples:

      linkage mapping check logins.toml

      linkage mapping check logins.toml --against exports/
    """
    from linkage.cli.terminal import out
    from linkage.ingest import Mapping, preview
    from linkage.settings import Settings

    mapping = Mapping.load(file)
    found = preview(against, mapping, phone_region=Settings.load(os.environ).phone_region) if against else []
    if as_json:
        out.print_json(json.dumps({"faults": [], "files": [preview.as_dict() for preview in found]}))
        return
    out.print(f"{file} is a good mapping.", highlight=False)
    for tried in found:
        out.print(f"{tried.file}: {tried.told()}", highlight=False, soft_wrap=True)
