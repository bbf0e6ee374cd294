"""The story in a text that was copied from a web page: its title and paragraphs, without the page's furniture.

A page saved as text has no tags left to go by, only lines; `page_lines` says what each looks like. The story is the
stretch of lines with the most prose in it (maximum subsequence segmentation: Pasternack & Roth, *Extracting Article
Text from the Web with Maximum Subsequence Segmentation*, WWW 2009, here with words of prose against lines that are
none); its title is the line above it that shares most words with it.

Time is linear in the length of the text. A cleaned text comes back unchanged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from pipeline.feeds.page_lines import Kind, Line, look, said, terms, unwrapped

PARAGRAPH_WORDS: Final = 25
LONG_WORDS: Final = 60
"""A paragraph that stands alone between headlines tells that much less: it may be the teaser of another story. From the
second number on it is text wherever it stands."""

HEADLINE_COST: Final = 8
LABEL_COST: Final = 25
MAX_BREAK_COST: Final = 60
"""In words of prose, what a line that is none, the label of a list, and any run of both cost: a break within a story is
bridged where both sides have more text than that; two short texts are two texts."""

MAX_HEADING_CHARS: Final = 70
"""Of a heading within a story; a line without a full stop that is longer is a headline of another one."""

MIN_DECK_WORDS: Final = 9
"""Words of a line below the title that stands first, though without a full stop: the deck."""

MAX_STATED_LINES: Final = 3
"""Lines without any sentence that are a text nevertheless: a headline with its deck. More are a list of links."""

MIN_CUT_WORDS: Final = 60
MIN_CUT_LINES: Final = 3
"""Words and paragraphs of prose before the readers' comments; what follows is then left out."""

MAX_ROUNDS: Final = 3
"""How often a cleaned text is cleaned again until nothing changes; a second time changes next to nothing."""

MIN_TITLE_WORDS: Final = 4
SHORT_TITLE_SHARE: Final = 0.3
"""What a shorter line counts as a title: sections and menus are named in one or two words."""

REPEATED_TITLE: Final = 1.5
"""What a line counts that stands there twice: once as the page's name, once above the text."""

TITLES_ABOVE: Final = 60
"""Lines above the story among which the title is looked for."""


@dataclass(frozen=True, slots=True)
class Story:
    """What is left of a page. ``title`` is "" where none was found."""

    title: str
    paragraphs: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """Title and paragraphs."""
        return (self.title, *self.paragraphs) if self.title else self.paragraphs


def story_of(text: str) -> Story:
    """Title and paragraphs of a page's text.

    Args:
        text: the page's text, one line or more a block. Lines of a paragraph that was wrapped are joined, if empty
            lines divide the paragraphs.
    """
    story = _once(text)
    for _ in range(MAX_ROUNDS):
        before, story = story, _once("\n".join(story.lines))
        if story.lines == before.lines:
            break
    return story


def without_furniture(text: str) -> str:
    """A page's text with the furniture's lines left out: one line a paragraph, the title first."""
    return "\n".join(story_of(text).lines)


def without_said(text: str) -> str:
    """A story that was taken out of a page by its markup, without the lines that are furniture by what they say.

    Shape proves nothing here: the entries of a list or a table are the story's own. The label of a list of other
    stories goes with the headlines below it; nothing stays of what stands below the readers' comments.
    """
    kept: list[Line] = []
    listed = False  # below the label of a list, until text comes
    for line in map(look, text.split("\n")):
        kind = said(line.text)
        if kind is Kind.CUT and sum(one.words for one in kept if one.is_prose) >= MIN_CUT_WORDS:
            break
        listed = (listed or kind is Kind.LABEL) and not line.is_prose
        if kind is None and not listed:
            kept.append(line)
    return "\n".join(line.text for line in kept)


def _once(text: str) -> Story:
    lines = _cut([line for line in map(look, unwrapped(text)) if line.kind is not Kind.JUNK])
    if not any(line.is_prose for line in lines):
        return _without_prose(lines)
    first, last = _stretch(lines)
    inside = list(_inside(_different(lines[first : last + 1])))
    place = _title(lines[:first], inside)
    lead = [] if place is None else list(_lead(lines[place + 1 : first]))
    title = "" if place is None else lines[place].text
    paragraphs = dict.fromkeys(line.text for line in (*lead, *inside))
    paragraphs.pop(title, None)
    return Story(title, tuple(paragraphs))


