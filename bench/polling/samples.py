"""Where the poller's own process spends its CPU time: its stack, looked at every few milliseconds of CPU time."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Final, Self

EVERY_SECONDS: Final = 0.005

PLACES: Final = {
    "log lines": ("/pipeline/logs.py", "/structlog/", "/logging/"),
    "metrics": ("/prometheus_client/",),
    "parse (handing over)": ("/feeds/parser_pool.py", "/pipeline/sandbox.py"),
    "publish": ("/feeds/publish.py", "/feeds/article.py", "/pipeline/kafka/", "/kafka/", "/bench/polling/ours.py"),
    "fetch": ("/feeds/fetch.py", "/feeds/guard.py", "/aiohttp/", "/yarl/", "/multidict/", "/feeds/visit.py"),
    "decide and remember": (
        "/feeds/schedule.py",
        "/feeds/pace.py",
        "/feeds/freshness.py",
        "/feeds/state.py",
        "/pipeline/records/",
    ),
    "loop": ("/feeds/poll.py", "/feeds/queue.py", "/feeds/listing.py", "/feeds/tenure.py", "/feeds/pending.py"),
}
"""By parts of file names; the innermost frame that has one decides."""


class Samples:
    """Counts of samples by place."""

    def __init__(self) -> None:
        self._found: Counter[str] = Counter()

    @contextmanager
    def taken(self) -> Iterator[Self]:
        """Take samples meanwhile."""
        signal.signal(signal.SIGPROF, self._take)
        signal.setitimer(signal.ITIMER_PROF, EVERY_SECONDS, EVERY_SECONDS)
        try:
            yield self
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    def shares(self) -> dict[str, float]:
        """The part of each place, largest first."""
        total = self._found.total() or 1
        return {place: round(count / total, 3) for place, count in self._found.most_common()}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def _take(self, _number: int, frame: FrameType | None) -> None:
        while frame is not None:
            name = frame.f_code.co_filename
            for place, parts in PLACES.items():
                if any(part in name for part in parts):
                    self._found[place] += 1
                    return
            frame = frame.f_back
        self._found["event loop"] += 1
