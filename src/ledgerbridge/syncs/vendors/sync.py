"""A vendors run: both sides read in full, paired, judged, and brought in step in the order of section 13.

First what an earlier run left open, then drafts, then each ERP vendor, then what only Pleo has, and the archivings at
the end, once the guard has seen all of them (VEN-123).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.pleo.errors import NotFound
from ledgerbridge.pleo.vendors import ACTIVE, ARCHIVED, DRAFT, Vendor
from ledgerbridge.store.tables import LinkPhase
from ledgerbridge.syncs import guard
from ledgerbridge.syncs.apply import each
from ledgerbridge.syncs.desk import Desk
from ledgerbridge.syncs.record import Action
from ledgerbridge.syncs.vendors import links, lookups
from ledgerbridge.syncs.vendors.bench import Bench, bench_of
from ledgerbridge.syncs.vendors.effects import OtherCompany, read
from ledgerbridge.syncs.vendors.judge import Judged, judge
from ledgerbridge.syncs.vendors.links import Link
from ledgerbridge.syncs.vendors.one import one as bring_one
from ledgerbridge.syncs.vendors.pairing import pair
from ledgerbridge.syncs.vendors.refusal import settle_or_tell
from ledgerbridge.syncs.vendors.settle import IN_STEP, at_rest
from ledgerbridge.syncs.vendors.table import Act

_COUNTED_AS = {
    Act.CREATE_IN_PLEO: Action.CREATED,
    Act.CREATE_IN_ERP: Action.UNARCHIVED,
    Act.ACTIVATE: Action.UNARCHIVED,
    Act.ARCHIVE: Action.ARCHIVED,
    Act.LOOK_AGAIN: Action.CREATED,
}


async def sync(desk: Desk) -> None:
    """Bring every vendor of the company in step, or the one that `desk.only` names."""
    if desk.only is not None:
        await bring_one(desk, desk.only)
        return
    bench = await bench_of(desk)
    plan = await _planned(bench)
    await _forget_vanished(desk, plan)
    left_open, drafts, in_erp, in_pleo = _groups(plan)
    await work(bench, left_open)
    await work(bench.one_at_a_time(), drafts)
    await work(bench, in_erp)
    await work(bench, in_pleo)
    await work(bench, _allowed(desk, plan))


async def foresee(desk: Desk) -> None:
    """Count what `sync` would do."""
    bench = await bench_of(desk)
    plan = await _planned(bench)
    allowed = _allowed(desk, plan)
    for one in (*(one for group in _groups(plan) for one in group), *allowed):
        if one.fault is not None:
            desk.record.failed(one.named, one.row.act.value, "not_mappable", one.fault)
        elif one.row.act is Act.EQUALISE:
            same = one.pair.pleo is not None and one.pair.pleo.details == one.details
            if same:
                desk.record.done(Action.UNCHANGED)
            else:
                desk.record.would(Action.UPDATED, [one.named])
        elif one.row.act in _COUNTED_AS:
            desk.record.would(_COUNTED_AS[one.row.act], [one.named])
        elif one.row.tell is not None:
            desk.record.skipped(one.named, one.row.tell, one.note or "")
        elif one.row.number in IN_STEP:
            desk.record.done(Action.UNCHANGED)


async def work(bench: Bench, judged: Sequence[Judged]) -> None:
    """Settle some pairs side by side; one that fails never stops the others (VEN-133)."""

    async def write(one: Judged) -> Action | None:
        return await settle_or_tell(bench, one)

    moving = [one for one in judged if not at_rest(one)]
    resting = sum(at_rest(one) and one.row.number in IN_STEP for one in judged)
    bench.desk.record.done(Action.UNCHANGED, resting)
    await each(bench.desk, moving, write, named=lambda one: one.named, action="bring in step")


# ------------------------------------------------------------------ reading


async def _planned(bench: Bench) -> list[Judged]:
    """Every pair with what is to become of it, from both sides read in full before the first write (VEN-040)."""
    desk = bench.desk
    erp = list(await desk.erp.vendors())
    pleo = list(await bench.api.all(desk.company_id))
    async with desk.db.reading() as session:
        known = await links.every(session, desk.connection_id)
    bound = {link.pleo_id for link in known if link.phase is LinkPhase.LINKED}
    ours = [one for one in pleo if one.state == ACTIVE and (one.id in bound or one.details.external_id)]
    guard.believe(len(erp), len(ours), "vendors")
    pleo += await _unlisted(bench, pleo, known)
    erp += await lookups.by_ids(desk.erp, _missing(erp, pleo, known))
    # Ten thousand vendors take a second or two, in which the process must go on answering.
    return await asyncio.to_thread(lambda: [judge(made, bench.books) for made in pair(erp, pleo, known)])


def _missing(erp: Sequence[ErpVendor], pleo: Sequence[Vendor], known: Sequence[Link]) -> list[str]:
    """ERP ids that Pleo or a link names and the list does not: only a direct read says that they are gone (VEN-052)."""
    listed = {one.id.strip() for one in erp}
    live = {one.id: one for one in pleo if one.state != ARCHIVED}
    named = [one.details.external_id for one in live.values()]
    named += [link.erp_id for link in known if link.binds and link.pleo_id in live]
    return [key for key in dict.fromkeys(named) if key and key not in listed]


async def _unlisted(bench: Bench, pleo: Sequence[Vendor], known: Sequence[Link]) -> list[Vendor]:
    """Linked vendors that the search did not show but Pleo has after all."""
    listed, found = {one.id for one in pleo}, []
    for link in known:
        if link.pleo_id in listed or link.phase is LinkPhase.BROKEN:
            continue
        try:
            found.append(await read(bench, link.pleo_id))
        except (NotFound, OtherCompany):
            continue
    return found


async def _forget_vanished(desk: Desk, plan: Sequence[Judged]) -> None:
    """Drafts that waited for a person and are gone from Pleo: nobody needs to decide any more."""
    there = {one.id for each in plan for one in (each.pair.pleo, *each.pair.pleo_rivals) if one is not None}
    async with desk.db.reading() as session:
        waiting = await links.waiting(session, desk.connection_id)
    for row in waiting:
        if row.phase == LinkPhase.PARKED and row.erp_id is None and row.pleo_id not in there:
            await links.drop(desk, row.pleo_id)


# ------------------------------------------------------------------ order


def _groups(plan: Sequence[Judged]) -> tuple[list[Judged], ...]:
    """What is done before the archivings, in the order of section 13."""
    groups: tuple[list[Judged], ...] = ([], [], [], [])
    for one in plan:
        if one.row.act is Act.ARCHIVE:
            continue
        draft = one.pair.pleo is not None and one.pair.pleo.state == DRAFT
        if 18 <= one.row.number <= 26:
            groups[0].append(one)
        elif draft:
            groups[1].append(one)
        elif one.pair.erp or one.pair.erp_rivals:
            groups[2].append(one)
        else:
            groups[3].append(one)
    return groups


def _allowed(desk: Desk, plan: Sequence[Judged]) -> list[Judged]:
    """The archivings, unless there are so many that a person must say so first (VEN-053)."""
    wanted = [one for one in plan if one.row.act is Act.ARCHIVE]
    active = Counter(one.pair.pleo.state for one in plan if one.pair.pleo is not None)[ACTIVE]
    ids = [one.pair.pleo.id for one in wanted if one.pair.pleo is not None]
    if not desk.unusual(len(wanted), active) or desk.may_archive(ids):
        return wanted
    desk.record.hold_back(ids)
    for one in wanted:
        text = f"It would be archived together with {len(wanted) - 1} others, which needs a person's word first."
        desk.record.note(one.named, "archive", "needs_confirmation", text)
    return []
