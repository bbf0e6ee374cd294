"""The agents' handlers without Faust or a broker: records in, records out, what is counted and what is buried."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from prometheus_client import CollectorRegistry

from agents.copies import CopiesTable, kind_of_copy, make_copies
from agents.dedupe import make_dedupe
from agents.faust_app import options
from agents.flag import make_flag
from agents.outbox import MOST_BYTES, Outbox, Outgoing
from agents.seen import SeenTable
from agents.sensor import LagTracker
from agents.stage import BATCHES, Decode, Handler, Stage, whole
from agents.thread import make_thread, tick
from agents.thread_table import ThreadTable
from pipeline.copies.source import Sources
from pipeline.feeds.listing import partition_of
from pipeline.metrics import COPY_KINDS, Metrics
from pipeline.records import (
    Article,
    CopyOf,
    Flag,
    Flagged,
    Span,
    ThreadInput,
    batches,
    copy_groups,
    encode,
    flag_id,
    flagged,
    page_requests,
    story_events,
    thread_events,
    thread_inputs,
    threads,
)
from pipeline.settings.models import Outlet, Settings
from pipeline.threads import background
from pipeline.topics import DEAD_HEADER_BYTES, MAX_RECORD_BYTES, PAGES_REQUESTS
from tests.articles import NOON, make_article, make_batch
from tests.disputes import accuses, denies, revised, telling
from tests.unit.test_outbox import Shelf, settle

MONTH = timedelta(days=30)


@dataclass
class Record:
    """A Kafka record, as Faust hands it to an agent."""

    value: bytes
    topic: str = "articles.raw"
    partition: int = 0
    offset: int = 0
    key: bytes | None = b"herald.example"
    headers: Any = None
    timestamp: float = NOON.timestamp()


@dataclass
class Event:
    """An event of a Faust stream."""

    message: Record
    acknowledged: list[int]

    def ack(self) -> bool:
        """Note the offset."""
        self.acknowledged.append(self.message.offset)
        return True


@dataclass
class Stream:
    """A finite stream with Faust's two methods that a stage uses."""

    records: list[Record]
    acknowledged: list[int] = field(default_factory=list)

    def noack(self) -> Stream:
        """Events are acknowledged by hand."""
        return self

    async def events(self) -> AsyncIterator[Event]:
        """Each record once."""
        for record in self.records:
            yield Event(record, self.acknowledged)


@dataclass
class OneRule:
    """A rule set that finds the word "denies" in a title, and breaks on the word "bomb"."""

    hash: str = "0123456789ab"

    def flags(self, article: Article) -> tuple[Flag, ...]:
        """One denial, or none."""
        if "bomb" in article.title:
            raise RuntimeError("rule broke")
        at = article.title.find("denies")
        if at < 0:
            return ()
        spans = (Span(field="title", start=at, end=at + 6, quote="denies"),)
        return (
            Flag(
                id=flag_id(article.id, "r1", spans),
                kind="denial",
                category="denial",
                rule="r1",
                version=1,
                score=1.0,
                spans=spans,
            ),
        )


