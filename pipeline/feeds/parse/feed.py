"""Bytes to articles: RSS 0.9x to 2.0, RDF and Atom, well-formed or not; JSON Feed; news sitemaps.

feedparser is the reference for what a feed means; its sanitiser and its resolver of links inside HTML are switched off
(they take two thirds of its time), because the text is cleaned by `pipeline.feeds.clean` and links inside it are not
kept. A plain document, as most are, is read by `pipeline.feeds.parse.plain` in an eighth of the time, with the same
articles. A hostile body can still cost minutes, so in production this runs in `pipeline.feeds.parser_pool`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from io import BytesIO
from typing import Final
from xml.parsers import expat

import feedparser
import msgspec

from pipeline.dedupe.canonical import registrable_domain
from pipeline.errors import ParseError, UnsafeExpatError
from pipeline.feeds.clean import clean_line
from pipeline.feeds.dates import read_date
from pipeline.feeds.json_feed import looks_like_json, parse_json_feed
from pipeline.feeds.news_sitemap import parse_news_sitemap, sitemap_kind
from pipeline.feeds.parse.plain import Document, Entry, read_plain
from pipeline.feeds.parsed import ParsedFeed, RawItem, Source, absolute, sieved

MIN_EXPAT: Final = (2, 4, 1)
"""First with a limit on entity expansion ("billion laughs", CVE-2013-0340)."""

MAX_DTD_BYTES: Final = 20_000
MAX_ENTITY_BYTES: Final = 200
"""Of an internal DTD subset and of one entity in it. Old feeds declare the HTML entities there, a few bytes each."""

_DTD_SEARCHED: Final = 100_000
_SUBSET: Final = re.compile(rb"<!DOCTYPE[^>\[]{0,500}\[", re.IGNORECASE)
_LONG_ENTITY: Final = re.compile(rb"<!ENTITY[^>\"']{0,200}[\"'][^\"'>]{%d}" % MAX_ENTITY_BYTES, re.IGNORECASE)
_HTML_PAGE: Final = re.compile(rb"<!doctype html|<html[\s>]", re.IGNORECASE)

_PERIOD_SECONDS: Final = {"hourly": 3600, "daily": 86400, "weekly": 604800, "monthly": 2592000, "yearly": 31536000}
"""`sy:updatePeriod`, RDF Site Summary 1.0 Modules: Syndication; a month is 30 days, a year 365."""

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

MAX_SKIP_BYTES: Final = 2_000
"""Of a `skipHours` or `skipDays` block: 24 hours with their tags are 480."""


def require_safe_expat(version: tuple[int, int, int] = expat.version_info) -> None:
    """Refuse to parse feeds of strangers with an XML parser that expands entities without a limit.

    Raises:
        UnsafeExpatError: it is older than `MIN_EXPAT`.
    """
    if version < MIN_EXPAT:
        have, need = (".".join(map(str, numbers)) for numbers in (version, MIN_EXPAT))
        raise UnsafeExpatError(
            f"Python's expat is {have}, which hostile feeds can exhaust; use one with {need} or later"
        )


def parse(
    body: bytes,
    *,
    feed: Source,
    headers: Mapping[str, str],
    fetched: datetime,
    known: Iterable[str] = (),
    by_the_book: bool = False,
) -> ParsedFeed:
    """The articles in a feed's body.

    Args:
        body: decoded of transfer and content codings, nothing else.
        feed: whose body it is.
        headers: of the response; the charset in Content-Type counts.
        fetched: when it was fetched, aware.
        known: keys of items (`pipeline.feeds.keys`) that need not be made into articles again.
        by_the_book: let feedparser read a plain document too, to compare.

    Raises:
        ParseError: it is no feed, its DTD is not one of a feed, or the parser trips over it.
    """
    _check(body, feed)
    if looks_like_json(body):
        return parse_json_feed(body, feed=feed, fetched=fetched, known=known)
    if sitemap_kind(body):
        return parse_news_sitemap(body, feed=feed, fetched=fetched, known=known)
    kind = {name.lower(): value for name, value in headers.items() if name.lower() == "content-type"}
    read = read_plain(body, kind) if not by_the_book else None
    if not isinstance(read, Document):
        read = _by_feedparser(body, kind, feed)
    raw = list(_raw_items(read.entries, read.channel, feed, fetched))
    return msgspec.structs.replace(
        sieved(raw, known, listed=len(raw)),
        title=clean_line(_text(read.channel, "title")),
        ttl_seconds=_ttl(read.channel),
        update_period_seconds=_update_period(read.channel),
        skip_hours=_skipped(body, b"skipHours", b"hour", _hour),
        skip_days=_skipped(body, b"skipDays", b"day", _day),
    )


def _by_feedparser(body: bytes, headers: Mapping[str, str], feed: Source) -> Document:
    try:
        result = feedparser.parse(
            BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
        )
    except MemoryError:
        raise  # the parser process says which limit that was, and ends
    except Exception as error:  # bytes of a stranger in a large parser: whatever it trips over is the feed's failure
        raise ParseError(feed.url, f"the parser gave up on it: {type(error).__name__}: {error}") from error
    if not result.version and not result.entries:
        raise ParseError(feed.url, _not_a_feed(body))
    return Document(result.feed, result.entries)


def _check(body: bytes, feed: Source) -> None:
    if not body.strip():
        raise ParseError(feed.url, "the body is empty, not a feed")
    head = body[:_DTD_SEARCHED]
    subset = _SUBSET.search(head)
    if subset is None:
        return
    end = body.find(b"]", subset.end(), subset.end() + MAX_DTD_BYTES)
    if end < 0 or _LONG_ENTITY.search(body, subset.start(), end):
        raise ParseError(feed.url, "its DTD declares more than the HTML entities; no feed needs that")


def _not_a_feed(body: bytes) -> str:
    if _HTML_PAGE.search(body[:_DTD_SEARCHED]):
        return "this is an HTML page, not a feed: look for the feed's own address"
    return "this is neither RSS, RDF, Atom, JSON Feed nor a news sitemap"


def _raw_items(entries: list[Entry], channel: Entry, feed: Source, fetched: datetime) -> Iterator[RawItem]:
    base = _base(channel, feed)
    language = _text(channel, "language") or feed.language
    for entry in entries:
        yield _raw_item(entry, base, language, feed, fetched)


def _raw_item(entry: Entry, base: str, language: str, feed: Source, fetched: datetime) -> RawItem:
    body, is_html = _content(entry)
    return RawItem(
        outlet=feed.outlet,
        feed=feed.url,
        link=_link(entry, base),
        guid=_text(entry, "id"),
        title=_text(entry, "title"),
        lead=_text(entry, "summary"),
        body=body,
        authors=_authors(entry),
        language=_detail(entry, "title_detail", "language") or _detail(entry, "summary_detail", "language") or language,
        published=_date(entry, fetched),
        fetched=fetched,
        html=is_html,
    )


def _base(channel: Entry, feed: Source) -> str:
    """What relative links are relative to: the feed (RFC 3986 §5.1.3), or its site if another host serves the feed."""
    site = absolute(feed.url, _text(channel, "link"))
    return feed.url if not site or registrable_domain(site) == registrable_domain(feed.url) else site


def _link(entry: Entry, base: str) -> str:
    """Address of the item's page: a proxy's note of the original, the link, else an id that is one (RSS 2.0 `guid`)."""
    for name in ("feedburner_origlink", "link"):
        if link := _text(entry, name).strip():
            return absolute(base, link)
    for other in dict.get(entry, "links", []):
        if other.get("rel", "alternate") == "alternate" and other.get("href"):
            return absolute(base, str(other["href"]))
    guid = _text(entry, "id").strip()
    return guid if guid.startswith(("http://", "https://")) else ""


def _content(entry: Entry) -> tuple[str, bool]:
    """The longest of an item's contents; and whether lead and body are HTML, which they are unless Atom says text."""
    contents = [one for one in dict.get(entry, "content", []) if one.get("value")]
    if not contents:
        return "", _detail(entry, "summary_detail", "type") != "text/plain"
    longest = max(contents, key=lambda one: len(one["value"]))
    return str(longest["value"]), longest.get("type") != "text/plain"


