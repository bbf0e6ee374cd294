"""Logs: structlog, for our own lines and for those of the libraries; for people on a terminal, else JSON.

A unit of work (a poll, a batch, a start, a stop) ends in one line whose event is the unit's name and whose keys are the
same everywhere: ``outcome``, ``seconds``, then ids (`feed`, `topic`, `partition`, `offset` …) and counts. `outcome`
writes it.
"""

from __future__ import annotations

import json
import logging
import sys
import unicodedata
from collections.abc import MutableMapping
from typing import Any, Final, Protocol, TextIO

import structlog

_JOINERS: Final = "\u200c\u200d"
"""Zero-width joiner and non-joiner: Persian and Hindi spell with them."""


LIBRARIES: Final = ("aiokafka", "faust", "kafka", "mode")
"""They tell of each connection and service at `info`, a hundred lines for one of ours: heard from `warning` on, unless
the level is `debug`."""


class LogOptions(Protocol):
    """What is needed of the settings' section `log`."""

    @property
    def level(self) -> str:
        """`debug`, `info`, `warning` or `error`, in any case."""

    @property
    def format(self) -> str:
        """`console`, `json`, or `auto`: console on a terminal."""


def configure(options: LogOptions, *, process: str = "", stream: TextIO | None = None) -> None:
    """Send every log line of this process to ``stream`` (standard error by default), one line each.

    Tracebacks come without the variables of their frames, which structlog would show: the URL of a webhook may be a
    secret, and a mail address is somebody's. ``process`` is bound to each line (`poll`, `worker`, `up`). Below the
    level nothing is even built: Faust makes debug records for every record it sends, which costs it 10 to 30 % of its
    speed, so they are switched off at the root.
    """
    out = sys.stderr if stream is None else stream
    level = logging.getLevelNamesMapping()[options.level.upper()]
    readable = options.format == "console" or (options.format == "auto" and out.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _named(process),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_console(out) if readable else _json()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(max(level, logging.WARNING) if level > logging.DEBUG else logging.NOTSET)
    logging.disable(level - 1)
    # No line of ours shows them, and looking them up takes a third of the making of a record.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def outcome(
    log: structlog.stdlib.BoundLogger, unit: str, result: str, *, seconds: float, level: str = "info", **fields: Any
) -> None:
    """The one line that ends a unit of work."""
    log.log(logging.getLevelNamesMapping()[level.upper()], unit, outcome=result, seconds=round(seconds, 6), **fields)


def _console(out: TextIO) -> list[structlog.typing.Processor]:
    renderer = structlog.dev.ConsoleRenderer(
        colors=out.isatty(), pad_event_to=24, exception_formatter=structlog.dev.plain_traceback
    )
    return [_one_line, renderer]


def _json() -> list[structlog.typing.Processor]:
    traceback = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
    return [traceback, structlog.processors.JSONRenderer(_as_json)]


_encoder = json.JSONEncoder(ensure_ascii=False, default=str)
"""One for all lines: `json.dumps` makes one a call, which takes longer than encoding a line."""


def _as_json(event: Any, **_options: Any) -> str:
    return _encoder.encode(event)


def _named(process: str) -> structlog.typing.Processor:
    def name(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if process:
            event["process"] = process
        return event

    return name


def _one_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Control characters made visible: a title from a feed must not forge a line nor steer the terminal."""
    return {key: visible(value) if isinstance(value, str) else value for key, value in event.items()}


def visible(text: str) -> str:
    """`text` on one line and without a character that could steer a terminal; such characters show as escapes."""
    if text.isprintable():
        return text
    return "".join(c if _harmless(c) else c.encode("unicode_escape").decode() for c in text)


def _harmless(character: str) -> bool:
    """Controls, line separators and bidirectional overrides change what a reader sees; spaces and joiners do not."""
    return character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs"
