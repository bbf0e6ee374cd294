"""The poller process: configuration in, metrics out; the polling loop, its share and the heartbeat between.

At its start a poller applies the operator's file to the list that all pollers share (`pipeline.feeds.listing`), then
joins the group that divides it. A single round (`once`) joins no group: it polls whatever is due of the whole list.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

import structlog
from prometheus_client import CollectorRegistry

from pipeline import logs
from pipeline.clock import SystemClock
from pipeline.errors import CounterclaimError, KafkaError
from pipeline.feeds.fetch import Fetcher
from pipeline.feeds.listing import applied, as_feed, reconcile, wanted
from pipeline.feeds.parser_pool import ParserPool
from pipeline.feeds.poll import Poller, Summary
from pipeline.feeds.share import Share
from pipeline.feeds.shared import count_partitions, read_list, write_list
from pipeline.feeds.state import load_states
from pipeline.feeds.tenure import Alone, Tenure, Terms
from pipeline.heartbeat import beat
from pipeline.kafka import Follower, Membership, Publisher, describe_topics
from pipeline.metrics import Metrics, serve
from pipeline.pages.page_pool import PagePool
from pipeline.pages.serve import PageService, finished
from pipeline.pages.visit import PageVisits
from pipeline.ready import announce
from pipeline.records import FeedState
from pipeline.settings.load import Polling
from pipeline.settings.models import Feed, Settings
from pipeline.topics import ARTICLES_RAW, FEEDS, PAGES_REQUESTS, poll_group

Beside = Callable[[], Coroutine[None, None, None]]
"""What runs beside the polling loop."""

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
        beats = await asyncio.to_thread(_partitions, bootstrap)
        partitions = await asyncio.to_thread(count_partitions, bootstrap)
        known = await asyncio.to_thread(read_list, bootstrap)
        changes = reconcile(configuration.feeds, known)
        await write_list(publisher, changes, partitions)
        fetcher = await stack.enter_async_context(Fetcher(settings.poll))
        pool = ParserPool(settings.poll.parsers, settings.poll.parse_timeout_seconds)
        stack.push_async_callback(pool.close)
        tools = _Tools(settings, fetcher, pool, publisher, metrics, partitions)
        announce(exporter.url, env)
        feeds = [as_feed(record) for record in applied(known, changes).values() if wanted(record)]
        log.info("ready", feeds=len(feeds), listed=len(configuration.feeds), metrics=exporter.url)
        if once:
            states = await asyncio.to_thread(load_states, bootstrap, partitions)
            return await tools.poller(feeds, states, Alone(partitions)).run_once(stop.event), stop.interrupted
        beside: list[Beside] = [partial(beat, publisher, beats, settings.heartbeat.interval_seconds, stop.event)]
        if any(feed.full_text != "never" for feed in (*feeds, *configuration.feeds)):
            beside.append(partial(_serve_pages, settings, fetcher, publisher, metrics, stop.event))
        return await _run(tools, configuration.feeds, beside, stop), stop.interrupted


@dataclass(frozen=True, slots=True)
class _Tools:
    """What a poller works with."""

    settings: Settings
    fetcher: Fetcher
    parser: ParserPool
    publisher: Publisher
    metrics: Metrics
    partitions: int

    def poller(self, feeds: Sequence[Feed], states: dict[str, FeedState], tenure: Tenure) -> Poller:
        """One that polls these feeds to begin with."""
        return Poller(
            self.settings.poll,
            feeds,
            states,
            fetcher=self.fetcher,
            parser=self.parser,
            publisher=self.publisher,
            metrics=self.metrics,
            tenure=tenure,
        )


async def _run(tools: _Tools, listed: Sequence[Feed], beside: Sequence[Beside], stop: Stop) -> Summary:
    """The loop with group, heartbeat and pages beside it; a bug in one ends all, and the supervisor starts us again.

    The group is left only when the last poll has ended: until then the feeds are ours.
    """
    settings, bootstrap = tools.settings, tools.settings.kafka.servers
    membership = Membership(
        bootstrap, poll_group(settings.worker.app_id), FEEDS, session_seconds=settings.poll.session_timeout_seconds
    )
    terms = Terms(tools.partitions, membership.holds)
    poller = tools.poller((), {}, terms)
    share = Share(
        poller,
        terms,
        partitions=tools.partitions,
        listed=listed,
        load=lambda numbers: load_states(bootstrap, tools.partitions, numbers),
        publisher=tools.publisher,
        metrics=tools.metrics,
    )
    leave = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            for start in beside:
                group.create_task(start())
            group.create_task(membership.run(share, leave))
            summary = await group.create_task(poller.run(stop.event))
            leave.set()
    except BaseExceptionGroup as errors:
        if isinstance(errors.exceptions[0], CounterclaimError):
            raise errors.exceptions[0] from errors
        raise
    return summary


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
