"""Files through `counterclaim ingest`, a broker and a worker to flags; given again, they are known."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from pipeline.records import FlaggedArticle, flagged
from pipeline.resources import shipped
from pipeline.topics import FLAGS
from tests.integration.workers import Collector, Worker, until, workers

PAGES = Path(__file__).parents[1] / "fixtures" / "pages"


async def ingest(bootstrap: str, *words: str) -> str:
    """Run the command; what it says."""
    env = os.environ | {"COUNTERCLAIM_KAFKA": bootstrap}
    command = (sys.executable, "-m", "pipeline", "ingest", *words, "--config", str(shipped("config")))
    process = await asyncio.create_subprocess_exec(*command, env=env, stderr=asyncio.subprocess.PIPE)
    _, told = await process.communicate()
    assert process.returncode == 0, told.decode()
    return told.decode()


def saved(name: str, directory: Path) -> str:
    """A page of ours as somebody copied it into a file."""
    lines = (PAGES / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    path = directory / f"{name}.txt"
    path.write_text("\n".join(line[2:] for line in lines), encoding="utf-8")
    return str(path)


@pytest.mark.timeout(120)
async def test_two_pages_become_two_flagged_articles(topics_ready: str, tmp_path: Path) -> None:
    """The stories are flagged, nothing around them is; the same files again are seen again, and flag nothing."""
    pages = [saved(name, tmp_path) for name in ("en-harbour-post", "en-northern-wire")]
    worker = Worker(topics_ready, tmp_path / "worker")
    async with workers(worker), Collector(topics_ready, {FLAGS: _titles}) as seen:
        assert "2 articles published" in await ingest(topics_ready, *pages, "--outlet", "Harbour Post")
        await worker.start()
        await seen.until(lambda: len(seen.messages[FLAGS]) >= 2, lambda: worker.log[-2000:])
        await worker.ready()
        await ingest(topics_ready, *pages, "--outlet", "Harbour Post")
        await until(lambda: worker.metric("counterclaim_duplicates_total") >= 2, "the repeats were not recognised")
        assert await worker.stop() == 0
    found = [flagged.decode(message.value or b"") for message in seen.messages[FLAGS]]
    assert {one.article.title for one in found} == {
        "Pyongyang says US story of shells for Russia has no basis",
        "North Korea calls talk of arms to Moscow a groundless rumour",
    }
    assert all("denial" in {flag.kind for flag in one.flags} for one in found)
    assert not any(word in text for one in found for text in _texts(one) for word in ("Bank", "Coach", "Senator"))


def _titles(value: bytes) -> list[str]:
    return [flagged.decode(value).article.title]


def _texts(one: FlaggedArticle) -> tuple[str, ...]:
    return one.article.title, one.article.lead, one.article.body
