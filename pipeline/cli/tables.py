"""Tables and progress, on the terminal and in a pipe."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import track
from rich.table import Table

T = TypeVar("T")


def print_table(table: Table) -> None:
    """A pipe gets a table whole: no line is cut at a width that nobody has."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=1000)
    console.print(table, soft_wrap=not console.is_terminal)


def with_progress(work: Iterable[T], what: str, total: int) -> Iterable[T]:
    """On a terminal, a bar on standard error that goes away when it is done."""
    console = Console(stderr=True)
    return track(work, what, total, console=console, transient=True, disable=not console.is_terminal)
