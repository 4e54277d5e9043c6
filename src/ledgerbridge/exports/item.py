"""One item, from payload to outcome: resolve → intent → receipts → book → outcome.

Whatever happens to one item never blocks the others (EXP-DATA-05); only what concerns the whole ERP or the whole
connection ends the job, by raising `JobStopped`, or makes it wait, by raising `ErpDown`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.content import content_digest
from ledgerbridge.bookkeeping.mapping import book
from ledgerbridge.bookkeeping.problem import Failure, Kind, Problem, problem
from ledgerbridge.bookkeeping.words import (
    ChangedReexport,
    Configuration,
    ExportItem,
    JournalEntry,
    NothingToPost,
)
from ledgerbridge.erp.port import Booked, Erp, ErpError, Found
from ledgerbridge.exports import ledger, spool
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.exports.receipts import LinkLapsed, ReceiptProblem, fetch_all
from ledgerbridge.pleo.items import UnreadableItem, parse_item
from ledgerbridge.store.leases import Lease
from ledgerbridge.store.tables import ItemState, ObservedSign, Posting, PostingState

log = structlog.get_logger(__name__)

Signs = dict[tuple[str, str | None], int]


class ErpDown(Exception):
    """The ERP does not answer or is too busy: nothing is wrong with the item, only time helps."""

    def __init__(self, found: Problem) -> None:
        super().__init__(found.internal or found.text)
        self.problem = found


class JobStopped(Exception):
    """Something a person must change before any item of this company can be booked."""

    def __init__(self, found: Problem) -> None:
        super().__init__(found.internal or found.text)
        self.problem = found


class ChartStale(Exception):
    """The ERP's periods changed under us: read the chart again and work the item once more (EXP-PERIOD-04)."""

    def __init__(self, found: Problem) -> None:
        super().__init__(found.text)
        self.problem = found


@dataclass(frozen=True, slots=True)
class Desk:
    """What stays the same for every item of one job."""

    context: ExportContext
    lease: Lease
    connection_id: uuid.UUID
    company_id: str
    job_id: uuid.UUID
    configuration: Configuration
    erp: Erp
    erp_kind: str
    chart: ChartIndex
    today: dt.date
    signs: Signs
    fresh_chart_allowed: bool = True
    """False on the second try of an item whose period was found closed only when posting."""
    fresh_links_allowed: bool = True
    """False on the second try of an item whose receipt links had lapsed."""


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
        return await _fail(desk, work, problem(Failure.PAYLOAD_MISSING))
    try:
        item = parse_item(work.payload)
    except UnreadableItem as error:
        return await _fail(desk, work, error.problem)
    if item.company_id.lower() != desk.company_id.lower():
        return await _fail(desk, work, problem(Failure.WRONG_COMPANY, f"item of company {item.company_id}"))
    digest = content_digest(item)
    async with desk.context.db.reading() as session:
        standing = await ledger.live(session, desk.connection_id, work.accounting_entry_id)
        revision = await ledger.next_revision(session, desk.connection_id, work.accounting_entry_id)
    if standing is not None and standing.state == PostingState.BOOKED:
        settled = await _already_booked(desk, work, standing, digest)
        if settled is not None:
            return settled
    wanted = _book(desk, item, standing.revision if standing else revision)
    match wanted:
        case NothingToPost():
            return await _settle(desk, work, ItemState.NOTHING_TO_POST)
        case JournalEntry():
            return await _post(desk, work, item, wanted, digest)
        case _:
            return await _fail_unposted(desk, work, standing, wanted)


def _book(desk: Desk, item: ExportItem, revision: int) -> JournalEntry | NothingToPost | tuple[Problem, ...]:
    return book(item, desk.configuration, desk.chart, today=desk.today, revision=revision, known_signs=desk.signs)


# ------------------------------------------------------------------ an entry that comes again


async def _already_booked(desk: Desk, work: spool.Work, standing: Posting, digest: str) -> ItemState | None:
    """Settle an entry our ledger shows as booked (EXP-IDEM-07); None when the ERP no longer has it."""
    if desk.erp.capabilities.can_probe and not standing.by_hand:
        found = await probe(desk.erp, work.accounting_entry_id, desk.company_id)
        if not found:
            async with desk.context.db.transaction() as session:
                await ledger.record_state(
                    session, standing.id, PostingState.NOT_BOOKED, "no longer in the accounting system"
                )
            return None
    if standing.digest in (None, digest):
        return await _settle(desk, work, ItemState.BOOKED, posting_id=standing.id)
    reference = standing.erp_number or standing.erp_id or "?"
    if desk.configuration.changed_reexport is ChangedReexport.REVERSE_AND_REBOOK:
        log.warning("changed entry cannot be reversed by this adapter", reference=reference)
    return await _fail(desk, work, problem(Failure.CHANGED_SINCE_BOOKED, reference=reference), standing.id)


