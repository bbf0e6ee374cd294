"""Reconciling: what should have been told against what was, and what the receiver knows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.channels.story import digest, trimmed
from pipeline.reconcile import LONGEST_WAIT, SETTLE, UNDER_WAY, Accounts, Report, received_ids
from pipeline.records import (
    Alert,
    Delivery,
    Message,
    StoryEvent,
    Subscription,
    SubscriptionState,
    Terminal,
    Webhook,
    alert_id,
    channel_key,
    delivery_id,
    message_id,
)
from tests.articles import NOON
from tests.disputes import Court, accuses, denies, telling
from tests.stories import subscription, tell

NOW = NOON + timedelta(hours=1)
HOOK = Webhook(url="https://desk.example/hook")
DESK = subscription("desk", "spoons", channels=(HOOK, Terminal()))
WOLVES = subscription("wolves", "wolves")

EVENTS = tell(telling(1, accuses()), telling(2, denies()), telling(3, accuses("Curland")))
"""Of one story, found at noon."""


def alert(told: StoryEvent, whose: str = "desk", outcome: Any = "told", **changes: Any) -> Alert:
    """What became of an event; told, it is in a message of its own."""
    name = alert_id(whose, told.event.id)
    message = message_id(whose, "story.new", [name]) if outcome == "told" else ""
    fields = {
        "outcome": outcome,
        "event": trimmed(told.event),
        "story": digest(told),
        "message": message,
        "decided": NOON,
    }
    return Alert(id=name, subscription=whose, **fields | changes)


def delivery(one: Alert, channel: Any = HOOK, outcome: Any = "delivered", **changes: Any) -> Delivery:
    """An attempt to deliver an alert's message by a channel."""
    key = channel_key(one.subscription, channel)
    fields = {
        "attempt": 1,
        "outcome": outcome,
        "message": Message(id=one.message, kind="story.new", subscription=one.subscription, name="Desk", made=NOON),
        "began": NOON,
        "ended": NOON,
    }
    return Delivery(
        id=delivery_id(one.message, key),
        subscription=one.subscription,
        channel=key,
        channel_type=channel.__struct_config__.tag,
        address="desk.example",
        **fields | changes,
    )


def accounts(*those: Subscription, events: Sequence[StoryEvent] = EVENTS, **changes: Any) -> Accounts:
    """The books after these events."""
    fields: dict[str, Any] = {"since": NOON - timedelta(days=1), "until": NOW} | changes
    made = Accounts({one.id: one for one in those}, lambda domain, outlet: "", **fields)
    for told in events:
        made.happened(told)
    return made


def settled(made: Accounts) -> Accounts:
    """Every event told, and delivered by each channel."""
    for told in EVENTS:
        one = alert(told)
        made.decided(one)
        made.attempted(delivery(one))
        made.attempted(delivery(one, Terminal()))
    return made


def whats(report: Report) -> list[str]:
    """The kinds of differences."""
    return [one.what for one in report.differences]


def test_books_that_balance_have_no_differences() -> None:
    """Every event that the query matches is told and delivered by each channel; the other subscription has none."""
    report = settled(accounts(DESK, WOLVES)).reconciled()
    assert (report.events, report.expected, report.differences) == (len(EVENTS), len(EVENTS), [])
    assert report.outcomes == {"told": len(EVENTS)}
    assert report.deliveries == {"delivered": 2 * len(EVENTS)}


@given(data=st.data())
def test_whatever_is_taken_away_is_missed_and_nothing_else(data: st.DataObject) -> None:
    """Any records of `alerts` and `deliveries` that are lost: the differences are these."""
    made, expected = accounts(DESK), set()
    for told in EVENTS:
        one = alert(told)
        if data.draw(st.booleans()):
            expected.add(("missing", told.event.id, ""))
            continue
        made.decided(one)
        for channel in (HOOK, Terminal()):
            if data.draw(st.booleans()):
                expected.add(("undelivered", told.event.id, channel_key("desk", channel)))
            else:
                made.attempted(delivery(one, channel))
    assert {(one.what, one.event, one.channel) for one in made.reconciled().differences} == expected


