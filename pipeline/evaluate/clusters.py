"""How well articles about one event come into one thread: B-cubed on labelled articles that arrive in shuffled order.

B-cubed (Bagga & Baldwin, *Entity-Based Cross-Document Coreferencing*, ACL 1998) scores each article: its precision is
the share of its thread that is of its event, its recall the share of its event that is in its thread; both are averaged
over articles. Beside it stands what is reached when each article begins a thread of its own. Nobody tells how many
events there are. Intervals are of events drawn with replacement: articles of one event are right or wrong together.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import msgspec

from pipeline.errors import UsageError
from pipeline.evaluate.bootstrap import Rate, percentiles
from pipeline.evaluate.gold import DEFAULT_LANGUAGE, MAX_PROBLEMS
from pipeline.evaluate.layout import rate
from pipeline.records import Article
from pipeline.rules import Rules
from pipeline.threads.join import Entry, Threads
from pipeline.threads.likeness import THRESHOLD
from pipeline.threads.story import Story
from pipeline.threads.terms import story_of

SHUFFLES: Final = 5
"""Orders of arrival; their mean is reported."""

_ANY_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)


class EventLine(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled article. Without a title the first line of the text is taken for it."""

    event: str | int
    id: str | int = ""
    title: str | None = None
    text: str | None = None
    lead: str | None = None
    body: str | None = None
    language: str | None = None
    published: datetime | None = None

    @property
    def article(self) -> Article:
        """The line as an article; one without a time is published at the same time as all others without."""
        text = self.body or self.text or ""
        title = self.title
        if title is None:
            title, _, text = text.partition("\n")
        when = (self.published or _ANY_TIME).replace(tzinfo=(self.published or _ANY_TIME).tzinfo or UTC)
        return Article(
            id="", text_hash="", url="", domain="", title=title, lead=self.lead or "", body=text,
            language=self.language or DEFAULT_LANGUAGE, published=when, fetched=when,
        )  # fmt: skip


_decoder = msgspec.json.Decoder(EventLine)


class BCubed(NamedTuple):
    """Precision and recall of each article."""

    precision: tuple[float, ...]
    recall: tuple[float, ...]


class Scored(NamedTuple):
    """Averages with their intervals."""

    precision: Rate
    recall: Rate
    f1: Rate


@dataclass(frozen=True, slots=True)
class Clustered:
    """What came of some lines. ``merged``: pairs of events in one thread, ``split``: events in several; each with the
    share of the shuffles."""

    lines: int
    events: int
    threshold: float
    shuffles: int
    score: Scored
    singletons: Scored
    vetoes: float
    """Met in a shuffle, on average."""

    merged: Mapping[tuple[str, str], float]
    split: Mapping[str, float]


def read_events(data: bytes, name: Path) -> list[EventLine]:
    """The lines of a labelled file; empty ones are left out.

    Raises:
        UsageError: names file and line of everything that is not as it must be.
    """
    found: list[EventLine] = []
    problems: list[str] = []
    for number, text in enumerate(data.splitlines(), 1):
        if not text.strip():
            continue
        try:
            found.append(_decoder.decode(text))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            problems.append(f"{name}:{number}: is not a line {{event, text, title?, id?, language?}}: {error}")
    if problems or not found:
        raise UsageError("\n".join(problems[:MAX_PROBLEMS]) or f"{name}: has no lines")
    return found


def stories(lines: Sequence[EventLine], rules: Rules | None) -> list[Story]:
    """The lines as the stream would compare them; their ids are their places."""
    made = []
    for place, line in enumerate(lines):
        article = msgspec.structs.replace(line.article, id=f"{place:032x}")
        made.append(story_of(article, rules.flags(article) if rules is not None else ()))
    return made


def threaded(some: Sequence[Story], order: Iterable[int], threshold: float = THRESHOLD) -> tuple[list[str], int]:
    """The thread of each story when they arrive in this order, and how many vetoes were met."""
    threads, found, vetoes = Threads(threshold), [""] * len(some), 0
    for seq, place in enumerate(order):
        story = some[place]
        verdict = threads.join(story)
        found[place] = verdict.joined.thread if verdict.joined is not None else story.id
        vetoes += len(verdict.vetoes)
        threads.add(Entry(story, found[place], seq))
    return found, vetoes


def b_cubed(events: Sequence[str], found: Sequence[str]) -> BCubed:
    """Each article's precision and recall."""
    both, of_event, of_thread = Counter(zip(events, found, strict=True)), Counter(events), Counter(found)
    pairs = list(zip(events, found, strict=True))
    return BCubed(
        tuple(both[pair] / of_thread[pair[1]] for pair in pairs),
        tuple(both[pair] / of_event[pair[0]] for pair in pairs),
    )


