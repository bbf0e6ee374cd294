"""An explanation says what the engine did: its flags are the engine's, and what is blocked was blocked by somebody."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
import typer
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from pipeline.cli.rules_explain import explain, lines
from pipeline.errors import UsageError
from pipeline.resources import shipped
from pipeline.rules import Rules
from pipeline.rules.explain import Explainer, Explainers, Explanation, Tried
from pipeline.rules.load import read_rules
from tests.articles import make_article

RULES = """
language: en
cues:
  deny_verbs:
    deny: [deny, denies, denied]
objects:
  things: [claims, report]
blockers:
  refused: [entry, visa]
polarity:
  negations: [not, never]
phrases:
  again: ["@things", once more]
historic: ['"years ago"']
rules:
  - id: claims-denied
    version: 3
    kind: denial
    category: rumour_denied
    query: "@deny_verbs ONEAR/4 @things"
    unless: ["@negations ONEAR/1 @deny_verbs", "@deny_verbs ONEAR/2 @refused"]
    examples: [Mayor denies claims]
  - id: denied
    version: 1
    kind: denial
    category: denial
    query: "@deny_verbs"
    unless: ["@negations ONEAR/1 @deny_verbs", "@deny_verbs ONEAR/2 @refused"]
    examples: [Mayor denies it]
  - id: innocent
    version: 1
    kind: denial
    category: denial
    query: title:(innocent UNLESS (proven ONEAR/1 innocent)) AND lead:(court NOT NEAR/2 tennis) NOT film
    examples: [{title: Captain innocent, lead: The court heard}]
  - id: cleared
    version: 1
    kind: denial
    category: denial
    query: lead:(cleared NOT film)
    examples: [{lead: Captain cleared}]
