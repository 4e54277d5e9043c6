"""Who has a booked entry taken back: a person who gives a reason, and the round that finishes what was cut short.

Pleo is told nothing: it goes on showing the expense as exported until a bookkeeper exports it again, which books it as
its next revision.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from dataclasses import replace

import structlog
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.bookkeeping.problem import Problem
from ledgerbridge.clock import utcnow
from ledgerbridge.connections.access import ConnectionState, load, open_erp, verify_erp_company
from ledgerbridge.connections.errors import ErpNotBound
from ledgerbridge.erp.port import Erp, ErpError
from ledgerbridge.exports import ledger, queries
from ledgerbridge.exports.alone import CannotResolve, taken
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.exports.filing import file_waiting
from ledgerbridge.exports.judging import today_in
from ledgerbridge.exports.reversal import LEFT_ALONE, Hands, NotTakenBack, named, take_back, takes_back
from ledgerbridge.store.leases import Lease, LeaseKeeper, LeaseLost
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import (
    Connection,
    ConnectionStatus,
    ExportJob,
    Posting,
    PostingState,
    ReversalState,
)

log = structlog.get_logger(__name__)

PENDING = Posting.reversal_state.in_((ReversalState.INTENDED, ReversalState.UNKNOWN))
"""Somebody asked to take it back, and nobody knows whether it is."""


async def reverse(
    context: ExportContext, job: ExportJob, accounting_entry_id: str, *, reason: str, actor: str
) -> ReversalState:
    """Take back what this item of a job was booked as; pressed again, finish it or say that it is done.

    `UNKNOWN` when the ERP did not confirm it; the next press, the round, or the next export of the item finishes it.
    Raises `CannotResolve`, and what opening and asking the ERP raises.
    """
    lease = await taken(context, job.connection_id)
    try:
        async with LeaseKeeper(context.db, lease, context.lease_seconds):
            return await _reverse(context, lease, job, accounting_entry_id, reason, actor)
    except (LeaseLost, ledger.FenceLost):
        raise CannotResolve("It took too long, and nobody can tell yet whether it is done. Try again.") from None


async def _reverse(
    context: ExportContext, lease: Lease, job: ExportJob, accounting_entry_id: str, reason: str, actor: str
) -> ReversalState:
    posting = await _to_take_back(context, job, accounting_entry_id)
    if posting.state == PostingState.REVERSED:
        return ReversalState.REVERSED
    company = await load(context.connections, job.connection_id)
    async with open_erp(context.connections, job.connection_id) as erp:
        if not takes_back(erp, posting):
            raise CannotResolve(_by_hand(posting, erp))
        hands = await _hands(context, lease, company, erp)
        try:
            await take_back(hands, posting, reason=reason, actor=actor)
            await file_waiting(erp)
        except NotTakenBack as not_done:
            if not_done.wait:
                raise CannotResolve(
                    "It was asked for before, and a call without an answer may still take it back. "
                    f"Try again in {math.ceil(not_done.wait)} seconds."
                ) from None
            if not_done.unknown:
                return ReversalState.UNKNOWN
            if not_done.error is not None and not_done.error.problem.row.retry:
                raise ErpError(for_a_person(not_done.problem)) from None
            raise CannotResolve(for_a_person(not_done.problem).text) from None
    return ReversalState.REVERSED


async def _to_take_back(context: ExportContext, job: ExportJob, accounting_entry_id: str) -> Posting:
    """The posting of the item that a person sees. Raises `CannotResolve`."""
    async with context.db.reading() as session:
        found = await queries.item(session, job.id, accounting_entry_id)
        committed = await queries.committed(session, job.connection_id, accounting_entry_id)
        live = await ledger.live(session, job.connection_id, accounting_entry_id)
    if found is None:
        raise CannotResolve("The job has no such item.")
    if found.posting is None:
        raise CannotResolve("This item led to no booking, so there is nothing to take back.")
    if live is None and found.posting.state == PostingState.REVERSED:
        return found.posting
    if live is None or live.id != found.posting.id:
        also = f" Another export booked the expense as {named(live)}; take it back there." if live else ""
        raise CannotResolve(f"The booking of this item does not stand any more.{also}")
    if live.state != PostingState.BOOKED:
        raise CannotResolve("It is not known whether this item is booked. Probe it first, then take it back.")
    if committed:
        raise CannotResolve("An export that has told Pleo of it is not closed yet. Try again when it is.")
    return live


def _by_hand(posting: Posting, erp: Erp) -> str:
    if posting.by_hand:
        return f"A person booked it by hand as {named(posting)}. Reverse that there, then mark the item not booked."
    if posting.moved_from is not None:
        return f"It was booked in {posting.moved_from}, which the connection has left since. Reverse it there."
    return (
        f"We cannot take back what is booked in this accounting system. Reverse {named(posting)} there, then export "
        "the expense again."
    )


async def _hands(context: ExportContext, lease: Lease, company: ConnectionState, erp: Erp) -> Hands:
    """Raises `CannotResolve`, `ErpNotBound`, `ErpError`."""
    if company.binding is None:
        raise ErpNotBound
    if company.configuration is None:
        raise CannotResolve("The connection has no configuration. Store one, then try again.")
    if wrong := await verify_erp_company(erp, company.binding):
        raise ErpError(for_a_person(wrong))
    return Hands(
        db=context.db,
        queue=context.queue,
        lease=lease,
        connection_id=company.connection.id,
        company_id=company.connection.company_id,
        erp=erp,
        configuration=company.configuration,
        periods=(await erp.chart()).periods,
        today=today_in(company.configuration),
        patience=context.patience,
    )


def for_a_person(found: Problem) -> Problem:
    """The failure table speaks to somebody who exports."""
    return replace(found, spelled=found.text.replace("then export again.", "then try again."))


# ------------------------------------------------------------------ what was cut short


async def companies_with_pending(session: AsyncSession, environment: str) -> Sequence[uuid.UUID]:
    """Active connections of an environment with a reversal that nobody has finished for a while."""
    wanted = (
        select(Posting.connection_id)
        .distinct()
        .join(Connection, Connection.id == Posting.connection_id)
        .where(Connection.environment == environment, Connection.status == ConnectionStatus.ACTIVE, *_left())
        .order_by(Posting.connection_id)
    )
    with across_companies(session, "a round asks which companies have something to do"):
        return (await session.scalars(wanted)).all()


async def finish_pending(context: ExportContext, lease: Lease, connection_id: uuid.UUID) -> int:
    """Finish the reversals of a company that were cut short; how many are done. Under the caller's lease.

    What cannot be finished now is left for the next time. Raises `ledger.FenceLost`.
    """
    async with context.db.reading() as session:
        mine = select(Posting).where(Posting.connection_id == connection_id, *_left())
        left = (await session.scalars(mine.order_by(Posting.reversal_at))).all()
    if not left:
        return 0
    company = await load(context.connections, connection_id)
    done = 0
    try:
        async with open_erp(context.connections, connection_id) as erp:
            hands = await _hands(context, lease, company, erp)
            for posting in left:
                done += await _finished(hands, posting)
            if done:
                await file_waiting(erp)
    except (ErpError, ErpNotBound, CannotResolve) as reason:
        log.warning("reversals left pending", reason=str(reason))
    return done


async def _finished(hands: Hands, posting: Posting) -> bool:
    if not takes_back(hands.erp, posting):
        log.warning("a reversal cannot be finished", accounting_entry_id=posting.accounting_entry_id)
        return False
    try:
        await take_back(hands, posting, reason="", actor="system")
    except NotTakenBack as not_done:
        log.warning(
            "a reversal was not finished",
            accounting_entry_id=posting.accounting_entry_id,
            pending=not_done.unknown,
            reason=str(not_done),
        )
        return False
    return True


def _left() -> tuple[ColumnElement[bool], ...]:
    return (
        PENDING,
        Posting.state == PostingState.BOOKED,
        func.coalesce(Posting.reversal_at, Posting.intended_at) < utcnow() - LEFT_ALONE,
    )
