"""Shingles, sketches and the table of postings: their laws."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from pipeline.copies import shingles as module
from pipeline.copies.likeness import Likeness, kind, likeness, why
from pipeline.copies.postings import CHUNK, COMMON, MAX_NUMBER, SMALLEST, Postings
from pipeline.copies.shingles import shingles, text_of
from pipeline.copies.sketch import MAX_ANCHORS, MAX_HASHES, MIN_SHINGLES, Sample, Sketch, decoded, shared, sketch
from pipeline.rules.folding import words
from tests.articles import make_article

WORD = st.sampled_from([f"w{number}" for number in range(60)] + [f"Name{number}" for number in range(20)])
TEXT = st.lists(WORD, max_size=400)
SECONDS = timedelta(seconds=5)


def sketched(words: list[str]) -> Sketch:
    """The sketch of an article with these words as its body."""
    return sketch(text_of(make_article(title="", lead="", body=" ".join(words), language="en")))


def estimate(this: Sketch, that: Sketch) -> float:
    """Share of this sample that is in that one, at the smaller share of the two."""
    shift = max(this.shift, that.shift)
    one = this.at(shift)
    return len(shared(one, that.at(shift))) / len(one) if len(one) else 1.0


def hashes_of(each: set[str]) -> list[int]:
    """Their hashes, sorted."""
    return sorted(xxh3_64_intdigest(word.encode(errors="replace")) for word in each)


def names_and_numbers(text: str) -> set[str]:
    """Word by word: a capital behind a word that ends no sentence, and nowhere small; and what begins with a digit."""
    each = text.split()
    capitals = {word for before, word in pairwise(each) if word[0].isupper() and before[-1] not in module._ENDS}
    names = {word.strip(module._AROUND).casefold() for word in capitals} - set(each)
    return names | {word for word in words(f"\n{text}") if word[0].isdigit()}


PROSE = st.lists(
    st.one_of(
        st.sampled_from(
            ["The", "mayor", "Mayor", "Ann", "ann", "«Ann»", "end.", "ÉLAN", "Élan,", "10", "3rd.", "don't"]
        ),
        st.text(max_size=6),
        st.sampled_from([" ", "\n", "  ", "\u2003", "\x1c", "—", "Ǆ", "\U00010400", "①", "\ud800"]),
    ),
    max_size=60,
).map(" ".join)


@settings(deadline=SECONDS)
@given(PROSE)
def test_names_and_numbers_are_those_that_one_finds_word_by_word(text: str) -> None:
    """Whatever stands between the words, in the text and around it."""
    assert text_of(make_article(title="", lead="", body=text)).anchors.tolist() == hashes_of(names_and_numbers(text))


@settings(deadline=SECONDS)
@given(st.lists(st.sampled_from(["a", "b", "c1", "7", "ééé"]), max_size=40), st.sampled_from(["en", "zh", ""]))
def test_shingles_are_those_that_one_makes_word_by_word(each: list[str], language: str) -> None:
    """Sums of the words' hashes, modulo 2^64, mixed by MurmurHash3's finaliser; each once, sorted."""
    width, made = 6 if language == "zh" else 3, set()
    for at in range(len(each) - width + 1):
        total = xxh3_64_intdigest(language.encode())
        for word, odd in zip(each[at : at + width], module._ODD, strict=False):
            total += xxh3_64_intdigest(word.encode()) * int(odd)
        for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53, 1):
            total = ((total % 2**64) ^ (total % 2**64) >> 33) * factor
        made.add(total)
    assert shingles(each, language).tolist() == sorted(made)


def test_words_are_hashed_alike_before_and_after_their_hashes_were_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that are kept save time, and nothing else; no more of them are kept than should be."""
    texts = [make_article(body=f"On Sunday Mayor Moss denied all {number} claims, w{number}.") for number in range(40)]
    before = [text_of(article) for article in texts]
    monkeypatch.setattr(module, "KNOWN", 100)
    for article, made in zip(texts, before, strict=True):
        again = text_of(article)
        assert (again.shingles.tolist(), again.anchors.tolist()) == (made.shingles.tolist(), made.anchors.tolist())
        assert sum(map(len, module._known)) < 300


@settings(deadline=SECONDS)
@given(TEXT, TEXT)
def test_containment_is_a_share(first: list[str], second: list[str]) -> None:
    """Between 0 and 1; of a text in itself 1; how many hashes two samples share does not depend on the order."""
    one, other = sketched(first), sketched(second)
    assert 0 <= estimate(one, other) <= 1
    assert estimate(one, one) == 1
    assert np.array_equal(shared(one.hashes, other.hashes), shared(other.hashes, one.hashes))


