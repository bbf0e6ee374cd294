"""Articles and batches for tests: everything that a test does not care about has a value."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pipeline.dedupe.fingerprint import text_hash
from pipeline.records import Article, ArticleBatch

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def make_article(number: int = 1, **changes: Any) -> Article:
    """Article ``number``: its id and URL follow from the number, its text hash from its text."""
    fields: dict[str, Any] = {
        "id": f"{number:032x}",
        "url": f"https://herald.example/{number}",
        "domain": "herald.example",
        "outlet": "The Herald",
        "title": f"Council opens bridge number {number}",
        "lead": "The mayor cut the ribbon on Sunday.",
        "published": NOON,
        "fetched": NOON,
    } | changes
    fields.setdefault("text_hash", text_hash(fields["title"], fields["lead"], fields.get("body", "")))
    return Article(**fields)


def make_batch(*articles: Article, **changes: Any) -> ArticleBatch:
    """A batch of these articles."""
    fields: dict[str, Any] = {"id": "batch", "key": "herald.example", "fetched": NOON} | changes
    return ArticleBatch(**fields, articles=articles)
