"""The errors that tell most: false flags that the rules are surest of, misses that a blocker made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.evaluate.gold import CLASSES, LEGAL, ClassName, GoldLine, supporting
from pipeline.evaluate.score import Judged
from pipeline.records import Flag
from pipeline.rules.explain import Explainer, Tried

Verdict = Literal["false", "missed"]


@dataclass(frozen=True, slots=True)
class Wrong:
    """One error. ``flags``: what made it; ``tried``: rules of the class that found something and did not flag it."""

    name: ClassName
    verdict: Verdict
    line: GoldLine
    flags: tuple[Flag, ...]
    tried: tuple[Tried, ...]


def strongest(judged: Sequence[Judged], most: int, explainers: Mapping[str, Explainer]) -> list[Wrong]:
    """At most so many false flags and misses of each class. Of untouched lines none."""
    shown = [one for one in judged if not one.gold.untouched] if most else []
    found: list[Wrong] = []
    for name in CLASSES:
        scored = [(one, *one.pair(name)) for one in shown if name in one.gold.line.labels]
        false = [
            Wrong(name, "false", one.gold.line, supporting(name, one.flags), ())
            for one, wanted, flagged in scored
            if flagged and not wanted
        ]
        missed = [
            Wrong(name, "missed", one.gold.line, (), _tried(name, one, explainers))
            for one, wanted, flagged in scored
            if wanted and not flagged
        ]
        found += sorted(false, key=lambda one: -max(flag.score for flag in one.flags))[:most]
        found += sorted(missed, key=lambda one: -len(one.tried))[:most]
    return found


def _tried(name: ClassName, one: Judged, explainers: Mapping[str, Explainer]) -> tuple[Tried, ...]:
    article = one.gold.line.article
    explainer = explainers.get(article.language)
    kinds = ("denial", "debunk") if name == "against" else (name,)
    tried = explainer.explain(article).tried if explainer else ()
    return tuple(rule for rule in tried if rule.kind in kinds and rule.category != LEGAL)