class Sent(Shelf):
    """A producer that keeps everything at once and remembers where it went."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[tuple[str, bytes | None, bytes, int | None, Any]] = []

    async def send(
        self, topic: str, key: bytes | None, value: bytes, partition: int | None, timestamp: None, headers: Any
    ) -> Any:
        """Keep it."""
        self.records.append((topic, key, value, partition, headers))
        future = await super().send(topic, key, value, partition, timestamp, headers)
        future.set_result(None)
        return future

    def on(self, topic: str) -> list[bytes]:
        """The values sent to a topic."""
        return [value for name, _, value, _, _ in self.records if name == topic]


@dataclass
class Bench:
    """One stage with a real outbox and real metrics."""

    handler: Handler[Any]
    metrics: Metrics
    decode: Decode[Any] = BATCHES
    sent: Sent = field(default_factory=Sent)

    async def play(self, *records: Record) -> list[int]:
        """Run the stage over the records; the offsets acknowledged."""
        stream = Stream(list(records))
        lag = LagTracker(self.metrics)
        stage = Stage(
            "dedupe", self.decode, self.handler, self.metrics, lag.acknowledged, lambda: NOON + timedelta(seconds=2)
        )
        await stage.run(stream, Outbox(self.sent, crash=lambda error: None))
        await settle()
        return stream.acknowledged

    def value(self, name: str, **labels: str) -> float | None:
        """A sample of the metrics."""
        return self.metrics.registry.get_sample_value(f"counterclaim_{name}", labels)


def dedupe_bench(table: dict[bytes, bytes] | None = None) -> Bench:
    """The dedupe stage over a dict."""
    metrics = Metrics(CollectorRegistry())
    seen = SeenTable({} if table is None else table, MONTH)
    return Bench(make_dedupe(seen, lambda _title, _text, declared: declared or "und", metrics), metrics)


def flag_bench() -> Bench:
    """The flag stage over one rule."""
    metrics = Metrics(CollectorRegistry())
    return Bench(make_flag(OneRule, metrics, lambda: NOON + timedelta(seconds=2), partitions=4), metrics)


async def test_dedupe_sends_what_is_new_and_counts_the_rest() -> None:
    """New articles go to articles.fresh keyed by language; a repeat is counted, acknowledged and dropped."""
    bench = dedupe_bench()
    batch = make_batch(make_article(1, language="en"), make_article(2, language="fr"))
    acknowledged = await bench.play(Record(encode(batch)), Record(encode(batch), offset=1))
    assert [key for _, key, *_ in bench.sent.records] == [b"en", b"fr"]
    assert acknowledged == [0, 1]
    assert bench.value("duplicates_total", kind="seen_again") == 2
    assert bench.value("articles_in_total", stage="dedupe") == 4
    assert bench.value("articles_out_total", stage="dedupe") == 2


async def test_a_worker_that_died_after_the_claim_sends_again() -> None:
    """The claim survives a crash, its output does not: the redelivered batch is sent as if for the first time."""
    table: dict[bytes, bytes] = {}
    record = Record(encode(make_batch(make_article(1, language="en"))))
    first, second = dedupe_bench(table), dedupe_bench(table)
    await first.play(record)
    await second.play(record)
    assert second.sent.on("articles.fresh") == first.sent.on("articles.fresh") != []


async def test_moved_partitions_are_read_from_the_table_again() -> None:
    """After a rebalance the index is built anew from what the table holds now, another worker's claims included."""
    table: dict[bytes, bytes] = {}
    ours, theirs = SeenTable(table, MONTH), SeenTable(table, MONTH)
    batch = make_batch(make_article(1))
    await ours.verdicts(make_batch(make_article(9), id="b0"), 0, 0)
    ours.drop()
    await theirs.verdicts(batch, 0, 1)
    (verdict,) = await ours.verdicts(make_batch(make_article(1), id="b2"), 0, 2)
    assert verdict.kind == "seen_again"


async def test_expired_claims_leave_the_table() -> None:
    """The table does not grow for ever: past the span its claims are deleted, with the next batch that stores one."""
    table: dict[bytes, bytes] = {}
    seen = SeenTable(table, MONTH)
    await seen.verdicts(make_batch(make_article(1), id="old"), 0, 0)
    await seen.verdicts(make_batch(make_article(2), id="new", fetched=NOON + 2 * MONTH), 0, 1)
    assert list(table) == [b"new@1"]


async def test_the_page_of_a_flagged_article_is_asked_for_where_its_feed_says_so() -> None:
    """Keyed by its host, where its host's feeds are; not of one without flags, nor where the text is the page's."""
    bench = flag_bench()
    wanted = {"full_text": "flagged", "title": "Mayor denies it"}
    await bench.play(
        Record(
            encode(
                make_batch(
                    make_article(1, **wanted, link="https://www.herald.example/1?from=rss"),
                    make_article(2, full_text="flagged"),
                    make_article(3, **wanted, text_source="page"),
                    make_article(4, title="Mayor denies it", full_text="never"),
                    make_article(5, title="Mayor denies it", full_text="always"),
                )
            ),
            topic="articles.deduped",
        )
    )
    assert len(bench.sent.on("flags")) == 4
    found = [
        (partition, key, page_requests.decode(value))
        for topic, key, value, partition, *_ in bench.sent.records
        if topic == PAGES_REQUESTS
    ]
    url = "https://www.herald.example/1?from=rss"
    assert [(partition, key, one.url, one.why, one.article.id) for partition, key, one in found] == [
        (partition_of(url, 4), b"www.herald.example", url, "flagged", f"{1:032x}")
    ]


