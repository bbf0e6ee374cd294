"""Runs a command that dies with its parent: ``python -I -S tether.py PARENT_PID COMMAND…``.

Linux sends the signal of prctl(2) `PR_SET_PDEATHSIG` when the parent dies, however it dies, and keeps the setting over
exec. It is set here, in a process of its own, because Python code between fork and exec (`preexec_fn`) may deadlock
when the parent has threads. The signal is SIGKILL: it always works, and every child is built to be killed at any time.
It comes when the *thread* that started the child ends, so start children on a thread that lives as long as they do.

Only the standard library: it is run by its path, without site-packages, to cost a few milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

SCRIPT = Path(__file__)


def tethered(command: Sequence[str]) -> list[str]:
    """The command line that runs ``command`` tied to the calling process."""
    return [sys.executable, "-I", "-S", str(SCRIPT), str(os.getpid()), *command]


PR_SET_PDEATHSIG = 1
"""linux/prctl.h"""


def main(parent: int, command: list[str]) -> None:
    """Tie this process to ``parent`` and become ``command``."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the tie was made
            sys.exit(0)
    os.execv(command[0], command)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
