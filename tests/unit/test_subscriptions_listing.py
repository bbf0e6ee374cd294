"""Who may change what: the file adds, changes and removes its own; what was decided at run time stands."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Subscription, encode
from pipeline.records.alert import channel_key
from pipeline.records.codec import subscriptions
from pipeline.records.subscription import Apprise, Channel, Terminal, Webhook
from pipeline.sealing import Seals, is_sealed
from pipeline.subscriptions.listing import (
    applied,
    changed,
    decode_all,
    live,
    reconcile,
    sealed_elsewhere,
    sealing_like,
    secrets_of,
)
from tests.articles import NOON

LATER = NOON + timedelta(hours=1)


def record(key: str = "desk", /, **fields: object) -> Subscription:
    plain = Subscription(id=key, owner="Ada", name=key, query="", channels=(Terminal(),), source="file")
    return msgspec.structs.replace(plain, **fields)


NAMES = st.sampled_from(["a", "b", "c"])
QUERIES = st.sampled_from(["", "pipeline", "grid"])


@st.composite
def files(draw: st.DrawFn) -> list[Subscription]:
    names = draw(st.sets(NAMES))
    return [record(name, query=draw(QUERIES), name=draw(st.sampled_from(["One", "Two"]))) for name in sorted(names)]


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Subscription]:
    return {
        name: record(
            name,
            query=draw(QUERIES),
            source=draw(st.sampled_from(["file", "runtime"])),
            paused=draw(st.booleans()),
            removed=draw(st.booleans()),
            resumed=draw(st.sampled_from([None, NOON])),
            changed=draw(st.sampled_from([None, NOON])),
            schema=draw(st.sampled_from(["1.0", "1.1"])),
        )
        for name in sorted(draw(st.sets(NAMES)))
    }


@given(listed=files(), known=tables())
def test_doing_it_twice_changes_nothing(listed: list[Subscription], known: dict[str, Subscription]) -> None:
    """Whatever was there; also when the second does it at another time, and when both read before either wrote."""
    first = reconcile(listed, known, NOON)
    after = applied(known, first)

    assert reconcile(listed, after, LATER) == {}
    both = applied(after, reconcile(listed, known, LATER))
    assert reconcile(listed, both, LATER) == {}
    assert both.keys() == after.keys()


@given(listed=files(), known=tables())
def test_run_time_wins(listed: list[Subscription], known: dict[str, Subscription]) -> None:
    """No record of run time changes, none that was removed comes back, and a pause lasts."""
    after = applied(known, reconcile(listed, known, LATER))

    for name, before in known.items():
        if before.source == "runtime" or before.removed:
            assert after[name] == before
        elif name in after:
            assert (after[name].paused, after[name].resumed) == (before.paused, before.resumed)


@given(listed=files(), known=tables())
def test_all_else_follows_the_file(listed: list[Subscription], known: dict[str, Subscription]) -> None:
    after = applied(known, reconcile(listed, known, LATER))

    mine = {name: one for name, one in after.items() if one.source == "file" and not one.removed}
    theirs = {name for name, one in known.items() if one.source == "runtime" or one.removed}
    assert mine.keys() == {one.id for one in listed} - theirs
    for one in listed:
        if one.id in mine:
            assert (mine[one.id].query, mine[one.id].name) == (one.query, one.name)


def test_only_what_is_new_begins_now() -> None:
    """Another query, or one that is heard again, tells from now on; another name or channel misses nothing."""
    before = record(changed=NOON)

    assert reconcile([record()], {}, LATER)["desk"] == record(changed=LATER)
    renamed = reconcile([record(name="Desk")], {"desk": before}, LATER)["desk"]
    assert renamed is not None
    assert renamed.changed == NOON
    asked = reconcile([record(query="grid")], {"desk": before}, LATER)["desk"]
    assert asked is not None
    assert asked.changed == LATER
    assert changed(record(changed=NOON, paused=True), before, LATER).changed == LATER
    assert changed(record(changed=NOON, removed=True), before, LATER).changed == LATER
    assert changed(before, record(paused=True), LATER).changed == NOON


def test_live_is_what_is_neither_paused_nor_removed() -> None:
    assert live(record())
    assert not any(map(live, [None, record(paused=True), record(removed=True)]))


@pytest.fixture
def seals(tmp_path: Path) -> Seals:
    return Seals.open(tmp_path / "key", create=True)


def sealed(channels: tuple[Channel, ...], before: Subscription | None, seals: Seals) -> tuple[Channel, ...]:
    """Channels whose secrets are in the clear, as reading the file makes them."""
    seal = sealing_like(before, seals)
    return tuple(
        msgspec.structs.replace(one, secrets=tuple(map(seal, one.secrets)))
        if isinstance(one, Webhook)
        else msgspec.structs.replace(one, url=seal(one.url))
        if isinstance(one, Apprise)
        else one
        for one in channels
    )


PLAIN = (
    Webhook(url="https://desk.example/hook", secrets=("new", "old")),
    Apprise(url="slack://token", service="slack"),
    Terminal(),
)


def test_an_unchanged_secret_is_not_written_again(seals: Seals) -> None:
    """Though sealing is random; so a channel keeps its key, and with it its retries and what is known of it."""
    first = record(channels=sealed(PLAIN, None, seals))
    assert all(is_sealed(text) for text in secrets_of(first.channels))
    assert [seals.unseal(text) for text in secrets_of(first.channels)] == ["new", "old", "slack://token"]
    assert sealed(PLAIN, None, seals) != first.channels

    again = record(channels=sealed(PLAIN, first, seals))
    assert again == first
    assert reconcile([again], {"desk": first}, NOON) == {}


def test_a_changed_secret_is_written_and_the_others_stay(seals: Seals) -> None:
    first = record(channels=sealed(PLAIN, None, seals))
    rotated = (msgspec.structs.replace(PLAIN[0], secrets=("newer", "new")), *PLAIN[1:])

    after = record(channels=sealed(rotated, first, seals))

    assert [seals.unseal(text) for text in secrets_of(after.channels)] == ["newer", "new", "slack://token"]
    assert set(secrets_of(first.channels)) & set(secrets_of(after.channels)) == {
        *list(secrets_of(first.channels))[::2],
    }
    assert [channel_key("desk", one) for one in after.channels] == [channel_key("desk", one) for one in first.channels]
    assert reconcile([after], {"desk": first}, NOON).keys() == {"desk"}


def test_what_was_sealed_with_a_lost_key_is_sealed_again(seals: Seals, tmp_path: Path) -> None:
    first = record(channels=sealed(PLAIN, None, Seals.open(tmp_path / "lost", create=True)))

    after = record(channels=sealed(PLAIN, first, seals))

    assert [seals.unseal(text) for text in secrets_of(after.channels)] == ["new", "old", "slack://token"]


def test_what_another_key_sealed_is_named(seals: Seals, tmp_path: Path) -> None:
    """So that a machine with a key of its own is noticed when it writes, and not when messages fail."""
    other = Seals.open(tmp_path / "other", create=True)
    theirs, ours = (record(channels=sealed(PLAIN, None, one)) for one in (other, seals))
    known = {
        "theirs": theirs,
        "ours": ours,
        "gone": msgspec.structs.replace(theirs, removed=True),
        "mixed": record(channels=(*ours.channels[:1], theirs.channels[1])),
        "plain": record(),
    }

    assert sealed_elsewhere(known, seals) == ["mixed", "theirs"]


def test_what_cannot_be_read_costs_itself_only() -> None:
    table = {b"desk": encode(record()), b"broken": b"{}", b"\xff": encode(record())}

    assert decode_all(subscriptions, table) == {"desk": record()}
