"""How often a feed is worth asking, what was missed, and where it is fetched from after it moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.feeds.fetch import Fetched
from pipeline.feeds.keys import seen_key
from pipeline.feeds.pace import MIN_WINDOW, STEP, Overlap, next_pace, overlap
from pipeline.feeds.schedule import MOVED_FOR, MOVED_POLLS, SKIP_SPREAD_SECONDS, Move, PollResult, Skip, after, moved
from pipeline.feeds.state import Polled, following
from pipeline.records import Article, FeedState
from tests.articles import make_article

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
URL = "https://news.example/feed"
NEW = "https://new.example/feed"
VALIDATED = {"etag": '"1"'}


@dataclass(frozen=True)
class Listed:
    """A feed of the operator's list."""

    url: str = URL
    interval_seconds: float | None = None


@dataclass(frozen=True)
class Timing:
    """The default timing."""

    interval_seconds: float = 600
    floor_seconds: float = 300
    slowest_seconds: float = 1800
    cap_seconds: float = 86_400


def state(*articles: Article, **changes: object) -> FeedState:
    """The state of a feed whose last body had these articles."""
    fields: dict[str, object] = {
        "url": URL,
        "last_poll": NOW - timedelta(seconds=600),
        "next_poll": NOW,
        "reason": "",
        "outcome": "changed",
        "seen": " ".join(map(seen_key, articles)),
    }
    return FeedState(**(fields | changes))  # type: ignore[arg-type]  # the fields are checked by the record itself


def body(*numbers: int, hours_ago: float = 0.05) -> list[Article]:
    """Articles by number, all published so long ago."""
    published = NOW - timedelta(hours=hours_ago)
    return [make_article(number, id=f"{number:016x}{0:016x}", published=published) for number in numbers]


def pace(known: FeedState, result: PollResult, feed: Listed | None = None) -> float | None:
    """The pace after a poll."""
    return after(known, result, now=NOW, feed=feed or Listed(), settings=Timing()).pace_seconds


def changed(articles: list[Article], known: FeedState) -> PollResult:
    """A poll that brought a new body."""
    return PollResult("changed", 200, VALIDATED, overlap=overlap(articles, known, NOW))


def test_a_feed_that_moves_fast_is_asked_sooner_a_slow_one_later() -> None:
    """By the share of known items; in between nothing changes."""
    known = state(*body(1, 2, 3, 4))
    assert pace(known, changed(body(4, 5, 6, 7, 8), known)) == pytest.approx(600 / STEP)
    assert pace(known, changed(body(3, 4, 5, 6), known)) == 600
    assert pace(known, changed(body(1, 2, 3, 4, 5), known)) == pytest.approx(600 * STEP)
    assert pace(known, PollResult("not_modified", 304)) == pytest.approx(600 * STEP)


def test_a_revision_is_a_known_item() -> None:
    """A feed whose editors mend headlines does not move."""
    known = state(*body(1, 2, 3))
    mended = [msgspec.structs.replace(one, text_hash="0" * 16) for one in body(1, 2, 3)]
    assert overlap(mended, known, NOW) == Overlap(3, 3)


def test_failures_and_first_bodies_teach_nothing() -> None:
    """Neither says how fast the feed moves."""
    slow = state(pace_seconds=1200.0)
    for result in (PollResult("soft", 503), PollResult("temporary"), changed(body(1, 2, 3), slow)):
        assert pace(slow, result) == 1200


def test_the_operators_interval_is_not_learnt_away() -> None:
    """A feed with an interval of its own keeps it."""
    known = state(*body(1, 2, 3), pace_seconds=1800.0)
    feed = Listed(interval_seconds=900)
    assert pace(known, PollResult("not_modified", 304), feed) is None
    decision = after(known, PollResult("not_modified", 304), now=NOW, feed=feed, settings=Timing())
    assert decision.reason == "the feed's own interval: 900 s"


def test_the_learnt_pace_decides_and_says_so() -> None:
    """The next poll follows it, with the direction in the reason."""
    known = state(*body(1, 2, 3), pace_seconds=1200.0)
    decision = after(known, PollResult("not_modified", 304), now=NOW, feed=Listed(), settings=Timing())
    assert 1800 <= (decision.next_poll - NOW).total_seconds() <= 1980
    assert decision.reason.startswith("slower than the default")


@given(
    start=st.floats(300, 1800),
    shares=st.lists(st.floats(0, 1), max_size=30),
)
def test_the_pace_stays_within_its_bounds(start: float, shares: list[float]) -> None:
    """Whatever the bodies bring, between fastest and slowest; and more known items never make it faster."""
    current = start
    for share in shares:
        following_pace = next_pace(current, share, fastest=300, slowest=1800)
        assert next_pace(current, 1.0, fastest=300, slowest=1800) >= following_pace
        current = following_pace
        assert 300 <= current <= 1800


def test_a_body_without_a_known_item_is_a_gap() -> None:
    """What came and went in between is lost: how long that was, at most."""
    known = state(*body(1, 2, 3))
    found = overlap(body(7, 8, 9), known, NOW)
    assert found == Overlap(3, 0, timedelta(minutes=7))


