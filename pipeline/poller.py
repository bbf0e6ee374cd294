"""The poller process: configuration in, metrics out, the polling loop and the heartbeat in between."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack

import structlog
from prometheus_client import CollectorRegistry

from pipeline import logs
from pipeline.errors import KafkaError
from pipeline.feeds.fetch import Fetcher
from pipeline.feeds.parser_pool import ParserPool
from pipeline.feeds.poll import Poller, Summary
from pipeline.feeds.state import load_states
from pipeline.heartbeat import beat
from pipeline.kafka import Publisher, describe_topics
from pipeline.metrics import Metrics, serve
from pipeline.ready import announce
from pipeline.settings.load import Configuration
from pipeline.settings.models import Settings
from pipeline.topics import ARTICLES_RAW

log = structlog.get_logger(__name__)


class Stop:
    """The wish to stop, from SIGTERM or SIGINT."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.interrupted = False

    def listen(self) -> None:
        """From now on the two signals end the run instead of the process."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked, number)

    def _asked(self, number: signal.Signals) -> None:
        self.interrupted = number == signal.SIGINT
        self.event.set()


async def run(configuration: Configuration, env: Mapping[str, str], *, once: bool = False) -> tuple[Summary, bool]:
    """Poll until SIGTERM or SIGINT, or with ``once`` every due feed once. What was done, and whether SIGINT ended it.

    Raises:
        KafkaError: no broker answers, or the topics are not there.
        PortTakenError: somebody listens on the metrics port.
    """
    settings = configuration.settings
    logs.configure(settings.log, process="poll")
    bootstrap = settings.kafka.servers
    stop = Stop()
    stop.listen()
    metrics = Metrics(CollectorRegistry())
    async with AsyncExitStack() as stack:
        exporter = stack.enter_context(
            serve(metrics, settings.metrics.host, settings.metrics.poll_port, setting="metrics.poll_port")
        )
        publisher = await stack.enter_async_context(Publisher(bootstrap))
        partitions = await asyncio.to_thread(_partitions, bootstrap)
        states = await asyncio.to_thread(load_states, bootstrap)
        fetcher = await stack.enter_async_context(Fetcher(settings.poll))
        pool = ParserPool(settings.poll.parsers, settings.poll.parse_timeout_seconds)
        stack.push_async_callback(pool.close)
        poller = Poller(
            settings.poll,
            configuration.feeds,
            states,
            fetcher=fetcher,
            parser=pool,
            publisher=publisher,
            metrics=metrics,
        )
        announce(exporter.url, env)
        log.info("ready", feeds=len(configuration.feeds), known=len(states), metrics=exporter.url)
        if once:
            return await poller.run_once(stop.event), stop.interrupted
        return await _run(poller, publisher, partitions, settings, stop), stop.interrupted


async def _run(poller: Poller, publisher: Publisher, partitions: int, settings: Settings, stop: Stop) -> Summary:
    """The loop with the heartbeat beside it; a bug in one ends both, and the supervisor starts them again."""
    async with asyncio.TaskGroup() as group:
        group.create_task(beat(publisher, partitions, settings.heartbeat.interval_seconds, stop.event))
        polling = group.create_task(poller.run(stop.event))
    return polling.result()


def _partitions(bootstrap: tuple[str, ...]) -> int:
    """How many partitions `articles.raw` really has: the heartbeat goes through each."""
    found = describe_topics(bootstrap, [ARTICLES_RAW]).get(ARTICLES_RAW)
    if found is None:
        raise KafkaError(f"there is no topic {ARTICLES_RAW}: run `counterclaim topics apply`")
    return found.partitions