"""


def loaded(text: str, folder: Path) -> tuple[Rules, Explainer]:
    """A rule file, ready to run and to explain."""
    (folder / "en.yaml").write_text(text, encoding="utf-8")
    files, rules = read_rules(folder)
    return rules, Explainers(files, rules)["en"]


@cache
def ours() -> Explainer:
    """The rules above."""
    with TemporaryDirectory() as folder:
        return loaded(RULES, Path(folder))[1]


def explained(title: str, lead: str = "") -> Explanation:
    """A text by the rules above."""
    return ours().explain(make_article(title=title, lead=lead, language="en"))


def outcomes(found: Explanation) -> dict[str, str]:
    """Rule → outcome."""
    return {one.rule: one.outcome for one in found.tried}


def blamed(one: Tried) -> list[tuple[str, str, str]]:
    """(what was blocked, by which blocker, with which words)."""
    return [
        (" ".join(s.quote for s in block.spans), block.by, " ".join(s.quote for s in block.words))
        for block in one.blocks
    ]


def test_a_match_is_a_flag_and_takes_its_words() -> None:
    """The more specific rule flags; the general one says who was before it."""
    found = explained("Mayor denies the claims")
    assert outcomes(found) == {"en/claims-denied": "flagged", "en/denied": "taken"}
    specific, general = found.tried
    assert specific.flag is not None
    assert specific.flag.score == 0.8
    assert specific.spans == specific.flag.spans
    assert general.taken_by == "en/claims-denied"
    assert found.silent == 2


def test_a_blocker_is_told_as_it_is_written_and_with_its_words() -> None:
    """Only the one that did it, not its neighbour."""
    found = explained("Mayor did not deny it")
    assert [blamed(one) for one in found.tried] == [[("deny", "@negations ONEAR/1 @deny_verbs", "not deny")]]
    found = explained("Guard denied them entry after claims")
    assert outcomes(found)["en/claims-denied"] == "blocked"
    assert blamed(found.tried[0]) == [("denied claims", "@deny_verbs ONEAR/2 @refused", "denied them entry")]


def test_a_rule_that_flags_one_place_tells_what_was_blocked_in_another() -> None:
    """Both are in the explanation."""
    found = explained("Mayor did not deny it. Council denies it")
    (one,) = found.tried
    assert one.outcome == "flagged"
    assert [span.quote for span in one.spans] == ["denies"]
    assert [what for what, _, _ in blamed(one)] == ["deny"]


def test_each_blocker_is_blamed_for_its_own_match_only() -> None:
    """Two blockers in two sentences; neither is told for what the other did."""
    (one,) = explained("Guard denied visa. Mayor did not deny it").tried
    assert blamed(one) == [
        ("deny", "@negations ONEAR/1 @deny_verbs", "not deny"),
        ("denied", "@deny_verbs ONEAR/2 @refused", "denied visa"),
    ]
    (one,) = explained("Captain innocent", "Tennis is a game of long days and of little rain: a tennis court").tried
    (block,) = one.blocks
    assert block.words[0].quote == "tennis"
    (one,) = explained("Film of the year", "Captain cleared, says the film").tried
    (block,) = one.blocks
    assert block.words[0].field == "lead"


def test_another_reading_of_the_same_words_is_not_told() -> None:
    """The nearer completion is flagged; that a farther one was blocked says nothing."""
    (one, _) = explained("Mayor denies claims over visa report").tried
    assert (one.outcome, one.blocks) == ("flagged", ())


def test_words_are_taken_by_a_rule_of_the_same_kind(tmp_path: Path) -> None:
    """An allegation on the same words takes nothing from a denial."""
    names = [("told", "allegation", "blame"), ("first", "denial", "denial"), ("second", "denial", "denial")]
    rules = [
        {"id": name, "version": 1, "kind": kind, "category": category, "query": "denies", "examples": ["denies"]}
        for name, kind, category in names
    ]
    _, explainer = loaded(yaml.safe_dump({"language": "en", "rules": rules}), tmp_path)
    found = explainer.explain(make_article(title="Mayor denies it", language="en"))
    assert [one.taken_by for one in found.tried] == ["", "", "en/first"]


def test_a_question_is_told() -> None:
    """The words are there, the headline only asks."""
    assert set(outcomes(explained("Did the mayor deny the claims?")).values()) == {"asked"}


@pytest.mark.parametrize(
    ("title", "lead", "by", "words"),
    [
        ("Captain proven innocent", "The court heard", "UNLESS", "proven innocent"),
        ("Captain innocent", "The tennis court was wet", "NOT NEAR", "tennis"),
        ("Captain innocent", "The court heard of the film", "NOT", "film"),
    ],
)
def test_what_blocks_within_a_query_is_told(title: str, lead: str, by: str, words: str) -> None:
    """Each kind of exclusion, with its words, in the field that it speaks about."""
    (one,) = explained(title, lead).tried
    assert (one.rule, one.outcome) == ("en/innocent", "blocked")
    assert [(name, told) for _, name, told in blamed(one)] == [(by, words)]


def test_cues_are_seen_with_list_and_lemma() -> None:
    """Entries of every section; a list within a list speaks for itself."""
    seen = [
        (one.section, one.name, one.lemma, one.span.quote) for one in explained("Never denied once more: claims").seen
    ]
    assert seen == [
        ("polarity", "negations", "", "Never"),
        ("cues", "deny_verbs", "deny", "denied"),
        ("phrases", "again", "", "once more"),
        ("objects", "things", "", "claims"),
    ]


def test_nothing_found_is_told() -> None:
    """No cue, no rule."""
    found = explained("Sun shines")
    assert (found.seen, found.tried, found.flags, found.silent) == ((), (), (), 4)


TERMS = ("deny", "denied", "no", "claims", '"the claims"', "cla*", "entry", "@listed")
WORDS = ("deny", "denied", "no", "claims", "the", "entry", "clam", "deny", "no. And", "claims? The", "claims: no")


def _local(dice: Random, depth: int) -> str:
    if not depth or dice.random() < 0.2:
        return dice.choice(TERMS)
    one, two = _local(dice, depth - 1), _local(dice, depth - 1)
    joined = dice.choice(["NEAR/2", "ONEAR/1", "NOT NEAR/1", "NOT ONEAR/2", "UNLESS", "UNLESS", "OR"])
    field = dice.choice(["", "", "title:", "lead:"])
    return f"{field}(({one}) {joined} ({two}))"


def _rule(dice: Random, number: int) -> dict[str, object]:
    query, unless = _local(dice, 2), [_local(dice, 1) for _ in range(dice.randrange(3))]
    if not unless and dice.random() < 0.5:
        query = f"({query}) {dice.choice(['AND', 'NOT'])} ({_local(dice, 2)})"
    kind, category = dice.choice([("denial", "denial"), ("allegation", "blame")])
    return {
        "id": f"r{number}", "version": 1, "kind": kind, "category": category, "query": query, "unless": unless,
        "examples": ["x"],
    }  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**64).map(Random))
def test_an_explanation_agrees_with_the_engine(dice: Random) -> None:
    """Whatever the rules and the text: the same flags, and somebody is to blame for everything that is blocked."""
    file = {"language": "en", "objects": {"listed": ["no", "denied"]}, "rules": [_rule(dice, n) for n in range(4)]}
    with TemporaryDirectory() as folder:
        rules, explainer = loaded(yaml.safe_dump(file), Path(folder))
    for _ in range(10):
        title, lead = (" ".join(dice.choices(WORDS, k=dice.randrange(9))) for _ in range(2))
        article = make_article(title=title, lead=lead, language="en")
        found = explainer.explain(article)
        assert found.flags == rules.flags(article)
        assert [one.rule for one in found.tried if one.outcome == "flagged"] == [flag.rule for flag in found.flags]
        for one in found.tried:
            assert bool(one.blocks) or one.outcome != "blocked", (file, title, lead)
            assert bool(one.taken_by) == (one.outcome == "taken")


@cache
def all_ours() -> tuple[Rules, dict[str, Explainer], dict[str, list[str]]]:
    """The shipped rules, and the words of each language's lists."""
    folder = shipped("config") / "rules"
    files, rules = read_rules(folder)
    words = {
        file.lexicon.language: [entry for _, entries in file.lexicon.lists() for _, entry in entries if entry[0] != "@"]
        for file in files
    }
    return rules, dict(Explainers(files, rules)), words


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**64).map(Random))
def test_the_shipped_rules_are_explained_as_they_run(dice: Random) -> None:
    """On headlines thrown together from the words of their own lists."""
    rules, known, words = all_ours()
    for language, entries in words.items():
        title, lead = (" ".join(dice.choices(entries, k=6)).replace("*", "") for _ in range(2))
        article = make_article(title=title, lead=lead, language=language)
        found = known[language].explain(article)
        assert found.flags == rules.flags(article)
        assert all(one.blocks for one in found.tried if one.outcome == "blocked")


