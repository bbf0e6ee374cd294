"""The Faust table of dispute threads: rows and a journal for each partition, and what is derived from the rows.

    <partition>/t/<thread id>       a thread
    <partition>/a/<article id>      an article: as a member, as a story of the join, and what looking again needs
    <partition>/c/                  the time of the last tick
    <partition>/j/<slot>/<part>     what one of the last records did (`agents.journal`)

A record's deed is decided over rows in memory (as the bytes that the table has), written to the journal, then to the
rows (`agents.deed_table`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, get_args

import msgspec
import structlog

from agents.deed_table import DeedPartition, DeedTable, Packed, give_way
from agents.journal import Deed, Result, Write
from agents.outbox import Outgoing
from pipeline.feeds.listing import partition_of
from pipeline.records import Article, Flag, Flagged, Membership, Thread, ThreadInput, Tick, encode
from pipeline.records.thread import Command, State
from pipeline.threads import silence
from pipeline.threads.docket import REMEMBER, Docket, Outcome
from pipeline.threads.join import Entry, Threads, Verdict
from pipeline.threads.member import Member, copy_of
from pipeline.threads.story import Story
from pipeline.threads.telling import story_event
from pipeline.threads.terms import story_of
from pipeline.topics import PAGES_REQUESTS, STORY_EVENTS, THREAD_EVENTS, THREADS

log = structlog.get_logger(__name__)

_NONE: Final = msgspec.Raw(b"null")


class _Row(msgspec.Struct, frozen=True, array_like=True):
    """All that is kept of an article."""

    member: msgspec.Raw = _NONE
    entry: msgspec.Raw = _NONE
    stub: msgspec.Raw = _NONE


_rows = msgspec.json.Decoder(_Row)
_entries = msgspec.json.Decoder(Entry)
_times = msgspec.json.Decoder(datetime)


@dataclass(frozen=True, slots=True)
class Done:
    """What a record led to. All but the results is for the metrics, and empty for a record that was done before."""

    results: tuple[Outgoing, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    lags: tuple[int, ...] = ()
    """Seconds from allegation to denial, of the threads where they became known."""

    joined: bool = False
    """Whether its article is in a thread."""


class Partition(DeedPartition):
    """The threads of one partition, and what the last record did to them."""

    def __init__(self, number: int, page_partitions: int, hours: Sequence[int]) -> None:
        super().__init__(number)
        self._page_partitions = page_partitions
        self.threads, self._members, self._stubs = Packed(Thread), Packed(Member), Packed(Article)
        self._docket = Docket(self.threads, self._members, self._stubs, hours=hours)
        self.index = Threads()
        self._states: dict[str, str] = {}
        self.states: Counter[str] = Counter()
        self._answered: set[str] = set()
        self._story: Story | None = None
        self._verdicts: list[Verdict] = []
        self._lags: list[int] = []

    async def read(self, rows: Mapping[bytes, bytes]) -> None:
        """Take in the rows. Gives way to the event loop."""
        entries: list[Entry] = []
        for number, (key, value) in enumerate(rows.items(), 1):
            kind, _, name = key.decode().partition("/")
            if kind == "t":
                self.threads.packed[name] = value
                self._note(name, self.threads[name])
            elif kind == "a":
                entries += self._unpack(name, value)
            else:
                self._docket.ticked = _times.decode(value)
            await give_way(number)
        for _ in self.index.restore(entries):
            await asyncio.sleep(0)
        for _ in self._docket.restore():
            await asyncio.sleep(0)

    def _unpack(self, name: str, value: bytes) -> Iterator[Entry]:
        row = _rows.decode(value)
        if row.member != _NONE:
            self._members.packed[name] = bytes(row.member)
        if row.stub != _NONE:
            self._stubs.packed[name] = bytes(row.stub)
        if row.entry != _NONE:
            yield _entries.decode(row.entry)

    def decide(self, what: Flagged | Tick | Command, offset: int, now: datetime) -> Deed:
        """What the record does. Done here already; whoever cannot write it to the table must drop this partition."""
        self._story = None
        self._verdicts.clear()
        self._lags.clear()
        ticked = self._docket.ticked
        outcome = self._docket.take(what, offset, now, self._join)
        touched = dict.fromkeys([*outcome.members, *outcome.stubs, *outcome.gone_members, *outcome.gone_stubs])
        touched |= dict.fromkeys(self._follow(what, offset, outcome))
        for name, thread in outcome.threads.items():
            self._note(name, thread)
        for name in outcome.gone_threads:
            self._forget(name)
        writes = [*self._thread_rows(outcome), *map(self._article_row, touched)]
        if self._docket.ticked != ticked:
            writes.append((b"%d/c/" % self.number, msgspec.json.encode(self._docket.ticked)))
        return Deed(offset, tuple(writes), tuple(self._results(what, outcome)))

    def done(self, what: Flagged | Tick | Command, results: tuple[Outgoing, ...]) -> Done:
        """What is to be told of the record that was decided last."""
        joined = isinstance(what, Flagged) and what.article.id in self._members
        return Done(results, tuple(self._verdicts), tuple(self._lags), joined)

    def _join(self, article: Article, flags: Sequence[Flag]) -> tuple[str, Membership] | None:
        self._story = story_of(article, flags)
        verdict = self.index.join(self._story)
        self._verdicts.append(verdict)
        joined = verdict.joined
        if joined is None:
            return None
        why = Membership(
            article=article.id,
            copy_of=copy_of(article),
            score=joined.score,
            terms=joined.terms,
            reason=joined.reason,
        )
        return joined.thread, why

    def _follow(self, what: Flagged | Tick | Command, offset: int, outcome: Outcome) -> Iterable[str]:
        """Bring the join's index in line with what was decided; ids of the articles whose stories changed."""
        if isinstance(what, Flagged):
            member = self._members.get(what.article.id)
            if member is None:
                return ()
            story = self._story or story_of(what.article, what.flags)
            return (story.id, *self.index.add(Entry(story, member.thread, offset)))
        if isinstance(what, Tick):
            return self.index.expire(int((what.time - REMEMBER).timestamp()))
        moved: list[str] = []
        for member in outcome.members.values():
            moved += (entry.story.id for entry in self.index.move([member.article], member.thread))
        return moved

    def _thread_rows(self, outcome: Outcome) -> Iterator[Write]:
        for name in outcome.threads:
            yield b"%d/t/%s" % (self.number, name.encode()), self.threads.packed.get(name)
        for name in outcome.gone_threads:
            yield b"%d/t/%s" % (self.number, name.encode()), None

    def _article_row(self, name: str) -> Write:
        member, stub, entry = self._members.packed.get(name), self._stubs.packed.get(name), self.index.entry(name)
        key = b"%d/a/%s" % (self.number, name.encode())
        if member is None and stub is None and entry is None:
            return key, None
        parts = (member, None if entry is None else msgspec.json.encode(entry), stub)
        return key, msgspec.json.encode(_Row(*(_NONE if one is None else msgspec.Raw(one) for one in parts)))

    def _results(self, what: Flagged | Tick | Command, outcome: Outcome) -> Iterator[Result]:
        for name, thread in outcome.threads.items():
            yield Result(THREADS, encode(thread), name.encode())
        for name in outcome.gone_threads:
            yield Result(THREADS, None, name.encode())
        for event in outcome.events:
            yield Result(THREAD_EVENTS, encode(event), event.thread.encode(), event.heartbeat)
            told = story_event(event, self.threads.get(event.thread), what)
            yield Result(STORY_EVENTS, encode(told), event.thread.encode())
        for look in outcome.looks:
            partition = partition_of(look.url, self._page_partitions)
            yield Result(PAGES_REQUESTS, encode(look), look.host.encode(), partition)

    def _note(self, name: str, thread: Thread) -> None:
        before = self._states.pop(name, None)
        if before is not None:
            self.states[before] -= 1
        if thread.merged_into:
            return
        self._states[name] = thread.state
        self.states[thread.state] += 1
        if thread.lag_seconds is not None and name not in self._answered:
            self._answered.add(name)
            self._lags.append(thread.lag_seconds)

    def _forget(self, name: str) -> None:
        before = self._states.pop(name, None)
        if before is not None:
            self.states[before] -= 1
        self._answered.discard(name)


