"""An item whose entry has to be taken back before it is booked anew, or is being taken back already (EXP-IDEM-07)."""

from __future__ import annotations

from dataclasses import replace

from ledgerbridge.bookkeeping.problem import Problem
from ledgerbridge.exports import spool
from ledgerbridge.exports.desk import Desk, failed, raise_if_general, settled
from ledgerbridge.exports.reversal import Hands, NotTakenBack, named, pending, take_back, takes_back
from ledgerbridge.store.tables import ItemState, Posting

REASON = "Changed in Pleo and exported again"


async def taken_back(desk: Desk, work: spool.Work, standing: Posting) -> ItemState | None:
    """Take the entry back; None when that is done and the item may be booked as its next revision.

    Raises `ErpDown`, `JobStopped`, `ledger.FenceLost`.
    """
    if not takes_back(desk.erp, standing):
        # Begun in books that the connection has left since, or by an earlier adapter.
        return await failed(desk, work, pending(standing, "cannot be finished here"), standing.id)
    hands = Hands(
        db=desk.context.db,
        queue=desk.context.queue,
        lease=desk.lease,
        connection_id=desk.connection_id,
        company_id=desk.company_id,
        erp=desk.erp,
        configuration=desk.configuration,
        periods=desk.chart.periods,
        today=desk.today,
        patience=desk.context.patience,
    )
    try:
        await take_back(hands, standing, reason=REASON, actor="system")
    except NotTakenBack as not_done:
        if not_done.error is not None:
            raise_if_general(not_done.error)
        if not_done.unknown:
            found = pending(standing, str(not_done))
            return await settled(desk, work, ItemState.UNKNOWN, posting_id=standing.id, found=found)
        return await failed(desk, work, _to_export_again(not_done.problem), standing.id)
    return None


def after_reversal(found: Problem, outdated: Posting | None) -> Problem:
    """Why the item could not be booked, and that nothing of it stands in the books any more."""
    if outdated is None:
        return found
    return replace(found, spelled=f"{found.text} Its earlier booking {named(outdated)} has been taken back.")


def _to_export_again(found: Problem) -> Problem:
    return replace(found, spelled=found.text.replace("then try again", "then export again"))
