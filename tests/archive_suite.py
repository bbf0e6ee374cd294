"""What the archive promises, as tests for any database: a subclass has the fixture `engine`, migrated and empty."""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from sqlalchemy import Engine, func, select, text

from pipeline.archive import tables
from pipeline.archive.batch import Batch
from pipeline.archive.database import check, migrate, newest
from pipeline.archive.export import TIMES, Format, export
from pipeline.archive.forget import Wanted, forget, known_outlet, remember, wanted
from pipeline.archive.keep import Keep
from pipeline.archive.prune import Pruning, prune
from pipeline.archive.report import look
from pipeline.archive.write import Place, write
from pipeline.dedupe.fingerprint import article_id
from pipeline.errors import ArchiveError
from pipeline.kafka import Message
from pipeline.settings.alerting import ArchiveSettings
from pipeline.topics import ARTICLES_DEDUPED, FLAGS, THREAD_EVENTS, THREADS
from tests.archived import LATE, TEXT, Topics, event, flagged, story_log, thread
from tests.articles import NOON, make_batch

KEPT = (
    tables.articles, tables.flags, tables.evidence, tables.article_counts, tables.threads, tables.thread_events,
    tables.alerts, tables.deliveries,
)  # fmt: skip

KEEP = Keep.at(ArchiveSettings(), LATE)


def put(engine: Engine, messages: Iterable[Message], *, keep: Keep = KEEP, log: str = "one") -> dict[str, int]:
    """Write these records in one transaction."""
    batch = Batch()
    for message in messages:
        if message.value is not None:
            batch.add(message.topic, message.value)
    with engine.begin() as connection:
        return dict(write(connection, batch, keep, thread_log=log))


