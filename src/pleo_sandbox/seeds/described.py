"""Export items out of a few plain words: amounts, codes, an invoice, a spender, for tests that tell a story.

Codes are those of the ERP, not names of the seeds' chart; amounts are minor units.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pleo_sandbox.core.employees import Employee
from pleo_sandbox.seeds.build import Draft, Frame, Json, Line, Tax, item, moment


@dataclass(frozen=True)
class DescribedLine:
    """One line: net amount, account code, tags as group code to tag code, and tax by type, amount, code and rate."""

    net: int
    account: str
    tags: Mapping[str, str]
    tax_type: str | None = None
    tax_amount: int = 0
    tax_code: str = ""
    tax_rate: float = 0.25
    supplier_net: int | None = None
    supplier_tax: int | None = None


@dataclass(frozen=True)
class DescribedInvoice:
    """An invoice: number, date, due and payment date."""

    number: str
    date: dt.date
    due: dt.date | None = None
    paid: dt.date | None = None
    status: str = "paid"


@dataclass(frozen=True)
class Described:
    """One item. ``user`` is a name and a number; ``vendor`` is a block given whole, ``vendor_id`` one of Pleo's."""

    type: str
    lines: tuple[DescribedLine, ...]
    sub_type: str | None = None
    method: str | None = "accounts_payable"
    vendor_id: str | None = None
    vendor: Json | None = None
    supplier: Json | None = None
    supplier_currency: str | None = None
    invoice: DescribedInvoice | None = None
    user: tuple[str, str | None] | None = None
    reconciled: tuple[str, ...] | None = None
    reconciliation_id: str | None = None
    date: dt.date | None = None
    note: str | None = None
    expected_failure: str | None = None


def build(frame: Frame, described: Described, spender: Employee | None) -> Draft:
    """The export item that was described."""
    drafted = item(
        _with_codes(frame, described),
        described.type,
        [_line(line) for line in described.lines],
        sub_type=described.sub_type,
        supplier=None,
        person=None,
        note=described.note,
        method=described.method or "none",
        supplier_currency=described.supplier_currency,
        reconciled=None if described.reconciled is None else list(described.reconciled),
        invoice=None if described.invoice is None else _invoice(described.invoice),
        reconciliation_id=described.reconciliation_id,
    )
    user = None if spender is None else {"id": spender.id, "name": spender.name, "code": spender.code}
    day = described.date or frame.day()
    return drafted.changed(
        bookkeeping=None if described.method is None else {"method": described.method},
        date=moment(day, 10, 15),
        supplier=described.supplier,
        user=user,
        vendor=described.vendor,
    )


def _line(line: DescribedLine) -> Line:
    tax = None
    if line.tax_type is not None:
        tax = Tax(line.tax_type, line.tax_amount, line.tax_code, line.supplier_tax, rate=line.tax_rate)
    tags = tuple((f"{group}/{code}", 0) for group, code in line.tags.items())
    return Line(line.net, line.account, tax, tags, line.supplier_net)


def _with_codes(frame: Frame, described: Described) -> Frame:
    """A frame whose chart knows the codes of the lines by themselves."""
    accounts = {line.account: line.account for line in described.lines}
    tax_codes = {line.tax_code: line.tax_code for line in described.lines}
    tags = {f"{group}/{code}": (group, (code,)) for line in described.lines for group, code in line.tags.items()}
    chart = replace(
        frame.chart,
        accounts={**frame.chart.accounts, **accounts},
        tax_codes={**frame.chart.tax_codes, **tax_codes},
        dimensions={**frame.chart.dimensions, **tags},
    )
    return replace(frame, chart=chart)


def _invoice(invoice: DescribedInvoice) -> Json:
    due = invoice.due or invoice.date + dt.timedelta(days=30)
    block: dict[str, Any] = {
        "invoiceNumber": invoice.number,
        "invoiceDate": moment(invoice.date, 0, 0),
        "dueDate": moment(due, 0, 0),
        "paymentDate": None if invoice.paid is None else moment(invoice.paid, 0, 0),
        "status": invoice.status,
        "supplierBankAccount": None,
    }
    return block
