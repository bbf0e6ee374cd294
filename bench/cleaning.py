"""How well page furniture is told from stories: ``python -m bench.cleaning --pages DIR``.

DIR holds web pages (``<id>.html.gz``) and ``ground-truth.json``: ``{id: {"articleBody": text, …}}``, as in the article
extraction benchmark of Scrapinghub. Each page is rendered as a browser would copy it, with every menu and list; a
rendered line belongs to the story if most of its words stand together in ``articleBody``. Lines of the page's headline
are not scored: it is wanted, and no part of ``articleBody``.

Told for each way of cleaning: precision and recall of lines, the same by words (a paragraph counts more than a menu
entry), and F1 on 4-shingles of tokens averaged over the pages, which is that benchmark's own measure.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser

from pipeline.feeds.clean import clean_html, clean_page

SHINGLE = 4
IN_STORY = 0.75
"""Share of a line's shingles that must be in the story: below 1, because the hand-made text drops links and symbols."""

_HIDDEN = ("script", "style", "noscript", "template", "svg", "head", "iframe", "select", "textarea")
_BLOCKS = (
    "address", "article", "aside", "blockquote", "button", "dd", "div", "dl", "dt", "fieldset", "figcaption", "figure",
    "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "li", "main", "nav", "ol", "p", "pre", "section",
    "table", "td", "th", "tr", "ul",
)  # fmt: skip
_WORD = re.compile(r"[\u3400-\u9fff]|[^\W_]+")


class Page(NamedTuple):
    """A page, and the text that a person cut out of it."""

    markup: str
    story: str


class Score(NamedTuple):
    """What one way of cleaning makes of one page."""

    kept: Counter[bool]
    lost: Counter[bool]
    """Lines by whether they belong to the story."""

    kept_words: Counter[bool]
    lost_words: Counter[bool]
    f1: float


def pages(directory: Path) -> Iterator[Page]:
    """Every page of the folder that has its text beside it."""
    truth = json.loads((directory / "ground-truth.json").read_text(encoding="utf-8"))
    for name in sorted(truth):
        markup = gzip.decompress((directory / f"{name}.html.gz").read_bytes()).decode("utf-8", "replace")
        yield Page(markup, truth[name]["articleBody"])


def rendered(markup: str) -> str:
    """A page as plain text, all of it: one line a block, an empty line after it."""
    tree = LexborHTMLParser(markup)
    for selector in _HIDDEN:
        for node in tree.css(selector):
            node.decompose()
    for node in tree.css("br"):
        node.replace_with("\n")
    for node in tree.css(", ".join(_BLOCKS)):
        node.insert_before("\n\n")
        node.insert_after("\n\n")
    text = tree.body.text() if tree.body else ""
    return re.sub(r"\n\s*\n\s*", "\n\n", "\n".join(" ".join(line.split()) for line in text.split("\n"))).strip()


def words(text: str) -> list[str]:
    """Words in small letters; each character of a script without spaces."""
    return _WORD.findall(text.casefold())


def shingles(tokens: list[str]) -> Counter[tuple[str, ...]]:
    """Every stretch of four words; of a shorter text, the text."""
    size = min(SHINGLE, len(tokens))
    return Counter(tuple(tokens[place : place + size]) for place in range(len(tokens) - size + 1) if size)


def measure(page: Page, clean: Callable[[str], str], source: Callable[[str], str]) -> Score:
    """How ``clean`` does on what ``source`` makes of a page's markup."""
    text = source(page.markup)
    headlines = {" ".join(words(node.text())) for node in LexborHTMLParser(page.markup).css("h1, title")}
    kept = Counter(map(_key, clean(text).split("\n")))
    in_story = _Story(page.story)
    counts = Score(Counter(), Counter(), Counter(), Counter(), f1(page.story, clean(text), headlines))
    for line in filter(None, map(_key, rendered(page.markup).split("\n"))):
        if line in headlines:
            continue
        belongs = in_story.has(line)
        size = line.count(" ") + 1
        passed = kept[line] > 0
        kept[line] -= 1
        lines, sizes = (counts.kept, counts.kept_words) if passed else (counts.lost, counts.lost_words)
        lines[belongs] += 1
        sizes[belongs] += size
    return counts


def _key(line: str) -> str:
    return " ".join(words(line))


class _Story:
    def __init__(self, text: str) -> None:
        self._lines = {_key(line) for line in text.split("\n")}
        self._shingles = set(shingles(words(text)))

    def has(self, line: str) -> bool:
        """Whether a line's words stand together in the story; one of fewer than four must be a line of it."""
        tokens = line.split()
        if len(tokens) < SHINGLE:
            return line in self._lines
        found = list(shingles(tokens).elements())
        return sum(one in self._shingles for one in found) >= IN_STORY * len(found)


def f1(story: str, text: str, headlines: set[str]) -> float:
    """F1 on 4-shingles, as the extraction benchmark counts it; a headline in the text is no error."""
    body = "\n".join(line for line in text.split("\n") if _key(line) not in headlines)
    wanted, found = shingles(words(story)), shingles(words(body))
    hits = sum((wanted & found).values())
    return 2 * hits / max(1, sum(wanted.values()) + sum(found.values()))


def told(name: str, scores: list[Score]) -> str:
    """One row of the table."""

    def ratios(kept: Counter[bool], lost: Counter[bool]) -> str:
        precision, recall = kept[True] / max(1, kept.total()), kept[True] / max(1, kept[True] + lost[True])
        return f"P {precision:.3f}  R {recall:.3f}"

    kept, lost, kept_words, lost_words = (sum((score[n] for score in scores), Counter[bool]()) for n in range(4))
    return (
        f"{name:34} lines {ratios(kept, lost)}   words {ratios(kept_words, lost_words)}   "
        f"F1 a page {fmean(score.f1 for score in scores):.3f}"
    )


WAYS: dict[str, tuple[Callable[[str], str], Callable[[str], str]]] = {
    "text of the page, as it is": (rendered, lambda text: text),
    "text of the page, cleaned": (rendered, clean_page),
    "HTML of the page, cleaned": (lambda markup: markup, clean_html),
}


def main() -> None:
    """Print the table; with ``--show PLACE`` also what was kept wrongly and lost on one page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=Path, required=True)
    options = parser.parse_args()
    found = list(pages(options.pages))
    print(f"{len(found)} pages")
    for name, (source, clean) in WAYS.items():
        print(told(name, [measure(page, clean, source) for page in found]))


if __name__ == "__main__":
    main()
