"""A small company's books and Pleo items to book in them. Plain builders: a test says only what matters to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.mapping import book
from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.bookkeeping.problem import Failure, Problem
from ledgerbridge.bookkeeping.vendors import VendorIndex
from ledgerbridge.bookkeeping.words import (
    Account,
    Accounts,
    Amount,
    Chart,
    Configuration,
    Dimension,
    ErpTax,
    ExportItem,
    ItemLine,
    Journal,
    JournalEntry,
    Money,
    NothingToPost,
    Period,
    Person,
    PleoAccount,
    PleoTag,
    PleoTax,
    Supplier,
    TaxComponent,
    Vendor,
)

TODAY = dt.date(2026, 11, 20)
DAY = dt.datetime(2026, 11, 5, 12, tzinfo=dt.UTC)

EXPENSE, OTHER_EXPENSE, BALANCE = "4010", "4020", "5900"
WALLET, CONTRA_WALLET, OUT_OF_POCKET, CONTRA, EXTERNAL, PAYABLE = "5820", "5821", "6810", "5840", "5850", "6800"
SUPPLIER_PAYABLE, PARTY_PAYABLE, CLOSED, TWIN = "6801", "6802", "9999", "7000"
VAT_IN, VAT_OUT, OTHER_VAT = "6730", "6740", "6735"

ACCOUNTS = (
    Account("a1", EXPENSE, "Travel", needs_dimensions=True),
    Account("a2", OTHER_EXPENSE, "Meals", needs_dimensions=True),
    Account("a3", BALANCE, "Prepaid"),
    Account("a4", WALLET, "Pleo wallet"),
    Account("a5", CONTRA_WALLET, "Pleo wallet DKK"),
    Account("a6", OUT_OF_POCKET, "Owed to employees"),
    Account("a7", CONTRA, "Bank transfers"),
    Account("a8", EXTERNAL, "Payroll clearing"),
    Account("a9", PAYABLE, "Payables"),
    Account("a10", SUPPLIER_PAYABLE, "Payables Acme"),
    Account("a11", PARTY_PAYABLE, "Payables by party", party_required=True),
    Account("a12", CLOSED, "Old account", active=False),
    Account("a13", TWIN, "Twin one"),
    Account("a14", TWIN, "Twin two"),
    Account("a15", VAT_IN, "Input VAT"),
    Account("a16", VAT_OUT, "Output VAT"),
    Account("a17", OTHER_VAT, "Input VAT abroad"),
)

TAXES = (
    ErpTax("t1", "I25", "Purchase VAT 25%", (TaxComponent("c1", Decimal("0.25"), VAT_IN),)),
    ErpTax("t2", "I0", "Exempt", (TaxComponent("c2", Decimal(0), None),)),
    ErpTax(
        "t3",
        "RC25",
        "Reverse charge 25%",
        (TaxComponent("c3", Decimal("0.25"), VAT_IN), TaxComponent("c4", Decimal("-0.25"), VAT_OUT)),
    ),
    ErpTax("t4", "OLD", "Retired", (TaxComponent("c5", Decimal("0.2"), VAT_IN),), active=False),
    ErpTax(
        "t5",
        "TWO",
        "Two in one",
        (TaxComponent("c6", Decimal("0.05"), VAT_IN), TaxComponent("c7", Decimal("0.08"), VAT_IN)),
    ),
    ErpTax("t6", "EMPTY", "Nothing in it", ()),
    ErpTax("t7", None, "Same name", (TaxComponent("c8", Decimal("0.25"), VAT_IN),)),
    ErpTax("t8", None, "Same name", (TaxComponent("c9", Decimal("0.25"), VAT_IN),)),
    ErpTax(
        "t10",
        "TWO-OUT",
        "Two outgoing",
        tuple(TaxComponent(f"o{n}", Decimal(rate), VAT_OUT) for n, rate in enumerate(("0.25", "-0.1", "-0.15"))),
    ),
    ErpTax("t9", "LOST", "Account gone", (TaxComponent("c10", Decimal("0.25"), CLOSED),)),
)

DIMENSIONS = (
    Dimension("d1", "CC", "Cost centre", {"SALES": "v1", "IT": "v2", "dup": "v3", "DUP": "v4"}),
    Dimension("d2", "PRJ", "Project", {"P1": "v5", "P2": "v6"}),
)

PERIODS = tuple(
    Period(f"p{month}", f"2026-{month:02}", dt.date(2026, month, 1), end, open=month >= 7)
    for month, end in (
        (m, (dt.date(2026, m + 1, 1) if m < 12 else dt.date(2027, 1, 1)) - dt.timedelta(days=1)) for m in range(1, 13)
    )
)

CHART = Chart("DKK", ACCOUNTS, (Journal("j1", "EXP", "Expenses"),), TAXES, DIMENSIONS, PERIODS)

CONFIG = Configuration(
    version=1,
    journal="EXP",
    accounts=Accounts(
        wallet={"DKK": WALLET},
        out_of_pocket=OUT_OF_POCKET,
        contra=CONTRA,
        external_reimbursement=EXTERNAL,
        payable=PAYABLE,
    ),
    time_zone="Europe/Copenhagen",
    dimensions=("CC", "PRJ"),
)

ACME_PAYABLE, STAFF_PAYABLE = SUPPLIER_PAYABLE, PARTY_PAYABLE
"""Accounts payable of Acme alone; the one of Anna, which wants a party on every line."""


def erp_vendor(id_: str = "e1", code: str | None = "V1", name: str = "Acme", **other: Any) -> ErpVendor:
    """A vendor of the ERP without an account of its own."""
    values: dict[str, Any] = {
        "currency": None,
        "country": None,
        "registration_number": None,
        "tax_registration_number": None,
        "payable": None,
        "active": True,
    }
    return ErpVendor(id_, code, name, **(values | other))


ACME = erp_vendor(payable=ACME_PAYABLE, tax_registration_number="DK12345678", country="DK")
BOLT = erp_vendor("e2", "V2", "Bolt")
ANNA = erp_vendor("e3", "E7", "Anna Holm", payable=STAFF_PAYABLE)
GONE = erp_vendor("e4", "V4", "Gone", active=False)
SUNDRY = erp_vendor("e5", "V999", "Sundry vendors")
VENDORS = VendorIndex([ACME, BOLT, ANNA, GONE, SUNDRY])

EMPLOYEE = Person("u1", "Anna Holm", "E7")


def vendor(code: str | None = "V1", external_id: str | None = None, **other: Any) -> Vendor:
    """A vendor as Pleo names it on an item."""
    values: dict[str, Any] = {
        "id": "pleo-vendor",
        "name": "Acme Corporation",
        "registration_number": None,
        "tax_registration_number": None,
        "default_currency": "DKK",
    }
    return Vendor(code=code, external_id=external_id, **(values | other))


SPEND = ("card_purchase", "card_invoice", "out_of_pocket", "mileage", "per_diem", "invoice")


def money(minor: int, currency: str = "DKK") -> Money:
    return Money(minor, currency)


def amount(minor: int, currency: str = "DKK", supplier: Money | None = None) -> Amount:
    return Amount(Money(minor, currency), supplier or Money(minor, currency))


def account(code: str | None = EXPENSE, identifier: str | None = None, id_: str = "pleo-account") -> PleoAccount:
    return PleoAccount(id_, f"Category {code}", code, identifier)


def line(
    minor: int,
    *,
    on: PleoAccount | str | None = EXPENSE,
    tax: PleoTax | None = None,
    net: int | None = None,
    tags: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    supplier: int | None = None,
    supplier_net: int | None = None,
    currency: str = "DKK",
    foreign: str | None = None,
    id_: str = "line",
) -> ItemLine:
    """One line; `net` defaults to the line amount, `supplier` to the same number in the wallet's currency."""
    abroad = foreign or currency
    in_supplier = minor if supplier is None else supplier
    net_wallet = minor if net is None else net
    net_supplier = (net_wallet if supplier is None else in_supplier) if supplier_net is None else supplier_net
    pairs = tags.items() if isinstance(tags, Mapping) else tags
    return ItemLine(
        id=id_,
        amount=Amount(Money(minor, currency), Money(in_supplier, abroad)),
        net=Amount(Money(net_wallet, currency), Money(net_supplier, abroad)),
        account=account(on) if isinstance(on, str) else on,
        tax=tax,
        tags=tuple(PleoTag(f"tag-{code}", code, group) for group, code in pairs),
    )


