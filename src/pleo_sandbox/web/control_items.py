"""Bodies of the control API for export items told in a few words."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, Field

from pleo_sandbox.seeds.described import Described, DescribedInvoice, DescribedLine


class TaxBody(BaseModel, extra="forbid"):
    """Tax of a described line; ``amount`` in minor units."""

    type: Literal["inclusive", "exclusive", "reverse"]
    amount: int
    code: str
    rate: float = 0.25
    supplier_amount: int | None = None


class LineBody(BaseModel, extra="forbid"):
    """A described line: net amount in minor units, codes of the ERP, tags as group code to tag code."""

    net: int
    account: str
    tax: TaxBody | None = None
    tags: dict[str, str] = {}
    supplier_net: int | None = None


class InvoiceBody(BaseModel, extra="forbid"):
    """A described invoice."""

    number: str
    date: dt.date
    due: dt.date | None = None
    paid: dt.date | None = None
    status: str = "paid"


class UserBody(BaseModel, extra="forbid"):
    """A spender; made an employee of the company when nobody has the number."""

    name: str
    code: str | None = None


class ItemBody(BaseModel, extra="forbid"):
    """An export item in few words; see ``pleo_sandbox.seeds.described``. ``vendor`` is a block given whole."""

    type: str
    lines: list[LineBody] = Field(min_length=1)
    sub_type: str | None = None
    method: Literal["none", "journal", "accounts_payable"] | None = "accounts_payable"
    vendor_id: str | None = None
    vendor: dict[str, Any] | None = None
    supplier: dict[str, Any] | None = None
    supplier_currency: str | None = None
    invoice: InvoiceBody | None = None
    user: UserBody | None = None
    reconciled: list[str] | None = None
    reconciliation_id: str | None = None
    date: dt.date | None = None
    note: str | None = None
    expected_failure: str | None = None

    def described(self) -> Described:
        """The same in the words of the seeds."""
        members = self.model_dump(exclude={"lines", "invoice", "user", "reconciled"})
        return Described(
            **members,
            lines=tuple(_described_line(line) for line in self.lines),
            invoice=None if self.invoice is None else DescribedInvoice(**self.invoice.model_dump()),
            user=None if self.user is None else (self.user.name, self.user.code),
            reconciled=None if self.reconciled is None else tuple(self.reconciled),
        )


def _described_line(line: LineBody) -> DescribedLine:
    plain = DescribedLine(line.net, line.account, line.tags, supplier_net=line.supplier_net)
    if line.tax is None:
        return plain
    tax = line.tax
    return replace(
        plain,
        tax_type=tax.type,
        tax_amount=tax.amount,
        tax_code=tax.code,
        tax_rate=tax.rate,
        supplier_tax=tax.supplier_amount,
    )
