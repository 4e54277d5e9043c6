"""Which numbered rules of docs/pleo have a test naming them; fails while a rule due by now is open.

A test names rules with `@pytest.mark.rule("EXP-START-04", ...)`. `docs/pleo/declared.txt` lists rules no test can show,
one a line: `ID reason`. `docs/conformance.md` sets every rule beside the tests that name it: `--write` writes it,
without it a page that is out of date is a failure.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "docs" / "pleo"
RULE = re.compile(
    r"^(?:- \*\*|\| )((?:EXP|AUTH|HOOK|LIMIT|TAG|ACC|TAX|VEN)-(?:[A-Z]+-)?\d+[a-z]?)(?: \| | )?"
    r"(MUST NOT|MUST|SHOULD NOT|SHOULD|MAY)?\b",
    re.MULTILINE,
)
ID = re.compile(r"(?:EXP|AUTH|HOOK|LIMIT|TAG|ACC|TAX|VEN)-(?:[A-Z]+-)?\d+[a-z]?")
MARK = re.compile(r"mark\.rule\(([^)]*)\)")
OWNER = re.compile(r"^ *(?:async def|def|class) (\w+)", re.MULTILINE)
DUE = re.compile(r"^(EXP|AUTH|HOOK|LIMIT|TAG|ACC|TAX|VEN)-")
"""Families whose binding rules must be tested or declared by now."""


def catalogue() -> dict[str, str]:
    """Every rule with its force; `FACT` for a rule without one."""
    rules: dict[str, str] = {}
    for page in sorted((RULES / "rules").glob("*.md")):
        for rule, force in RULE.findall(page.read_text()):
            rules.setdefault(rule, force or "FACT")
    return rules


def named() -> dict[str, list[str]]:
    """Rules to the tests that name them, as `file::test`.

    Read as text: a mark may stand above a test, inside a `pytest.param`, or hold a list with a star. The test is the
    one that follows it.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("*.py")):
        text = path.read_text()
        for mark in MARK.finditer(text):
            owner = OWNER.search(text, mark.end())
            test = f"{path.name}::{owner[1]}" if owner else path.name
            for rule in ID.findall(mark[1]):
                if test not in found[rule]:
                    found[rule].append(test)
    return found


def declared() -> dict[str, str]:
    """Rules declared not to apply, with the reason."""
    page = RULES / "declared.txt"
    lines = page.read_text().splitlines() if page.exists() else []
    return dict(line.split(maxsplit=1) for line in lines if line.strip() and not line.startswith("#"))


def conformance(rules: dict[str, str], tests: dict[str, list[str]], reasons: dict[str, str]) -> str:
    """The text of docs/conformance.md."""
    lines = ["# Conformance", "", "Each rule beside the tests that name it. Written by `make format`.", ""]
    lines += ["| rule | force | shown by |", "|---|---|---|"]
    for rule, force in rules.items():
        shown = "<br>".join(f"`{test}`" for test in tests.get(rule, [])) or (
            f"declared: {reasons[rule]}" if rule in reasons else "–"
        )
        lines.append(f"| {rule} | {force} | {shown} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    rules, tests, reasons = catalogue(), named(), declared()
    unknown = sorted((tests.keys() | reasons.keys()) - rules.keys())
    binding = [rule for rule, force in rules.items() if force.startswith("MUST")]
    due = [rule for rule in binding if DUE.match(rule)]
    still_open = [rule for rule in due if rule not in tests and rule not in reasons]
    tested = sum(rule in tests for rule in binding)
    print(
        f"rules: {len(binding)} binding, {tested} tested; {len(due)} due, "
        f"{sum(rule in reasons and rule not in tests for rule in due)} declared, {len(still_open)} open"
    )
    if unknown:
        print("named but not in the catalogue:", " ".join(unknown))
    if still_open:
        print("open:", " ".join(still_open))
    page, text = ROOT / "docs" / "conformance.md", conformance(rules, tests, reasons)
    if "--write" in arguments:
        page.write_text(text)
    stale = not page.exists() or page.read_text() != text
    if stale:
        print("docs/conformance.md is out of date: run `make format`")
    return 1 if unknown or still_open or stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
