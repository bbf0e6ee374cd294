"""The agent that delivers: it counts what Kafka has, hands it to the sender, and knows whom a match is for."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from agents import deliver as deliver_module
from agents.deliver import make_deliver
from agents.deliver_table import DeliverTable
from agents.sender import Sender
from pipeline.metrics import Metrics
from pipeline.records import DeliverInput, Subscription, alerts
from pipeline.topics import ALERTS, DELIVER_IN
from tests.desks import describe, desk, match
from tests.told import NOW


class Agent:
    """The handler over a dict."""

    def __init__(self) -> None:
        self.known: dict[str, Subscription] = {}
        self.metrics = Metrics(CollectorRegistry())
        channels: Any = None  # nothing is sent here
        self.sender = Sender(channels, self.known, asyncio.sleep, print, 1, 1, lambda: NOW)  # type: ignore[arg-type]
        table = DeliverTable({}, self.known, describe, timedelta(days=5))
        self.now = NOW
        self._handle = make_deliver(table, self.sender, self.metrics, self.known, lambda: self.now)
        self._offset = -1

    async def take(self, what: Any) -> Any:
        """One record."""
        self._offset += 1
        message: Any = SimpleNamespace(
            topic=DELIVER_IN, partition=0, offset=self._offset, key=b"k", value=b"", headers=[]
        )
        return await self._handle(DeliverInput(what=what), message)

    def count(self, name: str, **labels: str) -> float | None:
        """A sample."""
        return self.metrics.registry.get_sample_value(f"counterclaim_{name}", labels)


def outcomes(handled: Any) -> list[str]:
    """What became of the alerts."""
    return [alerts.decode(one.value).outcome for one in handled.results if one.topic == ALERTS]


async def test_a_subscription_that_is_not_known_yet_is_waited_for() -> None:
    """The worker follows the same topic, and may be ahead of us."""
    agent = Agent()
    taking = asyncio.create_task(agent.take(match(1)))
    await asyncio.sleep(0)
    agent.known["desk"] = desk()
    assert outcomes(await taking) == ["told"]


async def test_those_that_are_gone_hold_up_nobody() -> None:
    """A match of some seconds ago is not waited for: whoever follows the topic had the time to hear of it. So a
    thousand subscriptions that were removed at once, or a backlog of them, cost no more than one."""
    agent = Agent()
    agent.known["desk"] = desk(paused=True)
    agent.now = NOW + timedelta(seconds=deliver_module.LEARN_SECONDS)
    for number in range(200):
        gone = msgspec.structs.replace(match(number), subscription=f"gone{number}")
        assert outcomes(await asyncio.wait_for(agent.take(gone), 1)) == ["held"]
    assert outcomes(await agent.take(match(1))) == ["held"]


async def test_nobody_waits_for_the_clock_of_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A match of next year is waited for as one of now."""
    monkeypatch.setattr(deliver_module, "LEARN_SECONDS", 0.1)
    agent = Agent()
    taking = agent.take(match(1, at=NOW + timedelta(days=365)))
    assert outcomes(await asyncio.wait_for(taking, 10)) == ["held"]


async def test_a_match_of_a_clock_that_was_wrong_is_one_of_now() -> None:
    """Else what it waits for would be a year away."""
    agent = Agent()
    agent.known["desk"] = desk()
    handled = await agent.take(match(1, at=NOW + timedelta(days=365)))
    assert [alerts.decode(one.value).decided for one in handled.results if one.topic == ALERTS] == [NOW]


async def test_the_sender_and_the_metrics_hear_of_it_when_kafka_has_it() -> None:
    """Not before: what is not kept would be sent, and forgotten."""
    agent = Agent()
    agent.known["desk"] = desk()
    handled = await agent.take(match(1))
    assert (len(agent.sender), agent.count("alerts_total", outcome="told")) == (0, 0)
    handled.count()
    assert (len(agent.sender), agent.count("alerts_total", outcome="told")) == (1, 1)
    assert agent.count("alerts_told_total", event="created") == 1
