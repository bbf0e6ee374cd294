"""Comparing what the topics carry with what the demo expects."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from pipeline.demo.expectations import Expected, Page, compare, still_to_come
from pipeline.records import Article, Flag, FlaggedArticle, Span
from tests.articles import NOON, make_article

HOST = "https://herald.example"


def expected(**changes: Any) -> Expected:
    """Two feeds: a denial, a page in both feeds, a copy of it, and a page that is revised."""
    denial = {"kind": "denial", "category": "denial"}
    items: list[dict[str, Any]] = [
        {"path": "/denial", "feeds": ["a"], "dedupe": ["new"], "flags": [denial], "why": "a denial"},
        {"path": "/both", "feeds": ["a", "b"], "dedupe": ["new", "seen_again"], "flags": [], "why": "in both"},
        {
            "path": "/copy", "feeds": ["b"], "dedupe": ["duplicate"], "copy_of": "/both", "flags": [], "why": "a copy",
        },
        {"path": "/page", "feeds": ["a"], "dedupe": ["new"], "flags": [], "why": "before"},
        {"path": "/page", "feeds": ["a"], "poll": 2, "dedupe": ["revision"], "flags": [denial], "why": "after"},
    ]  # fmt: skip
    value = {"never_quoted": ["Coach denies shouting"], "items": [{"outlet": "The Herald", **item} for item in items]}
    return Expected.model_validate(value | changes)


def article(number: int, path: str, feed: str = "a", **changes: Any) -> Article:
    """An article of the Herald."""
    return make_article(number, url=HOST + path, feed=f"http://127.0.0.1/feeds/{feed}.xml", **changes)


DENIAL = article(1, "/denial", title="Mayor denies report")
BOTH = article(2, "/both")
BOTH_AGAIN = article(2, "/both", "b")
COPY = article(3, "/copy", "b", title=BOTH.title)
PAGE = article(4, "/page")
REVISED = article(4, "/page", lead="The mayor denied it.", revision_of=PAGE.text_hash)

RAW = [DENIAL, BOTH, BOTH_AGAIN, COPY, PAGE, REVISED]
FRESH = [DENIAL, BOTH, PAGE, REVISED]


def flag_of(
    one: Article, kind: Literal["denial", "allegation"] = "denial", field: Literal["title", "lead"] = "title"
) -> FlaggedArticle:
    """A flag that quotes a whole field."""
    text = getattr(one, field)
    span = Span(field=field, start=0, end=len(text), quote=text)
    flag = Flag(id="f", kind=kind, category="denial", rule="en/denied", version=1, score=1.0, spans=(span,))
    return FlaggedArticle(article=one, flags=(flag,), ruleset="r", flagged=NOON)


FLAGGED = [flag_of(DENIAL), flag_of(REVISED)]


def test_everything_as_expected_is_met() -> None:
    """Nothing missing, nothing unexpected."""
    verdict = compare(expected(), RAW, FRESH, FLAGGED)
    assert verdict.met
    assert verdict.missing == verdict.unexpected == ()


def test_the_copy_may_come_first() -> None:
    """Which of two pages with one text passes depends on the order; that one does is what counts."""
    assert compare(expected(), RAW, [DENIAL, COPY, PAGE, REVISED], FLAGGED).met


def test_what_is_delivered_twice_counts_once() -> None:
    """At least once is no fault, on any topic."""
    assert compare(expected(), RAW * 2, FRESH * 2, FLAGGED * 2).met


@pytest.mark.parametrize(
    ("raw", "fresh", "flagged", "missing", "unexpected"),
    [
        (RAW[1:], FRESH, FLAGGED, "The Herald /denial: arrived 0 of 1 times on articles.raw", None),
        (
            [one for one in RAW if one is not BOTH_AGAIN],
            FRESH,
            FLAGGED,
            "The Herald /both: arrived 1 of 2 times on articles.raw",
            None,
        ),
        ([*RAW, article(1, "/denial", "b")], FRESH, FLAGGED, None, "The Herald /denial: arrived 2 times"),
        (RAW, FRESH[1:], FLAGGED, "The Herald /denial: did not pass dedupe", None),
        (RAW, FRESH[:-1], FLAGGED, "The Herald /page (revision): did not pass dedupe", None),
        (RAW, [*FRESH, COPY], FLAGGED, None, "The Herald /both: passed dedupe 2 times, expected 1"),
        (RAW, FRESH, FLAGGED[:1], "The Herald /page (revision): no denial was flagged", None),
        (
            RAW,
            FRESH,
            [*FLAGGED, flag_of(PAGE, "allegation")],
            None,
            "The Herald /page: flagged as allegation by “Council opens bridge number 4”",
        ),
        (RAW, FRESH, [*FLAGGED, flag_of(DENIAL, "allegation")], None, "The Herald /denial: flagged as allegation"),
        ([*RAW, article(9, "/stranger")], FRESH, FLAGGED, None, "The Herald /stranger: an article that no feed"),
    ],
    ids=[
        "an article is lost", "one of two feeds is lost", "an article comes too often", "an article stops at dedupe",
        "a revision stops at dedupe", "a copy passes, too", "a flag is missing", "a flag that is not listed",
        "a flag of another kind", "an article from elsewhere",
    ],
)  # fmt: skip
def test_each_difference_is_told(
    raw: list[Article], fresh: list[Article], flagged: list[FlaggedArticle], missing: str | None, unexpected: str | None
) -> None:
    """One fault, one line that names the article and what is wrong, on its own side."""
    verdict = compare(expected(), raw, fresh, flagged)
    assert not verdict.met
    for lines, wanted in ((verdict.missing, missing), (verdict.unexpected, unexpected)):
        assert len(lines) == (wanted is not None)
        assert all(line.startswith(wanted or "") for line in lines)


def test_a_quote_from_an_unrelated_headline_is_told() -> None:
    """Even where the kind is expected: a part of the headline is enough, and whatever the case of its letters."""
    furnished = article(1, "/denial", title="Mayor denies report", lead="Also: coach denies SHOUTING at referee")
    span = Span(field="lead", start=12, end=18, quote="denies")
    one = flag_of(furnished)
    flagged = FlaggedArticle(
        article=furnished,
        flags=(*one.flags, Flag(id="g", kind="denial", category="", rule="r", version=1, score=1, spans=(span,))),
        ruleset="r",
        flagged=NOON,
    )
    verdict = compare(expected(), [furnished, *RAW[1:]], [furnished, *FRESH[1:]], [flagged, FLAGGED[1]])
    assert verdict.missing == ()
    assert [line for line in verdict.unexpected if "“denies” of the unrelated headline" in line] == [
        *verdict.unexpected
    ]
    assert len(verdict.unexpected) == 1


def test_what_is_still_to_come_shrinks_to_nothing() -> None:
    """The revision is waited for like every other arrival."""
    assert len(still_to_come(expected(), [])) == 4
    assert still_to_come(expected(), RAW[:-1]) == ("The Herald /page: arrived 1 of 2 times on articles.raw",)
    assert still_to_come(expected(), RAW) == ()


def test_a_page_is_known_by_outlet_path_and_query() -> None:
    """The host may have lost its www; the query is a part of the page's name."""
    assert str(Page.of(article(1, "/a/1?page=1&sec=x"))) == "The Herald /a/1?page=1&sec=x"
