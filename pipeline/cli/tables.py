"""Tables on the terminal, and in a pipe."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table


def print_table(table: Table) -> None:
    """A pipe gets a table whole: no line is cut at a width that nobody has."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=1000)
    console.print(table, soft_wrap=not console.is_terminal)
