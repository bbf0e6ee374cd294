"""What a saved page says about itself: title, address, date, language and outlet, as publishers write them for others.

Open Graph (https://ogp.me), `rel=canonical` (RFC 6596), schema.org's `datePublished`, and HTML's own elements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from selectolax.lexbor import LexborHTMLParser

from pipeline.feeds.clean import clean_line
from pipeline.feeds.dates import read_date

MAX_HEAD_CHARS: Final = 1_000_000
"""Of a page that is searched: scripts make heads long."""

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


def read_head(markup: str, now: datetime) -> Head:
    """The page's own words about itself. Its date is never read as one after ``now`` if it can mean another day."""
    tree = LexborHTMLParser(markup[:MAX_HEAD_CHARS])
    return Head(
        title=clean_line(next(_titles(tree), "")),
        url=next((url for url in _addresses(tree) if url.startswith(("http://", "https://"))), ""),
        published=next((date for text in _dates(tree, markup) if (date := read_date(None, text, now))), None),
        language=_attribute(tree, "html", "lang") or _content(tree, 'meta[property="og:locale"]').replace("_", "-"),
        outlet=clean_line(_content(tree, 'meta[property="og:site_name"]')),
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


def _content(tree: LexborHTMLParser, selector: str) -> str:
    return _attribute(tree, selector, "content")


def _attribute(tree: LexborHTMLParser, selector: str, name: str) -> str:
    node = tree.css_first(selector)
    return ((node.attributes.get(name) or "") if node is not None else "").strip()
