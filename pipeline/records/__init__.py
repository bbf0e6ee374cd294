"""The values on the wire and their codec. Frozen, typed, versioned; times are aware."""

from pipeline.records.article import (
    FIELDS,
    MAX_BATCH_ARTICLES,
    MAX_BATCH_BYTES,
    Article,
    ArticleBatch,
    CopyOf,
    Field,
    FullText,
    PublishedSource,
)
from pipeline.records.codec import (
    BadArticle,
    Codec,
    batches,
    copy_groups,
    decode_batch,
    encode,
    feed_records,
    feed_states,
    flagged,
    page_requests,
    page_results,
)
from pipeline.records.copy import CopyGroup
from pipeline.records.dead import DeadLetter, dead_letter, dead_topic
from pipeline.records.feed import FeedRecord, FeedSource, FeedState, Outcome
from pipeline.records.flag import Flag, FlaggedArticle, Kind, Mention, Span, flag_id
from pipeline.records.page import PageOutcome, PageRequest, PageResult, PageWhy, host_of, page_request
from pipeline.records.values import SCHEMA_MAJOR, SCHEMA_VERSION, Record

__all__ = [
    "FIELDS",
    "MAX_BATCH_ARTICLES",
    "MAX_BATCH_BYTES",
    "SCHEMA_MAJOR",
    "SCHEMA_VERSION",
    "Article",
    "ArticleBatch",
    "BadArticle",
    "Codec",
    "CopyGroup",
    "CopyOf",
    "DeadLetter",
    "FeedRecord",
    "FeedSource",
    "FeedState",
    "Field",
    "Flag",
    "FlaggedArticle",
    "FullText",
    "Kind",
    "Mention",
    "Outcome",
    "PageOutcome",
    "PageRequest",
    "PageResult",
    "PageWhy",
    "PublishedSource",
    "Record",
    "Span",
    "batches",
    "copy_groups",
    "dead_letter",
    "dead_topic",
    "decode_batch",
    "encode",
    "feed_records",
    "feed_states",
    "flag_id",
    "flagged",
    "host_of",
    "page_request",
    "page_requests",
    "page_results",
]
