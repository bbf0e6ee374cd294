"""An event with the whole story, as those need it who decide whom to tell. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from pipeline.records import Command, Flagged, StoryEvent, Thread, ThreadEvent, Tick

MAX_BODY_CHARS: Final = 50_000
"""Of the article at hand; subscriptions look for words no farther. Ten times a long article."""


def story_event(event: ThreadEvent, thread: Thread | None, what: Flagged | Tick | Command) -> StoryEvent:
    """The event with its thread, and with the article if one caused it."""
    if not isinstance(what, Flagged):
        return StoryEvent(event=event, thread=thread)
    article = what.article
    if len(article.body) > MAX_BODY_CHARS:
        article = msgspec.structs.replace(article, body=article.body[:MAX_BODY_CHARS])
    return StoryEvent(event=event, thread=thread, article=article, flags=what.flags, ruleset=what.ruleset)
