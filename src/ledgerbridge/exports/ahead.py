"""Receipts of the items that come next, fetched while the ERP works on those before.

Look-ahead is a convenience and never a risk: what failed ahead is fetched anew when its item is up, so that an item
fails of what is so then and of nothing else; and an item that is up never waits for a place. A job uses it so:

    async with Ahead(context.downloads, erp.capabilities, context.shelf) as ahead:
        for item in coming:
            if not ahead.begin(item):
                break  # no room now; what was begun is as much as can be worked together
        with await ahead.take(item) as receipts:
            await erp.book(document, receipts, final=final)
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import structlog

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import ExportItem, ItemFile
from ledgerbridge.erp.port import Capabilities
from ledgerbridge.exports.receipts import MAX_TOTAL_BYTES, MoreThanSaid, ReceiptProblem, Receipts, fetch_all, unfit
from ledgerbridge.pleo.downloads import MAX_BYTES, Downloader

MOST_FILES = 250
"""Ahead of their items; each is an open file, and a process may commonly have 1,024."""
MOST_BYTES = 256 * 1024 * 1024
"""On disk ahead of their items: hundreds of receipts of common size, eight of the largest. With what the jobs of one
worker hold for the items that are up (ten times `MAX_TOTAL_BYTES`) it fits into 2 GiB of temporary space."""
AT_ONCE = 8
"""Downloads ahead at a time. All receipts lie at one host, so it is also what that host is asked for at once, apart
from one for each job whose item is up."""


class Shelf:
    """The room for what is fetched ahead, one for all jobs of a process."""

    def __init__(self, files: int = MOST_FILES, size: int = MOST_BYTES, at_once: int = AT_ONCE) -> None:
        self.free_files = files
        self.free_bytes = size
        self.turn = asyncio.Semaphore(at_once)

    def place(self, files: int, size: int) -> Place | None:
        """Room for that many files of that size together, kept until it is freed; None when there is not so much."""
        if files > self.free_files or size > self.free_bytes:
            return None
        self.free_files -= files
        self.free_bytes -= size
        return Place(self, files, size)


@dataclass(slots=True)
class Place:
    """Room that was given."""

    shelf: Shelf
    files: int
    size: int

    def shrink(self, size: int) -> None:
        """Give back what the files turned out not to need."""
        self.shelf.free_bytes += self.size - size
        self.size = size

    def free(self) -> None:
        """Give everything back. Any number of times."""
        self.shelf.free_files += self.files
        self.shelf.free_bytes += self.size
        self.files = self.size = 0


@dataclass(slots=True)
class _Begun:
    """The files of one item, on their way."""

    files: tuple[ItemFile, ...]
    place: Place
    started: bool = False
    """Whether its turn has come."""
    task: asyncio.Task[Receipts] = field(init=False)

    @property
    def useful(self) -> bool:
        """Whether waiting for it is better than beginning again."""
        if self.task.done():
            return not self.task.cancelled() and self.task.exception() is None
        return self.started

    async def end(self) -> None:
        """Free what came, and see to it that nothing more comes."""
        self.task.cancel()
        await asyncio.wait({self.task})
        if self.useful:
            self.task.result().close()


class Ahead:
    """The look-ahead of one job. At its end nothing of it stays, neither a task nor a file."""

    def __init__(self, downloads: Downloader, capabilities: Capabilities, shelf: Shelf) -> None:
        self._downloads = downloads
        self._capabilities = capabilities
        self._shelf = shelf
        self._begun: dict[str, _Begun] = {}
        self._taken: dict[str, Receipts] = {}

    def begin(self, item: ExportItem) -> bool:
        """Begin to fetch the files of an item. False when there is no room for them now: it is not begun.

        True for an item without files, for one that was begun before, and for one that cannot be fetched (`take` says
        why). Not inside a transaction.
        """
        if item.accounting_entry_id in self._begun or not self._capabilities.attachments or not item.files:
            return True
        if unfit(item, self._capabilities):
            return True
        place = self._shelf.place(len(item.files), _most(item))
        if place is None:
            return False
        begun = _Begun(item.files, place)
        begun.task = asyncio.create_task(self._fetch(item, begun), name="receipts ahead")
        self._begun[item.accounting_entry_id] = begun
        return True

    async def take(self, item: ExportItem) -> Receipts:
        """The files of an item that is up, fetched now if they are not there; to be closed by the caller.

        Raises what `fetch_all` raises.
        """
        begun = self._begun.pop(item.accounting_entry_id, None)
        if begun is None:
            receipts = await self._fetch_now(item)
        else:
            try:
                receipts = await self._arrived(item, begun)
            except BaseException:
                begun.place.free()
                raise
            receipts.held.callback(begun.place.free)
        self._taken[item.accounting_entry_id] = receipts
        receipts.held.callback(self._taken.pop, item.accounting_entry_id, None)
        return receipts

    async def drop(self, item: ExportItem) -> None:
        """Forget what was begun for an item that will not be taken."""
        if begun := self._begun.pop(item.accounting_entry_id, None):
            await begun.end()
            begun.place.free()

    async def _arrived(self, item: ExportItem, begun: _Begun) -> Receipts:
        if begun.files != item.files or not begun.useful:
            await begun.end()
            return await self._fetch_now(item)
        try:
            return await begun.task
        except MoreThanSaid:
            pass
        except ReceiptProblem as error:
            if error.problem.failure is not Failure.RECEIPT_NOT_KEPT:
                raise
        except asyncio.CancelledError:
            await begun.end()
            raise
        return await self._fetch_now(item)

    async def _fetch_now(self, item: ExportItem) -> Receipts:
        try:
            return await fetch_all(item, self._downloads, self._capabilities)
        except ReceiptProblem as error:
            if error.problem.failure is not Failure.RECEIPT_NOT_KEPT or not self._begun:
                raise
        # The room on the machine is short, and those who are not up yet have some of it.
        await self._forget_all()
        return await fetch_all(item, self._downloads, self._capabilities)

    async def _fetch(self, item: ExportItem, begun: _Begun) -> Receipts:
        # The task inherits what the log lines of another item say.
        structlog.contextvars.bind_contextvars(accounting_entry_id=item.accounting_entry_id)
        async with self._shelf.turn:
            begun.started = True
            receipts = await fetch_all(item, self._downloads, self._capabilities, as_said=True)
        begun.place.shrink(sum(one.file.size for one in receipts))
        return receipts

    async def _forget_all(self) -> None:
        begun, self._begun = list(self._begun.values()), {}
        for each in begun:
            each.task.cancel()
        for each in begun:
            await each.end()
            each.place.free()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._forget_all()
        for receipts in list(self._taken.values()):
            receipts.close()


def _most(item: ExportItem) -> int:
    """Bytes the files may take together: what Pleo said, or the most it takes where it said nothing."""
    return min(sum(MAX_BYTES if file.size is None else file.size for file in item.files), MAX_TOTAL_BYTES)
