"""Which subscriptions an event is for: by query, age, silence and group."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import StoryEvent, Thread
from pipeline.records.alert import HeldReason
from pipeline.records.subscription import GroupBy
from pipeline.subscriptions.gate import AgeGate, silenced_by
from pipeline.subscriptions.matching import Matching, group_of, is_story, merges
from pipeline.subscriptions.query import QueryError
from tests.articles import NOON
from tests.disputes import Court, accuses, article_id, command, telling, tick
from tests.stories import silence, subscription, tell

DAY = timedelta(days=1)


def matching(*those: Any, gate: AgeGate | None = None) -> Matching:
    """With these subscriptions."""
    made = Matching(lambda domain, outlet: "", gate or AgeGate(DAY))
    for one in those:
        made.put(one)
    return made


def created(**changes: Any) -> StoryEvent:
    """Aland accuses Borduria, in an article of noon that was found at noon."""
    first, *_ = tell(telling(1, accuses(), **changes))
    return first


# -- the age gate


@pytest.mark.parametrize(
    ("later", "backlog", "tell_backlog", "held"),
    [
        (timedelta(0), False, False, None),
        (DAY, False, False, None),
        (DAY + timedelta(seconds=1), False, False, "old"),
        (timedelta(0), True, False, "backlog"),
        (2 * DAY, True, False, "backlog"),
        (timedelta(0), True, True, None),
        (2 * DAY, True, True, "old"),
    ],
)
def test_what_is_old_or_a_backlog_is_held(
    later: timedelta, backlog: bool, tell_backlog: bool, held: HeldReason | None
) -> None:
    """By when it happened, against the clock; a feed's first poll whatever its age, unless the demo says otherwise."""
    told = created(backlog=backlog)
    assert AgeGate(DAY, tell_backlog).event(told, NOON + later) == held


def test_an_old_article_that_was_found_just_now_is_old() -> None:
    """A feed brings it today: it is no news all the same."""
    assert AgeGate(DAY).event(created(hours=-25), NOON) == "old"


def test_an_article_from_the_future_is_news() -> None:
    """Clocks differ."""
    assert AgeGate(DAY).event(created(), NOON - DAY) is None


@pytest.mark.parametrize(
    ("changed", "held"),
    [(None, None), (-DAY, None), (timedelta(0), None), (timedelta(seconds=1), "old")],
)
def test_what_was_found_before_a_subscription_began_is_held(changed: timedelta | None, held: HeldReason | None) -> None:
    """By when it was found: an article of this morning that is found now is news to who subscribed at noon."""
    began = None if changed is None else NOON + changed
    (verdict,) = matching(subscription(changed=began)).verdicts(created(hours=-5), NOON)
    assert verdict.held == held


def test_a_thread_that_nobody_denied_is_told_days_after_its_article() -> None:
    """A silence happens when it is found, however old the article is: the gate goes by the event."""
    *_, silent = tell(telling(1, accuses()), tick(72.1), now=NOON + 3 * DAY)
    assert silent.event.kind == "silent"
    (verdict,) = matching(subscription()).verdicts(silent, NOON + 3 * DAY + timedelta(hours=1))
    assert verdict.held is None


# -- silences


@pytest.mark.parametrize(
    ("changes", "silenced"),
    [
        ({}, True),
        ({"query": "silver"}, True),
        ({"query": "wolves"}, False),
        ({"subscription": "desk"}, True),
        ({"subscription": "other"}, False),
        ({"hours": 0}, False),
        ({"since": NOON}, True),
        ({"since": NOON + timedelta(seconds=1)}, False),
    ],
)
def test_a_silence_holds_for_its_stories_its_subscription_and_its_time(changes: Any, silenced: bool) -> None:
    """From its first moment to just before its last."""
    made = matching(subscription())
    made.silence(silence(**changes))
    (verdict,) = made.verdicts(created(), NOON)
    assert verdict.silence == ("quiet" if silenced else "")


def test_of_several_silences_the_one_that_lasts_longest_is_named() -> None:
    """Until it ends, none of them ends; one that does not match is not asked for its end."""
    made = matching(subscription("desk"), subscription("night"))
    made.silence(silence("short", hours=1))
    made.silence(silence("long", hours=5))
    made.silence(silence("longer", hours=9, subscription="night"))
    made.silence(silence("longest", "wolves", hours=99))
    assert {one.subscription: one.silence for one in made.verdicts(created(), NOON)} == {
        "desk": "long",
        "night": "longer",
    }
    made.unsilence("long")
    assert [one.silence for one in made.verdicts(created(), NOON)] == ["short", "longer"]


