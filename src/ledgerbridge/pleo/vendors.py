"""The Vendors API v1: the six operations a vendor sync needs and no other (VEN-005, -006).

A vendor carries no bank details, terms or accounts, and none are sent (VEN-036, -037). State is moved by `activate` and
`archive` alone; an update sends back the state that was read (VEN-054).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from ledgerbridge.pleo.countries import country_code
from ledgerbridge.pleo.endpoints import path_of
from ledgerbridge.pleo.errors import OutcomeUnknown
from ledgerbridge.pleo.models import Instant, Wire
from ledgerbridge.pleo.ownership import of_company
from ledgerbridge.pleo.paging import PAGE_SIZE, batches, records
from ledgerbridge.pleo.transport import Call, PleoClient

DRAFT, ACTIVE, ARCHIVED = "DRAFT", "ACTIVE", "ARCHIVED"
STATES = (DRAFT, ACTIVE, ARCHIVED)
"""The states that exist; a vendor in another one is not to be touched (VEN-090)."""
MAX_VALUES = 100
"""Most values in one list of a search (VEN-028)."""

_PATH = "/v1/vendors"
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


def text_or_none(value: str | None) -> str | None:
    """Trimmed; missing, null and blank are one (VEN-035)."""
    return (value or "").strip() or None


@dataclass(frozen=True, slots=True)
class VendorDetails:
    """The members of a vendor that the ERP decides (VEN-008)."""

    name: str
    """Official name."""
    currency: str
    """ISO 4217, three letters."""
    external_id: str | None
    """The ERP's stable id, the matching key (VEN-020)."""
    code: str | None = None
    """The vendor number people see (VEN-021)."""
    country: str | None = None
    """Country of registration."""
    registration_number: str | None = None
    tax_registration_number: str | None = None

    def normal(self) -> VendorDetails:
        """The same with blanks, case and country unified: equal exactly when nothing needs to be written."""
        return VendorDetails(
            name=self.name.strip(),
            currency=self.currency.strip().upper(),
            external_id=text_or_none(self.external_id),
            code=text_or_none(self.code),
            country=country_code(self.country),
            registration_number=text_or_none(self.registration_number),
            tax_registration_number=text_or_none(self.tax_registration_number),
        )


class Vendor(Wire):
    """A vendor as Pleo holds it."""

    id: str = Field(min_length=1)
    company_id: str
    name: str
    state: str
    """One of `STATES`; open on read."""
    default_currency: str
    external_id: str | None = None
    code: str | None = None
    country: str | None = None
    registration_number: str | None = None
    tax_registration_number: str | None = None
    accounting_system: str | None = None
    """Name of the ERP Pleo links it to; its values are not published."""
    created_at: Instant | None = None
    updated_at: Instant | None = None
    """Moved by our own writes, too: no sign of a change (VEN-084)."""

    @property
    def details(self) -> VendorDetails:
        """As it stands in Pleo, unified."""
        return VendorDetails(
            name=self.name,
            currency=self.default_currency,
            external_id=self.external_id,
            code=self.code,
            country=self.country,
            registration_number=self.registration_number,
            tax_registration_number=self.tax_registration_number,
        ).normal()


