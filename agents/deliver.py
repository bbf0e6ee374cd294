"""Agent `deliver`: deliver.in → alerts, deliveries, subscription-state. What matches becomes messages; each once.

What is to be sent is handed to the sender when Kafka has the deed that says so; how an attempt ended comes back on the
same topic, as the time does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec
import structlog

from agents.deliver_table import DeliverTable, Done
from agents.outbox import Outgoing
from agents.sender import Sender
from agents.stage import Clock as Now
from agents.stage import Handled, Handler, Message, bury, utc_now
from pipeline.alerts import Subscriptions
from pipeline.alerts.book import SET_BACK
from pipeline.metrics import Metrics
from pipeline.records import Attempt, Clock, DeliverInput, Match, encode
from pipeline.subscriptions.listing import live
from pipeline.topics import DELIVER_IN

log = structlog.get_logger(__name__)


LEARN_SECONDS: Final = 2.0
"""Who matches may know of a subscription before us, who follow the same topic: so long after the match we wait to hear
of it too. A thousand matches of one moment for subscriptions that are gone hold up the others no longer than one; those
of a backlog do not at all."""

LEARN_LOOK_SECONDS: Final = 0.05


def make_deliver(
    table: DeliverTable, sender: Sender, metrics: Metrics, subscriptions: Subscriptions, clock: Now = utc_now
) -> Handler[DeliverInput]:
    """The handler, over what it remembers with."""

    async def deliver(record: DeliverInput, message: Message) -> Handled:
        if isinstance(record.what, Match):
            await _learn(record.what, subscriptions, clock)
            if record.what.matched - (now := clock()) > SET_BACK:  # the clock was wrong when it was matched
                record = DeliverInput(what=msgspec.structs.replace(record.what, matched=now))
        failed = metrics.dead_letters.labels(topic=message.topic)

        def dead(error: Exception) -> Outgoing:
            log.exception("delivering failed", partition=message.partition, offset=message.offset)
            failed.inc()
            return bury(message, message.value, error)

        done = await table.take(record, message.partition, message.offset, dead)
        told = bool(done.out is not None and done.out.alerts)
        counted = _counting(metrics, table, sender, done, message.partition)
        return Handled(done.results, int(isinstance(record.what, Match)), int(told), counted)

    return deliver


async def _learn(match: Match, subscriptions: Subscriptions, clock: Now) -> None:
    """Wait until a subscription is known as live: whoever matched it knew it so."""
    waited = 0.0
    while not live(subscriptions.get(match.subscription)):
        age = (clock() - match.matched).total_seconds()
        if max(age, waited) >= LEARN_SECONDS:  # an age may be negative: of another machine's clock
            return
        await asyncio.sleep(LEARN_LOOK_SECONDS)
        waited += LEARN_LOOK_SECONDS


def clock_record(partition: int, now: datetime) -> Outgoing:
    """The record that tells a partition of `deliver.in` the time."""
    return Outgoing(DELIVER_IN, encode(DeliverInput(what=Clock(partition=partition, time=now))), b"clock", partition)


def attempt_record(attempt: Attempt) -> Outgoing:
    """The record that tells how an attempt ended, for the partition of its subscription."""
    return Outgoing(DELIVER_IN, encode(DeliverInput(what=attempt)), attempt.subscription.encode())


def _counting(metrics: Metrics, table: DeliverTable, sender: Sender, done: Done, partition: int) -> Callable[[], None]:
    def count() -> None:
        sender.offer(table.changes(partition, done.deed))
        if done.out is None:
            return
        metrics.delivery.decided(done.out)
        for subscription, channel, address, notice in done.out.disabled:
            log.error("channel disabled", subscription=subscription, channel=channel, address=address, notice=notice)
        if done.out.changed:
            metrics.delivery.disabled_channels.set(table.disabled())

    return count
