"""What dedupe remembers: verdicts, claims, expiry, and that a rebuilt memory decides the same."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipeline.dedupe.seen import Claim, SeenIndex, Verdict, claim_key, replay
from pipeline.records import ArticleBatch, Codec, encode
from tests.articles import NOON, make_article, make_batch

MONTH = timedelta(days=30)


class Log:
    """A partition of `articles.raw` as dedupe sees it: batches in, verdicts out, claims kept."""

    def __init__(self) -> None:
        self.index = SeenIndex(0)
        self.claims: dict[str, Claim] = {}
        self.offset = 0

    def add(self, batch: ArticleBatch) -> tuple[Verdict, ...]:
        """Handle the next batch."""
        key = claim_key(batch, self.offset)
        decision = self.index.decide(batch)
        claim = decision.claim(batch, partition=0, offset=self.offset)
        if claim is not None:
            self.claims[key] = claim
            self.index.apply(key, claim)
        self.offset += 1
        return decision.verdicts

    def kinds(self, batch: ArticleBatch) -> list[str]:
        """The verdict kinds for the next batch."""
        return [verdict.kind for verdict in self.add(batch)]


def test_an_article_is_new_once() -> None:
    """The same page with the same text is new the first time and seen again ever after."""
    log = Log()
    assert log.kinds(make_batch(make_article(1))) == ["new"]
    assert log.kinds(make_batch(make_article(1), id="later")) == ["seen_again"]


def test_changed_text_is_a_revision_of_the_text_before() -> None:
    """A known page with other words passes as a revision and names the text it replaces."""
    log = Log()
    first, second = make_article(1), make_article(1, lead="The mayor did not come after all.")
    log.add(make_batch(first))
    assert log.add(make_batch(second, id="b2")) == (Verdict("revision", first.text_hash),)
    third = make_article(1, lead="The mayor came late.")
    assert log.add(make_batch(third, id="b3")) == (Verdict("revision", second.text_hash),)


def test_a_feed_that_goes_back_to_an_old_text_is_seen_again() -> None:
    """A headline that flips between two wordings does not come twice an hour."""
    log = Log()
    one, two = make_article(1), make_article(1, title="Bridge opened by council at last")
    log.add(make_batch(one))
    log.add(make_batch(two, id="b2"))
    assert log.kinds(make_batch(one, id="b3")) == ["seen_again"]


def test_a_page_that_goes_back_to_an_old_text_is_a_revision() -> None:
    """It is visited a few times only, and what it says now counts; the same text twice in a row is seen again."""
    log = Log()
    one, two = (make_article(1, body=f"The council {words}.", text_source="page") for words in ("opened it", "did not"))
    seen = [log.add(make_batch(page, id=f"b{number}")) for number, page in enumerate((one, two, one, one))]
    assert seen[1:] == [
        (Verdict("revision", one.text_hash),),
        (Verdict("revision", two.text_hash),),
        (Verdict("seen_again"),),
    ]


def test_same_text_under_another_url_of_the_outlet_is_a_duplicate() -> None:
    """The duplicate names the article that had the text first; it does not pass."""
    log = Log()
    first = make_article(1, title="Council opens bridge")
    copy = make_article(2, title="Council opens bridge")
    log.add(make_batch(first))
    (verdict,) = log.add(make_batch(copy, id="b2"))
    assert verdict == Verdict("duplicate", first.id)
    assert not verdict.passes


def test_same_text_at_another_outlet_is_new() -> None:
    """Exact duplicates are an outlet's own affair; copies between outlets are told apart later."""
    log = Log()
    log.add(make_batch(make_article(1, title="Council opens bridge")))
    other = make_article(2, title="Council opens bridge", domain="courier.example")
    assert log.kinds(make_batch(other, id="b2")) == ["new"]


def test_a_short_text_never_makes_a_duplicate() -> None:
    """Two pages called "Live updates" are two pages."""
    log = Log()
    pages = [make_article(n, title="Live updates", lead="") for n in (1, 2)]
    assert log.kinds(make_batch(*pages)) == ["new", "new"]


def test_repeats_inside_one_batch_are_found() -> None:
    """The second of two equal items of one feed is dropped, whether by URL or by text."""
    same = make_article(1, title="Council opens bridge")
    copy = make_article(2, title="Council opens bridge")
    assert Log().kinds(make_batch(same, same, copy)) == ["new", "seen_again", "duplicate"]


