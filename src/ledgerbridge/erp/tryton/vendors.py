"""Creating a vendor in Tryton exactly once."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from ledgerbridge.bookkeeping.master_data import ErpVendor, NewVendor, VendorLookup
from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.erp.port import ErpError
from ledgerbridge.erp.tryton import key, parties
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.errors import CallFailed


def code_of(pleo_id: str) -> str:
    """The vendor number a vendor from Pleo gets: Tryton's database lets no second party have it."""
    digest = hashlib.sha256(pleo_id.encode()).digest()
    return f"PLEO-{base64.b32encode(digest).decode()[:10]}"


async def create(client: Client, wanted: NewVendor) -> ErpVendor:
    """The vendor with this Pleo id, made if there is none. Raises `CallFailed` and `ErpError`."""
    if standing := await _standing(client, wanted):
        return standing
    try:
        await client.create(parties.MODEL, await _values(client, wanted), ("code",))
    except CallFailed as failure:
        if not (standing := await _standing(client, wanted)):
            if failure.perhaps_done:
                raise ErpError(
                    problem(Failure.OUTCOME_UNKNOWN, failure.internal, reference=code_of(wanted.pleo_id)),
                    outcome_unknown=True,
                ) from None
            raise ErpError(failure.problem("create vendors")) from None
        return standing
    found = await _standing(client, wanted)
    if found is None:
        raise ErpError(problem(Failure.ERP_FAULT, "Tryton: party made, but not found by its Pleo id"))
    return found


async def _standing(client: Client, wanted: NewVendor) -> ErpVendor | None:
    lookup = VendorLookup(codes=(code_of(wanted.pleo_id),), pleo_id=wanted.pleo_id)
    found = await parties.find(client, lookup)
    return found[0] if found else None


async def _values(client: Client, wanted: NewVendor) -> dict[str, Any]:
    address: dict[str, Any] = {}
    if wanted.country:
        countries = await client.search("country.country", [["code", "=", wanted.country]], ("code",))
        address = {"country": countries[0]["id"]} if countries else {}
    identifiers: list[dict[str, Any]] = []
    if wanted.tax_registration_number:
        identifiers.append({"type": "eu_vat", "code": wanted.tax_registration_number})
    if wanted.registration_number:
        identifiers.append({"code": wanted.registration_number})
    identifiers.append({"code": parties.PLEO + wanted.pleo_id})
    return {
        "name": key.plain(wanted.name),
        "code": code_of(wanted.pleo_id),
        "identifiers": [["create", identifiers]],
        "addresses": [["create", [address]]],
    }
