"""A poller's share of the feeds, with a group and a log that are kept in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from aiohttp import web

from pipeline.feeds.listing import from_file, partition_of
from pipeline.feeds.poll import Poller
from pipeline.feeds.share import Share
from pipeline.feeds.state import fold_states
from pipeline.feeds.tenure import Alone, Terms
from pipeline.kafka import Message
from pipeline.records import FeedRecord, FeedState, encode
from pipeline.settings.checks import feed_key
from pipeline.settings.models import Feed
from pipeline.topics import FEED_STATE, FEEDS
from tests.articles import NOON
from tests.pollers import SETTINGS, LineParser, Paper, World, feed, never, running
from tests.sites import Site, answering, serving

PARTITIONS = 4


class Group:
    """What the group would tell: whether we are a member, and what is on its topic."""

    def __init__(self, world: World, listed: list[Feed]) -> None:
        self.member = True
        self.world = world
        self.terms = Terms(PARTITIONS, lambda: self.member)
        self.left: dict[str, FeedState] = {}
        self.listed = listed
        self.share: Share

    def load(self, partitions: Collection[int]) -> dict[str, FeedState]:
        """The states of these partitions: what the journal holds, or what was left by others."""
        found = self.world.journal.states | self.left
        return {url: state for url, state in found.items() if partition_of(url, PARTITIONS) in partitions}

    async def tell(self, *records: FeedRecord | tuple[str, None]) -> None:
        """Records arrive."""
        await self.share.records([message(record) for record in records])

    async def give(self, *partitions: int, generation: int = 1) -> None:
        """Partitions are ours, and read to their end."""
        await self.share.caught_up(frozenset(partitions), generation)

    async def take(self, *partitions: int) -> None:
        """Partitions are somebody else's soon."""
        await self.share.revoked(frozenset(partitions))


def message(record: FeedRecord | tuple[str, None]) -> Message:
    """As it comes from the topic."""
    url, value = (record[0], None) if isinstance(record, tuple) else (record.url, encode(record))
    key = feed_key(url)
    return Message(FEEDS, partition_of(key, PARTITIONS), 0, NOON, key.encode(), value, ())


@asynccontextmanager
async def sharing(world: World, *listed: Feed) -> AsyncIterator[Group]:
    """A poller that runs, and has nothing yet."""
    group = Group(world, list(listed))
    async with world.fetcher() as fetcher:
        poller = Poller(
            SETTINGS,
            (),
            {},
            fetcher=fetcher,
            parser=LineParser(),
            publisher=world.journal,
            metrics=world.metrics,
            tenure=group.terms,
            clock=world.clock,
            stop_grace_seconds=0.05,
        )
        group.share = Share(
            poller,
            group.terms,
            partitions=PARTITIONS,
            listed=listed,
            load=group.load,
            publisher=world.journal,
            metrics=world.metrics,
            clock=world.clock,
        )
        async with running(poller):
            yield group


@pytest.fixture
def world() -> World:
    """A fresh one."""
    return World()


async def polled(world: World, site: Site, polls: int) -> None:
    """Let time pass until so many polls were kept."""
    await world.clock.until_asleep()
    world.clock.turn(5)
    await world.journal.until(lambda: world.journal.holds(polls))
    assert len(site.requests) >= polls


def everywhere() -> tuple[int, ...]:
    """All partitions."""
    return tuple(range(PARTITIONS))


async def test_what_is_given_is_polled_and_signed(world: World) -> None:
    """With the group's generation; paused and removed feeds are left alone."""
    async with serving(Paper("1 one")) as site, sharing(world) as group:
        record = from_file(feed(f"{site.url}/a"))
        paused = msgspec.structs.replace(from_file(feed(f"{site.url}/b")), paused=True)
        removed = msgspec.structs.replace(from_file(feed(f"{site.url}/c")), removed=True)
        await group.tell(record, paused, removed)
        await group.give(*everywhere(), generation=7)
        await polled(world, site, 1)
        assert [request.path for request in site.requests] == ["/a"]
        assert [state.generation for state in world.journal.polled] == [7]
        assert world.sample("poll_partitions") == PARTITIONS
        assert world.sample("feeds", state="ok") == 1


