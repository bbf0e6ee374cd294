"""Which thread a story belongs to: the model case, twins that stay apart, and the laws of the index."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import Article, CopyOf
from pipeline.resources import shipped
from pipeline.rules import Rules, load_rules
from pipeline.threads import join as join_module
from pipeline.threads.join import MAX_MEMBERS, RESTORE_CHUNK, Entry, Threads, Verdict
from pipeline.threads.likeness import DAY, THRESHOLD
from pipeline.threads.story import MAX_TERMS, Number, Story
from pipeline.threads.terms import story_of
from tests.articles import NOON, make_article


@pytest.fixture(scope="module", name="rules")
def _rules() -> Rules:
    return load_rules(shipped("config") / "rules")


def _article(number: int, title: str, body: str = "", hours: float = 0, **more: Any) -> Article:
    when = NOON + timedelta(hours=hours)
    fields: dict[str, Any] = {"lead": "", "language": "en", "published": when} | more
    return make_article(number, title=title, body=body, **fields)


def _taken_in(threads: Threads, stories: Sequence[Story]) -> list[Verdict]:
    """What is decided of stories that arrive in this order."""
    verdicts = []
    for story in stories:
        verdict = threads.join(story)
        thread = verdict.joined.thread if verdict.joined is not None else story.id
        threads.add(Entry(story, thread, len(verdicts)))
        verdicts.append(verdict)
    return verdicts


def _together(stories: Sequence[Story]) -> list[int]:
    """The number of the story that began the thread of each."""
    threads = Threads()
    _taken_in(threads, stories)
    entries = [threads.entry(story.id) for story in stories]
    return [int(entry.thread, 16) if entry is not None else -1 for entry in entries]


def test_the_denial_and_the_charge_of_two_outlets_are_one_thread(rules: Rules) -> None:
    """The model case: who denies in the one is accused in the other."""
    articles = [
        _article(
            1,
            "North Korea rejects US charge that it ships artillery shells to Russia",
            "Pyongyang called the claim unfounded. The White House had accused North Korea of covertly supplying "
            "Russia with artillery shells for its war in Ukraine, by way of the Middle East and Africa.",
        ),
        _article(
            2,
            "Groundless rumour of arms dealings, says Pyongyang",
            "North Korea has never had arms dealings with Russia and will have none, a defence official said, and "
            "denied the American allegation of shells for the war in Ukraine.",
            hours=5,
        ),
        _article(3, "North Korea fires missile over Japan, Tokyo protests", "Sirens sounded on Hokkaido.", hours=6),
    ]
    stories = [story_of(article, rules.flags(article)) for article in articles]
    assert _together(stories) == [1, 1, 3]


TWINS = {
    "ordinals": (
        (
            "EU accused of delaying 12th sanctions package against Borduria",
            "Envoys quarrel over the 12th sanctions package.",
        ),
        (
            "EU accused of delaying 13th sanctions package against Borduria",
            "Envoys quarrel over the 13th sanctions package.",
        ),
    ),
    "ordinals in French": (
        (
            "Le 12e paquet de sanctions contre la Bordurie divise Bruxelles",
            "Le 12e paquet de sanctions vise le pétrole.",
        ),
        (
            "Le 13e paquet de sanctions contre la Bordurie divise Bruxelles",
            "Le 13e paquet de sanctions vise le pétrole.",
        ),
    ),
    "labels": (
        (
            "Airline denies fault in crash",
            "The airline denied that Flight 204 to Orlane had been short of fuel at Vellmar.",
        ),
        (
            "Airline denies fault in crash",
            "The airline denied that Flight 377 to Orlane had been short of fuel at Vellmar.",
        ),
    ),
    "two quakes": (
        ("Quake of 6.4 magnitude shakes Qarim province", "A 6.4 magnitude quake hit villages of Qarim near the gulf."),
        ("Quake of 5.1 magnitude shakes Qarim province", "A 5.1 magnitude quake hit villages of Qarim near the gulf."),
    ),
}


@pytest.mark.parametrize("name", TWINS)
def test_twins_stay_apart_by_the_number_that_names_them(name: str) -> None:
    """Nearly every word is common; the veto says which number differs."""
    language = "fr" if "French" in name else "en"
    one, two = (story_of(_article(n, *text, language=language)) for n, text in enumerate(TWINS[name], 1))
    _, verdict = _taken_in(Threads(), [one, two])
    assert verdict.joined is None
    (veto,) = verdict.vetoes
    assert (veto.kind, veto.thread) == ("numbers", one.id)
    assert veto.score > 2 * THRESHOLD
    assert all(number.value in veto.why for number in (one.numbers[0], two.numbers[0]))


def test_a_toll_that_grows_is_one_event() -> None:
    """Counts are no names: twelve dead, then fifteen, then 26 wounded."""
    tellings = [
        ("Ferry fire off Vellmar kills 12", "At least 12 people died when the ferry Orla burned off Vellmar."),
        (
            "Ferry fire off Vellmar kills 15",
            "At least 15 people died when the ferry Orla burned off Vellmar, 26 wounded.",
        ),
    ]
    assert _together([story_of(_article(n, *text)) for n, text in enumerate(tellings, 1)]) == [1, 1]


def test_two_people_accused_of_the_same_are_two_threads(rules: Rules) -> None:
    """The same charge, the same town, the same police; another name. The veto names both."""
    text = "{} is accused of taking bribes from builders in Tarnwick, police say"
    names = ["Anselm Krobath", "Ludmila Orsz", "Krobath"]
    articles = [_article(n, text.format(name)) for n, name in enumerate(names, 1)]
    stories = [story_of(article, rules.flags(article)) for article in articles]
    assert stories[0].accused == ("anselm krobath",)
    assert _together(stories) == [1, 2, 1]
    (veto,) = _taken_in(Threads(), stories)[1].vetoes
    assert veto.kind == "actors"
    assert "anselm krobath" in veto.why
    assert "ludmila orsz" in veto.why


def test_two_countries_with_one_complaint_are_two_threads(rules: Rules) -> None:
    """Other states accuse other states of the same; the veto names them."""
    text = "{} accuses {} of dumping cheap steel and of hidden subsidies for steel mills"
    articles = [
        _article(1, text.format("France", "India")), _article(2, text.format("Japan", "Brazil")),
    ]  # fmt: skip
    one, two = (story_of(article, rules.flags(article)) for article in articles)
    assert (one.accusers, one.accused) == (("FRA",), ("IND",))
    _, verdict = _taken_in(Threads(), [one, two])
    assert verdict.joined is None
    assert [veto.kind for veto in verdict.vetoes] == ["actors"]


def test_a_follow_up_weeks_later_must_be_liker() -> None:
    """The same text joins within days; a faint likeness does not after two months."""
    first = story_of(
        _article(1, "Orlane Shipping denies dumping oil off Vellmar", "The tanker Brisa leaked, divers say.")
    )
    faint = (
        "Divers of Vellmar sue",
        "The tanker Brisa is still there, and Orlane has not called back, they say in a letter.",
    )
    soon, late = (story_of(_article(2, *faint, hours=hours)) for hours in (24, 24 * 60))
    threads = Threads()
    _taken_in(threads, [first])
    assert threads.join(soon).joined is not None
    assert threads.join(late).joined is None


@pytest.mark.parametrize(
    ("language", "text", "days"),
    [
        ("en", "The mine was shut on Tuesday, two days after the Sunday shift had left.", (1, 6)),
        ("en", "The mine was shut. " + "Nobody was hurt there. " * 30 + "It opens on Friday.", ()),
        ("ru", "Шахту закрыли в пятницу, сообщили владельцы.", (4,)),
        ("tr", "Maden pazar günü kapatıldı, pazartesi açılacak.", ()),  # begin alike: neither is told
        ("xx", "The mine was shut on Tuesday.", ()),
    ],
)
def test_the_beginning_of_a_text_names_weekdays(language: str, text: str, days: tuple[int, ...]) -> None:
    assert story_of(_article(1, "", text, language=language)).days == days


def test_stories_of_one_weekday_are_liker_than_stories_of_two() -> None:
    """In proportion to the stories of the thread that name any, or none."""
    terms = [("brisa", 600), ("orlane", 800)]
    thread = Threads()
    _taken_in(thread, [_story(1, *terms, days=(1,)), _story(2, *terms, days=(1, 2)), _story(3, *terms)])

    def score(*days: int) -> float:
        joined = thread.join(_story(4, ("brisa", 600), ("tarnwick", 800), days=days)).joined
        assert joined is not None
        return joined.score

    assert score() == score(2)  # one names it, one names another
    assert score(1) - score() == pytest.approx(DAY * 2 / 3, abs=1e-3)
    assert score() - score(5) == pytest.approx(DAY * 2 / 3, abs=1e-3)


def test_a_story_that_leaves_takes_its_weekdays_along() -> None:
    """Whether a person moved it or the index is full, what is left counts as if it had never been there."""
    first, second = (_story(number, ("brisa", 1000), days=(number,)) for number in (1, 4))
    probe = _story(9, ("brisa", 600), ("orlane", 800), days=(4,))
    alone, moved, full = Threads(), Threads(), Threads(most=1)
    alone.add(Entry(first, "t", 0))
    moved.add(Entry(first, "t", 0))
    moved.add(Entry(second, "t", 1))
    moved.move([second.id], "u")
    full.add(Entry(second, "t", 0))
    full.add(Entry(first, "t", 1))
    expected = alone.join(probe).joined
    assert expected is not None
    assert moved._shapes["t"].days == full._shapes["t"].days == {(1,): 1}
    assert full.join(probe).joined == expected


def test_a_join_says_why() -> None:
    """Score, strongest terms with their shares, and a sentence."""
    texts = ["Orlane Shipping denies dumping oil off Vellmar", "Vellmar oil: Orlane Shipping rejects dumping charge"]
    _, verdict = _taken_in(Threads(), [story_of(_article(n, text)) for n, text in enumerate(texts, 1)])
    joined = verdict.joined
    assert joined is not None
    assert 0.17 <= joined.score <= 1
    assert {term for term, _ in joined.terms} >= {"orlane", "vellmar"}
    assert [share for _, share in joined.terms] == sorted((share for _, share in joined.terms), reverse=True)
    assert sum(share for _, share in joined.terms) <= 1.01
    assert "“vellmar”" in joined.reason
    assert f"{joined.score:.2f}" in joined.reason


def test_languages_do_not_see_each_other() -> None:
    """They may share a partition or not; what is decided is the same."""
    text = "Orlane Shipping Vellmar Brisa"
    assert _together([story_of(_article(n, text, language=one)) for n, one in enumerate(("en", "de"), 1)]) == [1, 2]


def test_a_revision_stays_where_its_article_is() -> None:
    """Whatever its words are now."""
    threads = Threads()
    before, after = story_of(_article(1, "Orlane denies oil spill")), story_of(_article(1, "Cooking with herring"))
    threads.add(Entry(before, "t", 0))
    verdict = threads.join(after)
    assert verdict.joined is not None
    assert verdict.joined.thread == "t"
    threads.add(Entry(after, "t", 1))
    assert len(threads) == 1
    assert threads.join(story_of(_article(2, "Orlane denies oil spill"))).joined is None


def test_a_copy_is_where_its_group_is() -> None:
    """A cut-down copy may lack the words that count."""
    copy = CopyOf(group="a" * 32, original="a" * 32, of="a" * 32, containment=1, contained=0.2, why="")
    one = story_of(_article(1, "Orlane denies oil spill", copy=copy))
    two = story_of(_article(2, "In brief", copy=copy))
    assert _together([one, two]) == [1, 1]


def test_what_a_person_moved_stays_there() -> None:
    """Also when its article is revised; and the stories that are like it follow the rest of the words."""
    texts = ["Orlane denies dumping oil off Vellmar", "Vellmar: Orlane rejects oil dumping claim"]
    stories = [story_of(_article(n, text)) for n, text in enumerate(texts, 1)]
    threads = Threads()
    _taken_in(threads, stories)
    (moved,) = threads.move([stories[1].id, "unknown"], "other")
    assert (moved.thread, moved.pinned) == ("other", True)
    threads.add(Entry(stories[1], stories[0].id, 7))
    assert threads.entry(stories[1].id) == Entry(stories[1], "other", 7, pinned=True)
    assert (threads.members(stories[0].id), threads.members("other")) == ((stories[0].id,), (stories[1].id,))


def test_a_quiet_thread_is_forgotten_as_a_whole() -> None:
    """A story of a thread that goes on is kept, however old."""
    old, new = (story_of(_article(n, "Orlane denies oil spill", hours=24 * n)) for n in (1, 2))
    alone = story_of(_article(3, "Herring is cheap"))
    threads = Threads()
    for seq, (story, thread) in enumerate(((old, "t"), (new, "t"), (alone, "u"))):
        threads.add(Entry(story, thread, seq))
    assert threads.expire(new.when) == (alone.id,)
    assert len(threads) == 2
    assert set(threads.expire(new.when + 1)) == {old.id, new.id}
    assert len(threads) == 0


def test_the_index_is_bounded() -> None:
    """Of a thread the newest stories stay, and of all; the caller is told which rows to delete."""
    threads = Threads(most=MAX_MEMBERS + 10)
    forgotten = [one for n in range(MAX_MEMBERS + 3) for one in threads.add(Entry(_story(n, ("orlane", 1000)), "t", n))]
    assert forgotten == [f"{n:032x}" for n in range(3)]
    assert len(threads.members("t")) == MAX_MEMBERS
    forgotten = [one for n in range(100, 120) for one in threads.add(Entry(_story(n, ("brisa", 1000)), f"{n}", n))]
    assert len(threads) == MAX_MEMBERS + 10
    assert forgotten == [f"{n:032x}" for n in range(3, 13)]


WORDS = ["orlane", "vellmar", "brisa", "krobath", "tarnwick", "qarim", "orsz", "lisle", "marfin", "sedge"]


def _story(number: int, *terms: tuple[str, int], **more: Any) -> Story:
    return Story(id=f"{number:032x}", language="en", when=more.pop("when", 0), terms=terms, length=100, **more)


@st.composite
def _stories(draw: st.DrawFn) -> list[Story]:
    made = []
    for number in range(draw(st.integers(1, 25))):
        words = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4, unique=True))
        weight = round(1000 / len(words) ** 0.5)
        numbers = draw(st.lists(st.builds(Number, st.sampled_from(["12", "13"]), st.just("packa")), max_size=1))
        made.append(
            _story(
                number,
                *sorted((word, weight) for word in words),
                when=draw(st.integers(0, 40)) * 86_400,
                numbers=tuple(numbers),
                years=tuple(draw(st.lists(st.sampled_from([2024, 2025]), max_size=1))),
                days=tuple(sorted(draw(st.sets(st.integers(0, 2), max_size=2)))),
                accusers=tuple(draw(st.lists(st.sampled_from(["FRA", "JPN", "orlane"]), max_size=1))),
                accused=tuple(draw(st.lists(st.sampled_from(["FRA", "IND", "orlane"]), max_size=1))),
                group=draw(st.sampled_from(["", "", "", "g"])),
            )
        )
    return made


@settings(deadline=None)
@given(stories=_stories(), probes=_stories(), moves=st.lists(st.integers(0, 24), max_size=3), seed=st.integers(0, 99))
def test_a_rebuilt_index_decides_as_the_one_that_was_lost(
    stories: list[Story], probes: list[Story], moves: list[int], seed: int
) -> None:
    """Its rows come in any order; stories were moved, revised and forgotten before."""
    threads = Threads(most=20)
    _taken_in(threads, stories)
    threads.move([f"{number:032x}" for number in moves], "moved")
    again = probes[0]
    verdict = threads.join(again)
    threads.add(Entry(again, verdict.joined.thread if verdict.joined else again.id, 100))
    threads.expire(10 * 86_400)
    rows = [entry for story in (*stories, again) if (entry := threads.entry(story.id)) is not None]
    rows = list({row.story.id: row for row in rows}.values())
    Random(seed).shuffle(rows)
    rebuilt = Threads(most=20)
    for _ in rebuilt.restore(rows):
        pass
    unseen = [_story(1000 + n, *probe.terms, when=probe.when, numbers=probe.numbers) for n, probe in enumerate(probes)]
    for seq, probe in enumerate([*unseen, *probes]):
        assert threads.join(probe) == rebuilt.join(probe)
        entry = Entry(probe, probe.id, 200 + seq)
        assert threads.add(entry) == rebuilt.add(entry)


@settings(deadline=None)
@given(stories=_stories())
def test_the_same_log_gives_the_same_threads(stories: list[Story]) -> None:
    """And deciding changes nothing: a story may be asked for twice."""
    once, twice = Threads(), Threads()
    for story in stories:
        twice.join(story)
    verdicts = _taken_in(once, stories)
    assert _taken_in(twice, stories) == verdicts
    for verdict in verdicts:
        assert verdict.joined is None or once.members(verdict.joined.thread)


def test_restoring_gives_way_to_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn after each chunk."""
    monkeypatch.setattr(join_module, "RESTORE_CHUNK", 2)
    rows = [Entry(_story(n, ("orlane", 1000)), "t", n) for n in range(5)]
    assert list(Threads().restore(rows)) == [2, 4]
    assert RESTORE_CHUNK >= 100


