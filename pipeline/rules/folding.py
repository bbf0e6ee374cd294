"""Text → folded text: what rules and articles are compared by, in all languages alike.

In folded text each *word* is a run without blanks, and all that stands between words is blanks. Folding

- drops case and compatibility forms (Unicode's NFKC and full case folding): full-width letters, ligatures, "ß" = "ss";
- keeps accents, and takes composed and decomposed ones for the same;
- takes for one letter what is written both ways: the four i of Turkish (İ I ı i), ё and е, the alefs, the yehs and the
  kafs of Arabic and Persian, ة and ه; Arabic and Persian digits are digits;
- drops tatweel, vowel signs, soft hyphens, joiners, and the stress marks of Cyrillic;
- separates words at apostrophes of any shape ("l'accusa", "Moscow's", "об'єкт"), at hyphens and at the zero-width
  non-joiner, so that it does not matter whether that or a blank is typed; only an English "n't" stays with its verb;
- makes each Han character and each kana a word of its own, since nothing tells where a Chinese word ends.

Arabic writes small words onto the next one; `FORMS` gives what a word is without them.

Most texts are folded one character for one by a table of the 256 commonest characters of their script, which is ten
times as fast as looking each character up: about 10 µs for 2,000 letters.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from _codecs import _EncodingMap

APOSTROPHES: Final = "'\u2019\u02bc\u2018\u02b9\u02bb\u02bd\u201b`\u00b4\u2032\uff07"
HAN: Final = (
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U000323af"
)
"""Characters that are words by themselves, Han and kana, as they stand in the set of a regular expression."""

_MARKS: Final = "\u0300-\u036f\u0591-\u05c7\u3099\u309a"
"""Combining marks that are part of a word: Latin, Greek, Cyrillic, Hebrew, kana."""
_VOWEL_SIGNS: Final = "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
_FOLLOWS = re.compile(f"[{_MARKS}{_VOWEL_SIGNS}\u1160-\u11ff]")
_CLUSTER = re.compile(f"(?:[\u1100-\u115f\uac00-\ud7a3][\u1160-\u11ff]+|(?s:.))[{_MARKS}{_VOWEL_SIGNS}]*")
"""A character, or the letters of a Hangul syllable, and the marks on it: what may be composed."""
_DROPPED = re.compile(f"[\u0640\u00ad\u200d\u2060\ufeff{_VOWEL_SIGNS}]")
"""Tatweel, soft hyphen, joiners, Arabic vowel signs."""
_STRESS = re.compile("(?<=[\u0430-\u04ff])[\u0300\u0301]")
_NOT_WORD = re.compile(f"^\\W+|[^\\w{_MARKS}]")
_HAN = re.compile(f"[{HAN}][{_MARKS}]*")
_SAME: Final = str.maketrans(
    "\u0131\u0451\u0623\u0625\u0622\u0671\u0649\u06cc\u06d2\u06a9\u0629\u06c0\u06d5" + "٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹",
    "i\u0435\u0627\u0627\u0627\u0627\u064a\u064a\u064a\u0643\u0647\u0647\u0647" + "0123456789" * 2,
)
"""As Lucene's Arabic and Persian normalisers do it; and ı = i, ё = е."""

_NOT = re.compile("n'(?=t(?![^ ']))")
_KEPT: Final = "\0"
_NOT_KEPT: Final = f"n{_KEPT}"
_GONE: Final = "\1"
"""Stand-ins for the apostrophe of "n't" and for a dropped character; neither is left in folded text."""

_WORD = re.compile("[^ ]+")


class Folded:
    """A text, its folded form, and the way back from places in the one to places in the other.

    ``direct``: each character stands in the folded form where it stands in the text.
    """

    __slots__ = ("_places", "_starts", "direct", "source", "text")

    def __init__(self, source: str) -> None:
        self.source = source
        self.text, self.direct = _folded(source)
        self._starts: list[int] = []
        self._places: list[int] = []

    def begin(self, place: int) -> int:
        """Where in the source the character begins that is at this place of the folded text."""
        if self.direct:
            return place
        self._look_up()
        return self._places[bisect_right(self._starts, place) - 1]

    def end(self, place: int) -> int:
        """Where in the source the word ends that ends at this place of the folded text."""
        if self.direct:
            return place
        self._look_up()
        number = bisect_left(self._starts, place)
        while number + 1 < len(self._starts) and self._starts[number + 1] == place:
            number += 1  # what was dropped behind a word belongs to it
        return self._places[number]

    def words(self, start: int, end: int) -> list[str]:
        """The words of a stretch of the source that begins and ends between words."""
        return self.text[start:end].split() if self.direct else words(self.source[start:end])

    def word_spans(self) -> list[tuple[int, int]]:
        """Start and end of each word in the source."""
        spans = (match.span() for match in _WORD.finditer(self.text))
        return list(spans) if self.direct else [(self.begin(start), self.end(end)) for start, end in spans]

    def _look_up(self) -> None:
        if not self._starts:
            clusters = _clusters(self.source)
            self._starts = list(accumulate((len(_folds[cluster]) for cluster in clusters), initial=0))
            self._places = list(accumulate(map(len, clusters), initial=0))


def words(text: str) -> list[str]:
    """The folded words of a text."""
    return _folded(text)[0].split()


def fold(text: str) -> str:
    """A text as words are compared: its folded words, one blank between."""
    return " ".join(words(text))


def _folded(text: str) -> tuple[str, bool]:
    """The folded text, and whether each character stands where it stood."""
    folded, direct = _by_page(text) or ("".join([_folds[cluster] for cluster in _clusters(text)]), False)
    if "'" in folded:
        folded = _NOT.sub(_NOT_KEPT, folded).replace("'", " ").replace(_KEPT, "'")
    return folded, direct


