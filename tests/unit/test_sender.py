"""The sender: an endpoint that hangs delays no other, nothing is tried twice, and nothing before it is due."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

import msgspec
import pytest

from agents.sender import Sender
from pipeline.alerts import Pending
from pipeline.channels.sent import Sent
from pipeline.records import Attempt, Channel, Message, Subscription, channel_key
from pipeline.records.subscription import Quiet, Webhook
from tests.desks import desk
from tests.told import NOW, message

SLOW, QUICK = Webhook(url="https://slow.example/"), Webhook(url="https://quick.example/")


class Endpoints:
    """Answer at once, but for those that hang until they are let go."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.hang: set[str] = set()
        self.fail: set[str] = set()
        self.go = asyncio.Event()
        self.most: dict[str, int] = {}
        self._now: dict[str, int] = {}

    def endpoint(self, channel: Channel) -> str:
        """The URL."""
        assert isinstance(channel, Webhook)
        return channel.url

    async def send(self, channel: Channel, subscription: Subscription, message: Message) -> Sent:
        """Count, and wait if it hangs."""
        url = self.endpoint(channel)
        self._now[url] = self._now.get(url, 0) + 1
        self.most[url] = max(self.most.get(url, 0), self._now[url])
        try:
            if url in self.hang:
                await self.go.wait()
            self.sent.append((url, message.id))
            await asyncio.sleep(0)  # so that attempts meet
            return Sent("failed" if url in self.fail else "delivered")
        finally:
            self._now[url] -= 1


