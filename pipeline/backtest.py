"""The same rules on a file of articles: what the stream would flag, without a broker.

Every step is the stream's own: `feeds.article.build`, `dedupe.seen`, `dedupe.language`, `rules`. Lines are taken in the
order of their publication, as they would have arrived; lines without a date come last, in the order of the file. Two
things differ from the stream, on purpose: nothing is forgotten, however far apart the dates are; and duplicates are
flagged too, so that every line has its answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, get_args

import msgspec

from pipeline.dedupe.language import decide_language
from pipeline.dedupe.seen import SeenIndex, VerdictKind, content_key
from pipeline.errors import UsageError
from pipeline.feeds.article import build
from pipeline.records import Article, ArticleBatch, Flag, Kind
from pipeline.rules import Rules

MAX_PROBLEMS: Final = 20
"""Wrong lines that are listed: enough to see what is wrong with a file, not a page for each line of it."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the input. Unknown keys are ignored, so that labelled files can be used as they are."""

    id: str | int
    title: str
    lead: str | None = None
    body: str | None = None
    url: str | None = None
    outlet: str | None = None
    language: str | None = None
    published: str | None = None

    @property
    def when(self) -> datetime | None:
        """The date of publication; one without a zone is UTC.

        Raises:
            ValueError: `published` is not an ISO 8601 date.
        """
        if not self.published:
            return None
        when = datetime.fromisoformat(self.published)
        return when if when.tzinfo else when.replace(tzinfo=UTC)


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


_decoder = msgspec.json.Decoder(Line)


def backtest(lines: Sequence[Line], rules: Rules, now: datetime) -> Iterator[tuple[int, Result]]:
    """The result of each line with its place in the input, in the order in which the lines are processed.

    Args:
        lines: the input; ids are unique and dates can be read, as `read_lines` makes sure.
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


def to_article(line: Line, now: datetime) -> Article:
    """The article that a line stands for, as a poll would make it. Without `url`, its id comes from outlet and id."""
    return build(
        outlet=line.outlet or "",
        feed="",
        link=line.url or "",
        guid=str(line.id),
        title=line.title,
        lead=line.lead or "",
        body=line.body or "",
        authors=(),
        language=line.language or "",
        published=line.when,
        fetched=now,
        html=False,
    )


def as_json(result: Result) -> dict[str, Any]:
    """A result as a line of the output."""
    return {"id": result.line.id, "duplicate_of": result.duplicate_of, "flags": [_flag(flag) for flag in result.flags]}


def read_lines(data: bytes, name: str | Path) -> list[Line]:
    """The input's lines; empty ones are left out.

    Raises:
        UsageError: names file and line of everything that is not as it must be.
    """
    lines: list[Line] = []
    problems: list[str] = []
    first: dict[str | int, int] = {}
    for number, text in enumerate(data.splitlines(), 1):
        if not text.strip():
            continue
        try:
            line = _read_line(text)
        except ValueError as error:  # msgspec's errors are ValueErrors too
            problems.append(f"{name}:{number}: {error}")
            continue
        if line.id in first:
            problems.append(f"{name}:{number}: id {line.id!r} is on line {first[line.id]} already")
        first.setdefault(line.id, number)
        lines.append(line)
    if problems:
        more = len(problems) - MAX_PROBLEMS
        raise UsageError("\n".join(problems[:MAX_PROBLEMS] + ([f"and {more} lines more"] if more > 0 else [])))
    return lines


def _read_line(text: bytes) -> Line:
    try:
        line = _decoder.decode(text)
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 at byte {error.start + 1}") from error
    except msgspec.ValidationError as error:
        raise ValueError(f"is not an article: {error}") from error
    except msgspec.DecodeError as error:
        raise ValueError(f"is not JSON: {error}") from error
    try:
        _ = line.when
    except ValueError as error:
        message = f"published {line.published!r} is not an ISO 8601 date such as 2026-02-01T12:00:00Z"
        raise ValueError(message) from error
    return line


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
    told: dict[str, Any] = {
        "kind": flag.kind,
        "category": flag.category,
        "rule": flag.rule,
        "version": flag.version,
        "score": flag.score,
        "spans": [msgspec.structs.asdict(span) for span in flag.spans],
    }
    who = {"actor": flag.actor, "target": flag.target, "claim": flag.claim}
    told |= {name: msgspec.to_builtins(value) for name, value in who.items() if value is not None}
    return told | ({"historic": True} if flag.historic else {})


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
