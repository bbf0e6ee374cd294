"""A rule file as it is written: checked models, and the problems in it with file and line.

docs/rules.md describes the file for those who write it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from pipeline.records import Kind

Category = Literal[
    "denial",
    "not_guilty",
    "rumour_denied",
    "responsibility_denied",
    "accusation",
    "blame",
    "suspicion",
    "legal",
    "debunk",
    "non_denial",
]

KIND_CATEGORIES: Final[Mapping[Kind, tuple[Category, ...]]] = {
    "denial": ("denial", "not_guilty", "rumour_denied", "responsibility_denied"),
    "allegation": ("accusation", "blame", "suspicion", "legal"),
    "debunk": ("debunk",),
    "non_denial": ("non_denial",),
}

Place = tuple[str | int, ...]
"""Where something is in the file: keys and list positions."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=60)]
Weight = Annotated[float, Field(gt=0, lt=1)]
Entries = Annotated[tuple[Text, ...], Field(min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Weights(_Model):
    """How much a match in a field tells: the score of a flag from that field alone."""

    title: Weight = 0.8
    lead: Weight = 0.6
    body: Weight = 0.3


class Sample(_Model):
    """An example or counter-example that is more than a title."""

    title: str = ""
    lead: str = ""
    body: str = ""


class Rule(_Model):
    """One rule: a query, what it says about the article, what unmakes its matches, and its own tests."""

    id: RuleId
    version: Annotated[int, Field(ge=1)]
    kind: Kind
    category: Category
    query: Text
    unless: tuple[Text, ...] = ()
    weights: Weights | None = None
    examples: Annotated[tuple[Text | Sample, ...], Field(min_length=1)]
    counter_examples: tuple[Text | Sample, ...] = ()

    @model_validator(mode="after")
    def _category_of_kind(self) -> Rule:
        allowed = KIND_CATEGORIES[self.kind]
        if self.category not in allowed:
            raise ValueError(f"category {self.category!r} is not one of {self.kind}: {', '.join(allowed)}")
        return self


class Lexicon(_Model):
    """One language's rule file."""

    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
    weights: Weights = Weights()
    cues: dict[Name, dict[Text, Entries]] = {}
    objects: dict[Name, Entries] = {}
    blockers: dict[Name, Entries] = {}
    phrases: dict[Name, Entries] = {}
    polarity: dict[Name, Entries] = {}
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]

    def lists(self) -> Iterator[tuple[Place, tuple[tuple[Place, str], ...]]]:
        """Every list: where it is in the file (its name last), and its entries with their places."""
        for name, lemmas in self.cues.items():
            place: Place = ("cues", name)
            yield (
                place,
                tuple(((*place, lemma, n), form) for lemma, forms in lemmas.items() for n, form in enumerate(forms)),
            )
        for section in SECTIONS[1:]:
            for name, entries in getattr(self, section).items():
                place = (section, name)
                yield place, tuple(((*place, n), entry) for n, entry in enumerate(entries))


SECTIONS: Final = ("cues", "objects", "blockers", "phrases", "polarity")
assert set(SECTIONS) < set(Lexicon.model_fields)
assert {category for allowed in KIND_CATEGORIES.values() for category in allowed} == set(get_args(Category))
