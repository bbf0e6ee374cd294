"""A sentence as attribution sees it: words with the parts they can play, names, stops; and the noun phrases in it.

There is no parser here. A noun phrase is what stands between two things that cannot be inside one: a comma, a word that
ends a clause, a verb that the rule file knows. That is wrong often enough in long sentences, and seldom in headlines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple

from pipeline.rules.folding import FORMS
from pipeline.rules.gazetteer import Gazetteer
from pipeline.rules.lexicon import Frame
from pipeline.rules.query import MIN_PREFIX, AnyOf, Phrase, Query, Word
from pipeline.rules.tokens import Cut, word_offsets

_KEYS: Final = tuple(key for key, _ in Frame().words())
PART: Final[Mapping[str, int]] = {key: 1 << number for number, key in enumerate(_KEYS)}
"""Each key of `frame` that holds words, as a bit."""

DENY, ACCUSE, ALLEGE, SAY = (PART[key] for key in ("deny", "accuse", "allege", "say"))
DENIED, ACCUSED, PARTICIPLE, HEARSAY = (PART[key] for key in ("denied", "accused", "participles", "hearsay"))
DENIALS, ACCUSATIONS, CLAIMS = (PART[key] for key in ("denials", "accusations", "claims"))
BE, HAVE, BY, OF, GENITIVE, ABOUT = (PART[key] for key in ("be", "have", "by", "of", "genitive", "about"))
AGAINST, OBJECT, THAT, ARTICLE = (PART[key] for key in ("against", "object", "that", "articles"))
PREPOSITION, BREAK, SKIP = (PART[key] for key in ("prepositions", "breaks", "skip"))
PRONOUN, PERSON, RELATIVE, WE = (PART[key] for key in ("pronouns", "persons", "relative", "we"))

VERB: Final = DENY | ACCUSE | ALLEGE | SAY | DENIED | ACCUSED
NOUN: Final = ACCUSATIONS | CLAIMS | DENIALS
LINK: Final = PREPOSITION | OF | ABOUT | AGAINST | BY
"""What stands between a noun and the rest of a longer phrase."""

SOFT: Final = 1
STRONG: Final = 2
_STRONG: Final = re.compile(r"[:;—–|\[\]…•：；؛。]|--|\s-\s|\.\.\.")
_SOFT: Final = re.compile(r"[,()،，（）、]")
_NO_STOP: Final = frozenset(["", "-", "'", "’", ".", ". ", ",", "\u200c"])
"""Between two words, and no stop: a comma without a blank is in a number."""
_QUOTE: Final = re.compile(r"[\"'‘’“”«»„「」『』]")

MAX_PHRASE: Final = 9
"""Words of a noun phrase: longer ones are half a clause."""

MAX_HEAD: Final = 6
"""Words from the beginning of a clause to a preposition within its subject."""

TITLED: Final = 0.75
"""Of the longer words that are no function words, how many have a capital in a headline where that tells nothing."""

Phrase_ = tuple[int, int]
"""First and last word of a noun phrase."""


class _Entry(NamedTuple):
    rest: tuple[Word, ...]
    part: int


class Tagger:
    """Which parts each word of a sentence can play, as bits; a phrase gives its part to each of its words."""

    def __init__(self, language: str, frame: Mapping[str, Query]) -> None:
        self._forms_of = FORMS.get(language)
        self._single: dict[str, int] = {}  # a word's own parts: most that a frame lists is single words
        self._phrases: dict[str, list[_Entry]] = {}
        self._prefixes: dict[str, list[tuple[str, _Entry]]] = {}
        for key, query in frame.items():
            for term in query.terms if isinstance(query, AnyOf) else (query,):
                if isinstance(term, Word | Phrase):
                    self._store(term, PART[key])

    def tags(self, words: Sequence[str]) -> list[int]:
        """The parts of each word."""
        single, phrases, prefixes = self._single, self._phrases, self._prefixes
        tags = [single.get(word, 0) for word in words]
        for place, word in enumerate(words):
            if word in phrases:
                self._tag(words, place, phrases[word], tags)
            if prefixes and (longer := prefixes.get(word[:MIN_PREFIX])) is not None:
                self._tag(words, place, [entry for prefix, entry in longer if word.startswith(prefix)], tags)
            if self._forms_of is not None and not tags[place]:
                for form in self._forms_of(word):
                    tags[place] |= single.get(form, 0)
                    self._tag(words, place, phrases.get(form, ()), tags)
        return tags

    @staticmethod
    def _tag(words: Sequence[str], place: int, entries: Sequence[_Entry], tags: list[int]) -> None:
        for rest, part in entries:
            following = words[place + 1 : place + 1 + len(rest)]
            if len(following) == len(rest) and all(map(_fits, following, rest)):
                for at in range(place, place + len(rest) + 1):
                    tags[at] |= part

    def _store(self, term: Word | Phrase, part: int) -> None:
        first, *rest = term.words if isinstance(term, Phrase) else (term,)
        entry = _Entry(tuple(rest), part)
        if first.prefix:
            self._prefixes.setdefault(first.text[:MIN_PREFIX], []).append((first.text, entry))
        elif rest:
            self._phrases.setdefault(first.text, []).append(entry)
        else:
            self._single[first.text] = self._single.get(first.text, 0) | part


def _fits(word: str, wanted: Word) -> bool:
    return word.startswith(wanted.text) if wanted.prefix else word == wanted.text


class Reading:
    """One sentence, read with one language's words and names."""

    def __init__(self, cut: Cut, text: str, tagger: Tagger, gazetteer: Gazetteer, frame: Frame) -> None:
        self.field, self.position, self.text, self.frame = cut.sentence.field, cut.sentence.position, text, frame
        self.words: Sequence[str] = cut.words
        self.offsets = word_offsets(text, cut.sentence)
        self.end = len(self.words)
        self.written = [text[start:end] for start, end in self.offsets]
        self.hits = gazetteer.hits(self.words, self.written)
        self.tags = tagger.tags(self.words)
        """The parts that each word can play."""
        self.hit_at = {at: hit for hit in self.hits for at in range(hit.first, hit.last + 1)}
        """The name that each word of a name belongs to."""

    @cached_property
    def stops(self) -> list[int]:
        """What stands before each word, and after the last: nothing, a SOFT stop, a STRONG one."""
        offsets, text = self.offsets, self.text
        stops = [STRONG]
        for (_, end), (start, _) in pairwise(offsets):
            gap = text[end:start]
            if gap == " " or gap in _NO_STOP:
                stops.append(0)
            else:
                stops.append(STRONG if _STRONG.search(gap) else SOFT if _SOFT.search(gap) else 0)
        stops.append(STRONG)
        return stops

    @cached_property
    def shouted(self) -> bool:
        """Whether all is written in capitals."""
        return all(word.isupper() for word in self.written if len(word) > 3)

    @cached_property
    def titled(self) -> bool:
        """Whether words of all kinds have capitals, as in many headlines, so that a capital tells nothing."""
        if self.field:
            return False
        small = LINK | BREAK | SKIP | BE | THAT | ARTICLE
        longer = [
            word
            for word, tags in zip(self.written, self.tags, strict=True)
            if len(word) > 3 and not word.isdigit() and not tags & small
        ]
        return sum(word[0].isupper() for word in longer) > TITLED * len(longer)

    def gap(self, at: int) -> str:
        """The text before a word, since the last one."""
        return self.text[self.offsets[at - 1][1] : self.offsets[at][0]] if 0 < at < self.end else ""

    def quoted(self, at: int) -> bool:
        """Whether a quotation mark stands right before a word."""
        return bool(_QUOTE.search(self.gap(at)))

    def plural_owner(self, at: int) -> bool:
        """Whether a word ends with an s and the apostrophe of who owns: actresses'."""
        return self.words[at].endswith("s") and at + 1 < self.end and self.gap(at + 1) in ("' ", "’ ")

    def named(self, at: int) -> bool:
        """Whether a word is a name for certain: of the list, or by a capital where capitals tell something."""
        hit = self.hit_at.get(at)
        if hit is not None and hit.named.kind != "role":
            return True
        word = self.written[at]
        if not self.frame.capitals or not word[:1].isupper() or self.tags[at] & (SKIP | BREAK | PRONOUN | WE):
            return False
        if self.titled or self.shouted:
            return not self.shouted and (word[1:] != word[1:].lower())  # BuzzFeed, IBM
        return at > 0 and self.stops[at] != STRONG

    def role(self, at: int) -> bool:
        """Whether a word tells a role."""
        hit = self.hit_at.get(at)
        return hit is not None and hit.named.kind == "role"

    def phrase_before(self, last: int) -> Phrase_ | None:
        """The noun phrase that ends with a word."""
        if last < 0 or not self._inside(last) or (self.tags[last] & LINK and not self.hit_at.get(last)):
            return None
        first = last
        while first > 0 and last - first < MAX_PHRASE - 1 and not self.stops[first] and self._inside(first - 1):
            if self.tags[first] & (ARTICLE | OF) == ARTICLE and not self.tags[first - 1] & LINK:
                break
            if self.tags[first - 1] & LINK and first - 1 not in self.hit_at and not self._heads(first - 2):
                break
            first -= 1
        while first < last and self.tags[first] & LINK and not self.hit_at.get(first):
            first += 1
        return first, last

    def _heads(self, at: int) -> bool:
        """Whether a phrase may begin at or before a word that a preposition follows: *lawyers* for X."""
        if at < 0 or self.stops[at + 1]:
            return False
        return self.named(at) or self.role(at) or at - self.clause_start(at) < MAX_HEAD

    def phrase_after(self, first: int) -> Phrase_ | None:
        """The noun phrase that begins with a word."""
        while (
            first + 1 < self.end and self.tags[first] & ARTICLE and not (self.stops[first + 1] or first in self.hit_at)
        ):
            first += 1  # its former chairman
        last, named = first - 1, False
        small_ends = self.frame.capitals and not (self.titled or self.shouted)
        for at in range(first, min(self.end, first + MAX_PHRASE)):
            tags = self.tags[at]
            linked = tags & (LINK | OBJECT) and at not in self.hit_at and not (at == first and tags & ARTICLE)
            if (at > first and self.stops[at]) or linked or not self._inside(at):
                break
            here = self.named(at)
            if named and small_ends and not (here or tags & (GENITIVE | ARTICLE) or self.role(at)):
                break
            named = named or here
            last = at
        return (first, last) if last >= first else None

    def back_to(self, at: int) -> int:
        """The first of the words that may stand between a subject and the verb at a place."""
        while at > 0 and not self.stops[at] and self.tags[at - 1] & (SKIP | BE) and at - 1 not in self.hit_at:
            at -= 1
        return at

    def skip(self, at: int, parts: int) -> int:
        """The first word from a word on that plays none of these parts, or stands behind a stop, or is a name."""
        while at < self.end and not self.stops[at] and self.tags[at] & parts and at not in self.hit_at:
            at += 1
        return at

    def _inside(self, at: int) -> bool:
        """Whether a word can be inside a noun phrase."""
        tags = self.tags[at]
        if not tags or (at in self.hit_at and not tags & (BREAK | VERB)):
            return True
        if tags & SKIP and tags & LINK and not tags & (BREAK | BY | OBJECT):  # to
            return True
        if tags & BY and tags & OF and tags & PREPOSITION and not tags & BREAK:
            return True  # Bürgermeister von X
        return not tags & (VERB | BE | THAT | BREAK | SKIP | PRONOUN | RELATIVE | WE | HEARSAY | BY | OBJECT)

    def clause_start(self, at: int, *, breaks: bool = False) -> int:
        """The first word after the last strong stop; with ``breaks``, also after a word that ends a clause."""
        for place in range(at, 0, -1):
            if self.stops[place] == STRONG or (breaks and self.tags[place - 1] & BREAK):
                return place
        return 0

    def clause_end(self, at: int) -> int:
        """One behind the last word before the next stop after a word, or before a word that ends a clause."""
        for place in range(at + 1, self.end):
            if self.stops[place] or self.tags[place] & BREAK:
                return place
        return self.end