def _cut(lines: Sequence[Line]) -> list[Line]:
    """The lines before the readers' comments. Their heading above the story, as a link to them, is no end of it."""
    times = Counter(line.text for line in lines)
    kept: list[Line] = []
    before: list[int] = []
    for line in lines:
        if line.kind is not Kind.CUT:
            kept.append(line)
            if line.is_prose and times[line.text] == 1:
                before.append(line.words)
        elif len(before) >= MIN_CUT_LINES and sum(before) >= MIN_CUT_WORDS:
            break
    return kept


def _without_prose(lines: Sequence[Line]) -> Story:
    stated = [line.text for line in lines if line.kind is Kind.OPEN]
    if not stated or len(stated) > MAX_STATED_LINES:
        return Story(stated[0] if stated else "", ())
    return Story(stated[0], tuple(stated[1:]))


def _stretch(lines: Sequence[Line]) -> tuple[int, int]:
    """First and last line of the stretch that has the most prose for its breaks (Kadane's algorithm).

    Where every sentence stands alone between headlines, it is the longest.
    """
    longest = max((place for place, line in enumerate(lines) if line.is_prose), key=lambda place: lines[place].words)
    best, best_at = 0.0, (longest, longest)
    total, start = 0.0, 0
    for place, worth in enumerate(_worths(lines)):
        if total <= 0:
            total, start = 0.0, place
        total += worth
        if total > best:
            best, best_at = total, (start, place)
    return best_at


def _worths(lines: Sequence[Line]) -> Iterator[float]:
    """What each line adds to a stretch, in words of prose."""
    spent = 0
    for place, line in enumerate(lines):
        if not line.is_prose:
            cost = min(LABEL_COST if line.kind is Kind.LABEL else HEADLINE_COST, MAX_BREAK_COST - spent)
            spent += cost
            yield -cost
            continue
        spent = 0
        if line.is_clipped:
            yield -HEADLINE_COST if place else 0
        elif line.words >= LONG_WORDS or any(one.is_prose for one in _beside(lines, place)) or len(lines) < 3:
            yield line.words
        else:
            yield line.words - PARAGRAPH_WORDS


def _beside(lines: Sequence[Line], place: int) -> Iterator[Line]:
    yield from lines[max(0, place - 1) : place]
    yield from lines[place + 1 : place + 2]


def _inside(lines: Sequence[Line]) -> Iterator[Line]:
    """The story's lines: prose, and single headings between; no list of other stories, nor the teasers in it."""
    listed = False  # below the label of a list, until text comes that is no teaser
    for prose, run in groupby(lines, lambda line: line.is_prose):
        found = list(run)
        if prose:
            if not listed or len(found) > 1 or found[0].words >= PARAGRAPH_WORDS:
                yield from found
                listed = False
            continue
        listed = listed or any(line.kind is Kind.LABEL for line in found)
        if not listed and len(found) == 1 and found[0].kind is Kind.OPEN and len(found[0].text) <= MAX_HEADING_CHARS:
            yield found[0]


def _different(lines: Sequence[Line]) -> list[Line]:
    """Without what stands there again, and the headings that this leaves at the end."""
    kept = list({line.text: line for line in lines}.values())
    while not kept[-1].is_prose:
        kept.pop()
    return kept


def _title(above: Sequence[Line], story: Sequence[Line]) -> int | None:
    """Where the title is among the lines above the story: shares most words with it, the nearest of equals."""
    told = set(terms(line.text for line in story if line.is_prose))
    times = Counter(line.text for line in above)
    best: tuple[float, int] | None = None
    for place in range(max(0, len(above) - TITLES_ABOVE), len(above)):
        line = above[place]
        if line.kind is not Kind.OPEN:
            continue
        own = set(terms([line.text]))
        shared = len(own & told)
        score = shared * shared / max(1, len(own)) * (1 if line.words >= MIN_TITLE_WORDS else SHORT_TITLE_SHARE)
        score *= REPEATED_TITLE if times[line.text] > 1 else 1
        if best is None or (score, place) > best:
            best = (score, place)
    return best[1] if best else None


def _lead(between: Sequence[Line]) -> Iterator[Line]:
    """Between the title and the stretch: the deck, and sentences that a share bar or a box divides from the rest."""
    for place, line in enumerate(between):
        if line.kind is Kind.LABEL:
            return
        if line.is_prose or (place == 0 and line.kind is Kind.OPEN and line.words >= MIN_DECK_WORDS):
            yield line
