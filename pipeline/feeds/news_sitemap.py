"""Google News sitemaps to articles: address, title, date and language of what an outlet published in two days.

The format: sitemaps.org/protocol.html with the extension of developers.google.com's "News sitemaps". A sitemap holds no
text; its articles are headlines, and their pages can be asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final
from xml.etree import ElementTree

from pipeline.errors import ParseError
from pipeline.feeds.dates import read_date
from pipeline.feeds.parsed import ParsedFeed, RawItem, Source, sieved

_SITEMAP: Final = re.compile(rb"<(?:[\w-]+:)?(urlset|sitemapindex)[\s/>]")
_HEAD_BYTES: Final = 20_000


def sitemap_kind(body: bytes) -> str:
    """`urlset`, `sitemapindex`, or "" for what is no sitemap."""
    found = _SITEMAP.search(body[:_HEAD_BYTES])
    return found[1].decode() if found else ""


def parse_news_sitemap(body: bytes, *, feed: Source, fetched: datetime, known: Iterable[str] = ()) -> ParsedFeed:
    """The articles in a news sitemap; addresses without news (a plain sitemap has only such) are skipped.

    ``known`` as for `pipeline.feeds.parse`.

    Raises:
        ParseError: an index of sitemaps, XML that is not well-formed, or no news in it.
    """
    if sitemap_kind(body) == "sitemapindex":
        raise ParseError(feed.url, "this is an index of sitemaps: list the news sitemap that it names")
    try:
        root = ElementTree.fromstring(body)  # noqa: S314  # DTDs are refused before, and expat bounds entities
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise ParseError(feed.url, f"the sitemap is not well-formed XML: {error}") from error
    urls = [one for one in root if _name(one) == "url"]
    raw = [item for one in urls if (item := _raw(one, feed, fetched)) is not None]
    found = sieved(raw, known, listed=len(urls))
    if urls and not found.keys:
        raise ParseError(feed.url, "this is a sitemap without news: only news sitemaps say what was published when")
    return found


def _raw(url: ElementTree.Element, feed: Source, fetched: datetime) -> RawItem | None:
    news = next((one for one in url if _name(one) == "news"), None)
    if news is None:
        return None
    publication = next((one for one in news if _name(one) == "publication"), None)
    language = _text(publication, "language") if publication is not None else ""
    return RawItem(
        outlet=feed.outlet,
        feed=feed.url,
        link=_text(url, "loc"),
        guid="",
        title=_text(news, "title"),
        lead="",
        body="",
        authors=(),
        language=language or feed.language,
        published=read_date(None, _text(news, "publication_date") or _text(url, "lastmod"), fetched),
        fetched=fetched,
        html=True,
    )


def _name(element: ElementTree.Element) -> str:
    """Without its namespace, of which several are in use."""
    return element.tag.rpartition("}")[2]


def _text(element: ElementTree.Element, name: str) -> str:
    return next(((one.text or "").strip() for one in element if _name(one) == name), "")
