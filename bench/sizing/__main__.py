"""`python -m bench.sizing`: print the tables, or with `--write` put them into docs/sizing.md."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.sizing.tables import TABLES, filled

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sizing.md"


def main() -> None:
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(filled(PAGE.read_text()))
        return
    for name, made in TABLES.items():
        print(f"{name}\n\n{made()}\n")


if __name__ == "__main__":
    main()
