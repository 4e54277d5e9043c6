"""Tax codes of a company, as the ERP names them, and the splitting of amounts by them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from pleo_sandbox.core.choices import Choices
from pleo_sandbox.core.clock import Clock, stamp
from pleo_sandbox.core.problems import bad_request, not_found
from pleo_sandbox.core.shelf import Shelf
from pleo_sandbox.core.words import choice_of, flag_of, new_id, nullable_text_of, object_of, text_of

TYPES = ("inclusive", "exclusive", "reverse")
MEMBERS = ("archived", "companyId", "name", "rate", "type", "code", "ingoingTaxAccount", "outgoingTaxAccount")


@dataclass(frozen=True)
class TaxDetails:
    """The writable members, checked. ``rate`` is a fraction and kept as the number that was sent."""

    archived: bool
    name: str
    rate: float
    type: str
    code: str | None = None
    ingoing: str | None = None
    outgoing: str | None = None


@dataclass
class TaxCode:
    """One tax code; ``system`` is the read-only ``accountingIntegrationSystem``."""

    id: str
    company_id: str
    details: TaxDetails
    created_at: datetime
    updated_at: datetime
    system: str | None = None

    def as_published(self) -> dict[str, Any]:
        """The shape of ``TaxCodeModel``."""
        details = self.details
        return {
            "id": self.id,
            "companyId": self.company_id,
            "archived": details.archived,
            "code": details.code,
            "name": details.name,
            "rate": details.rate,
            "type": details.type,
            "ingoingTaxAccount": details.ingoing,
            "outgoingTaxAccount": details.outgoing,
            "accountingIntegrationSystem": self.system,
            "createdAt": stamp(self.created_at),
            "updatedAt": stamp(self.updated_at),
        }


class TaxCodes:
    """All tax codes. Uniqueness of ``code`` is unpublished; here two may share one unless switched."""

    def __init__(self, clock: Clock, choices: Choices) -> None:
        self._clock, self._choices = clock, choices
        self._shelf: Shelf[TaxCode] = Shelf(lambda t: t.company_id, lambda t: (t.company_id, t.details.code))

    def of(self, companies: str | Iterable[str]) -> list[TaxCode]:
        """The tax codes of these companies, in order of creation."""
        return self._shelf.of(companies)

    def coded(self, company_id: str, code: str) -> list[TaxCode]:
        """Those of a company with this ``code``."""
        return self._shelf.under((company_id, code))

    def visible(self, tax_code_id: str, companies: frozenset[str]) -> TaxCode:
        """One tax code of one of these companies; a 404 refusal otherwise."""
        found = self._shelf.get(tax_code_id)
        if found is None or found.company_id not in companies:
            raise not_found("There is no such tax code")
        return found

    def create(self, company_id: str, body: dict[str, Any]) -> TaxCode:
        """``POST``."""
        details = self.read(body)
        self._refuse_repeated(company_id, details, None)
        return self.put(company_id, details)

    def put(self, company_id: str, details: TaxDetails) -> TaxCode:
        """Stores a tax code as given."""
        now = self._clock.now()
        return self._shelf.put(TaxCode(new_id(), company_id, details, now, now))

    def update(self, tax_code: TaxCode, body: dict[str, Any]) -> TaxCode:
        """``PUT`` with the body of a create."""
        details = self.read(body)
        if self._choices.put_omitted == "kept":
            old = tax_code.details
            details = TaxDetails(
                details.archived,
                details.name,
                details.rate,
                details.type,
                details.code if "code" in body else old.code,
                details.ingoing if "ingoingTaxAccount" in body else old.ingoing,
                details.outgoing if "outgoingTaxAccount" in body else old.outgoing,
            )
        self._refuse_repeated(tax_code.company_id, details, tax_code)
        with self._shelf.changing(tax_code):
            tax_code.details = details
        tax_code.updated_at = self._clock.now()
        return tax_code

    def delete(self, tax_code: TaxCode) -> None:
        """``DELETE``; preconditions are unpublished, none are made up."""
        self._shelf.drop(tax_code)

    def read(self, body: dict[str, Any]) -> TaxDetails:
        """Checks the members that create and update share; a 400 refusal."""
        rate = body.get("rate")
        if isinstance(rate, bool) or not isinstance(rate, int | float):
            raise bad_request("rate must be a number")
        kind = choice_of(body, "type", TYPES, required=True) or ""
        if kind == "exclusive" and self._choices.tax_exclusive == "refused":
            raise bad_request("type exclusive is not supported for now")
        return TaxDetails(
            archived=bool(flag_of(body, "archived", required=True)),
            name=text_of(body, "name", required=True) or "",
            rate=rate,
            type=kind,
            code=nullable_text_of(body, "code"),
            ingoing=nullable_text_of(body, "ingoingTaxAccount"),
            outgoing=nullable_text_of(body, "outgoingTaxAccount"),
        )

    def _refuse_repeated(self, company_id: str, details: TaxDetails, but: TaxCode | None) -> None:
        if not self._choices.tax_code_unique or not details.code:
            return
        if any(other is not but for other in self.coded(company_id, details.code)):
            raise bad_request("The company has a tax code with this code")

    def split(self, body: dict[str, Any], companies: frozenset[str]) -> dict[str, Any]:
        """``:calculate-tax-amounts``: gross, net and tax of amounts by tax code, in minor units, halves to even."""
        wanted = object_of(body.get("amountsByTaxCodeId"), "amountsByTaxCodeId")
        taxes: dict[str, Any] = {}
        for tax_code_id, amounts in wanted.items():
            tax_code = self.visible(tax_code_id, companies)
            if not isinstance(amounts, list):
                raise bad_request("amountsByTaxCodeId must map ids to lists of amounts")
            taxes[tax_code_id] = [_split(tax_code, object_of(amount, "Each amount")) for amount in amounts]
        return {"taxes": taxes}


def _split(tax_code: TaxCode, amount: dict[str, Any]) -> dict[str, Any]:
    money = object_of(amount.get("amount"), "amount")
    minors, currency = money.get("minors"), text_of(money, "currency", required=True)
    if isinstance(minors, bool) or not isinstance(minors, int):
        raise bad_request("minors must be a whole number")
    rate = Decimal(str(tax_code.details.rate))
    gross = minors
    if tax_code.details.type == "inclusive":
        tax = int((minors * rate / (1 + rate)).quantize(Decimal(1), ROUND_HALF_EVEN))
        net = gross - tax
    else:
        tax, net = int((minors * rate).quantize(Decimal(1), ROUND_HALF_EVEN)), minors
        gross = net + tax if tax_code.details.type == "exclusive" else net
    parts = {"gross": gross, "net": net, "tax": tax}
    breakdown = {name: {"currency": currency, "minors": value} for name, value in parts.items()}
    return {"id": text_of(amount, "id", required=True), "amountTaxBreakdown": breakdown}
