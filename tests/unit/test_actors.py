"""The list of actors: what its file may say, what CLDR adds, and which names are found in a sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.documents import parse_document
from pipeline.errors import Problem, RuleError
from pipeline.resources import shipped
from pipeline.rules import load_rules
from pipeline.rules.actors import Actors, alpha3, read_actors
from pipeline.rules.gazetteer import Gazetteer
from pipeline.rules.tokens import sentences, word_offsets, words
from tests.unit.attributed import who, write_rules

LANGUAGES = ("en", "es", "fr", "de", "it", "pt", "ru", "uk", "ar", "fa", "tr", "zh")


@pytest.fixture(scope="module")
def actors() -> Actors:
    """The shipped list."""
    problems: list[Problem] = []
    found = read_actors(shipped("config/actors.yaml"), problems)
    assert problems == []
    return found


def _written(tmp_path: Path, text: str) -> tuple[Actors, list[str]]:
    path = tmp_path / "actors.yaml"
    path.write_text(text, encoding="utf-8")
    problems: list[Problem] = []
    found = read_actors(path, problems)
    return found, [str(problem).removeprefix(str(tmp_path) + "/") for problem in problems]


def _found(actors: Actors, language: str, text: str, *, capitals: bool = True) -> list[tuple[str, str]]:
    """Name or, of a role, nothing; and code: of every name in a text of one sentence."""
    (sentence,) = sentences(0, text)
    written = [text[start:end] for start, end in word_offsets(text, sentence)]
    hits = Gazetteer(language, actors, capitals=capitals).hits(words(text), written)
    return [(hit.named.name, hit.named.code) for hit in hits]


def test_every_country_has_a_name_in_every_language(actors: Actors) -> None:
    """249 of ISO 3166 and Kosovo, each found by some name of its own; but for the two that are everyday words."""
    missing = []
    codes = {named.code for _, named in actors.of("en") if named.kind == "country"}
    assert len(codes) == 250
    assert all(re.fullmatch("[A-Z]{3}", code) for code in codes)
    for language in LANGUAGES:
        known = {named.code for _, named in actors.of(language) if named.kind == "country"}
        missing += [(language, code) for code in sorted(codes - known)]
    assert missing == [("ru", "TGO"), ("uk", "TGO"), ("tr", "MLI")]


def test_there_are_many_organisations(actors: Actors) -> None:
    """As many as promised, in each language."""
    for language in LANGUAGES:
        assert len({named.name for _, named in actors.of(language) if named.kind == "organisation"}) >= 100
    assert len({one.name for names in actors.names.values() for _, one in names if one.kind == "organisation"}) >= 150


def test_codes_are_those_of_iso_3166() -> None:
    """Of a country, not of a predecessor that CLDR also knows."""
    predecessors = {"RU": "RUS", "DE": "DEU", "FR": "FRA", "CD": "COD", "MM": "MMR", "YE": "YEM", "TL": "TLS"}
    others = {"RS": "SRB", "CZ": "CZE", "UA": "UKR", "XK": "XKX", "KP": "PRK"}
    assert {two: alpha3(two) for two in predecessors | others} == predecessors | others


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("en", "North Korea and South Korea met", [("North Korea", "PRK"), ("South Korea", "KOR")]),
        ("en", "the U.S. told us that the US would", [("United States", "USA"), ("United States", "USA")]),
        ("en", "who asked the WHO about turkey", [("World Health Organization", "IGOUNOWHO")]),
        ("en", "a State Department aide", [("US State Department", "USAGOV"), ("", "spokes")]),
        ("ru", "в Москве, из России, с Украиной", [("Russia", "RUS"), ("Russia", "RUS"), ("Ukraine", "UKR")]),
        ("ru", "Саудовской Аравии", [("Saudi Arabia", "SAU")]),
        ("de", "Russlands russische Nachbarn", [("Russia", "RUS"), ("Russia", "RUS")]),
        ("tr", "Türkiye'nin", [("Türkiye", "TUR")]),
        ("fr", "l'Iran et la Côte d'Ivoire", [("Iran", "IRN"), ("Côte d’Ivoire", "CIV")]),
        ("it", "Mosca smentisce", [("Russia", "RUS")]),
    ],
)
def test_names_are_found_as_they_are_written(
    actors: Actors, language: str, text: str, found: list[tuple[str, str]]
) -> None:
    """Longest first, acronyms and capitals as such, inflected where the language does."""
    assert _found(actors, language, text) == found


def test_names_are_found_without_blanks_and_behind_clitics(actors: Actors) -> None:
    """Chinese has no blanks; Arabic writes "and" and "for" onto the name."""
    assert _found(actors, "zh", "中国外交部称美国", capitals=False) == [
        ("China", "CHN"), ("", "GOV"), ("United States", "USA"),
    ]  # fmt: skip
    assert _found(actors, "ar", "وإيران لروسيا", capitals=False) == [("Iran", "IRN"), ("Russia", "RUS")]


TEXTS = st.lists(
    st.sampled_from(["US", "us", "Iran", "IRAN", "iran", "North", "Korea", "the", "U.S.", "-", "'", "Saudi", "police"])
)


@given(TEXTS)
@settings(deadline=None)
def test_hits_do_not_overlap_and_lie_in_the_sentence(actors: Actors, pieces: list[str]) -> None:
    """Whatever the words."""
    text = " ".join(pieces)
    for sentence in sentences(0, text):
        cut = words(text[sentence.start : sentence.end])
        written = [text[start:end] for start, end in word_offsets(text, sentence)]
        hits = Gazetteer("en", actors).hits(cut, written) if cut else []
        places = [at for hit in hits for at in range(hit.first, hit.last + 1)]
        assert places == sorted(set(places))
        assert all(0 <= at < len(cut) for at in places)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("countries:\n  ZQ: {names: {en: [Nowhere]}}\n", "actors.yaml:2: there is no country 'ZQ' in ISO 3166"),
        ("countries:\n  RU:\n    zone: Europe/Omsk\n", "actors.yaml:3: there is no time zone 'Europe/Omsk'"),
        ("countries:\n  RU:\n    names:\n      en: ['—']\n", "actors.yaml:4: entry '—': there is no word here"),
        (
            "organisations:\n" + "".join(f"  - {{name: {x}, code: NGO, names: {{en: [Acme]}}}}\n" for x in "AB"),
            "actors.yaml:3: 'Acme' is a name of 'A' already",
        ),
        ("organisations:\n  - {name: A, code: ngo, names: {}}\n", "actors.yaml:2"),
        ("people: {}\n", "actors.yaml:1"),
    ],
)
def test_a_problem_names_its_line(tmp_path: Path, text: str, problem: str) -> None:
    """What is wrong, and where; and then nothing of the file counts."""
    found, problems = _written(tmp_path, text)
    assert [one for one in problems if one.startswith(problem)] == problems != []
    assert found == Actors()


def test_a_name_of_two_languages_may_mean_two(tmp_path: Path) -> None:
    """RN is one party here and another there."""
    text = "organisations:\n  - {name: A, code: NGO, names: {en: [RN]}}\n  - {name: B, code: NGO, names: {fr: [RN]}}\n"
    found, problems = _written(tmp_path, text)
    assert problems == []
    assert (_found(found, "en", "RN"), _found(found, "fr", "RN")) == ([("A", "NGO")], [("B", "NGO")])


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with rules and a list of actors of its own."""
    write_rules(tmp_path / "rules")
    (tmp_path / "actors.yaml").write_text("organisations:\n  - {name: Orbis, code: MNC, names: {en: [Orbis Bank]}}\n")
    return tmp_path


def test_the_list_beside_the_rules_counts(desk: Path) -> None:
    """Unless another is named; and it is part of what the rules' hash tells."""
    title = "Orbis Bank denies fraud"
    own = load_rules(desk / "rules")
    assert who(own, "denial", "en", title)[0] == "Orbis MNC"
    named = load_rules(desk / "rules", shipped("config/actors.yaml"))
    assert who(named, "denial", "en", title)[0] == "Orbis Bank BUS"
    assert own.hash != named.hash


def test_a_broken_list_is_told_with_the_rules(desk: Path) -> None:
    """Nothing is loaded, and the message names the file and the line."""
    (desk / "actors.yaml").write_text("countries:\n  QQ: {}\n")
    with pytest.raises(RuleError, match=r"actors\.yaml:2: there is no country 'QQ'"):
        load_rules(desk / "rules")


def test_the_shipped_list_is_yaml_without_surprises() -> None:
    """`NO` is Norway: the file is read as YAML 1.2."""
    path = shipped("config/actors.yaml")
    document = parse_document(path, path.read_text(encoding="utf-8"), [])
    assert document is not None
    assert "NO" in document.data["countries"]
