"""The bookkeeping method of one item: which workflow books it (EXP-BOOK-01)."""

from __future__ import annotations

from enum import StrEnum

from ledgerbridge.bookkeeping.posting_table import Posting
from ledgerbridge.bookkeeping.problem import Failed, Failure, failed
from ledgerbridge.bookkeeping.words import ExportItem


class Method(StrEnum):
    """A way of booking, under Pleo's name."""

    JOURNAL = "journal"


_JOURNALS = frozenset({"journal", "none", None})
"""`none` and an absent block are journals, too (EXP-BOOK-02, -03)."""


def resolve(item: ExportItem, posting: Posting) -> Method | Failed:
    """How to book the item. Money moved between own accounts is a journal entry in any case (EXP-BOOK-04).

    `accounts_payable` becomes a second `Method` beside the journal; until then such an item is refused, not downgraded,
    because a journal entry would leave the vendor's ledger without its invoice.
    """
    if posting.always_journal or item.method in _JOURNALS:
        return Method.JOURNAL
    return failed(Failure.METHOD_NOT_SUPPORTED, method=item.method or "(none)")
