"""Rules ready to run: an article in, its flags out.

One flag a rule. Its spans are those of the rule's best match: in the title before the lead before the body, there the
one that covers the fewest words, there the first. Its score grows with the fields that have a match: each field tells
with its weight w, and together they tell 1 - (1 - w1)(1 - w2)….

Rules of one kind stand in their file from the most to the least specific: a match that runs over a stretch of text
which an earlier rule has flagged does not count, so that one statement gives one flag ("pleads not guilty to charges").
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import accumulate, groupby
from math import prod
from operator import itemgetter
from typing import Final, NamedTuple, Self

from pipeline.records import FIELDS, Article, Flag, Kind, Span, flag_id
from pipeline.rules.folding import FORMS, Folded, fold
from pipeline.rules.index import Hits, Index
from pipeline.rules.match import Atom, Match, Text, Vocabulary, find
from pipeline.rules.query import Query, is_local, leaves
from pipeline.rules.statement import Attribute, Statement, Who, nobody
from pipeline.rules.tokens import (
    FIELD_SHIFT,
    MAX_FIELD_LENGTH,
    SENTENCE_SHIFT,
    Cut,
    Sentence,
    asks,
    cut,
    sentence_ends,
    sentences,
    word_offsets,
)

MAX_GAP: Final = 2
"""Words between two parts of a match that one quote still spans: "rejected *the US* charge" reads better whole."""

SCORE_DIGITS: Final = 3

_QUESTION = re.compile("[?？؟]")


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A rule whose query is a syntax tree. ``weights``: of title, lead and body."""

    id: str
    version: int
    kind: Kind
    category: str
    query: Query
    weights: tuple[float, ...]


class Candidates(NamedTuple):
    """What the index leaves to be evaluated: which rules, on which sentences."""

    rules: Sequence[int]
    sentences: Sequence[Cut]
    fitting: Sequence[AbstractSet[int]] | None = None
    """Which of the rules can match in each of the sentences; all in all, if this is not told."""


class Pack:
    """The rules of one language.

    Index and vocabulary are made at the first article, or by `build`: they cost more than reading the rules does, and
    most processes need few languages, or none.
    """

    def __init__(
        self,
        language: str,
        rules: Sequence[StoredRule],
        attribute: Attribute = nobody,
        historic: Query | None = None,
    ) -> None:
        self.language = language
        self.rules = tuple(rules)
        queries = [rule.query for rule in rules]
        self._attribute = attribute
        self._local = tuple(map(is_local, queries))
        self._forms = FORMS.get(language)
        self._vocabulary = Vocabulary(self._forms)
        self._old_words = Vocabulary(self._forms)
        self._queries, self._historic_query = queries, historic
        self._built = False

    def build(self) -> Self:
        """Make what flagging needs; it does so by itself, too."""
        if not self._built:
            self._index = Index(self._queries)
            self._stored = tuple(map(self._vocabulary.store, self._queries))
            self._leaves = tuple(frozenset(leaves(query)) for query in self._stored)
            self._historic = self._historic_query and self._old_words.store(self._historic_query)
            self._built = True
        return self

    def flags(self, article: Article) -> tuple[Flag, ...]:
        """Flags of an article in this language."""
        self.build()
        texts = _texts(article)
        numbers, where, fitting = self.candidates(texts)
        if not numbers:
            return ()
        wanted = fitting and [frozenset().union(*(self._leaves[number] for number in some)) for some in fitting]
        text = Text(self._vocabulary.postings(where, wanted), attributes_of(article))
        flags = []
        old: frozenset[int] | None = None
        taken: dict[Kind, list[Atom]] = {}
        for number in numbers:
            rule = self.rules[number]
            before = taken.setdefault(rule.kind, [])
            found = find(self._stored[number], text)
            matches = [match for match in found if not _meets(match, before) and not _is_asked(match, texts, where)]
            if matches:
                best = min(matches, key=_rank)
                before.extend(_stretches(best))
                who = self._attribute(Statement(rule.kind, rule.category, best, texts, where))
                old = self._old(texts, where) if old is None else old
                historic = any(position in old for position, _ in _by_sentence(best)) or _of_title(old)
                flags.append(_flag(article, rule, matches, spans(best, texts, where), who, historic=historic))
        return tuple(flags)

    def matches(self, number: int, article: Article) -> list[Match]:
        """What one rule finds, whatever the others do."""
        self.build()
        texts = _texts(article)
        where = _all_sentences(texts)
        text = Text(self._vocabulary.postings(where), attributes_of(article))
        return [match for match in find(self._stored[number], text) if not _is_asked(match, texts, where)]

    def candidates(self, texts: Sequence[str]) -> Candidates:
        """Rules that these texts can match, in file order, and the sentences in which they can."""
        self.build()
        whole = Folded("\n".join(texts))
        hits = self._hits(whole)
        if hits is None:
            return Candidates((), ())
        rules: set[int] = set()
        where: list[Cut] = []
        fitting: list[set[int]] = []
        for sentence, begin, first, behind in _hit_sentences(texts, hits):
            if some := self._index.fitting(hits, first, behind, sentence.field):
                rules |= some
                fitting.append(some)
                where.append(Cut(sentence, whole.words(begin + sentence.start, begin + sentence.end)))
        if not all(self._local[number] for number in rules):
            return Candidates(sorted(rules), _all_sentences(texts))
        return Candidates(sorted(rules), where, fitting)

    def _old(self, texts: Sequence[str], where: Sequence[Cut]) -> frozenset[int]:
        """Positions of the sentences, of the title and of these, that tell of something old."""
        if self._historic is None:
            return frozenset()
        here = {one.sentence: one for one in where} | {one.sentence: one for one in _title(texts)}
        found = find(self._historic, Text(self._old_words.postings(list(here.values())), {}))
        return frozenset(position for match in found for position, _ in _by_sentence(match))

    def _hits(self, whole: Folded) -> Hits | None:
        """Required words, and where they begin in the text that was folded."""
        if self._forms is None:
            hits = self._index.hits(whole.text)
            if hits is None or whole.direct:
                return hits
            return hits._replace(places=list(map(whole.begin, hits.places)))
        # Each word is followed by its forms, all of which begin where the word does.
        forms = [(word, *self._forms(word)) for word in whole.text.split()]
        hits = self._index.hits(" ".join(form for some in forms for form in some))
        if hits is None:
            return None
        spans = whole.word_spans()
        starts = list(accumulate((sum(len(form) + 1 for form in some) for some in forms), initial=0))
        return hits._replace(places=[spans[bisect_right(starts, place) - 1][0] for place in hits.places])


