"""The data layer's payload as Pleo sends it: field by field what may be null and what may not (EXP-DATA-08)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ledgerbridge.pleo.models import Day, EntryId, Fraction, Instant, MinorUnits, Wire

Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
"""Null reads as empty; only where nothing is booked by it."""
Currency = Annotated[str, BeforeValidator(lambda value: "UNDEFINED" if value in (None, "") else value)]
"""No currency is the same problem as Pleo's own `UNDEFINED`, and gets the same words."""


class MoneyModel(Wire):
    currency: Currency = "UNDEFINED"
    value: MinorUnits


class AmountModel(Wire):
    in_wallet_currency: MoneyModel
    in_supplier_currency: MoneyModel


class AccountModel(Wire):
    id: str
    name: Text = ""
    code: str | None = None
    identifier: str | None = None


class TaxModel(Wire):
    id: str
    code: str | None = None
    rate: Fraction
    type: str
    amount: AmountModel
    ingoing_tax_account: str | None = None
    outgoing_tax_account: str | None = None


class TagModel(Wire):
    id: Text = ""
    code: str
    group_code: str


class LineModel(Wire):
    accounting_entry_line_id: str
    line_amount: AmountModel
    net_amount: AmountModel
    account: AccountModel | None = None
    tax: TaxModel | None = None
    tags: list[TagModel | None] | None = None


class PersonModel(Wire):
    id: Text = ""
    name: Text = ""
    code: str | None = None


class SupplierModel(Wire):
    name: str | None = None
    code: str | None = None
    account: str | None = None
    tax_identifier: str | None = None
    country: str | None = None
    category_code: str | None = None


class VendorModel(Wire):
    id: str
    name: Text = ""
    code: str | None = None
    external_id: str | None = None
    registration_number: str | None = None
    tax_registration_number: str | None = None
    country: str | None = None
    default_currency: str | None = None


class InvoiceModel(Wire):
    invoice_number: str
    invoice_date: Day
    status: Text = ""
    due_date: Day | None = None
    payment_date: Day | None = None


class AdditionalModel(Wire):
    reconciliation_id: str
    attendees: list[str | None] | None = None
    reconciled_entries: list[str | None] | None = None
    invoice_information: InvoiceModel | None = None


class BookkeepingModel(Wire):
    method: str | None = None


class ServicePeriodModel(Wire):
    start: Day = Field(alias="from")
    end: Day = Field(alias="to")


class FileModel(Wire):
    url: str
    type: str | None = None
    size: int | None = None


class ItemModel(Wire):
    accounting_entry_id: EntryId = Field(min_length=1)
    company_id: str
    type: str
    sub_type: str | None = None
    date: Instant
    amount: AmountModel
    accounting_entry_lines: list[LineModel] = Field(min_length=1)
    additional_information: AdditionalModel
    bookkeeping: BookkeepingModel | None = None
    contra_account: AccountModel | None = None
    supplier: SupplierModel | None = None
    vendor: VendorModel | None = None
    user: PersonModel | None = None
    team: PersonModel | None = None
    note: str | None = None
    service_period: ServicePeriodModel | None = None
    files: list[FileModel | None] | None = None
    links: Any = Field(default=None, alias="_links")
    """Only for reading along; never a reason to refuse an item."""
