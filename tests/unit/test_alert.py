"""The agent `alert` without Faust or a broker: events of stories in, matches out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from agents.alert import Wanted, make_alert
from agents.stage import whole
from pipeline.channels.story import digest, trimmed
from pipeline.heartbeat import heartbeat
from pipeline.metrics import Metrics
from pipeline.records import (
    DeliverInput,
    Match,
    Merged,
    StoryEvent,
    deliver_inputs,
    encode,
    story_events,
)
from pipeline.subscriptions.gate import AgeGate
from pipeline.subscriptions.matching import Matching
from pipeline.threads.events import by_article
from pipeline.threads.events import heartbeat as beating
from pipeline.topics import DELIVER_IN, STORY_EVENTS
from tests.articles import NOON
from tests.disputes import Court, accuses, article_id, command, denies, telling
from tests.stories import silence, subscription, tell
from tests.unit.test_agents import Bench, Record

DAY = timedelta(days=1)
LATE = NOON + timedelta(minutes=2)


class Alerting(Bench):
    """The stage over subscriptions that come and go; its clock stands at ``now``."""

    def __init__(self, *those: Any) -> None:
        metrics = Metrics(CollectorRegistry())
        matching = Matching(lambda domain, outlet: "", AgeGate(DAY))
        self.now: datetime = LATE
        self.wanted = Wanted(matching, metrics)
        super().__init__(
            make_alert(matching, metrics, lambda: self.now, partitions=4), metrics, decode=whole(story_events)
        )
        for one in those:
            self.wanted.changed(one.id, one)

    async def hear(self, *events: StoryEvent) -> list[bytes]:
        """Take these in, and what is sent of them."""
        already = len(self.sent.records)
        await self.play(*(Record(encode(one), STORY_EVENTS, offset=at) for at, one in enumerate(events)))
        return [value for _, _, value, _, _ in self.sent.records[already:]]

    async def matches(self, *events: StoryEvent) -> list[Match]:
        """The same, read."""
        found = [deliver_inputs.decode(value).what for value in await self.hear(*events)]
        return [one for one in found if isinstance(one, Match)]


def denied() -> list[StoryEvent]:
    """Aland accuses Borduria, which denies it."""
    return tell(telling(1, accuses(), hours=-1), telling(2, denies(), ruleset="r2"))


async def test_each_subscription_learns_of_an_event_that_it_is_for() -> None:
    """Under its own key: the story as a message tells it, the bounded event, its group, and when it was fetched."""
    bench = Alerting(subscription("desk", "spoons", group_by="accused"), subscription("wolves", "wolves"))
    told = denied()[-1]
    (match,) = await bench.matches(told)
    assert [(topic, key, where) for topic, key, _, where, _ in bench.sent.records] == [(DELIVER_IN, b"desk", None)]
    assert told.article is not None
    assert match == Match(
        subscription="desk",
        event=trimmed(told.event),
        story=digest(told),
        group="BORGOV",
        fetched=told.article.fetched,
        matched=LATE,
    )
    assert match.story.state == "disputed"


async def test_what_grows_with_a_thread_stays_behind() -> None:
    """Why an article joined, and which articles moved, are for those who look at threads."""
    events = denied()
    assert any(one.event.member for one in events)
    assert not any(match.event.member for match in await Alerting(subscription()).matches(*events))


async def test_spliced_matches_are_what_the_codec_writes() -> None:
    """Event and story are encoded once for all; every byte is as if each match had been encoded whole."""
    bench = Alerting(subscription("desk"), subscription("news", group_by="all"))
    bench.wanted.silenced("quiet", silence(subscription="desk"))
    for told in denied():
        for value in await bench.hear(told):
            assert value == encode(DeliverInput(what=deliver_inputs.decode(value).what))


async def test_an_event_that_comes_again_gives_the_same_but_for_the_time() -> None:
    """Another worker, another order of the subscriptions, an hour later."""
    those = [subscription(name, group_by="accuser") for name in ("a", "b", "c")]
    one, other = Alerting(*those), Alerting(*reversed(those))
    other.now += timedelta(hours=1)
    first = await one.matches(*denied())
    again = [msgspec.structs.replace(match, matched=LATE) for match in await other.matches(*denied())]
    assert [encode(DeliverInput(what=match)) for match in again] == [
        encode(DeliverInput(what=match)) for match in first
    ]


async def test_a_match_tells_why_it_is_not_to_be_told() -> None:
    """Held or silenced, it is sent all the same: it is shown."""
    bench = Alerting(subscription())
    bench.wanted.silenced("quiet", silence())
    (told,) = tell(telling(1, accuses()))[:1]
    assert [(match.held, match.silence) for match in await bench.matches(told)] == [(None, "quiet")]
    bench.wanted.silenced("quiet", None)
    bench.now = NOON + 2 * DAY
    assert [(match.held, match.silence) for match in await bench.matches(told)] == [("old", "")]
    assert bench.value("matches_total", outcome="silenced") == bench.value("matches_total", outcome="old") == 1


async def test_subscriptions_take_effect_while_it_runs() -> None:
    """Added, changed to another query, and gone."""
    bench = Alerting()
    event = tell(telling(1, accuses()))[0]
    assert await bench.matches(event) == []
    bench.wanted.changed("desk", subscription("desk"))
    assert len(await bench.matches(event)) == 1
    bench.wanted.changed("desk", subscription("desk", "wolves"))
    assert await bench.matches(event) == []
    bench.wanted.changed("desk", None)
    assert bench.value("subscriptions", state="matched") == 0


async def test_a_broken_subscription_is_counted_and_stops_no_other() -> None:
    """So is a broken silence; both may come from a newer version."""
    bench = Alerting(subscription("good"), subscription("bad", "mood:(angry"))
    bench.wanted.silenced("quiet", silence("quiet", "mood:(angry"))
    assert [match.subscription for match in await bench.matches(tell(telling(1, accuses()))[0])] == ["good"]
    assert bench.value("subscriptions", state="broken") == bench.value("silences", state="broken") == 1


async def test_a_fault_in_reading_a_query_costs_its_subscription_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever follows the topic goes on; it is counted as broken."""
    bench = Alerting(subscription("good"))

    def fails(_text: str) -> Any:
        raise RecursionError

    monkeypatch.setattr("pipeline.subscriptions.matching.parse_query", fails)
    bench.wanted.changed("bad", subscription("bad"))
    bench.wanted.silenced("quiet", silence())
    assert bench.value("subscriptions", state="broken") == bench.value("silences", state="broken") == 1
    assert [match.subscription for match in await bench.matches(tell(telling(1, accuses()))[0])] == ["good"]


