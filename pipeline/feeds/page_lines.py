"""One line of a text page by itself: a sentence, a headline, an entry of a list, the label of one, or nothing to read.

Shape decides where it can: a sentence ends in a full stop, a menu entry does not; a line that is a date, a row of names
of services or a path with arrows is no text. Words of twelve languages (`furniture_words`) add what shape cannot tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby, pairwise
from typing import Final

from pipeline.feeds import furniture_words as words

MAX_LINE_CHARS: Final = 100_000
MIN_SENTENCE_WORDS: Final = 3
"""A line that ends in a full stop is a sentence from so many words on: menus end in none, abbreviations are shorter."""

MIN_ASKED_WORDS: Final = 14
"""The same before a question or exclamation mark, and with a stop inside: headlines have these too."""

MIN_INTRODUCING_WORDS: Final = 6
"""The same before a colon or a comma, which the labels of lists have too, but these are shorter."""

MIN_OPEN_WORDS: Final = 20
"""Words of a line without an end that is prose all the same: a paragraph that was cut. Headlines have some 10."""

MAX_BYLINE_WORDS: Final = 9
MAX_LABEL_SENTENCE: Final = 8
MAX_POINTER_SENTENCE: Final = 12
MAX_NOTICE_SENTENCE: Final = 50
"""Words of a byline; and words up to which a line that ends as a sentence may be furniture of its kind all the same."""

TITLED_SHARE: Final = 0.6
"""Share of words with a capital letter from which on a long line is a menu; German prose has half of that."""

MAX_ENDING: Final = 40
"""Characters at a line's end that are looked at for how it ends, so that time stays linear whatever they are."""

MAX_MARK_CHARS: Final = 500
"""Of an address that is a line of its own."""

MAX_MENU_PART: Final = 30
"""Characters between two separators of a menu or a path."""

_WORD: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_DENSE: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Scripts in which about two characters make a word."""

_FULL_STOP: Final = re.compile(r"[.。．…｡।۔][\s\"'”’»›)\]】」』]*$|[.。!?！？؟][\s\"'”’»›)\]】」』]{1,3}$")
_CLIPPED: Final = re.compile(r"(?:…|\.\.\.)[\])]?\W*$")
"""A text that breaks off: the teaser of another story."""

_ASKED: Final = re.compile(r"[!?！？؟][\"”’»›)\]】」』]*$")
_INTRODUCES: Final = re.compile(r"[:：;；,،，][\s\"'”’»›)\]】」』]*$")
"""Ends a line that goes on in the next: what somebody said, a list."""

_INNER_STOP: Final = re.compile(r"[^\W\d_]{3}[.!?؟][\"”’»)]?\s+[\"“‘«(]?[^\W\d_]|[。！？]")
_SEPARATOR: Final = re.compile(r"\s*[|›»→▸▶•·]\s*|\s+[/>—–-]\s+")
_ARROW: Final = re.compile(r"[›»→▸▶]|\s>\s|\s\|\s")
_BULLET: Final = re.compile(r"^(?:[-*•·▪●■◦–—»›→▸▶]|\d{1,2}[.)])\s+(?=\S)")
_URL: Final = re.compile(r"\W*(?:https?://|www\.)\S+\W*$", re.IGNORECASE)
_DATED: Final = re.compile(
    r"\d{1,2}[:.]\d{2}(?::\d{2})?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|(?:19|20|۱[34]|١[٩]|٢[٠]|۲[۰])\d{2}|\d{4}年|\d{1,2}月\d{1,2}日"
)
_CODE: Final = re.compile(r"\W*(?=\S*\d)(?=\S*[A-Za-z])[A-Za-z0-9]+(?:[-_/.:#][A-Za-z0-9]+)*\W*$")
_CREDIT: Final = re.compile(
    r"getty images\b.{0,20}$|[/|(]\s*(?:afp|reuters|ap|epa|shutterstock|istock|dpa|ansa|efe|тасс|xinhua)\)?\W*$"
)
"""Whose the picture is; in small letters."""


class Kind(Enum):
    """What a line looks like by itself."""

    PROSE = "prose"
    OPEN = "open"
    """Words without the end of a sentence: a title, a heading, a headline of another story, an entry of a menu."""

    LISTED = "listed"
    """The same with a date, a number or a bullet: an entry of a list."""

    LABEL = "label"
    """Heads a list of other stories."""

    CUT = "cut"
    """Heads the readers' comments, which stand behind stories."""

    JUNK = "junk"


