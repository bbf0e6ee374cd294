"""`counterclaim alerts list|reconcile`: what became of what matched, and whether anything is missing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import msgspec
import typer
from rich.table import Table

from pipeline.cli.options import ConfigOption, JsonOption, config_dir, parse_since, read_files
from pipeline.cli.tables import print_table
from pipeline.copies.source import Sources
from pipeline.errors import RecordError, UsageError
from pipeline.kafka import read_log, read_table
from pipeline.logs import visible
from pipeline.reconcile import Accounts, Report, received_ids
from pipeline.records import (
    Alert,
    Codec,
    Record,
    Subscription,
    alerts,
    deliveries,
    story_events,
    subscription_states,
    subscriptions,
)
from pipeline.records.alert import AlertOutcome
from pipeline.settings.load import load_all
from pipeline.subscriptions.listing import live
from pipeline.topics import ALERTS, DELIVERIES, STORY_EVENTS, SUBSCRIPTION_STATE, SUBSCRIPTIONS

R = TypeVar("R", bound=Record)

SLACK: Final = timedelta(minutes=5)
"""Clocks of two machines differ, and a record's time is its sender's: so much earlier is read too."""

alerts_app = typer.Typer(
    name="alerts",
    help="What became of what matched: told, held, silenced; and whether anything is missing.",
    no_args_is_help=True,
)

SinceOption = Annotated[str, typer.Option("--since", metavar="24h", help="Of that time: 30m, 12h, 7d.")]


@alerts_app.command("list")
def list_alerts(
    since: SinceOption = "24h",
    subscription: Annotated[
        str | None, typer.Option("--subscription", "-s", help="Only of this subscription.", show_default=False)
    ] = None,
    outcome: Annotated[
        AlertOutcome | None, typer.Option("--outcome", help="Only those that came to this.", show_default=False)
    ] = None,
    most: Annotated[int, typer.Option("--count", "-n", min=1, help="At most so many: the newest.")] = 50,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List alerts, the newest first: which story, for which subscription, and what became of it.

    counterclaim alerts list --since 7d --outcome held
    """
    newest: dict[str, Alert] = {}
    begin = datetime.now(UTC) - parse_since(since)
    for one in _read(_settings(config).kafka.servers, ALERTS, alerts, begin):
        if subscription in (None, one.subscription) and outcome in (None, one.outcome):
            newest.pop(one.id, None)
            newest[one.id] = one
    found = list(reversed(newest.values()))
    if as_json:
        print(msgspec.json.encode(found[:most]).decode())
        return
    table = Table("decided", "outcome", "subscription", "event", "message", "story")
    table.box = None
    for one in found[:most]:
        table.add_row(
            f"{one.decided.astimezone():%Y-%m-%d %H:%M:%S}",
            f"{one.outcome}{f' ({visible(one.reason)})' if one.reason else ''}",
            one.subscription,
            f"{one.event.kind}{', first' if one.first else ''}",
            one.message or ("waits" if one.outcome == "told" else ""),
            visible(one.story.claim.quote or one.story.title)[:160],
        )
    print_table(table)
    rest = f", {len(found) - most} more: --count {len(found)}" if len(found) > most else ""
    print(f"{len(found[:most])} alerts{rest}")


@alerts_app.command("reconcile")
def reconcile(
    since: SinceOption = "24h",
    receiver: Annotated[
        Path | None,
        typer.Option(
            "--receiver",
            metavar="FILE",
            help="A webhook receiver's own log: JSON lines with the webhook-id of what it got.",
        ),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare what the subscriptions are for with what was told, held and delivered; exit code 1 if anything is amiss.

    Over the logs that are kept, with subscriptions as they are now, from when each began: every event of a story that a
    query matches (by plain evaluation, not by the index of the stream) must be accounted for, and nothing else may be.
    What is told must be delivered by every channel, or wait, or have been given up for a reason that is on record.

        counterclaim alerts reconcile --since 24h
    """
    report = _reconciled(config, datetime.now(UTC), parse_since(since), receiver)
    if as_json:
        print(json.dumps(report.as_builtins(), ensure_ascii=False))
    else:
        for line in _lines(report):
            print(line)
    raise typer.Exit(1 if report.differences else 0)


def _reconciled(config: Path | None, now: datetime, back: timedelta, receiver: Path | None) -> Report:
    configuration = load_all(config_dir(config), os.environ)
    servers, begin = configuration.settings.kafka.servers, now - back
    received = None
    if receiver is not None:
        ((_, data),) = read_files([receiver])
        try:
            received = received_ids(data.decode(errors="replace").splitlines(), json.loads)
        except ValueError as error:
            raise UsageError(f"{receiver}: {error}") from error
    wanted, written = _subscriptions(servers)
    accounts = Accounts(
        subscriptions=wanted,
        owner_of=Sources(configuration.outlets).owner,
        since=begin,
        until=now,
        states={one.id: one for one in _table(servers, SUBSCRIPTION_STATE, subscription_states)},
        written=written,
    )
    # Along the path: what had happened when it was read has had the more time to arrive further on.
    for told in _read(servers, STORY_EVENTS, story_events, begin):
        accounts.happened(told)
    for alert in _read(servers, ALERTS, alerts, begin):
        accounts.decided(alert)
    for delivery in _read(servers, DELIVERIES, deliveries, begin):
        accounts.attempted(delivery)
    return accounts.reconciled(received)


def _subscriptions(servers: Sequence[str]) -> tuple[dict[str, Subscription], dict[str, datetime]]:
    """The live ones, and when each was last written."""
    found: dict[str, Subscription] = {}
    written: dict[str, datetime] = {}
    for message in read_log(servers, SUBSCRIPTIONS):
        name = (message.key or b"").decode(errors="replace")
        found.pop(name, None)
        written[name] = message.timestamp
        with suppress(RecordError):
            if message.value is not None and live(one := subscriptions.decode(message.value)):
                found[name] = one
    return found, written


def _read(servers: Sequence[str], topic: str, codec: Codec[R], begin: datetime) -> Iterator[R]:
    """The records of that time; what cannot be read is left out, and said."""
    unreadable = 0
    for message in read_log(servers, topic):
        if message.value is None or message.timestamp < begin - SLACK:
            continue
        try:
            yield codec.decode(message.value)
        except RecordError:
            unreadable += 1
    if unreadable:
        print(f"{topic}: {unreadable} records cannot be read here, and are left out", file=sys.stderr)


def _table(servers: Sequence[str], topic: str, codec: Codec[R]) -> Iterator[R]:
    for value in read_table(servers, topic).values():
        with suppress(RecordError):
            yield codec.decode(value)


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.events} events of stories, {report.expected} of them wanted by a subscription"
    for title, counts in (("alerts", report.outcomes), ("deliveries", report.deliveries)):
        yield f"{title}: {', '.join(f'{number} {name}' for name, number in sorted(counts.items())) or 'none'}"
    if report.received:
        yield f"the receiver has {report.received} messages of these"
    for name in report.broken:
        yield f"subscription {name} is left out: its query cannot be read here"
    yield from map(str, report.differences)
    yield f"{len(report.differences)} differences"


def _settings(config: Path | None) -> Any:
    return load_all(config_dir(config), os.environ).settings
