"""What a run of the bench tells people: the table, and on what machine it was.

`python -m bench.report` prints the last results as the table of `docs/performance.md`.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

COLOURS = {"aim": "green", "floor": "yellow", "missed": "red", "failed": "red"}


def table(results: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row a figure: both terms, their ratio, what it must and should reach, and how far it got."""
    shown = Table("figure", "ours", "bare", "unit", "ratio", "floor", "aim", "reached", "seconds")
    for name, found in results.items():
        sign = "≥" if found["higher_is_better"] else "≤"
        terms = [f"{found[term]:,.4g}" if term in found else "-" for term in ("ours", "bare")]
        goals = [f"{sign} {found[goal]:g}" for goal in ("floor", "aim")]
        verdict = Text(_verdict(found), COLOURS[found["reached"]])
        ratio = f"{found['ratio']:.3g}" if "ratio" in found else "-"
        shown.add_row(name, *terms, found.get("unit", ""), ratio, *goals, verdict, f"{found.get('seconds', 0):g}")
    return shown


def _verdict(found: Mapping[str, Any]) -> str:
    if "error" in found:
        return f"failed: {found['error']}"
    first = found.get("first_try")
    return f"{found['reached']}" + (f" (first try {first['ratio']:.3g})" if first else "")


def machine() -> dict[str, Any]:
    """What explains a figure of another machine; nothing that names this one."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processors": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def page(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The table of `docs/performance.md`."""
    rows = ["| figure | ours | bare | ratio | floor, aim | reached |", "|---|---|---|---|---|---|"]
    for name, found in results.items():
        sign = "≥" if found["higher_is_better"] else "≤"
        terms = [f"{found[term]:,.4g}" if term in found else "-" for term in ("ours", "bare")]
        ratio = f"{found['ratio']:.3g}" if "ratio" in found else "-"
        goals = f"{sign} {found['floor']:g}, {found['aim']:g}"
        rows.append(
            f"| `{name}` | {terms[0]} {found.get('unit', '')} | {terms[1]} | {ratio} | {goals} | {_verdict(found)} |"
        )
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    measured = json.loads((Path(__file__).parent / "results.json").read_text())
    print(page(measured["figures"]))
    print(measured["machine"])
