"""What a subscription is told, and when: one alert a story, follow-ups, merges, groups, hours, limits, what is held."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.alerts.book import MOST_AT_ONCE, Book
from pipeline.alerts.memory import REMEMBER
from pipeline.alerts.message import MAX_ITEMS
from pipeline.records import Clock, Merged, Subscription, Terminal
from pipeline.records.subscription import Quiet, Webhook
from tests.desks import HOOK, Desk, describe, desk, key, match, thread_id
from tests.told import NOW, story


def test_a_story_is_told_once_and_then_only_what_changes_it() -> None:
    """Whatever event matches first tells the story; then only those that the subscription asks for."""
    one = Desk()
    assert one.match(1, "joined") == "told"
    assert one.match(1, "joined", cause="article:2") == "immaterial"
    assert one.match(1, "new_denier", cause="article:3") == "told"
    assert [(message.kind, message.items[0].first) for message in one.messages] == [
        ("story.new", True),
        ("story.update", False),
    ]


def test_a_match_that_comes_again_changes_nothing() -> None:
    """Also after a restart."""
    one = Desk()
    one.match(1)
    two = one.again()
    assert two.match(1) == "nothing"
    assert (two.messages, len(two.outbox)) == ([], 1)


@pytest.mark.parametrize("direction", [(1, 2), (2, 1)])
@pytest.mark.parametrize("late", [False, True], ids=["merge first", "merge again"])
def test_merged_threads_are_one_story(direction: tuple[int, int], late: bool) -> None:
    """Who was told of one was told of the other, whichever went into which, also when the merge is told again."""
    one = Desk()
    one.match(1, "created", cause="article:1")
    one.merge(*direction)
    if late:
        one.merge(*direction)
        one = one.again()
    assert one.match(2, "created", cause="article:1") == "repeated"
    assert one.match(2, "joined", cause="article:7") == "immaterial"
    assert one.match(2, "new_denier", cause="article:8") == "told"
    assert one.match(1, "new_denier", cause="article:8") == "repeated"
    assert not one.messages[-1].items[0].first


def test_a_chain_of_merges_is_one_story_and_a_ring_ends() -> None:
    """Into one that went into a third, and back."""
    one = Desk()
    one.match(1)
    for thread, into in ((1, 2), (2, 3), (3, 1), (4, 4)):
        one.merge(thread, into)
    assert one.match(3, "joined", cause="x") == "immaterial"
    assert one.match(4, "joined", cause="x") == "told"


def test_a_thread_that_was_split_off_again_may_go_into_another() -> None:
    """It is one story with the third then, and no more with the second."""
    one = Desk()
    one.match(1)
    one.merge(1, 2)
    one.merge(1, 3)
    for book in (one, one.again()):
        assert book.match(3, "joined", cause="x") == "immaterial"
    assert one.match(2, "joined", cause="x") == "told"


def test_a_story_stays_told_while_its_merged_thread_has_news() -> None:
    """The thread that was told is forgotten after 35 days, and so is the merge; the story is not."""
    one = Desk()
    one.match(1)
    one.deliver()
    one.merge(1, 2)
    for _ in range(5):
        one.pass_time(days=20)
        assert one.match(2, "joined", cause=one.now.isoformat()) == "immaterial"
    one.pass_time(days=REMEMBER.days + 1)
    assert one.match(2, "joined", cause="late") == "told"
    assert not len(one.rows.merges)


def test_all_is_forgotten_after_a_while() -> None:
    """Of a subscription that is gone, nothing stays: the table is bounded by time."""
    one = Desk(desk(group_wait_seconds=30.0, group_interval_seconds=300.0))
    for number in range(5):
        one.match(number)
    one.match(9, held="old")
    one.merge(1, 2)
    one.pass_time(minutes=1)
    one.deliver()
    one.known.clear()
    one.pass_time(days=2 * REMEMBER.days + 2)
    assert {store.kind: len(store) for store in one.rows.stores} == dict.fromkeys("stmgwor", 0)


def test_a_live_subscription_keeps_its_counts() -> None:
    """However long it is told nothing."""
    one = Desk()
    one.match(1)
    one.deliver()
    one.pass_time(days=3 * REMEMBER.days)
    standing = one.rows.standings.get("desk")
    assert standing is not None
    assert (standing.stories, standing.messages) == (1, 1)


# -- groups


def test_a_group_waits_and_then_keeps_its_interval() -> None:
    """30 s from its first alert; what comes within 5 minutes of the message is one more."""
    one = Desk(desk(group_wait_seconds=30.0, group_interval_seconds=300.0))
    one.match(1)
    one.pass_time(seconds=20)
    one.match(1, "new_denier", cause="a")
    one.pass_time(seconds=9)
    assert one.messages == []
    one.pass_time(seconds=1)
    assert [len(message.items) for message in one.messages] == [2]
    assert one.messages[0].kind == "story.new"
    one.pass_time(seconds=100)
    one.match(1, "new_accuser", cause="b")
    one.pass_time(seconds=199)
    assert len(one.messages) == 1
    one.pass_time(seconds=1)
    assert [message.kind for message in one.messages] == ["story.new", "story.update"]
    waited = [alert for alert in one.alerts if alert.outcome == "told"]
    assert [alert.message for alert in waited[:2]] == ["", ""]
    assert {alert.message for alert in waited if alert.message} == {message.id for message in one.messages}


def test_groups_have_nothing_in_common() -> None:
    """Stories of one group are a digest; those of another have a message of their own."""
    one = Desk(desk(group_wait_seconds=10.0))
    one.match(1, group="Borduria")
    one.match(2, group="Borduria")
    one.match(3, group="Syldavia")
    one.pass_time(seconds=10)
    assert sorted((message.kind, len(message.items)) for message in one.messages) == [("digest", 2), ("story.new", 1)]


def test_a_long_message_says_how_much_it_leaves_out() -> None:
    """Each alert is told in it, also those that it only counts."""
    one = Desk(desk(group_wait_seconds=10.0))
    for number in range(MAX_ITEMS + 5):
        one.match(number, group="all")
    one.pass_time(seconds=10)
    (message,) = one.messages
    assert (len(message.items), message.more) == (MAX_ITEMS, 5)
    assert len({alert.id for alert in one.alerts if alert.message == message.id}) == MAX_ITEMS + 5


# -- hours and limits


def test_a_daily_digest_comes_at_its_local_time() -> None:
    """At 8 in Berlin, once, with everything since."""
    one = Desk(desk(mode="daily", at="08:00", zone="Europe/Berlin"))
    one.match(1)
    one.pass_time(hours=3)
    one.match(2)
    one.pass_time(hours=40)
    assert [(len(message.items), message.made) for message in one.messages] == [
        (2, datetime(2026, 11, 23, 7, tzinfo=UTC))
    ]


def test_an_hourly_digest_comes_at_the_full_hour() -> None:
    """Of the zone, which may be half an hour off."""
    one = Desk(desk(mode="hourly", zone="Asia/Kolkata"))
    one.match(1)
    one.pass_time(hours=2)
    assert [message.made.minute for message in one.messages] == [30]


def test_quiet_hours_past_midnight_hold_the_delivery_and_not_the_evaluation() -> None:
    """From 22 to 6: what is matched then comes at 6, as one message; whether it is told was decided before."""
    one = Desk(desk(quiet=(Quiet(since="22:00", until="06:00"),)))
    one.pass_time(hours=9, minutes=59)
    one.match(1)
    one.pass_time(minutes=1)
    assert one.match(2) == "told"
    one.pass_time(hours=3)
    assert one.match(1, "joined", cause="x") == "immaterial"
    one.match(3)
    one.pass_time(hours=6)
    assert [(message.made.hour, len(message.items)) for message in one.messages] == [(21, 1), (6, 2)]


def test_a_group_that_is_due_in_quiet_hours_waits_for_their_end() -> None:
    """With what came in them."""
    one = Desk(desk(group_wait_seconds=600.0, quiet=(Quiet(since="12:05", until="13:00"),)))
    one.match(1)
    one.pass_time(minutes=20)
    one.match(2)
    one.pass_time(minutes=50)
    assert [(message.made, len(message.items)) for message in one.messages] == [(NOW + timedelta(hours=1), 2)]


def test_what_is_beyond_the_days_maximum_comes_after_midnight() -> None:
    """As one message, which counts for the new day; at midnight of the subscription's zone."""
    one = Desk(desk(max_per_day=2, zone="America/New_York"))
    for number in range(5):
        one.match(number)
    one.pass_time(hours=30)
    assert [len(message.items) for message in one.messages] == [1, 1, 3]
    assert one.messages[-1].made == datetime(2026, 11, 23, 5, tzinfo=UTC)
    one.match(7)
    one.match(8)
    assert [len(message.items) for message in one.messages] == [1, 1, 3, 1]


