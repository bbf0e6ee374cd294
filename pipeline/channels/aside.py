"""Blocking work beside the event loop: in a thread of its own, which nobody has to wait for.

A pool would do until its threads hang: then it sends nothing any more, and the process cannot end. A daemon thread is
left behind; how many of them one endpoint may leave behind is bounded.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

T = TypeVar("T")

MAX_HANGING: Final = 8
"""Threads of one endpoint; beyond it, work for it is refused until one ends."""


class HangingError(Exception):
    """So many earlier works for this endpoint have not ended that no further one is begun."""


class Aside:
    """Runs blocking functions. Who waits may give up; the function goes on, and its result is forgotten."""

    def __init__(self) -> None:
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()

    async def run(self, endpoint: str, work: Callable[[], T]) -> T:
        """The result of ``work``, or what it raises.

        Raises:
            HangingError: `MAX_HANGING` threads of ``endpoint`` are running.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        with self._lock:
            if self._running[endpoint] >= MAX_HANGING:
                raise HangingError
            self._running[endpoint] += 1
        threading.Thread(target=self._work, args=(endpoint, work, loop, done), name="aside", daemon=True).start()
        return await done

    def _work(
        self, endpoint: str, work: Callable[[], T], loop: asyncio.AbstractEventLoop, done: asyncio.Future[T]
    ) -> None:
        tell: Callable[[], None]
        try:
            result = work()
        except BaseException as error:  # whatever it is, it is the waiting one's
            tell = partial(_tell_error, done, error)
        else:
            tell = partial(_tell_result, done, result)
        finally:
            with self._lock:
                self._running[endpoint] -= 1
                if not self._running[endpoint]:
                    del self._running[endpoint]
        with suppress(RuntimeError):  # the loop has closed meanwhile
            loop.call_soon_threadsafe(tell)


def _tell_result(done: asyncio.Future[T], result: T) -> None:
    if not done.done():
        done.set_result(result)


def _tell_error(done: asyncio.Future[T], error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)
