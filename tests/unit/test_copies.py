"""Copies: what is found, what must stay apart, who is the original, and that a rebuilt index decides the same."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.copies.claims import Claim, in_log_order, with_copies
from pipeline.copies.copies import Copies, Limits
from pipeline.copies.postings import COMMON, SMALLEST
from pipeline.dedupe.seen import claim_key
from pipeline.records import Article, Codec, CopyOf, encode
from tests.articles import NOON, make_article, make_batch

HOUR = timedelta(hours=1)

STORY = (
    "The harbour authority of Port Ellery denied on Monday that it had known about cracks in the northern sea wall. "
    "An engineer, Tomas Vrain, told the regional parliament that he had warned his superiors in 14 letters since 2019. "
    "Not one of them was answered, he said, and in the winter of 2023 he was moved to another department. "
    "The director of the authority, Ilse Marrow, said there was no record of any such letter in her files. "
    "She added that divers had inspected the wall 6 times and had found nothing that could worry anybody. "
    "Parliament will hear her again on Thursday, when copies of the letters are to be read out in full. "
    "Fishermen in the old town say that water has come through the stones on stormy nights for many years."
)
OTHER = (
    "Three candidates for the presidency of the rowing federation have withdrawn after a row over travel expenses. "
    "The treasurer, Pavel Ondrich, published 212 receipts on the federation's own website early on Saturday morning. "
    "Among them were bills for hotels in Lake Sorrento where no regatta has ever been held, as members soon noticed. "
    "A lawyer for two of the candidates called the publication a breach of trust and announced a complaint. "
    "The election will be held all the same, said the returning officer, Greta Halm, with whoever is left."
)
FRAME = (
    "An earthquake of magnitude {0} shook the coast near {1} early on {2} morning, the seismological institute in {3} "
    "said. It was felt as far away as {4}, where people ran into the streets in their nightclothes. The quake struck "
    "at a depth of {5} kilometres. There were no reports of damage at first, and no warning of a wave was given. The "
    "last strong quake in the region, in {6}, had cost {7} lives and had left whole villages in ruins."
)
WORDS = STORY.split()


class Log:
    """A partition of `articles.fresh` as the stage sees it: articles in, what they are copies of out, claims kept."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits
        self.index = Copies(0, limits)
        self.claims: dict[str, Claim] = {}
        self.offset = 0

    def add(self, *articles: Article) -> Claim:
        """Handle a batch of these."""
        batch = make_batch(*articles, id=f"b{self.offset}", fetched=max(one.fetched for one in articles))
        key = claim_key(batch, self.offset)
        claim = self.index.take(key, batch, self.offset)
        self.claims[key] = Codec(Claim).decode(encode(claim))
        for stale in self.index.stale(batch.fetched):
            self.index.forget(stale)
            del self.claims[stale]
        self.offset += 1
        return claim

    def copy(self, article: Article) -> CopyOf | None:
        """What the next article is a copy of."""
        return self.add(article).entries[0].copy

    def restart(self) -> None:
        """Rebuild the index from the claims, given in no order."""
        self.index = Copies(0, self.limits)
        stored = list(self.claims.items())
        Random(1).shuffle(stored)
        for key, claim in in_log_order(stored):
            self.index.restore(key, claim)


def story(number: int, body: str = STORY, title: str = "Harbour authority denies", **changes: object) -> Article:
    """Article ``number`` with this text, in English."""
    fields: dict[str, object] = {"lead": "", "body": body, "title": title, "language": "en"} | changes
    return make_article(number, **fields)


def id_of(number: int) -> str:
    """The id of article ``number``."""
    return f"{number:032x}"


def test_a_text_of_its_own_is_no_copy() -> None:
    """Unlike texts stay apart."""
    log = Log()
    assert log.copy(story(1)) is None
    assert log.copy(story(2, OTHER, "Candidates withdraw")) is None


