"""Article → `Story`: which of its words tell what it is about, and how much each says.

A term's weight is √(how often) x what it says (`background`): words of the title, of the claim and of the beginning
count more than once, and what is written with a capital within a sentence, a name in most languages, a third more. Two
words that follow each other are a term too ("gulf aden"): of two events of a kind they tell more than the words alone.
Chinese counts two characters that follow each other as a word.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice, pairwise
from typing import Final, NamedTuple

from babel import Locale

from pipeline.records import Article, Flag, Mention
from pipeline.rules.actors import alpha3
from pipeline.rules.folding import HAN, Folded, fold, words
from pipeline.threads.background import information
from pipeline.threads.naming import named_numbers, weekdays
from pipeline.threads.story import MAX_NUMBERS, MAX_PARTIES, MAX_TERMS, MAX_YEARS, UNIT, Story, key

MAX_WORDS: Final = 1_000
"""Of a text that are looked at: the median story has 300, and who goes on after a thousand tells of other things."""

BEGINNING: Final = 60
"""Words of lead and body that count twice: who, what, where."""

DATED: Final = 2 * BEGINNING
"""Words of lead and body in which the day of the event is told."""

IN_TITLE: Final = 1
IN_CLAIM: Final = 2
IN_BEGINNING: Final = 1
"""How often a word counts more, for standing there."""

NAME: Final = 1.3
PAIR: Final = 0.7
"""Share of its words' mean that a pair has."""

_HAN = re.compile(f"[{HAN}]")
_BREAK = re.compile(r"[.!?。！？…:\n\"“”„«»]")
_YEAR = re.compile(r"(?:19|20)\d\d")
_COUNTRY: Final = 3
"""Letters of a country's code, which roles are written behind."""
_NAMED: Final = frozenset({"IGO", "NGO", "MNC", "IMG"})
"""Codes of CAMEO that are no country's and stand at a name; others (COP, GOV) are roles."""


class _Read(NamedTuple):
    """Words of a text, and which of them begin with a capital although no sentence begins there."""

    words: list[str]
    names: set[str]


def story_of(article: Article, flags: Sequence[Flag] = ()) -> Story:
    """The story of an article. Without flags it is compared by its words alone (`backtest --all-threads`)."""
    language = article.language
    title = _read(article.title, language).words
    text = _read(f"{article.lead}\n{article.body}" if article.lead else article.body, language)
    claims = [word for flag in flags if flag.claim is not None for word in _read(flag.claim.quote, language).words]
    counts = _counted(title, text.words, claims)
    prominent = [flag for flag in flags if _prominent(flag)]
    beginning = article.lead or article.body[: 10 * BEGINNING]
    return Story(
        id=article.id,
        language=language,
        when=int(article.published.timestamp()),
        terms=_strongest(_weighed(language, counts, (title, text.words), text.names)),
        length=len(text.words),
        numbers=tuple(sorted(islice(named_numbers(article.title, beginning, language), MAX_NUMBERS))),
        years=_years(counts),
        accusers=_parties(_accuser(flag) for flag in prominent),
        accused=_parties(_accused(flag) for flag in prominent),
        kinds=tuple(sorted({flag.kind for flag in flags})),
        group=article.copy.group if article.copy is not None else "",
        days=weekdays(text.words[:DATED], language),
    )


def _read(text: str, language: str) -> _Read:
    if language == "zh" or _HAN.search(text, 0, 200):
        return _Read(_characters(text), set())
    folded = Folded(text[: 12 * MAX_WORDS])
    if not folded.direct:
        return _Read(words(folded.source)[:MAX_WORDS], set())
    found: list[str] = []
    inside: Counter[str] = Counter()
    source, before = folded.source, -1
    for start, end in islice(folded.word_spans(), MAX_WORDS):
        word = folded.text[start:end]
        found.append(word)
        if before >= 0 and not _BREAK.search(source, before, start):
            inside[word] += 1 if source[start].isupper() else -1
        before = end
    return _Read(found, {word for word, more in inside.items() if more > 0})


def _characters(text: str) -> list[str]:
    """Pairs of neighbouring Han characters; what is written in other letters, as it is."""
    found: list[str] = []
    for first, second in pairwise([*words(text)[: 2 * MAX_WORDS], ""]):
        if not _HAN.match(first):
            found.append(first)
        elif _HAN.match(second):
            found.append(first + second)
    return found


def _counted(title: Sequence[str], text: Sequence[str], claims: Sequence[str]) -> Counter[str]:
    counts = Counter(text)
    for some, more in ((title, IN_TITLE), (claims, IN_CLAIM), (text[:BEGINNING], IN_BEGINNING)):
        for word in some:
            counts[word] += more
    return counts


def _weighed(
    language: str, counts: Counter[str], texts: Iterable[Sequence[str]], names: set[str]
) -> Iterator[tuple[float, str]]:
    """Terms with their weights: words, and pairs of words that both say something."""
    says = {word: some for word in counts if (some := information(language, word)) > 0}
    for word, some in says.items():
        yield math.sqrt(counts[word]) * some * (NAME if word in names else 1.0), word
    pairs = Counter(pair for text in texts for pair in pairwise(text) if pair[0] in says and pair[1] in says)
    for (one, other), times in pairs.items():
        if not (_HAN.match(one) or _HAN.match(other)):
            name = NAME if one in names and other in names else 1.0
            yield math.sqrt(times) * PAIR * (says[one] + says[other]) / 2 * name, f"{one} {other}"


def _strongest(weighed: Iterable[tuple[float, str]]) -> tuple[tuple[str, int], ...]:
    """The heaviest terms, each stem once: under the word of it that weighs most."""
    kept: dict[str, tuple[float, str]] = {}
    for weight, term in sorted(weighed, key=lambda one: (-one[0], one[1])):
        kept.setdefault(key(term), (weight, term))
        if len(kept) == MAX_TERMS:
            break
    length = math.sqrt(sum(weight * weight for weight, _ in kept.values())) or 1.0
    return tuple((term, round(UNIT * weight / length)) for weight, term in kept.values())


def _years(counts: Iterable[str]) -> tuple[int, ...]:
    found = sorted(int(word) for word in counts if _YEAR.fullmatch(word))
    return tuple(found[-MAX_YEARS:])


def _parties(mentions: Iterable[Mention | None]) -> tuple[str, ...]:
    found = {party for mention in mentions if mention is not None and (party := _party(mention))}
    return tuple(sorted(found)[:MAX_PARTIES])


def _accuser(flag: Flag) -> Mention | None:
    return flag.actor if flag.kind == "allegation" else flag.target if flag.kind == "denial" else None


def _accused(flag: Flag) -> Mention | None:
    if flag.kind == "allegation":
        return flag.target
    return flag.actor if flag.kind in ("denial", "non_denial") else None


def _prominent(flag: Flag) -> bool:
    """Whether it stands where a text tells what it is about; further down it may be an older story."""
    return not flag.historic and any(span.field != "body" or span.start < 10 * BEGINNING for span in flag.spans)


def _party(mention: Mention) -> str:
    """A country, whoever speaks for it; a name; "" for a role alone, such as the police."""
    country = mention.code[:_COUNTRY]
    if country in _countries():
        return country
    return "" if country and country not in _NAMED else fold(mention.name)


@cache
def _countries() -> frozenset[str]:
    """ISO 3166 alpha-3 codes."""
    return frozenset(alpha3(str(code)) for code in Locale("en").territories if len(str(code)) == 2)
