"""What runs in a sandbox's worker in tests: it does whatever harm its job names."""

from __future__ import annotations

import mmap
import os
import sys
from pathlib import Path

from pipeline.sandbox import be_worker

CHUNK = 16 << 20


def do(job: bytes) -> tuple[bytes, bool]:
    """Take memory in one of two ways until there is no more, and say how much this process ever had; or worse."""
    if job == b"spin":
        while True:
            pass
    if job == b"exit":
        os._exit(3)
    if job not in (b"heap", b"map"):
        return job, False
    kept: list[bytearray | mmap.mmap] = []
    try:
        while True:
            kept.append(bytearray(CHUNK) if job == b"heap" else mmap.mmap(-1, CHUNK))
    except (MemoryError, OSError):
        return str(peak()).encode(), True


def peak() -> int:
    """Bytes of address space that this process had at most (proc(5), VmPeak)."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmPeak:")[2].split()[0]) * 1024


if __name__ == "__main__":
    be_worker(do, *sys.argv[1:3])
