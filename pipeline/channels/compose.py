"""A message in words: who says what against whom, by whose account, in which quotes. Pure.

Nothing is told as a fact that somebody says: each side is "X alleged" or "X denied", according to an outlet, and a
headline stands in quotes beside the outlet that wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from pipeline.channels.clean import Link, clean, link
from pipeline.channels.story import count, happened, state_in_words, together
from pipeline.channels.view import Quote, Said, StoryView, View
from pipeline.feeds.report import span
from pipeline.records.alert import Item, Message, Story
from pipeline.records.thread import Evidence

MAX_NAMES: Final = 3
"""Parties of a role that a sentence names."""

MAX_NEWS: Final = 4
"""Further quotes of a story."""

UNNAMED: Final = "an outlet that is not named"

_HELD: Final = {
    "backlog": "from the first poll of a feed",
    "old": "from longer ago than alerts are sent for",
}


def composed(message: Message) -> View:
    """The message as templates are given it."""
    stories = tuple(_stories(message))
    return View(
        id=message.id,
        kind=message.kind,
        subject=_subject(message, stories),
        name=clean(message.name) or message.subscription,
        stories=stories,
        more=message.more,
        notes=tuple(_notes(message)),
        made=_time(message.made),
    )


def headline(story: Story) -> str:
    """Who says what against whom, without a quote."""
    accusers, accused, deniers = map(_named, (story.accusers, story.accused, story.deniers))
    alleged = f"{accusers} alleged" if accusers else "is alleged"
    alleged += f" against {accused}" if accused else ""
    if story.deniers or story.first_denial is not None:
        told = f"{deniers or 'Somebody'} denied what {alleged}"
    else:
        told = alleged if accusers else f"It {alleged}"
    if story.state in ("conceded", "retracted"):
        told = f"{told}; marked as {story.state}"
    return told[0].upper() + told[1:]


def sides(story: Story) -> tuple[Said, ...]:
    """The allegation and the denial, each by whose account and in which words."""
    allegation, denial = story.first_allegation, story.first_denial
    found = [Said(_alleged(story), _quoted(allegation)), Said(_denied(story), _quoted(denial))]
    if allegation is None and denial is None:
        return (Said(f"{_outlet(story.claim)} tells of it", _quoted(story.claim)), *found[1:])
    return tuple(one for one in found if one.who)


def sources(story: Story) -> str:
    """How widely each side is carried."""
    copies = f", {story.copies} of them copies" if story.copies else ""
    articles = f"{story.articles} article{'' if story.articles == 1 else 's'}"
    return (
        f"{count(story.telling)} in {articles}{copies}: {story.alleging} with the allegation, "
        f"{story.denying} with a denial."
    )


def lag(story: Story) -> str:
    """From allegation to denial; "" where it is not known."""
    if story.lag_seconds is None:
        return ""
    return f"The first denial came {span(story.lag_seconds)} after the first allegation."


def rules(story: Story) -> str:
    """What flagged the article at hand."""
    if not story.rules:
        return ""
    return f"{', '.join(map(clean, story.rules))}{f' of rule set {clean(story.ruleset)}' if story.ruleset else ''}"


def changes(items: Iterable[Item]) -> Iterator[str]:
    """What changed, each once: as it was found when the message was made, else what the event says of itself. Of a
    story that is told for the first time nothing but what its state does not say: that a text was changed."""
    told = (clean(item.since or ("" if _says_all(item) else happened(item.event))) for item in items)
    yield from dict.fromkeys(filter(None, told))


def _says_all(item: Item) -> bool:
    return item.first and item.event.kind != "stance_changed"


def by_story(items: Iterable[Item]) -> list[list[Item]]:
    """The items of each story together, stories in the order of their first item."""
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(item.story.thread, []).append(item)
    return list(found.values())


def held(message: Message) -> Iterator[str]:
    """What was held back, in sentences."""
    for reason, number in sorted(message.held.items()):
        stories, were = ("1 story", "was") if number == 1 else (f"{number} stories", "were")
        yield f"{stories} {_HELD.get(reason, clean(reason))} {were} held back and not told."


def _stories(message: Message) -> Iterator[StoryView]:
    for items in by_story(message.items):
        story = items[-1].story
        told = sides(story)
        yield StoryView(
            thread=story.thread,
            language=clean(story.language),
            new=any(item.first for item in items),
            state=story.state,
            headline=headline(story),
            title=clean(story.title) or clean(story.claim.quote),
            outlet=_outlet(story.claim),
            standing=f"It is {state_in_words(story.state)}.",
            sides=told,
            changes=tuple(changes(items)),
            news=_news(items, told),
            sources=sources(story),
            lag=lag(story),
            rules=rules(story),
            link=link(story.url) or link(story.claim.link),
        )


def _news(items: Iterable[Item], told: Iterable[Said]) -> tuple[Quote, ...]:
    known = {one.quote.text for one in told if one.quote is not None}
    quotes = (_quoted(one) for item in items for one in item.event.evidence)
    fresh = {one.text: one for one in quotes if one is not None and one.text not in known}
    return tuple(fresh.values())[-MAX_NEWS:]


def _alleged(story: Story) -> str:
    who, accused = _named(story.accusers), _named(story.accused)
    against = f" against {accused}" if accused else ""
    if story.first_allegation is None:
        return f"{who} alleged it, by the account of those who report the denial" if who else ""
    told = f"{who} alleged{against}" if who else f"It is alleged{against}, by whom is not told"
    return f"{told}, {_according(story, story.first_allegation)}"


def _denied(story: Story) -> str:
    if story.first_denial is None:
        return "No denial is known"
    who = _named(story.deniers)
    told = f"{who} denied it" if who else "It is denied, by whom is not told"
    return f"{told}, {_according(story, story.first_denial)}"


def _according(story: Story, evidence: Evidence) -> str:
    """One article says it all; of several, each may name others, and the quote is the earliest one's."""
    alone = story.articles - story.copies <= 1
    return f"according to {_outlet(evidence)}" if alone else f"according to reports, first by {_outlet(evidence)}"


def _named(names: tuple[str, ...]) -> str:
    shown = [clean(name) for name in names[:MAX_NAMES]]
    return together([*shown, "others"] if len(names) > MAX_NAMES else shown)


def _outlet(evidence: Evidence) -> str:
    return clean(evidence.outlet) or UNNAMED


def _quoted(evidence: Evidence | None) -> Quote | None:
    if evidence is None:
        return None
    fetched = evidence.published_source == "fetched"
    where: Link = link(evidence.link)
    return Quote(clean(evidence.quote), _outlet(evidence), _time(evidence.published), fetched, where)


def _subject(message: Message, stories: tuple[StoryView, ...]) -> str:
    name = clean(message.name) or message.subscription
    if message.kind == "held":
        return f"Held back, not told: {name}"
    if message.kind in ("notice", "test"):
        return f"{'A test' if message.kind == 'test' else 'A notice'} of your subscription: {name}"
    if len(stories) == 1:  # the same for all messages of a story: mail programs thread by it
        return f"{stories[0].outlet}: “{stories[0].title}”"
    return f"{len(stories)} stories: {name}"


def _notes(message: Message) -> Iterator[str]:
    yield from held(message)
    if message.text:
        yield clean(message.text)


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
