"""Rule files: what the shipped ones promise, how flags are chosen and scored, and what a wrong file says."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from pipeline.cli.rules import rules_app
from pipeline.errors import RuleError
from pipeline.records import Flag
from pipeline.resources import shipped
from pipeline.rules import Rules, load_rules
from pipeline.rules.examples import try_examples
from pipeline.rules.load import read_rule_files
from tests.articles import make_article

SHIPPED = shipped("config") / "rules"

SMALL = """\
language: en
cues:
  deny:
    deny: [denies, denied]
objects:
  claims: [claims, "a report"]
rules:
  - id: claim-denied
    version: 2
    kind: denial
    category: denial
    query: "@deny NEAR/4 @claims"
    unless: ["did ONEAR/0 not"]
    examples: [Mayor denies claims]
    counter_examples: [Mayor denies entry]
  - id: denied
    version: 1
    kind: denial
    category: denial
    query: "@deny"
    examples: [Mayor denies it]
"""


@pytest.fixture(scope="module", name="rules")
def _rules() -> Rules:
    return load_rules(SHIPPED)


def _write(folder: Path, text: str, name: str = "en.yaml") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def _flags(rules: Rules, title: str = "", lead: str = "", body: str = "") -> list[Flag]:
    return list(rules.flags(make_article(title=title, lead=lead, body=body, language="en")))


def _quotes(flag: Flag) -> list[str]:
    return [span.quote for span in flag.spans]


def test_the_examples_of_the_shipped_rules_hold() -> None:
    """Every example is matched by its rule, and no counter-example is."""
    assert [str(trial) for trial in try_examples(read_rule_files(SHIPPED)) if not trial.passed] == []


@pytest.mark.parametrize(
    "title",
    [
        "Striker denied late winner by post",
        "Envoy denied entry at the border",
        "Judge denies bail to trader",
        "Union rejects pay offer",
        "Parliament rejects amendment on fishing rights",
        "Court dismisses case against editor",
        "Club dismisses coach after defeat",
        "Minister declined to comment on the claims",
        "The beauty of the coast is undeniable",
        "Bank site down after denial of service attack",
        "Jobless claims fall again",
        "Flood claims twelve lives",
        "Restaurant adds service charge",
        "New head takes charge of port",
        "Growers blame frost and bad weather for losses",
    ],
)
def test_hard_negatives_raise_no_flag(rules: Rules, title: str) -> None:
    """Words of denial and accusation that deny and accuse nobody."""
    assert [(flag.rule, _quotes(flag)) for flag in _flags(rules, title)] == []


@pytest.mark.parametrize("title", ["Spokesman did not deny the report", "The mayor refused to deny the rumours"])
def test_not_denying_is_a_kind_of_its_own(rules: Rules, title: str) -> None:
    """It is no denial, and worth knowing."""
    assert [flag.kind for flag in _flags(rules, title)] == ["non_denial"]


@pytest.mark.parametrize(
    ("title", "kind", "category"),
    [
        ("Ministry denies supplying shells to rebels", "denial", "denial"),
        ("Embassy rejects charge of arming militia", "denial", "denial"),
        ("Grain firm dismisses allegations as groundless", "denial", "denial"),
        ("Surgeon pleads not guilty", "denial", "not_guilty"),
        ("Palace denies rumour of abdication", "denial", "rumour_denied"),
        ("Militia denies responsibility for raid", "denial", "responsibility_denied"),
        ("Island accuses neighbour of illegal fishing", "allegation", "accusation"),
        ("Guards allegedly beat prisoners", "allegation", "accusation"),
        ("Premier blames rivals for riot", "allegation", "blame"),
        ("Police suspect sabotage at plant", "allegation", "suspicion"),
        ("Trader charged with fraud", "allegation", "legal"),
    ],
)
def test_each_category_has_its_rule(rules: Rules, title: str, kind: str, category: str) -> None:
    """A plain headline of each category is flagged as such."""
    assert (kind, category) in [(flag.kind, flag.category) for flag in _flags(rules, title)]


def test_one_statement_gives_one_flag_by_the_most_specific_rule(rules: Rules) -> None:
    """The general rule does not count where a specific one has flagged the same stretch."""
    found = [flag.rule for flag in _flags(rules, "Banker pleads not guilty to charges") if flag.kind == "denial"]
    assert found == ["en/not-guilty"]


def test_spans_are_the_words_that_show_it(rules: Rules) -> None:
    """Cue and completion, joined when at most two words lie between; never the title."""
    (flag,) = [
        f for f in _flags(rules, "Pyongyang on Friday rejected the US charge of selling shells") if f.kind == "denial"
    ]
    assert _quotes(flag) == ["rejected the US charge"]


def test_far_parts_of_a_match_are_spans_of_their_own(tmp_path: Path) -> None:
    """More than two words between: two quotes, in text order."""
    rules = load_rules(_write(tmp_path, SMALL))
    assert _quotes(_flags(rules, "Mayor denies very old and bad claims")[0]) == ["denies", "claims"]


def test_the_title_goes_before_the_tightest_match_elsewhere(tmp_path: Path) -> None:
    """Best field first; in it the tightest match; the score counts every field that has a match."""
    rules = load_rules(_write(tmp_path, SMALL))
    flag, _ = _flags(rules, "Claims the mayor denied. She denied claims", body="It denies claims")
    assert [(span.field, span.quote) for span in flag.spans] == [("title", "denied claims")]
    assert (flag.rule, flag.version, flag.score) == ("en/claim-denied", 2, 0.86)


def test_a_language_without_rules_has_no_flags(rules: Rules) -> None:
    """Nothing is guessed with the rules of another language."""
    assert rules.flags(make_article(title="Minister denies claims", language="de")) == ()
    assert rules.flags(make_article(title="Minister denies claims", language="und")) == ()


def test_flags_are_the_same_from_every_thread(rules: Rules) -> None:
    """`Rules.flags` keeps no state."""
    articles = [make_article(title=f"Firm {n} denies claims of fraud", language="en") for n in range(50)]
    alone = [rules.flags(article) for article in articles]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(rules.flags, articles * 4)) == alone * 4


def test_the_hash_names_what_the_files_say(tmp_path: Path) -> None:
    """Comments and layout change nothing; a word does."""
    plain = load_rules(_write(tmp_path / "a", SMALL)).hash
    respelt = yaml.safe_dump(yaml.safe_load(SMALL), sort_keys=True)
    assert load_rules(_write(tmp_path / "b", "# a comment\n" + respelt, "english.yaml")).hash == plain
    assert load_rules(_write(tmp_path / "c", SMALL.replace("denied]", "denied, deny]"))).hash != plain
    assert len(plain) == 12


@pytest.mark.parametrize(
    ("old", "new", "line", "why"),
    [
        ('"@deny NEAR/4 @claims"', '"@deny NEARR/4 @claims"', 12, "rule 'claim-denied', query, column 7, at 'NEARR/4'"),
        ('"@deny NEAR/4 @claims"', '"@dney NEAR/4 @claims"', 12, "at '@dney': there is no list 'dney'"),
        ('["did ONEAR/0 not"]', '["did ONEAR not"]', 13, "rule 'claim-denied', unless, column 5, at 'ONEAR'"),
        ('["did ONEAR/0 not"]', '["did AND not"]', 13, "AND, NOT and attributes cannot stand"),
        ('query: "@deny"', "query: actor:Russia AND denies", 20, "it belongs in a subscription"),
        ('query: "@deny"', "query: lang:en", 20, "can match without any word"),
        ("id: denied", "id: claim-denied", 16, "rule id 'claim-denied' is used twice"),
        ("category: denial", "category: blame", 8, "category 'blame' is not one of denial"),
        ("kind: denial", "kind: rumour", 10, "kind"),
        ("    version: 2\n", "    version: 2\n    weight: 3\n", 10, "unknown key"),
        ('[claims, "a report"]', '[claims, "@deny", "@nope"]', 6, "there is no list 'nope' above"),
        ('[claims, "a report"]', '[claims, "--"]', 6, "entry '--': there is no word here"),
        ("  claims:", "  deny:", 6, "there is a list 'deny' already"),
        ("examples: [Mayor denies claims]", "examples: []", 14, "at least 1"),
        ("language: en", "language: english", 1, "language"),
    ],
)
def test_problems_name_file_line_rule_and_word(tmp_path: Path, old: str, new: str, line: int, why: str) -> None:
    """What is wrong, and on which line of which file."""
    assert old in SMALL
    with pytest.raises(RuleError) as caught:
        load_rules(_write(tmp_path, SMALL.replace(old, new, 1)))
    problem = caught.value.problems[0]
    assert (problem.file, problem.line) == (tmp_path / "en.yaml", line)
    assert why in problem.message


def test_every_problem_of_every_file_is_told(tmp_path: Path) -> None:
    """Not only the first."""
    _write(tmp_path, SMALL.replace("NEAR/4", "NEER/4").replace('query: "@deny"', "query: a b"))
    _write(tmp_path, "language: fr\n", "fr.yaml")
    with pytest.raises(RuleError) as caught:
        load_rules(tmp_path)
    assert [problem.file.name for problem in caught.value.problems] == ["en.yaml", "en.yaml", "fr.yaml"]


def test_two_files_of_one_language_and_no_file_at_all(tmp_path: Path) -> None:
    """A language has one file, and a folder has at least one."""
    with pytest.raises(RuleError, match="no rule file here"):
        load_rules(tmp_path)
    _write(tmp_path, SMALL)
    _write(tmp_path, SMALL, "more.yaml")
    with pytest.raises(RuleError, match=r"has its rules in en\.yaml already"):
        load_rules(tmp_path)


def test_the_command_runs_examples_and_fails_with_file_line_and_rule(tmp_path: Path) -> None:
    """`rules test` ends with 1 when an example does not hold, and names it."""
    good = CliRunner().invoke(rules_app, ["test", "--rules", str(_write(tmp_path, SMALL))])
    assert (good.exit_code, good.stdout) == (0, "3 examples, 0 failed\n")
    _write(tmp_path, SMALL.replace("Mayor denies entry", "Mayor denies claims"))
    bad = CliRunner().invoke(rules_app, ["test", "--rules", str(tmp_path)])
    assert bad.exit_code == 1
    told = f"{tmp_path}/en.yaml:15: rule 'claim-denied': counter-example is matched: 'Mayor denies claims'"
    assert told in bad.stderr
    as_json = CliRunner().invoke(rules_app, ["test", "--json", "--rules", str(tmp_path)])
    assert json.loads(as_json.stdout)["failed"][0]["line"] == 15


def test_the_command_lists_the_rules(tmp_path: Path) -> None:
    """`rules list` tells id, version, kind and category."""
    done = CliRunner().invoke(rules_app, ["list", "--json", "--rules", str(_write(tmp_path, SMALL))])
    listed = json.loads(done.stdout)
    assert listed["rules"][0] == {"rule": "en/claim-denied", "version": 2, "kind": "denial", "category": "denial"}
    assert listed["hash"] == load_rules(tmp_path).hash
