"""`counterclaim threads …` on a real broker, beside a real worker."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.errors import CounterclaimError
from pipeline.kafka import Publisher
from pipeline.records import ThreadInput, encode, thread_events
from pipeline.topics import THREAD_EVENTS, THREADS_IN
from tests.articles import NOON
from tests.disputes import accuses, article_id, denies, telling
from tests.integration.workers import Collector, Worker, workers

TODAY = (datetime.now(UTC) - NOON) / timedelta(hours=1) - 4
"""Hours after `NOON`: a real worker tells the threads the real time, and forgets old ones."""

SPOONS = {"title": "Silver spoons of the palace are missing", "lead": "Footmen counted the cutlery after a banquet."}
WOLVES = {"title": "Wolves cross the frozen strait by night", "lead": "Shepherds found tracks beside the lighthouse."}
SAID = (
    telling(1, accuses(), hours=TODAY, **SPOONS),
    telling(2, denies(), hours=TODAY + 2, **SPOONS),
    telling(3, accuses("Curland", "Ostrany"), hours=TODAY, **WOLVES),
)
"""Two disputes: of two articles, and of one."""


def came(value: bytes) -> list[str]:
    """The article that an event brings to a thread."""
    event = thread_events.decode(value)
    return [event.member.article] if event.member is not None else []


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
async def test_people_look_at_threads_and_decide_about_them(topics_ready: str, tmp_path: Path) -> None:
    """List, show, split, merge, move and mark: each is done, or refused with a reason, and can be seen afterwards."""
    threads = Threads(topics_ready)
    first, second, third = (article_id(number) for number in (1, 2, 3))
    unheard = await threads("mark", first, "conceded", code=2)
    assert "no such thread" in unheard
    worker = Worker(topics_ready, tmp_path / "worker", store="memory")
    async with workers(worker), Collector(topics_ready, {THREAD_EVENTS: came}) as seen:
        async with Publisher([topics_ready]) as publisher:
            for what in SAID:
                await publisher.send(THREADS_IN, encode(ThreadInput(what=what)), key=b"en")
        await worker.start()
        await seen.until(lambda: seen.seen[THREAD_EVENTS].total() == len(SAID), lambda: worker.log[-3000:])
        assert await threads.listed() == {first: ("disputed", 2), third: ("alleged", 1)}
        assert await threads.listed("--state", "alleged") == {third: ("alleged", 1)}
        table = await threads("list")
        assert "Aland → Borduria" in table
        assert table.endswith("2 threads\n")
        shown = await threads("show", first)
        assert "lag  2 h" in shown
        assert f"article {second}" in shown
        assert ": Shares “" in shown
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
