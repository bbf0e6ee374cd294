"""The demo's feeds and its expectations cover each other, and dedupe decides as expected, without any process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random

import pytest
import yaml
from msgspec.structs import replace

from agents.outbox import Outgoing
from agents.thread_table import ThreadTable
from pipeline.copies.claims import with_copies
from pipeline.copies.copies import Copies
from pipeline.copies.source import Sources
from pipeline.dedupe.fresh import fresh_batches
from pipeline.dedupe.language import decide_language
from pipeline.dedupe.seen import SeenIndex, claim_key
from pipeline.demo.configuration import demo_environment, webhook_secrets, write_configuration
from pipeline.demo.disputes import Told, compare_disputes
from pipeline.demo.expectations import Page, Verdict, compare, load_expected, still_to_come
from pipeline.demo.template import render, shuffled
from pipeline.feeds.article import batches
from pipeline.feeds.parse import parse
from pipeline.records import (
    Article,
    ArticleBatch,
    CopyGroup,
    Flagged,
    FlaggedArticle,
    Thread,
    ThreadEvent,
    ThreadInput,
    thread_events,
    threads,
)
from pipeline.resources import shipped
from pipeline.rules import Rules, load_rules
from pipeline.settings.load import load_feeds, load_settings, load_subscriptions
from pipeline.settings.models import Feed, Outlet
from pipeline.topics import THREAD_EVENTS, THREADS

SEEDS = shipped("seeds/demo")
BASE = "http://127.0.0.1:1"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EXPECTED = load_expected(SEEDS / "expected.yaml")
SECOND = ("meridian-wire", "orle-courier")
"""Feeds with a second variant."""

FEEDS = {
    Path(entry["url"]).stem: Feed(**entry | {"url": entry["url"].replace("{base}", BASE)})
    for entry in yaml.safe_load((SEEDS / "feeds.yaml").read_text(encoding="utf-8"))["feeds"]
}


def articles(name: str, *, second: bool = False, seed: int | None = None) -> tuple[Article, ...]:
    """What the poller makes of one variant of a feed."""
    template = (SEEDS / "feeds" / f"{name}{'.v2' if second else ''}.xml").read_text(encoding="utf-8")
    if seed is not None:
        template = shuffled(template, seed)
    body = render(template, base=BASE, start=NOW)
    return parse(body, feed=FEEDS[name], headers={}, fetched=NOW).articles


def published(seed: int | None = None) -> list[list[Article]]:
    """What each poll that finds something new publishes: every feed's first variant, then what the second changes."""
    firsts = [list(articles(name, seed=seed)) for name in FEEDS]
    return [*firsts, *(list(changed(name, seed=seed)) for name in SECOND)]


def changed(name: str, *, seed: int | None = None) -> Iterator[Article]:
    """What the second variant of a feed has that the first had not."""
    known = {(one.id, one.text_hash) for one in articles(name, seed=seed)}
    return (one for one in articles(name, second=True, seed=seed) if (one.id, one.text_hash) not in known)


def test_every_template_is_listed_and_every_listed_feed_is_there() -> None:
    """Both ways; second variants belong to listed feeds."""
    names = {path.stem for path in (SEEDS / "feeds").glob("*.xml")}
    assert names == FEEDS.keys() | {f"{name}.v2" for name in SECOND}


def test_every_item_is_expected_and_every_expectation_has_its_item() -> None:
    """Feed by feed and variant by variant."""
    told = Counter((name, Page.of(one), 1) for name in FEEDS for one in articles(name))
    told.update((name, Page.of(one), 2) for name in SECOND for one in changed(name))
    expected = Counter(
        (feed, Page(item.outlet, item.path), item.poll) for item in EXPECTED.items for feed in item.feeds
    )
    assert told == expected


