"""The app that delivers: one agent over the table of what was told, a sender beside it, and the time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import faust
import structlog

from agents.deliver import attempt_record, clock_record, make_deliver
from agents.deliver_table import DeliverTable, Partition
from agents.faust_app import LAG_INTERVAL, FaustApp
from agents.outbox import Outgoing
from agents.sender import Sender, Sends
from agents.stage import Clock, utc_now, whole
from pipeline.alerts import Subscriptions
from pipeline.alerts.post import Describe
from pipeline.metrics import Metrics
from pipeline.records import Attempt, deliver_inputs
from pipeline.settings.models import Settings
from pipeline.topics import DELIVER_IN, DELIVER_TABLE, deliver_app

log = structlog.get_logger(__name__)

LOOK_INTERVAL: Final = 0.25
"""Seconds between two looks at what is due; a group's message is that late at the most."""

CLOCK_PATIENCE: Final = timedelta(seconds=2)
"""So long a clock may be on its way before another is sent."""

STOP_SECONDS: Final = 8.0
"""What attempts under way have when the process is told to stop; the supervisor kills it after 15."""


@dataclass(frozen=True, slots=True)
class DeliverParts:
    """What delivering needs. The process makes them; tests bring their own."""

    channels: Sends
    describe: Describe
    subscriptions: Subscriptions
    metrics: Metrics
    clock: Clock = utc_now
    close: Callable[[], Awaitable[object]] | None = None
    """Called at the stop, when the sender is done with all of it."""


def create_deliver_app(
    settings: Settings, bootstrap: Sequence[str], parts: DeliverParts
) -> tuple[faust.App, Callable[[str], None]]:
    """The app, and what is to be told of a subscription's change. Nothing is started and nothing is connected yet.

    Raises:
        UnprovenFaustError: the installed Faust is not one that the recovery fix was proven on.
    """
    base = FaustApp(
        settings,
        bootstrap,
        parts.metrics,
        app_id=deliver_app(settings.worker.app_id),
        data_dir=settings.alerts.data_dir,
        clock=parts.clock,
    )
    app, alerts, delivery = base.app, settings.alerts, parts.metrics.delivery

    async def publish(attempt: Attempt) -> None:
        await (await _send(app, attempt_record(attempt)))

    sender = Sender(
        parts.channels,
        parts.subscriptions,
        publish,
        lambda error: base.crash("sender", error),
        alerts.per_endpoint,
        alerts.concurrency,
        parts.clock,
        delivery.attempted,
    )

    def load(partitions: Mapping[int, Partition]) -> None:
        sender.restore((name, row) for one in partitions.values() for name, row in one.rows.outbox)
        delivery.disabled_channels.set(table.disabled())

    rows = base.table(DELIVER_TABLE, "What subscribers were told, what waits, and what is to be delivered.")
    table = DeliverTable(
        rows, parts.subscriptions, parts.describe, timedelta(seconds=alerts.disable_after_seconds), rows.take, load
    )
    timekeeper = _Timekeeper(base, table, parts.clock)

    async def partitions_moved(_app: faust.App, _partitions: Any, **_: Any) -> None:
        timekeeper.settled = False
        table.drop()
        sender.forget()
        delivery.disabled_channels.set(0)

    async def partitions_settled(_app: faust.App, **_: Any) -> None:
        timekeeper.settled = True

    async def stop(_app: faust.App, **_: Any) -> None:
        await sender.close(min(alerts.timeout_seconds, STOP_SECONDS))
        if parts.close is not None:
            await parts.close()

    app.on_partitions_revoked.connect(partitions_moved, weak=False)
    app.on_partitions_assigned.connect(partitions_moved, weak=False)
    app.on_rebalance_complete.connect(partitions_settled, weak=False)
    app.on_before_shutdown.connect(stop, weak=False)
    base.agent(
        DELIVER_IN,
        "deliver",
        whole(deliver_inputs),
        make_deliver(table, sender, parts.metrics, parts.subscriptions, parts.clock),
    )

    async def send() -> None:  # without arguments: Faust would give it the app
        await sender.run()

    app.task(send)

    @app.timer(LOOK_INTERVAL)  # type: ignore[untyped-decorator]  # Faust is not followed by mypy
    async def look() -> None:
        await timekeeper.look()
        delivery.waiting.set(len(sender))

    @app.timer(LAG_INTERVAL)  # type: ignore[untyped-decorator]
    async def measure() -> None:
        delivery.waits_since(sender.oldest())

    return app, table.changed


class _Timekeeper:
    """Tells a partition the time when something is due there, and else never."""

    def __init__(self, base: FaustApp, table: DeliverTable, clock: Clock) -> None:
        self._base, self._table, self._clock = base, table, clock
        self._told: dict[int, datetime] = {}
        self.settled = False
        """Whether this process has its partitions and their rows."""

    async def look(self) -> None:
        if not self.settled:
            return
        await self._table.load()
        now = self._clock()
        mine = set(self._base.partitions(DELIVER_IN))
        for partition in self._table.due(now):
            there, last = self._table.partitions.get(partition), self._told.get(partition)
            if there is None:  # partitions moved while a clock was sent
                return
            ticked = there.book.ticked
            on_its_way = last is not None and (ticked is None or ticked < last) and abs(now - last) < CLOCK_PATIENCE
            if partition not in mine or on_its_way:
                continue
            self._told[partition] = now
            try:
                await _send(self._base.app, clock_record(partition, now))
            except Exception:  # the next one tells a later time, and nobody misses this one
                log.exception("a clock could not be sent", partition=partition)


async def _send(app: faust.App, record: Outgoing) -> Any:
    return await app.producer.send(record.topic, record.key, record.value, record.partition, None, None)
