"""JSON Feed 1.0 and 1.1 (jsonfeed.org/version/1.1) to articles.

Publishers take liberties with it: an id that is a number, an author where a list belongs, nulls. What is not of the
right type counts as not there; only a body without a list of items is no feed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from pipeline.errors import ParseError
from pipeline.feeds.clean import clean_line
from pipeline.feeds.dates import read_date
from pipeline.feeds.parsed import ParsedFeed, RawItem, Source, absolute, sieved

VERSION: Final = "jsonfeed.org/version/1"
"""In the address that `version` holds."""

Item = dict[str, Any]


def looks_like_json(body: bytes) -> bool:
    """Whether a body is meant as JSON."""
    return body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def parse_json_feed(body: bytes, *, feed: Source, fetched: datetime, known: Iterable[str] = ()) -> ParsedFeed:
    """The articles in a JSON Feed; ``known`` as for `pipeline.feeds.parse`.

    Raises:
        ParseError: it is not JSON, or JSON of another kind.
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ParseError(feed.url, f"it begins like JSON, but is none: {error}") from error
    if not isinstance(data, dict) or VERSION not in _text(data, "version") or not isinstance(data.get("items"), list):
        raise ParseError(feed.url, "this is JSON, but no JSON Feed: it has no version or no items")
    raw = [_raw(item, data, feed, fetched) for item in data["items"] if isinstance(item, dict)]
    found = sieved(raw, known, listed=len(data["items"]))
    return msgspec.structs.replace(found, title=clean_line(_text(data, "title")))


def _raw(item: Item, channel: Item, feed: Source, fetched: datetime) -> RawItem:
    html = _text(item, "content_html")
    return RawItem(
        outlet=feed.outlet,
        feed=feed.url,
        link=_link(item, _text(channel, "home_page_url") or feed.url),
        guid=_text(item, "id"),
        title=_text(item, "title"),
        lead=_text(item, "summary"),
        body=html or _text(item, "content_text"),
        authors=_authors(item) or _authors(channel),
        language=_text(item, "language") or _text(channel, "language") or feed.language,
        published=_date(item, fetched),
        fetched=fetched,
        html=bool(html),
    )


def _link(item: Item, base: str) -> str:
    """The item's page; an id that is an address stands in for it, as the specification suggests."""
    named = _text(item, "url") or _text(item, "external_url")
    if not named and _text(item, "id").startswith(("http://", "https://")):
        named = _text(item, "id")
    return absolute(base, named)


def _authors(item: Item) -> list[str]:
    """1.1 has a list, 1.0 one author."""
    listed = item.get("authors")
    found = listed if isinstance(listed, list) else [item.get("author")]
    return [name for one in found if isinstance(one, dict) and (name := _text(one, "name"))]


def _date(item: Item, fetched: datetime) -> datetime | None:
    for name in ("date_published", "date_modified"):
        if found := read_date(None, _text(item, name), fetched):
            return found
    return None


def _text(item: Item, name: str) -> str:
    value = item.get(name)
    if isinstance(value, bool):
        return ""
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""