@given(
    those=st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.sampled_from(["", "desk", "other"]))),
    now=st.integers(-3, 3),
)
def test_a_story_is_silenced_as_long_as_any_silence_holds(those: list[tuple[int, int, str]], now: int) -> None:
    """Whatever their order, and however they overlap."""

    def at(hours: int) -> datetime:
        return NOON + timedelta(hours=hours)

    known = [
        silence(f"s{number}", since=at(since), until=at(until), subscription=whose)
        for number, (since, until, whose) in enumerate(those)
    ]
    found = silenced_by(known, "desk", at(now))
    current = [one for one in known if one.since <= at(now) < one.until and one.subscription != "other"]
    assert bool(found) == bool(current)
    assert found == silenced_by(reversed(known), "desk", at(now))
    if current:
        assert next(one.until for one in known if one.id == found) == max(one.until for one in current)


# -- subscriptions as they come and go


def test_every_subscription_is_found_whose_query_matches() -> None:
    """In the order of their ids."""
    made = matching(
        subscription("z-all"),
        subscription("words", "spoons"),
        subscription("party", "target:Borduria"),
        subscription("wolves", "wolves"),
    )
    assert [one.subscription for one in made.verdicts(created(), NOON)] == ["party", "words", "z-all"]


def test_a_changed_subscription_takes_the_place_of_the_old_one() -> None:
    """Its old query matches no more; dropped, none does."""
    made = matching(subscription("desk", "silver"))
    made.put(subscription("desk", "wolves"))
    assert made.verdicts(created(), NOON) == ()
    made.put(subscription("desk", "spoons"))
    assert len(made.verdicts(created(), NOON)) == 1
    made.drop("desk")
    made.drop("never there")
    assert made.verdicts(created(), NOON) == ()


def test_a_query_of_a_newer_version_costs_its_subscription_alone() -> None:
    """It is refused with the reason and counted; the others match, and so does a later version that can be read."""
    made = matching(subscription("good"), subscription("desk", "silver"))
    with pytest.raises(QueryError):
        made.put(subscription("desk", 'mood:(angry"'))
    assert made.broken == {"desk"}
    assert [one.subscription for one in made.verdicts(created(), NOON)] == ["good"]
    made.put(subscription("desk", "silver"))
    assert made.broken == set()
    assert len(made.verdicts(created(), NOON)) == 2


def test_a_broken_silence_silences_nothing() -> None:
    """Rather told once too often than never."""
    made = matching(subscription())
    with pytest.raises(QueryError):
        made.silence(silence("quiet", 'mood:(angry"'))
    assert made.broken_silences == {"quiet"}
    assert [one.silence for one in made.verdicts(created(), NOON)] == [""]
    made.unsilence("quiet")
    assert made.broken_silences == set()


# -- stories and groups


def test_a_thread_that_went_into_another_is_no_story_of_its_own() -> None:
    """The merge is told of the other one; of the one that is gone only where it went, which both tell."""
    court = Court(apart={article_id(2)})
    tell(telling(1, accuses()), telling(2, accuses("Curland", "Ostrany")), court=court)
    court.apart.clear()
    merged = [one for one in tell(command("merge", 2, into=1), court=court) if one.event.kind == "merged"]
    gone = ((article_id(2), article_id(1)),)
    assert [(one.event.thread, one.event.kind, merges(one), is_story(one)) for one in merged] == [
        (article_id(2), "merged", gone, False),
        (article_id(1), "merged", gone, True),
    ]
    made = matching(subscription())
    assert [len(made.verdicts(one, NOON)) for one in merged] == [0, 1]


@pytest.mark.parametrize(
    ("group_by", "group"),
    [("story", article_id(1)), ("accused", "BORGOV"), ("accuser", "ALAGOV"), ("language", "en"), ("all", "")],
)
def test_a_group_is_what_stories_have_in_common(group_by: GroupBy, group: str) -> None:
    """Parties by their codes, whatever an article calls them."""
    (verdict,) = matching(subscription(group_by=group_by)).verdicts(created(), NOON)
    assert verdict.group == group


def thread_of(*records: Any) -> Thread:
    """The thread after these."""
    thread = tell(*records)[-1].thread
    assert thread is not None
    return thread


def test_a_story_stays_in_its_group_whoever_joins_it() -> None:
    """By who was known first; a name without a code by its folded words."""
    first = thread_of(telling(1, accuses("Ada  Byron", "Somewhere")))
    later = thread_of(telling(1, accuses("Ada  Byron", "Somewhere")), telling(2, accuses("Curland", "Borduria")))
    assert group_of(first, "accuser") == group_of(later, "accuser") == "ada byron"
    assert group_of(first, "accused") == group_of(later, "accused") == "somewhere"


def test_stories_of_nobody_known_are_not_lumped_together() -> None:
    """Each is a group of its own."""
    thread = thread_of(telling(1, accuses("", "")))
    assert group_of(thread, "accused") == group_of(thread, "accuser") == thread.id


def test_an_event_without_a_thread_is_for_nobody() -> None:
    """A command that was refused because there is no such thread."""
    told = msgspec.structs.replace(created(), thread=None)
    assert matching(subscription()).verdicts(told, NOON) == ()
