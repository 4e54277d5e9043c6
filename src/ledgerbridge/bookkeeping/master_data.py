"""What an ERP company keeps that Pleo is to mirror: accounts, tax codes, dimensions, vendors.

Beside `words.Chart`, which holds only what can be booked on, these records also tell of what is inactive, because a
sync must know "gone" from "switched off". Every identifier is the ERP's and survives renaming and renumbering.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class MasterAccount:
    """An account of the chart that accepts lines."""

    id: str
    """Stable ERP id: Pleo's `externalId` (ACC-032)."""
    code: str | None
    """The number users recognise (ACC-035)."""
    name: str
    tax_code: str | None
    """`MasterTaxCode.code` of the account's default purchase tax; None when it has none, or several (ACC-039)."""
    active: bool


class TaxKind(StrEnum):
    """How a tax behaves, in the words of Pleo's Tax Code API (TAX-026)."""

    INCLUSIVE = "inclusive"
    EXCLUSIVE = "exclusive"
    """Not supported by Pleo: skipped and reported (TAX-027)."""
    REVERSE = "reverse"


@dataclass(frozen=True, slots=True)
class MasterTaxCode:
    """A purchase tax."""

    code: str
    """The ERP's identifier of the tax; the same value stands in an account's `tax_code` (ACC-040)."""
    name: str
    rate: Decimal
    """A fraction: 25 % is 0.25 (TAX-024). For a reverse charge the rate of the deducted side."""
    kind: TaxKind
    ingoing_account: str | None
    """Account code of deductible VAT (TAX-028)."""
    outgoing_account: str | None
    """Account code of VAT owed; only with a reverse charge."""
    active: bool


@dataclass(frozen=True, slots=True)
class MasterDimension:
    """A dimension of the ERP: one Pleo tag group."""

    id: str
    code: str
    """Unique in the company (TAG-022)."""
    name: str
    active: bool


@dataclass(frozen=True, slots=True)
class MasterValue:
    """A value of a dimension: one Pleo tag."""

    id: str
    code: str | None
    """None cannot be synchronised and is reported (TAG-046)."""
    name: str
    active: bool


@dataclass(frozen=True, slots=True)
class ErpVendor:
    """A supplier record of the ERP, or a person the company owes money to."""

    id: str
    """Stable ERP id: Pleo's `externalId` (VEN-020)."""
    code: str | None
    """The vendor number people see (VEN-021)."""
    name: str
    currency: str | None
    """ISO 4217; None means the company's (VEN-018)."""
    country: str | None
    """ISO 3166-1 alpha-2 of registration."""
    registration_number: str | None
    tax_registration_number: str | None
    """VAT or tax id as the ERP holds it, country prefix included where it has one."""
    payable: str | None
    """Code of the vendor's own accounts payable account; None means the company's (EXP-AP-07)."""
    active: bool
    """Not inactive, not blocked, not deleted."""
    pleo_id: str | None = None
    """Pleo's vendor id kept in a reference field, for a vendor that was created from Pleo (VEN-066)."""
    merged_into: str | None = None
    """ERP id of the vendor this one was merged into, where the ERP tells (VEN-096)."""


@dataclass(frozen=True, slots=True)
class NewVendor:
    """A vendor to be created in the ERP from a Pleo draft. Never carries bank details (VEN-037)."""

    pleo_id: str
    """Names it for ever: at most one ERP vendor carries it (VEN-066)."""
    name: str
    currency: str | None = None
    country: str | None = None
    registration_number: str | None = None
    tax_registration_number: str | None = None


@dataclass(frozen=True, slots=True)
class VendorLookup:
    """Keys to look ERP vendors up by, any of them; None is not looked for (VEN-063)."""

    ids: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    pleo_id: str | None = None
    tax_registration_number: str | None = None
    registration_number: str | None = None
