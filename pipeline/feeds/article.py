"""An item of a feed to an Article: cleaned, identified, dated; and articles to the batches that travel."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import msgspec

from pipeline.dedupe.canonical import MAX_URL_CHARS, canonical_url, is_public_name, registrable_domain
from pipeline.dedupe.fingerprint import article_id, text_hash
from pipeline.dedupe.language import primary_language
from pipeline.feeds.clean import MAX_AUTHOR_CHARS, MAX_LEAD_CHARS, clean_html, clean_line, clean_page, clean_plain
from pipeline.feeds.dates import settled
from pipeline.records import MAX_BATCH_ARTICLES, MAX_BATCH_BYTES, Article, ArticleBatch, encode

MAX_AUTHORS: Final = 10
MAX_FALLBACK_TITLE_CHARS: Final = 120
"""Of a lead that stands in for a title: a long headline's length."""

_NOT_SLUG: Final = re.compile(r"[^\w]+")


def build(
    *,
    outlet: str,
    feed: str,
    link: str,
    guid: str,
    title: str,
    lead: str,
    body: str,
    authors: Sequence[str],
    language: str,
    published: datetime | None,
    fetched: datetime,
    html: bool,
) -> Article:
    """The article that an item of a feed, or a line of a backtest, stands for.

    Args:
        outlet: name of the outlet that publishes the feed.
        feed: URL of the feed.
        link: absolute URL of the article's page; "" if the item has none.
        guid: the item's own id; used where the link does not name an article.
        title, authors: text, possibly with markup or entities.
        lead, body: HTML if ``html``, else plain text; a body may be the text of a whole page.
        language: as declared, a BCP 47 tag or "".
        published: as the feed says, aware; None if it says nothing. It may lie in the future.
        fetched: when the feed was fetched, aware.
    """
    title = clean_line(title)
    lead = clean_html(lead) if html else clean_plain(lead)
    body = clean_html(body) if html else clean_page(body)
    lead, body = _lead_and_body(lead, _without_headline(body, title))
    title = title or _title_from(lead or body)
    if lead.casefold() == title.casefold():
        lead = ""
    url = canonical_url(link)
    when, source = settled(published, fetched)
    named_by_link = url and not (guid and _is_front_page(url))
    identity = url if named_by_link else ""
    return Article(
        id=article_id(identity, outlet=outlet, guid=guid.strip(), title=title, published=published),
        text_hash=text_hash(title, lead, body),
        url=url,
        link=link if url and len(link) <= MAX_URL_CHARS else "",
        feed=feed,
        outlet=outlet,
        domain=domain_of(url or feed, outlet),
        title=title,
        lead=lead,
        body=body,
        authors=_names(authors),
        language=primary_language(language),
        published=when,
        published_source=source,
        fetched=fetched,
    )


def with_page(
    article: Article,
    *,
    text: str,
    title: str,
    authors: Sequence[str],
    published: datetime | None,
    fetched: datetime,
    alone: bool = False,
) -> Article | None:
    """The article with the text of its page; None if that is no more than the feed gave.

    What the feed says about an article stands, for the publisher says it of this very item; the page adds the title,
    the authors and the date that the feed leaves out.

    Args:
        article: with ``text_source`` "page" if the page was read before: then what it says now counts, however little.
        text: the page's story, clean.
        published: as the page says, aware.
        fetched: when the page was fetched, aware.
        alone: without the feed's lead, which may say what the page says no longer.
    """
    if article.text_source != "page" and len(text) <= max(len(article.body), len(article.lead)):
        return None
    title = article.title or clean_line(title)
    lead, body = _lead_and_body("" if alone else article.lead, _without_headline(text, title))
    when, source = article.published, article.published_source
    if source == "fetched" and published is not None:
        when, found = settled(published, fetched)
        source = "page" if found == "feed" else found
    return msgspec.structs.replace(
        article,
        text_hash=text_hash(title, lead, body),
        title=title,
        lead=lead,
        body=body,
        authors=article.authors or _names(authors),
        published=when,
        published_source=source,
        fetched=fetched,
        text_source="page",
    )


