"""What a message tells of a story, and what changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from pipeline.channels.story import MAX_RULES, MAX_SENTENCE_BYTES, digest, snapshot, trimmed, what_changed
from pipeline.records import Article, Flag, Membership, Parties
from pipeline.records.thread import MAX_PARTIES, Party, Side
from tests.told import NOW, event, evidence, story, story_event, thread


def article(**more: Any) -> Article:
    """The article at hand."""
    fields: dict[str, Any] = {
        "id": "a" * 32,
        "text_hash": "b" * 16,
        "url": "https://news.example/canonical",
        "link": "https://news.example/link",
        "outlet": "Example Times",
        "domain": "news.example",
        "title": "t",
        "published": NOW,
        "fetched": NOW,
    }
    return Article(**(fields | more))


def flag(rule: str) -> Flag:
    """A flag of a rule."""
    return Flag(id="f", kind="denial", category="c", rule=rule, version=2, score=1.0, spans=())


def test_a_digest_has_names_counts_and_the_article_at_hand() -> None:
    """Each from its place."""
    told = digest(story_event(article=article(), flags=(flag("en.a"), flag("en.a"), flag("en.b")), ruleset="r"))
    assert told.accusers == ("Syldavia",)
    assert told.deniers == ("Borduria",)
    assert (told.alleging, told.denying, told.articles) == (2, 0, 3)
    assert (told.url, told.outlet) == ("https://news.example/link", "Example Times")
    assert told.rules == ("en.a/2", "en.b/2")


def test_a_name_that_two_parties_have_is_told_once() -> None:
    """A country and its government are two."""
    both = tuple(Party(name="Ruritania", code=code, first=evidence()) for code in ("RUR", "RURGOV"))
    assert digest(story_event(thread=thread(deniers=Parties(named=both)))).deniers == ("Ruritania",)


def test_a_digest_without_an_article_names_none() -> None:
    """The time, or a person, caused the event."""
    told = digest(story_event())
    assert (told.url, told.outlet, told.rules) == ("", "", ())


def test_a_digest_stays_small_whatever_joined() -> None:
    """A full thread and a hostile article make no large record."""
    named = tuple(Party(name="N" * 120, first=evidence("q" * 400, link="https://x/" + "l" * 490)) for _ in range(10))
    full = thread(
        title="t" * 400,
        accusers=Parties(named=named),
        accused=Parties(named=named),
        deniers=Parties(named=named[:MAX_PARTIES]),
        telling=Side(articles=10_000, sources=tuple(f"domain:{n}.example" for n in range(32))),
        first_allegation=named[0].first,
        first_denial=named[0].first,
    )
    hostile = article(link="https://x/" + "l" * 100_000, outlet="o" * 100_000, body="b" * 50_000)
    flags = tuple(flag(f"{n}" * 1000) for n in range(50))
    told = digest(story_event(thread=full, article=hostile, flags=flags))
    assert len(msgspec.json.encode(told)) < 10_000
    assert told.url == ""
    assert len(told.rules) == MAX_RULES


def test_a_heartbeat_has_no_digest() -> None:
    """It has no thread."""
    with pytest.raises(ValueError, match="has no thread"):
        digest(story_event(thread=None))


def test_a_trimmed_event_keeps_what_is_told() -> None:
    """Quotes and names stay; scores and moved articles go."""
    full = event(member=Membership(article="a" * 32), articles=("a" * 32,), names=("X",), evidence=(evidence(),))
    kept = trimmed(full)
    assert (kept.member, kept.articles) == (None, ())
    assert (kept.names, kept.evidence, kept.id) == (full.names, full.evidence, full.id)


def test_an_event_never_tells_a_statement_as_a_fact() -> None:
    """Who says it, and by whose account."""
    denied = event("new_denier", names=("Borduria", "Ann"), evidence=(evidence(outlet="Daily Example"),))
    assert what_changed([denied], story()) == "Borduria and Ann denied it, according to Daily Example."


def test_what_changed_is_counted_from_what_was_told() -> None:
    """Events that were not told in between show in the differences."""
    before = snapshot(story(state="alleged", deniers=(), denying=0, articles=1, lag_seconds=None))
    text = what_changed([event("spread", number=3)], story(), before)
    assert text.startswith("3 independent sources carry it. It is now disputed")
    assert "Borduria, not named before, denied it, according to reports." in text
    assert "1 independent source denied it, 0 before." in text
    assert "3 articles, 1 before." in text
    assert "The first denial came 3 h after the first allegation." in text


def test_a_party_is_told_once() -> None:
    """By the event that names it, and not again as a difference."""
    before = snapshot(story(deniers=(), state="disputed"))
    denied = event("new_denier", names=("Borduria",), evidence=(evidence(outlet="Daily Example"),))
    assert what_changed([denied], story(), before) == "Borduria denied it, according to Daily Example."


def test_nothing_changed_says_nothing() -> None:
    """The same story again."""
    assert what_changed([], story(), snapshot(story())) == ""


def test_what_changed_is_bounded() -> None:
    """However many names, and however long a comment."""
    many = event("new_denier", names=tuple("名" * 40 for _ in range(10)), when=NOW + timedelta(hours=1))
    assert len(what_changed([many], story()).encode()) <= MAX_SENTENCE_BYTES
