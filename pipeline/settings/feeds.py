"""The operator's list of feeds: what it includes, adds, overrides and drops.

A list includes others (`seeds:` begins the path of a shipped one), adds feeds of its own, then drops, then overrides.
Whatever does not fit together is a problem: a feed twice, an override or a drop that matches nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from pipeline.documents import Document, Where, check, nearest, read_document, strictly
from pipeline.errors import Problem
from pipeline.resources import shipped
from pipeline.settings.checks import check_url, feed_key
from pipeline.settings.models import Feed, FeedOverride, FeedsFile

M = TypeVar("M", bound=BaseModel)

SHIPPED: Final = "seeds:"
"""Begins the path of a list that comes with counterclaim: `seeds:feeds/wires.yaml`."""

_NEAR_URL: Final = 0.85
"""Feed addresses have much in common; less alike than this (difflib's ratio) is no slip of the pen."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A feed, and where it is listed."""

    feed: Feed
    file: Path
    line: int | None

    @property
    def place(self) -> str:
        """file:line."""
        return f"{self.file}:{self.line}"


def read_feeds(path: Path, problems: list[Problem]) -> tuple[Listed, ...]:
    """The feeds of the list in ``path``, in its order: includes first, then its own."""
    listing = _Listing(problems)
    listing.read(path, (), missing="write a feed list there, or name another as feeds_file in counterclaim.yaml")
    if not listing.feeds and not problems:
        problems.append(Problem(path, None, "lists no feed: add one under `feeds`, or include a list"))
    return tuple(listing.feeds.values())


@dataclass
class _Listing:
    """What was gathered so far, by the feeds' keys."""

    problems: list[Problem]
    feeds: dict[str, Listed] = field(default_factory=dict)
    included: dict[Path, str] = field(default_factory=dict)

    def read(self, path: Path, chain: tuple[Path, ...], *, missing: str) -> None:
        document = read_document(path, self.problems, missing=missing)
        if document is None:
            return
        check(document, FeedsFile, self.problems)
        chain = (*chain, path.resolve())
        inherited = set(self.feeds)
        for where, text in _texts(document, "include"):
            self._include(document, where, text, chain)
        for position, entry in enumerate(_list(document, "feeds")):
            self._add(document, ("feeds", position), entry)
        within = set(self.feeds) - inherited
        dropped = self._drop(document, within)
        self._override(document, within - set(dropped), dropped)

    def _wrong(self, document: Document, where: Where, message: str) -> None:
        self.problems.append(Problem(document.file, document.line(where), message))

    def _include(self, document: Document, where: Where, text: str, chain: tuple[Path, ...]) -> None:
        files = included_files(text, document.file.parent)
        if not files:
            self._wrong(document, where, f"includes {text!r}, but there is no such file")
        for path in files:
            resolved = path.resolve()
            if resolved in chain:
                names = " → ".join(one.name for one in (*chain[chain.index(resolved) :], resolved))
                self._wrong(document, where, f"includes {text!r}, which includes itself: {names}")
            elif resolved in self.included:
                self._wrong(document, where, f"includes {path.name} again, after {self.included[resolved]}")
            else:
                self.included[resolved] = document.place(where)
                self.read(path, chain, missing="it was there a moment ago")

    def _add(self, document: Document, where: Where, entry: Any) -> None:
        feed = _valid(Feed, entry)
        if feed is None:
            return  # said already, by the check of the whole file
        key = feed_key(feed.url)
        if (first := self.feeds.get(key)) is not None:
            self._wrong(document, where, f"feed {feed.url!r} is listed at {first.place} already: remove one of them")
        else:
            self.feeds[key] = Listed(feed, document.file, document.line(where))

    def _drop(self, document: Document, within: set[str]) -> dict[str, Where]:
        dropped: dict[str, Where] = {}
        for where, url in _texts(document, "drop"):
            if (key := _key(url)) is None:
                continue
            if key in dropped:
                self._wrong(document, where, f"drops {url!r} again: remove one of them")
            elif key not in within:
                self._wrong(document, where, f"drops {url!r}, which is in no list{self._near(key, within)}")
            else:
                dropped[key] = where
                del self.feeds[key]
        return dropped

    def _override(self, document: Document, within: set[str], dropped: dict[str, Where]) -> None:
        overrides = document.data.get("override")
        for url, entry in overrides.items() if isinstance(overrides, dict) else ():
            where, key, changes = ("override", url), _key(url), _valid(FeedOverride, entry)
            if key is None or changes is None:
                continue
            if key in dropped:
                self._wrong(document, where, f"overrides {url!r}, which {document.place(dropped[key])} drops")
            elif key not in within:
                self._wrong(document, where, f"overrides {url!r}, which is in no list{self._near(key, within)}")
            else:
                listed = self.feeds[key]
                feed = listed.feed.model_copy(update=changes.model_dump(exclude_none=True))
                self.feeds[key] = replace(listed, feed=feed)

    def _near(self, key: str, within: set[str]) -> str:
        return nearest(key, (self.feeds[one].feed.url for one in within if one in self.feeds), cutoff=_NEAR_URL)


def included_files(text: str, beside: Path) -> tuple[Path, ...]:
    """The files that an include means: a path or a pattern (`*.yaml`), relative to the list or to the shipped ones."""
    shipped_name = text.removeprefix(SHIPPED)
    base = beside if shipped_name == text else shipped("seeds")
    path = base / shipped_name
    if path.is_file():
        return (path,)
    pattern = path.name
    folder = path.parent
    return tuple(sorted(folder.glob(pattern))) if "*" in pattern and folder.is_dir() else ()


def _valid(model: type[M], data: Any) -> M | None:
    try:
        return strictly(model, data)
    except ValidationError:
        return None


def _key(url: str) -> str | None:
    try:
        return feed_key(check_url(url))
    except ValueError:
        return None  # no URL at all: said by the check of the whole file


def _list(document: Document, key: str) -> list[Any]:
    found = document.data.get(key)
    return found if isinstance(found, list) else []


def _texts(document: Document, key: str) -> Iterator[tuple[Where, str]]:
    for position, one in enumerate(_list(document, key)):
        if isinstance(one, str):
            yield (key, position), one
