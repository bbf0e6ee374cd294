"""What people decide at run time: each decision as the record that follows from it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from pipeline.cli.subscription_options import quiet_hours, secret_in
from pipeline.documents import strictly
from pipeline.errors import UsageError
from pipeline.records import Subscription
from pipeline.records.alert import channel_key
from pipeline.records.subscription import Apprise, Channel, Email, FeedFile, KafkaTopic, Quiet, Terminal, Webhook
from pipeline.sealing import Seals
from pipeline.settings.subscriptions import SubscriptionFields, said
from pipeline.subscriptions.editing import (
    added,
    address,
    edited,
    paused,
    removed,
    resumed,
    rotated,
    settled,
)
from tests.articles import NOON

LATER = NOON + timedelta(hours=1)
HOOK = Webhook(url="https://desk.example/hook")
MAIL = Email(to="desk@example.org")


def record(**fields: object) -> Subscription:
    plain = Subscription(id="desk", owner="Ada", name="Desk", query="", channels=(MAIL,), source="file", changed=NOON)
    return msgspec.structs.replace(plain, **fields)


def wish(*channels: Channel, **values: object) -> Subscription:
    """What a command says, checked."""
    fields = strictly(SubscriptionFields, {"id": "desk", "owner": "Ada", "name": "Desk"} | values)
    return fields.record(channels, "file")


@pytest.fixture
def seals(tmp_path: Path) -> Seals:
    return Seals.open(tmp_path / "key", create=True)


def test_what_is_added_holds_from_now_on_and_is_of_run_time() -> None:
    new = added(wish(MAIL, mode="daily", quiet=[{"since": "22:00", "until": "06:00"}]), None, NOON)

    assert new == record(source="runtime", mode="daily", quiet=(Quiet(since="22:00", until="06:00"),))


def test_what_is_there_is_not_added_and_what_was_removed_is() -> None:
    with pytest.raises(UsageError, match=r"desk: is there already.*edit desk"):
        added(wish(MAIL), record(), NOON)

    again = added(wish(MAIL), record(removed=True), LATER)

    assert again == record(source="runtime", changed=LATER, resumed=LATER)


@pytest.mark.parametrize(("channels", "why"), [([], "no channel: say --webhook"), ([MAIL, HOOK, MAIL], "already")])
def test_each_channel_is_there_once(channels: list[Webhook | Email], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        added(wish(*channels), None, NOON)


def test_an_edit_changes_what_is_given_and_leaves_the_rest() -> None:
    before = record(
        paused=True, resumed=NOON, mode="daily", at="07:00", max_per_day=3, quiet=(Quiet(since="22:00", until="23:00"),)
    )

    after = edited(before, wish(HOOK, **said(before) | {"zone": "Europe/Paris"}), (), LATER)

    assert after == msgspec.structs.replace(before, zone="Europe/Paris", channels=(MAIL, HOOK), source="runtime")


def test_only_another_query_begins_anew() -> None:
    assert edited(record(), wish(name="Night desk"), (), LATER).changed == NOON
    assert edited(record(), wish(query="grid"), (), LATER).changed == LATER


def test_an_edit_that_changes_nothing_leaves_it_the_files() -> None:
    assert edited(record(), wish(**said(record())), (), LATER) == record()


def test_channels_are_dropped_by_their_keys() -> None:
    before = record(channels=(MAIL, HOOK))

    assert edited(before, wish(), [channel_key("desk", MAIL)], LATER).channels == (HOOK,)
    with pytest.raises(UsageError, match="no channel 0000"):
        edited(before, wish(), ["0000"], LATER)
    with pytest.raises(UsageError, match="has no channel: say"):
        edited(record(), wish(), [channel_key("desk", MAIL)], LATER)
    with pytest.raises(UsageError, match=r"email desk@example\.org already"):
        edited(before, wish(MAIL), (), LATER)


def test_pausing_resuming_and_removing_leave_it_the_files() -> None:
    assert paused(record()) == record(paused=True)
    assert removed(record()) == record(removed=True)
    for stopped in (record(paused=True), record(removed=True)):
        assert resumed(stopped, LATER) == record(resumed=LATER, changed=LATER)


def test_resuming_what_is_live_tries_disabled_channels_again_and_misses_nothing() -> None:
    assert resumed(record(), LATER) == record(resumed=LATER)


def test_a_rotation_signs_with_both_until_it_is_finished(seals: Seals) -> None:
    other = Webhook(url="https://other.example", secrets=(seals.seal("mine"),))
    before = record(channels=(msgspec.structs.replace(HOOK, secrets=(seals.seal("old"),)), MAIL, other))

    both = rotated(before, HOOK.url, "new", seals)
    third = rotated(both, HOOK.url, "newer", seals)
    done = settled(third, HOOK.url)

    def open_(one: Subscription) -> list[list[str]]:
        return [[seals.unseal(text) for text in hook.secrets] for hook in one.channels if isinstance(hook, Webhook)]

    assert open_(both) == [["new", "old"], ["mine"]]
    assert open_(third) == [["newer", "new"], ["mine"]]
    assert open_(done) == [["newer"], ["mine"]]
    assert {one.source for one in (both, third, done)} == {"runtime"}
    assert done.changed == before.changed
    assert settled(done, None) == done
    assert settled(before, None) == before
    assert open_(rotated(before, None, "all", seals)) == [["all", "old"], ["all", "mine"]]
    with pytest.raises(UsageError, match="in use"):
        rotated(before, HOOK.url, "old", seals)
    with pytest.raises(UsageError, match=r"desk: has no webhook https://none\.example"):
        rotated(before, "https://none.example", "new", seals)


def test_a_rotation_drops_what_was_sealed_with_a_lost_key(seals: Seals, tmp_path: Path) -> None:
    lost = Seals.open(tmp_path / "lost", create=True).seal("old")

    (hook,) = rotated(record(channels=(Webhook(url=HOOK.url, secrets=(lost,)),)), None, "new", seals).channels

    assert isinstance(hook, Webhook)
    assert [seals.unseal(text) for text in hook.secrets] == ["new"]


def test_an_address_shows_no_secret() -> None:
    channels = (
        msgspec.structs.replace(HOOK, secrets=("sealed:secret",)), MAIL, Apprise(url="sealed:secret", service="slack"),
        FeedFile(), Terminal(), KafkaTopic(topic="desk.alerts"),
    )  # fmt: skip

    assert [address(one) for one in channels] == [
        "webhook https://desk.example/hook",
        "email desk@example.org",
        "apprise slack",
        "feed",
        "stdout",
        "kafka desk.alerts",
    ]


def test_a_secret_of_ones_own_is_read_and_never_shown(tmp_path: Path) -> None:
    mine = "whsec_" + "A" * 32
    (tmp_path / "good").write_text(f"{mine}\n")
    (tmp_path / "bad").write_text("hunter2")

    assert secret_in(tmp_path / "good") == mine
    for name in ("bad", "none"):
        with pytest.raises(UsageError, match="--secret-file: ") as caught:
            secret_in(tmp_path / name)
        assert "hunter2" not in str(caught.value)


def test_hours_are_written_as_people_say_them() -> None:
    assert quiet_hours(["22:00-06:30", "12:00 - 13:00"]) == [
        {"since": "22:00", "until": "06:30"},
        {"since": "12:00", "until": "13:00"},
    ]
    with pytest.raises(UsageError, match="say 22:00-06:30"):
        quiet_hours(["22:00"])
