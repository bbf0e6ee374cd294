"""What has been seen: which article of a batch is new, a revision, a duplicate, or seen again.

The memory is a log of *claims*. The first batch that brings an article claims it; the claim says what was decided for
every article of that batch, and is stored under the batch's id and its offset in the source topic. That gives three
things:

- one stored write a batch, not one an article (a write costs more than the whole decision);
- safety when a worker dies between storing the claim and sending the result: the batch is delivered again, its claim is
  found under the same key, and the same verdicts are sent again instead of "seen already";
- a memory that can be rebuilt: a :class:`SeenIndex` is nothing but all claims of a partition, taken in in log order.

Everything here is pure: deciding changes nothing, `apply` takes a claim in. The index holds numbers, not claims, to
keep a remembered article small; the claims themselves stay in the store.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Final, Literal

import msgspec

from pipeline.records.article import Article, ArticleBatch
from pipeline.records.values import Record

VerdictKind = Literal["new", "revision", "duplicate", "seen_again"]

MIN_DUPLICATE_WORDS: Final = 4
"""A text shorter than this says too little ("Live updates") to make two pages of an outlet the same article."""

EXPIRE_PER_BATCH: Final = 4
"""Stale claims dropped for each batch: more than one, so that the memory shrinks; few, so that no batch waits."""


class Verdict(msgspec.Struct, frozen=True, array_like=True):
    """What one article is. ``of``: for a revision the text hash it replaces, for a duplicate the article it repeats."""

    kind: VerdictKind
    of: str = ""

    @property
    def passes(self) -> bool:
        """Whether the article goes on; the others are counted and dropped."""
        return self.kind in ("new", "revision")


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One claimed article: its place in the batch, its ids, and the verdict it passed with."""

    place: int
    article: int
    content: int
    text: str
    verdict: Verdict


class Claim(Record, frozen=True, kw_only=True):
    """The articles that one batch brought first, and where in the source topic that batch lies."""

    partition: int
    offset: int
    at: datetime
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict for each article of a batch, and an entry for each that passes."""

    verdicts: tuple[Verdict, ...]
    entries: tuple[Entry, ...]

    def claim(self, batch: ArticleBatch, *, partition: int, offset: int) -> Claim | None:
        """The claim that keeps what was decided; None when nothing of the batch passes."""
        if not self.entries:
            return None
        return Claim(partition=partition, offset=offset, at=batch.fetched, entries=self.entries)


def claim_key(batch: ArticleBatch, offset: int) -> str:
    """The key under which a batch's claim is stored: the batch at that offset, so that a batch which the poller sent
    twice (its first acknowledgement was lost) is a repeat, and one that Kafka delivers twice is not."""
    return f"{batch.id}@{offset}"


@dataclass(slots=True)
class SeenIndex:
    """The memory of one partition. Not thread-safe; one owner."""

    partition: int
    _articles: dict[int, str] = field(default_factory=dict)
    """article → hash of its latest text"""
    _contents: dict[int, int] = field(default_factory=dict)
    """content (domain and text) → the article that had it first"""
    _claims: OrderedDict[str, datetime] = field(default_factory=OrderedDict)
    """claim key → time of its batch, oldest first. Not a plain dict: that gets slow when its front is emptied."""

    def __contains__(self, key: str) -> bool:
        """Whether the claim with this key was taken in, that is: whether its batch is delivered again."""
        return key in self._claims

    def __len__(self) -> int:
        """How many articles are remembered."""
        return len(self._articles)

    def decide(self, batch: ArticleBatch) -> Decision:
        """What to do about a batch that is delivered for the first time. Changes nothing."""
        contents: dict[int, int] = {}
        articles: dict[int, str] = {}
        verdicts: list[Verdict] = []
        entries: list[Entry] = []
        for place, article in enumerate(batch.articles):
            number, content = int(article.id, 16), content_key(article)
            first = contents.get(content, self._contents.get(content))
            latest = articles.get(number, self._articles.get(number))
            was = latest if article.text_source == "page" and latest != article.text_hash else None
            verdict = judge(number, first, latest, was)
            if verdict.passes:
                contents[content], articles[number] = number, article.text_hash
                entries.append(Entry(place, number, content, article.text_hash, verdict))
            verdicts.append(verdict)
        return Decision(tuple(verdicts), tuple(entries))

    def apply(self, key: str, claim: Claim) -> None:
        """Take a claim in: one just made, or one from the store when the index is rebuilt (in log order)."""
        self._claims[key] = claim.at
        for entry in claim.entries:
            self._articles[entry.article] = entry.text
            self._contents.setdefault(entry.content, entry.article)

    def stale(self, now: datetime, remember: timedelta) -> tuple[str, ...]:
        """Keys of the oldest claims that are past ``remember``, at most `EXPIRE_PER_BATCH`.

        ``now`` is the time of the batch at hand, not of the clock: a replay forgets at the same places.
        """
        oldest = islice(self._claims.items(), EXPIRE_PER_BATCH)
        return tuple(key for key, at in takewhile(lambda item: item[1] < now - remember, oldest))

    def forget(self, key: str, claim: Claim) -> None:
        """Drop a claim that `stale` named, and every look-up that still points at it."""
        del self._claims[key]
        for entry in claim.entries:
            if self._contents.get(entry.content) == entry.article:
                del self._contents[entry.content]
            if self._articles.get(entry.article) == entry.text:
                del self._articles[entry.article]


def judge(article: int, first: int | None, latest: str | None, was: str | None = None) -> Verdict:
    """The verdict on one article.

    ``first``: the article that had this content first in this domain; ``latest``: the hash of the last text this
    article was seen with. A feed that goes back to a text it had before is "seen again", so that a headline which
    flips between two wordings does not come twice an hour. A page is visited a few times only, to see whether it says
    something else: it may go back, if it had another text in between (``was``).
    """
    if first == article:
        return Verdict("seen_again") if was is None else Verdict("revision", was)
    if first is not None:
        return Verdict("duplicate", f"{first:032x}")
    return Verdict("revision", latest) if latest is not None else Verdict("new")


def replay(batch: ArticleBatch, claim: Claim) -> tuple[Verdict, ...]:
    """The verdicts that a redelivered batch got the first time."""
    passed = {entry.place: entry.verdict for entry in claim.entries}
    return tuple(passed.get(place, Verdict("seen_again")) for place in range(len(batch.articles)))


def content_key(article: Article) -> int:
    """64-bit key of what an article says, within its domain (BLAKE2b). Short texts are keyed by the article as well."""
    scope = article.domain if _says_enough(article) else article.id
    return int.from_bytes(hashlib.blake2b(f"{scope}|{article.text_hash}".encode(), digest_size=8).digest())


def _says_enough(article: Article) -> bool:
    words = 0
    for text in (article.title, article.lead, article.body):
        words += len(text.split(None, MIN_DUPLICATE_WORDS))
        if words >= MIN_DUPLICATE_WORDS:
            return True
    return False
