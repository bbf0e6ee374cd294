"""The threads of one partition: takes in what is on `threads.in`, in its order. Pure; the docket keeps nothing itself.

    docket = Docket(threads, members, stubs)          # the rows of the partition's tables, however they are stored
    for _ in docket.restore(): ...                    # what is derived from them
    outcome = docket.take(record.what, offset, now, join)

`take` writes the rows, and says what it wrote and what is to be told. A record that is delivered again changes nothing,
and nothing is told of it: whoever must tell it again, because it may have been lost, keeps what was told. So he does
with what was written: an outcome has several rows, and a worker may die between two of them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from pipeline.records.article import Article
from pipeline.records.flag import Flag
from pipeline.records.page import PageRequest
from pipeline.records.thread import Command, Flagged, Membership, Thread, ThreadEvent, Tick
from pipeline.threads import commands, silence
from pipeline.threads.events import Cause, by_article, by_command, by_tick, heartbeat
from pipeline.threads.grow import begin, grow, revise
from pipeline.threads.member import Member, read
from pipeline.threads.relook import baseline, due_looks, look, looks_between, stub

RESTORE_CHUNK: Final = 500
"""Rows that are taken in between two turns of the event loop."""

REMEMBER: Final = timedelta(days=30)
"""How long a thread without news is kept, in event time; longer than articles are kept and looked at again."""

MAX_MERGES: Final = 32
"""Threads that are followed from one that was merged to the one where it is now."""

Join = Callable[[Article, Sequence[Flag]], tuple[str, Membership] | None]
"""The thread that an article belongs to, and why; None if it begins one."""


class Outcome(msgspec.Struct, kw_only=True):
    """What came of one record: rows to write, rows to delete (by id), what to tell, pages to ask for."""

    threads: dict[str, Thread] = {}
    members: dict[str, Member] = {}
    stubs: dict[str, Article] = {}
    gone_threads: list[str] = []
    gone_members: list[str] = []
    gone_stubs: list[str] = []
    events: list[ThreadEvent] = []
    looks: list[PageRequest] = []


class Docket:
    """Threads, members and what is kept of articles for looking again, by their ids; and what follows from them.

    Args:
        position: offset of the last record that was taken in, as far as it is known.
        ticked: time of the last tick.
        hours: silences that are told.
    """

    def __init__(
        self,
        threads: MutableMapping[str, Thread],
        members: MutableMapping[str, Member],
        stubs: MutableMapping[str, Article],
        *,
        position: int = -1,
        ticked: datetime | None = None,
        hours: Sequence[int] = silence.HOURS,
        remember: timedelta = REMEMBER,
    ) -> None:
        self.threads, self.members, self.stubs = threads, members, stubs
        self.position, self.ticked = position, ticked
        self._hours, self._remember = tuple(hours), remember
        self._in_thread: dict[str, dict[str, int]] = {}
        self._due: list[tuple[datetime, str, str]] = []

    def restore(self) -> Iterator[int]:
        """Derive everything else from the rows. Yields how many were read, each `RESTORE_CHUNK`."""
        number = 0
        for number, member in enumerate(self.members.values(), 1):
            self._in_thread.setdefault(member.thread, {})[member.article] = member.position
            self.position = max(self.position, member.read)
            if number % RESTORE_CHUNK == 0:
                yield number
        for thread in self.threads.values():
            self.position = max(self.position, thread.position)
            self._remind_silence(thread)
            self._remind_expiry(thread)
        for article, kept in self.stubs.items():
            self._remind_look(article, self.members[article].flagged if article in self.members else kept.fetched)
        yield number

    def members_of(self, thread_id: str) -> list[Member]:
        """The members of a thread, in log order."""
        places = self._in_thread.get(thread_id, {})
        return [self.members[one] for one in sorted(places, key=lambda one: (places[one], one))]

    def current(self, thread_id: str) -> Thread | None:
        """The thread with that id, or the one that it was merged into; None if there is none any more."""
        thread = self.threads.get(thread_id)
        for _ in range(MAX_MERGES):
            if thread is None or not thread.merged_into:
                return thread
            thread = self.threads.get(thread.merged_into)
        return None

    def take(self, what: Flagged | Tick | Command, position: int, now: datetime, join: Join) -> Outcome:
        """Take in one record.

        Args:
            position: its offset.
            now: the wall clock, for what lies outside the determinism promise.
            join: asked for an article that is in no thread yet.
        """
        if position <= self.position:
            return Outcome()
        self.position = position
        outcome = Outcome()
        match what:
            case Flagged():
                self._flagged(what, by_article(what.article, position, now), join, outcome)
            case Tick():
                self._tick(what, by_tick(what, position, now), outcome)
            case Command():
                self._command(what, by_command(what, position, now), outcome)
        return outcome

    # -- articles

    def _flagged(self, what: Flagged, cause: Cause, join: Join, outcome: Outcome) -> None:
        if what.heartbeat is not None:
            outcome.events.append(heartbeat(what.heartbeat, cause))
            return
        known = self.members.get(what.article.id)
        if known is not None:
            self._revise(known, what, cause, outcome)
            return
        member = read(what.article, what.flags, cause.position, what.ruleset)
        if member is None:
            return
        found = self._own(member) or join(what.article, what.flags)
        thread = self.current(found[0]) if found is not None else None
        if found is None or thread is None:
            self._keep(*begin(member, cause), outcome)
        else:
            member = msgspec.structs.replace(member, thread=thread.id)
            self._keep(*grow(thread, member, found[1], cause), outcome)
        self._keep_member(member, outcome)
        self._look_later(what.article, cause, outcome)

    def _own(self, member: Member) -> tuple[str, Membership] | None:
        """The thread that this article began before it was moved to another, which was forgotten since."""
        if member.article not in self.threads:
            return None
        return member.article, Membership(article=member.article, reason="It began this thread.")

    def _revise(self, known: Member, what: Flagged, cause: Cause, outcome: Outcome) -> None:
        thread = self.threads.get(known.thread)
        if thread is None:
            return
        member, after, events = revise(
            thread, known, what.article, what.flags, what.ruleset, lambda: self.members_of(thread.id), cause
        )
        if member != known:
            self._keep_member(member, outcome)
        if after is not thread:
            self._keep(after, events, outcome)

    def _look_later(self, article: Article, cause: Cause, outcome: Outcome) -> None:
        kept = stub(article)
        if kept is None:
            return
        self.stubs[article.id] = outcome.stubs[article.id] = kept
        self._remind_look(article.id, article.fetched)
        first = baseline(article)
        if first is not None:
            outcome.looks.append(first)

    # -- time

    def _tick(self, tick: Tick, cause: Cause, outcome: Outcome) -> None:
        since = self.ticked
        if since is not None and tick.time <= since:
            return
        self.ticked = tick.time
        due: set[tuple[str, str]] = set()
        while self._due and self._due[0][0] <= tick.time:
            due.add(heapq.heappop(self._due)[1:])
        for kind, name in sorted(due):  # the order of reminders depends on when they were made, and is no result
            if kind == _SILENCE:
                self._silence(name, cause, outcome)
            elif kind == _EXPIRY:
                self._expire(name, tick.time, outcome)
            else:
                self._look(name, since, cause, outcome)

    def _silence(self, thread_id: str, cause: Cause, outcome: Outcome) -> None:
        thread = self.threads.get(thread_id)
        if thread is not None:
            after, events = silence.tick(thread, cause, self._hours)
            if after is not thread:
                self._keep(after, events, outcome)

    def _look(self, article: str, since: datetime | None, cause: Cause, outcome: Outcome) -> None:
        kept, member = self.stubs.get(article), self.members.get(article)
        if kept is None or member is None:
            return
        number = looks_between(member.flagged, max(since or member.flagged, member.flagged), cause.when)
        if number is not None:
            page_known = any(one.source == "page" for one in member.readings)
            outcome.looks.append(look(kept, number, cause.when, page_known=page_known))
        if due_looks(member.flagged)[-1] <= cause.when:
            del self.stubs[article]
            outcome.gone_stubs.append(article)

    def _expire(self, thread_id: str, now: datetime, outcome: Outcome) -> None:
        thread = self.threads.get(thread_id)
        if thread is None:
            return
        if thread.last_activity + self._remember > now:
            self._remind_expiry(thread)
            return
        for article in self._in_thread.pop(thread_id, {}):
            del self.members[article]
            outcome.gone_members.append(article)
            if self.stubs.pop(article, None) is not None:
                outcome.gone_stubs.append(article)
        del self.threads[thread_id]
        outcome.gone_threads.append(thread_id)

    # -- people

    def _command(self, command: Command, cause: Cause, outcome: Outcome) -> None:
        thread = self.threads.get(command.thread)
        into = self.threads.get(command.into)
        if thread is None:
            outcome.events.append(commands.refuse(command, "there is no such thread", cause))
            return
        members = self.members_of(thread.id)
        if command.do in ("merge", "move") and into is None:
            why = f"there is no thread {command.into}"
            outcome.events.append(commands.refuse(command, why, cause, thread.language))
            return
        if command.do == "mark":
            decided = commands.mark(command, thread, cause)
        elif command.do == "split":
            decided = commands.split(command, thread, members, self.threads.get, cause)
        elif into is not None and command.do == "merge":
            everyone = sorted([*members, *self.members_of(into.id)], key=lambda one: one.position)
            decided = commands.merge(command, thread, into, everyone, cause)
        elif into is not None:
            decided = commands.move(command, thread, members, into, self.members_of(into.id), cause)
        for member in decided.members:
            self._keep_member(member, outcome)
        for one in decided.threads:
            self._keep(one, (), outcome)
        outcome.events.extend(decided.events)

    # -- rows

    def _keep(self, thread: Thread, events: Sequence[ThreadEvent], outcome: Outcome) -> None:
        before = self.threads.get(thread.id)
        self.threads[thread.id] = outcome.threads[thread.id] = thread
        outcome.events.extend(events)
        if before is None:
            self._remind_expiry(thread)
        if before is None or silence.due(before, self._hours) != silence.due(thread, self._hours):
            self._remind_silence(thread)

    def _keep_member(self, member: Member, outcome: Outcome) -> None:
        before = self.members.get(member.article)
        if before is not None and before.thread != member.thread:
            self._in_thread[before.thread].pop(member.article)
        self.members[member.article] = outcome.members[member.article] = member
        self._in_thread.setdefault(member.thread, {})[member.article] = member.position

    def _remind_silence(self, thread: Thread) -> None:
        """Look into it when it may be due; whether it is, the thread says then. So with expiry."""
        due = silence.due(thread, self._hours)
        if due is not None:
            heapq.heappush(self._due, (due, _SILENCE, thread.id))

    def _remind_expiry(self, thread: Thread) -> None:
        heapq.heappush(self._due, (thread.last_activity + self._remember, _EXPIRY, thread.id))

    def _remind_look(self, article: str, flagged: datetime) -> None:
        for when in due_looks(flagged)[1:]:
            if self.ticked is None or when > self.ticked:
                heapq.heappush(self._due, (when, _LOOK, article))


_SILENCE: Final = "silence"
_EXPIRY: Final = "expiry"
_LOOK: Final = "look"
