"""The records on the wire: what goes out comes back, and what cannot be read says why."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import __version__
from pipeline.errors import NewerSchemaError, RecordError, UndecodableError
from pipeline.records import (
    SCHEMA_MAJOR,
    SCHEMA_VERSION,
    Article,
    ArticleBatch,
    FeedState,
    Flag,
    FlaggedArticle,
    Mention,
    Span,
    batches,
    dead_letter,
    decode_batch,
    encode,
    feed_states,
    flag_id,
    flagged,
)

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

times = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))]),
)
texts = st.text(st.characters(codec="utf-8"), max_size=60)
hexes = st.text("0123456789abcdef", min_size=32, max_size=32)
spans = st.builds(Span, field=st.sampled_from(["title", "lead", "body"]), quote=texts)
mentions = st.none() | st.builds(Mention, name=texts, code=texts, span=spans)
articles = st.builds(
    Article,
    id=hexes,
    text_hash=hexes.map(lambda text: text[:16]),
    revision_of=st.just("") | hexes.map(lambda text: text[:16]),
    url=texts,
    domain=texts,
    title=texts,
    lead=texts,
    body=texts,
    authors=st.lists(texts, max_size=3).map(tuple),
    published=times,
    fetched=times,
)
article_batches = st.builds(
    ArticleBatch,
    schema=st.just(SCHEMA_VERSION),
    id=texts,
    key=texts,
    fetched=times,
    articles=st.lists(articles, max_size=3).map(tuple),
    heartbeat=st.none() | st.integers(0, 64),
)
flagged_articles = st.builds(
    FlaggedArticle,
    schema=st.just(SCHEMA_VERSION),
    article=articles,
    flags=st.lists(
        st.builds(
            Flag,
            id=texts,
            score=st.floats(0, 1),
            spans=st.lists(spans, max_size=2).map(tuple),
            actor=mentions,
        ),
        max_size=2,
    ).map(tuple),
    flagged=times,
    heartbeat=st.none() | st.integers(0, 64),
)
states = st.builds(
    FeedState,
    schema=st.just(SCHEMA_VERSION),
    etag=texts,
    last_poll=times,
    next_poll=times,
    last_success=st.none() | times,
    last_full_fetch=st.none() | times,
    seen=texts,
)


def article(**changes: object) -> Article:
    """A plain article, changed as told."""
    plain: dict[str, object] = {
        "id": "a" * 32,
        "text_hash": "b" * 16,
        "url": "https://news.example/1",
        "domain": "news.example",
        "title": "Ministry denies report",
        "published": NOON,
        "fetched": NOON,
    }
    return Article(**plain | changes)  # type: ignore[arg-type]  # the fields' types are the test's to choose


def batch(*carried: Article) -> ArticleBatch:
    """A batch that carries these articles."""
    return ArticleBatch(id="1", key="news.example", fetched=NOON, articles=carried, heartbeat=3)


def changed(record: ArticleBatch, **changes: object) -> bytes:
    """The record's bytes with top-level fields changed."""
    return msgspec.json.encode(msgspec.json.decode(encode(record)) | changes)


@given(article_batches)
def test_a_batch_comes_back_as_it_went(record: ArticleBatch) -> None:
    """Encoding and decoding a batch gives an equal batch, whatever is in it."""
    assert batches.decode(encode(record)) == record
    assert decode_batch(encode(record)) == (record, ())


@given(flagged_articles)
def test_a_flagged_article_comes_back_as_it_went(record: FlaggedArticle) -> None:
    """Encoding and decoding a flagged article gives an equal one."""
    assert flagged.decode(encode(record)) == record


@given(states)
def test_a_feed_state_comes_back_as_it_went(record: FeedState) -> None:
    """Encoding and decoding a feed's state gives an equal one."""
    assert feed_states.decode(encode(record)) == record


def test_the_version_is_on_the_wire_though_defaults_are_left_off() -> None:
    """A record says its schema version; a field that has its default says nothing."""
    found = msgspec.json.decode(encode(batch(article())))
    assert found["schema"] == SCHEMA_VERSION
    assert "lead" not in found["articles"][0]


