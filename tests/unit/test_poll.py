"""The poller's loop: real fetches from real servers, a clock turned by hand, and a Kafka that can refuse.

Parsing is one item a line, `number text`, and a first line `ttl` asks for two hours; the real parser and broker
are in the integration tests.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

import pytest
from aiohttp import web

from pipeline.feeds.listing import partition_of
from pipeline.feeds.poll import Poller, Summary
from pipeline.records import batches, page_requests
from pipeline.topics import ARTICLES_RAW, FEED_STATE, PAGES_REQUESTS
from tests.pollers import SETTINGS, Journal, LineParser, Paper, World, feed, never, running
from tests.sites import answering, serving


@pytest.fixture
def world() -> World:
    """A fresh one."""
    return World()


async def test_articles_are_acknowledged_before_the_state_is_kept(world: World) -> None:
    """A first poll publishes the backlog, then remembers."""
    async with serving(Paper("1 one\n2 two")) as site:
        summary = await world.once(feed(site.url))
    assert [topic for topic, _, _ in world.journal.records] == [ARTICLES_RAW, FEED_STATE]
    _, key, value = world.journal.records[0]
    assert key.decode() == batches.decode(value).key
    assert world.journal.titles == ["one", "two"]
    assert summary == Summary({"changed": 1}, items=2, new=2, not_due=0)
    kept = world.journal.states[site.url]
    assert (kept.outcome, kept.failures, len(kept.seen.split())) == ("changed", 0, 2)
    assert kept.etag
    assert kept.reason == "the default interval: 600 s"


async def test_states_may_go_a_way_of_their_own_after_the_articles(world: World) -> None:
    """Nothing but them goes there, and a poll whose state was refused there is done again."""
    states = Journal()
    states.refuses = lambda _topic: len(world.journal.titles) < 2
    async with serving(Paper("1 one")) as site, world.fetcher(SETTINGS) as fetcher:
        for _ in range(2):
            poller = Poller(
                SETTINGS,
                [feed(site.url)],
                states.states,
                fetcher=fetcher,
                parser=LineParser(),
                publisher=world.journal,
                states_publisher=states,
                metrics=world.metrics,
                clock=world.clock,
            )
            await poller.run_once(asyncio.Event())
    assert [topic for topic, _, _ in world.journal.records] == [ARTICLES_RAW, ARTICLES_RAW]
    assert [topic for topic, _, _ in states.records] == [FEED_STATE]


@pytest.mark.parametrize("setting", ["never", "flagged", "always"])
async def test_the_pages_of_new_articles_are_asked_for_where_they_are_always_wanted(world: World, setting: str) -> None:
    """Once each, after the articles and before the state; every article says what its feed is set to."""
    paper = Paper("1 one\n2 two")
    async with serving(paper) as site:
        listed = feed(site.url).model_copy(update={"full_text": setting})
        await world.once(listed)
        paper.text = "2 two\n3 three"
        world.clock.turn(4000)
        await world.once(listed)
    found = [
        (key, page_requests.decode(value)) for topic, key, value in world.journal.records if topic == PAGES_REQUESTS
    ]
    urls = [(key, one.url, one.why) for key, one in found]
    wanted = [(b"herald.example", f"https://herald.example/{number}", "always") for number in (1, 2, 3)]
    assert urls == (wanted if setting == "always" else [])
    places = {place for topic, place in world.journal.places if topic == PAGES_REQUESTS}
    assert places == ({partition_of("https://herald.example/", 4)} if setting == "always" else set())
    topics = [topic for topic, _, _ in world.journal.records]
    assert topics.index(FEED_STATE) == (3 if setting == "always" else 1)
    sent = [batches.decode(value) for topic, _, value in world.journal.records if topic == ARTICLES_RAW]
    assert {article.full_text for batch in sent for article in batch.articles} == {setting}


async def test_a_304_publishes_nothing(world: World) -> None:
    """It is a success, and moves the next poll."""
    async with serving(Paper("1 one")) as site:
        await world.once(feed(site.url))
        world.clock.turn(700)
        summary = await world.once(feed(site.url))
    assert summary == Summary({"not_modified": 1}, items=0, new=0, not_due=0)
    assert world.journal.titles == ["one"]
    first, second = world.journal.polled
    assert (second.etag, second.seen, second.last_full_fetch) == (first.etag, first.seen, first.last_full_fetch)
    assert second.last_success == second.last_poll == world.clock.now() > first.last_poll
    assert second.next_poll > world.clock.now()


async def test_what_the_body_asked_for_holds_until_it_changes(world: World) -> None:
    """A 304 does not say it again, and is no reason to forget it."""
    paper = Paper("ttl\n1 one")
    async with serving(paper) as site:
        for _ in range(3):
            await world.once(feed(site.url))
            world.clock.turn(8000)
        paper.text = "1 one"
        await world.once(feed(site.url))
    waits = [(kept.next_poll - kept.last_poll).total_seconds() for kept in world.journal.polled]
    assert all(7200 <= wait <= 7920 for wait in waits[:3])
    assert waits[3] < 700


async def test_equal_bytes_are_not_parsed_again(world: World) -> None:
    """A server without validators: the body's hash tells."""
    async with serving(answering(b"1 one")) as site:
        await world.once(feed(site.url))
        world.clock.turn(4000)
        assert (await world.once(feed(site.url))).outcomes == {"unchanged": 1}
    assert world.journal.titles == ["one"]


