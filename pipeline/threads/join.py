"""Which thread a story belongs to. Pure: `join` decides and changes nothing, `add` takes a decision in.

    verdict = threads.join(story)
    thread = verdict.joined.thread if verdict.joined else story.id
    forgotten = threads.add(Entry(story, thread, seq))

`Threads` is one per partition. It is nothing but its entries: each is a row of the partition's table, and an index that
`restore` built from these rows, in whatever order they come, decides as the one that was lost.

A single pass, as in topic detection and tracking (Allan, Papka, Lavrenko, *On-line New Event Detection and Tracking*,
SIGIR 1998): the few threads whose stories share the rarest words are compared with the new one (`score`), the best that
reaches `THRESHOLD` and is not vetoed is joined.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

import msgspec

from pipeline.threads.likeness import THRESHOLD, Likeness, Veto, likeness, reason, strongest, vetoes
from pipeline.threads.postings import Postings, Weighted
from pipeline.threads.shape import Shape, length
from pipeline.threads.story import Story, key

MAX_STORIES: Final = 50_000
"""Stories that are remembered, about 3 KB each; a month of flagged articles of a busy language."""

MAX_MEMBERS: Final = 64
"""Stories of one thread that are remembered: what it was about long ago does not hold it together."""

CANDIDATES: Final = 4
"""Threads that are compared in full, of those whose best story shares most. More find no other (bench.threads)."""

STORIES_READ: Final = 32
"""Stories whose threads are the candidates."""

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


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What `Threads.join` decides. ``joined`` is None for a story that begins a thread."""

    joined: Joined | None = None
    vetoes: tuple[Veto, ...] = ()


