"""`counterclaim poll`: the poller, as a process of its own."""

from __future__ import annotations

import json as json_format
import os
from collections.abc import Mapping
from typing import Annotated

import typer
import uvloop

from pipeline import poller
from pipeline.cli.options import ConfigOption, JsonOption, config_dir
from pipeline.feeds.poll import UNPUBLISHED, Summary
from pipeline.settings.load import load_polling

OnceOption = Annotated[
    bool, typer.Option("--once", help="Poll every feed that is due once, visit the pages that wait, print a summary.")
]


def poll(config: ConfigOption = None, once: OnceOption = False, json: JsonOption = False) -> None:
    """Poll the listed feeds and publish their new articles, until SIGTERM or Ctrl-C; fetch pages where that is asked.

    Times and validators are kept in Kafka: a restart polls nothing early and loses nothing. --once ends with 1 when
    Kafka did not acknowledge everything; a feed that failed is not a failed run. --once visits the article pages that
    wait, too, for five minutes at most: what must wait longer is left for the next round.

        counterclaim poll --config /etc/counterclaim
        counterclaim poll --once --json
    """
    configuration = load_polling(config_dir(config), os.environ)
    summary, interrupted = uvloop.run(poller.run(configuration, os.environ, once=once))
    if once:
        print(json_format.dumps(_fields(summary)) if json else _sentence(summary))
    if interrupted:
        raise typer.Exit(130)
    if once and summary.outcomes.get(UNPUBLISHED):
        raise typer.Exit(1)


def _fields(summary: Summary) -> dict[str, object]:
    return {
        "polls": summary.polls,
        "outcomes": dict(sorted(summary.outcomes.items())),
        "items": summary.items,
        "new": summary.new,
        "not_due": summary.not_due,
        "pages": dict(sorted(summary.pages.items())),
        "pages_left": summary.pages_left,
    }


def _sentence(summary: Summary) -> str:
    outcomes = _counts(summary.outcomes) or "none was due"
    polls = (
        f"{summary.polls} feeds polled ({outcomes}), {summary.not_due} not due yet; "
        f"{summary.items} items, {summary.new} of them new and published"
    )
    if not summary.pages and not summary.pages_left:
        return polls
    visited, results = sum(summary.pages.values()), _counts(summary.pages) or "none could be"
    return f"{polls}; {visited} pages visited ({results}), {summary.pages_left} left for later"


def _counts(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(numbers.items()))
