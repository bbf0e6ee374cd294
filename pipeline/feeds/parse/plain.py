"""Plain RSS 2.0 and Atom, read without feedparser where it is certain that feedparser would say the same.

Nearly all feeds are well-formed and hold few kinds of element. For these the tree of `xml.etree` (expat in C, which is
feedparser's XML parser too) is walked, and each element that an article is made of is read as feedparser 6.0 reads it:
its encoding, dates, authors and joined links by feedparser's own functions, the rest by the rules of its `mixin` and
`namespaces` modules, named below where they surprise. Whatever is not on the lists below and could matter makes the
document `Odd`, and feedparser reads it: an unknown element only if feedparser has a handler for its name or would file
it under a name that is used.

`tests/unit/test_plain.py` compares both on generated feeds, `python -m bench.feeds` on captured ones.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from xml.etree import ElementTree

from feedparser.api import StrictFeedParser
from feedparser.datetimes import _parse_date
from feedparser.encodings import convert_to_utf8
from feedparser.html import _cp1252
from feedparser.urls import _urljoin, make_safe_absolute_uri

from pipeline.feeds.parse.plain_names import ATOM, CHANNEL_LEAVES, ENTRY_LEAVES, MEDIA, Names, OddError, matters, odd

Entry = dict[str, Any]
Element = ElementTree.Element

_XML: Final = "{http://www.w3.org/XML/1998/namespace}"
_LANG: Final = f"{_XML}lang"
_BASE: Final = f"{_XML}base"

_PERSON: Final = frozenset({"email", "name", "uri", "url"})
_IMAGE: Final = frozenset({"description", "height", "link", "title", "url", "width"})
_LINK_ATTRIBUTES: Final = frozenset({"href", "hreflang", "length", "rel", "title", "type"})
_TEXT_ATTRIBUTES: Final = frozenset({"type", _LANG, _BASE})
_TEXT_TYPES: Final = ("text/html", "text/plain")

_C1: Final = re.compile("[\x80-\x9f]")
_REFERENCE: Final = re.compile(r"&([A-Za-z0-9_]+);")


@dataclass(frozen=True, slots=True)
class Document:
    """What feedparser would say of a feed, as far as articles are made of it."""

    channel: Entry
    entries: list[Entry]


@dataclass(frozen=True, slots=True)
class Odd:
    """A document that feedparser has to read."""

    reason: str
    """What in it is not plain."""


def read_plain(body: bytes, headers: Mapping[str, str]) -> Document | Odd:
    """A feed's channel and entries under feedparser's names, or what in the document feedparser has to look at.

    Args:
        body: decoded of transfer and content codings, nothing else.
        headers: of the response with names in lower case, as feedparser takes them; only `content-type` counts.
    """
    try:
        return _read(body, headers)
    except OddError as why:
        return Odd(str(why))


def _read(body: bytes, headers: Mapping[str, str]) -> Document:
    found: dict[str, Any] = {}
    try:
        data: bytes = convert_to_utf8(dict(headers), body, found)
    except (LookupError, ValueError):  # a name of an encoding that is none
        odd("encoding")
    if not found["encoding"]:
        odd("encoding")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        odd("DTD")
    names = Names(data)
    try:
        root = ElementTree.fromstring(data)  # noqa: S314  # without a DTD nothing expands
    except ElementTree.ParseError:
        odd("not well-formed")
    return _Reader(root, names).read()


class _Reader:
    """Walks one document. An entry, or the channel, is the `context` of the elements in it."""

    def __init__(self, root: Element, names: Names) -> None:
        self._root, self._names = root, names
        self._atom = False
        self._in_entry = False
        self._base = self._outer_base = ""  # as `xml:base` has it here, and around the element that is read

    def read(self) -> Document:
        root = self._root
        for name in root.attrib:
            if name.rpartition("}")[2].lower() in ("base", "lang") and name not in (_BASE, _LANG):
                odd(f"attribute {name}")
        if root.tag == f"{{{ATOM}}}feed":
            self._atom, parent = True, root
        elif root.tag == "rss" and len(root) == 1 and root[0].tag == "channel" and not root[0].attrib:
            parent = root[0]
        else:
            odd(f"root {root.tag}")
        if base := root.get(_BASE):
            self._base = self._outer_base = _urljoin("", base)
        return self._channel(parent, root.get(_LANG))

    def _channel(self, parent: Element, language: str | None) -> Document:
        channel: Entry = {"language": _tag(language)} if language else {}
        entries: list[Entry] = []
        for child in parent:
            key = self._names.key(child.tag)
            if key in ("item", "entry"):
                outer, self._outer_base, self._in_entry = self._outer_base, self._base, True
                entries.append(self._entry(child, language))
                self._outer_base, self._in_entry = outer, False
            elif read := _CHANNEL.get(key):
                read(self, key, child, channel, language)
            else:
                self._pass_over(child, CHANNEL_LEAVES, None, language)
        return Document(channel, entries)

    def _entry(self, item: Element, language: str | None) -> Entry:
        if item.attrib.keys() - {_LANG}:
            odd("attributes of an entry")
        language = item.get(_LANG, language)
        entry: Entry = {}
        for child in item:
            key = self._names.key(child.tag)
            if read := _ENTRY.get(key):
                read(self, key, child, entry, language)
            else:
                self._pass_over(child, ENTRY_LEAVES, entry, language)
        return entry

    def _pass_over(self, element: Element, leaves: frozenset[str], entry: Entry | None, language: str | None) -> None:
        """Make sure that nothing in an element changes what is read elsewhere, but for a description of its media.

        Args:
            leaves: elements that may stand here if they are empty of others.
            entry: what the element is in; None outside an entry, or where it may not be changed.
        """
        for one in element.iter():
            key = self._names.key(one.tag)
            if key == "media_description" and entry is not None:
                self._described(one, entry, language)
            elif matters(key) and key not in MEDIA and (len(one) or not (key in leaves or _too_late(key, entry))):
                odd(f"element {key}")
            for name in one.attrib:
                if name.rpartition("}")[2].lower() == "base" and key != "media_description":
                    odd(f"attribute {name}")  # feedparser keeps it after the element's end if there is none around

    def _described(self, element: Element, entry: Entry, language: str | None) -> None:
        """A description of media is a second one, which feedparser takes for the content; or the only one."""
        if "content" in entry:
            odd("media_description after a content")
        if "summary" not in entry:
            self.summary("description", element, entry, language)
            return
        kind, _spoken = self._construct(element, "text/plain", language)
        if kind == "text/plain" and not self._atom and StrictFeedParser.looks_like_html(_raw(element)):
            kind = "text/html"
        entry["content"] = [{"type": kind, "value": _value(element)}]

    # -- elements that are read: each (key, element, context, language)

    def title(self, _key: str, element: Element, context: Entry, language: str | None) -> None:
        if "title" in context:
            odd("two titles")
        _kind, spoken = self._construct(element, "text/plain", language)
        context["title"] = _value(element)
        context["title_detail"] = {"language": spoken}

    def summary(self, key: str, element: Element, context: Entry, language: str | None) -> None:
        if "summary_detail" in context:
            odd("two summaries")  # feedparser takes the second one for the content
        kind, spoken = self._construct(element, "text/html" if key == "description" else "text/plain", language)
        self._certain(kind, key)
        context["summary"] = _value(element)
        context["summary_detail"] = {"type": kind, "language": spoken}

    def content(self, key: str, element: Element, context: Entry, language: str | None) -> None:
        if "content" in context:
            odd("two contents")
        kind, _spoken = self._construct(element, "text/plain" if key == "content" else "text/html", language)
        self._certain(kind, key)
        value = _value(element)
        context["content"] = [{"type": kind, "value": value}]
        context.setdefault("summary", value)

    def link(self, _key: str, element: Element, context: Entry, _language: str | None) -> None:
        attributes = element.attrib
        if len(element) or attributes.keys() - _LINK_ATTRIBUTES or (attributes and "href" not in attributes):
            odd("link")
        links = context.setdefault("links", [])
        if attributes:
            rel, href = attributes.get("rel", "alternate").lower(), self._resolved(attributes["href"])
            links.append({"rel": rel, "href": href})
            kind = StrictFeedParser.map_content_type(attributes.get("type", "text/html"))
            if rel == "alternate" and kind in StrictFeedParser.html_types:
                context["link"] = href
            return
        value = _raw(element)
        value = _repaired(self._resolved(value)) if value else ""
        if self._in_entry:
            value = value.replace("&amp;", "&")
        context["link"] = value = _REFERENCE.sub(r"&\1", value)
        links.append({"rel": "alternate"} | ({"href": value} if value else {}))

    def id(self, _key: str, element: Element, context: Entry, _language: str | None) -> None:
        attributes = {name.lower(): value for name, value in element.attrib.items()}
        if len(element) or attributes.keys() - {"ispermalink"} or len(attributes) != len(element.attrib):
            odd("id")
        is_link = attributes.get("ispermalink", "true") == "true"
        value = _raw(element)
        context["id"] = value = _repaired(self._resolved(value) if is_link and value else value)
        if is_link:
            context.setdefault("link", value)

    def date(self, key: str, element: Element, context: Entry, _language: str | None) -> None:
        name = _DATES[key]
        context[name] = value = _bare(element)
        context[f"{name}_parsed"] = _parse_date(value)

    def simple(self, key: str, element: Element, context: Entry, _language: str | None) -> None:
        context[key.removeprefix("dc_")] = _bare(element)

    def author(self, _key: str, element: Element, context: Entry, _language: str | None) -> None:
        authors = _Authors(context)
        context.setdefault("authors", []).append({})
        pieces = [element.text or ""]
        for child in element:
            key, text = self._names.key(child.tag), (child.text or "").strip()
            if key in _PERSON and not (len(child) or child.attrib):
                authors.add("href" if key in ("uri", "url") else key, text)
            elif text or len(child):
                odd(f"element {key}")
            else:
                self._pass_over(child, frozenset(), None, None)
            pieces.append(child.tail or "")
        if element.attrib:
            odd("attributes of an author")
        context["author"] = _repaired("".join(pieces).strip())
        authors.settle()

    def source(self, _key: str, element: Element, context: Entry, _language: str | None) -> None:
        self._pass_over(element, frozenset({"source"}), None, None)
        context["source"] = True

    def image(self, _key: str, element: Element, _context: Entry, _language: str | None) -> None:
        """The channel's picture, with a title and a link of its own."""
        if element.attrib or any(self._names.key(one.tag) not in _IMAGE or len(one) or one.attrib for one in element):
            odd("image")

    def _construct(self, element: Element, default: str, language: str | None) -> tuple[str, str]:
        """Type and language of an element that holds text or escaped HTML."""
        if len(element) or element.attrib.keys() - _TEXT_ATTRIBUTES:
            odd("markup or attributes in a text")
        kind: str = StrictFeedParser.map_content_type(element.get("type", default))
        if kind not in _TEXT_TYPES:
            odd(f"text of type {kind}")
        if base := element.get(_BASE):
            # Without one around it, feedparser keeps it for the rest of the document.
            self._base = self._outer_base or _joined(self._base, base)
        return kind, _tag(element.get(_LANG, language))

    def _certain(self, kind: str, key: str) -> None:
        """Outside Atom feedparser looks at a plain text whether it is one."""
        if kind == "text/plain" and not self._atom:
            odd(f"plain {key}")

    def _resolved(self, link: str) -> str:
        return str(_urljoin(self._base and _joined(self._base, self._base), link))