@pytest.mark.parametrize("outcome", ["held", "silenced", "repeated", "immaterial"])
def test_what_was_not_told_for_a_reason_is_accounted_for(outcome: str) -> None:
    """And needs no delivery."""
    made = accounts(DESK, events=EVENTS[:1])
    made.decided(alert(EVENTS[0], outcome=outcome, reason="backlog"))
    report = made.reconciled()
    assert (report.outcomes, whats(report)) == ({outcome: 1}, [])


def test_what_was_held_as_if_nobody_wanted_it_is_lost() -> None:
    """The delivering process did not know a subscription that is live."""
    made = accounts(DESK, events=EVENTS[:1])
    made.decided(alert(EVENTS[0], outcome="held", reason="the subscription is paused or removed"))
    assert whats(made.reconciled()) == ["lost"]


@pytest.mark.parametrize(
    ("outcome", "counted"),
    [("failed", "retrying"), ("gave_up", "gave_up"), ("gone", "gone"), ("dropped", "dropped")],
)
def test_what_could_not_be_delivered_is_on_record(outcome: str, counted: str) -> None:
    """By its last attempt; once delivered it stays so, whatever a replay came to."""
    made = accounts(subscription("desk", channels=(HOOK,)), events=EVENTS[:1])
    one = alert(EVENTS[0])
    made.decided(one)
    made.attempted(delivery(one, outcome=outcome))
    assert (made.reconciled().deliveries, whats(made.reconciled())) == ({counted: 1}, [])
    made.attempted(delivery(one))
    made.attempted(delivery(one, outcome="failed"))
    assert made.reconciled().deliveries == {"delivered": 1}


def test_an_alert_may_wait_for_its_message_and_not_for_ever() -> None:
    """For its group, its hour, the end of quiet hours; a later record tells the message."""
    made = accounts(DESK, events=EVENTS[:1])
    made.decided(alert(EVENTS[0], message=""))
    assert (made.reconciled().deliveries, whats(made.reconciled())) == ({"waiting": 2}, [])
    made.until = NOON + LONGEST_WAIT + timedelta(seconds=1)
    assert whats(made.reconciled()) == ["lost"]
    made.decided(alert(EVENTS[0]))
    made.decided(alert(EVENTS[0], message=""))  # read again after a restart
    assert whats(made.reconciled()) == ["undelivered", "undelivered"]


def test_what_is_on_its_way_is_not_missed_yet() -> None:
    """Neither an alert nor an attempt of the last minute."""
    just_now = NOON + UNDER_WAY - timedelta(seconds=1)
    made = accounts(subscription("desk", channels=(HOOK,)), events=EVENTS[:2], until=just_now)
    made.decided(alert(EVENTS[0]))
    report = made.reconciled()
    assert (report.outcomes, report.deliveries, whats(report)) == ({"told": 1, "under way": 1}, {"under way": 1}, [])


def test_an_attempt_may_wait_behind_others_that_fail() -> None:
    """An endpoint that hangs has a queue of its own."""
    made = accounts(subscription("desk", channels=(HOOK,)), events=EVENTS[:2])
    first, second = map(alert, EVENTS[:2])
    made.decided(first)
    made.decided(second)
    made.attempted(delivery(first, outcome="failed", ended=NOON + timedelta(minutes=5)))
    assert made.reconciled().deliveries == {"retrying": 1, "queued": 1}


