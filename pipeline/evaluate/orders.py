"""What other arrival orders do: how far threads and copy groups depend on which article was fetched first.

The log's order is the truth, and repeating it repeats everything. But the same articles might have come in another
order: feeds are polled minutes apart, or a poller was away. So the same texts arrive in a first order and in others,
and what comes of them is compared: with the groups of the first order as gold, B-cubed (see `clusters`), the share of
pairs that stay together, and the share of groups that are the same to the article.

Two kinds of other orders: each article up to `APART` later than in the first, as by polls; and wholly shuffled, as
after an outage or when archives are read in. Dated lines first arrive as they were published; lines without dates one a
minute, shuffled.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final, Literal

import msgspec

from pipeline.copies.claims import with_copies
from pipeline.copies.copies import Copies, Limits
from pipeline.evaluate.clusters import EventLine, b_cubed, stories, threaded
from pipeline.records import ArticleBatch
from pipeline.rules import Rules

APART: Final = timedelta(minutes=30)
"""Between the first and the last poll that could have brought an article: twice the usual interval."""

_MINUTE: Final = 60.0

Kind = Literal["polls", "shuffled"]
KINDS: Final[tuple[Kind, ...]] = ("polls", "shuffled")
What = Literal["threads", "copies"]
WHATS: Final[tuple[What, ...]] = ("threads", "copies")

Grouped = Sequence[str]
"""The group of each article, by its place in the file."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How the groups of other orders differ from those of the first, on average."""

    precision: float
    recall: float
    pairs: float
    """Share of the pairs of articles in one group that are together in the other order too."""

    groups: float
    """Share of the groups of several articles that are the same to the article."""

    @property
    def f1(self) -> float:
        """Of B-cubed."""
        return 2 * self.precision * self.recall / (self.precision + self.recall)


@dataclass(frozen=True, slots=True)
class Orders:
    """What came of some lines. ``groups``: of several articles, in the first order."""

    lines: int
    dated: bool
    orders: int
    groups: dict[What, int]
    differences: dict[tuple[What, Kind], Difference]


def measure_orders(lines: Sequence[EventLine], rules: Rules | None, *, orders: int) -> Orders:
    """Thread the lines, and look for copies among them, in a first order and in ``orders`` others of each kind."""
    some = stories(lines, rules)
    made: dict[What, Callable[[Sequence[int]], Grouped]] = {
        "threads": lambda order: threaded(some, order)[0],
        "copies": lambda order: _copied(lines, order),
    }
    dated = all(line.published is not None for line in lines)
    first = _times(lines, dated=dated)
    others: dict[Kind, list[list[int]]] = {
        kind: [_order(first, kind, seed) for seed in range(orders)] for kind in KINDS
    }
    groups: dict[What, int] = {}
    differences: dict[tuple[What, Kind], Difference] = {}
    for what, group in made.items():
        was = group(_by_time(first))
        groups[what] = sum(size > 1 for size in Counter(was).values())
        for kind in KINDS:
            each = [difference(was, group(order)) for order in others[kind]]
            differences[what, kind] = _mean(each)
    return Orders(len(lines), dated, orders, groups, differences)


def difference(was: Grouped, now: Grouped) -> Difference:
    """How one grouping differs from another of the same articles; without any group nothing differs."""
    scored = b_cubed(was, now)
    together = Counter(zip(was, now, strict=True))
    pairs, kept = (sum(size * (size - 1) // 2 for size in sizes.values()) for sizes in (Counter(was), together))
    before, after = _members(was), set(_members(now))
    several = [group for group in before if len(group) > 1]
    return Difference(
        precision=sum(scored.precision) / len(was),
        recall=sum(scored.recall) / len(was),
        pairs=kept / pairs if pairs else 1.0,
        groups=sum(group in after for group in several) / len(several) if several else 1.0,
    )


def orders_as_text(name: str, one: Orders) -> Iterator[str]:
    """The report of a file, line by line."""
    first = "as published" if one.dated else "one a minute, shuffled"
    yield f"{name}: {one.lines} articles, first {first}; then in {one.orders} other orders of each kind"
    yield f"{'':28}{'B-cubed F1':14}{'pairs kept':14}groups unchanged"
    for (what, kind), found in one.differences.items():
        of = f"{found.groups:.3f} of {one.groups[what]}"
        yield f"{f'{what}, {said(kind)}':28}{found.f1:<14.3f}{found.pairs:<14.3f}{of}"


def orders_as_json(one: Orders) -> dict[str, Any]:
    """The report of a file for machines."""
    found: dict[str, Any] = {"lines": one.lines, "dated": one.dated, "orders": one.orders}
    for what in WHATS:
        found[what] = {"groups": one.groups[what]}
        for kind in KINDS:
            each = one.differences[what, kind]
            found[what][kind] = {
                "precision": each.precision,
                "recall": each.recall,
                "f1": each.f1,
                "pairs": each.pairs,
                "groups": each.groups,
            }
    return found


def said(kind: Kind) -> str:
    """The kind of order in words."""
    return f"up to {APART // timedelta(minutes=1)} min apart" if kind == "polls" else "shuffled"


def _times(lines: Sequence[EventLine], *, dated: bool) -> list[float]:
    """When each line arrives in the first order, in seconds."""
    if dated:
        return [line.article.published.timestamp() for line in lines]
    times = [_MINUTE * place for place in range(len(lines))]
    Random(-1).shuffle(times)  # noqa: S311  # an order that can be repeated
    return times


def _order(times: Sequence[float], kind: Kind, seed: int) -> list[int]:
    dice = Random(seed)  # noqa: S311  # an order that can be repeated
    if kind == "shuffled":
        order = list(range(len(times)))
        dice.shuffle(order)
        return order
    return _by_time([time + dice.uniform(0, APART.total_seconds()) for time in times])


def _by_time(times: Sequence[float]) -> list[int]:
    return sorted(range(len(times)), key=lambda place: (times[place], place))


def _copied(lines: Sequence[EventLine], order: Sequence[int]) -> list[str]:
    """The copy group of each line when they arrive in this order."""
    index, groups = Copies(0, Limits(documents=len(lines))), [""] * len(lines)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for offset, place in enumerate(order):
        article = msgspec.structs.replace(lines[place].article, id=f"{place:032x}")
        batch = ArticleBatch(id=f"{offset:032x}", key=article.language, fetched=at, articles=(article,))
        (found,) = with_copies(batch, index.take(batch.id, batch, offset)).articles
        groups[place] = found.copy.group if found.copy is not None else found.id
    return groups


def _members(grouped: Grouped) -> list[frozenset[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for place, group in enumerate(grouped):
        found[group].add(place)
    return [frozenset(members) for members in found.values()]


def _mean(each: Sequence[Difference]) -> Difference:
    return Difference(
        *(sum(getattr(one, field) for one in each) / len(each) for field in ("precision", "recall", "pairs", "groups"))
    )
