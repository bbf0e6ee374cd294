"""How much a word says: the rarer in a language at large, the more.

Frequencies are wordfreq's smaller lists (Speer, *rspeer/wordfreq*, https://doi.org/10.5281/zenodo.7199437: Wikipedia,
subtitles, news, books, the web), folded as rules and articles are. They do not change while we run, so a story is the
same whenever it is made: document frequencies kept in state measured no better on real events, and would have to be
restored. A list is read when its language is first met: 40 to 200 ms, 3 to 10 MB, and half a second more for the first
one. Whoever must not stand still so long asks `at_hand`, and has `prepare` do it in a thread.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final

from pipeline.rules.folding import HAN, words

RARE: Final = 7.0
"""Decimal logarithms below 1 at which a word is as rare as any: one in ten million."""

COMMON: Final = 3.0
"""One word in a thousand says nothing: "of", "said", "police". At 2 twin events are taken for one more often."""

POWER: Final = 1.4
"""Of the logarithms. Above 1: two rare words say more than four everyday ones. From 1.4 to 1.5 events do not tell."""

NUMBER: Final = 2.5
"""What a number of two digits or more counts, as logarithms above `COMMON`: what a word of everyday does."""

UNKNOWN: Final = 2.5
"""What a word counts in a language without a list, if it has more letters than most of the small ones."""

_SMALL_WORD: Final = 3

_read: Final[set[str]] = set()
"""Languages whose lists were read by `prepare`."""

_han = re.compile(f"[{HAN}]").match


@lru_cache(maxsize=1 << 16)
def information(language: str, word: str) -> float:
    """What a folded word says of its text: 0 for the commonest, about 6.5 for the rarest."""
    if "'" in word:  # n't
        return 0.0
    if word.isdigit():
        return math.pow(NUMBER, POWER) if len(word) > 1 else 0.0
    known = _frequencies(language)
    if not known:
        return math.pow(UNKNOWN, POWER) if len(word) > _SMALL_WORD or _han(word) else 0.0
    frequency = known.get(word) or (_by_chance(word, known) if _han(word) else 0.0)
    rarity = RARE if frequency <= 0 else min(RARE, -math.log10(frequency))
    return math.pow(max(0.0, rarity - COMMON), POWER)


def at_hand(language: str) -> bool:
    """Whether `information` answers at once for this language."""
    return language in _read


def prepare(language: str) -> None:
    """Read a language's list, if there is one. Blocks; from any thread."""
    _frequencies(language)
    _read.add(language)


def _by_chance(word: str, known: Mapping[str, float]) -> float:
    """How often characters meet that are no word together: the end of a word and the beginning of the next."""
    return math.prod(known.get(f"\0{character}", 0.0) for character in word)


@cache
def _frequencies(language: str) -> Mapping[str, float]:
    """Folded word → share of all words. Of Han characters also, under "\\0" and the character, share of all of them."""
    import wordfreq  # half a second, which only those pay who compare stories

    if language not in wordfreq.available_languages("small"):
        return {}
    found: dict[str, float] = defaultdict(float)
    for word, share in wordfreq.get_frequency_dict(language, "small").items():
        folded = words(word)
        if len(folded) == 1:
            found[folded[0]] += share
        elif folded and all(_han(one) for one in folded):
            found["".join(folded)] += share
        for character in folded:
            if _han(character):
                found[f"\0{character}"] += share
    return dict(found)
