"""Parties of Tryton as vendors: read whole, and found by each of their keys. Nothing here writes.

A party serves all companies of the database and may be customer, vendor and employee at once; Tryton does not say which
are vendors. All are but the companies themselves, unless the binding names a category (VEN-058).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from ledgerbridge.bookkeeping.master_data import ErpVendor, VendorLookup
from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.erp.port import ErpError
from ledgerbridge.erp.tryton import identifiers
from ledgerbridge.erp.tryton.chart import shaped
from ledgerbridge.erp.tryton.client import ANY, Client, one_of
from ledgerbridge.erp.tryton.identifiers import Identifier
from ledgerbridge.erp.tryton.wire import Record

MODEL = "party.party"
_FIELDS = (
    "code",
    "name",
    "active",
    "replaced_by",
    "categories",
    "account_payable.code",
    "tax_identifier.type",
    "tax_identifier.code",
    "tax_identifier.code_compact",
    "identifiers.type",
    "identifiers.code",
    "identifiers.code_compact",
    "addresses.country.code",
)
_BLOCK = 200
"""How many values of one key are asked for at once: the question travels in the address of the call."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which parties are vendors."""

    companies: tuple[int, ...]
    """Parties of the companies of the database; never vendors."""
    category: int | None
    """Only parties of this category; None means all."""


async def selection(client: Client, category: str | None) -> Selection:
    """Raises `ErpError` when the category of the binding is not there: its vendors must not seem to have gone."""
    companies = await client.search("company.company", [], ("party",))
    number = None
    if category is not None:
        rows = await client.search("party.category", [["rec_name", "=", category]], ("rec_name",))
        found = shaped(lambda: [row["id"] for row in rows if row["rec_name"] == category])
        if len(found) != 1:
            said = f"Tryton: {len(found)} party categories are called {category!r}"
            raise ErpError(problem(Failure.VENDOR_SELECTION_UNKNOWN, said, selection=f"the category {category}"))
        number = found[0]
    return Selection(shaped(lambda: tuple(row["party"] for row in companies)), number)


async def vendors(client: Client, category: str | None) -> list[ErpVendor]:
    """Every vendor of the selection, inactive ones included (VEN-040)."""
    chosen = await selection(client, category)
    domain: list[object] = [ANY, ["id", "not in", list(chosen.companies)]]
    if chosen.category is not None:
        domain.append(["categories", "=", chosen.category])
    rows = await client.whole(MODEL, domain, _FIELDS)
    return shaped(lambda: _one_holder([_vendor(row, chosen) for row in rows]))


async def find(client: Client, category: str | None, wanted: VendorLookup) -> list[ErpVendor]:
    """Vendors with any of these keys, each once, inactive ones included (VEN-052, VEN-063).

    A vendor outside the selection is told too, as inactive: it was not deleted, but left (VEN-058).
    """
    chosen = await selection(client, category)
    found: dict[int, Record] = {}
    ours: list[object] = [ANY, ["id", "not in", list(chosen.companies)]]
    for clause in _clauses(wanted):
        found |= {row["id"]: row for row in await client.search(MODEL, [*ours, clause], _FIELDS)}
    asked = set(found)
    marks = shaped(lambda: {identifiers.PLEO + mark for row in found.values() if (mark := _pleo_id(row))})
    if marks:
        # Somebody may have duplicated the vendor, identifiers and all; which is the original shows only beside it.
        domain = [*ours, ["identifiers.code", "in", sorted(marks)]]
        found |= {row["id"]: row for row in await client.search(MODEL, domain, _FIELDS)}
    told = shaped(lambda: _one_holder([_vendor(found[number], chosen) for number in sorted(found)]))
    return [vendor for vendor in _restored(told, wanted) if int(vendor.id) in asked and _wanted(vendor, wanted)]


