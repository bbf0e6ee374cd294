"""The main text of an article page, and what the page says about itself. Pure.

trafilatura takes the text out of the page by its markup (Barbaresi, *Trafilatura: A Web Scraping Library and
Command-Line Tool for Text Discovery and Extraction*, ACL 2021); what furniture it leaves goes by its words. A page can
cost it minutes, so in production this runs in `pipeline.pages.page_pool`.
"""

from __future__ import annotations

import codecs
import re
from datetime import datetime
from typing import Final

import msgspec
import trafilatura

from pipeline.dedupe.language import primary_language
from pipeline.errors import PageError
from pipeline.feeds.clean import clean_extracted
from pipeline.feeds.page_head import Head, read_head

HTML_TYPES: Final = frozenset({"", "text/html", "application/xhtml+xml"})
"""Media types that are taken; without one the body is tried."""

SNIFFED_BYTES: Final = 4096
"""Where a page may declare its encoding; HTML asks for the first 1024, and pages do it later."""

MIN_TEXT_CHARS: Final = 100
"""A shorter text is a notice (a consent form, "enable JavaScript"), not a story."""

_META_CHARSET: Final = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_HEADER_CHARSET: Final = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_AS_BROWSERS: Final = {"iso-8859-1": "cp1252", "latin-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252"}
"""WHATWG Encoding: these labels mean windows-1252 on the web."""

_TABLE_RULE: Final = re.compile(r"\|(?:\s*:?-+:?\s*\|)+")
_TABLE_ROW: Final = re.compile(r"\|(.*)\|")


class PageText(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page as text. "" and None stand for what it does not say."""

    title: str = ""
    text: str
    """One line a paragraph, clean; the headline is not part of it."""

    published: datetime | None = None
    authors: tuple[str, ...] = ()
    canonical: str = ""
    """http or https URL that the page gives as its own."""

    language: str = ""
    """ISO 639-1, as declared."""

    site: str = ""


def extract(body: bytes, *, url: str, content_type: str, now: datetime) -> PageText:
    """The text of the page ``body``.

    Args:
        url: where it came from.
        content_type: of the response, with its charset; "" if there was none.
        now: when it was fetched; an ambiguous date is never read as a later one.

    Raises:
        PageError: it is no HTML, or has no main text.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in HTML_TYPES:
        raise PageError(url, f"it is {media_type}, not HTML")
    markup = decoded(body, content_type)
    head = read_head(markup, now)
    text = main_text(markup)
    if len(text) < MIN_TEXT_CHARS:
        raise PageError(url, "no main text was found in it")
    return _page(head, text)


def main_text(markup: str) -> str:
    """The story of a page, "" if there is none. Readers' comments are not part of it.

    `favor_precision`: a sidebar that is taken for text is a false hit; it is also the best of trafilatura's ways.
    """
    document = trafilatura.bare_extraction(markup, include_comments=False, favor_precision=True)
    found = getattr(document, "text", "") or ""
    return clean_extracted("\n".join(line for line in map(_untabled, map(str.strip, found.split("\n"))) if line))


def decoded(body: bytes, content_type: str) -> str:
    """A page's bytes as text: by byte order mark, header, `meta`, else UTF-8 (the order of the HTML standard)."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    header, meta = _HEADER_CHARSET.search(content_type), _META_CHARSET.search(body[:SNIFFED_BYTES])
    for label in (header[1] if header else "", meta[1].decode() if meta else "", "utf-8"):
        name = _AS_BROWSERS.get(label.lower(), label)
        try:
            return body.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    return _despite_errors(body)


def _despite_errors(body: bytes) -> str:
    """UTF-8 with broken bytes stays UTF-8 as long as these are few; else it is read as windows-1252."""
    text = body.decode("utf-8", "replace")
    return text if text.count("\ufffd") * 100 < len(text) else body.decode("cp1252", "replace")


def _untabled(line: str) -> str:
    """A row of a table, which comes as Markdown, without its frame."""
    if _TABLE_RULE.fullmatch(line):
        return ""
    row = _TABLE_ROW.fullmatch(line)
    return row[1].strip() if row else line


def _page(head: Head, text: str) -> PageText:
    first, _, rest = text.partition("\n")
    return PageText(
        title=head.title,
        text=rest if rest and first.casefold() == head.title.casefold() else text,
        published=head.published,
        authors=head.authors,
        canonical=head.url,
        language=primary_language(head.language),
        site=head.outlet,
    )
