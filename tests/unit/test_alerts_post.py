"""The outbox: the 75 h schedule on a moved clock, Retry-After, channels that are disabled and enabled again."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alerts import post
from pipeline.alerts.retry import JITTER, MOST_WAIT, SCHEDULE, next_try
from pipeline.records import Again, Terminal
from pipeline.records.subscription import Quiet
from tests.desks import HOOK, Desk, desk, key
from tests.told import NOW


def run_dry(one: Desk, outcome: str = "failed") -> None:
    """Try whatever is due, whenever it is due, until nothing is."""
    while one.outbox:
        due = min(row.due for row in one.outbox.values())
        one.pass_time(seconds=max(0.0, (due - one.now).total_seconds()))
        assert one.deliver(outcome)


def test_a_delivery_that_fails_is_tried_for_75_hours() -> None:
    """Ten times, each after the pause of the schedule; then it is given up, and stays on `deliveries`."""
    one = Desk()
    one.match(1)
    run_dry(one)
    assert [row.attempt for row in one.deliveries] == list(range(1, 11))
    assert [row.outcome for row in one.deliveries] == ["failed"] * 9 + ["gave_up"]
    pauses = [(after.began - before.ended).total_seconds() for before, after in pairwise(one.deliveries)]
    assert pauses == pytest.approx(SCHEDULE[1:], rel=JITTER + 0.01)
    assert 74 <= (one.now - NOW).total_seconds() / 3600 <= 78
    assert {row.message.id for row in one.deliveries} == {one.messages[0].id}
    assert one.deliveries[-1].next_try is None


def test_an_endpoint_that_comes_back_gets_what_it_missed() -> None:
    """With the same message id; the attempts before it are told."""
    one = Desk()
    one.match(1)
    for _ in range(4):
        one.deliver("failed")
        one.pass_time(hours=3)
    one.deliver()
    assert [row.outcome for row in one.deliveries] == ["failed"] * 4 + ["delivered"]
    assert one.outbox == {}


@given(st.text(max_size=9), st.integers(1, 12), st.none() | st.floats(allow_nan=False))
def test_the_next_try_is_bounded_and_the_same_each_time(name: str, number: int, asked: float | None) -> None:
    """Whatever an endpoint asks for: at most a day and a tenth, never before the schedule says."""
    due = next_try(name, number, NOW, asked)
    assert due == next_try(name, number, NOW, asked)
    if number >= len(SCHEDULE):
        assert due is None
        return
    assert due is not None
    assert (1 - JITTER) * SCHEDULE[number] <= (due - NOW).total_seconds()
    assert due - NOW <= max(MOST_WAIT, timedelta(seconds=(1 + JITTER) * SCHEDULE[number]))


def test_retry_after_is_honoured() -> None:
    """An hour instead of five seconds."""
    one = Desk()
    one.match(1)
    one.deliver("failed", status=429, retry_after=3600.0)
    (row,) = one.outbox.values()
    assert row.due == NOW + timedelta(hours=1)


def test_an_attempt_that_is_told_twice_counts_once() -> None:
    """Two senders may try it after a rebalance; a success counts whenever it comes."""
    one = Desk()
    one.match(1)
    (name,) = one.outbox
    one.attempt(name, "failed")
    one.attempt(name, "failed", number=1)
    assert one.outbox[name].attempt == 2
    one.attempt(name, "delivered", number=1)
    assert (one.outbox, len(one.deliveries)) == ({}, 2)


def test_a_channel_that_is_gone_is_disabled_and_another_tells_it() -> None:
    """What waits for it is dropped, what comes is not sent there; resuming enables it again."""
    one = Desk(desk(HOOK, Terminal()))
    one.match(1)
    one.match(2)
    (first, second) = [name for name, row in one.outbox.items() if row.channel == key()]
    out = one.attempt(first, "gone", status=410)
    assert out.states["desk"].disabled == {key(): "the endpoint says that it is gone for good"}  # type: ignore[union-attr]
    assert [(row.id, row.outcome) for row in one.deliveries] == [(first, "gone"), (second, "dropped")]
    notice = one.messages[-1]
    assert (notice.kind, "webhook (somewhere)" in notice.text) == ("notice", True)
    assert [row.channel for row in one.outbox.values() if row.message.id == notice.id] == [key(Terminal())]
    assert [entry[3] for entry in one.disabled] == ["told"]
    one.match(3)
    assert [(row.outcome, row.attempt) for row in one.deliveries[-1:]] == [("dropped", 0)]
    one.pass_time(seconds=1)
    one.put(desk(HOOK, Terminal(), resumed=one.now))
    assert one.again().book.concerned("desk", one.known)
    one.match(4)
    assert [row.channel for row in one.outbox.values()].count(key()) == 1
    assert not one.book.concerned("desk", one.known)


def test_the_last_channel_that_is_disabled_is_told_by_nobody() -> None:
    """The process says it in its log and its metrics."""
    one = Desk()
    one.match(1)
    one.deliver("gone")
    assert one.disabled == [("desk", "webhook", "somewhere", "unheard")]
    assert [message.kind for message in one.messages] == ["story.new"]


def test_a_channel_at_which_everything_failed_for_days_is_disabled() -> None:
    """Counted from the first failure; one success begins anew."""
    one = Desk(disable_days=5)
    one.match(1)
    one.deliver("failed")
    one.pass_time(days=4)
    one.deliver()
    for number in range(2, 7):
        one.match(number)
        one.deliver("failed")
        one.pass_time(days=1)
    assert one.disabled == []
    one.deliver("failed")
    assert [entry[:1] for entry in one.disabled] == [("desk",)]
    assert one.outbox == {}


@pytest.mark.parametrize("how", ["resumed", "taken away and given again"])
def test_what_failed_before_is_forgiven(how: str) -> None:
    """A channel of a subscription that was paused for weeks is not disabled for the first attempt that fails."""
    one = Desk()
    one.match(1)
    one.deliver("failed")
    if how == "resumed":
        one.put(desk(paused=True))
        one.pass_time(days=20)
        one.put(desk(resumed=one.now))
    else:
        one.put(desk(Terminal()))
        one.match(2)
        one.deliver()
        one.pass_time(days=20)
        one.put(desk())
    one.match(3)
    one.deliver("failed")
    assert one.disabled == []
    assert len(one.outbox) == 1


def test_a_channel_that_fills_up_gives_up_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table stays bounded while an endpoint is away."""
    monkeypatch.setattr(post, "MOST_PENDING", 3)
    one = Desk()
    for number in range(5):
        one.match(number)
    assert len(one.outbox) == 3
    assert [row.outcome for row in one.deliveries] == ["gave_up"] * 2


