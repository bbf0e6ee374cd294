"""The JSON Schemas: committed as generated, and true of what is on the wire and in the shipped files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from pipeline.documents import read_document
from pipeline.records import ArticleBatch, FeedRecord, FeedState, FlaggedArticle, Record, ThreadInput, encode
from pipeline.resources import shipped
from pipeline.settings.schemas import schema, schema_names, schema_text
from tests.disputes import Court, accuses, command, denies, telling, tick
from tests.unit.test_records import article

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "schemas"
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

RECORDS: dict[str, Record] = {
    "article-batch": ArticleBatch(id="1", key="news.example", fetched=NOON, articles=(article(),)),
    "flagged-article": FlaggedArticle(article=article(), flags=(), ruleset="0" * 12, flagged=NOON),
    "feed-record": FeedRecord(
        url="https://news.example/rss", outlet="News", owner="News", country="GB", language="en", source="runtime"
    ),
    "feed-state": FeedState(
        url="https://news.example/rss", last_poll=NOON, next_poll=NOON, reason="interval", outcome="changed"
    ),
}

_COURT = Court()
_COURT.take(telling(1, accuses()), telling(2, denies(), hours=1))
RECORDS |= {
    "thread": _COURT.thread,
    "thread-event": _COURT.events[-1],
    "thread-input": ThreadInput(what=telling(1, accuses())),
}


def complaints(name: str, value: Any) -> list[str]:
    """What the schema has against a value."""
    return [error.message for error in Draft202012Validator(schema(name)).iter_errors(value)]


@pytest.mark.parametrize("name", schema_names())
def test_the_committed_schema_is_the_generated_one(name: str) -> None:
    """A changed type without a regenerated schema fails: `counterclaim config schema --write docs/schemas`."""
    assert (COMMITTED / f"{name}.schema.json").read_text(encoding="utf-8") == schema_text(name)


def test_no_schema_is_committed_that_nothing_generates() -> None:
    """A renamed schema leaves no old file behind."""
    assert {path.name for path in COMMITTED.iterdir()} == {f"{name}.schema.json" for name in schema_names()}


@pytest.mark.parametrize("name", schema_names())
def test_every_schema_is_a_schema(name: str) -> None:
    """Each is sound JSON Schema 2020-12."""
    Draft202012Validator.check_schema(schema(name))


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_on_the_wire_fits_its_schema(name: str) -> None:
    """What our codec writes is what the schema describes, and it names the version as required."""
    value = msgspec.json.decode(encode(RECORDS[name]))
    assert complaints(name, value) == []
    del value["schema"]
    assert complaints(name, value) == ["'schema' is a required property"]


def test_whatever_changes_threads_fits_one_schema() -> None:
    """Articles, ticks and commands are one record on one topic."""
    for what in (telling(1, denies()), tick(3), command("split", 1, 2), command("merge", 1, into=2)):
        assert complaints("thread-input", msgspec.json.decode(encode(ThreadInput(what=what)))) == []
    assert complaints("thread-input", {"schema": "1.0", "what": {"type": "wish"}}) != []


def test_a_record_with_unknown_fields_fits_its_schema() -> None:
    """Other readers are told the same as ours: ignore what you do not know."""
    value = msgspec.json.decode(encode(RECORDS["feed-state"]))
    assert complaints("feed-state", value | {"later": 1}) == []


def test_the_fields_of_a_record_are_described() -> None:
    """What stands under a field in the code stands beside it in the schema."""
    fields = schema("article-batch")["$defs"]["Article"]["properties"]
    assert fields["url"]["description"].startswith("Canonical URL")
    assert fields["published"]["format"] == "date-time"


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("counterclaim", "config/counterclaim.yaml"),
        ("feeds", "config/feeds.yaml"),
        ("feeds", "seeds/feeds/*.yaml"),
        ("outlets", "config/outlets.yaml"),
        ("actors", "config/actors.yaml"),
        ("rules", "config/rules/*.yaml"),
    ],
)
def test_the_shipped_files_fit_their_schemas(name: str, pattern: str) -> None:
    """An editor that follows the schema complains about nothing that we ship."""
    paths = sorted(shipped(".").glob(pattern))
    assert paths
    for path in paths:
        document = read_document(path, problems := [], missing="")
        assert document is not None
        assert (path, problems, complaints(name, document.data)) == (path, [], [])


def test_a_schema_knows_the_keys_that_the_check_knows() -> None:
    """An unknown key is underlined in an editor too."""
    assert complaints("counterclaim", {"pol": {}})
    assert complaints("feeds", {"feeds": [{"url": "ftp://x"}]})