@pytest.mark.parametrize(
    ("language", "text", "terms"),
    [
        ("en", "Klint denies it. A spokesman of the Klint works said so to Klint people.", {"klint", "klint works"}),
        ("zh", "维尔马港否认出售给奥兰航运的传闻", {"奥兰", "航运"}),
        ("ru", "Порт Вельмар отрицает слухи о продаже", {"вельмар", "отрицает"}),
        ("ar", "ميناء فيلمار ينفي شائعات البيع", {"فيلمار", "شائعات"}),
        ("xx", "Vellmar ra Orlane to", {"vellmar", "orlane", "vellmar ra"} - {"vellmar ra"}),
    ],
)
def test_the_rare_words_of_a_text_are_its_terms(language: str, text: str, terms: set[str]) -> None:
    """In each language, and in one of which no frequencies are known."""
    story = story_of(_article(1, text, language=language))
    assert terms <= {term for term, _ in story.terms}
    assert len(story.terms) <= MAX_TERMS
    assert sum(weight * weight for _, weight in story.terms) == pytest.approx(1_000_000, rel=0.05)


def test_inflected_words_are_one_term() -> None:
    """Once in each story, under the form that weighs most; and across stories."""
    cases = ["Вельмарский порт отрицает продажу порта Орлании", "Орлания отрицала покупку Вельмарского порта"]
    one, two = (story_of(_article(n, text, language="ru")) for n, text in enumerate(cases, 1))
    assert _together([one, two]) == [1, 1]
