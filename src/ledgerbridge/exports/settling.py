"""Bills and the payments that settle them, whichever job each came with (EXP-AP-02, EXP-AP-04).

Every posting on a vendor's account is written down as a claim with its intent. Once the items of a job are booked, and
once a day for what is left, claims that belong together are matched in the ERP. A half without its counterpart is no
error: it stays open.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.bookkeeping.payables import Claim, Side
from ledgerbridge.bookkeeping.settlement import match
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.port import DocumentKind, DocumentRef, Erp, ErpError
from ledgerbridge.exports import ledger
from ledgerbridge.store.engine import Database
from ledgerbridge.store.leases import Lease
from ledgerbridge.store.tables import Posting, PostingState, Settlement, SettlementState

log = structlog.get_logger(__name__)

AGAIN_AFTER = timedelta(hours=20)
"""An open claim is tried again by the daily round: a person may have posted a draft meanwhile."""
_OPEN = (SettlementState.OPEN, SettlementState.REOPENED)


@dataclass(frozen=True, slots=True)
class Settling:
    """What matching needs: the company's ERP, and the lease under which its ledger is written."""

    db: Database
    lease: Lease
    connection_id: uuid.UUID
    erp: Erp


@dataclass(frozen=True, slots=True)
class _Held:
    """A claim beside its row and the document it stands for."""

    claim: Claim
    row: Settlement
    document: DocumentRef

    @property
    def undone(self) -> bool:
        return self.row.state == SettlementState.UNDONE


async def remember(session: AsyncSession, connection_id: uuid.UUID, posting_id: uuid.UUID, claim: Claim | None) -> None:
    """Write the claim of a posting down, in the transaction of its intent. One settled within itself needs no row."""
    if claim is None or claim.settled:
        return
    values = {
        "connection_id": connection_id,
        "side": claim.side,
        "vendor_id": claim.vendor_id,
        "number": claim.number,
        "amount": f"{claim.amount:.2f}",
        "currency": claim.currency,
        "reconciliation_id": claim.reconciliation_id,
        "settles": list(claim.settles),
        "state": SettlementState.OPEN,
    }
    row = insert(Settlement).values(posting_id=posting_id, **values)
    await session.execute(row.on_conflict_do_update(index_elements=[Settlement.posting_id], set_=values))


async def settle_open(settling: Settling, job_id: uuid.UUID | None = None) -> int:
    """Match what belongs together among the claims of vendors with news; returns how many groups were matched.

    News are: postings of `job_id`, claims never tried, and open ones not tried for a day. An ERP that cannot be asked
    leaves them open. Raises `ledger.FenceLost`.
    """
    if not settling.erp.capabilities.vendor_bills:
        return 0
    matched = 0
    async with settling.db.reading() as session:
        vendors = await _vendors_with_news(session, settling.connection_id, job_id)
    for vendor_id in vendors:
        try:
            matched += await _settle_vendor(settling, vendor_id)
        except ErpError as error:
            log.warning("claims of a vendor left open", vendor_id=vendor_id, reason=str(error))
            if error.problem.row.retry:
                break
    return matched


async def _vendors_with_news(
    session: AsyncSession, connection_id: uuid.UUID, job_id: uuid.UUID | None
) -> Sequence[str]:
    news = [Settlement.tried_at.is_(None), Settlement.tried_at < utcnow() - AGAIN_AFTER]
    if job_id is not None:
        news.append(Posting.job_id == job_id)
    found = await session.scalars(
        select(Settlement.vendor_id)
        .distinct()
        .join(Posting, Posting.id == Settlement.posting_id)
        .where(
            Settlement.connection_id == connection_id,
            Settlement.state.in_(_OPEN),
            Posting.state == PostingState.BOOKED,
            Posting.erp_id.is_not(None),
            or_(*news),
        )
        .order_by(Settlement.vendor_id)
    )
    return found.all()


async def _settle_vendor(settling: Settling, vendor_id: str) -> int:
    matched = 0
    tried: set[str] = set()
    while True:
        held = await _held(settling, vendor_id)
        usable = [one for one in held if not one.undone]
        todo = [one for one in usable if not one.claim.settled and one.claim.entry not in tried]
        if not todo:
            break
        one = todo[0]
        tried.add(one.claim.entry)
        group = match(one.claim, [other.claim for other in usable])
        if group:
            entries = {claim.entry for claim in group}
            matched += await _settle(settling, one, [other for other in usable if other.claim.entry in entries], usable)
    async with settling.db.transaction() as session:
        await ledger.guard(session, settling.lease)
        ids = [one.row.posting_id for one in held]
        await session.execute(update(Settlement).where(Settlement.posting_id.in_(ids)).values(tried_at=utcnow()))
    return matched


async def _settle(settling: Settling, one: _Held, others: list[_Held], usable: list[_Held]) -> bool:
    """Match `one` with `others` in the ERP and write it down; False when the ERP cannot yet."""
    documents = [each.document for each in (one, *others)]
    if one.claim.side is Side.RETURNED:
        if not await settling.erp.reopen([each.document for each in others]):
            log.warning("the accounting system does not take the settlement of a returned payment apart")
            return False
        if not await settling.erp.settle(documents):
            return False
        groups = {each.row.group_id for each in others} - {None}
        owed_again = [
            each for each in usable if each.row.group_id in groups and each not in others and each.claim.settled
        ]
        await _record(settling, owed_again, SettlementState.REOPENED)
        await _record(settling, [one, *others], SettlementState.UNDONE)
        return True
    if not await settling.erp.settle(documents):
        return False
    await _record(settling, [one, *others], SettlementState.SETTLED)
    return True


async def _record(settling: Settling, held: list[_Held], state: SettlementState) -> None:
    now, group = utcnow(), uuid.uuid4()
    closed = state not in _OPEN
    async with settling.db.transaction() as session:
        await ledger.guard(session, settling.lease)
        await session.execute(
            update(Settlement)
            .where(Settlement.posting_id.in_([one.row.posting_id for one in held]))
            .values(state=state, group_id=group if closed else None, tried_at=now, settled_at=now if closed else None)
        )


async def _held(settling: Settling, vendor_id: str) -> list[_Held]:
    """The vendor's claims that stand in the ERP, in the order they were booked."""
    async with settling.db.reading() as session:
        rows = await session.execute(
            select(Settlement, Posting)
            .join(Posting, Posting.id == Settlement.posting_id)
            .where(
                Settlement.connection_id == settling.connection_id,
                Settlement.vendor_id == vendor_id,
                Posting.state == PostingState.BOOKED,
                Posting.erp_id.is_not(None),
            )
            .order_by(Posting.intended_at, Posting.id)
        )
        return [_one(row, posting) for row, posting in rows]


def _one(row: Settlement, posting: Posting) -> _Held:
    claim = Claim(
        entry=posting.accounting_entry_id,
        side=Side(row.side),
        vendor_id=row.vendor_id,
        amount=Decimal(row.amount),
        currency=row.currency,
        reconciliation_id=row.reconciliation_id,
        number=row.number,
        settles=tuple(row.settles),
        settled=row.state == SettlementState.SETTLED,
    )
    return _Held(claim, row, DocumentRef(DocumentKind(posting.document), posting.erp_id or ""))
