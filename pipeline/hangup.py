"""What SIGHUP means: load the configuration again, or, from a terminal that was closed, stop.

A service has no terminal, and gets the signal only from somebody who means it. A process that was started on a terminal
also gets it when that is closed, and would go on unseen.
"""

from __future__ import annotations

import os
from collections.abc import Callable


def has_terminal() -> bool:
    """Whether this process has a controlling terminal (tty(4): opening /dev/tty fails without one)."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


class Hangup:
    """Made at the start; asked when the signal comes."""

    def __init__(self, has_terminal: Callable[[], bool] = has_terminal) -> None:
        self._has_terminal = has_terminal
        self._had = has_terminal()

    def means_stop(self) -> bool:
        """Whether there was a terminal, and it is gone."""
        return self._had and not self._has_terminal()
