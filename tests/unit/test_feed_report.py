"""How feeds fare, for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from pipeline.cli.feeds import _lines
from pipeline.feeds.listing import from_file
from pipeline.feeds.report import Health, health, report, reports, span
from pipeline.records import FeedRecord, FeedState
from tests.pollers import feed

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
URL = "https://news.example/feed"


def record(url: str = URL, **changes: object) -> FeedRecord:
    """A feed of the list."""
    return msgspec.structs.replace(from_file(feed(url)), **changes)


def state(url: str = URL, **changes: object) -> FeedState:
    """A feed that was polled ten minutes ago and is due now."""
    fields: dict[str, object] = {
        "url": url,
        "last_poll": NOW - timedelta(seconds=600),
        "next_poll": NOW,
        "reason": "the default interval: 600 s",
        "outcome": "changed",
        "last_success": NOW - timedelta(seconds=600),
        "newest_item": NOW - timedelta(hours=1),
    }
    return FeedState(**(fields | changes))  # type: ignore[arg-type]  # the fields are checked by the record itself


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "ok"),
        ({"failures": 1}, "failing"),
        ({"failures": 3, "stopped": True}, "gone"),
        ({"newest_item": NOW - timedelta(days=8)}, "quiet"),
        ({"newest_item": None}, "ok"),
    ],
)
def test_health(changes: dict[str, object], expected: Health) -> None:
    """What somebody should look at has a name of its own."""
    assert health(state(**changes), NOW) == expected


def test_a_report_says_when_and_why() -> None:
    """From the state; the interval is from the last poll to the next."""
    one = report(record(), state(address="https://new.example/feed", gaps=2, gap_seconds=90.0), NOW)
    assert (one.interval_seconds, one.reason, one.gaps) == (600, "the default interval: 600 s", 2)
    assert one.fetched_from == "https://new.example/feed"
    assert not one.overdue


def test_what_is_left_out_of_a_long_feed_is_shown() -> None:
    """As a line of its own; other feeds have none."""
    long, short = (report(record(), state(items=10_000, left_out=count), NOW) for count in (40_000, 0))
    assert ("items", "the newest 10,000 of 50,000; the others are left out") in list(_lines(long, NOW))
    assert "items" not in dict(_lines(short, NOW))


def test_a_feed_that_nobody_polls_is_overdue() -> None:
    """Not at once: polls are spread. A gone feed never is."""
    assert report(record(), state(next_poll=NOW - timedelta(minutes=16)), NOW).overdue
    assert not report(record(), state(next_poll=NOW - timedelta(minutes=14)), NOW).overdue
    gone = report(record(), state(next_poll=NOW - timedelta(days=3), stopped=True), NOW)
    assert (gone.overdue, gone.next_poll, gone.interval_seconds) == (False, None, None)


def test_what_needs_somebody_comes_first() -> None:
    """Gone, failing, quiet, new, fine; each listed feed once, feeds that left the list not at all."""
    urls = [f"https://{name}.example/feed" for name in ("ok", "new", "failing", "gone", "quiet")]
    states = {
        one.url: one
        for one in (
            state(urls[0]),
            state(urls[2], failures=2),
            state(urls[3], stopped=True),
            state(urls[4], newest_item=NOW - timedelta(days=30)),
            state("https://left.example/feed"),
        )
    }
    found = reports([record(url) for url in urls], states, NOW)
    assert [one.health for one in found] == ["gone", "failing", "quiet", "new", "ok"]


def test_a_paused_feed_is_neither_due_nor_overdue_and_comes_last() -> None:
    """One that was removed is not shown at all."""
    late = state(next_poll=NOW - timedelta(days=3), failures=2)
    one = report(record(paused=True), late, NOW)
    assert (one.health, one.overdue, one.next_poll, one.reason) == ("paused", False, None, "paused at run time")
    assert report(record(paused=True), None, NOW).health == "paused"
    others = [record("https://ok.example/"), record("https://out.example/", removed=True)]
    found = reports([record(paused=True), *others], {URL: late}, NOW)
    assert [one.health for one in found] == ["new", "paused"]


def test_a_resumed_feed_is_not_gone() -> None:
    """From the moment somebody said so, before it was polled again."""
    one = report(record(resumed=NOW), state(stopped=True), NOW)
    assert (one.health, one.next_poll, one.reason) == ("ok", NOW, "resumed")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (3599, "60 min"), (3600, "1 h"), (86_400, "1 d"), (864_000, "10 d")],
)
def test_spans_are_short(seconds: float, text: str) -> None:
    """One number and a unit."""
    assert span(seconds) == text
