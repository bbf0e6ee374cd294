"""Comparing what the topics tell of copies and threads with what the demo expects."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from pipeline.demo.disputes import Told, compare_disputes
from pipeline.demo.expectations import Expected, Page, Verdict
from pipeline.demo.report import disputes
from pipeline.records import Article, CopyGroup, CopyOf, Thread
from tests.articles import NOON, make_article
from tests.disputes import Court, accuses, copied, denies, telling

HOST = "https://herald.example"
FIRST = telling(1, accuses(), outlet="Herald", url=f"{HOST}/1")
SECOND = telling(2, denies(), hours=2, outlet="Post", url=f"{HOST}/2")
COPY = copied(3, FIRST, hours=0.5, outlet="Star", url=f"{HOST}/3")
OTHER = telling(4, accuses("Curland"), outlet="Star", url=f"{HOST}/4")

THREAD = {
    "name": "spoons",
    "articles": ["Herald /1", "Post /2", "Star /3"],
    "state": "disputed",
    "accusers": ["Aland"],
    "accused": ["Borduria"],
    "deniers": ["Borduria"],
    "sources": 2,
    "lag_minutes": 120,
    "events": ["disputed"],
    "why": "both sides",
}


def expected(**changes: Any) -> Expected:
    """One thread of three articles, one of which is a copy."""
    copies = {"original": "Herald /1", "copies": ["Star /3"], "why": "the same words"}
    value = {"never_quoted": [], "items": [], "copies": [copies], "threads": [THREAD | changes]}
    return Expected.model_validate(value)


def told(*apart: int, **changes: Any) -> Told:
    """What came of the four articles; ``apart``: those that begin a thread of their own."""
    court = Court(apart={said.article.id for number, said in enumerate(ALL, 1) if number in (4, *apart)})
    for said in ALL:
        court.take(said)
    values = {
        "passed": [said.article for said in ALL],
        "groups": {},
        "threads": dict(court.docket.threads),
        "events": court.events,
    }
    return Told(**values | changes)


ALL = (FIRST, SECOND, COPY, OTHER)


def test_what_is_as_expected_is_met() -> None:
    """And an article that is not listed has a thread of its own."""
    assert compare_disputes(expected(), told()) == Verdict((), ())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": "denied"}, "state disputed, expected denied"),
        ({"sources": 3}, "independent sources 2, expected 3"),
        ({"lag_minutes": None}, "minutes of lag 120, expected unknown"),
        ({"accusers": ["Curland"]}, "accusers Aland, expected Curland"),
        ({"deniers": []}, "deniers Borduria, expected nobody"),
        ({"events": ["stance_changed removed"]}, "no event stance_changed removed"),
    ],
)
def test_what_is_otherwise_is_told(changes: dict[str, Any], said: str) -> None:
    """One line for each thing that is not as it should be."""
    assert compare_disputes(expected(**changes), told()) == Verdict((f"thread “spoons”: {said}",), ())


def test_a_thread_that_fell_apart_is_missed() -> None:
    """Its parts are told, and are no wrong threads."""
    verdict = compare_disputes(expected(), told(2))
    assert verdict.missing == ("thread “spoons”: its articles are apart or not alone: Herald /1, Star /3 | Post /2",)
    assert verdict.unexpected == ()


def test_articles_that_should_be_apart_are_not_expected_together() -> None:
    """Whether one of them is listed or none."""
    listed = expected(articles=["Herald /1", "Star /3"])
    assert compare_disputes(listed, told()).unexpected == (
        "one thread of Herald /1, Post /2, Star /3: they are about different things",
    )


def test_the_newest_original_counts() -> None:
    """A group that was re-pointed is shown with its new original, also where older articles name another."""
    first, copy = FIRST.article, COPY.article
    moved = CopyGroup(
        group=first.id, original=copy.id, was=first.id, published=NOON, at=NOON, url=copy.url, outlet=copy.outlet
    )
    verdict = compare_disputes(expected(), told(groups={first.id: moved}))
    assert verdict.missing == ("Herald /1: original of nothing, expected of Star /3",)
    assert Told([first, copy], {first.id: moved}, {}, []).copies() == {Page("Star", "/3"): {Page("Herald", "/1")}}


def test_copies_that_nobody_expects_are_told() -> None:
    """Two texts that are no copies of each other."""
    first = make_article(8, url=f"{HOST}/8", outlet="Herald")
    group = CopyOf(group=first.id, original=first.id, of=first.id, containment=1.0, contained=1.0, why="The same text.")
    second = replace(make_article(9, url=f"{HOST}/9", outlet="Post"), copy=group)
    passed: list[Article] = [*(said.article for said in ALL), first, second]
    assert compare_disputes(expected(), told(passed=passed)).unexpected == ("Herald /8: original of Post /9",)


def test_a_dispute_is_shown_with_both_sides() -> None:
    """Who, whom, in which words and where; how many articles, copies and sources; how late the denial came."""
    threads: tuple[Thread, ...] = tuple(told().threads.values())
    assert list(disputes(threads)) == [
        "\ndisputed: Spoons, day 1",
        "  Aland alleged it of Borduria: “Aland accuses Borduria over the silver spoons” (Herald)",
        "  Borduria denied it: “Borduria contradicts others over the silver spoons” (Post)",
        "  3 articles, 1 of them a copy, 2 independent sources, denied 2 h after the allegation",
        "",
    ]
