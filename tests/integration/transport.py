"""Scenarios for our Faust transport: ``python -m tests.integration.transport SCENARIO BOOTSTRAP DIRECTORY``.

A Faust app has threads of its own, and one that does not stop would hold up every test behind it. So each scenario runs
in a process of its own: it ends with 0, with the error that an assertion raised, or, after ``BOUND_SECONDS``, with the
stack of every thread.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import AsyncMock, patch

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import CommitFailedError, IllegalStateError
from faust.types import TP

from agents.recovery import keep_messages_through_recovery
from agents.transport import quick_fetch

MESSAGES: Final = 40
FETCH_WAIT_MS: Final = 50
BOUND_SECONDS: Final = 90


@asynccontextmanager
async def _running(app: faust.App) -> AsyncIterator[None]:
    await app.start()
    try:
        yield
    finally:
        await app.stop()


async def _fill(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 4, 1), NewTopic(f"{topic}-seen-changelog", 4, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for number in range(MESSAGES):
            await producer.send_and_wait(topic, str(number).encode(), partition=number % 4)


def _app(
    bootstrap: str,
    topic: str,
    directory: Path,
    handled: asyncio.Queue[bytes],
    commit_failed: Callable[[], object] = lambda: None,
) -> faust.App:
    app = faust.App(
        topic,
        broker=f"kafka://{bootstrap}",
        store="memory://",
        datadir=str(directory),
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        broker_session_timeout=6.0,
        broker_heartbeat_interval=1.0,
        broker_commit_interval=600.0,  # nothing is committed while the scenario runs
    )
    keep_messages_through_recovery(app)
    quick_fetch(app, FETCH_WAIT_MS, commit_failed)
    app.Table("seen", partitions=4)

    @app.agent(app.topic(topic, value_serializer="raw"))  # type: ignore[untyped-decorator]  # Faust is not followed
    async def handle(stream: faust.StreamT[bytes]) -> None:
        async for value in stream:
            await handled.put(value)

    return app


async def _take(handled: asyncio.Queue[bytes]) -> set[int]:
    return {int(await handled.get()) for _ in range(MESSAGES)}


async def seek(bootstrap: str, directory: Path) -> None:
    """Seeking to the committed offsets reads a stream again from its beginning where nothing was ever committed."""
    await _fill(bootstrap, "never-committed")
    handled: asyncio.Queue[bytes] = asyncio.Queue()
    app = _app(bootstrap, "never-committed", directory, handled)
    async with _running(app):
        assert await _take(handled) == set(range(MESSAGES))
        app.consumer.stop_flow()
        await app.consumer.perform_seek()
        app.consumer.resume_flow()
        assert await _take(handled) == set(range(MESSAGES))


async def fetch_wait(bootstrap: str, directory: Path) -> None:
    """The consumer that Faust makes asks with our wait instead of its own 1500 ms."""
    await _fill(bootstrap, "quick-fetch")
    handled: asyncio.Queue[bytes] = asyncio.Queue()
    app = _app(bootstrap, "quick-fetch", directory, handled)
    async with _running(app):
        await _take(handled)
        assert app.consumer._thread._consumer._fetcher._fetch_max_wait_ms == FETCH_WAIT_MS


async def failed_commit(bootstrap: str, directory: Path) -> None:
    """The group moved on: Faust logs it and goes on, and we are told once."""
    await _fill(bootstrap, "commits")
    handled: asyncio.Queue[bytes] = asyncio.Queue()
    failed: list[int] = []
    app = _app(bootstrap, "commits", directory, handled, lambda: failed.append(1))

    async with _running(app):
        await _take(handled)
        thread = app.consumer._thread
        assert await thread.commit({TP("commits", 0): 1})
        assert failed == []
        with _commits_raise(thread, CommitFailedError):
            assert not await thread.commit({TP("commits", 0): 2})
        assert failed == [1]
        assert not thread.should_stop
        assert await thread.commit({TP("commits", 0): 3})


async def crashed_thread(bootstrap: str, directory: Path) -> None:
    """A consumer whose thread crashed: the app can be stopped, and a commit is answered."""
    await _fill(bootstrap, "crashes")
    handled: asyncio.Queue[bytes] = asyncio.Queue()
    app = _app(bootstrap, "crashes", directory, handled)
    async with _running(app):
        await _take(handled)
        thread = app.consumer._thread
        with _commits_raise(thread, IllegalStateError):
            assert not await thread.commit({TP("crashes", 0): 1})
        assert thread.should_stop
        await thread._shutdown.wait()
        assert not await thread.commit({TP("crashes", 0): 2})


def _commits_raise(thread: Any, error: type[Exception]) -> Any:
    """What the broker's answer does to a commit, below all that Faust and we made of it."""
    return patch.object(thread._consumer._coordinator, "commit_offsets", AsyncMock(side_effect=error))


SCENARIOS: Final[dict[str, Callable[[str, Path], Awaitable[None]]]] = {
    "seek": seek,
    "fetch_wait": fetch_wait,
    "failed_commit": failed_commit,
    "crashed_thread": crashed_thread,
}


def main() -> None:
    """Run one scenario. Faust's threads are not waited for once it is decided."""
    name, bootstrap, directory = sys.argv[1:]
    faulthandler.dump_traceback_later(BOUND_SECONDS, exit=True)

    async def run() -> None:
        try:
            await SCENARIOS[name](bootstrap, Path(directory))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        print("passed", flush=True)
        os._exit(0)

    asyncio.run(run())


if __name__ == "__main__":
    main()