def _by_page(text: str) -> tuple[str, bool] | None:
    """One character for one, if a single page has all characters of the text."""
    if text.isascii():
        return text.translate(_ASCII), True
    for page in _PAGES:
        try:
            raw = codecs.charmap_encode(text, "strict", page.map)[0]
        except UnicodeEncodeError:
            continue
        folded = codecs.charmap_decode(raw, "strict", page.folded)[0]
        if _GONE not in folded and "ß" not in folded:
            return folded, True
        return folded.replace(_GONE, "").replace("ß", "ss"), False
    return None


def _clusters(text: str) -> Sequence[str]:
    """Characters with what they may be composed with."""
    return _CLUSTER.findall(text) if _FOLLOWS.search(text) else text


class _Folds(dict[str, str]):
    """What each character folds to; looked up in Unicode's tables when it is first met."""

    def __missing__(self, cluster: str) -> str:
        folded = _fold_cluster(cluster)
        if len(cluster) == 1:  # of these there are not too many to keep
            self[cluster] = folded
        return folded


def _fold_cluster(cluster: str) -> str:
    base = cluster[0]
    if base in APOSTROPHES:
        return "'"
    if _DROPPED.match(base):
        return ""
    if not (base.isalnum() or base == "_"):
        return " "
    folded, before = _fold_once(cluster), cluster
    while folded != before:  # ё with one more diaeresis becomes е with one, that is ё
        folded, before = _fold_once(folded), folded
    return _HAN.sub(r" \g<0> ", folded)


def _fold_once(cluster: str) -> str:
    folded = unicodedata.normalize("NFC", cluster).casefold()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())
    folded = _DROPPED.sub("", folded.replace("i\u0307", "i").translate(_SAME))
    return _NOT_WORD.sub("", _STRESS.sub("", folded))


_folds = _Folds()


class _Page(NamedTuple):
    """256 characters, as a map of `codecs` from characters to numbers and what each number folds to."""

    map: dict[int, int] | _EncodingMap
    folded: str


def _page(*ranges: tuple[str, str]) -> _Page:
    """A page of ASCII, common punctuation, and ranges of letters, first and last; without what grows when folded."""
    shared = [chr(code) for code in range(128)] + list("\u2018\u2019\u201c\u201d\u201e\u2013\u2014\u2026\u00a0«»°€№•")
    letters = [chr(code) for first, last in ranges for code in range(ord(first), ord(last) + 1)]
    characters = [one for one in dict.fromkeys(shared + letters) if one == "ß" or len(_folds[one]) < 2]
    folded = ["ß" if one == "ß" else _folds[one] or _GONE for one in characters]
    free = "\ufffe" * (256 - len(characters))
    return _Page(codecs.charmap_build("".join(characters) + free), "".join(folded) + free)


_ASCII: Final = {code: _folds[chr(code)] for code in range(128)}
_PAGES: Final = (
    _page(("\u00a1", "ÿ"), ("Ğ", "ğ"), ("İ", "ı"), ("Œ", "œ"), ("Ş", "ş"), ("\u2039", "\u203a")),
    _page(("\u0400", "\u045f"), ("Ґ", "ґ"), ("\u02bc", "\u02bc")),
    _page(
        *(("\u060c", "\u060c"), ("\u061b", "\u061b"), ("\u061f", "\u063a"), ("\u0640", "\u0652"), ("\u0660", "\u066d")),
        *(("\u0670", "\u0671"), ("پ", "پ"), ("چ", "چ"), ("ژ", "ژ"), ("ک", "ک"), ("گ", "گ"), ("\u06c0", "\u06c0")),
        *(("ی", "ی"), ("\u06d4", "\u06d5"), ("\u06f0", "\u06f9"), ("\u200c", "\u200f")),
    ),
)
"""Western Europe with Turkish; Cyrillic; Arabic and Persian."""

Forms = Callable[[str], tuple[str, ...]]
"""A folded word → what else it counts as."""

_PROCLITICS: Final = (("و", "ف"), ("ب", "ك", "ل", "س"), ("ال",))
"""Written onto the front, at most one of each kind, in this order: and, so; with, as, for, will; the."""
_ENCLITICS: Final = ("هما", "كما", "ها", "هم", "هن", "كم", "نا", "ني", "ه", "ك")
"""Pronouns written onto the end: his, her, their, our …."""
_SHORTEST: Final = 3
"""Letters that must be left: an Arabic root has three."""


@lru_cache(maxsize=1 << 16)
def clitic_forms(word: str) -> tuple[str, ...]:
    """What an Arabic word is without what is written onto it; not the word itself.

    Every way of taking it apart counts, the wrong ones too: they are no words that anybody writes into a rule. After
    the small words that Larkey, Ballesteros and Connell strip (light10, 2007), and the pronouns.
    """
    if not "\u0621" <= word[0] <= "\u064a":
        return ()
    stems = dict.fromkeys(_without_proclitics(word))
    for stem in list(stems):
        for ending in _ENCLITICS:
            if stem.endswith(ending) and len(stem) - len(ending) >= _SHORTEST:
                stems[stem[: -len(ending)]] = None
    stems.pop(word, None)
    return tuple(stems)


def _without_proclitics(word: str) -> list[str]:
    found = [word]
    for kind in _PROCLITICS:
        for stem in list(found):
            if stem[:2] == "لل" and "ل" in kind:  # behind ل the article loses its alef
                found.append("ال" + stem[2:])
            found += [stem[len(small) :] for small in kind if stem.startswith(small)]
    return [stem for stem in found if len(stem) >= _SHORTEST]


FORMS: Final[Mapping[str, Forms]] = {"ar": clitic_forms}
"""By language; a language that is not here writes its words apart."""
