"""Which feed is polled next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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
