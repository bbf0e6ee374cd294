"""Log lines: one a unit of work, whole, for people or for machines."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog

from pipeline.logs import LIBRARIES, configure, outcome, visible


@dataclass
class Options:
    """The section `log` of the settings."""

    level: str = "info"
    format: str = "auto"


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Logging is the process's: what a test configures is undone."""
    root = logging.getLogger()
    handlers, level, disabled = root.handlers[:], root.level, root.manager.disable
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.disable(disabled)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """The JSON lines in a stream."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_unit_of_work_is_one_json_line() -> None:
    """Unit, outcome, seconds, ids, process, level and an aware time, and nothing else."""
    stream = io.StringIO()
    configure(Options(), process="poll", stream=stream)
    outcome(structlog.get_logger("pipeline.feeds.poll"), "poll", "not_modified", seconds=0.1234567891, feed="http://x/")
    (line,) = lines(stream)
    assert datetime.fromisoformat(line.pop("timestamp")).utcoffset() == timedelta(0)
    assert line == {
        "event": "poll",
        "outcome": "not_modified",
        "seconds": 0.123457,
        "feed": "http://x/",
        "process": "poll",
        "level": "info",
        "logger": "pipeline.feeds.poll",
    }


def test_library_lines_have_the_same_shape() -> None:
    """kafka, aiohttp and Faust log with the standard library; their lines are JSON with the same keys."""
    stream = io.StringIO()
    configure(Options(), process="worker", stream=stream)
    logging.getLogger("kafka.conn").warning("no answer from %s", "127.0.0.1:9092", extra={"node": 1})
    (line,) = lines(stream)
    expected = {"event": "no answer from 127.0.0.1:9092", "level": "warning", "logger": "kafka.conn", "node": 1}
    assert expected.items() <= line.items()
    assert line["process"] == "worker"


def test_exceptions_stay_within_their_line() -> None:
    """A traceback is part of the one line, as data."""
    stream = io.StringIO()
    configure(Options(), stream=stream)
    try:
        int("bad\nnumber")
    except ValueError:
        structlog.get_logger().exception("batch", outcome="failed")
    (line,) = lines(stream)
    assert line["exception"][0]["exc_type"] == "ValueError"


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_tells_no_variables(form: str) -> None:
    """A subscription in a frame has the URL of a webhook, and its path is a secret at many services."""

    def fail(url: str) -> None:
        raise ValueError(f"{len(url)} characters")

    stream = Terminal() if form == "console" else io.StringIO()
    configure(Options(format=form), stream=stream)
    try:
        fail("https://hooks.example/" + "T0KEN" * 3)
    except ValueError:
        structlog.get_logger().exception("batch", outcome="failed")
    assert "ValueError" in stream.getvalue()
    assert "fail" in stream.getvalue()
    assert "T0KENT0KENT0KEN" not in stream.getvalue()


def test_nothing_is_written_below_the_level() -> None:
    """At `warning` neither our info lines nor a library's pass, and debug records are not even made."""
    stream = io.StringIO()
    configure(Options(level="warning"), stream=stream)
    structlog.get_logger("a").info("poll")
    logging.getLogger("faust").info("ready")
    assert stream.getvalue() == ""
    assert not logging.getLogger("faust").isEnabledFor(logging.DEBUG)
    structlog.get_logger("a").warning("late")
    assert len(lines(stream)) == 1


def test_libraries_chatter_only_at_debug() -> None:
    """At `info` a library's info is left out and its warnings are heard; at `debug` everything is."""
    for level, heard in (("info", ["lost"]), ("debug", ["connected", "lost"])):
        stream = io.StringIO()
        configure(Options(level=level), stream=stream)
        logging.getLogger("kafka.net.connection").info("connected")
        logging.getLogger("kafka.net.connection").warning("lost")
        assert [line["event"] for line in lines(stream)] == heard


def test_auto_is_readable_on_a_terminal_and_json_elsewhere() -> None:
    """`auto` looks at the stream; `json` and `console` do not."""
    for options, stream, is_json in [
        (Options(), io.StringIO(), True),
        (Options(), Terminal(), False),
        (Options(format="json"), Terminal(), True),
        (Options(format="console"), io.StringIO(), False),
    ]:
        configure(options, stream=stream)
        structlog.get_logger("a").info("start", port=9092)
        assert stream.getvalue().startswith("{") is is_json


def test_a_title_cannot_forge_a_line_on_the_console() -> None:
    """Line breaks, escapes and direction overrides, in a value or a library's sentence, are shown, not obeyed."""
    stream = io.StringIO()
    configure(Options(format="console"), stream=stream)
    structlog.get_logger("a").info("poll", title="x\n2026 [error] broken \x1b[31m \u202e")
    logging.getLogger("any").warning("cannot read %s", "y\n2026 [error] broken \x1b[31m \u202e")
    assert stream.getvalue().count("\n") == 2
    assert "\x1b[31m" not in stream.getvalue()
    assert "\u202e" not in stream.getvalue()


@pytest.mark.parametrize("text", ["plain", "非洲\u3000", "می\u200cگوید", "a\u00a0b", "नमस्ते"])
def test_visible_keeps_every_language(text: str) -> None:
    """Letters, spaces and joiners of any script stay as they are."""
    assert visible(text) == text
