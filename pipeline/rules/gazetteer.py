"""Mentions of the list of actors in a sentence: a dictionary on folded words, longest name first.

A name written with a capital is found with capitals only, and an acronym only as an acronym, in languages that have
them: "US" is not "us", nor is a turkey Turkey. Russian and Ukrainian names are found in all cases, by their stem and
the endings that names take, German ones with a genitive -s; which form it was is kept, because an inflected name is no
subject.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from pipeline.rules.actors import Actors, Named
from pipeline.rules.folding import FORMS, words
from pipeline.rules.query import MIN_PREFIX

_LONGEST_ACRONYM: Final = 5
"""Letters: NATO, ECOWAS is found as a name with a capital."""

_ENDINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "ru": ("а", "я", "у", "ю", "е", "ы", "и", "о", "й", "ь", "ом", "ем", "ой", "ей", "ою", "ею", "ия", "ии", "ию",
           "ией", "ого", "ому", "ым", "ую", "ый", "ий", "ая", "ое", "ые", "ых", "ами", "ам", "ах"),
    "uk": ("а", "я", "у", "ю", "е", "и", "і", "ї", "о", "й", "ь", "ом", "ем", "ой", "ою", "ею", "єю", "ія", "ії",
           "ію", "ією", "ого", "ому", "им", "ій", "ий", "ую", "ої", "ові", "еві", "ами"),
    "de": ("s", "es"),
}  # fmt: skip
"""What the stem of a name takes, by language; a stem without ending counts too."""

_STEM_ENDINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "ru": ("ая", "ий", "ый", "ой", "ое", "ие", "ые", "ия", "а", "я", "о", "е", "ы", "и", "й", "ь"),
    "uk": ("ий", "ія", "а", "я", "о", "е", "и", "і", "ї", "й", "ь"),
}
"""What a name loses before it takes an ending, the longest first."""

MAX_SEEN: Final = 20_000
"""Words of which is kept whether a name begins with them."""

_SHORTEST_STEM: Final = 3
_LONGEST_ENDING: Final = 3


class Hit(NamedTuple):
    """A name found: numbers of its first and last word in the sentence."""

    first: int
    last: int
    named: Named
    inflected: bool = False


class _Word(NamedTuple):
    """A later word of a name: as it is, or how it begins and how much may follow."""

    text: str
    ending: int = 0

    def fits(self, word: str) -> bool:
        if not self.ending:
            return word == self.text
        return word.startswith(self.text) and len(word) - len(self.text) <= self.ending


class _Form(NamedTuple):
    """A name under its first word: what follows, whether each word has a capital, whether all letters are capitals."""

    rest: tuple[_Word, ...]
    capitals: tuple[bool, ...]
    acronym: bool
    named: Named
    inflected: bool


class Gazetteer:
    """The names of one language. Looking up costs two dictionary look-ups a word, whatever the number of names."""

    def __init__(self, language: str, actors: Actors, *, capitals: bool = True) -> None:
        self._capitals = capitals
        self._forms_of = FORMS.get(language)
        self._only_capitals = 2 if capitals else -1
        self._seen: dict[str, int] = {}
        self._exact: dict[str, list[_Form]] = {}
        self._prefixes: dict[str, list[tuple[str, _Form]]] = {}  # under their first letters, MIN_PREFIX of them
        for text, named in actors.of(language):
            self._store(language, text, named)
        self._small = {word for word, forms in self._exact.items() if not all(form.capitals[0] for form in forms)}
        for forms in self._exact.values():
            forms.sort(key=lambda form: -len(form.rest))
        for longer in self._prefixes.values():
            longer.sort(key=lambda pair: (-len(pair[1].rest), -len(pair[0])))

    def hits(self, folded: Sequence[str], written: Sequence[str]) -> list[Hit]:
        """Names in a sentence, from left to right, none overlapping. ``written``: its words as the text has them."""
        found: list[Hit] = []
        free, only, seen = 0, self._only_capitals, self._seen
        for place, word in enumerate(folded):
            known = seen.get(word)
            if known is None:
                known = self._remember(word)
            if not known or place < free or (known == only and not written[place][0].isupper()):
                continue
            form = self._longest(folded, written, place)
            if form is not None:
                last = place + len(form.rest)
                found.append(Hit(place, last, form.named, form.inflected))
                free = last + 1
        return found

    def _remember(self, word: str) -> int:
        """What a word can begin: nothing, a name, or (2) a name in capitals only. Kept for all words seen."""
        if len(self._seen) >= MAX_SEEN:
            self._seen.clear()
        begins = word in self._small or word[:MIN_PREFIX] in self._prefixes or self._forms_of is not None
        self._seen[word] = found = 1 if begins else 2 if word in self._exact else 0
        return found

    def _longest(self, folded: Sequence[str], written: Sequence[str], place: int) -> _Form | None:
        for word in (folded[place], *(self._forms_of(folded[place]) if self._forms_of else ())):
            for form in self._exact.get(word, ()):
                if self._fits(form, folded, written, place):
                    return form
            for prefix, form in self._prefixes.get(word[:MIN_PREFIX], ()):
                if word.startswith(prefix) and self._fits(form, folded, written, place):
                    return form
        return None

    def _fits(self, form: _Form, folded: Sequence[str], written: Sequence[str], place: int) -> bool:
        if form.rest:
            following = folded[place + 1 : place + 1 + len(form.rest)]
            if len(following) != len(form.rest) or not all(map(self._follows, form.rest, following)):
                return False
        if not self._capitals:
            return True
        if not form.rest:
            return written[place].isupper() if form.acronym else not form.capitals[0] or written[place][0].isupper()
        if form.acronym:
            return all(one.isupper() for one in written[place : place + 1 + len(form.rest)])
        return all(
            one[:1].isupper() or not capital for one, capital in zip(written[place:], form.capitals, strict=False)
        )

    def _follows(self, wanted: _Word, word: str) -> bool:
        return wanted.fits(word) or (self._forms_of is not None and any(map(wanted.fits, self._forms_of(word))))

    def _store(self, language: str, text: str, named: Named) -> None:
        plain = text.rstrip("*")
        pieces = words(plain)
        if not pieces:
            return
        spelt = _spelt(plain, len(pieces))
        letters = plain.replace(".", "")
        acronym = letters.isupper() and letters.isalnum() and len(letters) <= _LONGEST_ACRONYM
        capitals = tuple(piece[:1].isupper() for piece in spelt)
        if text.endswith("*"):
            form = _Form(_rest(pieces[1:], open_end=True), capitals, acronym, named, inflected=False)
            self._put(pieces[0], form, open_end=len(pieces) == 1)
            return
        self._put(pieces[0], _Form(_rest(pieces[1:]), capitals, acronym, named, inflected=False))
        if named.kind != "role" and not acronym and language in _ENDINGS:
            stems = [_stem(language, piece) for piece in pieces]
            rest = tuple(_Word(stem, ending=_LONGEST_ENDING) for stem in stems[1:])
            inflected = _Form(rest, capitals, acronym, named, inflected=True)
            for ending in _ENDINGS[language]:
                if len(stems[0]) >= _SHORTEST_STEM and (grown := stems[0] + ending) != pieces[0]:
                    self._put(grown, inflected)
            if stems[1:]:
                self._put(stems[0], inflected)

    def _put(self, first: str, form: _Form, *, open_end: bool = False) -> None:
        if open_end:
            self._prefixes.setdefault(first[:MIN_PREFIX], []).append((first, form))
        else:
            self._exact.setdefault(first, []).append(form)


def _spelt(text: str, count: int) -> list[str]:
    """The words of a name as it is written; with fewer capitals known where it is cut otherwise than at blanks."""
    pieces = text.replace("-", " ").replace("'", " ").replace("’", " ").replace(".", " ").split()
    return pieces if len(pieces) == count else [text] + [""] * (count - 1)


def _rest(pieces: Iterable[str], *, open_end: bool = False) -> tuple[_Word, ...]:
    found = [_Word(piece) for piece in pieces]
    if found and open_end:
        found[-1] = _Word(found[-1].text, ending=100)
    return tuple(found)


def _stem(language: str, word: str) -> str:
    for ending in _STEM_ENDINGS.get(language, ()):
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word[: -len(ending)]
    return word
