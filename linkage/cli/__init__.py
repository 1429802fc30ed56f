"""The command line: parse, call, print. One file a command; errors become exit statuses here, and only here."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import traceback
from pathlib import Path

import typer
from click.exceptions import Abort, ClickException, Exit

from linkage import __version__
from linkage.errors import LinkageError

COMMANDS = (
    "demo",
    "scenario",
    "load",
    "resolve",
    "evaluate",
    "serve",
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
    """Run the command line: 0 done, 1 the work failed, 2 wrong usage, 130 stopped by Ctrl-C."""
    try:
        status = build()(standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except LinkageError as error:
        typer.secho(f"linkage: {error}", err=True, fg=typer.colors.RED if sys.stderr.isatty() else None)
        sys.exit(error.exit_status)
    except Exit as stop:
        sys.exit(stop.exit_code)
    except ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, Abort):
        typer.echo("linkage: stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader (head, less) went away: nothing is wrong, and Python must not complain while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # the last resort: a person gets a sentence, the trace goes into a file
        with tempfile.NamedTemporaryFile("w", prefix="linkage-", suffix=".log", delete=False) as file:
            file.write(traceback.format_exc())
        typer.echo(
            f"linkage: an error of ours: {type(error).__name__}. Please report it with {Path(file.name)}.", err=True
        )
        sys.exit(1)
