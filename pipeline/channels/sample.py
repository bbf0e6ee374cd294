"""Messages to try templates with: every field filled, every field empty, several stories, none. Pure."""

from __future__ import annotations

from typing import Final

from pipeline.channels.clean import Link
from pipeline.channels.view import Quote, Said, StoryView, View

_LINK: Final = Link("https://herald.example/canal")
_MADE: Final = "2026-01-02 03:04 UTC"
_QUOTE: Final = Quote("We did not close the canal.", "Herald & Sons", _MADE, fetched=True, link=_LINK)

_FULL: Final = StoryView(
    thread="thread_1",
    language="en",
    new=True,
    state="disputed",
    headline="Ruritania denied what Freedonia alleged",
    title="Ruritania <denies> closing the canal",
    outlet="Herald & Sons",
    standing="It is disputed: one side alleges it, the other denies it.",
    sides=(Said("Freedonia alleged it, according to Herald & Sons", None), Said("Ruritania denied it", _QUOTE)),
    changes=("Ruritania denied it.",),
    news=(_QUOTE,),
    sources="2 independent sources in 3 articles: 1 with the allegation, 1 with a denial.",
    lag="The first denial came 2 h after the first allegation.",
    rules="en-denial-1 of rule set 0123456789ab",
    link=_LINK,
)

_BARE: Final = StoryView(
    thread="thread_2",
    language="",
    new=False,
    state="alleged",
    headline="It is alleged",
    title="Canal closed",
    outlet="an outlet that is not named",
    standing="It is alleged, and no denial is known.",
    sides=(),
    changes=(),
    news=(),
    sources="1 independent source in 1 article: 1 with the allegation, 0 with a denial.",
    lag="",
    rules="",
    link=Link(),
)

SAMPLES: Final = (
    View("message_1", "story.new", "Ruritania denied what Freedonia alleged", "Canal", (_FULL,), 0, (), _MADE),
    View("message_2", "story.update", "It is alleged", "Canal", (_BARE,), 0, (), _MADE),
    View("message_3", "digest", "2 stories", "Canal", (_FULL, _BARE), 7, (), _MADE),
    View("message_4", "notice", "A channel is disabled", "Canal", (), 0, ("Nothing is sent there.",), _MADE),
)
