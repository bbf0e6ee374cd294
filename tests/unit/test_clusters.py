"""B-cubed of threads: the figures, what is read, and what is said of errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.evaluate.clusters import (
    b_cubed,
    clusters_as_json,
    clusters_as_text,
    measure_threads,
    read_events,
    stories,
    threaded,
)

NAME = Path("events.jsonl")
SPILL = [
    "Orlane denies oil spill off Vellmar",
    "Vellmar oil spill: Orlane rejects blame",
    "Orlane: no oil spill off Vellmar",
]
BRIBE = ["Krobath accused of bribes in Tarnwick", "Tarnwick bribes: Krobath denies all"]


def _data() -> bytes:
    lines = [{"event": "spill", "text": f"{text}\nMore of it."} for text in SPILL]
    lines += [{"event": 2, "title": text, "text": ""} for text in BRIBE]
    return "\n".join(map(json.dumps, lines)).encode()


def test_b_cubed_is_of_each_article() -> None:
    """Events of 5, 2 and 5 articles in threads of 5 and 7, by hand; and a thread that is torn."""
    events = ["a"] * 5 + ["b"] * 2 + ["c"] * 5
    both = b_cubed(events, ["1"] * 5 + ["2"] * 7)
    assert sum(both.precision) / 12 == pytest.approx((5 * 1 + 2 * 2 / 7 + 5 * 5 / 7) / 12)
    assert set(both.recall) == {1.0}
    torn = b_cubed(["a", "a", "a", "a"], ["1", "1", "1", "2"])
    assert torn.recall == (0.75, 0.75, 0.75, 0.25)
    assert set(torn.precision) == {1.0}


def test_events_are_told_apart_and_scored() -> None:
    """Two events, five articles, no error; singletons beside it: each has its share of its event."""
    found = measure_threads(read_events(_data(), NAME), None, resamples=50, seed=1)
    assert (found.lines, found.events, found.shuffles) == (5, 2, 5)
    assert found.score.f1 == (1.0, 1.0, 1.0)
    assert found.singletons.precision.value == 1.0
    assert found.singletons.recall.value == pytest.approx(2 / 5)
    assert not found.merged
    assert not found.split
    assert clusters_as_json(found)["threads"]["f1"]["value"] == 1.0
    text = "\n".join(clusters_as_text("events.jsonl", found, 5))
    assert "5 articles of 2 events" in text
    assert "1.000 [1.000 1.000]" in text


def test_errors_are_told_by_the_labels_of_their_events() -> None:
    """One threshold that nothing reaches, and one that all reach."""
    lines = read_events(_data().replace(b'"event": 2', b'"event": "spill-2"').replace(b"Krobath", b"Orlane"), NAME)
    torn = measure_threads(lines, None, threshold=2.0, resamples=0, seed=1)
    assert torn.score.precision.value == 1.0
    assert set(torn.split) == {"spill", "spill-2"}
    all_in_one = measure_threads(lines, None, threshold=0.0, resamples=0, seed=1)
    assert all_in_one.merged == {("spill", "spill-2"): 1.0}
    assert "spill + spill-2 (100%)" in "\n".join(clusters_as_text("x", all_in_one, 1))


def test_the_first_line_is_the_title_where_none_is_given() -> None:
    """As files of events without titles have it."""
    first, *_ = read_events(_data(), NAME)
    assert (first.article.title, first.article.body) == (SPILL[0], "More of it.")


def test_the_order_of_arrival_decides_who_begins_a_thread() -> None:
    """A thread has the id of the story that came first."""
    some = stories(read_events(_data(), NAME), None)
    found, vetoes = threaded(some, [1, 0, 2, 4, 3])
    assert found == [some[1].id] * 3 + [some[4].id] * 2
    assert vetoes == 0


def test_a_wrong_line_is_named() -> None:
    """File, line, and what it should be; and a file without lines."""
    with pytest.raises(UsageError, match=r"events.jsonl:2: is not a line \{event, text"):
        read_events(b'{"event": 1, "text": "a"}\n{"text": "b"}\n', NAME)
    with pytest.raises(UsageError, match="has no lines"):
        read_events(b"\n", NAME)
