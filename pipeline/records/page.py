"""Wishes for the whole text of an article, and what became of them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from pipeline.records.article import Article, ArticleId
from pipeline.records.values import Record, require_aware

PageWhy = Literal["always", "flagged"]
"""Why a page is wanted: its feed always wants them, or the feed's own text was flagged."""

PageOutcome = Literal["published", "no_more", "refused", "failed"]
"""`published`: as a revision of the article; `no_more`: the page says no more than the feed did; `refused`: robots.txt,
a private address, no HTML, no text; `failed`: it could not be fetched, however often."""


class PageRequest(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The page of an article is wanted; the record's key is its host, so that one poller visits a host."""

    url: str
    article: Article
    """As the feed gave it: what the page's text is put into."""

    why: PageWhy
    asked: datetime

    def __post_init__(self) -> None:
        require_aware(self.asked)

    @property
    def host(self) -> str:
        """Of the page, without its port; "" if the URL has none."""
        return host_of(self.url)


class PageResult(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a request; its key is the article's id. While it is kept, the page is not visited again."""

    id: ArticleId
    url: str
    outcome: PageOutcome
    reason: str = ""
    """Why not, in words."""

    finished: datetime

    def __post_init__(self) -> None:
        require_aware(self.finished)


def page_request(article: Article, why: PageWhy, now: datetime) -> PageRequest | None:
    """The wish for an article's page; None where its link leads to no host, or the text is the page's already."""
    url = article.link or article.url
    if article.text_source == "page" or not host_of(url):
        return None
    return PageRequest(url=url, article=article, why=why, asked=now)


def host_of(url: str) -> str:
    """The host name in a URL, in small letters; "" if there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
