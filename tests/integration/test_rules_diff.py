"""`counterclaim rules diff --since` on a real topic: what it reads, and that it leaves no trace."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.kafka import Publisher, end_offsets, read_log
from pipeline.records import encode
from pipeline.topics import ARTICLES_DEDUPED, FLAGS
from tests.articles import make_article, make_batch

RULES = """
language: en
rules:
  - {{id: denied, version: 1, kind: denial, category: denial, query: {query}, examples: [{query}]}}
"""


@pytest.fixture(name="articles", scope="module")
def _articles(topics_ready: str) -> str:
    """A broker with 120 articles on all partitions, one batch sent twice, and a heartbeat."""

    async def send() -> None:
        async with Publisher([topics_ready]) as publisher:
            for number in range(40):
                stories = [
                    make_article(
                        number * 3 + n, title=title, language="en", outlet="The Herald" if n else "The Gazette"
                    )
                    for n, title in enumerate(("Mayor denies it", "Mayor refutes it", "Sun shines"))
                ]
                value = encode(make_batch(*stories, key="en"))
                for _ in range(2 if number == 7 else 1):
                    await publisher.send(ARTICLES_DEDUPED, value, partition=number % 4)
            beat = encode(make_batch(make_article(999, title="Mayor denies it"), key="en", heartbeat=1))
            await publisher.send(ARTICLES_DEDUPED, beat, partition=1)

    asyncio.run(send())
    return topics_ready


def test_the_topic_is_compared_and_nothing_is_published(articles: str, tmp_path: Path) -> None:
    """40 flags lost, 40 gained, each article once; no flag on the topic, and a second run reads the same."""
    for name, query in (("old", "denies"), ("new", "refutes")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "en.yaml").write_text(RULES.format(query=query), encoding="utf-8")
    env = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERCLAIM_")}
    command = [sys.executable, "-m", "pipeline", "rules", "diff", "old", "new", "--since", "1d", "--json"]
    told = [
        json.loads(
            subprocess.run(
                command,
                env=env | {"COUNTERCLAIM_KAFKA": articles, "PYTHONPATH": str(Path.cwd())},
                cwd=tmp_path,
                capture_output=True,
                check=True,
                timeout=60,
            ).stdout
        )
        for _ in range(2)
    ]
    assert told[0] == told[1]
    assert (told[0]["articles"], told[0]["gained"], told[0]["lost"], told[0]["changed"]) == (120, 40, 40, 0)
    assert len(told[0]["differences"]) == 20
    assert sum(end_offsets([articles], [FLAGS]).values()) == 0


def test_a_log_is_read_to_its_present_end(articles: str) -> None:
    """Every record of every partition, in the order of each."""
    found = list(read_log([articles], ARTICLES_DEDUPED))
    assert len(found) == 42
    for partition in range(4):
        offsets = [one.offset for one in found if one.partition == partition]
        assert offsets == list(range(len(offsets)))
        assert offsets
