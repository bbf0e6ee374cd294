"""A copy group whose original turned out to be another article."""

from __future__ import annotations

from datetime import datetime

from pipeline.records.article import ArticleId
from pipeline.records.values import Record, require_aware


class CopyGroup(Record, frozen=True, kw_only=True):
    """A re-point: an article of the group came late, and was published before what was shown as the original."""

    group: ArticleId
    """Id of the group's first article in log order, and the record's key. Never changes."""

    original: ArticleId
    """Earliest published member known now."""

    was: ArticleId
    """What was the original until now."""

    published: datetime
    """When the new original was published."""

    at: datetime
    """When the poll that brought it fetched its feed."""

    url: str
    """Canonical URL of the new original."""

    outlet: str = ""
    """Its outlet."""

    def __post_init__(self) -> None:
        require_aware(self.published, self.at)
