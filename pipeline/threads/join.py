"""Which thread a story belongs to. Pure: `join` decides and changes nothing, `add` takes a decision in.

    verdict = threads.join(story)
    thread = verdict.joined.thread if verdict.joined else story.id
    forgotten = threads.add(Entry(story, thread, seq))

`Threads` is one per partition. It is nothing but its entries: each is a row of the partition's table, and an index that
`restore` built from these rows, in whatever order they come, decides as the one that was lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec

from pipeline.threads.story import Story

VetoKind = Literal["numbers", "actors"]

RESTORE_CHUNK: Final = 200
"""Entries that are taken in between two turns of the event loop: some ten milliseconds."""


class Entry(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """A story and the thread it is in: a row of the table, under the story's id."""

    story: Story
    thread: str
    seq: int
    """Its place in the log (the offset in `threads.in`): rises from entry to entry, and orders them on recovery."""

    pinned: bool = False
    """A person put it there. A revision of the article stays there too."""


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """A story belongs to a thread, and why."""

    thread: str
    score: float
    """0 to 1; at least the threshold, unless the article itself or a copy of it was in the thread already."""

    terms: tuple[tuple[str, float], ...] = ()
    """What the score is made of: the strongest common terms with their shares of it, largest first."""

    reason: str
    """One sentence for people."""


class Veto(msgspec.Struct, frozen=True, kw_only=True):
    """A thread that is like enough, and still not the same."""

    thread: str
    score: float
    kind: VetoKind
    why: str
    """One sentence for people."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What `Threads.join` decides. ``joined`` is None for a story that begins a thread."""

    joined: Joined | None = None
    vetoes: tuple[Veto, ...] = ()


class Threads:
    """The stories of a partition and the threads they are in. Languages do not see each other."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._members: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        """How many stories are remembered."""
        return len(self._entries)

    def join(self, story: Story) -> Verdict:
        """The thread that a story belongs to. A story whose article is known, or a copy of it, is where that is."""
        known = self._entries.get(story.id)
        if known is not None:
            return Verdict(joined=Joined(thread=known.thread, score=1.0, reason="It is a revision of a member."))
        return Verdict()

    def add(self, entry: Entry) -> tuple[str, ...]:
        """Take a story in; one with the same id is replaced, and keeps its `pinned` and its place in the log.

        Returns:
            Ids of the stories that are forgotten for it, because the index is bounded: their rows can be deleted.
        """
        known = self._entries.get(entry.story.id)
        if known is not None:
            entry = msgspec.structs.replace(entry, seq=known.seq, pinned=known.pinned or entry.pinned)
            self._drop(known)
        self._entries[entry.story.id] = entry
        self._members.setdefault(entry.thread, {})[entry.story.id] = None
        return ()

    def entry(self, story_id: str) -> Entry | None:
        """The row of a story, as it is to be stored; None when it is not remembered."""
        return self._entries.get(story_id)

    def members(self, thread: str) -> tuple[str, ...]:
        """Ids of a thread's stories that are remembered, in log order."""
        return tuple(sorted(self._members.get(thread, ()), key=lambda one: self._entries[one].seq))

    def move(self, story_ids: Iterable[str], thread: str) -> tuple[Entry, ...]:
        """A person's decision (split, merge, move): these stories are in this thread now, and stay there.

        Returns:
            The rows that changed. Stories that are not remembered are left out.
        """
        changed = []
        for story_id in story_ids:
            known = self._entries.get(story_id)
            if known is not None:
                self._drop(known)
                self.add(msgspec.structs.replace(known, thread=thread, pinned=True))
                changed.append(self._entries[story_id])
        return tuple(changed)

    def expire(self, before: int) -> tuple[str, ...]:
        """Forget stories whose thread had no story published since ``before`` (seconds since 1970).

        Returns:
            Ids of the stories that are forgotten: their rows can be deleted.
        """
        old = [
            story_id
            for members in list(self._members.values())
            if all(self._entries[one].story.when < before for one in members)
            for story_id in members
        ]
        for story_id in old:
            self._drop(self._entries[story_id])
        return tuple(old)

    def restore(self, entries: Iterable[Entry]) -> Iterator[int]:
        """Take in the rows of a table, in whatever order they come; the index must be empty.

        Yields:
            How many are in, after each `RESTORE_CHUNK`: where the caller gives way to its event loop.
        """
        for number, entry in enumerate(sorted(entries, key=lambda one: one.seq), 1):
            self.add(entry)
            if number % RESTORE_CHUNK == 0:
                yield number

    def _drop(self, entry: Entry) -> None:
        del self._entries[entry.story.id]
        members = self._members[entry.thread]
        del members[entry.story.id]
        if not members:
            del self._members[entry.thread]
