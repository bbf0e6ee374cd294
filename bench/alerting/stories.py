"""Articles that begin a story each, and subscriptions of which a known number is for each story.

A story is about one of some subjects, a word of its own, and names two people whom no other story names; one accuses
the other and nobody denies it, so that it is told once. It has words that no other story has, or it would be taken for
a part of that. The subscriptions to a subject ask for it in ten ways.
"""

from __future__ import annotations

import random
from datetime import datetime
from typing import Final

from pipeline.dedupe.fingerprint import article_id, text_hash
from pipeline.records import Article, Subscription, Webhook
from pipeline.records.alert import alert_id, message_id
from pipeline.records.thread import event_id

CHARS: Final = 2_900
DOMAINS: Final = 40
WORDS: Final = 80

WAYS: Final = (
    "{0}",
    "{0} AND (brib* OR fraud OR corruption)",
    '"{0} ministry"',
    "{0} NEAR/8 (den* OR accus* OR alleg*)",
    "title:{0}",
    "{0} AND lang:en NOT hurricane*",
    "{0} AND state:(alleged OR disputed)",
    '{0} NOT owner:"Nobody Holding"',
    "{0} AND sources:>=1",
    "({0} OR {0}s) AND articles:<3",
)
"""All of them are for each story about the subject, and for no other."""

CONSONANTS: Final = "bcdfghjklmnpqrstvwxyz"
VOWELS: Final = "aeiou"
ALL_WORDS: Final = len(CONSONANTS) ** 3 * len(VOWELS) ** 2
SPREAD: Final = 100_003
"""Has no divisor in common with the number of words: neighbours look different, and each comes once."""


def word(number: int) -> str:
    """One of `ALL_WORDS`; five letters that begin no other, for threads compare words by their beginnings."""
    rest, made = number % ALL_WORDS * SPREAD % ALL_WORDS, ""
    for letters in (CONSONANTS, VOWELS, CONSONANTS, VOWELS, CONSONANTS):
        rest, at = divmod(rest, len(letters))
        made += letters[at]
    return f"{made}on"


def subject(number: int) -> str:
    """What a story is about."""
    return word(-1 - number)


def subscription(number: int, subjects: int, channel: Webhook) -> Subscription:
    """The ``number``-th: told at once, without any wait."""
    query = WAYS[number // subjects % len(WAYS)].format(subject(number % subjects))
    return Subscription(
        id=f"desk-{number}", owner="Ada", name=f"Desk {number}", query=query, channels=(channel,),
        group_wait_seconds=0.0, group_interval_seconds=0.0, source="runtime",
    )  # fmt: skip


def article(number: int, subjects: int, now: datetime) -> Article:
    """The article that begins story ``number``, about one of so many subjects."""
    dice = random.Random(number)
    words = [word(number * WORDS + place) for place in range(WORDS)]
    accuser, accused = (" ".join(one.capitalize() for one in some) for some in (words[:2], words[2:4]))
    title = f"{accuser} accuses {accused} of fraud at the {subject(number % subjects)} ministry"
    lead = _sentence(dice, words)
    sentences = [f"{accuser} met the {words[4]} of {words[5].capitalize()}."]
    while sum(map(len, sentences)) + len(sentences) < CHARS:
        sentences.append(_sentence(dice, words))
    body = " ".join(sentences)
    domain = f"outlet{number % DOMAINS}.example"
    url = f"https://{domain}/story/{number}"
    return Article(
        id=article_id(url), text_hash=text_hash(title, lead, body), url=url, link=url, feed=f"https://{domain}/feed",
        outlet=domain, domain=domain, title=title, lead=lead, body=body, language="en", published=now, fetched=now,
    )  # fmt: skip


def expected(first: Article, number: int, subjects: int, subscriptions: int) -> list[str]:
    """The `webhook-id` of each delivery that must come of story ``number``."""
    event = event_id(first.id, "created", f"article:{first.id}:{first.text_hash}")
    names = (f"desk-{one}" for one in range(number % subjects, subscriptions, subjects))
    return [message_id(name, "story.new", [alert_id(name, event)]) for name in names]


def _sentence(dice: random.Random, words: list[str]) -> str:
    one, two, three, four, five, six = dice.choices(words, k=6)
    return f"The {one} of {two.capitalize()} and its {three} {four} were with the {five} for a {six}."
