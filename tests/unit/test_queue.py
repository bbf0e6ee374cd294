"""Which feed is polled next."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from pipeline.feeds.queue import DueQueue, HostSlots

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """A time after now."""
    return NOW + timedelta(seconds=seconds)


def test_feeds_come_in_the_order_in_which_they_are_due() -> None:
    """Not before their time."""
    queue = DueQueue(HostSlots(1))
    for host, due in (("c", 3), ("a", 1), ("b", 2)):
        queue.add(f"http://{host}/", at(due))
    assert queue.take(at(0)) is None
    assert queue.next_due() == at(1)
    assert [queue.take(at(2)) for _ in range(3)] == ["http://a/", "http://b/", None]
    assert queue.next_due() == at(3)


def test_a_busy_host_holds_back_only_itself() -> None:
    """Its other feeds are parked; feeds of other hosts that came due later go on."""
    queue = DueQueue(HostSlots(2))
    for path in range(5):
        queue.add(f"http://busy:8080/{path}", at(path))
    queue.add("http://free/", at(9))
    assert [queue.take(at(10)) for _ in range(4)] == ["http://busy:8080/0", "http://busy:8080/1", "http://free/", None]
    assert queue.next_due() is None
    assert len(queue) == 3
    queue.done("http://busy:8080/1")
    assert [queue.take(at(10)) for _ in range(2)] == ["http://busy:8080/2", None]


def test_ports_and_letter_case_do_not_make_another_host() -> None:
    """The limit is for the machine behind the name."""
    queue = DueQueue(HostSlots(1))
    queue.add("http://News.example/a", at(0))
    queue.add("https://news.example:8443/b", at(0))
    assert queue.take(at(0)) is not None
    assert queue.take(at(0)) is None


@given(
    feeds=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=40),
    per_host=st.integers(1, 3),
    picks=st.lists(st.integers(0, 100), min_size=200, max_size=200),
)
def test_every_feed_runs_once_and_within_its_hosts_limit(
    feeds: list[tuple[int, int]], per_host: int, picks: list[int]
) -> None:
    """Whatever ends when: none is lost, none runs twice, no host is asked by more than its limit at once."""
    queue = DueQueue(HostSlots(per_host))
    urls = [f"http://h{host}/{number}" for number, (host, _) in enumerate(feeds)]
    for url, (_, due) in zip(urls, feeds, strict=True):
        queue.add(url, at(due))
    running: list[str] = []
    ran: list[str] = []
    for pick in picks:
        while (taken := queue.take(at(50))) is not None:
            running.append(taken)
            ran.append(taken)
        hosts = [url.split("/")[2] for url in running]
        assert all(hosts.count(host) <= per_host for host in hosts)
        if running:
            queue.done(running.pop(pick % len(running)))
    assert sorted(ran) == sorted(urls)
    assert len(queue) == 0


def test_a_discarded_feed_does_not_run() -> None:
    """Not from the heap, not from its host's parking place; whoever was parked behind it is let go in its place."""
    queue = DueQueue(HostSlots(1))
    for path in "abcd":
        queue.add(f"http://h/{path}", at(0))
    assert queue.take(at(0)) == "http://h/a"
    assert queue.take(at(0)) is None
    queue.discard("http://h/b")
    queue.done("http://h/a")
    assert queue.take(at(0)) == "http://h/c"
    queue.done("http://h/c")
    queue.discard("http://h/d")
    assert queue.take(at(0)) is None
    assert (len(queue), queue.next_due()) == (0, None)


def test_a_feed_that_comes_back_waits_once() -> None:
    """For its new time, whatever it waited for before."""
    queue = DueQueue(HostSlots(1))
    queue.add("http://h/", at(1))
    queue.discard("http://h/")
    assert queue.next_due() is None
    queue.add("http://h/", at(5))
    queue.add("http://h/", at(3))
    assert (len(queue), queue.next_due()) == (1, at(3))
    assert queue.take(at(9)) == "http://h/"
    queue.done("http://h/")
    assert queue.take(at(9)) is None


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["add", "discard", "take", "done"]), st.integers(0, 2), st.integers(0, 3)),
        max_size=80,
    ),
    per_host=st.integers(1, 2),
)
def test_feeds_that_come_and_go_are_never_lost_nor_doubled(steps: list[tuple[str, int, int]], per_host: int) -> None:
    """In the end exactly those run that were added and not discarded since."""
    queue = DueQueue(HostSlots(per_host))
    waiting: set[str] = set()
    running: list[str] = []
    for step, host, path in steps:
        url = f"http://h{host}/{path}"
        if step == "add" and url not in running:
            queue.add(url, at(path))
            waiting.add(url)
        elif step == "discard":
            queue.discard(url)
            waiting.discard(url)
        elif step == "take" and (taken := queue.take(at(9))) is not None:
            waiting.remove(taken)
            running.append(taken)
        elif step == "done" and running:
            queue.done(running.pop(path % len(running)))
        assert len(queue) == len(waiting)
    left = set()
    for _ in range(20):
        while running:
            queue.done(running.pop())
        while (taken := queue.take(at(9))) is not None:
            left.add(taken)
            running.append(taken)
    assert left == waiting


