"""Figures on labelled lines: what is scored, what is not, what is shown, and what a wrong file says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline.cli.evaluate import evaluate
from pipeline.errors import UsageError
from pipeline.evaluate.bootstrap import percentiles, resample, score
from pipeline.evaluate.gold import Gold, GoldLine, held_out, predicted, read_gold
from pipeline.evaluate.metrics import Counts, count
from pipeline.evaluate.score import Judged, chosen, report
from pipeline.records import Flag, Kind, Span

RULES = """
language: en
phrases:
  denying: [denies]
  accusing: [accuses]
rules:
  - id: denied
    version: 1
    kind: denial
    category: denial
    query: "@denying"
    unless: ["@denying ONEAR/1 entry"]
    examples: [Mayor denies it]
  - id: accused
    version: 1
    kind: allegation
    category: accusation
    query: "@accusing"
    examples: [Union accuses firm]
  - id: charged
    version: 1
    kind: allegation
    category: legal
    query: charged
    examples: [Baker charged with theft]
  - id: false-claim
    version: 1
    kind: debunk
    category: debunk
    query: hoax
    examples: [Photo is a hoax]
"""

TUNED, UNTOUCHED = "b", "f"
"""Ids of a line on each side."""


def flag(kind: Kind, category: str = "x", score: float = 0.8) -> Flag:
    """A flag of a kind."""
    span = Span(field="title", start=0, end=1, quote="x")
    return Flag(id="", kind=kind, category=category, rule="en/x", version=1, score=score, spans=(span,))


def line(number: int | str = TUNED, **labels: Any) -> GoldLine:
    """A labelled line."""
    return GoldLine(id=number, headline=labels.pop("headline", "A headline"), **labels)


def judged(wanted: int | None, *flags: Flag, untouched: bool = False, **more: Any) -> Judged:
    """A line labelled for denial, and its flags."""
    return Judged(Gold(line(denial=wanted, **more), untouched), flags)


@pytest.fixture(name="run")
def _run(tmp_path: Path) -> Callable[..., str]:
    """The command on some lines, with the rules above: what it prints."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(evaluate)
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "en.yaml").write_text(RULES, encoding="utf-8")

    def run(lines: list[dict[str, Any]], *options: str, name: str = "gold.jsonl") -> str:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
        arguments = ["--gold", str(path), "--rules", str(rules), "--resamples", "50", *options]
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return run


def test_the_two_ids_are_on_two_sides() -> None:
    """The split is by id alone, and about a third is held out."""
    assert (held_out(TUNED), held_out(UNTOUCHED)) == (False, True)
    assert 280 < sum(map(held_out, range(1000))) < 390
    assert held_out(17) == held_out("17")


def test_precision_recall_and_f1() -> None:
    """By their definitions; what is not defined is None and no zero."""
    some = count([(True, True)] * 6 + [(False, True)] * 2 + [(True, False)] * 4 + [(False, False)] * 8)
    assert some == Counts(6, 2, 4, 8)
    assert (some.precision, some.recall, some.f1) == (0.75, 0.6, pytest.approx(2 / 3))
    nothing = Counts(rest=5)
    assert (nothing.precision, nothing.recall, nothing.f1) == (None, None, None)
    assert (Counts(missed=1).precision, Counts(missed=1).recall, Counts(missed=1).f1) == (None, 0, 0)


def test_a_legal_step_is_no_allegation_and_a_debunk_stands_against() -> None:
    """Flags of category `legal` are not scored; denials and debunks are both against a claim."""
    assert not predicted("allegation", [flag("allegation", "legal")])
    assert predicted("allegation", [flag("allegation", "blame")])
    assert predicted("against", [flag("debunk")])
    assert predicted("against", [flag("denial")])
    assert not predicted("against", [flag("allegation"), flag("non_denial")])
    assert not predicted("denial", [flag("debunk")])


def test_null_and_missing_labels_are_not_scored() -> None:
    """Only lines with a 0 or a 1 count, class by class."""
    found = report([judged(None, flag("denial")), judged(1, flag("denial")), judged(0)], "h", 0)
    assert found.scopes["all"]["denial"].counts == Counts(hit=1, rest=1)
    assert set(found.scopes["all"]) == {"denial"}


def test_stances_are_scored_as_against_or_not() -> None:
    """For and observing are both not against."""
    stances = [("against", flag("denial")), ("for", flag("debunk")), ("observing", None), ("against", None)]
    lines = [Judged(Gold(line(stance=stance), False), (one,) if one else ()) for stance, one in stances]
    assert report(lines, "h", 0).scopes["all"]["against"].counts == Counts(1, 1, 1, 1)