@settings(deadline=SECONDS)
@given(TEXT, TEXT)
def test_what_is_added_takes_nothing_away(text: list[str], more: list[str]) -> None:
    """A text is wholly in any text that goes on from it, however much longer that is."""
    assert estimate(sketched(text), sketched(text + more)) == 1


@settings(deadline=SECONDS)
@given(TEXT)
def test_a_sketch_comes_back_from_its_bytes(words: list[str]) -> None:
    """The same hashes, the same share, the same names; and it is small."""
    made = sketched(words)
    back = decoded(made.encoded)
    assert back.shift == made.shift
    assert np.array_equal(back.hashes, made.hashes)
    assert np.array_equal(back.anchors, made.anchors)
    assert len(back.anchors) <= MAX_ANCHORS


@settings(deadline=SECONDS)
@given(TEXT, st.integers(0, 6))
def test_a_smaller_share_is_part_of_a_greater(words: list[str], more: int) -> None:
    """What is kept at a higher shift is kept at a lower, and no more is cut than must be."""
    made = sketched(words)
    fewer = made.at(made.shift + more)
    assert set(fewer.tolist()) <= set(made.hashes.tolist())
    assert (fewer < 1 << (32 - made.shift - more)).all()


def test_long_texts_have_sketches_of_bounded_size() -> None:
    """Twenty times the text, no larger sample; a short one is kept whole."""
    dice = Random(2)
    sizes = [len(sketched([f"x{dice.randrange(10**6)}" for _ in range(size)]).hashes) for size in (60, 600, 12_000)]
    assert sizes[0] == 58
    assert all(size < 1.5 * MAX_HASHES for size in sizes)


def test_the_estimate_is_near_the_truth() -> None:
    """Half of a long text: half of it is found in the sample, give or take three standard errors."""
    dice = Random(3)
    words = [f"x{dice.randrange(10**6)}" for _ in range(3_000)]
    assert estimate(sketched(words), sketched(words[:1_500])) == pytest.approx(0.5, abs=3 * (0.25 / 60) ** 0.5)


def test_a_shingle_is_three_words_in_their_order() -> None:
    """Or six characters of a language without blanks; not in another language."""
    words = ["the", "mayor", "denied", "it"]
    assert len(shingles(words, "en")) == 2
    assert not set(shingles(words, "en")) & set(shingles(words[::-1], "en"))
    assert not set(shingles(words, "en")) & set(shingles(words, "fr"))
    assert len(shingles(list("市长否认此事件"), "zh")) == 2
    assert len(shingles(["two", "words"], "en")) == 0


def test_case_and_punctuation_make_no_difference() -> None:
    """Shingles are of folded words."""
    one = text_of(make_article(title="", lead="", body="The Mayor's office denied it, twice."))
    other = text_of(make_article(title="", lead="", body="the mayor’s OFFICE denied it twice"))
    assert np.array_equal(one.shingles, other.shingles)


def test_a_lead_that_the_body_begins_with_counts_once() -> None:
    """Feeds often give the first paragraph twice."""
    body = "The mayor denied on Sunday that Ann Moss had warned him 12 times about the bridge."
    assert np.array_equal(
        text_of(make_article(lead=body, body=f"{body} More soon.")).shingles,
        text_of(make_article(lead="", body=f"{body} More soon.")).shingles,
    )


def test_too_short_a_text_is_compared_as_a_whole() -> None:
    """Eleven shingles of twelve in common are not enough where there are no more."""
    words = [f"w{number}" for number in range(MIN_SHINGLES + 1)]
    assert likeness(sketched(words), sketched(words), "en") == Likeness(1.0, 1.0)
    assert likeness(sketched(words), sketched([*words, "end"]), "en") is None


@pytest.mark.parametrize(("found", "expected"), [
    (Likeness(0.95, 0.9), "same"),
    (Likeness(0.95, 0.5), "cut"),
    (Likeness(0.5, 0.95), "extended"),
    (Likeness(0.6, 0.6), "changed"),
])  # fmt: skip
def test_a_likeness_says_what_was_done(found: Likeness, expected: str) -> None:
    """In one word, and in one sentence."""
    assert kind(found) == expected
    assert why(found).endswith(".")


