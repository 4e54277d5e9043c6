"""Watches that nobody calls Pleo, a file host or an ERP while a transaction is open (invariant 9)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

from ledgerbridge import faults

_CALLS = ("pleo ", "erp ", "download")


class Watch:
    """Which task has a transaction open, and which calls were made with one."""

    def __init__(self) -> None:
        self._open: Counter[int] = Counter()
        self.calls: list[str] = []
        """Calls begun inside a transaction of the same task."""

    def began(self, *_: Any) -> None:
        self._open[_task()] += 1

    def ended(self, *_: Any) -> None:
        self._open[_task()] -= 1

    def reached(self, point: str) -> None:
        if point.startswith(_CALLS) and point.endswith(" before") and self._open[_task()] > 0:
            self.calls.append(point.removesuffix(" before"))


@contextmanager
def watched() -> Iterator[Watch]:
    """Watch until the end of the context; every engine of this process counts."""
    watch = Watch()
    listeners = (("begin", watch.began), ("commit", watch.ended), ("rollback", watch.ended))
    for name, listener in listeners:
        event.listen(Engine, name, listener)
    faults.install(watch.reached)
    try:
        yield watch
    finally:
        faults.install(None)
        for name, listener in listeners:
            event.remove(Engine, name, listener)


def _task() -> int:
    try:
        return id(asyncio.current_task())
    except RuntimeError:  # outside a loop: a tool's own, synchronous engine
        return 0
