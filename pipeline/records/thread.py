"""Dispute threads: what is claimed, by whom, about whom, who denies it; what changed; and what changes them.

A thread stays small however many articles join it: names, quotes and sources are bounded and counted, and its members
are told by events.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

from pipeline.records.article import Article, ArticleId, Field, PublishedSource
from pipeline.records.flag import Flag
from pipeline.records.values import Record, require_aware

State = Literal["alleged", "denied", "disputed", "conceded", "retracted"]
"""`alleged`: nobody is known to deny it; `denied`: a denial, and nobody is named who claims it; `disputed`: both sides
are known; `conceded`: the accused admits it, which only a person can tell us; `retracted`: every article that alleged
it has dropped it."""

EventKind = Literal[
    "created", "joined", "disputed", "new_denier", "new_accuser", "spread", "stance_changed", "silent",
    "conceded", "retracted", "reopened", "merged", "split", "moved", "refused", "heartbeat",
]  # fmt: skip
"""`joined`: one more article; `silent`: nobody has denied it so long; `reopened`: neither conceded nor retracted any
more; `refused`: a person's command that could not be done."""

Change = Literal["added", "hardened", "softened", "removed"]
"""How a text was changed that we looked at again."""

CommandKind = Literal["split", "merge", "move", "mark"]

ThreadId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]

MAX_PARTIES: Final = 10
"""Parties that a role of a thread names; of others only the statements are counted."""

MAX_SOURCES: Final = 32
"""Independent sources that a side of a thread remembers: above the largest spread that is told."""

MAX_QUOTE_BYTES: Final = 400
MAX_NAME_BYTES: Final = 120
MAX_LINK_BYTES: Final = 500
"""A longer link is left out: cut, it would lead nowhere."""

MAX_COMMENT_CHARS: Final = 1000
MAX_COMMAND_ARTICLES: Final = 1000
"""Articles that one command names."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A quote, and where it stands."""

    article: ArticleId
    text_hash: str
    """Of the text that has the quote."""

    published: datetime
    published_source: PublishedSource = "feed"
    quote: str
    """As it stands in the article, at most `MAX_QUOTE_BYTES`."""

    field: Field = "title"
    start: int = 0
    """Where the quote begins in that field, in code points."""

    outlet: str = ""
    source: str = ""
    """The article's independent source."""

    link: str = ""

    def __post_init__(self) -> None:
        require_aware(self.published)


