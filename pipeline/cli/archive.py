"""`counterclaim archive …`: the SQL database that everything decided is written to."""

from __future__ import annotations

import typer

from pipeline.cli.late import Verb, late

VERBS = (
    Verb(
        "run",
        "pipeline.cli.archive_run:run",
        "Write what is decided into the archive, until SIGTERM or Ctrl-C.",
    ),
    Verb(
        "migrate",
        "pipeline.cli.archive_tables:migrate",
        "Bring the archive's tables to the version of this program.",
    ),
    Verb(
        "status",
        "pipeline.cli.archive_tables:status",
        "Show what the archive holds, from when to when, and how far behind Kafka it is.",
    ),
    Verb(
        "export",
        "pipeline.cli.archive_export:export",
        "Write a table as Parquet, CSV or JSON lines, to a file or to standard output.",
    ),
    Verb(
        "prune",
        "pipeline.cli.archive_tables:prune",
        "Remove what is older than the settings keep it; `archive run` does so once a day.",
    ),
    Verb(
        "forget",
        "pipeline.cli.archive_forget:forget",
        "Take an article or an outlet down: remove its text and its quotes, and never archive them again.",
    ),
)

archive_app = typer.Typer(
    name="archive",
    cls=late(*VERBS),
    help="The archive: articles, flags, threads, alerts and deliveries in SQL; run it, look at it, take it away.",
    no_args_is_help=True,
)


@archive_app.callback()
def _archive() -> None:
    """Makes it a group although none of its verbs is loaded yet."""
