"""What a query can be, and where a wrong one stops making sense."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rules.grammar import MAX_DEPTH, MAX_LENGTH, QueryError, parse_entry, parse_query
from pipeline.rules.query import (
    And,
    AnyOf,
    Attribute,
    In,
    Near,
    Not,
    NotNear,
    Or,
    Phrase,
    Query,
    Unless,
    Word,
    either,
)

A, B, C = Word("a"), Word("b"), Word("c")
LISTS = {"cues": either((Word("deny"), Phrase((Word("hit"), Word("back")))))}


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("Deny", Word("deny")),
        ("accus*", Word("accus", prefix=True)),
        ("a OR b", AnyOf(frozenset({A, B}))),
        ("a AND b AND c", And((A, B, C))),
        ("a OR b AND c", Or((AnyOf(frozenset({A})), And((B, C))))),
        ("a NOT b", Not(A, B)),
        ("a AND NOT b", Not(A, B)),
        ("a NEAR/3 b", Near(A, B, 3)),
        ("a ONEAR/0 b", Near(A, B, 0, ordered=True)),
        ("a NEAR/1 b NEAR/2 c", Near(Near(A, B, 1), C, 2)),
        ("a NOT NEAR/3 b", NotNear(A, B, 3)),
        ("a AND NOT ONEAR/3 b", NotNear(A, B, 3, ordered=True)),
        ("a NEAR/1 b UNLESS c", Unless(Near(A, B, 1), C)),
        ("title:a", In("title", A)),
        ("lead:(a AND b)", In("lead", And((A, B)))),
        ('actor:"North Korea"', Attribute("actor", "north korea")),
        ("kind:denial", Attribute("kind", "denial")),
        ('"war crime*"', Phrase((Word("war"), Word("crime", prefix=True)))),
        ("“war crime”", Phrase((Word("war"), Word("crime")))),
        ("U.S.", Phrase((Word("u"), Word("s")))),
        ("didn’t", Word("didn't")),
        ("@cues", LISTS["cues"]),
        ("@cues OR a", AnyOf(LISTS["cues"].terms | {A})),  # type: ignore[union-attr]  # two terms make an AnyOf
        ('"and"', Word("and")),
        ("android", Word("android")),
        ("NOTE", Word("note")),
    ],
)
def test_queries_become_trees(text: str, tree: Query) -> None:
    """Each operator, its precedence and its grouping."""
    assert parse_query(text, LISTS) == tree


@pytest.mark.parametrize(
    ("text", "column", "token", "why"),
    [
        ("deny charge", 6, "charge", "a phrase needs quotes"),
        ("deny NEARR/3 x", 6, "NEARR/3", "makes no sense here"),
        ("deny NEAR x", 6, "NEAR", "NEAR/5"),
        ("deny and x", 6, "and", "capitals"),
        ("deny AND", 9, "the end", "ends too early"),
        ("(deny OR x", 11, "the end", "closing bracket"),
        ("deny) OR x", 5, ")", "makes no sense here"),
        ('deny OR "x', 9, '"x', "never closed"),
        ("NOT deny", 1, "NOT", "both sides"),
        ("head:deny", 5, ":deny", "fields are title:"),
        ("@missing", 1, "@missing", "no list 'missing'"),
        ("@Bad", 1, "@Bad", "small letters"),
        ("d*", 1, "d*", "at least 2"),
        ("de*y", 1, "de*y", "only end a word"),
        ("x OR --", 6, "--", "no word"),
        ("a NEAR/51 b", 3, "NEAR/51", "at most 50"),
        ("(a AND b) NEAR/3 c", 11, "NEAR/3", "go outside it"),
        ("a UNLESS lang:en", 3, "UNLESS", "go outside it"),
        ("a NEAR/1 (b NOT c)", 3, "NEAR/1", "go outside it"),
        ("", 1, "the end", "ends too early"),
    ],
)
def test_errors_name_the_column_and_the_token(text: str, column: int, token: str, why: str) -> None:
    """A wrong query is refused at the word where it stops making sense, with what to do."""
    with pytest.raises(QueryError) as caught:
        parse_query(text, LISTS)
    assert (caught.value.column, caught.value.token) == (column, token)
    assert why in caught.value.message


def test_errors_name_the_line_of_a_long_query() -> None:
    """In a query of several lines the line counts too."""
    with pytest.raises(QueryError) as caught:
        parse_query("a OR\n  b c")
    assert (caught.value.line, caught.value.column) == (2, 5)


@pytest.mark.parametrize(
    "text",
    [
        "(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1),
        "a" * (MAX_LENGTH + 1),
        "title:" * 1_000 + "a",
        *(f"a{operator}" * 500 + "a" for operator in (" NEAR/1 ", " AND ", " NOT ", " UNLESS ", " NOT NEAR/1 ")),
        "(a AND " * 30 + "a" + ")" * 30,
        "(" * 25 + "a" + (" AND a" * 20 + ")") * 25,
        "(" * 25 + "a" + (" AND a" * 20 + " OR a)") * 25,
    ],
)
def test_hostile_queries_are_refused_before_they_are_parsed(text: str) -> None:
    """Depth and length have limits, so that no query exhausts the stack."""
    with pytest.raises(QueryError):
        parse_query(text)


def test_what_or_joins_is_no_depth() -> None:
    """A long list of pairs is a sound query."""
    parse_query(" OR ".join(f"(a{n} AND b{n})" for n in range(2 * MAX_DEPTH)))
    parse_query(" OR ".join(f"a{n} AND b{n}" for n in range(2 * MAX_DEPTH)))
    parse_query(f"({'a AND ' * 30}a) OR (b) {'AND a ' * 30}")


@given(st.text(alphabet='abANDORTE/12()"*: @nt-', max_size=30))
def test_any_text_is_a_query_or_a_query_error(text: str) -> None:
    """Nothing else comes out of the parser."""
    with contextlib.suppress(QueryError):
        parse_query(text)


def test_list_entries_are_words_or_phrases() -> None:
    """An entry of a list needs no quotes."""
    assert parse_entry("brush off") == Phrase((Word("brush"), Word("off")))
    assert parse_entry("fabricat*") == Word("fabricat", prefix=True)
    with pytest.raises(QueryError):
        parse_entry("?!")
