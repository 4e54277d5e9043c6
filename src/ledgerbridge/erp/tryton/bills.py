"""Vendor bills and credit notes as Tryton keeps them: `account.invoice` with its lines and taxes, read and written.

A bill is in the company's currency, whatever the supplier's, and its VAT is what the receipt says: Tryton must convert
nothing and compute nothing (EXP-TAX-08, EXP-FX-04). What it made of the draft is compared before anything is posted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ledgerbridge.erp.tryton.errors import CallFailed, Outcome
from ledgerbridge.erp.tryton.moves import OpenLine, open_line, touched
from ledgerbridge.erp.tryton.wire import Record

MODEL = "account.invoice"
MODULE = "account_invoice"
"""The module of Tryton that has the model."""
LINE = "account.invoice.line"
_FIELDS = (
    "state",
    "number",
    "reference",
    "description",
    "party",
    "account",
    "total_amount",
    "create_date",
    "create_uid",
    "write_date",
    "lines.account",
    "lines.amount",
    "lines.taxes",
    "lines.origin",
    "lines.create_date",
    "lines.write_date",
    "taxes.account",
    "taxes.tax",
    "taxes.amount",
    "taxes.create_date",
    "taxes.write_date",
    "lines_to_pay.account",
    "lines_to_pay.party",
    "lines_to_pay.debit",
    "lines_to_pay.credit",
    "lines_to_pay.reconciliation",
    "payment_lines.reconciliation",
)


def fields(*, analytic: bool) -> tuple[str, ...]:
    """The fields a `VendorBill` is read from; a Tryton without dimensions on bills does not know the last one."""
    return (*_FIELDS, "lines.analytic_accounts.account") if analytic else _FIELDS


@dataclass(frozen=True, slots=True)
class BillLine:
    account: int
    amount: Decimal
    """Debit less credit."""
    taxes: frozenset[int]
    """The taxes chosen, which Tryton computes bases of."""
    dimensions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BillTax:
    account: int
    tax: int | None
    amount: Decimal
    """Debit less credit."""


@dataclass(frozen=True, slots=True)
class VendorBill:
    """One `account.invoice` of a supplier; a credit note has negative amounts."""

    id: int
    posted: bool
    """Posted or paid."""
    cancelled: bool
    number: str | None
    """Tryton's own number; a bill has one as soon as it is validated."""
    reference_number: str
    """The supplier's number, as people search it."""
    description: str
    party: int
    account: int
    """The accounts payable account."""
    total: Decimal
    """What is owed, VAT included; negative on a credit note."""
    created_at: dt.datetime
    created_by: int | None
    touched: bool
    lines: tuple[BillLine, ...]
    taxes: tuple[BillTax, ...]
    payable: tuple[OpenLine, ...]
    """Its lines on the accounts payable account; none before it is posted."""
    takes_back: bool
    """Made by a person from another bill, to take that one back: its lines name that one's."""
    noted: frozenset[int]
    """Lines of payments noted on the bill that stand in no match: they lower what is due (`noting`)."""

    @property
    def reference(self) -> str:
        """What a bookkeeper finds it by."""
        return self.number or f"draft bill {self.id}"


