"""What flagging costs: microseconds an article, load time and memory, beside a plain `re` alternation.

    python -m bench.rules                        all rule files, and up to 20,000 patterns more: about two minutes
    python -m bench.rules --articles FILE        the same on articles of your own, JSON lines as `backtest` reads them

Articles are of our own making, 2 KB, English: fourteen in twenty everyday news, five of crime and politics with a cue
in every fifth sentence, one the same with a denial or an allegation. The alternation is what one would write first: all
entries of the English cue lists in one expression. The patterns are as subscriptions are: names near a cue, phrases,
pairs of words. All contenders take turns in one process; figures are medians of the rounds, in CPU time. On a busy
machine look at the ratios.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.stream.articles import SLOTS
from pipeline.records import Article
from pipeline.resources import shipped
from pipeline.rules import Rules, load_rules
from pipeline.rules.grammar import parse_query
from pipeline.rules.load import RuleFile, read_rule_files
from pipeline.rules.ruleset import Pack, StoredRule

OUT = Path("bench/out/rules.json")
CHARS = 2_000
PATTERNS = (0, 1_000, 5_000, 20_000)
ALTERNATION = "re alternation of the English cues"
WEIGHTS = (0.8, 0.6, 0.3)
TARGET = 250.0
"""Microseconds an article of 2 KB, with all packs loaded, however many patterns there are."""

CUES_SHARE = 0.2
"""Sentences with a cue word in news of crime and politics."""

CUES = [
    "Police said the man was charged on Friday and will appear in court", "A report on the claims is due next week",
    "The jury heard that the accused had called twice", "She said the attack came without warning",
    "The inquiry will look at who was to blame", "Prosecutors called two witnesses before the trial was adjourned",
    "He told reporters that talks would go on", "The suspect was held at the border and questioned for hours",
    "Ministers rejected the offer and asked for more time", "The court dismissed an appeal by two traders",
    "Witnesses claimed to have seen a grey van", "The union said the plan was false economy",
    "Fans were denied entry after the gates had shut", "Officers found no link between the fires",
    "The judge refused bail and set a date in May", "Lawyers for the family called for a new inquest",
]  # fmt: skip
FLAGGED = [
    "The minister denied allegations of bribery", "The company rejected claims that it had hidden the losses",
    "Prosecutors accused the former director of fraud", "Her lawyer dismissed the accusations as baseless",
    "The opposition accused the government of covering up the report", "The striker pleaded not guilty to assault",
]  # fmt: skip
COMMON = ["museum", "council", "mayor", "ferry", "harbour", "railway", "stadium", "court", "union", "budget", "school"]
SYLLABLES = ["ba", "kerr", "lo", "min", "ta", "rov", "sel", "du", "na", "wick", "por", "es", "chi", "gar", "von", "hul"]


def article(number: int) -> Article:
    """An article of 2 KB; its number decides what is in it."""
    chance = random.Random(number)
    kind = _kind(number)
    parts: list[str] = []
    while sum(map(len, parts)) + 2 * len(parts) < CHARS:
        parts.append(chance.choice(CUES) if kind != "everyday" and chance.random() < CUES_SHARE else _everyday(chance))
    if kind == "flagged":
        parts[chance.randrange(len(parts))] = chance.choice(FLAGGED)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    title, lead, *body = parts
    return Article(
        id=str(number), text_hash="", url="", domain="", title=title, lead=f"{lead}.", body=". ".join(body) + ".",
        language="en", published=at, fetched=at,
    )  # fmt: skip


def _kind(number: int) -> str:
    return "flagged" if number % 20 == 0 else "crime and politics" if number % 4 == 1 else "everyday"


def _everyday(chance: random.Random) -> str:
    if chance.random() < 0.4:
        return chance.choice(SLOTS["next"])
    return " ".join(chance.choice(SLOTS[slot]) for slot in ("who", "did", "where", "when")).capitalize()


def pattern(number: int) -> str:
    """A query as a subscription has it."""
    chance = random.Random(number)
    one, two = (_name(chance) for _ in range(2))
    return chance.choice(
        [
            f'"{one} {two}" NEAR/10 (den* OR accus* OR alleg*)',
            f"({one} OR {two}) AND (brib* OR fraud OR corruption)",
            f'"{one} {chance.choice(["Bank", "Council", "Group", "Ministry"])}"',
            f"title:({one} NEAR/5 {two})",
            f'{one} NOT "{one} {two}"',
            f"{chance.choice(COMMON)} NEAR/8 ({one} OR {two})",
            f"{chance.choice(COMMON)} NEAR/8 (brib* OR embezzle* OR racketeering)",
        ]
    )


def _name(chance: random.Random) -> str:
    return "".join(chance.choices(SYLLABLES, k=chance.randint(3, 4))).capitalize()


def alternation(files: Sequence[RuleFile]) -> re.Pattern[str]:
    """All entries of the English cue lists, as one would write them into one expression."""
    (lexicon,) = (file.lexicon for file in files if file.lexicon.language == "en")
    entries = {
        form for lemmas in lexicon.cues.values() for forms in lemmas.values() for form in forms if form[0] != "@"
    }
    return re.compile(
        r"\b(?:" + "|".join(re.escape(e).replace(r"\*", r"\w*") for e in sorted(entries)) + r")\b", re.IGNORECASE
    )


def contenders(directory: Path, told: dict[str, float]) -> dict[str, Callable[[Article], object]]:
    """What is measured, by name; ``told`` takes how long loading lasted and what it needed."""
    files = read_rule_files(directory)
    expression = alternation(files)
    found: dict[str, Callable[[Article], object]] = {
        ALTERNATION: lambda a: expression.findall(f"{a.title}\n{a.lead}\n{a.body}")
    }
    (english,) = (file for file in files if file.lexicon.language == "en")
    before, began = resident(), time.process_time()
    rules = load_rules(directory).build()
    told["all packs: seconds to load"] = round(time.process_time() - began, 2)
    told["all packs: MB"] = round((resident() - before) / 1e6, 1)
    found["all packs, with actors"] = rules.flags
    others = [pack for pack in rules.packs.values() if pack.language != "en"]
    for count in PATTERNS:
        before, began = resident(), time.process_time()
        more = [StoredRule(f"en/{n}", 1, "denial", "denial", parse_query(pattern(n)), WEIGHTS) for n in range(count)]
        pack = Pack("en", [*english.rules, *more], historic=english.historic).build()
        name = f"all packs without actors, {count:,} patterns more"
        told[f"{name}: seconds to load them"] = round(time.process_time() - began, 2)
        told[f"{name}: MB"] = round((resident() - before) / 1e6, 1)
        found[name] = Rules([*others, pack], "").flags
    return found


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def measure(some: dict[str, Callable[[Article], object]], articles: Sequence[Article], rounds: int) -> dict[str, float]:
    """Microseconds an article, by contender: medians of the rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in some}
    for _ in range(rounds):
        for name, flag in some.items():
            began = time.process_time()
            for one in articles:
                flag(one)
            seconds[name].append(time.process_time() - began)
    return {name: round(statistics.median(of) / len(articles) * 1e6, 1) for name, of in seconds.items()}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--rules", type=Path, default=shipped("config") / "rules")
    parser.add_argument("--articles", type=Path)
    options = parser.parse_args()
    told: dict[str, float] = {}
    some = contenders(options.rules, told)
    groups = {"mix": [article(number) for number in range(options.count)]}
    for one in list(groups["mix"]):
        groups.setdefault(_kind(int(one.id)), []).append(one)
    if options.articles:
        groups = {"given": [_given(json.loads(line)) for line in options.articles.read_text("utf-8").splitlines()]}
    table = {group: measure(some, articles, options.rounds) for group, articles in groups.items()}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"microseconds": table, "load": told}, indent=2))
    print("| µs CPU an article (times the alternation) | " + " | ".join(table) + " |\n|---|" + "---|" * len(table))
    for name in some:
        cells = (f"{column[name]:.1f} ({column[name] / column[ALTERNATION]:.3f})" for column in table.values())
        print(f"| {name} | " + " | ".join(cells) + " |")
    print("\n" + "\n".join(f"{name} {value}" for name, value in told.items()))
    slowest = max(value for name, value in next(iter(table.values())).items() if name.startswith("all"))
    print(f"\nTarget: at most {TARGET:g} µs; slowest {slowest} µs. Figures: {OUT}")


def _given(line: dict[str, str]) -> Article:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    title, lead, body = (line.get(field) or "" for field in ("title", "lead", "body"))
    return Article(
        id="0", text_hash="", url="", domain="", title=title, lead=lead, body=body,
        language=line.get("language") or "en", published=at, fetched=at,
    )  # fmt: skip


if __name__ == "__main__":
    main()