def vat(
    minor: int,
    type_: str = "inclusive",
    code: str | None = "I25",
    *,
    ingoing: str | None = None,
    outgoing: str | None = None,
    supplier: Money | None = None,
    currency: str = "DKK",
) -> PleoTax:
    return PleoTax("tax", code, Decimal("0.25"), type_, amount(minor, currency, supplier), ingoing, outgoing)


def item(
    type_: str = "card_purchase",
    minor: int | None = None,
    sub_type: str | None = None,
    *,
    lines: Sequence[ItemLine] | None = None,
    supplier_total: Money | None = None,
    **other: Any,
) -> ExportItem:
    """An item whose lines make its total unless told otherwise."""
    if lines is None:
        lines = (line(10_000 if minor is None else minor),)
    total = sum(one.amount.wallet.minor for one in lines) if minor is None else minor
    values: dict[str, Any] = {
        "accounting_entry_id": "entry-1",
        "company_id": "company-1",
        "type": type_,
        "sub_type": sub_type,
        "date": DAY,
        "amount": amount(total, supplier=supplier_total),
        "lines": tuple(lines),
        "reconciliation_id": "REC-1",
        "supplier": Supplier(name="Acme"),
        "user": Person("u1", "Anna Holm", None),
    }
    return ExportItem(**(values | other))


