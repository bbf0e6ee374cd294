"""What people decide about threads: split, merge, move, mark. A decision is remembered, and no article undoes it.

Whoever keeps the members says where they are; these functions say where they are to be. A thread's id never changes:
of two threads that come of a split, the one with its first article keeps it. A command that cannot be done is told as
`refused`, and changes nothing; so is one that was done already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from pipeline.records.thread import MAX_COMMAND_ARTICLES, Command, Decision, EventKind, Thread, ThreadEvent, event_id
from pipeline.threads.events import Cause, changed, event
from pipeline.threads.member import Member
from pipeline.threads.spread import reached
from pipeline.threads.thread import settled, thread_of

MAX_APART: Final = 32
"""Threads that a thread remembers to be kept apart from; the newest stay."""


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What a command changes."""

    threads: tuple[Thread, ...] = ()
    """As they are now; the one that the command named first."""

    members: tuple[Member, ...] = ()
    """Those that changed thread, pinned to it."""

    events: tuple[ThreadEvent, ...] = ()


def merge(command: Command, thread: Thread, into: Thread, members: Sequence[Member], cause: Cause) -> Decided:
    """``thread`` goes into ``into``. ``members`` are those of both, in log order."""
    if why := _hindrance(thread, into):
        return _refused(command, thread, why, cause)
    moved = tuple(_pinned(one, into.id, command) for one in members if one.thread == thread.id)
    sum_of_both = thread_of(members, like=into)
    told = max(thread.spread_told, into.spread_told)
    silent = max(thread.silence_told, into.silence_told)
    apart = tuple(one for one in into.apart if one != thread.id)
    after = msgspec.structs.replace(sum_of_both, spread_told=told, silence_told=silent, apart=apart)
    gone = msgspec.structs.replace(thread, merged_into=into.id)
    left, left_told = changed(
        thread, gone, cause, [_by_person(gone, "merged", cause, command, "Merged into another.", [into.id], moved)]
    )
    grown, grown_told = changed(
        into, after, cause, [_by_person(after, "merged", cause, command, "Another was merged in.", [thread.id], moved)]
    )
    return Decided(threads=(left, grown), members=moved, events=(*left_told, *grown_told))


def split(
    command: Command, thread: Thread, members: Sequence[Member], known: Callable[[str], Thread | None], cause: Cause
) -> Decided:
    """The named articles get a thread of their own.

    Args:
        members: of the thread, in log order.
        known: gives the thread with an id, also one that was merged into another.
    """
    named = _named(command, members)
    rest = [one for one in members if one not in named]
    if why := _not_all_named(command, named) or ("" if rest else "no article would be left in the thread"):
        return _refused(command, thread, why, cause)
    if any(one.article == thread.id for one in named):
        named, rest = rest, named
    new_id, was = _free_id(command, thread, named, known)
    moved = tuple(_pinned(one, new_id, command) for one in named)
    stays = msgspec.structs.replace(thread_of(rest, like=thread), apart=_apart(thread, new_id))
    half = thread_of(moved, like=was)
    new = msgspec.structs.replace(
        half,
        id=new_id,
        merged_into="",
        split_from=thread.id,
        apart=_apart(half, thread.id),
        spread_told=max(half.spread_told, reached(half)),
        silence_told=max(half.silence_told, thread.silence_told),
    )
    left, left_told = changed(
        thread, stays, cause, [_by_person(stays, "split", cause, command, "Split in two.", [new_id], moved)]
    )
    begun = _by_person(new, "split", cause, command, "Split from another.", [thread.id], moved)
    # What is now in a thread of its own was told before: the new thread tells where it comes from, and nothing else.
    new = msgspec.structs.replace(new, revision=new.revision + 1, position=cause.position, last_event=begun.id)
    return Decided(threads=(left, new), members=moved, events=(*left_told, begun))


