"""Articles that accuse and deny, with the flags that rules would raise, and a docket to take them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pipeline.records import Article, Command, Flag, Flagged, Kind, Mention, Span, Thread, ThreadEvent, Tick, flag_id
from pipeline.records.article import CopyOf
from pipeline.records.thread import Membership
from pipeline.threads.docket import Docket, Outcome
from tests.articles import NOON, make_article

LATER = NOON + timedelta(days=400)
"""The wall clock of these tests: no result depends on it."""

CODES = {"Aland": "ALAGOV", "Borduria": "BORGOV", "Curland": "CURGOV"}
"""Countries of our own; everybody else has no code."""

VERBS: dict[Kind, str] = {
    "allegation": "accuses",
    "denial": "contradicts",
    "non_denial": "has no comment for",
    "debunk": "refutes",
}


@dataclass(frozen=True)
class Said:
    """Who says what of whom; in the body unless it is headline news."""

    kind: Kind
    who: str = ""
    whom: str = ""
    headline: bool = False
    historic: bool = False

    @property
    def words(self) -> str:
        """The sentence."""
        return f"{self.who or 'Somebody'} {VERBS[self.kind]} {self.whom or 'others'} over the silver spoons"


def accuses(who: str = "Aland", whom: str = "Borduria", **more: Any) -> Said:
    """One accuses another."""
    return Said("allegation", who, whom, **more)


def denies(who: str = "Borduria", whom: str = "", **more: Any) -> Said:
    """One denies, perhaps another's claim."""
    return Said("denial", who, whom, **more)


def telling(number: int, *said: Said, hours: float = 0, ruleset: str = "r1", **changes: Any) -> Flagged:
    """Article ``number``, ``hours`` after noon, with these statements and their flags."""
    changes.setdefault("outlet", f"Outlet {number}")
    changes.setdefault("source", f"owner:{number}")
    changes.setdefault("language", "en")
    when = NOON + timedelta(hours=hours)
    article = make_article(
        number,
        **{
            "title": ". ".join(one.words for one in said if one.headline) or f"Spoons, day {number}",
            "lead": "",
            "body": ". ".join(one.words for one in said if not one.headline),
            "published": when,
            "fetched": when + timedelta(minutes=1),
        }
        | changes,
    )
    return Flagged(article=article, flags=tuple(flag(article, one) for one in said), ruleset=ruleset)


def revised(before: Flagged, *said: Said, minutes: float = 10, **changes: Any) -> Flagged:
    """The same article with another text, some minutes later."""
    old = before.article
    fetched = old.fetched + timedelta(minutes=minutes)
    number = int(old.id, 16)
    kept = {
        "published": old.published,
        "fetched": fetched,
        "revision_of": old.text_hash,
        "text_source": old.text_source,
        "outlet": old.outlet,
        "source": old.source,
    }
    return telling(number, *said, **kept | changes)


def copied(number: int, original: Flagged, *, group: str = "", **changes: Any) -> Flagged:
    """A copy of an article, by another outlet."""
    first = original.article
    said = CopyOf(
        group=group or first.id, original=first.id, of=first.id, containment=1.0, contained=1.0, why="The same."
    )
    when = changes.pop("hours", 1)
    article = make_article(
        number,
        **{
            "title": first.title,
            "lead": first.lead,
            "body": first.body,
            "published": NOON + timedelta(hours=when),
            "fetched": NOON + timedelta(hours=when),
            "outlet": f"Outlet {number}",
            "source": f"owner:{number}",
            "language": first.language,
            "copy": said,
        }
        | changes,
    )
    return Flagged(article=article, flags=original.flags, ruleset=original.ruleset)


def flag(article: Article, said: Said) -> Flag:
    """The flag of one statement."""
    where = "title" if said.headline else "body"
    text: str = getattr(article, where)
    start = text.index(said.words)

    def span(words: str) -> Span:
        at = text.index(words, start)
        return Span(field=where, start=at, end=at + len(words), quote=words)  # type: ignore[arg-type]  # a field

    def mention(name: str) -> Mention | None:
        return Mention(name=name, code=CODES.get(name, ""), span=span(name)) if name else None

    spans = (span(VERBS[said.kind]),)
    return Flag(
        id=flag_id(article.id, said.kind, spans),
        kind=said.kind,
        category=said.kind,
        rule=f"test-{said.kind}",
        version=1,
        score=0.8,
        spans=spans,
        actor=mention(said.who),
        target=mention(said.whom),
        claim=span("silver spoons"),
        historic=said.historic,
    )


@dataclass
class Court:
    """A docket whose articles all belong to one thread, unless ``apart`` names them; and what it told."""

    apart: set[str] = field(default_factory=set)
    docket: Docket = field(default_factory=lambda: Docket({}, {}, {}))
    events: list[ThreadEvent] = field(default_factory=list)
    position: int = 0

    def join(self, article: Article, _flags: Sequence[Flag]) -> tuple[str, Membership] | None:
        """The oldest thread, for whoever is not kept apart."""
        if article.id in self.apart or not self.docket.threads:
            return None
        first = min(self.docket.threads.values(), key=lambda one: (one.first_activity, one.id))
        return first.id, Membership(article=article.id, score=0.7, terms=(("spoons", 0.4),), reason="Spoons.")

    def take(self, *records: Flagged | Tick | Command, now: datetime = LATER) -> Outcome:
        """Take in some records, one offset each; the outcome of the last."""
        outcome = Outcome()
        for one in records:
            self.position += 1
            outcome = self.docket.take(one, self.position, now, self.join)
            self.events += outcome.events
        return outcome

    @property
    def thread(self) -> Thread:
        """The only thread."""
        (only,) = (one for one in self.docket.threads.values() if not one.merged_into)
        return only

    @property
    def kinds(self) -> list[str]:
        """The kinds of what was told, in order."""
        return [one.kind for one in self.events]


def article_id(number: int) -> str:
    """Id of article ``number``; also of the thread that it begins."""
    return f"{number:032x}"


def tick(hours: float) -> Tick:
    """The time, so many hours after noon."""
    return Tick(partition=0, time=NOON + timedelta(hours=hours))


def command(do: Any, thread: int, *articles: int, into: int | None = None, **more: Any) -> Command:
    """A person's command about the threads and articles of these numbers."""
    return Command(
        **{
            "id": f"{do}-{thread}",
            "do": do,
            "thread": article_id(thread),
            "into": "" if into is None else article_id(into),
            "articles": tuple(map(article_id, articles)),
            "author": "Ada",
            "comment": "They differ.",
            "given": NOON + timedelta(hours=5),
        }
        | more
    )
