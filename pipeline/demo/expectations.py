"""What the demo must show, and whether it did. Pure but for reading the file.

`seeds/demo/expected.yaml` lists every item; its comment says what the keys mean. Articles are known by outlet and by
path and query of their canonical URL. What is looked at is what the topics carry, heartbeats left out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from pipeline.records import Article, FlaggedArticle, Kind, Span
from pipeline.records.thread import State

Outcome = Literal["new", "seen_again", "duplicate", "revision"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExpectedFlag(_Model):
    """A kind that must be found; the category tells the reader what is meant."""

    kind: Kind
    category: str


class ExpectedItem(_Model):
    """One article as one variant of its outlet's feeds tells it."""

    outlet: str
    path: str
    feeds: Annotated[tuple[str, ...], Field(min_length=1)]
    poll: Literal[1, 2] = 1
    dedupe: tuple[Outcome, ...]
    copy_of: str | None = None
    flags: tuple[ExpectedFlag, ...]
    why: Annotated[str, Field(min_length=1)]

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds to be found."""
        return frozenset(flag.kind for flag in self.flags)


class ExpectedCopies(_Model):
    """Texts of several outlets that are one, and which of them was there first. Articles are written as `Page` is."""

    original: str
    copies: Annotated[tuple[str, ...], Field(min_length=1)]
    why: Annotated[str, Field(min_length=1)]


class ExpectedThread(_Model):
    """A dispute, and what must be known of it at the end."""

    name: str
    articles: Annotated[tuple[str, ...], Field(min_length=1)]
    state: State
    sources: int
    lag_minutes: float | None = None
    accusers: tuple[str, ...] | None = None
    accused: tuple[str, ...] | None = None
    deniers: tuple[str, ...] | None = None
    events: tuple[str, ...] = ()
    why: Annotated[str, Field(min_length=1)]


class ExpectedStory(_Model):
    """A story that somebody is told of: once as a new one, and then what changes it."""

    thread: str
    """Name of an expected thread, or the article of a thread that stays its own."""

    follow_ups: tuple[str, ...] = ()


class ExpectedAlerts(_Model):
    """What a subscription is told: these stories and no others."""

    subscription: str
    webhook: bool = False
    """Whether each message must come to the demo's receiver."""

    every: bool = False
    """Whether it is told of all threads that there are."""

    stories: tuple[ExpectedStory, ...] = ()
    why: Annotated[str, Field(min_length=1)]


class Expected(_Model):
    """All of the file."""

    never_quoted: tuple[str, ...]
    items: tuple[ExpectedItem, ...]
    copies: tuple[ExpectedCopies, ...] = ()
    threads: tuple[ExpectedThread, ...] = ()
    alerts: tuple[ExpectedAlerts, ...] = ()


class Page(NamedTuple):
    """Which article: one page of one outlet."""

    outlet: str
    path: str

    def __str__(self) -> str:
        return f"{self.outlet} {self.path}"

    @classmethod
    def of(cls, article: Article) -> Page:
        """The page that an article is."""
        parts = urlsplit(article.url)
        return cls(article.outlet, parts.path + (f"?{parts.query}" if parts.query else ""))

    @classmethod
    def read(cls, text: str) -> Page:
        """What `str` wrote: `Harbour Post /world/shells`."""
        outlet, _, path = text.partition(" /")
        return cls(outlet, f"/{path}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How what was seen compares with what was expected; each line is a sentence for the reader."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]

    @property
    def met(self) -> bool:
        """Whether everything expected was there, and nothing else."""
        return not self.missing and not self.unexpected

    def __add__(self, other: Verdict) -> Verdict:
        return Verdict(self.missing + other.missing, self.unexpected + other.unexpected)


def load_expected(path: Path) -> Expected:
    """The expectations in a file.

    Raises:
        OSError, yaml.YAMLError, pydantic.ValidationError: the shipped file is damaged.
    """
    return TypeAdapter(Expected).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))


def still_to_come(expected: Expected, raw: Iterable[Article]) -> tuple[str, ...]:
    """What is not yet on `articles.raw`: each page once for each feed that carries it, and once for each of its texts.

    Whatever is polled or delivered again counts once.
    """
    arrived = _arrivals(raw)
    lines = []
    for page, wanted in _wanted_arrivals(expected).items():
        if (had := arrived.get(page, 0)) < wanted:
            lines.append(f"{page}: arrived {had} of {wanted} times on articles.raw")
    return tuple(lines)


