"""Why the rules say what they say about an article: every cue seen, each rule that found something, what blocked it.

What a query would find without its exclusions (`unless`, UNLESS, NOT) is compared with what it does find; what is
missing was blocked, and each exclusion is asked by itself whether it was the one. All of it goes through the engine's
`find`, and the flags are the engine's own, so that an explanation cannot tell another story than the stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pipeline.records import Article, Field, Flag, Kind, Span
from pipeline.rules.folding import FORMS
from pipeline.rules.grammar import parse_entry
from pipeline.rules.load import RuleFile
from pipeline.rules.match import Match, Text, Vocabulary, find
from pipeline.rules.query import And, In, Leaf, Near, Not, NotNear, Or, Query, Unless, either
from pipeline.rules.ruleset import Pack, Rules, attributes_of, spans
from pipeline.rules.tokens import FIELD_SHIFT, MAX_FIELD_LENGTH, Cut, cut, sentences

Outcome = Literal["flagged", "taken", "asked", "blocked"]
"""`taken`: a more specific rule has flagged these words. `asked`: the headline only asks."""

IN_QUERY: Final[Mapping[type, str]] = {Unless: "UNLESS", NotNear: "NOT NEAR", Not: "NOT"}
"""What an exclusion within a query is called; those beside it are called as they are written."""

Exclusion = Unless | NotNear | Not


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry of one of the file's lists, found in the text."""

    section: str
    name: str
    lemma: str
    """Of a cue; "" in the other sections."""

    span: Span


@dataclass(frozen=True, slots=True)
class Block:
    """A match that something unmade."""

    spans: tuple[Span, ...]
    by: str
    """The blocker as it is written beside the query; for one within the query, its operator."""

    words: tuple[Span, ...]
    """The blocker's own words in the text."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A rule that found something."""

    rule: str
    version: int
    kind: Kind
    category: str
    outcome: Outcome
    spans: tuple[Span, ...]
    """Of the match that counts, or would count."""

    taken_by: str
    """The rule that has flagged these words, if one has."""

    blocks: tuple[Block, ...]
    flag: Flag | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the rules of one language make of an article."""

    article: Article
    language: str
    seen: tuple[Seen, ...]
    tried: tuple[Tried, ...]
    silent: int
    """Rules that found nothing."""

    @property
    def flags(self) -> tuple[Flag, ...]:
        """The article's flags, in the order of the rules."""
        return tuple(one.flag for one in self.tried if one.flag)


@dataclass(frozen=True, slots=True)
class _Excluded:
    """An exclusion of a query, its fields narrowed to where it stands, and its name."""

    node: Exclusion
    name: str


class Explainer:
    """Explains articles by one rule file. ``pack``: the same rules, ready to run."""

    def __init__(self, file: RuleFile, pack: Pack) -> None:
        self.language = file.lexicon.language
        self._pack = pack
        self._vocabulary = Vocabulary(FORMS.get(self.language))
        self._lists = [(where, self._vocabulary.store(query)) for where, query in _lists(file)]
        self._queries = [
            (self._vocabulary.store(stored.query), rule.unless)
            for rule, stored in zip(file.lexicon.rules, file.rules, strict=True)
        ]

    def explain(self, article: Article) -> Explanation:
        """Everything that the rules make of an article."""
        texts = [text[:MAX_FIELD_LENGTH] for text in (article.title, article.lead, article.body)]
        where = [cut(texts, sentence) for field, text in enumerate(texts) for sentence in sentences(field, text)]
        text = Text(self._vocabulary.postings(where), attributes_of(article))

        def shown(match: Match) -> tuple[Span, ...]:
            return spans(match, texts, where)

        flags = {flag.rule: flag for flag in self._pack.flags(article)}
        tried = []
        for number, (query, unless) in enumerate(self._queries):
            one = self._tried(number, article, query, unless, text, shown, flags)
            if one is not None:
                tried.append(one)
        seen = sorted(self._seen(text, texts, where), key=lambda one: (one.span.field != "title", one.span.start))
        return Explanation(article, self.language, tuple(seen), tuple(tried), len(self._queries) - len(tried))

    def _tried(
        self,
        number: int,
        article: Article,
        query: Query,
        unless: Sequence[str],
        text: Text,
        shown: Callable[[Match], tuple[Span, ...]],
        flags: Mapping[str, Flag],
    ) -> Tried | None:
        rule = self._pack.rules[number]
        wide = [match for match in find(relaxed(query), text) if match]
        if not wide:
            return None
        found = find(query, text)
        counts = self._pack.matches(number, article) if found else []
        flag = flags.get(rule.id)
        outcome: Outcome = "flagged" if flag else "taken" if counts else "asked" if found else "blocked"
        best = min(counts or found or wide, key=_rank)
        words = {atom for match in found for atom in match}
        lost = [match for match in wide if match not in found and words.isdisjoint(match)]
        return Tried(
            rule.id,
            rule.version,
            rule.kind,
            rule.category,
            outcome,
            flag.spans if flag else shown(best),
            _taker(rule.kind, shown(best), flags.values()) if outcome == "taken" else "",
            tuple(Block(shown(match), by, shown(words)) for match, by, words in _blocks(query, unless, lost, text)),
            flag,
        )

    def _seen(self, text: Text, texts: Sequence[str], where: Sequence[Cut]) -> Iterator[Seen]:
        for (section, name, lemma), query in self._lists:
            for match in find(query, text):
                for span in spans(match, texts, where):
                    yield Seen(section, name, lemma, span)


