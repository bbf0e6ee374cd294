"""What editors do to a text of an agency, done to any text: the pairs that must be found. And pairs that must not be.

Everything is drawn from a seeded generator: the same texts give the same pairs. What is added (headlines, boilerplate,
frames, names) is our own writing; the texts come from the caller.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final, NamedTuple

from pipeline.evaluate.frames import AGENCY_LINES, BOILERPLATE, FRAMES, HEADLINES, NAMES, QUOTES


class Written(NamedTuple):
    """A text as an article has it."""

    title: str
    body: str


class Edit(NamedTuple):
    """How a text is changed. ``others``: texts to take foreign words and paragraphs from."""

    name: str
    change: Callable[[Written, Sequence[str], Random], Written]


WORDS_CHANGED: Final = 0.1
"""Share of words that the edit `words` replaces."""

SHORTEST: Final = 40
"""Words of a text that is edited: less is a headline with a lead, which has no paragraphs to remove."""

_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][\w'’-]+|\d[\d.,]*\d|\d")
"""A name (a capital within a sentence) or a number."""


def _headline(text: Written, _: Sequence[str], dice: Random) -> Written:
    return Written(dice.choice(HEADLINES), text.body)


def _added(text: Written, others: Sequence[str], dice: Random) -> Written:
    return Written(text.title, _with(text.body, _stretch(dice.choice(others), dice.randint(20, 60), dice), dice))


def _removed(text: Written, _: Sequence[str], dice: Random) -> Written:
    words = text.body.split()
    size = len(words) // 5
    start = dice.randrange(len(words) - size + 1)
    return Written(text.title, " ".join(words[:start] + words[start + size :]))


def _first_half(text: Written, _: Sequence[str], dice: Random) -> Written:
    words = text.body.split()
    return Written(text.title, " ".join(words[: len(words) // 2]))


def _any_half(text: Written, _: Sequence[str], dice: Random) -> Written:
    return Written(text.title, _stretch(text.body, len(text.body.split()) // 2, dice))


def _around(text: Written, _: Sequence[str], dice: Random) -> Written:
    before, after = dice.sample(BOILERPLATE, 2)
    return Written(text.title, f"{dice.choice(AGENCY_LINES)} {before} {text.body} {after}")


def _words(text: Written, others: Sequence[str], dice: Random) -> Written:
    foreign = dice.choice(others).split()
    changed = (dice.choice(foreign) if dice.random() < WORDS_CHANGED else word for word in text.body.split())
    return Written(text.title, " ".join(changed))


def _wire(text: Written, others: Sequence[str], dice: Random) -> Written:
    return _headline(_around(_first_half(text, others, dice), others, dice), others, dice)


EDITS: Final = (
    Edit("same text", lambda text, _, __: text),
    Edit("headline changed", _headline),
    Edit("paragraph added", _added),
    Edit("paragraph removed", _removed),
    Edit("first half", _first_half),
    Edit("any half", _any_half),
    Edit("boilerplate around", _around),
    Edit("10 % words changed", _words),
    Edit("half, headline, boilerplate", _wire),
)


def frame_pair(dice: Random) -> tuple[Written, Written]:
    """Two reports from one frame, with other names and numbers."""
    frame = dice.choice(FRAMES)
    return _filled(frame, dice), _filled(frame, dice)


def names(text: Written) -> set[str]:
    """The different names and numbers of a text."""
    return set(_NAME.findall(text.body))


def renamed(text: Written, dice: Random) -> Written:
    """A text with other names and other numbers in it, each the same wherever it stood."""
    given: dict[str, str] = {}

    def other(found: re.Match[str]) -> str:
        word = found[0]
        if word not in given:
            given[word] = str(dice.randint(2, 9_999)) if word[0].isdigit() else dice.choice(NAMES)
        return given[word]

    return Written(_NAME.sub(other, text.title), _NAME.sub(other, text.body))


def quoting(first: Written, second: Written, dice: Random) -> tuple[Written, Written]:
    """Two texts that quote the same words."""
    quote = " ".join(dice.sample(QUOTES, 2))
    return Written(first.title, _with(first.body, quote, dice)), Written(second.title, _with(second.body, quote, dice))


def furnished(first: Written, second: Written, dice: Random) -> tuple[Written, Written]:
    """Two texts with the same boilerplate before and after them."""
    line, (before, after) = dice.choice(AGENCY_LINES), dice.sample(BOILERPLATE, 2)
    one, other = (Written(text.title, f"{line} {before} {text.body} {after}") for text in (first, second))
    return one, other


def _filled(frame: str, dice: Random) -> Written:
    slots: Mapping[str, str] = {
        **{f"n{number}": str(dice.randint(2, 9_999)) for number in range(1, 9)},
        **{f"p{number}": name for number, name in enumerate(dice.sample(NAMES, 8), 1)},
    }
    title, _, body = frame.format_map(slots).partition("\n")
    return Written(title, body)


def _stretch(text: str, size: int, dice: Random) -> str:
    words = text.split()
    start = dice.randrange(max(1, len(words) - size + 1))
    return " ".join(words[start : start + size])


def _with(text: str, more: str, dice: Random) -> str:
    words = text.split()
    place = dice.randrange(len(words) + 1)
    return " ".join([*words[:place], more, *words[place:]])
