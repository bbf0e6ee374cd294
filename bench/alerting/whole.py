"""The real worker and the real delivering process on the embedded broker: from the fetch to the webhook."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from bench.alerting.receivers import Receivers, webhooks
from bench.alerting.stories import article, expected, subscription
from bench.polling.processes import own_seconds
from pipeline.broker import open_broker
from pipeline.feeds.publish import publish
from pipeline.kafka import Publisher, apply_topics, read_log
from pipeline.records import (
    Match,
    alerts,
    batches,
    deliver_inputs,
    deliveries,
    flagged,
    thread_events,
)
from pipeline.sealing import Seals
from pipeline.topics import (
    ALERTS,
    ARTICLES_DEDUPED,
    ARTICLES_FRESH,
    DELIVER_IN,
    DELIVERIES,
    FLAGS,
    THREAD_EVENTS,
    topics,
)
from tests.integration.delivering import Deliverer, subscribe
from tests.integration.workers import Worker, until, workers

ENDPOINTS: Final = 8
WARM_UP: Final = 20
"""Stories before the first that is timed: imports, the language detector, connections."""

LOST_SECONDS: Final = 60.0
"""What has not come so long after the last story is lost."""

STAGES: Final = (
    "fetched", "deduplicated", "copies found", "flagged", "thread found", "matched", "decided", "attempt began",
    "received",
)  # fmt: skip
"""Each is a moment; a stage's time is that since the one before."""


@dataclass
class Phase:
    """Stories at one rate, and what came of them. All times in seconds."""

    rate: float
    stories: int
    matching: int
    expected: int = 0
    lost: int = 0
    twice: int = 0
    """Webhooks that came more than once; the sender may, after a crash, and nothing crashed."""

    p50: float = 0
    p90: float = 0
    p99: float = 0
    most: float = 0
    stages_p50: dict[str, float] = field(default_factory=dict)
    stages_p99: dict[str, float] = field(default_factory=dict)
    worker_core: float = 0
    """CPU of the worker as a share of one core, while the stories came."""
    deliver_core: float = 0
    deliver_us: float = 0
    """CPU of the delivering process a delivery, in microseconds."""


async def measure(directory: Path, rates: Sequence[float], seconds: float, size: int, matching: int) -> list[Phase]:
    """``size`` subscriptions of which ``matching`` are for each story, which come at each of the rates in turn."""
    async with open_broker("embedded", port=0, data_dir=directory / "kafka") as broker, Receivers(ENDPOINTS) as there:
        bootstrap, key_file = broker.bootstrap, directory / "secret.key"
        await asyncio.to_thread(apply_topics, [bootstrap], topics())
        channels = webhooks(there.urls, Seals.open(key_file, create=True))
        subjects = size // matching
        await subscribe(
            bootstrap, *(subscription(number, subjects, channels[number % ENDPOINTS]) for number in range(size))
        )
        worker, deliver = Worker(bootstrap, directory / "worker"), Deliverer(bootstrap, directory / "deliver", key_file)
        async with workers(worker, deliver), Publisher([bootstrap]) as publisher:
            for process in (worker, deliver):
                await process.start()
                await process.ready()
            await until(lambda: worker.metric("counterclaim_subscriptions") >= size, worker.log[-3000:])
            bench = _Bench(publisher, there, subjects, size, worker, deliver)
            await bench.run(Phase(5, WARM_UP, matching))
            phases = [await bench.run(Phase(rate, max(1, round(rate * seconds)), matching)) for rate in rates]
            times = await asyncio.to_thread(_times, bootstrap, there.arrived)
            for phase, wanted in zip(phases, bench.wanted[1:], strict=True):
                _judge(phase, wanted, times)
            return phases