def test_a_report_has_scopes_strata_and_languages() -> None:
    """Each with its own lines; a group that holds all lines of a class is not told twice."""
    lines = [
        judged(1, flag("denial"), stratum="d", language="es"),
        judged(1, stratum="d", language="es"),
        judged(0, flag("denial"), stratum="n", untouched=True, language="fr"),
        judged(0, stratum="n", untouched=True, language="es"),
    ]
    found = report(lines, "h", 0)
    assert found.scopes["tuned on"]["denial"].counts == Counts(hit=1, missed=1)
    assert found.scopes["untouched"]["denial"].counts == Counts(false=1, rest=1)
    assert found.strata["d"]["denial"].counts.recall == 0.5
    assert found.languages["fr"]["denial"].counts == Counts(false=1)
    assert found.false_flags["n"].per_hundred == 50
    assert found.false_flags["d"].per_hundred == 0
    assert report(lines[:2], "h", 0).strata == {}


def test_a_line_with_two_false_flags_is_one_false_line() -> None:
    """Per hundred lines, not per flag."""
    both = Judged(Gold(line(denial=0, allegation=0), False), (flag("denial"), flag("allegation")))
    assert report([both, judged(0)], "h", 0).false_flags[""].flagged == 1


@given(st.tuples(*[st.integers(0, 30)] * 4), st.integers())
def test_resamples_are_as_large_as_the_sample_and_repeat(numbers: tuple[int, int, int, int], seed: int) -> None:
    """Each draws as many lines; what is not there is never drawn; the seed decides."""
    counts = Counts(*numbers)
    drawn = resample(counts, 20, seed)
    assert drawn == resample(counts, 20, seed)
    for one in drawn:
        assert one.lines == counts.lines
        assert all(there or not number for there, number in zip(counts, one, strict=True))


def test_an_interval_narrows_with_more_lines() -> None:
    """Ten times the lines, about a third of the width; the figure lies within."""
    small, large = (score(Counts(*(n * k for n in (8, 2, 2, 8))), 1000, 1).f1 for k in (1, 10))
    assert small.low is not None
    assert small.high is not None
    assert large.low is not None
    assert large.high is not None
    assert small.value is not None
    assert small.low < small.value < small.high
    assert 2 < (small.high - small.low) / (large.high - large.low) < 5


def test_percentiles_leave_out_an_equal_tail_on_each_side() -> None:
    """Of 1..1000, 25 on each side."""
    assert percentiles([float(n) for n in range(1000, 0, -1)]) == (26, 975)
    assert percentiles([3.0]) == (3, 3)


def test_the_binomial_interval_is_about_right() -> None:
    """Recall of 80 in 100: the normal approximation gives .72 to .88."""
    recall = score(Counts(hit=80, missed=20), 2000, 1).recall
    assert recall.low == pytest.approx(0.722, abs=0.015)
    assert recall.high == pytest.approx(0.878, abs=0.015)


def test_what_nobody_tunes_on_can_be_hidden_or_be_alone() -> None:
    """Show keeps both sides."""
    lines = [Gold(line(1), False), Gold(line(2), True)]
    assert [gold.line.id for gold in chosen(lines, "show")] == [1, 2]
    assert [gold.line.id for gold in chosen(lines, "hide")] == [1]
    assert [gold.line.id for gold in chosen(lines, "only")] == [2]


def test_a_wrong_file_is_told_with_file_and_line() -> None:
    """Every wrong line, with what is wrong; not only the first."""
    data = b'{"id": 1, "headline": "A", "denial": 1}\n\nno\n{"id": 2}\n{"id": 1, "headline": "B", "denial": 2}\n'
    data += b'{"id": 1, "headline": "C", "denial": 0}\n\xff\n'
    with pytest.raises(UsageError) as error:
        read_gold(data, Path("g.jsonl"))
    told = str(error.value).splitlines()
    assert [one.split(": ")[0] for one in told] == [f"g.jsonl:{number}" for number in (3, 4, 5, 6, 7)]
    assert "headline" in told[1]
    assert "denial" in told[2]
    assert "is on line 1 already" in told[3]


def test_a_file_without_any_label_is_no_gold() -> None:
    """A slip in the name of a label would else score nothing, silently."""
    with pytest.raises(UsageError, match="no line has a label"):
        read_gold(b'{"id": 1, "headline": "A", "denail": 1}', Path("g.jsonl"))


