"""Wishes for the whole text of an article, and what became of them."""

from __future__ import annotations

from datetime import datetime
from ipaddress import IPv6Address
from typing import Annotated, Literal
from urllib.parse import urlsplit

import idna
import msgspec

from pipeline.records.article import Article, ArticleId
from pipeline.records.values import Record, require_aware

PageWhy = Literal["always", "flagged", "look"]
"""Why a page is wanted: its feed always wants them, the feed's own text was flagged, or to see whether a flagged
article has changed."""

PageOutcome = Literal["published", "no_more", "refused", "failed"]
"""`published`: as a revision of the article; `no_more`: the page says no more than the feed did; `refused`: robots.txt,
a private address, no HTML, no text; `failed`: it could not be fetched, however often."""


class PageRequest(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The page of an article is wanted; key and partition follow from its host, so that one poller visits a host."""

    url: str
    article: Article
    """As the feed gave it: what the page's text is put into."""

    why: PageWhy
    look: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Which visit to the page it is: 0 for its text, and 1, 2 … for looking again."""

    asked: datetime

    def __post_init__(self) -> None:
        require_aware(self.asked)

    @property
    def key(self) -> str:
        """Names the visit: each is made once. The article's id, and for looking again which look."""
        return visit_key(self.article.id, self.look)

    @property
    def host(self) -> str:
        """Of the page, without its port; "" if the URL has none."""
        return host_of(self.url)


class PageResult(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a request, in the partition of the request, by the article's id. While it is kept, the page is not
    visited again."""

    id: ArticleId
    url: str
    outcome: PageOutcome
    reason: str = ""
    """Why not, in words."""

    look: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Of the request."""

    finished: datetime

    def __post_init__(self) -> None:
        require_aware(self.finished)

    @property
    def host(self) -> str:
        """Of the page, without its port."""
        return host_of(self.url)

    @property
    def key(self) -> str:
        """Names the visit, as `PageRequest.key` does: the record's key."""
        return visit_key(self.id, self.look)


def page_request(article: Article, why: PageWhy, now: datetime) -> PageRequest | None:
    """The wish for an article's page; None where its link leads to no host, or the text is the page's already."""
    url = article.link or article.url
    if article.text_source == "page" or not host_of(url):
        return None
    return PageRequest(url=url, article=article, why=why, asked=now)


def visit_key(article_id: str, look: int) -> str:
    """Names one visit to an article's page."""
    return f"{article_id}:{look}" if look else article_id


def host_of(url: str) -> str:
    """The host name in a URL, in one spelling: small letters, A-labels (RFC 5890), no dot at its end; an IPv6 address
    as in RFC 5952, without brackets. "" if there is none.
    """
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
        if ":" in host:
            return IPv6Address(host).compressed
        return host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except ValueError:
        return ""
