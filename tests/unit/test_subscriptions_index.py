"""The index finds just the queries that a story matches, however they came and went; and a query means what its naive
evaluation says."""

from __future__ import annotations

from random import Random
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import FIELDS, StoryEvent, Thread, ThreadEvent
from pipeline.records.thread import Evidence, Parties, Party, Side, State
from pipeline.rules.folding import FORMS
from pipeline.rules.query import (
    And,
    Attribute,
    Compare,
    Everything,
    In,
    Near,
    Not,
    NotNear,
    Or,
    Phrase,
    Query,
    Word,
    either,
)
from pipeline.rules.tokens import sentences, words
from pipeline.subscriptions import index as module
from pipeline.subscriptions.holds import holds
from pipeline.subscriptions.index import SubscriptionIndex
from pipeline.subscriptions.query import Wanted, parse_query
from pipeline.subscriptions.text import StoryText, matches, story_text
from tests.articles import NOON, make_article
from tests.unit.reference import Place, evaluate

WORDS = ("deny", "denied", "denial", "no", "straße", "否", "认", "ونفى", "نفي", "وللتهم", "fork", "spoon", "ab", "a")
SEPARATORS = (", ", ". ", "\n", "-", " ", " ", " ", " ", "。")
TERMS = (
    *(Word(text) for text in ("deny", "denied", "no", "strasse", "否", "认", "نفي", "التهم", "fork", "spoon", "a")),
    *(Word(text, prefix=True) for text in ("de", "den", "denied", "stra", "ته", "fo", "ab", "no")),
)
NAMES = ("Aland", "New Aland", "Borduria Navy")
ATTRIBUTES = (
    *(Attribute("state", state) for state in get_args(State)),
    *(Attribute("lang", language) for language in ("en", "ar", "de")),
    *(Attribute(name, value) for name in ("actor", "target", "owner") for value in ("aland", "new aland", "navy")),
    *(Attribute("outlet", value) for value in ("herald", "herald example")),
)
COMPARISONS = [
    Compare(name, comparator, value)
    for name in ("sources", "articles", "lag")
    for comparator in ("<", "<=", "=", ">=", ">")
    for value in (0, 1, 2)
]

# Trees and stories are thrown from a seed: hypothesis's own choices are mostly the simplest, which seldom match.
dices = st.integers(0, 2**64).map(Random)
_settings = settings(max_examples=500, deadline=None)  # no deadline: the law is about results, not about speed


def _local(dice: Random, depth: int) -> Query:
    if not depth or dice.random() < 0.3:
        pair = Phrase((dice.choice(TERMS), dice.choice(TERMS)))
        return dice.choice([dice.choice(TERMS), dice.choice(TERMS), pair, either((pair, dice.choice(TERMS)))])
    one, two = _local(dice, depth - 1), _local(dice, depth - 1)
    distance, ordered = dice.randrange(4), dice.random() < 0.5
    made: list[Query] = [
        Near(one, two, distance, ordered),
        Near(one, two, distance, ordered),
        NotNear(one, two, distance, ordered),
        either((one, two)),
        In(dice.choice(FIELDS), one),
    ]
    return dice.choice(made)


def _query(dice: Random, depth: int = 3) -> Query:
    if not depth or dice.random() < 0.3:
        return dice.choice([_local(dice, 2), _local(dice, 2), dice.choice(ATTRIBUTES), dice.choice(COMPARISONS)])
    one, two = _query(dice, depth - 1), _query(dice, depth - 1)
    made: list[Query] = [
        And((one, two)),
        And((one, two, _query(dice, depth - 1))),
        Not(one, two),
        Not(Everything(), one),
        either((one, two)),
        Or((one, two)),
        In("title", one),
        Everything(),
    ]
    return dice.choice(made)


def _text(dice: Random) -> str:
    count = dice.randrange(8)
    return "".join(part for _ in range(count) for part in (dice.choice(WORDS), dice.choice(SEPARATORS)))


def _parties(dice: Random) -> Parties:
    names = dice.sample(NAMES, dice.randrange(3))
    return Parties(named=tuple(Party(name=name, first=_quote(dice)) for name in names))


def _quote(dice: Random) -> Evidence:
    return Evidence(article="0" * 32, text_hash="0" * 16, published=NOON, quote=_text(dice))


def _told(dice: Random) -> StoryEvent:
    language = dice.choice(("en", "ar"))
    article = make_article(title=_text(dice), lead=_text(dice), body=_text(dice), language=language)
    sources = tuple(f"owner:{number}" for number in range(dice.randrange(4)))
    thread = Thread(
        id="0" * 32, language=language, state=dice.choice(get_args(State)), claim=_quote(dice), title=_text(dice),
        accusers=_parties(dice), accused=_parties(dice), lag_seconds=dice.choice((None, 0, 1, 2)),
        members=dice.randrange(4), telling=Side(sources=sources), first_activity=NOON, last_activity=NOON,
    )  # fmt: skip
    event = ThreadEvent(id="e", thread="0" * 32, kind="joined", cause="c", when=NOON, what="It.", processed=NOON)
    return StoryEvent(event=event, thread=thread, article=article)


