"""Words are compared alike in twelve languages, and places in folded text lead back to the stored one."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rules import tokens
from pipeline.rules.folding import Folded, clitic_forms, fold, words
from pipeline.rules.tokens import sentences

ALPHABET = (
    "aBéßİIıiñŒ’'`n t.,-_ ёЖщїʼ\u0301\u0308أآىیكکةهـَّ\u200c\u200d\u00ad؟٣否认か\u3099ﬁＡ１½²ªﷺﹰ한\u1112\u1161\u11ab"
)
texts = st.text(alphabet=ALPHABET, max_size=30) | st.text(max_size=30)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("İSTANBUL ILIK ısı", "istanbul ılık ISI"),
        ("Диего", "ДИЕГО"),
        ("Всё ещё", "Все еще"),
        ("об’єкт об'єкт обʼєкт", "об`єкт об‘єкт об'єкт"),
        ("за\u0301мок", "замок"),
        ("Straße", "STRASSE"),
        ("dementí", "dementi\u0301"),
        ("й", "и\u0306"),
        ("ﬁnance", "FINANCE"),
        ("ＤＥＮＩＥＳ　１２", "denies 12"),
        ("l’accusa", "l'accusa"),
        ("أنكـــر الإتّهامَ", "انكر الاتهام"),
        ("التهمة", "التهمه"),
        ("مؤكد", "مو\u0654كد"),
        ("تکذیب ٣ ۴", "تكذيب 3 4"),
        ("می\u200cکند", "می کند"),
        ("Bundes\u00adkanzler", "Bundeskanzler"),
        ("wouldn‘t", "wouldn’t"),
        ("한국", unicodedata.normalize("NFD", "한국")),
    ],
)
def test_what_is_written_in_several_ways_is_one_word(one: str, other: str) -> None:
    """Case, compatibility forms, accents in two encodings, apostrophes, and letters that are used for one another."""
    assert words(one) == words(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("año", "ano"),
        ("été", "ete"),
        ("й", "и"),
        ("ї", "і"),
        ("ş", "s"),
        ("ö", "o"),
        ("ب", "پ"),
        ("می\u200cکند", "میکند"),
    ],
)
def test_accents_and_letters_are_kept_apart(one: str, other: str) -> None:
    """Only what writers themselves mix up is taken for one."""
    assert words(one) != words(other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("l'accusa d’avoir nié", ["l", "accusa", "d", "avoir", "nié"]),
        (
            "Moscow's didn't 'n't don't've rock'n'toll",
            ["moscow", "s", "didn't", "n't", "don't", "ve", "rock", "n", "toll"],
        ),
        ("porte-parole", ["porte", "parole"]),
        ("否认Ａ股GDP 3指控", ["否", "认", "a", "股", "gdp", "3", "指", "控"]),
        ("カ\u3099メ", ["ガ", "メ"]),
        ("ـ ـ \u0301 َ", []),
        ("snake_case", ["snake_case"]),
    ],
)
def test_where_words_end(text: str, expected: list[str]) -> None:
    """Apostrophes and hyphens separate, Han characters stand alone, and what is no letter is no word."""
    assert words(text) == expected


@given(texts)
def test_folding_is_done_once_and_for_all(text: str) -> None:
    """Folded words fold to themselves, whether by the page of their script or character by character."""
    assert words(fold(text)) == words(text)
    assert words(text + "\U0001f4a5") == words(text)  # no page has it


@given(st.text(alphabet=ALPHABET, max_size=30))
def test_composed_and_decomposed_text_has_the_same_words(text: str) -> None:
    """NFC and NFD are equal in the scripts that rules are written in, and in Hangul."""
    assert words(unicodedata.normalize("NFD", text)) == words(unicodedata.normalize("NFC", text)) == words(text)


@given(texts)
def test_places_lead_back_to_the_word(text: str) -> None:
    """The stretch of the source that a folded word comes from folds to that word, and to nothing else."""
    folded = Folded(text)
    spans = folded.word_spans()
    assert [words(text[start:end]) for start, end in spans] == [[word] for word in words(text)]
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def test_a_quote_keeps_what_folding_drops() -> None:
    """Vowel signs at the end of a word belong to its stretch of the source."""
    source = "قال كتابٌ هنا"
    start, end = Folded(source).word_spans()[1]
    assert source[start:end] == "كتابٌ"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ونفى", "نفي"),
        ("وسينفي", "ينفي"),
        ("فنفت", "نفت"),
        ("بالاتهامات", "الاتهامات"),
        ("بالاتهامات", "اتهامات"),
        ("للتهم", "التهم"),
        ("وللتهم", "تهم"),
        ("اتهامه", "اتهام"),
        ("واتهاماتها", "اتهامات"),
    ],
)
def test_arabic_words_count_without_what_is_written_onto_them(written: str, meant: str) -> None:
    """Conjunctions, prepositions, the article and pronouns can be on a word that a rule names without."""
    assert meant in clitic_forms(*words(written))


def test_taking_apart_leaves_three_letters() -> None:
    """A short word is not taken apart, nor one of another script."""
    assert clitic_forms("ولد") == ()
    assert clitic_forms("denies") == ()


@given(
    st.lists(
        st.sampled_from(["said", "Mr", "it", "X", "3", "им", "é", "Été", ". ", ".", "? ", '." ', "\n", "。", "(", " "])
    )
)
def test_what_plainly_is_an_end_is_one(parts: list[str]) -> None:
    """The short way to decide about a full stop says what the long one says."""
    text = "".join(parts)
    plain = [stop for stop in tokens._STOP.finditer(text) if stop.lastgroup]
    assert all(tokens._ends_sentence(text, stop) for stop in plain)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("他否认指控。“不是真的！”警方说？是的", ["他否认指控。", "“不是真的！”", "警方说？", "是的"]),
        ("是吗?不是", ["是吗?", "不是"]),
        ("هل كذب الوزير؟ لا تعليق", ["هل كذب الوزير؟ ", "لا تعليق"]),
        ("کابینہ نے تردید کی۔ بات ختم", ["کابینہ نے تردید کی۔ ", "بات ختم"]),
        ("Am 3. Mai dementierte er. Ende", ["Am 3. Mai dementierte er. ", "Ende"]),
        ("В г. Бор и им. Ленина. Всё", ["В г. Бор и им. Ленина. ", "Всё"]),
        ("El Sr. Gil niega. Fin", ["El Sr. Gil niega. ", "Fin"]),
        ("¿Mintió? No", ["¿Mintió? ", "No"]),
    ],
)
def test_where_sentences_end(text: str, expected: list[str]) -> None:
    """Full-width stops need no white space behind them; abbreviations and ordinals end nothing."""
    assert [text[one.start : one.end] for one in sentences(0, text)] == expected
