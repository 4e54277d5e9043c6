"""Builds export items whose bookkeeping arithmetic holds, out of lines described in minor units.

``inclusive``: the net amount contains the tax and is the line amount. ``exclusive``: the line amount is net plus tax.
``reverse``: the line amount is the net amount; the tax is no cash. The item's amount is the sum of its lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from pleo_sandbox.core.employees import PEOPLE, employee_id
from pleo_sandbox.core.entries import CONTRA_TYPES, StoredFile
from pleo_sandbox.core.words import lasting_id, new_id
from pleo_sandbox.seeds.chart import Chart

Json = dict[str, Any]

RATES = {"standard": 0.25, "exempt": 0.0, "reverse": 0.25}


@dataclass(frozen=True)
class Frame:
    """What a seed is built against: codes, the company's id and wallet currency, and today (UTC).

    Seeds of one ``batch`` know of each other: an invoice and its payment, an expense and its reimbursement.
    """

    chart: Chart
    company_id: str
    currency: str
    today: date
    batch: str = ""

    def day(self, days_ago: int = 2) -> date:
        """A recent day that still lies in the current month, whose period is open."""
        return max(self.today.replace(day=1), self.today - timedelta(days=days_ago))

    def foreign(self, wish: str) -> str:
        """``wish`` as supplier currency, or another one where the wallet itself is in it."""
        return wish if wish != self.currency else "SEK"


@dataclass(frozen=True)
class Tax:
    """Tax of one line: published type, name of the code in the chart, amount in minor units of both currencies."""

    type: str
    amount: int
    code: str = "standard"
    supplier_amount: int | None = None
    accounts: bool = False
    rate: float | None = None


@dataclass(frozen=True)
class Line:
    """One line: net amount in minor units (wallet, and supplier where it differs), account name, tax, tags.

    Tags are pairs of a dimension name and the position of its value.
    """

    net: int
    account: str | None = "expense"
    tax: Tax | None = None
    tags: tuple[tuple[str, int], ...] = (("cost_centre", 0), ("project", 0))
    supplier_net: int | None = None

    def total(self) -> tuple[int, int]:
        """Line amount in wallet and supplier currency."""
        supplier = self.net if self.supplier_net is None else self.supplier_net
        if self.tax is None or self.tax.type != "exclusive":
            return self.net, supplier
        tax = self.tax
        return self.net + tax.amount, supplier + (tax.amount if tax.supplier_amount is None else tax.supplier_amount)


@dataclass(frozen=True)
class Draft:
    """An export item without ``files``, and the receipts that will be linked there (``None`` for a null list).

    ``wants_vendor`` asks for one of the company's vendors; it is put in when the item is exported.
    """

    payload: Json
    files: tuple[StoredFile, ...] | None = None
    wants_vendor: bool = False

    def changed(self, **members: Any) -> Draft:
        """The same item with members replaced."""
        return replace(self, payload={**self.payload, **members})


def item(
    frame: Frame,
    kind: str,
    lines: Sequence[Line],
    *,
    sub_type: str | None = None,
    supplier: str | None = "Nordic Supplies A/S",
    person: int | None = 0,
    note: str | None = None,
    files: tuple[StoredFile, ...] | None = (),
    method: str = "journal",
    supplier_currency: str | None = None,
    days_ago: int = 2,
    attendees: list[str | None] | None = None,
    reconciled: list[str | None] | None = None,
    service_period: tuple[date, date] | None = None,
    invoice: Json | None = None,
    reconciliation_id: str | None = None,
) -> Draft:
    """One export item. ``person`` picks a spender, ``None`` leaves user and team null."""
    currencies = (frame.currency, supplier_currency or frame.currency)
    totals = [line.total() for line in lines]
    amount = _pair(currencies, sum(wallet for wallet, _ in totals), sum(foreign for _, foreign in totals))
    payload: Json = {
        "accountingEntryId": new_id(),
        "accountingEntryLines": [_line(frame, line, currencies) for line in lines],
        "additionalInformation": {
            "attendees": attendees,
            "invoiceInformation": invoice,
            "reconciledEntries": reconciled,
            "reconciliationId": reconciliation_id or new_id(),
        },
        "amount": amount,
        "bookkeeping": {"method": method},
        "companyId": frame.company_id,
        "contraAccount": _account(frame, "wallet") if kind in CONTRA_TYPES else None,
        "date": moment(frame.day(days_ago), 10, 15),
        "note": note,
        "servicePeriod": _period(service_period),
        "subType": sub_type,
        "supplier": _supplier(supplier),
        "team": None if person is None else _team(person),
        "type": kind,
        "user": None if person is None else _user(frame, person),
        "vendor": None,
        "files": None,
    }
    return Draft(payload, files)


def moment(day: date, hour: int, minute: int) -> str:
    """A UTC moment in the published mask."""
    return datetime.combine(day, time(hour, minute)).strftime("%Y-%m-%dT%H:%M:%SZ")


def invoice_block(frame: Frame, number: str, status: str = "paid") -> Json:
    """``invoiceInformation`` of an invoice dated five days ago and due in a month."""
    day = frame.day(5)
    return {
        "invoiceNumber": number,
        "invoiceDate": moment(day, 0, 0),
        "dueDate": moment(day + timedelta(days=30), 0, 0),
        "paymentDate": moment(frame.day(1), 0, 0) if status == "paid" else None,
        "status": status,
        "supplierBankAccount": {
            "accountNumber": None,
            "bankCode": None,
            "bankName": "Danske Bank",
            "bic": "DABADKKK",
            "country": "DK",
            "iban": "DK5000400440116243",
        },
    }


def _line(frame: Frame, line: Line, currencies: tuple[str, str]) -> Json:
    supplier = line.net if line.supplier_net is None else line.supplier_net
    return {
        "accountingEntryLineId": new_id(),
        "account": None if line.account is None else _account(frame, line.account),
        "lineAmount": _pair(currencies, *line.total()),
        "netAmount": _pair(currencies, line.net, supplier),
        "tags": [_tag(frame, name, position) for name, position in line.tags] or None,
        "tax": None if line.tax is None else _tax(frame, line.tax, currencies),
    }


def _tax(frame: Frame, tax: Tax, currencies: tuple[str, str]) -> Json:
    supplier = tax.amount if tax.supplier_amount is None else tax.supplier_amount
    built: Json = {
        "id": lasting_id(frame.company_id, "tax", tax.code),
        "code": frame.chart.tax_codes[tax.code],
        "type": tax.type,
        "rate": RATES[tax.code] if tax.rate is None else tax.rate,
        "amount": _pair(currencies, tax.amount, supplier),
    }
    if tax.accounts:
        built["ingoingTaxAccount"] = frame.chart.account("input_tax")
        if tax.type == "reverse":
            built["outgoingTaxAccount"] = frame.chart.account("output_tax")
    return built


def _pair(currencies: tuple[str, str], wallet: int, supplier: int) -> Json:
    return {
        "inSupplierCurrency": {"currency": currencies[1], "value": supplier},
        "inWalletCurrency": {"currency": currencies[0], "value": wallet},
    }


def _account(frame: Frame, name: str) -> Json:
    words = name.replace("_", " ").capitalize()
    account_id = lasting_id(frame.company_id, "account", name)
    return {"id": account_id, "name": words, "code": frame.chart.account(name), "identifier": None}


def _tag(frame: Frame, name: str, position: int) -> Json:
    group, values = frame.chart.dimensions[name]
    code = values[position % len(values)]
    return {"id": lasting_id(frame.company_id, group, code), "code": code, "groupCode": group}


def _user(frame: Frame, person: int) -> Json:
    name, code, _, _ = PEOPLE[person % len(PEOPLE)]
    return {"id": employee_id(frame.company_id, code), "name": name, "code": code}


def _team(person: int) -> Json:
    _, _, name, code = PEOPLE[person % len(PEOPLE)]
    return {"id": lasting_id("team", code), "name": name, "code": code}


def _supplier(name: str | None) -> Json | None:
    if name is None:
        return None
    return {
        "name": name,
        "country": "DK",
        "categoryCode": "5734",
        "code": None,
        "account": None,
        "taxIdentifier": "DK12345674",
    }


def _period(period: tuple[date, date] | None) -> Json | None:
    if period is None:
        return None
    return {"from": moment(period[0], 0, 0), "to": moment(period[1], 23, 59)}