def test_a_newer_major_version_is_refused_by_name() -> None:
    """A record of the next major version is refused even when this version could read it."""
    newer = f"{SCHEMA_MAJOR + 1}.0"
    with pytest.raises(NewerSchemaError) as caught:
        batches.decode(changed(batch(), schema=newer))
    assert (caught.value.record, caught.value.version, caught.value.known) == ("ArticleBatch", newer, SCHEMA_MAJOR)


def test_a_newer_major_version_that_cannot_be_read_is_still_called_newer() -> None:
    """ "Upgrade" is the answer, not "broken", when the next version changed a field's type."""
    with pytest.raises(NewerSchemaError, match=r"upgrade it"):
        decode_batch(changed(batch(), schema=f"{SCHEMA_MAJOR + 1}.0", articles={"moved": True}))


def test_a_newer_minor_version_is_read_and_its_new_fields_ignored() -> None:
    """An older reader goes on beside a newer writer: fields it does not know are passed over."""
    data = changed(batch(article()), schema=f"{SCHEMA_MAJOR}.9", priority="high")
    assert batches.decode(data).articles == (article(),)


@pytest.mark.parametrize("data", [b"", b"not JSON", b"[]", b"{}", b'"text"', b"\xff\xfe", b"null"])
def test_bytes_that_are_no_record_are_undecodable(data: bytes) -> None:
    """Whatever the bytes are, the error is one of ours and names the record."""
    with pytest.raises(UndecodableError, match="ArticleBatch"):
        batches.decode(data)


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_crash(data: bytes) -> None:
    """Any bytes at all give a record or a RecordError, which a dead letter can carry."""
    with contextlib.suppress(RecordError):
        decode_batch(data)


def test_one_bad_article_costs_itself_and_not_its_batch() -> None:
    """The articles around a bad one arrive; the bad one comes with its own bytes and the reason."""
    found = msgspec.json.decode(encode(batch(article(title="first"), article(), article(title="last"))))
    del found["articles"][1]["title"]
    good, bad = decode_batch(msgspec.json.encode(found))
    assert [one.title for one in good.articles] == ["first", "last"]
    assert good.heartbeat == 3
    (only,) = bad
    assert msgspec.json.decode(only.data) == found["articles"][1]
    assert "title" in str(only.error)


def test_an_article_with_a_naive_time_is_bad_alone() -> None:
    """A time without a zone on the wire is refused like any other fault, and costs one article."""
    found = msgspec.json.decode(encode(batch(article(), article(title="other"))))
    found["articles"][0]["published"] = "2026-03-01T12:00:00"
    good, bad = decode_batch(msgspec.json.encode(found))
    assert [one.title for one in good.articles] == ["other"]
    assert "naive" in str(bad[0].error)


@pytest.mark.parametrize("field", ["published", "fetched"])
def test_a_naive_time_is_refused_at_construction(field: str) -> None:
    """The bug shows where it is made, not where the record is read."""
    with pytest.raises(ValueError, match="naive datetime"):
        article(**{field: datetime(2026, 3, 1)})  # noqa: DTZ001 - that is the point


def test_a_dead_letter_tells_where_it_came_from_and_keeps_the_rest() -> None:
    """Bytes, key and headers are the original's; ours are added behind them."""
    letter = dead_letter(
        topic="articles.raw",
        partition=2,
        offset=41,
        key=b"news.example",
        value=b"\xff",
        headers=(("trace", b"1"),),
        error=UndecodableError("not a batch"),
    )
    assert (letter.topic, letter.key, letter.value) == ("articles.raw.dead", b"news.example", b"\xff")
    assert letter.headers[0] == ("trace", b"1")
    assert dict(letter.headers[1:]) == {
        "counterclaim-topic": b"articles.raw",
        "counterclaim-partition": b"2",
        "counterclaim-offset": b"41",
        "counterclaim-error": b"UndecodableError",
        "counterclaim-reason": b"not a batch",
        "counterclaim-version": __version__.encode(),
    }


def test_a_flags_id_follows_from_article_rule_and_span_alone() -> None:
    """The same find gives the same id in a replay; another span gives another."""
    span = Span(field="title", start=9, end=15, quote="denies")
    assert flag_id("a1", "en/deny", [span]) == flag_id("a1", "en/deny", [span])
    moved = msgspec.structs.replace(span, start=10)
    ids = {flag_id("a1", "en/deny", [span]), flag_id("a1", "en/deny", [moved]), flag_id("a2", "en/deny", [span])}
    assert len(ids) == 3
