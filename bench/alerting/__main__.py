"""From the fetch of an article to the webhook that tells of it; JSON goes to ``bench/out/alerting.json``.

    python -m bench.alerting                       # about three and a half minutes
    python -m bench.alerting --rates 1 5 --seconds 60 --only whole

Everything is real and on this machine: the embedded broker, `counterclaim worker`, `counterclaim deliver`, articles as
a poller publishes them, webhooks over HTTP. The webhooks' server and the publishing are in this process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path

from bench.alerting import alone, whole

OUT = Path("bench/out/alerting.json")
TARGET = 2.0
"""Seconds from the fetch to the webhook, p99."""


def main() -> None:
    """Measure, print, write; ends with 1 when a webhook was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("whole", "alone"))
    parser.add_argument("--rates", nargs="+", type=float, default=[1, 20], help="stories a second")
    parser.add_argument("--seconds", type=float, default=30, help="of each rate")
    parser.add_argument("--subscriptions", type=int, default=1000)
    parser.add_argument("--matching", type=int, default=5, help="subscriptions that each story is for")
    parser.add_argument("--deliveries", type=int, default=2000, help="at once, to the delivering process alone")
    options = parser.parse_args()
    report: dict[str, object] = {"load": os.getloadavg()[0], "cores": os.cpu_count()}
    lost = 0
    with tempfile.TemporaryDirectory(prefix="counterclaim-bench-") as folder:
        if options.only != "alone":
            (directory := Path(folder, "whole")).mkdir()
            phases = asyncio.run(
                whole.measure(directory, options.rates, options.seconds, options.subscriptions, options.matching)
            )
            _show(phases)
            lost += sum(phase.lost for phase in phases)
            report |= {"subscriptions": options.subscriptions, "whole": [asdict(phase) for phase in phases]}
        if options.only != "whole":
            (directory := Path(folder, "alone")).mkdir()
            result = asyncio.run(alone.measure(directory, options.deliveries, options.seconds / 3))
            print(json.dumps(asdict(result), indent=2))
            lost += result.lost
            report["alone"] = asdict(result)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(report, indent=2))
    raise SystemExit(lost > 0)


def _show(phases: list[whole.Phase]) -> None:
    print("| stories/s | webhooks | lost | twice | p50 s | p90 s | p99 s | most | worker, deliver: cores |")
    print("|---|---|---|---|---|---|---|---|---|")
    for one in phases:
        print(
            f"| {one.rate:g} | {one.expected} | {one.lost} | {one.twice} | {one.p50} | {one.p90} | **{one.p99}** "
            f"| {one.most} | {one.worker_core}, {one.deliver_core} |"
        )
    print(f"\nTarget: p99 at most {TARGET:g} s. Where it goes, p50 (p99):")
    for stage in whole.STAGES[1:]:
        print(f"  {stage:16}" + "".join(f"{one.stages_p50[stage]:8} ({one.stages_p99[stage]})" for one in phases))


if __name__ == "__main__":
    main()
