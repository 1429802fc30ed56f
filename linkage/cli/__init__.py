"""The command line: parse, call, print. One file a command; errors become exit statuses here, and only here."""

from __future__ import annotations

import importlib
import sys
import tempfile
import traceback

import typer

from linkage import __version__
from linkage.errors import LinkageError

COMMANDS = (
    "demo",
    "scenario",
    "load",
    "resolve",
    "evaluate",
    "fit",
    "explain",
    "how",
    "decide",
    "withdraw",
    "erase",
    "serve",
    "keys",
    "audit",
    "documents",
    "neo4j",
    "graph",
    "ledger",
    "mapping",
    "rejections",
)

ABOUT = """Find clusters of accounts tied to a single actor.

Start with [bold]linkage demo[/bold]. With tables of your own:

  linkage load accounts.csv observations.parquet usage.jsonl
  linkage resolve
  linkage serve
"""


def build() -> typer.Typer:
    """The command line with every command registered."""
    app = typer.Typer(
        name="linkage",
        help=ABOUT,
        no_args_is_help=True,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def linkage(
        version: bool = typer.Option(False, "--version", help="Print the version.", is_eager=True, callback=_version),
    ) -> None:
        pass

    for name in COMMANDS:
        importlib.import_module(f"linkage.cli.{name}").register(app)
    return app


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"linkage {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line: 0 done, 1 the work failed, 2 wrong usage, 130 stopped by Ctrl-C.

    Typer prints what is wrong with a call, and ends quietly on Ctrl-C or a closed pipe; the rest is here.
    """
    try:
        build()()
    except LinkageError as error:
        typer.secho(f"linkage: {error}", err=True, fg=typer.colors.RED if sys.stderr.isatty() else None)
        sys.exit(error.exit_status)
    except Exception as error:  # the last resort: a person gets a sentence, the trace goes into a file
        with tempfile.NamedTemporaryFile("w", prefix="linkage-", suffix=".log", delete=False) as file:
            file.write(traceback.format_exc())
        typer.echo(f"linkage: an error of ours: {type(error).__name__}. Please report it with {file.name}.", err=True)
        sys.exit(1)
