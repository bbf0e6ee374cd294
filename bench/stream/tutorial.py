"""The job as Faust's tutorial writes it: a Record a topic, a Table with one key an article, ``await send``.

The rules and the language are decided by the same functions as ours; Faust's own settings and defaults are left alone,
but for what the broker needs (no topics of its own, a short session).
"""

from __future__ import annotations

from typing import Any

import faust
import msgspec

from pipeline.dedupe.language import decide_language
from pipeline.resources import shipped
from pipeline.rules import Rules, load_rules
from pipeline.topics import ARTICLES_FRESH, ARTICLES_RAW, FLAGS


class NewsArticle(faust.Record):  # type: ignore[misc]  # Faust is not followed by mypy
    """An article, as a Faust record."""

    id: str
    text_hash: str
    url: str
    link: str
    feed: str
    outlet: str
    domain: str
    title: str
    lead: str
    body: str
    language: str
    published: str
    fetched: str


class Flagged(faust.Record):  # type: ignore[misc]  # Faust is not followed by mypy
    """An article with its flags."""

    article: NewsArticle
    flags: list[dict[str, Any]]


def settings(bootstrap: str) -> dict[str, Any]:
    """What the broker at hand needs; all else as Faust has it."""
    return {
        "id": "counterclaim",
        "broker": f"kafka://{bootstrap}",
        "web_enabled": False,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "broker_session_timeout": 6.0,
        "broker_heartbeat_interval": 1.0,
    }


def two_agents(bootstrap: str) -> faust.App:
    """Deduplicate, then flag, over a topic in between: our two stages."""
    app = faust.App(**settings(bootstrap))
    rules = load_rules(shipped("config") / "rules")
    raw = app.topic(ARTICLES_RAW, value_type=NewsArticle)
    fresh = app.topic(ARTICLES_FRESH, value_type=NewsArticle)
    flags = app.topic(FLAGS, value_type=Flagged)
    seen = app.Table("seen", default=str, partitions=4)

    @app.agent(raw)  # type: ignore[untyped-decorator]  # Faust is not followed by mypy
    async def dedupe(articles: Any) -> None:
        async for article in articles:
            if seen[article.id] == article.text_hash:
                continue
            seen[article.id] = article.text_hash
            article.language = _language(article)
            await fresh.send(key=article.domain, value=article)

    @app.agent(fresh)  # type: ignore[untyped-decorator]  # Faust is not followed by mypy
    async def flag(articles: Any) -> None:
        async for article in articles:
            found = _flags(rules, article)
            if found:
                await flags.send(key=article.domain, value=Flagged(article=article, flags=found))

    return app


def one_agent(bootstrap: str) -> faust.App:
    """Both steps in one agent."""
    app = faust.App(**settings(bootstrap))
    rules = load_rules(shipped("config") / "rules")
    flags = app.topic(FLAGS, value_type=Flagged)
    seen = app.Table("seen", default=str, partitions=4)

    @app.agent(app.topic(ARTICLES_RAW, value_type=NewsArticle))  # type: ignore[untyped-decorator]  # as above
    async def dedupe_and_flag(articles: Any) -> None:
        async for article in articles:
            if seen[article.id] == article.text_hash:
                continue
            seen[article.id] = article.text_hash
            article.language = _language(article)
            found = _flags(rules, article)
            if found:
                await flags.send(key=article.domain, value=Flagged(article=article, flags=found))

    return app


def _language(article: NewsArticle) -> str:
    return decide_language(article.title, f"{article.lead} {article.body}", article.language)


def _flags(rules: Rules, article: Any) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(flag) for flag in rules.flags(article)]
