"""Shows what children write to their logs, as they write it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from pipeline.logs import visible

LOOK_SECONDS: Final = 0.25
"""Between two looks at the files."""


class LogTail:
    """The lines that were added to a file since the last look; a file that was replaced is read from its start."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._at = 0
        self._inode = 0
        self._rest = b""

    def lines(self) -> list[str]:
        """Whole lines only; an unfinished one is kept for the next look."""
        try:
            with self._file.open("rb") as log:
                state = os.fstat(log.fileno())
                if state.st_ino != self._inode or state.st_size < self._at:
                    self._inode, self._at, self._rest = state.st_ino, 0, b""
                log.seek(self._at)
                *whole, self._rest = (self._rest + log.read()).split(b"\n")
                self._at = log.tell()
        except FileNotFoundError:
            return []
        return [line.decode(errors="replace") for line in whole]


async def show_speech(files: Callable[[], Mapping[str, Path]], write: Callable[[str], None]) -> None:
    """Write what children say to the operator, as they say it, until cancelled."""
    tails: dict[Path, LogTail] = {}
    while True:
        for file in files().values():
            for line in tails.setdefault(file, LogTail(file)).lines():
                write(visible(line))
        await asyncio.sleep(LOOK_SECONDS)


async def show_logs(files: Callable[[], Mapping[str, Path]], write: Callable[[str], None]) -> None:
    """Write each new line of each file with its child's name before it, until cancelled."""
    tails: dict[Path, LogTail] = {}
    while True:
        for name, file in files().items():
            for line in tails.setdefault(file, LogTail(file)).lines():
                write(f"{name:<7}| {visible(line)}")
        await asyncio.sleep(LOOK_SECONDS)
