"""Dispute threads: who is on which side, since when, how far it spread, and what is told of it."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from pipeline.records import Flagged, encode, threads
from pipeline.records.thread import MAX_PARTIES, MAX_SOURCES, Thread
from pipeline.resources import shipped
from pipeline.rules.load import load_rules
from pipeline.threads.docket import Docket
from pipeline.threads.spread import STEPS
from tests.articles import NOON, make_article
from tests.disputes import (
    Court,
    Said,
    accuses,
    article_id,
    copied,
    denies,
    revised,
    telling,
    tick,
)


def names(thread: Thread, role: str) -> list[str]:
    """Who has a role in the thread."""
    return [one.name for one in getattr(thread, role).named]


def test_an_allegation_and_its_denial_become_one_disputed_thread() -> None:
    """The accuser, the accused and the denier are named, with the first quote of each side."""
    court = Court()
    court.take(telling(1, accuses()), telling(2, denies(), hours=3))
    thread = court.thread
    assert (thread.id, thread.state, thread.members) == (article_id(1), "disputed", 2)
    assert [names(thread, role) for role in ("accusers", "accused", "deniers")] == [
        ["Aland"],
        ["Borduria"],
        ["Borduria"],
    ]
    assert thread.first_allegation is not None
    assert thread.first_denial is not None
    assert (thread.first_allegation.article, thread.first_denial.article) == (article_id(1), article_id(2))
    assert thread.first_denial.quote.startswith("Borduria contradicts")
    assert thread.claim.quote == "silver spoons"
    assert thread.lag_seconds == 3 * 3600
    assert court.kinds == ["created", "joined", "new_denier", "disputed", "spread"]


def test_a_quote_stands_where_it_says() -> None:
    """The quotes of a thread can be shown in their articles."""
    court = Court()
    first = telling(1, accuses(headline=True))
    court.take(first)
    found = court.thread.accusers.named[0].first
    text: str = getattr(first.article, found.field)
    assert text[found.start : found.start + len(found.quote)] == found.quote
    assert found.text_hash == first.article.text_hash


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (accuses(), "alleged"),
        (denies(), "denied"),
        (denies(whom="Aland"), "disputed"),
        (Said("debunk", "Checkers"), "alleged"),
        (Said("non_denial", "Borduria"), "alleged"),
    ],
)
def test_one_article_gives_a_thread_its_state(said: Said, state: str) -> None:
    """A denial that names whose claim it denies has both sides."""
    court = Court()
    court.take(telling(1, said))
    assert court.thread.state == state
    assert court.kinds == (["created", "disputed"] if state == "disputed" else ["created"])


def test_a_denial_names_the_accuser_but_not_the_accused() -> None:
    """Who denies may do so for somebody else, so nobody is accused by a denial."""
    court = Court()
    court.take(telling(1, denies("Curland", "Aland")))
    assert names(court.thread, "accusers") == ["Aland"]
    assert names(court.thread, "accused") == []


def test_who_denies_for_the_accused_is_a_denier_beside_it() -> None:
    """Both are kept; a debunk's author is neither."""
    court = Court()
    court.take(telling(1, accuses()), telling(2, denies()), telling(3, denies("Curland"), Said("debunk", "Checkers")))
    assert names(court.thread, "deniers") == ["Borduria", "Curland"]
    told = [(one.names, one.what) for one in court.events if one.kind == "new_denier"]
    assert told == [(("Borduria",), "Borduria denied it."), (("Curland",), "Curland denied it too.")]


def test_one_party_goes_by_its_code_or_else_by_its_name() -> None:
    """Spelling is no new denier; neither is a code under another name."""
    court = Court()
    court.take(telling(1, accuses("The  Post")), telling(2, accuses("the post")))
    assert [(one.name, one.articles) for one in court.thread.accusers.named] == [("The  Post", 2)]


def test_what_looks_back_begins_no_thread_and_changes_none() -> None:
    """An anniversary is no news."""
    court = Court()
    court.take(telling(1, accuses(historic=True)))
    assert court.docket.threads == {}
    court.take(telling(2, accuses()), telling(3, denies(historic=True)))
    assert (court.thread.members, court.thread.state) == (1, "alleged")
    assert court.kinds == ["created"]