class Bench:
    """A sender, endpoints, and what it published."""

    def __init__(self, *, concurrency: int = 100) -> None:
        self.endpoints, self.now = Endpoints(), NOW
        self.known = {"desk": desk(SLOW, QUICK)}
        self.attempts: list[Attempt] = []
        self.crashes: list[BaseException] = []
        self.more = asyncio.Event()
        self.sender = Sender(
            self.endpoints, self.known, self.publish, self.crashes.append, 4, concurrency, lambda: self.now
        )

    async def publish(self, attempt: Attempt) -> None:
        """Keep it."""
        self.attempts.append(attempt)
        self.more.set()

    async def until(self, count: int) -> None:
        """Wait for so many attempts."""
        while len(self.attempts) < count:
            self.more.clear()
            await asyncio.wait_for(self.more.wait(), 10)

    @asynccontextmanager
    async def runs(self) -> AsyncIterator[None]:
        """While the block runs."""
        task = asyncio.create_task(self.sender.run())
        try:
            yield
        finally:
            await self.sender.close(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def row(number: int, channel: Webhook, *, due: datetime = NOW, attempt: int = 1) -> tuple[str, Pending]:
    """A delivery."""
    letter = message(id=f"msg_{number:032d}")
    key = channel_key("desk", channel)
    return f"d{number}", Pending("desk", key, "webhook", channel.url, letter, attempt, due, NOW)


async def test_a_hanging_endpoint_delays_no_other() -> None:
    """It has as many attempts under way as it may have, and no more; all others go by."""
    bench = Bench(concurrency=8)
    async with bench.runs():
        bench.sender.offer([row(100, SLOW)])
        await bench.until(1)
        bench.endpoints.hang = {SLOW.url}
        bench.sender.offer([row(number, SLOW) for number in range(50)])
        bench.sender.offer([row(number, QUICK) for number in range(50, 100)])
        await bench.until(51)
        assert {url for url, _ in bench.endpoints.sent[1:]} == {QUICK.url}
        assert bench.endpoints.most[SLOW.url] == 4
        bench.endpoints.go.set()
        await bench.until(101)
    assert bench.endpoints.most[QUICK.url] == 4


async def test_many_hanging_endpoints_delay_no_other() -> None:
    """None of them has delivered: each has one attempt under way, and all together half of the places."""
    bench = Bench(concurrency=8)
    hooks = [Webhook(url=f"https://down-{number}.example/") for number in range(40)]
    bench.known["desk"] = desk(QUICK, *hooks)
    bench.endpoints.hang = {hook.url for hook in hooks}
    async with bench.runs():
        bench.sender.offer([row(99, QUICK)])
        await bench.until(1)
        bench.sender.offer([row(number, hook) for number, hook in enumerate(hooks * 2)])
        bench.sender.offer([row(number, QUICK) for number in range(100, 149)])
        await bench.until(50)
        assert {url for url, _ in bench.endpoints.sent} == {QUICK.url}
        assert sum(bench.endpoints.most.get(hook.url, 0) for hook in hooks) == 4
        bench.endpoints.go.set()
        await bench.until(130)


async def test_among_those_that_hang_nobody_is_passed_over() -> None:
    """A place that becomes free is for whoever waits longest, not for the next delivery of the same endpoint."""
    bench = Bench(concurrency=2)
    other = Webhook(url="https://other.example/")
    bench.known["desk"] = desk(SLOW, other)
    async with bench.runs():
        bench.sender.offer([*(row(number, SLOW) for number in range(10)), row(10, other)])
        await bench.until(11)
    assert [url for url, _ in bench.endpoints.sent].index(other.url) == 1


async def test_an_endpoint_that_fails_gets_one_attempt_at_a_time_until_it_delivers() -> None:
    """What it failed waits for its next attempt; what else is due goes to it one by one."""
    bench = Bench()
    async with bench.runs():
        bench.sender.offer([row(0, SLOW)])
        await bench.until(1)
        bench.endpoints.fail = {SLOW.url}
        bench.sender.offer([row(1, SLOW)])
        await bench.until(2)
        bench.endpoints.fail, bench.endpoints.hang, bench.endpoints.most = set(), {SLOW.url}, {}
        bench.sender.offer([row(number, SLOW) for number in range(2, 20)])
        bench.sender.offer([row(20, QUICK)])
        await bench.until(3)
        assert bench.endpoints.most[SLOW.url] == 1
        bench.endpoints.go.set()
        await bench.until(21)
    assert bench.endpoints.most[SLOW.url] == 4


async def test_an_attempt_is_not_repeated_until_its_row_changes() -> None:
    """Also where the partitions moved meanwhile, and it is offered again."""
    bench = Bench()
    async with bench.runs():
        bench.sender.offer([row(1, QUICK), row(1, QUICK)])
        await bench.until(1)
        bench.sender.forget()
        bench.sender.offer([row(1, QUICK), row(2, QUICK)])
        await bench.until(2)
        assert [attempt.delivery for attempt in bench.attempts] == ["d1", "d2"]
        bench.sender.offer([row(1, QUICK, attempt=2)])
        await bench.until(3)
    assert [(attempt.delivery, attempt.number) for attempt in bench.attempts[2:]] == [("d1", 2)]
    assert len(bench.sender) == 2


async def test_one_that_is_wanted_again_is_sent_again() -> None:
    """Also where its end and the wish for it reach the sender as one change: it begins at the first attempt again."""
    bench = Bench()
    async with bench.runs():
        bench.sender.offer([row(1, QUICK)])
        await bench.until(1)
        bench.sender.offer([row(1, QUICK, due=NOW - timedelta(seconds=1))])
        await bench.until(2)


async def test_what_was_tried_for_partitions_that_went_is_forgotten() -> None:
    """Else each rebalance would leave some behind, and one that comes back would not be sent."""
    bench = Bench()
    async with bench.runs():
        bench.sender.offer([row(1, QUICK), row(2, QUICK)])
        await bench.until(2)
        bench.sender.forget()
        bench.sender.restore([row(2, QUICK)])
        bench.sender.forget()
        bench.sender.restore([row(1, QUICK), row(2, QUICK)])
        await bench.until(3)
    assert [attempt.delivery for attempt in bench.attempts] == ["d1", "d2", "d1"]


async def test_what_is_due_later_is_sent_later() -> None:
    """By the clock; what was taken back is not sent at all."""
    bench = Bench()
    async with bench.runs():
        later = NOW + timedelta(hours=1)
        bench.sender.offer([row(1, QUICK, due=later), row(2, QUICK, due=later), row(3, QUICK)])
        await bench.until(1)
        bench.now = later
        bench.sender.offer([("d2", None)])
        await bench.until(2)
    assert [attempt.delivery for attempt in bench.attempts] == ["d3", "d1"]


async def test_a_paused_subscription_is_not_sent_to() -> None:
    """It waits: the next clock drops it, or somebody resumes it before."""
    bench = Bench()
    bench.known["desk"] = desk(SLOW, QUICK, paused=True)
    async with bench.runs():
        bench.sender.offer([row(1, QUICK)])
        await asyncio.sleep(0)
        assert bench.endpoints.sent == []
        bench.known["desk"] = desk(SLOW, QUICK)
        bench.now += timedelta(seconds=6)
        bench.sender.offer([row(2, QUICK)])
        await bench.until(2)
    assert {attempt.delivery for attempt in bench.attempts} == {"d1", "d2"}


async def test_nothing_is_sent_in_quiet_hours() -> None:
    """A retry, or what was decided before an outage, waits for their end."""
    bench = Bench()
    bench.known["desk"] = desk(SLOW, QUICK, quiet=(Quiet(since="11:00", until="13:00"),))
    async with bench.runs():
        bench.sender.offer([row(1, QUICK, attempt=2)])
        await asyncio.sleep(0)
        assert bench.endpoints.sent == []
        bench.now += timedelta(hours=1)
        bench.sender.offer([row(2, QUICK)])
        await bench.until(2)


async def test_an_attempt_that_is_given_up_at_the_stop_is_not_recorded() -> None:
    """So it is made again; one that ends in time is."""
    bench = Bench()
    bench.endpoints.hang = {SLOW.url}
    task = asyncio.create_task(bench.sender.run())
    bench.sender.offer([row(1, SLOW), row(2, QUICK)])
    await bench.until(1)
    await bench.sender.close(0.01)
    await asyncio.wait_for(task, 5)
    assert [attempt.delivery for attempt in bench.attempts] == ["d2"]


async def test_a_result_that_cannot_be_recorded_stops_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would learn of it: the next process makes the attempt again."""
    bench = Bench()
    failed = asyncio.Event()

    async def refuse(attempt: Attempt) -> None:
        raise ConnectionError("no broker")

    def crash(error: BaseException) -> None:
        bench.crashes.append(error)
        failed.set()

    monkeypatch.setattr(bench.sender, "publish", refuse)
    monkeypatch.setattr(bench.sender, "crash", crash)
    async with bench.runs():
        bench.sender.offer([row(1, QUICK)])
        await asyncio.wait_for(failed.wait(), 5)
    assert [type(error) for error in bench.crashes] == [ConnectionError]


async def test_the_oldest_is_the_one_that_was_made_first() -> None:
    """Whenever it is due; one that is done is not the oldest any more, one that comes again is as old as it says."""
    sender = Bench().sender
    (one, first), (two, second) = row(1, QUICK), row(2, QUICK)
    ages = [NOW - timedelta(days=days) for days in range(3)]
    second = msgspec.structs.replace(second, made=ages[2])
    assert sender.oldest() is None
    sender.offer([(one, first), (two, second)])
    assert sender.oldest() == ages[2]
    sender.offer([(two, msgspec.structs.replace(second, attempt=2))])
    assert sender.oldest() == ages[2]
    sender.offer([(two, None)])
    sender.offer([(two, msgspec.structs.replace(second, made=ages[1]))])
    assert sender.oldest() == ages[1]
    sender.offer([(two, None)])
    assert sender.oldest() == ages[0]
    sender.forget()
    assert sender.oldest() is None


async def test_what_is_done_is_not_kept_behind_what_waits() -> None:
    """Two deliveries that wait for days, and thousands that come and go."""
    sender = Bench().sender
    (one, first), (two, second) = row(5000, SLOW), row(5001, SLOW)
    sender.offer([(one, msgspec.structs.replace(first, made=NOW + timedelta(days=1))), (two, second)])
    for number in range(1, 5000):
        name, made = row(number, QUICK)
        sender.offer([(name, msgspec.structs.replace(made, made=NOW + timedelta(seconds=number)))])
        sender.offer([(name, None)])
        assert sender.oldest() == NOW
    assert len(sender._made) < 2000