# -- what is held


def test_what_was_held_is_summed_up_once_it_is_quiet() -> None:
    """One message a day at the most, which counts stories; each alert says why."""
    one = Desk()
    for number in range(3):
        assert one.match(number, held="backlog") == "held"
        one.match(number, "joined", cause="x", held="backlog")
        one.pass_time(seconds=50)
    one.match(9, held="old")
    assert one.messages == []
    one.pass_time(minutes=2)
    assert [(message.kind, message.held) for message in one.messages] == [("held", {"backlog": 3, "old": 1})]
    one.match(10, held="old")
    one.pass_time(hours=23)
    assert len(one.messages) == 1
    one.pass_time(hours=2)
    assert [message.held for message in one.messages] == [{"backlog": 3, "old": 1}, {"old": 1}]


def test_what_is_held_again_is_summed_up_again() -> None:
    """A replay of the next day is no duplicate of the first summary."""
    one = Desk()
    for _ in range(2):
        one.match(1, held="old")
        one.pass_time(days=2)
    assert len({message.id for message in one.messages}) == len(one.messages) == 2


def test_a_backlog_that_does_not_end_is_summed_up_all_the_same() -> None:
    """After an hour."""
    one = Desk()
    for number in range(100):
        one.match(number, held="old")
        one.pass_time(seconds=50)
    assert [message.kind for message in one.messages] == ["held"]