async def test_undecodable_bytes_are_buried_and_the_stream_goes_on() -> None:
    """The dead letter has the original bytes, key and headers, and says where it came from; the next is handled."""
    bench = dedupe_bench()
    junk = Record(b"\xffjunk", offset=7, partition=3, headers=[("trace", b"t1")])
    acknowledged = await bench.play(junk, Record(encode(make_batch(make_article(1))), offset=8))
    topic, key, value, _, headers = bench.sent.records[0]
    assert (topic, key, value) == ("articles.raw.dead", b"herald.example", b"\xffjunk")
    named = dict(headers)
    assert (named["trace"], named["counterclaim-partition"], named["counterclaim-offset"]) == (b"t1", b"3", b"7")
    assert named["counterclaim-error"] == b"UndecodableError"
    assert acknowledged == [7, 8]
    assert len(bench.sent.on("articles.fresh")) == 1
    assert bench.value("dead_letters_total", topic="articles.raw") == 1


async def test_a_newer_major_version_is_buried() -> None:
    """A record of a later counterclaim is kept for it, not misread."""
    bench = dedupe_bench()
    await bench.play(Record(encode(msgspec.structs.replace(make_batch(make_article(1)), schema="2.0"))))
    ((topic, _, _, _, headers),) = bench.sent.records
    assert (topic, dict(headers)["counterclaim-error"]) == ("articles.raw.dead", b"NewerSchemaError")


async def test_one_bad_article_does_not_cost_its_batch() -> None:
    """The article that cannot be read is buried alone, with its own bytes; the others pass."""
    bench = dedupe_bench()
    raw = msgspec.json.decode(encode(make_batch(make_article(1), make_article(2))))
    raw["articles"][0]["id"] = "not hexadecimal"
    await bench.play(Record(msgspec.json.encode(raw)))
    (dead,) = bench.sent.on("articles.raw.dead")
    (fresh,) = bench.sent.on("articles.fresh")
    assert msgspec.json.decode(dead)["id"] == "not hexadecimal"
    assert [article.id for article in batches.decode(fresh).articles] == [make_article(2).id]


def of_size(size: int, number: int = 1) -> bytes:
    """A batch of one flagged article, encoded to so many bytes."""
    batch = make_batch(make_article(number, title=f"Minister {number} denies report", language="en", body=""))
    body = "n " * ((size - len(encode(batch)) - len(',"body":""')) // 2)
    (article,) = batch.articles
    return encode(msgspec.structs.replace(batch, articles=(msgspec.structs.replace(article, body=body),)))


@pytest.mark.parametrize(
    ("name", "source", "size", "results"),
    [
        ("dedupe", "articles.raw", MOST_BYTES + 50, {"articles.fresh"}),
        ("copies", "articles.fresh", MOST_BYTES - 10, {"articles.deduped"}),
        ("flag", "articles.deduped", MOST_BYTES - 10, {"flags", "threads.in"}),
    ],
)
async def test_an_article_that_grows_too_large_is_buried_and_the_stream_goes_on(
    name: str, source: str, size: int, results: set[str]
) -> None:
    """Kafka takes whatever is sent, at the largest that a topic can hold; what fits is not touched."""
    bench = {"dedupe": dedupe_bench, "copies": copies_bench, "flag": flag_bench}[name]()
    most = options(Settings(directory=Path()), [], app_id="", data_dir=Path())["producer_max_request_size"]
    values = (of_size(MAX_RECORD_BYTES - 200), of_size(size, 2), of_size(MOST_BYTES - 2_000, 3))
    records = [Record(value, offset=offset, topic=source) for offset, value in enumerate(values)]
    assert await bench.play(*records) == [0, 1, 2]
    sent: dict[str, list[bytes]] = {}
    for topic, key, value, _, headers in bench.sent.records:
        sent.setdefault(topic, []).append(value)
        room = MAX_RECORD_BYTES + (DEAD_HEADER_BYTES if topic.endswith(".dead") else 0)
        assert DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, list(headers or ())) <= min(room, most)
    assert sent[f"{source}.dead"] == [*values[:2]]
    assert {topic: len(those) for topic, those in sent.items()} == {f"{source}.dead": 2} | dict.fromkeys(results, 1)
    assert bench.value("dead_letters_total", topic=source) == 2
    assert bench.value("articles_in_total", stage="dedupe") == 3
    assert bench.value("articles_out_total", stage="dedupe") == 1


