"""Forms listed in the rule files, or words of the text brought to their lemma? Coverage, cost and memory.

    python -m pip install --target /tmp/lemmas simplemma pymorphy3 pymorphy3-dicts-ru pymorphy3-dicts-uk
    PYTHONPATH=/tmp/lemmas python -m bench.morphology [--english GOLD]

The libraries are no dependency of ours: they are only compared. For each language that one of them knows:

- *of listed*: single-word forms in the `cues` of the rule file that get the lemma which most forms of their entry get;
- *in text*: words of the sentences in `tests/gold` that are a cue by the list only, by the lemma only, and by both;
- *µs*: lemmatising 2,000 characters, each word new and each word seen before, beside flagging them as a whole;
- *MB*: what the library holds for the language.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from bench.rules import resident
from pipeline.evaluate.gold import held_out
from pipeline.records import Article
from pipeline.resources import shipped
from pipeline.rules.folding import fold, words
from pipeline.rules.lexicon import Lexicon
from pipeline.rules.load import read_rule_files
from pipeline.rules.ruleset import Pack

GOLD = Path("tests/gold")
OUT = Path("bench/out/morphology.json")
CHARS = 2_000
Lemmatise = Callable[[str], str]


class Row(NamedTuple):
    """What one library does for one language, and the lists beside it."""

    language: str
    library: str
    of_listed: float
    by_list_only: int
    by_lemma_only: int
    by_both: int
    new_us: float
    seen_us: float
    flags_us: float
    mb: float
    examples: str


def simplemma(language: str) -> Lemmatise:
    """Lemmas by a dictionary, and by rules for words that it has not."""
    lemmatize: Any = import_module("simplemma").lemmatize
    return lambda word: str(lemmatize(word, lang=language))


def pymorphy(language: str) -> Lemmatise:
    """Lemmas of Russian and Ukrainian by a dictionary of forms, and by the ending of words that it has not."""
    parse: Any = import_module("pymorphy3").MorphAnalyzer(lang=language).parse
    return lambda word: str(parse(word)[0].normal_form)


LIBRARIES: dict[str, Callable[[str], Lemmatise]] = {"simplemma": simplemma, "pymorphy3": pymorphy}
LANGUAGES = {"simplemma": ("en", "es", "fr", "de", "it", "pt", "ru", "uk", "tr", "fa"), "pymorphy3": ("ru", "uk")}


def megabytes(library: str, language: str) -> float:
    """What a process grows by that lemmatises a word."""
    before = resident()
    LIBRARIES[library](language)("warm")
    return round((resident() - before) / 1e6, 1)


def lemmas(lexicon: Lexicon) -> Iterator[tuple[str, ...]]:
    """The single-word forms of each lemma of the cues; wild ones with their star."""
    for some in lexicon.cues.values():
        for forms in some.values():
            single = tuple(form for form in forms if form[0] != "@" and len(words(form)) == 1)
            if single:
                yield single


def compare(library: str, lexicon: Lexicon, text: str, flag: Callable[[Article], object]) -> Row:
    """One library against the lists of one language."""
    lemmatise = LIBRARIES[library](lexicon.language)
    lemmatise("warm")
    listed, right, total, cues = set[str](), 0, 0, set[str]()
    for forms in lemmas(lexicon):
        plain = [form for form in forms if not form.endswith("*")]
        listed.update(forms)
        found = Counter(fold(lemmatise(form.lower())) for form in plain)
        if found:
            lemma, count = found.most_common(1)[0]
            right, total = right + count, total + len(plain)
            cues.add(lemma)
    exact = {fold(form) for form in listed if not form.endswith("*")}
    starts = tuple(fold(form) for form in listed if form.endswith("*"))
    pieces = text[: 40 * CHARS].split()
    new, seen = _cost(lemmatise, list(dict.fromkeys(pieces)), pieces), _cost(lemmatise, pieces, pieces)
    counts: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for word in (piece for piece in text.split() if len(words(piece)) == 1):
        one = words(word)[0]
        by_list, by_lemma = one in exact or one.startswith(starts or "\0"), fold(lemmatise(one)) in cues
        counts["both" if by_list and by_lemma else "list" if by_list else "lemma" if by_lemma else ""] += 1
        missed.update([one] if by_lemma and not by_list else [])
    with ProcessPoolExecutor(1, get_context("spawn")) as alone:
        held = alone.submit(megabytes, library, lexicon.language).result()
    return Row(
        lexicon.language, library, round(right / max(1, total), 3), counts["list"], counts["lemma"], counts["both"],
        new, seen, _flags_cost(flag, text, lexicon.language), held,
        " ".join(word for word, _ in missed.most_common(6)),
    )  # fmt: skip


def _cost(lemmatise: Lemmatise, some: list[str], text: list[str]) -> float:
    """Microseconds for as many of these words as 2,000 characters have."""
    each = CHARS * len(text) / sum(len(word) + 1 for word in text)
    began = time.process_time()
    for word in some:
        lemmatise(word)
    return round((time.process_time() - began) / len(some) * each * 1e6)


def _flags_cost(flag: Callable[[Article], object], text: str, language: str) -> float:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    articles = [
        Article(
            id="0", text_hash="", url="", domain="", title="", body=text[start : start + CHARS], language=language,
            published=at, fetched=at,
        ) for start in range(0, len(text) - CHARS, CHARS)
    ]  # fmt: skip
    began = time.process_time()
    for article in articles * 5:
        flag(article)
    return round((time.process_time() - began) / len(articles * 5) * 1e6)


def _text(gold: Path) -> str:
    lines = [json.loads(line) for line in gold.read_text(encoding="utf-8").splitlines()]
    return "\n".join(f"{line['headline']}\n{line.get('lead') or ''}" for line in lines if not held_out(line["id"]))


def main() -> None:
    """Compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--english", type=Path, default=GOLD / "en.jsonl", help="labelled lines, less the third held out"
    )
    options = parser.parse_args()
    rows = []
    for file in read_rule_files(shipped("config") / "rules"):
        language = file.lexicon.language
        gold = options.english if language == "en" else GOLD / f"{language}.jsonl"
        for library, languages in LANGUAGES.items():
            if language in languages and gold.exists():
                rows.append(compare(library, file.lexicon, _text(gold), Pack(language, file.rules).flags))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps([row._asdict() for row in rows], indent=2, ensure_ascii=False))
    print("| " + " | ".join(Row._fields) + " |\n|" + "---|" * len(Row._fields))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")


if __name__ == "__main__":
    main()