@dataclass(frozen=True, slots=True)
class Line:
    """A line and what it looks like. ``words``: how many it has; in dense scripts two characters count as one."""

    text: str
    kind: Kind
    words: int

    @property
    def is_prose(self) -> bool:
        """Whether it is a sentence or more."""
        return self.kind is Kind.PROSE

    @property
    def is_clipped(self) -> bool:
        """Whether the text breaks off, as the teasers of other stories do."""
        return bool(_CLIPPED.search(self.text[-MAX_ENDING:]))


def look(text: str) -> Line:
    """What one line is, whatever stands around it."""
    text = text[:MAX_LINE_CHARS]
    bare = _BULLET.sub("", text)
    return Line(text, _kind(bare, bulleted=bare != text), _count(bare))


def said(text: str) -> Kind | None:
    """What one line is by its words alone, whatever its shape; None if they do not give it away."""
    bare = _BULLET.sub("", text[:MAX_LINE_CHARS])
    size = _count(bare)
    return _said(bare.casefold(), size, ends=_ends(bare) and size >= MIN_SENTENCE_WORDS)


def _kind(text: str, *, bulleted: bool) -> Kind:
    size = _count(text)
    ends = _ends(text) and size >= MIN_SENTENCE_WORDS
    by_words = _said(text.casefold(), size, ends=ends)
    if by_words is not None:
        return by_words
    if _is_prose(text, size, ends=ends):
        return Kind.PROSE
    if _is_path(text) or _is_mark(text, size):
        return Kind.JUNK
    return Kind.LISTED if bulleted or _DATED.search(text[:12]) or _DATED.search(text[-14:]) else Kind.OPEN


def _said(folded: str, size: int, *, ends: bool) -> Kind | None:
    """What a line is by its words; None if these say nothing."""
    if len(folded) <= words.MAX_LEGAL_CHARS and words.LEGAL.match(folded):
        return Kind.JUNK
    if len(folded) > words.MAX_NOTICE_CHARS:
        return None
    if len(folded) <= words.MAX_LABEL_CHARS and not (ends and size > MAX_LABEL_SENTENCE):
        kind = _labelled(folded, size, ends=ends)
        if kind is not None:
            return kind
    if size and words.RIGHTS.match(folded):
        return Kind.JUNK
    pointed = words.POINTER.match(folded) or words.PAUSE.match(folded) or words.FOLLOW.match(folded)
    if pointed and (not ends or size <= MAX_POINTER_SENTENCE):
        return Kind.JUNK
    return Kind.JUNK if words.NOTICE.match(folded) and (not ends or size <= MAX_NOTICE_SENTENCE) else None


def _labelled(folded: str, size: int, *, ends: bool) -> Kind | None:
    """What a short line is by its words. One that ends in a full stop is no label but a remark on comments."""
    if words.COMMENTS.match(folded):
        return Kind.CUT
    if folded.strip(" .:…") in words.MENU or words.SHARE_BAR.fullmatch(folded) or _CREDIT.search(folded):
        return Kind.JUNK
    if ends:
        return None
    if words.LIST_LABEL.match(folded):
        return Kind.LABEL
    by_whom = size <= MAX_BYLINE_WORDS and words.BYLINE.match(folded)
    return Kind.JUNK if by_whom or words.SHARE.match(folded) or words.POINTED.search(folded) else None