def test_a_held_story_is_told_by_its_next_event() -> None:
    """Held is not told; nor is silenced."""
    one = Desk()
    one.match(1, held="backlog")
    one.match(2, silence="s1")
    assert [alert.reason for alert in one.alerts] == ["backlog", "s1"]
    assert one.match(1, "joined", cause="x") == one.match(2, "joined", cause="x") == "told"


def test_a_paused_subscription_is_told_nothing_and_what_waits_is_dropped() -> None:
    """Each message that will not be delivered is on `deliveries`, to be sent again by who wants it."""
    one = Desk(desk(group_wait_seconds=10.0))
    one.match(1)
    one.pass_time(seconds=10)
    one.match(2)
    one.put(desk(paused=True))
    assert one.book.concerned("desk", one.known)
    one.pass_time(seconds=1)
    assert not one.book.concerned("desk", one.known)
    assert [(row.outcome, row.message.items[0].event.thread) for row in one.deliveries] == [
        ("dropped", thread_id(1)),
        ("dropped", thread_id(2)),
    ]
    assert one.match(3) == "held"
    assert one.outbox == {}


# -- laws

moments = st.integers(0, 100_000)
KINDS = ("created", "joined", "new_denier", "spread")
wants = st.builds(
    desk,
    st.sampled_from([HOOK, Webhook(url="https://hooks.example/b")]),
    st.just(Terminal()),
    group_wait_seconds=st.sampled_from([0.0, 30.0]),
    group_interval_seconds=st.sampled_from([0.0, 300.0]),
    mode=st.sampled_from(["instant", "instant", "hourly", "daily"]),
    max_per_day=st.sampled_from([0, 1, 3]),
    quiet=st.sampled_from([(), (Quiet(since="22:00", until="06:00"),)]),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Auckland"]),
)
steps = st.lists(
    st.one_of(
        st.builds(
            lambda n, k, c, h, s: ("match", n, k, f"article:{c}", h, s),
            st.integers(1, 4),
            st.sampled_from(KINDS),
            st.integers(1, 4),
            st.sampled_from([None, None, None, "old", "backlog"]),
            st.sampled_from(["", "", "", "s1"]),
        ),
        st.builds(lambda a, b: ("merge", a, b), st.integers(1, 4), st.integers(1, 4)),
        st.builds(lambda s: ("wait", s), moments),
        st.builds(lambda o: ("deliver", o), st.sampled_from(["delivered", "failed", "failed", "gone"])),
        st.sampled_from([("pause",), ("resume",)]),
        st.builds(lambda wanted: ("edit", wanted), wants),
        st.builds(lambda s: ("set the clock", s), st.sampled_from([-86_400, -3600, -60, 60, 3600, 10_000_000])),
    ),
    max_size=40,
)


