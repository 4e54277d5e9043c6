"""The Tax Codes API v0: the tax codes of one company. A rate is a `Decimal` on both sides of the wire (TAX-025).

Archives and never deletes (TAX-038). One model serves creation and update, so the whole body goes out each time
(TAX-023). No status of success is published: any 2xx is one (TAX-039).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import Field

from ledgerbridge.pleo.endpoints import path_of
from ledgerbridge.pleo.models import Fraction, Wire
from ledgerbridge.pleo.ownership import of_company
from ledgerbridge.pleo.paging import PAGE_SIZE, records
from ledgerbridge.pleo.transport import Call, PleoClient

TAX_TYPES = ("inclusive", "reverse")
"""What may be sent. `exclusive` exists in the contract but is declared unsupported (TAX-026)."""

_PATH = "/v0/tax-codes"


@dataclass(frozen=True, slots=True)
class TaxCodeDetails:
    """What a tax code says."""

    code: str | None
    """The ERP's identifier, the matching key (TAX-021)."""
    name: str
    rate: Decimal
    """A fraction: 25 % is 0.25 (TAX-024)."""
    type: str
    """One of `TAX_TYPES` when ours; open on read."""
    ingoing_account: str | None = None
    outgoing_account: str | None = None


class TaxCode(Wire):
    """A tax code as Pleo holds it. Its timestamps are not read (TAX-042)."""

    id: str = Field(min_length=1)
    company_id: str
    code: str | None = None
    name: str
    rate: Fraction
    type: str
    ingoing_tax_account: str | None = None
    outgoing_tax_account: str | None = None
    archived: bool

    @property
    def details(self) -> TaxCodeDetails:
        """As it stands in Pleo, to be compared or sent back."""
        return TaxCodeDetails(
            self.code, self.name, self.rate, self.type, self.ingoing_tax_account, self.outgoing_tax_account
        )


class TaxCodesApi:
    """Calls on tax codes. `page_size` is the `limit` of the search."""

    def __init__(self, client: PleoClient, *, page_size: int = PAGE_SIZE) -> None:
        self._client = client
        self._page_size = page_size

    async def all(self, company_id: str) -> tuple[TaxCode, ...]:
        """Every tax code of the company, active and archived (TAX-030 to -034).

        Raises `UnreadableAnswer` for an unreadable record or one of another company.
        """
        params = [("company_id", company_id)]
        call = Call("getTaxCodes", "POST", f"{_PATH}:search", params, body={}, safe=True, exact=True)
        found = await records(self._client, call, TaxCode, limit=self._page_size)
        return of_company(company_id, found, call.operation)

    async def create(self, company_id: str, details: TaxCodeDetails) -> TaxCode:
        """A new active tax code. Look it up before: what a second one does is not published (TAX-036).

        Raises `OutcomeUnknown` on a lost reply: read the tax codes again. `ValueError` for one without a code or of a
        type that is not supported.
        """
        if not (details.code or "").strip() or details.type not in TAX_TYPES:
            raise ValueError("a tax code needs a code and a supported type (TAX-022, TAX-026)")
        call = Call("createTaxCode", "POST", _PATH, body=_body(company_id, details, archived=False), exact=True)
        return await self._client.record(call, TaxCode, inside="data")

    async def update(self, tax_code: TaxCode, details: TaxCodeDetails, *, archived: bool) -> TaxCode:
        """Update, archive or unarchive with the whole body (TAX-023, TAX-037).

        Only to archive one as it stands, an unsupported type is sent back as it was read; else `ValueError`.
        Raises `NotFound` when the tax code is gone.
        """
        if details.type not in TAX_TYPES and not (archived and details == tax_code.details):
            raise ValueError("a tax code needs a supported type (TAX-026)")
        body = _body(tax_code.company_id, details, archived=archived)
        call = Call("updateTaxCode", "PUT", path_of("v0", "tax-codes", tax_code.id), body=body, exact=True)
        return await self._client.record(call, TaxCode, inside="data")


def _body(company_id: str, details: TaxCodeDetails, *, archived: bool) -> dict[str, Any]:
    if not isinstance(details.rate, Decimal) or not details.rate.is_finite():
        raise ValueError("a tax rate is a finite Decimal (TAX-025)")
    return {
        "archived": archived,
        "companyId": company_id,
        "code": details.code,
        "name": details.name,
        "rate": details.rate,
        "type": details.type,
        "ingoingTaxAccount": details.ingoing_account,
        "outgoingTaxAccount": details.outgoing_account,
    }