def test_the_same_text_elsewhere_is_a_copy_of_the_first() -> None:
    """Identical text: all of each is in the other."""
    log = Log()
    log.add(story(1))
    copy = log.copy(story(2, domain="courier.example"))
    assert copy is not None
    assert (copy.group, copy.original, copy.of) == (id_of(1),) * 3
    assert (copy.containment, copy.contained) == (1.0, 1.0)


EDITED = {
    "headline": ("Sea wall: who knew what", STORY),
    "cut to half": ("Harbour authority denies", " ".join(WORDS[: len(WORDS) // 2])),
    "cut and headline": ("Letters that nobody read", " ".join(WORDS[: len(WORDS) // 2])),
    "agency line": ("Harbour authority denies", f"PORT ELLERY, March 1 (Reuters) - {STORY} (Reporting by our staff)"),
    "paragraph added": ("Harbour authority denies", f"{' '.join(OTHER.split()[:40])} {STORY}"),
    "paragraph removed": ("Harbour authority denies", " ".join(WORDS[:40] + WORDS[65:])),
    "every tenth word": (
        "Harbour authority denies",
        " ".join("so" if n % 10 == 4 else w for n, w in enumerate(WORDS)),
    ),
}


@pytest.mark.parametrize("edit", EDITED)
def test_an_edited_text_is_a_copy(edit: str) -> None:
    """What desks do to the text of an agency."""
    title, body = EDITED[edit]
    log = Log()
    log.add(story(1), story(3, OTHER))
    copy = log.copy(story(2, body, title))
    assert copy is not None
    assert copy.of == id_of(1)


def test_what_was_cut_is_told_apart_from_what_was_added() -> None:
    """Of a cut text nearly all is in the other; of an extended one nearly all of the other is in it."""
    log = Log()
    log.add(story(1))
    cut = log.copy(story(2, " ".join(WORDS[: len(WORDS) // 2])))
    extended = log.copy(story(3, f"{STORY} {' '.join(OTHER.split()[:50])}"))
    assert cut is not None
    assert extended is not None
    assert cut.containment > 0.9
    assert cut.contained < 0.65
    assert cut.why.startswith("Cut down")
    assert extended.contained > 0.9
    assert extended.containment < 0.8
    assert extended.why.startswith("Extended")


QUAKES = (
    ("4.1", "Vellmar", "Tuesday", "Orsk", "Dunmore", "11", "1931", "340"),
    ("6.7", "Karsund", "Friday", "Belmonte", "Ashgrove", "52", "1978", "1,250"),
)


def test_reports_from_one_frame_stay_apart() -> None:
    """Two quakes told in the same words, with other places and numbers."""
    log = Log()
    log.add(story(1, FRAME.format(*QUAKES[0]), "Quake shakes coast"))
    assert log.copy(story(2, FRAME.format(*QUAKES[1]), "Quake shakes coast")) is None


def test_the_same_report_is_still_a_copy_when_a_number_is_corrected() -> None:
    """One number of many changes nothing."""
    log = Log()
    log.add(story(1, FRAME.format(*QUAKES[0])))
    assert log.copy(story(2, FRAME.format("4.2", *QUAKES[0][1:]))) is not None


def test_texts_that_share_boilerplate_stay_apart() -> None:
    """A newsletter's invitation before and after makes no copy."""
    around = "Sign up for our morning letter and get the news of the day before breakfast, free and for good. "
    log = Log()
    log.add(story(1, around + STORY + around))
    assert log.copy(story(2, around + OTHER + around, "Candidates withdraw")) is None


def test_a_digest_joins_no_stories() -> None:
    """A story is in a digest of many, but that makes two of its stories no copies of each other."""
    dice = Random(5)
    many = [" ".join(dice.choices([f"w{n}" for n in range(400)], k=120)) for _ in range(6)]
    log = Log()
    log.add(story(1, " ".join([STORY, *many]), "The day in brief"))
    assert log.copy(story(2)) is None


def test_what_many_unlike_texts_share_counts_for_nothing() -> None:
    """A frame without names or numbers: the first of its reports look alike, until enough unlike texts have had it."""
    frame = " ".join(f"routine{n}" for n in range(40))
    log = Log()
    for number in range(COMMON):
        own = " ".join(f"own{number}x{n}" for n in range(60))
        log.add(story(number + 1, f"{own} {frame}", f"Report {number}"))
    own = " ".join(f"last{n}" for n in range(3))
    assert log.copy(story(90, f"{own} {frame}", "Short")) is None


@pytest.mark.parametrize(("title", "copied"), [
    ("Minister denies taking money from the builders of the bridge", True),
    ("Live updates from the election", False),
])  # fmt: skip
def test_a_headline_alone_is_a_copy_only_when_it_says_enough(title: str, copied: bool) -> None:
    """Eight words that are all the same; fewer say too little."""
    log = Log()
    log.add(story(1, "", title))
    assert (log.copy(story(2, "", title)) is not None) is copied
    assert log.copy(story(3, "", f"{title} today")) is None


def test_a_headline_alone_is_no_copy_of_the_article_under_it() -> None:
    """Its words are in there, but that is no text."""
    title = "Minister denies taking money from the builders of the bridge"
    log = Log()
    log.add(story(1, STORY, title))
    assert log.copy(story(2, "", title)) is None


def test_chinese_is_compared_by_characters() -> None:
    """A cut text is found, and one of the same kind is not."""
    text = (
        "港务局星期一否认知道北部海堤有裂缝一名工程师对议会说他从二零一九年起写过十四封信警告上司"
        "没有人回答他后来被调到别的部门局长说档案里没有这样的信"
    )
    other = "三名候选人因差旅费争议退出赛艇协会主席选举财务主管星期六早上公布了二百一十二张收据其中有酒店账单"
    log = Log()
    log.add(story(1, text, "海堤", language="zh"))
    assert log.copy(story(2, other, "赛艇", language="zh")) is None
    assert log.copy(story(3, text[: len(text) * 2 // 3], "裂缝", language="zh")) is not None


def test_languages_do_not_meet() -> None:
    """Two languages may lie on one partition; the same words in another language are another text."""
    log = Log()
    log.add(story(1))
    assert log.copy(story(2, language="sv")) is None


def test_nothing_is_a_copy_across_the_window() -> None:
    """Event time counts: 72 hours apart still, 73 no more, whenever they were fetched."""
    log = Log()
    log.add(story(1, published=NOON - 72 * HOUR))
    assert log.copy(story(2)) is not None
    log = Log()
    log.add(story(1, published=NOON - 73 * HOUR))
    assert log.copy(story(2)) is None


def test_a_late_original_is_shown_as_such_and_the_group_keeps_its_name() -> None:
    """The article that was published first comes last: a re-point is told, once."""
    log = Log()
    log.add(story(1))
    log.add(story(2, published=NOON + HOUR))
    claim = log.add(story(3, published=NOON - HOUR, outlet="The Wire"))
    copy = claim.entries[0].copy
    assert copy is not None
    assert (copy.group, copy.original) == (id_of(1), id_of(3))
    (moved,) = claim.moved
    assert (moved.group, moved.original, moved.was) == (id_of(1), id_of(3), id_of(1))
    assert (moved.published, moved.outlet, moved.at) == (NOON - HOUR, "The Wire", NOON)
    later = log.add(story(4))
    assert later.moved == ()
    assert later.entries[0].copy is not None
    assert later.entries[0].copy.original == id_of(3)


def test_a_revision_is_no_copy_of_its_own_earlier_text() -> None:
    """One page, two texts: it stays what it was."""
    log = Log()
    log.add(story(1))
    assert log.copy(story(1, f"{STORY} The hearing was put off.")) is None
    copy = log.copy(story(2))
    assert copy is not None
    assert copy.group == id_of(1)
    assert log.copy(story(1, f"{STORY} The hearing was held after all.")) is None
    again = log.copy(story(2, f"{STORY} More soon."))
    assert again is not None
    assert (again.group, again.original, again.of) == (id_of(1),) * 3


def test_a_copy_is_of_the_member_that_it_is_most_like() -> None:
    """The group is the first one's; of two members, the one that has all of it is named."""
    log = Log()
    log.add(story(1, " ".join(WORDS[: len(WORDS) // 2])))
    log.add(story(2))
    copy = log.copy(story(3))
    assert copy is not None
    assert (copy.group, copy.of) == (id_of(1), id_of(2))


def test_articles_of_one_batch_are_compared_too() -> None:
    """One feed brings the same text under two addresses."""
    claim = Log().add(story(1), story(2))
    assert [entry.copy is not None for entry in claim.entries] == [False, True]


def test_a_claim_gives_the_batch_its_copies() -> None:
    """Whoever finds the claim of a redelivered batch makes the same records of it."""
    log = Log()
    log.add(story(1))
    batch = make_batch(story(3, OTHER, "Candidates"), story(2), id="b1")
    claim = log.add(*batch.articles)
    first, second = with_copies(batch, claim).articles
    assert first == batch.articles[0]
    assert second.copy is not None
    assert second.copy.group == id_of(1)


def test_old_claims_are_forgotten_with_all_they_brought() -> None:
    """Past the window, the oldest first; nothing of them is left in the table."""
    log = Log()
    log.add(story(1))
    assert log.copy(story(2, OTHER, "Candidates", fetched=NOON + 73 * HOUR)) is None
    assert len(log.index) == len(log.claims) == 1
    found = log.index.look(story(3))
    assert found is None
    assert log.index.look(story(3, OTHER)) is not None


def test_the_bound_on_documents_holds() -> None:
    """The oldest go, as many as must."""
    log = Log(Limits(documents=10))
    for number in range(40):
        log.add(*(story(number * 5 + one, f"{one} of {number}", f"Text {number}") for one in range(5)))
        assert len(log.index) <= 10


def test_only_the_oldest_claim_can_be_forgotten() -> None:
    """Otherwise the numbers of the texts would no longer fit."""
    log = Log()
    log.add(story(1))
    log.add(story(2, OTHER))
    with pytest.raises(ValueError, match="not the oldest"):
        log.index.forget("b1@1")


def random_story(dice: Random, number: int) -> Article:
    """A text of a few that are cut, joined and mixed: many copies, some late, some of one page."""
    base = Random(dice.randrange(6))
    words = [f"w{base.randrange(300)}" if base.random() < 0.9 else f"Nn{base.randrange(50)}" for _ in range(120)]
    start = dice.randrange(60)
    body = " ".join(words[start : start + dice.randrange(20, 120)])
    published = NOON + HOUR * (number // 3) - HOUR * dice.randrange(5)
    page = number if dice.random() < 0.8 else max(1, number - 7)
    return story(page, body, f"Title {dice.randrange(4)}", published=published, fetched=NOON + HOUR * (number // 3))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 58), st.sampled_from([7, 25, 1_000]))
def test_a_rebuilt_index_decides_like_the_one_it_replaces(seed: int, restart: int, documents: int) -> None:
    """Whatever was forgotten before, and in whatever order the store gives the claims."""
    limits = Limits(documents=documents)
    through, broken = Log(limits), Log(limits)
    dice = Random(seed)
    for number in range(1, 60):
        article = random_story(dice, number)
        if number == restart:
            broken.restart()
        assert encode(through.add(article)) == encode(broken.add(article))
    assert through.claims == broken.claims


def test_a_growing_table_keeps_what_it_has() -> None:
    """Texts are found after all buckets were split, some twice, and by an index rebuilt from the claims."""
    log = Log()
    log.add(story(1))
    number = 1
    while log.index.buckets < 3 * SMALLEST:
        number += 1
        log.add(story(number, " ".join(f"x{number}y{n}" for n in range(80)), f"Text {number}"))
    assert log.copy(story(9_000)) is not None
    buckets = log.index.buckets
    log.restart()
    assert log.index.buckets == buckets
    assert log.index.look(story(9_001)) is not None