async def test_only_new_items_and_new_texts_are_published(world: World) -> None:
    """An item that stays is not sent again, one that was changed or put back is, one that returns is not."""
    paper = Paper("1 one\n2 two")
    expected: list[str] = []
    async with serving(paper) as site:
        for text, new in [
            ("1 one\n2 two", ["one", "two"]),
            ("2 two\n3 three\n3 three", ["three"]),
            ("2 TWO: corrected\n3 three", ["TWO: corrected"]),
            ("2 two\n3 three", ["two"]),
            ("1 one\n2 two", []),
            ("", []),
            ("1 one\n2 two", []),
        ]:
            paper.text = text
            assert (await world.once(feed(site.url))).outcomes == {"changed": 1}
            expected += new
            assert world.journal.titles == expected
            world.clock.turn(4000)


async def test_items_that_are_not_made_again_are_counted_all_the_same(world: World) -> None:
    """The parser gives only what it did not know; the body's items, and the share of known ones, are those of all."""
    paper = Paper("1 one\n2 two\n3 three")
    async with serving(paper) as site:
        await world.once(feed(site.url))
        world.clock.turn(700)
        paper.text = "4 four\n1 one\n2 two\n3 third"
        assert await world.once(feed(site.url)) == Summary({"changed": 1}, items=4, new=2, not_due=0)
    kept = world.journal.states[site.url]
    assert (kept.items, kept.seen_share, kept.gaps) == (4, 0.75, 0)
    assert world.journal.titles == ["one", "two", "three", "four", "third"]


async def test_a_restart_polls_nothing_early(world: World) -> None:
    """Times come from the topic; what is not due is left alone, by a run and by a single round."""
    async with serving(Paper("1 one")) as site:
        await world.once(feed(site.url))
        world.clock.turn(590)
        assert await world.once(feed(site.url)) == Summary({}, items=0, new=0, not_due=1)
        async with world.poller(feed(site.url)) as poller, running(poller):
            await world.clock.until_asleep()
            assert len(site.requests) == 1
            world.clock.turn(100)
            await world.journal.until(lambda: len(world.journal.polled) == 2)
    assert len(site.requests) == 2


async def test_a_running_poller_keeps_to_the_times(world: World) -> None:
    """Each poll when it is due, and none between."""
    async with serving(Paper("1 one")) as site, world.poller(feed(site.url)) as poller, running(poller):
        await world.clock.until_asleep()
        world.clock.turn(5)
        for polls in (1, 2, 3):
            await world.journal.until(partial(world.journal.holds, polls))
            await world.clock.until_asleep()
            world.clock.turn(599)
            await world.clock.until_asleep()
            assert len(site.requests) == polls
            world.clock.turn(70)