def test_an_article_without_flags_begins_nothing() -> None:
    """A revision of an article that was never flagged passes by."""
    court = Court()
    assert court.take(Flagged(article=make_article(1), flags=())).events == []
    assert court.docket.members == {}


# -- lag


def lag(*articles: Flagged) -> int | None:
    """The lag of a thread of these articles."""
    court = Court()
    court.take(*articles)
    return court.thread.lag_seconds


@pytest.mark.parametrize(
    "articles",
    [
        (telling(1, accuses(), hours=2), telling(2, denies(), hours=1)),  # alone, but after the denial
        (telling(1, accuses()), telling(2, denies())),  # at the same time
        (telling(1, accuses(), denies()),),  # never alone
        (telling(1, accuses(), denies()), telling(2, denies(), hours=1)),
        (telling(1, denies(whom="Aland")), telling(2, denies(), hours=1)),
        (telling(1, accuses(), published_source="fetched"), telling(2, denies(), hours=1)),
        (telling(1, accuses()), telling(2, denies(), hours=1, published_source="clamped")),
        (telling(1, accuses()),),
    ],
)
def test_lag_is_not_told_unless_the_allegation_alone_came_first(articles: tuple[Flagged, ...]) -> None:
    """A text with both sides does not tell when the allegation was made; our own clock does not tell it either."""
    assert lag(*articles) is None


def test_an_article_that_denies_too_since_starts_no_clock() -> None:
    """It had the allegation alone; its page, or a later text, has the denial: when that came is not known."""
    first = telling(1, accuses())
    for source in ("page", "feed"):
        both = revised(first, accuses(), denies(), text_source=source)
        assert lag(first, both, telling(2, denies(), hours=5)) is None
    assert lag(first, telling(3, accuses(), hours=1), both, telling(2, denies(), hours=5)) is None


def test_lag_goes_by_publication_in_whatever_order_articles_arrive() -> None:
    """A late original moves the beginning back; an article with both sides does not."""
    first, both, denial = telling(1, accuses()), telling(2, accuses(), denies(), hours=2), telling(3, denies(), hours=5)
    assert lag(first, both, denial) == lag(denial, both, first) == 2 * 3600
    early = telling(4, accuses(), hours=-1)
    assert lag(first, both, denial, early) == 3 * 3600


# -- spread and copies


def test_each_step_of_the_spread_is_told_once() -> None:
    """Twenty-five outlets, each twice: 2, 3, 5, 10, 20."""
    court = Court()
    for number in range(1, 51):
        court.take(telling(number, accuses(), source=f"owner:{number % 25}"))
    assert [one.number for one in court.events if one.kind == "spread"] == list(STEPS)
    assert court.thread.telling.independent == 25
    assert court.thread.members == 50


def test_copies_are_members_but_no_sources() -> None:
    """Nine outlets that print an agency's text are one source, whether or not its original is among them."""
    court = Court()
    first = telling(1, accuses())
    court.take(first, *(copied(number, first) for number in range(2, 10)))
    assert (court.thread.members, court.thread.copies, court.thread.telling.sources) == (9, 8, ("owner:1",))
    assert court.thread.accusers.named[0].articles == 9
    assert {one.what for one in court.events if one.kind == "joined"} == {"A copy joined."}
    unseen = telling(90, accuses())
    lone = Court()
    lone.take(*(copied(number, unseen) for number in range(2, 10)))
    assert lone.thread.telling.sources == ("owner:2",)


def test_the_order_of_copies_changes_neither_sources_nor_sides() -> None:
    """The original that comes last counts as if it had come first."""
    first = telling(1, accuses(), source="owner:x")
    copies = [copied(number, first, source="owner:x") for number in (2, 3)]
    ends = []
    for order in ([first, *copies], [copies[1], copies[0], first]):
        court = Court()
        court.take(*order)
        thread = court.thread
        ends.append((thread.telling.sources, thread.members, thread.first_allegation, names(thread, "accusers")))
    assert ends[0] == ends[1]


