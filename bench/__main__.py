"""`make bench`: every figure in a process of its own, a table for people, and one line of JSON at the end.

`--only NAME` (may be repeated) measures some; `--quick` measures smaller amounts, for trying the bench itself.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import figures
from bench.terms import Figure, Terms

LONGEST_SECONDS = 1200
"""Of one figure; then its process is ended and the figure counts as missed."""
RESULTS = Path("bench/results.json")


def names() -> list[str]:
    """Every figure there is."""
    return sorted(found.name for found in pkgutil.iter_modules(figures.__path__))


def figure(name: str) -> Figure:
    found: Figure = importlib.import_module(f"bench.figures.{name}").FIGURE
    return found


def measured(name: str, *, quick: bool) -> dict[str, Any]:
    """Both terms and the ratio, or why there are none."""
    began = time.monotonic()
    environment = os.environ | ({"BENCH_QUICK": "1"} if quick else {})
    command = [sys.executable, "-m", "bench", "--one", name]
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=LONGEST_SECONDS)
        last = done.stdout.strip().splitlines()[-1:]
        found: dict[str, Any] = json.loads(last[0]) if done.returncode == 0 and last else {"error": done.returncode}
    except subprocess.TimeoutExpired:
        found = {"error": f"not done after {LONGEST_SECONDS} s"}
    goal = figure(name)
    return {
        "title": goal.title,
        **found,
        "floor": goal.floor,
        "aim": goal.aim,
        "higher_is_better": goal.higher_is_better,
        "reached": "ratio" in found and goal.reaches(found["ratio"], goal.floor),
        "seconds": round(time.monotonic() - began, 1),
    }


def one(name: str) -> dict[str, Any]:
    """Measure in this process."""
    terms: Terms = importlib.import_module(f"bench.figures.{name}").measure()
    return {
        "ratio": round(terms.ratio, 4),
        "ours": terms.ours,
        "bare": terms.bare,
        "unit": terms.unit,
        "detail": terms.detail,
    }


def table(results: dict[str, dict[str, Any]]) -> Table:
    shown = Table("figure", "ours", "bare", "unit", "ratio", "floor", "aim", "")
    for name, found in results.items():
        numbers = [f"{found[term]:,.4g}" if term in found else "-" for term in ("ours", "bare")]
        sign = "≥" if found["higher_is_better"] else "≤"
        ratio = f"{found['ratio']:.3g}" if "ratio" in found else f"failed: {found.get('error')}"
        verdict = "[green]reached[/]" if found["reached"] else "[red]missed[/]"
        goals = [f"{sign} {found[goal]:g}" for goal in ("floor", "aim")]
        shown.add_row(name, *numbers, found.get("unit", ""), ratio, *goals, verdict)
    return shown


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description="Benchmarks, as ratios to a bare term.")
    parser.add_argument("--only", action="append", choices=names(), metavar="NAME", help=", ".join(names()))
    parser.add_argument("--quick", action="store_true", help="smaller amounts: says nothing about the floors")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(one(chosen.one)))
        return 0
    console = Console(stderr=True)
    results = {}
    for name in chosen.only or names():
        console.print(f"{name} ...")
        results[name] = measured(name, quick=chosen.quick)
    console.print(table(results))
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results))
    return 0 if chosen.quick or all(found["reached"] for found in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
