"""Files made of vouchers that are in none: when, how many, and by whom if two try at once."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Protocol

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.files.book import Voucher, VoucherBook
from ledgerbridge.erp.files.filed import Filed, filed
from ledgerbridge.erp.files.standing import patiently
from ledgerbridge.erp.port import ErpError

_ROUNDS = 5
"""How often files are made anew because another process closed some meanwhile."""
_MOST_VOUCHERS = 5_000
"""In one file."""


class FileEvery(StrEnum):
    """When a file is closed."""

    JOB = "job"
    """At the end of every export."""
    DAY = "day"
    """Once a day (UTC), with what was booked since the last one."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A file that is ready to be closed."""

    name: str
    """Never that of another file of this company: made of year, series and the numbers of its vouchers."""
    content: bytes


class Renderer(Protocol):
    """How vouchers become a file of some format."""

    def render(self, vouchers: Sequence[Filed]) -> Rendered:
        """A file of these vouchers, which are of one series and one fiscal year and stand in the order of their
        numbers; at least one. The same vouchers always make the same bytes. Called in a thread of its own."""
        ...


async def close_waiting(book: VoucherBook, renderer: Renderer, every: FileEvery, waits: Sequence[float]) -> None:
    """Make files of what waits, where it is time to. Raises `ErpError`; what was closed by then stays closed."""
    overtaken = 0
    while overtaken < _ROUNDS:
        waiting = await patiently(waits, book.waiting)
        if not _due(waiting, every):
            return
        try:
            await _close(book, renderer, waiting)
        except ValueError:  # another process closed some of them meanwhile
            overtaken += 1
    raise ErpError(problem(Failure.ERP_BUSY, "files were closed by others again and again"))


def _due(waiting: Sequence[Voucher], every: FileEvery) -> bool:
    if every is FileEvery.JOB:
        return bool(waiting)
    today = utcnow().date()
    return any(one.recorded_at.astimezone(dt.UTC).date() < today for one in waiting)


async def _close(book: VoucherBook, renderer: Renderer, waiting: Sequence[Voucher]) -> None:
    """A file for each series and fiscal year, and for those in a row that are of one currency and one end of the year,
    which a newer chart may change. Raises ValueError when some were closed by another process."""
    ordered = sorted(waiting, key=lambda one: (one.year, one.series, one.number))
    broken: ValueError | None = None
    for _, group in groupby(ordered, key=_told_once):
        vouchers = list(group)
        for start in range(0, len(vouchers), _MOST_VOUCHERS):
            some = vouchers[start : start + _MOST_VOUCHERS]
            try:
                # Thousands of vouchers take a moment, in which deliveries must not wait.
                made = await asyncio.to_thread(_rendered, renderer, some)
            except ValueError as error:
                broken = error  # and keeps no other file back
            else:
                await book.close(made.name, made.content, [one.id for one in some])
    if broken is not None:
        raise ErpError(problem(Failure.UNEXPECTED, f"file not made: {broken}")) from broken


def _told_once(one: Voucher) -> tuple[object, ...]:
    """What the head of a file says of all its vouchers."""
    return one.year, one.series, one.body.get("currency"), one.body.get("year_end")


def _rendered(renderer: Renderer, vouchers: Sequence[Voucher]) -> Rendered:
    return renderer.render([filed(one) for one in vouchers])
