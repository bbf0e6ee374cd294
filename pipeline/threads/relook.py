"""When a flagged article's page is looked at again, and the requests for it. A pure schedule.

The clock is the partition's ticks: a look is due between two of them, so no row of a table has to tell which looks were
made. A worker needs what `stub` keeps of the articles that are younger than the last look, and the time of its last
tick.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from pipeline.records.article import Article
from pipeline.records.page import PageRequest, host_of

AFTER: Final = (timedelta(minutes=10), timedelta(hours=1), timedelta(days=1), timedelta(days=7))
"""From the first flag to each look; the baseline, look 0, is at once."""


def due_looks(flagged: datetime) -> tuple[datetime, ...]:
    """When an article is looked at, the baseline first."""
    return (flagged, *(flagged + after for after in AFTER))


def looks_between(flagged: datetime, since: datetime, until: datetime) -> int | None:
    """The newest look that fell due after ``since``, up to ``until``; None if none did. Missed ones are not made up."""
    return max((number for number, when in enumerate(due_looks(flagged)) if since < when <= until), default=None)


def stub(article: Article) -> Article | None:
    """What is kept of an article until its last look: all but its text, which its page has. None if it has no page."""
    if not host_of(article.link or article.url):
        return None
    return msgspec.structs.replace(article, body="", text_source="feed", revision_of="", backlog=False)


def baseline(article: Article) -> PageRequest | None:
    """The request for the text that later looks are compared with; None where there is no page, or its text is here, or
    was asked for by whoever obeys `full_text`.

    It was asked for when the article was fetched: in a replay it is too old to be served.
    """
    if article.text_source == "page" or article.full_text != "never":
        return None
    kept = stub(article)
    return None if kept is None else look(kept, 0, article.fetched)


def look(kept: Article, number: int, now: datetime, *, page_known: bool = False) -> PageRequest:
    """The request for one look, of what `stub` keeps. ``page_known``: its page was read before, so that a shorter text
    is a change, and no teaser.
    """
    if page_known:
        kept = msgspec.structs.replace(kept, text_source="page")
    return PageRequest(url=kept.link or kept.url, article=kept, why="look", look=number, asked=now)
