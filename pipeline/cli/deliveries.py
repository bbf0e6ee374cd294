"""`counterclaim deliveries list|show|replay`: where messages went, each attempt, and sending one again."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.table import Table

from pipeline.cli.options import ConfigOption, JsonOption, config_dir, login, parse_since
from pipeline.cli.tables import print_table
from pipeline.errors import RecordError, UsageError
from pipeline.kafka import Publisher, read_log
from pipeline.logs import visible
from pipeline.records import Again, DeliverInput, Delivery, deliveries, encode
from pipeline.settings.load import load_settings
from pipeline.topics import ALERTS_RETENTION, DELIVER_IN, DELIVERIES

ASK_ABOVE: Final = 20
"""Deliveries that are sent again without a question."""

FAILED: Final = frozenset({"gave_up", "gone", "dropped"})
"""What nobody tries any more, and nobody got."""

deliveries_app = typer.Typer(
    name="deliveries",
    help="Where messages went, each attempt, and sending one again.",
    no_args_is_help=True,
)

SinceOption = Annotated[str | None, typer.Option("--since", metavar="24h", help="Of that time: 30m, 12h, 7d.")]
SubscriptionOption = Annotated[
    str | None, typer.Option("--subscription", "-s", help="Only of this subscription.", show_default=False)
]
FailedOption = Annotated[bool, typer.Option("--failed", help="Only those that were given up.")]


@deliveries_app.command("list")
def list_deliveries(
    since: SinceOption = "24h",
    subscription: SubscriptionOption = None,
    failed: FailedOption = False,
    most: Annotated[int, typer.Option("--count", "-n", min=1, help="At most so many: the newest.")] = 50,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List deliveries, the newest first: a message by one channel each, with what its last attempt came to.

    counterclaim deliveries list --failed --since 7d
    """
    found = _chosen(_read(_servers(config)), since, subscription, failed)
    found.reverse()
    if as_json:
        print(msgspec.json.encode(found[:most]).decode())
        return
    table = Table("delivery", "last attempt", "outcome", "tries", "subscription", "where to", "message", "why")
    table.box = None
    for one in found[:most]:
        table.add_row(
            one.id,
            _time(one.ended),
            one.outcome,
            str(one.attempt),
            one.subscription,
            visible(f"{one.channel_type} {one.address}"),
            one.message.id,
            _why(one),
        )
    print_table(table)
    rest = f", {len(found) - most} more: --count {len(found)}" if len(found) > most else ""
    print(f"{len(found[:most])} deliveries{rest}")


