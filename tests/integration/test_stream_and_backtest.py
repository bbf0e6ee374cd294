"""One file of articles, through the stream and through `backtest`: the same ids, flags and duplicates."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.backtest import order
from pipeline.feeds.article import batches
from pipeline.feeds.files import read_documents, to_article
from pipeline.records import Article, Flag, flagged
from pipeline.records import batches as batch_codec
from pipeline.resources import shipped
from pipeline.topics import ARTICLES_FRESH, FLAGS
from tests.articles import NOON
from tests.integration.workers import Collector, Worker, publish, workers

STORIES = [
    ("Mayor denies taking bribes from builder", "The mayor of Almery denied on Monday that he had taken money."),
    ("Union accuses ferry company of ignoring warnings", "The union said the company had known of the fault."),
    ("Court denies bail to quay builder", "The judge said he might leave the country."),
    (
        "Bank dismisses rumours of its closure as baseless",
        "Its chairman called them “fabricated” at a news conference.",
    ),
    ("Spring market opens on the old square", "Forty stalls sell bread, cheese and honey until Sunday."),
]
"""Titles and leads of our own: two denials, an accusation, two that nothing flags."""


def corpus(size: int) -> list[dict[str, Any]]:
    """Articles of six outlets in a scrambled order of publication, every seventh a repeat of an earlier one."""
    lines = []
    for number in range(size):
        title, lead = STORIES[number % len(STORIES)]
        outlet = f"outlet{number % 6}"
        lines.append(
            {
                "id": f"a{number}",
                "title": f"{title}, part {number}",
                "lead": lead,
                "body": f"<b>Number {number}</b> &amp; nothing else.\n\nRead more",
                "url": f"https://{outlet}.com/{number}?utm_source=rss",
                "outlet": outlet,
                "language": "en",
                "published": (NOON + timedelta(minutes=(number * 37) % 100)).isoformat(),
            }
        )
    for number in range(7, size, 7):
        earlier = lines[number - 6]  # of the same outlet
        same = ("title", "lead", "body", "outlet", "language")
        repeat = {name: earlier[name] for name in same}
        lines[number] |= repeat | {"url": f"https://{earlier['outlet']}.com/again/{number}"}
    return lines


def told(flags: Sequence[Flag]) -> list[dict[str, Any]]:
    """Flags as `backtest` writes them."""
    plain = [msgspec.json.decode(msgspec.json.encode(flag)) for flag in flags]
    return [{name: value for name, value in one.items() if name != "id"} for one in plain]


@pytest.mark.timeout(120)
async def test_stream_and_backtest_agree(topics_ready: str, tmp_path: Path) -> None:
    """Every article that the stream passes has the id and the flags that the backtest gives it, and no other passes."""
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in corpus(120)))
    command = [sys.executable, "-m", "pipeline", "backtest", "--articles", str(source), "--json", str(target)]
    subprocess.run([*command, "--config", str(shipped("config"))], check=True, timeout=60)
    results = {one["id"]: one for one in map(json.loads, target.read_text().splitlines())}

    lines = read_documents([(str(source), source.read_bytes())], NOON)
    articles: dict[str, Article] = {str(lines[place].id): to_article(lines[place], NOON) for place in order(lines)}
    names = {article.id: name for name, article in articles.items()}
    expected = {name for name, result in results.items() if result["duplicate_of"] is None}
    worker = Worker(topics_ready, tmp_path / "worker")
    async with workers(worker), Collector(topics_ready, {ARTICLES_FRESH: passed, FLAGS: lambda _: []}) as seen:
        await publish(topics_ready, batches(list(articles.values()), fetched=NOON))
        await worker.start()
        flagging = {name for name in expected if results[name]["flags"]}
        await seen.until(
            lambda: len(seen.seen[ARTICLES_FRESH]) >= len(expected) and len(seen.messages[FLAGS]) >= len(flagging),
            lambda: worker.log[-2000:],
        )
        assert await worker.stop() == 0
    assert {names[key] for key in seen.seen[ARTICLES_FRESH]} == expected
    stream = {names[one.article.id]: told(one.flags) for one in map(decoded, seen.messages[FLAGS])}
    assert stream == {name: results[name]["flags"] for name in flagging}
    assert 0 < len(flagging) < len(expected) < len(results)


def passed(value: bytes) -> list[str]:
    """Article ids in a record of `articles.fresh`."""
    return [article.id for article in batch_codec.decode(value).articles]


def decoded(message: Any) -> Any:
    """The flagged article in a record of `flags`."""
    return flagged.decode(message.value)
