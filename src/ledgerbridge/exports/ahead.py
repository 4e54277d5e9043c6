"""Receipts of the items that come next, fetched while the ERP works on those before.

Look-ahead is a convenience and never a risk: an item fails of what is so about when it is up and not of what was so
long before, and an item that is up waits for no place. A job uses it so:

    async with Ahead(context.downloads, erp.capabilities, context.shelf) as ahead:
        for item in coming:
            if not ahead.begin(item):
                break  # no room now; what was begun is as much as can be worked together
        with await ahead.take(item) as receipts:
            await erp.book(document, receipts, final=final)
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import structlog

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import ExportItem, ItemFile
from ledgerbridge.erp.port import Capabilities
from ledgerbridge.exports.receipts import MAX_TOTAL_BYTES, MoreThanSaid, ReceiptProblem, Receipts, fetch_all, unfit
from ledgerbridge.outgoing.papers.workshop import Workshop
from ledgerbridge.pleo.downloads import MAX_BYTES, Downloader

MOST_FILES = 400
"""Ahead of their items; each is an open file, and a process may commonly have 1,024, of which the items that are up may
need `MAX_FILES` for each of ten jobs."""
MOST_BYTES = 512 * 1024 * 1024
"""On disk ahead of their items. With what ten jobs hold for items that are up (`MAX_TOTAL_BYTES` each) and what is made
of receipts just now, it fits into 2 GiB of temporary space."""
AT_ONCE = 8
"""Downloads ahead at a time. All receipts lie at one host, so it is also what that host is asked for at once, apart
from one for each job whose item is up."""
STALE_SECONDS = 30.0
"""Older than this, a failure is not believed: the file is fetched anew when its item is up."""


class Shelf:
    """The room for what is fetched ahead, one for all jobs of a process."""

    def __init__(self, files: int = MOST_FILES, size: int = MOST_BYTES, at_once: int = AT_ONCE) -> None:
        self.free_files = files
        self.free_bytes = size
        self.turn = asyncio.Semaphore(at_once)
        self.workshop = Workshop()
        """Where receipts get another form, whether their item is up or not."""


class Share:
    """What one job has of the shelf: never more than it leaves to others, so that one alone gets half of it and the
    shares of several become alike."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.files = self.size = 0

    def place(self, files: int, size: int) -> Place | None:
        """Room for that many files of that size together, kept until it is freed; None when there is not so much."""
        if self.files > self.shelf.free_files or self.size > self.shelf.free_bytes:
            return None
        if files > self.shelf.free_files or size > self.shelf.free_bytes:
            return None
        self.add(files, size)
        return Place(self, files, size)

    def add(self, files: int, size: int) -> None:
        self.files += files
        self.size += size
        self.shelf.free_files -= files
        self.shelf.free_bytes -= size


@dataclass(slots=True)
class Place:
    """Room that was given."""

    share: Share
    files: int
    size: int

    def shrink(self, size: int) -> None:
        """Give back what the files turned out not to need."""
        self.share.add(0, size - self.size)
        self.size = size

    def free(self) -> None:
        """Give everything back. Any number of times."""
        self.share.add(-self.files, -self.size)
        self.files = self.size = 0


@dataclass(slots=True)
class _Begun:
    """The files of one item, on their way."""

    files: tuple[ItemFile, ...]
    place: Place
    started: bool = False
    """Whether its turn has come."""
    failed: float | None = None
    """When it failed."""
    task: asyncio.Task[Receipts] = field(init=False)

    @property
    def counts(self) -> bool:
        """Whether what it comes to is better than beginning again."""
        return self.started and (self.failed is None or time.monotonic() - self.failed < STALE_SECONDS)

    async def end(self) -> None:
        """Free what came, and see to it that nothing more comes."""
        self.task.cancel()
        await asyncio.wait({self.task})
        if not self.task.cancelled() and self.task.exception() is None:
            self.task.result().close()


class Ahead:
    """The look-ahead of one job. At its end nothing of it stays, neither a task nor a file."""

    def __init__(self, downloads: Downloader, capabilities: Capabilities, shelf: Shelf) -> None:
        self._downloads = downloads
        self._capabilities = capabilities
        self._share = Share(shelf)
        self._begun: dict[str, _Begun] = {}
        self._taken: dict[str, Receipts] = {}

    def begin(self, item: ExportItem) -> bool:
        """Begin to fetch the files of an item, anew if that failed. False when there is no room for them now: it is not
        begun.

        True for an item without files, for one that was begun before, and for one that cannot be fetched (`take` says
        why). Not inside a transaction.
        """
        if not self._capabilities.attachments or not item.files or unfit(item, self._capabilities):
            return True
        begun = self._begun.get(item.accounting_entry_id)
        if begun is not None and begun.failed is None:
            return True
        place = begun.place if begun else self._share.place(len(item.files), _most(item))
        if place is None:
            return False
        begun = self._begun[item.accounting_entry_id] = _Begun(item.files, place)
        begun.task = asyncio.create_task(self._fetch(item, begun), name="receipts ahead")
        begun.task.add_done_callback(_heard)
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
        if begun.files != item.files or not begun.counts:
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
            return await self._fetch_all(item)
        except ReceiptProblem as error:
            if error.problem.failure is not Failure.RECEIPT_NOT_KEPT or not self._begun:
                raise
        # The room on the machine is short, and those who are not up yet have some of it.
        await self._forget_all()
        return await self._fetch_all(item)

    async def _fetch_all(self, item: ExportItem, *, as_said: bool = False) -> Receipts:
        return await fetch_all(
            item, self._downloads, self._capabilities, as_said=as_said, workshop=self._share.shelf.workshop
        )

    async def _fetch(self, item: ExportItem, begun: _Begun) -> Receipts:
        # The task inherits what the log lines of another item say.
        structlog.contextvars.bind_contextvars(accounting_entry_id=item.accounting_entry_id)
        async with self._share.shelf.turn:
            begun.started = True
            try:
                receipts = await self._fetch_all(item, as_said=True)
            except Exception:
                begun.failed = time.monotonic()
                raise
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


def _heard(task: asyncio.Task[Receipts]) -> None:
    """Nobody else may ask what became of it."""
    if not task.cancelled():
        task.exception()


def _most(item: ExportItem) -> int:
    """Bytes the files may take together: what Pleo said, or the most it takes where it said nothing."""
    return min(sum(MAX_BYTES if file.size is None else file.size for file in item.files), MAX_TOTAL_BYTES)