def play(one: Desk, what: tuple[object, ...]) -> None:
    """One step of a story."""
    match what:
        case ("match", int(number), str(kind), str(cause), held, silence):
            one.match(number, kind, cause=cause, held=held, silence=silence)
        case ("merge", int(thread), int(into)):
            one.merge(thread, into)
        case ("wait", int(seconds)):
            one.pass_time(seconds=seconds)
        case ("deliver", outcome):
            one.deliver(outcome)
        case ("edit", Subscription() as wanted):
            one.put(msgspec.structs.replace(wanted, resumed=one.known["desk"].resumed))
        case ("set the clock", int(seconds)):
            one.now += timedelta(seconds=seconds)
        case ("pause",):
            one.put(msgspec.structs.replace(one.known["desk"], paused=True))
        case _:
            one.put(msgspec.structs.replace(one.known["desk"], paused=False, resumed=one.now))


@settings(deadline=None, max_examples=200)
@given(wants, steps)
def test_no_alert_is_lost(wanted: object, story: list[tuple[object, ...]]) -> None:
    """Every match ends in one outcome, or was told before; what is told is in exactly one message; each message has a
    delivery for each channel, or says why not."""
    one = Desk(wanted)  # type: ignore[arg-type]
    for what in story:
        before = len(one.alerts)
        play(one, what)
        if what[0] == "match" and len(one.alerts) == before:
            assert any(alert.outcome == "told" for alert in one.alerts)
    one.put(msgspec.structs.replace(one.known["desk"], paused=False))
    one.pass_time(days=3)
    told = {alert.id for alert in one.alerts if alert.outcome == "told"}
    messages = [alert.message for alert in one.alerts if alert.outcome == "told" and alert.message]
    homes = {alert.id: alert.message for alert in one.alerts if alert.outcome == "told" and alert.message}
    assert told == homes.keys()
    assert len(messages) == len(homes), "an alert went into two messages"
    assert len({message.id for message in one.messages}) == len(one.messages)
    assert set(homes.values()) <= {message.id for message in one.messages}
    items = [item.alert for message in one.messages for item in message.items]
    assert len(items) == len(set(items))
    assert not len(one.rows.waiting)
    seen = {row.message.id for row in one.deliveries} | {row.message.id for row in one.outbox.values()}
    assert seen == {message.id for message in one.messages}


@settings(deadline=None, max_examples=100)
@given(wants, steps, st.data())
def test_a_restart_changes_nothing(wanted: object, story: list[tuple[object, ...]], data: st.DataObject) -> None:
    """Whatever a book has beside its rows follows from them."""
    whole = Desk(wanted)  # type: ignore[arg-type]
    parts = Desk(wanted)  # type: ignore[arg-type]
    at = data.draw(st.integers(0, len(story)))
    for number, what in enumerate(story):
        if number == at:
            came = (parts.alerts, parts.messages, parts.deliveries)
            parts = parts.again()
            parts.alerts, parts.messages, parts.deliveries = came
        play(whole, what)
        play(parts, what)
    assert [message.id for message in parts.messages] == [message.id for message in whole.messages]
    assert [(row.id, row.attempt, row.outcome) for row in parts.deliveries] == [
        (row.id, row.attempt, row.outcome) for row in whole.deliveries
    ]
    assert [alert.id for alert in parts.alerts] == [alert.id for alert in whole.alerts]


