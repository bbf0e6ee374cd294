"""Two rule sets on the same articles: what is gained, lost and changed, and what is not a change."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline.cli.options import parse_since
from pipeline.cli.rules_diff import Reading, diff
from pipeline.errors import UsageError
from pipeline.evaluate.compare import Dated, compare, differences
from pipeline.kafka import Message
from pipeline.records import Flag, Kind, Mention, Span, encode
from pipeline.rules import Rules, load_rules
from pipeline.topics import ARTICLES_DEDUPED
from tests.articles import NOON, make_article, make_batch

OLD = """
language: en
rules:
  - id: denied
    version: 1
    kind: denial
    category: denial
    query: denies
    examples: [Mayor denies it]
  - id: accused
    version: 1
    kind: allegation
    category: accusation
    query: accuses
    examples: [Union accuses firm]
"""
NEW = OLD.replace("query: denies", "query: denies ONEAR/3 claims").replace("Mayor denies it", "Mayor denies claims")
NEW = (
    NEW.replace("version: 1\n    kind: allegation", "version: 2\n    kind: allegation")
    + """
  - id: blamed
    version: 1
    kind: allegation
    category: blame
    query: blames
    examples: [Union blames firm]
"""
)
"""`denied` needs more words, `accused` has a version more and nothing else, `blamed` is new."""

TITLES = ("Mayor denies it", "Mayor denies all claims", "Union accuses firm", "Union blames firm", "Sun shines")


def flag(rule: str, kind: Kind = "denial", start: int = 0, **changes: Any) -> Flag:
    """A flag of three letters."""
    span = Span(field="title", start=start, end=start + 3, quote="abc")
    fields: dict[str, Any] = {"id": rule, "category": "denial", "version": 1, "score": 0.8, "spans": (span,)}
    return Flag(kind=kind, rule=rule, **(fields | changes))


def rules(text: str, folder: Path) -> Rules:
    """A rule set of one file."""
    folder.mkdir()
    (folder / "en.yaml").write_text(text, encoding="utf-8")
    return load_rules(folder)


@pytest.fixture(name="both")
def _both(tmp_path: Path) -> tuple[Rules, Rules]:
    return rules(OLD, tmp_path / "old"), rules(NEW, tmp_path / "new")


def test_gained_lost_and_changed() -> None:
    """By rule; the same flag under a raised version is none of them."""
    before = [flag("a"), flag("b"), flag("c", start=9)]
    after = [flag("a", version=2, id="x"), flag("b", score=0.92), flag("d", start=20)]
    found = [(change, was and was.rule, now and now.rule) for change, was, now in differences(before, after)]
    assert found == [("changed", "b", "b"), ("gained", None, "d"), ("lost", "c", None)]


def test_a_flag_that_moves_to_another_rule_has_changed() -> None:
    """Same kind, same words; another kind on the same words is another flag."""
    assert [change for change, _, _ in differences([flag("a")], [flag("b", start=2)])] == ["changed"]
    assert sorted(change for change, _, _ in differences([flag("a")], [flag("b", kind="debunk")])) == ["gained", "lost"]
    for one, other in ((0, 3), (3, 0)):
        found = differences([flag("a", start=one)], [flag("b", start=other)])
        assert sorted(change for change, _, _ in found) == ["gained", "lost"]


@pytest.mark.parametrize(
    "changes",
    [
        {"actor": Mention(name="N", span=Span(field="title", start=0, end=1, quote="N"))},
        {"historic": True},
        {"category": "not_guilty"},
    ],
)
def test_what_a_reader_sees_is_a_change(changes: dict[str, Any]) -> None:
    """Who, when, what."""
    assert [change for change, _, _ in differences([flag("a")], [flag("a", **changes)])] == ["changed"]


some_flags = st.lists(
    st.builds(flag, st.sampled_from("abcd"), st.sampled_from(["denial", "debunk"]), st.integers(0, 6)),
    max_size=4,
    unique_by=lambda one: one.rule,
)


@given(some_flags, some_flags)
def test_no_flag_is_forgotten_or_told_twice(before: list[Flag], after: list[Flag]) -> None:
    """Each flag is unchanged or in one difference; the other way round, gained is lost."""
    found = list(differences(before, after))
    for flags, side in ((before, 1), (after, 2)):
        told = [one[side].rule for one in found if one[side]]
        assert len(told) == len(set(told))
        assert set(told) <= {one.rule for one in flags}
    kept = len(before) - sum(was is not None for _, was, _ in found)
    assert kept == len(after) - sum(now is not None for _, _, now in found)
    assert list(differences(before, before)) == []


def test_all_is_counted_and_so_many_are_kept(both: tuple[Rules, Rules]) -> None:
    """Counts by rule, language and day are whole, whatever the number of examples."""
    days = [date(2026, 2, 1), date(2026, 2, 2), None]
    articles = [
        Dated(day, make_article(n, title=title, lead="", language="en"))
        for day in days
        for n, title in enumerate(TITLES)
    ]
    found = compare(articles, *both, most=2)
    assert found.articles.total() == 15
    assert found.by_rule == {
        ("en/denied", "lost"): 3,
        ("en/denied", "changed"): 3,
        ("en/blamed", "gained"): 3,
    }
    assert found.by_language["en", "lost"] == 3
    assert (found.before[days[0], "denial"], found.after[days[0], "denial"]) == (2, 1)
    assert (found.before[None, "allegation"], found.after[None, "allegation"]) == (1, 2)
    assert len(found.differences) == 6
    assert {one.what for one in found.differences if one.change == "changed"} == {("spans",)}


@pytest.fixture(name="run")
def _run(tmp_path: Path, both: tuple[Rules, Rules]) -> Callable[..., str]:
    """The command on a file with the titles, one of them twice: what it prints."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(diff)
    path = tmp_path / "articles.jsonl"
    lines = [
        {
            "id": n,
            "title": title,
            "language": "en",
            "outlet": "The Herald",
            "url": f"https://herald.example/{n % 5}",
            "published": "2026-02-01T23:30:00-02:00",
        }
        for n, title in enumerate([*TITLES, TITLES[0]])
    ]
    path.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    assert both[0].hash != both[1].hash

    def run(*options: str) -> str:
        arguments = [str(tmp_path / "old"), str(tmp_path / "new"), *(options or ("--articles", str(path)))]
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return run


