"""The examples and counter-examples that every rule carries: its own tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from pipeline.records import Article
from pipeline.rules.lexicon import Place, Sample
from pipeline.rules.load import RuleFile
from pipeline.rules.ruleset import Pack

_ANY_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)

Expected = Literal["example", "counter-example"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One example tried: an example must be matched by its rule, a counter-example must not."""

    file: Path
    line: int | None
    rule: str
    expected: Expected
    text: str
    matched: bool

    @property
    def passed(self) -> bool:
        """Whether the rule did what its file says."""
        return self.matched == (self.expected == "example")

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else str(self.file)
        what = "is matched" if self.matched else "is not matched"
        return f"{where}: rule {self.rule!r}: {self.expected} {what}: {self.text!r}"


def try_examples(files: Sequence[RuleFile]) -> Iterator[Trial]:
    """Every example of every rule, each against its own rule alone."""
    for file in files:
        pack = Pack(file.lexicon.language, file.rules)
        for number, rule in enumerate(file.lexicon.rules):
            for place, expected, sample in _samples(number, rule.examples, rule.counter_examples):
                matched = bool(pack.matches(number, _article(file.lexicon.language, sample)))
                line = file.document.line(place)
                yield Trial(file.path, line, rule.id, expected, _shown(sample), matched)


def _samples(
    number: int, examples: Sequence[str | Sample], counter_examples: Sequence[str | Sample]
) -> Iterator[tuple[Place, Expected, str | Sample]]:
    for index, sample in enumerate(examples):
        yield ("rules", number, "examples", index), "example", sample
    for index, sample in enumerate(counter_examples):
        yield ("rules", number, "counter_examples", index), "counter-example", sample


def _article(language: str, sample: str | Sample) -> Article:
    """An article that says what the sample says; a plain text is a title."""
    text = Sample(title=sample) if isinstance(sample, str) else sample
    return Article(
        id="",
        text_hash="",
        url="",
        domain="",
        title=text.title,
        lead=text.lead,
        body=text.body,
        language=language,
        published=_ANY_TIME,
        fetched=_ANY_TIME,
    )


def _shown(sample: str | Sample) -> str:
    return sample if isinstance(sample, str) else " | ".join(filter(None, (sample.title, sample.lead, sample.body)))
