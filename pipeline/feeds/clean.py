"""Text of feeds to plain text: what is stored, matched and shown.

A feed gives HTML, escaped once, twice or not at all, and sometimes the whole page with its menus. Out of here comes
text with one line per block, single spaces, in NFC, without markup, control characters or invisible ones, and without
the page furniture that a rule would match by mistake: menus, share bars, lists of other headlines, "continue reading".

Every function gives its own output back unchanged, so text may pass twice.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

from pipeline.feeds.blocks import CUE, is_page, text_of
from pipeline.feeds.furniture import Story, story_of, without_furniture, without_said

MAX_INPUT_CHARS: Final = 1_000_000
"""Of one field before cleaning: five times a long article page with its markup (172 KB is usual)."""

MAX_TITLE_CHARS: Final = 500
MAX_AUTHOR_CHARS: Final = 200
MAX_LEAD_CHARS: Final = 5_000
MAX_BODY_CHARS: Final = 60_000
"""Some 10,000 words; at four bytes a character, twice escaped, an article still fits a batch of 512 KB alone."""

_MAX_ROUNDS: Final = 6
"""Of decoding. Feeds escape two or three times by accident; more often it was made to be."""

_TAG: Final = re.compile(r"<(?:/?[a-zA-Z][^<>]*>|![a-zA-Z\[-])")
_WHOLE_TAG: Final = re.compile(r"</?[a-zA-Z][^<>\n]{0,300}>")
_OPENING: Final = re.compile(r"<(?=[a-zA-Z/!?])")
_OPEN_TAG: Final = re.compile(r"<[^<>]*$")
_CUT_TAG: Final = re.compile(r"</?(?:a|b|br|div|em|font|i|img|li|p|span|strong)(?:\s[^<>]*)?$", re.IGNORECASE)
"""What is left of a tag where a feed cut its HTML after so many characters."""

_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_NESTED_AMPERSAND: Final = re.compile(r"&(?:(?:amp|#0*38|#[xX]0*26);)+")
_LINE_BREAKS: Final = ("\r\n", "\r", "\u2028", "\u2029", "\x85")
_INVISIBLE: Final = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Controls, soft hyphens, zero-width and bidirectional marks: they hide words from rules and turn lines on a screen."""

_LOOSE_JOINER: Final = re.compile(r"(?<![\u0600-\u0dff])[\u200c\u200d]|[\u200c\u200d](?![\u0600-\u0dff])")
"""Zero-width (non-)joiners are part of spelling between letters of Arabic and Indic scripts only."""

_TAIL: Final = re.compile(
    rf"^\W*(?:{CUE}\b.{{0,100}}"
    r"|the post\b.{1,300}\b(?:appeared first on|first appeared on)\b.{0,100}"
    r"|(?:share|tweet|e-?mail|print|save|copy link|bookmark)(?: (?:this|it|on|via|article|story|page|by)\b.{0,40})?"
    r"|(?:follow|like|find|join) us\b.{0,80}"
    r"|(?:sign up|subscribe)\b.{0,100}"
    r"|(?:leave|post|add) a (?:comment|reply)|(?:no |\d+ )?comments?(?: \(?\d*\)?| off| closed| are closed)?"
    r"|(?:all rights reserved|copyright|©).{0,100}"
    r"|(?:story|article) (?:code|id|number)\b.{0,40})\W*$",
    re.IGNORECASE,
)
"""A last line that is not text: share bars, "read more", comment stubs, the WordPress feed footer."""

_INLINE_TAIL: Final = re.compile(
    rf"(?:(?<=…)|(?<=\.\.\.)|(?<=…\])|(?<=\.\.\.\]))\s*[(\[]?{CUE}\b.{{0,150}}$"
    r"|(?<=[.!?\"”»)])\s+(?:read (?:more|on)|see more|learn more|continue reading|full story)\W*$",
    re.IGNORECASE,
)
"""The same at the end of a line that is text: after an ellipsis with the story's title, after a sentence alone."""


def clean_line(text: str, limit: int = MAX_TITLE_CHARS) -> str:
    """A title or a name: one line of plain text, whether the feed gave it plain, as HTML or escaped once too often."""
    return " ".join(clean_plain(text, limit).split())


def clean_plain(text: str, limit: int = MAX_BODY_CHARS) -> str:
    """Plain text that may hold markup or entities nevertheless: its lines are kept."""
    if len(text) > MAX_INPUT_CHARS:
        text = _OPEN_TAG.sub("", text[:MAX_INPUT_CHARS])
    return _folded(_decoded(text))[:limit].rstrip()


def clean_html(text: str, limit: int = MAX_BODY_CHARS) -> str:
    """An HTML fragment, or a whole page, as its main text with one line per block.

    A page gives its `article` or `main`; menus, share bars, lists of links and the lines after the end of the story are
    left out. What no tag or name gave away goes by its shape, as in a page's text.
    """
    plain = _without_tail(clean_plain(text, limit))
    return without_furniture(plain) if is_page(text) else plain


def clean_extracted(text: str, limit: int = MAX_BODY_CHARS) -> str:
    """The text that an extractor took out of a page: what it left of the furniture goes, by what the lines say."""
    return without_said(_without_tail(clean_plain(text, limit)))


def clean_page(text: str, limit: int = MAX_BODY_CHARS) -> str:
    """A page's text, as a person copies it, as title and paragraphs, one line each; a story alone is kept whole."""
    return "\n".join(page_story(text).lines)[:limit].rstrip()


def page_story(text: str) -> Story:
    """The same with the title told apart. Empty lines divide paragraphs whose lines were wrapped."""
    if len(text) > MAX_INPUT_CHARS:
        text = _OPEN_TAG.sub("", text[:MAX_INPUT_CHARS])
    return story_of(_decoded(text))


def _decoded(text: str) -> str:
    """Markup and entities resolved until there are none, however often they were escaped.

    HTML is read as HTML once. What looks like tags after that is text about tags (code, most often), where a parser
    would take `<video>` for the start of one and swallow what follows: there only the tags themselves go.
    """
    rendered = False
    for _ in range(_MAX_ROUNDS):
        before, text = text, _visible(text)
        if "<" not in text or not _TAG.search(text):
            text = _ENTITY.sub(_entity, _NESTED_AMPERSAND.sub("&", text)) if "&" in text else text
        elif rendered:
            text = _WHOLE_TAG.sub(" ", text)
        else:
            text, rendered = text_of(text), True
        if text == before:
            break
    else:
        text = _visible(text.replace("&", " ").replace("<", " "))
    return _OPENING.sub("< ", _CUT_TAG.sub("", text)) if "<" in text else text


def _entity(entity: re.Match[str]) -> str:
    return html.unescape(entity[0])


def _visible(text: str) -> str:
    for mark in _LINE_BREAKS:  # each is looked for at the speed of memory, as a pattern is not
        text = text.replace(mark, "\n")
    if not text.replace("\n", " ").replace("\t", " ").replace("\xa0", " ").isprintable():  # nothing invisible is
        text = _INVISIBLE.sub("", text)
    if "\u200c" in text or "\u200d" in text:
        text = _LOOSE_JOINER.sub("", text)
    return unicodedata.normalize("NFC", text)


def _folded(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _without_tail(text: str) -> str:
    lines = text.split("\n")
    while lines:
        last = _INLINE_TAIL.sub("", lines[-1])
        if _TAIL.match(last):
            lines.pop()
        elif last != lines[-1]:
            lines[-1] = last
        else:
            break
    return "\n".join(lines)