class Explainers(Mapping[str, Explainer]):
    """One for each language, made when it is asked for. ``rules``: loaded from the same files."""

    def __init__(self, files: Iterable[RuleFile], rules: Rules) -> None:
        self._files = {file.lexicon.language: file for file in files}
        self._rules = rules
        self._made: dict[str, Explainer] = {}

    def __getitem__(self, language: str) -> Explainer:
        if language not in self._made:
            self._made[language] = Explainer(self._files[language], self._rules.packs[language])
        return self._made[language]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def relaxed(query: Query) -> Query:
    """The query without its exclusions: it finds all that the query finds, and what these keep it from finding."""
    match query:
        case Unless(keep, _) | NotNear(keep, _, _, _) | Not(keep, _):
            return relaxed(keep)
        case Near(left, right, distance, ordered):
            return Near(relaxed(left), relaxed(right), distance, ordered)
        case In(field, inner):
            return In(field, relaxed(inner))
        case Or(parts):
            return Or(tuple(map(relaxed, parts)))
        case And(parts):
            return And(tuple(map(relaxed, parts)))
        case _:
            return query


def _blocks(
    query: Query, unless: Sequence[str], lost: Sequence[Match], text: Text
) -> Iterator[tuple[Match, str, Match]]:
    """For each blocker that is to blame: the best match that it unmade, its name, and its own match."""
    for excluded in _exclusions(query, unless):
        kept = find(relaxed(excluded.node.keep), text)
        drops = find(excluded.node.drop, text)
        for match in sorted(lost, key=_rank):
            parts = [part for part in kept if set(part) <= set(match)]
            drop = next((drop for part in parts for drop in drops if _blocks_it(excluded.node, part, drop)), None)
            if drop is not None:
                yield match, excluded.name, drop
                break


def _blocks_it(node: Exclusion, match: Match, drop: Match) -> bool:
    """Whether this one match of the excluded alone takes that match away: asked of the engine."""
    alone = Text({0: [match], 1: [drop]}, {})
    keep, against = Leaf(0), Leaf(1)
    match node:
        case Unless():
            return not find(Unless(keep, against), alone)
        case NotNear(_, _, distance, ordered):
            return not find(NotNear(keep, against, distance, ordered), alone)
        case _:
            return True


def _exclusions(query: Query, unless: Sequence[str]) -> Iterator[_Excluded]:
    """The blockers beside the query, in their order; then those within it."""
    named = []
    for written in reversed(unless):  # each wraps what stands before it
        assert isinstance(query, Unless)
        named.append(_Excluded(query, written))
        query = query.keep
    yield from reversed(named)
    yield from _within(query, ())


def _within(query: Query, fields: tuple[Field, ...]) -> Iterator[_Excluded]:
    match query:
        case Unless(keep, _) | NotNear(keep, _, _, _) | Not(keep, _):
            yield _Excluded(_narrowed(query, fields), IN_QUERY[type(query)])
            yield from _within(keep, fields)
        case Near(left, right):
            yield from _within(left, fields)
            yield from _within(right, fields)
        case In(field, inner):
            yield from _within(inner, (field, *fields))
        case Or(parts) | And(parts):
            for part in parts:
                yield from _within(part, fields)


def _narrowed(node: Exclusion, fields: Iterable[Field]) -> Exclusion:
    """``field:(a UNLESS b)`` is ``field:a UNLESS field:b``."""
    for field in fields:
        keep, drop = In(field, node.keep), In(field, node.drop)
        match node:
            case NotNear(_, _, distance, ordered):
                node = NotNear(keep, drop, distance, ordered)
            case _:
                node = type(node)(keep, drop)
    return node


def _taker(kind: Kind, own: Sequence[Span], flags: Iterable[Flag]) -> str:
    """The first rule whose flag of this kind meets these words; both run over what stands between their parts."""
    mine = _runs_over(own)
    for flag in flags:
        theirs = _runs_over(flag.spans)
        if flag.kind == kind and any(
            mine[field][0] < theirs[field][1] and theirs[field][0] < mine[field][1] for field in mine.keys() & theirs
        ):
            return flag.rule
    return ""


def _runs_over(spans: Sequence[Span]) -> dict[Field, tuple[int, int]]:
    fields = {span.field for span in spans}
    return {
        field: (
            min(span.start for span in spans if span.field == field),
            max(span.end for span in spans if span.field == field),
        )
        for field in fields
    }


def _rank(match: Match) -> tuple[int, int, Match]:
    return match[0][0] >> FIELD_SHIFT, match[-1][1] - match[0][0], match


def _lists(file: RuleFile) -> Iterator[tuple[tuple[str, str, str], Query]]:
    """The words of every list; of a cue, lemma by lemma. Lists within lists speak for themselves."""
    for place, entries in file.lexicon.lists():
        section, name = str(place[0]), str(place[-1])
        lemmas: dict[str, list[Query]] = {}
        for where, written in entries:
            if not written.startswith("@"):
                lemma = str(where[2]) if section == "cues" else ""
                lemmas.setdefault(lemma, []).append(parse_entry(written))
        for lemma, parts in lemmas.items():
            yield (section, name, lemma), either(tuple(parts))
