"""`counterclaim archive …` as a person uses it, on SQLite."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyarrow import parquet
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from pipeline.archive.database import connect, migrate, named
from pipeline.cli.app import app
from pipeline.errors import ArchiveError, UsageError
from tests.archive_suite import content, put
from tests.archived import story_log
from tests.archivers import today


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Of a new file."""
    return f"sqlite:///{tmp_path / 'archive.db'}"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """An archive with two stories of yesterday."""
    made = connect(url)
    migrate(made)
    put(made, today(story_log(2)).messages)
    yield made
    made.dispose()


def call(url: str, *arguments: str, **env: str) -> Result:
    """Run a verb; an error of ours is raised."""
    wanted = {"COUNTERCLAIM_ARCHIVE_URL": url, "COUNTERCLAIM_KAFKA": "127.0.0.1:1", "COLUMNS": "200"} | env
    return CliRunner().invoke(app, ["archive", *arguments], env=wanted, catch_exceptions=False)


def test_migrate_makes_a_database_and_says_so(url: str) -> None:
    """Then it has nothing to do; both also as JSON."""
    assert "is at version 0001 now" in call(url, "migrate").output
    assert "has version 0001 already" in call(url, "migrate").output
    assert json.loads(call(url, "migrate", "--json").output) == {"archive": url, "before": "0001", "after": "0001"}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("mysql://u:secret@host/x", "mysql://u:\\*\\*\\*@host/x"),
        ("nonsense", "no URL"),
        ("sqlite://", "sqlite:///path"),
    ],
)
def test_a_url_that_names_no_database_is_said_without_its_password(wrong: str, says: str) -> None:
    """Before anything is connected."""
    with pytest.raises(ArchiveError, match=says) as error:
        call(wrong, "status")
    assert "secret" not in str(error.value)


def test_a_url_may_leave_the_driver_out() -> None:
    """`postgresql://` means psycopg 3; people see no password."""
    assert named("postgresql://me:secret@host/news") == "postgresql+psycopg://me:***@host/news"


def test_prune_goes_by_the_settings(url: str, engine: Engine) -> None:
    """Only what they say is old."""
    output = call(url, "prune", "--json", COUNTERCLAIM_ARCHIVE_ALERTS_DAYS="0.1").output
    assert {name: number for name, number in json.loads(output).items() if number} == {"alerts": 8}
    assert content(engine)["alerts"] == []
    assert "nothing is that old" in call(url, "prune").output


def test_status_counts_and_says_that_kafka_is_away(url: str, engine: Engine) -> None:
    """The archive can be looked at without a cluster."""
    found = json.loads(call(url, "status", "--json").output)
    assert found["tables"]["articles"]["rows"] == 6
    assert found["behind"] == {}
    assert "127.0.0.1:1" in found["kafka"]
    output = call(url, "status").output
    assert "deliveries" in output
    assert "cannot be told" in output


def test_export_writes_what_its_name_says(url: str, engine: Engine, tmp_path: Path) -> None:
    """Parquet, CSV or JSON lines; whole, with nothing left beside it."""
    for name in ("a.parquet", "a.csv", "a.jsonl"):
        result = call(url, "export", "articles", "-o", str(tmp_path / name))
        assert "6 rows of articles" in result.stderr
    assert parquet.read_table(tmp_path / "a.parquet").num_rows == 6
    assert len(list(csv.reader((tmp_path / "a.csv").read_text().splitlines()))) == 7
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 6
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_export_of_a_period(url: str, engine: Engine) -> None:
    """A date, or how long ago; what is neither is refused in words."""
    yesterday, now = (datetime.now(UTC) - timedelta(days=1)).date(), datetime.now(UTC).date()
    assert len(call(url, "export", "articles", "--since", "7d").stdout.splitlines()) == 6
    assert call(url, "export", "articles", "--until", f"{yesterday}").stdout == ""
    assert call(url, "export", "articles", "--since", f"{now + timedelta(days=1)}").stdout == ""
    with pytest.raises(UsageError, match="--since 'soon' is no time"):
        call(url, "export", "articles", "--since", "soon")
    with pytest.raises(UsageError, match="there is no table 'articels'"):
        call(url, "export", "articels")


def test_forget_says_what_it_removed_and_what_remains(url: str, engine: Engine) -> None:
    """By address; the topics that still have it are named with a time."""
    found = json.loads(call(url, "forget", f"{1:032x}", "--reason", "asked", "--json").output)
    assert (found["kind"], found["removed"]["articles"]) == ("article", 1)
    assert found["kafka"]["threads"] is None
    until = datetime.fromisoformat(found["kafka"]["flags"])
    assert timedelta(days=30) < until - datetime.now(UTC) < timedelta(days=32)
    output = call(url, "forget", "Outlet 2").output
    assert "1 flagged articles removed" in output
    assert "thread-events: until 20" in output
    assert len(content(engine)["articles"]) == 4
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        assert connection.execute("SELECT kind, name, reason FROM forgotten ORDER BY kind").fetchall() == [
            ("article", f"{1:032x}", "asked"),
            ("outlet", "Outlet 2", ""),
        ]
    connection.close()
    assert "archived again from now on" in call(url, "forget", "Outlet 2", "--undo").output
    assert "was not taken down" in call(url, "forget", "Outlet 2", "--undo").output


def test_an_outlet_that_nobody_knows_is_a_slip(url: str, engine: Engine) -> None:
    """Else a misspelt name would be remembered, and the right one archived."""
    with pytest.raises(UsageError, match="knows no outlet 'outlet 2'"):
        call(url, "forget", "outlet 2")