def test_the_table_finds_what_was_put_and_nothing_that_was_dropped() -> None:
    """Two texts share half of their hashes."""
    table = Postings()
    first, second = np.arange(1, 41, dtype=np.uint32) * 77_777_777, np.arange(21, 61, dtype=np.uint32) * 77_777_777
    for number, hashes in ((5, first), (6, second)):
        found = table.find(hashes)
        table.put(found, number)
    assert sorted(table.find(first).numbers) == [5] * 40 + [6] * 20
    table.drop(first, 5)
    assert sorted(table.find(first).numbers) == [6] * 20


def test_a_posting_that_takes_the_place_of_another_costs_no_third() -> None:
    """In a full bucket, too, where the place that was given up is all there is."""
    table = Postings()
    hashes = (np.arange(1, 9, dtype=np.uint32) << np.uint32(20)) + np.uint32(7)  # eight of one bucket
    for number, one in enumerate(hashes, 1):
        table.put(table.find(np.array([one])), number)
    found = table.find(hashes[4:5])
    table.put(found, 9, found.numbers == 5)
    assert sorted(table.find(hashes).numbers) == [1, 2, 3, 4, 6, 7, 8, 9]


def test_a_hash_that_many_texts_have_is_common() -> None:
    """From the fourth text on."""
    table, hashes = Postings(), np.array([3_000_000_000], np.uint32)
    for number in range(1, COMMON + 1):
        found = table.find(hashes)
        assert not found.common.any()
        table.put(found, number)
    assert table.find(hashes).common.tolist() == [True]


class Table:
    """A table as the index uses it: it grows before a text comes, and forgets the oldest."""

    def __init__(self, buckets: int = SMALLEST) -> None:
        self.postings = Postings(buckets)

    def add(self, hashes: Sample, number: int, buckets: int) -> None:
        """Post a text in a table of this size, in place of every fifth posting found."""
        while self.postings.buckets < buckets:
            self.postings.grow()
        found = self.postings.find(hashes)
        self.postings.put(found, number, found.numbers % 5 == number % 5)

    def has(self, texts: dict[int, Sample]) -> list[list[int]]:
        """Of each text's hashes: which texts have them. Order within a bucket is nobody's business."""
        return [sorted(self.postings.find(hashes).numbers.tolist()) for hashes in texts.values()]


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(1, 119),
    st.sampled_from([1, MAX_NUMBER - 60]),
    st.sampled_from([SMALLEST, (1 << 20) - 4 * CHUNK]),
)
def test_a_table_holds_the_same_whatever_it_has_dropped(seed: int, kept: int, first: int, buckets: int) -> None:
    """It grows from text to text, is too full, and its numbers begin anew: yet one that had only the newer texts at the
    same sizes has the same of them, to the last posting."""
    dice = np.random.default_rng(seed)
    pool = dice.integers(0, 1 << 30, 40_000, np.uint32)
    if buckets > SMALLEST:  # few buckets of many, so that they fill up
        pool = pool & np.uint32(0xFFF003FF)
    texts = {(first + place - 1) % MAX_NUMBER + 1: np.unique(dice.choice(pool, 900)) for place in range(120)}
    sizes = {number: buckets + CHUNK * (place // 10) for place, number in enumerate(texts)}
    through, rebuilt, window = Table(buckets), Table(), 60
    numbers = list(texts)
    for place, number in enumerate(numbers):
        through.add(texts[number], number, sizes[number])
        if place >= window:
            through.postings.drop(texts[numbers[place - window]], numbers[place - window])
    newer = {number: texts[number] for number in numbers[-min(kept, window) :]}
    for number in numbers[-window : -min(kept, window)]:
        through.postings.drop(texts[number], number)
    rebuilt = Table(sizes[next(iter(newer))])
    for number, hashes in newer.items():
        rebuilt.add(hashes, number, sizes[number])
    assert through.has(newer) == rebuilt.has(newer)


def own(table: Postings, texts: dict[int, Sample]) -> list[int]:
    """How many postings of its own each text is found by."""
    return [int((table.find(hashes).numbers == number).sum()) for number, hashes in texts.items()]


def test_no_posting_is_lost_when_the_table_grows() -> None:
    """All are found after every bucket was split, the largest tables' too, where a slot alone tells where it goes."""
    hashes = np.unique(np.random.default_rng(1).integers(0, 1 << 32, 4_000, np.uint32))
    for buckets, end in ((SMALLEST, 5 * SMALLEST), (1 << 20, (1 << 20) + 40 * CHUNK)):
        table = Postings(buckets)
        texts = dict(enumerate(np.array_split(hashes, 80), 1))
        for number, some in texts.items():
            table.put(table.find(some), number)
        before = own(table, texts)
        while table.buckets < end:
            table.grow()
        assert own(table, texts) == before
        assert sum(before) > 0.99 * len(hashes)
