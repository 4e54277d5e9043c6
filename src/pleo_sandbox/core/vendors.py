"""Vendors: suppliers of one company, as drafts made in Pleo or as active ones that the ERP knows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pleo_sandbox.core.choices import Choices
from pleo_sandbox.core.clock import Clock, stamp
from pleo_sandbox.core.countries import COUNTRIES
from pleo_sandbox.core.problems import Refusal, bad_request, not_found
from pleo_sandbox.core.shelf import Shelf
from pleo_sandbox.core.words import choice_of, filled_text_of, new_id, text_of, uuid_of

STATES = ("DRAFT", "ACTIVE", "ARCHIVED")
CREATE_MEMBERS = (
    "companyId",
    "name",
    "defaultCurrency",
    "code",
    "country",
    "externalId",
    "registrationNumber",
    "taxRegistrationNumber",
)
UPDATE_MEMBERS = (*CREATE_MEMBERS, "state")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True)
class Details:
    """The writable members of a vendor, checked. ``None`` stands for a member that was left out."""

    name: str
    default_currency: str
    code: str | None = None
    country: str | None = None
    external_id: str | None = None
    registration_number: str | None = None
    tax_registration_number: str | None = None


@dataclass
class Vendor:
    """One vendor. ``accounting_system`` is read-only to integrations; ``created_by`` shows in events alone."""

    id: str
    company_id: str
    details: Details
    state: str
    created_at: datetime
    updated_at: datetime
    created_by: str | None = None
    accounting_system: str | None = None

    def as_published(self) -> dict[str, Any]:
        """The shape of ``VendorResponse``: members without a value are left out, none is null."""
        times = {"createdAt": stamp(self.created_at), "updatedAt": stamp(self.updated_at)}
        return {"companyId": self.company_id, "state": self.state, **self.as_exported(), **self._origin(), **times}

    def as_exported(self) -> dict[str, Any]:
        """The ``vendor`` block of an export item: the vendor as it is now."""
        details = self.details
        members = {
            "id": self.id,
            "name": details.name,
            "defaultCurrency": details.default_currency,
            "code": details.code,
            "country": details.country,
            "externalId": details.external_id,
            "registrationNumber": details.registration_number,
            "taxRegistrationNumber": details.tax_registration_number,
        }
        return {name: value for name, value in members.items() if value is not None}

    def as_event_data(self) -> dict[str, Any]:
        """The members of the published webhook sample: without ``externalId``, with nine fractional digits."""
        details = self.details
        return {
            "id": self.id,
            "companyId": self.company_id,
            "name": details.name,
            "country": details.country,
            "registrationNumber": details.registration_number or "",
            "taxRegistrationNumber": details.tax_registration_number or "",
            "code": details.code,
            "state": self.state,
            "defaultCurrency": details.default_currency,
            "createdBy": self.created_by,
            "createdAt": _nanoseconds(self.created_at),
            "updatedAt": _nanoseconds(self.updated_at),
            "deletedAt": None,
        }

    def _origin(self) -> dict[str, str]:
        return {} if self.accounting_system is None else {"accountingSystem": self.accounting_system}


class Vendors:
    """All vendors. The rules Pleo does not publish follow :class:`Choices`."""

    def __init__(self, clock: Clock, choices: Choices) -> None:
        self._clock, self._choices = clock, choices
        self._shelf: Shelf[Vendor] = Shelf(lambda v: v.company_id, lambda v: (v.company_id, self._same(v)))

    def of(self, companies: str | Iterable[str]) -> list[Vendor]:
        """The vendors of these companies, in order of creation."""
        return self._shelf.of(companies)

    def visible(self, vendor_id: str, companies: frozenset[str]) -> Vendor:
        """One vendor of one of these companies; a 404 refusal otherwise."""
        vendor = self._shelf.get(vendor_id)
        if vendor is None or vendor.company_id not in companies:
            raise not_found("There is no such vendor")
        return vendor

    def create(self, company_id: str, details: Details, *, created_by: str | None = None) -> Vendor:
        """``POST``: ``ACTIVE`` when the deciding identifier is given, else ``DRAFT``. 409 for a known vendor."""
        self._refuse_clash(company_id, details, None)
        deciding = details.code if self._choices.vendor_active_by == "code" else details.external_id
        return self.put(company_id, details, "ACTIVE" if deciding else "DRAFT", created_by=created_by)

    def put(
        self,
        company_id: str,
        details: Details,
        state: str,
        *,
        created_by: str | None = None,
        accounting_system: str | None = None,
    ) -> Vendor:
        """Stores a vendor as given, whatever the others are like: people and CSV files do."""
        now = self._clock.now()
        made = Vendor(new_id(), company_id, details, state, now, now, created_by, accounting_system)
        return self._shelf.put(made)

    def update(self, vendor: Vendor, body: dict[str, Any]) -> Vendor:
        """``PUT``: details and state as sent. 400 for another company, 409 for another vendor's identifier."""
        details, company_id = read_details(body), uuid_of(body, "companyId")
        filled_text_of(body, "externalId")
        state = choice_of(body, "state", STATES, required=True) or ""
        if company_id != vendor.company_id:
            raise bad_request("companyId of a vendor cannot be changed")
        if self._choices.put_omitted == "kept":
            details = _laid_over(vendor.details, details)
        self._refuse_clash(company_id, details, vendor)
        self._change(vendor, details, state)
        return vendor

    def activate(self, vendor: Vendor, body: dict[str, Any]) -> bool:
        """``:activate``: stores the ERP's identifiers. Whether it did anything: a second call changes nothing."""
        external_id, code = filled_text_of(body, "externalId"), text_of(body, "code")
        if vendor.state == "ACTIVE":
            return False
        details = vendor.details
        identified = Details(
            details.name,
            details.default_currency,
            details.code if code is None else code,
            details.country,
            external_id,
            details.registration_number,
            details.tax_registration_number,
        )
        if self._clashing(vendor.company_id, identified, vendor):
            # Only 204 and 404 are published here, so the clash takes the general form of bad input.
            raise bad_request("The identifier belongs to another vendor of the company")
        self._change(vendor, identified, "ACTIVE")
        return True

    def archive(self, vendor: Vendor) -> bool:
        """``:archive``. Whether it did anything."""
        if vendor.state == "ARCHIVED":
            return False
        self._change(vendor, vendor.details, "ARCHIVED")
        return True

    def change(self, vendor: Vendor, members: dict[str, Any], state: str | None) -> Vendor:
        """What people do in Pleo: some members and the state, without any rule of the API."""
        published = {**vendor.as_exported(), **members}
        self._change(vendor, read_details(published), state or vendor.state)
        return vendor

    def _change(self, vendor: Vendor, details: Details, state: str) -> None:
        with self._shelf.changing(vendor):
            vendor.details, vendor.state = details, state
        vendor.updated_at = self._clock.now()

    def _same(self, vendor: Vendor) -> str | None:
        external_id = vendor.details.external_id
        return external_id.lower() if external_id else None

    def _refuse_clash(self, company_id: str, details: Details, but: Vendor | None) -> None:
        if self._clashing(company_id, details, but):
            raise Refusal(409, "VENDOR_ALREADY_EXISTS", "The company has a vendor with this identifier")

    def _clashing(self, company_id: str, details: Details, but: Vendor | None) -> bool:
        if self._choices.vendor_conflict_by == "code":
            codes = [v for v in self.of(company_id) if details.code and v.details.code == details.code]
            return any(vendor is not but for vendor in codes)
        if not details.external_id:
            return False
        found = self._shelf.under((company_id, details.external_id.lower()))
        if self._choices.external_id_case == "exact":
            found = [vendor for vendor in found if vendor.details.external_id == details.external_id]
        return any(vendor is not but for vendor in found)


def read_details(body: dict[str, Any]) -> Details:
    """Checks the members that create and update share; a 400 refusal."""
    currency = filled_text_of(body, "defaultCurrency")
    if not _CURRENCY.fullmatch(currency):
        raise bad_request("defaultCurrency must be three upper-case letters of ISO 4217")
    return Details(
        name=filled_text_of(body, "name"),
        default_currency=currency,
        code=text_of(body, "code"),
        country=choice_of(body, "country", COUNTRIES),
        external_id=text_of(body, "externalId"),
        registration_number=text_of(body, "registrationNumber"),
        tax_registration_number=text_of(body, "taxRegistrationNumber"),
    )


def _laid_over(old: Details, new: Details) -> Details:
    return Details(
        new.name,
        new.default_currency,
        old.code if new.code is None else new.code,
        old.country if new.country is None else new.country,
        new.external_id,
        old.registration_number if new.registration_number is None else new.registration_number,
        old.tax_registration_number if new.tax_registration_number is None else new.tax_registration_number,
    )


def _nanoseconds(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond * 1000:09d}Z"
