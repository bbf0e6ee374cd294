"""Who denies and who accuses in sentences of our own, by the shipped rules: `tests/gold/actors_own.jsonl`.

Each line has the names as the text has them, or null where nobody is named. Only what the rules flag is scored. The
floors are a little below what was reached; the list of misses that a failure prints tells where to look.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from bench.actors import Outcome, best_flag
from pipeline.resources import shipped
from pipeline.rules import load_rules

GOLD = Path(__file__).parent.parent / "gold" / "actors_own.jsonl"
RIGHT = 0.97
"""Of those named, how many are found."""

GUESSED = 0.05
"""Of places where nobody is named, in how many somebody is found all the same."""

SCORED = 0.85
"""Of the sentences, how many are flagged at all."""


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """What is found for each name, of the sentences that are flagged."""
    rules = load_rules(shipped("config") / "rules")
    found = []
    for line in map(json.loads, GOLD.read_text(encoding="utf-8").splitlines()):
        kind = "denial" if "denial" in line else "allegation"
        if (flag := best_flag(rules, line, kind)) is not None:
            mentions = (("actor", flag.actor), ("target", flag.target))
            found += [Outcome({**line, "kind": kind}, key, mention, line["headline"]) for key, mention in mentions]
    return found


@pytest.mark.parametrize("key", ["actor", "target"])
def test_people_are_found_and_nobody_is_made_up(outcomes: list[Outcome], key: str) -> None:
    """How often whoever is named is found, and nobody else."""
    verdicts = Counter(one.verdict for one in outcomes if one.key == key)
    named = verdicts["right"] + verdicts["wrong"] + verdicts["missed"]
    empty = verdicts["none"] + verdicts["guessed"]
    not_right = "\n".join(str(one) for one in outcomes if one.verdict in ("wrong", "missed", "guessed"))
    assert verdicts["right"] >= RIGHT * named, not_right
    assert verdicts["guessed"] <= GUESSED * empty, not_right


def test_most_of_the_sentences_count(outcomes: list[Outcome]) -> None:
    """A test that scores nothing would be passed by nothing."""
    lines = len(GOLD.read_text(encoding="utf-8").splitlines())
    assert len(outcomes) / 2 >= SCORED * lines
