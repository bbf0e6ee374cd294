"""A file of articles through the pipeline's own code: order, duplicates, offsets, and what a wrong file says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from pipeline.backtest import Result, as_json, backtest, order
from pipeline.cli.backtest import run_backtest
from pipeline.errors import UsageError
from pipeline.feeds.files import Line
from pipeline.resources import shipped
from pipeline.rules import Rules, load_rules

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DENIAL = "Harbour board denies rumours of a sale"
RULES = """\
language: en
rules:
  - id: rumour-denied
    version: 1
    kind: denial
    category: rumour_denied
    query: "denies ONEAR/0 rumours"
    examples: [Board denies rumours]
    counter_examples: [Board denies entry]
"""


@pytest.fixture(scope="module", name="rules")
def _rules() -> Rules:
    return load_rules(shipped("config") / "rules")


@pytest.fixture(name="cli")
def _cli() -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(run_backtest)
    return app


def _line(number: int, title: str = DENIAL, **more: Any) -> Line:
    fields: dict[str, Any] = {"outlet": "The Herald", "language": "en", "url": f"https://herald.example/{number}"}
    return Line(id=f"a{number}", title=title, **(fields | more))


def _run(rules: Rules, *lines: Line) -> list[Result]:
    """Results in the order of the input."""
    return [result for _, result in sorted(backtest(lines, rules, NOW), key=lambda pair: pair[0])]


def test_lines_are_taken_by_publication_then_by_the_order_of_the_file() -> None:
    """Dated lines first and stable; those without a date last, in file order."""
    lines = [
        _line(0, published=None),
        _line(1, published="2026-02-02"),
        _line(2, published="2026-02-01T12:00:00+02:00"),
        _line(3, published="2026-02-01T10:00:00Z"),
        _line(4, published=""),
    ]
    assert order(lines) == [2, 3, 1, 0, 4]


def test_a_repeat_names_the_line_that_was_first(rules: Rules) -> None:
    """Same page and text, or same text on another page of the outlet: a duplicate, and flagged all the same."""
    later, first, copy = (
        _line(1, published="2026-02-02"),
        _line(2, url="https://herald.example/1?utm_source=x", published="2026-02-01"),
        _line(3, published="2026-02-03"),
    )
    results = _run(rules, later, first, copy)
    assert [result.duplicate_of for result in results] == ["a2", None, "a2"]
    assert [result.verdict for result in results] == ["seen_again", "new", "duplicate"]
    assert [len(result.flags) for result in results] == [1, 1, 1]


def test_another_outlet_and_a_changed_text_are_no_duplicates(rules: Rules) -> None:
    """A revision and another domain's article stand for themselves."""
    results = _run(
        rules, _line(1), _line(1, title=DENIAL + " again"), _line(3, url="https://gazette.example/3", outlet="Gazette")
    )
    assert [(result.verdict, result.duplicate_of) for result in results] == [
        ("new", None),
        ("revision", None),
        ("new", None),
    ]


def test_nothing_is_forgotten(rules: Rules) -> None:
    """A repeat years later is still one: the stream's memory of 30 days is about arrival, not publication."""
    assert [
        result.duplicate_of
        for result in _run(rules, _line(1, published="2020-01-01"), _line(1, published="2026-01-01"))
    ] == [None, "a1"]


def test_without_a_link_outlet_and_id_name_the_article(rules: Rules) -> None:
    """Two lines without a link are two articles."""
    one, two, other = _run(
        rules, _line(1, "Fish", url=None), _line(2, "Fish", url=None), _line(1, "Fish", url=None, outlet="Gazette")
    )
    assert len({one.article.id, two.article.id, other.article.id}) == 3


def test_ids_and_flags_do_not_depend_on_the_clock(rules: Rules) -> None:
    """The same file gives the same output on another day."""
    lines = [_line(1, published="2026-02-01"), _line(2, url=None), _line(3, "Fish")]

    def said(now: datetime) -> list[Any]:
        return [(place, as_json(result), result.article.id) for place, result in backtest(lines, rules, now)]

    assert said(NOW) == said(NOW + timedelta(days=400))


def test_a_flagged_line_is_in_the_thread_of_the_line_that_began_it(rules: Rules) -> None:
    """Two outlets tell of one denial; the plain line is in no thread, unless all lines are to be threaded."""
    lines = [
        _line(1, "Harbour board of Vellmar denies rumours of a sale to Orlane Shipping", published="2026-02-01"),
        _line(2, "Vellmar harbour board rejects Orlane Shipping sale rumours as false", published="2026-02-02"),
        _line(3, "Vellmar harbour board and Orlane Shipping open a museum", published="2026-02-03"),
        _line(4, "Herring is cheap again in Lower Brenn", published="2026-02-04"),
    ]
    one, two, plain, other = _run(rules, *lines)
    assert (one.thread, two.thread, plain.thread, other.thread) == ("a1", "a1", None, None)
    assert one.joined is None
    assert two.joined is not None
    assert {"vellmar", "orlane"} <= {term for term, _ in two.joined.terms}
    found = dict(backtest(lines, rules, NOW, all_threads=True))
    assert [found[place].thread for place in range(4)] == ["a1", "a1", "a1", "a4"]


