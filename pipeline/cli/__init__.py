"""The `counterclaim` command: one file a verb, listed in `pipeline.cli.app`, imported when called."""

from __future__ import annotations

import sys
from collections.abc import Callable

from pipeline.errors import CounterclaimError

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells have it."""


def main() -> None:
    """Entry point of the `counterclaim` command."""
    from pipeline.cli.app import app  # here, so that the worker process, which needs `guarded`, loads no verbs

    guarded(app)


def guarded(run: Callable[[], object]) -> None:
    """Run a command: an error that was foreseen is one sentence and its exit code, never a traceback."""
    try:
        run()
    except CounterclaimError as error:
        print(f"counterclaim: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
