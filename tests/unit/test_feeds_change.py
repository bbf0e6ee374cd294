"""Changing the list of feeds by command: what is written, what is refused, what is left when Kafka is away half-way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import pipeline.cli.feeds_change as commands
from pipeline.cli.app import app
from pipeline.errors import KafkaError, UsageError
from pipeline.feeds.listing import applied, decode_records, from_file
from pipeline.feeds.outline import read_outline
from pipeline.feeds.shared import write_list
from pipeline.records import FeedRecord
from pipeline.settings.checks import feed_key
from pipeline.settings.models import Settings
from pipeline.topics import FEEDS
from tests.pollers import Journal, feed

PARTITIONS = 4
DEFAULTS = {"country": "GB", "language": "en"}
ABOUT = ("--outlet", "Paper", "--country", "GB", "--language", "en")


class Desk:
    """The commands, on a topic that is kept in memory; `listed` is in the operator's file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.journal = folder, Journal()
        (folder / "feeds.yaml").write_text(
            "feeds: [{url: 'https://listed.example/', outlet: L, owner: L, country: GB, language: en}]"
        )
        (folder / "counterclaim.yaml").write_text("{}")

    @property
    def known(self) -> dict[str, FeedRecord]:
        """The topic."""
        table = {key: value for topic, key, value in self.journal.records if topic == FEEDS}
        return decode_records({key: value for key, value in table.items() if value is not None})

    async def write(self, _settings: Settings, changes: commands.Changes) -> None:
        """Instead of a producer."""
        await write_list(self.journal, changes, PARTITIONS)

    def __call__(self, *words: str | Path) -> Result:
        """`counterclaim feeds …`."""
        return CliRunner().invoke(app, ["feeds", *map(str, words), "--config", str(self.folder)])

    def file(self, text: str) -> Path:
        """A list to import."""
        path = self.folder / "list.txt"
        path.write_text(text)
        return path


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A fresh one."""
    made = Desk(tmp_path)
    monkeypatch.setattr(commands, "read_list", lambda _servers: made.known)
    monkeypatch.setattr(commands, "_write", made.write)
    return made


def test_a_dry_run_writes_nothing_and_says_the_same(desk: Desk) -> None:
    """What would be added, by text and by JSON."""
    path = desk.file("https://a.example/\nhttps://listed.example/\nwrong\n")
    dry = desk("import", path, "--country", "GB", "--language", "en", "--dry-run", "--json")
    assert desk.journal.records == []
    wet = desk("import", path, "--country", "GB", "--language", "en", "--json")
    told = [json.loads(result.stdout) for result in (dry, wet)]
    assert (dry.exit_code, wet.exit_code) == (1, 1)
    assert told[0] == told[1] | {"dry_run": True}
    assert told[1] == {
        "added": ["https://a.example/"],
        "known": 1,
        "removed": [],
        "faults": [{"line": 3, "why": "'wrong' is not a feed address: it must begin with http:// or https://"}],
        "dry_run": False,
    }
    assert list(desk.known) == ["https://a.example/"]


def test_an_import_can_be_repeated(desk: Desk) -> None:
    """The second time nothing is written; what was removed since is named, and left alone."""
    path = desk.file("https://a.example/\nhttps://b.example/\n")
    words = ("import", path, "--country", "GB", "--language", "en")
    assert desk(*words).stdout == "2 feeds added; 0 were there, 0 were removed before, 0 lines are wrong\n"
    assert desk(*words).stdout == "0 feeds added; 2 were there, 0 were removed before, 0 lines are wrong\n"
    assert len(desk.journal.records) == 2
    desk("remove", "https://b.example/")
    again = desk(*words)
    assert again.stdout.endswith("0 feeds added; 1 were there, 1 were removed before, 0 lines are wrong\n")
    assert "https://b.example/: was removed, and stays so" in again.output
    assert desk.known["https://b.example/"].removed


@pytest.mark.parametrize("form", ["--opml", None])
def test_an_export_makes_the_same_list_elsewhere(desk: Desk, tmp_path: Path, form: str | None) -> None:
    """OPML by import, YAML as a file; removed feeds are in neither."""
    desk(
        "add", "https://a.example/?x=1&y=2", *ABOUT, "--owner", "Own & Co", "--interval", "900", "--full-text", "always"
    )
    desk("add", "https://b.example/", *ABOUT)
    desk("add", "https://c.example/", *ABOUT)
    desk("pause", "https://b.example/")
    desk("remove", "https://c.example/")
    text = desk("export", *filter(None, [form])).stdout
    (tmp_path / "other").mkdir()
    other = Desk(tmp_path / "other")
    if form:
        outline = read_outline(text.encode(), {})
        assert outline.faults == ()
        feeds = [one for _, one in outline.feeds]
    else:
        (other.folder / "feeds.yaml").write_text(text)
        feeds = list(commands.load_feeds(commands.load_settings(other.folder, {})))
    assert [(one.url, one.owner, one.interval_seconds, one.full_text) for one in feeds] == [
        ("https://a.example/?x=1&y=2", "Own & Co", 900, "always"),
        ("https://b.example/", "Paper", None, "never"),
        ("https://listed.example/", "L", None, "never"),
    ]


def test_each_change_says_what_it_did(desk: Desk) -> None:
    """Once; a second time there is nothing to change, and nothing is written."""
    url = "https://listed.example/"
    for words in (("pause", url), ("remove", url), ("add", url)):
        assert json.loads(desk(*words, "--json").stdout) == {"url": url, "changed": True}
        if words[0] != "remove":
            assert json.loads(desk(*words, "--json").stdout) == {"url": url, "changed": False}
            assert desk(*words).stdout == f"{url}: nothing to change\n"
    assert json.loads(desk("resume", url, "--json").stdout)["changed"]
    assert len(desk.journal.records) == 4


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("pause", "https://nowhere.example/"), "no such feed is listed"),
        (("resume", "nonsense"), "must begin with http:// or https://"),
        (("add", "https://a.example/"), "outlet is missing"),
        (("add", "https://a.example/", *ABOUT, "--interval", "-1"), "interval_seconds"),
        (("add", "https://a.example/", *ABOUT, "--full-text", "sometimes"), "full_text"),
        (("add", "https://user:secret@a.example/", *ABOUT), "user name or password"),
        (("add", "http://[fe80::1%25eth0]/", *ABOUT), "zone"),
        (("import", "missing.opml"), "cannot be read"),
    ],
)
def test_bad_input_is_refused_with_its_reason(desk: Desk, words: tuple[str, ...], why: str) -> None:
    """Exit code 2, nothing written, no secret repeated."""
    error = desk(*words).exception
    assert isinstance(error, UsageError)
    assert error.exit_code == 2
    assert why in str(error)
    assert "secret" not in str(error)
    assert desk.journal.records == []


async def test_what_kafka_did_not_take_is_counted_and_done_by_doing_it_again() -> None:
    """It went away in the middle of three thousand: what is there is there, and the same again writes the rest."""
    journal, left = Journal(), 1_000

    def refuse(_topic: str) -> bool:
        nonlocal left
        left -= 1
        return left < 0

    outline = read_outline("".join(f"https://n{number}.example/\n" for number in range(3_000)).encode(), DEFAULTS)
    journal.refuses = refuse
    with pytest.raises(KafkaError, match=r"^2000 of 3000 changes were not written \(.*away\): do the same again"):
        await write_list(journal, commands.additions(outline, {}), PARTITIONS)
    journal.refuses = lambda _topic: False
    known = decode_records({key: value for _, key, value in journal.records})
    assert len(known) == 1_000
    rest = commands.additions(outline, known)
    await write_list(journal, rest, PARTITIONS)
    assert len(journal.records) == 3_000
    assert len(applied(known, rest)) == 3_000


async def test_a_bug_while_writing_is_no_outage() -> None:
    """It is raised as it is."""
    journal = Journal()

    def refuse(_topic: str) -> bool:
        raise ZeroDivisionError

    journal.refuses = refuse
    with pytest.raises(ZeroDivisionError):
        await write_list(journal, {feed_key("https://a.example/"): from_file(feed("https://a.example/"))}, PARTITIONS)


def test_the_help_says_what_wins() -> None:
    """Who reads `feeds --help` knows what a file can still change."""
    text = " ".join(CliRunner().invoke(app, ["feeds", "--help"]).stdout.split())
    assert "What is decided by command wins over feeds.yaml, also at the next start" in text
