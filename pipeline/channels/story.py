"""A thread as a message tells it: bounded, whatever joins it; what changed since a reader last heard of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from pipeline.feeds.report import span
from pipeline.records.alert import Story, StoryEvent
from pipeline.records.thread import (
    MAX_LINK_BYTES,
    MAX_NAME_BYTES,
    MAX_SOURCES,
    Change,
    EventKind,
    Evidence,
    Parties,
    State,
    ThreadEvent,
)
from pipeline.threads.member import cut

MAX_RULES: Final = 8
"""Rules that a story names, of the article at hand."""

MAX_RULE_BYTES: Final = 100
MAX_SENTENCE_BYTES: Final = 800
"""Of what changed; a longer one is cut."""

_STATES: Final[dict[State, str]] = {
    "alleged": "alleged, and no denial is known",
    "denied": "denied, and who alleges it is not known",
    "disputed": "disputed: one side alleges it, the other denies it",
    "conceded": "marked as conceded by the accused, which only a person decides",
    "retracted": "retracted: no article that alleged it does so any more, or a person said so",
}


class Snapshot(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What a reader knows of a story: small enough to be kept for each story that a subscription was told."""

    state: State
    accusers: tuple[str, ...] = ()
    deniers: tuple[str, ...] = ()
    alleging: int = 0
    denying: int = 0
    articles: int = 0
    lag_seconds: int | None = None


def digest(told: StoryEvent) -> Story:
    """The story of an event, at most some 6 kB.

    Raises:
        ValueError: it is a heartbeat, and has no thread.
    """
    thread, article = told.thread, told.article
    if thread is None:
        raise ValueError(f"{told.event.kind} {told.event.id} has no thread: nothing can be told of it")
    link = "" if article is None else article.link or article.url
    return Story(
        thread=thread.id,
        language=thread.language,
        state=thread.state,
        title=thread.title,
        claim=thread.claim,
        accusers=_names(thread.accusers),
        accused=_names(thread.accused),
        deniers=_names(thread.deniers),
        first_allegation=thread.first_allegation,
        first_denial=thread.first_denial,
        alleging=thread.alleging.independent,
        denying=thread.denying.independent,
        telling=thread.telling.independent,
        articles=thread.members,
        copies=thread.copies,
        lag_seconds=thread.lag_seconds,
        first_activity=thread.first_activity,
        last_activity=thread.last_activity,
        url=link if len(link.encode(errors="replace")) <= MAX_LINK_BYTES else "",
        outlet="" if article is None else cut(article.outlet, MAX_NAME_BYTES),
        rules=_rules(told),
        ruleset=told.ruleset,
    )


def trimmed(event: ThreadEvent) -> ThreadEvent:
    """The event as a message needs it: without why an article joined, and without the articles that were moved."""
    return msgspec.structs.replace(event, member=None, articles=())


def snapshot(story: Story) -> Snapshot:
    """What somebody knows who was told the story as it is now."""
    return Snapshot(
        state=story.state,
        accusers=story.accusers,
        deniers=story.deniers,
        alleging=story.alleging,
        denying=story.denying,
        articles=story.articles,
        lag_seconds=story.lag_seconds,
    )


def what_changed(events: Iterable[ThreadEvent], story: Story, before: Snapshot | None = None) -> str:
    """What is new, in sentences that say who says so; "" where nothing is.

    Args:
        events: what happened since, in its order.
        story: as it is now.
        before: as the reader knows it; None if that is not known, and only the events are told.
    """
    told = [*events]
    sentences = [happened(event) for event in told]
    if before is not None:
        sentences += _differences(
            before, snapshot(story), {(event.kind, name) for event in told for name in event.names}
        )
    text = " ".join(dict.fromkeys(filter(None, sentences)))
    return text if len(text.encode(errors="replace")) <= MAX_SENTENCE_BYTES else cut(text, MAX_SENTENCE_BYTES - 3) + "…"


