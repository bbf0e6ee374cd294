"""When a feed is polled next, and why."""

from __future__ import annotations

import string
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.feeds.freshness import hints
from pipeline.feeds.schedule import (
    FAILED,
    JITTER,
    UNVALIDATED_SECONDS,
    PollResult,
    after,
    conditional,
    due,
    status_outcome,
)
from pipeline.records import FeedState, Outcome

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
VALIDATED = {"etag": '"1"'}


@dataclass(frozen=True)
class Listed:
    """A feed of the operator's list."""

    url: str = "https://news.example/feed"
    interval_seconds: float | None = None


@dataclass(frozen=True)
class Timing:
    """The default timing."""

    interval_seconds: float = 600
    floor_seconds: float = 300
    slowest_seconds: float = 600
    cap_seconds: float = 86_400


def state(**changes: object) -> FeedState:
    """A feed's state after a poll an interval ago."""
    fields: dict[str, object] = {
        "url": "https://news.example/feed",
        "last_poll": NOW - timedelta(seconds=600),
        "next_poll": NOW,
        "reason": "the default interval",
        "outcome": "changed",
        "last_full_fetch": NOW - timedelta(seconds=600),
    }
    return FeedState(**(fields | changes))  # type: ignore[arg-type]  # the fields are checked by the record itself


def wait(result: PollResult, *, before: FeedState | None = None, feed: Listed | None = None) -> float:
    """Seconds until the next poll."""
    decision = after(before or state(), result, now=NOW, feed=feed or Listed(), settings=Timing())
    return (decision.next_poll - NOW).total_seconds()


def reason(result: PollResult, *, before: FeedState | None = None, feed: Listed | None = None) -> str:
    """Why the next poll is when it is."""
    return after(before or state(), result, now=NOW, feed=feed or Listed(), settings=Timing()).reason


def within_jitter(seconds: float, expected: float) -> bool:
    """Whether a wait is the expected one and at most the jitter more, never less."""
    return expected <= seconds <= expected * (1 + JITTER)


def test_a_good_poll_waits_for_the_default_interval() -> None:
    """Without any wish of the server the settings decide."""
    assert within_jitter(wait(PollResult("changed", 200, VALIDATED)), 600)
    assert reason(PollResult("changed", 200, VALIDATED)) == "the default interval: 600 s"


def test_a_feeds_own_interval_replaces_the_default() -> None:
    """The operator may say per feed, also for one without validators."""
    feed = Listed(interval_seconds=1200)
    assert within_jitter(wait(PollResult("changed", 200), feed=feed), 1200)
    assert reason(PollResult("changed", 200), feed=feed) == "the feed's own interval: 1200 s"


@pytest.mark.parametrize(
    ("status", "outcome", "headers", "expected", "words"),
    [
        (200, "changed", {"cache-control": "public, max-age=1800"}, 1800, "Cache-Control max-age"),
        (304, "not_modified", {"cache-control": "max-age=1800"}, 1800, "Cache-Control max-age"),
        (200, "changed", {"cache-control": "s-maxage=9000, Max-Age=1800"}, 1800, "Cache-Control max-age"),
        (200, "changed", {"cache-control": "max-age=1800", "age": "600"}, 1200, "Cache-Control max-age"),
        (200, "changed", {"cache-control": "s-maxage=9000"}, 600, "the default interval"),
        (200, "changed", {"cache-control": "max-age=soon"}, 600, "the default interval"),
        (200, "changed", {"cache-control": "max-age=99999999999999999999"}, 600, "the default interval"),
        (
            200,
            "changed",
            {"date": "Sun, 01 Mar 2026 03:00:00 GMT", "expires": "Sun, 01 Mar 2026 03:40:00 GMT"},
            2400,
            "Expires",
        ),
        (200, "changed", {"date": "Sun, 01 Mar 2026 03:00:00 GMT", "expires": "0"}, 600, "the default interval"),
        (429, "soft", {"retry-after": "7200"}, 7200, "Retry-After"),
        (503, "soft", {"retry-after": "7200"}, 7200, "Retry-After"),
        (503, "soft", {"retry-after": "Sun, 01 Mar 2026 14:00:00 GMT"}, 7200, "Retry-After"),
        (
            503,
            "soft",
            {"retry-after": "Sun, 01 Mar 2026 05:00:00 GMT", "date": "Sun, 01 Mar 2026 03:00:00 GMT"},
            7200,
            "Retry-After",
        ),
        (500, "soft", {"cache-control": "max-age=7200"}, 600, "failed once in a row, soft"),
    ],
)
def test_the_servers_wishes_are_kept(
    status: int, outcome: Outcome, headers: dict[str, str], expected: float, words: str
) -> None:
    """Freshness on success and on 304, Retry-After on 429 and 503; the longest wait wins and is named."""
    result = PollResult(outcome, status, VALIDATED | headers)
    assert within_jitter(wait(result), expected)
    assert reason(result).startswith(words)


