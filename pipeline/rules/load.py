"""A folder of rule files → `Rules`, or every problem in them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from pipeline.documents import Document, check, read_document
from pipeline.errors import Problem, RuleError
from pipeline.resources import shipped
from pipeline.rules.actors import NO_ACTORS, Actors, read_actors
from pipeline.rules.attribution import attribution
from pipeline.rules.grammar import QueryError, parse_entry, parse_query
from pipeline.rules.lexicon import Lexicon, Place, Rule, Weights
from pipeline.rules.query import Query, Unless, attributes, either, is_local
from pipeline.rules.ruleset import Pack, Rules, StoredRule
from pipeline.rules.statement import nobody
from pipeline.rules.ways import needs_a_word

ACTORS_FILE: Final = "actors.yaml"

HASH_BYTES: Final = 6
"""12 hex digits: rule sets are few, so that is far more than keeps them apart, and short enough to read out."""

_SUBSCRIPTION_ONLY: Final = frozenset({"actor", "kind"})
"""Attributes that a flag has and an article has not."""


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A rule file that is in order: as written, where it is written, and its queries."""

    document: Document
    lexicon: Lexicon
    rules: tuple[StoredRule, ...]
    frame: Mapping[str, Query]
    """Of each key of `frame` that has words, these; nothing where there is no frame."""

    historic: Query | None = None
    """What tells that a statement is old: any of the queries of `historic`."""

    @property
    def path(self) -> Path:
        """The file."""
        return self.document.file


def load_rules(directory: Path, actors: Path | None = None) -> Rules:
    """The rules of all files in a folder, and who can be named by them.

    Args:
        directory: the folder.
        actors: the list of actors; unless given, `actors.yaml` beside the folder, or else the shipped one.

    Raises:
        RuleError: with every problem of every file: unknown key, unknown list, a query that makes no sense ….
    """
    return read_rules(directory, actors)[1]


def read_rules(directory: Path, actors: Path | None = None) -> tuple[tuple[RuleFile, ...], Rules]:
    """The rules of a folder as `load_rules` gives them, and the files that say so, read once.

    Raises:
        RuleError: as `load_rules`.
    """
    problems: list[Problem] = []
    files = tuple(_read_all(directory, problems))
    named = any(file.lexicon.frame for file in files)
    known = read_actors(actors or _actors_beside(directory), problems) if actors or named else NO_ACTORS
    if problems:
        raise RuleError(problems)
    return files, Rules([_pack(file, known) for file in files], rules_hash(files, known))


def rules_hash(files: Sequence[RuleFile], actors: Actors = NO_ACTORS) -> str:
    """What the files say, in 12 hex digits of BLAKE2b; their comments, layout and names do not count."""
    said = [file.lexicon.model_dump(mode="json") for file in sorted(files, key=lambda file: file.lexicon.language)]
    whole = msgspec.json.encode([said, actors.names] if actors.names else said, order="sorted")
    return hashlib.blake2b(whole, digest_size=HASH_BYTES).hexdigest()


def _pack(file: RuleFile, actors: Actors) -> Pack:
    language, frame = file.lexicon.language, file.lexicon.frame
    attribute = attribution(language, frame, file.frame, actors) if frame else nobody
    return Pack(language, file.rules, attribute, historic=file.historic)


def _actors_beside(directory: Path) -> Path:
    beside = directory.absolute().parent / ACTORS_FILE
    return beside if beside.is_file() else shipped("config") / ACTORS_FILE


def read_rule_files(directory: Path) -> tuple[RuleFile, ...]:
    """Every ``*.yaml`` of a folder, by name.

    Raises:
        RuleError: with every problem of every file.
    """
    problems: list[Problem] = []
    files = _read_all(directory, problems)
    if problems:
        raise RuleError(problems)
    return files


def _read_all(directory: Path, problems: list[Problem]) -> tuple[RuleFile, ...]:
    paths = sorted(directory.glob("*.yaml"))
    if not paths:
        problems.append(Problem(directory, None, "there is no rule file here: add one such as en.yaml"))
    files = [file for path in paths if (file := _read(path, problems)) is not None]
    problems += _same_language(files)
    return tuple(files)


def _read(path: Path, problems: list[Problem]) -> RuleFile | None:
    document = read_document(path, problems, missing="add it")
    lexicon = check(document, Lexicon, problems) if document else None
    if document is None or lexicon is None:
        return None
    found = len(problems)
    lists = _lists(document, lexicon, problems)
    frame = _frame(document, lexicon, lists, problems)
    rules = [_stored(document, lexicon, number, lists, problems) for number in range(len(lexicon.rules))]
    historic = _historic(document, lexicon, lists, problems)
    problems += _same_id(document, lexicon)
    if len(problems) > found:
        return None
    return RuleFile(document, lexicon, tuple(rule for rule in rules if rule), frame, historic)


