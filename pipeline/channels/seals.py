"""What channels need of `pipeline.sealing.Seals`."""

from __future__ import annotations

from typing import Protocol


class Unsealer(Protocol):
    """Both raise SealError."""

    def seal(self, text: str) -> str: ...
    def unseal(self, sealed: str) -> str: ...