async def test_a_feed_that_left_the_list_is_ignored(world: World) -> None:
    """Its state stays on the topic, in case it comes back."""
    async with serving(Paper("1 one")) as site:
        old, new = feed(f"{site.url}/old"), feed(f"{site.url}/new")
        await world.once(old)
        world.clock.turn(100_000)
        assert (await world.once(new)).polls == 1
        assert len(site.asked("/old")) == 1


async def test_another_url_is_another_feed(world: World) -> None:
    """Validators of the old address are not sent to the new one, not even where it redirects to."""
    async with serving(Paper("1 one")) as site:
        await world.once(feed(f"{site.url}/old"))
        await world.once(feed(f"{site.url}/new"))
        assert [request.headers.get("If-None-Match") for request in site.requests] == [None, None]


async def test_validators_follow_the_address_that_answered(world: World) -> None:
    """A feed that begins to redirect is fetched whole from there, then conditionally."""
    paper = Paper("1 one")
    moved = False

    async def answer(request: web.Request) -> web.Response:
        if moved and request.path == "/old":
            return web.Response(status=301, headers={"Location": "/new"})
        return await paper(request)

    async with serving(answer) as site:
        outcomes: list[str] = []
        for number in range(4):
            moved = number >= 2
            outcomes += (await world.once(feed(f"{site.url}/old"))).outcomes
            world.clock.turn(700)
    assert outcomes == ["changed", "not_modified", "unchanged", "not_modified"]


async def test_once_a_day_the_question_is_unconditional(world: World) -> None:
    """A server whose ETag stays while the feed changes is found out."""
    text = "1 one"

    async def answer(request: web.Request) -> web.Response:
        if "If-None-Match" in request.headers:
            return web.Response(status=304)
        return web.Response(text=text, headers={"ETag": '"always"'})

    async with serving(answer) as site:
        await world.once(feed(site.url))
        text = "2 two"
        world.clock.turn(23 * 3600)
        assert (await world.once(feed(site.url))).outcomes == {"not_modified": 1}
        world.clock.turn(3600)
        assert (await world.once(feed(site.url))).outcomes == {"changed": 1}
    assert world.journal.titles == ["one", "two"]


async def test_a_304_may_renew_the_validators(world: World) -> None:
    """Its own headers count, and what it leaves out stays."""
    tags = iter(['"1"', '"2"', None])

    async def answer(request: web.Request) -> web.Response:
        tag = next(tags)
        headers = {"ETag": tag} if tag else {}
        if "If-None-Match" in request.headers:
            return web.Response(status=304, headers=headers)
        return web.Response(text="1 one", headers=headers | {"Last-Modified": "then"})

    async with serving(answer) as site:
        for _ in range(3):
            await world.once(feed(site.url))
            world.clock.turn(700)
    assert [kept.etag for kept in world.journal.polled] == ['"1"', '"2"', '"2"']
    assert {kept.last_modified for kept in world.journal.polled} == {"then"}


async def test_a_slow_host_holds_back_only_its_own_feeds(world: World) -> None:
    """More of its feeds than there are places altogether; another host's feed is polled all the same."""
    settings = SETTINGS.model_copy(update={"concurrency": 3, "per_host": 2})
    async with serving(never) as slow, serving(Paper("1 one"), "127.0.0.2") as quick:
        feeds = [feed(f"{slow.url}/{number}") for number in range(10)] + [feed(quick.url)]
        async with world.poller(*feeds, settings=settings) as poller, running(poller):
            await world.clock.until_asleep()
            world.clock.turn(5)
            await world.journal.until(lambda: quick.url in world.journal.states)
        assert len(slow.requests) <= 2


