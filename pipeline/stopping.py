"""The wish to stop, as a process without a supervisor's protocol hears it: from signals."""

from __future__ import annotations

import asyncio
import signal


class Stop:
    """The wish to stop, from SIGTERM or SIGINT."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.interrupted = False

    def listen(self) -> None:
        """From now on the two signals end the run instead of the process."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked, number)

    def _asked(self, number: signal.Signals) -> None:
        self.interrupted = number == signal.SIGINT
        self.event.set()