def test_a_channel_that_was_taken_away_is_not_tried_any_more() -> None:
    """What waited for it is dropped at the next clock."""
    one = Desk(desk(HOOK, Terminal()))
    one.match(1)
    one.put(desk(Terminal()))
    assert one.book.concerned("desk", one.known)
    one.pass_time(seconds=1)
    assert [(row.channel, row.outcome) for row in one.deliveries] == [(key(), "dropped")]
    assert [row.channel for row in one.outbox.values()] == [key(Terminal())]


def again(one: Desk, **more: Any) -> Again:
    """A command to send the first message again."""
    fields: dict[str, Any] = {"id": "again-1", "channel": key(), "given": one.now}
    return Again(subscription="desk", message=one.messages[0], author="ann", **(fields | more))


def test_a_person_may_have_a_message_sent_again() -> None:
    """Under the same id, once a command; also by a channel that is disabled."""
    one = Desk()
    one.match(1)
    one.deliver("gone")
    one.take(again(one))
    assert [row.message.id for row in one.outbox.values()] == [one.messages[0].id]
    one.deliver()
    one.take(again(one))
    assert one.outbox == {}
    one.take(again(one, id="again-2", channel="0" * 16))
    assert one.deliveries[-1].outcome == "dropped"
    one.take(again(one, id="again-3"))
    one.deliver("gone")
    assert len(one.disabled) == 1, "it is disabled already"


def test_a_notice_waits_for_the_end_of_quiet_hours() -> None:
    """So does the summary of what was held."""
    one = Desk(desk(HOOK, Terminal(), quiet=(Quiet(since="12:30", until="14:00"),)))
    one.match(1)
    one.pass_time(minutes=45)
    one.match(2, held="old")
    one.pass_time(minutes=10)
    (name,) = [name for name, row in one.outbox.items() if row.channel == key()][:1]
    one.attempt(name, "gone")
    late = {row.message.kind: row.due for row in one.outbox.values() if row.message.kind in ("notice", "held")}
    assert late == dict.fromkeys(("notice", "held"), NOW + timedelta(hours=2))


def test_a_state_tells_how_a_subscription_fares() -> None:
    """Stories, messages, and when it was last reached."""
    one = Desk()
    one.match(1)
    one.match(1, "new_denier", cause="x")
    out = one.attempt(next(iter(one.outbox)), "delivered")
    state = out.states["desk"]
    assert state is not None
    assert (state.stories, state.messages, state.last_delivered, state.updated) == (1, 2, NOW, NOW)
    assert msgspec.json.decode(msgspec.json.encode(state), type=type(state)) == state
