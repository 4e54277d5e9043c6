"""Whether a journal entry may be sent to any ERP at all: faults of ours, found without a call (EXP-BOOK-06)."""

from __future__ import annotations

from decimal import Decimal

from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import EntryLine, JournalEntry


def unsound(entry: JournalEntry) -> Problem | None:
    """Why an entry must not be sent: empty, unbalanced, or with amounts that are none; None when it may be."""
    found = [fault for line in entry.lines if (fault := _of_line(line))]
    if not found:
        credit = sum((line.credit for line in entry.lines), Decimal(0))
        if not entry.total:
            found.append("nothing to book")
        if entry.total != credit:
            found.append(f"debits {entry.total} against credits {credit}")
    return problem(Failure.UNEXPECTED, f"entry not sent: {'; '.join(found)}") if found else None


def _of_line(line: EntryLine) -> str | None:
    amounts = (line.debit, line.credit)
    if not all(amount.is_finite() and amount >= 0 for amount in amounts) or sum(map(bool, amounts)) != 1:
        return f"line on {line.account.code} with debit {line.debit} and credit {line.credit}"
    if any(amount != round(amount, 2) for amount in (*amounts, *(tax.amount for tax in line.taxes))):
        return f"line on {line.account.code} with fractions of a cent"
    if len({code for code, _ in line.dimensions}) != len(line.dimensions):
        return f"line on {line.account.code} with two values of one dimension"
    return None
