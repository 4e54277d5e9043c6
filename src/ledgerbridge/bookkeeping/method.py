"""The bookkeeping method of one item: which workflow books it (EXP-BOOK-01)."""

from __future__ import annotations

from enum import StrEnum

from ledgerbridge.bookkeeping.posting_table import Posting
from ledgerbridge.bookkeeping.problem import Failed, Failure, failed
from ledgerbridge.bookkeeping.words import ExportItem


class Method(StrEnum):
    """A way of booking, under Pleo's name."""

    JOURNAL = "journal"
    """One journal entry."""
    ACCOUNTS_PAYABLE = "accounts_payable"
    """A bill or credit note, a payment, or both, on the account of a vendor."""


_JOURNALS = frozenset({"journal", "none", None})
"""`none` and an absent block are journals, too (EXP-BOOK-02, -03)."""


def resolve(item: ExportItem, posting: Posting, *, vendor_bills: bool) -> Method | Failed:
    """How to book the item. Money moved between own accounts is a journal entry in any case (EXP-BOOK-04).

    Without `vendor_bills` the ERP books none: such an item is refused, not downgraded, because a journal entry would
    leave the vendor's ledger without its invoice. What an employee owes is booked on the out-of-pocket account then.
    """
    payable = item.method == Method.ACCOUNTS_PAYABLE and vendor_bills and not posting.always_journal
    if payable:
        return Method.ACCOUNTS_PAYABLE
    if posting.always_journal or posting.own_debt or item.method in _JOURNALS:
        return Method.JOURNAL
    return failed(Failure.METHOD_NOT_SUPPORTED, method=item.method or "(none)")