class Rules:
    """All rule files together."""

    def __init__(self, packs: Iterable[Pack], digest: str) -> None:
        self.packs: Mapping[str, Pack] = {pack.language: pack for pack in packs}
        self.hash = digest
        """12 hex digits: which rules these are. Comments and layout of the files do not count."""

    def build(self) -> Self:
        """Make at once what each language needs at its first article."""
        for pack in self.packs.values():
            pack.build()
        return self

    def flags(self, article: Article) -> tuple[Flag, ...]:
        """The flags of an article, by the rules of its language; none where there are no rules for it.

        Pure: the same article gives the same flags, from any thread.
        """
        pack = self.packs.get(article.language)
        return pack.flags(article) if pack else ()


def spans(match: Match, texts: Sequence[str], where: Sequence[Cut]) -> tuple[Span, ...]:
    """The stretches of text that show a match. ``where``: sentences in text order, among them those of the match."""
    found = []
    for position, atoms in _by_sentence(match):
        sentence = _sentence(position, where)
        text = texts[sentence.field]
        offsets = word_offsets(text, sentence)
        for first, last in _join(atoms):
            start, end = offsets[first - position][0], offsets[last - position][1]
            found.append(Span(field=FIELDS[sentence.field], start=start, end=end, quote=text[start:end]))
    return tuple(found)


def _is_asked(match: Match, texts: Sequence[str], where: Sequence[Cut]) -> bool:
    """Whether a match in the title is only asked: "Did the mayor lie?"."""
    title = texts[0]
    if not _QUESTION.search(title):
        return False
    for position, atoms in _by_sentence(match):
        if position >> FIELD_SHIFT:
            return False
        sentence = _sentence(position, where)
        end = word_offsets(title, sentence)[max(last for _, last in atoms) - position][1]
        if asks(title, end, sentence.end):
            return True
    return False


def _flag(
    article: Article,
    rule: StoredRule,
    matches: Sequence[Match],
    shown: tuple[Span, ...],
    who: Who,
    *,
    historic: bool,
) -> Flag:
    return Flag(
        id=flag_id(article.id, rule.id, shown),
        kind=rule.kind,
        category=rule.category,
        rule=rule.id,
        version=rule.version,
        score=score(rule.weights, {first >> FIELD_SHIFT for match in matches for first, _ in match}),
        spans=shown,
        actor=who.actor,
        target=who.target,
        claim=who.claim,
        historic=historic,
    )


