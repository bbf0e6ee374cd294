"""`counterclaim rules`: try the rules and look at them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from pipeline.cli.late import Verb, late
from pipeline.cli.options import ConfigOption, JsonOption, config_dir
from pipeline.records import Kind
from pipeline.rules import Rules
from pipeline.rules.examples import Trial, try_examples
from pipeline.rules.load import RuleFile, read_rule_files, read_rules
from pipeline.rules.ruleset import Pack
from pipeline.settings.load import load_settings

VERBS = (
    Verb(
        "explain",
        "pipeline.cli.rules_explain:explain",
        "Tell what the rules make of a text: every cue seen, each rule that found something, and what blocked it.",
    ),
    Verb(
        "diff",
        "pipeline.cli.rules_diff:diff",
        "Compare two rule sets on the same articles: flags gained, lost and changed, and how many a day.",
    ),
)

rules_app = typer.Typer(
    name="rules", cls=late(*VERBS), help="Check, list, explain and compare the rules.", no_args_is_help=True
)

RulesOption = Annotated[
    Path | None,
    typer.Option("--rules", metavar="DIR", help="Folder with rule files. Default: the one of the configuration."),
]


def rules_dir(rules: Path | None, config: Path | None) -> Path:
    """The folder of rule files that a command works with."""
    return rules if rules is not None else load_settings(config_dir(config), os.environ).rules_path


def open_rules(rules: Path | None, config: Path | None) -> tuple[tuple[RuleFile, ...], Rules]:
    """A folder's files, and their rules with the actors that go with them: of the configured one, those configured."""
    if rules is not None:
        return read_rules(rules)
    settings = load_settings(config_dir(config), os.environ)
    return read_rules(settings.rules_path, settings.actors_path)


@rules_app.command("test")
def run_examples(rules: RulesOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Run the examples and counter-examples of every rule. Exit code 1 if one of them fails.

    counterclaim rules test --rules my-rules
    """
    trials = list(try_examples(read_rule_files(rules_dir(rules, config))))
    failed = [trial for trial in trials if not trial.passed]
    if as_json:
        print(json.dumps({"tried": len(trials), "failed": [_trial(one) for one in failed]}, ensure_ascii=False))
    else:
        for trial in failed:
            print(trial, file=sys.stderr)
        print(f"{len(trials)} examples, {len(failed)} failed")
    if failed:
        raise typer.Exit(1)


@rules_app.command("list")
def list_rules(rules: RulesOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the rules: id, version, kind, category; and how many of each kind a language has.

    counterclaim rules list --json
    """
    _, loaded = open_rules(rules, config)
    found = [
        {"rule": rule.id, "version": rule.version, "kind": rule.kind, "category": rule.category}
        for pack in loaded.packs.values()
        for rule in pack.rules
    ]
    languages = {language: count_kinds(pack) for language, pack in sorted(loaded.packs.items())}
    if as_json:
        print(json.dumps({"hash": loaded.hash, "languages": languages, "rules": found}))
        return
    for one in found:
        print(f"{one['kind']:10}  {one['category']:21}  {one['rule']} v{one['version']}")
    for language, kinds in languages.items():
        told = ", ".join(f"{number} {kind}" for kind, number in kinds.items() if number)
        print(f"{language}: {sum(kinds.values())} rules ({told})")
    print(f"{len(found)} rules in {len(languages)} languages, rule set {loaded.hash}")


def count_kinds(pack: Pack) -> dict[Kind, int]:
    """How many rules of each kind a language has."""
    return {kind: sum(rule.kind == kind for rule in pack.rules) for kind in get_args(Kind)}


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "file": str(trial.file),
        "line": trial.line,
        "rule": trial.rule,
        "expected": trial.expected,
        "text": trial.text,
    }
