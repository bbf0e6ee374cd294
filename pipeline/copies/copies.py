"""What an article is a copy of: the index of one partition's texts, and the groups that its copies make.

Each article is looked for by its shingles, compared with the few texts that share most of them, and taken in. The first
article of a group in log order names the group, for ever; the member that was published first is its original, even if
it comes last. Later articles may match any member, so a story is followed through its edits.

Everything is decided from the log alone: the same batches in the same order give the same claims, and an index that was
rebuilt from the claims decides like the one that made them.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.copies.claims import Claim, Entry
from pipeline.copies.likeness import Likeness, likeness, why
from pipeline.copies.postings import MAX_NUMBER, WAY_BITS, Found, Postings, Slots
from pipeline.copies.shingles import text_of
from pipeline.copies.sketch import Sketch, decoded, sketch
from pipeline.records import Article, ArticleBatch, CopyGroup, CopyOf
from pipeline.records.article import MAX_BATCH_ARTICLES

WINDOW: Final = timedelta(hours=72)
"""Event time between two copies, at the most."""

MAX_DOCUMENTS: Final = 1_000_000
"""Articles remembered in a partition, at the most; the oldest go first. Less than 1 kB each."""

MIN_VOTES: Final = 4
VOTES_SHARE: Final = 8
"""Postings that a group must share with a text to be compared with it: so many, and one in so many of its hashes. A
copy shares a third of them and more, or half of that where the other text's sample is the smaller share."""

MAX_GROUPS: Final = 3
MAX_MEMBERS: Final = 4
"""Compared with a text: so many groups, those with the most postings in common, and so many members of each."""

EXPIRE_PER_BATCH: Final = 4
"""Stale claims dropped for each batch: more than one, so that the memory shrinks; few, so that no batch waits."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_ID_BYTES: Final = 16
_SLACK: Final = 2 * MAX_BATCH_ARTICLES


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is remembered."""

    window: timedelta = WINDOW
    documents: int = MAX_DOCUMENTS

    def __post_init__(self) -> None:
        if not 0 < self.documents <= MAX_DOCUMENTS:
            raise ValueError(f"documents is {self.documents}; it must be between 1 and {MAX_DOCUMENTS}")


class Match(NamedTuple):
    """A text that an article is a copy of."""

    number: int
    likeness: Likeness


class _Group(NamedTuple):
    """What is known of a group of at least two."""

    id: str
    original: str
    published: datetime
    last: int
    """Serial number of its newest article: the group is forgotten with it."""


