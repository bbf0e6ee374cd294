"""What it costs to find the subscriptions that an event of a story is for, beside asking each.

    python -m bench.subscriptions [COUNT …]     default 1,000, 10,000 and 100,000: about a minute

A process for each size. Stories are of our own making: 3 KB of English news sentences with five names (drawn as names
are in the news: the commonest is in a tenth of all stories) and eight topics, a thread with parties, quotes, outlets
and numbers. Subscriptions ask for the same names and topics, in several ways: a name and what it is accused of, names
near cues, parties and states, outlets and owners, languages, topics with exclusions, numbers; two in a hundred require
nothing, and are asked of every story. The loop asks the same queries of the same stories, one after the other, with the
same look-up of words; what both find is compared. Costs are CPU time, and begin with the record: `read` of it is making
the text that queries are asked of. Bytes are the growth of resident memory: the index with its trees. JSON goes to
``bench/out/subscriptions.json``.
"""

from __future__ import annotations

import gc
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from bench.rules import CUES, FLAGGED, SYLLABLES
from bench.seen import resident
from bench.stream.articles import SLOTS
from pipeline.records import Article, Flag, Mention, Span, StoryEvent, Thread, ThreadEvent
from pipeline.records.thread import Evidence, Parties, Party, Side, State
from pipeline.subscriptions.index import SubscriptionIndex
from pipeline.subscriptions.query import Wanted, parse_query
from pipeline.subscriptions.text import StoryText, matches, story_text

OUT = Path("bench/out/subscriptions.json")
SIZES = (1_000, 10_000, 100_000)
STORIES = 300
COMPARED = 2_000_000
"""Queries that the loop asks at each size, and at least ten stories."""
PUTS = 2_000
TARGET = 1_000.0
"""Microseconds an event at 10,000 subscriptions, at the most."""
CHARS = 3_000
T = TypeVar("T")
R = TypeVar("R")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
STATES: tuple[State, ...] = ("alleged", "denied", "disputed")
LANGUAGES = ("en", "en", "en", "de", "fr", "es", "ru", "zh", "ar")

_dice = random.Random(1)
NAMES = list(
    dict.fromkeys("".join(_dice.choices(SYLLABLES, k=_dice.randint(2, 4))).capitalize() for _ in range(30_000))
)
_WEIGHTS = list(accumulate(1 / (rank + 5) for rank in range(1, len(NAMES) + 1)))
TOPICS = [
    "".join(_dice.choices(SYLLABLES, k=3)) + ending for ending in ("ing", "tion", "ment", "er") for _ in range(100)
]
_dice.shuffle(TOPICS)
_TOPIC_WEIGHTS = list(accumulate(1 / (rank + 5) for rank in range(1, len(TOPICS) + 1)))
OUTLETS = [f"{name} {kind}" for name in NAMES[:300] for kind in ("Herald", "Post", "Times")]


def name(dice: random.Random) -> str:
    """Somebody in the news."""
    return dice.choices(NAMES, cum_weights=_WEIGHTS)[0]


def topics(dice: random.Random, count: int) -> list[str]:
    """What news are about."""
    return dice.choices(TOPICS, cum_weights=_TOPIC_WEIGHTS, k=count)


def query(dice: random.Random) -> str:
    """What a subscriber asks for."""
    one, two, (topic,) = name(dice), name(dice), topics(dice, 1)
    made: tuple[tuple[int, str], ...] = (
        (14, f"{one} AND (brib* OR fraud OR corruption)"),
        (10, f'"{one} {dice.choice(("Bank", "Council", "Group", "Ministry"))}"'),
        (10, f'"{one} {two}" OR ({one} NEAR/8 (den* OR accus* OR alleg*))'),
        (12, f"actor:{one} OR target:{one}"),
        (8, f"target:{one} AND state:(denied OR disputed)"),
        (6, f'outlet:"{dice.choice(OUTLETS)}" AND {topic}'),
        (4, f'owner:"{one} Holding" AND state:{dice.choice(STATES)}'),
        (10, f"{topic} AND {one} NOT {two}"),
        (8, f"title:({one} OR {two}) NOT lang:{dice.choice(LANGUAGES)}"),
        (6, f"{topic} NEAR/6 ({one} OR {two} OR {name(dice)})"),
        (4, f"({one} OR {two}) AND lag:<{dice.randint(1, 48)}h"),
        (3, f"lang:{dice.choice(LANGUAGES)} AND state:{dice.choice(STATES)} AND sources:>{dice.randint(1, 9)}"),
        (2, f"{topic} AND sources:>={dice.randint(2, 12)}"),
        (1, f"sources:>{dice.randint(2, 30)} AND articles:>{dice.randint(3, 300)}"),
        (1, f"NOT lang:{dice.choice(LANGUAGES)} AND lag:<{dice.randint(5, 90)}m"),
        (1, ""),
    )
    return dice.choices([text for _, text in made], [share for share, _ in made])[0]


