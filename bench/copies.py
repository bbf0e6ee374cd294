"""What finding copies costs: microseconds and bytes an article as the index grows, beside datasketch's MinHash LSH.

    python -m bench.copies [DOCUMENTS]     default 1,000,000; JSON goes to bench/out/copies.json

One process. The first 10,000 articles and those that are timed have texts, the others random sketches of 57 hashes: a
run would take an hour. Texts have 150 to 620 words, 384 in the middle; one in ten is an edited copy of one before it.
`sign` is tokenising and sketching; `index` is query, comparison and insert; `forget` what dropping an article from a
full index costs more; `worst` the longest that an article waited for the table to grow. Costs are CPU time, of the last
articles at each size. Bytes are the growth of resident memory.

datasketch (MinHash of 128 permutations, LSH of 32 bands of 4 rows) is timed in the same run where it is installed (`pip
install datasketch`; it is no dependency), on texts of the same kind, up to 100,000: a million would take 12 GB.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bench.seen import resident
from pipeline.copies import copies as module
from pipeline.copies.claims import Claim, Entry
from pipeline.copies.copies import Copies, Limits
from pipeline.copies.postings import CHUNK, LOAD
from pipeline.copies.shingles import text_of
from pipeline.copies.sketch import Sketch, sketch
from pipeline.records import Article, ArticleBatch

OUT = Path("bench/out/copies.json")
SIZES = (10_000, 100_000, 1_000_000)
TIMED = 4_000
"""Articles timed at each size."""
CONTENDER = 100_000
HASHES = 57
"""Of such a text's sketch, in the middle."""
BATCH = 4
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SYLLABLES = ("ba", "do", "fe", "gi", "ko", "lu", "ma", "ne", "ri", "su", "ta", "vo", "wen", "sor", "lim", "tak")
WORDS = [f"{a}{b}{c}" for a in SYLLABLES for b in SYLLABLES for c in ("", *SYLLABLES, *(f"{d}s" for d in SYLLABLES))]
"""Some 10,000 words."""


