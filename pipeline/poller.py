"""The poller process: configuration in, metrics out; polling loop, page service, their shares, heartbeat between.

At its start a poller applies the operator's file to the list that all pollers share (`pipeline.feeds.listing`), then
joins the group that divides it, and the pages of its hosts with it. A single round (`once`) joins no group: it polls
whatever is due of the whole list, then visits the pages that wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from prometheus_client import CollectorRegistry

from pipeline import logs
from pipeline.clock import SystemClock
from pipeline.errors import CounterclaimError, KafkaError
from pipeline.feeds.fetch import Fetcher
from pipeline.feeds.listing import applied, as_feed, reconcile, wanted
from pipeline.feeds.parser_pool import ParserPool
from pipeline.feeds.poll import Poller, Summary
from pipeline.feeds.queue import HostSlots
from pipeline.feeds.share import Share
from pipeline.feeds.shared import count_partitions, read_list, write_list
from pipeline.feeds.state import load_states
from pipeline.feeds.tenure import Alone, Tenure, Terms
from pipeline.heartbeat import beat
from pipeline.kafka import Follower, Membership, Message, Publisher, describe_topics
from pipeline.metrics import Metrics, serve
from pipeline.pages.page_pool import PagePool
from pipeline.pages.serve import PageService, Past
from pipeline.pages.share import PageShare, load_past, waiting
from pipeline.pages.visit import PageVisits
from pipeline.ready import announce
from pipeline.records import FeedState
from pipeline.settings.load import Polling
from pipeline.settings.models import Feed, Settings
from pipeline.stopping import Stop
from pipeline.topics import ARTICLES_RAW, FEEDS, PAGES_REQUESTS, poll_group

PAGES_ONCE: Final = timedelta(minutes=5)
"""How long a single round begins visits to pages: some 150 of one host, two seconds apart. The rest waits for the next
round, or for a poller."""

STATE_LINGER_MS: Final = 50
"""What is remembered of feeds is collected for so long (`Publisher`): nobody waits for it but the next poll of the same
host. With forty polls a second that is two or three records in a request instead of one."""

log = structlog.get_logger(__name__)


def publisher_of_states(bootstrap: Sequence[str]) -> Publisher:
    """One for what is remembered of feeds. A state is mostly hashes: 4 kB become 3 by 90 µs of gzip."""
    return Publisher(bootstrap, linger_ms=STATE_LINGER_MS, gzip=False)


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
        states_publisher = await stack.enter_async_context(publisher_of_states(bootstrap))
        beats = await asyncio.to_thread(_partitions, bootstrap)
        partitions = await asyncio.to_thread(count_partitions, bootstrap)
        known = await asyncio.to_thread(read_list, bootstrap)
        changes = reconcile(configuration.feeds, known)
        await write_list(publisher, changes, partitions)
        fetcher = await stack.enter_async_context(Fetcher(settings.poll))
        limits = (settings.poll.parsers, settings.poll.parse_timeout_seconds)
        pool = ParserPool(*limits, on_loss=lambda why: metrics.workers_lost.labels("parsing", why).inc())
        stack.push_async_callback(pool.close)
        pages = await stack.enter_async_context(
            PagePool(*limits, on_loss=lambda why: metrics.workers_lost.labels("reading", why).inc())
        )
        slots = HostSlots(settings.poll.per_host)
        tools = _Tools(settings, fetcher, pool, pages, publisher, states_publisher, metrics, partitions, slots)
        announce(exporter.url, env)
        feeds = [as_feed(record) for record in applied(known, changes).values() if wanted(record)]
        log.info("ready", feeds=len(feeds), listed=len(configuration.feeds), metrics=exporter.url)
        if once:
            return await _once(tools, feeds, stop.event), stop.interrupted
        return await _run(tools, configuration.feeds, beats, stop), stop.interrupted


@dataclass(frozen=True, slots=True)
class _Tools:
    """What a poller works with."""

    settings: Settings
    fetcher: Fetcher
    parser: ParserPool
    page_pool: PagePool
    publisher: Publisher
    states_publisher: Publisher
    metrics: Metrics
    partitions: int
    slots: HostSlots

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
            states_publisher=self.states_publisher,
            tenure=tenure,
            slots=self.slots,
        )

    def pages(self, tenure: Tenure) -> PageService:
        """One that visits pages, with the fetcher and the places at hosts that the feeds are polled with."""
        clock = SystemClock()
        visits = PageVisits(self.fetcher, self.page_pool, clock)
        return PageService(visits, self.publisher, self.metrics, clock, tenure=tenure, slots=self.slots)


@dataclass(frozen=True, slots=True)
class _Shares:
    """What the group gives and takes is feeds, and with them the pages of their hosts. A `pipeline.kafka.Reader`."""

    feeds: Share
    pages: PageShare

    async def records(self, messages: Sequence[Message]) -> None:
        await self.feeds.records(messages)

    async def caught_up(self, partitions: frozenset[int], generation: int) -> None:
        await self.feeds.caught_up(partitions, generation)
        await self.pages.taken(partitions)

    async def revoked(self, partitions: frozenset[int]) -> None:
        await asyncio.gather(self.feeds.revoked(partitions), self.pages.revoked(partitions))


async def _once(tools: _Tools, feeds: Sequence[Feed], stop: asyncio.Event) -> Summary:
    """Every due feed, then the pages that wait, those that this round asked for among them."""
    bootstrap, alone = tools.settings.kafka.servers, Alone(tools.partitions)
    states = await asyncio.to_thread(load_states, bootstrap, tools.partitions)
    summary = await tools.poller(feeds, states, alone).run_once(stop)
    requests = await asyncio.to_thread(waiting, bootstrap)
    if not requests:
        return summary
    pages = tools.pages(alone)
    past = await asyncio.to_thread(load_past, bootstrap, range(tools.partitions))
    for number in range(tools.partitions):
        pages.begin(number, past.get(number, Past()))
    for request in requests:
        pages.ask(request)
    await pages.run_once(stop, SystemClock().now() + PAGES_ONCE)
    return replace(summary, pages=pages.outcomes, pages_left=len(pages))


async def _run(tools: _Tools, listed: Sequence[Feed], beats: int, stop: Stop) -> Summary:
    """The loop with group, heartbeat and pages beside it; a bug in one ends all, and the supervisor starts us again.

    The group is left only when the last poll has ended: until then the feeds are ours.
    """
    settings, bootstrap = tools.settings, tools.settings.kafka.servers
    membership = Membership(
        bootstrap, poll_group(settings.worker.app_id), FEEDS, session_seconds=settings.poll.session_timeout_seconds
    )
    terms = Terms(tools.partitions, membership.holds)
    poller = tools.poller((), {}, terms)
    feeds = Share(
        poller,
        terms,
        partitions=tools.partitions,
        listed=listed,
        load=lambda numbers: load_states(bootstrap, tools.partitions, numbers),
        publisher=tools.publisher,
        metrics=tools.metrics,
    )
    pages = tools.pages(terms)
    requests = Follower(bootstrap, [PAGES_REQUESTS], from_beginning=True, only=())
    shares = _Shares(feeds, PageShare(pages, requests, partial(load_past, bootstrap)))
    leave = asyncio.Event()
    try:
        async with requests, asyncio.TaskGroup() as group:
            group.create_task(beat(tools.publisher, beats, settings.heartbeat.interval_seconds, stop.event))
            group.create_task(membership.run(shares, leave))
            group.create_task(pages.run(requests, stop.event))
            summary = await group.create_task(poller.run(stop.event))
            leave.set()
    except BaseExceptionGroup as errors:
        if isinstance(errors.exceptions[0], CounterclaimError):
            raise errors.exceptions[0] from errors
        raise
    return summary


def _partitions(bootstrap: tuple[str, ...]) -> int:
    """How many partitions `articles.raw` really has: the heartbeat goes through each."""
    found = describe_topics(bootstrap, [ARTICLES_RAW]).get(ARTICLES_RAW)
    if found is None:
        raise KafkaError(f"there is no topic {ARTICLES_RAW}: run `counterclaim topics apply`")
    return found.partitions
