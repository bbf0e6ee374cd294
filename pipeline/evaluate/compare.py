"""Two rule sets on the same articles: flags gained, lost and changed, and how many a day. Nothing is published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal, NamedTuple

from pipeline.records import Article, Flag, Kind
from pipeline.rules import Rules

Change = Literal["gained", "lost", "changed"]

TOLD: Final = ("rule", "category", "score", "spans", "actor", "target", "claim", "historic")
"""What makes two flags different. A raised version alone does not."""


class Dated(NamedTuple):
    """An article and the day that its flags are counted for; None: no day is known."""

    day: date | None
    article: Article


@dataclass(frozen=True, slots=True)
class Difference:
    """One flag that only one of the rule sets gives, or that they give differently."""

    change: Change
    day: date | None
    article: Article
    old: Flag | None
    new: Flag | None

    @property
    def flag(self) -> Flag:
        """The new flag; of a lost one, the old."""
        found = self.new or self.old
        assert found is not None
        return found

    @property
    def what(self) -> tuple[str, ...]:
        """What changed; empty for a gained and a lost flag."""
        if self.old is None or self.new is None:
            return ()
        return tuple(name for name in TOLD if getattr(self.old, name) != getattr(self.new, name))


Volume = Counter[tuple[date | None, Kind]]
"""Flags by day and kind."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All counts, and the first differences of each rule."""

    old: str
    new: str
    """Hashes of the two rule sets."""

    articles: Counter[date | None] = field(default_factory=Counter)
    by_rule: Counter[tuple[str, Change]] = field(default_factory=Counter)
    by_language: Counter[tuple[str, Change]] = field(default_factory=Counter)
    before: Volume = field(default_factory=Counter)
    after: Volume = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    @property
    def changes(self) -> Counter[Change]:
        """How many flags are gained, lost, changed."""
        total: Counter[Change] = Counter()
        for (_, change), number in self.by_language.items():
            total[change] += number
        return total


def compare(articles: Iterable[Dated], old: Rules, new: Rules, most: int) -> Comparison:
    """Both rule sets on each article once. ``most``: differences kept of each rule and change; all are counted."""
    found = Comparison(old.hash, new.hash)
    for day, article in articles:
        before, after = old.flags(article), new.flags(article)
        found.articles[day] += 1
        found.before.update((day, flag.kind) for flag in before)
        found.after.update((day, flag.kind) for flag in after)
        for change, was, now in differences(before, after):
            one = Difference(change, day, article, was, now)
            found.by_language[article.language, change] += 1
            found.by_rule[one.flag.rule, change] += 1
            if found.by_rule[one.flag.rule, change] <= most:
                found.differences.append(one)
    return found


def differences(before: Sequence[Flag], after: Sequence[Flag]) -> Iterator[tuple[Change, Flag | None, Flag | None]]:
    """What became of an article's flags.

    Flags of one rule belong together; of the others, those of one kind that share words: such a flag has moved from one
    rule to another.
    """
    left = list(before)
    without: list[Flag] = []
    for now in after:
        was = next((flag for flag in left if flag.rule == now.rule), None)
        if was is None:
            without.append(now)
            continue
        left.remove(was)
        if _differ(was, now):
            yield "changed", was, now
    for now in without:
        was = next((flag for flag in left if flag.kind == now.kind and _share_words(flag, now)), None)
        if was is None:
            yield "gained", None, now
        else:
            left.remove(was)
            yield "changed", was, now
    for was in left:
        yield "lost", was, None


def _differ(one: Flag, other: Flag) -> bool:
    return any(getattr(one, name) != getattr(other, name) for name in TOLD)


def _share_words(one: Flag, other: Flag) -> bool:
    return any(a.field == b.field and a.start < b.end and b.start < a.end for a in one.spans for b in other.spans)
