"""How other arrival orders differ: the measure by hand, and the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.errors import UsageError
from pipeline.evaluate.clusters import read_events
from pipeline.evaluate.orders import difference, measure_orders, orders_as_json, orders_as_text

NAME = Path("events.jsonl")
REPORT = (
    "The ferry Sand Bay sank off Port Almery at four in the morning with eighty people on board. A coastguard boat and "
    "two trawlers took all of them to the quay of Lorn, where doctors gave them blankets and soup until the evening."
)


def lines(*dates: str) -> bytes:
    """A report, the same at another outlet, and a text of its own; dated if there are dates."""
    texts = [REPORT, f"{REPORT} Divers will go down on Friday.", "Krobath accused of bribes in Tarnwick."]
    made = [{"event": place, "text": f"News of the day\n{text}"} for place, text in enumerate(texts)]
    for line, date in zip(made, dates, strict=False):
        line["published"] = date
    return "\n".join(map(json.dumps, made)).encode()


def test_the_same_groups_under_other_names_differ_in_nothing() -> None:
    """A group has the id of its first article: that changes with the order, and is no difference."""
    found = difference(["a", "a", "b"], ["c", "c", "d"])
    assert (found.f1, found.pairs, found.groups) == (1.0, 1.0, 1.0)


def test_a_difference_by_hand() -> None:
    """A group of three loses one; a group of two stays; one article was alone and joins another."""
    was, now = ["a", "a", "a", "b", "b", "c"], ["1", "1", "2", "3", "3", "2"]
    found = difference(was, now)
    assert found.recall == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1 + 1) / 6)
    assert found.precision == pytest.approx((1 + 1 + 1 / 2 + 1 + 1 + 1 / 2) / 6)
    assert found.pairs == pytest.approx(2 / 4)
    assert found.groups == pytest.approx(1 / 2)


def test_where_nothing_is_grouped_nothing_differs() -> None:
    """No division by zero, and no alarm."""
    found = difference(["a", "b"], ["c", "d"])
    assert (found.f1, found.pairs, found.groups) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("dates", "first"),
    [((), "one a minute, shuffled"), (tuple(f"2026-01-0{day}T00:00:00Z" for day in (3, 1, 2)), "as published")],
)
def test_threads_and_copies_are_measured_in_both_kinds_of_orders(dates: tuple[str, ...], first: str) -> None:
    """One pair is a copy and a thread, whichever comes first."""
    found = measure_orders(read_events(lines(*dates), NAME), None, orders=2)
    assert found.groups == {"threads": 1, "copies": 1}
    assert {each.f1 for each in found.differences.values()} == {1.0}
    text = list(orders_as_text("events.jsonl", found))
    assert text[0] == f"events.jsonl: 3 articles, first {first}; then in 2 other orders of each kind"
    assert text[-1].split() == ["copies,", "shuffled", "1.000", "1.000", "1.000", "of", "1"]
    assert orders_as_json(found)["copies"]["shuffled"]["groups"] == 1.0


def test_orders_go_with_threads() -> None:
    """Alone there is nothing that arrives."""
    ran = CliRunner().invoke(app, ["evaluate", "--orders", "2"])
    assert isinstance(ran.exception, UsageError)
    assert "--orders goes with --threads" in str(ran.exception)