class VendorsApi:
    """Calls on vendors. `page_size` is the `limit` of every search."""

    def __init__(self, client: PleoClient, *, page_size: int = PAGE_SIZE) -> None:
        self._client = client
        self._page_size = page_size

    async def all(self, company_id: str, states: Collection[str] = STATES) -> tuple[Vendor, ...]:
        """Every vendor of the company in these states, which are always named (VEN-041).

        Raises `UnreadableAnswer` for an unreadable record or one of another company, `Forbidden` when the company is
        not admitted to the Vendors API (VEN-004).
        """
        return await self._search(company_id, {"states": list(states)})

    async def search(
        self,
        company_id: str,
        *,
        external_ids: Sequence[str] = (),
        codes: Sequence[str] = (),
        ids: Sequence[str] = (),
        tax_registration_numbers: Sequence[str] = (),
        states: Collection[str] = STATES,
    ) -> tuple[Vendor, ...]:
        """The vendors with one of these values, in all states unless told otherwise, 100 values a call (VEN-028).

        Exactly one list may be given, since how lists combine is not published; a list without a value finds nothing
        and makes no call. What comes is Pleo's idea of equal: compare again. Raises as `all`, and `ValueError`.
        """
        lists = {
            "externalIds": external_ids,
            "codes": codes,
            "ids": ids,
            "taxRegistrationNumbers": tax_registration_numbers,
        }
        given = {name: values for name, values in lists.items() if values}
        if len(given) > 1:
            raise ValueError("a vendor search takes one list of values")
        found: list[Vendor] = []
        for name, values in given.items():
            wanted = list(dict.fromkeys(text for value in values if (text := text_or_none(value))))
            for some in batches(wanted, MAX_VALUES):
                found.extend(await self._search(company_id, {name: list(some), "states": list(states)}))
        return of_company(company_id, found, "searchVendors")

    async def get(self, vendor_id: str) -> Vendor:
        """One vendor. The call names no company: compare `company_id` before any write (VEN-014). Raises `NotFound`."""
        call = Call("getVendorById", "GET", path_of("v1", "vendors", vendor_id))
        return await self._client.record(call, Vendor, inside="data")

    async def create(self, company_id: str, details: VendorDetails) -> Vendor:
        """A new vendor of the ERP; activate it unless the answer says `ACTIVE` (VEN-044).

        Raises `Conflict`: search, adopt or report, never repeat (VEN-055); `OutcomeUnknown` on a lost reply: search by
        external id (VEN-131); `ValueError` without an external id (VEN-031).
        """
        call = Call("postVendor", "POST", _PATH, body={"companyId": company_id, **_body(details)})
        return await self._client.record(call, Vendor, inside="data")

    async def update(self, vendor: Vendor, details: VendorDetails) -> Vendor:
        """Send all writable members; company and state as just read (VEN-032, -054).

        Raises `Conflict` (VEN-056), `NotFound`, `BadRequest`, and `ValueError` for a vendor in an unknown state.
        """
        if vendor.state not in STATES:
            raise ValueError("a vendor in an unknown state is not written to (VEN-090)")
        body = {"companyId": vendor.company_id, "state": vendor.state, **_body(details)}
        call = Call("updateVendor", "PUT", path_of("v1", "vendors", vendor.id), body=body)
        return await self._client.record(call, Vendor, inside="data")

    async def activate(self, vendor_id: str, external_id: str, code: str | None = None) -> None:
        """Make a draft or archived vendor `ACTIVE` with the ERP's identifiers (VEN-068, -047).

        Read the state first (VEN-091) and again afterwards, since nothing is returned (VEN-083). After a lost reply the
        vendor is read and the call made once more unless it had worked. Raises `NotFound` (VEN-075), `OutcomeUnknown`.
        """
        key, number = text_or_none(external_id), text_or_none(code)
        if key is None:
            raise ValueError("activating a vendor needs its external id (VEN-068)")
        body = {"externalId": key, **({"code": number} if number else {})}
        path = f"{path_of('v1', 'vendors', vendor_id)}:activate"
        call = Call("activateVendor", "POST", path, body=body)
        try:
            await self._client.send(call)
        except OutcomeUnknown:
            now = await self.get(vendor_id)
            carries = now.details.external_id == key and number in (None, now.details.code)
            if now.state != ACTIVE or not carries:
                await self._client.send(call)

    async def archive(self, vendor_id: str) -> None:
        """Make a vendor `ARCHIVED`; no body (VEN-046). As `activate` otherwise."""
        call = Call("archiveVendorById", "POST", f"{path_of('v1', 'vendors', vendor_id)}:archive")
        try:
            await self._client.send(call)
        except OutcomeUnknown:
            if (await self.get(vendor_id)).state != ARCHIVED:
                await self._client.send(call)

    async def _search(self, company_id: str, body: dict[str, Any]) -> tuple[Vendor, ...]:
        call = Call("searchVendors", "POST", f"{_PATH}:search", [("company_id", company_id)], body=body, safe=True)
        found = await records(self._client, call, Vendor, limit=self._page_size)
        return of_company(company_id, found, call.operation)


def _body(details: VendorDetails) -> dict[str, str]:
    """Members with a value; the others are left out (VEN-035)."""
    normal = details.normal()
    if not normal.name or not normal.external_id:
        raise ValueError("a vendor needs a name and an external id (VEN-030, VEN-031)")
    if not _CURRENCY.fullmatch(normal.currency):
        raise ValueError("a vendor's currency is three letters of ISO 4217 (VEN-033)")
    members = {
        "name": normal.name,
        "defaultCurrency": normal.currency,
        "externalId": normal.external_id,
        "code": normal.code,
        "country": normal.country,
        "registrationNumber": normal.registration_number,
        "taxRegistrationNumber": normal.tax_registration_number,
    }
    return {name: value for name, value in members.items() if value is not None}