def test_sources_are_counted_on_each_side() -> None:
    """Who carries the denial alone does not carry the allegation."""
    court = Court()
    court.take(telling(1, accuses()), telling(2, denies()), telling(3, accuses(), denies()))
    assert court.thread.alleging.sources == ("owner:1", "owner:3")
    assert court.thread.denying.sources == ("owner:2", "owner:3")


# -- size


def test_a_thread_of_ten_thousand_members_stays_small() -> None:
    """Names, quotes and sources are bounded, in any script; the rest is counted."""
    court = Court()
    long = "𠮷" * 400
    for number in range(1, 10_001):
        who = f"{number}{long}"
        court.take(
            telling(
                number, accuses(who, f"{who}!"), source=f"owner:{who}", link=f"https://a.example/{number}{'x' * 900}"
            )
        )
    thread = court.thread
    assert thread.members == 10_000
    assert len(thread.accusers.named) == MAX_PARTIES
    assert thread.accusers.others == 10_000 - MAX_PARTIES
    assert len(thread.telling.sources) == MAX_SOURCES
    assert len(encode(thread)) < 64 * 1024
    assert threads.decode(encode(thread)) == thread


def test_an_article_with_hundreds_of_flags_is_a_small_member() -> None:
    """A table row is bounded too."""
    court = Court()
    court.take(telling(1, *(accuses(f"Witness {number}") for number in range(300))))
    assert len(msgspec.json.encode(court.docket.members[article_id(1)])) < 16 * 1024


# -- silence


def test_silence_is_told_by_ticks_once_for_each_length() -> None:
    """Twenty-four and seventy-two hours after publication, not before, and not again."""
    court = Court()
    court.take(telling(1, accuses()))
    for hours in (1, 23.9, 24, 25, 71, 72.5, 90):
        court.take(tick(hours))
    told = [(one.number, one.when) for one in court.events if one.kind == "silent"]
    assert told == [(24, NOON + timedelta(hours=24)), (72, NOON + timedelta(hours=72.5))]


def test_a_worker_that_was_away_tells_the_longest_silence_only() -> None:
    """One event, not one for each hour that was missed."""
    court = Court()
    court.take(telling(1, accuses()), tick(100))
    assert [one.number for one in court.events if one.kind == "silent"] == [72]


@pytest.mark.parametrize(("hours", "told"), [((6,), [6]), ((), [])])
def test_the_lengths_of_silence_are_a_setting(hours: tuple[int, ...], told: list[int]) -> None:
    """None at all: nothing is told."""
    court = Court(docket=Docket({}, {}, {}, hours=hours))
    court.take(telling(1, accuses()), tick(7), tick(80))
    assert [one.number for one in court.events if one.kind == "silent"] == told


def test_who_was_denied_is_not_silent() -> None:
    """A denial ends the wait; a refusal to comment does not."""
    court = Court()
    court.take(telling(1, accuses()), telling(2, denies(), hours=2), tick(30))
    assert "silent" not in court.kinds
    other = Court()
    other.take(telling(1, accuses()), telling(2, Said("non_denial", "Borduria"), hours=2), tick(30))
    assert "silent" in other.kinds


# -- looking again


def looks(court: Court, *hours: float) -> list[int]:
    """Which looks these ticks ask for."""
    return [one.look for at in hours for one in court.take(tick(at)).looks]


def test_a_flagged_page_is_looked_at_again_on_its_schedule() -> None:
    """At once, and 10 minutes, an hour, a day and a week after it was fetched; each is a visit of its own."""
    court = Court()
    first = court.take(telling(1, accuses(), link="https://herald.example/1"))
    assert [(one.look, one.why, one.article.body) for one in first.looks] == [(0, "look", "")]
    minute = 1 / 60
    assert looks(court, 0.1, 0.2, 0.3, 1 + 2 * minute, 2, 25, 8 * 24, 9 * 24) == [1, 2, 3, 4]
    assert court.docket.stubs == {}
    assert len({one.key for one in first.looks}) == 1


