"""The mirror of a Tryton company: its accounts, purchase taxes and dimensions, the inactive ones told apart.

Unlike `chart`, which holds what can be booked on today, these lists also hold what is switched off. Each is read page
by page by rising id, so it is whole or an error.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from ledgerbridge.bookkeeping.master_data import (
    MasterAccount,
    MasterDimension,
    MasterTaxCode,
    MasterValue,
    TaxKind,
)
from ledgerbridge.erp.tryton import taxes
from ledgerbridge.erp.tryton.chart import shaped
from ledgerbridge.erp.tryton.client import ANY, Client
from ledgerbridge.erp.tryton.taxes import Chosen
from ledgerbridge.erp.tryton.wire import Record

_ACCOUNT = ("code", "name", "active", "closed", "taxes")
_ANALYTIC = ("code", "name", "type", "root", "state", "active")


async def accounts(client: Client, company: int, today: dt.date) -> list[MasterAccount]:
    """All accounts with a type, which are those that accept lines; closed ones count as inactive (ACC-020)."""
    rows = await client.whole("account.account", [["company", "=", company], ["type", "!=", None], ANY], _ACCOUNT)
    offered = {tax.code for tax in await tax_codes(client, company, today) if tax.active}
    return shaped(lambda: [_account(row, offered) for row in rows])


def _account(row: Record, offered: set[str]) -> MasterAccount:
    """Tryton lists the default taxes of an account for sale and purchase alike; only those of a purchase count."""
    taxes = [str(tax) for tax in row["taxes"] if str(tax) in offered]
    return MasterAccount(
        id=str(row["id"]),
        code=row["code"] or None,
        name=row["name"],
        tax_code=taxes[0] if len(taxes) == 1 else None,
        active=bool(row["active"]) and not row["closed"],
    )


async def tax_codes(client: Client, company: int, today: dt.date) -> list[MasterTaxCode]:
    """All purchase taxes a person can choose; Tryton knows them by id alone."""
    rows = await client.whole("account.tax", [["company", "=", company], ANY], taxes.FIELDS)
    return shaped(lambda: [_tax_code(tax) for tax in taxes.purchase(rows, today)])


def _tax_code(tax: Chosen) -> MasterTaxCode:
    """Of a tax out of force that groups others none may be left in force; its rate is then what it was."""
    parts = tax.parts or tax.ever
    deducted = [part for part in parts if part["rate"] >= 0]
    owed = [part for part in parts if part["rate"] < 0]
    return MasterTaxCode(
        code=str(tax.row["id"]),
        name=tax.row["name"],
        rate=sum((Decimal(part["rate"]) for part in deducted), Decimal(0)),
        kind=TaxKind.REVERSE if owed else TaxKind.INCLUSIVE,
        ingoing_account=_account_of(deducted),
        outgoing_account=_account_of(owed),
        active=tax.active,
    )


def _account_of(parts: Sequence[Record]) -> str | None:
    """The account all these parts are booked on; None when they are booked on several."""
    codes = {part["invoice_account"]["code"] for part in parts if part["invoice_account"]}
    return str(codes.pop()) if len(codes) == 1 else None


async def dimensions(client: Client, company: int) -> list[MasterDimension]:
    """The analytic roots in the order of their ids; a closed one is inactive."""
    rows = await client.whole(
        "analytic_account.account", [["company", "=", company], ["type", "=", "root"], ANY], _ANALYTIC
    )
    return shaped(
        lambda: [
            MasterDimension(str(row["id"]), str(row["code"] or row["name"]), row["name"], _open(row)) for row in rows
        ]
    )


async def dimension_values(client: Client, company: int, root: str) -> list[MasterValue]:
    """The analytic accounts that can be booked on below a root, however deep (TAG-088).

    Two that share a code are both told: which of them is meant is for a person to say.
    """
    domain = [["company", "=", company], ["root", "=", int(root)], ["type", "=", "normal"], ANY]
    rows = await client.whole("analytic_account.account", domain, _ANALYTIC)
    return shaped(lambda: [MasterValue(str(row["id"]), row["code"] or None, row["name"], _open(row)) for row in rows])


def _open(row: Record) -> bool:
    return bool(row["active"]) and row["state"] != "closed"