def move(
    command: Command, thread: Thread, members: Sequence[Member], into: Thread, there: Sequence[Member], cause: Cause
) -> Decided:
    """The named articles go from ``thread``, with its ``members``, to ``into``, with ``there``; all in log order.

    The last article takes its thread with it: that is a merge.
    """
    named = _named(command, members)
    rest = [one for one in members if one not in named]
    if why := _hindrance(thread, into) or _not_all_named(command, named):
        return _refused(command, thread, why, cause)
    if not rest:
        return merge(command, thread, into, _in_order([*members, *there]), cause)
    moved = tuple(_pinned(one, into.id, command) for one in named)
    less, more = thread_of(rest, like=thread), thread_of(_in_order([*there, *moved]), like=into)
    left, left_told = changed(
        thread, less, cause, [_by_person(less, "moved", cause, command, "Moved to another.", [into.id], moved)]
    )
    grown, grown_told = changed(
        into, more, cause, [_by_person(more, "moved", cause, command, "Moved here from another.", [thread.id], moved)]
    )
    return Decided(threads=(left, grown), members=moved, events=(*left_told, *grown_told))


def mark(command: Command, thread: Thread, cause: Cause) -> Decided:
    """The thread is conceded or retracted, or neither any more: then its state follows from its members again."""
    if thread.merged_into:
        return _refused(command, thread, _merged(thread), cause)
    decision = None
    if command.state:
        decision = Decision(command=command.id, state=command.state, author=command.author, comment=command.comment)
    after = settled(msgspec.structs.replace(thread, decision=decision))
    if after.state == thread.state and (decision is None) == (thread.decision is None):
        return _refused(command, thread, f"it is {thread.state} already", cause)
    marked, told = changed(thread, after, cause)
    signed = tuple(msgspec.structs.replace(one, author=command.author, comment=command.comment) for one in told)
    return Decided(threads=(marked,), events=signed)


def refuse(command: Command, why: str, cause: Cause, language: str = "") -> ThreadEvent:
    """What is told of a command that cannot be done."""
    return ThreadEvent(
        id=event_id(command.thread, "refused", cause.key),
        thread=command.thread,
        kind="refused",
        cause=cause.key,
        when=cause.when,
        what=f"Cannot {command.do}: {why}.",
        language=language,
        author=command.author,
        comment=command.comment,
        processed=cause.now,
    )


def _refused(command: Command, thread: Thread, why: str, cause: Cause) -> Decided:
    return Decided(events=(refuse(command, why, cause, thread.language),))


def _hindrance(thread: Thread, into: Thread) -> str:
    """Why nothing can go from one thread to the other; "" if it can."""
    if thread.id == into.id:
        return "both are the same thread"
    if thread.language != into.language:
        return f"one is in {thread.language or 'no language'}, the other in {into.language or 'no language'}"
    return next((_merged(one) for one in (thread, into) if one.merged_into), "")


def _merged(thread: Thread) -> str:
    return f"thread {thread.id} was merged into {thread.merged_into}"


def _named(command: Command, members: Iterable[Member]) -> list[Member]:
    wanted = set(command.articles)
    return [one for one in members if one.article in wanted]


def _not_all_named(command: Command, found: Sequence[Member]) -> str:
    missing = set(command.articles) - {one.article for one in found}
    if missing:
        return f"not in the thread: {', '.join(sorted(missing)[:5])}"
    return "" if found else "no article is named"


def _pinned(member: Member, thread: str, command: Command) -> Member:
    return msgspec.structs.replace(member, thread=thread, pinned=command.id)


def _in_order(members: Iterable[Member]) -> list[Member]:
    return sorted(members, key=lambda one: one.position)


def _free_id(
    command: Command, thread: Thread, members: Sequence[Member], known: Callable[[str], Thread | None]
) -> tuple[str, Thread | None]:
    """The id of the new thread, and the thread that had it: its first article's, or the next whose id nobody has.

    A thread that was merged into this one comes back under its own id.
    """
    for member in members:
        was = known(member.article)
        if was is None or was.merged_into == thread.id:
            return member.article, was
    return event_id(thread.id, "split", command.id), None


def _apart(thread: Thread, other: str) -> tuple[str, ...]:
    return (*(one for one in thread.apart if one != other), other)[-MAX_APART:]


def _by_person(
    thread: Thread,
    kind: EventKind,
    cause: Cause,
    command: Command,
    what: str,
    others: Sequence[str],
    moved: Sequence[Member],
) -> ThreadEvent:
    articles = tuple(one.article for one in moved[:MAX_COMMAND_ARTICLES])
    return event(
        thread,
        kind,
        cause,
        what,
        others=tuple(others),
        articles=articles,
        author=command.author,
        comment=command.comment,
    )
