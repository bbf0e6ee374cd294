"""`rules list`: what there is, and how much of it in each language."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from pipeline.cli.rules import rules_app

RULE = """
  - id: r{number}
    version: 2
    kind: {kind}
    category: {category}
    query: word
    examples: [word]
"""


def test_the_list_counts_rules_by_language_and_kind(tmp_path: Path) -> None:
    """Two languages, three rules; kinds that a language has not are left out of the text."""
    denial, debunk = (("denial", "not_guilty"), ("debunk", "debunk"))
    for language, kinds in {"tr": [denial, denial], "en": [debunk]}.items():
        rules = "".join(RULE.format(number=n, kind=kind, category=c) for n, (kind, c) in enumerate(kinds))
        (tmp_path / f"{language}.yaml").write_text(f"language: {language}\nrules:{rules}", encoding="utf-8")
    lines = CliRunner().invoke(rules_app, ["list", "--rules", str(tmp_path)]).stdout.splitlines()
    assert lines[0].split() == ["debunk", "debunk", "en/r0", "v2"]
    assert lines[3:5] == ["en: 1 rules (1 debunk)", "tr: 2 rules (2 denial)"]
    assert lines[5].startswith("3 rules in 2 languages, rule set ")
    told = json.loads(CliRunner().invoke(rules_app, ["list", "--json", "--rules", str(tmp_path)]).stdout)
    assert told["languages"]["tr"] == {"denial": 2, "allegation": 0, "debunk": 0, "non_denial": 0}
    assert [one["rule"] for one in told["rules"]] == ["en/r0", "tr/r0", "tr/r1"]
