"""The delivering process on a real broker: from a match to a webhook's receiver, whatever dies on the way."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest
from msgspec.structs import replace

from pipeline.records import alerts, deliveries
from pipeline.topics import ALERTS, DELIVERIES
from tests.integration.delivering import (
    Deliverer,
    Receiver,
    matches,
    publish,
    stories,
    subscribe,
    subscription,
    webhook,
)
from tests.integration.workers import Collector, until, workers

pytestmark = pytest.mark.timeout(240)

KILLS = int(os.environ.get("COUNTERCLAIM_LOSS_RUNS", "1"))
"""Runs of the test with kills, each with a seed of its own and four kills."""

NAMES = tuple(f"desk-{number}" for number in range(8))


def told(value: bytes) -> list[str]:
    """The thread of an alert that was told."""
    alert = alerts.decode(value)
    return [alert.event.thread] if alert.outcome == "told" else []


def ended(value: bytes) -> list[str]:
    """How a delivery ended."""
    return [deliveries.decode(value).outcome]


async def test_a_match_becomes_a_signed_message(kafka: str, tmp_path: Path) -> None:
    """Once, and both topics say so; a restart on an empty disk tells it no more."""
    key = tmp_path / "key"
    one, two = Deliverer(kafka, tmp_path / "one", key), Deliverer(kafka, tmp_path / "two", key)
    those = matches(range(40), *NAMES)
    topics = {ALERTS: told, DELIVERIES: ended}
    async with Receiver() as receiver, workers(one, two), Collector(kafka, topics) as seen:
        await subscribe(kafka, *(subscription(name, webhook(receiver, key)) for name in NAMES))
        await one.start()
        await one.ready()
        await publish(kafka, those)
        await receiver.until(stories(those), one.log[-2000:])
        await seen.until(lambda: seen.seen[DELIVERIES]["delivered"] == 40, lambda: str(seen.seen[DELIVERIES]))
        assert set(seen.seen[ALERTS].values()) == {1}
        assert one.metric("counterclaim_deliveries_total") == 40
        assert await one.stop() == 0
        await two.start()
        await publish(kafka, those)
        more = matches(range(40, 48), *NAMES)
        await publish(kafka, more)
        await receiver.until(stories(more), two.log[-2000:])
        assert set(receiver.ids.values()) == {1}
        assert await two.stop() == 0


async def test_a_receiver_that_was_away_gets_what_it_missed(kafka: str, tmp_path: Path) -> None:
    """With the id of the first attempt; one that hangs does not delay it."""
    key = tmp_path / "key"
    one = Deliverer(kafka, tmp_path / "one", key, COUNTERCLAIM_ALERTS_TIMEOUT_SECONDS="30")
    those = matches(range(8), "desk-0")
    async with (
        Receiver() as receiver,
        Receiver() as hanging,
        workers(one),
        Collector(kafka, {DELIVERIES: ended}) as seen,
    ):
        hanging.status = 0
        await receiver.down()
        await subscribe(
            kafka, subscription("desk-0", webhook(receiver, key)), subscription("desk-1", webhook(hanging, key))
        )
        await publish(kafka, matches(range(100, 120), "desk-1"))
        await one.start()
        await publish(kafka, those)
        await seen.until(lambda: seen.seen[DELIVERIES]["failed"] >= 8, lambda: one.log[-2000:])
        await receiver.up()
        await receiver.until(stories(those), one.log[-2000:])
        assert hanging.ids == {}
        assert one.metric("counterclaim_deliveries_waiting") >= 20
        assert await one.stop() == 0


async def test_a_group_is_told_by_the_clock(kafka: str, tmp_path: Path) -> None:
    """After its wait, as one message, without anything else coming in; no clock goes out before or after."""
    key = tmp_path / "key"
    one = Deliverer(kafka, tmp_path / "one", key)
    async with Receiver() as receiver, workers(one):
        wanted = replace(subscription("desk-0", webhook(receiver, key)), group_wait_seconds=1.0, group_by="all")
        await subscribe(kafka, wanted)
        await one.start()
        await one.ready()
        those = [replace(one, group="all") for one in matches(range(5), "desk-0")]
        await publish(kafka, those)
        await receiver.until(stories(those), one.log[-2000:])
        assert receiver.ids.total() == 1
        assert await one.stop() == 0


@pytest.mark.loss
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(KILLS))
async def test_kill_9_with_deliveries_in_flight_loses_none(kafka: str, tmp_path: Path, seed: int) -> None:
    """Four kills at random moments: every story arrives, and what arrives twice has the same id."""
    chance, key = random.Random(seed), tmp_path / "key"
    those = matches(range(600), *NAMES)
    async with Receiver() as receiver:
        await subscribe(kafka, *(subscription(name, webhook(receiver, key)) for name in NAMES))
        await publish(kafka, those[:200])
        for kill in range(4):
            one = Deliverer(kafka, tmp_path / f"disk-{kill % 2}", key)
            async with workers(one):
                await one.start()
                await one.ready()
                await publish(kafka, those[200 + kill * 100 : 300 + kill * 100])
                await receiver.any()
                for _ in range(chance.randrange(40)):
                    await receiver.any()
                await one.stop(signal.SIGKILL)
        last = Deliverer(kafka, tmp_path / "last", key)
        async with workers(last):
            await last.start()
            await receiver.until(stories(those), last.log[-2000:])
            await until(lambda: last.metric("counterclaim_deliveries_waiting") == 0, "something waits for ever")
            assert await last.stop() == 0
        assert len(receiver.ids) == len(those), "a story came under two ids"
