"""Every verb of `counterclaim`, in the order of `--help`."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline import __version__
from pipeline.cli.late import Verb, late

RUN, LOOK, RULES, SET_UP = "Run", "Look", "Rules", "Set up"

VERBS = (
    Verb(
        "demo",
        "pipeline.cli.demo:demo",
        "Show the whole pipeline on local feeds: poll, publish, drop duplicates, find copies, flag, thread, "
        "alert by signed webhook, and compare with what is expected.",
        RUN,
    ),
    Verb(
        "up",
        "pipeline.cli.up:up",
        "Run broker, poller, worker, deliver and archive until Ctrl-C; start crashed ones again. SIGHUP loads the "
        "rules again. Alerts of subscriptions to the terminal are shown.",
        RUN,
    ),
    Verb(
        "poll",
        "pipeline.cli.poll:poll",
        "Poll the listed feeds and publish their new articles, until SIGTERM or Ctrl-C; fetch pages where "
        "that is asked.",
        RUN,
    ),
    Verb(
        "worker",
        "pipeline.cli.worker:worker",
        "Run one worker: deduplicate, flag, count, until SIGTERM or Ctrl-C.",
        RUN,
    ),
    Verb(
        "deliver",
        "pipeline.cli.deliver:deliver",
        "Deliver alerts: decide what each subscriber is told, send it, try again, until SIGTERM or Ctrl-C.",
        RUN,
    ),
    Verb(
        "ingest",
        "pipeline.cli.ingest:run_ingest",
        "Publish documents like articles of a feed: cleaned, deduplicated and flagged by the workers.",
        RUN,
    ),
    Verb(
        "tail",
        "pipeline.cli.tail:tail",
        "Follow a topic until Ctrl-C: flagged stories with their quotes, what happened to threads, articles, "
        "feed states …",
        LOOK,
    ),
    Verb(
        "feeds",
        "pipeline.cli.feeds:feeds_app",
        "The feeds: how they fare, which there are, and where a site keeps its own.",
        LOOK,
    ),
    Verb(
        "threads",
        "pipeline.cli.threads:threads_app",
        "Dispute threads: who claims what, who denies it; and what people decide about them.",
        LOOK,
    ),
    Verb(
        "archive",
        "pipeline.cli.archive:archive_app",
        "The archive: articles, flags, threads, alerts and deliveries in SQL; run it, look at it, take it away.",
        LOOK,
    ),
    Verb(
        "alerts",
        "pipeline.cli.alerts:alerts_app",
        "What became of what matched: told, held, silenced; and whether anything is missing.",
        LOOK,
    ),
    Verb(
        "deliveries",
        "pipeline.cli.deliveries:deliveries_app",
        "Where messages went, each attempt, and sending one again.",
        LOOK,
    ),
    Verb(
        "dead",
        "pipeline.cli.dead:dead_app",
        "Records that could not be handled: what they are, why, and another try for them.",
        LOOK,
    ),
    Verb(
        "subscriptions",
        "pipeline.cli.subscriptions:subscriptions_app",
        "Who is told of which stories, and how; changed while all runs.",
        LOOK,
    ),
    Verb(
        "silences",
        "pipeline.cli.silences:silences_app",
        "What nobody is to be told of for some time: a known story, a flood of follow-ups.",
        LOOK,
    ),
    Verb(
        "backtest",
        "pipeline.cli.backtest:run_backtest",
        "Flag the articles of files with the same code as the stream: cleaning, duplicates, languages, "
        "copies, rules, threads.",
        RULES,
    ),
    Verb(
        "evaluate",
        "pipeline.cli.evaluate:evaluate",
        "Measure the rules on labelled lines: for each class, stratum and language, with intervals and errors.",
        RULES,
    ),
    Verb("rules", "pipeline.cli.rules:rules_app", "Check, list, explain and compare the rules.", RULES),
    Verb(
        "init",
        "pipeline.cli.init:init",
        "Write a commented starter configuration: settings, feeds, outlets, actors, rules, subscriptions, and "
        "schemas for your editor.",
        SET_UP,
    ),
    Verb(
        "config",
        "pipeline.cli.config:config_app",
        "Check the configuration, show what is in force, print its schemas.",
        SET_UP,
    ),
    Verb(
        "topics", "pipeline.cli.topics:topics_app", "Create the topics, and show what they are and should be.", SET_UP
    ),
)

app = typer.Typer(
    name="counterclaim",
    cls=late(*VERBS),
    help="Watches news feeds and tells who denies what and who accuses whom.",
    epilog="Exit codes: 0 fine, 1 the work failed, 2 wrong usage or configuration, 3 something it needs is away.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


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
