"""Who an article's independent source is: the news agency it came from, else the owner of its outlet, else a domain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from pipeline.records import Article


class Outlet(Protocol):
    """What is read of an outlet (`pipeline.settings.Outlet`)."""

    @property
    def name(self) -> str:
        """As its feeds call it."""

    @property
    def owner(self) -> str:
        """Who controls it in the end."""

    @property
    def domains(self) -> tuple[str, ...]:
        """Registrable domains of its pages."""

    @property
    def editions(self) -> tuple[str, ...]:
        """Other names that its feeds carry."""


class Sources:
    """Gives each article its independent source key; made once from the list of outlets."""

    def __init__(self, outlets: Iterable[Outlet]) -> None:
        self._owners = {domain: outlet.owner for outlet in outlets for domain in outlet.domains}

    def of(self, article: Article) -> str:
        """`wire:<agency>`, `owner:<group>` or `domain:<registrable domain>`. Never empty."""
        owner = self._owners.get(article.domain)
        return f"owner:{owner}" if owner else f"domain:{article.domain}"
