"""What templates are given: a message in sentences and quotes. All texts are cleaned, and on one line."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.channels.clean import Link
from pipeline.records.alert import MessageKind
from pipeline.records.thread import State


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of an article, and where they stand."""

    text: str
    outlet: str
    """Never "": where an article's outlet is not known, "an outlet that is not named"."""

    time: str
    """When it was published: `2026-11-22 05:50 UTC`."""

    fetched: bool
    """The publisher gives no time, and this is when it was fetched."""

    link: Link
    """"" where there is none."""


@dataclass(frozen=True, slots=True)
class Said:
    """One side: who says it, by whose account, in which words."""

    who: str
    """`Iran denies it, according to Outlet`: a sentence that the quote follows after a colon, or ends it."""

    quote: Quote | None


@dataclass(frozen=True, slots=True)
class StoryView:
    """One story in a message."""

    thread: str
    language: str
    new: bool
    """Whether the subscription is told of it for the first time."""

    state: State
    headline: str
    """Who says what against whom, without a quote: `Iran denies what United States alleges`."""

    title: str
    """Of the article that first told it: the words of `outlet`, to stand in quotes beside it."""

    outlet: str
    standing: str
    """What its state means, in a sentence."""

    sides: tuple[Said, ...]
    """The allegation, then the denial; or what is told of it where there is neither."""

    changes: tuple[str, ...]
    """What changed since it was last told, in sentences."""

    news: tuple[Quote, ...]
    """Quotes of what happened now, beside those of the sides."""

    sources: str
    """Independent sources of each side, in a sentence."""

    lag: str
    """From allegation to denial, in a sentence; "" if it is not known."""

    rules: str
    """Which rules flagged the article at hand, in which version; "" without one."""

    link: Link
    """The article at hand, or else the first."""


@dataclass(frozen=True, slots=True)
class View:
    """One message."""

    id: str
    kind: MessageKind
    subject: str
    name: str
    """Of the subscription."""

    stories: tuple[StoryView, ...]
    more: int
    """Alerts that were left out."""

    notes: tuple[str, ...]
    """Sentences of messages that tell no story: held, notice, test."""

    made: str