async def _fail_unposted(
    desk: Desk, work: spool.Work, standing: Posting | None, problems: Sequence[Problem]
) -> ItemState:
    """Fail an item that cannot be mapped, unless an interrupted attempt may have booked it before."""
    if standing is not None and desk.erp.capabilities.can_probe:
        found = await probe(desk.erp, work.accounting_entry_id, desk.company_id)
        if found:
            return await _booked(desk, work, standing.id, found[0].booked)
        async with desk.context.db.transaction() as session:
            await ledger.record_state(session, standing.id, PostingState.NOT_BOOKED)
    return await _fail(desk, work, _together(problems))


def _together(problems: Sequence[Problem]) -> Problem:
    """The first problem, its text followed by the others': a bookkeeper mends them in one go."""
    first, *others = problems
    if not others:
        return first
    texts = dict.fromkeys(found.text for found in problems)
    return replace(first, spelled=" ".join(texts))


# ------------------------------------------------------------------ booking


async def _post(desk: Desk, work: spool.Work, item: ExportItem, entry: JournalEntry, digest: str) -> ItemState:
    intent = ledger.Intent(digest, desk.configuration.version, desk.job_id, desk.erp_kind)
    async with desk.context.db.transaction() as session:
        posting_id = await ledger.intend(session, desk.lease, desk.connection_id, entry, intent)
    try:
        attachments = await fetch_all(item, desk.context.downloads, desk.erp.capabilities)
        final = desk.configuration.posting_mode == "final"
        booked = await desk.erp.book(entry, attachments, final=final)
    except ReceiptProblem as error:
        return await _not_booked(desk, work, posting_id, error.problem)
    except LinkLapsed as error:
        if desk.fresh_links_allowed:
            raise
        return await _not_booked(desk, work, posting_id, error.problem)
    except ErpError as error:
        return await _after_error(desk, work, posting_id, error)
    except Exception as error:
        log.exception("unexpected failure while booking")
        return await _unknown(desk, work, posting_id, problem(Failure.UNEXPECTED, repr(error)))
    await _observe_sign(desk, item)
    return await _booked(desk, work, posting_id, booked)


async def _after_error(desk: Desk, work: spool.Work, posting_id: uuid.UUID, error: ErpError) -> ItemState:
    row = error.problem.row
    if error.outcome_unknown:
        return await _unknown(desk, work, posting_id, error.problem)
    if row.retry:
        raise ErpDown(error.problem)
    if error.problem.failure is Failure.PERIOD_CLOSED and desk.fresh_chart_allowed:
        raise ChartStale(error.problem)
    if row.kind in (Kind.AUTH, Kind.CONFIG) and row.job_type is not None:
        await _not_booked(desk, work, posting_id, error.problem)
        raise JobStopped(error.problem)
    return await _not_booked(desk, work, posting_id, error.problem)


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


# ------------------------------------------------------------------ outcomes


async def _booked(desk: Desk, work: spool.Work, posting_id: uuid.UUID, booked: Booked) -> ItemState:
    async with desk.context.db.transaction() as session:
        await ledger.record_booked(session, posting_id, booked)
        await spool.settle(session, desk.job_id, work.accounting_entry_id, ItemState.BOOKED, posting_id=posting_id)
    return _seen(desk, ItemState.BOOKED)


async def _not_booked(desk: Desk, work: spool.Work, posting_id: uuid.UUID, found: Problem) -> ItemState:
    async with desk.context.db.transaction() as session:
        await ledger.record_state(session, posting_id, PostingState.NOT_BOOKED, found.failure)
        await spool.settle(
            session, desk.job_id, work.accounting_entry_id, ItemState.FAILED, posting_id=posting_id, problem=found
        )
    return _seen(desk, ItemState.FAILED)


async def _unknown(desk: Desk, work: spool.Work, posting_id: uuid.UUID, found: Problem) -> ItemState:
    async with desk.context.db.transaction() as session:
        await ledger.record_state(session, posting_id, PostingState.UNKNOWN, found.internal or found.failure)
        await spool.settle(
            session, desk.job_id, work.accounting_entry_id, ItemState.UNKNOWN, posting_id=posting_id, problem=found
        )
    return _seen(desk, ItemState.UNKNOWN)


async def _fail(desk: Desk, work: spool.Work, found: Problem, posting_id: uuid.UUID | None = None) -> ItemState:
    return await _settle(desk, work, ItemState.FAILED, posting_id=posting_id, found=found)


async def _settle(
    desk: Desk,
    work: spool.Work,
    state: ItemState,
    *,
    posting_id: uuid.UUID | None = None,
    found: Problem | None = None,
) -> ItemState:
    async with desk.context.db.transaction() as session:
        await spool.settle(session, desk.job_id, work.accounting_entry_id, state, posting_id=posting_id, problem=found)
    return _seen(desk, state)


def _seen(desk: Desk, state: ItemState) -> ItemState:
    desk.context.observer.item(state)
    log.info("item settled", outcome=str(state))
    return state


async def probe(erp: Erp, accounting_entry_id: str, company_id: str) -> Sequence[Found]:
    """Look an entry up by its key. Raises `ErpDown` or `JobStopped` when the ERP cannot be asked."""
    try:
        return await erp.find(accounting_entry_id, company_id)
    except ErpError as error:
        if error.problem.row.retry:
            raise ErpDown(error.problem) from error
        raise JobStopped(error.problem) from error
