"""Receipts of one item: fetched from Pleo before anything is booked, named so that a retry names them alike.

A file is never dropped silently (EXP-ATT-07): one that cannot be fetched, or be given the form that the ERP takes
(`fitting`), fails the item before an entry exists. Files are bytes that are handed on: nothing in this process unpacks,
renders or parses one, so there is nothing here that a file could attack.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import structlog

from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import ExportItem, ItemFile
from ledgerbridge.erp.port import Attachment, Capabilities
from ledgerbridge.exports import fitting
from ledgerbridge.exports.fitting import Piece, Unfit, name_of, pieces, plain
from ledgerbridge.outgoing.papers.workshop import Workshop
from ledgerbridge.pleo.downloads import DownloadedFile, Downloader, DownloadFailed, LinkExpired, NotKept, TooLarge

log = structlog.get_logger(__name__)

MAX_FILES = 50
MAX_TOTAL_BYTES = 100_000_000
"""Of all files of one item, which lie on disk together until it is booked."""
MAX_SECONDS = 600.0
"""For all files of one item: nothing is reported meanwhile, and Pleo ends a job that waits too long (invariant 10)."""
_MAGIC = ((b"%PDF-", "application/pdf"), (b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n", "image/png"))
_HEAD = max(len(magic) for magic, _ in _MAGIC)


class Receipts(tuple[Attachment, ...]):
    """The files of one item, in Pleo's order; `close` frees them, and so does the end of a `with`."""

    held: ExitStack
    """What is freed with them: the files themselves, and what others added."""

    def __new__(cls, attachments: Sequence[Attachment] = (), held: ExitStack | None = None) -> Self:
        made = super().__new__(cls, attachments)
        made.held = held or ExitStack()
        return made

    def close(self) -> None:
        """Any number of times."""
        self.held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class ReceiptProblem(Exception):
    """A receipt that makes its item fail (EXP-ATT-14)."""

    def __init__(self, found: Problem) -> None:
        super().__init__(found.text)
        self.problem = found


class LinkLapsed(Exception):
    """The link to a receipt no longer works: the item must be fetched again for a new one (EXP-ATT-02)."""

    def __init__(self, found: Problem) -> None:
        super().__init__(found.text)
        self.problem = found


class MoreThanSaid(Exception):
    """A file is larger than Pleo says it is."""


def type_of(file: ItemFile, downloaded: DownloadedFile) -> str:
    """The MIME type Pleo gave, or the one the first bytes or the file host show where it gave none."""
    if said := declared_type(file):
        return said
    head = downloaded.file.head(_HEAD)
    seen = next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)
    return plain(seen or downloaded.content_type or "application/octet-stream")


def declared_type(file: ItemFile) -> str | None:
    """The MIME type Pleo gave, by its usual name; None where it gave none that is one."""
    return plain(file.type.split(";")[0].strip().lower()) if file.type and "/" in file.type else None


async def fetch_all(
    item: ExportItem,
    downloads: Downloader,
    capabilities: Capabilities,
    *,
    as_said: bool = False,
    workshop: Workshop | None = None,
) -> Receipts:
    """Every file of the item, in Pleo's order and the form the ERP takes, to be closed by the caller.

    Raises `ReceiptProblem` or `LinkLapsed`; no file is skipped. With `as_said` also `MoreThanSaid`. What needs another
    form is worked on in `workshop`.
    """
    if not capabilities.attachments or not item.files:
        return Receipts()
    if found := unfit(item, capabilities):
        raise ReceiptProblem(found)
    with ExitStack() as held:
        fetched: list[Attachment] = []
        ends = asyncio.get_running_loop().time() + MAX_SECONDS
        try:
            async with asyncio.timeout_at(ends):
                for position, (file, limit) in enumerate(_limited(item, capabilities), 1):
                    label = f"{position} of {len(item.files)}"
                    downloaded = await _fetch(file, label, downloads, limit, as_said)
                    held.enter_context(downloaded.file)
                    kind = type_of(file, downloaded)
                    fetched.append(Attachment(name_of(item, position, kind), kind, downloaded.file))
                    if sum(one.file.size for one in fetched) > MAX_TOTAL_BYTES:
                        raise ReceiptProblem(_too_heavy())
        except TimeoutError:
            why = f"the files of the item were not here after {MAX_SECONDS:g} seconds"
            raise ReceiptProblem(problem(Failure.RECEIPT_DOWNLOAD, why, name=label)) from None
        try:
            async with asyncio.timeout_at(ends):
                fitted = await fitting.fit(
                    item, fetched, capabilities, workshop or Workshop(), most=_most_made(capabilities), held=held
                )
        except TimeoutError:
            why = f"the files of the item were not fitted after {MAX_SECONDS:g} seconds"
            raise ReceiptProblem(problem(Failure.RECEIPT_NOT_PREPARED, why)) from None
        except Unfit as error:
            raise ReceiptProblem(error.problem) from error
        return Receipts(fitted, held.pop_all())