def test_the_command_tells_what_changes(run: Callable[..., str]) -> None:
    """Counts, volume a day in UTC, and each flag with its quote; a duplicate counts once."""
    out = run()
    assert "5 articles, 2026-02-02 to 2026-02-02" in out
    assert "1 gained, 1 lost, 1 changed" in out
    assert "2 → 1" in out
    assert (
        "lost en/denied  2026-02-02  The Herald: Mayor denies it\n    old en/denied denial/denial 0.8: “denies”" in out
    )
    assert "changed en/denied (spans)" in out
    assert "new en/denied denial/denial 0.8: “denies all claims”" in out
    assert "gained en/blamed" in out


def test_the_json_of_a_diff_has_everything(run: Callable[..., str], tmp_path: Path) -> None:
    """Counts by rule, language and day, and the flags whole."""
    told = json.loads(run("--articles", str(tmp_path / "articles.jsonl"), "--json"))
    assert told["by_rule"]["en/denied"] == {"gained": 0, "lost": 1, "changed": 1}
    assert told["by_language"] == {"en": {"gained": 1, "lost": 1, "changed": 1}}
    assert told["by_day"][0]["old"]["denial"] == 2
    lost = next(one for one in told["differences"] if one["change"] == "lost")
    assert (lost["new"], lost["old"]["spans"][0]["quote"], lost["title"]) == (None, "denies", TITLES[0])


def test_wrong_usage_is_one_sentence(run: Callable[..., str], tmp_path: Path) -> None:
    """Neither or both sources; a stretch that is none; a folder that is none."""
    articles = ("--articles", str(tmp_path / "articles.jsonl"))
    with pytest.raises(UsageError, match="say either"):
        run("--json")
    with pytest.raises(UsageError, match="say either"):
        run(*articles, "--since", "7d")
    with pytest.raises(UsageError, match="'1 week' is no stretch of time"):
        run("--since", "1 week")
    (tmp_path / "new").rename(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is no folder of rule files; `current`"):
        run()


def test_current_is_the_configured_folder(run: Callable[..., str], tmp_path: Path) -> None:
    """Compared with itself, nothing changes; the folder is found from the configuration."""
    config = tmp_path / "config"
    config.mkdir()
    (config / "counterclaim.yaml").write_text("{}", encoding="utf-8")
    (tmp_path / "new").rename(config / "rules")
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(diff)
    common = ["--articles", str(tmp_path / "articles.jsonl"), "--config", str(config)]
    same = CliRunner().invoke(app, ["current", "current", *common], catch_exceptions=False).output
    assert "0 gained, 0 lost, 0 changed" in same
    back = CliRunner().invoke(app, ["current", str(tmp_path / "old"), *common], catch_exceptions=False).output
    assert "1 gained, 1 lost, 1 changed" in back
    assert "gained en/denied" in back


def test_stretches_of_time() -> None:
    """Minutes, hours, days."""
    assert [parse_since(text) for text in ("30m", "12h", " 7d")] == [
        timedelta(minutes=30),
        timedelta(hours=12),
        timedelta(days=7),
    ]


def test_of_the_topic_what_is_new_enough_is_read_once() -> None:
    """Older records and heartbeats are left out, a batch sent twice counts once, what cannot be read is counted."""

    def message(value: bytes | None, minutes: int = 0) -> Message:
        return Message(ARTICLES_DEDUPED, 0, 0, NOON + timedelta(minutes=minutes), b"en", value, ())

    one, two = make_article(1), make_article(2)
    revised = msgspec.structs.replace(one, title="Another title", text_hash="0" * 16)
    reading = Reading(NOON)
    found = list(
        reading.articles(
            [
                message(encode(make_batch(two)), -1),
                message(encode(make_batch(one))),
                message(encode(make_batch(one)), 60 * 13),
                message(encode(make_batch(revised)), 60 * 13),
                message(encode(make_batch(two, heartbeat=1))),
                message(b"no record"),
                message(None),
            ]
        )
    )
    assert [(dated.day, dated.article) for dated in found] == [
        (datetime(2026, 3, 1, tzinfo=UTC).date(), one),
        (datetime(2026, 3, 2, tzinfo=UTC).date(), revised),
    ]
    assert reading.unreadable == 1