async def test_a_merge_goes_to_every_partition() -> None:
    """Once each, before anything else is told of the story that took it in."""
    court = Court(apart={article_id(2)})
    tell(telling(1, accuses()), telling(2, accuses("Curland", "Ostrany")), court=court)
    court.apart.clear()
    bench = Alerting(subscription())
    sent = [
        deliver_inputs.decode(value).what for value in await bench.hear(*tell(command("merge", 2, into=1), court=court))
    ]
    assert sent[:4] == [Merged(partition=at, thread=article_id(2), into=article_id(1)) for at in range(4)]
    assert {one.story.thread for one in sent[4:] if isinstance(one, Match)} == {article_id(1)}
    assert [where for *_, where, _ in bench.sent.records][:4] == [0, 1, 2, 3]


async def test_the_thread_that_took_another_in_tells_of_the_merge_too() -> None:
    """It is on a partition of its own, and may be read before the other's: a story that was told is no new one then."""
    court = Court(apart={article_id(2)})
    tell(telling(1, accuses()), telling(2, accuses("Curland", "Ostrany")), court=court)
    court.apart.clear()
    merged = [one for one in tell(command("merge", 2, into=1), court=court) if one.event.thread == article_id(1)]
    bench = Alerting(subscription())
    sent = [deliver_inputs.decode(value).what for value in await bench.hear(*merged)]
    assert sent[:4] == [Merged(partition=at, thread=article_id(2), into=article_id(1)) for at in range(4)]
    assert next(one.event.kind for one in sent[4:] if isinstance(one, Match)) == "merged"


async def test_a_heartbeat_is_measured_here_and_told_to_nobody() -> None:
    """Behind the last stage of the worker: from the publishing of its article."""
    (article,) = heartbeat(2, NOON).articles
    beat = StoryEvent(event=beating(2, by_article(article, 1, NOON)), article=article, heartbeat=2)
    bench = Alerting(subscription())
    assert await bench.hear(beat) == []
    assert bench.value("heartbeat_seconds_sum") == 120
    assert bench.value("heartbeat_timestamp_seconds", partition="2") == LATE.timestamp()
    assert bench.value("story_events_total", kind="heartbeat") == 0


async def test_an_event_that_cannot_be_matched_is_buried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours costs the event, which is kept with its bytes; the next one is told."""
    bench = Alerting(subscription())
    first, second = denied()[:2]

    def fails_first(self: Matching, told: StoryEvent, now: datetime) -> Any:
        if told == first:
            raise RuntimeError("matching broke")
        return matched(self, told, now)

    matched = Matching.verdicts
    monkeypatch.setattr(Matching, "verdicts", fails_first)
    dead, told = await bench.hear(first, second)
    assert (story_events.decode(dead), bench.sent.records[0][0]) == (first, "story-events.dead")
    assert isinstance(deliver_inputs.decode(told).what, Match)
    assert bench.value("dead_letters_total", topic=STORY_EVENTS) == 1


async def test_what_was_matched_is_counted() -> None:
    """Events by kind, matches by what becomes of them, and how long it took."""
    bench = Alerting(subscription("a"), subscription("b", changed=LATE), subscription("wolves", "wolves"))
    events = denied()
    await bench.hear(*events)
    assert bench.value("story_events_total", kind="created") == 1
    assert bench.value("matches_total", outcome="open") == bench.value("matches_total", outcome="old") == len(events)
    assert bench.value("matching_seconds_count") == len(events)
    assert bench.value("subscriptions", state="matched") == 3
    assert bench.value("articles_in_total", stage="dedupe") == len(events)


async def test_a_story_is_digested_and_encoded_once_for_a_thousand_subscriptions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is large is the same for all of them."""
    digested: list[StoryEvent] = []

    def count(told: StoryEvent) -> Any:
        digested.append(told)
        return digest(told)

    monkeypatch.setattr("agents.alert.digest", count)
    bench = Alerting(*(subscription(f"s{number}") for number in range(1000)))
    assert len(await bench.hear(denied()[-1])) == 1000
    assert len(digested) == 1