def test_no_gap_where_nothing_tells() -> None:
    """Not at the first poll, not when one item is known, not in a feed of one or two items, not in an empty body."""
    known = state(*body(1, 2, 3))
    assert overlap(body(7, 8, 9), None, NOW) is None
    assert overlap(body(7, 8, 9), state(), NOW) is None
    for articles in (body(3, 8, 9), body(*range(7, 7 + MIN_WINDOW - 1)), []):
        found = overlap(articles, known, NOW)
        assert found is not None
        assert found.gap is None


def test_gaps_are_counted_and_timed() -> None:
    """The state says how many there were, how long at most, and when the last was."""
    known = state(*body(1, 2, 3), gaps=1, gap_seconds=60.0)
    articles = tuple(body(7, 8, 9))
    result = changed(list(articles), known)
    decision = after(known, result, now=NOW, feed=Listed(), settings=Timing())
    fetched = Fetched(URL, URL, 200, VALIDATED, b"x", "0", conditional=True)
    now_known = following(
        URL, known, Polled(result, fetched, articles, tuple(map(seen_key, articles)), articles, NOW), decision, now=NOW
    )
    assert (now_known.gaps, now_known.gap_seconds, now_known.last_gap) == (2, 480.0, NOW)
    assert (now_known.items, now_known.seen_share) == (3, 0.0)
    assert now_known.newest_item == articles[0].published


# ---- skipHours and skipDays


def test_skipped_hours_and_days_are_passed_over() -> None:
    """To the first full hour that is not skipped; Sunday noon here."""
    assert Skip(frozenset({12, 13})).after(NOW) == NOW.replace(hour=14)
    assert Skip(frozenset({11, 13})).after(NOW) == NOW
    assert Skip(days=frozenset({6})).after(NOW) == datetime(2026, 3, 2, tzinfo=UTC)
    assert Skip(frozenset({0, 1}), frozenset({6})).after(NOW) == datetime(2026, 3, 2, 2, tzinfo=UTC)


def test_a_feed_that_skips_everything_is_polled_nevertheless() -> None:
    """Nobody means that."""
    assert Skip(frozenset(range(24))).after(NOW) == NOW
    assert Skip(days=frozenset(range(7))).after(NOW) == NOW


@given(hours=st.frozensets(st.integers(0, 23), max_size=23), days=st.frozensets(st.integers(0, 6), max_size=6))
def test_what_is_skipped_is_never_polled(hours: frozenset[int], days: frozenset[int]) -> None:
    """The result is never in a skipped hour or day, never before the moment, and within a week and a day."""
    found = Skip(hours, days).after(NOW)
    assert found.hour not in hours
    assert found.weekday() not in days
    assert NOW <= found <= NOW + timedelta(days=8)


def test_the_reason_names_what_is_skipped() -> None:
    """And the wait goes beyond the cap, if it must."""
    result = PollResult("changed", 200, VALIDATED, skip=Skip(days=frozenset({6})))
    decision = after(None, result, now=NOW, feed=Listed(), settings=Timing())
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    assert monday <= decision.next_poll < monday + timedelta(seconds=SKIP_SPREAD_SECONDS)
    assert "skip" in decision.reason
    assert decision.considered[0].startswith("the default interval")


# ---- moved for good

GOOD = PollResult("not_modified", 304)


def seen_moving(polls: int, days: float) -> FeedState:
    """A feed that was sent on to `NEW` so often, since so long ago."""
    return state(moved_to=NEW, moved_since=NOW - timedelta(days=days), moved_polls=polls)


def test_a_permanent_redirect_is_believed_after_some_polls_and_days() -> None:
    """Not at once, not after many polls of one hour, not after two polls far apart."""
    assert moved(None, NEW, GOOD, 0, NOW) == Move("", NEW, NOW, 1)
    assert moved(seen_moving(MOVED_POLLS, 0.1), NEW, GOOD, 0, NOW).address == ""
    assert moved(seen_moving(1, 30), NEW, GOOD, 0, NOW).address == ""
    believed = moved(seen_moving(MOVED_POLLS - 1, MOVED_FOR.days), NEW, GOOD, 0, NOW)
    assert believed == Move(NEW)


def test_another_answer_in_between_starts_anew() -> None:
    """Another target, or none."""
    old = seen_moving(9, 9)
    assert moved(old, "https://other.example/feed", GOOD, 0, NOW) == Move("", "https://other.example/feed", NOW, 1)
    assert moved(old, "", GOOD, 0, NOW) == Move()


def test_a_failure_in_between_changes_nothing() -> None:
    """A timeout is no answer."""
    old = seen_moving(1, 1)
    assert moved(old, "", PollResult("temporary"), 1, NOW) == Move("", NEW, NOW - timedelta(days=1), 1)


def test_an_address_that_fails_or_is_gone_is_given_up() -> None:
    """Then the listed URL is asked again."""
    known = state(address=NEW)
    assert moved(known, "", GOOD, 0, NOW) == Move(NEW)
    assert moved(known, "", PollResult("soft", 404), MOVED_POLLS - 1, NOW) == Move(NEW)
    assert moved(known, "", PollResult("soft", 404), MOVED_POLLS, NOW) == Move()
    assert moved(known, "", PollResult("hard", 410), 1, NOW) == Move()
