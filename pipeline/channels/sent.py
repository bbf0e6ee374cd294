"""How an attempt to deliver ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

MAX_ERROR_CHARS: Final = 300


@dataclass(frozen=True, slots=True)
class Sent:
    """The end of one attempt. Without any secret: it goes into records and logs."""

    outcome: Literal["delivered", "failed", "gone"]
    """`gone`: the endpoint says that it is gone for good (410)."""

    status: int | None = None
    """HTTP or SMTP status, where there was an answer."""

    error: str = ""
    """One sentence, at most `MAX_ERROR_CHARS`; "" when delivered."""

    retry_after: float | None = None
    """Seconds that the endpoint asks to be left alone."""


def failed(error: str, *, status: int | None = None, retry_after: float | None = None) -> Sent:
    """It may succeed another time."""
    return Sent("failed", status, error[:MAX_ERROR_CHARS], retry_after)