def test_a_page_that_was_read_is_compared_with_itself() -> None:
    """Of such a page any text counts, and the request says so; of another only one that is longer than the feed's."""
    court = Court()
    first = telling(1, accuses())
    (baseline,) = court.take(first).looks
    assert baseline.article.text_source == "feed"
    court.take(revised(first, accuses(), denies(), text_source="page"))
    (again,) = court.take(tick(2)).looks
    assert again.article.text_source == "page"


def test_looks_that_were_missed_are_not_made_up() -> None:
    """After a day away there is one visit, not three."""
    court = Court()
    court.take(telling(1, accuses()))
    assert looks(court, 30) == [3]


def test_no_visit_repeats_after_a_restart() -> None:
    """What was due before the last tick was asked for by then."""
    court = Court()
    court.take(telling(1, accuses()), tick(0.5))
    docket = court.docket
    court.docket = type(docket)(docket.threads, docket.members, docket.stubs, ticked=docket.ticked)
    list(court.docket.restore())
    assert looks(court, 0.6, 2) == [2]


@pytest.mark.parametrize(
    "changes",
    [{"link": "", "url": ""}, {"full_text": "flagged"}, {"full_text": "always", "text_source": "page"}],
)
def test_the_baseline_is_not_asked_for_twice(changes: dict[str, str]) -> None:
    """Without a link there is no page; where its feed wants pages, somebody else asks."""
    assert Court().take(telling(1, accuses(), **changes)).looks == []


# -- changes of stance


def stances(court: Court) -> list[tuple[str | None, tuple[str, ...], int]]:
    """How stances changed: the change, whose, and how many quotes are shown."""
    return [(one.change, one.names, len(one.evidence)) for one in court.events if one.kind == "stance_changed"]


def test_a_denial_that_is_added_later_is_told_with_its_quote() -> None:
    """The thread becomes disputed, and the event's time is when we saw it."""
    court = Court()
    first = telling(1, accuses())
    court.take(first, revised(first, accuses(), denies()))
    assert stances(court) == [("added", ("Borduria",), 1)]
    assert court.thread.state == "disputed"
    assert court.thread.members == 1
    assert court.events[-1].when == first.article.fetched + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (denies(), Said("non_denial", "Borduria"), "softened"),
        (Said("non_denial", "Borduria"), denies(), "hardened"),
        (denies(headline=True), denies(), "softened"),
        (denies(), denies(headline=True), "hardened"),
        (accuses(headline=True), accuses(), "softened"),
    ],
)
def test_a_stance_is_softened_and_hardened_with_both_quotes(before: Said, after: Said, change: str) -> None:
    """It leaves or enters the headline, or is no denial any more."""
    court = Court()
    first = telling(1, before)
    second = revised(first, after)
    court.take(first, second)
    assert stances(court) == [(change, (before.who,), 2)]
    told = next(one for one in court.events if one.kind == "stance_changed")
    assert [quote.text_hash for quote in told.evidence] == [first.article.text_hash, second.article.text_hash]


def test_an_allegation_that_every_article_dropped_is_retracted() -> None:
    """Not when one of two did; and a new one opens the thread again."""
    court = Court()
    one, two = telling(1, accuses()), telling(2, accuses())
    court.take(one, two, telling(3, denies()), revised(one))
    assert (stances(court), court.thread.state) == ([("removed", ("Aland",), 1)], "disputed")
    court.take(revised(two))
    assert court.thread.state == "retracted"
    assert court.kinds[-2:] == ["stance_changed", "retracted"]
    court.take(telling(4, accuses("Curland")))
    assert court.thread.state == "disputed"
    assert "reopened" in court.kinds
    assert names(court.thread, "accusers") == ["Curland"]


def test_a_denial_that_is_taken_back_leaves_the_thread_alleged() -> None:
    """Its denier and its quote are gone from the record; the event keeps the quote."""
    court = Court()
    first, denial = telling(1, accuses()), telling(2, denies(), hours=1)
    court.take(first, denial, revised(denial))
    assert (court.thread.state, court.thread.first_denial, court.thread.lag_seconds) == ("alleged", None, None)
    assert names(court.thread, "deniers") == []
    assert court.thread.members == 2


