"""Every language's rules on the sentences that were written for them: `tests/gold/<language>.jsonl`.

They show that a pack does what its author meant, not how good it is on news: the author saw them.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from pipeline.dedupe.language import decide_language
from pipeline.records import Article, Kind
from pipeline.resources import shipped
from pipeline.rules import Rules, load_rules

GOLD: Final = Path(__file__).parents[1] / "gold"
LANGUAGES: Final = sorted(path.stem for path in GOLD.glob("??.jsonl"))

MIN_SENTENCES: Final = 25
"""Of each stratum, in each language."""

MIN_RATE: Final = 0.9
"""Precision and recall, for each kind."""

MIN_DECIDED: Final = 0.9
"""Headlines of a few Chinese signs are taken for Japanese now and then; all others are decided right."""

SCORED: Final[tuple[Kind, ...]] = ("denial", "allegation")


@cache
def _rules() -> Rules:
    return load_rules(shipped("config") / "rules")


@cache
def _gold(language: str) -> tuple[dict[str, Any], ...]:
    lines = (GOLD / f"{language}.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(json.loads(line) for line in lines)


def _flagged(line: dict[str, Any]) -> set[Kind]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    article = Article(
        id="0", text_hash="", url="", domain="", title=line["headline"], lead=line.get("lead") or "",
        language=line["language"], published=at, fetched=at,
    )  # fmt: skip
    return {flag.kind for flag in _rules().flags(article) if flag.category != "legal"}


def test_there_are_gold_sentences() -> None:
    """An empty folder would pass everything below."""
    assert LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_enough_sentences_of_both_strata(language: str) -> None:
    """At least 25 to be flagged and 25 that only look like it, with ids and texts of their own."""
    lines = _gold(language)
    assert {line["language"] for line in lines} == {language}
    for stratum in ("positive", "hard_negative"):
        assert sum(line["stratum"] == stratum for line in lines) >= MIN_SENTENCES, stratum
    assert len({line["id"] for line in lines}) == len({line["headline"] for line in lines}) == len(lines)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", SCORED)
def test_a_pack_is_right_on_its_sentences(language: str, kind: Kind) -> None:
    """Precision and recall of a kind; a line where its label is null or missing is not scored."""
    scored = [(line, kind in _flagged(line)) for line in _gold(language) if line.get(kind) is not None]
    hit = [line["headline"] for line, found in scored if found and line[kind]]
    false = [line["headline"] for line, found in scored if found and not line[kind]]
    missed = [line["headline"] for line, found in scored if line[kind] and not found]
    assert hit
    assert len(hit) >= MIN_RATE * (len(hit) + len(false)), f"false: {false}"
    assert len(hit) >= MIN_RATE * (len(hit) + len(missed)), f"missed: {missed}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_taken_for_what_they_are(language: str) -> None:
    """With the feed's declared language, a headline nearly always gets to the rules of its own language."""
    lines = _gold(language)
    wrong = [
        line["headline"]
        for line in lines
        if decide_language(line["headline"], line.get("lead") or "", language) != language
    ]
    assert len(wrong) <= (1 - MIN_DECIDED) * len(lines), wrong
