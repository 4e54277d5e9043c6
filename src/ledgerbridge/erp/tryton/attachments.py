"""Receipts on a document: what hangs there already is looked at first, only what is missing is sent (EXP-IDEM-04)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.erp.port import Attachment, ErpError
from ledgerbridge.erp.tryton.chart import shaped
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.errors import CallFailed, Outcome, sentence
from ledgerbridge.erp.tryton.key import plain
from ledgerbridge.outgoing.files import FileNotKept

_MODEL = "ir.attachment"


async def missing(client: Client, resource: str, wanted: Sequence[Attachment]) -> list[Attachment]:
    """Which of the files are not on the document (`account.move,7`) yet, by name; the largest first.

    Tryton has no way for us to take a file off again, so the one most likely to be refused goes before the others.
    """
    # Without this very clause on `resource` Tryton refuses the search.
    rows = await client.search(_MODEL, [["resource", "=", resource]], ("name",))
    there = Counter(shaped(lambda: [str(row["name"]) for row in rows]))
    absent = []
    for attachment in wanted:
        name = plain(attachment.name)
        if there[name]:
            there[name] -= 1
        else:
            absent.append(attachment)
    return sorted(absent, key=lambda attachment: attachment.file.size, reverse=True)


async def upload(client: Client, resource: str, attachment: Attachment) -> None:
    """Hang one file on the document. Raises `ErpError` when this very file is refused, else `CallFailed`."""
    values = {
        "name": plain(attachment.name),
        "type": "data",
        "resource": resource,
        "data": attachment.file,
    }
    try:
        await client.create(_MODEL, values, ("name",))
    except CallFailed as failure:
        if failure.outcome is Outcome.TOO_LARGE:
            raise ErpError(
                problem(
                    Failure.RECEIPT_TOO_LARGE,
                    failure.internal,
                    name=attachment.name,
                    size=megabytes(attachment.file.size),
                    limit="a smaller limit of its own",
                )
            ) from None
        if failure.outcome is Outcome.REFUSED:
            raise ErpError(
                problem(
                    Failure.RECEIPT_UPLOAD, failure.internal, name=attachment.name, detail=sentence(failure.said)[:-1]
                )
            ) from None
        raise
    except FileNotKept as error:
        # Cut off in the middle: Tryton takes nothing that is shorter than was announced.
        raise ErpError(problem(Failure.RECEIPT_NOT_KEPT, str(error), name=attachment.name)) from None


def megabytes(size: int) -> str:
    """As a person reads it; Pleo counts its own limit of 30 MB so."""
    return f"{size / 1_000_000:.1f} MB"
