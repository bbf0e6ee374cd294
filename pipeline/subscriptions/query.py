"""What a subscriber types → a syntax tree, or the word where it stops making sense.

The language of rules (`pipeline.rules.grammar`) about stories: a thread and the article that changed it. It has neither
lists nor UNLESS, and adds fields of the story (`state:denied`), numbers (`sources:>2`), and a NOT with nothing before
it. The empty query matches every story. `docs/subscriptions.md` tells it to people.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final, cast, get_args

from lark import Token

from pipeline.records import FIELDS, Kind
from pipeline.records.thread import MAX_SOURCES, EventKind, State
from pipeline.rules.folding import fold
from pipeline.rules.grammar import NAMES, Build, Grammar, QueryError, error_at
from pipeline.rules.query import (
    Attribute,
    AttributeName,
    Comparator,
    Compare,
    Everything,
    Not,
    NumberName,
    Query,
    either,
)

__all__ = ["FIELD_NAMES", "QueryError", "Wanted", "parse_query"]

MAX_NEARS: Final = 10
"""NEARs in a query: each can multiply the places to look at, and other people's stories wait meanwhile."""

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}

_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "kind": get_args(Kind),
    "state": get_args(State),
    "event": tuple(kind for kind in get_args(EventKind) if kind != "heartbeat"),
}
"""Fields that can be nothing else."""

_EXAMPLES: Final = {"lang": "en", "thread": "45133c1a"}

MIN_THREAD: Final = 8
"""Hex digits of a thread's id that name it; one of a million others has the same in one case of 4,000."""

_PROPERTIES: Final = get_args(AttributeName)
_NUMBERS: Final = get_args(NumberName)

FIELD_NAMES: Final[tuple[str, ...]] = (*FIELDS, *_PROPERTIES, *_NUMBERS)

_ALSO_CALLED: Final = {
    "accused": "target", "accuser": "actor", "denier": "actor", "by": "actor", "against": "target", "language": "lang",
    "headline": "title", "text": "body", "domain": "outlet", "category": "kind", "status": "state",
}  # fmt: skip

_MORE: Final = rf"""
%extend both: NOT near -> all_but
%extend item: PROPERTY value -> attribute
     | NUMBER  -> compare
     | UNKNOWN -> unknown
?value: WORD | PHRASE
     | "(" value (_OR value)* ")" -> values
PROPERTY.3: /({"|".join(_PROPERTIES)}):(?=[^\s:])/
NUMBER.3: /({"|".join(_NUMBERS)}):[^\s()"]*/
UNKNOWN.2: /[^\s()":@]+:/
"""

