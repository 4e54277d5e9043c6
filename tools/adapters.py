"""Writes docs/adapters.md: every case of the conformance suite on every adapter of ours, passed or not capable.

    python -m tools.adapters            run the suite on all of them and write the page (some minutes)
    python -m tools.adapters sie csv    run it on these; the others as they were run last
    python -m tools.adapters --write    write the page of what was run last
    python -m tools.adapters --check    compare the page with the cases and adapters there are, running nothing

Anything but "passed" and "not capable" is a failure of the table: then the page is written and the command fails.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path

from ledgerbridge.erp.conformance.cases import Results, cases, part_of, read, suites
from ledgerbridge.erp.registry import GROUP

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "adapters.md"
RUNS = ROOT / ".cache" / "adapters"
TESTS = ROOT / "tests" / "integration" / "erp"
MARK = re.compile(r"<!-- cases ([0-9a-f]{16}) -->")
HEAD = """# Adapters

Every case of the conformance suite (`src/ledgerbridge/erp/conformance`) on every adapter of this package, run against
the real thing: Tryton itself, the files of `sie` and `csv` as readers of others read them, and the reference server of
`http`. A case that does not apply tells what the ERP does not claim, or has nothing of; a case that is skipped for
another reason fails the run. *Claimed* are cases that ask what an ERP without a capability must refuse, where it has
it. Written by `python -m tools.adapters`; how to write one of your own is told in
[writing-an-erp-adapter.md](writing-an-erp-adapter.md).
"""


def kinds() -> list[str]:
    """The adapters that this package brings."""
    ours = [one.name for one in entry_points(group=GROUP) if one.dist and one.dist.name == "ledgerbridge"]
    return sorted(ours)


def fingerprint(named: Sequence[str]) -> str:
    """Names the cases and adapters a page tells of."""
    told = "\n".join([*named, *(f"{suite}.{name}" for suite, name in cases())])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def run(kind: str) -> None:
    """Run the suite on one adapter, its longest cases included; what became of it is kept."""
    files = sorted(str(path.relative_to(ROOT)) for path in TESTS.glob(f"test_{kind}_*.py"))
    if not files:
        return
    options = ["-m", "", "-q", "-n", "2", "--dist", "loadfile", "--erp-report", str(RUNS / f"{kind}.json")]
    subprocess.run([sys.executable, "-m", "pytest", *options, *files], cwd=ROOT, check=False)  # noqa: S603


def page(found: Mapping[str, Results]) -> str:
    """The text of docs/adapters.md."""
    head, line = " | ".join(found), "---|" * len(found)
    told = [HEAD, f"<!-- cases {fingerprint(list(found))} -->", "", "## By suite", ""]
    told += [f"| part | suite | {head} |", f"|---|---|{line}"]
    for suite in suites():
        name = suite.__name__
        cells = (_counted(results, name) for results in found.values())
        told.append(f"| {part_of(name)} | {name} | {' | '.join(cells)} |")
    told += ["", "## What they claim", "", f"| capability | {head} |", f"|---|{line}"]
    for capability in sorted({name for results in found.values() for name in results.claims}):
        cells = (_shown(results.claims.get(capability)) for results in found.values())
        told.append(f"| `{capability}` | {' | '.join(cells)} |")
    told += ["", "## By case", "", f"| suite | case | {head} |", f"|---|---|{line}"]
    for suite_name, case in cases():
        words = case.removeprefix("test_").replace("_", " ")
        cells = (str(results.case(suite_name, case)) for results in found.values())
        told.append(f"| {suite_name} | {words} | {' | '.join(cells)} |")
    return "\n".join(told) + "\n"


def _counted(results: Results, suite: str) -> str:
    found = [results.case(suite, name) for one, name in cases() if one == suite]
    bad = sum(not case.good for case in found)
    passed = sum(bool(case.passed) for case in found)
    lacking = sum(not case.passed and bool(case.not_capable) for case in found)
    claims = sum(not case.passed and not case.not_capable and bool(case.capable) for case in found)
    told = {"FAILED": bad, "passed": passed, "not capable": lacking, "claimed": claims}
    return ", ".join(f"{number} {word}" for word, number in told.items() if number)


def _shown(value: object) -> str:
    match value:
        case None:
            return "any"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def bad(found: Mapping[str, Results]) -> list[str]:
    """Cases that neither passed nor were answered."""
    return [
        f"{kind}: {suite}.{name}: {case}"
        for kind, results in found.items()
        for suite, name in cases()
        if not (case := results.case(suite, name)).good
    ]


def stale() -> str | None:
    """Why the page is out of date, as far as can be told without running anything."""
    mark = MARK.search(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else None
    if mark and mark[1] == fingerprint(kinds()):
        return None
    return "docs/adapters.md does not tell of just the cases and adapters there are: run `python -m tools.adapters`"


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        if fault := stale():
            print(fault)
        return 1 if fault else 0
    named, anew = kinds(), arguments != ["--write"]
    arguments = arguments if anew else []
    if unknown := sorted(set(arguments) - set(named)):
        print(f"no adapter of ours: {', '.join(unknown)}; there are {', '.join(named)}")
        return 2
    kept = {kind: RUNS / f"{kind}.json" for kind in named}
    for kind in named:
        if (anew and kind in (arguments or named)) or not kept[kind].exists():
            run(kind)
    found = {kind: read(path.read_text()) if path.exists() else Results() for kind, path in kept.items()}
    PAGE.write_text(page(found), encoding="utf-8")
    for line in (wrong := bad(found)):
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
