"""What attribution is asked, and what it answers: who says it, against whom, and what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pipeline.records import Kind, Mention, Span
from pipeline.rules.match import Match
from pipeline.rules.tokens import Cut


class Statement(NamedTuple):
    """A rule's best match in an article."""

    kind: Kind
    category: str
    match: Match
    texts: Sequence[str]
    """Of title, lead and body."""

    where: Sequence[Cut]
    """Sentences with their words, in text order; among them those of the match."""


class Who(NamedTuple):
    """Whatever is not told stays None."""

    actor: Mention | None = None
    target: Mention | None = None
    claim: Span | None = None


Attribute = Callable[[Statement], Who]


def nobody(_: Statement) -> Who:
    """For a language whose rule file does not say how it names the actors."""
    return Who()
