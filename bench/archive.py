"""What archiving costs: records a second into SQLite and PostgreSQL, beside a loop of one row a transaction.

    python -m bench.archive [STORIES]      default 300; JSON goes to bench/out/archive.json

One process, no Kafka: the bytes of a log of stories (30 records each: articles, flags, threads, events, alerts and
deliveries; short texts, for the words are the smaller part of the work) are decoded and written, in batches of
`archive.batch`. The naive loop does what one would write first: each
record is decoded, and each of its rows inserted or replaced (`INSERT … ON CONFLICT DO UPDATE`) in a transaction of its
own, on the same tables and with the same settings. It counts twice what comes twice. All contenders in turn, each on an
empty database of its own. PostgreSQL (Debian's package) is started for it, with fsync as it comes.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.archive import rows, tables
from pipeline.archive.batch import Batch
from pipeline.archive.database import connect, migrate
from pipeline.archive.keep import Keep
from pipeline.archive.write import write
from pipeline.kafka import Message
from pipeline.records import alerts, batches, deliveries, flagged, thread_events, threads
from pipeline.settings.alerting import ArchiveSettings
from pipeline.topics import ALERTS, ARTICLES_DEDUPED, DELIVERIES, FLAGS, THREAD_EVENTS, THREADS
from tests.archived import LATE, story_log
from tests.databases import QUICK, postgres

OUT = Path("bench/out/archive.json")
RUNS = 3
NAIVE_SHARE = 10
"""The naive loop gets a tenth of the stories: on a disk it would take minutes."""

KEEP = Keep.at(ArchiveSettings(), LATE)


def ours(engine: Engine, messages: Sequence[Message]) -> None:
    """As the archiver writes."""
    size = ArchiveSettings().batch
    for start in range(0, len(messages), size):
        batch = Batch()
        for message in messages[start : start + size]:
            assert message.value is not None
            batch.add(message.topic, message.value)
        with engine.begin() as connection:
            write(connection, batch, KEEP, thread_log="bench")


def naive(engine: Engine, messages: Sequence[Message]) -> None:
    """One row, one transaction."""
    insert: Any = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
    for message in messages:
        for table, row in rows_of(message):
            keys = [column.name for column in table.primary_key]
            statement = insert(table)
            changed = {name: statement.excluded[name] for name in row if name not in keys}
            statement = statement.on_conflict_do_update(index_elements=keys, set_=changed)
            if table is tables.article_counts:
                more = {"articles": table.c.articles + 1}
                statement = insert(table).on_conflict_do_update(index_elements=keys, set_=more)
            with engine.begin() as connection:
                connection.execute(statement, row)


def rows_of(message: Message) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The rows of a record."""
    value = message.value
    assert value is not None
    match message.topic:
        case str(topic) if topic == ARTICLES_DEDUPED:
            for article in batches.decode(value).articles:
                key = {"hour": rows.hour(article), "outlet": article.outlet, "language": article.language}
                yield tables.article_counts, key | {"verdict": rows.verdict(article), "articles": 1}
        case str(topic) if topic == FLAGS:
            one = flagged.decode(value)
            yield tables.articles, rows.article(one)
            yield from ((tables.flags, row) for row in rows.flags(one))
            yield from ((tables.evidence, row) for row in rows.evidence(one))
        case str(topic) if topic == THREADS:
            yield tables.threads, rows.thread(threads.decode(value), 1)
        case str(topic) if topic == THREAD_EVENTS:
            yield tables.thread_events, rows.event(thread_events.decode(value))
        case str(topic) if topic == ALERTS:
            yield tables.alerts, rows.alert(alerts.decode(value))
        case str(topic) if topic == DELIVERIES:
            yield tables.deliveries, rows.delivery(deliveries.decode(value))


def timed(work: Callable[[Engine, Sequence[Message]], None], url: str, messages: Sequence[Message]) -> dict[str, float]:
    """Records and rows a second, by the clock on the wall: most of it is waiting for the disk."""
    engine = connect(url)
    migrate(engine)
    began = time.perf_counter()
    work(engine, messages)
    seconds = time.perf_counter() - began
    with engine.connect() as connection:
        kept = ("articles", "flags", "evidence", "article_counts", "threads", "thread_events", "alerts", "deliveries")
        number = sum(connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in kept)
    engine.dispose()
    return {"records_per_second": round(len(messages) / seconds), "rows_per_second": round(number / seconds)}


def main(stories: int) -> dict[str, Any]:
    """All contenders, in turn; medians."""
    log = story_log(stories).messages
    few = story_log(max(1, stories // NAIVE_SHARE)).messages
    found: dict[str, list[dict[str, float]]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="counterclaim-bench-")))
        QUICK.clear()
        server = stack.enter_context(postgres())
        for run in range(RUNS):
            for name, work, messages in (("ours", ours, log), ("naive", naive, few)):
                file = folder / f"{name}{run}.db"
                found.setdefault(f"sqlite, {name}", []).append(timed(work, f"sqlite:///{file}", messages))
                found.setdefault(f"postgresql, {name}", []).append(timed(work, server.database(), messages))
                print(name, {key: values[-1] for key, values in found.items()}, file=sys.stderr, flush=True)
        os.sync()
    middle = {
        name: {key: sorted(one[key] for one in runs)[RUNS // 2] for key in runs[0]} for name, runs in found.items()
    }
    ratios = {
        kind: round(middle[f"{kind}, ours"]["rows_per_second"] / middle[f"{kind}, naive"]["rows_per_second"], 1)
        for kind in ("sqlite", "postgresql")
    }
    return {"records": len(log), "medians": middle, "times_the_naive_loop": ratios}


if __name__ == "__main__":
    result = main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2))
    print(json.dumps(result, indent=2))
