"""Text → sentences and words.

A *word* is a run of letters, digits and their combining marks, folded by case (Unicode case folding); an English "n't"
stays with its verb, every other apostrophe separates ("Moscow's" is two words). Words have *positions*: consecutive
within a sentence, far apart between sentences, so that no NEAR reaches across a full stop.

Offsets always count code points of the stored text. Folding can change the length of a text ("ß" folds to "ss"), so a
place in folded text is never used as a place in the stored one without being translated.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

FIELD_SHIFT: Final = 44
SENTENCE_SHIFT: Final = 20
"""A position is ``field << 44 | start of the sentence << 20 | number of the word in it``: an integer, in text order."""

MAX_FIELD_LENGTH: Final = 100_000
"""Code points of a field that rules look at: more than any article has; bounds the work on a hostile feed."""

_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670"  # combining marks of Latin, Greek, Cyrillic, Hebrew, Arabic
_WORD = re.compile(rf"[\w{_MARKS}]+(?:(?<=[nN])['’][tT]\b)?")
_RUN: Final = ".!?…\"'”’)]»"
_STOP = re.compile(rf"[.!?…\n][{re.escape(_RUN)}\s]*")
_ABBREVIATION = re.compile(
    r"(?:\b[^\W\d_]|\b(?:mr|mrs|ms|dr|prof|rev|hon|st|jr|sr|sen|rep|gov|gen|col|lt|sgt|capt|maj|adm|inc|ltd|co|corp|no|vs|"
    r"jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec))\Z",
    re.IGNORECASE,
)
_LONGEST_ABBREVIATION: Final = 8
_LOOK_BACK: Final = 256
"""First stretch looked through for the start of a sentence; doubled until it is found."""


class Sentence(NamedTuple):
    """Where a sentence lies: number of the field, start and end in code points."""

    field: int
    start: int
    end: int

    @property
    def position(self) -> int:
        """Position of its first word."""
        return self.field << FIELD_SHIFT | self.start << SENTENCE_SHIFT


class Cut(NamedTuple):
    """A sentence and its folded words."""

    sentence: Sentence
    words: list[str]


def cut(texts: Sequence[str], sentence: Sentence) -> Cut:
    """A sentence of one of the fields' texts, with its words."""
    return Cut(sentence, words(texts[sentence.field][sentence.start : sentence.end]))


def fold(text: str) -> str:
    """A text as words are compared: case folded, one apostrophe."""
    return text.casefold().replace("’", "'")


def words(text: str) -> list[str]:
    """The folded words of a text. One pass of the expression, one of folding: a word never holds a blank."""
    found = _WORD.findall(text)
    return fold(" ".join(found)).split(" ") if found else []


def word_offsets(text: str, sentence: Sentence) -> list[tuple[int, int]]:
    """Start and end of each word of a sentence, in the stored text."""
    return [match.span() for match in _WORD.finditer(text, sentence.start, sentence.end)]


def sentences(field: int, text: str) -> Iterator[Sentence]:
    """All sentences of a field's text."""
    start = 0
    for end in _stops(text, 0, len(text)):
        yield Sentence(field, start, end)
        start = end
    if start < len(text):
        yield Sentence(field, start, len(text))


def sentence_at(field: int, text: str, place: int) -> Sentence:
    """The sentence that holds a place, found without going through the whole text; the same as `sentences` gives."""
    back = _LOOK_BACK
    while True:
        begin = max(0, place - back)
        while begin and _in_run(text[begin - 1]):  # never begin within a run that _STOP takes as one
            begin -= 1
        before = reversed(list(_STOP.finditer(text, begin, place)))
        start = next((stop.end() for stop in before if _ends_sentence(text, stop)), 0)
        if start or not begin:
            break
        back *= 2
    end = next(_stops(text, place, len(text)), len(text))
    return Sentence(field, start, end)


def original_places(text: str, places: Iterable[int]) -> list[int]:
    """Starts of words in ``fold(text)`` as places in ``text``."""
    grown = {character: len(fold(character)) - 1 for character in set(text) if len(fold(character)) > 1}
    behind: list[int] = []  # folded place behind each letter that grew
    shifts = [0]
    for index, character in enumerate(text):
        if character in grown:
            shifts.append(shifts[-1] + grown[character])
            behind.append(index + 1 + shifts[-1])
    return [place - shifts[bisect_right(behind, place)] for place in places]


def _in_run(character: str) -> bool:
    return character.isspace() or character in _RUN


def _stops(text: str, begin: int, end: int) -> Iterator[int]:
    """Ends of sentences: where the next one begins, from ``begin`` on. ``begin`` is not within a run of full stops."""
    for stop in _STOP.finditer(text, begin, end):
        if _ends_sentence(text, stop):
            yield stop.end()


def _ends_sentence(text: str, stop: re.Match[str]) -> bool:
    run = stop[0]
    if run.count("\n") > 1:
        return True
    if (run[0] == "." and len(run) == 1) or not any(map(str.isspace, run)):  # "3.5", "U.S.", "what?!"
        return False
    if text[stop.end() : stop.end() + 1].islower():  # "approx. five"; a text whose lines are wrapped
        return False
    if "\n" in run:
        return True
    before = text[max(0, stop.start() - _LONGEST_ABBREVIATION) : stop.start()]
    return not (run[0] == "." and _ABBREVIATION.search(before))
