"""Measure the sentences set aside for the first time, and write it down for good: ``python -m bench.first_run``.

Writes ``tests/gold/first_run.json`` and never overwrites it: what a first run found cannot be found a second time.
No sentence is printed.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from bench.actors import outcomes
from pipeline.errors import UsageError
from pipeline.evaluate.gold import Gold, read_gold
from pipeline.evaluate.layout import as_json
from pipeline.evaluate.score import judge, report
from pipeline.resources import shipped
from pipeline.rules import Rules, load_rules

GOLD = Path(__file__).parent.parent / "tests" / "gold"
SET_ASIDE = GOLD / "set_aside"
FIRST_RUN = GOLD / "first_run.json"


def read_folder(folder: Path) -> list[Gold]:
    """The lines of a folder's language files, by name."""
    return [gold for path in language_files(folder) for gold in read_gold(path.read_bytes(), path)]


def language_files(folder: Path) -> list[Path]:
    """The files of a folder that are named after a language."""
    return sorted(folder.glob("[a-z][a-z].jsonl"))


def who(folder: Path, rules: Rules) -> dict[str, dict[str, dict[str, int]]]:
    """Language → actor and target → right, wrong, missed, where one is named and the flag is raised.

    Of a line that is a denial and an allegation, actor and target are those of the denial.
    """
    found = {}
    for path in language_files(folder):
        lines = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
        labels = [
            {"id": line["id"], "kind": kind, "actor": line.get("actor"), "target": line.get("target")}
            for line in lines
            if (kind := "denial" if line.get("denial") else "allegation" if line.get("allegation") else None)
        ]
        verdicts = Counter(
            (one.key, one.verdict) for one in outcomes(rules, {line["id"]: line for line in lines}, labels)
        )
        found[path.stem] = {
            key: {verdict: verdicts[key, verdict] for verdict in ("right", "wrong", "missed")}
            for key in ("actor", "target")
        }
    return found


def measured(folder: Path, rules: Rules, today: date) -> Mapping[str, Any]:
    """The report on a folder's sentences as JSON, with the day; without any sentence."""
    told = as_json(report(list(judge(rules, read_folder(folder))), rules.hash))
    return {"date": str(today)} | told | {"who": who(folder, rules)}


def write_once(path: Path, told: Mapping[str, Any]) -> None:
    """Write it down, unless it is written already.

    Raises:
        UsageError: it is.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    except FileExistsError as error:
        raise UsageError(f"{path} is there already: a first run happens once") from error


def main() -> None:
    """Measure and write; ends with 2 if it was done before."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gold", type=Path, default=SET_ASIDE)
    parser.add_argument("--out", type=Path, default=FIRST_RUN)
    parser.add_argument("--rules", type=Path, default=shipped("config") / "rules")
    options = parser.parse_args()
    if options.out.exists():
        parser.error(f"{options.out} is there already: a first run happens once")
    write_once(options.out, measured(options.gold, load_rules(options.rules), datetime.now(UTC).date()))
    print(f"written: {options.out}")


if __name__ == "__main__":
    main()
