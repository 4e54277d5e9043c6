"""Creating one vendor exactly once: look, create under a number only it can have, look again.

The number is made from Pleo's vendor id and unique in Tryton's database, so a second create is refused by the database
itself, whoever sent it and whatever became of the first reply. That is why, other than a booking, a create whose reply
was lost may be sent again at once (VEN-066).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ledgerbridge.bookkeeping.master_data import ErpVendor, NewVendor, VendorLookup
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.erp.port import ErpError
from ledgerbridge.erp.tryton import access, identifiers, key, parties
from ledgerbridge.erp.tryton.chart import shaped
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.errors import CallFailed, Outcome
from ledgerbridge.erp.tryton.patience import Patience


class Creation:
    """Carries out one `create_vendor` and remembers whether a reply of its own was lost."""

    def __init__(self, client: Client, category: str | None, wanted: NewVendor) -> None:
        self._client = client
        self._category = category
        self._wanted = wanted
        self._lost: CallFailed | None = None

    async def run(self, patience: Patience) -> ErpVendor:
        """The vendor with this Pleo id. Raises `ErpError`."""
        try:
            made: ErpVendor = await patience.retrying()(self._try)
        except CallFailed as failure:
            if self._lost:
                raise self._unconfirmed(failure) from None
            raise failure.reading("read vendors") from None
        except ErpError as error:
            if self._lost and error.problem.row.retry:
                raise self._unconfirmed(error.problem.internal) from None
            raise
        return made

    async def _try(self) -> ErpVendor:
        if standing := await self._standing():
            return standing
        if not key.plain(self._wanted.name):
            raise ErpError(problem(Failure.VENDOR_REFUSED, vendor=self._wanted.pleo_id, message="it has no name."))
        values = await self._values()
        try:
            await self._client.create(parties.MODEL, values, ("code",))
        except CallFailed as failure:
            if failure.perhaps_done:
                self._lost = failure
                if not failure.again:
                    raise CallFailed(Outcome.NO_REPLY, failure.operation, said=failure.said) from None
            if failure.again:
                raise
            if standing := await self._standing():
                return standing
            raise ErpError(await self._explained(failure)) from None
        if standing := await self._standing():
            return standing
        raise CallFailed(Outcome.FAULT, f"{parties.MODEL} create", said="made, but not found by its number")

    async def _standing(self) -> ErpVendor | None:
        found = await parties.find(self._client, self._category, VendorLookup(pleo_id=self._wanted.pleo_id))
        return found[0] if found else None

    async def _values(self) -> dict[str, Any]:
        """What is sent: never more than Pleo knows; Tryton's own defaults supply the rest (VEN-067)."""
        wanted = self._wanted
        values: dict[str, Any] = {
            "name": key.plain(wanted.name),
            "code": identifiers.code_of(wanted.pleo_id),
            "identifiers": [["create", _identifiers(wanted, await self._known_types())]],
            # A bill cannot be made out to a party without an address.
            "addresses": [["create", [await self._address()]]],
        }
        chosen = await parties.selection(self._client, self._category)
        if chosen.category is not None:
            values["categories"] = [["add", [chosen.category]]]
        return values

    async def _known_types(self) -> frozenset[str]:
        """Types of identifiers this Tryton offers; a company may have narrowed them."""
        if not self._wanted.tax_registration_number:
            return frozenset()
        answer = await self._client.ask("party.identifier", "get_types", {})
        return shaped(lambda: frozenset(kind for kind, _ in answer if kind))

    async def _address(self) -> dict[str, Any]:
        if not self._wanted.country:
            return {}
        code = {"UK": "GB"}.get(self._wanted.country, self._wanted.country)
        countries = await self._client.search("country.country", [["code", "=", code]], ("code",))
        return {"country": countries[0]["id"]} if countries else {}

    async def _explained(self, failure: CallFailed) -> Problem:
        """Which failure a refusal stands for, found out by reading: Tryton's sentence has no code."""
        if failure.outcome is not Outcome.REFUSED:
            return failure.problem("create vendors")
        if not await access.may_create_vendors(self._client):
            return problem(Failure.ERP_FORBIDDEN, failure.internal, action="create vendors")
        said = failure.problem().facts["message"]
        number = self._wanted.tax_registration_number
        if number:
            return problem(
                Failure.VENDOR_TAX_NUMBER_REFUSED,
                failure.internal,
                vendor=self._wanted.name,
                number=number,
                message=said,
            )
        return problem(Failure.VENDOR_REFUSED, failure.internal, vendor=self._wanted.name, message=said)

    def _unconfirmed(self, then: object) -> ErpError:
        internal = f"{self._lost.internal if self._lost else ''}; then {then}"
        reference = identifiers.code_of(self._wanted.pleo_id)
        return ErpError(
            problem(Failure.VENDOR_UNCONFIRMED, internal, vendor=self._wanted.name, reference=reference),
            outcome_unknown=True,
        )


def _identifiers(wanted: NewVendor, known: Collection[str]) -> list[dict[str, Any]]:
    numbers: list[tuple[str | None, str]] = []
    if wanted.tax_registration_number:
        numbers.append(identifiers.for_tax(wanted.tax_registration_number, wanted.country, known))
    if wanted.registration_number:
        numbers.append((None, wanted.registration_number))
    numbers.append((None, identifiers.PLEO + wanted.pleo_id))
    return [{"type": kind, "code": key.plain(code)} for kind, code in numbers]
