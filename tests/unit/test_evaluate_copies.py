"""`evaluate --copies`: edits and unlike pairs, their truth, and the report."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
import typer
from typer.testing import CliRunner

from pipeline.cli.evaluate import evaluate
from pipeline.errors import UsageError
from pipeline.evaluate.copied import CopyReport, Judged, Line, copies_as_text, measure, read_lines
from pipeline.evaluate.edits import EDITS, Written, frame_pair, renamed
from pipeline.evaluate.wilson import share
from tests.unit.test_copies import OTHER, STORY

LINES = (
    Line(text=STORY, title="Harbour authority denies", event="wall", topic=1),
    Line(text=" ".join(STORY.split()[:70]), title="Letters about the wall", event="wall", topic=1),
    Line(text=OTHER, title="Candidates withdraw", event="rowing", topic=1),
)


def test_edits_are_found_and_strangers_stay_apart() -> None:
    """On three small texts; the reprint of the first is neither."""
    report = measure(LINES, drawn=20)
    assert report.reprints == 1
    assert report.recall_between(0.6, 1.1).value == 1.0
    assert report.false().value == 0.0
    assert {one.name for one in report.edits} == {edit.name for edit in EDITS}
    assert sum(one.name == "one topic" for one in report.others) == 2
    assert sum(one.name == "one frame" for one in report.others) == 20


def test_the_same_seed_gives_the_same_report() -> None:
    """And another seed other pairs."""
    assert measure(LINES, seed=1, drawn=3) == measure(LINES, seed=1, drawn=3)
    assert measure(LINES, seed=1, drawn=3).edits != measure(LINES, seed=2, drawn=3).edits


def test_merges_and_misses_are_counted() -> None:
    """A report of pairs that were judged wrongly says so."""
    edits = (Judged("first half", False, 0.9), Judged("first half", True, 0.7), Judged("same text", True, 0.3))
    report = CopyReport(2, 0, edits, (Judged("one frame", True, 0.6), Judged("one frame", False, 0.0)))
    assert report.cut.value == 0.5
    assert report.recall_between(0.6, 0.8).value == 1.0
    assert report.recall_between(0.8, 1.01).value == 0.0
    assert report.false("one frame").value == 0.5
    assert any("5000.00" in line for line in copies_as_text(report))


def test_a_frame_gives_two_reports_in_the_same_words() -> None:
    """They differ in names and numbers alone."""
    first, second = frame_pair(Random(3))
    assert first.body != second.body
    assert len(set(first.body.split()) & set(second.body.split())) > len(first.body.split()) / 4


def test_a_renamed_text_keeps_none_of_its_names() -> None:
    """Each name is replaced by one other wherever it stands."""
    text = renamed(Written("Vrain speaks", "Officer Vrain met Vrain on 12 May, and Marrow"), Random(1))
    assert "Vrain" not in text.body
    assert "12" not in text.body
    words = text.body.split()
    assert words[1] == words[3]


@pytest.mark.parametrize(("part", "whole", "low", "high"), [(0, 30_000, 0.0, 1.28e-4), (81, 263, 0.2553, 0.3662)])
def test_the_interval_of_a_share(part: int, whole: int, low: float, high: float) -> None:
    """The second is the worked example of Newcombe (1998), table I."""
    found = share(part, whole)
    assert found.low == pytest.approx(low, abs=1e-4)
    assert found.high == pytest.approx(high, rel=1e-3)


def test_nothing_has_no_share() -> None:
    """Not 0, not 1."""
    assert share(0, 0).value is None


def test_a_line_that_is_no_text_is_named() -> None:
    """With file and number."""
    with pytest.raises(UsageError, match=r"texts\.jsonl:2: "):
        read_lines(b'{"text": "a"}\n{"headline": "b"}\n', Path("texts.jsonl"))


def test_too_few_texts_to_edit() -> None:
    """One text has no other to take words from."""
    with pytest.raises(UsageError, match="two texts of 40 words"):
        measure(LINES[:1])


def test_gold_and_copies_exclude_each_other(tmp_path: Path) -> None:
    """And one of them is needed."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(evaluate)
    file = tmp_path / "texts.jsonl"
    file.write_text(json.dumps({"text": STORY}))
    for arguments in ([], ["--gold", str(file), "--copies", str(file)]):
        with pytest.raises(UsageError, match="give"):
            CliRunner().invoke(app, arguments, catch_exceptions=False)
