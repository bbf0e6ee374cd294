"""What a page says about itself: title, address, date, authors, language, outlet, as publishers write it for others.

Open Graph (https://ogp.me), `rel=canonical` (RFC 6596), schema.org's `datePublished`, and HTML's own elements.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from selectolax.lexbor import LexborHTMLParser

from pipeline.feeds.clean import clean_line
from pipeline.feeds.dates import read_date

MAX_HEAD_CHARS: Final = 1_000_000
"""Of a page that is searched: scripts make heads long."""

MAX_AUTHORS: Final = 10
MAX_AUTHOR_NAME_CHARS: Final = 100
"""A longer one is a sentence about the author."""

MAX_JSON_DEPTH: Final = 6
"""Levels of a JSON-LD graph at which an article may stand: list, @graph, mainEntity."""

_AUTHORS: Final = ('meta[name="author"]', 'meta[name="parsely-author"]', 'meta[name="dc.creator"]')

_DATES: Final = (
    'meta[property="article:published_time"]', 'meta[itemprop="datePublished"]', '[itemprop="datePublished"]',
    'meta[name="pubdate"]', 'meta[name="publish-date"]', 'meta[name="date"]', 'meta[name="dc.date.issued"]',
    'meta[name="DC.date.issued"]', 'meta[name="dc.date"]', 'meta[name="parsely-pub-date"]', "article time[datetime]",
)  # fmt: skip
_JSON_DATE: Final = re.compile(r'"datePublished"\s*:\s*"([^"]{6,64})"')


class Head(NamedTuple):
    """What was found; "" and None for what was not."""

    title: str
    url: str
    published: datetime | None
    language: str
    outlet: str
    authors: tuple[str, ...]


def read_head(markup: str, now: datetime) -> Head:
    """The page's own words about itself. Its date is never read as one after ``now`` if it can mean another day."""
    tree = LexborHTMLParser(markup[:MAX_HEAD_CHARS])
    return Head(
        title=clean_line(next(_titles(tree), "")),
        url=next((url for url in _addresses(tree) if url.startswith(("http://", "https://"))), ""),
        published=next((date for text in _dates(tree, markup) if (date := read_date(None, text, now))), None),
        language=_attribute(tree, "html", "lang") or _content(tree, 'meta[property="og:locale"]').replace("_", "-"),
        outlet=clean_line(_content(tree, 'meta[property="og:site_name"]')),
        authors=tuple(dict.fromkeys(_authors(tree)))[:MAX_AUTHORS],
    )


def _titles(tree: LexborHTMLParser) -> Iterator[str]:
    yield from filter(None, [_content(tree, 'meta[property="og:title"]'), _content(tree, 'meta[name="twitter:title"]')])
    for selector in ("article h1", "main h1", "h1", "title"):
        node = tree.css_first(selector)
        if node is not None and node.text().strip():
            yield node.text()


def _addresses(tree: LexborHTMLParser) -> Iterator[str]:
    yield _attribute(tree, 'link[rel="canonical"]', "href")
    yield _content(tree, 'meta[property="og:url"]')


def _dates(tree: LexborHTMLParser, markup: str) -> Iterator[str]:
    for selector in _DATES:
        yield _content(tree, selector) or _attribute(tree, selector, "datetime")
    found = _JSON_DATE.search(markup[:MAX_HEAD_CHARS])
    if found:
        yield found[1]
    yield _attribute(tree, "time[datetime]", "datetime")


def _authors(tree: LexborHTMLParser) -> Iterator[str]:
    """Names of who wrote it: of the first source that names anybody, the most exact first."""
    for source in (_linked_authors(tree), (_content(tree, selector) for selector in _AUTHORS)):
        names = [clean_line(name) for name in source]
        found = [name for name in names if name and len(name) <= MAX_AUTHOR_NAME_CHARS and "://" not in name]
        if found:
            yield from found
            return


def _linked_authors(tree: LexborHTMLParser) -> Iterator[str]:
    """Authors of the articles that the page's JSON-LD describes (https://schema.org/author)."""
    for node in tree.css('script[type="application/ld+json"]'):
        try:
            data = json.loads(node.text(), strict=False)
        except (ValueError, RecursionError):
            continue
        for article in _objects(data, MAX_JSON_DEPTH):
            if "article" in str(article.get("@type", "")).casefold():
                yield from _names(article.get("author"))


def _objects(data: Any, depth: int) -> Iterator[dict[str, Any]]:
    children = data if isinstance(data, list) else list(data.values()) if isinstance(data, dict) else []
    if isinstance(data, dict):
        yield data
    for child in children if depth else ():
        yield from _objects(child, depth - 1)


def _names(author: Any) -> Iterator[str]:
    for one in author if isinstance(author, list) else [author]:
        name = one.get("name") if isinstance(one, dict) else one
        yield from (part for part in (name if isinstance(name, list) else [name]) if isinstance(part, str))


def _content(tree: LexborHTMLParser, selector: str) -> str:
    return _attribute(tree, selector, "content")


def _attribute(tree: LexborHTMLParser, selector: str, name: str) -> str:
    node = tree.css_first(selector)
    return ((node.attributes.get(name) or "") if node is not None else "").strip()