def test_a_channel_that_is_disabled_or_newer_than_the_alert_is_no_difference() -> None:
    """Nobody knows since when a channel is there; the record was written since."""
    desk = subscription("desk", channels=(HOOK,))
    off = SubscriptionState(id="desk", disabled={channel_key("desk", HOOK): "410"}, updated=NOON)
    for counted, more in (("disabled", {"states": {"desk": off}}), ("changed since", {"written": {"desk": NOON}})):
        made = accounts(desk, events=EVENTS[:1], **more)
        made.decided(alert(EVENTS[0]))
        assert (made.reconciled().deliveries, whats(made.reconciled())) == ({counted: 1}, [])


def test_what_does_not_match_should_not_have_been_told() -> None:
    """An alert of a query that does not match is a difference; of a subscription that is gone, or before it, none."""
    for those, wrong in (([WOLVES], ["unexpected"]), ([], []), ([subscription("wolves", "wolves", changed=NOW)], [])):
        made = accounts(*those, events=EVENTS[:1])
        made.decided(alert(EVENTS[0], "wolves"))
        assert whats(made.reconciled()) == wrong


def test_only_what_was_found_after_a_subscription_settled_is_expected() -> None:
    """Until every worker knows it, it may be told or not."""
    for changed, expected in ((NOON - SETTLE, 1), (NOON - SETTLE + timedelta(seconds=1), 0), (None, 1)):
        made = accounts(subscription("desk", changed=changed), events=EVENTS[:1])
        assert made.reconciled().expected == expected


def test_events_count_once_and_only_of_that_time() -> None:
    """However often they were sent; before the span nothing is looked at."""
    assert accounts(DESK, events=[*EVENTS, *EVENTS]).reconciled().events == len(EVENTS)
    assert accounts(DESK, since=NOON + timedelta(seconds=1)).reconciled().events == 0


def test_an_event_counts_from_when_it_was_first_found() -> None:
    """A replay finds it again, after somebody subscribed: he was not told of it, and should not have been."""
    again = msgspec.structs.replace(EVENTS[0], event=msgspec.structs.replace(EVENTS[0].event, processed=NOW))
    late = subscription("desk", changed=NOON + timedelta(minutes=5))
    assert accounts(late, events=[EVENTS[0], again]).reconciled().expected == 0


def test_neither_heartbeats_nor_merged_threads_are_stories() -> None:
    """Nobody is told of them."""
    gone = tell(telling(1, accuses()), court=Court())[0]
    assert gone.thread is not None
    merged = msgspec.structs.replace(gone, thread=msgspec.structs.replace(gone.thread, merged_into="f" * 32))
    beat = msgspec.structs.replace(gone, thread=None)
    assert accounts(subscription(), events=[merged, beat]).reconciled().events == 0


def test_a_query_that_cannot_be_read_is_said() -> None:
    """And nothing is expected for it."""
    report = accounts(subscription("desk", "mood:(angry")).reconciled()
    assert (report.broken, report.expected) == (("desk",), 0)


def test_the_receiver_has_the_last_word() -> None:
    """What counts as delivered by webhook, and never arrived, is a difference; printing is nobody's log."""
    made = settled(accounts(DESK))
    ids = [alert(told).message for told in EVENTS]
    assert made.reconciled(frozenset(ids)).received == len(EVENTS)
    report = made.reconciled(frozenset(ids[1:]))
    assert [(one.what, one.message) for one in report.differences] == [("unreceived", ids[0])]
    given_up = accounts(subscription("desk", channels=(HOOK,)), events=EVENTS[:1])
    given_up.decided(alert(EVENTS[0]))
    given_up.attempted(delivery(alert(EVENTS[0]), outcome="gave_up"))
    assert whats(given_up.reconciled(frozenset())) == []


def test_a_receivers_log_may_have_ids_or_objects() -> None:
    """One a line; a line that has none is named."""
    lines = ['"msg_1"', "", '{"webhook-id": "msg_2", "at": 1}', '{"id": "msg_3"}']
    assert received_ids(lines, json.loads) == {"msg_1", "msg_2", "msg_3"}
    with pytest.raises(ValueError, match="line 2"):
        received_ids(['"msg_1"', "{}"], json.loads)