def _story(dice: Random) -> StoryText:
    return story_text(_told(dice), lambda *_: "Aland Navy")


@_settings
@given(dices)
def test_a_query_is_for_a_story_when_its_definition_says_so(dice: Random) -> None:
    """`matches` is equal to the naive evaluation over the words of the texts, which knows no terms and no extents."""
    told = _told(dice)
    thread, article = told.thread, told.article
    assert thread is not None
    assert article is not None
    quotes = [thread.claim, *(one.first for parties in (thread.accusers, thread.accused) for one in parties.named)]
    texts = (
        f"{article.title}\n\n{thread.title}",
        article.lead,
        "\n\n".join([article.body, *(one.quote for one in quotes)]),
    )
    forms = FORMS.get(article.language)
    places = [
        Place(position, FIELDS[field], word, forms(word) if forms else ())
        for field, text in enumerate(texts)
        for one in sentences(field, text)
        for position, word in enumerate(words(text[one.start : one.end]), one.position)
    ]
    text, query = story_text(told, lambda *_: "Aland Navy"), _query(dice)
    expected = evaluate(query, places, text.text.attributes, text.text.numbers)
    assert matches(Wanted(query), text) is bool(expected)


@_settings
@given(dices)
def test_the_index_finds_what_each_query_by_itself_finds(dice: Random) -> None:
    """After any row of puts, replacements and removals, of queries of every kind."""
    known: dict[str, Wanted] = {str(number): Wanted(_query(dice)) for number in range(dice.randrange(12))}
    index = SubscriptionIndex(known.items())
    for _ in range(dice.randrange(12)):
        name = str(dice.randrange(8))
        if dice.random() < 0.5:
            known.pop(name, None)
            index.remove(name)
        else:
            known[name] = Wanted(_query(dice))
            index.put(name, known[name])
    assert len(index) == len(known)
    for _ in range(3):
        story = _story(dice)
        assert index.matching(story) == {name for name, query in known.items() if matches(query, story)}


@_settings
@given(dices)
def test_an_index_that_everybody_left_is_empty(dice: Random) -> None:
    """Nothing of a removed query stays: a year of changes costs no memory."""
    index = SubscriptionIndex((str(number), Wanted(_query(dice))) for number in range(8))
    for number in dice.sample(range(8), 8):
        index.remove(str(number))
    assert not any(getattr(index, name) for name in vars(index))


def _looked_at(monkeypatch: pytest.MonkeyPatch, index: SubscriptionIndex, story: StoryText) -> int:
    seen: list[Query] = []

    def asked(query: Query, story: StoryText) -> bool:
        seen.append(query)
        return holds(query, story)

    monkeypatch.setattr(module, "holds", asked)
    index.matching(story)
    return len(seen)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("spoon AND embezzlement", 0),
        ("embezzle* AND spoon", 0),
        ("lang:en AND embezzlement", 0),
        ("lang:en AND state:disputed AND actor:Curland", 0),
        ("state:denied", 0),
        ("spoon AND zz", 0),
        ("spoon AND zz*", 0),
        ("spoon AND lang:de", 0),
        ('"no embezzlement"', 0),
        ("spoon NEAR/3 (embezzlement OR fork)", 1),
        ("spoon OR embezzlement", 1),
        ("spoon NOT embezzlement", 1),
        ("spo*", 1),
        ("lang:en", 1),
        ("actor:Aland", 1),
        ("NOT lang:en", 1),
        ("sources:>30", 1),
        ("sources:>30 AND embezzlement", 0),
    ],
)
def test_few_queries_are_looked_at(monkeypatch: pytest.MonkeyPatch, query: str, expected: int) -> None:
    """A query is evaluated only for stories that have the rarest of what it requires."""
    told = _told(Random(1))
    assert told.thread is not None
    aland = Parties(named=(Party(name="Aland", first=_quote(Random(1))),))
    thread = Thread(
        id="0" * 32, language="en", state="disputed", claim=told.thread.claim, title="No spoon", accusers=aland,
        first_activity=NOON, last_activity=NOON,
    )  # fmt: skip
    story = story_text(StoryEvent(event=told.event, thread=thread, article=make_article()), lambda *_: "")
    assert _looked_at(monkeypatch, SubscriptionIndex([("a", parse_query(query))]), story) == expected


def test_what_many_ask_for_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand subscribers of one query cost what one does, and each is found."""
    story = story_text(_told(Random(1)), lambda *_: "")
    index = SubscriptionIndex((str(number), parse_query("  sources:>=0 ")) for number in range(1_000))
    assert index.matching(story) == {str(number) for number in range(1_000)}
    assert _looked_at(monkeypatch, index, story) == 1


def test_terms_that_many_ask_for_are_left_to_others() -> None:
    """Of two long words the one is chosen that fewer queries are stored under."""
    index = SubscriptionIndex((str(n), parse_query(f"corruption AND nemesis{n}")) for n in range(10 * module._CROWD))
    assert max(map(len, index._under.values())) <= module._CROWD + 1
