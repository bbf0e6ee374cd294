"""Who says what a match says: the subject of a verb of saying, and whoever a headline's colon or dash names."""

from __future__ import annotations

import re
from typing import Final

from pipeline.rules.phrases import MAX_SPEAKER
from pipeline.rules.reading import ALLEGE, BY, PREPOSITION, SAY, SOFT, STRONG, VERB, Phrase_, Reading
from pipeline.rules.syntax import subject

_COLON: Final = re.compile("[:：]")


def sayer(reading: Reading, say: int) -> Phrase_ | None:
    """The subject of a verb of saying: X says; "…", says X."""
    if reading.tags[say] & SAY and reading.tags[say] & (PREPOSITION | BY):
        while say + 1 < reading.end and reading.tags[say + 1] & SAY and not reading.stops[say + 1]:
            say += 1
        return reading.phrase_after(say + 1)  # according to X
    behind = reading.phrase_after(say + 1) if reading.stops[say] or reading.quoted(say) else None
    if behind is not None:
        return behind
    return subject(reading, say, say)


def trailing(reading: Reading) -> Phrase_ | None:
    """Whoever a sentence ends with: "…, the prosecutor said"."""
    said = next((at for at in range(reading.end - 2, 1, -1) if reading.tags[at] & SAY and reading.stops[at]), None)
    if said is not None and (found := reading.phrase_after(said + 1)) and found[1] + 1 == reading.end:
        return found  # …, says X
    last = reading.end - 1
    if last < 2 or not reading.tags[last] & (SAY | ALLEGE):
        return None
    found = reading.phrase_before(last - 1)
    return found if found and reading.stops[found[0]] == SOFT else None


def speaker_behind(reading: Reading, last: int) -> Phrase_ | None:
    """Who a headline's last colon or dash says it is from: "'…': X", "… - X"."""
    tail = max((at for at in range(1, reading.end) if reading.stops[at] == STRONG), default=0)
    if tail <= last or reading.gap(tail).strip() in ("[", "]", "|", "..."):
        return None
    found = reading.phrase_after(tail)
    if found is None:
        return None
    behind = found[1] + 1
    ends = reading.end - tail <= MAX_SPEAKER if behind == reading.end else reading.tags[behind] & VERB
    return found if ends else None


def speaker_before(reading: Reading, first: int) -> Phrase_ | None:
    """Who stands before a headline's colon: "X: …"."""
    colon = next((at for at in range(1, first + 1) if _COLON.search(reading.gap(at))), 0)
    start = reading.clause_start(colon - 1) if colon else 0
    if not colon or colon - start > MAX_SPEAKER * (1 if reading.frame.capitals else 2):
        return None
    verb = colon
    while verb > start and reading.tags[verb - 1] & VERB and verb - 1 not in reading.hit_at:
        verb -= 1
    return subject(reading, verb, colon - 1) if verb < colon else reading.phrase_before(colon - 1)
