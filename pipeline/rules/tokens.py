"""Text → sentences and words.

`folding` says what a word is. Words have *positions*: consecutive within a sentence, far apart between sentences, so
that no NEAR reaches across a full stop. Chinese counts characters, each of which is a word.

Offsets always count code points of the stored text. Folding can change the length of a text ("ß" folds to "ss"), so a
place in folded text is never used as a place in the stored one without being translated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from pipeline.rules.folding import HAN, Folded, fold, words

__all__ = ["Cut", "Sentence", "cut", "fold", "sentence_ends", "sentences", "word_offsets", "words"]

FIELD_SHIFT: Final = 44
SENTENCE_SHIFT: Final = 20
"""A position is ``field << 44 | start of the sentence << 20 | number of the word in it``: an integer, in text order."""

MAX_FIELD_LENGTH: Final = 100_000
"""Code points of a field that rules look at: more than any article has; bounds the work on a hostile feed."""

_WIDE_STOPS: Final = "。！？｡"
"""Full-width stops: they end a sentence without white space behind them."""
_STOPS: Final = ".!?…؟۔" + _WIDE_STOPS
_RUN: Final = _STOPS + "\"'”’)]»）】」』》〉"
_ENDS_WIDE = re.compile(f"[{_WIDE_STOPS}]")
_WIDE_LETTER = re.compile(f"[{HAN}]")
_ABBREVIATIONS: Final = (
    *("mr", "mrs", "ms", "dr", "prof", "rev", "hon", "st", "jr", "sr", "sen", "rep", "gov", "gen", "col", "lt", "sgt"),
    *("capt", "maj", "adm", "inc", "ltd", "co", "corp", "no", "vs", "jan", "feb", "mar", "apr", "jun", "jul", "aug"),
    *("sept", "sep", "oct", "nov", "dec", "sra", "srta", "dra", "mme", "nr", "bzw", "ca", "geb", "sig", "dott", "avv"),
    *("им", "ул", "руб", "тыс", "млн", "млрд", "ім", "вул", "грн", "sn", "doç", "av"),
)
_ABBREVIATION = re.compile(
    rf"(?:\b[^\W\d_]|\b(?:{'|'.join(_ABBREVIATIONS)})"
    r"|\b(?:am|vom|zum|der|den|dem|des|die|das|im|ab|bis|und|nach)\s\d\d?)\Z",  # German: "am 3. Mai"
    re.IGNORECASE,
)
_LONGEST_ABBREVIATION: Final = 8
_BY_LENGTH = groupby(sorted(_ABBREVIATIONS, key=len), key=len)
_PLAIN = r"(?<=\w\.)(?<![\d_]\.)(?<!\b\w\.)" + "".join(rf"(?<!(?i:\b(?:{'|'.join(some)})\.))" for _, some in _BY_LENGTH)
_STOP = re.compile(rf"[{_STOPS}\n](?:(?P<plain>{_PLAIN}\x20(?=[A-Z0-9À-ÖØ-ÞЁЄІЇҐА-Я]))|[{re.escape(_RUN)}\s]*)")
"""What may be an end. Nine in ten plainly are: a word that is no abbreviation, a full stop, a blank, a capital."""
_CLAUSE_END = re.compile(
    r"""(?P<said>“[^”]*”|«[^»]*»|„[^“”]*[“”]|「[^」]*」|『[^』]*』|"[^"]*"|‘[^’]*’(?!\w)|(?<!\w)'[^']*'(?!\w))"""
    r"|(?P<asked>[?？؟])|(?P<border>[;—–|；：؛。！]|:(?!\d)|\s-\s)"
)


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


def word_offsets(text: str, sentence: Sentence) -> list[tuple[int, int]]:
    """Start and end of each word of a sentence, in the stored text."""
    spans = Folded(text[sentence.start : sentence.end]).word_spans()
    return [(sentence.start + start, sentence.start + end) for start, end in spans]


def sentences(field: int, text: str) -> Iterator[Sentence]:
    """All sentences of a field's text."""
    start = 0
    for end in sentence_ends(text):
        yield Sentence(field, start, end)
        start = end


def sentence_ends(text: str) -> list[int]:
    """Where the sentences of a text end, each of which begins where the one before ends."""
    ends = [stop.end() for stop in _STOP.finditer(text) if stop.lastgroup or _ends_sentence(text, stop)]
    if text and (not ends or ends[-1] < len(text)):
        ends.append(len(text))
    return ends


def asks(text: str, place: int, end: int) -> bool:
    """Whether the clause that goes on at a place ends with a question mark, before the end of its sentence.

    A clause also ends at a colon, a semicolon, a dash and a bar. Question marks in quotation marks that open behind the
    place ask nothing.
    """
    ends = (match.lastgroup for match in _CLAUSE_END.finditer(text, place, end))
    return next((kind for kind in ends if kind != "said"), None) == "asked"


def _ends_sentence(text: str, stop: re.Match[str]) -> bool:
    run, start, end = stop[0], stop.start(), stop.end()
    if run.count("\n") > 1 or _ENDS_WIDE.search(run):
        return True
    if run[0] in "!?" and _WIDE_LETTER.match(text, max(0, start - 1)):  # half-width, but no less of an end
        return True
    if not any(map(str.isspace, run)):  # "3.5", "U.S.", "what?!"
        return False
    if text[end : end + 1].islower():  # "approx. five"; a text whose lines are wrapped
        return False
    before = text[max(0, start - _LONGEST_ABBREVIATION) : start]
    return "\n" in run or not (run[0] == "." and _ABBREVIATION.search(before))