def _clauses(wanted: VendorLookup) -> Iterator[list[object]]:
    numbers = [int(number) for number in wanted.ids if number.isascii() and number.isdigit() and len(number) < 10]
    for block in _blocks(numbers):
        yield ["id", "in", block]
    for block in _blocks(wanted.codes):
        yield ["code", "in", block]
    if wanted.pleo_id:
        mark, code = identifiers.PLEO + wanted.pleo_id, identifiers.code_of(wanted.pleo_id)
        yield one_of(["identifiers.code", "=", mark], ["code", "=", code])
    for number in (wanted.tax_registration_number, wanted.registration_number):
        if spellings := identifiers.spellings(number or ""):
            written = [["identifiers.code", "in", spellings], ["identifiers.code_compact", "in", spellings]]
            like = identifiers.prefixed(number or "")
            yield one_of(*written, *([["identifiers.code_compact", "like", like]] if like else []))


def _blocks(values: Iterable[object]) -> Iterator[list[object]]:
    left = iter(dict.fromkeys(values))
    while block := list(islice(left, _BLOCK)):
        yield block


def _wanted(vendor: ErpVendor, wanted: VendorLookup) -> bool:
    """The searches are a little wider than the question: spellings and patterns."""
    return (
        vendor.id in wanted.ids
        or vendor.code in wanted.codes
        or (wanted.pleo_id is not None and vendor.pleo_id == wanted.pleo_id)
        or identifiers.same_tax(vendor.tax_registration_number, vendor.country, wanted.tax_registration_number)
        or identifiers.same(vendor.registration_number, wanted.registration_number)
    )


def _vendor(row: Record, chosen: Selection) -> ErpVendor:
    held, tax = _identifiers(row), _tax_identifier(row)
    inside = chosen.category is None or chosen.category in row["categories"]
    return ErpVendor(
        id=str(row["id"]),
        code=row["code"] or None,
        name=row["name"] or "",
        currency=None,
        country=_country(row) or identifiers.country_of(tax),
        registration_number=identifiers.registration_number(held, tax),
        tax_registration_number=identifiers.tax_number(held, tax),
        payable=row["account_payable"]["code"] if row["account_payable"] else None,
        active=bool(row["active"]) and inside,
        pleo_id=_pleo_id(row),
        merged_into=str(row["replaced_by"]) if row["replaced_by"] else None,
    )


def _identifiers(row: Record) -> list[Identifier]:
    return [_identifier(each) for each in row["identifiers"]]


def _tax_identifier(row: Record) -> Identifier | None:
    return _identifier(row["tax_identifier"]) if row["tax_identifier"] else None


def _identifier(row: Record) -> Identifier:
    return Identifier(row["type"], row["code"], row["code_compact"])


def _pleo_id(row: Record) -> str | None:
    return identifiers.pleo_id(_identifiers(row))


def _country(row: Record) -> str | None:
    codes = [each["country"]["code"] for each in row["addresses"] if each["country"]]
    return str(codes[0]) if codes else None


def _one_holder(found: Sequence[ErpVendor]) -> list[ErpVendor]:
    """Of vendors that carry the same Pleo id only the one with our number keeps it, else the oldest: the others are
    copies somebody made of it."""
    holders: dict[str, ErpVendor] = {}
    for vendor in found:
        if vendor.pleo_id is None:
            continue
        if vendor.pleo_id not in holders or vendor.code == identifiers.code_of(vendor.pleo_id):
            holders[vendor.pleo_id] = vendor
    return [
        vendor if vendor.pleo_id is None or holders[vendor.pleo_id] is vendor else replace(vendor, pleo_id=None)
        for vendor in found
    ]


def _restored(found: Sequence[ErpVendor], wanted: VendorLookup) -> list[ErpVendor]:
    """A vendor with the number made from the Pleo id is the one, though somebody took the id off it."""
    if wanted.pleo_id is None or any(vendor.pleo_id == wanted.pleo_id for vendor in found):
        return list(found)
    code = identifiers.code_of(wanted.pleo_id)
    return [
        replace(vendor, pleo_id=wanted.pleo_id) if vendor.code == code and vendor.pleo_id is None else vendor
        for vendor in found
    ]
