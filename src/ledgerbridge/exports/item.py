"""One item, from payload to outcome: resolve → receipts → intent → book → outcome.

Whatever happens to one item never blocks the others (EXP-DATA-05); only what concerns the whole ERP or the whole
connection ends the job, by raising `JobStopped`, or makes it wait, by raising `ErpDown`.
"""

from __future__ import annotations

import uuid

import structlog

from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.settlement import payables_of
from ledgerbridge.bookkeeping.words import ExportItem, JournalEntry, NothingToPost
from ledgerbridge.erp.port import ErpError
from ledgerbridge.exports import claims, ledger, sets, spool
from ledgerbridge.exports.desk import (
    ChartStale,
    Desk,
    ErpDown,
    JobStopped,
    booked,
    failed,
    not_booked,
    raise_if_general,
    settled,
    sign_of,
    unknown,
    writing,
)
from ledgerbridge.exports.judging import Judged, judge, mapped, together
from ledgerbridge.exports.rebooking import after_reversal, taken_back
from ledgerbridge.exports.receipts import LinkLapsed, ReceiptProblem, Receipts
from ledgerbridge.exports.standing import Left, settle_standing
from ledgerbridge.store.tables import ItemState, Posting, PostingState

log = structlog.get_logger(__name__)


async def work_item(desk: Desk, work: spool.Work) -> ItemState:
    """Take one item to an outcome and write it down.

    Raises `ErpDown`, `JobStopped`, `ledger.FenceLost`, and `ChartStale` or `LinkLapsed` when it must be worked again.
    """
    bound = structlog.contextvars.bind_contextvars(accounting_entry_id=work.accounting_entry_id)
    try:
        return await _work_item(desk, work)
    finally:
        structlog.contextvars.reset_contextvars(**bound)


async def _work_item(desk: Desk, work: spool.Work) -> ItemState:
    judged = await judge(desk, work.accounting_entry_id, work.payload)
    if isinstance(judged, Problem):
        return await failed(desk, work, judged)
    standing, wanted, digest = judged.standing, judged.wanted, judged.digest
    outcome: ItemState | Left = Left.NOTHING
    if standing is not None:
        outcome = await settle_standing(desk, work, standing, digest, bookable=judged.bookable, paying=judged.paying)
    if isinstance(outcome, ItemState):
        return outcome
    if outcome is Left.OUTDATED:
        return await _replaced(desk, work, judged)
    match wanted:
        case NothingToPost():
            return await settled(desk, work, ItemState.NOTHING_TO_POST)
        case JournalEntry() | Bill():
            draft = standing if outcome is Left.DRAFT else None
            return await _post(desk, work, judged.item, wanted, digest, draft)
        case _:
            return await failed(desk, work, together(wanted))


async def _replaced(desk: Desk, work: spool.Work, judged: Judged) -> ItemState:
    """Take the entry back and book the item as its next revision. Nothing is taken back for what cannot be booked."""
    async with desk.context.db.reading() as session:
        standing = await ledger.live(session, desk.connection_id, work.accounting_entry_id)
    assert standing is not None  # noqa: S101 - it was compared just now, and the lease is ours
    match wanted := mapped(desk, judged.item, standing.revision + 1):
        case NothingToPost():
            not_done = await taken_back(desk, work, standing)
            return not_done or await settled(desk, work, ItemState.NOTHING_TO_POST)
        case JournalEntry() | Bill():
            return await _post(desk, work, judged.item, wanted, judged.digest, None, outdated=standing)
        case _:
            return await failed(desk, work, together(wanted), standing.id)


# ------------------------------------------------------------------ booking


async def _post(
    desk: Desk,
    work: spool.Work,
    item: ExportItem,
    document: Document,
    digest: str,
    draft: Posting | None,
    outdated: Posting | None = None,
) -> ItemState:
    """Book `document`; `draft` is the posting of an earlier attempt that left a draft which may not be whole.

    `outdated` is the posting of an entry to take back before, once the receipts are there.
    """
    try:
        attachments = await desk.ahead.take(item)
    except LinkLapsed as error:
        if desk.fresh_links_allowed:
            raise
        return await _without_receipts(desk, work, error.problem, draft)
    except ReceiptProblem as error:
        return await _without_receipts(desk, work, error.problem, draft)
    except Exception as error:
        log.exception("unexpected failure while fetching receipts")
        return await _without_receipts(desk, work, problem(Failure.UNEXPECTED, repr(error)), draft)
    with attachments:
        if outdated is not None and (not_done := await taken_back(desk, work, outdated)) is not None:
            return not_done
        return await _book(desk, work, item, document, digest, attachments, draft, outdated)


async def _book(
    desk: Desk,
    work: spool.Work,
    item: ExportItem,
    document: Document,
    digest: str,
    attachments: Receipts,
    draft: Posting | None,
    outdated: Posting | None,
) -> ItemState:
    intent = ledger.Intent(digest, desk.configuration.version, desk.job_id, desk.erp_kind)
    async with desk.context.db.transaction() as session:
        posting_id = await ledger.intend(session, desk.lease, desk.connection_id, document, intent)
        await claims.remember(session, desk.connection_id, posting_id, payables_of(item, document), final=desk.final)
    try:
        made = await desk.erp.book(document, attachments, final=desk.final)
    except ErpError as error:
        return await _after_error(desk, work, posting_id, error, draft, outdated)
    except Exception as error:
        log.exception("unexpected failure while booking")
        return await unknown(desk, work, posting_id, repr(error), lost=True)
    outcome = await booked(desk, work, posting_id, made)
    await _observe_sign(desk, item)
    return outcome


async def _without_receipts(desk: Desk, work: spool.Work, found: Problem, draft: Posting | None) -> ItemState:
    """No receipt, no entry (EXP-ATT-07); but a draft that stands already must not be called unbooked."""
    if draft is not None:
        return await unknown(desk, work, draft.id, found.text)
    return await failed(desk, work, found)


async def _after_error(
    desk: Desk,
    work: spool.Work,
    posting_id: uuid.UUID,
    error: ErpError,
    draft: Posting | None,
    outdated: Posting | None,
) -> ItemState:
    if error.outcome_unknown:
        return await unknown(desk, work, posting_id, str(error), lost=True)
    try:
        if error.problem.failure is Failure.PERIOD_CLOSED and desk.fresh_chart_allowed:
            raise ChartStale(error.problem) from error
        raise_if_general(error)
    except (ChartStale, ErpDown, JobStopped):
        if draft is None:
            # The ERP has nothing: an intent left standing would make the next attempt doubt it.
            async with writing(desk) as session:
                await ledger.record_state(session, posting_id, PostingState.NOT_BOOKED, error.problem.failure)
        raise
    return await not_booked(desk, work, posting_id, after_reversal(error.problem, outdated))


async def _observe_sign(desk: Desk, item: ExportItem) -> None:
    kind, sign = (item.type, item.sub_type), sign_of(item)
    if sign is None or kind in desk.signs:
        return
    async with desk.context.db.transaction() as session:
        await sets.observe(session, desk.connection_id, {kind: sign})
    desk.signs[kind] = sign
