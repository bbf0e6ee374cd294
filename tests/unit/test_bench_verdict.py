"""The soak's verdict: what counts as growing."""

from __future__ import annotations

import pytest

from bench.polling.verdict import Tolerance, verdict

SECONDS = [5.0 * number for number in range(40)]


def test_a_leak_is_found_and_settled_memory_is_not_one() -> None:
    """Growth at the start is warming up; growth that goes on is a leak, also under noise."""
    noise = [(-1) ** number * 4.0 for number in range(40)]
    settled = [200 + min(10 * number, 150) + noise[number] for number in range(40)]
    leaking = [200 + 2.0 * number + noise[number] for number in range(40)]
    allowed = Tolerance(share=0.05, least=10)
    assert verdict("MB", SECONDS, settled, allowed).flat
    found = verdict("MB", SECONDS, leaking, allowed)
    assert not found.flat
    assert found.growth == pytest.approx(38, rel=0.1)


def test_what_shrinks_is_flat_and_no_tolerance_means_none() -> None:
    """A series of metrics more is one too many."""
    none = Tolerance(share=0, least=0)
    assert verdict("tasks", SECONDS, [100.0 - number for number in range(40)], none).flat
    assert verdict("series", SECONDS, [363.0] * 40, none).flat
    assert not verdict("series", SECONDS, [363.0] * 30 + [364.0] * 10, none).flat