def chart(**changes: Any) -> ChartIndex:
    return ChartIndex(replace(CHART, **changes))


def config(**changes: Any) -> Configuration:
    named = {key: changes.pop(key) for key in list(changes) if key in Accounts.__dataclass_fields__}
    return replace(CONFIG, accounts=replace(CONFIG.accounts, **named), **changes)


def result(what: ExportItem, **options: Any) -> Document | NothingToPost | tuple[Problem, ...]:
    using, on = options.pop("config", CONFIG), options.pop("chart", None) or chart()
    return book(what, using, on, today=TODAY, **options)


def entry(what: ExportItem, **options: Any) -> JournalEntry:
    """The entry of an item that can be booked."""
    made = result(what, **options)
    assert isinstance(made, JournalEntry), [one.text for one in made] if isinstance(made, tuple) else made
    return made


def payable_item(
    type_: str = "card_purchase", minor: int | None = None, sub_type: str | None = None, **other: Any
) -> ExportItem:
    """An item for accounts payable: tagged with Acme, spent by Anna, who is a vendor of the ERP."""
    values: dict[str, Any] = {"method": "accounts_payable", "vendor": vendor(), "user": EMPLOYEE}
    return item(type_, minor, sub_type, **(values | other))


def bill(what: ExportItem, **options: Any) -> Bill:
    """The bill or credit note of an item that becomes one."""
    made = result(what, **({"vendors": VENDORS} | options))
    assert isinstance(made, Bill), [one.text for one in made] if isinstance(made, tuple) else made
    return made


def document(what: ExportItem, **options: Any) -> Document:
    """What an item becomes where the ERP keeps vendors."""
    made = result(what, **({"vendors": VENDORS} | options))
    assert isinstance(made, JournalEntry | Bill), [one.text for one in made] if isinstance(made, tuple) else made
    return made


def problems(what: ExportItem, **options: Any) -> tuple[Problem, ...]:
    """The problems of an item that cannot be booked, every place of their texts filled."""
    found = result(what, **options)
    assert isinstance(found, tuple), found
    assert found
    assert not [one.text for one in found if "?" in one.text]
    return found


def failures(what: ExportItem, **options: Any) -> list[Failure]:
    return [one.failure for one in problems(what, **options)]


def booked(made: JournalEntry) -> list[tuple[str, str]]:
    """Account code and signed amount of each line, debit positive: `("4010", "100.00")`."""
    return [(one.account.code, str(one.debit - one.credit)) for one in made.lines]