def test_a_duplicate_is_where_the_first_is(rules: Rules) -> None:
    """The stream drops it; here it has the thread of what it repeats."""
    text = {
        "lead": "The harbour board of Vellmar denies the rumours of a sale to Orlane Shipping.",
        "outlet": "The Herald",
    }
    one, two = _run(rules, _line(1, **text, published="2026-02-01"), _line(2, **text, published="2026-02-02"))
    assert (two.duplicate_of, one.thread, two.thread) == ("a1", "a1", "a1")


def test_offsets_are_into_the_cleaned_text(rules: Rules) -> None:
    """Entities and white space are cleaned first; the quote stands at its offsets in what is left."""
    (result,) = _run(rules, _line(1, "  Smith &amp; Sons   denies\n rumours of   a sale "))
    (span,) = result.flags[0].spans
    assert result.article.title[span.start : span.end] == span.quote == "denies rumours"


def test_the_language_is_decided_as_in_the_stream(rules: Rules) -> None:
    """An article in a language without rules has no flags, whatever the line declares."""
    finnish = "Kaupunginjohtaja torjuu jyrkästi opposition syytökset kaupungin hallintoa kohtaan tiistaina pidetyssä"
    (result,) = _run(rules, _line(1, finnish, lead="denies rumours"))
    assert (result.article.language, result.flags) == ("fi", ())


def test_output_has_a_line_for_each_line_in_input_order(cli: typer.Typer, tmp_path: Path) -> None:
    """The contract: id, duplicate_of, thread, and flags with kind, category, rule, version, score and spans."""
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "en.yaml").write_text(RULES, encoding="utf-8")
    file, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    file.write_text(
        '{"id": 7, "title": "Fish is cheap", "published": "2026-02-02", "label": 1}\n\n'
        f'{{"id": "x", "title": "{DENIAL}", "language": "en", "published": "2026-02-01"}}\n',
        encoding="utf-8",
    )
    done = CliRunner().invoke(cli, ["--articles", str(file), "--json", str(out), "--rules", str(rules)])
    assert done.exit_code == 0
    assert "2 articles, 0 duplicates, 0 copies, 0 revisions, 1 threads; flags: 1 denial, 0 allegation" in done.stderr
    assert [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] == [
        {"id": 7, "duplicate_of": None, "copy_of": None, "copy": None, "thread": None, "joined": None, "flags": []},
        {
            "id": "x",
            "duplicate_of": None,
            "copy_of": None,
            "copy": None,
            "thread": "x",
            "joined": None,
            "flags": [
                {
                    "kind": "denial",
                    "category": "rumour_denied",
                    "rule": "en/rumour-denied",
                    "version": 1,
                    "score": 0.8,
                    "spans": [{"field": "title", "start": 14, "end": 28, "quote": "denies rumours"}],
                }
            ],
        },
    ]
    assert set(tmp_path.iterdir()) == {file, out, rules}


def test_a_wrong_line_ends_it_and_nothing_is_written(cli: typer.Typer, tmp_path: Path) -> None:
    """An output that was there stays as it was."""
    file, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    file.write_text('{"id": 1, "title": "Fish"}\n{"id": 2}\n', encoding="utf-8")
    out.write_text("before", encoding="utf-8")
    done = CliRunner().invoke(cli, ["--articles", str(file), "--json", str(out)])
    assert isinstance(done.exception, UsageError)
    assert done.exception.exit_code == 2
    assert str(done.exception).startswith(f"{file}:2: is not an article: ")
    assert out.read_text(encoding="utf-8") == "before"


WIRE = (
    "Officials in Port Karsel said on Monday that the ferry line had been told to stop all crossings until its two "
    "oldest ships are inspected. The line's director, Mira Tolland, denied that passengers were ever in danger and "
    "called the report of cracked hulls an invention. Inspectors will board the first ship on Wednesday, the second "
    "one by the end of the week, and publish what they find before the summer timetable begins in June."
)


def test_a_copy_at_another_outlet_names_the_line_and_says_why(rules: Rules) -> None:
    """A reprint with another headline, within three days; the same text a month later is a story of its own."""
    first, reprint, late = (
        _line(1, "Ferry crossings stopped", body=WIRE, published="2026-02-01"),
        _line(2, "Karsel ferries in port", body=WIRE, url="https://gazette.example/2", published="2026-02-02"),
        _line(3, "Ferries, a look back", body=WIRE, url="https://courier.example/3", published="2026-03-20"),
    )
    results = _run(rules, first, reprint, late)
    assert [result.copy_of for result in results] == [None, "a1", None]
    said = as_json(results[1])
    assert said["copy_of"] == "a1"
    assert said["copy"]["containment"] > 0.8
    assert said["copy"]["why"]
    assert as_json(results[0])["copy"] is None


def test_a_duplicate_is_told_once(rules: Rules) -> None:
    """What repeats a page of its own outlet is a duplicate, not a copy; nor are undated lines forgotten."""
    one, again, reprint = (
        _line(1, body=WIRE),
        _line(2, body=WIRE),
        _line(3, body=WIRE, url="https://gazette.example/3", outlet="Gazette"),
    )
    results = _run(rules, one, again, reprint)
    assert [(result.duplicate_of, result.copy_of) for result in results] == [(None, None), ("a1", None), (None, "a1")]
