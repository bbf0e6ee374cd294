"""Names for articles and for their texts: hashes of content, so that every step may run twice and a replay agrees.

BLAKE2b (RFC 7693) because it is in the standard library, keyed lengths included, and faster than SHA-2. 128 bits name
an article: no collision in 10^15 articles (birthday bound 2^64). 64 bits name a text: they are compared only within one
outlet's articles, where a million texts collide with a chance of 3·10^-8.
"""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import datetime
from typing import Final

ARTICLE_ID_BYTES: Final = 16
TEXT_HASH_BYTES: Final = 8

_SEPARATOR: Final = "\x1f"
"""Unit separator: cleaned text cannot hold it, so ("ab", "c") and ("a", "bc") stay apart."""


def article_id(
    url: str, *, outlet: str = "", guid: str = "", title: str = "", published: datetime | None = None
) -> str:
    """Id of an article: 32 hex digits.

    Of the canonical ``url`` where there is one; else of outlet and ``guid``; else of outlet, title and the date as the
    feed gave it (never the fetch time, which would make a new article of every poll).
    """
    if url:
        return _hash(ARTICLE_ID_BYTES, "url", url)
    if guid:
        return _hash(ARTICLE_ID_BYTES, "guid", outlet, guid)
    date = published.isoformat() if published else ""
    return _hash(ARTICLE_ID_BYTES, "title", outlet, _folded(title), date)


def text_hash(title: str, lead: str, body: str) -> str:
    """Hash of a text, 16 hex digits; names a revision. Case, white space and Unicode composition make no difference."""
    return _hash(TEXT_HASH_BYTES, _folded(title), _folded(lead), _folded(body))


def _folded(text: str) -> str:
    # Case folding may undo composition (Unicode 3.13, D145), hence NFC after it.
    return " ".join(unicodedata.normalize("NFC", text.casefold()).split())


def _hash(size: int, *parts: str) -> str:
    joined = _SEPARATOR.join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(joined, digest_size=size).hexdigest()
