"""Synthetic news: everyday prose of about 3 KB an article, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pipeline.dedupe.fingerprint import article_id, text_hash
from pipeline.records import Article, ArticleBatch

BODY_CHARS = 2_900
FLAGGED_EVERY = 20
"""One article in twenty is flagged: the share of denials and allegations in general news."""
REPEATED_EVERY = 10
"""One article in ten was in the poll before: feeds keep their items for days."""
DOMAINS = 40
START = datetime(2026, 3, 1, 6, tzinfo=UTC)

SLOTS = {
    "who": [
        "the harbour office", "a group of teachers", "the city council", "two engineers from the north", "the museum",
        "the national team", "a young baker", "the rail operator", "the weather service", "a farmer near the border",
        "the new mayor", "the port authority", "three students", "the orchestra", "the fishing fleet",
    ],
    "did": [
        "opened a bridge", "planted four hundred trees", "moved to a larger building", "won the second match",
        "finished the survey", "repaired the old mill", "welcomed visitors from abroad", "presented its plans",
        "cut the price of day tickets", "closed the eastern lane for repairs", "sold the first boats of the year",
        "set up a market in the square", "rehearsed until late in the evening", "counted the birds on the coast",
    ],
    "where": [
        "in the old town", "near the lake", "along the coast road", "at the central station", "in the valley",
        "on the southern shore", "by the river", "in the capital", "on the island", "outside the stadium",
    ],
    "when": [
        "on Monday", "late on Tuesday", "before the summer", "over the weekend", "in the early morning",
        "for the first time in years", "during the school holidays", "after two days of rain", "this winter",
    ],
    "next": [
        "The work is expected to take until autumn", "More than a thousand people came to look",
        "Residents can read the plans at the town hall", "Entry is free for children",
        "The budget was approved by a wide majority", "Buses run every ten minutes",
        "A second concert follows in the spring", "The ferry will sail twice a day",
        "Officials said the figures would be published next month", "Nobody was hurt",
        "The weather should stay dry until the end of the week", "The old timetable remains in force",
        "Shops in the area reported good sales", "The team travels north on Friday",
        "Schools have been told to plan for smaller classes", "The museum keeps the original drawings",
    ],
}  # fmt: skip

FLAGGED = [
    "The minister denied allegations of bribery.",
    "The company rejected claims that it had hidden the losses.",
    "Prosecutors accused the former director of fraud.",
    "Her lawyer dismissed the accusations as baseless.",
    "The opposition accused the government of covering up the report.",
]


def articles(count: int, first: int = 0) -> list[Article]:
    """``count`` different articles, numbered from ``first``; the numbers make URLs, ids and texts."""
    return [_article(number) for number in range(first, first + count)]


def polls(originals: Sequence[Article], size: int) -> list[ArticleBatch]:
    """Batches of ``size`` articles of one domain as polls bring them, every `REPEATED_EVERY`-th article twice."""
    by_domain: dict[str, list[Article]] = {}
    for number, article in enumerate(originals):
        shelf = by_domain.setdefault(article.domain, [])
        shelf.append(article)
        if number % REPEATED_EVERY == 0:
            shelf.append(article)
    return [
        ArticleBatch(id=f"{shelf[at].id}-{at}-{size}", key=domain, fetched=START, articles=tuple(shelf[at : at + size]))
        for domain, shelf in by_domain.items()
        for at in range(0, len(shelf), size)
    ]


def _article(number: int) -> Article:
    chance = random.Random(number)
    title, lead = _sentence(chance), _sentence(chance)
    sentences: list[str] = [f"This is story {number} of the day."]
    while sum(map(len, sentences)) + len(sentences) < BODY_CHARS:
        sentences.append(_sentence(chance))
    if number % FLAGGED_EVERY == 0:
        sentences[chance.randrange(1, len(sentences))] = chance.choice(FLAGGED)
    body = " ".join(sentences)
    domain = f"outlet{number // FLAGGED_EVERY % DOMAINS}.example"
    url = f"https://{domain}/story/{number}"
    return Article(
        id=article_id(url), text_hash=text_hash(title, lead, body), url=url, link=url, feed=f"https://{domain}/feed",
        outlet=domain, domain=domain, title=title, lead=lead, body=body, language="en",
        published=START + timedelta(seconds=number), fetched=START,
    )  # fmt: skip


def _sentence(chance: random.Random) -> str:
    if chance.random() < 0.4:
        return chance.choice(SLOTS["next"]) + "."
    who, did, where, when = (chance.choice(SLOTS[slot]) for slot in ("who", "did", "where", "when"))
    return f"{who.capitalize()} {did} {where} {when}."
