"""The list of actors as it is written, `actors.yaml`: countries, organisations, role words; checked, file and line.

The names of countries, and of capitals with a time zone of their own, are CLDR's (through babel), in every language;
the file adds what news calls them besides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple, cast

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from pydantic import BaseModel, ConfigDict, StringConstraints

from pipeline.documents import Document, Where, check, read_document
from pipeline.errors import Problem
from pipeline.rules.grammar import QueryError, parse_entry

ANY: Final = "any"
"""Stands for all languages, for names that are the same in most."""

SPOKES: Final = "spokes"
"""The role of who speaks for whom they are named with: a spokesman is no more than his ministry."""

Kind = Literal["country", "people", "seat", "organisation", "role"]

Language = Annotated[str, StringConstraints(pattern=r"^([a-z]{2}|any)$")]
Alpha2 = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3,12}$")]
Role = Annotated[str, StringConstraints(pattern=r"^([A-Z]{3}|spokes)$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Names = dict[Language, tuple[Text, ...]]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Country(_Model):
    """What CLDR does not know of a country."""

    zone: str = ""
    """A time zone whose city is the capital: CLDR has its name in every language."""

    names: Names = {}
    """Other names of it."""

    people: Names = {}
    """Who or what is of that country: adjectives and demonyms."""

    seats: Names = {}
    """Capitals and bywords that stand for the government."""

    ambiguous: Names = {}
    """Names by CLDR that are everyday words in that language."""


class Organisation(_Model):
    """Anybody but a country: of states, of a state, of nobody."""

    name: Text
    """What flags call it."""

    code: Code
    names: Names
    """As texts call it, by language."""


class ActorsFile(_Model):
    """What `actors.yaml` holds."""

    roles: dict[Language, dict[Role, tuple[Text, ...]]] = {}
    """Words that tell a role, by language and code."""

    countries: dict[Alpha2, Country] = {}
    """By ISO 3166 alpha-2. A country that is not listed is found by its names in CLDR."""

    organisations: tuple[Organisation, ...] = ()


class Named(NamedTuple):
    """Whom a name means. A role word's `name` is empty, and its code is the role."""

    name: str
    code: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Actors:
    """Every name that the list knows, by language; in the order in which they count where two mean different things."""

    names: Mapping[str, tuple[tuple[str, Named], ...]] = field(default_factory=dict)

    def of(self, language: str) -> Iterator[tuple[str, Named]]:
        """The names in a language, and those that are the same in all."""
        yield from self.names.get(language, ())
        yield from self.names.get(ANY, ())


NO_ACTORS: Final = Actors()


def read_actors(path: Path, problems: list[Problem]) -> Actors:
    """The actors of ``path`` and of CLDR; no name of an organisation may belong to two in one language."""
    document = read_document(path, problems, missing="write it, or name another as actors_file in counterclaim.yaml")
    checked = check(document, ActorsFile, problems) if document else None
    if document is None or checked is None:
        return NO_ACTORS
    found = len(problems)
    problems.extend(_wrong(document, checked))
    return NO_ACTORS if len(problems) > found else _actors(checked)


def _actors(file: ActorsFile) -> Actors:
    names: dict[str, list[tuple[str, Named]]] = defaultdict(list)
    for organisation in file.organisations:
        _add(names, organisation.names, Named(organisation.name, organisation.code, "organisation"))
    languages = tuple(dict.fromkeys([*file.roles, *(lang for one in file.organisations for lang in one.names)]))
    spoken = [language for language in languages if language != ANY and _locale(language)]
    for alpha2 in _territories():
        country = file.countries.get(alpha2, Country())
        name, code = _name(alpha2), alpha3(alpha2)
        own = {lang: (*country.names.get(lang, ()), *_cldr_names(alpha2, lang, country)) for lang in spoken}
        if ANY in country.names:
            own[ANY] = country.names[ANY]
        _add(names, own, Named(name, code, "country"))
        _add(names, country.seats, Named(name, code, "seat"))
        if country.zone:
            _add(names, {lang: _city(country.zone, lang) for lang in spoken}, Named(name, code, "seat"))
        _add(names, country.people, Named(name, code, "people"))
    for language, roles in file.roles.items():
        for role, entries in roles.items():
            names[language] += [(text, Named("", role, "role")) for text in entries]
    return Actors({language: tuple(found) for language, found in names.items()})


