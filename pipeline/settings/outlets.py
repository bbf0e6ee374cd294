"""What is known of outlets: who owns them, where they are, which domains are theirs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pipeline.documents import Document, Where, check, read_document
from pipeline.errors import Problem
from pipeline.settings.feeds import Listed
from pipeline.settings.models import Outlet, OutletsFile


def read_outlets(path: Path, problems: list[Problem]) -> tuple[Outlet, ...]:
    """The outlets of ``path``; no name, edition, credit or domain may belong to two."""
    document = read_document(path, problems, missing="write it, or name another as outlets_file in counterclaim.yaml")
    if document is None or (checked := check(document, OutletsFile, problems)) is None:
        return ()
    names: dict[str, Where] = {}
    domains: dict[str, Where] = {}
    credited: dict[str, Where] = {}
    for position, outlet in enumerate(checked.outlets):
        where: Where = ("outlets", position)
        for name in (outlet.name, *outlet.editions):
            _once(document, names, name.casefold(), where, f"outlet {name!r}", problems)
        for domain in outlet.domains:
            _once(document, domains, domain, where, f"domain {domain!r}", problems)
        for name in outlet.credits:
            _once(document, credited, name, where, f"credit {name!r}", problems)
    return checked.outlets


def _once(
    document: Document, taken: dict[str, Where], key: str, where: Where, what: str, problems: list[Problem]
) -> None:
    if key in taken:
        message = f"{what} is at {document.place(taken[key])} already: remove one of them"
        problems.append(Problem(document.file, document.line(where), message))
    taken.setdefault(key, where)


def contradictions(feeds: Iterable[Listed], outlets: Iterable[Outlet]) -> list[Problem]:
    """Feeds that say another owner than the list of outlets does: independent sources are counted by owner.

    An outlet that the list does not know is fine: then what the feed says is all there is.
    """
    known = {name: outlet for outlet in outlets for name in (outlet.name, *outlet.editions)}
    found: list[Problem] = []
    for listed in feeds:
        feed, outlet = listed.feed, known.get(listed.feed.outlet)
        if outlet is not None and outlet.owner != feed.owner:
            message = (
                f"feed {feed.url!r} says that {feed.outlet} belongs to {feed.owner!r}; "
                f"the list of outlets says {outlet.owner!r}: correct one of them"
            )
            found.append(Problem(listed.file, listed.line, message))
    return found
