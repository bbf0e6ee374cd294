"""The templates of the messages."""

from __future__ import annotations

from pathlib import Path


class Templates:
    """The shipped templates, and the operator's in their place."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
