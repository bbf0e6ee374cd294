"""Text pages to stories: nothing of the page around a story is kept, and nothing of the story is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedupe.language import decide_language
from pipeline.feeds.furniture import Story, story_of, without_furniture
from pipeline.feeds.page_lines import Kind, look

PAGES = sorted((Path(__file__).parents[1] / "fixtures" / "pages").glob("*.txt"))
"""Pages of our own: each line marked `=` the title, `+` the story, `-` the page around it."""


def page(path: Path) -> tuple[str, list[str], set[str]]:
    """A page as it was copied, its wanted lines, and its furniture."""
    marked = [(line[0], line[2:]) for line in path.read_text(encoding="utf-8").splitlines()]
    wanted = [text for mark, text in marked if mark in "=+"]
    return "\n".join(text for _, text in marked), wanted, {text for mark, text in marked if mark == "-" and text}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_of_a_page_its_title_and_its_story_are_left(path: Path) -> None:
    """Menus, share bars, story codes, other headlines with denials in them, comments and footers go."""
    text, wanted, furniture = page(path)
    if path.stem == "en-wrapped":
        wanted = [wanted[0], " ".join(wanted[1:4]), " ".join(wanted[4:])]
    if path.stem == "en-index":
        assert not story_of(text).paragraphs
        return
    found = story_of(text)
    assert [*found.lines] == wanted
    assert not furniture & set(found.lines)


def test_the_pages_are_in_all_languages() -> None:
    """Twelve languages, and what the file's name says is what the story is written in."""
    languages = {path.stem[:2] for path in PAGES}
    assert languages == {"en", "es", "fr", "de", "it", "pt", "ru", "uk", "ar", "fa", "tr", "zh"}
    for path in PAGES:
        if path.stem != "en-index":
            assert decide_language("", without_furniture(page(path)[0]), "") == path.stem[:2]


SENTENCES = [
    "The minister denied on Monday that the letter had been sent by anyone in his office",
    "Comments by the chairman were dismissed as untrue by the union that had asked for the inquiry",
    "Share prices of the company fell after it rejected the report about its books",
    "He read more than forty pages of evidence aloud and then called every accusation in it invented",
    "Sign language interpreters stood beside him while he spoke about the cookies that were poisoned",
    "Follow the money, the prosecutor told the court, and you will find the man who paid for it",
    "Terms of the agreement were not made public, and both sides deny that there was a second one",
    "Subscribers were never told that their numbers had been sold, the regulator alleges",
    "This video is a forgery, the ministry said, and the man in it has never worked for the army",
    "Related charges against his brother were dropped in March for want of evidence",
    "By Friday the harbour had been closed, and nobody would say who had given the order",
    "From the first day she has said that the signature under the contract is not hers",
]
paragraphs = st.lists(st.sampled_from(SENTENCES), min_size=2, max_size=5, unique=True).map(
    lambda found: " ".join(f"{one}." for one in found)
)
stories = st.lists(paragraphs, min_size=3, max_size=8, unique=True)

FURNITURE = [
    "Home | World | Politics | Sport",
    "Home",
    "Sign in",
    "Facebook",
    "Share this article",
    "Facebook X WhatsApp Telegram",
    "Read more: Mayor denies theft",
    "Story code: AB-1234",
    "Tags: ferry, port",
    "14 March 2026",
    "3 hours ago",
    "Advertisement",
    "Follow us on Telegram",
    "https://herald.example/story?id=7",
    "Photo: Harbour Post",
    "Accept all cookies",
]
LISTS = [
    ("Related stories", "Mayor denies theft of bell", "Dean accused of lying"),
    ("Most read", "1. Actor denies assault", "2. Coach accused of fixing", "3. Bank rejects claims"),
    ("Mayor denies theft of bell", "12 March 2026", "Dean accused of lying", "11 March 2026"),
]
noise = st.lists(st.sampled_from(FURNITURE), max_size=6)
lists = st.lists(st.sampled_from(LISTS), max_size=2).map(lambda found: [line for one in found for line in one])


@given(stories, noise, st.lists(noise, min_size=9, max_size=9), lists, noise, lists)
def test_furniture_around_and_within_a_story_costs_no_paragraph(
    story: list[str], before: list[str], between: list[list[str]], above: list[str], after: list[str], below: list[str]
) -> None:
    """Every paragraph is kept, in its order; nothing else is, but the title."""
    title = "Harbour master resigns over lost barge"
    story = ["The harbour master of Almery resigns over a barge that was lost in a calm sea on Sunday.", *story]
    lines = [*before, *above, title]
    for paragraph, around in zip(story, between, strict=False):
        lines += [*around, paragraph]
    found = story_of("\n".join([*lines, *after, *below]))
    assert list(found.paragraphs) == story
    assert found.title == title


@given(st.lists(paragraphs, min_size=4, max_size=4, unique=True), st.sampled_from(LISTS))
def test_a_list_of_headlines_within_a_story_goes(story: list[str], headlines: tuple[str, ...]) -> None:
    """What stands before and after it is one story."""
    found = story_of("\n".join([*story[:2], *headlines, *story[2:]]))
    assert list(found.paragraphs) == story


@given(stories)
def test_a_story_without_a_page_is_kept_whole(story: list[str]) -> None:
    """Plain paragraphs come back as they are."""
    assert story_of("\n\n".join(story)) == Story("", tuple(story))


ANYTHING = st.one_of(
    st.sampled_from([*FURNITURE, *(line for one in LISTS for line in one), *(f"{one}." for one in SENTENCES)]),
    st.sampled_from(["", "Comments", "© 2026 Post", "“No,” he said.", "Why now?", "What they say", "- a point", "…"]),
    st.text(alphabet="aA .,!?…|›:/-\n1\u0627\u4e2d。", max_size=40),
    paragraphs,
)


