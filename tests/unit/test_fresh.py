"""From verdicts to the batches of `articles.fresh`."""

from __future__ import annotations

from pipeline.dedupe.fresh import fresh_batches
from pipeline.dedupe.seen import Verdict
from tests.articles import make_article, make_batch


def declared(_title: str, _text: str, language: str) -> str:
    """The language as the feed says."""
    return language


def test_one_batch_a_language_and_only_what_passes() -> None:
    """Articles are split by language in the order they come; dropped ones are gone; ids follow from the batch's."""
    articles = [make_article(n, language=lang) for n, lang in enumerate(["en", "fr", "en", "fr"], start=1)]
    verdicts = [Verdict("new"), Verdict("new"), Verdict("seen_again"), Verdict("revision", "0" * 16)]
    english, french = fresh_batches(make_batch(*articles, id="b7"), verdicts, declared)
    assert (english.id, english.key, [a.id for a in english.articles]) == ("b7.en", "en", [articles[0].id])
    assert (french.id, french.key) == ("b7.fr", "fr")
    assert [(a.id, a.revision_of) for a in french.articles] == [(articles[1].id, ""), (articles[3].id, "0" * 16)]


def test_the_decided_language_replaces_the_declared_one() -> None:
    """What is decided here is what every later stage sees."""
    (batch,) = fresh_batches(make_batch(make_article(1, language="en")), [Verdict("new")], lambda *_: "uk")
    assert (batch.key, batch.articles[0].language) == ("uk", "uk")


def test_nothing_new_sends_nothing() -> None:
    """A batch of repeats produces no record."""
    assert fresh_batches(make_batch(make_article(1)), [Verdict("duplicate", "f" * 32)], declared) == ()
