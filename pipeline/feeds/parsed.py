"""What every parser of feeds takes and gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Protocol, TypedDict
from urllib.parse import urljoin

import msgspec

from pipeline.feeds.article import build
from pipeline.feeds.keys import mark, mark_part, seen_key
from pipeline.records import Article

MAX_ITEMS: Final = 10_000
"""Of one body that are made into articles, the newest: as many as are remembered of a feed, so that the rest does not
come anew at each poll. Longer feeds are archives; 10,000 items take some seconds."""


class Source(Protocol):
    """What is needed to know of a feed; `pipeline.settings.models.Feed` has it."""

    @property
    def url(self) -> str:
        """Where it is fetched from."""

    @property
    def outlet(self) -> str:
        """Who publishes it."""

    @property
    def language(self) -> str:
        """What it is written in, where the feed itself does not say."""


class ParsedFeed(msgspec.Struct, frozen=True, kw_only=True):
    """What a feed's body held."""

    articles: tuple[Article, ...]
    """Its items in the feed's order, without those that have no text at all, and without those that were known as they
    are."""

    keys: tuple[str, ...]
    """Of all its items that have a text (`pipeline.feeds.keys`), in the feed's order."""

    skipped: int = 0
    """Items with neither title nor text."""

    left_out: int = 0
    """Items beyond the newest `MAX_ITEMS`."""

    title: str = ""
    ttl_seconds: float | None = None
    """RSS `ttl`: how long the feed asks to be left alone."""

    update_period_seconds: float | None = None
    """`sy:updatePeriod` divided by `sy:updateFrequency`: how often the feed says that it changes."""

    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()
    """RSS `skipHours` (0 to 23) and `skipDays` (0 is Monday), in UTC: when the feed asks not to be asked."""


def absolute(base: str, link: str) -> str:
    """A link made absolute; "" where there is none, or none that is an address."""
    try:
        return urljoin(base, link) if link else ""
    except ValueError:  # a bracket or a port that is none
        return ""


class RawItem(TypedDict):
    """One item as a feed gave it: what `pipeline.feeds.article.build` takes."""

    outlet: str
    feed: str
    link: str
    guid: str
    title: str
    lead: str
    body: str
    authors: Sequence[str]
    language: str
    published: datetime | None
    fetched: datetime
    html: bool


def newest(items: Sequence[RawItem]) -> Sequence[RawItem]:
    """The newest `MAX_ITEMS`, in the feed's order. One without a date counts as new; of equals the first stay."""
    if len(items) <= MAX_ITEMS:
        return items
    dates = [item["published"] or item["fetched"] for item in items]
    places = sorted(range(len(items)), key=dates.__getitem__, reverse=True)[:MAX_ITEMS]
    return [items[place] for place in sorted(places)]


def sieved(items: Sequence[RawItem], known: Iterable[str], *, listed: int) -> ParsedFeed:
    """The articles of a body, but for items that come again just as they were: most of a feed's items do, and cleaning
    their text is most of the work.

    Args:
        items: in the feed's order.
        known: keys of items that were made before.
        listed: how many items the body has, with those that cannot be read at all.
    """
    before = {one: key for key in known if (one := mark_part(key))}
    articles: list[Article] = []
    keys: list[str] = []
    kept = newest(items)
    for item in kept:
        raw = _marked(item)
        if key := before.get(raw):
            keys.append(key)
            continue
        article = build(**item)
        if article.title or article.lead or article.body:
            articles.append(article)
            keys.append(seen_key(article, raw))
    left_out = len(items) - len(kept)
    skipped = listed - left_out - len(keys)
    return ParsedFeed(articles=tuple(articles), keys=tuple(keys), skipped=skipped, left_out=left_out)


def _marked(item: RawItem) -> str:
    published = item["published"].isoformat() if item["published"] else ""
    names = (item["outlet"], item["link"], item["guid"], item["language"], published, str(item["html"]))
    return mark((*names, item["title"], item["lead"], item["body"], *item["authors"]))
