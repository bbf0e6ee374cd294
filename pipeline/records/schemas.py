"""JSON Schemas of what is on the topics, for those who read them with other tools. `docs/schemas/` holds them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from pipeline.records.alert import (
    Again,
    Alert,
    Attempt,
    Clock,
    DeliverInput,
    Delivery,
    Item,
    Match,
    Merged,
    Message,
    Story,
    StoryEvent,
)
from pipeline.records.article import Article, ArticleBatch, CopyOf
from pipeline.records.copy import CopyGroup
from pipeline.records.feed import FeedRecord, FeedState
from pipeline.records.flag import Flag, FlaggedArticle, Span
from pipeline.records.page import PageRequest, PageResult
from pipeline.records.subscription import (
    Apprise,
    Email,
    FeedFile,
    KafkaTopic,
    Quiet,
    Silence,
    Subscription,
    SubscriptionState,
    Terminal,
    Webhook,
)
from pipeline.records.thread import (
    Command,
    Decision,
    Evidence,
    Flagged,
    Membership,
    Parties,
    Party,
    Side,
    Thread,
    ThreadEvent,
    ThreadInput,
    Tick,
)
from pipeline.records.values import Record

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

RECORDS: Final[Mapping[str, type[Record]]] = {
    "article-batch": ArticleBatch,
    "flagged-article": FlaggedArticle,
    "feed-record": FeedRecord,
    "feed-state": FeedState,
    "page-request": PageRequest,
    "page-result": PageResult,
    "copy-group": CopyGroup,
    "thread": Thread,
    "thread-event": ThreadEvent,
    "thread-input": ThreadInput,
    "story-event": StoryEvent,
    "subscription": Subscription,
    "subscription-state": SubscriptionState,
    "silence": Silence,
    "deliver-input": DeliverInput,
    "alert": Alert,
    "delivery": Delivery,
}
"""Records by the name of their schema."""

_STRUCTS: Final[tuple[type[msgspec.Struct], ...]] = (
    Again, Alert, Apprise, Article, ArticleBatch, Attempt, Clock, Command, CopyGroup, CopyOf, Decision, DeliverInput,
    Delivery, Email, Evidence, FeedFile, FeedRecord, FeedState, Flag, Flagged, FlaggedArticle, Item, KafkaTopic, Match,
    Membership, Merged, Message, PageRequest, PageResult, Parties, Party, Quiet, Side, Silence, Span, Story, StoryEvent,
    Subscription, SubscriptionState, Terminal, Thread, ThreadEvent, ThreadInput, Tick, Webhook,
)  # fmt: skip
"""Every struct that is part of one."""


def record_schema(name: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of the record with that name in `RECORDS`, every field with its docstring.

    A reader must ignore properties that it does not know, so the schema allows them. `schema` is required here, though
    msgspec takes its default for one of ours: on the wire it is always there.
    """
    record = RECORDS[name]
    (top,), components = msgspec.json.schema_components([record], ref_template="#/$defs/{name}")
    for struct in _STRUCTS:
        if struct.__name__ in components:
            _annotate(components[struct.__name__], struct)
    shape = components[record.__name__]
    shape["properties"]["schema"] = {"type": "string", "pattern": r"^[0-9]+\.[0-9]+$", "description": "major.minor"}
    shape["required"] = ["schema", *shape["required"]]
    return {"$schema": DIALECT, "title": record.__name__} | top | {"$defs": components}


def _annotate(shape: dict[str, Any], struct: type[msgspec.Struct]) -> None:
    """Add what msgspec does not tell: descriptions, and that a string is a time (RFC 3339)."""
    properties = shape["properties"]
    shape["description"] = inspect.cleandoc(shape["description"])  # Python keeps the indentation until 3.13
    for field, description in field_docstrings(struct).items():
        properties[field]["description"] = description
    for info in msgspec.structs.fields(struct):
        if info.type is datetime:
            properties[info.name]["format"] = "date-time"
        elif info.type == datetime | None:
            properties[info.name]["anyOf"][0]["format"] = "date-time"


def field_docstrings(shape: type) -> dict[str, str]:
    """The docstrings under a class's own fields, by field. Python itself does not keep them, so the source is read."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(shape)))
    definition = tree.body[0]
    if not isinstance(definition, ast.ClassDef):
        raise TypeError(f"{shape!r} is not defined by a class statement")
    found: dict[str, str] = {}
    for field, text in zip(definition.body, definition.body[1:], strict=False):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str):
            found[field.target.id] = inspect.cleandoc(text.value.value).replace("\n", " ")
    return found
