"""The same rules on files of articles: what the stream would flag, without a broker.

Every step is the stream's own: `feeds.files`, `feeds.article.build`, `dedupe.seen`, `dedupe.language`, `rules`,
`copies`, `threads.join`.
Documents are taken in the order of their publication, as they would have arrived; those without a date come last, in
the order of the input. Two things differ from the stream, on purpose: nothing is forgotten, however far apart the dates
are; and duplicates are flagged too, so that every document has its answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec

from pipeline.copies.claims import with_copies
from pipeline.copies.copies import Copies
from pipeline.dedupe.language import decide_language
from pipeline.dedupe.seen import SeenIndex, VerdictKind, content_key
from pipeline.feeds.files import Line, to_article
from pipeline.records import Article, ArticleBatch, CopyOf, Flag, Kind
from pipeline.rules import Rules
from pipeline.threads.join import Entry, Joined, Threads
from pipeline.threads.terms import story_of


@dataclass(frozen=True, slots=True)
class Result:
    """What the pipeline says about one line."""

    line: Line
    article: Article
    verdict: VerdictKind
    duplicate_of: str | int | None
    """Id of the line that had this content first; None for what is new and for a revision."""

    flags: tuple[Flag, ...]

    copy_of: str | int | None = None
    """Id of the line whose text this one's is nearly; why is in `article.copy`. None for a duplicate too."""

    thread: str | int | None = None
    """Id of the line that began its thread; None for a line that is in none."""

    joined: Joined | None = None
    """Why it is in that thread; None where it began it."""


@dataclass(slots=True)
class _Memory:
    """What was seen so far."""

    threads: Threads
    all_threads: bool
    seen: SeenIndex = field(default_factory=lambda: SeenIndex(partition=0))
    first: dict[int, str | int] = field(default_factory=dict)
    """content → id of the line that had it first"""

    copies: dict[str, Copies] = field(default_factory=dict)
    """language → its texts"""

    lines: dict[str, str | int] = field(default_factory=dict)
    """article → id of the last line with it"""

    thread_of: dict[str | int, str | int] = field(default_factory=dict)
    """line → line that began its thread"""

    began: dict[str, str | int] = field(default_factory=dict)
    """thread → line that began it"""

    latest: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    """Of the dates so far: that of a line without one, so that nothing depends on the clock"""


def backtest(
    lines: Sequence[Line], rules: Rules, now: datetime, *, all_threads: bool = False
) -> Iterator[tuple[int, Result]]:
    """The result of each line with its place in the input, in the order in which the lines are processed.

    Args:
        lines: the input; ids are unique and dates can be read, as `read_documents` makes sure.
        rules: the rules to try.
        now: taken as the time of fetching; no id and no flag depends on it.
        all_threads: thread articles without flags too.
    """
    memory = _Memory(Threads(most=len(lines) + 1), all_threads)
    for place in order(lines):
        yield place, _process(lines[place], place, rules, now, memory)


def order(lines: Sequence[Line]) -> list[int]:
    """Places of the lines by publication: dated ones first, ties and the undated in the order of the file."""
    dates = [line.when for line in lines]
    dated = [(when, place) for place, when in enumerate(dates) if when is not None]
    return [place for _, place in sorted(dated)] + [place for place, when in enumerate(dates) if when is None]


def as_json(result: Result) -> dict[str, Any]:
    """A result as a line of the output."""
    joined = result.joined
    return {
        "id": result.line.id,
        "duplicate_of": result.duplicate_of,
        "copy_of": result.copy_of,
        "copy": _copy(result.article),
        "thread": result.thread,
        "joined": {"score": joined.score, "terms": joined.terms, "reason": joined.reason} if joined else None,
        "flags": list(map(_flag, result.flags)),
    }


def _process(line: Line, place: int, rules: Rules, now: datetime, memory: _Memory) -> Result:
    article = to_article(line, now)
    batch = ArticleBatch(id=str(place), key=article.domain, fetched=now, articles=(article,))
    decision = memory.seen.decide(batch)
    claim = decision.claim(batch, partition=0, offset=place)
    if claim is not None:
        memory.seen.apply(batch.id, claim)
    first = memory.first.setdefault(content_key(article), line.id)
    decided = msgspec.structs.replace(article, language=_language(article))
    duplicate_of = None if decision.verdicts[0].passes else first
    flags = rules.flags(decided)
    copy_of = None
    memory.latest = max(memory.latest, line.when or memory.latest)
    if duplicate_of is None:
        dated = msgspec.structs.replace(decided, published=line.when or memory.latest)
        decided = msgspec.structs.replace(decided, copy=_copied(dated, place, memory))
        copy_of = memory.lines[decided.copy.of] if decided.copy else None
        memory.lines[decided.id] = line.id
    thread, joined = _thread(line, place, decided, flags, duplicate_of, memory)
    return Result(line, decided, decision.verdicts[0].kind, duplicate_of, flags, copy_of, thread, joined)


def _copied(article: Article, place: int, memory: _Memory) -> CopyOf | None:
    """What it is a copy of, among the texts of its language."""
    known = memory.copies.setdefault(article.language, Copies(len(memory.copies)))
    batch = ArticleBatch(id=str(place), key=article.language, fetched=article.published, articles=(article,))
    claim = known.take(batch.id, batch, place)
    for stale in known.stale(batch.fetched):
        known.forget(stale)
    return with_copies(batch, claim).articles[0].copy


def _thread(
    line: Line, place: int, article: Article, flags: tuple[Flag, ...], duplicate_of: str | int | None, memory: _Memory
) -> tuple[str | int | None, Joined | None]:
    """The line that began its thread, and why it is in it. What was there already is where it was."""
    if duplicate_of is not None:
        return memory.thread_of.get(duplicate_of), None
    if not memory.all_threads and all(flag.historic for flag in flags):
        return None, None
    story = story_of(msgspec.structs.replace(article, published=memory.latest), flags)
    joined = memory.threads.join(story).joined
    thread = joined.thread if joined is not None else story.id
    memory.threads.add(Entry(story, thread, place))
    began = memory.thread_of[line.id] = memory.began.setdefault(thread, line.id)
    return began, joined


def _copy(article: Article) -> dict[str, Any] | None:
    """How much of each text is in the other, and why it counts as a copy; ids of articles are no line's."""
    copy = article.copy
    return {"containment": copy.containment, "contained": copy.contained, "why": copy.why} if copy else None


def _language(article: Article) -> str:
    return decide_language(article.title, f"{article.lead} {article.body}", article.language)


def _flag(flag: Flag) -> dict[str, Any]:
    """All that a flag says, but for its id: that depends on the article's, which is no line's."""
    return {name: value for name, value in msgspec.to_builtins(flag).items() if name != "id"}


def count(results: Iterable[Result]) -> dict[str, int]:
    """How many articles, duplicates, revisions, and flags by kind."""
    counts = dict.fromkeys(("articles", "duplicates", "copies", "revisions", "threads", *get_args(Kind)), 0)
    for result in results:
        counts["articles"] += 1
        counts["duplicates"] += result.duplicate_of is not None
        counts["copies"] += result.copy_of is not None
        counts["revisions"] += result.verdict == "revision"
        counts["threads"] += result.thread is not None and result.thread == result.line.id
        for flag in result.flags:
            counts[flag.kind] += 1
    return counts
