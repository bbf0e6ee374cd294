"""Debunks, non-denials and looking back, in English."""

from __future__ import annotations

import pytest

from pipeline.resources import shipped
from pipeline.rules import Rules, load_rules
from tests.articles import make_article


@pytest.fixture(scope="module")
def rules() -> Rules:
    """The shipped rules."""
    return load_rules(shipped("config") / "rules")


def kinds(rules: Rules, title: str) -> set[str]:
    """Kinds of the flags of an English title."""
    return {flag.kind for flag in rules.flags(make_article(title=title, lead="", body="", language="en"))}


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Photo of submerged cathedral is a fake, museum says", "debunk"),
        ("No, Karsian farmers did not dye the river green", "debunk"),
        ("Experts debunk claim that vaccine contains glass", "debunk"),
        ("Treasury would not rule out a windfall tax", "non_denial"),
        ("General neither confirmed nor denied the strike", "non_denial"),
        ("Coach declines to deny he will leave", "non_denial"),
    ],
)
def test_kinds_of_their_own(rules: Rules, title: str, kind: str) -> None:
    """A claim shown to be false by others is a debunk, a refusal to deny a non-denial; neither is a denial."""
    found = kinds(rules, title)
    assert kind in found
    assert "denial" not in found


@pytest.mark.parametrize("title", ["Ferry lands with 200 on board", "Council approves new bridge over the Orle"])
def test_ordinary_news_has_neither(rules: Rules, title: str) -> None:
    """Nothing is flagged without a word for it."""
    assert kinds(rules, title) == set()


@pytest.mark.parametrize(
    ("title", "historic"),
    [
        ("In 1953 the agency denied that it had toppled the premier", True),
        ("On this day: president denies knowing of the break-in", True),
        ("Bishop denies abusing choir boys in 1995", False),
        ("Minister denies taking bribes", False),
    ],
)
def test_looking_back(rules: Rules, title: str, historic: bool) -> None:
    """What was denied long ago is flagged and marked; a denial of today about something old is not marked."""
    flags = [
        flag
        for flag in rules.flags(make_article(title=title, lead="", body="", language="en"))
        if flag.kind == "denial"
    ]
    assert flags
    assert {flag.historic for flag in flags} == {historic}
