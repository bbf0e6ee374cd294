"""The archive's tables. A change here needs a migration: a test compares the two.

Whatever people filter by is a column; the record as it was on the topic is `doc`. `forgotten`, `counted`,
`positions` and `logs` are the archive's own memory.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

from pipeline.archive.types import Document, UtcTime

metadata: Final = MetaData()


def _column(name: str, kind: Any, *more: Any, key: bool = False, null: bool = False) -> Column[Any]:
    return Column(name, kind, *more, primary_key=key, nullable=null)


articles: Final = Table(
    "articles",
    metadata,
    _column("id", Text, key=True),
    _column("text_hash", Text),
    _column("url", Text),
    _column("link", Text),
    _column("feed", Text),
    _column("outlet", Text),
    _column("domain", Text),
    _column("title", Text),
    _column("lead", Text),
    _column("body", Text),
    _column("authors", Document),
    _column("language", Text),
    _column("published", UtcTime),
    _column("published_source", Text),
    _column("fetched", UtcTime),
    _column("text_source", Text),
    _column("backlog", Boolean),
    _column("revision_of", Text),
    _column("copy_of", Text),
    _column("copy_group", Text),
    _column("source", Text),
    _column("ruleset", Text),
    _column("flagged", UtcTime),
    Index("articles_fetched", "fetched"),
    Index("articles_outlet", "outlet"),
    Index("articles_copy_group", "copy_group"),
)
"""Flagged articles, each as its newest flagged text."""

flags: Final = Table(
    "flags",
    metadata,
    _column("article", Text, ForeignKey("articles.id", ondelete="CASCADE"), key=True),
    _column("id", Text, key=True),
    _column("number", Integer),
    _column("kind", Text),
    _column("category", Text),
    _column("rule", Text),
    _column("version", Integer),
    _column("score", Float),
    _column("actor", Text),
    _column("actor_code", Text),
    _column("target", Text),
    _column("target_code", Text),
    _column("historic", Boolean),
)
"""What the rules found in these texts; `number` counts the flags of an article."""

evidence: Final = Table(
    "evidence",
    metadata,
    _column("article", Text, key=True),
    _column("flag", Text, key=True),
    _column("number", Integer, key=True),
    _column("role", Text),
    _column("field", Text),
    _column("start_at", Integer),
    _column("end_at", Integer),
    _column("quote", Text),
    ForeignKeyConstraint(["article", "flag"], ["flags.article", "flags.id"], ondelete="CASCADE"),
)
"""The words that show a flag: its `cue`s, who (`actor`), whom (`target`), and the `claim`. Code points of the field."""

article_counts: Final = Table(
    "article_counts",
    metadata,
    _column("hour", UtcTime, key=True),
    _column("outlet", Text, key=True),
    _column("language", Text, key=True),
    _column("verdict", Text, key=True),
    _column("articles", BigInteger),
)
"""All articles, by the hour in which they were fetched. `new`, `copy` and `revision` add up; `flagged` are those of
them that the rules flagged."""

threads: Final = Table(
    "threads",
    metadata,
    _column("id", Text, key=True),
    _column("log", Integer),
    _column("position", BigInteger),
    _column("revision", Integer),
    _column("language", Text),
    _column("state", Text),
    _column("claim", Text),
    _column("accusers", Text),
    _column("accused", Text),
    _column("deniers", Text),
    _column("first_activity", UtcTime),
    _column("last_activity", UtcTime),
    _column("lag_seconds", BigInteger, null=True),
    _column("articles", Integer),
    _column("copies", Integer),
    _column("sources", Integer),
    _column("alleging", Integer),
    _column("denying", Integer),
    _column("merged_into", Text),
    _column("doc", Document),
    Index("threads_last_activity", "last_activity"),
)
"""Dispute threads as they are, or were when they were forgotten by the workers."""

thread_events: Final = Table(
    "thread_events",
    metadata,
    _column("id", Text, key=True),
    _column("thread", Text),
    _column("kind", Text),
    _column("happened", UtcTime),
    _column("processed", UtcTime),
    _column("language", Text),
    _column("state", Text),
    _column("was", Text),
    _column("what", Text),
    _column("names", Text),
    _column("number", Integer),
    _column("author", Text),
    _column("comment", Text),
    _column("doc", Document),
    Index("thread_events_thread", "thread", "happened"),
    Index("thread_events_happened", "happened"),
)
"""What happened to threads; `happened` is event time."""

alerts: Final = Table(
    "alerts",
    metadata,
    _column("id", Text, key=True),
    _column("subscription", Text),
    _column("outcome", Text),
    _column("reason", Text),
    _column("thread", Text),
    _column("event", Text),
    _column("kind", Text),
    _column("language", Text),
    _column("title", Text),
    _column("first", Boolean),
    _column("message", Text),
    _column("fetched", UtcTime, null=True),
    _column("decided", UtcTime),
    _column("doc", Document),
    Index("alerts_decided", "decided"),
    Index("alerts_subscription", "subscription", "decided"),
    Index("alerts_thread", "thread"),
)
"""What became of each match of a subscription."""

deliveries: Final = Table(
    "deliveries",
    metadata,
    _column("id", Text, key=True),
    _column("attempt", Integer, key=True),
    _column("began", UtcTime, key=True),
    _column("ended", UtcTime),
    _column("subscription", Text),
    _column("channel", Text),
    _column("channel_type", Text),
    _column("address", Text),
    _column("outcome", Text),
    _column("status", Integer, null=True),
    _column("error", Text),
    _column("next_try", UtcTime, null=True),
    _column("message", Text),
    _column("kind", Text),
    _column("thread", Text),
    _column("doc", Document),
    Index("deliveries_ended", "ended"),
    Index("deliveries_message", "message"),
)
"""Each attempt to deliver a message."""

counted: Final = Table(
    "counted",
    metadata,
    _column("mark", LargeBinary(16), key=True),
    _column("fetched", UtcTime),
    Index("counted_fetched", "fetched"),
    sqlite_with_rowid=False,
)
"""A hash of each text that `article_counts` has, so that none is counted twice."""

forgotten: Final = Table(
    "forgotten",
    metadata,
    _column("kind", Text, key=True),
    _column("name", Text, key=True),
    _column("url", Text),
    _column("reason", Text),
    _column("at", UtcTime),
)
"""Articles (by id) and outlets (by name) that were taken down: nothing of theirs is written any more."""

positions: Final = Table(
    "positions",
    metadata,
    _column("log", Text, key=True),
    _column("partition", Integer, key=True),
    _column("topic", Text),
    _column("next", BigInteger),
)
"""How far each log was read, by the topic's id: written with the rows, so that a database that lost its last
transactions, or was restored from a backup, is read on from where it really is."""

logs: Final = Table(
    "logs",
    metadata,
    _column("id", Text, key=True),
    _column("number", Integer),
)
"""Logs that threads came from, by the topic's id and in their order: in a new log, positions begin anew."""
