"""What the memory of deduplication costs: bytes and microseconds an article.

    python -m bench.seen [ARTICLES]        default 200,000

One process, batches of four, every article new. Bytes are the growth of resident memory, so they hold whatever the
allocator keeps; the claims, which live in the table's store and not in the index, are not counted.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from pipeline.dedupe.seen import SeenIndex, claim_key
from pipeline.records import Article, ArticleBatch

BATCH = 4
PAGE = resource.getpagesize()


def main(number: int) -> dict[str, float]:
    """Fill an index with ``number`` articles."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    index = SeenIndex(0)
    began_bytes, seconds = resident(), 0.0
    for offset in range(number // BATCH):
        articles = tuple(article(offset * BATCH + place, now) for place in range(BATCH))
        batch = ArticleBatch(id=f"{offset:032x}", key="herald.example", fetched=now, articles=articles)
        began = time.process_time()
        claim = index.decide(batch).claim(batch, partition=0, offset=offset)
        assert claim is not None
        index.apply(claim_key(batch, offset), claim)
        seconds += time.process_time() - began
    assert len(index) == number // BATCH * BATCH
    return {
        "articles": len(index),
        "bytes_per_article": round((resident() - began_bytes) / len(index), 1),
        "microseconds_per_article": round(seconds / len(index) * 1e6, 2),
    }


def article(number: int, now: datetime) -> Article:
    """A new article of 3 KB."""
    digest = hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest()
    return Article(
        id=digest,
        text_hash=digest[:16],
        url="https://herald.example/story",
        domain="herald.example",
        title="Council opens the bridge over the river",
        body="x" * 3000,
        published=now,
        fetched=now,
    )


def resident() -> int:
    """Resident memory of this process in bytes (proc(5), statm)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)))
