"""`counterclaim threads split|merge|move|mark`: what people decide about threads. It is remembered, and never undone by
the machine."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from collections.abc import Sequence
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import typer

from pipeline.cli.options import ConfigOption, JsonOption, config_dir, login
from pipeline.cli.threads import ThreadArgument, find, read_threads
from pipeline.errors import RecordError, UsageError
from pipeline.kafka import Follower, Publisher
from pipeline.readable import event_pieces
from pipeline.records import Command, Thread, ThreadEvent, ThreadInput, encode, thread_events
from pipeline.records.thread import CommandKind
from pipeline.settings.load import load_settings
from pipeline.topics import THREAD_EVENTS, THREADS_IN

QUIET_SECONDS: Final = 1.0
"""After the first event of a command, how long further ones are waited for: one input brings them all at once."""

ArticlesArgument = Annotated[
    list[str], typer.Argument(metavar="ARTICLE…", help="Ids of articles, as `threads show` has them.")
]
IntoOption = Annotated[str, typer.Option("--into", metavar="THREAD", help="The other thread.")]
AuthorOption = Annotated[str | None, typer.Option("--author", help="Who decides. Default: the login name.")]
CommentOption = Annotated[str, typer.Option("--comment", "-m", help="Why; it is kept with the decision.")]
WaitOption = Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for what comes of it.")]


def split(
    thread: ThreadArgument,
    articles: ArticlesArgument,
    author: AuthorOption = None,
    comment: CommentOption = "",
    wait: WaitOption = 15,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give these articles a thread of their own. Of the two, the one with the first article keeps the id.

    counterclaim threads split 3f2a 9c01… -m "another shipment"
    """
    _decide("split", config, thread, author, comment, wait, as_json, articles=tuple(articles))


def merge(
    thread: ThreadArgument,
    into: IntoOption,
    author: AuthorOption = None,
    comment: CommentOption = "",
    wait: WaitOption = 15,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Merge a thread into another of the same language; what comes to it later goes there too.

    counterclaim threads merge 77b0 --into 3f2a
    """
    _decide("merge", config, thread, author, comment, wait, as_json, into=into)


def move(
    thread: ThreadArgument,
    articles: ArticlesArgument,
    into: IntoOption,
    author: AuthorOption = None,
    comment: CommentOption = "",
    wait: WaitOption = 15,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move articles to another thread of the same language; their later texts and copies stay there.

    counterclaim threads move 3f2a 9c01… --into 77b0
    """
    _decide("move", config, thread, author, comment, wait, as_json, into=into, articles=tuple(articles))


def mark(
    thread: ThreadArgument,
    state: Annotated[
        Literal["conceded", "retracted", "open"],
        typer.Argument(metavar="STATE", help="conceded, retracted, or open: as its articles have it."),
    ],
    author: AuthorOption = None,
    comment: CommentOption = "",
    wait: WaitOption = 15,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Mark a claim as conceded by the accused, or retracted by the accuser: no machine can tell for certain.

    counterclaim threads mark 3f2a conceded -m "minister in parliament, 4 May"
    """
    _decide("mark", config, thread, author, comment, wait, as_json, state="" if state == "open" else state)


def _decide(
    do: CommandKind,
    config: Path | None,
    thread: str,
    author: str | None,
    comment: str,
    wait: float,
    as_json: bool,
    into: str = "",
    **fields: Any,
) -> None:
    servers = load_settings(config_dir(config), os.environ).kafka.servers
    known = read_threads(servers)
    one = find(known, thread)
    other = find(known, into) if into else None
    command = make_command(do, one, other, author or login(), comment, datetime.now(UTC), **fields)
    events = asyncio.run(_send(servers, command, one.language, wait))
    if as_json:
        print(json.dumps({"command": command.id, "events": msgspec.to_builtins(events)}, ensure_ascii=False))
    for event in () if as_json else events:
        print("".join(piece.text for piece in event_pieces(event)))
    if not events:
        print(f"sent, but no worker took it in within {wait:g} s; it is kept, and done when one runs", file=sys.stderr)
    if not events or any(event.kind == "refused" for event in events):
        raise typer.Exit(1)


def make_command(
    do: CommandKind, thread: Thread, into: Thread | None, author: str, comment: str, now: datetime, **fields: Any
) -> Command:
    """The command as it is sent.

    Raises:
        UsageError: it cannot be done, or is not well formed.
    """
    if into is not None and into.language != thread.language:
        raise UsageError(
            f"{thread.id} is in {thread.language}, {into.id} in {into.language}: threads of two languages stay apart"
        )
    plain = {
        "id": uuid.uuid4().hex,
        "do": do,
        "thread": thread.id,
        "into": into.id if into else "",
        "author": author,
        "comment": comment,
        "given": now,
    } | fields
    try:
        return msgspec.convert(plain, Command)
    except msgspec.ValidationError as error:
        raise UsageError(str(error)) from error


async def _send(servers: Sequence[str], command: Command, language: str, wait: float) -> list[ThreadEvent]:
    """Send a command, by language as articles are, so that it comes where they do; what is told of it, in its order."""
    found: dict[str, ThreadEvent] = {}
    follower = Follower(servers, [THREAD_EVENTS], from_beginning=False)
    async with follower, Publisher(servers) as publisher:
        await publisher.send(THREADS_IN, encode(ThreadInput(what=command)), key=language.encode())
        with suppress(TimeoutError):
            async with asyncio.timeout(wait) as limit, aclosing(aiter(follower)) as messages:
                async for message in messages:
                    event = _of(command, message.value)
                    if event is not None:
                        found.setdefault(event.id, event)
                        limit.reschedule(asyncio.get_running_loop().time() + QUIET_SECONDS)
    return list(found.values())


def _of(command: Command, value: bytes | None) -> ThreadEvent | None:
    if value is None:
        return None
    try:
        event = thread_events.decode(value)
    except RecordError:
        return None
    return event if event.cause == f"command:{command.id}" else None
