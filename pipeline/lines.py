"""Lines for people, on a terminal and in a pipe: pieces with a style, and text that cannot steer a terminal. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pipeline.logs import visible

BOLD, DIM, RED, YELLOW, RESET = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[33m", "\x1b[0m"

_WHITE_SPACE: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a line, and how it is shown on a terminal with colours."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One record, possibly on several lines of the terminal."""

    pieces: tuple[Piece, ...]
    heartbeat: bool = False

    def __str__(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    def coloured(self) -> str:
        """With ANSI colours; the quote stands out."""
        return "".join(f"{p.style}{p.text}{RESET}" if p.style else p.text for p in self.pieces)


def local(moment: datetime) -> str:
    """A time as the reader's clock has it."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def flat(text: str) -> str:
    """On one line: runs of white space become one space."""
    return visible(_WHITE_SPACE.sub(" ", text))
