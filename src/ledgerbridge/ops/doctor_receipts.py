"""The doctor's look at the process in which receipts get the form that an accounting system takes."""

from __future__ import annotations

import base64

from ledgerbridge.ops.doctor import Finding, ok, warning
from ledgerbridge.outgoing.files import FileNotKept, HeldFile
from ledgerbridge.outgoing.papers.order import Make
from ledgerbridge.outgoing.papers.workshop import CannotMake, NotMade, Sheet, TooLargeMade, Workshop

_NAME = "receipts"
_DOT = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAG7buVgAAAABJRU5ErkJggg==")
"""An image of one white pixel."""


async def inspect_receipts() -> list[Finding]:
    """Whether an image becomes a PDF on this machine."""
    try:
        (await Workshop().make(Make.PDF, [Sheet("dot.png", HeldFile.of(_DOT))], 100_000)).close()
    except (NotMade, CannotMake, TooLargeMade, FileNotKept) as fault:
        return [
            warning(
                _NAME,
                f"Receipts cannot be joined or converted: {fault or type(fault).__name__}. Expenses whose receipts an "
                "accounting system takes in another form only would fail.",
                "Let the service start processes, with 512 MiB of memory for each, and install all its requirements.",
            )
        ]
    return [ok(_NAME, "Receipts can be joined and converted for accounting systems that take one file or PDFs.")]
