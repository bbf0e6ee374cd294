"""Laws of dispute threads: whatever arrives, a replay tells the same, a repeat changes nothing, and sums are sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import Command, Flagged, Thread, ThreadEvent, Tick, encode
from pipeline.threads.docket import Docket, Outcome
from pipeline.threads.member import party_key
from pipeline.threads.thread import thread_of
from tests.articles import NOON
from tests.disputes import LATER, Court, Said, article_id, command, copied, telling, tick

Input = Flagged | Tick | Command

ARTICLES = 8
THREADS = {article_id(number) for number in (1, 2, 3)}
"""Of the first three articles each begins a thread, so that there is something to merge and to keep apart."""

statements = st.builds(
    Said,
    kind=st.sampled_from(["allegation", "allegation", "denial", "denial", "non_denial", "debunk"]),
    who=st.sampled_from(["Aland", "Borduria", "Curland", "Dora", ""]),
    whom=st.sampled_from(["Aland", "Borduria", ""]),
    headline=st.booleans(),
)


@st.composite
def articles(draw: st.DrawFn) -> Flagged:
    """An article, or another text of it: `revised` and the page follow from chance."""
    number = draw(st.integers(1, ARTICLES))
    said = draw(st.lists(statements, max_size=3, unique_by=lambda one: (one.words, one.headline)))
    minutes = draw(st.integers(1, 600))
    return telling(
        number,
        *said,
        hours=number % 3,
        fetched=NOON + timedelta(minutes=minutes),
        lead=draw(st.sampled_from(["", "More.", "Less."])),
        text_source=draw(st.sampled_from(["feed", "page"])),
        source=f"owner:{number % 5}",
        ruleset=draw(st.sampled_from(["r1", "r1", "r1", "r2"])),
    )


@st.composite
def copies(draw: st.DrawFn) -> Flagged:
    """A copy of one of the articles, by another outlet."""
    number = draw(st.integers(1, ARTICLES))
    said = draw(st.lists(statements, min_size=1, max_size=2, unique_by=lambda one: (one.words, one.headline)))
    return copied(100 + number, telling(number, *said), hours=draw(st.integers(0, 9)))


numbers = st.integers(1, ARTICLES)
decisions = st.builds(
    command,
    st.sampled_from(["split", "merge", "move", "mark"]),
    numbers,
    numbers,
    numbers,
    into=numbers,
    state=st.sampled_from(["", "conceded", "retracted"]),
    id=st.integers(0, 50).map(str),
)
ticks = st.integers(1, 900).map(tick)
early_ticks = st.integers(1, 600).map(tick)
"""Before any thread is forgotten."""
logs = st.lists(st.one_of(articles(), articles(), copies(), decisions, ticks), min_size=1, max_size=25)
decided = settings(deadline=None, max_examples=150)


def run(log: Sequence[Input], court: Court | None = None, now: Any = LATER) -> Court:
    """A court that took in a log."""
    court = court or Court(apart=set(THREADS))
    court.take(*log, now=now)
    return court


def rows(docket: Docket) -> tuple[dict[str, bytes], dict[str, bytes], dict[str, bytes]]:
    """All that is stored, as bytes."""
    return (
        {name: encode(one) for name, one in docket.threads.items()},
        {name: msgspec.json.encode(one) for name, one in docket.members.items()},
        {name: msgspec.json.encode(one) for name, one in docket.stubs.items()},
    )


def timeless(events: Sequence[ThreadEvent]) -> list[ThreadEvent]:
    """Without what lies outside the determinism promise."""
    return [msgspec.structs.replace(one, processed=LATER) for one in events]


@decided
@given(logs)
def test_a_replay_gives_the_same_threads_and_events(log: list[Input]) -> None:
    """Byte for byte, but for the wall clock."""
    one, other = run(log), run(log, now=LATER + timedelta(days=9))
    assert rows(one.docket) == rows(other.docket)
    assert timeless(one.events) == timeless(other.events)


@decided
@given(logs, st.data())
def test_what_is_delivered_again_changes_nothing(log: list[Input], data: st.DataObject) -> None:
    """Records that were not committed come again, in their order, with their offsets: no row changes."""
    court = run(log)
    before = rows(court.docket)
    again = data.draw(st.integers(0, len(log) - 1))
    court.position = again
    court.take(*log[again:])
    assert rows(court.docket) == before


@decided
@given(logs, st.data())
def test_a_docket_read_from_its_rows_goes_on_as_the_one_that_was_lost(log: list[Input], data: st.DataObject) -> None:
    """Recovery changes nothing, whatever order the rows come in."""
    cut = data.draw(st.integers(0, len(log)))
    whole, broken = run(log), run(log[:cut])
    docket = broken.docket
    shuffled = [
        dict(data.draw(st.permutations(list(table.items()))))
        for table in (docket.threads, docket.members, docket.stubs)
    ]
    broken.docket = Docket(*shuffled, position=docket.position, ticked=docket.ticked)  # type: ignore[arg-type]
    list(broken.docket.restore())
    run(log[cut:], broken)
    assert rows(broken.docket) == rows(whole.docket)
    assert broken.events == whole.events


def parties(thread: Thread) -> list[Counter[str]]:
    """Who has which role, and in how many articles."""
    roles = (thread.accusers, thread.accused, thread.deniers)
    return [Counter({party_key((one.name, one.code)): one.articles for one in role.named}) for role in roles]


def sums(thread: Thread) -> Any:
    """What must not depend on the way by which the members came."""
    firsts = (thread.first_allegation, thread.first_denial)
    return (
        parties(thread),
        [(one.article, one.published) if one else None for one in firsts],
        (thread.members, thread.copies, thread.withdrawn, thread.naming),
        [one.articles for one in (thread.alleging, thread.denying, thread.telling)],
        (thread.state, thread.lag_seconds, thread.first_activity, thread.last_activity),
    )


@decided
@given(logs)
def test_a_thread_is_the_sum_of_its_members(log: list[Input]) -> None:
    """However articles, revisions and people changed it; and every member is in one living thread."""
    docket = run(log).docket
    living = [one for one in docket.threads.values() if not one.merged_into]
    for thread in living:
        members = docket.members_of(thread.id)
        assert thread.members == len(members) > 0
        assert sums(thread) == sums(thread_of(members, like=thread))
    assert sum(one.members for one in living) == len(docket.members)


@decided
@given(logs)
def test_what_is_told_can_be_told_apart(log: list[Input]) -> None:
    """Events with one id are one event; no step of a thread's spread is told twice, unless it was forgotten in between
    and began anew."""
    court = run(log)
    by_id: dict[str, tuple[str, str, str]] = {}
    for one in court.events:
        assert by_id.setdefault(one.id, (one.thread, one.kind, one.cause)) == (one.thread, one.kind, one.cause)
    numbers: dict[tuple[str, str], list[int]] = {}
    for one in court.events:
        if one.kind == "created":
            numbers[one.thread, "spread"], numbers[one.thread, "silent"] = [], []
        elif one.kind in ("spread", "silent"):
            told = numbers.setdefault((one.thread, one.kind), [])
            told.append(one.number)
            assert told == sorted(set(told))


@decided
@given(logs, st.lists(articles() | copies() | early_ticks, max_size=10))
def test_no_article_undoes_what_a_person_decided(log: list[Input], later: list[Input]) -> None:
    """Articles stay where they were put, merged threads stay merged, a mark stays."""
    court = run(log)
    before = dict(court.docket.threads), dict(court.docket.members)
    run(later, court)
    threads, members = court.docket.threads, court.docket.members
    for name, thread in before[0].items():
        if name in threads:
            assert threads[name].merged_into == thread.merged_into
            assert threads[name].decision == thread.decision
            assert threads[name].apart == thread.apart
    for name, member in before[1].items():
        if name in members:
            assert members[name].thread == member.thread


def timeless_thread(thread: Thread) -> Thread:
    """Without the book-keeping of commands."""
    return msgspec.structs.replace(thread, revision=0, position=0, last_event="", apart=(), spread_told=0, naming=0)


@decided
@given(st.lists(articles() | copies(), min_size=2, max_size=20), st.data())
def test_a_merge_undoes_a_split(log: list[Input], data: st.DataObject) -> None:
    """The sums are as before, and the id never changed."""
    court = run(log, Court())
    if len(court.docket.members) < 2:
        return
    thread = court.thread
    ids = [one.article for one in court.docket.members_of(thread.id)]
    chosen = data.draw(st.sets(st.sampled_from(ids), min_size=1, max_size=len(ids) - 1))
    split = msgspec.structs.replace(command("split", 1), thread=thread.id, articles=tuple(sorted(chosen)))
    told = court.take(split)
    (new,) = set(told.threads) - {thread.id}
    halves = {frozenset(one.article for one in court.docket.members_of(name)) for name in (thread.id, new)}
    assert halves == {frozenset(chosen), frozenset(ids) - chosen}
    assert court.docket.threads[thread.id].apart == (new,)
    court.take(msgspec.structs.replace(command("merge", 1), thread=new, into=thread.id, articles=()))
    assert sums(court.thread) == sums(thread_of(court.docket.members_of(thread.id), like=thread))
    assert (court.thread.id, court.thread.claim, court.thread.apart) == (thread.id, thread.claim, ())


@decided
@given(st.lists(articles() | copies(), min_size=2, max_size=20))
def test_a_split_undoes_a_merge(log: list[Input]) -> None:
    """A thread that was merged into another comes back under its own id, with what was told of it."""
    court = run(log)
    living = sorted(court.docket.threads)
    if len(living) < 2:
        return
    one, other = living[:2]
    members = tuple(member.article for member in court.docket.members_of(one))
    before = court.docket.threads[one]
    court.take(msgspec.structs.replace(command("merge", 1), thread=one, into=other, articles=()))
    assert court.docket.threads[one].merged_into == other
    outcome: Outcome = court.take(msgspec.structs.replace(command("split", 1), thread=other, articles=members))
    assert [event.kind for event in outcome.events if event.thread == one] == ["split"]
    after = court.docket.threads[one]
    assert sums(after) == sums(thread_of(court.docket.members_of(one), like=before))
    assert (after.merged_into, after.split_from, after.revision) == ("", other, before.revision + 2)
