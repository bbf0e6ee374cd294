"""The independent source of an article: credits in the usual forms of many languages, owners, domains."""

from __future__ import annotations

import pytest

from pipeline.copies.source import Sources
from pipeline.resources import shipped
from pipeline.settings.load import load_outlets, load_settings
from tests.articles import make_article

SOURCES = Sources(load_outlets(load_settings(shipped("config"), {})))
LONG = (
    "The council met for three hours behind closed doors and then told nobody what it had decided about the bridge. "
    * 4
)

CREDITED = [
    ("LONDON, March 1 (Reuters) - The council met on Sunday.", "wire:reuters"),
    ("PARIS (AFP) — Le conseil s'est réuni dimanche.", "wire:afp"),
    ("Berlin (dpa/lby) - Der Rat hat am Sonntag getagt.", "wire:dpa"),
    ("Madrid, 1 mar (EFE).- El consejo se reunió el domingo.", "wire:efe"),
    ("(ANSA) - ROMA, 01 MAR - Il consiglio si è riunito domenica.", "wire:ansa"),
    ("Lisboa, 01 mar 2026 (Lusa) – O conselho reuniu-se no domingo.", "wire:lusa"),
    ("МОСКВА, 1 марта. /ТАСС/. Совет собрался в воскресенье.", "owner:government-of-russia"),
    ("МОСКВА, 1 мар — РИА Новости. Совет собрался в воскресенье.", "owner:government-of-russia"),
    ("Москва. 1 марта. ИНТЕРФАКС - Совет собрался в воскресенье.", "wire:interfax"),
    ("КИЇВ. 1 березня (Укрінформ) — Рада зібралася в неділю.", "owner:government-of-ukraine"),
    ("ANKARA (AA) - Meclis pazar günü toplandı.", "owner:government-of-turkey"),
    ("باريس (أ ف ب) – اجتمع المجلس يوم الأحد.", "wire:afp"),
    ("لندن (رويترز) - اجتمع المجلس يوم الأحد.", "wire:reuters"),
    ("به گزارش ایسنا، شورا یکشنبه تشکیل جلسه داد.", "wire:isna"),
    ("新华社北京3月1日电 市议会星期日开会。", "owner:government-of-china"),
    ("【法新社巴黎1日電】市議會星期日開會。", "wire:afp"),
    ("PYONGYANG, March 1 (KCNA) -- The council met on Sunday.", "owner:government-of-north-korea"),
    ("BEIJING, March 1 (Xinhua) -- The council met on Sunday.", "owner:government-of-china"),
    ("WASHINGTON (AP/Reuters) — The council met on Sunday.", "wire:associated-press"),
]  # fmt: skip

ENDED = [
    ("Source: Xinhua", "owner:government-of-china"),
    ("Quelle: dpa", "wire:dpa"),
    ("Fuente: EFE", "wire:efe"),
    ("Fonte: ANSA", "wire:ansa"),
    ("Kaynak: AA", "owner:government-of-turkey"),
    ("Источник: ТАСС", "owner:government-of-russia"),
    ("Джерело: Укрінформ", "owner:government-of-ukraine"),
    ("المصدر: رويترز", "wire:reuters"),
    ("来源：新华社", "owner:government-of-china"),
    ("© AFP", "wire:afp"),
    ("(ANSA).", "wire:ansa"),
    ("(Reporting by Ann Moss in Port Ellery; Editing by Tom Lark)", "wire:reuters"),
]


@pytest.mark.parametrize(("body", "source"), CREDITED)
def test_a_dateline_names_the_agency(body: str, source: str) -> None:
    """In the form of each language, at the beginning of lead or body."""
    assert SOURCES.of(make_article(lead="", body=body + LONG)) == source
    assert SOURCES.of(make_article(lead=body)) == source


@pytest.mark.parametrize(("end", "source"), ENDED)
def test_a_credit_at_the_end_names_the_agency(end: str, source: str) -> None:
    """After the last sentence."""
    assert SOURCES.of(make_article(lead="", body=f"{LONG}\n{end}")) == source


@pytest.mark.parametrize(
    "author", ["Reuters", "Ann Moss, Reuters", "By Ann Moss and Reuters staff", "The Herald with Reuters"]
)
def test_a_byline_names_the_agency(author: str) -> None:
    """Alone, or with a name of the outlet's own."""
    assert SOURCES.of(make_article(authors=(author,))) == "wire:reuters"


@pytest.mark.parametrize("body", [
    "The minister told Reuters on Sunday that the bridge would be closed.",
    "According to AFP, the council met on Sunday.",
    "Tass river floods (two villages cut off) after the rain.",
    "Clashes in the town (see map) went on, as KCNA had said (twice) before.",
])  # fmt: skip
def test_a_report_that_is_only_quoted_is_no_source(body: str) -> None:
    """Who says that Reuters says something has written it himself."""
    assert SOURCES.of(make_article(lead="", body=body + LONG)) == "domain:herald.example"


def test_an_owner_is_one_source() -> None:
    """Two papers of one owner count once; an edition goes by its name where its domain says nothing."""
    assert SOURCES.of(make_article(domain="wsj.com")) == SOURCES.of(make_article(domain="thetimes.com"))
    assert SOURCES.of(make_article(domain="wsj.com")) == "owner:news-corp"
    assert SOURCES.of(make_article(domain="feeds.example", outlet="BBC News Mundo")) == "owner:bbc"


def test_an_agencys_own_page_is_the_same_source_as_those_who_print_it() -> None:
    """So the original and its copies are one."""
    assert SOURCES.of(make_article(domain="reuters.com")) == "wire:reuters"
    assert SOURCES.of(make_article(domain="ria.ru")) == SOURCES.of(make_article(domain="tass.com"))


def test_an_outlet_that_nobody_knows_is_a_source_by_its_domain() -> None:
    """Also when there is no list at all."""
    assert SOURCES.of(make_article()) == "domain:herald.example"
    assert Sources(()).of(make_article(authors=("Reuters",))) == "domain:herald.example"


def test_an_owner_is_found_by_domain_or_else_by_name() -> None:
    """By its own name, as people write it; an edition's name will do; who is not listed has none."""
    (guardian,) = (one for one in load_outlets(load_settings(shipped("config"), {})) if one.name == "The Guardian")
    domain = guardian.domains[0]
    assert SOURCES.owner(domain, "Whatever") == SOURCES.owner("", "The Guardian") == guardian.owner
    assert SOURCES.owner("nowhere.example", "Nobody's Paper") == ""