def test_feeds_and_pages_of_a_host_stand_in_one_line() -> None:
    """Both count; who came first goes first, and a feed waits for one page at most."""
    slots = HostSlots(2)
    told: list[str] = []
    queue = DueQueue(slots, lambda: told.append("a feed may go"))

    def page() -> bool:
        told.append("a page may go")
        return True

    assert slots.take("h", page)
    for path in "abc":
        queue.add(f"http://h/{path}", at(0))
    assert queue.take(at(0)) == "http://h/a"
    assert queue.take(at(0)) is None
    slots.give_back("h")
    assert not slots.take("h", page)
    assert (told, queue.take(at(0))) == (["a feed may go"], "http://h/b")
    queue.done("http://h/a")
    assert told[1:] == ["a feed may go"]  # it stood in line before the page
    queue.done("http://h/b")
    assert told[2:] == ["a page may go"]
    assert queue.take(at(0)) == "http://h/c"
    slots.give_back("h")
    queue.done("http://h/c")
    assert slots.take("h", page)
    assert slots.take("h", page)
    assert not slots.take("h", page)


def test_a_feed_that_is_discarded_in_line_or_with_a_place_gives_way() -> None:
    """To whoever stands behind it, page or feed."""
    slots = HostSlots(1)
    queue = DueQueue(slots)
    went: list[str] = []
    for path in "abc":
        queue.add(f"http://h/{path}", at(0))
    assert queue.take(at(0)) == "http://h/a"
    assert queue.take(at(0)) is None

    def page() -> bool:
        went.append("page")
        return True

    assert not slots.take("h", page)
    queue.discard("http://h/b")  # in line
    queue.done("http://h/a")
    queue.discard("http://h/c")  # has a place, and was not taken yet
    assert (queue.take(at(0)), went) == (None, ["page"])
    queue.add("http://h/d", at(0))
    assert queue.take(at(0)) is None
    assert not slots.take("h", page)
    queue.discard("http://h/d")
    slots.give_back("h")
    assert went == ["page", "page"], "at once, though nobody takes a feed"


async def test_a_place_is_waited_for_and_given_back() -> None:
    """Also by who is cancelled, in line, or in the moment in which it gets the place."""
    slots = HostSlots(1)
    order: list[str] = []

    async def visit(name: str) -> None:
        async with slots.place("h"):
            order.append(name)
            await asyncio.sleep(0)

    async with slots.place("h"):
        tasks = [asyncio.create_task(visit(name)) for name in ("in line", "at the head", "last")]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.sleep(0)
    tasks[1].cancel()  # the place is its own already
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == ["last"]
    assert slots.take("h", lambda: True)
    assert not slots.take("h", lambda: True), "no place was given back twice"


class Crowd:
    """Feeds and pages at two hosts, and who of them has a place."""

    def __init__(self, per_host: int) -> None:
        self.slots = HostSlots(per_host)
        self.queue = DueQueue(self.slots)
        self.running: list[tuple[str, str]] = []
        self.begun: Counter[str] = Counter()

    def ask(self, kind: str, host: str, number: int) -> None:
        """One more wants to go there."""
        if kind == "feed":
            self.queue.add(f"http://{host}/{number}", at(0))
        elif self.slots.take(host, partial(self._page, host)):
            self._page(host)
        self._take_feeds()

    def end(self, number: int) -> None:
        """One of those that are there has what it wanted."""
        kind, where = self.running.pop(number % len(self.running))
        if kind == "feed":
            self.queue.done(where)
        else:
            self.slots.give_back(where)
        self._take_feeds()

    @property
    def hosts(self) -> list[str]:
        """That are being asked, each as often as it is."""
        return [where.removeprefix("http://")[:2] for _, where in self.running]

    def _page(self, host: str) -> bool:
        self.running.append(("page", host))
        self.begun["page"] += 1
        return True

    def _take_feeds(self) -> None:
        while (url := self.queue.take(at(0))) is not None:
            self.running.append(("feed", url))
            self.begun["feed"] += 1


@given(
    steps=st.lists(st.tuples(st.sampled_from(["feed", "page", "end"]), st.sampled_from(["h0", "h1"])), max_size=100),
    per_host=st.integers(1, 3),
)
def test_no_host_is_asked_by_more_than_its_limit_feeds_and_pages_together(
    steps: list[tuple[str, str]], per_host: int
) -> None:
    """Whatever begins and ends when; in the end all had their turn."""
    crowd = Crowd(per_host)
    asked = Counter(kind for kind, _ in steps if kind != "end")
    for number, (kind, host) in enumerate(steps):
        if kind != "end":
            crowd.ask(kind, host, number)
        elif crowd.running:
            crowd.end(number)
        assert all(count <= per_host for count in Counter(crowd.hosts).values())
    while crowd.running:
        crowd.end(0)
    assert crowd.begun == asked
