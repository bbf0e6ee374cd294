"""The page of figures: only its blocks are written anew, and a first run happens once."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from bench.accuracy_report import PAGE, classes, errors, filled, languages, named, set_aside
from bench.first_run import measured, write_once
from pipeline.errors import UsageError
from pipeline.evaluate.gold import Gold, GoldLine
from pipeline.evaluate.score import Judged, report
from pipeline.records import Flag, Span
from pipeline.rules import Rules, load_rules

TODAY = date(2026, 2, 3)
PROSE = (
    "# Title\n\n<!-- figures: one -->\nold\n<!-- end -->\nbetween\n<!-- figures: two -->\nkept\n<!-- end -->\nlast\n"
)
RULES = """
language: en
rules:
  - {id: denied, version: 1, kind: denial, category: denial, query: denies, examples: [denies]}
"""
SECRET = "Mayor of Nowhere"


@pytest.fixture(name="rules")
def _rules(tmp_path: Path) -> Rules:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "en.yaml").write_text(RULES, encoding="utf-8")
    return load_rules(folder)


@pytest.fixture(name="gold")
def _gold(tmp_path: Path) -> Path:
    """A folder with three labelled sentences, and a file that is none of a language."""
    folder = tmp_path / "set_aside"
    folder.mkdir()
    texts = [("denies it", 1, "positive"), ("says no", 1, "positive"), ("denies entry", 0, "hard_negative")]
    lines = [
        {"id": f"en-s{n}", "language": "en", "headline": f"{SECRET} {text}", "denial": label, "stratum": stratum}
        for n, (text, label, stratum) in enumerate(texts)
    ]
    (folder / "en.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    (folder / "others.jsonl").write_text("{}\n", encoding="utf-8")
    return folder


def judged(name: str, label: int, flagged: bool, untouched: bool = False) -> Judged:
    """A line for denial."""
    span = Span(field="title", start=0, end=6, quote="denies")
    flag = Flag(id="", kind="denial", category="denial", rule="en/denied", version=1, score=0.8, spans=(span,))
    line = GoldLine(id=name, headline=SECRET, denial=label)  # type: ignore[arg-type]
    return Judged(Gold(line, untouched), (flag,) if flagged else ())


def test_blocks_are_replaced_and_prose_stays() -> None:
    """Writing the same again changes nothing; a block that the page has not is told."""
    page = filled(PROSE, {"one": ["a", "b"]})
    assert page == PROSE.replace("\nold\n", "\n\na\nb\n\n")
    assert filled(page, {"one": ["a", "b"]}) == page
    with pytest.raises(UsageError, match="no block three"):
        filled(PROSE, {"three": []})


def test_the_page_has_every_block() -> None:
    """Those that the command writes."""
    names = (
        "made",
        "targets",
        "english",
        "strata",
        "emergent",
        "languages",
        "named",
        "set_aside",
        "actors",
        "costs",
        "errors",
    )
    filled(PAGE.read_text(encoding="utf-8"), dict.fromkeys(names, ()))


def test_errors_are_told_by_id_and_rule_never_by_text() -> None:
    """And none of the untouched lines."""
    some = [judged("x1", 0, True), judged("x2", 1, False), judged("x3", 1, True), judged("x4", 0, True, untouched=True)]
    assert list(errors(some)) == ["- denial, false: `x1` (en/denied)", "- denial, missed: `x2`"]


def test_the_gap_is_told() -> None:
    """F1 of the lines tuned on, less that of the others."""
    some = [judged("x1", 1, True), judged("x2", 1, True, untouched=True), judged("x3", 1, False, untouched=True)]
    lines = list(classes(report(some, "h", 10)))
    assert lines[-1] == "| denial | gap |  |  |  | +0.333 |  |"
    assert lines[2].startswith("| denial | all | 3 | 1.000 [1.000 1.000] | .667 [")


def test_a_first_run_is_written_once(gold: Path, rules: Rules, tmp_path: Path) -> None:
    """With date, rules and counts, without any sentence; a second run is refused and changes nothing."""
    path = tmp_path / "first_run.json"
    write_once(path, measured(gold, rules, TODAY))
    first = path.read_text(encoding="utf-8")
    assert SECRET not in first
    told = json.loads(first)
    denial = told["scopes"]["all"]["denial"]
    assert (denial["hit"], denial["false"], denial["missed"]) == (1, 1, 1)
    assert (told["date"], told["ruleset"]) == ("2026-02-03", rules.hash)
    with pytest.raises(UsageError, match="a first run happens once"):
        write_once(path, {})
    assert path.read_text(encoding="utf-8") == first


def test_the_first_run_stands_beside_the_figures_of_now(gold: Path, rules: Rules, tmp_path: Path) -> None:
    """Before it nothing is measured; after it both are told."""
    path = tmp_path / "first_run.json"
    assert list(set_aside(rules, path, gold)) == ["Not measured yet: `python -m bench.first_run` does it, once."]
    write_once(path, measured(gold, rules, TODAY))
    (gold / "en.jsonl").write_text(
        '{"id": 1, "language": "en", "headline": "denies", "denial": 1, "stratum": "positive"}', encoding="utf-8"
    )
    page = "\n".join(set_aside(rules, path, gold))
    assert "| all | .500 / .500 / .500 | 1.000 / 1.000 / 1.000 | – | – |" in page
    assert "hard negatives flagged falsely: 1 of 1" in page


def test_actors_are_told_where_one_is_named(gold: Path, rules: Rules) -> None:
    """A flag without an actor has missed the one that is named; a line that is not flagged does not count."""
    line = {"language": "en", "denial": 1, "actor": "Mayor", "target": None, "stratum": "positive"}
    texts = ("Mayor denies it", "Mayor says no")
    lines = [json.dumps(line | {"id": n, "headline": text}) for n, text in enumerate(texts)]
    (gold / "en.jsonl").write_text("\n".join(lines), encoding="utf-8")
    found = measured(gold, rules, TODAY)
    assert found["who"]["en"]["actor"] == {"right": 0, "wrong": 0, "missed": 1}
    assert list(named(found))[2:] == ["| en | .000 (0 of 1) | – |", "| all | .000 (0 of 1) | – |"]


def test_languages_are_told_beside_each_other(gold: Path, rules: Rules) -> None:
    """Two languages, and all lines together."""
    line = {"id": "fr-1", "language": "fr", "headline": "nie", "denial": 1, "stratum": "positive", "debunk": 0}
    (gold / "fr.jsonl").write_text(json.dumps(line), encoding="utf-8")
    rows = [line.split(" | ") for line in languages(measured(gold, rules, TODAY))][2:5]
    assert [row[0] for row in rows] == ["| en", "| fr", "| all"]
    assert [row[1] for row in rows] == [".500 / .500 / .500", "– / .000 / .000", ".500 / .333 / .400"]
