"""The list of feeds that all pollers share: who may change what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import KafkaError
from pipeline.feeds.listing import (
    applied,
    as_feed,
    decode_records,
    effective,
    from_file,
    partition_of,
    reconcile,
    revived,
    wanted,
)
from pipeline.feeds.shared import DIVIDED, agreed
from pipeline.records import FeedRecord, FeedState, encode, host_of
from pipeline.settings.checks import feed_key
from pipeline.settings.models import Feed
from pipeline.topics import PAGES_REQUESTS, PAGES_RESULTS

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

urls = st.sampled_from([f"https://h{host}.example/{path}" for host in range(3) for path in ("", "a", "b")])
feeds = st.builds(
    Feed,
    url=urls,
    outlet=st.sampled_from(["Herald", "Courier"]),
    owner=st.just("Owner"),
    country=st.sampled_from(["GB", "FR"]),
    language=st.sampled_from(["en", "fr"]),
    interval_seconds=st.sampled_from([None, 600.0]),
)
lists = st.lists(feeds, unique_by=lambda one: feed_key(one.url), max_size=6)


@st.composite
def topics(draw: st.DrawFn) -> dict[str, FeedRecord]:
    """What may be on the topic."""
    return {
        feed_key(one.url): msgspec.structs.replace(
            from_file(one),
            source=draw(st.sampled_from(["file", "runtime"])),
            paused=draw(st.booleans()),
            removed=draw(st.booleans()),
            resumed=draw(st.sampled_from([None, NOW])),
        )
        for one in draw(lists)
    }


def decided(record: FeedRecord) -> bool:
    """Whether people said at run time that this is how it is."""
    return record.source == "runtime" or record.removed


@given(listed=lists, known=topics())
def test_applying_the_file_twice_changes_nothing(listed: list[Feed], known: dict[str, FeedRecord]) -> None:
    """Any number of pollers may start with the same file."""
    assert reconcile(listed, effective(listed, known)) == {}


@given(listed=lists, known=topics())
def test_what_was_decided_at_run_time_survives_the_file(listed: list[Feed], known: dict[str, FeedRecord]) -> None:
    """A feed that was added or removed stays as it is; one that was paused stays paused while it is listed."""
    after = effective(listed, known)
    keys = {feed_key(one.url) for one in listed}
    for key, record in known.items():
        if decided(record):
            assert after[key] == record
        elif key in keys:
            assert (after[key].paused, after[key].resumed) == (record.paused, record.resumed)


@given(listed=lists, known=topics())
def test_all_else_is_as_the_file_says(listed: list[Feed], known: dict[str, FeedRecord]) -> None:
    """Added, changed and removed with it; nothing is written that does not change."""
    after = effective(listed, known)
    by_key = {feed_key(one.url): one for one in listed}
    undecided = {key: as_feed(record) for key, record in after.items() if not decided(record)}
    runtime = {key for key, record in known.items() if decided(record)}
    assert undecided == {key: one for key, one in by_key.items() if key not in runtime}
    assert all(known.get(key) != record for key, record in reconcile(listed, known).items())


@given(before=lists, after=lists)
def test_a_file_that_changes_is_followed(before: list[Feed], after: list[Feed]) -> None:
    """Without decisions at run time the list is always the last file's."""
    known = effective(after, effective(before, {}))
    assert sorted(as_feed(one).url for one in known.values()) == sorted(one.url for one in after)
    assert all(wanted(one) for one in known.values())


def test_one_spelling_of_an_address_is_one_feed() -> None:
    """Another spelling in the file changes the record, and makes no second feed."""
    old, new = (
        Feed(url=url, outlet="Herald", owner="Herald", country="GB", language="en")
        for url in ("http://News.example:80/rss", "http://news.example/rss")
    )
    assert {key: record and record.url for key, record in reconcile([new], effective([old], {})).items()} == {
        "http://news.example/rss": new.url
    }


