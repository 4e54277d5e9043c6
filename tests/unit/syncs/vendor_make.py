"""Short ways to write the vendors of both systems and their links."""

from __future__ import annotations

from typing import Any

from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.pleo.vendors import Vendor
from ledgerbridge.store.tables import LinkPhase
from ledgerbridge.syncs.vendors.fields import erp_digest, mapped, pleo_digest
from ledgerbridge.syncs.vendors.judge import Books, Judged, judge
from ledgerbridge.syncs.vendors.links import Link
from ledgerbridge.syncs.vendors.pairing import pair

COMPANY = "c0000000-0000-4000-8000-000000000001"
BOOKS = Books("DKK", frozenset({"tryton", "ledgerbridge"}))
TAX = "DK12345678"


def erp(number: int = 1, *, active: bool = True, **changes: Any) -> ErpVendor:
    """An ERP vendor with id, number and name made from `number`."""
    members: dict[str, Any] = {
        "currency": None,
        "country": "DK",
        "registration_number": None,
        "tax_registration_number": None,
        "payable": None,
        "active": active,
        "code": f"V{number}",
        "name": f"Vendor {number}",
        **changes,
    }
    return ErpVendor(id=members.pop("id", str(number)), **members)


def pleo(key: str = "p", state: str = "ACTIVE", **changes: Any) -> Vendor:
    """A Pleo vendor without any identifier."""
    members: dict[str, Any] = {"name": "Vendor 1", "default_currency": "DKK", "country": "DK", **changes}
    return Vendor(id=key, company_id=COMPANY, state=state, **members)


def mirror(of: ErpVendor, key: str = "p", state: str = "ACTIVE", **changes: Any) -> Vendor:
    """The Pleo vendor that holds exactly what the ERP's says."""
    members: dict[str, Any] = {
        "name": of.name,
        "default_currency": of.currency or "DKK",
        "external_id": of.id,
        "code": of.code,
        "country": of.country,
        "registration_number": of.registration_number,
        "tax_registration_number": of.tax_registration_number,
        **changes,
    }
    return Vendor(id=key, company_id=COMPANY, state=state, **members)


def link(of: ErpVendor, at: Vendor, phase: LinkPhase = LinkPhase.LINKED, **changes: Any) -> Link:
    """The link of a pair that was in step."""
    members: dict[str, Any] = {
        "erp_id": of.id,
        "code": of.code,
        "erp_digest": erp_digest(of, mapped(of, "DKK")),
        "pleo_digest": pleo_digest(at),
        **changes,
    }
    return Link(at.id, phase, **members)


def judged(of_erp: list[ErpVendor], of_pleo: list[Vendor], links: list[Link]) -> list[Judged]:
    """What is to become of every pair."""
    return [judge(made, BOOKS) for made in pair(of_erp, of_pleo, links)]


def rows(of_erp: list[ErpVendor], of_pleo: list[Vendor], links: list[Link] | None = None) -> list[int]:
    """Numbers of the rows that apply."""
    return sorted(one.row.number for one in judged(of_erp, of_pleo, links or []))