def score(weights: Sequence[float], fields: Iterable[int]) -> float:
    """How much a match in these fields tells, from 0 to 1: 1 - (1 - w1)(1 - w2)…"""
    return round(1 - prod(1 - weights[field] for field in sorted(fields)), SCORE_DIGITS)


def _texts(article: Article) -> list[str]:
    return [article.title[:MAX_FIELD_LENGTH], article.lead[:MAX_FIELD_LENGTH], article.body[:MAX_FIELD_LENGTH]]


def attributes_of(article: Article) -> Mapping[str, AbstractSet[str]]:
    """What a rule can ask of an article beside its text."""
    return {"outlet": {fold(article.outlet)}, "lang": {fold(article.language)}}


def _all_sentences(texts: Sequence[str]) -> list[Cut]:
    return [cut(texts, sentence) for field, text in enumerate(texts) for sentence in sentences(field, text)]


def _of_title(positions: Iterable[int]) -> bool:
    return any(position >> FIELD_SHIFT == 0 for position in positions)


def _title(texts: Sequence[str]) -> list[Cut]:
    return [cut(texts, sentence) for sentence in sentences(0, texts[0])]


def _hit_sentences(texts: Sequence[str], hits: Hits) -> Iterator[tuple[Sentence, int, int, int]]:
    """Sentences with a word under which queries are stored, in text order.

    With each: where the text of its field begins (places count through all texts, one line feed between), and which
    hits are in it, the first and that behind the last.
    """
    begin, field, done = 0, 0, 0
    ends: list[int] | None = None
    stored = hits.stored
    for number in [number for number, word in enumerate(hits.words) if word in stored]:  # few of some two hundred
        word, place = hits.words[number], hits.places[number]
        if place < done:
            continue
        while place > begin + len(texts[field]):
            begin, field, ends = begin + len(texts[field]) + 1, field + 1, None
        if not any(one.fields >> field & 1 for one in stored[word]):
            continue
        if ends is None:
            ends = sentence_ends(texts[field])
        nth = bisect_right(ends, place - begin)
        sentence = Sentence(field, ends[nth - 1] if nth else 0, ends[nth])
        done = begin + sentence.end
        first = bisect_left(hits.places, begin + sentence.start, 0, number)
        yield sentence, begin, first, bisect_left(hits.places, done, number)


def _sentence(position: int, where: Sequence[Cut]) -> Sentence:
    """That of these sentences whose words begin at a position."""
    field, start = position >> FIELD_SHIFT, position >> SENTENCE_SHIFT & (1 << FIELD_SHIFT - SENTENCE_SHIFT) - 1
    return where[bisect_left(where, (field, start), key=itemgetter(0))].sentence


def _by_sentence(match: Match) -> Iterable[tuple[int, list[Atom]]]:
    """Position of the first word of each sentence of a match, and the atoms there."""
    if not match:
        return ()
    first = match[0][0] >> SENTENCE_SHIFT
    if first == match[-1][0] >> SENTENCE_SHIFT:
        return ((first << SENTENCE_SHIFT, list(match)),)
    grouped = groupby(match, key=lambda atom: atom[0] >> SENTENCE_SHIFT)
    return ((sentence << SENTENCE_SHIFT, list(atoms)) for sentence, atoms in grouped)


def _stretches(match: Match) -> list[Atom]:
    """What a match runs over: in each sentence, from its first word to its last."""
    return [(atoms[0][0], max(last for _, last in atoms)) for _, atoms in _by_sentence(match)]


def _meets(match: Match, taken: Sequence[Atom]) -> bool:
    return bool(taken) and any(a <= d and c <= b for a, b in _stretches(match) for c, d in taken)


def _rank(match: Match) -> tuple[int, int, Match]:
    return match[0][0] >> FIELD_SHIFT, sum(last - first for first, last in _stretches(match)), match


def _join(atoms: Sequence[Atom]) -> list[Atom]:
    joined = [atoms[0]]
    for first, last in atoms[1:]:
        start, end = joined[-1]
        if first - end - 1 <= MAX_GAP:
            joined[-1] = (start, max(end, last))
        else:
            joined.append((first, last))
    return joined