def test_the_little_world_is_as_varied_as_it_should_be() -> None:
    """Outlets, formats, hard negatives, kinds and outcomes are all there."""
    assert len({item.outlet for item in EXPECTED.items}) >= 8
    assert sum(item.why.startswith("hard negative") for item in EXPECTED.items) >= 15
    assert all(not item.flags for item in EXPECTED.items if item.why.startswith("hard negative"))
    assert {kind for item in EXPECTED.items for kind in item.kinds} == {"denial", "allegation", "non_denial"}
    assert {one for item in EXPECTED.items for one in item.dedupe} == {"new", "seen_again", "duplicate", "revision"}
    assert len([item for item in EXPECTED.items if item.why.startswith("the model case")]) == 2
    formats = {(SEEDS / "feeds" / f"{name}.xml").read_text(encoding="utf-8").split("<", 2)[2][:4] for name in FEEDS}
    assert formats == {"rss ", "feed", "rdf:"}


@cache
def shipped_rules() -> Rules:
    """Loading them takes seconds."""
    return load_rules(shipped("config/rules"))


@dataclass
class Run:
    """The data path without any process: what each topic would carry, and what dedupe decided."""

    raw: list[Article] = field(default_factory=list)
    fresh: list[Article] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, polls: list[list[Article]]) -> Run:
        """Polls through dedupe, one after the other."""
        run, index = cls(), SeenIndex(0)
        for offset, poll in enumerate(polls):
            for batch in batches(poll, fetched=NOW):
                decision = index.decide(batch)
                run.raw += batch.articles
                run.fresh += (
                    one for made in fresh_batches(batch, decision.verdicts, decide_language) for one in made.articles
                )
                run.outcomes.update(verdict.kind for verdict in decision.verdicts)
                claim = decision.claim(batch, partition=0, offset=offset)
                if claim is not None:
                    index.apply(f"{offset}.{batch.id}", claim)
        return run


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_dedupe_decides_as_expected_in_every_order(seed: int | None) -> None:
    """Every arrival is there, each story passes once, and the outcomes are those that are written down."""
    polls = published(seed)
    if seed is not None:
        firsts, seconds = polls[: len(FEEDS)], polls[len(FEEDS) :]
        polls = [*firsts[seed:], *firsts[:seed], *seconds]
    run = Run.of(polls)
    assert still_to_come(EXPECTED, run.raw) == ()
    assert run.outcomes == Counter(one for item in EXPECTED.items for one in item.dedupe)
    verdict = compare(EXPECTED, run.raw, run.fresh, [])
    assert verdict.unexpected == ()
    assert [line for line in verdict.missing if "was flagged" not in line] == []


def test_the_shipped_rules_flag_as_expected() -> None:
    """Each kind that is listed, no other, and nothing from unrelated headlines: the demo's verdict without a broker."""
    run, rules = Run.of(published()), shipped_rules()
    flagged = [
        FlaggedArticle(article=one, flags=flags, ruleset=rules.hash, flagged=NOW)
        for one in run.fresh
        if (flags := rules.flags(one))
    ]
    verdict = compare(EXPECTED, run.raw, run.fresh, flagged)
    assert verdict.missing == ()
    assert verdict.unexpected == ()


def disputes(fresh: list[Article]) -> Told:
    """Copies and threads of articles that come one at a time, in this order."""
    outlets = yaml.safe_load((SEEDS / "outlets.yaml").read_text(encoding="utf-8"))["outlets"]
    sources, copies, rules = Sources(Outlet(**one) for one in outlets), Copies(0), shipped_rules()
    table = ThreadTable({}, page_partitions=1)
    passed: list[Article] = []
    groups: dict[str, CopyGroup] = {}
    found: dict[str, Thread] = {}
    events: list[ThreadEvent] = []

    def fail(error: Exception) -> Outgoing:
        raise error

    async def thread() -> None:
        for offset, article in enumerate(passed):
            flags = rules.flags(article)
            if flags or article.revision_of:
                record = ThreadInput(what=Flagged(article=article, flags=flags, ruleset=rules.hash))
                for result in (await table.take(record, 0, offset, NOW, fail)).results:
                    if result.topic == THREADS and result.value is not None:
                        one = threads.decode(result.value)
                        found[one.id] = one
                    elif result.topic == THREAD_EVENTS:
                        events.append(thread_events.decode(result.value or b""))

    for offset, article in enumerate(fresh):
        batch = ArticleBatch(id=f"{offset:032x}", key=article.language, fetched=NOW, articles=(article,))
        claim = copies.take(claim_key(batch, offset), batch, offset)
        groups |= {group.group: group for group in claim.moved}
        passed += (replace(one, source=sources.of(one)) for one in with_copies(batch, claim).articles)
    asyncio.run(thread())
    return Told(passed, groups, found, events)


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_copies_and_threads_are_as_expected_in_every_order(seed: int | None) -> None:
    """The same copies with the same original, the same threads with the same parties, sources and lags; twins apart."""
    polls = published(seed)
    if seed is not None:
        firsts, seconds = polls[: len(FEEDS)], polls[len(FEEDS) :]
        Random(seed).shuffle(firsts)
        polls = [*firsts, *seconds]
    told = disputes(Run.of(polls).fresh)
    assert compare_disputes(EXPECTED, told) == Verdict((), ())
    assert [group.outlet for group in told.groups.values()] == ["Meridian Wire"], "the original came late"


