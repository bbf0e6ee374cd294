"""Queries mean what the naive evaluation says, and the index changes nothing but the time it takes."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import FIELDS, Article, Field
from pipeline.rules.folding import FORMS, Forms
from pipeline.rules.grammar import parse_query
from pipeline.rules.match import Text, Vocabulary, find
from pipeline.rules.query import (
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
from pipeline.rules.tokens import Cut, Sentence, cut, sentences, words
from pipeline.rules.ways import needs_a_word, ways
from tests.articles import make_article
from tests.unit.reference import Place, evaluate

LANGUAGES = ("en", "ar")
"""One that writes its words apart, and one that does not."""
WORDS = (
    "deny",
    "denied",
    "straße",
    "STRASSE",
    "no",
    "No",
    "ﬁne",
    "否",
    "认否",
    "ونفى",
    "بنفي",
    "نفي",
    "وللتهم",
    "تهمه",
)
SEPARATORS = (
    ", ",
    ". ",
    "! ",
    "\n",
    "-",
    " “",
    "” ",
    "_",
    "…",
    ".",
    "’s ",
    " ŉ",
    "\u0301 ",
    "ΐ ",
    "İ ",
    '." ',
    ". … ",
    "。",
    "\u200c",
    "ـ",
)
TERMS = (
    Word("deny"),
    Word("denied"),
    Word("strasse"),
    Word("no"),
    Word("de", True),
    Word("stra", True),
    Word("fi", True),
    Word("否"),
    Word("认"),
    Word("نفي"),
    Word("تهم"),
    Word("التهم"),
    Word("ته", True),
)


def _term(dice: Random) -> Query:
    if dice.random() < 0.7:
        return dice.choice(TERMS)
    pair = Phrase((dice.choice(TERMS), dice.choice(TERMS)))
    return dice.choice([pair, either((pair, dice.choice(TERMS)))])


def _local(dice: Random, depth: int) -> Query:
    if not depth or dice.random() < 0.2:
        return _term(dice)
    one, two = _local(dice, depth - 1), _local(dice, depth - 1)
    distance, ordered = dice.randrange(4), dice.random() < 0.5
    made: list[Query] = [
        Near(one, two, distance, ordered),
        Near(one, two, distance, ordered),
        NotNear(one, two, distance, ordered),
        Unless(one, two),
        Unless(Near(one, dice.choice(TERMS), distance, ordered), two),
        either((one, two)),
        In(dice.choice(FIELDS), one),
    ]
    return dice.choice(made)


def _query(dice: Random, depth: int = 2) -> Query:
    if not depth or dice.random() < 0.3:
        return _local(dice, 2)
    one, two = _query(dice, depth - 1), _query(dice, depth - 1)
    attribute = Attribute("outlet", dice.choice("ab"))
    made: list[Query] = [And((one, two)), And((attribute, one)), Not(one, two), either((one, two)), In("title", one)]
    return dice.choice(made)


def _text(dice: Random, most: int = 12) -> str:
    parts = [(dice.choice(WORDS), dice.choice(SEPARATORS if dice.random() < 0.2 else " ")) for _ in range(most)]
    return "".join(part for pair in parts[: dice.randrange(most + 1)] for part in pair)


def _texts(dice: Random) -> tuple[str, str, str]:
    return _text(dice), _text(dice), _text(dice)


# Trees and texts are thrown from a seed: hypothesis's own choices are mostly the simplest, which seldom match.
dices = st.integers(0, 2**64).map(Random)
_settings = settings(max_examples=500, deadline=None)  # no deadline: the law is about results, not about speed


def _sentences(given_texts: Sequence[str]) -> list[Sentence]:
    return [one for field, text in enumerate(given_texts) for one in sentences(field, text)]


def _cuts(given_texts: Sequence[str]) -> list[Cut]:
    return [cut(given_texts, one) for one in _sentences(given_texts)]


def _places(given_texts: Sequence[str], forms: Forms | None = None) -> list[Place]:
    return [
        Place(position, FIELDS[one.field], word, forms(word) if forms else ())
        for one in _sentences(given_texts)
        for position, word in enumerate(words(given_texts[one.field][one.start : one.end]), one.position)
    ]


@_settings
@given(dices)
def test_a_query_finds_what_its_definition_says(dice: Random) -> None:
    """The evaluation on postings gives exactly the matches of the naive evaluation, sorted."""
    query, given_texts = _query(dice), _texts(dice)
    forms = FORMS.get(dice.choice(LANGUAGES))
    vocabulary = Vocabulary(forms)
    stored = vocabulary.store(query)
    attributes = {"outlet": {"a"}, "lang": {"en"}}
    text = Text(vocabulary.postings(_cuts(given_texts)), attributes)
    assert find(stored, text) == sorted(evaluate(query, _places(given_texts, forms), attributes))


class Unindexed(Pack):
    """A pack that evaluates every rule on every sentence."""

    def candidates(self, texts: Sequence[str]) -> Candidates:
        """Everything."""
        return Candidates(range(len(self.rules)), _cuts(texts))


def _rules(some: Sequence[Query]) -> list[StoredRule]:
    return [
        StoredRule(f"en/{n}", 1, "denial" if n % 2 else "allegation", "denial", query, (0.8, 0.6, 0.3))
        for n, query in enumerate(some)
        if ways(query) is not None
    ]


def _article(dice: Random) -> Article:
    title, lead, body = _texts(dice)
    return make_article(title=title, lead=lead, body=body, language="en", outlet="a")


@_settings
@given(dices)
def test_the_index_leaves_no_flag_out(dice: Random) -> None:
    """Flags with the index are the flags of evaluating every rule on the whole article."""
    rules, one = _rules([_query(dice) for _ in range(3)]), _article(dice)
    language = dice.choice(LANGUAGES)
    assert Pack(language, rules).flags(one) == Unindexed(language, rules).flags(one)


@_settings
@given(dices)
def test_what_needs_a_word_has_ways(dice: Random) -> None:
    """The short answer is that of the long one."""
    query = _query(dice)
    assert needs_a_word(query) == (ways(query) is not None)


@given(dices)
def test_local_queries_are_evaluated_on_few_sentences_and_find_the_same(dice: Random) -> None:
    """Looking only at sentences that hold a required word changes no flag."""
    some = [_local(dice, 2) for _ in range(3)]
    rules, one = _rules(some), _article(dice)
    assert all(map(is_local, some))
    language = dice.choice(LANGUAGES)
    assert Pack(language, rules).flags(one) == Unindexed(language, rules).flags(one)


@_settings
@given(dices)
def test_every_quote_is_in_the_stored_text(dice: Random) -> None:
    """Offsets count code points of the stored text, whatever folding does to its length; spans are in text order."""
    rules, one = _rules([_query(dice) for _ in range(3)]), _article(dice)
    for flag in Pack(dice.choice(LANGUAGES), rules).flags(one):
        assert [getattr(one, span.field)[span.start : span.end] for span in flag.spans] == [s.quote for s in flag.spans]
        places = [(FIELDS.index(span.field), span.start, span.end) for span in flag.spans]
        assert places == sorted(places)
        assert all(start < end for _, start, end in places)


def test_a_query_about_the_whole_article_sees_all_its_sentences() -> None:
    """The rarest word decides which articles are looked at, and what else the query asks for may be anywhere."""
    rules = _rules([parse_query("uncontested AND no"), parse_query("uncontested NOT ab")])
    one = make_article(title="Uncontested. It was", lead="He said no. Bye", body="Ab", language="en")
    assert [flag.rule for flag in Pack("en", rules).flags(one)] == ["en/0"]
    assert [[span.quote for span in flag.spans] for flag in Pack("en", rules).flags(one)] == [["Uncontested", "no"]]


@pytest.mark.parametrize(
    ("query", "title", "body", "looked_at"),
    [
        ("denies NEAR/3 report", "The report is out", "", 0),
        ("denies NEAR/3 report", "It denies. The report is out", "", 0),
        ("denies NEAR/3 report", "It denies what the very long report says", "", 1),
        ("title:denies NEAR/3 report", "Fish", "It denies the report", 0),
        ('"no truth in" OR denies', "No part in it", "", 0),
    ],
)
def test_the_index_looks_at_few_sentences(query: str, title: str, body: str, looked_at: int) -> None:
    """A sentence is evaluated only if it holds a word of every group that the query requires, in the right field."""
    pack = Pack("en", _rules([parse_query(query)]))
    assert len(pack.candidates((title, "", body)).sentences) == looked_at


def _matches(query: str, **given_fields: str) -> list[list[str]]:
    """The words of each match of a query, in text order."""
    named: dict[Field, str] = {field: given_fields.get(field, "") for field in FIELDS}
    given_texts = tuple(named.values())
    vocabulary = Vocabulary()
    stored = vocabulary.store(parse_query(query))
    text = Text(vocabulary.postings(_cuts(given_texts)), {"outlet": {"a"}})
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
        ("deny NOT NEAR/0 (no NEAR/5 bail OR yes)", "no yes for bail deny", []),
        ('"war crimes"', "War crimes, war-crimes and war of crimes", [["war crimes"], ["war crimes"]]),
        ('"war crime*"', "war criminals and war crimes", [["war crimes"]]),
        ("accus*", "Accused of accusing: accuracy", [["accused"], ["accusing"]]),
        ("didn't", "He didn’t", [["didn't"]]),
        ("strasse", "Straße", [["strasse"]]),
        ("否认 NEAR/3 指控", "市长否认受贿的指控", [["否 认", "指 控"]]),
        ("否认 NEAR/2 指控", "市长否认受贿的指控", []),
        ("否认 NEAR/9 指控", "市长否认。指控不断", []),
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