def test_the_feeds_ttl_is_kept() -> None:
    """A feed that asks for an hour in its body gets an hour."""
    assert within_jitter(wait(PollResult("not_modified", 304, ttl_seconds=3600)), 3600)


def test_a_feed_without_validators_is_fetched_once_an_hour() -> None:
    """It can only be fetched whole; a 304 needs none."""
    assert within_jitter(wait(PollResult("unchanged", 200, {})), UNVALIDATED_SECONDS)
    assert within_jitter(wait(PollResult("not_modified", 304, {})), 600)


@pytest.mark.parametrize("outcome", ["hard", "soft", "temporary"])
def test_failures_back_off_linearly_up_to_the_cap(outcome: Outcome) -> None:
    """Each failure adds the same again; a feed that is dead for long keeps a daily poll."""
    weight = FAILED[outcome]
    assert within_jitter(wait(PollResult(outcome), before=state(failures=9)), 6000 * weight)
    assert within_jitter(wait(PollResult(outcome), before=state(failures=19)), 12000 * weight)
    assert wait(PollResult(outcome), before=state(failures=5000)) == 86_400


def test_classes_of_failure_differ() -> None:
    """What heals by itself is tried again sooner."""
    waits = [wait(PollResult(outcome), before=state(failures=9)) for outcome in ("temporary", "soft", "hard")]
    assert waits == sorted(waits)
    assert len(set(waits)) == 3


def test_a_success_ends_the_back_off() -> None:
    """An undead feed is polled as before."""
    decision = after(
        state(failures=500, outcome="temporary"),
        PollResult("changed", 200, VALIDATED),
        now=NOW,
        feed=Listed(),
        settings=Timing(),
    )
    assert decision.failures == 0
    assert within_jitter((decision.next_poll - NOW).total_seconds(), 600)


def test_a_gone_feed_is_not_polled_again_by_itself() -> None:
    """410 stops it, with its reason; a restart does not start it again."""
    decision = after(None, PollResult("hard", 410), now=NOW, feed=Listed(), settings=Timing())
    assert decision.stopped
    assert "gone" in decision.reason
    assert due(state(stopped=True), now=NOW, settings=Timing()) is None


def test_a_gone_address_is_not_a_gone_feed() -> None:
    """What a permanent redirect led to may go; the listed URL is asked again then."""
    decision = after(
        state(address="https://new.example/feed"), PollResult("hard", 410), now=NOW, feed=Listed(), settings=Timing()
    )
    assert not decision.stopped


@pytest.mark.parametrize(
    ("status", "outcome"),
    [*((hard, "hard") for hard in (400, 401, 403, 410)), *((soft, "soft") for soft in (404, 429, 500, 503))],
)
def test_statuses_fall_into_classes(status: int, outcome: Outcome) -> None:
    """404, 429 and 5xx often pass; the other 4xx do not."""
    assert status_outcome(status) == outcome