def unfit(item: ExportItem, capabilities: Capabilities) -> Problem | None:
    """What is wrong with the files of an item by what Pleo says of them; nothing is fetched (EXP-ATT-14)."""
    if not capabilities.attachments:
        return None
    count = len(item.files)
    if count > MAX_FILES:
        return _too_many(f"{count} files", f"{MAX_FILES} files")
    for piece in foreseen(item, capabilities):
        if found := fitting.hopeless(piece, count, capabilities):
            return found
    for position, (file, limit) in enumerate(_limited(item, capabilities), 1):
        if limit is not None and file.size is not None and file.size > limit:
            return _too_large(f"{position} of {count}", file.size, limit)
    if sum(file.size or 0 for file in item.files) > MAX_TOTAL_BYTES:
        return _too_heavy()
    return None


def foreseen(item: ExportItem, capabilities: Capabilities) -> tuple[Piece, ...]:
    """What becomes of the files of an item by the types Pleo gave."""
    return pieces([declared_type(file) for file in item.files], capabilities)


def _limited(item: ExportItem, capabilities: Capabilities) -> Iterator[tuple[ItemFile, int | None]]:
    """Each file with the size it may have: the ERP's limit holds for what is handed over."""
    as_they_are = {at for piece in foreseen(item, capabilities) if piece.makes is None for at in piece.positions}
    for position, file in enumerate(item.files, 1):
        yield file, capabilities.max_attachment_bytes if position in as_they_are else None


def _most_made(capabilities: Capabilities) -> int:
    return min(capabilities.max_attachment_bytes or MAX_TOTAL_BYTES, MAX_TOTAL_BYTES)


async def _fetch(file: ItemFile, label: str, downloads: Downloader, limit: int | None, as_said: bool) -> DownloadedFile:
    limits = [most for most in (limit, file.size if as_said else None) if most is not None]
    try:
        return await downloads.fetch(file.url, min(limits, default=None))
    except TooLarge as error:
        if as_said and error.limit == file.size:
            raise MoreThanSaid from None
        # What Pleo said its size is may be what is wrong.
        said = file.size if file.size is not None and file.size > error.limit else None
        raise ReceiptProblem(_too_large(label, said, error.limit)) from error
    except LinkExpired as error:
        raise LinkLapsed(problem(Failure.RECEIPT_DOWNLOAD, str(error), name=label)) from error
    except NotKept as error:
        log.error("no room for a receipt on this machine", reason=str(error))
        raise ReceiptProblem(problem(Failure.RECEIPT_NOT_KEPT, str(error), name=label)) from error
    except DownloadFailed as error:
        raise ReceiptProblem(problem(Failure.RECEIPT_DOWNLOAD, str(error), name=label)) from error


def _too_large(label: str, size: int | None, limit: int) -> Problem:
    shown = f"{size / 1_000_000:.1f} MB" if size else "more"
    return problem(Failure.RECEIPT_TOO_LARGE, name=label, size=shown, limit=f"{limit / 1_000_000:.1f} MB")


def _too_heavy() -> Problem:
    limit = f"{MAX_TOTAL_BYTES / 1_000_000:.0f} MB"
    return _too_many(f"more than {limit}", limit)


def _too_many(size: str, limit: str) -> Problem:
    return problem(Failure.RECEIPTS_TOO_MANY, size=size, limit=limit)