async def test_what_is_counted(world: World) -> None:
    """Polls by outcome, items in, news out, and how long it took."""
    async with serving(Paper("1 one\n2 two")) as site, serving(answering(b"", 500)) as down:
        await world.once(feed(site.url), feed(down.url))
        assert [world.sample("feeds", state=state) for state in ("new", "ok", "failing")] == [0, 1, 1]
        world.clock.turn(700)
        await world.once(feed(site.url))
    assert world.sample("polls_total", outcome="changed") == 1
    assert world.sample("polls_total", outcome="not_modified") == 1
    assert world.sample("articles_in_total", stage="poll") == 2
    assert world.sample("articles_out_total", stage="poll") == 2
    assert world.sample("fetch_seconds_count") == 3
    assert world.sample("parse_seconds_count") == 1
    assert world.sample("stage_last_timestamp_seconds", stage="poll") == world.clock.now().timestamp()


async def test_articles_carry_the_time_of_their_fetch(world: World) -> None:
    """The batch and its articles agree, to measure from there to the flag."""
    async with serving(Paper("1 one")) as site:
        began = world.clock.now()
        await world.once(feed(site.url))
    batch = batches.decode(world.journal.records[0][2])
    assert batch.fetched == batch.articles[0].fetched == began
    assert world.journal.polled[0].next_poll - began > timedelta(seconds=600)


async def test_a_feed_that_is_gone_is_left_alone(world: World) -> None:
    """410 is the last question, over restarts, too; the others go on."""
    async with serving(answering(b"", 410)) as gone, serving(Paper("1 one")) as there:
        for _ in range(5):
            await world.once(feed(gone.url), feed(there.url))
            world.clock.turn(90_000)
        assert len(gone.requests) == 1
        assert len(there.requests) == 5
    assert world.journal.states[gone.url].stopped
    assert world.sample("feeds", state="gone") == 1


async def test_a_feed_that_moved_for_good_is_fetched_from_there(world: World) -> None:
    """After days of the same answer the old address is not bothered any more; a temporary redirect changes nothing."""
    paper = Paper("1 one")
    async with serving(paper) as new:

        async def moved(_request: web.Request) -> web.Response:
            return web.Response(status=301, headers={"Location": f"{new.url}/feed"})

        async def elsewhere(_request: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": f"{new.url}/other"})

        async with serving(moved) as old, serving(elsewhere) as temporary:
            for _ in range(6):
                await world.once(feed(old.url), feed(temporary.url))
                world.clock.turn(90_000)
            assert len(old.requests) == 3
            assert len(temporary.requests) == 6
    assert world.journal.states[old.url].address == f"{new.url}/feed"
    assert world.journal.states[temporary.url].address == ""


async def test_what_was_missed_is_counted(world: World) -> None:
    """A body that has no item in common with the last one: its feed moved faster than we asked."""
    paper = Paper("1 one\n2 two\n3 three")
    async with serving(paper) as site:
        await world.once(feed(site.url))
        world.clock.turn(700)
        paper.text = "3 three\n4 four\n5 five"
        await world.once(feed(site.url))
        assert world.sample("feed_gaps_total") == 0
        world.clock.turn(700)
        paper.text = "7 seven\n8 eight\n9 nine"
        await world.once(feed(site.url))
    assert world.sample("feed_gaps_total") == 1
    assert world.sample("feed_seen_ratio_count") == 2
    known = world.journal.states[site.url]
    assert (known.gaps, known.seen_share, known.items) == (1, 0.0, 3)


async def test_what_was_left_out_of_a_long_body_is_remembered(world: World) -> None:
    """Until the next one."""
    paper = Paper("1 one\n2 two\nand more 40000")
    async with serving(paper) as site:
        await world.once(feed(site.url))
        assert (world.journal.states[site.url].items, world.journal.states[site.url].left_out) == (2, 40_000)
        world.clock.turn(700)
        paper.text = "2 two\n3 three"
        await world.once(feed(site.url))
    assert world.journal.states[site.url].left_out == 0


async def test_hours_to_skip_hold_over_a_304(world: World) -> None:
    """What a body asked is kept until the next body."""
    async with serving(Paper("skip 13 14\n1 one")) as site:
        await world.once(feed(site.url))
        assert world.journal.states[site.url].skip_hours == (13, 14)
        world.clock.turn(3000)
        await world.once(feed(site.url))
        assert world.journal.polled[-1].outcome == "not_modified"
        assert world.journal.polled[-1].next_poll.hour == 15