def _is_prose(text: str, size: int, *, ends: bool) -> bool:
    if ends:
        return True
    if size >= MIN_INTRODUCING_WORDS and _INTRODUCES.search(text[-MAX_ENDING:]):
        return True
    if size >= MIN_ASKED_WORDS and _ASKED.search(text[-MAX_ENDING:]):
        return True
    if _INNER_STOP.search(text) and size >= MIN_ASKED_WORDS:
        return True
    return size >= MIN_OPEN_WORDS and not _is_path(text) and not _is_titled(text)


def _ends(text: str) -> bool:
    """Whether it ends as a sentence does."""
    return bool(_FULL_STOP.search(text[-MAX_ENDING:]))


def _is_titled(text: str) -> bool:
    """Whether most words begin with a capital letter: a menu in one line."""
    found = [word[0] for word in _WORD.findall(text) if word[0].isalpha()]
    return len([letter for letter in found if letter.isupper()]) > TITLED_SHARE * len(found)


def _is_path(text: str) -> bool:
    """A menu in one line, or a breadcrumb: short pieces between separators."""
    parts = _SEPARATOR.split(text)
    if len(parts) < 2 or max(map(len, parts)) > MAX_MENU_PART:
        return False
    return len(parts) > 2 or bool(_ARROW.search(text))


def _is_mark(text: str, size: int) -> bool:
    """Nothing to read: a date, a count, an address, a code, a symbol."""
    if size == 0 or (len(text) <= MAX_MARK_CHARS and _URL.match(text)):
        return True
    if len(text) > words.MAX_LABEL_CHARS:
        return False
    if _CODE.match(text):
        return True
    found = _WORD.findall(text)
    numbers = [word for word in found if word[0].isdigit()]
    others = len(found) - len(numbers)
    if not numbers:
        return False
    if words.AGO.search(text.casefold()):
        return others <= 4
    return others <= 1 or (len(numbers) >= 2 and others <= 4) or (bool(_DATED.search(text)) and others <= 3)


def _count(text: str) -> int:
    dense = len(_DENSE.findall(text)) if not text.isascii() else 0
    return len(_WORD.findall(_DENSE.sub(" ", text) if dense else text)) + dense // 2


# -- lines to paragraphs


def unwrapped(text: str) -> Iterator[str]:
    """The text's lines, white space folded. Where empty lines divide it, a block that was wrapped is one line."""
    folded = [" ".join(line.split()) for line in text.split("\n")]
    blocks = [list(block) for filled, block in groupby(folded, bool) if filled]
    for block in blocks:
        if len(blocks) > 1 and _is_wrapped(block):
            yield ("" if _DENSE.match(block[0][-1]) else " ").join(block)
        else:
            yield from block


def _is_wrapped(block: Sequence[str]) -> bool:
    """Whether the lines of a block are one paragraph: all but the last of about one length, broken within sentences."""
    if len(block) < 2 or min(map(len, block[:-1])) < 30 or max(map(len, block)) > 120:
        return False
    broken = [after for before, after in pairwise(block) if not _ends(before)]
    small = [after for after in broken if after[0].islower()]
    if any(letter.islower() or letter.isupper() for letter in block[0]):
        return len(broken) * 2 > len(block) - 1 and len(small) * 5 >= len(broken) * 2
    even = max(map(len, block[:-1])) - min(map(len, block[:-1])) <= 15
    return even and _ends(block[-1]) and len(broken) * 2 > len(block) - 1


def terms(texts: Iterable[str]) -> Iterator[str]:
    """What two texts on one thing share: words from four letters on, by their first five; pairs of dense characters."""
    for text in texts:
        folded = text.casefold()
        yield from (word[:5] for word in _WORD.findall(folded) if len(word) > 3 and not _DENSE.match(word))
        dense = "".join(_DENSE.findall(folded))
        yield from (dense[place : place + 2] for place in range(len(dense) - 1))
