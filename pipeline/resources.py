"""Where the shipped files are: `config/`, `seeds/` and `pom.xml` lie beside the packages in a checkout, and below
`pipeline/data/` in an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """The path of a shipped file or folder, `name` relative to the checkout's root: ``shipped("seeds/demo")``."""
    installed = _PACKAGE / "data"
    return (installed if installed.is_dir() else _PACKAGE.parent) / name
