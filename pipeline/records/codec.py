"""The one codec: frozen structs to JSON bytes and back, for kafka-python and Faust alike.

JSON by msgspec: a few microseconds an article, and readable on the wire with any Kafka tool.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from pipeline.errors import NewerSchemaError, RecordError, UndecodableError
from pipeline.records.alert import Alert, DeliverInput, Delivery, StoryEvent
from pipeline.records.article import Article, ArticleBatch
from pipeline.records.copy import CopyGroup
from pipeline.records.feed import FeedRecord, FeedState
from pipeline.records.flag import FlaggedArticle
from pipeline.records.page import PageRequest, PageResult
from pipeline.records.subscription import Silence, Subscription, SubscriptionState
from pipeline.records.thread import Thread, ThreadEvent, ThreadInput
from pipeline.records.values import SCHEMA_MAJOR, Record

R = TypeVar("R", bound=Record)

_encoder = msgspec.json.Encoder()


def encode(record: Record) -> bytes:
    """A record's bytes as they go on the wire (compact JSON, UTF-8)."""
    return _encoder.encode(record)


class Codec(Generic[R]):
    """Reads one type of record."""

    def __init__(self, record: type[R]) -> None:
        self.record = record
        self._decoder = msgspec.json.Decoder(record)

    def decode(self, data: bytes) -> R:
        """The record in ``data``.

        Raises:
            NewerSchemaError: it was written by a newer major version.
            UndecodableError: it is not JSON, or not this record.
        """
        try:
            record = self._decoder.decode(data)
        except (msgspec.DecodeError, ValueError) as error:
            _refuse_newer(self.record.__name__, _version(data))
            raise UndecodableError(f"not a {self.record.__name__}: {error}") from error
        _refuse_newer(self.record.__name__, record.schema)
        return record


class _Head(msgspec.Struct):
    schema: str = ""


_head = msgspec.json.Decoder(_Head)


def _version(data: bytes) -> str:
    try:
        return _head.decode(data).schema
    except (msgspec.DecodeError, ValueError):
        return ""  # not even an object with a version: the caller reports the first error, which says more


def _refuse_newer(name: str, version: str) -> None:
    major = version.partition(".")[0]
    if major.isdecimal() and int(major) > SCHEMA_MAJOR:
        raise NewerSchemaError(name, version, SCHEMA_MAJOR)


batches = Codec(ArticleBatch)
flagged = Codec(FlaggedArticle)
feed_records = Codec(FeedRecord)
feed_states = Codec(FeedState)
page_requests = Codec(PageRequest)
page_results = Codec(PageResult)
copy_groups = Codec(CopyGroup)
threads = Codec(Thread)
thread_events = Codec(ThreadEvent)
thread_inputs = Codec(ThreadInput)
story_events = Codec(StoryEvent)
subscriptions = Codec(Subscription)
silences = Codec(Silence)
subscription_states = Codec(SubscriptionState)
deliver_inputs = Codec(DeliverInput)
alerts = Codec(Alert)
deliveries = Codec(Delivery)


@dataclass(frozen=True, slots=True)
class BadArticle:
    """An article of a batch that could not be read: its own bytes, and why."""

    data: bytes
    error: RecordError


class _RawBatch(ArticleBatch, frozen=True, kw_only=True):
    articles: tuple[msgspec.Raw, ...]  # type: ignore[assignment]  # the same record, its articles left undecoded


_raw_batches = Codec(_RawBatch)


def wrap_article(article: bytes, batch: str, key: str, fetched: datetime) -> bytes:
    """A batch of that id with one article, whose bytes stay as they are: JSON, whatever it says."""
    return encode(_RawBatch(id=batch, key=key, fetched=fetched, articles=(msgspec.Raw(article),)))


_article = msgspec.json.Decoder(Article)


def decode_batch(data: bytes) -> tuple[ArticleBatch, tuple[BadArticle, ...]]:
    """A batch with the articles that can be read, and those that cannot.

    One bad article costs itself, never its batch.

    Raises:
        RecordError: the batch as a whole cannot be read.
    """
    try:
        return batches.decode(data), ()
    except UndecodableError:
        raw = _raw_batches.decode(data)
    good: list[Article] = []
    bad: list[BadArticle] = []
    for one in raw.articles:
        try:
            good.append(_article.decode(one))
        except (msgspec.DecodeError, ValueError) as error:
            bad.append(BadArticle(bytes(one), UndecodableError(f"not an Article: {error}")))
    fields: dict[str, Any] = {name: getattr(raw, name) for name in ArticleBatch.__struct_fields__}
    return ArticleBatch(**fields | {"articles": tuple(good)}), tuple(bad)
