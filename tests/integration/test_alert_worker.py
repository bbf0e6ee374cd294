"""The alert stage on a real broker: events of stories in, matches out, for whoever wants them at that moment."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.kafka import Publisher, read_log
from pipeline.records import (
    Command,
    Flagged,
    Match,
    Merged,
    Silence,
    StoryEvent,
    Subscription,
    ThreadInput,
    deliver_inputs,
    encode,
)
from pipeline.topics import (
    DELIVER_IN,
    MIN_PARTITIONS,
    SILENCES,
    STORY_EVENTS,
    STORY_EVENTS_DEAD,
    SUBSCRIPTIONS,
    THREADS_IN,
)
from tests.articles import NOON
from tests.disputes import accuses, command, denies, telling
from tests.integration.workers import Collector, Worker, until, workers
from tests.stories import silence, subscription, tell

pytestmark = pytest.mark.timeout(240)

TODAY = (datetime.now(UTC) - NOON) / timedelta(hours=1) - 1
"""Hours after `NOON`: an hour before now, so that real clocks find it new."""

SPOONS = {"title": "Silver spoons of the palace are missing", "lead": "Footmen counted the cutlery after a banquet."}
WOLVES = {"title": "Wolves cross the frozen strait by night", "lead": "Shepherds found tracks beside the lighthouse."}


def matched(value: bytes) -> list[str]:
    """Which subscription learns of which event of which thread; of a merge where it goes."""
    what = deliver_inputs.decode(value).what
    if isinstance(what, Match):
        return [
            f"{what.subscription} {what.event.kind} {int(what.story.thread, 16)} {what.held or what.silence or 'open'}"
        ]
    return [f"merged {what.partition}"] if isinstance(what, Merged) else []


def spoons(number: int, hours: float = 0, **more: Any) -> list[StoryEvent]:
    """A story of its own about spoons; found now."""
    return tell(telling(number, accuses(), hours=TODAY + hours, **SPOONS, **more), now=datetime.now(UTC))


class Desk:
    """Writes subscriptions, silences and events."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def want(self, *those: Subscription | str) -> None:
        """Put subscriptions on their topic; by its id alone one is deleted."""
        for one in those:
            name, value = (one, None) if isinstance(one, str) else (one.id, encode(one))
            await self._publisher.send(SUBSCRIPTIONS, value, key=name.encode())

    async def hush(self, *those: Silence) -> None:
        """The same for silences."""
        for one in those:
            await self._publisher.send(SILENCES, encode(one), key=one.id.encode())

    async def say(self, events: Sequence[StoryEvent]) -> None:
        """Put events on their topic."""
        for one in events:
            await self._publisher.send(STORY_EVENTS, encode(one), key=one.event.thread.encode())


async def test_whoever_wants_an_event_at_that_moment_learns_of_it(topics_ready: str, tmp_path: Path) -> None:
    """Subscriptions from before the start; added, changed and deleted while it runs; a silence; a kill -9."""
    worker = Worker(topics_ready, tmp_path / "worker", store="memory")
    async with (
        workers(worker),
        Collector(topics_ready, {DELIVER_IN: matched}) as seen,
        Publisher([topics_ready]) as publisher,
    ):
        desk, found = Desk(publisher), seen.seen[DELIVER_IN]

        async def becomes(*wanted: str) -> None:
            await seen.until(lambda: all(found[one] for one in wanted), lambda: f"{found}\n{worker.log[-3000:]}")

        await desk.want(subscription("before", "spoons"), subscription("broken", "mood:(angry"))
        await desk.say(spoons(1))  # before anybody listens: known subscriptions get what waits
        await worker.start()
        await worker.ready()
        await becomes("before created 1 open")
        assert (worker.metric("counterclaim_subscriptions"), worker.metric("counterclaim_silences")) == (2, 0)

        await desk.want(subscription("added", "spoons", changed=datetime.now(UTC) - timedelta(minutes=1)))
        await until(lambda: worker.metric("counterclaim_subscriptions") == 3, worker.log[-3000:])
        await desk.say(spoons(2))
        await becomes("before created 2 open", "added created 2 open")

        await desk.want("before", subscription("added", "wolves"))
        await desk.hush(silence("hush", "lighthouse", until=datetime.now(UTC) + timedelta(hours=1)))
        await until(lambda: worker.metric("counterclaim_silences") == 1, worker.log[-3000:])
        wolves = tell(telling(3, accuses(), hours=TODAY, **WOLVES), now=datetime.now(UTC))
        await desk.say([*spoons(4), *wolves])
        await becomes("added created 3 hush")

        await worker.stop(signal.SIGKILL)
        await desk.want(subscription("night"))
        await worker.start()
        await worker.ready()
        await desk.say([*spoons(5), *spoons(6, -48), *spoons(7, backlog=True)])
        await becomes("night created 5 open", "night created 6 old", "night created 7 backlog")
        assert not any(one.startswith(("broken", "before created 4", "added created 5")) for one in found)
        assert await worker.stop() == 0


async def test_a_story_goes_from_the_threads_to_its_subscribers(topics_ready: str, tmp_path: Path) -> None:
    """The whole worker: flagged articles and a merge on `threads.in`, matches and merges on `deliver.in`."""
    worker = Worker(topics_ready, tmp_path / "worker", store="memory", app_id="counterclaim")
    inputs: list[Flagged | Command] = [
        telling(11, accuses("Aland", "Borduria"), hours=TODAY, **SPOONS),
        telling(12, denies("Borduria"), hours=TODAY + 0.5, **SPOONS),
        telling(13, accuses("Curland", "Ostrany"), hours=TODAY, **WOLVES),
        command("merge", 13, into=11, given=datetime.now(UTC)),
    ]
    async with (
        workers(worker),
        Collector(topics_ready, {DELIVER_IN: matched}) as seen,
        Publisher([topics_ready]) as publisher,
    ):
        desk, found = Desk(publisher), seen.seen[DELIVER_IN]
        await desk.want(subscription("disputes", "state:disputed"))
        await worker.start()
        for what in inputs:
            await publisher.send(THREADS_IN, encode(ThreadInput(what=what)), key=b"en")
        wanted = ["disputes disputed 11 open", "disputes merged 11 open"]
        wanted += [f"merged {partition}" for partition in range(MIN_PARTITIONS)]
        await seen.until(lambda: all(found[one] for one in wanted), lambda: f"{found}\n{worker.log[-3000:]}")
        assert not any(one.startswith("disputes created") for one in found)


async def test_a_bad_deploy_stops_the_worker_and_leaves_the_topic(topics_ready: str, tmp_path: Path) -> None:
    """Records that nobody can read, one after the other: the worker ends, most of them wait where they are."""
    worker = Worker(topics_ready, tmp_path / "worker", store="memory", app_id="counterclaim")
    async with workers(worker), Publisher([topics_ready]) as publisher:
        await worker.start()
        await worker.ready()
        await asyncio.gather(*(publisher.send(STORY_EVENTS, b"{", key=b"bad") for _ in range(300)))
        await until(lambda: "too many dead letters" in worker.log, worker.log[-3000:])
        assert worker._process is not None
        assert await asyncio.wait_for(worker._process.wait(), 60) != 0
        letters = await asyncio.to_thread(lambda: list(read_log([topics_ready], STORY_EVENTS_DEAD)))
        buried = {dict(one.headers)["counterclaim-offset"] for one in letters}  # a letter may have been sent again
        assert 0 < len(buried) < 100  # 49 behind the last good record: some of an earlier worker may come again
