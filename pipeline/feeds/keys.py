"""How the items of a feed are remembered: a key for each, of three hashes one after the other. Pure.

    item     12 characters, of the article's id: which item it is
    text      8 characters, of its text hash: which text of it
    mark     12 characters, of the item as the feed gave it, before anything was cleaned; "" where it was not kept

Base64 for URLs (RFC 4648 §5), and each part whole bytes: 72 bit tell apart the items of one feed, 48 the texts of one.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from typing import Final

from pipeline.records import Article, FeedState

_ITEM_BYTES: Final = 9
_TEXT_BYTES: Final = 6
_MARK_BYTES: Final = 9
_ITEM_CHARS: Final = 12
_TEXT_CHARS: Final = 8


def seen_key(article: Article, mark: str = "") -> str:
    """Names one text of one item, and the raw item that it was made from."""
    return _base64(article.id, _ITEM_BYTES) + _base64(article.text_hash, _TEXT_BYTES) + mark


def known_keys(state: FeedState | None) -> tuple[str, ...]:
    """Those that are remembered of a feed."""
    return tuple(state.seen.split()) if state else ()


def item_part(key: str) -> str:
    """Which item it is."""
    return key[:_ITEM_CHARS]


def text_part(key: str) -> str:
    """Which item and which text of it."""
    return key[: _ITEM_CHARS + _TEXT_CHARS]


def mark_part(key: str) -> str:
    """The mark of the raw item; "" if there is none."""
    return key[_ITEM_CHARS + _TEXT_CHARS :]


def mark(parts: Iterable[str]) -> str:
    """The mark of a raw item, of all that an article is made from."""
    texts = tuple(parts)
    lengths = ",".join(map(str, map(len, texts)))  # so that no text can stand for parts of two
    data = " ".join((lengths, *texts)).encode(errors="surrogatepass")
    return urlsafe_b64encode(hashlib.blake2b(data, digest_size=_MARK_BYTES).digest()).decode()


def _base64(digits: str, size: int) -> str:
    return urlsafe_b64encode(bytes.fromhex(digits[: 2 * size])).decode()