def test_a_redelivered_batch_gets_the_verdicts_it_got_the_first_time() -> None:
    """Replay reads the claim, so an article whose output was lost in a crash is sent again, also after a revision."""
    log = Log()
    log.add(make_batch(make_article(1), id="b0"))
    batch = make_batch(make_article(1), make_article(2), make_article(1, lead="Changed."), id="b1")
    first = log.add(batch)
    log.add(make_batch(make_article(2, lead="Changed as well."), id="b2"))
    assert claim_key(batch, 1) in log.index
    assert replay(batch, log.claims[claim_key(batch, 1)]) == first
    assert [verdict.kind for verdict in first] == ["seen_again", "new", "revision"]


def test_a_batch_sent_twice_by_the_poller_is_a_repeat() -> None:
    """The same batch at another offset was sent again after a lost acknowledgement: nothing of it passes."""
    log = Log()
    batch = make_batch(make_article(1))
    assert log.kinds(batch) == ["new"]
    assert claim_key(batch, log.offset) not in log.index
    assert log.kinds(batch) == ["seen_again"]


def test_a_batch_without_news_stores_nothing() -> None:
    """Only articles that pass are claimed; most batches of repeats cost no write."""
    log = Log()
    log.add(make_batch(make_article(1)))
    log.add(make_batch(make_article(1), id="b2"))
    assert len(log.claims) == 1


def test_claims_expire_by_the_time_of_the_batches() -> None:
    """After the memory's span the oldest claim is stale; once forgotten, its article is new again."""
    log = Log()
    batch = make_batch(make_article(1))
    log.add(batch)
    assert log.index.stale(NOON + MONTH, MONTH) == ()
    later = NOON + MONTH + timedelta(seconds=1)
    (key,) = log.index.stale(later, MONTH)
    log.index.forget(key, log.claims[key])
    assert len(log.index) == 0
    assert log.kinds(make_batch(make_article(1), id="b2", fetched=later)) == ["new"]


def test_forgetting_an_old_text_keeps_the_page_known() -> None:
    """A page that was revised since is still the same page when its first claim expires."""
    log = Log()
    batch = make_batch(make_article(1))
    log.add(batch)
    revised = make_article(1, lead="Changed.")
    log.add(make_batch(revised, id="b2", fetched=NOON + MONTH))
    key = claim_key(batch, 0)
    log.index.forget(key, log.claims[key])
    assert log.add(make_batch(make_article(1, lead="Again."), id="b3")) == (Verdict("revision", revised.text_hash),)


def test_expiry_takes_a_few_claims_at_a_time() -> None:
    """A memory that was off for a month does not hold the first batch up."""
    log = Log()
    for number in range(10):
        log.add(make_batch(make_article(number), id=f"b{number}"))
    assert len(log.index.stale(NOON + 2 * MONTH, MONTH)) == 4


def test_a_claim_survives_its_bytes() -> None:
    """What is stored is read back equal."""
    batch = make_batch(make_article(1), make_article(2))
    log = Log()
    log.add(batch)
    claim = log.claims[claim_key(batch, 0)]
    assert Codec(Claim).decode(encode(claim)) == claim


pages = st.builds(
    lambda number, text: make_article(number, title=f"Story {text} of the whole week", lead=""),
    st.integers(1, 4),
    st.integers(1, 4),
)
logs = st.lists(st.lists(pages, min_size=1, max_size=4), max_size=12)


@given(logs)
def test_a_rebuilt_memory_decides_as_the_living_one(log_of_pages: list[list]) -> None:  # type: ignore[type-arg]
    """An index that took the stored claims in, in log order, gives the same verdicts."""
    log = Log()
    for number, articles in enumerate(log_of_pages):
        log.add(make_batch(*articles, id=f"b{number}", fetched=NOON + timedelta(seconds=number)))
    again = SeenIndex(0)
    for key, claim in log.claims.items():
        again.apply(key, claim)
    probe = make_batch(
        *(make_article(n, title=f"Story {t} of the whole week", lead="") for n in range(6) for t in range(6))
    )
    assert again.decide(probe) == log.index.decide(probe)


@given(logs)
def test_every_content_passes_exactly_once(log_of_pages: list[list]) -> None:  # type: ignore[type-arg]
    """Nothing is lost and nothing passes twice: each distinct text of the outlet passes one time."""
    log = Log()
    passed = []
    for number, articles in enumerate(log_of_pages):
        verdicts = log.add(make_batch(*articles, id=f"b{number}"))
        passed += [a.text_hash for a, v in zip(articles, verdicts, strict=True) if v.passes]
    assert sorted(passed) == sorted({a.text_hash for articles in log_of_pages for a in articles})