@dataclass
class _Bench:
    publisher: Publisher
    there: Receivers
    subjects: int
    size: int
    worker: Worker
    deliver: Deliverer
    wanted: list[dict[str, str]] = field(default_factory=list)
    """Of each phase: webhook-id → article"""
    number: int = 0

    async def run(self, phase: Phase) -> Phase:
        """Publish the stories of a phase as a poller does, each in its moment, and wait for what comes of them."""
        loop = asyncio.get_running_loop()
        began, before, wanted = loop.time(), self._cpu(), dict[str, str]()
        self.wanted.append(wanted)
        sends = set()
        for index in range(phase.stories):
            await asyncio.sleep(max(0.0, began + index / phase.rate - loop.time()))
            now = datetime.now(UTC)
            first = article(self.number, self.subjects, now)
            wanted |= dict.fromkeys(expected(first, self.number, self.subjects, self.size), first.id)
            self.number += 1
            sends.add(loop.create_task(publish(self.publisher, [first], fetched=now)))
        await asyncio.gather(*sends)
        phase.expected = len(wanted)
        phase.lost = await self.there.all(wanted, LOST_SECONDS)
        await asyncio.sleep(1)  # what was delivered is recorded
        phase.twice = sum(self.there.times[one] > 1 for one in wanted)
        spent = [after - earlier for after, earlier in zip(self._cpu(), before, strict=True)]
        phase.worker_core, phase.deliver_core = (round(one / (loop.time() - began), 3) for one in spent)
        phase.deliver_us = round(1e6 * spent[1] / max(1, phase.expected))
        return phase

    def _cpu(self) -> tuple[float, float]:
        return own_seconds(self.worker.pid), own_seconds(self.deliver.pid)


def _judge(phase: Phase, wanted: Mapping[str, str], times: Mapping[str, tuple[datetime, ...]]) -> None:
    whole = [(times[one][-1] - times[one][0]).total_seconds() for one in wanted if one in times]
    phase.p50, phase.p90, phase.p99, phase.most = (round(_share(whole, share), 3) for share in (0.5, 0.9, 0.99, 1))
    for place, stage in enumerate(STAGES[1:]):
        took = [(times[one][place + 1] - times[one][place]).total_seconds() for one in wanted if one in times]
        phase.stages_p50[stage], phase.stages_p99[stage] = round(median(took), 3), round(_share(took, 0.99), 3)


def _share(some: Sequence[float], share: float) -> float:
    return sorted(some)[min(len(some) - 1, int(share * len(some)))] if some else float("nan")


def _times(bootstrap: str, arrived: Mapping[str, datetime]) -> dict[str, tuple[datetime, ...]]:
    """The moments of `STAGES` for each webhook-id, from the records' own times (of articles that are passed on: when
    Kafka's record was made)."""
    found, matched, began = _of_articles(bootstrap), dict[tuple[str, str], datetime](), dict[str, datetime]()
    for _, value in _read(bootstrap, DELIVER_IN):
        match = deliver_inputs.decode(value).what
        if isinstance(match, Match):
            matched.setdefault((match.subscription, match.story.thread), match.matched)
    for _, value in _read(bootstrap, DELIVERIES):
        delivery = deliveries.decode(value)
        began.setdefault(delivery.message.id, delivery.began)
    times = {}
    for made, value in _read(bootstrap, ALERTS):
        alert = alerts.decode(value)
        if alert.message in arrived:
            moments = (
                matched[alert.subscription, alert.story.thread], made, began[alert.message], arrived[alert.message],
            )  # fmt: skip
            times[alert.message] = (*(found[alert.story.thread][stage] for stage in STAGES[:5]), *moments)
    return times


def _of_articles(bootstrap: str) -> dict[str, dict[str, datetime]]:
    """The first five moments for each article; its story has its id."""
    found: dict[str, dict[str, datetime]] = defaultdict(dict)
    for stage, topic in ((STAGES[1], ARTICLES_FRESH), (STAGES[2], ARTICLES_DEDUPED)):
        for made, value in _read(bootstrap, topic):
            for one in batches.decode(value).articles:
                found[one.id].setdefault(STAGES[0], one.fetched)
                found[one.id].setdefault(stage, made)
    for _, value in _read(bootstrap, FLAGS):
        story = flagged.decode(value)
        found[story.article.id].setdefault(STAGES[3], story.flagged)
    for _, value in _read(bootstrap, THREAD_EVENTS):
        event = thread_events.decode(value)
        found[event.thread].setdefault(STAGES[4], event.processed)
    return found


def _read(bootstrap: str, topic: str) -> Iterator[tuple[datetime, bytes]]:
    """When each record was made, and its value."""
    return ((message.timestamp, message.value or b"") for message in read_log([bootstrap], topic))