def measure_threads(
    lines: Sequence[EventLine],
    rules: Rules | None,
    *,
    threshold: float = THRESHOLD,
    shuffles: int = SHUFFLES,
    resamples: int,
    seed: int,
) -> Clustered:
    """Thread the lines in several orders and score the mean.

    Args:
        rules: flag the lines as the stream does, so that claims and parties count; None: words alone.
    """
    events = [str(line.event) for line in lines]
    some = stories(lines, rules)
    scores, met = [], 0
    merged: Counter[tuple[str, str]] = Counter()
    split: Counter[str] = Counter()
    for shuffle in range(shuffles):
        order = list(range(len(lines)))
        Random(shuffle).shuffle(order)  # noqa: S311  # statistics, no secret
        found, vetoes = threaded(some, order, threshold)
        scores.append(b_cubed(events, found))
        met += vetoes
        merged.update(_merged(events, found))
        split.update(_split(events, found))
    mean = BCubed(
        *(tuple(sum(each) / shuffles for each in zip(*kind, strict=True)) for kind in zip(*scores, strict=True))
    )
    alone = b_cubed(events, list(map(str, range(len(lines)))))
    drawn = _resamples(events, resamples, seed)
    return Clustered(
        lines=len(lines),
        events=len(set(events)),
        threshold=threshold,
        shuffles=shuffles,
        score=_scored(mean, drawn),
        singletons=_scored(alone, drawn),
        vetoes=met / shuffles,
        merged={pair: times / shuffles for pair, times in sorted(merged.items(), key=_often)},
        split={event: times / shuffles for event, times in sorted(split.items(), key=_often)},
    )


def _often(one: tuple[object, int]) -> tuple[int, str]:
    return -one[1], str(one[0])


def clusters_as_text(name: str, one: Clustered, examples: int) -> Iterator[str]:
    """The report of a file, line by line; errors by the labels of their events."""
    yield f"{name}: {one.lines} articles of {one.events} events, {one.shuffles} orders, threshold {one.threshold:.2f}"
    yield f"{'':12}{'precision':18}{'recall':18}B-cubed F1"
    for who, score in (("threads", one.score), ("singletons", one.singletons)):
        yield f"{who:12}" + "".join(f"{rate(figure):18}" for figure in score).rstrip()
    yield f"vetoes met: {one.vetoes:.1f} in an order"
    for said, errors in (("merged falsely", one.merged), ("split", one.split)):
        shown = [
            f"{' + '.join(what) if isinstance(what, tuple) else what} ({share:.0%})" for what, share in errors.items()
        ]
        if shown[:examples]:
            yield f"{said}, in so many of the orders: {', '.join(shown[:examples])}"


def clusters_as_json(one: Clustered) -> dict[str, Any]:
    """The report of a file for machines."""
    found: dict[str, Any] = {key: getattr(one, key) for key in ("lines", "events", "threshold", "shuffles", "vetoes")}
    for who, score in (("threads", one.score), ("singletons", one.singletons)):
        found[who] = {key: figure._asdict() for key, figure in score._asdict().items()}
    found["merged"] = [{"events": list(pair), "share": share} for pair, share in one.merged.items()]
    found["split"] = [{"event": event, "share": share} for event, share in one.split.items()]
    return found


def _merged(events: Sequence[str], found: Sequence[str]) -> set[tuple[str, str]]:
    """Pairs of events that share a thread in which at least two articles of the smaller are, or all of it."""
    inside: dict[str, Counter[str]] = defaultdict(Counter)
    size = Counter(events)
    for event, thread in zip(events, found, strict=True):
        inside[thread][event] += 1
    pairs: set[tuple[str, str]] = set()
    for members in inside.values():
        kept = sorted(event for event, number in members.items() if number >= min(2, size[event]))
        pairs.update((one, other) for place, one in enumerate(kept) for other in kept[place + 1 :])
    return pairs


def _split(events: Sequence[str], found: Sequence[str]) -> set[str]:
    """Events of which no thread has three articles in four."""
    inside, size = Counter(zip(events, found, strict=True)), Counter(events)
    most: dict[str, int] = defaultdict(int)
    for (event, _), number in inside.items():
        most[event] = max(most[event], number)
    return {event for event, number in most.items() if 4 * number < 3 * size[event]}


def _resamples(events: Sequence[str], resamples: int, seed: int) -> list[list[int]]:
    """Places of the articles of as many events as there are, drawn with replacement, so many times."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, event in enumerate(events):
        places[event].append(place)
    dice, all_events = Random(seed), sorted(places)  # noqa: S311  # statistics, no secret
    return [
        [place for event in dice.choices(all_events, k=len(all_events)) for place in places[event]]
        for _ in range(resamples)
    ]


def _scored(each: BCubed, drawn: Sequence[Sequence[int]]) -> Scored:
    def figures(places: Sequence[int]) -> tuple[float, float, float]:
        precision, recall = (sum(kind[place] for place in places) / len(places) for kind in each)
        return precision, recall, 2 * precision * recall / (precision + recall)

    whole = figures(range(len(each.precision)))
    if not drawn:
        return Scored(*map(Rate, whole))
    ends = [percentiles(list(column)) for column in zip(*map(figures, drawn), strict=True)]
    return Scored(*(Rate(value, *end) for value, end in zip(whole, ends, strict=True)))