@settings(max_examples=400)
@given(st.lists(ANYTHING, max_size=25), st.sampled_from(["\n", "\n\n"]))
def test_a_cleaned_text_comes_back_unchanged(lines: list[str], between: str) -> None:
    """Whatever a page is made of; and only what was there comes out."""
    text = between.join(lines)
    once = without_furniture(text)
    assert without_furniture(once) == once
    assert set("".join(once.split())) <= set("".join(text.split()))


@pytest.mark.parametrize(
    "line",
    [
        "“No,” he said.",
        "The ministry denied it.",
        "Das ist frei erfunden, sagte der Senator am Mittwoch im Ausschuss.",
        "Он назвал это ложью.",
        "وقال الوزير إن هذه الاتهامات لا أساس لها من الصحة.",
        "他称有关指控毫无根据。",
        "Terms of the deal were not disclosed.",
        "According to reports in a Tidewater newspaper:",
        "The brothers said in a letter, ''We have never met him.''",
        "This video is fake, the ministry said.",
        "Related charges were denied.",
        "سجل المنتخب هدفين في المباراة.",
        "بیشتر مردم این خبر را باور نکردند.",
        "Copyright claims against the singer were rejected by the court.",
    ],
)
def test_a_sentence_is_one_in_any_language(line: str) -> None:
    """However short, and whatever word it begins with."""
    assert look(line).kind is Kind.PROSE


@pytest.mark.parametrize("text", ["", "\n \n", "…", "Home\nNews\nSport"])
def test_a_page_without_a_story_has_none(text: str) -> None:
    """No lines, nothing to read, or a menu alone."""
    assert story_of(text) == Story("", ())


def test_a_headline_alone_is_a_text() -> None:
    """With its deck; but a list of headlines is none."""
    assert story_of("Mayor denies theft\nNothing is missing, says town hall").lines == (
        "Mayor denies theft",
        "Nothing is missing, says town hall",
    )


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit", ["...)", " - x", "Home | ", "» ", "a.", "Share ", "1 ", "\n", "中", "—a1", "x y.\nz\n"]
)
def test_a_hostile_text_costs_no_more_than_its_length(unit: str) -> None:
    """Half a million characters take a second; if each looked at all the others, it would be hours."""
    assert len(without_furniture(unit * (500_000 // len(unit)))) <= 500_000


def long(number: int, count: int = 2) -> str:
    """A paragraph of our sentences, another one for each number."""
    return " ".join(f"{SENTENCES[(number + place) % len(SENTENCES)]}." for place in range(count))


def test_readers_comments_are_no_part_of_the_story_however_long() -> None:
    """What follows their heading goes; a heading above the story is only a link to it."""
    story = [long(0), long(2), long(4)]
    comments = [long(number, 3) + " I was there." for number in range(1, 11, 2)]
    assert story_of("\n".join(["12 comments", *story, "Comments (12)", *comments])).paragraphs == tuple(story)


def test_a_notice_that_stands_above_the_story_too_is_not_it() -> None:
    """What a page says twice is no story, and a link to the comments behind it no end."""
    story = [long(0), long(2), long(4)]
    legal = [f"Prices on this page are late by {minutes} minutes and are given without any promise at all by the bank "
             "that sends them to us each day from its tower." for minutes in (5, 15, 45)]  # fmt: skip
    found = story_of("\n".join([*legal, "3 comments", *story, *legal, "© 2026 Post"]))
    assert set(story) <= set(found.paragraphs)


def test_a_credit_within_a_story_does_not_end_it() -> None:
    """Whose the picture is goes; what stands below it stays."""
    story = [long(0), long(2), long(4)]
    assert story_of("\n".join([*story, "© 2026 Post", "© Ines Calder", long(6)])).paragraphs == (*story, long(6))


def test_teasers_that_break_off_are_no_story() -> None:
    """However many there are."""
    story = [long(0), long(2)]
    teasers = [f"{long(number)[:150]}…" for number in range(12)]
    assert story_of("\n".join([*story, "Mayor denies theft of bell", *teasers])).paragraphs == tuple(story)


def test_the_teaser_in_a_list_within_a_story_goes_with_it() -> None:
    """A sentence alone below the label and the headline of another story."""
    above, below = [long(0, 3), long(3, 3)], [long(6, 3), long(9, 3)]
    box = ["Related stories", "Mayor denies theft of bell", "The mayor denied on Monday that he had taken it."]
    lines = [*above, *box, "Dean accused of lying", *below]
    assert story_of("\n".join(lines)).paragraphs == (*above, *below)


def test_a_long_list_within_a_story_does_not_end_it() -> None:
    """Whatever it holds, it costs no more than some paragraphs."""
    above, below = [long(0, 3), long(3, 3)], [long(6, 3), long(9, 3)]
    headlines = [f"Mayor {number} denies theft of bell" for number in range(40)]
    assert story_of("\n".join([*above, *headlines, *below])).paragraphs == (*above, *below)


def test_of_two_titles_the_one_that_stands_there_twice_counts() -> None:
    """Once as the page's name, once above the text; the headline of another story stands there once."""
    title, other = "Minister denies office letter", "Office letter denied by minister"
    assert story_of("\n".join([title, title, other, long(0), long(2)])).title == title


def test_a_paragraph_that_was_cut_is_one_nevertheless() -> None:
    """A stop within it, or its length, says so."""
    assert look(
        "The bank denied everything. Its chairman said that nobody had asked him about the money before it went"
    ).kind is (Kind.PROSE)