def domain_of(url: str, outlet: str) -> str:
    """The domain within which exact duplicates of an article are looked for: one outlet's.

    The registrable domain of its page; on a host that is no public name (an address, `localhost`, a machine of the
    local network), which serves whatever is put there, host and outlet: `127.0.0.1/the-harbour-post`.
    """
    domain = registrable_domain(url)
    if is_public_name(domain):
        return domain
    slug = _NOT_SLUG.sub("-", outlet.casefold()).strip("-")
    return f"{domain}/{slug}" if domain and slug else domain or slug or "unknown"


def batches(articles: Sequence[Article], *, fetched: datetime) -> tuple[ArticleBatch, ...]:
    """The articles that one poll brought, by domain, in their order, in batches within the limits of a record.

    A batch's id is a hash of what is in it, so that sending it again sends the same record.
    """
    by_domain: dict[str, list[Article]] = {}
    for article in articles:
        by_domain.setdefault(article.domain, []).append(article)
    return tuple(
        _batch(domain, chunk, fetched)
        for domain, group in by_domain.items()
        for chunk in _chunks(domain, group, fetched)
    )


def _chunks(domain: str, articles: Iterable[Article], fetched: datetime) -> Iterator[list[Article]]:
    empty = len(encode(_batch(domain, [], fetched)))
    chunk: list[Article] = []
    size = empty
    for article in articles:
        one = len(encode(_batch(domain, [article], fetched))) - empty + 1  # the comma
        if chunk and (len(chunk) == MAX_BATCH_ARTICLES or size + one > MAX_BATCH_BYTES):
            yield chunk
            chunk, size = [], empty
        chunk.append(article)
        size += one
    if chunk:
        yield chunk


def _batch(domain: str, articles: Sequence[Article], fetched: datetime) -> ArticleBatch:
    content = "|".join([domain, fetched.isoformat(), *(f"{one.id}:{one.text_hash}" for one in articles)])
    name = hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
    return ArticleBatch(id=name, key=domain, fetched=fetched, articles=tuple(articles))


def _lead_and_body(lead: str, body: str) -> tuple[str, str]:
    """A lead that holds the whole story is its body; one that only repeats the body's beginning is dropped."""
    if len(lead) > MAX_LEAD_CHARS:
        return ("", lead) if not body else (lead[:MAX_LEAD_CHARS].rstrip(), body)
    return ("" if _same_start(lead, body) else lead), body


def _without_headline(body: str, title: str) -> str:
    """A page's text begins with its headline, which the title has already."""
    first, _, rest = body.partition("\n")
    return rest if rest and first.casefold() == title.casefold() else body


def _same_start(lead: str, body: str) -> bool:
    """Whether the lead only repeats the beginning of the body, as a feed's summary made by software does."""
    flat = " ".join(lead.split()).removesuffix("[…]").removesuffix("[...]").rstrip("… .").casefold()
    return bool(flat) and " ".join(body[: 2 * len(lead) + 100].split()).casefold().startswith(flat)


def _title_from(text: str) -> str:
    line = text.partition("\n")[0]
    if len(line) <= MAX_FALLBACK_TITLE_CHARS:
        return line
    return line[:MAX_FALLBACK_TITLE_CHARS].rpartition(" ")[0] or line[:MAX_FALLBACK_TITLE_CHARS]


def _is_front_page(url: str) -> bool:
    parts = urlsplit(url)
    return parts.path == "/" and not parts.query


def _names(authors: Iterable[str]) -> tuple[str, ...]:
    cleaned = (clean_line(name, MAX_AUTHOR_CHARS) for name in authors)
    return tuple(dict.fromkeys(name for name in cleaned if name))[:MAX_AUTHORS]
