"""What dispute threads cost beside the join: time for an article, a page and a removal, bytes of a thread and a member.

    python -m bench.disputes [ARTICLES]        default 3,000, all in one thread

One process, rows in memory as objects; every article accuses and denies, its page says more, some of them drop it all.
The articles are those of the tests.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

import msgspec

from pipeline.records import Article, Flag, Flagged, Membership, encode
from pipeline.threads.docket import Docket
from tests.disputes import LATER, accuses, article_id, denies, revised, telling

WITNESSES = 40
REMOVALS = 20


def main(number: int) -> dict[str, float]:
    """One thread of ``number`` articles."""
    docket = Docket({}, {}, {})
    first = [telling(one, accuses(f"Witness {one % WITNESSES}"), denies()) for one in range(1, number + 1)]
    pages = [revised(one, accuses("Aland"), denies(), denies("Curland"), text_source="page") for one in first]
    gone = [revised(one, minutes=60) for one in pages[:REMOVALS]]
    costs = [_cost(docket, part, begin) for part, begin in ((first, 0), (pages, number), (gone, 2 * number))]
    thread, member = docket.threads[article_id(1)], docket.members[article_id(number)]
    assert thread.members == number
    return {
        "articles": number,
        "microseconds_an_article": round(costs[0], 1),
        "microseconds_a_page_that_says_more": round(costs[1], 1),
        "microseconds_a_removal_and_member": round(costs[2] / number, 1),
        "bytes_thread": len(encode(thread)),
        "bytes_member": len(msgspec.json.encode(member)),
    }


def _cost(docket: Docket, records: Sequence[Flagged], begin: int) -> float:
    """Microseconds a record."""
    began = time.process_time()
    for offset, record in enumerate(records, begin):
        docket.take(record, offset, LATER, _join)
    return (time.process_time() - began) / len(records) * 1e6


def _join(article: Article, _flags: Sequence[Flag]) -> tuple[str, Membership]:
    return article_id(1), Membership(article=article.id, score=0.7, reason="They are about one thing.")


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000)))
