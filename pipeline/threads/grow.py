"""How articles change threads: the first begins one, others join it, and a text that changed is read again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from pipeline.records.article import Article
from pipeline.records.flag import Flag, Kind
from pipeline.records.thread import Change, Evidence, Membership, Thread, ThreadEvent
from pipeline.threads.events import Cause, changed, event
from pipeline.threads.member import Member, Reading, evidence, read_text
from pipeline.threads.stance import Shift, compare
from pipeline.threads.thread import DATED, add, amended, settled, thread_of

Told = tuple[Thread, tuple[ThreadEvent, ...]]

MAX_QUOTES: Final = 4
"""Quotes that the event of a new member shows."""


def begin(member: Member, cause: Cause, why: Membership | None = None) -> Told:
    """A thread of one member, and what is told of it: `created`, and `disputed` when it has both sides at once."""
    thread = thread_of([member])
    joined = why or Membership(article=member.article, copy_of=member.copy_of, reason="It began the thread.")
    return changed(
        None, thread, cause, [event(thread, "created", cause, "A new thread.", member=joined, evidence=quotes(member))]
    )


def grow(thread: Thread, member: Member, joined: Membership, cause: Cause) -> Told:
    """The thread with one more member, and what is told of it. The member's own `thread` is the caller's to set."""
    after = settled(add(thread, member))
    what = "A copy joined." if member.copy_of else "An article joined."
    return changed(thread, after, cause, [event(after, "joined", cause, what, member=joined, evidence=quotes(member))])


def revise(
    thread: Thread,
    before: Member,
    article: Article,
    flags: Sequence[Flag],
    ruleset: str,
    members: Callable[[], Sequence[Member]],
    cause: Cause,
) -> tuple[Member, Thread, tuple[ThreadEvent, ...]]:
    """Read a text of a member that changed, or the first text of its page.

    The first text of a source is a baseline: what it adds counts, and is no change of stance.

    Args:
        before: the member as it is known.
        members: gives all members of the thread in log order; asked only when the member says less than before.

    Returns:
        The member and the thread as they are now, and what is told: `stance_changed` with both quotes for each change,
        and what follows from them. A text that is known already changes nothing.
    """
    if cause.position <= before.read:
        return before, thread, ()
    reading = read_text(article, flags, ruleset)
    known = next((one for one in before.readings if one.source == reading.source), None)
    shifts = compare(known, reading, article) if known is not None else ()
    member = _reread(before, reading, shifts, article, cause.position)
    after = None if member.published != before.published else amended(thread, before, member)
    if after is None:
        everyone = [member if one.article == member.article else one for one in members()]
        after = thread_of(everyone, like=thread)
    if after == thread and not shifts:
        return member, thread, ()
    told = [_stance_changed(after, member, shift, number, cause) for number, shift in enumerate(shifts)]
    return member, *changed(thread, after, cause, told)


def quotes(member: Member) -> tuple[Evidence, ...]:
    """What a member says, as evidence."""
    return tuple(evidence(member, one.quote, one.text_hash) for one in member.statements[:MAX_QUOTES])


def _reread(before: Member, reading: Reading, shifts: Sequence[Shift], article: Article, position: int) -> Member:
    """The member with the new text. What was taken out of it counts no longer for being in the other, older text."""
    gone = {one.old.key for one in shifts if one.old is not None and (one.new is None or one.new.kind != one.old.kind)}
    others = tuple(_without(one, gone) for one in before.readings if one.source != reading.source)
    member = msgspec.structs.replace(before, readings=(*others, reading), read=position)
    if before.published_source not in DATED and article.published_source in DATED:
        member = msgspec.structs.replace(member, published=article.published, published_source=article.published_source)
    dropped = any(one.change == "removed" and one.said.kind == "allegation" for one in shifts)
    return msgspec.structs.replace(member, withdrew=(before.withdrew or dropped) and not member.says("allegation"))


def _without(reading: Reading, gone: set[tuple[str, str, str]]) -> Reading:
    return msgspec.structs.replace(reading, statements=tuple(one for one in reading.statements if one.key not in gone))


_NOUNS: Final[dict[Kind, str]] = {
    "allegation": "allegation",
    "denial": "denial",
    "non_denial": "refusal to comment",
    "debunk": "debunk",
}
_VERBS: Final[dict[Change, str]] = {
    "added": "was added",
    "removed": "was removed",
    "hardened": "was hardened",
    "softened": "was softened",
}


def _stance_changed(thread: Thread, member: Member, shift: Shift, number: int, cause: Cause) -> ThreadEvent:
    """One text may change several stances: each has an id of its own."""
    own = replace(cause, key=f"{cause.key}:{number}") if number else cause
    name = shift.said.who[0]
    what = f"The {_NOUNS[shift.said.kind]}{f' by {name}' if name else ''} {_VERBS[shift.change]}."
    both = (one for one in (shift.old, shift.new) if one is not None)
    return event(
        thread,
        "stance_changed",
        own,
        what,
        change=shift.change,
        names=(name,) if name else (),
        evidence=tuple(evidence(member, one.quote, one.text_hash) for one in both),
    )