def _add(names: dict[str, list[tuple[str, Named]]], entries: Mapping[str, Iterable[str]], named: Named) -> None:
    for language, texts in entries.items():
        names[language] += [(text, named) for text in texts]


def _wrong(document: Document, file: ActorsFile) -> Iterator[Problem]:
    for alpha2, country in file.countries.items():
        if alpha2 not in _territories():
            message = f"there is no country {alpha2!r} in ISO 3166"
            yield Problem(document.file, document.line(("countries", alpha2)), message)
        if country.zone and country.zone not in Locale("ru").time_zones:
            message = f"there is no time zone {country.zone!r}: write the capital as seats"
            yield Problem(document.file, document.line(("countries", alpha2, "zone")), message)
    taken: dict[tuple[str, str], str] = {}
    for where, owner, text in _entries(file):
        if why := _entry_problem(text) or _taken(taken, where, owner, text):
            yield Problem(document.file, document.line(where), why)


def _entries(file: ActorsFile) -> Iterator[tuple[Where, str, str]]:
    """Where an entry is, whose it is (of a role or a country: nobody's), and its text."""
    for language, roles in file.roles.items():
        for role, texts in roles.items():
            yield from ((("roles", language, role, n), "", text) for n, text in enumerate(texts))
    for alpha2, country in file.countries.items():
        for key in ("names", "people", "seats"):
            for language, texts in getattr(country, key).items():
                yield from ((("countries", alpha2, key, language, n), "", text) for n, text in enumerate(texts))
    for number, organisation in enumerate(file.organisations):
        for language, texts in organisation.names.items():
            for n, text in enumerate(texts):
                yield ("organisations", number, "names", language, n), organisation.name, text


def _entry_problem(text: str) -> str | None:
    try:
        parse_entry(text)
    except QueryError as error:
        return f"entry {text!r}: {error.message}"
    return None


def _taken(taken: dict[tuple[str, str], str], where: Where, owner: str, text: str) -> str | None:
    if not owner:
        return None
    first = taken.setdefault((str(where[-2]), text), owner)
    return None if first == owner else f"{text!r} is a name of {first!r} already: remove one of them"


# -- CLDR

_ALPHA3: Final[Mapping[str, str]] = {
    "CD": "COD", "DE": "DEU", "FR": "FRA", "MM": "MMR", "TL": "TLS", "XK": "XKX", "YE": "YEM",
}  # fmt: skip
"""Where CLDR also knows the code of a predecessor, or none: ISO 3166-1; for Kosovo, what is in use."""

_NOT_ISO: Final = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "ZZ", "XA", "XB"})
"""Regions of CLDR that are no countries of ISO 3166."""


@lru_cache(maxsize=1)
def _territories() -> tuple[str, ...]:
    """ISO 3166 alpha-2 codes, and Kosovo's."""
    codes = map(str, Locale("en").territories)
    return tuple(sorted(code for code in codes if len(code) == 2 and code.isalpha() and code not in _NOT_ISO))


@lru_cache(maxsize=1)
def _alpha3s() -> Mapping[str, str]:
    aliases = cast("Mapping[str, Sequence[str]]", get_global("territory_aliases"))
    found = {now[0]: alias for alias, now in aliases.items() if len(alias) == 3 and alias.isalpha() and len(now) == 1}
    return {**found, **_ALPHA3}


def alpha3(alpha2: str) -> str:
    """ISO 3166 alpha-3 of an alpha-2 code."""
    return _alpha3s().get(alpha2, alpha2)


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale | None:
    try:
        return Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return None


def _name(alpha2: str) -> str:
    """A country's English name, as flags call it whatever the language."""
    return str(Locale("en").territories[alpha2]).split(" (")[0]


def _cldr_names(alpha2: str, language: str, country: Country) -> Iterator[str]:
    locale = _locale(language)
    full = locale.territories.get(alpha2) if locale else None
    if not full:
        return
    # "Myanmar (Burma)", "Hong Kong SAR China": what stands before the bracket is a name, the rest is CLDR's remark
    for name in dict.fromkeys((full.split(" (")[0], full.replace("’", "'").split(" (")[0])):
        if name not in country.ambiguous.get(language, ()):
            yield name


def _city(zone: str, language: str) -> tuple[str, ...]:
    locale = _locale(language)
    found = locale.time_zones.get(zone, {}).get("city") if locale else None
    if found:
        return (str(found),)
    latin = language in {"en", "es", "fr", "de", "it", "pt", "tr"}
    return (zone.rpartition("/")[2].replace("_", " "),) if latin else ()
