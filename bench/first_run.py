"""Measure the sentences set aside for the first time, and write it down for good: ``python -m bench.first_run``.

Writes ``tests/gold/first_run.json`` and never overwrites it: what a first run found cannot be found a second time.
No sentence is printed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

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
    return [gold for path in sorted(folder.glob("[a-z][a-z].jsonl")) for gold in read_gold(path.read_bytes(), path)]


def measured(folder: Path, rules: Rules, today: date) -> Mapping[str, Any]:
    """The report on a folder's sentences as JSON, with the day; without any sentence."""
    return {"date": str(today)} | as_json(report(list(judge(rules, read_folder(folder))), rules.hash))


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
