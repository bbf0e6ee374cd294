"""What feedparser calls the elements of a document, and which of them can matter to an article.

feedparser names an element by the usual prefix of its namespace, whatever the document's prefix is; by the document's
where it does not know the namespace. If it has a handler of that name, that does something; any other element is filed
under its name.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

from feedparser.api import StrictFeedParser
from feedparser.util import FeedParserDict

ATOM: Final = "http://www.w3.org/2005/Atom"

PREFIXES: Final[dict[str, str]] = {uri.lower(): prefix for uri, prefix in StrictFeedParser.namespaces.items()}
"""Of the namespaces that feedparser knows; "" for those of the formats themselves."""

HANDLED: Final = frozenset(
    name.lower().removeprefix(side)
    for side in ("_start_", "_end_")
    for name in dir(StrictFeedParser)
    if name.startswith(side)
)
"""Elements, as `prefix_name`, that feedparser does something about."""

USED: Final = frozenset(FeedParserDict.keymap) | {
    "authors", "contributors", "feedburner_origlink", "links", "sy_updatefrequency", "sy_updateperiod", "ttl",
}  # fmt: skip
"""Names, besides handled ones, under which an element would be taken for something else."""

MEDIA: Final = frozenset({
    "media_category", "media_content", "media_credit", "media_group", "media_keywords", "media_license",
    "media_player", "media_rating", "media_restriction", "media_thumbnail",
})  # fmt: skip
"""Elements whose handlers touch nothing of an article, whatever is in them."""

_LEAVES: Final = frozenset({
    "category", "copyright", "dc_publisher", "dc_rights", "dc_subject", "enclosure", "generator", "keywords", "rights",
    "subtitle",
})  # fmt: skip

ENTRY_LEAVES: Final = _LEAVES | {"dc_language", "language"}
CHANNEL_LEAVES: Final = _LEAVES | {
    "cloud", "dc_creator", "dc_date", "description", "lastbuilddate", "managingeditor", "pubdate", "published",
    "updated", "webmaster",
}  # fmt: skip
"""Elements whose handlers touch nothing of an article as long as no element is in them."""

_CANONICAL: Final = frozenset(PREFIXES.values())
_DECLARATION: Final = re.compile(rb"xmlns(?::([^\s=]{1,64}))?\s*=\s*(?:\"([^\"]{0,500})\"|'([^']{0,500})')")


class OddError(Exception):
    """What is odd in a document; never leaves the reader of plain ones."""


def odd(reason: str) -> NoReturn:
    """
    Raises:
        OddError: always.
    """
    raise OddError(reason)


def matters(key: str) -> bool:
    """Whether feedparser takes an element of this name for more than one it has never heard of."""
    return key in HANDLED or key in USED or key.endswith(("_detail", "_parsed"))


class Names:
    """feedparser's names for the elements of one document, which is UTF-8."""

    def __init__(self, data: bytes) -> None:
        """
        Raises:
            OddError: the document's namespaces are not declared as usual.
        """
        self._unknown = _declared(data)
        self._keys: dict[str, str] = {}

    def key(self, tag: str) -> str:
        """Of an element, whose ``tag`` is `{namespace}name`: `title`, `dc_creator`."""
        key = self._keys.get(tag)
        if key is None:
            uri, _, name = tag.removeprefix("{").rpartition("}")
            prefix = PREFIXES.get(uri.lower(), self._unknown.get(uri))
            if prefix is None:
                odd(f"namespace {uri}")
            key = self._keys[tag] = (f"{prefix}_{name}" if prefix else name).lower()
        return key


def _declared(data: bytes) -> dict[str, str]:
    """Prefixes of the namespaces that feedparser does not know, by their address; "" for one without.

    Looked for in the bytes, because the tree has no prefixes, so that some of them may stand in text only: that makes a
    document odd at worst. Nothing may be declared in two ways, nor a usual prefix for something else.
    """
    unknown: dict[str, str] = {}
    uris: dict[str, str] = {}
    for name, double, single in _DECLARATION.findall(data):
        uri, prefix = (double or single).decode(), name.decode().lower()
        known = PREFIXES.get(uri.lower())
        if (known == "" and uri and uri.lower() != ATOM.lower()) or "backend.userland.com/rss" in uri.lower():
            odd(f"namespace {uri}")  # of an older format: it may change what kind of feed this is
        if prefix and (uris.setdefault(prefix, uri) != uri or (prefix in _CANONICAL and known not in (None, prefix))):
            odd(f"prefix {prefix}")
        if known is None and (unknown.setdefault(uri, prefix) != prefix or len(uri.split()) != 1):
            odd(f"namespace {uri}")
    return unknown