class Texts:
    """Articles without end, the same for each seed. Words are drawn as in a language: the r-th with weight 1 / r."""

    def __init__(self, seed: int = 1) -> None:
        self.dice = random.Random(seed)
        self.weights = [1 / rank for rank in range(1, len(WORDS) + 1)]
        self.pool: list[str] = []

    def __iter__(self) -> Iterator[str]:
        while True:
            if self.pool and self.dice.random() < 0.1:
                words = self.dice.choice(self.pool).split()
                start = self.dice.randrange(len(words) // 3)
                yield " ".join(words[start:])
                continue
            size = int(self.dice.triangular(150, 620, 384))
            text = " ".join(self.dice.choices(WORDS, self.weights, k=size))
            if len(self.pool) < 2_000:
                self.pool.append(text)
            else:
                self.pool[self.dice.randrange(2_000)] = text
            yield text


def article(number: int, body: str) -> Article:
    """An article of a day's stream of a million."""
    published = NOW + timedelta(milliseconds=86 * number)
    return Article(
        id=f"{number * 0x9E3779B97F4A7C15 % (1 << 128):032x}", text_hash="", url="", domain="", title="", body=body,
        language="en", published=published, fetched=published,
    )  # fmt: skip


class Timed:
    """An index whose steps are timed: `text_of` and `sketch` apart from the rest."""

    def __init__(self, documents: int) -> None:
        self.index = Copies(0, Limits(documents=documents))
        self.signing = self.total = self.found = self.number = self.timed = self.worst = 0
        module.text_of, module.sketch = self._text_of, self._sketch  # type: ignore[assignment]

    def _text_of(self, one: Article) -> Any:
        began = time.thread_time_ns()
        made = text_of(one)
        self.signing += time.thread_time_ns() - began
        return made

    def _sketch(self, text: Any) -> Any:
        began = time.thread_time_ns()
        made = sketch(text)
        self.signing += time.thread_time_ns() - began
        return made

    def take(self, body: str) -> None:
        """One more."""
        one = article(self.number, body)
        batch = ArticleBatch(id="", key="en", fetched=one.fetched, articles=(one,))
        began = time.thread_time_ns()
        claim = self.index.take(str(self.number), batch, self.number)
        self.total += time.thread_time_ns() - began
        self.timed += 1
        self.found += claim.entries[0].copy is not None
        self.number += 1

    def fill(self, size: int, dice: np.random.Generator) -> None:
        """Take in sketches of random hashes until it has so many."""
        while self.number < size:
            some = [article(self.number + place, "") for place in range(BATCH)]
            entries = []
            for place, one in enumerate(some):
                hashes = np.unique(dice.integers(0, 1 << 30, HASHES, np.uint32))
                made = Sketch(2, hashes, dice.integers(0, 1 << 32, 24, np.uint32))
                entries.append(Entry(place, one.id, one.published, made.encoded))
            buckets = before = self.index.buckets
            buckets += CHUNK * (HASHES * (self.number + BATCH) > LOAD * 8 * buckets)
            claim = Claim(partition=0, offset=self.number, at=some[0].fetched, buckets=buckets, entries=tuple(entries))
            began = time.thread_time_ns()
            self.index.restore(str(self.number), claim)
            if buckets > before:
                self.worst = max(self.worst, time.thread_time_ns() - began)
            self.number += BATCH


def ours(largest: int) -> list[dict[str, float]]:
    """Growth up to ``largest``, then as many articles with forgetting."""
    timed, texts, rows = Timed(largest), iter(Texts()), []
    dice = np.random.default_rng(1)
    for _ in range(3_000):  # else what the texts are made of would count as memory
        next(texts)
    began = resident()
    for size in (*(size for size in SIZES if size < largest), largest):
        while timed.number < min(size, SIZES[0]) - TIMED:
            timed.take(next(texts))
        timed.fill(size - TIMED, dice)
        before = (timed.total, timed.signing, timed.found, timed.timed)
        while timed.number < size:
            timed.take(next(texts))
        total, signing, found, number = (
            now - then for now, then in zip((timed.total, timed.signing, timed.found, timed.timed), before, strict=True)
        )
        rows.append(
            {
                "documents": size,
                "sign_us": round(signing / number / 1e3, 1),
                "index_us": round((total - signing) / number / 1e3, 1),
                "worst_ms": round(timed.worst / 1e6, 2),
                "bytes_per_document": round((resident() - began) / size),
                "array_bytes_per_document": round(timed.index.nbytes / size),
                "copies_found": round(found / TIMED, 3),
            }
        )
        print(rows[-1], flush=True)
    elapsed, now = 0, NOW
    for _ in range(TIMED):
        timed.take(next(texts))
        start = time.thread_time_ns()
        for key in timed.index.stale(now):
            timed.index.forget(key)
        elapsed += time.thread_time_ns() - start
    rows[-1]["forget_us"] = round(elapsed / TIMED / 1e3, 1)
    return rows


def datasketch(largest: int) -> list[dict[str, float]]:
    """The contender, on texts of the same kind."""
    try:
        from datasketch import MinHash, MinHashLSH
    except ImportError:
        return []
    texts, rows = iter(Texts(2)), []
    lsh, began, number = MinHashLSH(num_perm=128, params=(32, 4)), resident(), 0
    signing = indexing = 0
    for size in sorted({size for size in (*SIZES, largest) if size <= min(largest, CONTENDER)}):
        while number < size:
            if number == size - TIMED:
                signing = indexing = 0
            words = next(texts).lower().split()
            start = time.thread_time_ns()
            made = MinHash(num_perm=128)
            made.update_batch([" ".join(words[at : at + 3]).encode() for at in range(len(words) - 2)])
            middle = time.thread_time_ns()
            lsh.query(made)
            lsh.insert(str(number), made)
            indexing += time.thread_time_ns() - middle
            signing += middle - start
            number += 1
        rows.append(
            {
                "documents": size,
                "sign_us": round(signing / TIMED / 1e3, 1),
                "index_us": round(indexing / TIMED / 1e3, 1),
                "bytes_per_document": round((resident() - began) / size),
            }
        )
        print(rows[-1], flush=True)
    return rows


def main(largest: int) -> None:
    """Measure both, print, write."""
    found = {"ours": ours(largest), "datasketch": datasketch(largest)}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SIZES[-1])
