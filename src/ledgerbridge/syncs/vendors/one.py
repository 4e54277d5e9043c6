"""Single vendors: the one an event or an export speaks of, and the drafts found by asking (vendors.md, "On an event").

The same pairing, table and steps as in a full run, on the few vendors that can be concerned.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ledgerbridge.pleo.errors import NotFound
from ledgerbridge.pleo.vendors import DRAFT
from ledgerbridge.store.tables import LinkPhase
from ledgerbridge.syncs.apply import each
from ledgerbridge.syncs.desk import Desk
from ledgerbridge.syncs.record import Action
from ledgerbridge.syncs.vendors import links, lookups
from ledgerbridge.syncs.vendors.bench import Bench, bench_of
from ledgerbridge.syncs.vendors.effects import OtherCompany, read
from ledgerbridge.syncs.vendors.judge import Judged, judge
from ledgerbridge.syncs.vendors.links import Link
from ledgerbridge.syncs.vendors.pairing import pair
from ledgerbridge.syncs.vendors.refusal import settle_or_tell
from ledgerbridge.syncs.vendors.table import Act


async def one(desk: Desk, pleo_vendor_id: str) -> None:
    """Bring one vendor of Pleo in step, whatever told us of it; what became of it is counted in `desk.record`.

    Only its id is believed (VEN-061). Raises what ends the whole run.
    """
    await several(desk, [pleo_vendor_id])


async def several(desk: Desk, pleo_vendor_ids: Iterable[str]) -> None:
    """The same for some vendors, one after the other, since two of them may stand for one supplier."""
    await _each(await bench_of(desk), pleo_vendor_ids)


async def drafts(desk: Desk) -> None:
    """Bring every draft in step that Pleo has, and what an earlier run left open (VEN-074).

    A draft that the ERP refused is offered to it again when it has changed, and in each full run.
    """
    bench = replace(await bench_of(desk), tries_refused=False)
    found = await bench.api.all(desk.company_id, states=[DRAFT])
    async with desk.db.reading() as session:
        known = await links.every(session, desk.connection_id)
    left_open = [link.pleo_id for link in known if link.phase is LinkPhase.PENDING]
    await _each(bench, dict.fromkeys([*left_open, *(draft.id for draft in found)]))


async def look(bench: Bench, pleo_vendor_id: str) -> Judged | None:
    """What is to become of one vendor as both sides are now; None when there is nothing to be said of it.

    Raises `OtherCompany`.
    """
    link = await _link(bench, pleo_vendor_id)
    bound = link.erp_id if link and link.binds else None
    try:
        vendor = await read(bench, pleo_vendor_id)
    except NotFound:
        if link is not None and bound is not None:
            (made,) = pair(await lookups.by_ids(bench.desk.erp, [bound]), [], [link])
            return judge(made, bench.books)
        if link is not None:
            await links.drop(bench.desk, link.pleo_id)
        return None
    found = await lookups.candidates(bench.desk.erp, vendor, bound)
    return judge(await lookups.beside(bench, vendor, found), bench.books)


async def _each(bench: Bench, pleo_vendor_ids: Iterable[str]) -> None:
    bench = bench.one_at_a_time()

    async def write(pleo_vendor_id: str) -> Action | None:
        return await _one(bench, pleo_vendor_id)

    await each(bench.desk, pleo_vendor_ids, write, named=lambda key: f"vendor {key}", action="bring in step")


async def _one(bench: Bench, pleo_vendor_id: str) -> Action | None:
    try:
        judged = await look(bench, pleo_vendor_id)
    except OtherCompany:
        bench.desk.record.failed(f"vendor {pleo_vendor_id}", "none", "other_company", OtherCompany.text)
        return None
    if judged is None or judged.row.act is Act.ARCHIVE:
        return None  # that is for a full run only, where the guard sees all (VEN-053)
    return await settle_or_tell(bench, judged)


async def _link(bench: Bench, pleo_vendor_id: str) -> Link | None:
    async with bench.desk.db.reading() as session:
        found = await links.about(session, bench.desk.connection_id, [pleo_vendor_id], [])
    return next((link for link in found if link.phase is not LinkPhase.BROKEN), None)
