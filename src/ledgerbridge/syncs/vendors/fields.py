"""What both sides say of a vendor, brought into one form, so that only real differences look like differences.

Blanks, a country Pleo writes otherwise, a value Pleo has no word for: none of them is a change (VEN-035, VEN-038). What
Pleo has no field for is neither compared nor sent (VEN-036, VEN-037).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, fields

from ledgerbridge.bookkeeping.master_data import ErpVendor, NewVendor
from ledgerbridge.pleo.countries import country_code
from ledgerbridge.pleo.vendors import Vendor, VendorDetails, text_or_none


class NotMappable(ValueError):
    """The ERP's record cannot become a vendor of Pleo; the text tells a person what to change there."""


def mapped(vendor: ErpVendor, company_currency: str) -> VendorDetails:
    """What Pleo is to hold of an ERP vendor (VEN-018, VEN-031). Raises `NotMappable`."""
    details = VendorDetails(
        name=vendor.name,
        currency=text_or_none(vendor.currency) or company_currency,
        external_id=vendor.id,
        code=vendor.code,
        country=vendor.country,
        registration_number=vendor.registration_number,
        tax_registration_number=vendor.tax_registration_number,
    ).normal()
    if not details.name:
        raise NotMappable("It has no name in the accounting system, and Pleo takes none without. Give it one there.")
    if len(details.currency) != 3 or not (details.currency.isascii() and details.currency.isalpha()):
        raise NotMappable(f"Its currency {details.currency} is no ISO 4217 code. Correct it in the accounting system.")
    return details


def differing(one: VendorDetails, other: VendorDetails) -> tuple[str, ...]:
    """Names of the fields in which two sides differ."""
    return tuple(each.name for each in fields(one) if getattr(one, each.name) != getattr(other, each.name))


def erp_digest(vendor: ErpVendor, details: VendorDetails) -> str:
    """By which a change in the ERP is known; whether the vendor is active belongs to it (VEN-038)."""
    return _digest((*astuple(details), vendor.active))


def pleo_digest(vendor: Vendor) -> str:
    """By which a change in Pleo is known. The state is compared by itself, `updatedAt` never (VEN-084)."""
    return _digest(astuple(vendor.details))


def new_vendor(draft: Vendor) -> NewVendor:
    """What the ERP is given of a draft (VEN-065). Bank details are not among it (VEN-037)."""
    given = draft.details
    return NewVendor(
        pleo_id=draft.id,
        name=given.name,
        currency=given.currency or None,
        country=given.country,
        registration_number=given.registration_number,
        tax_registration_number=given.tax_registration_number,
    )


def tax_key(number: str | None, country: str | None) -> tuple[str, str] | None:
    """Country and tax number to match by (VEN-024); None unless both are known.

    A number may carry its country in front (`DE 129 273 398`), which also serves where no country is given.
    """
    return _key(number, country, prefix_tells=True)


def registration_key(number: str | None, country: str | None) -> tuple[str, str] | None:
    """Country and registration number to match by (VEN-063); None unless both are known."""
    return _key(number, country, prefix_tells=False)


def tax_parts(number: str | None, country: str | None) -> tuple[str | None, str]:
    """The country of a tax number, None where nothing tells it, and the number without it; "" for none."""
    return _parts(number, country, prefix_tells=True)


def registration_parts(number: str | None, country: str | None) -> tuple[str | None, str]:
    """The same of a registration number."""
    return _parts(number, country, prefix_tells=False)


def _key(number: str | None, country: str | None, *, prefix_tells: bool) -> tuple[str, str] | None:
    known, bare = _parts(number, country, prefix_tells=prefix_tells)
    return (known, bare) if known and bare else None


def _parts(number: str | None, country: str | None, *, prefix_tells: bool) -> tuple[str | None, str]:
    bare = "".join(filter(str.isalnum, number or "")).upper()
    known, prefix = country_code(country), country_code(bare[:2]) if bare[:2].isalpha() else None
    if prefix_tells and prefix is not None and known in (None, prefix) and any(map(str.isdigit, bare[2:])):
        known, bare = prefix, bare[2:]
    return known, bare


def _digest(values: tuple[object, ...]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:32]
