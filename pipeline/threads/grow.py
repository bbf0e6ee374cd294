"""How articles change threads: the first begins one, others join it, and a text that changed is read again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.records.article import Article
from pipeline.records.flag import Flag
from pipeline.records.thread import Evidence, Membership, Thread, ThreadEvent
from pipeline.threads.events import Cause, changed, event
from pipeline.threads.member import Member, evidence
from pipeline.threads.thread import add, settled, thread_of

Told = tuple[Thread, tuple[ThreadEvent, ...]]


def begin(member: Member, cause: Cause, why: Membership | None = None) -> Told:
    """A thread of one member, and what is told of it: `created`, and `disputed` when it has both sides at once."""
    thread = thread_of([member])
    joined = why or Membership(article=member.article, copy_of=member.copy_of, reason="It began the thread.")
    what = "A new thread."
    first = event(thread, "created", cause, what, member=joined, evidence=quotes(member))
    return changed(None, thread, cause, [first])


def grow(thread: Thread, member: Member, joined: Membership, cause: Cause) -> Told:
    """The thread with one more member, and what is told of it."""
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
    """Read a text of a member that changed.

    Args:
        before: the member as it is known.
        members: gives all members of the thread in log order; asked only when the member says less than before.

    Returns:
        The member and the thread as they are now, and what is told: `stance_changed` with both quotes for each change,
        and what follows from them. A text that is known already changes nothing.
    """
    raise NotImplementedError


def quotes(member: Member) -> tuple[Evidence, ...]:
    """What a member says, as evidence; at most four quotes."""
    return tuple(evidence(member, one.quote, one.text_hash) for one in member.statements[:4])
