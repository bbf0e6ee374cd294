"""From verdicts to what goes on: the articles that pass, each with its language, one batch a language."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from pipeline.dedupe.seen import Verdict
from pipeline.records.article import Article, ArticleBatch

LanguageOf = Callable[[str, str, str], str]
"""(title, text, declared language) → ISO 639-1 code or "und"."""


def fresh_batches(
    batch: ArticleBatch, verdicts: Sequence[Verdict], language_of: LanguageOf
) -> tuple[ArticleBatch, ...]:
    """The batches for `articles.fresh`, languages in the order they first appear, articles in the batch's order.

    A batch id is the incoming one with the language added, so a replay gives the same ids.
    """
    by_language: dict[str, list[Article]] = {}
    for article, verdict in zip(batch.articles, verdicts, strict=True):
        if not verdict.passes:
            continue
        language = language_of(article.title, f"{article.lead} {article.body}", article.language)
        passed = msgspec.structs.replace(article, language=language, revision_of=verdict.of)
        by_language.setdefault(language, []).append(passed)
    return tuple(
        msgspec.structs.replace(batch, id=f"{batch.id}.{language}", key=language, articles=tuple(articles))
        for language, articles in by_language.items()
    )