class _Authors(StrictFeedParser):  # type: ignore[misc]  # feedparser is not typed
    """feedparser's way with the names and addresses in one entry's authors."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry

    def _get_context(self) -> Entry:
        return self._entry

    def add(self, key: str, value: str) -> None:
        self._save_author(key, value)

    def settle(self) -> None:
        self._sync_author_detail()


_Read = Callable[[_Reader, str, Element, Entry, str | None], None]

_DATES: Final = {
    "created": "created", "dc_date": "updated", "dcterms_created": "created", "dcterms_issued": "published",
    "dcterms_modified": "updated", "issued": "published", "modified": "updated", "pubdate": "published",
    "published": "published", "updated": "updated",
}  # fmt: skip

_CHANNEL: Final[dict[str, _Read]] = {
    "author": _Reader.author,
    "dc_language": _Reader.simple,
    "id": _Reader.id,
    "image": _Reader.image,
    "language": _Reader.simple,
    "link": _Reader.link,
    "sy_updatefrequency": _Reader.simple,
    "sy_updateperiod": _Reader.simple,
    "title": _Reader.title,
    "ttl": _Reader.simple,
}
_ENTRY: Final[dict[str, _Read]] = {
    "author": _Reader.author,
    "content": _Reader.content,
    "content_encoded": _Reader.content,
    "dc_creator": _Reader.author,
    "description": _Reader.summary,
    "feedburner_origlink": _Reader.simple,
    "guid": _Reader.id,
    "id": _Reader.id,
    "itunes_author": _Reader.author,
    "link": _Reader.link,
    "source": _Reader.source,
    "summary": _Reader.summary,
    "title": _Reader.title,
    **dict.fromkeys(_DATES, _Reader.date),
}


def _too_late(key: str, entry: Entry | None) -> bool:
    """Whether this is a title of media in an entry that has its own for good: a `source` makes feedparser forget it."""
    return key == "media_title" and entry is not None and bool(entry.get("title")) and "source" not in entry


def _joined(base: str, link: str) -> str:
    """The base that `xml:base` makes of the one around it."""
    return str(make_safe_absolute_uri(base, link) or base if base else _urljoin("", link))


def _tag(language: str | None) -> str:
    return (language or "").replace("_", "-")


def _raw(element: Element) -> str:
    return (element.text or "").strip()


def _value(element: Element) -> str:
    return _repaired(_raw(element))


def _bare(element: Element) -> str:
    """The text of an element that may have neither elements nor attributes."""
    if len(element) or element.attrib:
        odd(f"markup or attributes in {element.tag}")
    return _value(element)


def _repaired(text: str) -> str:
    """What feedparser does to all texts: UTF-8 that was encoded twice, and Windows' quotation marks among controls."""
    if text.isascii():
        return text
    with contextlib.suppress(UnicodeError):
        text = text.encode("iso-8859-1").decode("utf-8")
    return text.translate(_cp1252) if _C1.search(text) else text
