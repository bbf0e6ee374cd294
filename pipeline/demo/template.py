"""Feed templates to bytes: dates counted back from the start, the server's address, the declared encoding. Pure.

A template is a feed as UTF-8 text with three kinds of placeholders: ``{base}`` (the server's address),
``{rfc822:N}`` and ``{rfc3339:N}`` (N minutes before the start, as RSS and as Atom write dates).
"""

from __future__ import annotations

import random
import re
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Final

_PLACEHOLDER: Final = re.compile(r"\{(?:(base)|(rfc822|rfc3339):(\d+))\}")
_ENCODING: Final = re.compile(r'\A<\?xml[^>]*encoding="([\w-]+)"')
_ITEM: Final = re.compile(r"<(item|entry)\b.*?</\1>", re.DOTALL)
"""Text, not XML: one of the feeds is broken on purpose, and no template nests items."""


def render(template: str, *, base: str, start: datetime) -> bytes:
    """The feed as it goes over the wire, in the encoding that its XML declaration names (UTF-8 without one)."""

    def fill(found: re.Match[str]) -> str:
        if found[1]:
            return base
        date = start - timedelta(minutes=int(found[3]))
        return format_datetime(date) if found[2] == "rfc822" else date.isoformat(timespec="seconds")

    declared = _ENCODING.match(template)
    return _PLACEHOLDER.sub(fill, template).encode(declared[1] if declared else "utf-8")


def shuffled(template: str, seed: int) -> str:
    """The same feed with its items in another order, the same for the same seed."""
    items = [found[0] for found in _ITEM.finditer(template)]
    random.Random(seed).shuffle(items)  # noqa: S311 - an order that can be repeated, not a secret
    rest = iter(items)
    return _ITEM.sub(lambda _: next(rest), template)


def media_type(template: str) -> str:
    """The media type of a template's format: Atom (RFC 4287), RSS 1.0 (RDF) or RSS 2.0."""
    if "<feed " in template:
        return "application/atom+xml"
    return "application/rdf+xml" if "<rdf:RDF" in template else "application/rss+xml"