class Copies:
    """The memory of one partition. Not thread-safe; one owner.

    How an agent uses it (batches of heartbeats never come here)::

        key = claim_key(batch, offset)
        if key in copies:                       # delivered again
            claim = stored[key]
        else:
            claim = copies.take(key, batch, offset)
            stored[key] = claim
            for stale in copies.stale(batch.fetched):
                copies.forget(stale)
                del stored[stale]
        send(with_copies(batch, claim)); send each of claim.moved to topic `copies`

    If storing or sending fails after `take`, the index is dropped and rebuilt from the stored claims, as with `seen`:
    ``for key, claim in in_log_order(stored): copies.restore(key, claim)``, in chunks.
    """

    def __init__(self, partition: int, limits: Limits | None = None) -> None:
        self.partition = partition
        self.limits = limits or Limits()
        self._numbers = min(self.limits.documents + _SLACK, MAX_NUMBER)
        self._first = self._next = 0
        """Serial numbers of the oldest article, and of the next; a serial modulo `_numbers`, plus 1, is a number."""
        self._groups_of = np.zeros(0, np.uint64)
        """By number: the lower half of its group's id."""
        self._published = np.zeros(0, np.int64)
        """By number: microseconds since 1970."""
        self._texts: list[bytes] = []
        """By number: the article's id, 16 bytes, and its sketch."""
        self._postings = Postings()
        self._posted = 0
        self._groups: dict[int, _Group] = {}
        self._claims: OrderedDict[str, tuple[datetime, int]] = OrderedDict()
        """claim key → time of its batch and number of its articles, oldest first"""

    def __contains__(self, key: str) -> bool:
        """Whether the claim with this key was taken in, that is: whether its batch is delivered again."""
        return key in self._claims

    def __len__(self) -> int:
        """How many articles are remembered."""
        return self._next - self._first

    @property
    def buckets(self) -> int:
        """How large the table of postings is."""
        return self._postings.buckets

    @property
    def nbytes(self) -> int:
        """Bytes that the index holds, Python's own small objects aside."""
        arrays = self._groups_of.nbytes + self._published.nbytes
        return self._postings.nbytes + arrays + sum(map(len, self._texts))

    def take(self, key: str, batch: ArticleBatch, offset: int) -> Claim:
        """Decide about each article of a batch that is delivered for the first time, and take it in.

        Articles of one batch may be copies of each other. A revision is never a copy of its own earlier text.
        """
        entries: list[Entry] = []
        moved: list[CopyGroup] = []
        sketches = [sketch(text_of(article)) for article in batch.articles]
        self._make_room(len(sketches), sum(len(made.hashes) for made in sketches))
        for place, (article, made) in enumerate(zip(batch.articles, sketches, strict=True)):
            found = self._postings.find(made.hashes)
            groups = self._groups_of.take(found.numbers).tolist()
            match = self._match(article, made, found, groups)
            copy, at = self._judge(article, match, batch.fetched, moved)
            entry = Entry(place, article.id, article.published, made.encoded, copy, at)
            self._add(entry, found, groups)
            entries.append(entry)
        self._claims[key] = (batch.fetched, len(entries))
        return Claim(
            partition=self.partition,
            offset=offset,
            at=batch.fetched,
            buckets=self.buckets,
            entries=tuple(entries),
            moved=tuple(moved),
        )

    def look(self, article: Article) -> Likeness | None:
        """How an article is a copy of something remembered. Changes nothing."""
        made = sketch(text_of(article))
        found = self._postings.find(made.hashes)
        match = self._match(article, made, found, self._groups_of.take(found.numbers).tolist())
        return match and match.likeness

    def restore(self, key: str, claim: Claim) -> None:
        """Take in a stored claim, when the index is rebuilt. In log order (`in_log_order`)."""
        if not len(self) and self.buckets < claim.buckets:
            self._postings = Postings(claim.buckets)
        while self.buckets < claim.buckets:
            self._postings.grow()
        for entry in claim.entries:
            found = self._postings.find(decoded(entry.sketch).hashes)
            self._add(entry, found, self._groups_of.take(found.numbers).tolist())
        self._claims[key] = (claim.at, len(claim.entries))

    def stale(self, now: datetime) -> tuple[str, ...]:
        """Keys of the oldest claims: past the window, or over the bound on documents; a few at a time.

        ``now`` is the time of the batch at hand, not of the clock: a replay forgets at the same places.
        """
        over = len(self) - self.limits.documents
        keys: list[str] = []
        for key, (at, articles) in self._claims.items():
            past = at < now - self.limits.window and len(keys) < EXPIRE_PER_BATCH
            if over <= 0 and not past:
                break
            keys.append(key)
            over -= articles
        return tuple(keys)

    def forget(self, key: str) -> None:
        """Drop a claim that `stale` named.

        Raises:
            ValueError: it is not the oldest; articles are forgotten in the order in which they came.
        """
        oldest, (_, articles) = next(iter(self._claims.items()), ("", (None, 0)))
        if key != oldest:
            raise ValueError(f"claim {key!r} is not the oldest, {oldest!r} is")
        del self._claims[key]
        for serial in range(self._first, self._first + articles):
            number = self._number(serial)
            hashes = self._sketch(number).hashes
            self._postings.drop(hashes, number)
            self._posted -= len(hashes)
            self._texts[number] = b""
            group = int(self._groups_of[number])
            if group in self._groups and self._groups[group].last == serial:
                del self._groups[group]
        self._first += articles

    def _judge(
        self, article: Article, match: Match | None, at: datetime, moved: list[CopyGroup]
    ) -> tuple[CopyOf | None, datetime | None]:
        """What goes onto the article, and when the original of its group was published."""
        if match is None:
            return None, None
        of = self._id(match.number)
        key = int(self._groups_of[match.number])
        group = self._groups.get(key) or _Group(of, of, self._time(match.number), 0)
        original, published = group.original, group.published
        if article.published < published and article.id != original:
            moved.append(
                CopyGroup(
                    group=group.id, original=article.id, was=original, published=article.published, at=at,
                    url=article.url, outlet=article.outlet,
                )
            )  # fmt: skip
            original, published = article.id, article.published
        if article.id == group.id == original:  # a revision of the article that the others are copies of
            return None, None
        share, contained = match.likeness
        copy = CopyOf(
            group=group.id, original=original, of=of, containment=round(share, 3), contained=round(contained, 3),
            why=why(match.likeness),
        )  # fmt: skip
        return copy, published

    def _match(self, article: Article, made: Sketch, found: Found, groups: list[int]) -> Match | None:
        """The remembered text that this one is a copy of: what it has most in common with, the earliest of equals.

        ``groups``: of each posting found.
        """
        size = len(made.hashes)
        least = min(size, max(MIN_VOTES, size // VOTES_SHARE))
        if len(groups) - len(set(groups)) < least - 1 or not groups:  # nearly always: chance meetings, each another
            return None
        often = found.common
        common = made.hashes[often]
        numbers = found.numbers[~often[found.at >> WAY_BITS]] if len(common) else found.numbers
        best: tuple[float, int, Match] | None = None
        for number in self._likely(numbers, least):
            if not self._comparable(article, number):
                continue
            alike = likeness(made, self._sketch(number), article.language, common)
            if alike is not None:
                rank = (sum(alike), -self._serial(number), Match(number, alike))
                best = rank if best is None else max(best, rank)
        return best[2] if best else None

    def _likely(self, numbers: Slots, least: int) -> Iterable[int]:
        """Of the texts that postings name, those worth comparing: the strongest members of the strongest groups."""
        each = numbers.tolist()
        groups = self._groups_of.take(numbers).tolist()
        votes = sorted((-share, group) for group, share in Counter(groups).items() if share >= least)
        for _, strong in votes[:MAX_GROUPS]:
            members = Counter(number for number, group in zip(each, groups, strict=True) if group == strong)
            yield from sorted(members, key=lambda number: (-members[number], self._serial(number)))[:MAX_MEMBERS]

    def _comparable(self, article: Article, number: int) -> bool:
        """Whether they are near enough in time, and not two texts of one page."""
        apart = abs(_microseconds(article.published) - int(self._published[number]))
        return apart <= self.limits.window // _MICROSECOND and self._id(number) != article.id

    def _add(self, entry: Entry, found: Found, groups: list[int]) -> None:
        """Take an article in."""
        serial, number = self._next, self._number(self._next)
        key = int((entry.copy.group if entry.copy else entry.article)[16:], 16)
        self._widen(number)
        self._groups_of[number] = key
        self._published[number] = _microseconds(entry.published)
        self._texts[number] = bytes.fromhex(entry.article) + entry.sketch
        self._post(found, number, key, groups)
        self._posted += len(found.hashes)
        self._next += 1
        if entry.copy and entry.original_published:
            self._groups[key] = _Group(entry.copy.group, entry.copy.original, entry.original_published, serial)
        elif key in self._groups:
            self._groups[key] = self._groups[key]._replace(last=serial)

    def _post(self, found: Found, number: int, key: int, groups: list[int]) -> None:
        """Post a text. It takes its group's postings over, so that a group has each shingle once: the table then counts
        unlike texts, and fifty prints of one wire story take little more room than one."""
        instead = np.array(groups, np.uint64) == key if key in groups else None
        self._postings.put(found, number, instead)

    def _make_room(self, articles: int, postings: int) -> None:
        """Before a batch and never within, so that an index that is rebuilt from claims grows at the same places."""
        if len(self) + articles > self._numbers:
            raise RuntimeError(f"{len(self)} articles are remembered; forget what is stale before more are taken in")
        while not self._postings.has_room(self._posted + postings):
            self._postings.grow()

    def _widen(self, number: int) -> None:
        """Room for what is kept by number, half as much again at a time."""
        if number < len(self._texts):
            return
        size = min(self._numbers + 1, number + 1 + max(1024, number // 2))
        self._groups_of = _longer(self._groups_of, size)
        self._published = _longer(self._published, size)
        self._texts += [b""] * (size - len(self._texts))

    def _number(self, serial: int) -> int:
        return serial % self._numbers + 1

    def _serial(self, number: int) -> int:
        """The serial number that a remembered text's number stands for."""
        return self._first + (number - 1 - self._first) % self._numbers

    def _id(self, number: int) -> str:
        return self._texts[number][:_ID_BYTES].hex()

    def _sketch(self, number: int) -> Sketch:
        return decoded(self._texts[number][_ID_BYTES:])

    def _time(self, number: int) -> datetime:
        return _EPOCH + timedelta(microseconds=int(self._published[number]))


def _microseconds(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND


def _longer(array: NDArray[Any], size: int) -> NDArray[Any]:
    longer = np.zeros(size, array.dtype)
    longer[: len(array)] = array
    return longer
