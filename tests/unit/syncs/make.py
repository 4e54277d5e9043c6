"""Short ways to write the records of both systems."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ledgerbridge.bookkeeping.master_data import MasterAccount, MasterDimension, MasterTaxCode, MasterValue, TaxKind
from ledgerbridge.pleo.chart_of_accounts import Account
from ledgerbridge.pleo.tags import Tag, TagGroup
from ledgerbridge.pleo.tax_codes import TaxCode

COMPANY = "c0000000-0000-4000-8000-000000000001"


def dimension(code: str, name: str | None = None, *, active: bool = True) -> MasterDimension:
    return MasterDimension(f"id-{code}", code, name or code, active)


def value(code: str | None, name: str | None = None, *, active: bool = True) -> MasterValue:
    return MasterValue(f"id-{code}", code, name if name is not None else (code or ""), active)


def group(code: str, name: str | None = None, *, archived: bool = False, pid: str = "", day: int = 1) -> TagGroup:
    return TagGroup(
        id=pid or f"g-{code}",
        company_id=COMPANY,
        code=code,
        name=name or code,
        archived=archived,
        metadata={"kept": "yes"},
        created_at=_day(day),
    )


def tag(code: str, name: str | None = None, *, archived: bool = False, pid: str = "", day: int = 1) -> Tag:
    return Tag(
        id=pid or f"t-{code}",
        group_id="g",
        code=code,
        name=name if name is not None else code,
        archived=archived,
        created_at=_day(day),
    )


def account(
    erp_id: str, name: str = "Rent", code: str | None = "6000", tax_code: str | None = None, *, active: bool = True
) -> MasterAccount:
    return MasterAccount(erp_id, code, name, tax_code, active)


def pleo_account(
    external_id: str,
    name: str = "Rent",
    code: str | None = "6000",
    tax_code: str | None = None,
    *,
    archived: bool = False,
    pid: str = "",
) -> Account:
    return Account(
        id=pid or f"a-{external_id}",
        company_id=COMPANY,
        external_id=external_id,
        code=code,
        name=name,
        tax_code_external_id=tax_code,
        archived=archived,
    )


def tax(
    code: str,
    name: str = "VAT 25 %",
    rate: str = "0.25",
    kind: TaxKind = TaxKind.INCLUSIVE,
    *,
    active: bool = True,
    accounts: tuple[str | None, str | None] = ("1300", None),
) -> MasterTaxCode:
    return MasterTaxCode(code, name, Decimal(rate), kind, *accounts, active)


def pleo_tax(
    code: str | None,
    name: str = "VAT 25 %",
    rate: str = "0.25",
    vat_type: str = "inclusive",
    *,
    archived: bool = False,
    pid: str = "",
    accounts: tuple[str | None, str | None] = ("1300", None),
) -> TaxCode:
    return TaxCode(
        id=pid or f"x-{code}",
        company_id=COMPANY,
        code=code,
        name=name,
        rate=Decimal(rate),
        type=vat_type,
        ingoing_tax_account=accounts[0],
        outgoing_tax_account=accounts[1],
        archived=archived,
    )


def _day(number: int) -> Any:
    return f"2025-01-{number:02}T00:00:00Z"