class ThreadTable(DeedTable[Partition]):
    """Has records done, and remembers.

    Args:
        table: a Faust table in the worker, a dict in tests (`agents.deed_table`).
        page_partitions: how many `pages.requests` has.
        take: gives the changes of the table since the last call: records that must be sent for them to last.
        hours: silences that are told.
    """

    def __init__(
        self,
        table: MutableMapping[bytes, bytes],
        page_partitions: int,
        take: Callable[[], tuple[Outgoing, ...]] = tuple,
        hours: Sequence[int] = silence.HOURS,
    ) -> None:
        super().__init__(table, lambda number: Partition(number, page_partitions, tuple(hours)), take)

    async def take(
        self, record: ThreadInput, partition: int, offset: int, now: datetime, bury: Callable[[Exception], Outgoing]
    ) -> Done:
        """Have a record done; what is to be sent. One that was done before is done again, as it was.

        Args:
            bury: makes the dead letter for a record that cannot be done; it costs itself, never the stream.
        """
        doing = await self.do(partition, offset, lambda there: there.decide(record.what, offset, now), bury)
        if not doing.fresh:
            return Done(doing.results)
        return doing.there.done(record.what, doing.results)

    def loaded(self, partitions: Mapping[int, Partition]) -> None:
        """One line for the operator."""
        log.info("threads loaded", threads=sum(len(one.threads) for one in partitions.values()))

    def __len__(self) -> int:
        """Stories that new articles are compared with."""
        return sum(len(one.index) for one in self.partitions.values())

    def states(self) -> dict[str, int]:
        """Threads of this process by state."""
        counts = [one.states for one in self.partitions.values()]
        return {state: sum([count.get(state, 0) for count in counts]) for state in get_args(State)}  # for each record
