"""Silences as a command makes them: bounded, of something, and tidied up when nothing refers to them any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipeline.cli.silences import make_silence, outdated
from pipeline.errors import UsageError
from pipeline.records import Silence
from pipeline.topics import ALERTS_RETENTION
from tests.articles import NOON
from tests.stories import silence

HOUR = timedelta(hours=1)


def test_a_silence_holds_from_now_on() -> None:
    one = make_silence("spoons", "desk", 2 * HOUR, "Ada", "known", NOON)

    assert one == Silence(
        id=one.id, query="spoons", subscription="desk", since=NOON, until=NOON + 2 * HOUR, author="Ada", comment="known"
    )
    assert make_silence("spoons", "", HOUR, "Ada", "", NOON).id != one.id


@pytest.mark.parametrize(
    ("query", "subscription", "lasts", "why"),
    [
        ("", "", HOUR, "every story for everybody"),
        (" ", "", HOUR, "every story for everybody"),
        ("(spoons", "", HOUR, "--query: "),
        ("spoons", "", timedelta(), "at least a minute"),
        ("spoons", "", timedelta(days=400), "at most 366 days"),
    ],
)
def test_a_slip_is_refused(query: str, subscription: str, lasts: timedelta, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        make_silence(query, subscription, lasts, "Ada", "", NOON)


def test_a_subscription_alone_may_be_silenced_whole() -> None:
    assert make_silence("", "desk", HOUR, "Ada", "", NOON).query == ""


def test_silences_go_when_the_alerts_that_name_them_have_gone() -> None:
    known = {name: silence(name, hours=hours) for name, hours in (("over", 1), ("holds", 2000))}

    assert outdated(known, NOON + 2 * HOUR) == []
    assert outdated(known, NOON + HOUR + ALERTS_RETENTION) == []
    assert outdated(known, NOON + 2 * HOUR + ALERTS_RETENTION) == ["over"]
