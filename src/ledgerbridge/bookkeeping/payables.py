"""The nouns of accounts payable: what is owed to a vendor, and what settles it (EXP-AP)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.bookkeeping.words import JournalEntry, PostingKey


@dataclass(frozen=True, slots=True)
class Bill:
    """A vendor bill or credit note: a balanced entry that the ERP books as its own invoice object (EXP-AP-05).

    `entry` is that entry in full: the lines of the expense with their VAT on one side, one accounts payable line that
    names the vendor on the other. VAT is as on the receipt; the ERP must keep the amounts (EXP-TAX-08).
    """

    entry: JournalEntry
    vendor: ErpVendor
    credit_note: bool = False
    """The inverse of an invoice, for refunds and chargebacks (EXP-AP-06)."""
    number: str | None = None
    """The vendor's own invoice number."""
    invoice_date: dt.date | None = None
    """Date on the document; the entry's date where the item brings none."""
    due_date: dt.date | None = None
    payment: JournalEntry | None = None
    """The settlement from the same item, booked and matched at once (EXP-AP-10); it carries the same key."""

    @property
    def key(self) -> PostingKey:
        return self.entry.key

    @property
    def currency(self) -> str:
        return self.entry.currency

    @property
    def total(self) -> Decimal:
        """What is owed, VAT included, in the company's currency: the payable line, without VAT booked both ways."""
        return abs(payable(self.entry))


Document = JournalEntry | Bill
"""What an item becomes in the books. A payment is a journal entry whose payable line names the vendor."""


def payable(entry: JournalEntry) -> Decimal:
    """What an entry puts on the accounts of vendors, debit minus credit."""
    return sum((line.debit - line.credit for line in entry.lines if line.vendor is not None), Decimal(0))


class Side(StrEnum):
    """Which half of accounts payable a document is."""

    BILL = "bill"
    CREDIT_NOTE = "credit_note"
    PAYMENT = "payment"
    RETURNED = "returned"
    """A payment that came back, so that what it had settled is owed again; or money an employee pays back."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a document leaves open on the account of a vendor, and by what its counterpart is known (EXP-AP-04)."""

    entry: str
    """`accountingEntryId` of the item: names the claim."""
    side: Side
    vendor_id: str
    """ERP id of the vendor, or of the employee as vendor."""
    amount: Decimal
    """What is owed or paid in `currency`, positive."""
    currency: str
    reconciliation_id: str
    """Pleo's reference of the item, by which a reimbursement names what it pays."""
    number: str | None = None
    """Invoice number, where the item is about an invoice."""
    settles: tuple[str, ...] = ()
    """Reconciliation ids of the items it settles, as Pleo sent them."""
    settled: bool = False
    """Nothing is left open: its own payment came with it, or its counterpart was found."""

    @property
    def balance(self) -> Decimal:
        """The amount as debit minus credit on the vendor's account."""
        return self.amount if self.side in (Side.PAYMENT, Side.CREDIT_NOTE) else -self.amount
