"""One item, from payload to outcome: resolve → receipts → intent → book → outcome.

Whatever happens to one item never blocks the others (EXP-DATA-05); only what concerns the whole ERP or the whole
connection ends the job, by raising `JobStopped`, or makes it wait, by raising `ErpDown`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from ledgerbridge.bookkeeping.content import content_digest
from ledgerbridge.bookkeeping.mapping import book
from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.settlement import payables_of
from ledgerbridge.bookkeeping.words import ExportItem, JournalEntry, NothingToPost
from ledgerbridge.erp.port import ErpError
from ledgerbridge.exports import claims, ledger, spool
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.exports.desk import (
    ChartStale,
    Desk,
    ErpDown,
    JobStopped,
    Signs,
    booked,
    failed,
    not_booked,
    raise_if_general,
    settled,
    unknown,
    writing,
)
from ledgerbridge.exports.receipts import LinkLapsed, ReceiptProblem, fetch_all
from ledgerbridge.exports.standing import Left, settle_standing
from ledgerbridge.pleo.items import UnreadableItem, parse_item
from ledgerbridge.store.tables import ItemState, ObservedSign, Posting, PostingState

log = structlog.get_logger(__name__)


async def load_signs(context: ExportContext, connection_id: uuid.UUID) -> Signs:
    """Which sign Pleo was seen to use for each type and sub type in this company (EXP-TYPE-15)."""
    async with context.db.reading() as session:
        rows = await session.scalars(select(ObservedSign).where(ObservedSign.connection_id == connection_id))
        return {(row.type, row.sub_type or None): row.sign for row in rows}


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
    if work.payload is None:
        return await failed(desk, work, problem(Failure.PAYLOAD_MISSING))
    try:
        item = parse_item(work.payload)
    except UnreadableItem as error:
        return await failed(desk, work, error.problem)
    if item.company_id.lower() != desk.company_id.lower():
        return await failed(desk, work, problem(Failure.WRONG_COMPANY, f"item of company {item.company_id}"))
    digest = content_digest(item)
    async with desk.context.db.reading() as session:
        standing = await ledger.live(session, desk.connection_id, work.accounting_entry_id)
        revision = await ledger.next_revision(session, desk.connection_id, work.accounting_entry_id)
    wanted = _book(desk, item, standing.revision if standing else revision)
    outcome: ItemState | Left = Left.NOTHING
    if standing is not None:
        bookable = isinstance(wanted, JournalEntry | Bill)
        paying = isinstance(wanted, Bill) and wanted.payment is not None
        outcome = await settle_standing(desk, work, standing, digest, bookable=bookable, paying=paying)
    if isinstance(outcome, ItemState):
        return outcome
    match wanted:
        case NothingToPost():
            return await settled(desk, work, ItemState.NOTHING_TO_POST)
        case JournalEntry() | Bill():
            draft = standing if outcome is Left.DRAFT else None
            return await _post(desk, work, item, wanted, digest, draft)
        case _:
            return await failed(desk, work, _together(wanted))


def _book(desk: Desk, item: ExportItem, revision: int) -> Document | NothingToPost | tuple[Problem, ...]:
    try:
        return book(
            item,
            desk.configuration,
            desk.chart,
            today=desk.today,
            revision=revision,
            known_signs=desk.signs,
            vendors=desk.vendors,
        )
    except Exception as error:
        log.exception("unexpected failure while mapping")
        return (problem(Failure.UNEXPECTED, repr(error)),)


def _together(problems: Sequence[Problem]) -> Problem:
    """The first problem, its text followed by the others': a bookkeeper mends them in one go."""
    first, *others = problems
    if not others:
        return first
    texts = dict.fromkeys(found.text for found in problems)
    return replace(first, spelled=" ".join(texts))


# ------------------------------------------------------------------ booking


async def _post(
    desk: Desk, work: spool.Work, item: ExportItem, document: Document, digest: str, draft: Posting | None
) -> ItemState:
    """Book `document`; `draft` is the posting of an earlier attempt that left a draft which may not be whole."""
    try:
        attachments = await fetch_all(item, desk.context.downloads, desk.erp.capabilities)
    except LinkLapsed as error:
        if desk.fresh_links_allowed:
            raise
        return await _without_receipts(desk, work, error.problem, draft)
    except ReceiptProblem as error:
        return await _without_receipts(desk, work, error.problem, draft)
    except Exception as error:
        log.exception("unexpected failure while fetching receipts")
        return await _without_receipts(desk, work, problem(Failure.UNEXPECTED, repr(error)), draft)
    final = desk.configuration.posting_mode == "final"
    intent = ledger.Intent(digest, desk.configuration.version, desk.job_id, desk.erp_kind)
    async with desk.context.db.transaction() as session:
        posting_id = await ledger.intend(session, desk.lease, desk.connection_id, document, intent)
        await claims.remember(session, desk.connection_id, posting_id, payables_of(item, document), final=final)
    try:
        made = await desk.erp.book(document, attachments, final=final)
    except ErpError as error:
        return await _after_error(desk, work, posting_id, error, draft)
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
    desk: Desk, work: spool.Work, posting_id: uuid.UUID, error: ErpError, draft: Posting | None
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
    return await not_booked(desk, work, posting_id, error.problem)


async def _observe_sign(desk: Desk, item: ExportItem) -> None:
    key = (item.type, item.sub_type)
    if key in desk.signs or item.amount.wallet.minor == 0:
        return
    sign = 1 if item.amount.wallet.minor > 0 else -1
    async with desk.context.db.transaction() as session:
        await session.execute(
            insert(ObservedSign)
            .values(connection_id=desk.connection_id, type=item.type, sub_type=item.sub_type or "", sign=sign)
            .on_conflict_do_nothing()
        )
    desk.signs[key] = sign