def _authors(entry: Entry) -> list[str]:
    named = [str(one["name"]) for one in dict.get(entry, "authors", []) if one.get("name")]
    return named or [name for name in [_text(entry, "author")] if name and "@" not in name]


def _date(entry: Entry, fetched: datetime) -> datetime | None:
    """When the item was published, else last changed, else made."""
    for name in ("published", "updated", "created"):
        if found := read_date(dict.get(entry, f"{name}_parsed"), _text(entry, name), fetched):
            return found
    return None


def _ttl(channel: Entry) -> float | None:
    minutes = _number(_text(channel, "ttl"))
    return minutes * 60 if minutes else None


def _update_period(channel: Entry) -> float | None:
    period = _PERIOD_SECONDS.get(_text(channel, "sy_updateperiod").strip().lower())
    return period / (_number(_text(channel, "sy_updatefrequency")) or 1) if period else None


def _skipped(body: bytes, name: bytes, item: bytes, read: Callable[[str], int | None]) -> tuple[int, ...]:
    """From the bytes, because feedparser keeps only the last one of a list."""
    block = re.search(rb"<%s>(.{0,%d}?)</%s>" % (name, MAX_SKIP_BYTES, name), body[:_DTD_SEARCHED], re.DOTALL)
    if block is None:
        return ()
    found = re.findall(rb"<%s>\s*([0-9A-Za-z]{1,12})\s*</%s>" % (item, item), block[1])
    numbers = {number for text in found if (number := read(text.decode("ascii"))) is not None}
    return tuple(sorted(numbers))


def _hour(text: str) -> int | None:
    """0 to 23; 24, which Netscape's RSS 0.91 had for midnight, is 0."""
    return int(text) % 24 if text.isdecimal() and int(text) <= 24 else None


def _day(text: str) -> int | None:
    return _DAYS.index(text.lower()) if text.lower() in _DAYS else None


def _number(text: str) -> float | None:
    text = text.strip()
    return float(text) if len(text) < 10 and text.isascii() and text.isdecimal() else None


def _detail(entry: Entry, part: str, name: str) -> str:
    return _text(dict.get(entry, part) or {}, name)


def _text(entry: Entry, name: str) -> str:
    # dict.get, because feedparser's own item access answers with other fields, and warns of it.
    value = dict.get(entry, name)
    return value if isinstance(value, str) else ""