class Threads:
    """The stories of a partition and the threads they are in. Languages do not see each other.

    Args:
        threshold: score from which on a story joins.
        most: stories that are remembered.
    """

    def __init__(self, threshold: float = THRESHOLD, most: int = MAX_STORIES) -> None:
        self._threshold, self._most = threshold, most
        self._entries: dict[str, Entry] = {}
        self._postings: dict[str, Postings] = {}
        self._shapes: dict[str, Shape] = {}
        self._groups: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        """How many stories are remembered."""
        return len(self._entries)

    def join(self, story: Story) -> Verdict:
        """The thread that a story belongs to. A story whose article is known, or a copy of it, is where that is."""
        known = self._entries.get(story.id)
        if known is not None:
            return Verdict(joined=Joined(thread=known.thread, score=1.0, reason="It is a revision of a member."))
        copies = self._groups.get(story.group) if story.group else None
        if copies:
            thread = self._entries[next(reversed(copies))].thread
            return Verdict(joined=Joined(thread=thread, score=1.0, reason="It is a copy of a member."))
        terms = _keys(story)
        like = [one for one in self._compared(story, terms) if one.score >= self._threshold]
        met = {one.thread: veto for one in like if (veto := vetoes(story, self._shapes[one.thread], one)) is not None}
        refused = tuple(met.values())
        best = next((one for one in like if one.thread not in met), None)
        if best is None:
            return Verdict(vetoes=refused)
        shape = self._shapes[best.thread]
        shares = strongest(story, shape)
        said = reason(story, shape, best, shares, self._threshold)
        return Verdict(
            joined=Joined(thread=best.thread, score=round(best.score, 4), terms=shares, reason=said), vetoes=refused
        )

    def add(self, entry: Entry) -> tuple[str, ...]:
        """Take a story in, as the newest. One with the same id is replaced, and what a person decided of it is kept.

        Returns:
            Ids of the stories that are forgotten for it, because the index is bounded: their rows can be deleted.
        """
        known = self._entries.get(entry.story.id)
        if known is not None:
            if known.pinned:
                entry = msgspec.structs.replace(entry, thread=known.thread, pinned=True)
            self._drop(known)
        self._take(entry)
        forgotten = []
        members = self._shapes[entry.thread].stories
        if len(members) > MAX_MEMBERS:
            forgotten.append(next(iter(members)))
        elif len(self._entries) > self._most:
            forgotten.append(next(iter(self._entries)))
        for story_id in forgotten:
            self._drop(self._entries[story_id])
        return tuple(forgotten)

    def entry(self, story_id: str) -> Entry | None:
        """The row of a story, as it is to be stored; None when it is not remembered."""
        return self._entries.get(story_id)

    def members(self, thread: str) -> tuple[str, ...]:
        """Ids of a thread's stories that are remembered, in log order."""
        shape = self._shapes.get(thread)
        return tuple(shape.stories) if shape is not None else ()

    def move(self, story_ids: Iterable[str], thread: str) -> tuple[Entry, ...]:
        """A person's decision (split, merge, move): these stories are in this thread now, and stay there.

        Returns:
            The rows that changed. Stories that are not remembered are left out.
        """
        changed = {
            known.story.id: msgspec.structs.replace(known, thread=thread, pinned=True)
            for known in map(self._entries.get, story_ids)
            if known is not None
        }
        for entry in changed.values():
            self._leave(self._entries[entry.story.id])
            self._entries[entry.story.id] = entry
        if changed:  # a shape keeps its stories in log order, and these may be older than those that it has
            members = {*self.members(thread), *changed}
            self._shapes[thread] = Shape()
            for entry in sorted((self._entries[one] for one in members), key=lambda one: one.seq):
                self._shapes[thread].add(entry.story, _keys(entry.story))
        return tuple(changed.values())

    def expire(self, before: int) -> tuple[str, ...]:
        """Forget stories whose thread had no story published since ``before`` (seconds since 1970).

        Returns:
            Ids of the stories that are forgotten: their rows can be deleted.
        """
        old = [
            story_id
            for shape in self._shapes.values()
            if max(shape.stories.values()) < before
            for story_id in shape.stories
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
            self._take(entry)
            if number % RESTORE_CHUNK == 0:
                yield number

    def _compared(self, story: Story, terms: Weighted) -> list[Likeness]:
        """The nearest threads with their scores, the best first; of equals the one that was there first."""
        postings = self._postings.get(story.language)
        if postings is None:
            return []
        alike = postings.alike(terms)
        threads: dict[str, None] = {}
        least = min(heapq.nlargest(STORIES_READ, alike.values()), default=0)
        near = sorted((-product, story_id) for story_id, product in alike.items() if product >= least)
        for _, story_id in near[:STORIES_READ]:
            threads[self._entries[story_id].thread] = None
        size = length(terms)
        found = [likeness(one, story, terms, size, self._shapes[one]) for one in islice(threads, CANDIDATES)]
        return sorted(found, key=lambda one: (-one.score, self._since(one.thread)))

    def _since(self, thread: str) -> int:
        return self._entries[next(iter(self._shapes[thread].stories))].seq

    def _take(self, entry: Entry) -> None:
        story, terms = entry.story, _keys(entry.story)
        self._entries[story.id] = entry
        self._postings.setdefault(story.language, Postings()).add(story.id, terms)
        self._shapes.setdefault(entry.thread, Shape()).add(story, terms)
        if story.group:
            self._groups.setdefault(story.group, {})[story.id] = None

    def _drop(self, entry: Entry) -> None:
        story = entry.story
        self._leave(entry)
        del self._entries[story.id]
        self._postings[story.language].remove(story.id, _keys(story))
        if story.group:
            del self._groups[story.group][story.id]
            if not self._groups[story.group]:
                del self._groups[story.group]

    def _leave(self, entry: Entry) -> None:
        """Take a story out of its thread."""
        shape = self._shapes[entry.thread]
        shape.remove(entry.story, _keys(entry.story))
        if not shape.stories:
            del self._shapes[entry.thread]


def _keys(story: Story) -> Weighted:
    return tuple((key(term), weight) for term, weight in story.terms)
