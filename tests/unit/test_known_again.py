"""What is known of subscriptions survives a cluster that was away: it is read again, and only what differs is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

import pytest

from pipeline.errors import KafkaError
from pipeline.kafka import Message
from pipeline.records import Record, Subscription, encode
from pipeline.subscriptions import known as module
from pipeline.subscriptions.known import Known
from pipeline.topics import SUBSCRIPTIONS
from tests.stories import silence, subscription

Table = dict[bytes, bytes]


def table(*records: Record) -> Table:
    return {str(record.id).encode(): encode(record) for record in records}  # type: ignore[attr-defined]


class Cluster:
    """Two topics; each follower that is opened finds the next pair of tables. ``None``: the cluster is away."""

    def __init__(self, *readings: tuple[Table, Table] | None) -> None:
        self.readings = readings
        self.open: list[Following] = []

    def read(self, _bootstrap: Sequence[str], topic: str) -> Table:
        now = self.readings[len(self.open) - 1]
        if now is None:
            raise KafkaError("away")
        return now[0] if topic == SUBSCRIPTIONS else now[1]

    def following(self, _bootstrap: Sequence[str], _topics: Sequence[str], *, from_beginning: bool) -> Following:
        assert not from_beginning
        self.open.append(Following())
        return self.open[-1]


class Following:
    """A follower that is fed, or fails, by hand."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Message | None] = asyncio.Queue()
        self.closed = False

    async def start(self) -> None:
        """Nothing to connect to."""

    def stop(self) -> None:
        """The task that reads is cancelled anyway."""

    async def close(self) -> None:
        self.closed = True

    async def __aiter__(self) -> AsyncIterator[Message]:
        while True:
            message = await self.queue.get()
            if message is None:
                raise KafkaError("lost")
            yield message


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Callable[[Cluster], None]:
    def put(cluster: Cluster) -> None:
        monkeypatch.setattr(module, "Follower", cluster.following)
        monkeypatch.setattr(module, "read_table", cluster.read)
        monkeypatch.setattr(module, "RETRY_SECONDS", 0)

    return put


async def test_after_a_loss_only_what_differs_is_told(on: Callable[[Cluster], None]) -> None:
    """What went meanwhile is gone, what came is there; what stayed is told nobody twice."""
    stays, goes, comes = subscription("stays"), subscription("goes"), subscription("comes")
    first = (table(stays, goes), table(silence("s1")))
    second = (table(stays, comes), table(silence("s2")))
    cluster = Cluster(first, None, second)
    on(cluster)
    heard: list[tuple[str, Subscription | None]] = []
    hushed: list[str] = []
    again = asyncio.Event()

    def changed(name: str, now: Subscription | None) -> None:
        heard.append((name, now))
        if name == "last":
            again.set()

    async with Known(["x"], changed=changed, silenced=lambda name, _: hushed.append(name)) as known:
        assert set(known.subscriptions) == {"stays", "goes"}
        heard.clear()
        hushed.clear()
        cluster.open[0].queue.put_nowait(None)
        while len(cluster.open) < 3:
            await asyncio.sleep(0)
        last = subscription("last")
        value = encode(last)
        cluster.open[-1].queue.put_nowait(Message(SUBSCRIPTIONS, 0, 9, datetime.now(UTC), b"last", value, ()))
        await asyncio.wait_for(again.wait(), 10)
        assert heard == [("goes", None), ("comes", comes), ("last", last)]
        assert hushed == ["s1", "s2"]
        assert set(known.subscriptions) == {"stays", "comes", "last"}
        assert set(known.silences) == {"s2"}
    assert cluster.open[1].closed
    assert cluster.open[-1].closed


async def test_a_start_without_a_cluster_fails_and_leaves_nothing_open(on: Callable[[Cluster], None]) -> None:
    cluster = Cluster(None)
    on(cluster)

    with pytest.raises(KafkaError, match="away"):
        await Known(["x"]).start()

    assert [one.closed for one in cluster.open] == [True]


async def test_a_listener_that_raises_ends_nothing(on: Callable[[Cluster], None]) -> None:
    """It is counted, of what is read and of what is heard, and what comes after it is told."""
    cluster = Cluster((table(subscription("bad"), subscription("good")), {}))
    on(cluster)
    heard: list[str] = []
    failures: list[None] = []
    told = asyncio.Event()

    def changed(name: str, _now: Subscription | None) -> None:
        if name.startswith("bad"):
            raise LookupError(name)
        heard.append(name)
        if name == "last":
            told.set()

    async with Known(["x"], changed=changed, failed=lambda: failures.append(None)) as known:
        for name in ("bad2", "last"):
            value = encode(subscription(name))
            cluster.open[0].queue.put_nowait(Message(SUBSCRIPTIONS, 0, 9, datetime.now(UTC), name.encode(), value, ()))
        await asyncio.wait_for(told.wait(), 10)
        assert heard == ["good", "last"]
        assert len(failures) == 2
        assert set(known.subscriptions) == {"bad", "good", "bad2", "last"}
    assert len(cluster.open) == 1


async def test_an_error_that_nobody_foresaw_is_followed_by_another_try(
    on: Callable[[Cluster], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the follower's own making: it is counted, and both topics are read again."""
    cluster = Cluster((table(subscription("stays")), {}), (table(subscription("stays"), subscription("comes")), {}))
    on(cluster)
    failures: list[None] = []
    came = asyncio.Event()

    def changed(name: str, _now: Subscription | None) -> None:
        if name == "comes":
            came.set()

    async def broken(_self: Following) -> AsyncIterator[Message]:
        for message in ():
            yield message
        raise LookupError("unforeseen")

    with monkeypatch.context() as patch:
        patch.setattr(Following, "__aiter__", broken)
        known = Known(["x"], changed=changed, failed=lambda: failures.append(None))
        await known.start()
        await asyncio.sleep(0)
    await asyncio.wait_for(came.wait(), 10)
    assert len(failures) == 1
    await known.close()
