"""The nouns of accounts payable: what is owed to a vendor, and what settles it (EXP-AP)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

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