@deliveries_app.command("show")
def show(
    named: Annotated[str, typer.Argument(metavar="ID", help="Of a delivery or a message, or the beginning of it.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every attempt of a delivery, or of a message by all its channels, and what it was about.

    counterclaim deliveries show msg_3f2a
    """
    found = [one for one in _read(_servers(config)) if named and one.id.startswith(named)]
    found = found or [one for one in _read(_servers(config)) if named and one.message.id.startswith(named)]
    if not found:
        raise UsageError(f"{named}: no such delivery or message; `counterclaim deliveries list` shows those there are")
    if len({one.message.id for one in found}) > 1:
        raise UsageError(f"{named}: several messages begin so; say more of the id")
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    message = found[-1].message
    print(f"{message.id}  {message.kind}  {message.subscription} ({visible(message.name)}), made {_time(message.made)}")
    for item in message.items:
        said = f": {visible(item.since)}" if item.since else ""
        print(f"    {visible(item.story.claim.quote or item.story.title)}{said}")
    if message.text:
        print(f"    {visible(message.text)}")
    for one in found:
        took = (one.ended - one.began).total_seconds()
        where = visible(f"{one.channel_type} {one.address}")
        print(f"{_time(one.began)}  {where}  attempt {one.attempt}: {one.outcome} in {took:.1f} s  {_why(one)}")


@deliveries_app.command("replay")
def replay(
    named: Annotated[
        list[str] | None, typer.Argument(metavar="ID…", help="Of deliveries or messages, or their beginnings.")
    ] = None,
    failed: FailedOption = False,
    since: SinceOption = None,
    subscription: SubscriptionOption = None,
    author: Annotated[str | None, typer.Option("--author", help="Who does it. Default: the login name.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=f"Do not ask, also above {ASK_ABOVE}.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deliver messages again, by the channels they went by; a message keeps its id, so that receivers know it.

    Name them, or give --failed with --since: all that were given up in that time.

        counterclaim deliveries replay msg_3f2a
        counterclaim deliveries replay --failed --since 24h
    """
    if bool(named) == failed or (failed and since is None):
        raise UsageError("name what to deliver again, or say --failed --since 24h")
    servers = _servers(config)
    wanted = _chosen(_read(servers), since, subscription, failed)
    if named:
        wanted = _named(wanted, named)
    if not yes and len(wanted) > ASK_ABOVE:
        typer.confirm(f"Deliver {len(wanted)} messages again?", abort=True, err=True)
    commands = [
        Again(
            id=uuid.uuid4().hex,
            subscription=one.subscription,
            channel=one.channel,
            message=one.message,
            author=author or login(),
            given=datetime.now(UTC),
        )
        for one in wanted
    ]
    asyncio.run(_send(servers, commands))
    if as_json:
        print(json.dumps({"sent": [one.id for one in wanted]}))
        return
    for one in wanted:
        print(f"{one.message.id}  {one.subscription}  {visible(f'{one.channel_type} {one.address}')}")
    print(f"{len(wanted)} to be delivered again; `counterclaim deliveries show ID` tells what comes of it")


async def _send(servers: Sequence[str], commands: Iterable[Again]) -> None:
    async with Publisher(servers) as publisher:
        await asyncio.gather(
            *(
                publisher.send(DELIVER_IN, encode(DeliverInput(what=one)), key=one.subscription.encode())
                for one in commands
            )
        )


def _read(servers: Sequence[str]) -> list[Delivery]:
    """Every attempt, oldest first."""
    found: list[Delivery] = []
    for message in read_log(servers, DELIVERIES):
        with suppress(RecordError):
            if message.value is not None:
                found.append(deliveries.decode(message.value))
    return sorted(found, key=lambda one: (one.ended, one.id, one.attempt))


def _chosen(attempts: Iterable[Delivery], since: str | None, subscription: str | None, failed: bool) -> list[Delivery]:
    """The last attempt of each delivery, oldest first."""
    begin = datetime.now(UTC) - (ALERTS_RETENTION + timedelta(days=1) if since is None else parse_since(since))
    last: dict[str, Delivery] = {}
    for one in attempts:
        last.pop(one.id, None)
        last[one.id] = one
    return [
        one
        for one in last.values()
        if one.ended >= begin and subscription in (None, one.subscription) and (not failed or one.outcome in FAILED)
    ]


def _named(known: Sequence[Delivery], named: Sequence[str]) -> list[Delivery]:
    """Those with these ids; of a message all its deliveries.

    Raises:
        UsageError: there is none, or several messages begin so.
    """
    found: dict[str, Delivery] = {}
    for name in named:
        these = [one for one in known if name and one.id.startswith(name)]
        these = these or [one for one in known if name and one.message.id.startswith(name)]
        if not these:
            raise UsageError(f"{name}: no such delivery or message")
        if len({one.message.id for one in these}) > 1:
            raise UsageError(f"{name}: several messages begin so; say more of the id")
        found |= {one.id: one for one in these}
    return list(found.values())


def _why(one: Delivery) -> str:
    status = f"HTTP {one.status} " if one.status else ""
    again = f", again {_time(one.next_try)}" if one.next_try is not None else ""
    return f"{status}{visible(one.error)[:160]}{again}".strip(" ,")


def _time(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def _servers(config: Path | None) -> tuple[str, ...]:
    return load_settings(config_dir(config), os.environ).kafka.servers
