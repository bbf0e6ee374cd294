"""Due times do not bunch: after a cold start, an outage, a feed's hours to skip; and nobody is asked early for it."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.feeds.schedule import PollResult, Skip, after, due, fraction
from pipeline.feeds.trickle import CROWD_SECONDS, PER_SECOND, Trickle
from pipeline.records import FeedState
from tests.pollers import Paper, World, feed, running
from tests.sites import serving

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FEEDS = 10_000


@dataclass(frozen=True)
class Listed:
    """A feed of the operator's list."""

    url: str
    interval_seconds: float | None = None


@dataclass(frozen=True)
class Timing:
    """The default timing."""

    interval_seconds: float = 600
    floor_seconds: float = 300
    slowest_seconds: float = 1800
    cap_seconds: float = 86_400


def state(url: str, last_poll: datetime, next_poll: datetime, pace: float | None = None) -> FeedState:
    """What is remembered of a feed, as far as its timing is concerned."""
    return FeedState(
        url=url, last_poll=last_poll, next_poll=next_poll, reason="", outcome="not_modified", pace_seconds=pace
    )


def polls(states: dict[str, FeedState | None], interval: float | None, hours: float) -> Iterator[datetime]:
    """When a poller that starts now asks, feed after feed, as `Poller` goes about it; all feeds are quiet."""
    trickle, late, waiting = Trickle(), set[str](), list[tuple[datetime, str]]()
    for url in sorted(states, key=fraction):
        when = due(states[url], now=NOW, settings=Timing())
        assert when is not None
        if when <= NOW:
            when = trickle.next(NOW, len(states), Timing.interval_seconds)
            late.add(url)
        heapq.heappush(waiting, (when, url))
    while waiting[0][0] < NOW + timedelta(hours=hours):
        now, url = waiting[0]
        yield now
        known = states[url]
        decision = after(
            known,
            PollResult("not_modified", 304),
            now=now,
            feed=Listed(url, interval),
            settings=Timing(),
            crowded=url in late and trickle.crowded,
        )
        late.discard(url)
        states[url] = state(url, now, decision.next_poll, decision.pace_seconds)
        heapq.heapreplace(waiting, (decision.next_poll, url))


