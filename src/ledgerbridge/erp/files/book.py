"""The book of vouchers: what a target that takes files has instead of an ERP that answers.

A voucher is a journal entry that was given a number of our own and kept for good, in one transaction. From then on its
item is booked: the file it goes into is made of vouchers alone, and can be made again byte for byte. So nothing here
has an unknown outcome: a key that is in the book is booked, one that is not is not.

The service keeps the book (`connections.voucher_book`); adapters see this protocol.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from ledgerbridge.bookkeeping.words import PostingKey
from ledgerbridge.erp.port import Attachment


@dataclass(frozen=True, slots=True)
class NewVoucher:
    """A voucher to be recorded."""

    key: PostingKey
    series: str
    year: str
    """The fiscal year it is numbered in, as its first day (`2026-01-01`): every series begins at 1 in each."""
    date: dt.date
    total: Decimal
    """Sum of the debits, which equals the sum of the credits; positive."""
    body: Mapping[str, Any]
    """All that a file needs of it: description, lines with account, debit, credit, text and dimensions. Only JSON."""
    attachments: Sequence[Attachment] = ()
    reverses: str | None = None
    """Id of the voucher that this one takes back; its key is that one's."""


def digest_of(wanted: NewVoucher) -> str:
    """What tells a voucher from another with the same key: SHA-256 of key, series, date, total and body."""
    told = {
        "key": [wanted.key.company_id, wanted.key.accounting_entry_id, wanted.key.revision],
        "series": wanted.series,
        "date": wanted.date.isoformat(),
        "total": f"{wanted.total:.2f}",
        "body": wanted.body,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Receipt:
    """A file kept with a voucher."""

    name: str
    type: str
    size: int
    """Bytes."""
    sha256: str


@dataclass(frozen=True, slots=True)
class Voucher:
    """A recorded voucher; never changed and never deleted."""

    id: str
    series: str
    year: str
    number: int
    """1 for the first of its series and year; no gaps, never used again."""
    key: PostingKey
    date: dt.date
    total: Decimal
    body: Mapping[str, Any]
    digest: str
    """SHA-256 of key, series, date, total and body, without the number."""
    recorded_at: dt.datetime
    """UTC."""
    receipts: Sequence[Receipt] = ()
    reverses: str | None = None
    reversed_by: str | None = None
    """Id of the voucher that takes it back."""
    file: str | None = None
    """Name of the file it went into; None until that is closed."""
    already_there: bool = False
    """True when this call found it instead of recording it."""


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A closed file: what is delivered, and can be fetched again for as long as it is kept."""

    id: str
    name: str
    sha256: str
    vouchers: int
    debit: Decimal
    """Sum of the debits of its vouchers."""


class KeyTaken(Exception):
    """The key is in the book with other content; nothing was recorded. Holds the voucher that stands there."""

    def __init__(self, standing: Voucher) -> None:
        super().__init__(f"{standing.series}{standing.number}")
        self.standing = standing


MOST_WAITING = 5_000
"""Vouchers that `waiting` answers at once, for the sake of memory."""


class VoucherBook(Protocol):
    """The book of one ERP company of one connection. Every method is one transaction; a failure has done nothing.

    Raises `ErpError` (transient) when the database is away.
    """

    async def record(self, wanted: Sequence[NewVoucher]) -> Sequence[Voucher | KeyTaken]:
        """Give each the next number of its series and keep it with its receipts; in their order, all or none.

        A key (or the taking back of one) that stands there with the same digest is answered as it is, with
        `already_there`, also where it is taken back meanwhile; one with another digest is `KeyTaken`, and costs the
        others nothing. So is a key whose accounting entry stands under another revision that nothing takes back,
        or is recorded under one by this call.
        """
        ...

    async def find(self, accounting_entry_id: str, company_id: str) -> Sequence[Voucher]:
        """All vouchers of a Pleo accounting entry, any revision, those that take others back included."""
        ...

    async def get(self, voucher_id: str) -> Voucher | None:
        """One voucher; None when it is not in this book."""
        ...

    async def between(self, first: dt.date, last: dt.date, company_id: str) -> Sequence[Voucher]:
        """All vouchers with a date from `first` to `last`, inclusive."""
        ...

    async def waiting(self) -> Sequence[Voucher]:
        """Vouchers in no file yet, by year, series and number; at most `MOST_WAITING`, those recorded first. Once
        these are closed, ask again."""
        ...

    async def close(self, name: str, content: bytes, vouchers: Sequence[str]) -> MadeFile:
        """Keep a file made of these waiting vouchers; they are in it from then on, and its delivery is queued.

        Closing again with the same vouchers answers the file that stands. A voucher that went into another file in the
        meantime: ValueError, nothing is kept.
        """
        ...

    def receipt(self, voucher_id: str, name: str) -> AsyncIterator[bytes]:
        """The bytes of a receipt, in pieces."""
        ...
