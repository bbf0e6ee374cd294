"""What a thread is: the sum of its members. One more member is added; after any other change the sum is made anew.

Sums do not depend on the order of members but for what they say of it: the first in log order gives the thread its id,
claim and title, and parties stand in the order in which they became known. First allegation, first denial and lag go by
the time of publication, so a late original corrects them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

import msgspec

from pipeline.records.article import PublishedSource
from pipeline.records.flag import Kind
from pipeline.records.thread import MAX_PARTIES, MAX_SOURCES, Evidence, Parties, Party, Side, State, Thread
from pipeline.threads.member import Member, Statement, Who, evidence, party_key

DATED: Final[tuple[PublishedSource, ...]] = ("feed", "page")
"""Whose word a lag may rest on: the publisher's, not the time at which we fetched."""


def thread_of(members: Sequence[Member], *, like: Thread | None = None) -> Thread:
    """The thread of these members, in log order; at least one.

    Args:
        like: the thread as it was; what is no sum (its id, what was told, what people decided) is taken from it.
    """
    first, *others = members
    thread = add(_empty(first), first)
    for member in others:
        thread = add(thread, member)
    if like is not None:
        # The claim stays in the words that it was first told in, as long as their article is in the thread.
        names = _NO_SUM
        if any(one.article == like.claim.article for one in members):
            names += ("claim", "title")
        thread = msgspec.structs.replace(thread, **{name: getattr(like, name) for name in names})
    return settled(thread)


_NO_SUM: Final[tuple[str, ...]] = (
    "id", "last_event", "spread_told", "silence_told", "decision", "merged_into", "split_from", "apart", "revision",
    "position",
)  # fmt: skip


def add(thread: Thread, member: Member) -> Thread:
    """The thread with one more member; `settled` must follow."""
    thread = msgspec.structs.replace(
        thread,
        members=thread.members + 1,
        copies=thread.copies + bool(member.copy_of),
        telling=_carry(thread.telling, member),
        withdrawn=thread.withdrawn + (member.withdrew and not member.says("allegation")),
        first_activity=min(thread.first_activity, member.published),
        last_activity=max(thread.last_activity, member.published),
    )
    return _tell(thread, member, (), member.statements)


def amended(thread: Thread, before: Member, after: Member) -> Thread | None:
    """The thread when a member says more than it did; None where it says less, and the sum must be made anew.

    This is why a page with a thousand words more costs its thread nothing but what they say.
    """
    had, has = before.statements, after.statements
    less = {one.key for one in had} - {one.key for one in has}
    if less or before.withdrew != after.withdrew:
        return None
    return settled(_tell(thread, after, had, has))


def _tell(thread: Thread, member: Member, had: Sequence[Statement], has: Sequence[Statement]) -> Thread:
    """The thread with what a member says beyond what it said when it was counted."""
    old_allegations, old_denials = _of("allegation", had), _of("denial", had)
    allegations, denials = _of("allegation", has), _of("denial", has)
    alleges, denies = _first_of(member, allegations), _first_of(member, denials)
    named_before, names_now = any(map(_whom, old_denials)), any(map(_whom, denials))
    return msgspec.structs.replace(
        thread,
        accusers=_name(
            thread.accusers,
            member,
            had={*map(_who, old_allegations), *map(_whom, old_denials)},
            has=[(one.who, one) for one in allegations] + [(one.whom, one) for one in denials],
        ),
        accused=_name(
            thread.accused, member, had={*map(_whom, old_allegations)}, has=[(one.whom, one) for one in allegations]
        ),
        deniers=_name(thread.deniers, member, had={*map(_who, old_denials)}, has=[(one.who, one) for one in denials]),
        first_allegation=_earlier(thread.first_allegation, alleges),
        first_denial=_earlier(thread.first_denial, denies),
        alleging=_carry(thread.alleging, member) if allegations and not old_allegations else thread.alleging,
        denying=_carry(thread.denying, member) if denials and not old_denials else thread.denying,
        naming=thread.naming + (names_now and not named_before),
    )