def compare(
    expected: Expected, raw: Sequence[Article], fresh: Sequence[Article], flagged: Sequence[FlaggedArticle]
) -> Verdict:
    """What is missing and what should not be there, on each of the three topics."""
    known = _wanted_arrivals(expected)
    seen = (*raw, *fresh, *(one.article for one in flagged))
    strangers = sorted({Page.of(article) for article in seen} - known.keys())
    missing = [*still_to_come(expected, raw)]
    unexpected = [f"{page}: an article that no feed of the demo has" for page in strangers]
    unexpected += [
        f"{page}: arrived {had} times on articles.raw, expected {known[page]}"
        for page, had in _arrivals(raw).items()
        if page in known and had > known[page]
    ]
    for lines, found in zip((missing, unexpected), _passed(expected, fresh), strict=True):
        lines += found
    for lines, found in zip((missing, unexpected), _found(expected, flagged), strict=True):
        lines += found
    unexpected += _quoted_furniture(expected, flagged)
    return Verdict(tuple(missing), tuple(unexpected))


def _wanted_arrivals(expected: Expected) -> dict[Page, int]:
    wanted: dict[Page, int] = defaultdict(int)
    for item in expected.items:
        wanted[Page(item.outlet, item.path)] += len(item.feeds)
    return wanted


def _arrivals(raw: Iterable[Article]) -> dict[Page, int]:
    arrivals: dict[Page, set[tuple[str, str]]] = defaultdict(set)
    for article in raw:
        arrivals[Page.of(article)].add((article.feed, article.text_hash))
    return {page: len(texts) for page, texts in arrivals.items()}


class _Story(NamedTuple):
    """One text of one outlet, at whichever of its pages it came first."""

    page: Page
    revised: bool

    def __str__(self) -> str:
        return f"{self.page}{' (revision)' if self.revised else ''}"


class _Stories:
    """Articles to stories: a copy belongs to the page that it copies."""

    def __init__(self, expected: Expected) -> None:
        self._copies: Mapping[Page, Page] = {
            Page(item.outlet, item.path): Page(item.outlet, item.copy_of) for item in expected.items if item.copy_of
        }
        self.kinds = dict(self._expected(expected))

    def _expected(self, expected: Expected) -> Iterator[tuple[_Story, frozenset[str]]]:
        for item in expected.items:
            if not item.copy_of:
                yield _Story(Page(item.outlet, item.path), "revision" in item.dedupe), item.kinds

    def of(self, article: Article) -> _Story:
        """The story that an article after dedupe tells."""
        page = Page.of(article)
        return _Story(self._copies.get(page, page), bool(article.revision_of))


def _passed(expected: Expected, fresh: Sequence[Article]) -> tuple[list[str], list[str]]:
    """Dedupe: each story passes, and passes once."""
    stories = _Stories(expected)
    passed: dict[_Story, set[tuple[str, str]]] = defaultdict(set)
    for article in fresh:
        passed[stories.of(article)].add((article.id, article.text_hash))
    missing = [f"{story}: did not pass dedupe" for story in stories.kinds if story not in passed]
    extra = [
        f"{story}: passed dedupe {len(texts)} times, expected {int(story in stories.kinds)}"
        for story, texts in passed.items()
        if len(texts) > (story in stories.kinds)
    ]
    return missing, extra


def _found(expected: Expected, flagged: Sequence[FlaggedArticle]) -> tuple[list[str], list[str]]:
    """Flags: of each story the kinds that are listed, and no other."""
    stories = _Stories(expected)
    found: dict[_Story, dict[str, str]] = defaultdict(dict)
    for one in flagged:
        for flag in one.flags:
            found[stories.of(one.article)][flag.kind] = " … ".join(span.quote for span in flag.spans)
    missing = [
        f"{story}: no {kind} was flagged"
        for story, kinds in stories.kinds.items()
        for kind in sorted(kinds - found[story].keys())
    ]
    extra = [
        f"{story}: flagged as {kind} by “{quote}”"
        for story, kinds in found.items()
        for kind, quote in kinds.items()
        if kind not in stories.kinds.get(story, frozenset())
    ]
    return missing, extra


def _quoted_furniture(expected: Expected, flagged: Sequence[FlaggedArticle]) -> list[str]:
    """Flags that quote an unrelated headline, or a part of one."""
    return [
        f"{Page.of(one.article)}: a {flag.kind} quotes “{span.quote}” of the unrelated headline “{headline}”"
        for one in flagged
        for flag in one.flags
        for span in flag.spans
        for headline in expected.never_quoted
        if _overlaps(getattr(one.article, span.field), span, headline)
    ]


def _overlaps(text: str, span: Span, headline: str) -> bool:
    places = re.finditer(re.escape(headline), text, re.IGNORECASE)
    return any(place.start() < span.end and span.start < place.end() for place in places)