def content(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is kept, in the order of the keys."""
    with engine.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in KEPT
        }


def empty(engine: Engine) -> None:
    """Remove every row."""
    with engine.begin() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(table.delete())


def cut(messages: Sequence[Message], sizes: Iterable[int]) -> Iterable[Sequence[Message]]:
    """In pieces of these sizes, again and again."""
    start = 0
    for size in itertools.cycle(sizes):
        if start >= len(messages):
            return
        yield messages[start : start + size]
        start += size


class ArchiveSuite:
    """For every database."""

    def test_the_migrations_make_the_tables_that_the_code_writes(self, engine: Engine) -> None:
        """Nothing that Alembic would still change; and a second migration has nothing to do."""
        with engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
        assert migrate(engine) == (newest(), newest())

    def test_a_newer_database_is_refused(self, engine: Engine) -> None:
        """By the check at the start, and by a migration."""
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        for work in (check, migrate):
            with pytest.raises(ArchiveError, match="newer counterclaim"):
                work(engine)

    def test_a_story_is_there_with_its_words_and_what_came_of_it(self, engine: Engine) -> None:
        """Articles as their newest text, flags and evidence of that text alone, counts, threads, events, alerts."""
        put(engine, story_log(1).messages)
        there = content(engine)
        assert {name: len(rows) for name, rows in there.items()} == {
            "articles": 3,
            "flags": 6,
            "evidence": 6 + 6 + 3 + 6,
            "article_counts": 8,
            "threads": 1,
            "thread_events": 4,
            "alerts": 4,
            "deliveries": 8,
        }
        with engine.connect() as connection:
            revised = connection.execute(select(tables.articles).where(tables.articles.c.id == f"{3:032x}")).one()
            assert (revised.title, revised.text_hash) == ("Another headline", "f" * 16)
            claims = connection.execute(text("SELECT DISTINCT claim FROM v_flags")).scalars().all()
            assert claims == [TEXT]
            counts = connection.execute(
                text("SELECT sum(articles), sum(copies), sum(revisions), sum(flagged) FROM v_article_counts")
            ).one()
            assert tuple(map(int, counts)) == (5, 1, 1, 4)
            state = connection.execute(select(tables.threads)).one()
            assert (state.articles, state.accused, state.doc["claim"]["quote"]) == (3, "Borduria", f"the {TEXT}")
            assert all(row.message for row in connection.execute(select(tables.alerts)))

    def test_times_are_aware_both_ways(self, engine: Engine) -> None:
        """A time of another zone comes back as the same moment in UTC, to the microsecond; a naive one is refused."""
        zone = timezone(timedelta(hours=5, minutes=30))
        when = datetime(2026, 3, 1, 1, 2, 3, 456789, zone)
        log = Topics.empty()
        log.put(FLAGS, flagged(1, fetched=when, published=NOON))
        put(engine, log.messages)
        with engine.connect() as connection:
            found = connection.execute(select(tables.articles.c.fetched, tables.articles.c.published)).one()
            assert found == (when, NOON)
            assert found.fetched.tzinfo is UTC
            with pytest.raises(Exception, match="naive"):
                connection.execute(select(tables.articles).where(tables.articles.c.fetched > when.replace(tzinfo=None)))

    def test_what_is_older_changes_nothing(self, engine: Engine) -> None:
        """A thread at an earlier position, an alert without its message, a delivery again, an older text."""
        messages = story_log(1).messages
        put(engine, messages)
        before = content(engine)
        for message in reversed(messages):
            written = put(engine, [message])
            assert not any(written.values()), message.topic
        assert content(engine) == before

    def test_a_new_log_is_newer_than_the_old_one(self, engine: Engine) -> None:
        """The embedded broker forgets, and positions begin anew: the thread of today is not older than yesterday's."""
        first = flagged(1).article
        log = Topics.empty()
        yesterday = log.put(THREADS, thread(first, position=500, revision=9))
        today = log.put(THREADS, thread(first, position=1, revision=1, state="alleged"))
        put(engine, [yesterday], log="one")
        put(engine, [today], log="two")
        put(engine, [yesterday], log="one")
        assert content(engine)["threads"][0][4:6] == ("en", "alleged")

    def test_an_event_is_as_it_was_first_told(self, engine: Engine) -> None:
        """A replay tells it with another clock, and in whatever order both come the first stays."""
        article = flagged(1).article
        log = Topics.empty()
        first = event(thread(article), "created", article)
        told = [log.put(THREAD_EVENTS, one) for one in (first, msgspec.structs.replace(first, processed=LATE))]
        for order in (told, told[::-1]):
            empty(engine)
            for message in order:
                put(engine, [message])
            with engine.connect() as connection:
                found = connection.execute(select(tables.thread_events.c.processed)).scalar_one()
            assert found == article.fetched

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6))
    def test_any_order_and_redelivery_gives_the_same_tables(self, engine: Engine, seed: int, sizes: list[int]) -> None:
        """Records in any order, some of them several times and in several transactions."""
        messages = story_log(2).messages
        empty(engine)
        put(engine, messages)
        wanted = content(engine)
        chance = random.Random(seed)
        shuffled = messages + chance.choices(messages, k=len(messages) // 2)
        chance.shuffle(shuffled)
        empty(engine)
        for some in cut(shuffled, sizes):
            put(engine, some)
        assert content(engine) == wanted

    def test_a_worker_that_sends_a_batch_again_counts_nothing_twice(self, engine: Engine) -> None:
        """The same articles at other offsets, or in another batch."""
        log = story_log(1)
        put(engine, log.messages)
        before = content(engine)["article_counts"]
        batches = [one for one in log.messages if one.topic == ARTICLES_DEDUPED]
        put(engine, [log.again(one) for one in batches])
        article = flagged(1, language="en").article
        put(engine, [log.put(ARTICLES_DEDUPED, make_batch(article, id="another", key="en"))])
        assert content(engine)["article_counts"] == before

    def test_characters_that_postgresql_does_not_take_cost_nothing(self, engine: Engine) -> None:
        """NUL in a text and in a document: replaced by one character, so that offsets stay."""
        log = Topics.empty()
        one = flagged(1)
        nul = msgspec.structs.replace(one.article, body=one.article.body + "\x00!")
        log.put(FLAGS, msgspec.structs.replace(one, article=nul))
        log.put(THREADS, thread(nul, title="a\x00b"))
        put(engine, log.messages)
        with engine.connect() as connection:
            assert connection.execute(select(tables.articles.c.body)).scalar_one().endswith("\ufffd!")
            assert connection.execute(select(tables.threads.c.doc)).scalar_one()["title"] == "a\ufffdb"

    def test_heartbeats_and_tombstones_leave_nothing(self, engine: Engine) -> None:
        """They pass every topic, and are no articles."""
        log = Topics.empty()
        article = flagged(1).article
        log.put(ARTICLES_DEDUPED, make_batch(article, heartbeat=1))
        log.put(FLAGS, msgspec.structs.replace(flagged(1), heartbeat=1))
        log.put("thread-events", event(thread(article), "heartbeat", article, heartbeat=1))
        log.put(THREADS, None)
        put(engine, log.messages)
        assert not any(content(engine).values())

    def test_places_only_go_forward(self, engine: Engine) -> None:
        """An archiver that was late to lose a partition cannot set it back."""
        for offset in (5, 9, 7):
            with engine.begin() as connection:
                write(connection, Batch(), KEEP, thread_log="t", places=[Place("x", FLAGS, 0, offset)])
        with engine.connect() as connection:
            assert connection.execute(select(tables.positions.c.next)).scalar_one() == 9

    def test_prune_removes_what_is_old_chunk_by_chunk(self, engine: Engine) -> None:
        """With flags and evidence; nothing that is young; and a log that is read again does not bring it back."""
        messages = story_log(2).messages
        put(engine, messages)
        before = content(engine)
        middle = NOON + timedelta(hours=1, minutes=30)
        keep = Keep(middle, middle, middle, middle, middle, middle)
        round_ = Pruning(keep, chunk=2)
        steps = 0
        while not round_.done:
            assert all(number <= 2 for number in round_.step(engine).values())
            steps += 1
        assert round_.removed["articles"] == 4
        assert steps > 8
        after = content(engine)
        assert {row[0] for row in after["articles"]} == {f"{3:032x}", f"{13:032x}"}
        assert {row[0] for row in after["flags"]} == {row[0] for row in after["articles"]}
        assert {row[0] for row in after["evidence"]} == {row[0] for row in after["articles"]}
        assert all(row in before["alerts"] for row in after["alerts"])
        put(engine, messages, keep=keep)
        assert content(engine) == after
        assert not any(prune(engine, keep).values())

    def test_marks_outlive_whatever_may_come_again(self, engine: Engine) -> None:
        """A text whose mark was pruned is too old to be counted."""
        messages = story_log(1).messages
        put(engine, messages)
        before = content(engine)["article_counts"]
        much_later = Keep.at(ArchiveSettings(), LATE + timedelta(days=60))
        prune(engine, much_later)
        with engine.connect() as connection:
            assert connection.execute(select(func.count()).select_from(tables.counted)).scalar_one() == 0
        put(engine, messages, keep=much_later)
        assert content(engine)["article_counts"] == before


def words(engine: Engine) -> str:
    """Everything that is kept, as one text."""
    return repr(content(engine))


class ForgetSuite:
    """Takedowns, for every database."""

    def test_an_article_that_was_taken_down_is_gone_and_stays_gone(self, engine: Engine) -> None:
        """Its text, flags, evidence; its quotes in threads, events, alerts and deliveries; and when all comes again."""
        messages = story_log(2).messages
        put(engine, messages)
        before = content(engine)
        what = wanted("https://herald.example/1?utm_source=x")
        assert what.name == article_id("https://herald.example/1")
        named = next(row for row in before["articles"] if row[0] == f"{1:032x}")
        removed = forget(engine, Wanted("article", named[0], named[2]), reason="asked", now=LATE)
        assert removed["articles"] == 1
        after = content(engine)
        self._without(engine, named[0])
        assert len(after["articles"]) == len(before["articles"]) - 1
        assert after["article_counts"] == before["article_counts"]
        assert [row[0] for row in after["threads"]] == [row[0] for row in before["threads"]]
        put(engine, messages)
        assert content(engine) == after
        later = flagged(1, language="en", fetched=LATE, title="Another text")
        put(engine, [story_log(0).put(FLAGS, later)])
        assert {row[0] for row in content(engine)["articles"]} == {row[0] for row in after["articles"]}
        assert not any(forget(engine, Wanted("article", named[0]), reason="", now=LATE).values())

    def _without(self, engine: Engine, article: str) -> None:
        """No quote of it, and no text."""
        with engine.connect() as connection:
            for table in (tables.threads, tables.thread_events, tables.alerts, tables.deliveries):
                for document in connection.execute(select(table.c.doc)).scalars():
                    for one in quotes(document):
                        assert bool(one["quote"]) == (one["article"] != article), table.name
            for document in connection.execute(select(tables.thread_events.c.doc)).scalars():
                member = document["member"]
                assert (TEXT in repr(member)) == (member["article"] != article)
            state = connection.execute(select(tables.threads).where(tables.threads.c.id == article)).one()
            assert (state.claim, state.doc["title"], state.doc["claim"].get("link", "")) == ("", "", "")
            told = connection.execute(select(tables.alerts).where(tables.alerts.c.thread == article)).all()
            assert {one.title for one in told} == {""}
            items = connection.execute(select(tables.deliveries.c.doc).where(tables.deliveries.c.thread == article))
            assert not any(item.get("since") for doc in items.scalars() for item in doc["message"]["items"])

    def test_an_outlet_that_was_taken_down_is_gone(self, engine: Engine) -> None:
        """Every article of it, those that come later, and its quotes in the stories of others."""
        messages = story_log(2).messages
        put(engine, messages)
        assert known_outlet(engine, "Outlet 2")
        assert not known_outlet(engine, "outlet 2")
        forget(engine, Wanted("outlet", "Outlet 2"), reason="", now=LATE)
        after = content(engine)
        assert f"{2:032x}" not in {row[0] for row in after["articles"]}
        with engine.connect() as connection:
            documents = connection.execute(select(tables.threads.c.doc)).scalars().all()
        found = [one for document in documents for one in quotes(document)]
        assert {bool(one["quote"]) for one in found if one["outlet"] == "Outlet 2"} <= {False}
        assert all(one["quote"] for one in found if one["outlet"] != "Outlet 2")
        put(engine, [*messages, story_log(0).put(FLAGS, flagged(77, outlet="Outlet 2", language="en"))])
        assert content(engine) | {"article_counts": []} == after | {"article_counts": []}  # numbers have no words

    def test_a_takedown_can_be_taken_back(self, engine: Engine) -> None:
        """What comes from now on is archived, and what is still on the topics when they are read again."""
        messages = story_log(1).messages
        put(engine, messages)
        before = content(engine)
        forget(engine, Wanted("outlet", "Outlet 1"), reason="", now=LATE)
        assert remember(engine, Wanted("outlet", "Outlet 1"))
        assert not remember(engine, Wanted("outlet", "Outlet 1"))
        put(engine, messages)
        assert content(engine)["articles"] == before["articles"]

    def test_nothing_is_left_in_the_files(self, engine: Engine) -> None:
        """A word that only one article had is in no file of the database; PostgreSQL's log keeps it for a while."""
        secret = "zanzibar-cassowary"
        log = Topics.empty()
        log.put(FLAGS, flagged(1, lead=f"A {secret}."))
        put(engine, log.messages)
        forget(engine, Wanted("article", f"{1:032x}"), reason="", now=LATE)
        assert secret not in words(engine)
        if engine.dialect.name == "sqlite":
            folder = Path(engine.url.database or "").parent
            assert [path.name for path in folder.iterdir() if secret.encode() in path.read_bytes()] == []


def quotes(value: Any) -> Iterable[dict[str, Any]]:
    """Every piece of evidence in a document."""
    if isinstance(value, dict):
        if "quote" in value and "article" in value:
            yield value
        for one in value.values():
            yield from quotes(one)
    elif isinstance(value, list):
        for one in value:
            yield from quotes(one)


class ExportSuite:
    """Exports, for every database."""

    @pytest.mark.parametrize("name", TIMES)
    def test_all_formats_have_all_rows(self, engine: Engine, name: str) -> None:
        """The same rows, times and numbers in each; documents as JSON."""
        put(engine, story_log(2).messages)
        files = {form: io.BytesIO() for form in get_args(Format)}
        number = len(content(engine)[name])
        assert {export(engine, name, form, file) for form, file in files.items()} == {number}
        lines = [json.loads(line) for line in files["jsonl"].getvalue().splitlines()]
        cells = list(csv.DictReader(io.StringIO(files["csv"].getvalue().decode(), newline="")))
        files["parquet"].seek(0)
        arrow = parquet.read_table(files["parquet"]).to_pylist()
        assert len(lines) == len(cells) == len(arrow) == number
        for line, cell, row in zip(lines, cells, arrow, strict=True):
            assert list(line) == list(cell) == list(row)
            for key, value in line.items():
                if isinstance(value, dict | list):
                    assert value == json.loads(cell[key]) == json.loads(row[key])
                elif isinstance(row[key], datetime):
                    assert datetime.fromisoformat(value) == datetime.fromisoformat(cell[key]) == row[key]
                else:
                    assert value == row[key]
                    assert cell[key] == ("" if value is None else str(value))

    def test_a_period_is_of_the_tables_own_time(self, engine: Engine) -> None:
        """From, and up to; flags go with their article."""
        put(engine, story_log(1).messages)
        out = io.BytesIO()
        hour = timedelta(hours=1)
        assert export(engine, "articles", "jsonl", out, NOON + hour, NOON + 2 * hour) == 1
        assert export(engine, "flags", "jsonl", io.BytesIO(), NOON + hour, NOON + 2 * hour) == 2
        assert json.loads(out.getvalue())["id"] == f"{2:032x}"

    def test_no_cell_is_a_formula(self, engine: Engine) -> None:
        """A headline that a spreadsheet would run is text, and numbers stay numbers."""
        log = Topics.empty()
        log.put(FLAGS, flagged(1, title="=HYPERLINK(1)", outlet="@x", language="-"))
        put(engine, log.messages)
        out = io.BytesIO()
        export(engine, "articles", "csv", out)
        (row,) = csv.DictReader(io.StringIO(out.getvalue().decode(), newline=""))
        assert (row["title"], row["outlet"], row["language"]) == ("'=HYPERLINK(1)", "'@x", "'-")
        log.put(THREADS, thread(flagged(1).article, lag_seconds=-5))
        put(engine, log.messages)
        out = io.BytesIO()
        export(engine, "threads", "csv", out)
        assert next(iter(csv.DictReader(io.StringIO(out.getvalue().decode()))))["lag_seconds"] == "-5"

    def test_a_report_counts_what_is_there(self, engine: Engine) -> None:
        """Rows and period of each table, and what was taken down."""
        put(engine, story_log(1).messages)
        forget(engine, Wanted("outlet", "Outlet 9"), reason="", now=LATE)
        found = look(engine)
        assert {one.name: one.rows for one in found.tables} == {k: len(v) for k, v in content(engine).items()}
        assert (found.tables[0].oldest, found.outlets_forgotten) == (NOON + timedelta(minutes=1), 1)