@given(path=st.text("abc/", max_size=5), partitions=st.integers(1, 64))
def test_a_hosts_feeds_are_in_one_partition(path: str, partitions: int) -> None:
    """However the address is spelt."""
    home = partition_of("https://news.example/", partitions)
    assert 0 <= home < partitions
    assert home == partition_of(f"http://NEWS.example.:8080/{path}", partitions)


@pytest.mark.parametrize(
    "spellings",
    [
        ["http://[::1]/", "http://[0:0:0:0:0:0:0:1]:8080/a", "http://[0::0001]/b"],
        ["https://[2001:DB8::A]/", "https://[2001:db8:0:0::a]/"],
        ["https://bücher.example/", "https://xn--bcher-kva.example/", "https://BÜCHER.example./"],
    ],
)
def test_a_host_has_one_spelling(spellings: list[str]) -> None:
    """An IPv6 address or a name in another script is one host, of one poller, with one limit, and one part of a key."""
    assert len({host_of(url) for url in spellings}) == 1
    assert len({partition_of(url, 1024) for url in spellings}) == 1
    assert len({feed_key(url).rpartition("/")[0].removesuffix(":8080") for url in spellings}) == 1


def test_what_is_no_host_is_none() -> None:
    """It is not a reason to end."""
    assert [host_of(url) for url in ("http://[::g]/", "http://[::1/", "nonsense", "http://\ud800.example/")] == [""] * 4


def test_partitions_do_not_depend_on_the_process() -> None:
    """The numbers are part of the contract: other pollers, and the next version, must find the same."""
    assert [partition_of(f"https://h{number}.example/", 16) for number in range(6)] == [5, 6, 3, 0, 9, 10]
    assert host_of("https://User.Example/") == "user.example"


def test_a_record_that_cannot_be_read_costs_itself() -> None:
    """The others are read."""
    good = from_file(Feed(url="https://a.example/", outlet="A", owner="A", country="GB", language="en"))
    assert decode_records({b"x": b"{", b"\xff": encode(good), b"https://a.example/": encode(good)}) == {
        "https://a.example/": good
    }


def test_resuming_outdoes_a_gone_answer_from_before_only() -> None:
    """A server that says it again afterwards is believed."""
    record = from_file(Feed(url="https://a.example/", outlet="A", owner="A", country="GB", language="en"))
    resumed = msgspec.structs.replace(record, resumed=NOW)
    state = FeedState(
        url=record.url, last_poll=NOW - timedelta(days=1), next_poll=NOW, reason="410", outcome="hard", stopped=True
    )
    later = NOW + timedelta(minutes=1)
    assert revived(state, record, later) == state
    again = revived(state, resumed, later)
    assert again is not None
    assert (again.stopped, again.next_poll) == (False, later)
    asked = msgspec.structs.replace(state, last_poll=NOW + timedelta(seconds=1))
    assert revived(asked, resumed, later) == asked
    assert revived(None, resumed, later) is None


def test_applied_changes_are_the_list() -> None:
    """A deleted key is gone."""
    record = from_file(Feed(url="https://a.example/", outlet="A", owner="A", country="GB", language="en"))
    assert applied({"a": record}, {"a": None, "b": record}) == {"b": record}


def test_topics_that_are_divided_together_have_equal_numbers_of_partitions() -> None:
    """Else a page's host would be one poller's and its feeds another's; the error says which topic has how many."""
    equal = dict.fromkeys(DIVIDED, 6)
    assert agreed(equal) == 6
    with pytest.raises(KafkaError, match=r"equal numbers of partitions: .*pages\.results has 8"):
        agreed(equal | {PAGES_RESULTS: 8})
    with pytest.raises(KafkaError, match=r"no topic pages\.requests: run `counterclaim topics apply`"):
        agreed({name: 6 for name in DIVIDED if name != PAGES_REQUESTS})
