"""The shipped lists of real feeds."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest

from pipeline.errors import Problem
from pipeline.resources import shipped
from pipeline.settings.checks import feed_key
from pipeline.settings.feeds import read_feeds
from pipeline.settings.models import Feed

LISTS = sorted(shipped("seeds/feeds").glob("*.yaml"))

LANGUAGES = frozenset(["en", "es", "fr", "de", "it", "pt", "ru", "uk", "ar", "fa", "tr", "zh"])

CONTINENTS = {
    "Africa": "CG DZ EG ET GH KE MA MZ NG ZA",
    "Asia": "BD CN HK ID IN IR JP KR KZ MM NP PH PK SG TH TW VN AE IL LB OM QA SA SY TR",
    "Europe": "AT BA BE CH DE ES FR GB IT PL PT UA",
    "North America": "CA CU JM MX US",
    "South America": "AR BR CO UY",
    "Oceania": "AU FJ NZ PG",
}


def read(path: Path) -> list[Feed]:
    """The feeds of one list, which must have no problem."""
    problems: list[Problem] = []
    listed = read_feeds(path, problems)
    assert problems == []
    return [one.feed for one in listed]


@pytest.fixture(scope="module")
def feeds() -> list[Feed]:
    """All feeds of all lists."""
    return [feed for path in LISTS for feed in read(path)]


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_each_list_is_valid_by_itself_and_says_that_nothing_was_fetched(path: Path) -> None:
    """Every list loads without a problem, names its schema, and claims no more than is known."""
    assert read(path)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../../docs/schemas/feeds.schema.json\n")
    assert "Nothing was fetched" in text


def test_there_are_enough_feeds_in_every_language(feeds: list[Feed]) -> None:
    """At least 80 feeds, at least four in each language that the rules will speak."""
    assert len(feeds) >= 80
    spoken = Counter(feed.language for feed in feeds)
    assert set(spoken) == LANGUAGES
    assert {language: count for language, count in spoken.items() if count < 4} == {}


def test_every_inhabited_continent_has_feeds(feeds: list[Feed]) -> None:
    """At least four outlets are based on each of the six."""
    for continent, countries in CONTINENTS.items():
        outlets = {feed.outlet for feed in feeds if feed.country in countries.split()}
        assert len(outlets) >= 4, continent


def test_no_feed_is_listed_twice(feeds: list[Feed]) -> None:
    """Across all lists, and whatever the spelling of host and scheme."""
    keys = Counter(feed_key(feed.url).partition("://")[2].removeprefix("www.") for feed in feeds)
    assert [key for key, count in keys.items() if count > 1] == []


def test_an_outlet_has_one_owner_and_one_country(feeds: list[Feed]) -> None:
    """Independent sources are counted by owner, so two feeds of one outlet must agree on it."""
    known: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for feed in feeds:
        known[feed.outlet].add((feed.owner, feed.country))
    assert {outlet: owners for outlet, owners in known.items() if len(owners) > 1} == {}
