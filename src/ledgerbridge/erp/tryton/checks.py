"""Judgements without calls: whether an entry may be sent at all, and whether what stands is what was wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from ledgerbridge.bookkeeping.payables import Bill, Document, payable
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import EntryLine, JournalEntry
from ledgerbridge.erp.tryton import documents, key
from ledgerbridge.erp.tryton.moves import Move, Placed


def as_sent(document: Document) -> Document:
    """The document as Tryton is to have it. Where nothing is owed for a bill, since its lines cancel each other out,
    what is left only moves between accounts."""
    if isinstance(document, Bill) and all(line.vendor is None for line in document.entry.lines):
        return document.entry
    return document


def unfit(entry: JournalEntry) -> Problem | None:
    """Why an entry must not be sent: a fault of ours that Tryton would not notice, or notice too late (EXP-BOOK-06).

    Tryton accepts negative amounts and empty lines, and sees an unbalanced entry only when it is posted.
    """
    found = [fault for line in entry.lines if (fault := _unfit_line(line))]
    credit = sum((line.credit for line in entry.lines), Decimal(0))
    if not entry.lines or not entry.total:
        found.append("nothing to book")
    if entry.total != credit:
        found.append(f"debits {entry.total} against credits {credit}")
    try:
        key.suffix(entry.key)
        int(entry.journal.id)
    except ValueError as error:
        found.append(str(error))
    return problem(Failure.UNEXPECTED, f"entry not sent to Tryton: {'; '.join(found)}") if found else None


def unfit_bill(bill: Bill) -> Problem | None:
    """Why a bill with at least one accounts payable line must not be sent, its payment included."""
    owed = {(line.account.id, line.vendor) for line in bill.entry.lines if line.vendor is not None}
    other = [line for line in bill.entry.lines if line.vendor is None]
    if len(owed) != 1 or {vendor for _, vendor in owed} != {bill.vendor.id} or not other:
        return problem(Failure.UNEXPECTED, f"bill not sent to Tryton: owed on {sorted(map(str, owed))}")
    if bill.payment is not None and (bill.payment.key != bill.key or payable(bill.payment) != -payable(bill.entry)):
        return problem(Failure.UNEXPECTED, "bill not sent to Tryton: its payment does not settle it")
    return unfit(bill.entry) or (unfit(bill.payment) if bill.payment is not None else None)


def _unfit_line(line: EntryLine) -> str | None:
    amounts = (line.debit, line.credit)
    if not all(amount.is_finite() and amount >= 0 for amount in amounts) or sum(map(bool, amounts)) != 1:
        return f"line on {line.account.code} with debit {line.debit} and credit {line.credit}"
    if any(amount != round(amount, 2) for amount in (*amounts, *(tax.amount for tax in line.taxes))):
        return f"line on {line.account.code} with fractions of a cent"
    if len({code for code, _ in line.dimensions}) != len(line.dimensions):
        return f"line on {line.account.code} with two values of one dimension"
    named = (line.account.id, *(tax.tax_id for tax in line.taxes), *([line.vendor] if line.vendor is not None else []))
    if not all(number.isascii() and number.isdigit() for number in named):
        return f"line on {line.account.code} with an id that is not Tryton's"
    return None


def differs(move: Move, entry: JournalEntry, placed: Sequence[Placed]) -> str | None:
    """How a draft differs from the entry that was sent; None when it is the same."""
    if len(move.lines) != len(entry.lines):
        return f"{len(move.lines)} lines instead of {len(entry.lines)}"
    if move.total != entry.total:
        return f"total {move.total} instead of {entry.total}"
    if move.per_account() != _per_account(entry):
        return "amounts on other accounts"
    asked = Counter(account for line in placed for account in line.dimensions)
    if asked - Counter(account for line in move.lines for account in line.dimensions):
        return "dimensions missing"
    return None


def _per_account(entry: JournalEntry) -> dict[int, Decimal]:
    net: dict[int, Decimal] = {}
    for line in entry.lines:
        account = int(line.account.id)
        net[account] = net.get(account, Decimal(0)) + line.debit - line.credit
    return {account: amount for account, amount in net.items() if amount}


def is_stray(extra: documents.Document, kept: documents.Document) -> bool:
    """Whether a further entry under the key is a draft of ours that a lost reply or another writer left.

    A bookkeeper who copies an entry copies its key; such a draft has another maker and is none of our business.
    """
    return not extra.posted and not extra.touched and extra.created_by == kept.created_by


def booked_twice(posted: Sequence[documents.Document]) -> Problem:
    """Never repaired by us: somebody must see which of the entries is right."""
    references = " and ".join(document.reference for document in posted)
    return problem(
        Failure.ERP_REFUSED,
        f"posted more than once: {[document.id for document in posted]}",
        message=f"it holds more than one posted entry for this expense, {references}. Reverse all but one of them.",
    )


def booked_without(name: str, detail: str, document: documents.Document) -> Problem:
    """A file refused for an entry that somebody has posted meanwhile, so that it can no longer be taken back."""
    return problem(
        Failure.RECEIPT_UPLOAD,
        detail,
        name=name,
        detail=f"the entry {document.reference} stands there without it",
    )
