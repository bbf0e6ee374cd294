"""Lists of feeds from elsewhere and for elsewhere: OPML 2.0, and plain addresses one a line. Pure.

What OPML has no name for (owner, country, interval, full text) is in attributes of our own namespace, which other
readers ignore.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from pydantic import ValidationError

from pipeline.documents import sentence, strictly
from pipeline.records import host_of
from pipeline.settings.checks import check_url, feed_key
from pipeline.settings.models import Feed

NAMESPACE: Final = "urn:counterclaim:feed"

_SEPARATOR: Final = " "
"""Between a namespace and a name, as expat gives them to us."""

_OURS: Final = {"owner": "owner", "country": "country", "interval": "interval_seconds", "fulltext": "full_text"}
"""Attributes of our namespace, and the feed's field."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One feed as it stands in a list: what is said of it, and where. Lines count from 1."""

    line: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a line is no feed."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Outline:
    """What is in a list."""

    feeds: tuple[tuple[int, Feed], ...] = ()
    """With their lines."""

    faults: tuple[Fault, ...] = ()


def read_outline(data: bytes, defaults: Mapping[str, Any]) -> Outline:
    """The feeds of an OPML file or a list of addresses; ``defaults`` are fields for feeds that do not say their own.

    A line that is wrong costs only itself; a file that is no XML is read up to its fault.
    """
    entries, faults = _opml(data) if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else _addresses(data)
    feeds: list[tuple[int, Feed]] = []
    lines: dict[str, int] = {}
    for entry in entries:
        made = _feed(entry, defaults)
        if isinstance(made, Fault):
            faults.append(made)
            continue
        key = feed_key(made.url)
        if key in lines:
            faults.append(Fault(entry.line, f"{made.url} is in line {lines[key]} already"))
        else:
            lines[key] = entry.line
            feeds.append((entry.line, made))
    return Outline(tuple(feeds), tuple(sorted(faults, key=lambda fault: fault.line)))


def write_opml(feeds: Iterable[Feed]) -> str:
    """An OPML 2.0 document that `read_outline` reads back as the same feeds."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<opml version="2.0" xmlns:cc="{NAMESPACE}">',
        "  <head><title>counterclaim</title></head>",
        "  <body>",
    ]
    for feed in feeds:
        values = {
            "type": "rss",
            "text": feed.outlet,
            "title": feed.outlet,
            "xmlUrl": feed.url,
            "language": feed.language,
        }
        values |= {"cc:owner": feed.owner, "cc:country": feed.country}
        if feed.interval_seconds is not None:
            values["cc:interval"] = repr(feed.interval_seconds)
        if feed.full_text != "never":
            values["cc:fulltext"] = feed.full_text
        lines.append("    <outline " + " ".join(f"{name}={quoteattr(text)}" for name, text in values.items()) + "/>")
    return "\n".join([*lines, "  </body>", "</opml>", ""])


def _feed(entry: Entry, defaults: Mapping[str, Any]) -> Feed | Fault:
    values: dict[str, Any] = {**defaults, **entry.values}
    try:
        check_url(values["url"])
    except ValueError as error:
        return Fault(entry.line, str(error))
    values.setdefault("outlet", host_of(values["url"]))
    values.setdefault("owner", values["outlet"])
    try:
        return strictly(Feed, values)
    except ValidationError as error:
        return Fault(entry.line, "; ".join(sentence(detail, Feed) for detail in error.errors(include_url=False)))


def _addresses(data: bytes) -> tuple[list[Entry], list[Fault]]:
    entries: list[Entry] = []
    faults: list[Fault] = []
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            text = line.decode().strip()
        except UnicodeDecodeError:
            faults.append(Fault(number, "is not UTF-8"))
            continue
        if text and not text.startswith("#"):
            entries.append(Entry(number, {"url": text}))
    return entries, faults


class _DoctypeError(Exception):
    """A document type: entities could be bombs, and OPML has none."""


@dataclass
class _Reader:
    entries: list[Entry] = field(default_factory=list)
    parser: Any = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        known = {key.lower(): text for key, text in attributes.items()}
        if name.lower() != "outline" or not known.get("xmlurl", "").strip():
            return
        values: dict[str, Any] = {"url": known["xmlurl"].strip()}
        if outlet := (known.get("title", "").strip() or known.get("text", "").strip()):
            values["outlet"] = outlet
        if language := known.get("language", "").strip():
            values["language"] = language
        for theirs, ours in _OURS.items():
            if text := known.get(f"{NAMESPACE}{_SEPARATOR}{theirs}", "").strip():
                values[ours] = _number(text) if ours == "interval_seconds" else text
        self.entries.append(Entry(self.parser.CurrentLineNumber, values))

    def doctype(self, *_: object) -> None:
        raise _DoctypeError


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text  # the check of the feed says that it is no number


def _opml(data: bytes) -> tuple[list[Entry], list[Fault]]:
    reader = _Reader()
    reader.parser = parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
    parser.StartElementHandler = reader.start
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        return reader.entries, [Fault(error.lineno, f"is not XML from here on: {expat.ErrorString(error.code)}")]
    except _DoctypeError:
        return [], [Fault(parser.CurrentLineNumber, "has a document type, which OPML does not: remove it")]
    return reader.entries, []