async def test_the_state_that_the_last_poller_left_is_used(world: World) -> None:
    """Nothing is asked early, and the count goes on from what is signed already."""
    async with serving(Paper("1 one")) as site:
        await world.once(feed(site.url))
        left = msgspec.structs.replace(world.journal.states[site.url], generation=40)
        async with sharing(world) as group:
            group.left = {site.url: left}
            await group.tell(from_file(feed(site.url)))
            await group.give(*everywhere(), generation=2)
            await world.clock.until_asleep()
            world.clock.turn(590)
            await world.clock.until_asleep()
            assert len(site.requests) == 1
            world.clock.turn(100)
            await world.journal.until(lambda: world.journal.holds(2))
    assert world.journal.polled[-1].generation == 41
    assert world.journal.polled[-1].outcome == "not_modified"


async def test_what_is_taken_is_dropped_at_once(world: World) -> None:
    """A poll in flight is ended, nothing of it is remembered, and its feed is not asked again."""
    async with serving(never) as site, sharing(world) as group:
        await group.tell(from_file(feed(site.url)))
        await group.give(*everywhere())
        await world.clock.until_asleep()
        world.clock.turn(5)
        while not site.requests:
            await asyncio.sleep(0)
        await group.take(*everywhere())
        assert world.sample("feeds", state="new") == 0
        assert world.sample("poll_partitions") == 0
        assert world.sample("stage_in_progress", stage="poll") == 0
        world.clock.turn(10_000)
    assert len(site.requests) == 1
    assert world.journal.records == []


async def test_a_share_comes_back_with_what_others_did_to_it(world: World) -> None:
    """States are read again: the ones from before are old."""
    async with serving(Paper("1 one")) as site, sharing(world) as group:
        record = from_file(feed(site.url))
        await group.tell(record)
        await group.give(*everywhere())
        await polled(world, site, 1)
        await group.take(*everywhere())
        other = msgspec.structs.replace(world.journal.states[site.url], etag='"theirs"', generation=3)
        group.left = {site.url: other}
        await group.tell(record)
        await group.give(*everywhere(), generation=4)
        await world.clock.until_asleep()
        world.clock.turn(700)
        await world.journal.until(lambda: world.journal.holds(2))
    assert site.requests[-1].headers["If-None-Match"] == '"theirs"'
    assert world.journal.polled[-1].generation == 4


async def test_changes_are_followed(world: World) -> None:
    """Added, paused, resumed, removed, deleted; what is known of a feed outlives its pause."""
    async with serving(Paper("1 one")) as site, sharing(world) as group:
        await group.give(*everywhere())
        record = from_file(feed(site.url))
        await group.tell(record)
        await polled(world, site, 1)
        await group.tell(msgspec.structs.replace(record, paused=True))
        assert world.sample("feeds", state="ok") == 0
        world.clock.turn(10_000)
        await group.tell(record)
        await world.clock.until_asleep()
        world.clock.turn(1)
        await world.journal.until(lambda: world.journal.holds(2))
        assert world.journal.polled[-1].outcome == "not_modified"
        await group.tell((site.url, None))
        assert world.sample("feeds", state="ok") == 0
        world.clock.turn(10_000)
    assert len(site.requests) == 2


async def test_the_same_record_again_disturbs_nothing(world: World) -> None:
    """Every start writes differences only, but two may start at once: a poll in flight goes on."""
    release = asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        await release.wait()
        return web.Response(text="1 one")

    async with serving(slow) as site, sharing(world) as group:
        await group.give(*everywhere())
        await group.tell(from_file(feed(site.url)))
        await world.clock.until_asleep()
        world.clock.turn(5)
        while not site.requests:
            await asyncio.sleep(0)
        await group.tell(from_file(feed(site.url)))
        release.set()
        await world.journal.until(lambda: world.journal.holds(1))
    assert len(site.requests) == 1


async def test_a_lapsed_member_remembers_nothing_and_asks_nothing(world: World) -> None:
    """A poll that was in flight is done again, when the feed is surely ours; articles are published at once."""
    group: Group

    async def lapse(_request: web.Request) -> web.Response:
        group.member = False
        return web.Response(text="1 one")

    async with serving(lapse) as site, sharing(world) as group:
        await group.give(*everywhere())
        await group.tell(from_file(feed(site.url)))
        await world.clock.until_asleep()
        world.clock.turn(5)
        await world.journal.until(lambda: len(world.journal.records) == 1)
        await world.clock.until_asleep()
        for _ in range(5):
            world.clock.turn(1000)
            await world.clock.until_asleep()
        assert len(site.requests) == 1
        assert world.journal.polled == []
        assert world.sample("polls_total", outcome="unpublished") == 1
        site.handler = answering(b"1 one")
        group.member = True
        world.clock.turn(2)
        await world.journal.until(lambda: world.journal.holds(1))
    assert len(site.requests) == 2


