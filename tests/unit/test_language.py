"""The language of an article: text against declaration."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dedupe.language import decide_language, primary_language

STORIES = {
    "en": (
        "Harbour board denies hiding the survey",
        "The board said on Monday that it had never seen the survey of the pier.",
    ),
    "es": (
        "El alcalde niega haber ocultado el informe",
        "La oposición lo acusa de guardar el documento durante varios meses.",
    ),
    "fr": (
        "Le maire dément avoir caché le rapport",
        "L'opposition l'accuse d'avoir gardé le document pendant des mois.",
    ),
    "de": (
        "Bürgermeister weist Vorwürfe zurück",
        "Die Opposition wirft ihm vor, den Bericht monatelang zurückgehalten zu haben.",
    ),
    "it": (
        "Il sindaco smentisce di aver nascosto il rapporto",
        "L'opposizione lo accusa di averlo tenuto nel cassetto.",
    ),
    "pt": ("Prefeito nega ter escondido o relatório", "A oposição acusa-o de ter guardado o documento durante meses."),
    "ru": (
        "Мэр опроверг обвинения в сокрытии доклада",
        "Оппозиция утверждает, что он несколько месяцев скрывал этот документ.",
    ),
    "uk": (
        "Мер заперечує, що приховував звіт",
        "Опозиція звинувачує його в тому, що він місяцями тримав документ у шухляді.",
    ),
    "ar": ("رئيس البلدية ينفي إخفاء التقرير", "وتتهمه المعارضة بالاحتفاظ بالوثيقة لعدة أشهر دون نشرها."),
    "fa": ("شهردار پنهان کردن گزارش را تکذیب کرد", "مخالفان او را متهم می‌کنند که ماه‌ها این سند را نگه داشته است."),
    "tr": ("Belediye başkanı raporu sakladığını yalanladı", "Muhalefet, belgeyi aylarca gizlemekle suçluyor."),
    "zh": ("市长否认隐瞒报告", "反对派指责他把这份文件扣留了好几个月，他说这完全不是事实。"),
}


@pytest.mark.parametrize("language", STORIES)
@pytest.mark.parametrize("declared", ["", "en", "xx-none"])
def test_a_clear_text_decides(language: str, declared: str) -> None:
    """A title and a sentence are told apart in all twelve languages, whatever the feed declares."""
    assert decide_language(*STORIES[language], declared) == language


def test_a_short_text_keeps_what_the_feed_declares() -> None:
    """Names and a few words are guessed wrong too often."""
    assert decide_language("Paris", "", "de-AT") == "de"
    assert decide_language("Macron: Non", "", "nl") == "nl"


def test_nothing_known_is_undetermined() -> None:
    """Without words and without a declaration there is no language."""
    assert decide_language("", "", "") == "und"
    assert decide_language("2026 — 17:30 !!", "https://example.org/a", "") == "und"
    assert decide_language("2026", "", "fr") == "fr"


@pytest.mark.parametrize(
    ("tag", "code"),
    [("en", "en"), ("en-GB", "en"), ("EN_us", "en"), ("zh-Hans-CN", "zh"), ("eng", "en"), ("fas", "fa"),
     (" pt-br ", "pt"), ("iw", "he"), ("", ""), ("english", ""), ("e", ""), ("xyz", ""), ("<en>", "")],
)  # fmt: skip
def test_declared_tags(tag: str, code: str) -> None:
    """BCP 47 tags and three-letter codes come down to ISO 639-1; anything else is no declaration."""
    assert primary_language(tag) == code


@given(st.text(), st.text(), st.text(max_size=10))
def test_any_text_has_an_answer(title: str, text: str, declared: str) -> None:
    """Two letters or "und", the same each time, for any text."""
    answer = decide_language(title, text, declared)
    assert answer == "und" or (len(answer) == 2 and answer.isalpha())
    assert decide_language(title, text, declared) == answer


def test_the_model_is_not_loaded_by_import() -> None:
    """An import does no work."""
    code = "import sys, pipeline.dedupe.language; sys.exit('fasttext' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_quoted_title_does_not_make_the_declared_language() -> None:
    """An English title within a Spanish text has two English function words, and the text is Spanish all the same."""
    title = "La crítica elogia «The House of Glass»"
    text = "La novela, traducida por primera vez, cuenta la historia de una familia que lo pierde todo."
    assert decide_language(title, text, "en") == "es"


@pytest.mark.parametrize("language", STORIES)
def test_a_text_never_reads_as_another_language_that_is_declared(language: str) -> None:
    """Whatever the feed declares, clear text decides: no function words of one language are found in another."""
    title, text = STORIES[language]
    long = f"{text} {text}"
    assert {decide_language(title, long, declared) for declared in STORIES} == {language}
