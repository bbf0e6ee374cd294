"""The poller process: configuration in, metrics out, the polling loop and the heartbeat in between."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial

import structlog
from prometheus_client import CollectorRegistry

from pipeline import logs
from pipeline.clock import SystemClock
from pipeline.errors import KafkaError
from pipeline.feeds.fetch import Fetcher
from pipeline.feeds.parser_pool import ParserPool
from pipeline.feeds.poll import Poller, Summary
from pipeline.feeds.state import load_states
from pipeline.heartbeat import beat
from pipeline.kafka import Follower, Publisher, describe_topics
from pipeline.metrics import Metrics, serve
from pipeline.pages.page_pool import PagePool
from pipeline.pages.serve import PageService, finished
from pipeline.pages.visit import PageVisits
from pipeline.ready import announce
from pipeline.settings.load import Polling
from pipeline.settings.models import Settings
from pipeline.topics import ARTICLES_RAW, PAGES_REQUESTS

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


async def run(configuration: Polling, env: Mapping[str, str], *, once: bool = False) -> tuple[Summary, bool]:
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
        beats = partial(beat, publisher, partitions, settings.heartbeat.interval_seconds, stop.event)
        beside: list[Callable[[], Coroutine[None, None, None]]] = [beats]
        if any(feed.full_text != "never" for feed in configuration.feeds):
            beside.append(partial(_serve_pages, settings, fetcher, publisher, metrics, stop.event))
        return await _run(poller, beside, stop), stop.interrupted


async def _run(poller: Poller, beside: Sequence[Callable[[], Coroutine[None, None, None]]], stop: Stop) -> Summary:
    """The loop with heartbeat and pages beside it; a bug in one ends all, and the supervisor starts them again."""
    async with asyncio.TaskGroup() as group:
        for start in beside:
            group.create_task(start())
        polling = group.create_task(poller.run(stop.event))
    return polling.result()


async def _serve_pages(
    settings: Settings, fetcher: Fetcher, publisher: Publisher, metrics: Metrics, stop: asyncio.Event
) -> None:
    """Visit the article pages that are asked for, until the stop."""
    bootstrap, clock = settings.kafka.servers, SystemClock()
    done = await asyncio.to_thread(finished, bootstrap)
    async with (
        PagePool(settings.poll.parsers, settings.poll.parse_timeout_seconds) as pool,
        Follower(bootstrap, [PAGES_REQUESTS], from_beginning=True) as requests,
    ):
        service = PageService(PageVisits(fetcher, pool, clock), publisher, metrics, clock, done)
        await service.run(requests, stop)


def _partitions(bootstrap: tuple[str, ...]) -> int:
    """How many partitions `articles.raw` really has: the heartbeat goes through each."""
    found = describe_topics(bootstrap, [ARTICLES_RAW]).get(ARTICLES_RAW)
    if found is None:
        raise KafkaError(f"there is no topic {ARTICLES_RAW}: run `counterclaim topics apply`")
    return found.partitions
