"""Print how many messages rebalances lose, with the fix or without it.

python -m tests.integration.recovery --without-fix --runs 8
python -m tests.integration.recovery --broker apache --store memory --scenario kill
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import get_args

from pipeline.broker import open_broker
from tests.integration.recovery.trial import SESSION_SECONDS, STORES, Plan, Scenario, Verdict, fresh_name, run_many

HEAD = """\
| broker | store | scenario | fix | with loss | lost (+ stuck) | short commit | stood | sent | again | forgotten | s |
|---|---|---|---|---|---|---|---|---|---|---|---|"""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--broker", choices=("embedded", "apache"), default="embedded")
    parser.add_argument("--store", choices=(*STORES, "both"), default="both")
    parser.add_argument("--scenario", choices=("leave", "kill", "both"), default="both")
    parser.add_argument("--without-fix", action="store_true")
    parser.add_argument("--standbys", type=int, default=1)
    parser.add_argument("--commit-interval", type=float, default=1.0)
    parser.add_argument("--keep", type=Path, help="keep the workers' logs here")
    return parser.parse_args()


def _plans(options: argparse.Namespace, bootstrap: str, directory: Path, store: str, scenario: Scenario) -> list[Plan]:
    return [
        Plan(
            bootstrap=bootstrap,
            directory=directory / fresh_name(f"{store}-{scenario}", number),
            number=number,
            scenario=scenario,
            store=STORES[store],
            with_fix=not options.without_fix,
            session_timeout=SESSION_SECONDS[options.broker],
            commit_interval=options.commit_interval,
            standbys=options.standbys,
        )
        for number in range(options.runs)
    ]


def _row(options: argparse.Namespace, store: str, scenario: str, verdicts: list[Verdict], seconds: float) -> str:
    bad = [verdict for verdict in verdicts if verdict.missing]
    losses = ", ".join(f"{v.lost}+{v.stuck}" if v.stuck else str(v.lost) for v in bad) or "0"
    cells = (
        options.broker,
        store,
        scenario,
        "no" if options.without_fix else "yes",
        f"{len(bad)} of {len(verdicts)}",
        losses,
        sum(v.uncommitted > 0 for v in verdicts),
        sum(v.stalled for v in verdicts),
        sum(v.sent for v in verdicts),
        sum(v.redelivered for v in verdicts),
        sum(v.forgotten for v in verdicts),
        f"{seconds:.0f}",
    )
    return f"| {' | '.join(map(str, cells))} |"


async def _measure(options: argparse.Namespace, directory: Path) -> None:
    print(HEAD)
    stores = STORES if options.store == "both" else [options.store]
    scenarios: tuple[Scenario, ...] = get_args(Scenario) if options.scenario == "both" else (options.scenario,)
    for store, scenario in itertools.product(stores, scenarios):
        async with open_broker(options.broker, port=0, data_dir=directory / f"broker-{store}-{scenario}") as broker:
            started = time.monotonic()
            plans = _plans(options, broker.bootstrap, directory, store, scenario)
            verdicts = await run_many(plans, options.at_once)
            for verdict in verdicts:
                if verdict.missing:
                    print(f"{verdict.plan.app_id}: {verdict.missing[:5]} …", file=sys.stderr)
            print(_row(options, store, scenario, verdicts, time.monotonic() - started), flush=True)


def main() -> None:
    """Run the trials and print one row for each store and scenario."""
    options = _options()
    directory = options.keep or Path(tempfile.mkdtemp(prefix="counterclaim-recovery-"))
    try:
        asyncio.run(_measure(options, directory))
    finally:
        if not options.keep:
            shutil.rmtree(directory)


if __name__ == "__main__":
    main()