def by_minute(times: Iterator[datetime]) -> Counter[int]:
    """Polls a minute."""
    return Counter(int((time - NOW).total_seconds() // 60) for time in times)


def busiest(minutes: Counter[int], first: int, last: int) -> float:
    """The busiest of these minutes, in multiples of their mean."""
    counts = [minutes[minute] for minute in range(first, last)]
    return max(counts) * len(counts) / sum(counts)


def urls(count: int = FEEDS) -> list[str]:
    """Addresses of so many feeds, five of them at each host."""
    return [f"https://n{number // 5}.example/{number % 5}" for number in range(count)]


@pytest.mark.parametrize(
    ("interval", "hours", "cycle", "most"), [(600.0, 2, 10, 1.6), (3600.0, 4, 60, 1.6), (None, 4, 30, 2.4)]
)
def test_a_cold_start_becomes_an_even_load(interval: float | None, hours: int, cycle: int, most: float) -> None:
    """First polls come at their rate; from the second ones on no minute has more than so often the mean of a cycle.

    With equal intervals 1.6, and 2.4 where ten thousand quiet feeds all become slower at the same time.
    """
    minutes = by_minute(polls(dict.fromkeys(urls()), interval, hours))
    assert max(minutes[minute] for minute in range(8)) <= 60 * PER_SECOND + 1
    second = int(FEEDS / PER_SECOND / 60) + 1 + int((interval or 600) / 60)
    for begin in range(second, hours * 60 - cycle, cycle):
        assert busiest(minutes, begin, begin + cycle) < most, f"from minute {begin}"


def test_a_long_outage_is_made_good_slowly() -> None:
    """Eight hours away: every feed is late; they are asked at the rate of first polls, then as evenly as before."""
    away = timedelta(hours=8)
    states: dict[str, FeedState | None] = {
        url: state(url, NOW - away - timedelta(hours=1), NOW - away + timedelta(hours=1) * fraction(f"{url} phase"))
        for url in urls()
    }
    minutes = by_minute(polls(states, 3600, 4))
    assert max(minutes[minute] for minute in range(9)) <= 60 * PER_SECOND + 1
    assert minutes[0] > 60 * PER_SECOND - 2
    for begin in range(70, 180, 60):
        assert busiest(minutes, begin, begin + 60) < 1.6


def test_a_short_restart_disturbs_nothing() -> None:
    """What came due in a minute without a poller is asked at once; the others keep their times."""
    states: dict[str, FeedState | None] = {
        url: state(url, NOW - timedelta(hours=1), NOW + timedelta(hours=1) * (fraction(f"{url} phase") - 1 / 60))
        for url in urls()
    }
    kept = {url: known.next_poll for url, known in states.items() if known and known.next_poll > NOW}
    assert 100 < len(states) - len(kept) < 250
    times = polls(dict(states), 3600, 1)
    late = sorted(next(times) for _ in range(len(states) - len(kept)))
    assert late[-1] - NOW < timedelta(seconds=15)
    assert {url: due(states[url], now=NOW, settings=Timing()) for url in kept} == kept


def test_a_small_list_is_asked_at_once() -> None:
    """Somebody waits for the first stories: 191 feeds in ten seconds, and their second polls are not held up."""
    listed = urls(191)
    times = list(polls(dict.fromkeys(listed), 600, 0.33))
    assert times[190] - NOW < timedelta(seconds=10)
    assert times[2 * 191 - 1] - NOW < timedelta(seconds=10 + 660)
    assert len(times) == 2 * 191


def test_hours_to_skip_do_not_end_for_all_at_once() -> None:
    """On the stroke of seven nobody is asked; each within a quarter of an hour after it."""
    night = Skip(frozenset(range(7)))
    begun = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    times = [
        after(
            state(url, begun, begun),
            PollResult("not_modified", 304, skip=night),
            now=begun,
            feed=Listed(url, 3600),
            settings=Timing(),
        ).next_poll
        for url in urls(1000)
    ]
    seven = datetime(2026, 3, 2, 7, tzinfo=UTC)
    assert all(seven <= time < seven + timedelta(minutes=15) for time in times)
    assert max(Counter(time.minute for time in times).values()) < 2 * 1000 / 15


@given(
    late=st.none() | st.floats(0, 1e7),
    max_age=st.integers(0, 90_000),
    interval=st.none() | st.floats(1, 90_000),
    name=st.text("abcdef", min_size=1),
)
def test_spreading_only_ever_adds(late: float | None, max_age: int, interval: float | None, name: str) -> None:
    """Neither the floor nor what a server asked for is undercut, the cap stands, and it is at most as long again."""
    url = f"https://{name}.example/"
    known = None if late is None else state(url, NOW - timedelta(days=1), NOW - timedelta(seconds=late))
    result = PollResult("not_modified", 304, {"cache-control": f"max-age={max_age}"})
    waits = [
        after(known, result, now=NOW, feed=Listed(url, interval), settings=Timing(), crowded=crowd).next_poll - NOW
        for crowd in (False, True)
    ]
    plain, spread = (wait.total_seconds() for wait in waits)
    assert min(max(max_age, 300), 86_400) <= plain <= spread <= min(2 * plain, 86_400) + 1e-3


def test_the_reason_says_so() -> None:
    """Whoever wonders why a feed waits longer than its interval finds it on the record."""
    listed = Listed("https://news.example/feed", 600)
    decision = after(None, PollResult("changed", 200), now=NOW, feed=listed, settings=Timing(), crowded=True)
    assert decision.reason.startswith("the feed's own interval: 600 s; ")
    assert decision.reason.endswith(" more, away from the many that were late together")


def test_a_trickle_never_runs_dry_nor_ahead() -> None:
    """Steady while it is called; at its beginning again after a pause, or when what it promised lies too far ahead."""
    trickle = Trickle()
    times = [trickle.next(NOW, 1, 600) for _ in range(5)]
    assert {b - a for a, b in pairwise([NOW, *times])} == {timedelta(seconds=1 / PER_SECOND)}
    later = NOW + timedelta(hours=1)
    assert trickle.next(later, 1, 600) == later + timedelta(seconds=1 / PER_SECOND)
    busy = Trickle()
    many = [busy.next(NOW, 100_000, 600) for _ in range(100_000)]
    assert max(many) - NOW <= timedelta(seconds=601)
    assert busy.crowded
    assert not trickle.crowded
    assert PER_SECOND * CROWD_SECONDS == 200
    few = Trickle()
    assert max(few.next(NOW, 10, 3) for _ in range(1000)) - NOW <= timedelta(seconds=3.1)


async def test_a_poller_lets_a_crowd_in_slowly_and_a_wish_at_once() -> None:
    """Three hundred new feeds take fifteen seconds; what somebody adds meanwhile does not wait for them."""
    world = World()
    async with serving(Paper("1 one")) as site:
        crowd = [feed(f"{site.url}/{number}", interval_seconds=600) for number in range(300)]
        async with world.poller(*crowd) as poller, running(poller):
            await world.clock.until_asleep()
            world.clock.turn(5)
            await world.journal.until(lambda: world.journal.holds(100))
            await world.clock.until_asleep()
            assert len(site.requests) == 5 * PER_SECOND
            poller.add(feed(f"{site.url}/wish", interval_seconds=600), None, asked=True)
            await world.clock.until_asleep()
            world.clock.turn(0.05)
            await world.journal.until(lambda: f"{site.url}/wish" in world.journal.states)
            assert len(site.requests) <= 5 * PER_SECOND + 2
            reasons = [known.reason for url, known in world.journal.states.items() if not url.endswith("wish")]
    assert sum(reason.endswith("away from the many that were late together") for reason in reasons) > 90
    assert world.journal.states[f"{site.url}/wish"].reason == "the feed's own interval: 600 s"
