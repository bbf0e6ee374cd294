"""The delivering process by itself: what a delivery costs, how many a second, and beside endpoints that hang.

For the last, each story is for two subscriptions. The first's endpoint answers at once; the second's answers, too, or
hangs, in turn. Timed is the first. At last many endpoints hang at once, as many as would take every place there is if
each took those of one endpoint.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.alerting.receivers import Receivers, webhooks
from bench.polling.processes import own_seconds
from pipeline.broker import open_broker
from pipeline.kafka import Publisher, apply_topics
from pipeline.records import DeliverInput, encode, message_id
from pipeline.records.alert import alert_id
from pipeline.sealing import Seals
from pipeline.topics import DELIVER_IN, topics
from tests.desks import match
from tests.integration.delivering import Deliverer, subscribe, subscription
from tests.integration.workers import until, workers

ENDPOINTS: Final = 8
SUBSCRIPTIONS: Final = 1000
WARM_UP: Final = 100
ROUNDS: Final = 2
MANY: Final = 60
RATE: Final = 20.0
"""Stories a second, each delivered twice."""


@dataclass
class Alone:
    """What was measured."""

    deliveries: int = 0
    lost: int = 0
    us_a_delivery: int = 0
    """CPU of the process with all its threads, microseconds."""
    deliveries_a_second: float = 0
    beside_answering_p50: float = 0
    """Seconds from a match to its webhook, while another endpoint gets as much and answers."""
    beside_answering_p99: float = 0
    beside_hanging_p50: float = 0
    beside_hanging_p99: float = 0
    ratio_p50: float = 0
    ratio_p99: float = 0
    many_hanging: int = 0
    """Endpoints."""
    beside_many_hanging_p50: float = 0
    beside_many_hanging_p99: float = 0
    hung: int = 0
    """Requests that were never answered."""


async def measure(directory: Path, count: int, seconds: float) -> Alone:
    """``count`` deliveries at once; then two times two rounds of ``seconds``."""
    result = Alone(count, many_hanging=MANY)
    async with (
        open_broker("embedded", port=0, data_dir=directory / "kafka") as broker,
        Receivers(ENDPOINTS, MANY) as there,
    ):
        bootstrap, key_file = broker.bootstrap, directory / "secret.key"
        await asyncio.to_thread(apply_topics, [bootstrap], topics())
        seals = Seals.open(key_file, create=True)
        channels, hanging = webhooks(there.urls, seals), webhooks(there.hanging, seals)
        await subscribe(
            bootstrap,
            *(subscription(f"desk-{one}", channels[one % ENDPOINTS]) for one in range(SUBSCRIPTIONS)),
            subscription("answering", channels[1]),
            *(subscription(f"hanging-{one}", channel) for one, channel in enumerate(hanging)),
        )
        deliver = Deliverer(bootstrap, directory / "deliver", key_file)
        async with workers(deliver), Publisher([bootstrap]) as publisher:
            await deliver.start()
            await deliver.ready()
            tell = _Teller(publisher)
            await there.all(await tell.burst(WARM_UP), 60)
            await _settled(deliver)

            began, spent = asyncio.get_running_loop().time(), own_seconds(deliver.pid)
            wanted = await tell.burst(count)
            result.lost = await there.all(wanted, 120)
            result.deliveries_a_second = round(count / (asyncio.get_running_loop().time() - began), 1)
            await _settled(deliver)
            result.us_a_delivery = round(1e6 * (own_seconds(deliver.pid) - spent) / count)

            took: dict[str, list[float]] = {"answering": [], "hanging-0": [], "many": []}
            for beside in ["answering", "hanging-0"] * ROUNDS + ["many"]:
                if beside == "many":
                    await tell.all([f"hanging-{one}" for one in range(MANY) for _ in range(4)])
                sent = await tell.steadily(seconds, "answering" if beside == "many" else beside)
                result.lost += await there.all(sent, 60)
                took[beside] += [(there.arrived[one] - at).total_seconds() for one, at in sent.items()]
            result.hung = there.hung
    result.beside_answering_p50, result.beside_answering_p99 = _shares(took["answering"])
    result.beside_hanging_p50, result.beside_hanging_p99 = _shares(took["hanging-0"])
    result.beside_many_hanging_p50, result.beside_many_hanging_p99 = _shares(took["many"])
    result.ratio_p50 = round(result.beside_hanging_p50 / result.beside_answering_p50, 2)
    result.ratio_p99 = round(result.beside_hanging_p99 / result.beside_answering_p99, 2)
    return result


class _Teller:
    """Puts matches on `deliver.in`, each of a story of its own."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher, self._number = publisher, 0

    async def burst(self, count: int) -> dict[str, datetime]:
        """Many at once, for the desks in turn; webhook-id → when it was sent."""
        return await self.all([f"desk-{one % SUBSCRIPTIONS}" for one in range(count)])

    async def all(self, names: Sequence[str]) -> dict[str, datetime]:
        """A story for each of these subscriptions, at once; webhook-id → when it was sent."""
        now, sends = datetime.now(UTC), {}
        for name in names:
            self._number += 1
            message, send = self._send(name, now)
            sends[message] = send
        await asyncio.gather(*sends.values())
        return dict.fromkeys(sends, now)

    async def steadily(self, seconds: float, beside: str) -> dict[str, datetime]:
        """At `RATE`, and each time one beside it; webhook-id → when it was sent, without those beside."""
        loop = asyncio.get_running_loop()
        began, sent, tasks = loop.time(), dict[str, datetime](), []
        for index in range(round(seconds * RATE)):
            await asyncio.sleep(max(0.0, began + index / RATE - loop.time()))
            now = datetime.now(UTC)
            self._number += 1
            _, other = self._send(beside, now)
            name, send = self._send(f"desk-{self._number * ENDPOINTS % SUBSCRIPTIONS}", now)
            sent[name] = now
            tasks += [loop.create_task(other), loop.create_task(send)]
        await asyncio.gather(*tasks)
        return sent

    def _send(self, subscription: str, now: datetime) -> tuple[str, Coroutine[Any, Any, object]]:
        one = match(self._number, at=now, subscription=subscription)
        value = encode(DeliverInput(what=one))
        name = message_id(subscription, "story.new", [alert_id(subscription, one.event.id)])
        return name, self._publisher.send(DELIVER_IN, value, key=subscription.encode())


async def _settled(deliver: Deliverer) -> None:
    """Wait until everything that was delivered is recorded."""
    await until(lambda: deliver.metric("counterclaim_deliveries_waiting") == 0, deliver.log[-3000:])


def _shares(some: Sequence[float]) -> tuple[float, float]:
    return round(median(some), 3), round(sorted(some)[int(0.99 * len(some))], 3)
