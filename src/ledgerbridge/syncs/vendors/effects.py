"""The writes to Pleo that keep one vendor in step, each after a look at the vendor as it is now.

Nothing here decides what is wanted; `settle` does. Every function says the vendor as it stands afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledgerbridge.pleo.errors import Conflict
from ledgerbridge.pleo.ownership import same_id
from ledgerbridge.pleo.vendors import ACTIVE, ARCHIVED, Vendor, VendorDetails
from ledgerbridge.syncs.apply import surely
from ledgerbridge.syncs.vendors.bench import Bench


class OtherCompany(Exception):
    """Pleo showed a vendor of another company: it is not touched (VEN-014)."""

    text = "Pleo shows it as belonging to another company. It is left alone; tell us."


async def read(bench: Bench, vendor_id: str) -> Vendor:
    """The vendor as it is now. Raises `OtherCompany`, `NotFound`."""
    vendor = await bench.api.get(vendor_id)
    if not same_id(vendor.company_id, bench.desk.company_id):
        raise OtherCompany
    return vendor


async def create(bench: Bench, details: VendorDetails) -> Vendor:
    """A new vendor, active, once (VEN-043, VEN-044). Raises `Conflict` (VEN-055)."""
    company, key = bench.desk.company_id, details.external_id or ""

    async def found() -> Vendor | None:
        """What a creation without an answer left behind (VEN-131)."""
        same = [one for one in await bench.api.search(company, external_ids=[key]) if one.details.external_id == key]
        return same[0] if same else None

    made = await surely(lambda: bench.api.create(company, details), found)
    if not same_id(made.company_id, company):
        raise OtherCompany
    return made if made.state == ACTIVE else await activate(bench, made, details)


async def activate(bench: Bench, now: Vendor, details: VendorDetails) -> Vendor:
    """`now`, just read, made active with the ERP's identifiers, which an active one is spared (VEN-068, VEN-091)."""
    if now.state == ACTIVE:
        return now
    await bench.api.activate(now.id, details.external_id or "", details.code)
    return await read(bench, now.id)


async def equalise(bench: Bench, now: Vendor, details: VendorDetails) -> Vendor:
    """`now`, just read, with the ERP's values; no call when it has them (VEN-045, VEN-032).

    A clash is looked at once more (VEN-056); raises `Conflict` when it repeats.
    """
    if now.details == details:
        return now
    try:
        return await bench.api.update(now, details)
    except Conflict:
        now = await read(bench, now.id)
    return now if now.details == details else await bench.api.update(now, details)


async def archive(bench: Bench, now: Vendor) -> Vendor:
    """`now`, just read, archived unless it is (VEN-046, VEN-091)."""
    if now.state == ARCHIVED:
        return now
    await bench.api.archive(now.id)
    return await read(bench, now.id)


async def counterparts(bench: Bench, erp_ids: Sequence[str], codes: Sequence[str] = ()) -> list[Vendor]:
    """Pleo's vendors with one of these external ids, or else of these codes (VEN-055)."""
    found = await bench.api.search(bench.desk.company_id, external_ids=erp_ids)
    return list(found or await bench.api.search(bench.desk.company_id, codes=codes))