@pytest.fixture(name="cli")
def _cli(tmp_path: Path) -> tuple[typer.Typer, str]:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(explain)
    (tmp_path / "en.yaml").write_text(RULES, encoding="utf-8")
    return app, str(tmp_path)


def run(cli: tuple[typer.Typer, str], *arguments: str, stdin: str | None = None) -> str:
    """The command's output."""
    result = CliRunner().invoke(cli[0], [*arguments, "--rules", cli[1]], input=stdin, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_command_shows_it_without_colours_in_a_pipe(cli: tuple[typer.Typer, str]) -> None:
    """Text, words, rules, blockers; no escape codes."""
    out = run(cli, "Mayor did not deny it; council denies claims", "--lang", "en")
    assert "\x1b" not in out
    assert "title Mayor did not deny it; council denies claims" in out
    assert "“denies”  deny_verbs (deny)" in out
    assert "+ en/claims-denied v3  denial/rumour_denied  score 0.8" in out
    assert "“deny” blocked by “not deny”  @negations ONEAR/1 @deny_verbs" in out


def test_spans_are_marked_on_a_terminal() -> None:
    """The flag's words, and those of the blocker, each in a style of its own; nothing from outside steers it."""
    console = Console(force_terminal=True, color_system="standard", highlight=False, width=200, _environ={})
    with console.capture() as capture:
        for line in lines(explained("Mayor did not deny it; council denies \x1b]0;x claims")):
            console.print(line)
    out = capture.get()
    assert "\x1b[1;7m" in out
    assert "\x1b[4;31mnot" in out
    assert "\x1b]0" not in out


def test_texts_come_as_argument_file_standard_input_and_options(cli: tuple[typer.Typer, str], tmp_path: Path) -> None:
    """One headline four ways, and one with lead and body."""
    headline = "Mayor denies the claims"
    file, record = tmp_path / "a.txt", tmp_path / "a.json"
    file.write_text(headline, encoding="utf-8")
    record.write_text(json.dumps({"title": headline, "language": "en"}), encoding="utf-8")
    told = [
        run(cli, headline, "--json", "--lang", "en"),
        run(cli, str(file), "--json", "--lang", "en"),
        run(cli, "-", "--json", "--lang", "en", stdin=headline),
        run(cli, "--title", headline, "--json", "--lang", "en"),
        run(cli, str(record), "--json"),
    ]
    assert all([flag["rule"] for flag in json.loads(one)["flags"]] == ["en/claims-denied"] for one in told)
    assert {json.loads(one)["title"] for one in told} == {headline}
    whole = json.loads(run(cli, headline, "--lead", "He denied it.", "--body", "Never.", "--json", "--lang", "en"))
    assert (whole["lead"], whole["body"]) == ("He denied it.", "Never.")
    assert whole["flags"][0]["score"] == 0.8
    assert whole["seen"][0]["lemma"] == "deny"


def test_a_language_without_rules_and_no_text_are_told(cli: tuple[typer.Typer, str]) -> None:
    """Which languages there are; what to give."""
    with pytest.raises(UsageError, match="no rules for language 'sv'; say --lang en"):
        run(cli, "Mayor denies", "--lang", "sv")
    with pytest.raises(UsageError, match="nothing to explain"):
        run(cli)
