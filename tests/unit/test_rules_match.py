"""Queries mean what the naive evaluation says, and the index changes nothing but the time it takes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import FIELDS, Article, Field
from pipeline.rules.grammar import parse_query
from pipeline.rules.index import required
from pipeline.rules.match import Text, Vocabulary, find
from pipeline.rules.query import (
    MIN_PREFIX,
    And,
    Attribute,
    In,
    Near,
    Not,
    NotNear,
    Phrase,
    Query,
    Unless,
    Word,
    either,
    is_local,
)
from pipeline.rules.ruleset import Candidates, Pack, StoredRule
from pipeline.rules.tokens import Sentence, sentence_at, sentences, word_offsets, words
from tests.articles import make_article
from tests.unit.reference import Place, evaluate

WORDS = ("deny", "denied", "den", "charge", "straße", "STRASSE", "didn't", "ﬁne", "no", "u")
SEPARATORS = (" ", "  ", ", ", ". ", "! ", "\n", "-", " “", "” ", "_", "…", ".", "’s ", " ŉ", "\u0301 ", "ΐ ", "İ ")

word_nodes = st.builds(Word, st.sampled_from([w.casefold() for w in WORDS]), st.booleans()).filter(
    lambda word: not word.prefix or len(word.text) >= MIN_PREFIX  # what the grammar lets through
)
phrases = st.builds(lambda a: Phrase(tuple(a)), st.lists(word_nodes, min_size=2, max_size=3))
terms = st.one_of(
    word_nodes, phrases, st.lists(st.one_of(word_nodes, phrases), min_size=1, max_size=3).map(tuple).map(either)
)
distances = st.integers(0, 3)


def _grow_local(inner: st.SearchStrategy[Query]) -> st.SearchStrategy[Query]:
    return st.one_of(
        st.builds(Near, inner, inner, distances, st.booleans()),
        st.builds(NotNear, inner, inner, distances, st.booleans()),
        st.builds(Unless, inner, inner),
        st.builds(In, st.sampled_from(FIELDS), inner),
        st.lists(inner, min_size=1, max_size=3).map(tuple).map(either),
    )


local_queries: st.SearchStrategy[Query] = st.recursive(terms, _grow_local, max_leaves=5)
attribute_nodes = st.builds(Attribute, st.sampled_from(["outlet", "lang"]), st.sampled_from(["a", "en"]))


def _grow(inner: st.SearchStrategy[Query]) -> st.SearchStrategy[Query]:
    return st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(tuple).map(And),
        st.builds(Not, inner, inner),
        st.builds(In, st.sampled_from(FIELDS), inner),
        st.lists(inner, min_size=1, max_size=3).map(tuple).map(either),
    )


queries = st.recursive(st.one_of(local_queries, attribute_nodes), _grow, max_leaves=4)
texts = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(SEPARATORS)), max_size=14).map(
    lambda pairs: "".join(part for pair in pairs for part in pair)
)
fields = st.tuples(texts, texts, texts)


def _sentences(given_texts: Sequence[str]) -> list[Sentence]:
    return [one for field, text in enumerate(given_texts) for one in sentences(field, text)]


def _places(given_texts: Sequence[str]) -> list[Place]:
    return [
        Place(position, FIELDS[one.field], word)
        for one in _sentences(given_texts)
        for position, word in enumerate(words(given_texts[one.field][one.start : one.end]), one.position)
    ]


@settings(max_examples=200)
@given(queries, fields)
def test_a_query_finds_what_its_definition_says(query: Query, given_texts: tuple[str, str, str]) -> None:
    """The evaluation on postings gives exactly the matches of the naive evaluation, sorted."""
    vocabulary = Vocabulary()
    stored = vocabulary.store(query)
    attributes = {"outlet": "a", "lang": "en"}
    text = Text(vocabulary.postings(given_texts, _sentences(given_texts)), attributes)
    assert find(stored, text) == sorted(evaluate(query, _places(given_texts), attributes))


class Unindexed(Pack):
    """A pack that evaluates every rule on every sentence."""

    def candidates(self, texts: Sequence[str]) -> Candidates:
        """Everything."""
        return Candidates(range(len(self.rules)), _sentences(texts))


def _rules(some: Sequence[Query]) -> list[StoredRule]:
    return [
        StoredRule(f"en/{n}", 1, "denial" if n % 2 else "allegation", "denial", query, (0.8, 0.6, 0.3))
        for n, query in enumerate(some)
    ]


def _article(given_texts: tuple[str, str, str]) -> Article:
    title, lead, body = given_texts
    return make_article(title=title, lead=lead, body=body, language="en", outlet="a")


@settings(max_examples=200)
@given(st.lists(queries.filter(lambda q: required(q) is not None), min_size=1, max_size=4), fields)
def test_the_index_leaves_no_flag_out(some: list[Query], given_texts: tuple[str, str, str]) -> None:
    """Flags with the index are the flags of evaluating every rule on the whole article."""
    one = _article(given_texts)
    assert Pack("en", _rules(some)).flags(one) == Unindexed("en", _rules(some)).flags(one)


@settings(max_examples=200)
@given(st.lists(local_queries.filter(lambda q: required(q) is not None), min_size=1, max_size=3), fields)
def test_local_queries_are_evaluated_on_few_sentences_and_find_the_same(
    some: list[Query], given_texts: tuple[str, str, str]
) -> None:
    """Looking only at sentences that hold a required word changes no flag."""
    one = _article(given_texts)
    assert all(map(is_local, some))
    assert Pack("en", _rules(some)).flags(one) == Unindexed("en", _rules(some)).flags(one)


@given(st.lists(queries.filter(lambda q: required(q) is not None), min_size=1, max_size=3), fields)
def test_every_quote_is_in_the_stored_text(some: list[Query], given_texts: tuple[str, str, str]) -> None:
    """Offsets count code points of the stored text, whatever folding does to its length; spans are in text order."""
    one = _article(given_texts)
    for flag in Pack("en", _rules(some)).flags(one):
        assert [getattr(one, span.field)[span.start : span.end] for span in flag.spans] == [s.quote for s in flag.spans]
        places = [(FIELDS.index(span.field), span.start, span.end) for span in flag.spans]
        assert places == sorted(places)
        assert all(start < end for _, start, end in places)


@given(texts.map(lambda text: text * 30))
def test_a_sentence_is_the_same_found_from_within_or_from_the_start(text: str) -> None:
    """Looking for the sentence around a word gives the sentence that cutting the whole text gives."""
    for sentence in sentences(1, text):
        for start, _ in word_offsets(text, sentence):
            assert sentence_at(1, text, start) == sentence


def _matches(query: str, **given_fields: str) -> list[list[str]]:
    """The words of each match of a query, in text order."""
    named: dict[Field, str] = {field: given_fields.get(field, "") for field in FIELDS}
    given_texts = tuple(named.values())
    vocabulary = Vocabulary()
    stored = vocabulary.store(parse_query(query))
    text = Text(vocabulary.postings(given_texts, _sentences(given_texts)), {"outlet": "a"})
    by_position = {place.position: place.word for place in _places(given_texts)}
    return [
        [" ".join(by_position[n] for n in range(first, last + 1)) for first, last in match]
        for match in find(stored, text)
    ]


@pytest.mark.parametrize(
    ("query", "title", "expected"),
    [
        ("deny NEAR/2 charge", "charge they deny", [["charge", "deny"]]),
        ("deny NEAR/2 charge", "deny a b c charge", []),
        ("deny NEAR/0 charge", "deny charge", [["deny", "charge"]]),
        ("deny ONEAR/2 charge", "charge they deny", []),
        ("deny NEAR/9 charge", "They deny. Charge follows", []),
        ("deny NEAR/9 charge", "They told Mr. Deny of a charge", [["deny", "charge"]]),
        ("deny NOT NEAR/2 bail", "deny him bail", []),
        ("deny NOT NEAR/1 bail", "deny him his bail", [["deny"]]),
        ("deny NOT ONEAR/3 bail", "bail they deny", [["deny"]]),
        ('"war crimes"', "War crimes, war-crimes and war of crimes", [["war crimes"], ["war crimes"]]),
        ('"war crime*"', "war criminals and war crimes", [["war crimes"]]),
        ("accus*", "Accused of accusing: accuracy", [["accused"], ["accusing"]]),
        ("didn't", "He didn’t", [["didn't"]]),
        ("strasse", "Straße", [["strasse"]]),
        ("a OR b AND c", "a", [["a"]]),
        ("(a OR b) AND c", "a", []),
        ("a NOT b", "a b", []),
        ("a NEAR/1 b NEAR/1 c", "c a b", [["c", "a", "b"]]),
    ],
)
def test_what_operators_find(query: str, title: str, expected: list[list[str]]) -> None:
    """The operators do what the manual says."""
    assert _matches(query, title=title) == expected


@pytest.mark.parametrize(
    ("title", "found"),
    [
        ("rejects claims", True),
        ("rejects plan amid claims", False),
        ("rejects claims about plan", True),
        ("rejects offer, and claims he won", False),
    ],
)
def test_unless_lets_the_nearer_completion_win(title: str, found: bool) -> None:
    """A blocker that is completed nearer unmakes the match; one that is completed farther off does not."""
    assert bool(_matches("(rejects ONEAR/6 claims) UNLESS (rejects ONEAR/6 (plan OR offer))", title=title)) is found


def test_and_looks_across_fields_and_keeps_one_match_of_each_part() -> None:
    """AND speaks about the whole article, and shows the first match of each part."""
    assert _matches("plans AND rumour*", title="No plans", lead="Rumours and rumours") == [["plans", "rumours"]]
    assert _matches("title:(plans AND rumour*)", title="No plans", lead="Rumours") == []


def test_attributes_are_asked_of_the_article() -> None:
    """An attribute adds no words to a match."""
    assert _matches("outlet:A AND plans", title="No plans") == [["plans"]]
    assert _matches("outlet:B AND plans", title="No plans") == []