def test_no_menu_or_unrelated_headline_is_in_a_text() -> None:
    """What stands around the articles on their pages is gone before any rule sees them."""
    texts = [" ".join((one.title, one.lead, one.body)) for name in FEEDS for one in articles(name)]
    for headline in EXPECTED.never_quoted:
        assert [text for text in texts if headline in text] == []
    shells = next(text for text in texts if "no basis" in text)
    assert "artillery ammunition" in shells
    for furniture in ("Share this", "Print", "Copy link", "More from Harbour Post", "Subscribe", "cookies"):
        assert [text for text in texts if furniture in text] == []


def test_legacy_encodings_are_read_right() -> None:
    """Accents and Cyrillic letters come out as they were written."""
    assert any("presqu'île" in one.lead for one in articles("le-phare"))
    assert any("трамвайной линии" in one.title for one in articles("vecherny-kurier"))


def test_the_demo_s_configuration_is_valid(tmp_path: Path) -> None:
    """It loads through the one door, with the listed feeds, on free ports, and shuffled lists the same feeds."""
    for seed in (None, 5):
        rules = shipped("config/rules")
        write_configuration(
            tmp_path,
            base=BASE,
            receiver=BASE,
            webhooks=webhook_secrets(SEEDS),
            seeds=SEEDS,
            rules=rules,
            shuffle_seed=seed,
        )
        settings = load_settings(tmp_path, {})
        assert {feed.url for feed in load_feeds(settings)} == {feed.url for feed in FEEDS.values()}
        assert settings.poll.allow_private
        assert settings.rules_path == rules
        assert settings.kafka.port == settings.metrics.poll_port == settings.metrics.worker_port == 0
        assert settings.poll.per_host >= len(FEEDS)


def test_settings_of_the_operator_do_not_reach_the_demo() -> None:
    """Least of all the address of a real cluster."""
    env = {"PATH": "/bin", "COUNTERCLAIM_KAFKA": "kafka:9092", "COUNTERCLAIM_POLL_INTERVAL_SECONDS": "600"}
    assert demo_environment(env) == {"PATH": "/bin"}


def test_expected_alerts_are_about_the_demo_s_stories_and_subscriptions(tmp_path: Path) -> None:
    """Each story is an expected thread, or an article; each subscription is configured, with a secret for a webhook."""
    stories = {thread.name for thread in EXPECTED.threads} | {f"{item.outlet} {item.path}" for item in EXPECTED.items}
    assert {story.thread for one in EXPECTED.alerts for story in one.stories} <= stories
    secrets = webhook_secrets(SEEDS)
    write_configuration(
        tmp_path, base=BASE, receiver=BASE, webhooks=secrets, seeds=SEEDS, rules=shipped("config/rules")
    )
    listed = {one.id: one for one in load_subscriptions(load_settings(tmp_path, {}), {})}
    assert {one.subscription: one.webhook for one in EXPECTED.alerts} == {name: name in secrets for name in listed}
    assert [one.subscription for one in EXPECTED.alerts if one.every] == [
        name for name, one in listed.items() if not one.entry.query
    ]
