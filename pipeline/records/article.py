"""Articles and the batches that carry them from the poller to the flags."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

from pipeline.records.values import Record, require_aware

Field = Literal["title", "lead", "body"]
"""The text fields of an article; offsets of flags count code points in the stored text of one of them."""

FIELDS: Final[tuple[Field, ...]] = ("title", "lead", "body")

PublishedSource = Literal["feed", "clamped", "fetched", "page"]
"""Where ``published`` comes from: the feed; the feed, but it lay in the future and was clamped to the fetch time; there
was none that could be read, and it is the fetch time; or the article's page, because the feed had none."""

FullText = Literal["never", "flagged", "always"]
"""When the page of an article is fetched for its whole text: never, when the feed's text was flagged, always."""

MAX_BATCH_ARTICLES: Final = 64
"""Articles in one batch at the most."""

MAX_BATCH_BYTES: Final = 512 * 1024
"""Encoded size of one batch at the most; below Kafka's default 1 MB record limit, with room for what stages add."""


ArticleId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
TextHash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]


class CopyOf(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an article is a copy of: a near-duplicate in the same language, within 72 hours of event time."""

    group: ArticleId
    """The copy group: id of its first article in log order. Never changes."""

    original: ArticleId
    """Earliest published member known at this moment; the article's own id when a late original arrives."""

    of: ArticleId
    """The member that it was found to be a copy of: the one with the best containment."""

    containment: float
    """Share of this text that is in that one, 0 to 1; estimated from the sketches of both."""

    contained: float
    """Share of that text that is in this one, 0 to 1."""

    why: str
    """One sentence for people."""


class Article(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One article as a feed gave it, its text cleaned. Two articles with one `id` are revisions of one page."""

    id: ArticleId
    """32 hex digits: BLAKE2b-128 of the canonical URL (or of outlet and item id, where there is no link)."""

    text_hash: TextHash
    """16 hex digits: hash of title, lead and body, folded for case and white space. Names the revision."""

    url: str
    """Canonical URL, or "" where the item has no link."""

    link: str = ""
    """The link as the feed gave it, made absolute."""

    feed: str = ""
    """URL of the feed it came from."""

    outlet: str = ""
    domain: str
    """Registrable domain of the outlet's page: key of `articles.raw`. Exact duplicates are looked for within it."""

    title: str
    lead: str = ""
    body: str = ""
    authors: tuple[str, ...] = ()

    language: str = ""
    """ISO 639-1. Before dedupe what the feed declares ("" if nothing); after it what was decided, "und" if unknown."""

    published: datetime
    published_source: PublishedSource = "feed"
    fetched: datetime

    full_text: FullText = "never"
    """What its feed is set to."""

    text_source: Literal["feed", "page"] = "feed"
    """Where ``body`` comes from: the feed, or the article's page."""

    backlog: bool = False
    """Whether it came with the first poll of its feed: it may be of any age, and nobody is alerted for it."""

    revision_of: str = ""
    """`text_hash` of the text this one replaces, set by dedupe when a known article changed; "" when it is new."""

    copy: CopyOf | None = None
    """What it is a copy of, set on `articles.deduped`; None when nothing like it is known."""

    source: str = ""
    """Independent source key, set on `articles.deduped`: `wire:reuters`, `owner:<group>` or `domain:<domain>`. Articles
    with one key count as one source, whatever their outlets are called."""

    def __post_init__(self) -> None:
        require_aware(self.published, self.fetched)


class ArticleBatch(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The new articles that one poll brought, of one domain (`articles.raw`) or of one language (`articles.fresh`).

    At most `MAX_BATCH_ARTICLES` articles and `MAX_BATCH_BYTES` encoded.
    """

    id: str
    """Names the batch on its way: a batch that is sent again after a failed acknowledgement keeps it."""

    key: str
    """The record's Kafka key: the domain, later the language."""

    fetched: datetime
    """When the poll that brought it fetched the feed."""

    articles: tuple[Article, ...]

    heartbeat: int | None = None
    """Set on a heartbeat: the partition it was sent to, and stays on at every stage."""

    def __post_init__(self) -> None:
        require_aware(self.fetched)
