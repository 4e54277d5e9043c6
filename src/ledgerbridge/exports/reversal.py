"""Taking back one posting, with the care of a booking: intent, call, outcome (invariants 1 to 3, EXP-IDEM-07).

The intent stands on the posting before the ERP is asked. While it stands nothing is booked beside the posting: whoever
comes next looks in the ERP first and finishes it. Once it is reversed the posting is no longer live, and the accounting
entry may be booked as its next revision.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import ColumnElement, select

from ledgerbridge.bookkeeping.period import posting_date
from ledgerbridge.bookkeeping.problem import Failed, Failure, Kind, Problem, problem
from ledgerbridge.bookkeeping.words import Configuration, Period, PostingKey
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.port import DocumentKind, DocumentRef, Erp, ErpError, Found, Reversed
from ledgerbridge.exports import claims, ledger
from ledgerbridge.exports.context import Patience
from ledgerbridge.exports.enqueue import enqueue_settle
from ledgerbridge.store.audit import record
from ledgerbridge.store.engine import Database
from ledgerbridge.store.leases import Lease
from ledgerbridge.store.tables import Posting, PostingState, ReversalState
from ledgerbridge.work.queue import Queue

log = structlog.get_logger(__name__)

LEFT_ALONE = dt.timedelta(minutes=5)
"""A reversal younger than this is somebody's who is still at it, or about to try again."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What taking back needs: the company's ERP, and the lease under which its ledger is written."""

    db: Database
    queue: Queue
    lease: Lease
    connection_id: uuid.UUID
    company_id: str
    """Pleo's."""
    erp: Erp
    configuration: Configuration
    periods: Sequence[Period]
    today: dt.date
    patience: Patience


class NotTakenBack(Exception):
    """The posting stands as before, or nobody knows whether it does."""

    def __init__(
        self, found: Problem, *, unknown: bool = False, wait: float = 0.0, error: ErpError | None = None
    ) -> None:
        super().__init__(found.internal or found.text)
        self.problem = found
        self.unknown = unknown
        """The reversal stays intended: it is looked for in the ERP before anything else."""
        self.wait = wait
        """Seconds for which a call without an answer may still take effect; nothing was asked of the ERP."""
        self.error = error
        """The ERP's own failure."""


def takes_back(erp: Erp, posting: Posting) -> bool:
    """Whether the ERP could take this posting back: one that we made, in the books the connection has now."""
    able = erp.capabilities.can_reverse and erp.capabilities.can_probe
    return able and not posting.by_hand and posting.moved_from is None and posting.erp_id is not None


def named(posting: Posting) -> str:
    """What a bookkeeper finds the posting by."""
    return posting.erp_number or posting.erp_id or f"PLEO:{posting.accounting_entry_id}"


def pending(posting: Posting, why: str = "") -> Problem:
    """What a bookkeeper is told of an entry that is exported while it is being taken back."""
    return problem(Failure.REVERSAL_PENDING, why, reference=named(posting))


def may_still_take_effect(posting: Posting, patience: Patience) -> float:
    """For how many seconds the call of an earlier attempt may still be under way: a second one now could make two."""
    waiting = {ReversalState.UNKNOWN: patience.settling, ReversalState.INTENDED: patience.interrupted}
    if posting.reversal_state is None or posting.reversal_at is None:
        return 0.0
    age = (utcnow() - posting.reversal_at).total_seconds()
    return max(0.0, waiting.get(ReversalState(posting.reversal_state), 0.0) - age)


async def take_back(hands: Hands, posting: Posting, *, reason: str, actor: str) -> Reversed:
    """Take back a booked posting, or finish what an earlier attempt began; then it was `posting.reversal_by` who asked.

    Raises `NotTakenBack`, `ledger.FenceLost`.
    """
    if (wait := may_still_take_effect(posting, hands.patience)) > 0:
        raise NotTakenBack(_unknown(posting, "a call may still be under way"), unknown=True, wait=wait)
    if posting.reversal_state is not None:
        reason, actor = posting.reversal_reason or reason, posting.reversal_by or actor
    await _intend(hands, posting, reason, actor)
    try:
        standing = await _standing(hands, posting)
        day = _day(hands, posting, final=standing.booked.final if standing else posting.final)
        await _unsettle(hands, posting)
        made = await hands.erp.reverse(_ref(posting), _key(hands, posting, standing), reason=reason, day=day)
    except ErpError as error:
        raise await _after_error(hands, posting, error) from error
    except NotTakenBack as not_done:
        # Of an earlier attempt nothing was learned.
        before = None if posting.reversal_state is None else ReversalState.UNKNOWN
        await _record(hands, posting, before, refused=not_done.problem)
        raise
    except ledger.FenceLost:
        raise
    except Exception as error:
        log.exception("unexpected failure while taking back")
        await _record(hands, posting, ReversalState.UNKNOWN)
        raise NotTakenBack(_unknown(posting, repr(error)), unknown=True) from error
    await _taken_back(hands, posting, made, reason, actor)
    return made


async def _standing(hands: Hands, posting: Posting) -> Found | None:
    """Its document as the ERP shows it: a person may have made a draft final since. None when it is not in force."""
    found = await hands.erp.find(posting.accounting_entry_id, hands.company_id)
    return next((one for one in found if one.booked.ref == _ref(posting)), None)


