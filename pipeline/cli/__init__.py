"""The `counterclaim` command: one file a verb."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from pipeline.errors import CounterclaimError

app = typer.Typer(
    name="counterclaim",
    help="Watches news feeds and tells who denies what and who accuses whom.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def main() -> None:
    """Entry point of the `counterclaim` command."""
    guarded(app)


def guarded(run: Callable[[], object]) -> None:
    """Run a command: an error that was foreseen is one sentence and its exit code, never a traceback."""
    try:
        run()
    except CounterclaimError as error:
        print(f"counterclaim: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