def test_a_folder_set_aside_is_untouched_as_a_whole() -> None:
    """Whatever the ids."""
    data = f'{{"id": "{TUNED}", "headline": "A", "denial": 1}}'.encode()
    assert [gold.untouched for gold in read_gold(data, Path("set_aside/en.jsonl"))] == [True]
    assert [gold.untouched for gold in read_gold(data, Path("en.jsonl"))] == [False]


LINES = [
    {"id": "b", "headline": "Mayor denies it all", "denial": 1, "allegation": 0, "stratum": "d"},
    {"id": "d", "headline": "Baker denies butter to buns", "denial": 0, "allegation": 0, "stratum": "n"},
    {"id": "g", "headline": "Envoy denies entry was a mistake", "denial": 1, "allegation": None, "stratum": "d"},
    {"id": "f", "headline": "Secret words of the held-out side denies", "denial": 0, "allegation": 1, "stratum": "n"},
]


def test_the_command_tells_figures_and_errors(run: Callable[..., str]) -> None:
    """Figures of both sides; false flags with the rule and its words, misses with what blocked them."""
    assert [held_out(str(one["id"])) for one in LINES] == [False, False, False, True]
    out = run(LINES)
    assert "4 lines, rule set" in out
    assert "untouched" in out
    assert "false denial, d: Baker denies butter" in out
    assert "en/denied: “denies”, score 0.8" in out
    assert "missed denial, g:" in out
    assert "by @denying ONEAR/1 entry: “denies entry”" in out
    assert "in stratum n: 100.00 in 100 (2 of 2)" in out


def test_errors_of_the_held_out_side_are_never_shown(run: Callable[..., str]) -> None:
    """Neither as text nor as JSON, whatever is asked for."""
    for options in ((), ("--held-out", "only"), ("--json",), ("--json", "--held-out", "only", "--examples", "99")):
        assert "Secret" not in run(LINES, *options)
    assert "Baker" not in run(LINES, name="set_aside/en.jsonl")


def test_the_json_has_everything(run: Callable[..., str]) -> None:
    """Counts and intervals by scope, stratum and language, and the errors with rule and words."""
    told = json.loads(run(LINES, "--json"))
    denial = told["scopes"]["all"]["denial"]
    assert (denial["lines"], denial["hit"], denial["false"], denial["missed"]) == (4, 1, 2, 1)
    assert denial["precision"]["value"] == pytest.approx(1 / 3)
    assert denial["precision"]["low"] <= 1 / 3 <= denial["precision"]["high"]
    assert told["strata"]["n"]["denial"]["false"] == 2
    assert told["false_flags"]["n"] == {"lines": 2, "flagged": 2, "per_hundred": 100.0}
    verdicts = [(one["id"], one["class"], one["verdict"]) for one in told["examples"]]
    assert verdicts == [("d", "denial", "false"), ("g", "denial", "missed")]
    assert json.loads(run(LINES, "--json", "--examples", "0"))["examples"] == []


def test_the_same_lines_give_the_same_report(run: Callable[..., str]) -> None:
    """Seeded; another seed draws other samples."""
    assert run(LINES) == run(LINES)


def test_examples_are_the_strongest(run: Callable[..., str]) -> None:
    """With room for one, the false flag with the highest score is told."""
    weak = {"id": "d", "headline": "A long day", "lead": "Baker denies butter to buns", "denial": 0}
    strong = {"id": "i", "headline": "Baker denies jam", "denial": 0}
    assert not held_out("i")
    told = json.loads(run([weak, strong], "--json", "--examples", "1"))
    assert [one["id"] for one in told["examples"]] == ["i"]


def test_a_file_that_is_not_there_is_one_sentence(run: Callable[..., str], tmp_path: Path) -> None:
    """Named, with the reason."""
    with pytest.raises(UsageError, match=r"nowhere\.jsonl: cannot be read: No such file"):
        run(LINES, str(tmp_path / "nowhere.jsonl"))


def test_several_files_are_one_measure(run: Callable[..., str], tmp_path: Path) -> None:
    """Given by the option again, or behind it."""
    more = tmp_path / "more.jsonl"
    more.write_text('{"id": 1, "headline": "Photo is a hoax", "stance": "against"}', encoding="utf-8")
    for options in (("--gold", str(more)), (str(more),)):
        out = run(LINES, *options)
        assert "5 lines" in out
        assert "against" in out
