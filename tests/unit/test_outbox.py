"""The outbox: acknowledged in order, never before the results are kept, and a failed result stops everything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agents.outbox import Outbox, Outgoing


class Shelf:
    """A producer whose acknowledgements the test gives out by hand, in any order."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.refuses = refuses
        self.sent: list[tuple[bytes, asyncio.Future[None]]] = []

    async def send(
        self, topic: str, key: bytes | None, value: bytes, partition: int | None, timestamp: None, headers: Any
    ) -> asyncio.Future[None]:
        """Keep the record until the test says what becomes of it."""
        if self.refuses:
            raise ConnectionError("no broker")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent.append((value, future))
        return future


class Source:
    """An event that notes when it is acknowledged."""

    def __init__(self, name: int, acknowledged: list[int]) -> None:
        self.name, self.acknowledged = name, acknowledged

    def ack(self) -> bool:
        """Note it."""
        self.acknowledged.append(self.name)
        return True


def nothing() -> None:
    """Count nothing."""


def records(number: int) -> list[Outgoing]:
    """So many results."""
    return [Outgoing("flags", b"%d" % n) for n in range(number)]


async def settle() -> None:
    """Let the loop run what is ready: callbacks of done futures."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_source_waits_for_all_its_results() -> None:
    """Acknowledged, and counted, only once the last of its results is kept."""
    shelf, done, counted = Shelf(), [], []  # type: ignore[var-annotated]
    outbox = Outbox(shelf, crash=done.append)
    await outbox.put(Source(1, done), records(2), lambda: counted.append(1))
    shelf.sent[1][1].set_result(None)
    await settle()
    assert (done, counted, len(outbox)) == ([], [], 1)
    shelf.sent[0][1].set_result(None)
    await settle()
    assert (done, counted, len(outbox)) == ([1], [1], 0)


async def test_a_source_without_results_waits_for_those_before_it() -> None:
    """An event that sends nothing is not acknowledged ahead of an earlier one: a commit would pass over it."""
    shelf, done = Shelf(), []  # type: ignore[var-annotated]
    outbox = Outbox(shelf, crash=done.append)
    await outbox.put(Source(1, done), records(1), nothing)
    await outbox.put(Source(2, done), [], nothing)
    assert done == []
    shelf.sent[0][1].set_result(None)
    await settle()
    assert done == [1, 2]


async def test_a_failed_result_crashes_once_and_acknowledges_nothing_after() -> None:
    """Later events whose results arrived stay unacknowledged too, so that the restart begins at the failed one."""
    shelf, done, crashes = Shelf(), [], []  # type: ignore[var-annotated]
    outbox = Outbox(shelf, crash=crashes.append)
    for name in (1, 2, 3):
        await outbox.put(Source(name, done), records(1), nothing)
    error = ConnectionError("gone")
    shelf.sent[0][1].set_result(None)
    shelf.sent[1][1].set_exception(error)
    shelf.sent[2][1].set_result(None)
    await settle()
    assert (done, crashes) == ([1], [error])


async def test_a_refused_send_crashes() -> None:
    """A producer that does not even take the record stops the worker as well."""
    crashes: list[BaseException] = []
    done: list[int] = []
    outbox = Outbox(Shelf(refuses=True), crash=crashes.append)
    await outbox.put(Source(1, done), records(1), nothing)
    assert (done, [type(error) for error in crashes]) == ([], [ConnectionError])


async def test_an_error_while_counting_crashes() -> None:
    """A bug in what follows the acknowledgement is seen, instead of leaving the events behind it waiting for ever."""
    shelf, done, crashes = Shelf(), [], []  # type: ignore[var-annotated]
    outbox = Outbox(shelf, crash=crashes.append)
    await outbox.put(Source(1, done), records(1), lambda: done.append(1 // 0))
    shelf.sent[0][1].set_result(None)
    await settle()
    assert (done, [type(error) for error in crashes]) == ([1], [ZeroDivisionError])


async def test_a_full_outbox_makes_the_agent_wait() -> None:
    """With the limit in flight, `put` waits until the oldest is acknowledged: memory stays bounded."""
    shelf, done = Shelf(), []  # type: ignore[var-annotated]
    outbox = Outbox(shelf, crash=done.append, limit=2)
    for name in (1, 2):
        await outbox.put(Source(name, done), records(1), nothing)
    third = asyncio.ensure_future(outbox.put(Source(3, done), records(1), nothing))
    await settle()
    assert (third.done(), len(shelf.sent)) == (False, 2)
    shelf.sent[0][1].set_result(None)
    await asyncio.wait_for(third, 1)
    assert (done, len(shelf.sent)) == ([1], 3)


@given(st.lists(st.integers(0, 3), max_size=8), st.randoms())
def test_acknowledged_in_order_whatever_order_results_arrive_in(counts: list[int], shuffle: Any) -> None:
    """At every moment the acknowledged events are the first ones, and in the end all are."""

    async def play() -> None:
        shelf, done = Shelf(), []  # type: ignore[var-annotated]
        outbox = Outbox(shelf, crash=done.append)
        for name, number in enumerate(counts):
            await outbox.put(Source(name, done), records(number), nothing)
        arrivals: list[Callable[[None], None]] = [future.set_result for _, future in shelf.sent]
        shuffle.shuffle(arrivals)
        for arrive in arrivals:
            arrive(None)
            await settle()
            assert done == list(range(len(done)))
        assert done == list(range(len(counts)))

    asyncio.run(play())
