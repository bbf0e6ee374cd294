"""Who denies and who accuses, held to labels: ``python -m bench.actors --gold FILE``.

The gold file holds headlines with their leads (`headline`, `lead`), as `evaluate` reads them. Its lines may hold the
labels (`actor`, `target`: of the denial, or else of the allegation); if they do not, they are in
``tests/gold/actors_dev.jsonl``: ``{"id", "kind", "actor": "name|other name"|null, "target": …}``. Names are as the text
has them. A flag's actor is right when its span or its name holds a labelled name, or the other way round, word by word.
Only flags that were raised are scored: what rules miss is for `counterclaim evaluate` to tell.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.evaluate.gold import held_out
from pipeline.records import Article, Flag, Mention
from pipeline.resources import shipped
from pipeline.rules import Rules, load_rules
from pipeline.rules.tokens import words

LABELS = Path(__file__).parent.parent / "tests" / "gold" / "actors_dev.jsonl"
STEM = 4
"""Letters that an inflected word and its base must share at least."""
_SMALL = frozenset({"the", "a", "an", "s"})


class Outcome(NamedTuple):
    """One label and what was found for it."""

    label: dict[str, Any]
    key: str
    found: Mention | None
    text: str

    @property
    def verdict(self) -> str:
        """right, wrong, missed (named, not found), guessed (found, not named) or none (neither)."""
        names = self.label[self.key]
        if names is None:
            return "none" if self.found is None else "guessed"
        if self.found is None:
            return "missed"
        return "right" if any(_same(name, self.found) for name in names.split("|")) else "wrong"

    def __str__(self) -> str:
        found = f"{self.found.name!r} {self.found.code} ({self.found.span.quote!r})" if self.found else None
        return f"{self.verdict:8} {self.key:6} {self.label['kind']:10} {self.label[self.key]!r} ← {found}: {self.text}"


def _same(name: str, found: Mention) -> bool:
    gold = [word for word in words(name) if word not in _SMALL]
    for text in (found.span.quote, found.name):
        have = [word for word in words(text) if word not in _SMALL]
        if have and (_holds(have, gold) or _holds(gold, have)):
            return True
    return False


def _holds(whole: list[str], part: list[str]) -> bool:
    return any(all(map(_alike, whole[at:], part)) for at in range(len(whole) - len(part) + 1))


def _alike(one: str, other: str) -> bool:
    """The same word, or one with an ending."""
    short, long = sorted((one, other), key=len)
    return one == other or (len(short) >= STEM and long.startswith(short))


def best_flag(rules: Rules, line: dict[str, Any], kind: str) -> Flag | None:
    """The flag of a kind with the highest score; with an actor rather than without."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    article = Article(
        id="0", text_hash="", url="", domain="", title=line["headline"], lead=line.get("lead") or "",
        language=line.get("language", "en"), published=at, fetched=at,
    )  # fmt: skip
    flags = [flag for flag in rules.flags(article) if flag.kind == kind]
    return max(flags, key=lambda flag: (flag.actor is not None or flag.target is not None, flag.score), default=None)


def outcomes(rules: Rules, lines: dict[str, dict[str, Any]], labels: Iterable[dict[str, Any]]) -> list[Outcome]:
    """What was found for every label whose flag was raised."""
    found = []
    for label in labels:
        line = lines[label["id"]]
        flag = best_flag(rules, line, label["kind"])
        if flag is not None:
            text = f"{line['headline']} | {(line.get('lead') or '')[:300]}"
            pairs = (("actor", flag.actor), ("target", flag.target))
            found += [Outcome(label, key, mention, text) for key, mention in pairs if key in label]
    return found


def own_labels(lines: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Labels that gold lines carry themselves; there, null says nothing."""
    for line in lines:
        kind = "denial" if line.get("denial") == 1 else "allegation" if line.get("allegation") == 1 else None
        named = {key: line[key] for key in ("actor", "target") if line.get(key)}
        if kind and named:
            yield {"id": line["id"], "kind": kind, **named}


def figures(found: Iterable[Outcome], key: str) -> str:
    """One line of figures."""
    counts = Counter(one.verdict for one in found if one.key == key)
    named = counts["right"] + counts["wrong"] + counts["missed"]
    given = counts["right"] + counts["wrong"] + counts["guessed"]
    return (
        f"right where named {counts['right'] / max(1, named):.3f} ({counts['right']}/{named})  "
        f"right where given {counts['right'] / max(1, given):.3f} ({counts['right']}/{given})  "
        f"wrong {counts['wrong']}  guessed {counts['guessed']}  missed {counts['missed']}  none {counts['none']}"
    )


def main() -> None:
    """Print the figures; with ``--errors`` also what is wrong, outside the held-out third."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gold", type=Path, required=True)
    parser.add_argument("--labels", type=Path, default=LABELS)
    parser.add_argument("--rules", type=Path, default=shipped("config") / "rules")
    parser.add_argument("--errors", action="store_true")
    options = parser.parse_args()
    rules = load_rules(options.rules)
    lines = {line["id"]: line for line in map(json.loads, options.gold.read_text(encoding="utf-8").splitlines())}
    labels = list(map(json.loads, options.labels.read_text(encoding="utf-8").splitlines()))
    labels = [label for label in labels if label["id"] in lines] or list(own_labels(lines.values()))
    found = outcomes(rules, lines, labels)
    print(f"{len(labels)} labels on {len({label['id'] for label in labels})} headlines")
    for key in ("actor", "target"):
        print(f"{key:6} all      {figures(found, key)}")
        print(f"{key:6} tuned on {figures((one for one in found if not held_out(one.label['id'])), key)}")
        print(f"{key:6} held out {figures((one for one in found if held_out(one.label['id'])), key)}")
    if options.errors:
        wrong = (
            one for one in found if not held_out(one.label["id"]) and one.verdict in ("wrong", "guessed", "missed")
        )
        print("\n".join(map(str, sorted(wrong, key=lambda one: (one.key, one.verdict)))))


if __name__ == "__main__":
    main()
