"""Statements that are asked, not made, are no flags; old ones are flags that say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import RuleError
from pipeline.records import Flag
from pipeline.rules import load_rules
from tests.articles import make_article

CUES = {
    "en": "denies, lied, deny",
    "es": "niega",
    "fr": "nie",
    "ru": "отрицает",
    "tr": "yalanladı",
    "ar": "نفى",
    "zh": "否认",
}


def _file(language: str, cues: str, historic: str = "[]") -> str:
    return f"""\
language: {language}
objects:
  years_ago: [years ago, 周年]
cues:
  deny:
    deny: [{cues}]
historic: {historic}
rules:
  - id: denied
    version: 1
    kind: denial
    category: denial
    query: "@deny"
    examples: [any]
"""


def _flags(folder: Path, language: str, historic: str = "[]", **fields: str) -> list[Flag]:
    (folder / f"{language}.yaml").write_text(_file(language, CUES[language], historic), encoding="utf-8")
    texts = {"title": "", "lead": "", "body": ""} | fields
    return list(load_rules(folder).flags(make_article(language=language, **texts)))


@pytest.mark.parametrize(
    ("language", "title", "flagged"),
    [
        ("en", "Has the mayor lied?", False),
        ("en", "Mayor denies bribery: what do we know?", True),
        ("en", "Mayor denies bribery – but who paid?", True),
        ("en", "Mayor denies bribery - but who paid?", True),
        ("en", "Mayor denies bribery; who paid? | Herald", True),
        ("en", "What we know: has the mayor lied?", False),
        ("en", "Who lied at 10:30 on Sunday?", False),
        ("en", "Why? Mayor denies it", True),
        ("en", "Mayor denies it. Why?", True),
        ("en", "Mayor denies asking “who paid?” at dinner", True),
        ("en", "Mayor denies asking 'who paid?' at dinner", True),
        ("en", "Who denies the mayor's bribe and Smith's?", False),
        ("en", "Lied? Never, says mayor; aide denies it", True),
        ("en", "Has she lied?! Mayor denies", True),
        ("es", "¿Niega el alcalde el soborno?", False),
        ("es", "El alcalde niega el soborno: ¿qué sabemos?", True),
        ("fr", "Le maire nie-t-il encore ?", False),
        ("fr", "Le maire nie : que sait-on ?", True),
        ("ru", "Мэр отрицает взятку?", False),
        ("ru", "Мэр отрицает взятку — что известно?", True),
        ("tr", "Başkan rüşveti yalanladı mı?", False),
        ("tr", "Başkan YALANLADI: ne biliyoruz?", True),
        ("ar", "هل نفى الوزير التهمة؟", False),
        ("ar", "الوزير ينفي: ونفى ذلك مكتبه؛ ماذا نعرف؟", True),
        ("zh", "市长否认受贿了吗？", False),
        ("zh", "市长否认受贿：我们知道什么？", True),
        ("zh", "市长否认受贿？官方回应", False),
    ],
)
def test_a_headline_that_only_asks_is_no_flag(tmp_path: Path, language: str, title: str, flagged: bool) -> None:
    """The clause of the match decides: it ends at a colon, a semicolon, a dash, a bar and the end of the sentence."""
    assert bool(_flags(tmp_path, language, title=title)) is flagged


def test_a_question_in_the_headline_leaves_the_lead_alone(tmp_path: Path) -> None:
    """What the lead states is flagged there, and the question adds nothing to the score."""
    (flag,) = _flags(tmp_path, "en", title="Has the mayor lied?", lead="The mayor denies it. Does she?")
    assert [span.field for span in flag.spans] == ["lead"]
    assert flag.score == 0.6


@pytest.mark.parametrize(
    ("language", "fields", "historic"),
    [
        ("en", {"title": "Mayor denies it"}, False),
        ("en", {"title": "Ten years ago: mayor denies it"}, True),
        ("en", {"title": "Ten years ago. Fish", "lead": "The mayor denies it."}, True),
        ("en", {"title": "Fish", "lead": "The mayor denies it. Ten years ago it was cold."}, False),
        ("en", {"title": "Fish", "lead": "Years ago the mayor, who denies it, left. So it is."}, True),
        ("zh", {"title": "十周年：市长否认受贿"}, True),
    ],
)
def test_a_flag_says_when_its_statement_is_old(
    tmp_path: Path, language: str, fields: dict[str, str], historic: bool
) -> None:
    """The title or the sentence of the match tells it; another sentence does not."""
    (flag,) = _flags(tmp_path, language, "['@years_ago']", **fields)
    assert flag.historic is historic


@pytest.mark.parametrize(
    ("historic", "why"),
    [
        ("['years ago']", "rules/en.yaml:7: historic, query 1, column 7, at 'ago': this makes no sense here"),
        ("[years, 'years AND ago']", "rules/en.yaml:7: historic, query 2: it is asked of single sentences"),
        ("['@nothing']", "rules/en.yaml:7: historic, query 1, column 1, at '@nothing': there is no list 'nothing'"),
    ],
)
def test_a_wrong_query_about_the_past_names_file_line_and_word(tmp_path: Path, historic: str, why: str) -> None:
    """The same errors as those of a rule."""
    (tmp_path / "rules").mkdir()
    with pytest.raises(RuleError) as caught:
        _flags(tmp_path / "rules", "en", historic, title="any")
    assert why in str(caught.value)