def story(number: int) -> StoryEvent:
    """An event of a story; its number decides what is in it."""
    dice = random.Random(number)
    names, about = [name(dice) for _ in range(5)], topics(dice, 8)
    sentences: list[str] = [dice.choice(FLAGGED)]
    while sum(map(len, sentences)) + 2 * len(sentences) < CHARS:
        sentences.append(_sentence(dice, names, about))
    title, lead, *body = sentences
    language, outlet = dice.choice(LANGUAGES), dice.choice(OUTLETS)
    article = Article(
        id=f"{number:032x}", text_hash="0" * 16, url="", domain="herald.example", outlet=outlet, title=title,
        lead=f"{lead}.", body=". ".join(body) + ".", language=language, published=NOW, fetched=NOW,
    )  # fmt: skip
    said = Span(field="title", start=0, end=len(title), quote=title)
    mentions = [Mention(name=one, span=said) for one in names[:2]]
    flag = Flag(
        id="0" * 16, kind=dice.choice(("denial", "allegation")), category="", rule="en/test", version=1, score=0.8,
        spans=(said,), actor=mentions[0], target=mentions[1],
    )  # fmt: skip
    quote = Evidence(article=article.id, text_hash="0" * 16, published=NOW, quote=body[0], outlet=outlet)
    independent = min(32, int(dice.paretovariate(1)))
    thread = Thread(
        id=article.id, language=language, state=dice.choice(STATES), claim=quote, title=dice.choice(body),
        accusers=_parties(names[:1], quote), accused=_parties(names[1:3], quote), deniers=_parties(names[1:2], quote),
        lag_seconds=dice.choice((None, dice.randrange(200_000))), members=independent * 2,
        telling=Side(sources=tuple(f"owner:{place}" for place in range(independent))),
        first_activity=NOW, last_activity=NOW,
    )  # fmt: skip
    event = ThreadEvent(
        id="0" * 32, thread=thread.id, kind=dice.choice(("created", "joined", "spread")), cause="", when=NOW, what="",
        evidence=(quote,), processed=NOW,
    )  # fmt: skip
    return StoryEvent(event=event, thread=thread, article=article, flags=(flag,))


def _sentence(dice: random.Random, names: list[str], about: list[str]) -> str:
    sentence = " ".join(dice.choice(SLOTS[slot]) for slot in ("who", "did", "where", "when"))
    if dice.random() < 0.4:
        return f"{dice.choice(names)} spoke of the {dice.choice(about)} when {sentence}"
    return dice.choice(CUES) if dice.random() < 0.2 else sentence.capitalize()


def _parties(names: list[str], quote: Evidence) -> Parties:
    return Parties(named=tuple(Party(name=one, first=quote) for one in names))


def owner_of(_: str, outlet: str) -> str:
    """Who owns an outlet of ours."""
    return f"{outlet.split()[0]} Holding"


def timed(work: Callable[[T], R], some: Iterable[T]) -> tuple[list[float], list[R]]:
    """Microseconds of CPU that something takes with each of some, and what comes of it."""
    costs, made = [], []
    for one in some:
        began = time.thread_time_ns()
        result = work(one)
        costs.append((time.thread_time_ns() - began) / 1e3)
        made.append(result)
    return costs, made


def fresh(told: StoryEvent) -> StoryText:
    """The text of a story, no word of which was looked up."""
    return story_text(told, owner_of)


def measure(size: int) -> dict[str, float]:
    """All figures at one number of subscriptions."""
    dice = random.Random(2)
    stories = [story(number) for number in range(STORIES)]
    timed(lambda told: bool(fresh(told)), stories)
    gc.collect()
    before = resident()
    began = time.thread_time()
    wanted = [parse_query(query(dice)) for _ in range(size)]
    parsing = time.thread_time() - began
    began = time.thread_time()
    index = SubscriptionIndex((str(number), one) for number, one in enumerate(wanted))
    building = time.thread_time() - began
    gc.collect()
    memory = resident() - before
    index.matching(fresh(stories[0]))
    costs, found = timed(lambda told: index.matching(fresh(told)), stories)
    few = stories[: max(10, min(len(stories), COMPARED // size))]
    naive, expected = timed(lambda told: asked(wanted, fresh(told)), few)
    assert found[: len(few)] == expected
    more = [(f"new-{number}", parse_query(query(dice))) for number in range(PUTS)]
    puts, _ = timed(lambda entry: index.put(*entry), more)
    removals, _ = timed(lambda entry: index.remove(entry[0]), more)
    return {
        "subscriptions": size,
        "event_us": round(statistics.mean(costs), 1),
        "event_p99_us": round(statistics.quantiles(costs, n=100)[98], 1),
        "read_us": round(statistics.mean(timed(lambda told: bool(fresh(told)), stories)[0]), 1),
        "loop_us": round(statistics.mean(naive), 1),
        "times": round(statistics.mean(naive) / statistics.mean(costs), 1),
        "found": round(statistics.mean(map(len, found)), 1),
        "bytes": round(memory / size),
        "parse_s": round(parsing, 2),
        "build_s": round(building, 3),
        "put_us": round(statistics.mean(puts), 1),
        "put_worst_us": round(max(puts), 1),
        "remove_us": round(statistics.mean(removals), 1),
    }


def asked(wanted: Sequence[Wanted], text: StoryText) -> set[str]:
    """Each query by itself."""
    return {str(number) for number, one in enumerate(wanted) if matches(one, text)}


def main(sizes: tuple[int, ...]) -> None:
    """Measure each size in a process of its own, print, write."""
    rows, load = [], os.getloadavg()[0]
    for size in sizes:
        with ProcessPoolExecutor(1, get_context("spawn")) as alone:
            rows.append(alone.submit(measure, size).result())
        print(rows[-1], flush=True)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"load": [round(load, 1), round(os.getloadavg()[0], 1)], "rows": rows}, indent=2))
    print(f"\nTarget: at most {TARGET:g} µs an event at 10,000. Load {load:.1f}. Figures: {OUT}")


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or SIZES)
