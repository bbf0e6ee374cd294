"""Names in a sentence: the runs that they make with the role words beside them, and what marks a run as no subject."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pipeline.rules.reading import ARTICLE, BE, GENITIVE, LINK, OBJECT, SKIP, VERB, Phrase_, Reading

REACH: Final = 8
"""Words between a verb and the noun whose owner is the target: "rejected a string of hotly disputed US claims"."""

MAX_SPEAKER: Final = 6
"""Words of whoever stands before or after a headline's colon or dash."""

_APOSTROPHE: Final = re.compile("['’ʼ]")


def leading(reading: Reading, start: int) -> Phrase_ | None:
    """The name with which a clause begins, up to the first word that is no part of one."""
    last = None
    article = bool(reading.tags[start] & ARTICLE) if start < reading.end else False
    for at in range(start, min(reading.end, start + MAX_SPEAKER + 2)):
        tags = reading.tags[at]
        if at > start and reading.stops[at]:
            break
        opens = at == start and not tags and not reading.titled and reading.frame.capitals
        if reading.named(at) or reading.role(at) or (opens and reading.written[at][:1].isupper()):
            last = at
            continue
        inside = tags & (ARTICLE | GENITIVE) or (tags & LINK and last is not None)
        if not inside and (tags or not article or at - start > 2):
            if article and last is None and at > start + 1 and tags & (BE | SKIP | VERB):
                last = at - 1  # the priest was
            break
    return (start, last) if last is not None else None


def runs(reading: Reading, start: int, end: int) -> Iterator[Phrase_]:
    """Names with the role words beside them, in text order, from a word up to another."""
    at = start
    while at < end:
        if not (reading.named(at) or reading.role(at)):
            at += 1
            continue
        first = last = at
        while at + 1 < end and not reading.stops[at + 1]:
            at += 1
            if at - 1 == last and is_entity(reading, at) and _has_entity(reading, first, at):
                break  # اوکراین | روسیه را
            if reading.named(at) or reading.role(at):
                last = at
            elif not (suffix(reading, at) or reading.tags[at] & GENITIVE) or at > last + 1:
                break
        yield first, last
        at = last + 1


def marked(reading: Reading, last: int) -> bool:
    """Whether what follows a name marks it as object or owner."""
    behind = last + 1
    return behind < reading.end and (bool(reading.tags[behind] & (OBJECT | GENITIVE)) or suffix(reading, behind))


def suffix(reading: Reading, at: int) -> bool:
    """Whether a word is an ending behind an apostrophe: İran'ın."""
    return at < reading.end and bool(_APOSTROPHE.fullmatch(reading.gap(at)))


def is_entity(reading: Reading, at: int) -> bool:
    hit = reading.hit_at.get(at)
    return hit is not None and hit.first == at and hit.named.kind in ("country", "seat", "organisation")


def _has_entity(reading: Reading, first: int, behind: int) -> bool:
    return any(is_entity(reading, at) for at in range(first, behind))


def known(reading: Reading, phrase: Phrase_) -> bool:
    """Whether a phrase holds a name or a role word."""
    return any(reading.named(at) or reading.role(at) for at in range(phrase[0], phrase[1] + 1))


def known_first(reading: Reading, phrase: Phrase_) -> bool:
    at = phrase[0]
    while at < phrase[1] and reading.tags[at] & ARTICLE:
        at += 1
    return reading.named(at) or reading.role(at)


def up_to_second(reading: Reading, phrase: Phrase_) -> Phrase_:
    """A phrase up to where a second name begins: اتهمت إيران | إسرائيل."""
    seen = False
    for hit in reading.hits:
        if phrase[0] <= hit.first <= phrase[1] and hit.named.kind in ("country", "seat", "organisation"):
            if seen:
                return phrase[0], hit.first - 1
            seen = True
    return phrase


def run_back(reading: Reading, last: int, start: int) -> Phrase_:
    first = last
    while first > start and not reading.stops[first] and (reading.named(first - 1) or reading.role(first - 1)):
        first -= 1
    return first, last
