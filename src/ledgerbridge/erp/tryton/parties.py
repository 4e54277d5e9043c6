"""Parties of Tryton as vendors: read, and found by each of their keys. Nothing here writes.

A party serves all companies of the database and may be customer, vendor and employee at once, so Tryton cannot say
which are vendors. All are, but the companies themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledgerbridge.bookkeeping.master_data import ErpVendor, VendorLookup
from ledgerbridge.erp.tryton.chart import shaped
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.wire import Record

MODEL = "party.party"
PLEO = "PLEO:"
"""Begins the identifier that holds Pleo's vendor id."""
FIELDS = (
    "code",
    "name",
    "active",
    "replaced_by",
    "account_payable.code",
    "tax_identifier.code",
    "identifiers.type",
    "identifiers.code",
    "addresses.country.code",
)
_ANY: list[object] = ["active", "in", [True, False]]


async def vendors(client: Client) -> list[ErpVendor]:
    """Every party that is no company, inactive ones included."""
    companies = await _companies(client)
    rows = await client.search(MODEL, [_ANY, ["id", "not in", companies]], FIELDS)
    return shaped(lambda: [vendor(row) for row in rows])


async def find(client: Client, wanted: VendorLookup) -> list[ErpVendor]:
    """Vendors with any of these keys, each once."""
    clauses = _clauses(wanted)
    if not clauses:
        return []
    companies = await _companies(client)
    domain = [_ANY, ["id", "not in", companies], ["OR", *clauses]]
    rows = await client.search(MODEL, domain, FIELDS)
    return shaped(lambda: [vendor(row) for row in rows])


def _clauses(wanted: VendorLookup) -> list[object]:
    clauses: list[object] = []
    if numbers := [int(number) for number in wanted.ids if number.isascii() and number.isdigit()]:
        clauses.append(["id", "in", numbers])
    if wanted.codes:
        clauses.append(["code", "in", list(wanted.codes)])
    if wanted.pleo_id:
        clauses.append(["identifiers.code", "=", PLEO + wanted.pleo_id])
    if numbers_told := [text for text in (wanted.tax_registration_number, wanted.registration_number) if text]:
        clauses.append(["identifiers.code_compact", "in", numbers_told])
    return clauses


async def _companies(client: Client) -> list[int]:
    rows = await client.search("company.company", [], ("party",))
    return shaped(lambda: [row["party"] for row in rows])


def vendor(row: Record) -> ErpVendor:
    """A party as a vendor."""
    return ErpVendor(
        id=str(row["id"]),
        code=row["code"],
        name=row["name"] or "",
        currency=None,
        country=_country(row),
        registration_number=_registration_number(row),
        tax_registration_number=row["tax_identifier"]["code"] if row["tax_identifier"] else None,
        payable=row["account_payable"]["code"] if row["account_payable"] else None,
        active=bool(row["active"]),
        pleo_id=_pleo_id(row),
    )


def _country(row: Record) -> str | None:
    codes = [each["country"]["code"] for each in row["addresses"] if each["country"]]
    return str(codes[0]) if codes else None


def _registration_number(row: Record) -> str | None:
    tax = row["tax_identifier"]["code"] if row["tax_identifier"] else None
    others: Sequence[str] = [
        each["code"] for each in row["identifiers"] if each["code"] != tax and not each["code"].startswith(PLEO)
    ]
    return others[0] if others else None


def _pleo_id(row: Record) -> str | None:
    found = [each["code"][len(PLEO) :] for each in row["identifiers"] if each["code"].startswith(PLEO)]
    return found[0] if found else None