async def test_a_list_that_was_lost_is_put_back(world: World) -> None:
    """A broker that keeps nothing was started again: its topic is empty, and the file is not."""
    async with serving(Paper("1 one")) as site, sharing(world, feed(site.url)) as group:
        await group.give(*everywhere())
        ((topic, key, value),) = world.journal.records
        assert (topic, key) == (FEEDS, feed_key(site.url).encode())
        assert msgspec.json.decode(value, type=FeedRecord) == from_file(feed(site.url))
        await group.take(*everywhere())
        await group.tell(from_file(feed(site.url)))
        await group.give(*everywhere(), generation=2)
        assert len(world.journal.records) == 1


async def test_resuming_asks_a_gone_feed_again(world: World) -> None:
    """A 410 stops a feed until somebody says otherwise."""
    async with serving(answering(b"", 410)) as site, sharing(world) as group:
        await group.give(*everywhere())
        record = from_file(feed(site.url))
        await group.tell(record)
        await polled(world, site, 1)
        assert world.sample("feeds", state="gone") == 1
        world.clock.turn(100_000)
        site.handler = Paper("1 one")
        await group.tell(msgspec.structs.replace(record, resumed=world.clock.now()))
        await world.clock.until_asleep()
        world.clock.turn(1)
        await world.journal.until(lambda: world.journal.holds(2))
    assert world.journal.polled[-1].outcome == "changed"


async def test_an_unreadable_record_costs_itself(world: World) -> None:
    """What was known of the feed holds."""
    async with serving(Paper("1 one")) as site, sharing(world) as group:
        await group.give(*everywhere())
        record = from_file(feed(site.url))
        await group.tell(record)
        await group.share.records([_broken(message(record))])
        await polled(world, site, 1)
        assert world.sample("feeds", state="ok") == 1


def _broken(good: Message) -> Message:
    return Message(good.topic, good.partition, 1, good.timestamp, good.key, b"{", ())


def kept(generation: int, etag: str, url: str = "https://a.example/") -> FeedState:
    """A state that tells who wrote it."""
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    return FeedState(
        url=url, last_poll=moment, next_poll=moment, reason="", outcome="changed", etag=etag, generation=generation
    )


def fold(*records: tuple[FeedState, int | None]) -> dict[str, str]:
    """ETags by feed; a place of None is the right one."""
    messages: list[Any] = [
        Message(
            FEED_STATE,
            partition_of(state.url, PARTITIONS) if place is None else place,
            offset,
            NOON,
            state.url.encode(),
            encode(state),
            (),
        )
        for offset, (state, place) in enumerate(records)
    ]
    return {url: state.etag for url, state in fold_states(messages, PARTITIONS).items()}


def test_a_state_of_an_older_generation_is_ignored() -> None:
    """It came late, from a poller that had lost the feed; of the same generation the last counts."""
    assert fold((kept(5, "old"), None), (kept(6, "new"), None), (kept(5, "late"), None)) == {
        "https://a.example/": "new"
    }
    assert fold((kept(6, "first"), None), (kept(6, "second"), None)) == {"https://a.example/": "second"}


def test_a_state_in_another_partition_is_ignored() -> None:
    """From before feeds were divided by host, or after the number of partitions was changed."""
    wrong = (partition_of("https://a.example/", PARTITIONS) + 1) % PARTITIONS
    assert fold((kept(0, "right"), None), (kept(9, "wrong"), wrong)) == {"https://a.example/": "right"}
    assert fold((kept(0, "wrong"), wrong)) == {}


def test_terms_grow_even_if_the_group_was_forgotten() -> None:
    """Kafka forgets a group that was empty for long, and counts from 1 again."""
    member = True
    terms = Terms(PARTITIONS, lambda: member)
    url = "https://a.example/"
    home = partition_of(url, PARTITIONS)
    assert (terms.generation(url), terms.partition(url)) == (None, home)
    terms.take(home, 3, newest=2)
    assert terms.generation(url) == 3
    terms.take(home, 1, newest=57)
    assert terms.generation(url) == 58
    member = False
    assert (terms.generation(url), terms.holds()) == (None, False)
    member = True
    terms.give_up(home)
    assert (terms.generation(url), terms.count) == (None, 0)


def test_alone_everything_is_ours() -> None:
    """A round by hand writes to where the group looks."""
    assert Alone(PARTITIONS).partition("https://a.example/") == partition_of("https://a.example/", PARTITIONS)
    assert (Alone().partition("https://a.example/"), Alone().generation("x"), Alone().holds()) == (None, 0, True)
