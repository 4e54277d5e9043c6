"""An entry that comes again: one our ledger shows as booked, or one an interrupted attempt may have booked.

The ERP is asked before anything else. Where it cannot be asked, an interrupted attempt is never repeated: a person
must look (invariant 3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import structlog

from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import ChangedReexport
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.port import Booked, ErpError
from ledgerbridge.exports import ledger, spool
from ledgerbridge.exports.context import Patience
from ledgerbridge.exports.desk import Desk, Grounds, raise_if_general, settled, unknown, writing
from ledgerbridge.exports.reversal import named, pending, takes_back
from ledgerbridge.store.tables import ItemState, Posting, PostingState

log = structlog.get_logger(__name__)


class Left(Enum):
    """What the ERP holds of an entry that is still to be booked."""

    NOTHING = "nothing"
    DRAFT = "draft"
    """One that an interrupted attempt left and that may lack files or its payment; `book` goes on with it."""
    OUTDATED = "outdated"
    """An entry that is to be taken back before the item is booked anew."""


class Sight(Enum):
    """What was seen of an entry with a live posting."""

    SAME = "same"
    """It stands, with the content that was sent."""
    CHANGED = "changed"
    """It stands, with other content than the item has now."""
    TAKING_BACK = "taking_back"
    """Somebody is taking it back, and nobody knows yet whether it is: that is finished before anything is booked."""
    UNKNOWN = "unknown"
    """Nobody of us can tell whether it stands."""
    ARRIVING = "arriving"
    """It does not stand yet, and may still come to."""
    DOUBTED = "doubted"
    """The ledger says that it stands, and the ERP could not be asked."""
    GONE = "gone"
    """It does not stand: it is to be booked anew."""
    DRAFT = "draft"
    """As `Left.DRAFT`."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry with a live posting, as the ledger and the ERP show it."""

    sight: Sight
    found: Problem | None = None
    """What a bookkeeper is told of it; None when all is well."""
    why: str = ""
    """The reason, for operators."""
    booked: Booked | None = None
    """What stands in the ERP and is not in the ledger yet."""
    moved_from: str | None = None
    """The ERP company, since left, in which it may stand."""


async def look_up(
    grounds: Grounds,
    accounting_entry_id: str,
    standing: Posting,
    digest: str,
    *,
    bookable: bool,
    paying: bool = False,
) -> Seen:
    """What became of an entry with a live posting; only reads, of the ledger and the ERP (EXP-IDEM-07, EXP-REC-04).

    Without `bookable` a draft is taken as it stands. With `paying` a payment belongs with it, which may be what the
    attempt had not come to, though a person made the bill final since.

    Raises `ErpDown`, `JobStopped`.
    """

    def unknown_because(why: str) -> Seen:
        doubt = grounds.doubt(accounting_entry_id, why, standing.moved_from)
        return Seen(Sight.UNKNOWN, doubt, why, moved_from=standing.moved_from)

    sure = standing.state == PostingState.BOOKED
    if standing.reversal_state is not None:
        return Seen(Sight.TAKING_BACK, pending(standing))
    if sure and (standing.by_hand or not grounds.erp.capabilities.can_probe):
        return _compared(standing, digest)
    if not grounds.erp.capabilities.can_probe:
        return unknown_because("interrupted, and the accounting system cannot be searched")
    try:
        found = await grounds.erp.find(accounting_entry_id, grounds.company_id)
    except ErpError as error:
        raise_if_general(error)
        doubt = grounds.doubt(accounting_entry_id, str(error))
        return Seen(Sight.DOUBTED if sure else Sight.UNKNOWN, doubt, str(error))
    if not found and standing.moved_from is not None:
        if sure:
            return _compared(standing, digest)
        return unknown_because(f"interrupted while it was booked in {standing.moved_from}")
    if not found and may_still_arrive(standing, grounds.context.patience) > 0:
        doubt = grounds.doubt(accounting_entry_id, "not found yet, but it may still arrive")
        return Seen(Sight.ARRIVING, doubt)
    if not found:
        why = "no longer in the accounting system" if sure else "not found after an interruption"
        return Seen(Sight.GONE, why=why)
    if sure:
        return _compared(standing, digest)
    if bookable and (not found[0].complete or (paying and standing.digest == digest)):
        return Seen(Sight.DRAFT)
    return replace(_compared(standing, digest), booked=found[0].booked)


async def settle_standing(
    desk: Desk, work: spool.Work, standing: Posting, digest: str, *, bookable: bool, paying: bool = False
) -> ItemState | Left:
    """Settle an item whose entry has a live posting, or say what is left to book; the other arguments as of `look_up`.

    Raises `ErpDown`, `JobStopped`, `ledger.FenceLost`.
    """
    seen = await look_up(desk, work.accounting_entry_id, standing, digest, bookable=bookable, paying=paying)
    if seen.booked is not None:
        async with writing(desk) as session:
            await ledger.record_booked(session, standing.id, seen.booked)
            standing = await session.get_one(Posting, standing.id, populate_existing=True)
    match seen.sight:
        case Sight.UNKNOWN:
            return await unknown(desk, work, standing.id, seen.why, moved_from=seen.moved_from)
        case Sight.ARRIVING:
            # The ledger stays as it is: it knows since when, and after what, the write may be under way.
            return await settled(desk, work, ItemState.UNKNOWN, posting_id=standing.id, found=seen.found)
        case Sight.GONE:
            async with writing(desk) as session:
                await ledger.record_state(session, standing.id, PostingState.NOT_BOOKED, seen.why)
                await spool.settle(session, desk.job_id, work.accounting_entry_id, ItemState.WAITING)
            return Left.NOTHING
        case Sight.DRAFT:
            return Left.DRAFT
        case Sight.SAME:
            return await settled(desk, work, ItemState.BOOKED, posting_id=standing.id)
        case Sight.TAKING_BACK:
            return Left.OUTDATED
        case Sight.CHANGED if rebooks(desk, standing):
            return Left.OUTDATED
    return await settled(desk, work, ItemState.FAILED, posting_id=standing.id, found=seen.found)


def may_still_arrive(standing: Posting, patience: Patience) -> float:
    """For how many seconds the write of an attempt may still be under way in the ERP: a second one now could make two.

    An intent that was left standing is that of a worker that died or lost its lease with the call on its way.
    """
    waiting = {PostingState.UNKNOWN: patience.settling, PostingState.INTENDED: patience.interrupted}
    age = (utcnow() - standing.intended_at).total_seconds()
    return max(0.0, waiting.get(PostingState(standing.state), 0.0) - age)


def rebooks(grounds: Grounds, standing: Posting) -> bool:
    """Whether an entry that stands with other content is taken back and booked anew."""
    wanted = grounds.configuration.changed_reexport is ChangedReexport.REVERSE_AND_REBOOK
    return wanted and takes_back(grounds.erp, standing)


def _compared(standing: Posting, digest: str) -> Seen:
    """Successful for the same content, failed for another: never a second live posting."""
    if standing.digest in (None, digest):
        return Seen(Sight.SAME)
    return Seen(Sight.CHANGED, problem(Failure.CHANGED_SINCE_BOOKED, reference=named(standing)))
