"""Options that several verbs share."""

from __future__ import annotations

import getpass
import os
import re
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from pipeline.errors import UsageError
from pipeline.resources import shipped

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="DIR",
        help="Folder with counterclaim.yaml. Default: $COUNTERCLAIM_CONFIG, else ./config, else the shipped one.",
    ),
]
_SINCE: Final = re.compile(r"(\d{1,4})([mhd])")
_UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def config_dir(given: Path | None) -> Path:
    """The configuration folder that a command works with."""
    if given is not None:
        return given
    if named := os.environ.get("COUNTERCLAIM_CONFIG"):
        return Path(named)
    local = Path("config")
    return local if (local / "counterclaim.yaml").is_file() else shipped("config")


def read_files(paths: Sequence[Path]) -> list[tuple[str, bytes]]:
    """Name and bytes of each file; `-` is standard input.

    Raises:
        UsageError: names every one that cannot be read.
    """
    read: list[tuple[str, bytes]] = []
    problems: list[str] = []
    for path in paths:
        try:
            read.append((str(path), sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()))
        except OSError as error:
            problems.append(f"{path}: cannot be read: {error.strerror}")
    if problems:
        raise UsageError("\n".join(problems))
    return read


def login() -> str:
    """Who gives a command, unless it is said."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a user database
        return "unknown"


def parse_since(text: str) -> timedelta:
    """`30m`, `12h` or `7d`.

    Raises:
        UsageError: it is none of them.
    """
    found = _SINCE.fullmatch(text.strip())
    if not found:
        raise UsageError(f"--since {text!r} is no stretch of time: say 30m, 12h or 7d")
    return int(found[1]) * _UNITS[found[2]]
