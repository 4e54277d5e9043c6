"""What a bookkeeper reads on an entry and its lines (EXP-MAP-04 to -07).

All of it comes from people and suppliers, so it is cleaned first: one line, no control characters, and nothing that
looks like the key an adapter appends to find its entries again.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable

from ledgerbridge.bookkeeping.amounts import spelled
from ledgerbridge.bookkeeping.words import ExportItem, InvoiceInformation

SEPARATOR = " · "
LINE_LENGTH = 120
"""Longest text of a line."""
_SUPPLIER, _USER, _NOTE = 100, 80, 300
_REFERENCE = 100
"""Longest single reference; Pleo asks for at least 50 characters (EXP-MAP-04)."""
_INVOICE_NUMBER = 50
_ABOUT_INVOICES = frozenset({"invoice", "invoice_payment", "card_invoice"})
_RECONCILED = 800
"""All references of the expenses a reimbursement settles (EXP-MAP-05)."""
_ATTENDEES = 400
"""All attendees; Pleo asks for at least 100 characters (EXP-MAP-06)."""

_FORGED_KEY = re.compile(r"\[(?=\s*pleo\s*:)", re.IGNORECASE)
_SPACED = frozenset({"Cc", "Zl", "Zp"})
_DROPPED = frozenset({"Cf", "Cs", "Co"})


class _Kept(dict[int, int | str | None]):
    """What stands for a character, worked out once for each that occurs."""

    def __missing__(self, code: int) -> int | str | None:
        category = unicodedata.category(chr(code))
        self[code] = " " if category in _SPACED else None if category in _DROPPED else code
        return self[code]


_KEPT = _Kept()


def clean(text: str) -> str:
    """Text on one line, without control or direction marks, that cannot be taken for an adapter's `[PLEO:...]` key."""
    if text.isprintable():  # then nothing in it is of any such category
        line = " ".join(text.split())
        return _FORGED_KEY.sub("(", line) if "[" in line else line
    return _FORGED_KEY.sub("(", " ".join(text.translate(_KEPT).split()))


def shortened(text: str, length: int) -> str:
    """The text if it fits, else its beginning and an ellipsis."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def initials(name: str) -> str:
    """`Anna Maria Holm` as `A.M.H.`"""
    return "".join(f"{word[0]}." for word in name.split())


def headline(item: ExportItem, length: int) -> str:
    """Supplier, employee and note within `length`: the employee shrinks to initials first, then the end is cut."""
    supplier, user, note = _who(item)
    full = _joined([supplier, user, note])
    if len(full) <= length:
        return full
    return shortened(_joined([supplier, initials(user), note]), length)


def entry_description(item: ExportItem, original: dt.date, posted: dt.date) -> str:
    """The text of the whole entry: who and what, then every reference that helps to find it again.

    `original` is named only where the entry was moved to another day (EXP-PERIOD-09).
    """
    supplier, user, note = _who(item)
    facts = [
        shortened(supplier, _SUPPLIER),
        shortened(user, _USER),
        shortened(note, _NOTE),
        _labelled("Ref", clean(item.reconciliation_id), _REFERENCE),
        _labelled("Settles", _listed(item.reconciled_entries, _RECONCILED), _RECONCILED),
        _labelled("Invoice", _invoice(item), _REFERENCE),
        _labelled("Attendees", _listed(item.attendees, _ATTENDEES), _ATTENDEES),
        _labelled("Service period", _period(item), _REFERENCE),
        _labelled("Paid", _supplier_amount(item), _REFERENCE),
        _labelled("Expense date", original.isoformat() if original != posted else "", _REFERENCE),
    ]
    return _joined(facts)


def invoice_of(item: ExportItem) -> InvoiceInformation | None:
    """The invoice an item is about; what other items carry is not looked at (EXP-MAP-10)."""
    return item.invoice if item.type in _ABOUT_INVOICES else None


def _who(item: ExportItem) -> tuple[str, str, str]:
    """Supplier, employee, note; a vendor chosen in Pleo is named beside a supplier of another name.

    Money moved between own accounts often has none of the three: then its type stands first.
    """
    supplier = clean(item.supplier.name or "") if item.supplier else ""
    vendor = clean(item.vendor.name) if item.vendor else ""
    if vendor and vendor.casefold() != supplier.casefold():
        supplier = f"{supplier} ({vendor})" if supplier else vendor
    user, note = clean(item.user.name) if item.user else "", clean(item.note or "")
    return supplier or ("" if user or note else clean(item.type.replace("_", " ").capitalize())), user, note


def _listed(texts: Iterable[str], length: int) -> str:
    """As many whole texts as fit, and how many more there are."""
    cleaned = [text for text in (clean(text) for text in texts) if text]
    shown: list[str] = []
    for text in cleaned:
        if len(", ".join([*shown, text])) > length - 20 and shown:
            return f"{', '.join(shown)} and {len(cleaned) - len(shown)} more"
        shown.append(text)
    return ", ".join(shown)


def _invoice(item: ExportItem) -> str:
    """Number and days of the invoice, on items about one (EXP-MAP-10)."""
    invoice = invoice_of(item)
    if invoice is None:
        return ""
    due = f" due {invoice.due_date}" if invoice.due_date else ""
    paid = f" paid {invoice.payment_date}" if invoice.payment_date else ""
    return f"{shortened(clean(invoice.number), _INVOICE_NUMBER)} of {invoice.invoice_date}{due}{paid}"


def _period(item: ExportItem) -> str:
    return " to ".join(day.isoformat() for day in item.service_period) if item.service_period else ""


def _supplier_amount(item: ExportItem) -> str:
    """What the supplier was paid in its own currency, as information (EXP-FX-03)."""
    supplier = item.amount.supplier
    if supplier.currency in ("", "UNDEFINED", item.amount.wallet.currency):
        return ""
    return clean(spelled(supplier))


def _labelled(label: str, text: str, length: int) -> str:
    return f"{label} {shortened(text, length)}" if text else ""


def _joined(parts: Iterable[str]) -> str:
    return SEPARATOR.join(part for part in parts if part)