async def test_what_a_table_remembers_of_a_record_that_is_buried_lasts() -> None:
    """It was taken in; only what would not fit is held back."""
    metrics, table = (
        Metrics(CollectorRegistry()),
        CopiesTable({}, take=lambda: (Outgoing("app-copies-changelog", b"c"),)),
    )
    bench = Bench(make_copies(table, Sources([]), metrics), metrics)
    await bench.play(Record(of_size(MOST_BYTES), topic="articles.fresh"))
    assert [topic for topic, *_ in bench.sent.records] == ["app-copies-changelog", "articles.fresh.dead"]
    (headers,) = (dict(headers) for topic, _, _, _, headers in bench.sent.records if topic == "articles.fresh.dead")
    assert headers["counterclaim-error"] == b"TooLargeError"


async def test_flag_sends_one_record_a_flagged_article() -> None:
    """Flagged articles go on alone with their flags and the rule set's hash; the others are done."""
    bench = flag_bench()
    batch = make_batch(make_article(1, language="en"), make_article(2, title="Minister denies report", language="en"))
    await bench.play(Record(encode(batch), topic="articles.deduped", key=b"en"))
    (topic, key, value, _, _), (also, also_key, again, _, _) = bench.sent.records
    one, what = flagged.decode(value), thread_inputs.decode(again).what
    assert (also, also_key, what) == (
        "threads.in",
        b"en",
        Flagged(article=one.article, flags=one.flags, ruleset=one.ruleset),
    )
    assert (topic, key, one.article.id, one.ruleset) == ("flags", b"en", make_article(2).id, OneRule.hash)
    assert [flag.kind for flag in one.flags] == ["denial"]
    assert bench.value("flags_total", kind="denial", language="en") == 1
    assert bench.value("fetched_to_flagged_seconds_sum") == 2.0


async def test_a_rule_that_breaks_costs_one_article() -> None:
    """The article that no rule set could handle is buried with its bytes; the rest of its batch is flagged."""
    bench = flag_bench()
    batch = make_batch(make_article(1, title="A bomb of a rule"), make_article(2, title="Minister denies report"))
    await bench.play(Record(encode(batch), topic="articles.deduped"))
    (dead,) = bench.sent.on("articles.deduped.dead")
    assert msgspec.json.decode(dead, type=Article).id == make_article(1).id
    assert len(bench.sent.on("flags")) == 1
    assert bench.value("dead_letters_total", topic="articles.deduped") == 1


async def test_a_revision_without_flags_goes_to_the_threads_alone() -> None:
    """It may have dropped what it said; on `flags` it is nothing."""
    bench = flag_bench()
    revision = make_article(1, language="en", revision_of="0" * 16)
    await bench.play(Record(encode(make_batch(revision, make_article(2))), topic="articles.deduped", key=b"en"))
    ((topic, key, value, partition, _),) = bench.sent.records
    assert (topic, key, partition) == ("threads.in", b"en", None)
    assert thread_inputs.decode(value).what == Flagged(article=revision, flags=(), ruleset=OneRule.hash)
    assert bench.value("articles_out_total", stage="dedupe") == 0


def copies_bench(table: dict[bytes, bytes] | None = None) -> Bench:
    """The copies stage over a dict; all outlets of herald.example are one owner's."""
    metrics = Metrics(CollectorRegistry())
    outlet = Outlet(name="The Herald", owner="Herald Group", country="GB", domains=("herald.example",))
    return Bench(make_copies(CopiesTable({} if table is None else table), Sources([outlet]), metrics), metrics)


STORY = " ".join(f"word{number}" for number in range(120))


def copied_batches() -> tuple[Record, Record]:
    """A story, and a copy of it at another outlet that was published before it."""
    one = make_article(1, language="en", title="Spoons are missing", lead=STORY)
    two = make_article(
        2,
        language="en",
        title="Spoons are missing",
        lead=STORY,
        domain="courier.example",
        outlet="The Courier",
        published=NOON - timedelta(hours=1),
    )
    return tuple(  # type: ignore[return-value]
        Record(encode(make_batch(article, id=f"b{offset}", key="en")), "articles.fresh", key=b"en", offset=offset)
        for offset, article in enumerate((one, two))
    )


