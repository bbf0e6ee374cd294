"""What was taken down, and how a record looks without it. Pure.

Of an article that was taken down nothing is kept: not its text, not what was found in it. Threads, their events, alerts
and deliveries stay, without its quotes, links and titles; that it was there, and who denies what, is no text of its.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from pipeline.dedupe.canonical import canonical_url
from pipeline.dedupe.fingerprint import article_id
from pipeline.records import Article, Record

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Ids of articles, and names of outlets."""

    articles: frozenset[str] = frozenset()
    outlets: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.articles or self.outlets)

    def has(self, article: Article) -> bool:
        """Whether this article was taken down."""
        return article.id in self.articles or article.outlet in self.outlets

    def without(self, record: R) -> R:
        """The record without words of theirs; the same object where there are none."""
        if not self:
            return record
        plain = msgspec.to_builtins(record, builtin_types=(datetime,))
        ids = _of_outlets(plain, self.outlets)
        cleaned = Forgotten(self.articles | ids, self.outlets).clean(plain)
        if cleaned is plain:
            return record
        return msgspec.convert(cleaned, type(record), builtin_types=(datetime,))

    def clean(self, value: Any) -> Any:
        """Plain values without the words of these articles; the same object where nothing had to go."""
        if isinstance(value, list | tuple):
            cleaned = [self.clean(one) for one in value]
            return cleaned if any(new is not old for new, old in zip(cleaned, value, strict=True)) else value
        if not isinstance(value, dict):
            return value
        changes = {name: new for name, old in value.items() if (new := self.clean(old)) is not old}
        changes |= {name: empty for name, empty in self._own(value, changes).items() if value.get(name, empty) != empty}
        return value | changes if changes else value

    def _own(self, fields: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
        """Which fields of an evidence, a membership, a thread, a story or an item of a message are to be empty."""
        empty: dict[str, Any] = {}
        if fields.get("article") in self.articles:  # evidence; or why an article is a member, which is its words
            empty |= {"quote": "", "link": "", "terms": (), "reason": ""}
        if "claim" in fields and ("claim" in changed or fields.get("thread", fields.get("id")) in self.articles):
            empty["title"] = ""
        if "url" in fields and (fields.get("outlet") in self.outlets or _id(fields["url"]) in self.articles):
            empty["url"] = ""
        if "since" in fields and changed:
            empty["since"] = ""
        return empty


def _of_outlets(value: Any, outlets: frozenset[str]) -> frozenset[str]:
    """Ids of the articles that a record quotes from these outlets."""
    return frozenset(_quoted(value, outlets)) if outlets else frozenset()


def _quoted(value: Any, outlets: frozenset[str]) -> Iterator[str]:
    if isinstance(value, dict):
        if "article" in value and value.get("outlet") in outlets:
            yield value["article"]
        for one in value.values():
            yield from _quoted(one, outlets)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _quoted(one, outlets)


def _id(url: str) -> str:
    return article_id(canonical_url(url)) if url else ""
