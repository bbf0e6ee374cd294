"""Who denies, who accuses, whom, and what: by construction and language."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import Kind
from pipeline.rules import Rules
from tests.unit.attributed import article, flag, rules_in, who


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Rules:
    """The small rule files, with the shipped actors."""
    return rules_in(tmp_path_factory.mktemp("attribution") / "rules")


DENIALS = [
    # the subject, however it is called
    ("Iran denies role in blast", "Iran IRN", None),
    ("Kremlin flatly denies attack", "Russia RUSGOV", None),
    ("Downing Street denies rift", "United Kingdom GBRGOV", None),
    ("North Korean army denies shelling village", "North Korea PRKMIL", None),
    ("The Kremlin spokesman Ivan Orlov has denied the attack", "Russia RUSGOV", None),
    ("A spokesman for the United Nations denied it on Monday", "United Nations IGOUNO", None),
    ("WHO denies cover-up", "World Health Organization IGOUNOWHO", None),
    ("Mayor of Dunfield denies taking bribes", "Mayor of Dunfield GOV", None),
    ("Singer denies affair", "Singer", None),
    ("HALDANE DENIES TAKEOVER", "HALDANE", None),
    ("Iranian actor denies theft", "Iranian actor", None),
    ("Paris Marlow denies theft", "Paris Marlow", None),
    ("Tom Brackley, the former head of Orbis Bank, denied the theft", "Tom Brackley", None),
    ("Paula Oake, who denied the theft, was freed", "Paula Oake", None),
    ("Minister resigned but denied wrongdoing", "Minister GOV", None),
    ("Singer accused of theft denies it", "Singer", None),
    ("A singer accused by rivals of theft has denied it", "singer", "rivals CVL"),
    # the agent, the owner
    ("Rumours of a coup were denied by Ankara", "Türkiye TURGOV", None),
    ("Moscow's denial fails to convince", "Russia RUSGOV", None),
    ("Denial by Tehran draws doubts", "Iran IRNGOV", None),
    # who is quoted
    ("'I did not take a penny': treasurer", "treasurer GOV", None),
    ("Prime Minister Hale: I did not lie", "Prime Minister Hale GOV", None),
    ("Kestrel Airlines: rumours are baseless", "Kestrel Airlines BUS", None),
    ("Rumours of a strike baseless - Kestrel chief", "Kestrel chief", None),
    ("Rumours are 'baseless', says Kestrel Airlines", "Kestrel Airlines BUS", None),
    ("Kestrel Airlines says rumours are baseless", "Kestrel Airlines BUS", None),
    # whose claim it is
    ("Iran rejects US accusations of meddling", "Iran IRN", "United States USA"),
    ("Iran rejects Washington's accusations", "Iran IRN", "United States USAGOV"),
    ("Google denies claims by former engineer", "Google MNC", "former engineer"),
    ("France rejects reports from Rome", "France FRA", "Italy ITAGOV"),
    ("US accusations rejected by Iran", "Iran IRN", "United States USA"),
    ("Kabul denies aiding rebels as Islamabad blames it", "Afghanistan AFGGOV", "Pakistan PAKGOV"),
    # nobody
    ("Rumours denied", None, None),
    ("Denied", None, None),
]


@pytest.mark.parametrize(("title", "actor", "target"), DENIALS)
def test_who_denies_in_english(rules: Rules, title: str, actor: str | None, target: str | None) -> None:
    """Subject, agent, owner or speaker; and whose claim it is."""
    assert who(rules, "denial", "en", title) == (actor, target)


ALLEGATIONS = [
    ("Washington accuses Beijing of hacking", "United States USAGOV", "China CHNGOV"),
    ("Beijing accused by Washington of hacking", "United States USAGOV", "China CHNGOV"),
    ("Singer accused of theft", None, "Singer"),
    ("Ex-banker Jon Vale has been accused by three women of assault", "three women CVL", "Ex-banker Jon Vale BUS"),
    ("Kenyan police allegedly beat protesters", None, "Kenya KENCOP"),
    ("Union alleges Orbis Bank hid losses", "Union LAB", "Orbis Bank BUS"),
    ("Orbis Bank faces accusations of fraud", None, "Orbis Bank BUS"),
    ("Accusations against Valdorian president surfaced", None, "Valdorian president GOV"),
    ("US accusations anger Iran", "United States USA", None),
    ("Clerics said Ebbers lied", "Clerics CVL", "Ebbers"),
    ("A fund that critics accuse of fraud", "critics CVL", None),
    ("The priest was held, accused of assault, the county prosecutor said", "county prosecutor JUD", "priest CVL"),
    ("Ukraine: former aide accused of fraud", None, "former aide"),
    # the wrong itself is matched, and who tells of it
    ("Surgeon lied, according to nurses", "nurses HLH", "Surgeon HLH"),
    ("According to nurses, surgeon lied", "nurses HLH", "surgeon HLH"),
    ("Doctors: mayor lied", "Doctors HLH", "mayor GOV"),
    ("Surgeon 'lied', says widow", "widow CVL", "Surgeon HLH"),
    ("Nurses said surgeon lied", "Nurses HLH", "surgeon HLH"),
    # who is accused of a claim, and where it comes from
    ("Orbis Bank faces allegations of fraud from former clerks", "former clerks", "Orbis Bank BUS"),
    ("Allegations of theft from nurses against surgeon", "nurses HLH", "surgeon HLH"),
    ("The fund accused its former chairman of theft", "fund", "former chairman"),
    ("Club accuses Almery book publisher of theft", "Club", "Almery book publisher CVL"),
    ("Jana Holt, 52, of Dunfield, accused the surgeon", "Jana Holt", "surgeon HLH"),
]


@pytest.mark.parametrize(("title", "actor", "target"), ALLEGATIONS)
def test_who_accuses_whom_in_english(rules: Rules, title: str, actor: str | None, target: str | None) -> None:
    """Active, passive, hearsay and nouns."""
    assert who(rules, "allegation", "en", title) == (actor, target)


OTHER_LANGUAGES: list[tuple[Kind, str, str, str | None, str | None]] = [
    ("denial", "es", "Irán niega las acusaciones de Estados Unidos", "Iran IRN", "United States USA"),
    ("denial", "es", "El gobierno ruso rechazó las informaciones", "Russia RUSGOV", None),
    ("allegation", "es", "Francia acusa a Rusia de espionaje", "France FRA", "Russia RUS"),
    ("allegation", "es", "El alcalde ha sido acusado por vecinos de fraude", "vecinos CVL", "alcalde GOV"),
    ("denial", "de", "Moskau bestreitet Angriff", "Russia RUSGOV", None),
    ("denial", "de", "Iran hat die Vorwürfe der USA zurückgewiesen", "Iran IRN", "United States USA"),
    ("denial", "de", "Der Bürgermeister von Almern hat Berichte zurückgewiesen", "Bürgermeister von Almern GOV", None),
    ("denial", "de", "Die Berichte wurden von der Botschaft bestritten", "Botschaft GOV", None),
    ("allegation", "de", "Polen beschuldigt Russland", "Poland POL", "Russia RUS"),
    ("denial", "ru", "Россия отвергла обвинения США", "Russia RUS", "United States USA"),
    ("denial", "ru", "Обвинения отвергли в Кремле", "Russia RUSGOV", None),
    ("allegation", "ru", "Украина обвинила Россию в обстреле", "Ukraine UKR", "Russia RUS"),
    ("allegation", "ru", "Россию обвинили в обстреле", None, "Russia RUS"),
    ("allegation", "ru", "Москву обвинила Варшава", "Poland POLGOV", "Russia RUSGOV"),
    ("denial", "tr", "İran, ABD'nin suçlamalarını reddetti", "Iran IRN", "United States USA"),
    ("allegation", "tr", "Yunanistan Türkiye'yi suçladı", "Greece GRC", "Türkiye TUR"),
    ("denial", "ar", "نفت إيران اتهامات أمريكا", "Iran IRN", "United States USA"),
    ("denial", "ar", "إيران تنفي تقارير", "Iran IRN", None),
    ("allegation", "ar", "اتهمت فرنسا روسيا", "France FRA", "Russia RUS"),
    ("denial", "fa", "ایران اتهامات آمریکا را رد کرد", "Iran IRN", "United States USA"),
    ("allegation", "fa", "اوکراین روسیه را به حمله متهم کرد", "Ukraine UKR", "Russia RUS"),
    ("denial", "zh", "俄罗斯否认美国的说法", "Russia RUS", "United States USA"),
    ("denial", "zh", "中国外交部驳斥美国报道", "China CHNGOV", "United States USA"),
    ("allegation", "tr", "Ankara'dan Şam'a suçlama", "Türkiye TURGOV", "Syria SYRGOV"),
    ("allegation", "zh", "日本指责俄罗斯", "Japan JPN", "Russia RUS"),
]


@pytest.mark.parametrize(("kind", "language", "title", "actor", "target"), OTHER_LANGUAGES)
def test_one_search_serves_all_languages(
    rules: Rules, kind: Kind, language: str, title: str, actor: str | None, target: str | None
) -> None:
    """Word order, case, markers before and after, writing without capitals and without blanks."""
    assert who(rules, kind, language, title) == (actor, target)


def test_the_ministry_is_the_last_one_named(rules: Rules) -> None:
    """A role word with an article stands for the last country before it; the span is where the word stands."""
    found = flag(rules, "denial", "en", "Jets cross border", "France was asked about jets. The ministry denied it.")
    assert found.actor is not None
    assert (found.actor.name, found.actor.code, found.actor.span.quote) == ("France", "FRAGOV", "ministry")


def test_he_is_the_last_person_named(rules: Rules) -> None:
    """A personal pronoun stands for a person named before, never for a country."""
    found = flag(rules, "denial", "en", "A day in court", "Tom Brackley of Orbis Bank spoke. He denied the theft.")
    assert found.actor is not None
    assert (found.actor.name, found.actor.span.quote) == ("Tom Brackley of Orbis Bank", "He")
    assert flag(rules, "denial", "en", "In brief", "France spoke. He denied it.").actor is None


def test_a_lead_tells_what_the_headline_leaves_out(rules: Rules) -> None:
    """The accuser stands in the lead, if that speaks of the same accused."""
    lead = "Three women have accused former banker Jon Vale of assault."
    assert who(rules, "allegation", "en", "Banker Jon Vale accused of assault", lead)[0] == "Three women CVL"
    assert who(rules, "allegation", "en", "Runner accused of assault", lead)[0] is None


def test_a_chinese_claim_ends_with_its_noun(rules: Rules) -> None:
    """What the noun is about stands before it, even where it holds a word that ends clauses elsewhere."""
    found = flag(rules, "denial", "zh", "市长否认事后受贿的说法").claim
    assert found is not None
    assert found.quote == "事后受贿的说法"


@pytest.mark.parametrize(
    ("kind", "title", "claim"),
    [
        ("denial", "Iran denies that it sent arms after summit", "it sent arms"),
        ("denial", "Iran denies sending arms, officials said", "sending arms"),
        ("denial", "Iran rejects US claims that it sent arms", "it sent arms"),
        ("denial", "Orbis denies layoff rumours", "layoff rumours"),
        ("denial", "Rumours of a coup were denied by Ankara", "Rumours of a coup"),
        ("allegation", "Washington accuses Beijing of hacking banks", "hacking banks"),
        ("allegation", "Beijing accused by Washington of hacking banks", "hacking banks"),
        ("allegation", "Union alleges that Orbis hid losses", "Orbis hid losses"),
        ("denial", "Iran denies", None),
    ],
)
def test_the_claim_is_the_clause(rules: Rules, kind: Kind, title: str, claim: str | None) -> None:
    """What is denied or alleged, without the word that begins it and what follows it."""
    found = flag(rules, kind, "en", title).claim
    assert (found.quote if found else None) == claim


WORDS = st.sampled_from(
    [
        *("Iran", "Kremlin", "US", "the", "ministry", "He", "it", "denies", "denied", "accused", "accuses", "by", "of"),
        *("that", "claims", "reports", "baseless", "says", "said", "allegedly", "lied", "Jon", "Vale", "police", "was"),
        *("has", "and", ",", ":", "-", "'", ".", '"', "俄罗斯", "I", "did", "not", "who", "Iran's"),
    ]
)


@given(st.lists(WORDS, max_size=25), st.lists(WORDS, max_size=25))
@settings(max_examples=300, deadline=None)
def test_spans_quote_the_text_and_no_actor_is_the_cue(rules: Rules, title: list[str], lead: list[str]) -> None:
    """Whatever the words: spans are true, actor and cue share no letter, and the same text gives the same answer."""
    one = article("en", " ".join(title), " ".join(lead))
    flags = rules.flags(one)
    for found in flags:
        mentions = [mention.span for mention in (found.actor, found.target) if mention]
        for span in (*mentions, *([found.claim] if found.claim else [])):
            assert getattr(one, span.field)[span.start : span.end] == span.quote
            assert span.quote.strip() == span.quote != ""
        if found.actor and found.actor.span.field == found.spans[0].field and len(found.spans) == 1:
            cue = found.spans[0]
            assert found.actor.span.end <= cue.start or cue.end <= found.actor.span.start
    assert rules.flags(one) == flags


def test_a_language_without_frame_names_nobody(tmp_path: Path) -> None:
    """Attribution is the rule file's decision."""
    found = rules_in(tmp_path / "rules")
    assert who(found, "denial", "en", "Iran denies attack")[0] == "Iran IRN"
    text = (tmp_path / "rules" / "en.yaml").read_text()
    head, _, rest = text.partition("frame:")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "en.yaml").write_text(head + rest[rest.index("\nrules:") :])
    from pipeline.rules import load_rules

    assert who(load_rules(tmp_path / "plain"), "denial", "en", "Iran denies attack") == (None, None)