def _lists(document: Document, lexicon: Lexicon, problems: list[Problem]) -> dict[str, Query]:
    lists: dict[str, Query] = {}
    for place, entries in lexicon.lists():
        name = str(place[-1])
        parts = [part for where, text in entries if (part := _entry(document, where, text, lists, problems))]
        if name in lists:
            problems.append(_problem(document, place, f"there is a list {name!r} already: names count in all sections"))
        lists[name] = either(tuple(parts))
    return lists


def _frame(
    document: Document, lexicon: Lexicon, lists: dict[str, Query], problems: list[Problem]
) -> Mapping[str, Query]:
    frame: dict[str, Query] = {}
    for key, entries in lexicon.frame.words() if lexicon.frame else ():
        found = [_entry(document, ("frame", key, n), text, lists, problems) for n, text in enumerate(entries)]
        if parts := tuple(part for part in found if part):
            frame[key] = either(parts)
    return frame


def _historic(
    document: Document, lexicon: Lexicon, lists: Mapping[str, Query], problems: list[Problem]
) -> Query | None:
    found = []
    for number, text in enumerate(lexicon.historic):
        place, name = ("historic", number), f"historic, query {number + 1}"
        query = _query(document, place, name, text, lists, problems)
        if query and not is_local(query):
            message = f"{name}: it is asked of single sentences, so AND, NOT and attributes cannot stand in it"
            problems.append(_problem(document, place, message))
        elif query:
            found.append(query)
    return either(tuple(found)) if found else None


def _entry(
    document: Document, place: Place, text: str, lists: Mapping[str, Query], problems: list[Problem]
) -> Query | None:
    if text.startswith("@"):
        if text[1:] not in lists:
            problems.append(_problem(document, place, f"there is no list {text[1:]!r} above"))
        return lists.get(text[1:])
    try:
        return parse_entry(text)
    except QueryError as error:
        problems.append(_problem(document, place, f"entry {text!r}: {error.message}"))
        return None


def _stored(
    document: Document, lexicon: Lexicon, number: int, lists: Mapping[str, Query], problems: list[Problem]
) -> StoredRule | None:
    rule = lexicon.rules[number]
    named = f"rule {rule.id!r}"
    query = _query(document, ("rules", number, "query"), f"{named}, query", rule.query, lists, problems)
    blockers = [
        _query(document, ("rules", number, "unless", n), f"{named}, unless", text, lists, problems)
        for n, text in enumerate(rule.unless)
    ]
    if query is None or None in blockers:
        return None
    problems += [_problem(document, ("rules", number, key), why) for key, why in _unfit(rule, query, blockers)]
    for blocker in blockers:
        query = Unless(query, blocker) if blocker else query
    weights = rule.weights or lexicon.weights
    return StoredRule(
        f"{lexicon.language}/{rule.id}", rule.version, rule.kind, rule.category, query, _by_field(weights)
    )


def _by_field(weights: Weights) -> tuple[float, ...]:
    return weights.title, weights.lead, weights.body


def _query(
    document: Document, place: Place, name: str, text: str, lists: Mapping[str, Query], problems: list[Problem]
) -> Query | None:
    try:
        return parse_query(text, lists)
    except QueryError as error:
        where = f"column {error.column}" + (f" of line {error.line}" if "\n" in text.strip() else "")
        message = f"{name}, {where}, at {error.token!r}: {error.message}"
        problems.append(_problem(document, place, message))
        return None


def _unfit(rule: Rule, query: Query, blockers: Sequence[Query | None]) -> Iterator[tuple[str, str]]:
    if blockers and not all(is_local(part) for part in (query, *blockers) if part):
        yield (
            "unless",
            f"rule {rule.id!r}: beside `unless`, AND, NOT and attributes cannot stand; use UNLESS in the query",
        )
    for name in sorted(attributes(query) & _SUBSCRIPTION_ONLY):
        yield (
            "query",
            f"rule {rule.id!r}: {name}: can be asked of a flag, not of an article; it belongs in a subscription",
        )
    if not needs_a_word(query):
        yield "query", f"rule {rule.id!r}: the query can match without any word; add words that must be there"


def _same_id(document: Document, lexicon: Lexicon) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, rule in enumerate(lexicon.rules):
        if rule.id in seen:
            yield _problem(document, ("rules", number, "id"), f"rule id {rule.id!r} is used twice")
        seen.add(rule.id)


def _same_language(files: Sequence[RuleFile]) -> Iterator[Problem]:
    seen: dict[str, Path] = {}
    for file in files:
        first = seen.setdefault(file.lexicon.language, file.path)
        if first is not file.path:
            message = f"language {file.lexicon.language!r} has its rules in {first.name} already"
            yield _problem(file.document, ("language",), message)


def _problem(document: Document, place: Place, message: str) -> Problem:
    return Problem(document.file, document.line(place), message)
