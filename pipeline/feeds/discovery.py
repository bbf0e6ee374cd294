"""Where a site keeps its feeds: what its pages say, then what is usual. Pure, but for `find`, which asks.

Pages name their feeds in ``<link rel="alternate" type="application/rss+xml">`` (RSS Advisory Board, "RSS
Autodiscovery"); many forget it and only link to them, and some only have them at the usual places. robots.txt may name
a news sitemap (sitemaps.org/protocol.html).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser

from pipeline.errors import FetchError, ParseError
from pipeline.feeds.fetch import Fetched
from pipeline.feeds.parsed import ParsedFeed, absolute
from pipeline.settings.models import Feed

FEED_TYPES: Final = frozenset(
    {"application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json", "text/rss+xml"}
)

_WORDS: Final = ("rss", "atom", "feed", "rdf.xml", "feed.json")
"""In the path of a link that may be a feed."""

USUAL: Final = ("/feed", "/rss", "/rss.xml", "/feed.xml", "/atom.xml", "/index.xml", "/feed.json", "/news-sitemap.xml")
"""Tried only where the page names none."""

MAX_CANDIDATES: Final = 20
"""Addresses that are asked for one site: more is a scan, not a question."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address that may be a feed, and why."""

    url: str
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """A feed that answered. ``newest`` is None for one without items."""

    url: str
    title: str
    items: int
    newest: datetime | None
    why: str


class Fetches(Protocol):
    """What is needed of `pipeline.feeds.fetch.Fetcher`."""

    async def fetch(self, url: str) -> Fetched:
        """GET, within limits."""


class Parses(Protocol):
    """What is needed of `pipeline.feeds.parser_pool.ParserPool`."""

    async def parse(self, body: bytes, *, feed: Feed, headers: Mapping[str, str], fetched: datetime) -> ParsedFeed:
        """Bytes to articles."""


def named(html: str, base: str) -> tuple[Candidate, ...]:
    """The feeds that a page names: in its head first, then by links whose address looks like one."""
    page = LexborHTMLParser(html)
    origin = next((node.attributes.get("href") or "" for node in page.css("base[href]")), "")
    base = _joined(base, origin) or base
    found: dict[str, Candidate] = {}
    for node in page.css("link[rel][href]"):
        kind = (node.attributes.get("type") or "").split(";")[0].strip().lower()
        if "alternate" in (node.attributes.get("rel") or "").lower().split() and kind in FEED_TYPES:
            _add(found, _joined(base, node.attributes.get("href") or ""), "named in the head of the page")
    for node in page.css("a[href]"):
        url = _joined(base, node.attributes.get("href") or "")
        if any(word in urlsplit(url).path.lower() for word in _WORDS):
            _add(found, url, "linked on the page")
    return tuple(found.values())[:MAX_CANDIDATES]


def usual(base: str) -> tuple[Candidate, ...]:
    """The places where feeds usually are, on the host of ``base``."""
    return tuple(Candidate(urljoin(base, path), "a usual place") for path in USUAL)


def sitemaps(robots: str, base: str) -> tuple[Candidate, ...]:
    """News sitemaps that a robots.txt names."""
    lines = (line.partition(":") for line in robots.splitlines())
    urls = (_joined(base, value.strip()) for name, _, value in lines if name.strip().lower() == "sitemap")
    return tuple(Candidate(url, "named in robots.txt") for url in dict.fromkeys(urls) if "news" in url.lower())


async def find(url: str, *, fetcher: Fetches, parser: Parses) -> tuple[Found, ...]:
    """The feeds of a site, each fetched and parsed. ``url`` may be a feed itself.

    Raises:
        FetchError: the page cannot be fetched.
    """
    page = await fetcher.fetch(url)
    if (feed := await _parsed(url, page, "the address itself", parser)) is not None:
        return (feed,)
    html = (page.body or b"").decode(errors="replace")
    robots = await _text(urljoin(page.final_url, "/robots.txt"), fetcher)
    candidates = [*named(html, page.final_url), *sitemaps(robots, page.final_url)]
    found = await _tried(candidates, fetcher, parser)
    return found or await _tried(usual(page.final_url), fetcher, parser)


async def _tried(candidates: Iterable[Candidate], fetcher: Fetches, parser: Parses) -> tuple[Found, ...]:
    """One after the other: it is one host, and somebody's."""
    found: dict[str, Found] = {}
    for one in list(candidates)[:MAX_CANDIDATES]:
        try:
            fetched = await fetcher.fetch(one.url)
        except FetchError:
            continue  # one guess of many; what is left over is said by there being none
        feed = await _parsed(one.url, fetched, one.why, parser)
        if feed is not None:
            found.setdefault(fetched.final_url, feed)
    return tuple(found.values())


async def _parsed(url: str, fetched: Fetched, why: str, parser: Parses) -> Found | None:
    if not fetched.body:
        return None
    listed = Feed(url=url, outlet="?", owner="?", country="GB", language="en")
    try:
        parsed = await parser.parse(fetched.body, feed=listed, headers=fetched.headers, fetched=datetime.now(UTC))
    except ParseError:
        return None
    newest = max((one.published for one in parsed.articles if one.published_source == "feed"), default=None)
    return Found(fetched.permanent_url or url, parsed.title, len(parsed.articles), newest, why)


async def _text(url: str, fetcher: Fetches) -> str:
    try:
        return ((await fetcher.fetch(url)).body or b"").decode(errors="replace")
    except FetchError:
        return ""


def _add(found: dict[str, Candidate], url: str, why: str) -> None:
    if url:
        found.setdefault(url, Candidate(url, why))


def _joined(base: str, link: str) -> str:
    joined = absolute(base, link.strip())
    return joined if urlsplit(joined).scheme in {"http", "https"} else ""