async def test_copies_and_sources_are_told_and_a_late_original_too() -> None:
    """Each article goes on in its batch; a group with another original is told under its id."""
    bench = copies_bench()
    await bench.play(*copied_batches())
    first, second = (batches.decode(value).articles[0] for value in bench.sent.on("articles.deduped"))
    assert (first.copy, first.source, second.source) == (None, "owner:herald-group", "domain:courier.example")
    assert second.copy is not None
    assert (second.copy.group, second.copy.original) == (first.id, second.id)
    ((key, moved),) = [(key, copy_groups.decode(v)) for topic, key, v, *_ in bench.sent.records if topic == "copies"]
    assert (key, moved.group, moved.original, moved.was) == (first.id.encode(), first.id, second.id, first.id)
    assert bench.value("copies_total", kind="late_original") == 1
    assert bench.value("index_size", index="copies") == 2


async def test_what_was_said_of_an_earlier_text_is_not_said_of_the_page() -> None:
    """The page's text comes with what its article was found to be a copy of; it is judged by itself."""
    bench = copies_bench()
    one, two = copied_batches()
    await bench.play(one, two)
    copied = batches.decode(bench.sent.on("articles.deduped")[1]).articles[0]
    assert copied.copy is not None
    page = msgspec.structs.replace(copied, lead="Quite another text, of nobody else.", revision_of=copied.text_hash)
    await bench.play(Record(encode(make_batch(page, id="b2", key="en")), "articles.fresh", key=b"en", offset=2))
    assert batches.decode(bench.sent.on("articles.deduped")[2]).articles[0].copy is None


async def test_copies_of_a_batch_that_comes_again_are_the_same() -> None:
    """A worker that died after the claim sends what it would have sent."""
    table: dict[bytes, bytes] = {}
    whole, died, again = copies_bench(), copies_bench(table), copies_bench(table)
    records = copied_batches()
    await whole.play(*records)
    await died.play(*records)
    await again.play(records[1])
    assert again.sent.records == whole.sent.records[1:]


def kinds(containment: float, contained: float) -> str:
    """The kind of a copy with these shares."""
    one, other = make_article(1).id, make_article(2).id
    copy = CopyOf(group=one, original=one, of=one, containment=containment, contained=contained, why="Alike.")
    return kind_of_copy(other, copy)


def test_a_copy_is_whole_shortened_extended_or_partial() -> None:
    """By how much of either text is in the other."""
    found = [kinds(0.9, 0.9), kinds(0.9, 0.4), kinds(0.4, 0.9), kinds(0.6, 0.6)]
    assert found == ["whole", "shortened", "extended", "partial"]
    assert set(found) < set(COPY_KINDS)


async def test_a_heartbeat_goes_through_every_stage_at_its_partition() -> None:
    """No duplicate, no copy; on `flags`, on `thread-events`, at last on `story-events`; measured by none on its way."""
    beat = encode(make_batch(make_article(1), heartbeat=2))
    dedupe, copies, flag, threads = dedupe_bench(), copies_bench(), flag_bench(), thread_bench()
    await dedupe.play(Record(beat, partition=2), Record(beat, partition=2, offset=1))
    assert [(value, partition) for _, _, value, partition, _ in dedupe.sent.records] == [(beat, 2)] * 2
    await copies.play(Record(beat, topic="articles.fresh", partition=2))
    ((topic, _, value, partition, _),) = copies.sent.records
    assert (topic, value, partition) == ("articles.deduped", beat, 2)
    await flag.play(Record(beat, topic="articles.deduped", partition=2))
    (topic, _, value, partition, _), (then, _, onwards, where, _) = flag.sent.records
    assert (topic, partition, flagged.decode(value).heartbeat) == ("flags", 2, 2)
    assert (then, where) == ("threads.in", 2)
    assert flag.value("heartbeat_seconds_count") == 0
    await threads.play(Record(onwards, topic="threads.in", partition=2))
    (topic, _, value, partition, _), (then, _, onwards, where, _) = threads.sent.records
    assert (topic, partition) == ("thread-events", 2)
    assert (then, where, story_events.decode(onwards).heartbeat) == ("story-events", 2, 2)
    event = thread_events.decode(value)
    assert (event.kind, event.heartbeat) == ("heartbeat", 2)
    assert threads.value("heartbeat_seconds_count") == 0
    assert all(bench.value("articles_out_total", stage="dedupe") == 0 for bench in (dedupe, copies, flag, threads))


