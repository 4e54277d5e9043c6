"""One pair brought in step: looked at once more, written to, its link saved after each step that must not be lost.

A crash between any two effects leaves something the next run recognises: an ERP vendor that carries Pleo's id, a
pending link, an `externalId` in Pleo. So every step may be repeated, and none is done twice.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.bookkeeping.problem import Failure, Kind
from ledgerbridge.erp.port import ErpError
from ledgerbridge.pleo.errors import Conflict, NotFound
from ledgerbridge.pleo.vendors import DRAFT, Vendor
from ledgerbridge.store.tables import LinkPhase
from ledgerbridge.syncs.record import Action
from ledgerbridge.syncs.vendors import effects, links, lookups
from ledgerbridge.syncs.vendors.bench import Bench
from ledgerbridge.syncs.vendors.effects import OtherCompany
from ledgerbridge.syncs.vendors.fields import erp_digest, new_vendor, pleo_digest
from ledgerbridge.syncs.vendors.judge import Judged, judge, link_of
from ledgerbridge.syncs.vendors.pairing import Pair, pair
from ledgerbridge.syncs.vendors.table import Act, After

log = structlog.get_logger(__name__)

WRITES = (Act.ACTIVATE, Act.EQUALISE, Act.ARCHIVE, Act.CREATE_IN_ERP)
"""What is done to a vendor that Pleo has, and so after a look at it."""
IN_STEP = (27, 30)
"""Rows of a vendor that is active on both sides and needs no write."""
_PHASES = {After.LINKED: LinkPhase.LINKED, After.ENDED: LinkPhase.ENDED, After.BROKEN: LinkPhase.BROKEN}
_LASTING = (Kind.DATA, Kind.CONFIG)
"""What the ERP will say again. So it will of a right to create vendors, which keeps no other vendor from Pleo."""
_GONE = "Pleo no longer knows this vendor, so nothing was done to it; the next run sees what there is."
_BRAKE = (
    "It would be written to Pleo for the fourth time in a day although nothing changed in the accounting system. "
    "Something in Pleo changes it back; find out what, then it goes on tomorrow or with the next change there."
)


async def settle(bench: Bench, judged: Judged, *, again: bool = True) -> Action | None:
    """Do what was judged and say what became of the vendor (None: counted here, or not to be counted).

    `again` allows one more judgement when Pleo knows more than was read. Raises `PleoError` and `ErpError` for what
    kept this vendor from being brought in step, and `LeaseLost`.
    """
    record = bench.desk.record
    try:
        if _writes(judged):
            fresh = await _fresh(bench, judged)
            if fresh is None:
                return None
            judged = fresh
        if judged.fault is not None:
            record.failed(judged.named, judged.row.act.value, "not_mappable", judged.fault)
            return None
        return await _done(bench, judged, again=again)
    except OtherCompany:
        record.failed(judged.named, "none", "other_company", OtherCompany.text)
        return None


def at_rest(judged: Judged) -> bool:
    """Whether nothing is to be done, saved or told: most vendors on most days."""
    row, link = judged.row, judged.pair.link
    if row.act is not Act.NOTHING or row.tell is not None or judged.parks:
        return False
    if row.after is After.REFRESHED:
        return link == link_of(judged, _refreshed(judged))
    return row.after is After.KEEP and not (link is not None and link.phase is LinkPhase.PARKED and not link.binds)


def _refreshed(judged: Judged) -> LinkPhase:
    return LinkPhase.LINKED if judged.pair.erp else LinkPhase.ENDED


def _writes(judged: Judged) -> bool:
    pleo = judged.pair.pleo
    in_step = judged.row.act is Act.EQUALISE and pleo is not None and pleo.details == judged.details
    return judged.row.act in WRITES and not in_step


async def _fresh(bench: Bench, judged: Judged) -> Judged | None:
    """The same, by the vendor as it is now (VEN-014, VEN-062, VEN-091); None when the next run had better look."""
    seen = judged.pair.pleo
    assert seen is not None  # noqa: S101 - no row writes to a vendor Pleo does not have
    try:
        now = await effects.read(bench, seen.id)
    except NotFound:
        return _vanished(bench, judged)
    if (now.state, now.details) == (seen.state, seen.details):
        return judged
    anew = judge(replace(judged.pair, pleo=now), bench.books)
    archives = anew.row.act is Act.ARCHIVE and judged.row.act is not Act.ARCHIVE
    return None if archives else anew  # an archiving passes the guard, which did not see this one


def _vanished(bench: Bench, judged: Judged) -> Judged | None:
    """The same now that Pleo does not know the vendor; told and counted here where that leaves nothing to be done."""
    anew = judge(replace(judged.pair, pleo=None), bench.books) if judged.pair.link else None
    if anew is None or (anew.row.act is Act.NOTHING and anew.row.tell is None):
        bench.desk.record.skipped(judged.named, "gone", _GONE)
    return anew


async def _done(bench: Bench, judged: Judged, *, again: bool) -> Action | None:
    match judged.row.act:
        case Act.NOTHING:
            return await _nothing(bench, judged)
        case Act.CREATE_IN_PLEO:
            return await _create_in_pleo(bench, judged, again=again)
        case Act.CREATE_IN_ERP:
            return await _create_in_erp(bench, judged)
        case Act.LOOK_AGAIN:
            return await _look_again(bench, judged)
        case _:
            return await _write(bench, judged)


# ------------------------------------------------------------------ without a write to Pleo


async def _nothing(bench: Bench, judged: Judged) -> Action | None:
    after, link, note = judged.row.after, judged.pair.link, judged.note
    if judged.parks:
        await park(bench, judged, note or "")
        return None
    if after is After.DROPPED and link is not None:
        await links.drop(bench.desk, link.pleo_id)
    elif after is After.REFRESHED:
        await _save(bench, judged, _refreshed(judged))
    elif after in _PHASES:
        await _save(bench, judged, _PHASES[after], note if after is After.BROKEN else None)
    elif link is not None and link.phase is LinkPhase.PARKED and not link.binds:
        await links.drop(bench.desk, link.pleo_id)  # it is no draft any more: nobody needs to decide
    if judged.row.tell is not None:
        bench.desk.record.skipped(judged.named, judged.row.tell, note or "")
        return None
    return Action.UNCHANGED if judged.row.number in IN_STEP else None


async def park(bench: Bench, judged: Judged, note: str, code: str | None = None) -> None:
    """Keep the vendor for a person, for the reason in `note` (VEN-064, VEN-071); it is never archived for it (VEN-072).

    A tombstone stays one and only carries the note (VEN-029).
    """
    link = judged.pair.link
    phase = LinkPhase.ENDED if link and link.binds and link.phase is LinkPhase.ENDED else LinkPhase.PARKED
    pending = judged.row.number in (22, 23)
    own = judged if pending else replace(judged, pair=replace(judged.pair, erp=None))
    await _save(bench, own, phase, note)
    bench.desk.record.skipped(judged.named, code or judged.row.tell or "parked", note)


async def _save(bench: Bench, judged: Judged, phase: LinkPhase, note: str | None = None) -> None:
    """Save the link where it differs from what is saved, so that an unchanged company is not written to."""
    wanted = link_of(judged, phase, note)
    if wanted != judged.pair.link:
        await links.save(bench.desk, wanted)


# ------------------------------------------------------------------ writes to Pleo


async def _write(bench: Bench, judged: Judged) -> Action | None:
    """`:activate`, `PUT` and `:archive` on a vendor just read; its link is saved as Pleo shows it then (VEN-083)."""
    before, details = judged.pair.pleo, judged.details
    assert before is not None  # noqa: S101
    act = judged.row.act
    needed = act is not Act.EQUALISE or before.details != details
    if needed and _braked(bench, judged):
        bench.desk.record.failed(judged.named, act.value, "write_brake", _BRAKE)
        return None
    try:
        if act is Act.ARCHIVE:
            now = await effects.archive(bench, before)
        else:
            assert details is not None  # noqa: S101
            now = await effects.activate(bench, before, details) if act is Act.ACTIVATE else before
            now = await effects.equalise(bench, now, details)
    except NotFound:
        without = _vanished(bench, judged)
        return await _done(bench, without, again=False) if without else None
    await _save_written(bench, judged, now, written=now is not before)
    if judged.row.tell is not None:
        bench.desk.record.note(judged.named, act.value, judged.row.tell, judged.note or "")
    if act is Act.EQUALISE:
        return Action.UPDATED if now is not before else Action.UNCHANGED
    return Action.ARCHIVED if act is Act.ARCHIVE else Action.UNARCHIVED


async def _save_written(bench: Bench, judged: Judged, now: Vendor, *, written: bool) -> None:
    after = replace(judged, pair=replace(judged.pair, pleo=now))
    wanted = link_of(after, _PHASES[judged.row.after])
    link = judged.pair.link
    if link is None or wanted.erp_digest != link.erp_digest:
        wanted = replace(wanted, writes=0, writes_since=None)
    elif written:
        wanted = wanted.after_write(bench.desk.syncs.connections.now())
    if wanted != link:
        await links.save(bench.desk, wanted)


def _braked(bench: Bench, judged: Judged) -> bool:
    link, erp = judged.pair.link, judged.pair.erp
    if link is None or not link.braked(bench.desk.syncs.connections.now()):
        return False
    return erp is None or judged.details is None or erp_digest(erp, judged.details) == link.erp_digest


async def _create_in_pleo(bench: Bench, judged: Judged, *, again: bool) -> Action | None:
    details, erp = judged.details, judged.pair.erp
    assert details is not None and erp is not None  # noqa: S101, PT018
    try:
        made = await effects.create(bench, details)
    except Conflict as clash:
        if not again:
            raise
        return await _adopt(bench, erp, clash)
    await links.save(bench.desk, link_of(replace(judged, pair=Pair(erp, made)), LinkPhase.LINKED))
    return Action.CREATED


async def _look_again(bench: Bench, judged: Judged) -> Action | None:
    """Pleo lost a linked vendor: told, forgotten, looked for by `externalId`, then made anew (row 34)."""
    link, erp = judged.pair.link, judged.pair.erp
    assert link is not None and erp is not None  # noqa: S101, PT018
    log.error("pleo does not know a linked vendor any more", pleo_id=link.pleo_id)
    bench.desk.record.note(judged.named, "none", judged.row.tell or "", judged.note or "")
    await links.drop(bench.desk, link.pleo_id)
    return await _adopt(bench, erp)


async def _adopt(bench: Bench, erp: ErpVendor, clash: Conflict | None = None) -> Action | None:
    """Take what Pleo has for this ERP vendor; make it if there is nothing, unless Pleo just refused that (VEN-055)."""
    key, code = erp.id.strip(), (erp.code or "").strip()
    found = await effects.counterparts(bench, [key], [code] if code else [])
    async with bench.desk.db.reading() as session:
        known = await links.about(session, bench.desk.connection_id, [one.id for one in found], [key])
    for made in pair([erp], found, known):
        if made.erp is erp or erp in made.erp_rivals:
            judged = judge(made, bench.books)
            if clash is not None and judged.row.act is Act.CREATE_IN_PLEO:
                raise clash
            return await settle(bench, judged, again=False)
    return None


# ------------------------------------------------------------------ from a draft


async def _create_in_erp(bench: Bench, judged: Judged) -> Action | None:
    """Row 11: looked for in the ERP itself, made there, remembered, and only then written back (VEN-062 to VEN-070)."""
    draft, link = judged.pair.pleo, judged.pair.link
    assert draft is not None and draft.state == DRAFT  # noqa: S101, PT018
    found = await lookups.candidates(bench.desk.erp, draft)
    if found:
        better = judge(await lookups.beside(bench, draft, found), bench.books)
        if better.row.act is not Act.CREATE_IN_ERP:
            return await settle(bench, better)
    if not bench.tries_refused and link is not None and link.pleo_digest == pleo_digest(draft):
        bench.desk.record.skipped(judged.named, "refused_before", link.note or "")
        return None
    return await create_anew(bench, judged)


async def create_anew(bench: Bench, judged: Judged) -> Action | None:
    """Make the draft's vendor in the ERP whatever else stands there, then write it back.

    A refusal parks the draft with the ERP's reason (VEN-071); trouble that passes by itself is raised.
    """
    draft = judged.pair.pleo
    assert draft is not None  # noqa: S101
    await bench.desk.still_ours()
    try:
        erp = await bench.desk.erp.create_vendor(new_vendor(draft))
    except ErpError as error:
        found = error.problem
        if error.outcome_unknown or not (found.row.kind in _LASTING or found.failure is Failure.ERP_FORBIDDEN):
            raise
        await park(bench, judged, found.text, "erp_refused")
        return None
    made = judge(Pair(erp, draft), bench.books)
    saved = await links.save(bench.desk, link_of(made, LinkPhase.PENDING))  # before the write-back (VEN-069)
    return await settle(bench, judge(Pair(erp, draft, saved), bench.books))
