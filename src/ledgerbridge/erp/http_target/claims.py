"""What a partner does not claim is refused before it is asked: half an answer would be worse than none."""

from __future__ import annotations

from collections.abc import Sequence

from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.erp.port import Attachment, Capabilities, ErpError


def against(claimed: Capabilities, document: Document, files: Sequence[Attachment], *, final: bool) -> Problem | None:
    """Why a document cannot be booked by a partner that claims no more than this."""
    entry = document.entry if isinstance(document, Bill) else document
    if not claimed.vendor_bills and (isinstance(document, Bill) or any(line.vendor for line in entry.lines)):
        return problem(Failure.METHOD_NOT_SUPPORTED, method="a vendor bill")
    if not claimed.drafts and not final:
        return problem(Failure.DRAFTS_NOT_SUPPORTED)
    codes = dict.fromkeys(code for line in entry.lines for code, _ in line.dimensions)
    if not claimed.dimensions and codes:
        return problem(Failure.DIMENSIONS_NOT_SUPPORTED, codes=", ".join(codes))
    return _file_not_taken(claimed, files)


def _file_not_taken(claimed: Capabilities, files: Sequence[Attachment]) -> Problem | None:
    if files and not claimed.attachments:
        return problem(Failure.RECEIPT_UPLOAD, name=files[0].name, detail="it takes no files")
    if len(files) > 1 and not claimed.several_attachments:
        return problem(Failure.RECEIPT_UPLOAD, name=files[1].name, detail="it takes one file an entry")
    for file in files:
        limit = claimed.max_attachment_bytes
        if limit is not None and file.file.size > limit:
            return problem(
                Failure.RECEIPT_TOO_LARGE,
                name=file.name,
                size=f"{file.file.size / 1e6:.1f} MB",
                limit=f"{limit / 1e6:.1f} MB",
            )
        if claimed.attachment_types is not None and file.type.lower() not in claimed.attachment_types:
            return problem(Failure.RECEIPT_UPLOAD, name=file.name, detail=f"it takes no files of the type {file.type}")
    return None


def needed(claimed: bool, what: str) -> None:
    """Raises `ErpError` for a call that a partner does not claim to answer; `what` completes "It does not ..."."""
    if not claimed:
        raise ErpError(problem(Failure.ERP_REFUSED, f"HTTP target: {what}", message=f"It does not {what}."))
