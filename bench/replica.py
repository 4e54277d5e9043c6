"""One replica of the service, worker and all, in a process of its own; every ERP behind it takes a set time a call.

`python -m bench.replica --erp-seconds 0.5` with the service's own environment. Prints `ready` once it takes work, and
drains on SIGTERM as the service does. With `--profile FILE` it leaves there, as text, where its time went.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pyinstrument import Profiler

from bench.job import UNLIMITED, Counts, UnlimitedAdapter, UnlimitedErp
from ledgerbridge.app import running
from ledgerbridge.bookkeeping.payables import Document
from ledgerbridge.bookkeeping.words import Chart
from ledgerbridge.erp.port import Attachment, Booked, ErpCompany, ErpError, Wanted
from ledgerbridge.ops import logging
from ledgerbridge.settings import Settings
from tests.support.erp_double import DoubleErp


class SlowErp(UnlimitedErp):
    """Takes a set time for every call and keeps nothing."""

    def __init__(self, books: Counts, seconds: float) -> None:
        super().__init__(books)
        self._seconds = seconds

    async def company(self) -> ErpCompany:
        await asyncio.sleep(self._seconds)
        return await super().company()

    async def preflight(self, *, final: bool = False, bills: bool = False) -> None:
        await asyncio.sleep(self._seconds)
        await super().preflight(final=final, bills=bills)

    async def chart(self) -> Chart:
        await asyncio.sleep(self._seconds)
        return await super().chart()

    async def book(self, document: Document, attachments: Sequence[Attachment], *, final: bool) -> Booked:
        await asyncio.sleep(self._seconds)
        return await super().book(document, attachments, final=final)

    async def book_many(self, wanted: Sequence[Wanted], *, final: bool) -> Sequence[Booked | ErpError]:
        await asyncio.sleep(self._seconds)
        return await super().book_many(wanted, final=final)


class SlowAdapter(UnlimitedAdapter):
    """Opens `SlowErp`."""

    def __init__(self, books: Counts, seconds: float) -> None:
        super().__init__(books)
        self._seconds = seconds

    @asynccontextmanager
    async def open(
        self, settings: dict[str, Any], observe: object = None, *, book: object = None
    ) -> AsyncIterator[DoubleErp]:
        yield SlowErp(self._counts, self._seconds)


async def _work(erp_seconds: float) -> None:
    # Written as the service writes it, and thrown away.
    logging.configure("INFO", "json", Path(os.devnull).open("w"))  # noqa: SIM115 - until the process ends
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    adapter = SlowAdapter(Counts(capabilities=UNLIMITED), erp_seconds)
    async with running(Settings(_env_file=None), worker=True, erps={"double": adapter}):
        print("ready", flush=True)
        await asked.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.replica")
    parser.add_argument("--erp-seconds", type=float, default=0.0)
    parser.add_argument("--profile", type=Path)
    chosen = parser.parse_args()
    if chosen.profile is None:
        asyncio.run(_work(chosen.erp_seconds))
        return
    with Profiler(async_mode="disabled") as profiler:
        asyncio.run(_work(chosen.erp_seconds))
    chosen.profile.write_text(profiler.output_text(show_all=False))


if __name__ == "__main__":
    main()
