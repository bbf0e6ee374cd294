"""What the last records did to a table, and what came of it: a record that comes again is done again, not anew.

One record may change many rows of a table, and Kafka keeps them one by one. So what a record does, a *deed*, is written
first, as a whole; then its rows. Whoever reads the table after a crash does the deeds of the journal again, in log
order: rows that were not kept are there then, and those that were are as they were. A deed that was not kept as a whole
did nothing: its record was not acknowledged, and comes again.

The journal is a ring of slots in the table itself. It is long enough: when a record is handled, at most
`outbox.IN_FLIGHT` records before it are not acknowledged, and the ring has more slots. So a record that comes again,
and that the journal does not know although it knows a later one, was acknowledged: all that came of it is on the log.
Or it did nothing, and has nothing to do now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from agents.outbox import IN_FLIGHT, Outgoing

SLOTS: Final = IN_FLIGHT + 12

PART_BYTES: Final = 512 * 1024
"""A larger deed is kept in parts: Kafka's records are bounded, and what a tick or a person does is not."""

Write = tuple[bytes, bytes | None]
"""Key and value of a row; None deletes it."""


class Result(msgspec.Struct, frozen=True, array_like=True):
    """A record that came of a deed."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()

    @classmethod
    def of(cls, outgoing: Outgoing) -> Result:
        """From what the outbox takes."""
        return cls(outgoing.topic, outgoing.value, outgoing.key, outgoing.partition, outgoing.headers)

    def outgoing(self) -> Outgoing:
        """For the outbox."""
        return Outgoing(self.topic, self.value, self.key, self.partition, self.headers)


@dataclass(frozen=True, slots=True)
class Deed:
    """What the record at an offset did: rows, in the order of writing, and results."""

    offset: int
    writes: tuple[Write, ...] = ()
    results: tuple[Result, ...] = ()


class _Part(msgspec.Struct, frozen=True, array_like=True):
    """A part of a deed, as it is stored."""

    offset: int
    part: int
    parts: int
    writes: tuple[Write, ...]
    results: tuple[Result, ...]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Part)


@dataclass(slots=True)
class Journal:
    """The journal of one partition. ``prefix`` begins the keys of its rows."""

    prefix: bytes
    slots: int = SLOTS
    newest: int = -1
    """Offset of the newest deed."""

    _offsets: dict[int, int] = field(default_factory=dict)
    """slot → offset"""
    _places: dict[int, int] = field(default_factory=dict)
    """offset → slot"""
    _parts: dict[int, int] = field(default_factory=dict)
    """slot → parts that may be stored there"""

    def __contains__(self, offset: int) -> bool:
        """Whether the deed of the record at this offset is known."""
        return offset in self._places

    def write(self, deed: Deed) -> Iterator[Write]:
        """The rows of the journal that keep a deed: a new one, or one that is done again. Then come its own."""
        slot = self._places.get(deed.offset)
        if slot is None:
            slot = self._next()
            self._places.pop(self._offsets.get(slot, -1), None)
        pieces = list(_pieces(deed))
        for number, (writes, results) in enumerate(pieces):
            part = _Part(deed.offset, number, len(pieces), writes, results)
            yield self._key(slot, number), _encoder.encode(part)
        for number in range(len(pieces), self._parts.get(slot, 0)):
            yield self._key(slot, number), None
        self._remember(slot, deed.offset, len(pieces))
        yield from deed.writes

    def read(self, offset: int, rows: Mapping[bytes, bytes]) -> Deed:
        """A known deed, from the table."""
        slot = self._places[offset]
        first = _decoder.decode(rows[self._key(slot, 0)])
        others = (_decoder.decode(rows[self._key(slot, number)]) for number in range(1, first.parts))
        return _join([first, *others])

    def restore(self, rows: Mapping[bytes, bytes]) -> list[Deed]:
        """The deeds among the journal's rows, in log order; the journal must be empty."""
        found: dict[int, dict[int, _Part]] = {}
        for key, value in rows.items():
            slot, number = map(int, key.removeprefix(self.prefix).split(b"/"))
            found.setdefault(slot, {})[number] = _decoder.decode(value)
        deeds = []
        for slot, parts in found.items():
            self._parts[slot] = max(parts) + 1
            first = parts.get(0)
            if first is None:
                continue
            whole = [parts[number] for number in range(first.parts) if number in parts]
            if len(whole) == first.parts and all(part.offset == first.offset for part in whole):
                deeds.append(_join(whole))
                self._remember(slot, first.offset, self._parts[slot])
        return sorted(deeds, key=lambda deed: deed.offset)

    def _next(self) -> int:
        last = self._places.get(self.newest)
        return 0 if last is None else (last + 1) % self.slots

    def _remember(self, slot: int, offset: int, parts: int) -> None:
        self._offsets[slot], self._places[offset], self._parts[slot] = offset, slot, parts
        self.newest = max(self.newest, offset)

    def _key(self, slot: int, number: int) -> bytes:
        return b"%s%d/%d" % (self.prefix, slot, number)


def _pieces(deed: Deed) -> Iterator[tuple[tuple[Write, ...], tuple[Result, ...]]]:
    """The deed in pieces of about `PART_BYTES`; a row or result that is larger is a piece of its own."""
    writes: list[Write] = []
    results: list[Result] = []
    size = 0
    everything: tuple[Write | Result, ...] = (*deed.writes, *deed.results)
    for one in everything:
        more = len(one.value or b"") if isinstance(one, Result) else len(one[1] or b"")
        if (writes or results) and size + more > PART_BYTES:
            yield tuple(writes), tuple(results)
            writes, results, size = [], [], 0
        size += more
        if isinstance(one, Result):
            results.append(one)
        else:
            writes.append(one)
    yield tuple(writes), tuple(results)


def _join(parts: Sequence[_Part]) -> Deed:
    return Deed(
        parts[0].offset,
        tuple(write for part in parts for write in part.writes),
        tuple(result for part in parts for result in part.results),
    )
