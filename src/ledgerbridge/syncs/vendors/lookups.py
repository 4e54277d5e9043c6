"""ERP vendors that a Pleo vendor may stand for, read from the ERP by key (VEN-052, VEN-063)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ledgerbridge.bookkeeping.master_data import ErpVendor, VendorLookup
from ledgerbridge.erp.port import Erp
from ledgerbridge.pleo.vendors import Vendor
from ledgerbridge.syncs.apply import chunks
from ledgerbridge.syncs.vendors import links
from ledgerbridge.syncs.vendors.bench import Bench
from ledgerbridge.syncs.vendors.fields import tax_key
from ledgerbridge.syncs.vendors.pairing import Pair, pair

IDS_A_QUESTION = 100


async def candidates(erp: Erp, vendor: Vendor, linked: str | None = None) -> list[ErpVendor]:
    """Every ERP vendor with one of the keys of a Pleo vendor, or the id its link names; inactive ones, too."""
    shown = vendor.details
    ids = tuple(dict.fromkeys(key for key in (linked, shown.external_id) if key))
    first = VendorLookup(
        ids=ids,
        codes=(shown.code,) if shown.code else (),
        pleo_id=vendor.id,
        tax_registration_number=shown.tax_registration_number,
        registration_number=shown.registration_number,
    )
    found = list(await erp.find_vendors(first))
    for written in _other_spellings(vendor):
        found.extend(await erp.find_vendors(VendorLookup(tax_registration_number=written)))
    return _once(found)


async def by_ids(erp: Erp, ids: Sequence[str]) -> list[ErpVendor]:
    """The ERP vendors with these ids, by direct reads; one that is not among them is gone (VEN-052)."""
    found: list[ErpVendor] = []
    for some in chunks(ids, IDS_A_QUESTION):
        wanted = set(some)
        found.extend(one for one in await erp.find_vendors(VendorLookup(ids=tuple(some))) if one.id.strip() in wanted)
    return _once(found)


async def beside(bench: Bench, vendor: Vendor, found: Sequence[ErpVendor]) -> Pair:
    """The pair of one Pleo vendor beside the ERP vendors that fit, with whoever else stands for one of them."""
    ids = [one.id.strip() for one in found]
    async with bench.desk.db.reading() as session:
        known = await links.about(session, bench.desk.connection_id, [vendor.id], ids)
    holders = [link.pleo_id for link in known if link.binds and link.pleo_id != vendor.id]
    company = bench.desk.company_id
    others = [*await bench.api.search(company, ids=holders), *await bench.api.search(company, external_ids=ids)]
    pleo = {one.id: one for one in (*others, vendor)}
    for made in pair(found, list(pleo.values()), known):
        if made.pleo is vendor or (made.pleo is None and vendor in made.pleo_rivals):
            return made
    raise AssertionError("every vendor of Pleo stands in a pair")


def _other_spellings(vendor: Vendor) -> tuple[str, ...]:
    """The tax number with and without its country in front, where it was not written so."""
    shown = vendor.details
    key = tax_key(shown.tax_registration_number, shown.country)
    if key is None:
        return ()
    prefix = "EL" if key[0] == "GR" else key[0]
    return tuple(one for one in (prefix + key[1], key[1]) if one != shown.tax_registration_number)


def _once(vendors: Iterable[ErpVendor]) -> list[ErpVendor]:
    return list({one.id: one for one in vendors}.values())
