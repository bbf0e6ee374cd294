"""Every verb of `counterclaim`, in the order of `--help`."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline import __version__
from pipeline.cli.backtest import run_backtest
from pipeline.cli.config import config_app
from pipeline.cli.demo import demo
from pipeline.cli.evaluate import evaluate
from pipeline.cli.feeds import feeds_app
from pipeline.cli.feeds_change import add, export_feeds, import_feeds, pause, remove, resume
from pipeline.cli.ingest import run_ingest
from pipeline.cli.init import init
from pipeline.cli.poll import poll
from pipeline.cli.rules import rules_app
from pipeline.cli.rules_diff import diff
from pipeline.cli.rules_explain import explain
from pipeline.cli.tail import tail
from pipeline.cli.threads import threads_app
from pipeline.cli.threads_change import mark, merge, move, split
from pipeline.cli.topics import topics_app
from pipeline.cli.up import up
from pipeline.cli.worker import worker

app = typer.Typer(
    name="counterclaim",
    help="Watches news feeds and tells who denies what and who accuses whom.",
    epilog="Exit codes: 0 fine, 1 the work failed, 2 wrong usage or configuration, 3 something it needs is away.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

RUN, LOOK, SET_UP, RULES = "Run", "Look", "Set up", "Rules"

app.command(rich_help_panel=RUN)(demo)
app.command(rich_help_panel=RUN)(up)
app.command(rich_help_panel=RUN)(poll)
app.command(rich_help_panel=RUN)(worker)
app.command("ingest", rich_help_panel=RUN)(run_ingest)
app.command(rich_help_panel=LOOK)(tail)
for change in (add, pause, resume, remove):
    feeds_app.command(change.__name__)(change)
feeds_app.command("import")(import_feeds)
feeds_app.command("export")(export_feeds)
app.add_typer(feeds_app, name="feeds", rich_help_panel=LOOK)
for decide in (split, merge, move, mark):
    threads_app.command(decide.__name__)(decide)
app.add_typer(threads_app, name="threads", rich_help_panel=LOOK)
app.command("backtest", rich_help_panel=RULES)(run_backtest)
app.command(rich_help_panel=RULES)(evaluate)
rules_app.command("explain")(explain)
rules_app.command("diff")(diff)
app.add_typer(rules_app, name="rules", rich_help_panel=RULES)
app.command(rich_help_panel=SET_UP)(init)
app.add_typer(config_app, name="config", rich_help_panel=SET_UP)
app.add_typer(topics_app, name="topics", rich_help_panel=SET_UP)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"counterclaim {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Watches news feeds and tells who denies what and who accuses whom."""
