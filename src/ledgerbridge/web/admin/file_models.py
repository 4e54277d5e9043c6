"""What the admin API answers about files of vouchers."""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import BaseModel, Field

from ledgerbridge.connections.voucher_files import ClosedFile
from ledgerbridge.store.tables import HandoverState


class VoucherFile(BaseModel):
    """One closed file of vouchers, and how far its handover is."""

    id: uuid.UUID
    connection_id: uuid.UUID
    name: str = Field(examples=["P-2026-1-17.si"])
    books: str = Field(description="The ERP company whose vouchers they are.")
    sha256: str
    size: int = Field(description="Bytes.")
    vouchers: int
    debit: str = Field(description="Sum of the debits, two decimals; that of the credits is the same.")
    currency: str
    made_at: datetime
    state: HandoverState = Field(
        description="`waiting` to be brought to its place, `stuck` until a person has looked, `to_fetch` by a person, "
        "`done`."
    )
    tries: int
    due_at: datetime | None = Field(description="Of the next try.")
    handed_over_at: datetime | None
    place: str | None = Field(description="Where it was put.")
    fault: str | None = Field(description="Of the last try, as a word.", examples=["unreachable"])
    error: str | None = Field(description="The same in words, with what to do.")
    fetched_at: datetime | None = Field(description="When somebody downloaded it last.")


def shown(found: ClosedFile) -> VoucherFile:
    """A file with its book."""
    row = found.row
    return VoucherFile(
        id=row.id,
        connection_id=row.connection_id,
        name=row.name,
        books=found.book.company_name,
        sha256=row.sha256,
        size=row.size,
        vouchers=row.vouchers,
        debit=f"{row.debit:.2f}",
        currency=found.book.currency,
        made_at=row.made_at,
        state=HandoverState(row.handover_state),
        tries=row.handover_tries,
        due_at=row.handover_due_at,
        handed_over_at=row.handed_over_at,
        place=row.handover_place,
        fault=row.handover_fault,
        error=row.handover_error,
        fetched_at=row.fetched_at,
    )
