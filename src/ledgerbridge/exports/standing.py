"""An entry that comes again: one our ledger shows as booked, or one an interrupted attempt may have booked.

The ERP is asked before anything else. Where it cannot be asked, an interrupted attempt is never repeated: a person
must look (invariant 3).
"""

from __future__ import annotations

from enum import Enum

import structlog

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.bookkeeping.words import ChangedReexport
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.port import ErpError
from ledgerbridge.exports import ledger, spool
from ledgerbridge.exports.context import Patience
from ledgerbridge.exports.desk import Desk, failed, raise_if_general, settled, unknown, writing
from ledgerbridge.store.tables import ItemState, Posting, PostingState

log = structlog.get_logger(__name__)


class Left(Enum):
    """What the ERP holds of an entry that is still to be booked."""

    NOTHING = "nothing"
    DRAFT = "draft"
    """One that an interrupted attempt left and that may lack files or its payment; `book` goes on with it."""


async def settle_standing(
    desk: Desk, work: spool.Work, standing: Posting, digest: str, *, bookable: bool, paying: bool = False
) -> ItemState | Left:
    """Settle an item whose entry has a live posting, or say what is left to book (EXP-IDEM-07, EXP-REC-04).

    Without `bookable` a draft is taken as it stands. With `paying` a payment belongs with it, which may be what the
    attempt had not come to, though a person made the bill final since.

    Raises `ErpDown`, `JobStopped`, `ledger.FenceLost`.
    """
    sure = standing.state == PostingState.BOOKED
    if sure and (standing.by_hand or not desk.erp.capabilities.can_probe):
        return await _compared(desk, work, standing, digest)
    if not desk.erp.capabilities.can_probe:
        why = "interrupted, and the accounting system cannot be searched"
        return await unknown(desk, work, standing.id, why, moved_from=standing.moved_from)
    try:
        found = await desk.erp.find(work.accounting_entry_id, desk.company_id)
    except ErpError as error:
        raise_if_general(error)
        if sure:
            return await failed(desk, work, desk.doubt(work.accounting_entry_id, str(error)), standing.id)
        return await unknown(desk, work, standing.id, str(error))
    if not found and standing.moved_from is not None:
        if sure:
            return await _compared(desk, work, standing, digest)
        why = f"interrupted while it was booked in {standing.moved_from}"
        return await unknown(desk, work, standing.id, why, moved_from=standing.moved_from)
    if not found and may_still_arrive(standing, desk.context.patience) > 0:
        # The ledger stays as it is: it knows since when, and after what, the write may be under way.
        doubt = desk.doubt(work.accounting_entry_id, "not found yet, but it may still arrive")
        return await settled(desk, work, ItemState.UNKNOWN, posting_id=standing.id, found=doubt)
    if not found:
        async with writing(desk) as session:
            gone = "no longer in the accounting system" if sure else "not found after an interruption"
            await ledger.record_state(session, standing.id, PostingState.NOT_BOOKED, gone)
            await spool.settle(session, desk.job_id, work.accounting_entry_id, ItemState.WAITING)
        return Left.NOTHING
    if not sure:
        if bookable and (not found[0].complete or (paying and standing.digest == digest)):
            return Left.DRAFT
        async with writing(desk) as session:
            await ledger.record_booked(session, standing.id, found[0].booked)
    return await _compared(desk, work, standing, digest)


def may_still_arrive(standing: Posting, patience: Patience) -> float:
    """For how many seconds the write of an attempt may still be under way in the ERP: a second one now could make two.

    An intent that was left standing is that of a worker that died or lost its lease with the call on its way.
    """
    waiting = {PostingState.UNKNOWN: patience.settling, PostingState.INTENDED: patience.interrupted}
    age = (utcnow() - standing.intended_at).total_seconds()
    return max(0.0, waiting.get(PostingState(standing.state), 0.0) - age)


async def _compared(desk: Desk, work: spool.Work, standing: Posting, digest: str) -> ItemState:
    """Successful for the same content, failed for another: never a second live posting."""
    if standing.digest in (None, digest):
        return await settled(desk, work, ItemState.BOOKED, posting_id=standing.id)
    reference = standing.erp_number or standing.erp_id or f"PLEO:{work.accounting_entry_id}"
    if desk.configuration.changed_reexport is ChangedReexport.REVERSE_AND_REBOOK:
        log.warning("changed entry cannot be reversed by this adapter", reference=reference)
    return await failed(desk, work, problem(Failure.CHANGED_SINCE_BOOKED, reference=reference), standing.id)