class Party(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody who accuses, is accused or denies, and the first article that says so."""

    name: str
    code: str = ""
    first: Evidence
    articles: int = 1
    """Members that say so, copies included."""


class Parties(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The parties in one role, in the order in which they became known; at most `MAX_PARTIES`."""

    named: tuple[Party, ...] = ()
    others: int = 0
    """Statements of parties that are not among them: statements, for nobody counts the parties."""


class Side(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How widely one side is carried."""

    articles: int = 0
    """Members that carry it, copies included."""

    sources: tuple[str, ...] = ()
    """Independent sources that carry it, in the order in which they came; at most `MAX_SOURCES`. A copy adds none."""

    groups: tuple[ArticleId, ...] = ()
    """Copy groups that were counted; at most `MAX_SOURCES`."""

    @property
    def independent(self) -> int:
        """How many independent sources; `MAX_SOURCES` means: at least so many."""
        return len(self.sources)


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person decided about a thread: the newest such command that set its state."""

    command: str
    state: Literal["conceded", "retracted"]
    author: str
    comment: str = ""


class Thread(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One claim and its dispute. A value on the compacted topic `threads`, under its id."""

    id: ThreadId
    """Id of its first article in log order; never changes."""

    language: str
    state: State
    claim: Evidence
    """What is alleged or denied, in the words of the article that first told it."""

    title: str
    """Of its first article."""

    accusers: Parties = Parties()
    accused: Parties = Parties()
    deniers: Parties = Parties()
    first_allegation: Evidence | None = None
    """The earliest published article with the allegation, whether it has a denial too or not."""

    first_denial: Evidence | None = None
    """The earliest published article with a denial."""

    lag_seconds: int | None = None
    """From `first_allegation` to `first_denial`; None unless it came before, and so alone, and both are dated by their
    publishers."""

    members: int = 0
    """Articles, copies included."""

    copies: int = 0
    alleging: Side = Side()
    denying: Side = Side()
    telling: Side = Side()
    """Whatever side they carry."""

    withdrawn: int = 0
    """Members that alleged it once and do not any more."""

    naming: int = 0
    """Members with a denial that tells whose claim is denied."""

    first_activity: datetime
    """Event time: the earliest published member."""

    last_activity: datetime
    """Event time: the latest published member."""

    last_event: str = ""
    """Id of its newest event."""

    spread_told: int = 0
    """The largest spread that was told; no event tells it again."""

    silence_told: int = 0
    """The longest silence that was told, in hours."""

    decision: Decision | None = None
    merged_into: str = ""
    """The thread that a person joined it with; whatever comes to this one goes there."""

    split_from: str = ""
    apart: tuple[ThreadId, ...] = ()
    """Threads that a person keeps apart from it, the newest 32."""

    revision: int = 0
    """Rises with each change."""

    position: int = -1
    """Offset in `threads.in` of what changed it last."""

    def __post_init__(self) -> None:
        require_aware(self.first_activity, self.last_activity)


class Membership(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An article that came to a thread, and why."""

    article: ArticleId
    copy_of: str = ""
    """The article that it is a copy of; "" if it is none."""

    score: float = 0.0
    terms: tuple[tuple[str, float], ...] = ()
    """What the score is made of: the strongest common terms."""

    reason: str = ""


class ThreadEvent(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened to a thread. A value on `thread-events`, under the thread's id."""

    id: str
    """32 hex digits: hash of thread, kind and cause. A replay gives the same."""

    thread: str
    kind: EventKind
    cause: str
    """`article:<id>:<text hash>` (and `:<number>` for further changes of one text), `tick:<time>` or `command:<id>`."""

    when: datetime
    """Event time: the article's publication, the tick's time, when the command was given."""

    what: str
    """One sentence for people."""

    language: str = ""
    state: State | None = None
    """Of the thread, after it."""

    before: State | None = None
    """Of the thread, before it, where the event changed it."""

    names: tuple[str, ...] = ()
    """Who: the new deniers or accusers, or whose stance changed."""

    change: Change | None = None
    evidence: tuple[Evidence, ...] = ()
    """The quotes that show it; of a changed stance the old one first, then the new one."""

    member: Membership | None = None
    number: int = 0
    """Independent sources, of `spread`; hours, of `silent`."""

    others: tuple[str, ...] = ()
    """Other threads that it concerns: merged with, split from, moved from or to."""

    articles: tuple[ArticleId, ...] = ()
    """Articles that changed thread; at most `MAX_COMMAND_ARTICLES`."""

    author: str = ""
    comment: str = ""
    heartbeat: int | None = None
    processed: datetime
    """When it was found, by the worker's clock; outside the determinism promise."""

    def __post_init__(self) -> None:
        require_aware(self.when, self.processed)


class Flagged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="flagged"):
    """An article with flags, or a revision of an article, which may have none."""

    article: Article
    flags: tuple[Flag, ...]
    ruleset: str = ""
    heartbeat: int | None = None


class Tick(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="tick"):
    """The time, as a worker's timer tells it to a partition of its own. Nothing else lets time pass for threads."""

    partition: int
    time: datetime

    def __post_init__(self) -> None:
        require_aware(self.time)


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="command"):
    """What a person decided. `split`: these articles get a thread of their own; `merge`: this thread goes into another;
    `move`: these articles go to another thread; `mark`: the claim is conceded or retracted, or open again."""

    id: str
    """Chosen by the sender: the same command sent twice is done once."""

    do: CommandKind
    thread: ThreadId
    into: str = ""
    """The other thread, of `merge` and `move`."""

    articles: Annotated[tuple[ArticleId, ...], msgspec.Meta(max_length=MAX_COMMAND_ARTICLES)] = ()
    state: Literal["conceded", "retracted", ""] = ""
    """Of `mark`; "" takes the mark away."""

    author: str
    comment: Annotated[str, msgspec.Meta(max_length=MAX_COMMENT_CHARS)] = ""
    given: datetime

    def __post_init__(self) -> None:
        require_aware(self.given)


class ThreadInput(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Whatever changes threads, on `threads.in`: in its order, and by nothing else."""

    what: Flagged | Tick | Command


def event_id(thread: str, kind: str, cause: str) -> str:
    """Id of an event: 32 hex digits of BLAKE2b over thread, kind and cause, so that a replay gives the same."""
    return hashlib.blake2b(f"{thread}|{kind}|{cause}".encode(), digest_size=16).hexdigest()
