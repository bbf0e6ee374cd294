"""CPU time, memory and descriptors of a process and all that it started, from proc(5)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def tree(pid: int) -> Iterator[int]:
    """The process, its children, and theirs; without those that end meanwhile."""
    yield pid
    for thread in _listed(f"/proc/{pid}/task"):
        for child in _read(f"/proc/{pid}/task/{thread}/children").split():
            yield from tree(int(child))


def cpu_seconds(pid: int) -> float:
    """Of one process with all its threads and the children that it has waited for, user and system."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS if fields else 0.0


def own_seconds(pid: int) -> float:
    """Of one process with all its threads alone."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / TICKS if fields else 0.0


def thread_seconds(pid: int) -> dict[str, float]:
    """Of each thread, by name; the main thread is "main"."""
    found: dict[str, float] = {}
    for thread in _listed(f"/proc/{pid}/task"):
        head, _, rest = _read(f"/proc/{pid}/task/{thread}/stat").rpartition(")")
        if fields := rest.split():
            name = "main" if int(thread) == pid else head.partition("(")[2]
            found[name] = found.get(name, 0.0) + sum(map(int, fields[11:13])) / TICKS
    return found


def tree_seconds(pid: int) -> float:
    """Of the whole tree."""
    return sum(cpu_seconds(one) for one in tree(pid))


def resident(pid: int) -> int:
    """Resident bytes of one process."""
    fields = _read(f"/proc/{pid}/statm").split()
    return int(fields[1]) * PAGE if fields else 0


def tree_resident(pid: int) -> int:
    """Resident bytes of the whole tree; pages that two of them share count twice."""
    return sum(resident(one) for one in tree(pid))


def descriptors(pid: int) -> tuple[int, int]:
    """Open descriptors of one process, and the sockets among them."""
    names = []
    for number in _listed(f"/proc/{pid}/fd"):
        try:
            names.append(os.readlink(f"/proc/{pid}/fd/{number}"))
        except OSError:  # closed meanwhile
            continue
    return len(names), sum(name.startswith("socket:") for name in names)


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:  # it has ended
        return []


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:  # it has ended
        return ""
