"""A noun phrase → whom it means: name, code, span.

"The Kremlin spokesman Ivan Orlov" is Russia, RUSGOV; "Iranian actor" is nobody on the list, and is called what the text
calls him. Codes are those of CAMEO (Schrodt 2012): ISO 3166 alpha-3 and a role.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from pipeline.records import FIELDS, Mention, Span
from pipeline.rules.actors import SPOKES, Named
from pipeline.rules.gazetteer import Hit
from pipeline.rules.reading import ARTICLE, BE, BREAK, GENITIVE, LINK, SKIP, Phrase_, Reading

_STATE: Final = frozenset({"GOV", "MIL", "COP", "JUD", "LEG", "SPY"})
"""Roles that act for a country: its army is the country, with another code; its newspapers are themselves."""

_OWN: Final = frozenset({"LAB", "CVL", "EDU", "HLH", "MED", "NGO", "OPP"})
"""Roles of those who are not whom they belong to: *workers at Apple* are not Apple."""

MAX_NAME: Final = 7
MAX_UNMARKED_NAME: Final = 6
"""Words of a name that holds no known word; fewer where no capitals show where it ends."""

_GOVERNMENT: Final = "GOV"


def span(reading: Reading, phrase: Phrase_) -> Span:
    """The stretch of text of a phrase."""
    start, end = reading.offsets[phrase[0]][0], reading.offsets[phrase[1]][1]
    return Span(field=FIELDS[reading.field], start=start, end=end, quote=reading.text[start:end])


def mention(reading: Reading, phrase: Phrase_ | None, before: Iterable[Hit] = ()) -> Mention | None:
    """Whom a phrase names; None where it names nobody. ``before``: earlier mentions, the nearest
    first, for "the ministry".
    """
    if phrase is None or (trimmed := _trimmed(reading, phrase)) is None:
        return None
    head = _head(reading, trimmed)
    hits = _within(reading, head)
    entity = next((hit for hit in hits if hit.named.kind != "role"), None)
    roles = [hit for hit in hits if hit.named.kind == "role"]
    if entity is None and roles:
        tail = [hit for hit in _within(reading, (head[1] + 1, trimmed[1])) if hit.named.kind != "role"]
        entity = tail[0] if tail and _role(roles) not in _OWN else None
    where = span(reading, trimmed)
    if entity is None:
        return _unlisted(reading, phrase, trimmed, roles, before, where)
    if not roles:
        return _exactly(reading, trimmed, head, entity, where)
    return _with_role(entity.named, _role(roles), where)


def is_person(reading: Reading, phrase: Phrase_) -> bool:
    """Whether a phrase may be a person's: it holds a word that is neither on the list nor a role of many."""
    return any(at not in reading.hit_at and reading.named(at) for at in range(phrase[0], phrase[1] + 1)) or (
        not any(hit.named.kind != "role" for hit in _within(reading, phrase))
    )


def _exactly(reading: Reading, trimmed: Phrase_, head: Phrase_, entity: Hit, where: Span) -> Mention:
    """A phrase with a name of the list and no role: that name, if nothing else is there."""
    rest = [at for at in range(head[0], head[1] + 1) if reading.hit_at.get(at) != entity]
    if all(reading.tags[at] & (ARTICLE | GENITIVE | SKIP) or reading.written[at].isdigit() for at in rest):
        return Mention(name=entity.named.name, code=_code(entity.named, ""), span=where)
    owned = next((at for at in range(entity.last + 1, head[1]) if reading.tags[at] & GENITIVE), None)
    if owned == entity.last + 1 and entity.last < head[1] and (inner := mention(reading, (owned + 1, trimmed[1]))):
        return inner  # Germany's Deutsche Bank
    return Mention(name=where.quote, span=where)


def _with_role(named: Named, role: str, where: Span) -> Mention:
    if named.kind == "organisation" or role in _STATE or not role:
        return Mention(name=named.name, code=_code(named, role), span=where)
    return Mention(name=where.quote, code=_code(named, role), span=where)


def _unlisted(
    reading: Reading, phrase: Phrase_, trimmed: Phrase_, roles: Sequence[Hit], before: Iterable[Hit], where: Span
) -> Mention | None:
    if not roles:
        return Mention(name=where.quote, span=where) if _tells(reading, trimmed) else None
    role = _role(roles)
    covered = {at for hit in roles for at in range(hit.first, hit.last + 1)}
    if reading.tags[phrase[0]] & ARTICLE and covered.issuperset(range(trimmed[0], trimmed[1] + 1)):
        for hit in before:
            if (role in _STATE and hit.named.kind != "organisation") or (role == "BUS" and hit.named.code == "MNC"):
                return Mention(name=hit.named.name, code=_code(hit.named, role), span=where)
    return Mention(name=where.quote, code=role, span=where)


def _tells(reading: Reading, phrase: Phrase_) -> bool:
    """Whether a phrase without any known word names somebody, rather than being half a clause."""
    words = reading.words[phrase[0] : phrase[1] + 1]
    limit = MAX_NAME if reading.frame.capitals else MAX_UNMARKED_NAME
    return len(words) <= limit and len("".join(word for word in words if not word.isdigit())) > 1


def _code(named: Named, role: str) -> str:
    if named.kind == "organisation":
        return named.code
    return named.code + (role or (_GOVERNMENT if named.kind == "seat" else ""))


def _role(roles: Sequence[Hit]) -> str:
    return next((hit.named.code for hit in roles if hit.named.code != SPOKES), "")


def _within(reading: Reading, phrase: Phrase_) -> list[Hit]:
    return [hit for hit in reading.hits if hit.first >= phrase[0] and hit.last <= phrase[1]]


def _trimmed(reading: Reading, phrase: Phrase_) -> Phrase_ | None:
    """Without articles at its head and what is no part of a name at its end."""
    first, last = phrase
    while (
        first <= last and first not in reading.hit_at and reading.tags[first] & (ARTICLE | SKIP | BE | BREAK | GENITIVE)
    ):
        first += 1
    while last >= first and last not in reading.hit_at and reading.tags[last] & (LINK | SKIP | GENITIVE | ARTICLE):
        last -= 1
    return (first, last) if first <= last else None


def _head(reading: Reading, phrase: Phrase_) -> Phrase_:
    """A phrase up to its first preposition."""
    ends = (at for at in range(phrase[0] + 1, phrase[1]) if reading.tags[at] & LINK and at not in reading.hit_at)
    return phrase[0], next(ends, phrase[1] + 1) - 1