def parse(record: Record) -> VendorBill:
    """Raises `CallFailed` when the record is not a bill as asked for."""
    try:
        return VendorBill(
            id=record["id"],
            posted=record["state"] in ("posted", "paid"),
            cancelled=record["state"] == "cancelled",
            number=record["number"],
            reference_number=record["reference"] or "",
            description=record["description"] or "",
            party=record["party"],
            account=record["account"],
            total=record["total_amount"],
            created_at=record["create_date"],
            created_by=record["create_uid"],
            touched=any(map(touched, (record, *record["lines"], *record["taxes"]))),
            lines=tuple(map(_line, record["lines"])),
            taxes=tuple(BillTax(row["account"], row["tax"], row["amount"]) for row in record["taxes"]),
            payable=tuple(map(open_line, record["lines_to_pay"])),
            takes_back=any((row.get("origin") or "").startswith(f"{LINE},") for row in record["lines"]),
            noted=noted_lines(record),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise CallFailed(Outcome.FAULT, f"{MODEL} read", said=f"missing or odd field: {error!r}") from None


def noted_lines(record: Record) -> frozenset[int]:
    """Of `payment_lines.reconciliation` the lines that still lower what is due. Raises `KeyError` without it."""
    return frozenset(row["id"] for row in record["payment_lines"] if row["reconciliation"] is None)


def _line(row: Record) -> BillLine:
    chosen = (each["account"] for each in row.get("analytic_accounts") or ())
    # A bookkeeper may have added a line of text, which has no account.
    return BillLine(
        row["account"] or 0,
        row["amount"],
        frozenset(row["taxes"]),
        tuple(account for account in chosen if account is not None),
    )


@dataclass(frozen=True, slots=True)
class WantedLine:
    """A line of a bill to be made."""

    account: int
    amount: Decimal
    """Debit less credit; not zero."""
    text: str
    taxes: frozenset[int] = frozenset()
    dimensions: tuple[tuple[int, int], ...] = ()
    """Pairs of a dimension and its value, by Tryton's ids."""


@dataclass(frozen=True, slots=True)
class WantedTax:
    """VAT of a bill to be made; or an amount on an account that Tryton accepts no bill line on."""

    account: int
    tax: int | None
    base: Decimal
    amount: Decimal
    text: str
    chosen: bool
    """Whether a line chose the tax, so that Tryton tells the VAT return of the base there."""


@dataclass(frozen=True, slots=True)
class WantedBill:
    """All that a bill in Tryton is made of, by Tryton's ids."""

    company: int
    currency: int
    journal: int
    party: int
    address: int
    account: int
    number: str
    """The supplier's number; empty when the item brings none."""
    description: str
    invoice_date: dt.date
    accounting_date: dt.date
    due_date: dt.date | None
    lines: Sequence[WantedLine]
    taxes: Sequence[WantedTax]

    @property
    def total(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal(0)) + sum(
            (tax.amount for tax in self.taxes), Decimal(0)
        )


def values(wanted: WantedBill) -> Record:
    """What is sent to create the bill as a draft."""
    sent: Record = {
        "company": wanted.company,
        "type": "in",
        "party": wanted.party,
        "invoice_address": wanted.address,
        "account": wanted.account,
        "journal": wanted.journal,
        "currency": wanted.currency,
        "description": wanted.description,
        "reference": wanted.number or None,
        "invoice_date": wanted.invoice_date,
        "accounting_date": wanted.accounting_date,
        "lines": [["create", [_line_values(line, wanted.currency) for line in wanted.lines]]],
        "taxes": [["create", [_tax_values(tax) for tax in wanted.taxes]]],
    }
    if wanted.due_date is not None:
        sent["payment_term_date"] = wanted.due_date
    return sent


def _line_values(line: WantedLine, currency: int) -> Record:
    sent: Record = {
        "type": "line",
        "account": line.account,
        # Tryton keeps quantities as floats and prices as decimals.
        "quantity": 1 if line.amount > 0 else -1,
        "unit_price": abs(line.amount),
        "currency": currency,
        "description": line.text,
    }
    if line.taxes:
        sent["taxes"] = [["add", sorted(line.taxes)]]
    if line.dimensions:
        sent["analytic_accounts"] = [
            ["create", [{"root": root, "account": account} for root, account in line.dimensions]]
        ]
    return sent


def _tax_values(tax: WantedTax) -> Record:
    return {
        "account": tax.account,
        "tax": tax.tax,
        "base": tax.base,
        "amount": tax.amount,
        "description": tax.text,
        # Tryton computes what is not manual anew, unless account, tax and base are what it would compute itself.
        "manual": not tax.chosen,
    }
