"""The same rules on files of articles: what the stream would flag, without a broker.

Every step is the stream's own: `feeds.files`, `feeds.article.build`, `dedupe.seen`, `dedupe.language`, `rules`.
Documents are taken in the order of their publication, as they would have arrived; those without a date come last, in
the order of the input. Two things differ from the stream, on purpose: nothing is forgotten, however far apart the dates
are; and duplicates are flagged too, so that every document has its answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, get_args

import msgspec

from pipeline.dedupe.language import decide_language
from pipeline.dedupe.seen import SeenIndex, VerdictKind, content_key
from pipeline.feeds.files import Line, to_article
from pipeline.records import Article, ArticleBatch, Flag, Kind
from pipeline.rules import Rules


@dataclass(frozen=True, slots=True)
class Result:
    """What the pipeline says about one line."""

    line: Line
    article: Article
    verdict: VerdictKind
    duplicate_of: str | int | None
    """Id of the line that had this content first; None for what is new and for a revision."""

    flags: tuple[Flag, ...]


@dataclass(slots=True)
class _Memory:
    """What was seen so far."""

    seen: SeenIndex = field(default_factory=lambda: SeenIndex(partition=0))
    first: dict[int, str | int] = field(default_factory=dict)
    """content → id of the line that had it first"""


def backtest(lines: Sequence[Line], rules: Rules, now: datetime) -> Iterator[tuple[int, Result]]:
    """The result of each line with its place in the input, in the order in which the lines are processed.

    Args:
        lines: the input; ids are unique and dates can be read, as `read_documents` makes sure.
        rules: the rules to try.
        now: taken as the time of fetching; no id and no flag depends on it.
    """
    memory = _Memory()
    for place in order(lines):
        yield place, _process(lines[place], place, rules, now, memory)


def order(lines: Sequence[Line]) -> list[int]:
    """Places of the lines by publication: dated ones first, ties and the undated in the order of the file."""
    dates = [line.when for line in lines]
    dated = [(when, place) for place, when in enumerate(dates) if when is not None]
    return [place for _, place in sorted(dated)] + [place for place, when in enumerate(dates) if when is None]


def as_json(result: Result) -> dict[str, Any]:
    """A result as a line of the output."""
    return {"id": result.line.id, "duplicate_of": result.duplicate_of, "flags": list(map(_flag, result.flags))}


def _process(line: Line, place: int, rules: Rules, now: datetime, memory: _Memory) -> Result:
    article = to_article(line, now)
    batch = ArticleBatch(id=str(place), key=article.domain, fetched=now, articles=(article,))
    decision = memory.seen.decide(batch)
    claim = decision.claim(batch, partition=0, offset=place)
    if claim is not None:
        memory.seen.apply(batch.id, claim)
    first = memory.first.setdefault(content_key(article), line.id)
    decided = msgspec.structs.replace(article, language=_language(article))
    return Result(
        line, decided, decision.verdicts[0].kind, None if decision.verdicts[0].passes else first, rules.flags(decided)
    )


def _language(article: Article) -> str:
    return decide_language(article.title, f"{article.lead} {article.body}", article.language)


def _flag(flag: Flag) -> dict[str, Any]:
    """All that a flag says, but for its id: that depends on the article's, which is no line's."""
    return {name: value for name, value in msgspec.to_builtins(flag).items() if name != "id"}


def count(results: Iterable[Result]) -> dict[str, int]:
    """How many articles, duplicates, revisions, and flags by kind."""
    counts = dict.fromkeys(("articles", "duplicates", "revisions", *get_args(Kind)), 0)
    for result in results:
        counts["articles"] += 1
        counts["duplicates"] += result.duplicate_of is not None
        counts["revisions"] += result.verdict == "revision"
        for flag in result.flags:
            counts[flag.kind] += 1
    return counts