_NAMES: Final = {name: called for name, called in NAMES.items() if name not in ("UNLESS", "LIST")}
_NUMBER: Final = re.compile(r"(?P<comparator>[<>]=?|=)?(?P<value>\d{1,9}(?:\.\d{1,3})?)(?P<unit>[smhd]?)")
_THREAD: Final = re.compile(rf"[0-9a-f]{{{MIN_THREAD},32}}")
_LANGUAGE: Final = re.compile(r"[a-z]{2}|und")
_BARE_NUMBER: Final = re.compile(rf"({'|'.join(_NUMBERS)})[<>=]")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A query that makes sense. Two are equal that ask for the same, however they are typed."""

    tree: Query
    text: str = field(default="", compare=False)
    """As it was typed."""


def parse_query(text: str) -> Wanted:
    """What a query asks for.

    Raises:
        QueryError: at the first word where it stops making sense; it says where, what, and what to write instead.
    """
    if not text.strip():
        return Wanted(Everything(), text)
    if text.strip() == "*":
        raise QueryError("for every story leave the query empty", token="*", column=text.index("*") + 1)  # noqa: S106  # not a secret
    return Wanted(_grammar.read(text, _Build()), text)


class _Build(Build):
    """Adds what rules have not, refuses what only they have."""

    def __init__(self) -> None:
        super().__init__({})
        self._nears = 0

    def all_but(self, children: list[Any]) -> Query:
        operator, drop = children
        if operator.startswith("AND"):
            raise error_at(operator, "AND needs something on both sides")
        return Not(Everything(), drop)

    def near(self, children: list[Any]) -> Query:
        self._count(children[1])
        return super().near(children)

    def not_near(self, children: list[Any]) -> Query:
        self._count(children[1])
        return super().not_near(children)

    def unless(self, children: list[Any]) -> Query:
        raise error_at(children[1], "UNLESS is for rules; write NOT, or NOT NEAR/3 for words that must not stand near")

    def listed(self, children: list[Token]) -> Query:
        raise error_at(children[0], "lists are for rules; write the words, with OR between them, in brackets")

    def word(self, children: list[Token]) -> Query:
        if _BARE_NUMBER.match(children[0]):
            name = re.split("[<>=]", children[0])[0]
            raise error_at(children[0], f"a field's name ends with a colon: {name}:{children[0][len(name) :]}")
        return super().word(children)

    def values(self, children: list[Any]) -> list[Token]:
        return [token for child in children for token in _tokens(child)]

    def attribute(self, children: list[Any]) -> Query:
        name = cast("AttributeName", str(children[0][:-1]))
        return either(tuple(Attribute(name, _value(name, token)) for token in _tokens(children[1])))

    def compare(self, children: list[Token]) -> Query:
        return _compare(children[0])

    def _count(self, operator: Token) -> None:
        self._nears += 1
        if self._nears > MAX_NEARS:
            raise error_at(operator, f"more than {MAX_NEARS} NEARs; say some of it with AND")


def _tokens(value: Token | list[Token]) -> list[Token]:
    return value if isinstance(value, list) else [value]


def _value(name: AttributeName, token: Token) -> str:
    written = token.strip('" ')
    if "*" in written:
        raise error_at(token, f"a * is for words, not for {name}:; write whole words")
    if name in _VALUES:
        value = written.casefold().replace("-", "_").replace(" ", "_")
        if value not in _VALUES[name]:
            meant = _nearest(value, _VALUES[name])
            hint = f"did you mean {name}:{meant}" if meant else f"{name}: is one of {', '.join(_VALUES[name])}"
            raise error_at(token, f"there is no {name} {written!r}; {hint}")
        return value
    if name == "lang":
        if not _LANGUAGE.fullmatch(written.casefold()):
            raise error_at(token, "a language is two letters, as ISO 639-1 has it (en, de, zh), or und if unknown")
        return written.casefold()
    if name == "thread":
        if not _THREAD.fullmatch(written.casefold()):
            raise error_at(
                token, f"a thread is the first {MIN_THREAD} hex digits of its id or more, as in thread:45133c1a"
            )
        return written.casefold()
    if not (value := fold(written)):
        raise error_at(token, f'there is no word here; write a name, {name}:Reuters or {name}:"The Herald"')
    return value


def _compare(token: Token) -> Compare:
    name, _, written = token.partition(":")
    example = "lag:<90m" if name == "lag" else f"{name}:>2"
    found = _NUMBER.fullmatch(written)
    if not found:
        what = f"{written!r} is no number" if written.strip("<>=") else "a number is missing"
        units = " (s, m, h or d)" if name == "lag" else ""
        raise error_at(token, f"{what}; write {example}{units}, with one of < <= = >= > and no blank")
    value, comparator = float(found["value"]), cast("Comparator", found["comparator"] or "=")
    if name == "lag":
        if not found["unit"]:
            raise error_at(token, f"a time needs a unit: {token}s, {token}m, {token}h or {token}d")
        return Compare("lag", comparator, value * _SECONDS[found["unit"]])
    if found["unit"] or not value.is_integer():
        raise error_at(token, f"{name}: is a whole number without a unit, as in {example}")
    if name == "sources" and (value > MAX_SOURCES or (value == MAX_SOURCES and comparator == ">")):
        raise error_at(
            token, f"sources are counted up to {MAX_SOURCES}; write sources:>={MAX_SOURCES} for so many or more"
        )
    return Compare(cast("NumberName", name), comparator, value)


def _checked(token: Token) -> Token:
    _compare(token)
    return token


def _refuse(token: Token) -> Token:
    """Tells what a word with a colon is that is no field, or no field here."""
    name = token[:-1]
    if name in FIELD_NAMES:
        example = _VALUES[name][1] if name in _VALUES else _EXAMPLES.get(name, "word")
        raise error_at(token, f"what {token} asks for follows it without a blank, as in {token}{example}")
    meant = _ALSO_CALLED.get(name.casefold()) or _nearest(name, FIELD_NAMES)
    hint = f"did you mean {meant}:" if meant else f"fields are {' '.join(f'{one}:' for one in FIELD_NAMES)}"
    raise error_at(token, f"this is not a field; {hint}; to look for words with a colon, put them in quotes")


def _nearest(name: str, options: tuple[str, ...]) -> str:
    return next(iter(get_close_matches(name.casefold(), options, 1)), "")


_check: Final[Mapping[str, Callable[[Token], Token]]] = {"NUMBER": _checked, "UNKNOWN": _refuse}
_grammar: Final = Grammar(_MORE, FIELD_NAMES, _NAMES, _check)
