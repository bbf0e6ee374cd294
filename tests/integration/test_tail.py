"""`counterclaim tail` as a process on a real topic."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from pipeline.kafka import Publisher
from pipeline.records import Article, Flag, FlaggedArticle, Span, encode
from pipeline.topics import FLAGS

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def story(title: str, heartbeat: int | None = None) -> bytes:
    """A flagged story on the wire."""
    article = Article(
        id="0" * 32, text_hash="0" * 16, url="", domain="example.org", title=title, published=NOW, fetched=NOW
    )
    span = Span(field="title", start=0, end=len(title), quote=title)
    flag = Flag(id="1", kind="denial", category="x", rule="r", version=1, score=1.0, spans=(span,))
    return encode(FlaggedArticle(article=article, flags=(flag,), ruleset="0", flagged=NOW, heartbeat=heartbeat))


def start(bootstrap: str, *arguments: str) -> subprocess.Popen[str]:
    """The command as a user types it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERCLAIM_")}
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", "tail", *arguments],
        env=env | {"COUNTERCLAIM_KAFKA": bootstrap},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def stories(topics_ready: str) -> str:
    """A broker with two stories and a heartbeat between them, on one partition."""

    async def publish() -> None:
        async with Publisher([topics_ready]) as publisher:
            for value in (story("First denies"), story("beat", heartbeat=0), story("Second denies")):
                await publisher.send(FLAGS, value, partition=0)

    asyncio.run(publish())
    return topics_ready


def test_shows_what_is_there_and_stops_after_count(stories: str) -> None:
    """Two stories of the two asked for, as JSON, without the heartbeat; then it ends by itself."""
    with start(stories, "flags", "--from-beginning", "--count", "2", "--json") as process:
        out, err = process.communicate(timeout=60)
    assert [json.loads(line)["value"]["article"]["title"] for line in out.splitlines()] == [
        "First denies",
        "Second denies",
    ]
    assert (process.returncode, err) == (0, "")


def test_heartbeats_are_shown_when_asked_for(stories: str) -> None:
    """With --heartbeats the one between the stories is a line, too."""
    with start(stories, "flags", "--from-beginning", "--count", "3", "--heartbeats") as process:
        out, _ = process.communicate(timeout=60)
    assert "heartbeat  partition 0" in out


def test_ctrl_c_ends_it_without_a_traceback(stories: str) -> None:
    """SIGINT while it waits for more: exit code 130, nothing on stderr."""
    with start(stories, "flags", "--from-beginning") as process:
        assert process.stdout is not None
        assert "denial" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")


async def test_a_reader_that_goes_away_is_no_error(stories: str) -> None:
    """As with `| head`: the next line finds the pipe closed, and the command ends with 0."""
    with start(stories, "flags", "--from-beginning", "--json") as process:
        assert process.stdout is not None
        for _ in range(2):
            await asyncio.to_thread(process.stdout.readline)
        process.stdout.close()
        async with Publisher([stories]) as publisher:
            await publisher.send(FLAGS, story("Third denies"), partition=1)
        assert await asyncio.to_thread(process.wait, 60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_no_broker_is_one_sentence_and_exit_code_3() -> None:
    """Nobody listens on port 1: the sentence names the address."""
    with start("127.0.0.1:1") as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "127.0.0.1:1" in err
    assert "Traceback" not in err
