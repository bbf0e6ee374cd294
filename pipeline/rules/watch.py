"""Whether rule files changed, and whether now is the time to load them again. Only `snapshot` looks at the disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

Stamp = tuple[int, int, int]
"""Of a file: when its content last changed (ns), its size, its inode (an editor may put another file in its place)."""

Snapshot = Mapping[Path, Stamp]
"""How the files are at one moment; one that is not there is not in it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to load, and why."""

    load: bool
    reason: str
    changed: tuple[Path, ...] = ()


def snapshot(directory: Path, *beside: Path) -> Snapshot:
    """How the rule files of a folder are now, and the other files that rules are made of."""
    found: dict[Path, Stamp] = {}
    for path in (*sorted(directory.glob("*.yaml")), *beside):
        try:
            stat = path.stat()
        except OSError:  # gone since, or a link to nowhere: loading will say so
            continue
        found[path] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    return found


def decide(tried: Snapshot, before: Snapshot, now: Snapshot, *, asked: bool) -> Decision:
    """Whether to load the rules now.

    Args:
        tried: how the files were when they were last loaded, or refused: a broken file is not tried twice.
        before: how they were at the last look. Files that changed since are still being written.
        now: how they are.
        asked: whether somebody wants them loaded whatever they look like.
    """
    changed = tuple(sorted(path for path in {*tried, *now} if tried.get(path) != now.get(path)))
    if asked:
        return Decision(load=True, reason="asked", changed=changed)
    if not changed:
        return Decision(load=False, reason="unchanged")
    if now != before:
        return Decision(load=False, reason="still changing", changed=changed)
    return Decision(load=True, reason="changed", changed=changed)
