"""What the demo must show of copies and dispute threads, and whether it did. Pure.

Threads are known by the articles that are in them: ids depend on which article came first, and that on the order of
arrival. So the last word counts: which article is an original now, what a thread is now.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.demo.expectations import Expected, ExpectedThread, Page, Verdict
from pipeline.records import Article, CopyGroup, Parties, Thread, ThreadEvent

ENTERING: Final = ("created", "joined")
"""Events that bring an article to a thread. Nobody moves one in the demo."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the topics told of copies and threads."""

    passed: Sequence[Article]
    """What `articles.deduped` carried."""

    groups: Mapping[str, CopyGroup]
    """Re-pointed groups by id, each as it is now."""

    threads: Mapping[str, Thread]
    events: Sequence[ThreadEvent]

    def copies(self) -> dict[Page, frozenset[Page]]:
        """Pages of which others are copies → these, by what is known now."""
        page_of = _pages(self.passed)
        members: dict[str, set[str]] = defaultdict(set)
        original: dict[str, str] = {}
        for article in self.passed:
            if article.copy is not None:
                members[article.copy.group] |= {article.id, article.copy.group}
                original[article.copy.group] = article.copy.original
        original |= {name: group.original for name, group in self.groups.items() if name in original}
        return {
            page_of[first]: frozenset(page_of[one] for one in members[group] if one != first)
            for group, first in original.items()
        }

    def articles(self) -> dict[str, frozenset[Page]]:
        """The pages in each thread."""
        page_of = _pages(self.passed)
        found: dict[str, set[Page]] = {name: set() for name in self.threads}
        for event in self.events:
            if event.kind in ENTERING and event.member is not None and event.member.article in page_of:
                found.setdefault(event.thread, set()).add(page_of[event.member.article])
        return {name: frozenset(pages) for name, pages in found.items()}


def compare_disputes(expected: Expected, told: Told) -> Verdict:
    """What is missing and what should not be there: copy groups, and threads with what is in them.

    A flagged article that no expected thread lists begins a thread that stays its own.
    """
    missing, unexpected = _compare_copies(expected, told)
    articles = told.articles()
    wanted = {frozenset(map(Page.read, thread.articles)): thread for thread in expected.threads}
    by_pages = {pages: name for name, pages in articles.items()}
    for pages, thread in wanted.items():
        if pages not in by_pages:
            missing.append(f"thread “{thread.name}”: {_where(pages, articles)}")
            continue
        missing += _lacks(thread, told.threads.get(by_pages[pages]), told, by_pages[pages])
    unexpected += [
        f"one thread of {_and(pages)}: they are about different things"
        for pages in by_pages
        if len(pages) > 1 and not any(pages <= one for one in wanted)
    ]
    return Verdict(tuple(missing), tuple(unexpected))


def _compare_copies(expected: Expected, told: Told) -> tuple[list[str], list[str]]:
    wanted = {Page.read(one.original): frozenset(map(Page.read, one.copies)) for one in expected.copies}
    found = told.copies()
    lacks = [
        f"{original}: original of {_and(found.get(original, ())) or 'nothing'}, expected of {_and(of)}"
        for original, of in wanted.items()
        if found.get(original) != of
    ]
    known = frozenset(page for original, of in wanted.items() for page in (original, *of))
    others = [f"{original}: original of {_and(of)}" for original, of in found.items() if not {original, *of} <= known]
    return lacks, others


def _lacks(wanted: ExpectedThread, thread: Thread | None, told: Told, name: str) -> Iterator[str]:
    """What a thread with the right articles still lacks."""
    if thread is None:
        yield f"thread “{wanted.name}”: told by events, and never published itself"
        return
    values: Mapping[str, tuple[object, object]] = {
        "state": (wanted.state, thread.state),
        "independent sources": (wanted.sources, thread.telling.independent),
        "minutes of lag": (
            wanted.lag_minutes,
            None if thread.lag_seconds is None else thread.lag_seconds / 60,
        ),
        **{
            role: (frozenset(names), _names(parties))
            for role, names, parties in (
                ("accusers", wanted.accusers, thread.accusers),
                ("accused", wanted.accused, thread.accused),
                ("deniers", wanted.deniers, thread.deniers),
            )
            if names is not None
        },
    }
    for what, (want, have) in values.items():
        if want != have:
            yield f"thread “{wanted.name}”: {what} {_said(have)}, expected {_said(want)}"
    happened = Counter(_kind(event) for event in told.events if event.thread == name)
    for kind in wanted.events:
        if not happened[kind]:
            yield f"thread “{wanted.name}”: no event {kind}"


def _kind(event: ThreadEvent) -> str:
    return f"{event.kind} {event.change}" if event.change else event.kind


def _pages(articles: Iterable[Article]) -> dict[str, Page]:
    return {article.id: Page.of(article) for article in articles}


def _names(parties: Parties) -> frozenset[str]:
    return frozenset(party.name for party in parties.named)


def _said(value: object) -> str:
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "nobody"
    return "unknown" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _where(pages: frozenset[Page], articles: Mapping[str, frozenset[Page]]) -> str:
    """Where its articles are instead."""
    parts = [_and(found & pages) for found in articles.values() if found & pages]
    return (
        f"its articles are apart or not alone: {' | '.join(parts)}" if parts else "none of its articles is in a thread"
    )


def _and(pages: Iterable[Page]) -> str:
    return ", ".join(sorted(map(str, pages)))
