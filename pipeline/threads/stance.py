"""What an article says now that it did not, and the reverse: two texts of one source compared.

A machine that reads flags can tell four changes of a denial or an allegation: it is there now (`added`) or no longer
(`removed`), it enters or leaves the headline, and a denial takes the place of a refusal to comment or the reverse
(`hardened`, `softened`). Other wording is no change of stance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from pipeline.records.article import FIELDS, Article
from pipeline.records.thread import Change
from pipeline.threads.member import Reading, Statement, party_key


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """One change of stance. ``old`` is None for what was added, ``new`` for what was removed."""

    change: Change
    old: Statement | None = None
    new: Statement | None = None

    @property
    def said(self) -> Statement:
        """The statement that changed, as it is now if it is still there."""
        found = self.new or self.old
        assert found is not None, "a shift has a side"
        return found


def compare(old: Reading, new: Reading, article: Article) -> tuple[Shift, ...]:
    """What changed between two texts of one source, ``article`` having the new one; in the order of the old text.

    Where other rules read the new text, nothing is `added` (they may find what was always there), and `removed` is only
    what does not stand in the text any more.
    """
    same_rules = old.ruleset == new.ruleset
    left = [one for one in new.statements if one.kind != "debunk"]
    shifts: list[Shift] = []
    for was in (one for one in old.statements if one.kind != "debunk"):
        now = _counterpart(was, left)
        if now is not None:
            left.remove(now)
            shifts += _shift(was, now)
        elif same_rules or not _stands(was, article):
            shifts.append(Shift(change="removed", old=was))
    if same_rules:
        shifts += [Shift(change="added", new=one) for one in left]
    return tuple(shifts)


def _counterpart(was: Statement, left: Sequence[Statement]) -> Statement | None:
    """The same statement in the new text: the same parties, or parties that one text names and the other does not."""
    alike = [one for one in left if _side(one) == _side(was)]
    for one in alike:
        if one.key == was.key:
            return one
    return next((one for one in alike if _may_be(was, one)), None)


def _side(statement: Statement) -> str:
    return "denial" if statement.kind == "non_denial" else statement.kind


def _may_be(was: Statement, now: Statement) -> bool:
    pairs = ((was.who, now.who), (was.whom, now.whom))
    return all(not party_key(a) or not party_key(b) or party_key(a) == party_key(b) for a, b in pairs)


def _shift(was: Statement, now: Statement) -> Iterator[Shift]:
    if was.kind != now.kind:
        yield Shift(change="hardened" if now.kind == "denial" else "softened", old=was, new=now)
        return
    was_headline, is_headline = (one.quote.field == FIELDS[0] for one in (was, now))
    if was_headline != is_headline:
        yield Shift(change="hardened" if is_headline else "softened", old=was, new=now)


def _stands(statement: Statement, article: Article) -> bool:
    quote = " ".join(statement.quote.quote.split())
    return any(quote in " ".join(getattr(article, field).split()) for field in FIELDS)
