"""What a partner tells of itself: its capabilities, its companies, and the master data of one of them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ledgerbridge.erp.http_target.forms import Currency, Day, Flag, Id, Name, Rate, Text, Wire, count
from ledgerbridge.erp.http_target.wire import MOST_AT_ONCE, CompanyRequest

PROTOCOL = 1


class CapabilitiesAnswer(Wire):
    """What the partner can do. Every member must be there: one left out by mistake must not look like a refusal."""

    protocol: Literal[1] = Field(description="The version of this document that is spoken.")
    name: Name = Field(description="What people call this accounting system.")
    vendors: Flag = Field(description="Lists vendors and creates them.")
    vendor_bills: Flag = Field(description="Books bills, credit notes and payments; only with `vendors`.")
    drafts: Flag = Field(description="Knows entries that are not final yet.")
    attachments: Flag
    several_attachments: Flag = Field(description="Takes more than one file an entry.")
    attachment_types: tuple[Text, ...] | None = Field(description="MIME types it takes; null for any.")
    max_attachment_bytes: int | None = Field(ge=1, strict=True, description="Largest file; null for no limit.")
    dimensions: Flag = Field(description="Lines can carry dimensions.")
    tax_codes: Flag = Field(description="Knows taxes of its own.")
    can_probe: Flag = Field(description="Answers `find`. Without it a lost reply waits for a person.")
    can_reverse: Flag = Field(description="Answers `reverse`; only with `can_probe`.")
    lists_entries: Flag = Field(description="Answers `entries`.")
    batch: int = Field(ge=1, le=MOST_AT_ONCE, strict=True, description="Documents it takes in one request.")
    parallel_writers: int = Field(ge=1, le=8, strict=True, description="Requests that may book at once.")
    matching_limits: Text | None = Field(
        description='What keeps it from matching bills with payments; completes "the integration may not ...".'
    )
    document_url: Text | None = Field(
        description="Where a person sees a document, with `{kind}` and `{id}` in it; https. Null for nowhere."
    )

    @model_validator(mode="after")
    def _consistent(self) -> CapabilitiesAnswer:
        if self.can_reverse and not self.can_probe:
            raise ValueError("can_reverse needs can_probe")
        if self.vendor_bills and not self.vendors:
            raise ValueError("vendor_bills needs vendors")
        if self.several_attachments and not self.attachments:
            raise ValueError("several_attachments needs attachments")
        return self


class Company(Wire):
    id: Id
    name: Name
    registration_number: Text | None
    currency: Currency


class CompaniesAnswer(Wire):
    companies: tuple[Company, ...] = Field(description="Those that this secret may book in.")


class ListRequest(CompanyRequest):
    """Asks for one page of a list."""

    cursor: Text | None = Field(default=None, description="`next` of the page before; null for the first one.")


class ValuesRequest(ListRequest):
    dimension: Id


class Page(Wire):
    """One page. The pages together must hold just `total` records, or none of them counts."""

    next: Text | None = Field(description="Cursor of the next page; null on the last one.")
    total: int = count(0)


class Account(Wire):
    id: Id
    code: Text | None = Field(description="The number people know it by; null for an account without one.")
    name: Name
    active: Flag = Field(description="Whether it can be booked on.")
    tax_code: Text | None = Field(description="Code of its default purchase tax; null for none or several.")
    needs_vendor: Flag = Field(description="Whether every line on it must name a vendor or customer.")
    needs_dimensions: Flag = Field(description="Whether its lines must carry the dimensions that are required.")
    income: Flag = Field(description="Whether it is one of the income statement.")
    type: Text = Field(default="", description="The sort of account in the ERP's own words.")


class TaxComponent(Wire):
    id: Id
    rate: Rate = Field(description="A fraction; negative on the output side of a reverse charge.")
    account: Text | None = Field(description="Code of the account its amount is booked on.")


class TaxCode(Wire):
    """A purchase tax: one component, or two of opposite sign for a reverse charge."""

    code: Id
    name: Name
    kind: Literal["inclusive", "exclusive", "reverse"]
    components: tuple[TaxComponent, ...] = Field(min_length=1)
    active: Flag


class Dimension(Wire):
    id: Id
    code: Id
    name: Name
    required: Flag = Field(description="Whether lines on accounts with `needs_dimensions` must carry it.")
    active: Flag


class DimensionValue(Wire):
    id: Id
    code: Text | None
    name: Text
    active: Flag


class Journal(Wire):
    id: Id
    code: Id
    name: Text


class Period(Wire):
    id: Id
    name: Text
    start: Day
    end: Day = Field(description="Inclusive.")
    open: Flag


class Vendor(Wire):
    id: Id
    code: Text | None = Field(description="The vendor number people see.")
    name: Name
    currency: Currency | None
    country: Text | None = Field(description="ISO 3166-1 alpha-2.")
    registration_number: Text | None
    tax_registration_number: Text | None
    payable: Text | None = Field(description="Code of its own accounts payable account; null for the company's.")
    active: Flag
    pleo_id: Text | None = Field(description="Pleo's id, on a vendor that `create_vendor` made.")
    merged_into: Text | None = Field(default=None, description="Id of the vendor it was merged into.")


class AccountPage(Page):
    items: tuple[Account, ...]


class TaxCodePage(Page):
    items: tuple[TaxCode, ...]


class DimensionPage(Page):
    items: tuple[Dimension, ...]


class ValuePage(Page):
    items: tuple[DimensionValue, ...]


class JournalPage(Page):
    items: tuple[Journal, ...]


class PeriodPage(Page):
    items: tuple[Period, ...]


class VendorPage(Page):
    items: tuple[Vendor, ...]


class FindVendorsRequest(CompanyRequest):
    """Any of these keys. Numbers are sent as letters and digits alone, upper case; compare them so."""

    ids: tuple[Text, ...]
    codes: tuple[Text, ...]
    pleo_id: Text | None
    tax_registration_number: Text | None
    registration_number: Text | None


class VendorsAnswer(Wire):
    vendors: tuple[Vendor, ...]


class NewVendor(Wire):
    pleo_id: Id = Field(description="Names it for ever: at most one vendor carries it.")
    name: Text
    currency: Text | None = None
    country: Text | None = None
    registration_number: Text | None = None
    tax_registration_number: Text | None = None


class CreateVendorRequest(CompanyRequest):
    vendor: NewVendor


class VendorAnswer(Wire):
    vendor: Vendor
