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
Listed = tuple[Text, ...]


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


class Frame(_Model):
    """How a language says who denies or accuses, and whom: what attribution goes by. Every key is optional.

    An entry is a word, a ``wild*`` word, several words in a row, or ``@name`` of one of the file's lists.
    """

    order: Literal["svo", "sov", "vso", "v2"] = "svo"
    """Where the subject stands: before its verb; at the head of a clause that ends with its verb; after its verb; about
    the verb that stands second, whose participle ends the clause."""

    capitals: bool = True
    """Names are written with capitals, so that a name outside the list of actors can be seen."""

    case: bool = False
    """An inflected name (Москву, Russlands) is no subject."""

    owner: tuple[Literal["before", "after"], ...] = ()
    """Where a name without any marker stands beside the noun it owns: *US claims*: before; *обвинения США*: after."""

    deny: Listed = ()
    """Verbs whose subject denies: denies, rejects. What follows is denied."""

    accuse: Listed = ()
    """Verbs whose subject accuses and whose object is accused: accuses, blames."""

    allege: Listed = ()
    """Verbs whose subject alleges a whole clause: claims, alleges. The subject of that clause is accused."""

    say: Listed = ()
    """Verbs of saying whose subject may be the one who denies or accuses: says, calls, told."""

    denied: Listed = ()
    """Passive for certain, what is denied being the subject: dementiert worden, опровергнут, 被否认."""

    accused: Listed = ()
    """Passive for certain, the accused being the subject: under fire over, 被指控, обвинён, اتُّهم."""

    participles: Listed = ()
    """Forms of `deny` and `accuse` that are passive after `be`, before `by` or `about`, or at the end: accused."""

    denials: Listed = ()
    """Nouns of denying; who owns them denies: denial, rejection."""

    accusations: Listed = ()
    """Nouns of accusing; who owns them accuses, and is the target of a denial: accusation, allegations."""

    claims: Listed = ()
    """Other nouns of what is denied; who owns them is the target: claims, report, rumours."""

    hearsay: Listed = ()
    """Words that make their subject the accused: allegedly, faces, suspected."""

    be: Listed = ()
    """Passive auxiliaries: is, was, been."""

    have: Listed = ()
    """Auxiliaries of the perfect that stand far from their participle, for `order: v2`: hat, haben."""

    by: Listed = ()
    """What marks who acts in a passive and beside a noun: by, von, por, 被."""

    of: Listed = ()
    """What stands between a noun and its owner after it: of, de, der."""

    genitive: Listed = ()
    """What stands between an owner and its noun after it: the s of *Moscow's*, 的, nın."""

    about: Listed = ()
    """What begins the claim after the accused or after a noun: of, over, de, за, with the clause words (that) apart."""

    against: Listed = ()
    """What marks the accused: against, at, contra; also a preposition of the object: *acusa* a *X*."""

    object: Listed = ()
    """What follows an object and marks it: Persian را."""

    that: Listed = ()
    """What begins a clause of what is said: that, whether, que, dass."""

    articles: Listed = ()
    """Articles, possessives and the like at the head of a name: the, a, his."""

    prepositions: Listed = ()
    """Prepositions inside a longer name, whose head stands before them: *Mayor* of *X*, *lawyers* for *Y*."""

    breaks: Listed = ()
    """Words that end a clause or a noun phrase: after, amid, while, but, because."""

    skip: Listed = ()
    """What may stand between a subject and its verb, or between noun and owner: has, strongly, again, not."""

    pronouns: Listed = ()
    """Third person: he, she, they. They stand for the last matching actor."""

    persons: Listed = ()
    """Those of `pronouns` that stand for a person, never for a country: he, she."""

    relative: Listed = ()
    """Relative pronouns: who, which, que. They stand for the name right before."""

    we: Listed = ()
    """First person: I, we, my. It stands for whoever is quoted."""

    def words(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The keys that hold words, with these, in the order of the model."""
        for key in type(self).model_fields:
            if key not in _NO_WORDS:
                yield key, getattr(self, key)


_NO_WORDS: Final = frozenset({"order", "capitals", "case", "owner"})


class Lexicon(_Model):
    """One language's rule file."""

    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
    weights: Weights = Weights()
    cues: dict[Name, dict[Text, Entries]] = {}
    objects: dict[Name, Entries] = {}
    blockers: dict[Name, Entries] = {}
    phrases: dict[Name, Entries] = {}
    polarity: dict[Name, Entries] = {}
    frame: Frame | None = None
    """How the language names who denies and who accuses; without it, flags have no actors."""

    historic: tuple[Text, ...] = ()
    """Queries for signs that a statement is old; a flag is marked when one matches in its sentence or the title."""

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
