"""Our Faust transport on a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import faust
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import CommitFailedError
from faust.types import TP

from agents.recovery import keep_messages_through_recovery
from agents.transport import quick_fetch

MESSAGES = 40
WAIT_SECONDS = 30.0


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
        broker_commit_interval=600.0,  # nothing is committed while the test runs
    )
    keep_messages_through_recovery(app)
    quick_fetch(app, 50, commit_failed)
    app.Table("seen", partitions=4)

    @app.agent(app.topic(topic, value_serializer="raw"))  # type: ignore[untyped-decorator]  # Faust is not followed
    async def handle(stream: faust.StreamT[bytes]) -> None:
        async for value in stream:
            await handled.put(value)

    return app


async def _take(handled: asyncio.Queue[bytes]) -> set[int]:
    async with asyncio.timeout(WAIT_SECONDS):
        return {int(await handled.get()) for _ in range(MESSAGES)}


async def test_a_partition_without_a_commit_is_sought_to_its_beginning(bootstrap: str, tmp_path: Path) -> None:
    """Seeking to the committed offsets reads a stream again from its beginning where nothing was ever committed."""
    await _fill(bootstrap, "never-committed")
    handled: asyncio.Queue[bytes] = asyncio.Queue()
    app = _app(bootstrap, "never-committed", tmp_path, handled)
    async with _running(app):
        assert await _take(handled) == set(range(MESSAGES))
        app.consumer.stop_flow()
        await app.consumer.perform_seek()
        app.consumer.resume_flow()
        assert await _take(handled) == set(range(MESSAGES))


async def test_the_broker_is_asked_to_answer_within_the_time_given(bootstrap: str, tmp_path: Path) -> None:
    """The consumer that Faust makes asks with our wait instead of its own 1500 ms."""
    await _fill(bootstrap, "quick-fetch")
    handled: asyncio.Queue[bytes] = asyncio.Queue()
    app = _app(bootstrap, "quick-fetch", tmp_path, handled)
    async with _running(app):
        await _take(handled)
        assert app.consumer._thread._consumer._fetcher._fetch_max_wait_ms == 50


async def test_a_commit_that_fails_is_told(bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The group moved on: Faust logs it and goes on, and we are told once."""
    await _fill(bootstrap, "commits")
    handled: asyncio.Queue[bytes] = asyncio.Queue()
    failed: list[int] = []
    app = _app(bootstrap, "commits", tmp_path, handled, lambda: failed.append(1))

    async def moved_on(_offsets: object) -> None:
        raise CommitFailedError  # its text says that the group has already rebalanced

    async with _running(app):
        await _take(handled)
        thread = app.consumer._thread
        assert await thread.commit({TP("commits", 0): 1})
        assert failed == []
        with monkeypatch.context() as patched:
            patched.setattr(thread._consumer, "commit", moved_on)
            assert not await thread.commit({TP("commits", 0): 2})
        assert failed == [1]