def test_a_clock_that_goes_back_does_nothing() -> None:
    """One that is delivered again, or of a machine that is behind."""
    one = Desk(desk(group_wait_seconds=10.0))
    one.match(1)
    one.pass_time(seconds=9)
    one.take(Clock(partition=0, time=NOW))
    assert one.book.ticked == NOW + timedelta(seconds=9)


def test_a_clock_that_was_wrong_and_is_set_back_keeps_nothing_waiting() -> None:
    """A year ahead for a minute: whatever was decided meanwhile is told as if it had come when the time was right."""
    one = Desk(
        desk(HOOK, Terminal(), group_wait_seconds=30.0, group_interval_seconds=300.0),
        msgspec.structs.replace(desk(Terminal(), mode="daily"), id="daily"),
    )
    one.match(1)
    one.take(match(1, subscription="daily"))
    one.pass_time(days=365)
    one.match(2)
    one.take(match(2, subscription="daily", at=one.now))
    one.match(3)
    one.pass_time(seconds=31)
    one.match(3, "new_denier", cause="x")
    one.match(4, held="old")
    one.deliver("failed")
    one.attempt(next(name for name, row in one.outbox.items() if row.channel == key()), "gone")
    one.now = NOW + timedelta(minutes=1)
    assert one.book.due(one.now)
    one = one.again()
    one.match(5)
    one.pass_time(seconds=31)
    assert {item.event.thread for message in one.messages for item in message.items} == {thread_id(3), thread_id(5)}
    assert all(row.due <= one.now + timedelta(seconds=6) for row in one.outbox.values())
    one.pass_time(hours=25)
    assert {message.kind for message in one.messages} == {"story.new", "story.update", "held"}
    assert not len(one.rows.waiting)
    one.put(msgspec.structs.replace(one.known["desk"], resumed=one.now))
    assert one.book.concerned("desk", one.known)


def test_a_clock_does_so_much_and_the_next_one_the_rest() -> None:
    """The digests of all subscriptions are due at the same moment, and a thousand are removed at once."""
    those = [msgspec.structs.replace(desk(mode="hourly"), id=f"d{number:04d}") for number in range(1500)]
    one = Desk(*those)
    for subscription in those:
        one.take(match(1, subscription=subscription.id))
    one.now += timedelta(hours=2)
    one.take(Clock(partition=0, time=one.now))
    assert len(one.messages) == MOST_AT_ONCE
    assert one.book.due(one.now)
    one.pass_time(minutes=1)
    assert len(one.messages) == len({message.subscription for message in one.messages}) == 1500
    one.known.clear()
    one.pass_time(minutes=1)
    assert len(one.outbox) == 1500 - MOST_AT_ONCE
    assert sum(one.book.concerned(subscription.id, one.known) for subscription in those) == 1500 - MOST_AT_ONCE
    one.pass_time(seconds=1)
    one.pass_time(seconds=1)
    assert one.outbox == {}


def test_a_merge_alone_needs_no_subscription() -> None:
    """It is kept in every partition."""
    one = Desk()
    one.take(Merged(partition=0, thread=thread_id(1), into=thread_id(2)))
    assert len(one.rows.merges) == 1
    assert Book(one.rows, describe, timedelta(days=5)).memory.story(thread_id(2)) == [thread_id(2)]


def test_the_message_tells_what_changed_since_it_was_told() -> None:
    """Against the story as the subscription knows it."""
    one = Desk()
    one.match(1)
    later = match(1, "new_denier", cause="b", at=one.now)
    one.take(msgspec.structs.replace(later, story=story(thread=thread_id(1), alleging=5)))
    assert "5 independent sources" in one.messages[-1].items[0].since
