"""`counterclaim subscriptions test`: whether messages arrive; what a query would have matched."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from pipeline.cli.options import ConfigOption, JsonOption, config_dir, login, parse_since
from pipeline.cli.subscriptions import of
from pipeline.cli.tables import print_table
from pipeline.copies.source import Sources
from pipeline.errors import RecordError, UsageError
from pipeline.kafka import Follower, Publisher, read_log
from pipeline.logs import visible
from pipeline.records import DeliverInput, Delivery, StoryEvent, Subscription, deliveries, encode, story_events
from pipeline.records.alert import Again, Message, channel_key, delivery_id
from pipeline.settings.load import load_outlets, load_settings
from pipeline.settings.models import Settings
from pipeline.subscriptions.checks import check_query
from pipeline.subscriptions.editing import address
from pipeline.subscriptions.file import read_list
from pipeline.topics import ARTICLES_RETENTION, DELIVER_IN, DELIVERIES, STORY_EVENTS

ROWS: Final = 50
"""Matches that a table shows: the newest."""


def try_out(
    id: Annotated[  # noqa: A002
        str | None, typer.Argument(metavar="[ID]", help="Send a test message by its channels.", show_default=False)
    ] = None,
    query: Annotated[
        str | None, typer.Option("--query", "-q", help="Send nothing; say which stories this query would have matched.")
    ] = None,
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="24h", help=f"Of that time: 30m, 12h, 7d. {ARTICLES_RETENTION.days} days are kept."
        ),
    ] = "24h",
    wait: Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for what comes of a message.")] = 30,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a test message by all channels of a subscription; or, with --query, see what a query would have matched.

        counterclaim subscriptions test energy

        counterclaim subscriptions test --query 'state:disputed AND lang:fr' --since 7d

    A message goes the whole way, through the delivering process. Exit code 1 if it did not arrive by every channel.
    """
    if (id is None) == (query is None):
        raise UsageError("say either a subscription's ID, or --query")
    settings = load_settings(config_dir(config), os.environ)
    if query is not None:
        _would_match(settings, query, datetime.now(UTC), since, as_json)
    elif id is not None:
        one = of(read_list(settings.kafka.servers), id)
        _say(one, asyncio.run(send_test(settings.kafka.servers, one, login(), wait)), wait, as_json)


async def send_test(servers: Sequence[str], one: Subscription, author: str, wait: float) -> dict[str, Delivery]:
    """Send a test message; the first attempt of each channel, by its key, of those that ended within ``wait``."""
    now = datetime.now(UTC)
    message = Message(
        id=f"msg_{uuid.uuid4().hex}",
        kind="test",
        subscription=one.id,
        name=one.name,
        text=f"This is a test that {author} asked for. Stories of the subscription “{one.name}” come by this channel.",
        made=now,
    )
    keys = {delivery_id(message.id, key): key for key in (channel_key(one.id, channel) for channel in one.channels)}
    found: dict[str, Delivery] = {}
    follower = Follower(servers, [DELIVERIES], from_beginning=False)
    async with follower, Publisher(servers) as publisher:
        for key in keys.values():
            again = Again(
                id=uuid.uuid4().hex, subscription=one.id, channel=key, message=message, author=author, given=now
            )
            await publisher.send(DELIVER_IN, encode(DeliverInput(what=again)), key=one.id.encode())
        with suppress(TimeoutError):
            async with asyncio.timeout(wait), aclosing(aiter(follower)) as messages:
                async for record in messages:
                    attempt = _attempt(record.value)
                    if attempt is not None and attempt.id in keys:
                        found.setdefault(keys[attempt.id], attempt)
                    if len(found) == len(keys):
                        break
    return found


def _attempt(value: bytes | None) -> Delivery | None:
    try:
        return None if value is None else deliveries.decode(value)
    except RecordError:
        return None


def _say(one: Subscription, found: Mapping[str, Delivery], wait: float, as_json: bool) -> None:
    told: list[dict[str, Any]] = []
    for channel in one.channels:
        key = channel_key(one.id, channel)
        attempt = found.get(key)
        outcome = attempt.outcome if attempt else "nothing heard"
        error = attempt.error if attempt else f"within {wait:g} s: does `counterclaim deliver` run?"
        status = attempt.status if attempt else None
        told.append({"key": key, "channel": address(channel), "outcome": outcome, "status": status, "error": error})
    if as_json:
        print(json.dumps({"id": one.id, "channels": told}, ensure_ascii=False))
    for row in () if as_json else told:
        answer = f" ({row['status']})" if row["status"] else ""
        why = f": {visible(row['error'])}" if row["error"] else ""
        print(f"{row['key']}  {visible(row['channel'])}  {row['outcome']}{answer}{why}")
    if any(row["outcome"] != "delivered" for row in told):
        raise typer.Exit(1)


def _would_match(settings: Settings, query: str, now: datetime, since: str, as_json: bool) -> None:
    try:
        check_query(query)
    except ValueError as error:
        raise UsageError(f"--query: {error}") from error
    begin = now - parse_since(since)
    found = matching(settings, query, begin)
    if as_json:
        plain = [
            {
                "event": told.event.id,
                "kind": told.event.kind,
                "when": told.event.when.isoformat(),
                "thread": told.event.thread,
                "language": told.event.language,
                "claim": told.thread.claim.quote if told.thread else "",
                "link": told.article.link if told.article else "",
            }
            for told in found
        ]
        print(json.dumps(plain, ensure_ascii=False))
        return
    table = Table("when", "event", "thread", "lang", "claim", "outlet", box=None)
    for told in found[-ROWS:]:
        table.add_row(
            told.event.when.astimezone().strftime("%Y-%m-%d %H:%M"),
            told.event.kind,
            told.event.thread,
            told.event.language,
            visible(told.thread.claim.quote) if told.thread else "",
            visible(told.article.outlet) if told.article else "",
        )
    print_table(table)
    more = f"; the newest {ROWS} are shown" if len(found) > ROWS else ""
    print(f"{len(found)} events of {len({told.event.thread for told in found})} stories match{more}")


def matching(settings: Settings, query: str, begin: datetime) -> list[StoryEvent]:
    """The events found since then whose story matches, each once, in the order of the log. Blocks."""
    from pipeline.subscriptions.query import parse_query
    from pipeline.subscriptions.text import matches, story_text

    wanted = parse_query(query)
    owner_of = Sources(load_outlets(settings)).owner
    found: dict[str, StoryEvent] = {}
    for message in read_log(settings.kafka.servers, STORY_EVENTS):
        if message.value is None or message.timestamp < begin:
            continue
        with suppress(RecordError):
            told = story_events.decode(message.value)
            if told.heartbeat is None and told.event.heartbeat is None and matches(wanted, story_text(told, owner_of)):
                found.setdefault(told.event.id, told)
    return list(found.values())
