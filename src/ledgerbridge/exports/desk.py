"""The desk an item is worked at: what all items of a job share, how an outcome is written down, what ends the work.

Outcomes are written under the lease's fence: a worker that lost its lease while it waited for the ERP must not
overwrite what the next one found out.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.problem import Failure, Kind, Problem, problem
from ledgerbridge.bookkeeping.vendor_index import VendorIndex
from ledgerbridge.bookkeeping.words import Configuration, ExportItem
from ledgerbridge.erp.port import Booked, Erp, ErpError
from ledgerbridge.exports import ledger, spool
from ledgerbridge.exports.ahead import Ahead
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.store.leases import Lease
from ledgerbridge.store.tables import ItemState, PostingState

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What an item is judged by, whether it is to be booked or only looked at. Nothing here can write to our tables."""

    context: ExportContext
    connection_id: uuid.UUID
    company_id: str
    """Pleo's."""
    configuration: Configuration
    erp: Erp
    chart: ChartIndex
    today: dt.date
    """In the time zone of the configuration."""
    signs: Signs
    vendors: VendorIndex | None = None
    """The ERP's vendors; None where it books no vendor bills."""

    def doubt(self, accounting_entry_id: str, why: str = "", moved_from: str | None = None) -> Problem:
        """What a bookkeeper is told of an entry that may or may not stand in the ERP."""
        return doubt(accounting_entry_id, why, moved_from, searched=self.erp.capabilities.can_probe)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk(Grounds):
    """What stays the same for every item of one job that is worked under the company's lease."""

    lease: Lease
    job_id: uuid.UUID
    erp_kind: str
    ahead: Ahead
    """Where the receipts of an item come from."""
    fresh_chart_allowed: bool = True
    """False on the second try of an item whose period was found closed only when posting."""
    fresh_links_allowed: bool = True
    """False on the second try of an item whose receipt links had lapsed."""

    @property
    def final(self) -> bool:
        """Whether entries are made final; else drafts."""
        return self.configuration.posting_mode == "final"


def doubt(accounting_entry_id: str, why: str, moved_from: str | None, *, searched: bool) -> Problem:
    """What a bookkeeper is told of an entry that may or may not stand in the ERP.

    Where nobody of us can look for it (`searched`), a person must; `moved_from` is an ERP company the connection has
    left.
    """
    reference = f"PLEO:{accounting_entry_id}"
    if moved_from is not None:
        return problem(Failure.OUTCOME_FOR_A_PERSON, why, reference=f"{reference} in {moved_from}")
    return problem(Failure.OUTCOME_UNKNOWN if searched else Failure.OUTCOME_FOR_A_PERSON, why, reference=reference)


def sign_of(item: ExportItem) -> int | None:
    """1 or -1 by the amount in the wallet's currency; None of nothing."""
    minor = item.amount.wallet.minor
    return None if minor == 0 else 1 if minor > 0 else -1


def raise_if_general(error: ErpError) -> None:
    """Raise `ErpDown` or `JobStopped` for what concerns every item; return for what concerns one (EXP-DATA-05)."""
    row = error.problem.row
    if row.retry:
        raise ErpDown(error.problem) from error
    if row.kind in (Kind.AUTH, Kind.CONFIG) and row.job_type is not None:
        raise JobStopped(error.problem) from error


# ------------------------------------------------------------------ outcomes


@asynccontextmanager
async def writing(desk: Desk) -> AsyncIterator[AsyncSession]:
    """A transaction for the holder of the lease only. Raises `ledger.FenceLost`."""
    async with desk.context.db.transaction() as session:
        await ledger.guard(session, desk.lease)
        yield session


async def booked(desk: Desk, work: spool.Work, posting_id: uuid.UUID, made: Booked) -> ItemState:
    """The entry stands in the ERP."""
    async with writing(desk) as session:
        await ledger.record_booked(session, posting_id, made)
        await spool.settle(session, desk.job_id, work.accounting_entry_id, ItemState.BOOKED, posting_id=posting_id)
    return _seen(desk, ItemState.BOOKED)


async def not_booked(desk: Desk, work: spool.Work, posting_id: uuid.UUID, found: Problem) -> ItemState:
    """The ERP certainly has no entry, because of `found`."""
    async with writing(desk) as session:
        await ledger.record_state(session, posting_id, PostingState.NOT_BOOKED, found.failure)
        await spool.settle(
            session, desk.job_id, work.accounting_entry_id, ItemState.FAILED, posting_id=posting_id, problem=found
        )
    return _seen(desk, ItemState.FAILED)


async def unknown(
    desk: Desk,
    work: spool.Work,
    posting_id: uuid.UUID,
    why: str,
    *,
    moved_from: str | None = None,
    lost: bool = False,
) -> ItemState:
    """The ERP may have the entry; `why` we cannot tell is for operators. `moved_from` is the ledger's.

    With `lost` a write of just now has no reply, and the ERP may get the entry yet.
    """
    found = desk.doubt(work.accounting_entry_id, why, moved_from)
    async with writing(desk) as session:
        if lost:
            await ledger.record_lost(session, posting_id, why)
        else:
            await ledger.record_state(session, posting_id, PostingState.UNKNOWN, why)
        await spool.settle(
            session, desk.job_id, work.accounting_entry_id, ItemState.UNKNOWN, posting_id=posting_id, problem=found
        )
    return _seen(desk, ItemState.UNKNOWN)


async def failed(desk: Desk, work: spool.Work, found: Problem, posting_id: uuid.UUID | None = None) -> ItemState:
    """The item fails; the ledger stays as it is."""
    return await settled(desk, work, ItemState.FAILED, posting_id=posting_id, found=found)


async def settled(
    desk: Desk,
    work: spool.Work,
    state: ItemState,
    *,
    posting_id: uuid.UUID | None = None,
    found: Problem | None = None,
) -> ItemState:
    """The item has an outcome that leaves the ledger as it is."""
    async with writing(desk) as session:
        await spool.settle(session, desk.job_id, work.accounting_entry_id, state, posting_id=posting_id, problem=found)
    return _seen(desk, state)


def _seen(desk: Desk, state: ItemState) -> ItemState:
    desk.context.observer.item(state)
    log.info("item settled", outcome=str(state))
    return state
