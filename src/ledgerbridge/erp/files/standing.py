"""What stands in the book: whether a voucher is in force, what people call it, and asking until the book answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from ledgerbridge.erp.files.book import Voucher
from ledgerbridge.erp.port import DocumentKind, DocumentRef, ErpError

T = TypeVar("T")


def in_force(voucher: Voucher) -> bool:
    return voucher.reverses is None and voucher.reversed_by is None


def name(voucher: Voucher) -> str:
    """As people call it: `A17`."""
    return f"{voucher.series}{voucher.number}"


def ref(voucher: Voucher) -> DocumentRef:
    return DocumentRef(DocumentKind.JOURNAL_ENTRY, voucher.id)


async def patiently(waits: Sequence[float], step: Callable[[], Awaitable[T]]) -> T:
    """The step, tried again after each of these seconds while it may pass and is known to have done nothing.

    Raises `ErpError`.
    """
    for wait in waits:
        try:
            return await step()
        except ErpError as error:
            if error.outcome_unknown or not error.problem.row.retry:
                raise
        await asyncio.sleep(wait)
    return await step()
