"""`counterclaim threads …` on a real broker, beside a docket that does what it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.errors import CounterclaimError
from pipeline.kafka import Follower, Message, Publisher
from pipeline.records import ThreadInput, encode, thread_inputs
from pipeline.topics import THREAD_EVENTS, THREADS, THREADS_IN
from tests.disputes import Court, accuses, article_id, denies, telling

ARTICLES = 3


class Worker:
    """Takes in what is on `threads.in`, and publishes what comes of it."""

    def __init__(self, publisher: Publisher) -> None:
        self.court = Court(apart={article_id(3)})
        self.ready = asyncio.Event()
        self._publisher = publisher

    async def run(self, messages: Follower) -> None:
        """Work until it is cancelled."""
        async for message in messages:
            await self.take(message)

    async def take(self, message: Message) -> None:
        """Take in one record."""
        assert message.value is not None
        outcome = self.court.take(thread_inputs.decode(message.value).what)
        for thread in outcome.threads.values():
            await self._publisher.send(THREADS, encode(thread), key=thread.id.encode())
        for event in outcome.events:
            await self._publisher.send(THREAD_EVENTS, encode(event), key=event.thread.encode())
        if len(self.court.docket.members) == ARTICLES:
            self.ready.set()


@asynccontextmanager
async def working(bootstrap: str) -> AsyncIterator[Worker]:
    """A worker that knows two threads, of two articles and of one."""
    async with Publisher([bootstrap]) as publisher:
        worker = Worker(publisher)
        said = (telling(1, accuses()), telling(2, denies(), hours=2), telling(3, accuses("Curland")))
        for what in said:
            await publisher.send(THREADS_IN, encode(ThreadInput(what=what)), key=b"en")
        follower = Follower([bootstrap], [THREADS_IN], from_beginning=True)
        await follower.start()
        task = asyncio.create_task(worker.run(follower))
        try:
            yield worker
        finally:
            follower.stop()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await follower.close()


class Threads:
    """`counterclaim threads …` on one broker, in a thread of this process: its imports cost more than its work."""

    def __init__(self, bootstrap: str) -> None:
        self._env = {"COUNTERCLAIM_KAFKA": bootstrap}

    async def __call__(self, *arguments: str, code: int = 0) -> str:
        """What it printed, or the error that it ended with."""
        ran = await asyncio.to_thread(CliRunner().invoke, app, ["threads", *arguments], env=self._env)
        error = ran.exception
        found = error.exit_code if isinstance(error, CounterclaimError) else ran.exit_code
        assert found == code, (ran.output, error)
        return str(error) if isinstance(error, CounterclaimError) else ran.output

    async def listed(self, *arguments: str) -> dict[str, tuple[str, int]]:
        """State and members by id."""
        return {
            one["id"]: (one["state"], one["members"]) for one in json.loads(await self("list", "--json", *arguments))
        }


@pytest.mark.timeout(240)
async def test_people_look_at_threads_and_decide_about_them(topics_ready: str) -> None:
    """List, show, split, merge, move and mark: each is done, or refused with a reason, and can be seen afterwards."""
    threads = Threads(topics_ready)
    first, second, third = (article_id(number) for number in (1, 2, 3))
    unheard = await threads("mark", first, "conceded", code=2)
    assert "no such thread" in unheard
    async with working(topics_ready) as worker:
        await worker.ready.wait()
        assert await threads.listed() == {first: ("disputed", 2), third: ("alleged", 1)}
        assert await threads.listed("--state", "alleged") == {third: ("alleged", 1)}
        table = await threads("list")
        assert "Aland → Borduria" in table
        assert table.endswith("2 threads\n")
        shown = await threads("show", first)
        assert "lag  2 h" in shown
        assert f"article {second}" in shown
        assert "0.70: Spoons. (spoons)" in shown
        assert "2 threads begin so" in await threads("show", "0000", code=2)

        told = json.loads(await threads("split", first, second, "--author", "Ada", "-m", "Not these", "--json"))
        assert [(one["kind"], one["author"], one["comment"]) for one in told["events"]] == 2 * [
            ("split", "Ada", "Not these")
        ]
        assert await threads.listed() == {first: ("alleged", 1), second: ("denied", 1), third: ("alleged", 1)}
        assert "not in the thread" in await threads("split", first, second, code=1)

        assert "merged" in await threads("merge", second, "--into", first)
        assert await threads.listed() == {first: ("disputed", 2), third: ("alleged", 1)}
        assert "by Ada: Elsewhere" in await threads(
            "move", first, second, "--into", third, "--author", "Ada", "-m", "Elsewhere"
        )
        assert (await threads.listed())[third] == ("disputed", 2)
        assert "conceded" in await threads("mark", third, "conceded")
        assert (await threads.listed())[third][0] == "conceded"
        assert "reopened" in await threads("mark", third, "open")
        history = json.loads(await threads("show", third, "--json"))["events"]
        assert [one["kind"] for one in history][-2:] == ["conceded", "reopened"]
    assert "no worker took it in" in await threads("mark", third, "retracted", "--wait", "1", code=1)
