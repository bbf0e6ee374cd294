"""Article → `Story`: which of its words tell what it is about, and how much each says."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.records import Article, Flag
from pipeline.threads.story import Story


def story_of(article: Article, flags: Sequence[Flag] = ()) -> Story:
    """The story of an article. Without flags it is compared by its words alone (`backtest --all-threads`)."""
    return Story(
        id=article.id,
        language=article.language,
        when=int(article.published.timestamp()),
        terms=(),
        kinds=tuple(sorted({flag.kind for flag in flags})),
    )
