"""What a subscriber can ask for, what is said to a wrong query, and which stories a query is for."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Kind, StoryEvent, Thread, ThreadEvent
from pipeline.records.thread import MAX_SOURCES, EventKind, Evidence, Parties, Party, Side, State
from pipeline.rules.query import (
    And,
    AnyOf,
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
)
from pipeline.subscriptions.query import FIELD_NAMES, MAX_NEARS, QueryError, parse_query
from pipeline.subscriptions.text import matches, story_text
from tests.articles import NOON
from tests.disputes import accuses, article_id, denies, telling

A, B = Word("aa"), Word("bb")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", Everything()),
        (" \n", Everything()),
        ("fraud", Word("fraud")),
        ("brib*", Word("brib", prefix=True)),
        ('"silver spoons"', Phrase((Word("silver"), Word("spoons")))),
        ("aa OR bb", AnyOf(frozenset({A, B}))),
        ("aa AND bb", And((A, B))),
        ("aa NOT bb", Not(A, B)),
        ("NOT aa", Not(Everything(), A)),
        ("NOT aa AND bb", And((Not(Everything(), A), B))),
        ("aa OR NOT bb", Or((AnyOf(frozenset({A})), Not(Everything(), B)))),
        ("aa NEAR/3 bb", Near(A, B, 3)),
        ("aa NOT ONEAR/3 bb", NotNear(A, B, 3, ordered=True)),
        ("title:(aa AND bb)", In("title", And((A, B)))),
        ("state:Denied", Attribute("state", "denied")),
        ("kind:non-denial", Attribute("kind", "non_denial")),
        ("event:new_denier", Attribute("event", "new_denier")),
        ("lang:EN", Attribute("lang", "en")),
        ('actor:"North  Korea"', Attribute("actor", "north korea")),
        ("outlet:herald.example", Attribute("outlet", "herald example")),
        ("state:(denied OR disputed)", Or((Attribute("state", "denied"), Attribute("state", "disputed")))),
        ("target:(RUS)", Attribute("target", "rus")),
        ("sources:>2", Compare("sources", ">", 2)),
        ("sources:3", Compare("sources", "=", 3)),
        ("articles:<=100", Compare("articles", "<=", 100)),
        ("lag:<1h", Compare("lag", "<", 3600)),
        ("lag:>=1.5d", Compare("lag", ">=", 129600)),
        ("lag:=90s", Compare("lag", "=", 90)),
        ("lag:>10m", Compare("lag", ">", 600)),
        ('"12:30"', Phrase((Word("12"), Word("30")))),
    ],
)
def test_queries_become_trees(text: str, tree: Query) -> None:
    """Words as in rules; fields, numbers and a NOT with nothing before it besides."""
    wanted = parse_query(text)
    assert wanted.tree == tree
    assert wanted.text == text


@pytest.mark.parametrize(
    ("text", "column", "token", "why"),
    [
        ("*", 1, "*", "leave the query empty"),
        ("fraud AND stat:denied", 11, "stat:", "did you mean state:"),
        ("headline:fraud", 1, "headline:", "did you mean title:"),
        ("accused:Aland", 1, "accused:", "did you mean target:"),
        ("source:>2", 1, "source:", "did you mean sources:"),
        ("Title:fraud", 1, "Title:", "did you mean title:"),
        ("http://herald.example", 1, "http:", "put them in quotes"),
        ("xyzzy:fraud", 1, "xyzzy:", "fields are title: lead: body: actor:"),
        ("title: fraud", 1, "title:", "without a blank, as in title:word"),
        ("state: denied", 1, "state:", "without a blank, as in state:denied"),
        ("fraud AND state:denid", 17, "denid", "did you mean state:denied"),
        ("kind:(denial OR rumour)", 17, "rumour", "one of denial, allegation, debunk, non_denial"),
        ("event:heartbeat", 7, "heartbeat", "there is no event"),
        ("lang:english", 6, "english", "two letters"),
        ("thread:4513", 8, "4513", "first 8 hex digits"),
        ("thread:45133c1z", 8, "45133c1z", "first 8 hex digits"),
        ("actor:Rus*", 7, "Rus*", "write whole words"),
        ('outlet:"--"', 8, '"--"', "there is no word here"),
        ("sources>2", 1, "sources>2", "sources:>2"),
        ("sources:> 2", 1, "sources:>", "a number is missing"),
        ("sources: >2", 1, "sources:", "a number is missing"),
        ("sources:=>2", 1, "sources:=>2", "one of < <= = >= >"),
        ("sources:many", 1, "sources:many", "'many' is no number"),
        ("sources:>2h", 1, "sources:>2h", "without a unit"),
        ("articles:>1.5", 1, "articles:>1.5", "whole number"),
        (f"sources:>{MAX_SOURCES}", 1, f"sources:>{MAX_SOURCES}", f"sources:>={MAX_SOURCES}"),
        ("sources:40", 1, "sources:40", f"counted up to {MAX_SOURCES}"),
        ("fraud AND lag:<1", 11, "lag:<1", "needs a unit: lag:<1s"),
        ("lag:<1w", 1, "lag:<1w", "s, m, h or d"),
        ("aa UNLESS bb", 4, "UNLESS", "write NOT"),
        ("@claims", 1, "@claims", "lists are for rules"),
        ("AND NOT aa", 1, "AND NOT", "AND needs something"),
        ("aa bb", 4, "bb", "a phrase needs quotes"),
        ("aa\nOR bb cc", 7, "cc", "a phrase needs quotes"),
        ("(aa OR", 7, "the end", "ends too early"),
        ("aa NEAR/3 lang:en", 4, "NEAR/3", "go outside it"),
        ("aa" + " NEAR/1 aa" * (MAX_NEARS + 1), 4 + 10 * MAX_NEARS, "NEAR/1", "say some of it with AND"),
        ("aa" + " NOT NEAR/1 aa" * (MAX_NEARS + 1), 4 + 14 * MAX_NEARS, "NOT NEAR/1", "say some of it with AND"),
    ],
)
def test_a_wrong_query_is_told_where_what_and_what_instead(text: str, column: int, token: str, why: str) -> None:
    """Each error names the word, and what to write."""
    with pytest.raises(QueryError) as caught:
        parse_query(text)
    assert (caught.value.column, caught.value.token) == (column, token)
    assert why in str(caught.value)


@given(st.text(alphabet='abANDORTE/12()"*: @nt-<>=lagstatesources', max_size=30))
def test_any_text_is_a_query_or_a_query_error(text: str) -> None:
    """Nothing else comes out of the parser, and what comes out can be asked."""
    with contextlib.suppress(QueryError):
        matches(parse_query(text), story_text(_story(), _owner))


@given(st.lists(st.sampled_from(["aa", "(", ")", "NOT", "AND", "OR", "NEAR/2", "title:", "sources:>2", "lang:en"])))
def test_any_row_of_parts_is_a_query_or_a_query_error(parts: list[str]) -> None:
    """Also with operators in every wrong place."""
    with contextlib.suppress(QueryError):
        matches(parse_query(" ".join(parts).replace("title: ", "title:")), story_text(_story(), _owner))


def test_the_list_of_fields_is_that_of_the_language() -> None:
    """Each field that messages list can be asked for, and a query with all of them makes sense."""
    example = {
        "kind": "denial",
        "state": "denied",
        "event": "spread",
        "lang": "en",
        "thread": "45133c1a",
    } | dict.fromkeys(("sources", "articles"), ">2")
    query = " AND ".join(f"{name}:{'<1h' if name == 'lag' else example.get(name, 'word')}" for name in FIELD_NAMES)
    assert isinstance(parse_query(query).tree, And)


def test_the_manual_is_true() -> None:
    """Its examples make sense, it names every field and value, and its errors are those that are raised."""
    manual = (Path(__file__).parents[2] / "docs" / "subscriptions.md").read_text(encoding="utf-8")
    section = manual.partition("## The language\n")[2].partition("\n## ")[0]
    _, examples, *_, errors, _ = section.split("```")
    queries = examples.removeprefix("text").strip().splitlines()
    assert len([parse_query(query) for query in queries]) == 10
    assert all(f"`{name}:" in section for name in FIELD_NAMES)
    assert all(f"`{value}`" in section for value in (*get_args(Kind), *get_args(State)))
    assert all(f"`{value}`" in section for value in get_args(EventKind) if value != "heartbeat")
    for wrong in ("fraud AND stat:denied", "fraud AND state:denid", "lag:<1", "power grid"):
        with pytest.raises(QueryError) as caught:
            parse_query(wrong)
        assert str(caught.value) in errors


def _owner(domain: str, outlet: str) -> str:
    return {"herald.example": "Herald Media Group", "": f"owner of {outlet}"}[domain]


def _quote(text: str, **more: Any) -> Evidence:
    return Evidence(article=article_id(1), text_hash="0" * 16, published=NOON, quote=text, **more)


def _parties(*names: tuple[str, str]) -> Parties:
    return Parties(named=tuple(Party(name=name, code=code, first=_quote("missing forks")) for name, code in names))


def _story(*, article: bool = True, kind: Any = "joined", **changes: Any) -> StoryEvent:
    """Aland and Curland accuse Borduria; the article at hand has its denial to Fredonia, and another accusation."""
    if article:
        told = telling(
            2,
            denies("Borduria", "Fredonia", headline=True),
            accuses("Dorne", "Elbonia"),
            outlet="The Daily Herald",
            lead="A lead of its own.",
        )
    thread = Thread(
        **{
            "id": article_id(1),
            "language": "en",
            "state": "disputed",
            "claim": _quote("stole the cutlery", outlet="Morning Post", source="domain:post.example"),
            "title": "Cutlery row",
            "accusers": _parties(("Aland", "ALAGOV"), ("Curland Foreign Ministry", "CURGOV")),
            "accused": _parties(("Borduria", "BORMIL")),
            "deniers": _parties(("Borduria", "BORGOV")),
            "first_denial": _quote("we never dined there"),
            "lag_seconds": 3600,
            "members": 7,
            "telling": Side(sources=("owner:a", "owner:b", "owner:c")),
            "first_activity": NOON,
            "last_activity": NOON,
        }
        | changes
    )
    event = ThreadEvent(
        id="e", thread=thread.id, kind=kind, cause="test", when=NOON, what="It.", processed=NOON,
        evidence=(_quote("napkins were counted"),),
    )  # fmt: skip
    return StoryEvent(
        event=event,
        thread=thread,
        article=told.article if article else None,
        flags=told.flags if article else (),
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", True),
        ("spoons", True),
        ("title:contradicts", True),
        ("title:cutlery", True),
        ("lead:lead", True),
        ("lead:cutlery", False),
        ("body:accuses", True),
        ("body:contradicts", False),
        ("body:stole", True),
        ("body:dined", True),
        ("body:napkins", True),
        ("body:forks", True),
        ('"cutlery row"', True),
        ('"spoons cutlery"', False),
        ("spoons ONEAR/9 cutlery", False),
        ("silver NEAR/0 spoons", True),
        ("contradict* NEAR/2 others", False),
        ("contradict* NEAR/2 fredonia", True),
        ("borduria ONEAR/0 contradicts ONEAR/0 fredonia", True),
        ("contradicts NEAR/9 spoons NEAR/0 silver", False),
        ("borduria NEAR/3 over NEAR/2 silver", True),
        ("spoons NOT cutlery", False),
        ("spoons NOT forged", True),
        ("spoons NOT NEAR/3 silver", False),
        ("NOT forged", True),
        ("title:(NOT dined)", True),
        ("kind:denial", True),
        ("kind:allegation", True),
        ("kind:debunk", False),
        ("event:joined", True),
        ("event:created", False),
        ("state:disputed", True),
        ("state:(alleged OR denied)", False),
        ("lang:en", True),
        ("lang:de", False),
        (f"thread:{article_id(1)}", True),
        (f"thread:{article_id(1)[:8].upper()}", True),
        (f"thread:{article_id(2)}", False),
        ("actor:Aland", True),
        ("actor:aland", True),
        ("actor:ALAGOV", True),
        ("actor:ALA", True),
        ("actor:ALAG", False),
        ('actor:"Foreign Ministry"', True),
        ('actor:"Curland Ministry"', False),
        ("actor:Ministr", False),
        ("actor:Borduria", True),
        ("actor:Dorne", True),
        ("actor:Fredonia", True),
        ("actor:Elbonia", False),
        ("target:Borduria", True),
        ("target:BORMIL", True),
        ("target:Elbonia", True),
        ("target:Aland", False),
        ("outlet:Herald", True),
        ('outlet:"The Daily Herald"', True),
        ("outlet:herald.example", True),
        ("outlet:example", False),
        ('outlet:"Morning Post"', False),
        ('owner:"Herald Media"', True),
        ("owner:Post", False),
        ("sources:>2", True),
        ("sources:>3", False),
        ("articles:7", True),
        ("articles:<7", False),
        ("lag:<=1h", True),
        ("lag:<1h", False),
        ("(forged OR sources:>=3) AND state:disputed", True),
    ],
)
def test_what_a_query_finds_in_a_story(query: str, expected: bool) -> None:
    """Words where they are looked for, fields of thread and article, numbers of the thread."""
    assert matches(parse_query(query), story_text(_story(), _owner)) is expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("cutlery", True),
        ("spoons", False),
        ("kind:denial", False),
        ("event:silent", True),
        ('outlet:"Morning Post"', True),
        ("outlet:post.example", True),
        ("lag:<100d", False),
        ("NOT lag:<100d", True),
        ("sources:>=0", True),
    ],
)
def test_an_event_without_an_article_is_asked_of_its_thread(query: str, expected: bool) -> None:
    """Time that went by has neither text nor flags; the outlet is that of the claim. A thread without lag has none."""
    told = _story(article=False, kind="silent", lag_seconds=None)
    owners = {"post.example": "Post Holding"}
    assert matches(parse_query(query), story_text(told, lambda domain, _: owners[domain])) is expected


def test_words_count_as_in_rules() -> None:
    """Folded, in every language; Arabic words without what is written onto them."""
    told = _story(language="ar", title="وللتهم Straße")
    text = story_text(told, _owner)
    assert matches(parse_query("التهم AND strasse AND تهم*"), text)
    assert not matches(parse_query("التهم"), story_text(_story(language="fa", title="وللتهم"), _owner))


def test_a_heartbeat_has_no_words_and_no_numbers() -> None:
    """It can be read all the same."""
    told = StoryEvent(event=_story(kind="heartbeat").event, heartbeat=1)
    text = story_text(told, lambda *_: "")
    assert not any(matches(parse_query(query), text) for query in ("cutlery", "sources:>=0", "state:disputed"))


@given(st.sampled_from(["sources", "articles"]), st.integers(0, MAX_SOURCES - 1), st.integers(0, MAX_SOURCES - 1))
def test_comparisons_are_those_of_numbers(name: str, number: int, value: int) -> None:
    """Of <, = and > just one holds; <= and >= are what their names say."""
    side = Side(sources=tuple(f"owner:{n}" for n in range(number)))
    text = story_text(_story(telling=side, members=number), _owner)
    holds = {sign: matches(parse_query(f"{name}:{sign}{value}"), text) for sign in ("<", "<=", "=", ">=", ">")}
    assert holds == {
        "<": number < value, "<=": number <= value, "=": number == value, ">=": number >= value, ">": number > value
    }  # fmt: skip
    assert matches(parse_query(f"{name}:{value}"), text) is holds["="]


@given(st.integers(0, 10**6), st.integers(0, 10**4), st.sampled_from("smhd"))
def test_a_lag_is_compared_in_seconds(lag: int, value: int, unit: str) -> None:
    """Whatever unit it is written in."""
    text = story_text(_story(lag_seconds=lag), _owner)
    seconds = value * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    assert matches(parse_query(f"lag:<{value}{unit}"), text) is (lag < seconds)
    assert matches(parse_query(f"NOT lag:<{value}{unit}"), text) is (lag >= seconds)


@pytest.mark.parametrize("words", [60, 20_000])
def test_near_keeps_few_matches_in_a_hostile_text(words: int) -> None:
    """A text of one word and a chain of NEARs: places are counted once, not each way to get there, and not all."""
    told = story_text(_story(title="ha " * words), _owner)
    assert matches(parse_query(" NEAR/50 ".join(["ha"] * (MAX_NEARS + 1))), told)
    assert not matches(parse_query("ha NOT NEAR/50 ha"), told)
