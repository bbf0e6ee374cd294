"""The door to apprise: the only module that imports it, and not before its first use.

Its log lines may hold tokens, so nobody hears them; of an answer they tell the status, and that is kept.
"""

from __future__ import annotations

import functools
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_STATUS: Final = re.compile(r"\berror=(\d{3})\b")


class Statuses(logging.Handler):
    """Keeps the last status that apprise logged on this thread, and nothing else of its lines."""

    def __init__(self) -> None:
        super().__init__()
        self._here = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        """A line of apprise's."""
        found = _STATUS.search(record.getMessage())
        if found:
            self._here.status = int(found[1])

    def begin(self) -> None:
        """Forget what came before."""
        self._here.status = None

    def last(self) -> int | None:
        """What an endpoint answered since; None if it did not."""
        status: int | None = getattr(self._here, "status", None)
        return status


@functools.cache
def library() -> tuple[Any, Statuses]:
    """The module apprise, silent from now on; and what its lines tell."""
    statuses = Statuses()
    heard = logging.getLogger("apprise")
    heard.handlers[:] = [statuses]
    heard.propagate = False
    heard.setLevel(logging.WARNING)
    # What apprise calls services by tells paths at `debug` and in warnings, and tokens are in paths.
    for name in ("urllib3", "requests"):
        logging.getLogger(name).setLevel(logging.ERROR)
    import apprise  # here: a tenth of a second, and 15 MB once it is used

    return apprise, statuses


def service(url: str) -> tuple[str, ...]:
    """The names of the service that an address is for; () if apprise cannot use it. Raises whatever a plugin does."""
    apprise, _ = library()
    with _unlogged(logging.getLogger("apprise")):
        found = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    return tuple(_names(found)) if isinstance(found, apprise.NotifyBase) else ()


def services() -> frozenset[str]:
    """All that apprise knows: `slack`, `tgram`, …"""
    apprise, _ = library()
    return frozenset(
        name
        for plugin in apprise.Apprise().details()["schemas"]
        for names in ("secure_protocols", "protocols")
        for name in plugin[names] or ()
    )


@contextmanager
def _unlogged(logger: logging.Logger) -> Iterator[None]:
    """Without what it says, whoever listens: apprise writes the addresses that it refuses, tokens and all."""
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _names(plugin: object) -> Iterator[str]:
    for attribute in ("secure_protocol", "protocol"):
        value = getattr(plugin, attribute, None)
        yield from (value,) if isinstance(value, str) else tuple(value or ())