def _of(kind: Kind, statements: Iterable[Statement]) -> list[Statement]:
    return [one for one in statements if one.kind == kind]


def _who(statement: Statement) -> str:
    return party_key(statement.who)


def _whom(statement: Statement) -> str:
    return party_key(statement.whom)


def settled(thread: Thread) -> Thread:
    """The thread with what follows from its sums: state and lag."""
    return msgspec.structs.replace(thread, state=state_of(thread), lag_seconds=lag_of(thread))


def state_of(thread: Thread) -> State:
    """What a person decided, else what the members say.

    Texts tell nobody's admission for certain, so no state but a person's is `conceded`. A thread with neither side (a
    debunk, somebody who declined to deny) is `alleged`: what is debunked was claimed.
    """
    if thread.decision is not None:
        return thread.decision.state
    if thread.withdrawn and not thread.alleging.articles:
        return "retracted"
    if not thread.denying.articles:
        return "alleged"
    return "disputed" if thread.alleging.articles or thread.naming else "denied"


def lag_of(thread: Thread) -> int | None:
    """Whole seconds from the allegation alone to the denial; None where that is not known.

    A text with the denial tells the allegation too, and not when it was made: only an article with the allegation
    alone, published before, starts the clock. An article with both has its allegation and its denial at one time, so
    what is before the first denial is alone. A time that is not the publisher's own measures our polling, not the
    answer.
    """
    began, denied = thread.first_allegation, thread.first_denial
    if began is None or denied is None or began.published >= denied.published:
        return None
    if began.published_source not in DATED or denied.published_source not in DATED:
        return None
    return (denied.published - began.published) // timedelta(seconds=1)


def _empty(first: Member) -> Thread:
    said = first.statements[0] if first.statements else None
    if said is None:
        claim = Evidence(article=first.article, text_hash="", published=first.published, quote=first.title)
    else:
        claim = evidence(first, said.claim or said.quote, said.text_hash)
    return Thread(
        id=first.article,
        language=first.language,
        state="alleged",
        claim=claim,
        title=first.title,
        first_activity=first.published,
        last_activity=first.published,
    )


def _first_of(member: Member, statements: Sequence[Statement]) -> Evidence | None:
    return evidence(member, statements[0].quote, statements[0].text_hash) if statements else None


def _earlier(known: Evidence | None, other: Evidence | None) -> Evidence | None:
    if known is None or other is None:
        return known or other
    return min(known, other, key=lambda one: (one.published, one.article))


def _name(parties: Parties, member: Member, *, had: set[str], has: Iterable[tuple[Who, Statement]]) -> Parties:
    """The parties with those whom a member names now and did not before, each counted once for it."""
    named, others = list(parties.named), parties.others
    places = {party_key((one.name, one.code)): place for place, one in enumerate(named)}
    counted = {"", *had}
    for who, statement in has:
        key = party_key(who)
        if key in counted:
            continue
        counted.add(key)
        if key in places:
            known = named[places[key]]
            named[places[key]] = msgspec.structs.replace(known, articles=known.articles + 1)
        elif len(named) < MAX_PARTIES:
            first = evidence(member, statement.quote, statement.text_hash)
            named.append(Party(name=who[0], code=who[1], first=first))
        else:
            others += 1
    return Parties(named=tuple(named), others=others)


def _carry(side: Side, member: Member) -> Side:
    """The side with one more article; its source counts unless another of its copy group did."""
    articles = side.articles + 1
    if member.group in side.groups:
        return msgspec.structs.replace(side, articles=articles)
    groups = (*side.groups, member.group)[:MAX_SOURCES]
    sources = side.sources
    if member.source not in sources and len(sources) < MAX_SOURCES:
        sources = (*sources, member.source)
    return Side(articles=articles, sources=sources, groups=groups)