def test_a_page_that_says_more_than_its_feed_did_is_no_change_of_stance() -> None:
    """It is the baseline: what it adds counts, and a later page is compared with it."""
    court = Court()
    feed = telling(1, accuses())
    page = revised(feed, accuses(), denies(), text_source="page")
    court.take(feed, page)
    assert stances(court) == []
    assert (court.thread.state, court.thread.members) == ("disputed", 1)
    court.take(revised(page, accuses(), minutes=60))
    assert stances(court) == [("removed", ("Borduria",), 1)]
    assert court.thread.state == "alleged"


def test_a_shorter_feed_text_takes_nothing_from_the_page() -> None:
    """A feed that changes its summary is compared with its summary."""
    court = Court()
    feed = telling(1, accuses())
    court.take(
        feed, revised(feed, accuses(), denies(), text_source="page"), revised(feed, accuses(), lead="A new summary.")
    )
    assert stances(court) == []
    assert court.thread.state == "disputed"


def test_what_left_the_page_does_not_live_on_in_the_older_feed_text() -> None:
    """The feed's summary told of the denial; the page tells of it no more."""
    court = Court()
    feed = telling(1, accuses(), denies())
    page = revised(feed, accuses(), denies(), text_source="page", lead="More.")
    court.take(feed, page, revised(page, accuses()))
    assert court.thread.state == "alleged"


def test_other_rules_make_no_change_of_stance() -> None:
    """Only what does not stand in the text any more is told as removed."""
    court = Court()
    first = telling(1, accuses())
    court.take(first, revised(first, accuses(), denies(), ruleset="r2"))
    assert stances(court) == []
    still = Court()
    quiet = revised(first, accuses(), ruleset="r2", lead="New.")
    still.take(first, msgspec.structs.replace(quiet, flags=()))
    assert stances(still) == []
    gone = Court()
    gone.take(first, revised(first, ruleset="r2"))
    assert stances(gone) == [("removed", ("Aland",), 1)]


def test_a_party_that_is_named_later_is_the_same_denial() -> None:
    """ "Somebody denies" becomes "Borduria denies": no stance changed."""
    court = Court()
    first = telling(1, denies(""))
    court.take(first, revised(first, denies()))
    assert stances(court) == []
    assert names(court.thread, "deniers") == ["Borduria"]


def test_several_changes_in_one_text_have_ids_of_their_own() -> None:
    """A text that drops the allegation and adds a denial tells both."""
    court = Court()
    first = telling(1, accuses())
    court.take(first, revised(first, denies()))
    ids = [one.id for one in court.events if one.kind == "stance_changed"]
    assert len(set(ids)) == len(ids) == 2


# -- the model case


def test_the_model_case_is_one_disputed_thread_with_the_right_sides() -> None:
    """Two outlets in other words, read by the shipped rules: alleged by the United States, denied by North Korea."""
    rules = load_rules(shipped("config/rules"))
    first = make_article(
        1,
        language="en",
        outlet="The Quay",
        source="owner:quay",
        title="North Korea rejects US charge that it supplied Russia with artillery shells",
        lead="Washington accuses North Korea of covertly sending artillery shells to Russia.",
    )
    second = make_article(
        2,
        language="en",
        outlet="Harbour Post",
        source="owner:harbour",
        title="North Korea denies arms dealings with Russia",
        lead="North Korea denied the United States' allegation of arms dealings, calling it a groundless rumour.",
        published=NOON + timedelta(hours=2),
    )
    court = Court()
    court.take(*(Flagged(article=one, flags=rules.flags(one), ruleset=rules.hash) for one in (first, second)))
    thread = court.thread
    assert (thread.state, thread.members, thread.telling.independent) == ("disputed", 2, 2)
    assert {one.code[:3] for one in thread.accusers.named} == {"USA"}
    assert {one.code[:3] for one in thread.deniers.named} == {"PRK"}
    assert {one.code[:3] for one in thread.accused.named} == {"PRK"}
    assert thread.lag_seconds is None
    assert [one.number for one in court.events if one.kind == "spread"] == [2]