def happened(event: ThreadEvent) -> str:
    """One event in one sentence. What somebody says is never told as a fact.

    In the past tense, in which a name's verb is the same whether it stands for one or for many ("Parents", "Council").
    """
    names, outlet = together(event.names), event.evidence[-1].outlet if event.evidence else ""
    according = f", according to {outlet}" if outlet else ""
    match event.kind:
        case "created":
            return "A new story."
        case "joined":
            return f"One more article carries it{f': {outlet}' if outlet else ''}."
        case "new_denier":
            return f"{names} denied it{according}."
        case "new_accuser":
            return f"{names} alleged it{according}."
        case "disputed" | "conceded" | "retracted":
            return f"It is now {_STATES[event.kind]}.{_remark(event)}"
        case "reopened":
            return f"It is open again: neither conceded nor retracted.{_remark(event)}"
        case "spread":
            return f"{event.number} independent sources carry it."
        case "silent":
            return f"No denial is known {event.number} hours after the first allegation."
        case "stance_changed":
            return _shifted(event.what, event.change, event.evidence)
        case _:
            return f"{event.what}{_remark(event)}"


def together(names: Iterable[str]) -> str:
    """`A`, `A and B`, `A, B and C`."""
    *others, last = [*names] or [""]
    return f"{', '.join(others)} and {last}" if others else last


def count(number: int) -> str:
    """Independent sources in words; beyond `MAX_SOURCES` nobody counts."""
    if number >= MAX_SOURCES:
        return f"{number} or more independent sources"
    return f"{number} independent source{'' if number == 1 else 's'}"


def state_in_words(state: State) -> str:
    """What a state means, to follow "It is"."""
    return _STATES[state]


def _differences(before: Snapshot, now: Snapshot, named: set[tuple[EventKind, str]]) -> Iterator[str]:
    """What the events do not say themselves; ``named``: whom they name already."""
    if now.state != before.state:
        yield f"It is now {_STATES[now.state]}."
    for kind, verb, old, new in _parties(before, now):
        fresh = tuple(name for name in new if name not in old and (kind, name) not in named)
        if fresh:
            yield f"{together(fresh)}, not named before, {verb} it, according to reports."
    for verb, had, has in (("alleged", before.alleging, now.alleging), ("denied", before.denying, now.denying)):
        if has != had:
            yield f"{count(has)} {verb} it, {had} before."
    if now.articles != before.articles:
        yield f"{now.articles} articles, {before.articles} before."
    if now.lag_seconds != before.lag_seconds and now.lag_seconds is not None:
        yield f"The first denial came {span(now.lag_seconds)} after the first allegation."


def _parties(before: Snapshot, now: Snapshot) -> tuple[tuple[EventKind, str, tuple[str, ...], tuple[str, ...]], ...]:
    return (
        ("new_accuser", "alleged", before.accusers, now.accusers),
        ("new_denier", "denied", before.deniers, now.deniers),
    )


def _shifted(what: str, change: Change | None, evidence: tuple[Evidence, ...]) -> str:
    outlet = evidence[-1].outlet if evidence else ""
    where = f" in the text of {outlet}" if outlet else ""
    return f"{what.removesuffix('.')}{where}." if change else what


def _remark(event: ThreadEvent) -> str:
    """Who decided it, if a person did."""
    if not event.author:
        return ""
    return f" Decided by {event.author}{f': {event.comment}' if event.comment else ''}"


def _names(parties: Parties) -> tuple[str, ...]:
    """Each once: a country and its government are two parties of one name."""
    return tuple(dict.fromkeys(one.name for one in parties.named))


def _rules(told: StoryEvent) -> tuple[str, ...]:
    named = dict.fromkeys(cut(f"{flag.rule}/{flag.version}", MAX_RULE_BYTES) for flag in told.flags)
    return tuple(named)[:MAX_RULES]
