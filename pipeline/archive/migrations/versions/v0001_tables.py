"""The first tables, and views for dashboards."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from pipeline.archive.types import Document, UtcTime

revision = "0001"
down_revision = None

VIEWS = {
    "v_articles": """
        SELECT id, fetched, published, outlet, domain, language, title, url, source, copy_of, backlog,
               (SELECT count(*) FROM flags WHERE flags.article = articles.id) AS flags
        FROM articles""",
    "v_flags": """
        SELECT articles.fetched, articles.published, articles.outlet, articles.language, articles.title, articles.url,
               flags.article, flags.id AS flag, flags.kind, flags.category, flags.rule, flags.version, flags.score,
               flags.actor, flags.target, flags.historic,
               (SELECT evidence.quote FROM evidence WHERE evidence.article = flags.article
                AND evidence.flag = flags.id AND evidence.role = 'claim') AS claim
        FROM flags JOIN articles ON articles.id = flags.article""",
    "v_article_counts": """
        SELECT hour, outlet, language,
               sum(CASE WHEN verdict <> 'flagged' THEN articles ELSE 0 END) AS articles,
               sum(CASE WHEN verdict = 'copy' THEN articles ELSE 0 END) AS copies,
               sum(CASE WHEN verdict = 'revision' THEN articles ELSE 0 END) AS revisions,
               sum(CASE WHEN verdict = 'flagged' THEN articles ELSE 0 END) AS flagged
        FROM article_counts GROUP BY hour, outlet, language""",
    "v_threads": """
        SELECT id, language, state, claim, accusers, accused, deniers, first_activity, last_activity, lag_seconds,
               articles, copies, sources, alleging, denying
        FROM threads WHERE merged_into = ''""",
    "v_thread_events": """
        SELECT id, thread, kind, happened, processed, language, state, was, what, names, number, author
        FROM thread_events""",
    "v_alerts": """
        SELECT id, subscription, outcome, reason, thread, event, kind, language, title, first, message, fetched, decided
        FROM alerts""",
    "v_deliveries": """
        SELECT id, attempt, began, ended, subscription, channel_type, address, outcome, status, error, next_try,
               message, kind, thread
        FROM deliveries""",
}
"""What dashboards read: these names and columns stay when tables change."""


def upgrade() -> None:
    """Make everything."""
    _articles()
    _counts()
    _threads()
    _alerts()
    op.create_table(
        "forgotten",
        _key("kind", sa.Text),
        _key("name", sa.Text),
        _column("url", sa.Text),
        _column("reason", sa.Text),
        _column("at", UtcTime),
    )
    op.create_table(
        "positions",
        _key("log", sa.Text),
        _key("partition", sa.Integer),
        _column("topic", sa.Text),
        _column("next", sa.BigInteger),
    )
    op.create_table("logs", _key("id", sa.Text), _column("number", sa.Integer))
    for name, query in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")


def _articles() -> None:
    op.create_table(
        "articles",
        _key("id", sa.Text),
        _column("text_hash", sa.Text),
        *(_column(name, sa.Text) for name in ("url", "link", "feed", "outlet", "domain", "title", "lead", "body")),
        _column("authors", Document),
        _column("language", sa.Text),
        _column("published", UtcTime),
        _column("published_source", sa.Text),
        _column("fetched", UtcTime),
        _column("text_source", sa.Text),
        _column("backlog", sa.Boolean),
        _column("revision_of", sa.Text),
        _column("copy_of", sa.Text),
        _column("copy_group", sa.Text),
        _column("source", sa.Text),
        _column("ruleset", sa.Text),
        _column("flagged", UtcTime),
    )
    for name in ("fetched", "outlet", "copy_group"):
        op.create_index(f"articles_{name}", "articles", [name])
    op.create_table(
        "flags",
        sa.Column(
            "article", sa.Text, sa.ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True, nullable=False
        ),
        _key("id", sa.Text),
        _column("number", sa.Integer),
        _column("kind", sa.Text),
        _column("category", sa.Text),
        _column("rule", sa.Text),
        _column("version", sa.Integer),
        _column("score", sa.Float),
        *(_column(name, sa.Text) for name in ("actor", "actor_code", "target", "target_code")),
        _column("historic", sa.Boolean),
    )
    op.create_table(
        "evidence",
        _key("article", sa.Text),
        _key("flag", sa.Text),
        _key("number", sa.Integer),
        _column("role", sa.Text),
        _column("field", sa.Text),
        _column("start_at", sa.Integer),
        _column("end_at", sa.Integer),
        _column("quote", sa.Text),
        sa.ForeignKeyConstraint(["article", "flag"], ["flags.article", "flags.id"], ondelete="CASCADE"),
    )


def _counts() -> None:
    op.create_table(
        "article_counts",
        _key("hour", UtcTime),
        _key("outlet", sa.Text),
        _key("language", sa.Text),
        _key("verdict", sa.Text),
        _column("articles", sa.BigInteger),
    )
    op.create_table("counted", _key("mark", sa.LargeBinary(16)), _column("fetched", UtcTime), sqlite_with_rowid=False)
    op.create_index("counted_fetched", "counted", ["fetched"])


def _threads() -> None:
    op.create_table(
        "threads",
        _key("id", sa.Text),
        _column("log", sa.Integer),
        _column("position", sa.BigInteger),
        _column("revision", sa.Integer),
        _column("language", sa.Text),
        _column("state", sa.Text),
        *(_column(name, sa.Text) for name in ("claim", "accusers", "accused", "deniers")),
        _column("first_activity", UtcTime),
        _column("last_activity", UtcTime),
        sa.Column("lag_seconds", sa.BigInteger),
        *(_column(name, sa.Integer) for name in ("articles", "copies", "sources", "alleging", "denying")),
        _column("merged_into", sa.Text),
        _column("doc", Document),
    )
    op.create_index("threads_last_activity", "threads", ["last_activity"])
    op.create_table(
        "thread_events",
        _key("id", sa.Text),
        _column("thread", sa.Text),
        _column("kind", sa.Text),
        _column("happened", UtcTime),
        _column("processed", UtcTime),
        _column("language", sa.Text),
        _column("state", sa.Text),
        _column("was", sa.Text),
        _column("what", sa.Text),
        _column("names", sa.Text),
        _column("number", sa.Integer),
        _column("author", sa.Text),
        _column("comment", sa.Text),
        _column("doc", Document),
    )
    op.create_index("thread_events_thread", "thread_events", ["thread", "happened"])
    op.create_index("thread_events_happened", "thread_events", ["happened"])


def _alerts() -> None:
    op.create_table(
        "alerts",
        _key("id", sa.Text),
        _column("subscription", sa.Text),
        _column("outcome", sa.Text),
        _column("reason", sa.Text),
        _column("thread", sa.Text),
        _column("event", sa.Text),
        _column("kind", sa.Text),
        _column("language", sa.Text),
        _column("title", sa.Text),
        _column("first", sa.Boolean),
        _column("message", sa.Text),
        sa.Column("fetched", UtcTime),
        _column("decided", UtcTime),
        _column("doc", Document),
    )
    op.create_index("alerts_decided", "alerts", ["decided"])
    op.create_index("alerts_subscription", "alerts", ["subscription", "decided"])
    op.create_index("alerts_thread", "alerts", ["thread"])
    op.create_table(
        "deliveries",
        _key("id", sa.Text),
        _key("attempt", sa.Integer),
        _key("began", UtcTime),
        _column("ended", UtcTime),
        _column("subscription", sa.Text),
        _column("channel", sa.Text),
        _column("channel_type", sa.Text),
        _column("address", sa.Text),
        _column("outcome", sa.Text),
        sa.Column("status", sa.Integer),
        _column("error", sa.Text),
        sa.Column("next_try", UtcTime),
        _column("message", sa.Text),
        _column("kind", sa.Text),
        _column("thread", sa.Text),
        _column("doc", Document),
    )
    op.create_index("deliveries_ended", "deliveries", ["ended"])
    op.create_index("deliveries_message", "deliveries", ["message"])


def _column(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _key(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, nullable=False)
