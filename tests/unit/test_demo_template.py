"""Feed templates of the demo: placeholders, encodings, order of items."""

from __future__ import annotations

from datetime import UTC, datetime

from pipeline.demo.template import media_type, render, shuffled

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_dates_count_back_from_the_start_and_the_address_is_filled_in() -> None:
    """Both forms of dates, and the base; other braces stay."""
    template = "<a>{base}/x</a><b>{rfc822:90}</b><c>{rfc3339:1}</c><d>{ color: red }</d>"
    body = render(template, base="http://127.0.0.1:1", start=START).decode()
    assert "<a>http://127.0.0.1:1/x</a>" in body
    assert "<b>Sun, 01 Mar 2026 10:30:00 +0000</b>" in body
    assert "<c>2026-03-01T11:59:00+00:00</c>" in body
    assert "<d>{ color: red }</d>" in body


def test_bytes_are_in_the_encoding_that_the_declaration_names() -> None:
    """A legacy encoding is real on the wire; without a declaration it is UTF-8."""
    legacy = '<?xml version="1.0" encoding="windows-1251"?><t>Курьер</t>'
    assert render(legacy, base="", start=START).endswith("<t>Курьер</t>".encode("cp1251"))
    assert render("<t>Курьер</t>", base="", start=START) == "<t>Курьер</t>".encode()


def test_shuffling_keeps_every_item_and_repeats_with_the_seed() -> None:
    """Items move, what is around them stays, and a seed is an order."""
    items = [f"<item><link>{number}</link></item>" for number in range(8)]
    template = "<rss><link>home</link>" + "\n".join(items) + "</rss>"
    mixed = shuffled(template, 1)
    assert mixed != template
    assert sorted(mixed) == sorted(template)
    assert mixed.startswith("<rss><link>home</link><item>")
    assert shuffled(template, 1) == mixed
    assert len({shuffled(template, seed) for seed in range(5)}) > 1


def test_the_media_type_follows_the_format() -> None:
    """RSS 2.0, RSS 1.0 and Atom are told apart."""
    assert media_type("<rss version='2.0'>") == "application/rss+xml"
    assert media_type("<rdf:RDF xmlns='…'>") == "application/rdf+xml"
    assert media_type("<feed xmlns='…'>") == "application/atom+xml"