def test_an_interval_below_the_floor_is_raised() -> None:
    """Nothing polls faster than the floor, and the reason says so."""
    feed = Listed(interval_seconds=5)
    assert wait(PollResult("changed", 200, VALIDATED), feed=feed) == 300
    assert "floor" in reason(PollResult("changed", 200, VALIDATED), feed=feed)


def test_wishes_beyond_the_cap_are_cut() -> None:
    """A static host's max-age of a year means a day."""
    result = PollResult("changed", 200, VALIDATED | {"cache-control": "max-age=31536000"})
    assert wait(result) == 86_400
    assert "cap" in reason(result)


def test_feeds_drift_apart() -> None:
    """Feeds that came due together do not come due together again, and each has its own steady period."""
    result = PollResult("changed", 200, VALIDATED)
    feeds = [Listed(url=f"https://n{i}.example/feed") for i in range(50)]
    waits = [wait(result, feed=feed) for feed in feeds]
    assert len(set(waits)) == 50
    assert max(waits) - min(waits) > 600 * JITTER / 2
    assert waits == [wait(result, feed=feed) for feed in feeds]


def test_a_restart_keeps_the_stored_time() -> None:
    """A feed is due when its state says, be that in the past or ahead, but never beyond the cap."""
    for ahead in (-5000, 0, 5000):
        stored = state(next_poll=NOW + timedelta(seconds=ahead))
        assert due(stored, now=NOW, settings=Timing()) == stored.next_poll
    far = state(next_poll=NOW + timedelta(days=400))
    assert due(far, now=NOW, settings=Timing()) == NOW + timedelta(days=1)


def test_validators_rest_once_a_day() -> None:
    """A server that keeps an ETag over changes cannot hide them for longer than a day."""
    assert conditional(state(etag='"1"', last_full_fetch=NOW - timedelta(hours=23)), NOW)
    assert conditional(state(last_modified="x", last_full_fetch=NOW - timedelta(hours=23)), NOW)
    assert not conditional(state(etag='"1"', last_full_fetch=NOW - timedelta(hours=24)), NOW)
    assert not conditional(state(etag='"1"', last_full_fetch=NOW + timedelta(hours=1)), NOW)
    assert not conditional(state(etag='"1"', last_full_fetch=None), NOW)
    assert not conditional(state(), NOW)
    assert not conditional(None, NOW)


OUTCOMES = st.sampled_from(["changed", "unchanged", "not_modified", "hard", "soft", "temporary"])
HEADERS = st.dictionaries(
    st.sampled_from(["cache-control", "expires", "date", "age", "retry-after", "etag"]),
    st.one_of(
        st.text(string.printable + "é²٣", max_size=40),
        st.integers(-10, 10**12).map(str),
        st.integers(-10, 10**12).map("max-age={}".format),
        st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1)).map(  # noqa: DTZ001 - hypothesis takes bare bounds
            lambda time: time.strftime("%a, %d %b %Y %H:%M:%S GMT")
        ),
    ),
)


@given(
    outcome=OUTCOMES,
    status=st.sampled_from([None, 200, 304, 404, 410, 429, 503]),
    headers=HEADERS,
    ttl=st.one_of(st.none(), st.floats(0, 1e9)),
    failures=st.integers(0, 10**6),
    interval=st.one_of(st.none(), st.floats(0.1, 1e7)),
)
def test_every_wait_lies_between_floor_and_cap(
    outcome: Outcome,
    status: int | None,
    headers: dict[str, str],
    ttl: float | None,
    failures: int,
    interval: float | None,
) -> None:
    """Whatever a server sends, the next poll lies within the bounds, not before a wish below the cap, with a reason."""
    result = PollResult(outcome, status, headers, ttl)
    decision = after(
        state(failures=failures), result, now=NOW, feed=Listed(interval_seconds=interval), settings=Timing()
    )
    waited = (decision.next_poll - NOW).total_seconds()
    assert 300 <= waited <= 86_400
    assert all(waited + 1e-3 >= min(hint.seconds, 86_400) for hint in hints(status or 0, headers, NOW))
    assert decision.reason
