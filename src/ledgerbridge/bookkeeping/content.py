"""What makes two exports of one accounting entry the same (EXP-IDEM-07)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ledgerbridge.bookkeeping.descriptions import invoice_of
from ledgerbridge.bookkeeping.method import Method
from ledgerbridge.bookkeeping.posting_table import EMPLOYEE_TYPES
from ledgerbridge.bookkeeping.words import Amount, ExportItem, ItemLine, PleoAccount

_written = json.JSONEncoder(sort_keys=True, ensure_ascii=True).encode
"""One spelling for equal contents. It is part of every digest in a database, and must stay as it is."""


def content_digest(item: ExportItem) -> str:
    """A stable hash of an item's bookkeeping content, 64 hexadecimal digits.

    In it: type, sub type, date, method, amounts, accounts, taxes, tags, vendor and invoice number, lines in any order;
    under accounts payable also the days of the invoice and the employee who is the vendor. Not in it: free text, other
    people, receipts and links, which may change without changing the books; nor our configuration, so that an entry
    booked under an older version is still recognised as the same.
    """
    content: dict[str, Any] = {
        "type": item.type,
        "sub_type": item.sub_type,
        "date": item.date.isoformat(),
        "method": item.method or "none",
        "amount": _amount(item.amount),
        "contra": _account(item.contra_account),
        "vendor": item.vendor.id if item.vendor else None,
        "invoice": item.invoice.number if item.invoice else None,
        "lines": _lines(item),
    }
    # What is not there stays out, so that an entry booked before these counted keeps its digest.
    if item.method == Method.ACCOUNTS_PAYABLE:
        content |= {name: value for name, value in _payable(item).items() if value}
    return hashlib.sha256(_written(content).encode()).hexdigest()


def _payable(item: ExportItem) -> dict[str, Any]:
    invoice = invoice_of(item)
    days = [str(day) for day in (invoice.invoice_date, invoice.due_date) if day] if invoice else None
    return {"invoice_days": days, "employee": item.user.id if item.user and item.type in EMPLOYEE_TYPES else None}


def _amount(amount: Amount) -> list[Any]:
    return [amount.wallet.minor, amount.wallet.currency, amount.supplier.minor, amount.supplier.currency]


def _account(account: PleoAccount | None) -> str | None:
    return (account.code or account.identifier or account.id) if account else None


def _lines(item: ExportItem) -> list[dict[str, Any]]:
    lines = [_line(line) for line in item.lines]
    return lines if len(lines) < 2 else sorted(lines, key=_written)


def _line(line: ItemLine) -> dict[str, Any]:
    tax = line.tax
    return {
        "account": _account(line.account),
        "amount": _amount(line.amount),
        "net": _amount(line.net),
        "tax": [tax.code or tax.id, tax.type, _amount(tax.amount)] if tax else None,
        "tags": sorted([tag.group_code.casefold(), tag.code.casefold()] for tag in line.tags),
    }
