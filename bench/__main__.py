"""`make bench`: every figure in a process of its own, a table for people, and one line of JSON at the end.

`--only NAME` (may be repeated) measures some; `--quick` measures smaller amounts, for trying the bench itself, and
leaves the results of the last whole run where they are. The exit status is 0 when every floor was reached; with
`--quick`, when every figure could be measured.
"""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.figures import ORDER
from bench.report import machine, table
from bench.runs import Runs
from bench.terms import Figure, Terms

RESULTS = Path(__file__).parent / "results.json"
Result = dict[str, Any]


def figure(name: str) -> Figure:
    """What a figure is and must reach."""
    found: Figure = importlib.import_module(f"bench.figures.{name}").FIGURE
    return found


def one(name: str) -> Result:
    """Measure in this process."""
    terms: Terms = importlib.import_module(f"bench.figures.{name}").measure()
    return {
        "ratio": round(terms.ratio, 4),
        "ours": terms.ours,
        "bare": terms.bare,
        "unit": terms.unit,
        "detail": terms.detail,
    }


def judged(name: str, found: Result) -> Result:
    """A measurement beside what it had to reach, and how far it got."""
    goal = figure(name)
    reached = goal.judged(found["ratio"]) if "ratio" in found else "failed"
    goals = {"floor": goal.floor, "aim": goal.aim, "higher_is_better": goal.higher_is_better}
    return {"title": goal.title, **found, **goals, "reached": str(reached)}


def measured(runs: Runs, name: str) -> Result:
    """A figure that missed its floor is measured once more, as a noisy moment is no finding; both tries are told."""
    found = judged(name, runs.measure(name))
    if found["reached"] != "missed" or runs.quick:
        return found
    runs.forget()
    again = judged(name, runs.measure(name))
    return {**again, "first_try": {term: found[term] for term in ("ratio", "ours", "bare")}}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description="Benchmarks, as ratios to a bare term.")
    parser.add_argument("--only", action="append", choices=ORDER, metavar="NAME", help=", ".join(ORDER))
    parser.add_argument("--quick", action="store_true", help="smaller amounts: says nothing about the floors")
    parser.add_argument("--one", choices=ORDER, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    # Asked to end, the bench ends its figure, and the figure its servers and databases.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    if chosen.one:
        print(json.dumps(one(chosen.one)))
        return 0
    console = Console(stderr=True)
    if not console.is_terminal:
        console.width = 140
    names = [name for name in ORDER if not chosen.only or name in chosen.only]
    results: dict[str, Result] = {}
    with Runs(quick=chosen.quick) as runs:
        for number, name in enumerate(names, 1):
            console.print(f"[{number}/{len(names)}] {figure(name).title} ...", markup=False)
            results[name] = measured(runs, name)
    console.print(table(results))
    if not chosen.quick:
        RESULTS.write_text(json.dumps({"machine": machine(), "figures": results}, indent=2) + "\n")
    print(json.dumps(results))
    enough = ("aim", "floor", "missed") if chosen.quick else ("aim", "floor")
    return 0 if all(found["reached"] in enough for found in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
