"""`counterclaim tail`: follow a topic in readable form."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Annotated, Final

import typer

from pipeline.cli.options import ConfigOption, JsonOption, config_dir
from pipeline.errors import UsageError
from pipeline.kafka import Follower, Message
from pipeline.readable import as_json, readable
from pipeline.settings.load import load_settings
from pipeline.topics import (
    ARTICLES_DEDUPED,
    ARTICLES_FRESH,
    ARTICLES_RAW,
    DELIVER_IN,
    FEED_STATE,
    FEEDS,
    FLAGS,
    STORY_EVENTS,
    THREAD_EVENTS,
    TOPICS,
)

SHORT_NAMES: Final = {
    "raw": (ARTICLES_RAW,),
    "fresh": (ARTICLES_FRESH,),
    "articles": (ARTICLES_DEDUPED,),
    "flags": (FLAGS,),
    "events": (THREAD_EVENTS,),
    "feeds": (FEEDS, FEED_STATE),
    "stories": (STORY_EVENTS,),
    "matches": (DELIVER_IN,),
    "dead": tuple(topic.name for topic in TOPICS if topic.name.endswith(".dead")),
}
"""What may be typed beside the topics' own names; `articles` are those that the rules read."""

TopicArgument = Annotated[
    str, typer.Argument(help=f"One of {', '.join(SHORT_NAMES)}, or a topic's own name.", show_default=True)
]
BeginningOption = Annotated[bool, typer.Option("--from-beginning", help="Show what the topic holds already, too.")]
CountOption = Annotated[int | None, typer.Option("--count", "-n", min=1, help="Stop after so many lines.")]
HeartbeatsOption = Annotated[bool, typer.Option("--heartbeats", help="Show our own heartbeats, too.")]


def tail(
    topic: TopicArgument = "flags",
    config: ConfigOption = None,
    from_beginning: BeginningOption = False,
    count: CountOption = None,
    heartbeats: HeartbeatsOption = False,
    json: JsonOption = False,
) -> None:
    """Follow a topic until Ctrl-C: flagged stories with their quotes, what happened to threads, articles, feed states …

    With --json each line is the record as it is on the topic, with its place beside it.

        counterclaim tail
        counterclaim tail dead --from-beginning --json | jq .headers
    """
    settings = load_settings(config_dir(config), os.environ)
    bootstrap = settings.kafka.servers
    render = as_json if json else _coloured if sys.stdout.isatty() else _plain
    lines = Lines(render, heartbeats=heartbeats, count=count)
    try:
        code = asyncio.run(_follow(Follower(bootstrap, _topics(topic), from_beginning=from_beginning), lines))
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Nothing may be written any more, not even at the interpreter's exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    raise typer.Exit(code)


def _topics(name: str) -> tuple[str, ...]:
    if name in SHORT_NAMES:
        return SHORT_NAMES[name]
    known = [topic.name for topic in TOPICS]
    if name not in known:
        raise UsageError(f"there is no topic {name!r}: say one of {', '.join([*SHORT_NAMES, *known])}")
    return (name,)


class Lines:
    """Prints records, and knows when there were enough."""

    def __init__(self, render: Callable[[Message], str], *, heartbeats: bool, count: int | None) -> None:
        self._render, self._heartbeats, self._left = render, heartbeats, count

    def enough(self, message: Message) -> bool:
        """Print one record; whether it was the last."""
        if not self._heartbeats and readable(message).heartbeat:
            return False
        print(self._render(message), flush=True)
        if self._left is not None:
            self._left -= 1
        return self._left == 0


async def _follow(follower: Follower, lines: Lines) -> int:
    asked: list[int] = []

    def ask(number: int) -> None:
        asked.append(number)
        follower.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask, number)
    async with follower, contextlib.aclosing(aiter(follower)) as messages:
        async for message in messages:
            if lines.enough(message):
                break
    return 130 if signal.SIGINT in asked else 0


def _plain(message: Message) -> str:
    return str(readable(message))


def _coloured(message: Message) -> str:
    return readable(message).coloured()
