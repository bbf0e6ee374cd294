"""The channel `feed`: an Atom file and its JSON Feed twin, for any feed reader.

Sources: RFC 4287 (Atom), https://www.jsonfeed.org/version/1.1/, RFC 4151 (`tag:` ids). The JSON Feed is also what is
known of earlier entries. Files are replaced as a whole; a message that comes twice is one entry.
"""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from pipeline import __version__
from pipeline.channels.clean import clean
from pipeline.channels.templates import Templates
from pipeline.channels.view import View
from pipeline.records.alert import Message

log = structlog.get_logger(__name__)

MAX_ENTRIES: Final = 100
"""The newest messages of a feed."""

ATOM: Final = "http://www.w3.org/2005/Atom"
JSON_FEED: Final = "https://jsonfeed.org/version/1.1"
_TAG_DATE: Final = "2026"
"""When whoever runs it had the name, of a `tag:` id; fixed, for an id never changes."""

Entry = dict[str, Any]
"""An item as JSON Feed has it."""


def entry(message: Message, view: View, templates: Templates, base_url: str = "") -> Entry:
    """A message as an entry. Raises TemplateError: a shipped template is broken."""
    found: Entry = {
        "id": f"{_tag(base_url)}{message.subscription}/{message.id}",
        "title": clean(templates.render("feed_title.j2", view)),
        "content_html": templates.render("feed.html.j2", view),
        "date_published": message.made.astimezone(UTC).isoformat(timespec="seconds"),
    }
    if len(view.stories) == 1 and view.stories[0].link:
        found["url"] = str(view.stories[0].link)
    return found


def add(folder: Path, subscription: str, name: str, new: Entry, base_url: str = "") -> None:
    """Write both files with the entry in them. Blocks; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    twin = folder / f"{subscription}.json"
    entries = merged(_entries(twin), new)
    title = clean(name) or subscription
    document = {
        "version": JSON_FEED,
        "title": title,
        "description": "What others say; that does not make it right.",
        "items": entries,
    }
    _replace(folder / f"{subscription}.atom", atom(f"{_tag(base_url)}{subscription}", title, entries))
    # Last: until it is there the entry is not known, and is added again.
    _replace(twin, json.dumps(document, ensure_ascii=False, indent=1).encode())


def merged(entries: Sequence[Entry], new: Entry) -> list[Entry]:
    """The newest `MAX_ENTRIES`, newest first; an entry of the same message is replaced."""
    others = [one for one in entries if _message(one) != _message(new)]
    return sorted([new, *others], key=_order, reverse=True)[:MAX_ENTRIES]


def atom(feed_id: str, title: str, entries: Sequence[Mapping[str, Any]]) -> bytes:
    """The Atom document of these entries, newest first; at least one."""
    feed = ET.Element("feed", xmlns=ATOM)
    _text(feed, "id", feed_id)
    _text(feed, "title", title)
    _text(feed, "updated", entries[0]["date_published"])
    _text(ET.SubElement(feed, "author"), "name", "counterclaim")
    _text(feed, "generator", "counterclaim").set("version", __version__)
    for one in entries:
        item = ET.SubElement(feed, "entry")
        _text(item, "id", one["id"])
        _text(item, "title", one["title"])
        _text(item, "published", one["date_published"])
        _text(item, "updated", one["date_published"])
        if "url" in one:
            ET.SubElement(item, "link", rel="alternate", href=one["url"])
        _text(item, "content", one["content_html"]).set("type", "html")
    document: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return document


def _text(parent: ET.Element, name: str, text: str) -> ET.Element:
    element = ET.SubElement(parent, name)
    element.text = text
    return element


def _entries(file: Path) -> list[Entry]:
    """What was told before; a file that somebody else wrote is moved out of the way."""
    try:
        found = json.loads(file.read_bytes())
        entries: list[Entry] = found["items"]
        for one in entries:
            _ = _order(one), one["title"] + one["content_html"]  # raises where they are not there
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError) as error:
        aside = file.with_suffix(".unreadable")
        os.replace(file, aside)
        log.warning(
            "feed file unreadable, begun anew", file=str(file), moved_to=str(aside), reason=type(error).__name__
        )
        return []
    return entries


def _order(one: Entry) -> tuple[datetime, str]:
    return datetime.fromisoformat(one["date_published"]), str(one["id"])


def _message(one: Entry) -> str:
    return str(one["id"]).rpartition("/")[2]


def _tag(base_url: str) -> str:
    return f"tag:{urlsplit(base_url).hostname or 'localhost'},{_TAG_DATE}:counterclaim/"


def _replace(file: Path, content: bytes) -> None:
    """The whole file or the one before it, whenever somebody looks and whatever fails."""
    new = file.with_name(f".{file.name}.{os.getpid()}.new")
    with new.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)
