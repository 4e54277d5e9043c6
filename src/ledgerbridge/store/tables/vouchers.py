"""The books of vouchers: what is booked into files instead of into an ERP that answers.

A voucher that is committed here is booked. Its number, key, date and sums never change (a trigger refuses it), and
nothing but the removal of a whole company deletes one: the files are made of vouchers and can be made again.
"""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Numeric,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from ledgerbridge.store.tables.base import NOW, Base, of_same_company, one_of, owner


class VoucherBookRow(Base):
    """The book of one ERP company of one connection. A connection that is bound to another company begins another
    book, and finds this one again when it comes back."""

    __tablename__ = "voucher_books"
    __table_args__ = (UniqueConstraint("id", "connection_id"), Index(None, "connection_id"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    """Made of connection, id and registration number of the company (`connections.voucher_rows`)."""
    connection_id: Mapped[uuid.UUID] = owner()
    kind: Mapped[str]
    """Of the adapter that wrote in it last, as in the binding."""
    company_ref: Mapped[str]
    company_name: Mapped[str]
    registration_number: Mapped[str | None]
    currency: Mapped[str]
    opened_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    written_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    """When something was recorded last."""


class VoucherCounter(Base):
    """The last number of a series in a fiscal year. Moved in the transaction that records the vouchers."""

    __tablename__ = "voucher_counters"
    __table_args__ = (of_same_company("book_id", "voucher_books"),)

    book_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    series: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[str] = mapped_column(primary_key=True)
    """First day of the fiscal year, `2026-01-01`."""
    connection_id: Mapped[uuid.UUID] = owner()
    last: Mapped[int]


class HandoverState(StrEnum):
    WAITING = "waiting"
    """To be brought to where the customer wants it."""
    STUCK = "stuck"
    """A person must act before it can be; see the error."""
    TO_FETCH = "to_fetch"
    """Ready for a person, who is to download it."""
    DONE = "done"
    """It is there, or a person fetched it."""


class VoucherFile(Base):
    """A closed file: the bytes as they are handed over, now and whenever somebody asks again."""

    __tablename__ = "voucher_files"
    __table_args__ = (
        of_same_company("book_id", "voucher_books"),
        UniqueConstraint("id", "connection_id"),
        UniqueConstraint("book_id", "name"),
        Index(None, "connection_id", "made_at"),
        Index(
            "ix_voucher_files_due", "handover_due_at", postgresql_where=text("handover_state in ('waiting', 'stuck')")
        ),
        one_of("handover_state", HandoverState),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    connection_id: Mapped[uuid.UUID] = owner()
    book_id: Mapped[uuid.UUID]
    name: Mapped[str]
    sha256: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    """Bytes."""
    content: Mapped[bytes | None] = mapped_column(deferred=True)
    """None once it was forgotten after a connection ended; the vouchers tell what stood in it."""
    vouchers: Mapped[int]
    debit: Mapped[Decimal] = mapped_column(Numeric)
    """Sum of the debits of its vouchers."""
    made_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    handover_state: Mapped[str] = mapped_column(default=HandoverState.WAITING)
    handover_tries: Mapped[int] = mapped_column(default=0)
    handover_due_at: Mapped[dt.datetime | None] = mapped_column(server_default=NOW)
    """When it is tried next; None when nobody tries by itself any more."""
    handed_over_at: Mapped[dt.datetime | None]
    handover_error: Mapped[str | None]
    """A sentence for a person: why the last try did not do, and what to do."""
    handover_fault: Mapped[str | None]
    """The same as a word: one of `outgoing.placing.Failing`."""
    handover_place: Mapped[str | None]
    """Where it was put, in words; no secret."""
    handover_sent_at: Mapped[dt.datetime | None]
    """When the step was begun after which others can see it there; None once it is known what came of it."""
    receipts_sha256: Mapped[str | None]
    """Of the ZIP of its vouchers' receipts, which is made anew whenever it is asked for; None until the first time."""
    receipts_size: Mapped[int | None] = mapped_column(BigInteger)
    """Bytes of that ZIP; 0 where there are no receipts."""
    receipts_there_at: Mapped[dt.datetime | None]
    """When the ZIP was put beside it."""
    fetched_at: Mapped[dt.datetime | None]
    """When a person downloaded it last."""


class Voucher(Base):
    """One voucher. At most one a key, and at most one that takes it back: a second booking is refused by constraint."""

    __tablename__ = "vouchers"
    __table_args__ = (
        of_same_company("book_id", "voucher_books"),
        of_same_company("file_id", "voucher_files"),
        ForeignKeyConstraint(
            ["reverses", "connection_id"], ["vouchers.id", "vouchers.connection_id"], ondelete="CASCADE"
        ),
        UniqueConstraint("id", "connection_id"),
        UniqueConstraint("book_id", "series", "year", "number"),
        UniqueConstraint("book_id", "accounting_entry_id", "revision", "takes_back"),
        UniqueConstraint("reverses"),
        Index(None, "book_id", "date"),
        Index("ix_vouchers_waiting", "book_id", "recorded_at", postgresql_where=text("file_id is null")),
        Index(None, "file_id"),
        Index(None, "connection_id", "accounting_entry_id"),
        CheckConstraint("number > 0", name="number_counts_from_one"),
        CheckConstraint("total > 0", name="total_positive"),
        CheckConstraint("takes_back = (reverses is not null)", name="takes_back_one"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    connection_id: Mapped[uuid.UUID] = owner()
    book_id: Mapped[uuid.UUID]
    series: Mapped[str]
    year: Mapped[str]
    """First day of the fiscal year it is numbered in."""
    number: Mapped[int]
    company_id: Mapped[str]
    """Pleo's, as part of the key."""
    accounting_entry_id: Mapped[str]
    revision: Mapped[int]
    takes_back: Mapped[bool]
    """Whether it is the counter-voucher of the one with this key."""
    reverses: Mapped[uuid.UUID | None]
    """The voucher it takes back."""
    date: Mapped[dt.date]
    total: Mapped[Decimal] = mapped_column(Numeric)
    """Sum of the debits."""
    body: Mapped[dict[str, Any]]
    """What a file needs of it besides, as the adapter wrote it; empty once it was forgotten after a connection
    ended."""
    digest: Mapped[str]
    """SHA-256 of key, series, date, total and body."""
    recorded_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    file_id: Mapped[uuid.UUID | None]
    """The file it went into; None while it waits."""


class VoucherReceipt(Base):
    """A file kept with a voucher; its bytes are in pieces of their own."""

    __tablename__ = "voucher_receipts"
    __table_args__ = (
        of_same_company("voucher_id", "vouchers"),
        UniqueConstraint("voucher_id", "name"),
        Index(None, "connection_id"),
    )

    voucher_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    """0 for the first."""
    connection_id: Mapped[uuid.UUID] = owner()
    name: Mapped[str]
    type: Mapped[str]
    """MIME type."""
    size: Mapped[int] = mapped_column(BigInteger)
    """Bytes."""
    sha256: Mapped[str]


class VoucherPiece(Base):
    """Some of the bytes of a receipt, so that one of 30 MB passes without ever being whole in memory."""

    __tablename__ = "voucher_pieces"
    __table_args__ = (
        ForeignKeyConstraint(
            ["voucher_id", "position"], ["voucher_receipts.voucher_id", "voucher_receipts.position"], ondelete="CASCADE"
        ),
        Index(None, "connection_id"),
    )

    voucher_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    """Of the receipt."""
    piece: Mapped[int] = mapped_column(primary_key=True)
    """0 for the first."""
    connection_id: Mapped[uuid.UUID] = owner()
    content: Mapped[bytes]
