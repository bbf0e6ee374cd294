"""Labelled lines: read, checked, and which of them nobody tunes on. tests/gold/README.md describes a line."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import msgspec

from pipeline.errors import UsageError
from pipeline.records import Article, Flag

ClassName = Literal["denial", "allegation", "debunk", "non_denial", "against"]
"""What a line can be labelled with: the four kinds of flags, and the stance of Emergent's headlines."""

CLASSES: Final[tuple[ClassName, ...]] = ("denial", "allegation", "debunk", "non_denial", "against")

LEGAL: Final = "legal"
"""A purely legal step (charged, sued): labelled apart from allegations, so its flags are not scored as such."""

AGAINST: Final = frozenset({"denial", "debunk"})
"""Flags that say a headline stands against a claim."""

SET_ASIDE: Final = "set_aside"
"""Name of folders whose lines are for measuring only."""

MAX_PROBLEMS: Final = 20
"""Wrong lines that are listed."""

DEFAULT_LANGUAGE: Final = "en"

_PART: Final = 3
"""One line in so many is held out."""

_ANY_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)

Label = Literal[0, 1] | None


class GoldLine(msgspec.Struct, frozen=True, kw_only=True):
    """One labelled line. None and a missing label: not scored. Keys that are not known are ignored."""

    id: str | int
    headline: str
    lead: str | None = None
    body: str | None = None
    language: str | None = None
    stratum: str | None = None
    denial: Label = None
    allegation: Label = None
    debunk: Label = None
    non_denial: Label = None
    stance: Literal["for", "against", "observing"] | None = None

    @property
    def labels(self) -> Mapping[ClassName, bool]:
        """What is scored in this line, and what it should be."""
        given: dict[ClassName, Label] = {
            "denial": self.denial,
            "allegation": self.allegation,
            "debunk": self.debunk,
            "non_denial": self.non_denial,
            "against": None if self.stance is None else 1 if self.stance == "against" else 0,
        }
        return {name: bool(label) for name, label in given.items() if label is not None}

    @property
    def article(self) -> Article:
        """The line as an article in its language; English, if it names none."""
        return Article(
            id="", text_hash="", url="", domain="", title=self.headline, lead=self.lead or "", body=self.body or "",
            language=self.language or DEFAULT_LANGUAGE, published=_ANY_TIME, fetched=_ANY_TIME,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gold:
    """A line of a file. ``untouched``: nobody tunes on it, and its errors are never shown."""

    line: GoldLine
    untouched: bool


_decoder = msgspec.json.Decoder(GoldLine)


def held_out(line_id: str | int) -> bool:
    """Whether a line is in the third that nobody tunes on: by its id, so that it never changes sides."""
    return int.from_bytes(hashlib.blake2b(str(line_id).encode(), digest_size=4).digest()) % _PART == 0


def predicted(name: ClassName, flags: Sequence[Flag]) -> bool:
    """Whether the flags say that a line is of a class."""
    return bool(supporting(name, flags))


def supporting(name: ClassName, flags: Sequence[Flag]) -> tuple[Flag, ...]:
    """The flags that say so."""
    kinds = AGAINST if name == "against" else {name}
    return tuple(flag for flag in flags if flag.kind in kinds and flag.category != LEGAL)


def read_gold(data: bytes, name: Path) -> list[Gold]:
    """The lines of a labelled file; empty ones are left out. A file in a folder `set_aside` is untouched as a whole.

    Raises:
        UsageError: names file and line of everything that is not as it must be.
    """
    found: list[Gold] = []
    problems: list[str] = []
    first: dict[str | int, int] = {}
    aside = SET_ASIDE in name.absolute().parts
    for number, text in enumerate(data.splitlines(), 1):
        if not text.strip():
            continue
        try:
            line = _read_line(text)
        except ValueError as error:
            problems.append(f"{name}:{number}: {error}")
            continue
        if line.id in first:
            problems.append(f"{name}:{number}: id {line.id!r} is on line {first[line.id]} already")
        first.setdefault(line.id, number)
        found.append(Gold(line, aside or held_out(line.id)))
    if not problems and not any(gold.line.labels for gold in found):
        problems.append(f"{name}: no line has a label: {', '.join(CLASSES[:-1])} (1, 0 or null) or stance")
    if problems:
        more = len(problems) - MAX_PROBLEMS
        raise UsageError("\n".join(problems[:MAX_PROBLEMS] + ([f"and {more} lines more"] if more > 0 else [])))
    return found


def _read_line(text: bytes) -> GoldLine:
    try:
        return _decoder.decode(text)
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 at byte {error.start + 1}") from error
    except msgspec.ValidationError as error:
        raise ValueError(f"is not a labelled line: {error}") from error
    except msgspec.DecodeError as error:
        raise ValueError(f"is not JSON: {error}") from error
