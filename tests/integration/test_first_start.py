"""A first start as a user makes it: `init`, a list of feeds, `up`. The backlog is shown and told to nobody; what comes
later is told once, whatever is killed or started again.

The broker is not `up`'s own here, so that the log is kept when the whole tree is killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.demo.server import FeedServer
from pipeline.records import Alert, Delivery, alerts, deliveries, thread_events
from pipeline.resources import shipped
from pipeline.topics import ALERTS, DELIVERIES, THREAD_EVENTS
from tests.integration.test_up import descendants, gone
from tests.integration.workers import Collector, until

SEEDS = shipped("seeds/demo")
IMPORTED = "el-faro"
"""A feed that is not in the first list; one of its articles begins a disputed thread."""

FEEDS = 13
"""With the imported one."""

PARTITIONS = 4
PATIENCE = 120.0
"""Seconds: what was held is summed up a minute after the last of it."""

pytestmark = pytest.mark.timeout(290)


class Desk:
    """A user's folder, beside feeds that change with the second fetch."""

    def __init__(self, folder: Path, bootstrap: str, feeds: FeedServer) -> None:
        self.folder, self.feeds = folder, feeds
        ours = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERCLAIM_")}
        self._env = ours | {
            "COUNTERCLAIM_KAFKA": bootstrap,
            "COUNTERCLAIM_POLL_ALLOW_PRIVATE": "true",
            "COUNTERCLAIM_POLL_INTERVAL_SECONDS": "4",
            "COUNTERCLAIM_POLL_FLOOR_SECONDS": "4",
            "COUNTERCLAIM_POLL_PER_HOST": "16",
            "COUNTERCLAIM_POLL_SESSION_TIMEOUT_SECONDS": "6",
            "COUNTERCLAIM_WORKER_SESSION_TIMEOUT_SECONDS": "6",
            "COUNTERCLAIM_HEARTBEAT_INTERVAL_SECONDS": "1",
            **{f"COUNTERCLAIM_METRICS_{one}_PORT": "0" for one in ("POLL", "WORKER", "UP", "DELIVER", "ARCHIVE")},
        }
        self.shown: list[dict[str, Any]] = []
        """What `up` printed, all runs."""

    def prepare(self) -> None:
        """`init`, and the list of feeds."""
        self.run("init", "news")
        text = (SEEDS / "feeds.yaml").read_text(encoding="utf-8").replace("{base}", self.feeds.base)
        listed = "\n".join(line for line in text.splitlines() if f"/{IMPORTED}.xml" not in line)
        (self.folder / "news" / "feeds.yaml").write_text(listed, encoding="utf-8")
        (self.folder / "more.txt").write_text(f"{self.feeds.base}/feeds/{IMPORTED}.xml\n")

    def run(self, *arguments: str) -> str:
        """One command of ours, to its end; what it printed."""
        command = [sys.executable, "-m", "pipeline", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=self._env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @asynccontextmanager
    async def up(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """`counterclaim up` with all its processes; ended at the end if it was not before."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pipeline", "up", "--config", "news", "--json", cwd=self.folder, env=self._env,
            stdout=asyncio.subprocess.PIPE, limit=2**20,
        )  # fmt: skip
        reading = asyncio.create_task(self._read(process))
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), PATIENCE)
            await reading

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self.shown.append(json.loads(line))

    @property
    def told(self) -> str:
        """What was shown of alerts."""
        return "\n".join(one["alert"] for one in self.shown if "alert" in one)


class Log:
    """What the topics say."""

    def __init__(self, seen: Collector) -> None:
        self._seen = seen

    @property
    def alerts(self) -> list[Alert]:
        """Every record on `alerts`."""
        return [alerts.decode(one.value or b"") for one in self._seen.messages[ALERTS]]

    @property
    def deliveries(self) -> list[Delivery]:
        """Every attempt."""
        return [deliveries.decode(one.value or b"") for one in self._seen.messages[DELIVERIES]]

    def threads(self, *outcomes: str) -> set[str]:
        """Threads of the alerts that ended so."""
        return {one.story.thread for one in self.alerts if one.outcome in outcomes}

    def messages(self, kind: str) -> list[Delivery]:
        """Deliveries of messages of a kind."""
        return [one for one in self.deliveries if one.message.kind == kind]

    def beaten(self, since: datetime) -> bool:
        """Whether every partition passed a heartbeat that was sent later."""
        events = (thread_events.decode(one.value or b"") for one in self._seen.messages[THREAD_EVENTS])
        return len({one.heartbeat for one in events if one.heartbeat is not None and one.when > since}) == PARTITIONS

    async def until(self, condition: Callable[[], bool], otherwise: str) -> None:
        """Wait for something that the topics must tell."""
        await until(condition, otherwise, PATIENCE)


def keys(_: bytes) -> list[str]:
    """Nothing is counted."""
    return []


async def test_a_backlog_is_silent_and_what_comes_later_is_told_once(bootstrap: str, tmp_path: Path) -> None:
    """First polls: shown, held, one summary. Second polls: told, though all is killed before the message is made. Feeds
    that are imported: held. Another start: nothing."""
    async with FeedServer(SEEDS / "feeds", now=datetime.now(UTC)) as feeds:
        desk = Desk(tmp_path, bootstrap, feeds)
        await asyncio.to_thread(desk.prepare)
        await asyncio.to_thread(desk.run, "topics", "apply", "--config", "news")
        async with Collector(bootstrap, dict.fromkeys((ALERTS, DELIVERIES, THREAD_EVENTS), keys)) as seen:
            log = Log(seen)
            async with desk.up() as process:
                await log.until(lambda: len(log.threads("told")) >= 3, "what the second poll brought is not told")
                every = [process.pid, *descendants(process.pid)]
                for pid in every:
                    os.kill(pid, signal.SIGKILL)
                await gone(every[1:])
            assert not log.deliveries, "the group waits for half a minute"
            held, told = log.threads("held"), log.threads("told")
            decided = {one.id for one in log.alerts if one.outcome == "told"}

            async with desk.up():
                await asyncio.to_thread(
                    desk.run, "feeds", "import", "more.txt", "--country", "ES", "--language", "es", "--config", "news"
                )
                await log.until(lambda: bool(log.threads("held") - held), "the imported feed's story did not come")
                await log.until(lambda: len(log.messages("story.new")) == 3, "what was told has no message")
                listed = json.loads(await asyncio.to_thread(desk.run, "threads", "list", "--json", "--config", "news"))
            held, decisions, asked = log.threads("held"), {one.id for one in log.alerts}, feeds.requests

            async with desk.up():
                await log.until(lambda: feeds.requests >= asked + FEEDS, "not every feed was asked again")
                await log.until(lambda: bool(log.messages("held")), "what was held was not summed up")
                for _ in range(2):
                    since = datetime.now(UTC)
                    await log.until(lambda since=since: log.beaten(since), "no heartbeat after the restart")  # type: ignore[misc]

            assert {one.id for one in log.alerts} == decisions, "a restart decides nothing anew"
            assert log.threads("told") == told, "only what the second polls brought is told"
            assert len(told) == 3
            assert {one.id for one in log.alerts if one.outcome == "told"} == decided
            assert held <= {one["id"] for one in listed}, "what is held is shown all the same"
            assert len(listed) == len(held) > 20
            (summary,) = log.messages("held")
            assert sum(summary.message.held.values()) == len(held) == summary.message.held["backlog"]
            sent = Counter(one.message.id for one in log.deliveries)
            assert [one.outcome for one in log.deliveries] == ["delivered"] * len(sent), "each message is sent once"
            assert {item.event.thread for one in log.messages("story.new") for item in one.message.items} == told
            shown = Counter(re.findall(r"^(New story|Follow-up|\d+ stories)", desk.told, re.MULTILINE))
            assert shown == {"New story": 3, f"{len(held)} stories": 1}