def thread_bench() -> Bench:
    """The thread stage over a dict."""
    metrics = Metrics(CollectorRegistry())
    handler = make_thread(ThreadTable({}, page_partitions=4), metrics, lambda: NOON + timedelta(seconds=2))
    return Bench(handler, metrics, decode=whole(thread_inputs))


async def test_threads_are_told_asked_for_and_counted() -> None:
    """An allegation and its denial: two records of the thread, events under its id, a page asked for at its host."""
    bench = thread_bench()
    told = telling(1, accuses("Aland", "Borduria"), link="https://www.herald.example/1")
    records = [
        Record(encode(ThreadInput(what=one)), "threads.in", key=b"en", offset=offset)
        for offset, one in enumerate([told, revised(told, accuses("Aland", "Borduria"), denies("Borduria"))])
    ]
    assert await bench.play(*records) == [0, 1]
    states = [threads.decode(value).state for value in bench.sent.on("threads")]
    assert states == ["alleged", "disputed"]
    events = [thread_events.decode(value).kind for value in bench.sent.on("thread-events")]
    assert events[0] == "created"
    assert "disputed" in events
    ((key, page, partition),) = [
        (key, page_requests.decode(value), partition)
        for topic, key, value, partition, _ in bench.sent.records
        if topic == PAGES_REQUESTS
    ]
    assert (key, page.why, partition) == (b"www.herald.example", "look", partition_of(page.url, 4))
    assert bench.value("threads", state="disputed") == 1
    assert bench.value("threads", state="alleged") == 0
    assert bench.value("index_size", index="threads") == 1
    assert bench.value("articles_in_total", stage="dedupe") == 2


async def test_a_language_is_read_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second of the first article of a language: others' heartbeats go on meanwhile."""
    turned, languages = threading.Event(), []

    def prepare(language: str) -> None:
        languages.append(language)
        assert turned.wait(10), "the loop stood still"

    monkeypatch.setattr(background, "at_hand", lambda language: language in languages)
    monkeypatch.setattr(background, "prepare", prepare)
    bench = thread_bench()
    told = telling(1, accuses("Aland", "Borduria"))
    record = Record(encode(ThreadInput(what=told)), "threads.in", key=b"en", offset=0)
    asyncio.get_running_loop().call_soon(turned.set)
    assert await bench.play(record) == [0]
    assert languages == ["en"]


async def test_a_tick_is_for_its_partition_and_a_record_that_is_none_is_buried() -> None:
    """What is not an input is dead-lettered, and the stream goes on."""
    bench = thread_bench()
    record = tick(3, NOON)
    assert (record.topic, record.partition) == ("threads.in", 3)
    assert record.value is not None
    acknowledged = await bench.play(
        Record(b"{}", "threads.in", partition=3), Record(record.value, "threads.in", partition=3, offset=1)
    )
    assert acknowledged == [0, 1]
    assert [topic for topic, *_ in bench.sent.records] == ["threads.in.dead"]
    assert bench.value("dead_letters_total", topic="threads.in") == 1


def test_lag_is_what_waits_and_how_old_it_is() -> None:
    """Messages: end minus handled. Seconds: only while something waits. A partition that moved away is not told."""
    metrics = Metrics(CollectorRegistry())
    lag = LagTracker(metrics)
    lag.acknowledged(Record(b"", offset=9, timestamp=100.0))
    lag.acknowledged(Record(b"", offset=4, timestamp=100.0, partition=1))
    lag.measure([("articles.raw", 0, 25), ("articles.raw", 1, 5), ("articles.raw", 2, None)], now=160.0)
    sample = metrics.registry.get_sample_value
    assert sample("counterclaim_lag_messages", {"topic": "articles.raw", "partition": "0"}) == 15
    assert sample("counterclaim_lag_messages", {"topic": "articles.raw", "partition": "1"}) == 0
    assert sample("counterclaim_lag_messages", {"topic": "articles.raw", "partition": "2"}) is None
    assert sample("counterclaim_lag_seconds", {"topic": "articles.raw"}) == 60
    lag.lost()
    assert sample("counterclaim_lag_messages", {"topic": "articles.raw", "partition": "0"}) is None
    assert sample("counterclaim_lag_seconds", {"topic": "articles.raw"}) is None
