"""Subscriptions, matches, alerts and deliveries as `tail` shows them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipeline.kafka import Message
from pipeline.lines import Line
from pipeline.readable import readable
from pipeline.records import (
    Again,
    Apprise,
    Attempt,
    Clock,
    DeliverInput,
    Match,
    Merged,
    Record,
    SubscriptionState,
    Webhook,
    encode,
)
from pipeline.topics import (
    ALERTS,
    DELIVER_IN,
    DELIVERIES,
    SILENCES,
    STORY_EVENTS,
    SUBSCRIPTION_STATE,
    SUBSCRIPTIONS,
    TOPICS,
)
from tests.articles import NOON
from tests.stories import silence, subscription
from tests.unit.test_reconcile import EVENTS, alert, delivery

TOLD = EVENTS[0]
ALERT = alert(TOLD, outcome="held", reason="backlog\x1b[2J")


def shown(topic: str, record: Record | bytes) -> Line:
    """As a line."""
    value = encode(record) if isinstance(record, Record) else record
    return readable(Message(topic, 2, 41, NOON, b"desk", value, ()))


MATCH = Match(subscription="desk", event=ALERT.event, story=ALERT.story, held="old", matched=NOON)
ATTEMPT = Attempt(
    delivery="d1", subscription="desk", number=3, outcome="failed", error="HTTP 500", began=NOON, ended=NOON
)
AGAIN = Again(id="1", subscription="desk", channel="c", message=delivery(alert(TOLD)).message, author="Ada", given=NOON)


@pytest.mark.parametrize(
    ("topic", "record", "wanted"),
    [
        (STORY_EVENTS, TOLD, ("created", "alleged: silver spoons")),
        (SUBSCRIPTIONS, subscription("desk", "spoons", paused=True), ("desk  Desk (Ada), paused", "stdout", "spoons")),
        (SUBSCRIPTIONS, subscription("desk", removed=True), ("removed", "every story")),
        (SILENCES, silence("quiet", "spoons", subscription="desk"), ("quiet of desk, by Ada: Known", "spoons")),
        (
            SUBSCRIPTION_STATE,
            SubscriptionState(id="desk", stories=2, messages=3, held=4, disabled={"c1": "410"}, updated=NOON),
            ("2 stories, 3 messages, 4 held", "channel c1 is disabled: 410"),
        ),
        (DELIVER_IN, DeliverInput(what=MATCH), ("desk  created, held: old", "silver spoons")),
        (DELIVER_IN, DeliverInput(what=Merged(partition=1, thread="a", into="b")), ("thread a went into b",)),
        (DELIVER_IN, DeliverInput(what=ATTEMPT), ("attempt 3 of d1: failed: HTTP 500",)),
        (DELIVER_IN, DeliverInput(what=AGAIN), ("again, by Ada",)),
        (ALERTS, ALERT, ("held (backlog\\x1b[2J)  desk  created", "silver spoons", ALERT.story.thread)),
        (ALERTS, alert(TOLD, message=""), ("told  desk  created  waits",)),
        (
            DELIVERIES,
            delivery(alert(TOLD), outcome="failed", status=500, next_try=NOON + timedelta(minutes=5)),
            ("failed  desk  webhook desk.example, attempt 1 HTTP 500, again ", alert(TOLD).message),
        ),
    ],
)
def test_a_record_is_a_line_for_people(topic: str, record: Record, wanted: tuple[str, ...]) -> None:
    """What matters of it, and nothing that could steer a terminal."""
    line = str(shown(topic, record))
    assert [part for part in wanted if part not in line] == []
    assert "\x1b" not in line


def test_the_time_is_no_news() -> None:
    """A tail leaves it out, as it does heartbeats."""
    assert shown(DELIVER_IN, DeliverInput(what=Clock(partition=1, time=NOON))).heartbeat


def test_addresses_of_channels_stay_on_the_topic() -> None:
    """A webhook's path and a chat's token are secrets to some."""
    secret = subscription(channels=(Webhook(url="https://x.example/s3cret"), Apprise(url="sealed:t0ken")))
    line = str(shown(SUBSCRIPTIONS, secret))
    assert "webhook, apprise" in line
    assert "s3cret" not in line
    assert "t0ken" not in line


def test_every_topic_has_a_form() -> None:
    """But the changelogs, which are the agents' own."""
    mine = [one.name for one in TOPICS if not one.name.endswith("-changelog")]
    assert [one for one in mine if "no form is known" in str(shown(one, b"{}"))] == []
