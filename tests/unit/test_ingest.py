"""`counterclaim ingest` as it is typed: what is read, what the options say, and what a failure costs."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from pipeline.cli.ingest import run_ingest
from pipeline.errors import KafkaError, PublishError, UsageError
from pipeline.feeds.files import Line
from pipeline.ingest import CHUNK, ingest, to_articles
from pipeline.kafka import Position
from pipeline.records import ArticleBatch, batches
from pipeline.resources import shipped

NOW = datetime(2026, 3, 20, tzinfo=UTC)

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(run_ingest)


def run(*words: str | Path, given: str = "", env: dict[str, str] | None = None) -> Result:
    """The command with these words."""
    config = ("--config", str(shipped("config")))
    return CliRunner().invoke(app, [*map(str, words), *config], input=given, env=env or {})


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page as it was copied."""
    path = tmp_path / "page.txt"
    path.write_text("Home\nMayor denies theft\nHe said on Monday that nothing is missing.\nShare\n", encoding="utf-8")
    return path


def test_a_dry_run_shows_what_would_be_published(page: Path) -> None:
    """Cleaned, with what the options say; no broker is asked."""
    options = ("--outlet", "Post", "--url", "https://post.example/a?utm_source=x", "--published", "2026-03-14")
    done = run(page, *options, "--language", "en", "--dry-run", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["title"] == "Mayor denies theft"
    assert told["body"] == "He said on Monday that nothing is missing."
    assert (told["outlet"], told["language"], told["url"]) == ("Post", "en", "https://post.example/a")
    assert told["published"] == "2026-03-14T00:00:00+00:00"
    assert told["document"] == str(page)
    assert "1 articles read, nothing published" in done.stderr


def test_standard_input_and_files_go_together(page: Path) -> None:
    """In the order in which they are named."""
    done = run(page, "-", "--dry-run", given='{"title": "One"}\n{"title": "Two"}\n')
    assert [line.split(":")[-1].split(" (")[0].strip() for line in done.stdout.splitlines()] == [
        "Mayor denies theft",
        "One",
        "Two",
    ]


def test_the_same_file_gives_the_same_id(page: Path) -> None:
    """Another text under the same name is another revision of the same article."""
    first, second = (json.loads(run(page, "--dry-run", "--json").stdout)["id"] for _ in range(2))
    page.write_text("Mayor denies theft again\nHe said on Tuesday that nothing is missing.", encoding="utf-8")
    assert first == second == json.loads(run(page, "--dry-run", "--json").stdout)["id"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--url", "https://post.example/a"), "--url is the address of one document, and these are 2"),
        (("--published", "soon"), "--published 'soon' is not an ISO 8601 date"),
        (("none.txt",), "none.txt: cannot be read: No such file or directory"),
    ],
)
def test_wrong_usage_is_one_sentence(words: tuple[str, ...], why: str) -> None:
    """Exit code 2, and nothing is published."""
    done = run("-", *words, "--dry-run", given='{"title": "One"}\n{"title": "Two"}\n')
    assert isinstance(done.exception, UsageError)
    assert done.exception.exit_code == 2
    assert str(done.exception).startswith(why)


def test_without_a_broker_it_says_so(page: Path) -> None:
    """Exit code 3."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = run(page, env={"COUNTERCLAIM_KAFKA": f"127.0.0.1:{port}"})
    assert isinstance(done.exception, KafkaError)
    assert done.exception.exit_code == 3


class Log:
    """A topic in memory; it refuses after so many records."""

    def __init__(self, refuse_after: int = 10_000) -> None:
        self.batches: list[ArticleBatch] = []
        self._left = refuse_after

    async def send(
        self, topic: str, value: bytes | None, *, key: bytes | None = None, partition: int | None = None
    ) -> Position:
        """Keep a record."""
        if not self._left:
            raise PublishError(topic, "full")
        self._left -= 1
        self.batches.append(batches.decode(value or b""))
        return Position(0, len(self.batches))


async def test_articles_travel_in_batches_by_domain() -> None:
    """A chunk at a time, each acknowledged before the next; every article once."""
    lines = [Line(id=n, title=f"Story {n}", url=f"https://post{n % 3}.com/{n}") for n in range(CHUNK + 10)]
    articles, log = to_articles(lines, NOW), Log()
    assert [count async for count in ingest(log, articles, NOW)] == [CHUNK, 10]
    assert sorted(one.id for batch in log.batches for one in batch.articles) == sorted(one.id for one in articles)
    assert all({one.domain for one in batch.articles} == {batch.key} for batch in log.batches)


async def test_what_is_not_acknowledged_is_an_error() -> None:
    """What came before it was published; the files may be given again."""
    articles = to_articles([Line(id=n, title=f"Story {n}") for n in range(CHUNK + 10)], NOW)
    log = Log(refuse_after=CHUNK // 64)
    publishing = ingest(log, articles, NOW)
    assert await anext(publishing) == CHUNK
    with pytest.raises(PublishError):
        await anext(publishing)
