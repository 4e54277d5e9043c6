"""Writes the table of docs/retention.md from `connections/keeping.py`; `--check` only compares."""

from __future__ import annotations

import sys
from pathlib import Path

from ledgerbridge.connections import keeping

PAGE = Path(__file__).resolve().parents[1] / "docs" / "retention.md"
MARK = "<!-- written by `python -m tools.retention` -->\n"


def wanted(page: str) -> str:
    """The page with the table as the code has it."""
    return page.partition(MARK)[0] + MARK + "\n" + keeping.page()


def main(arguments: list[str]) -> int:
    page = PAGE.read_text()
    if page == wanted(page):
        return 0
    if "--check" in arguments:
        print("docs/retention.md is out of date: run `python -m tools.retention`")
        return 1
    PAGE.write_text(wanted(page))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
