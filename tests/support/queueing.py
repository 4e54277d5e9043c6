"""In which order files are handed to the workers: nobody stands idle while Tryton is built for the first time.

Building takes a minute of one core. One file that needs Tryton goes first and builds it; the longest that do not need
it go next, and then all others as they are collected, whose last are the small ones. No test may need this order.
"""

from __future__ import annotations

import pytest

MEANWHILE = ("tests/faults/", "tests/integration/exports/")
"""Enough work for a minute of all other workers."""


def while_tryton_is_built(items: list[pytest.Item]) -> None:
    """Sort the files; the tests of a file stay as they are."""
    needing: dict[str, bool] = {}
    for item in items:
        name = item.nodeid.partition("::")[0]
        needing[name] = needing.get(name, False) or "tryton_template" in getattr(item, "fixturenames", ())
    builder = next((name for name, needs in needing.items() if needs), None)

    def turn(item: pytest.Item) -> int:
        name = item.nodeid.partition("::")[0]
        if name == builder:
            return 0
        return 1 if name.startswith(MEANWHILE) and not needing[name] else 2

    items.sort(key=turn)