def _key(hands: Hands, posting: Posting, standing: Found | None) -> PostingKey:
    """That of one taken over from the ERP may tell another revision than our ledger."""
    return standing.key if standing else PostingKey(hands.company_id, posting.accounting_entry_id, posting.revision)


def _day(hands: Hands, posting: Posting, *, final: bool) -> dt.date | None:
    """The day of the counter-entry: None for that of the document, another where its period is closed."""
    source = posting.posting_date
    if source is None or not final:
        return None
    found = posting_date(source, hands.periods, hands.configuration.closed_period, hands.today)
    if isinstance(found, Failed):
        closed = problem(Failure.REVERSAL_PERIOD_CLOSED, date=source, reference=named(posting))
        raise NotTakenBack(closed, unknown=posting.reversal_state is not None)
    return None if found == source else found


async def _unsettle(hands: Hands, posting: Posting) -> None:
    """Take apart the match that we made of it with others: what it paid, or what paid it, is open again."""
    async with hands.db.reading() as session:
        if not await claims.is_settled(session, posting.id):
            return
    if not await hands.erp.reopen([_ref(posting)]):
        raise NotTakenBack(problem(Failure.REVERSAL_MATCHED, "match not taken apart", reference=named(posting)))
    await _open_again(hands, posting)


# ------------------------------------------------------------------ what is written


async def _intend(hands: Hands, posting: Posting, reason: str, actor: str) -> None:
    async with hands.db.transaction() as session:
        await ledger.guard(session, hands.lease)
        row = await session.scalar(select(Posting).where(*_this(hands, posting)).with_for_update())
        if row is None or row.state != PostingState.BOOKED or row.reversal_state != posting.reversal_state:
            raise ledger.FenceLost  # somebody else wrote, so the lease was not ours when we read
        if row.moved_from != posting.moved_from:
            raise ledger.FenceLost  # the connection was bound to another company, whose documents have the same ids
        row.reversal_state = ReversalState.INTENDED
        row.reversal_reason, row.reversal_by, row.reversal_at = reason, actor, utcnow()
        row.reversal_erp_id = row.reversal_number = row.reversal_url = None
        # Should we die before the outcome, somebody finishes it without being asked.
        seconds = max(hands.patience.settling, LEFT_ALONE.total_seconds()) + 30
        await enqueue_settle(session, hands.queue, hands.connection_id, in_seconds=seconds)


async def _open_again(hands: Hands, posting: Posting) -> None:
    async with hands.db.transaction() as session:
        await ledger.guard(session, hands.lease)
        await claims.open_again(session, hands.connection_id, posting.id)


async def _after_error(hands: Hands, posting: Posting, error: ErpError) -> NotTakenBack:
    if error.outcome_unknown:
        await _record(hands, posting, ReversalState.UNKNOWN)
        return NotTakenBack(error.problem, unknown=True)
    if posting.reversal_state is not None and error.problem.row.kind is not Kind.DATA:
        # Nothing was learned of the earlier attempt, which is still as old as it was.
        await _record(hands, posting, ReversalState.UNKNOWN, posting.reversal_at)
        return NotTakenBack(error.problem, unknown=True, error=error)
    await _record(hands, posting, None, refused=error.problem)
    return NotTakenBack(error.problem, error=error)


async def _record(
    hands: Hands,
    posting: Posting,
    state: ReversalState | None,
    at: dt.datetime | None = None,
    refused: Problem | None = None,
) -> None:
    """Without a state it stands as before. Whoever asked may be gone, so the audit log tells of a refusal."""
    async with hands.db.transaction() as session:
        await ledger.guard(session, hands.lease)
        row = (await session.scalars(select(Posting).where(*_this(hands, posting)))).one()
        row.reversal_state = state
        row.reversal_at = (at or utcnow()) if state else None
        if refused is not None:
            asked = row.reversal_by or "system"
            facts = {"entry": posting.accounting_entry_id, "why": refused.failure.value}
            record(session, asked, "export_item.reverse_refused", hands.connection_id, **facts)
        if state is None:
            row.reversal_reason = row.reversal_by = None


async def _taken_back(hands: Hands, posting: Posting, made: Reversed, reason: str, actor: str) -> None:
    async with hands.db.transaction() as session:
        await ledger.guard(session, hands.lease)
        row = (await session.scalars(select(Posting).where(*_this(hands, posting)))).one()
        row.state = PostingState.REVERSED
        row.reversal_state = ReversalState.REVERSED
        row.reversal_erp_id, row.reversal_number, row.reversal_url = made.id, made.number, made.url
        row.reversal_at = utcnow()
        await claims.forget(session, hands.connection_id, posting.id)
        record(
            session,
            actor,
            "export_item.reverse",
            hands.connection_id,
            entry=posting.accounting_entry_id,
            revision=posting.revision,
            document=named(posting),
            counter_entry=made.number or made.id,
            found=made.already_there,
            reason=reason,
        )
    log.info("posting taken back", accounting_entry_id=posting.accounting_entry_id, counter_entry=made.id)


def _this(hands: Hands, posting: Posting) -> tuple[ColumnElement[bool], ...]:
    return Posting.id == posting.id, Posting.connection_id == hands.connection_id


def _ref(posting: Posting) -> DocumentRef:
    return DocumentRef(DocumentKind(posting.document), posting.erp_id or "")


def _unknown(posting: Posting, why: str) -> Problem:
    return problem(Failure.REVERSAL_UNKNOWN, why, reference=named(posting))
