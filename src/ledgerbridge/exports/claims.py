"""Claims in our tables: what each posting leaves open on a vendor's account, until its counterpart is found.

A claim is written with the intent of its posting. One whose posting is not booked, or was booked by hand under a number
we cannot address, waits and is not looked at.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.bookkeeping.payables import Claim, Side
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.port import DocumentKind, DocumentRef
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import (
    Connection,
    ConnectionStatus,
    Posting,
    PostingState,
    Settlement,
    SettlementState,
)

AGAIN_AFTER = timedelta(hours=20)
"""An open claim is tried again after so long: a person may have made a draft final meanwhile."""
OPEN = (SettlementState.OPEN, SettlementState.REOPENED)
STANDS = (Posting.state == PostingState.BOOKED, Posting.erp_id.is_not(None), Posting.reversal_state.is_(None))
"""The document of a claim is in the ERP, under an id, and nobody is taking it back."""
WAITS = (Settlement.state.in_(OPEN), *STANDS)
"""A claim waits for its counterpart."""


@dataclass(frozen=True, slots=True)
class Held:
    """A claim beside its row and the document it stands for."""

    claim: Claim
    row: Settlement
    document: DocumentRef
    final: bool
    """As far as we know: a draft may have been made final since."""

    @property
    def open(self) -> bool:
        return self.row.state in OPEN


async def remember(
    session: AsyncSession, connection_id: uuid.UUID, posting_id: uuid.UUID, claim: Claim | None, *, final: bool
) -> None:
    """Write down what a posting leaves open, in the transaction of its intent.

    One that is settled within itself has no row when it is booked as final; as a draft it waits for a person to make
    both halves final.
    What an earlier intent of the posting said is forgotten. If it was matched, a person removed it from the ERP since;
    what it was matched with waits again.
    """
    await forget(session, connection_id, posting_id)
    add(session, connection_id, posting_id, claim, final=final)


def add(
    session: AsyncSession, connection_id: uuid.UUID, posting_id: uuid.UUID, claim: Claim | None, *, final: bool
) -> None:
    """As `remember`, of a posting that has left nothing open before."""
    if claim is None or (claim.settled and final):
        return
    session.add(
        Settlement(
            posting_id=posting_id,
            connection_id=connection_id,
            side=claim.side,
            vendor_id=claim.vendor_id,
            number=claim.number,
            amount=f"{claim.amount:.2f}",
            currency=claim.currency,
            reconciliation_id=claim.reconciliation_id,
            settles=list(claim.settles),
            own_payment=claim.settled,
            state=SettlementState.OPEN,
        )
    )


async def forget(session: AsyncSession, connection_id: uuid.UUID, *posting_ids: uuid.UUID) -> None:
    """The postings leave nothing open any more; what they were matched with waits again."""
    if not posting_ids:
        return
    gone = delete(Settlement).where(Settlement.connection_id == connection_id, Settlement.posting_id.in_(posting_ids))
    groups = await session.scalars(gone.returning(Settlement.group_id))
    for group in sorted({one for one in groups if one is not None}):
        await _reopened(session, connection_id, group)


async def is_settled(session: AsyncSession, posting_id: uuid.UUID) -> bool:
    """Whether we matched the posting with others."""
    return bool(
        await session.scalar(
            select(Settlement.posting_id).where(
                Settlement.posting_id == posting_id, Settlement.state.not_in(OPEN), Settlement.group_id.is_not(None)
            )
        )
    )


async def open_again(session: AsyncSession, connection_id: uuid.UUID, posting_id: uuid.UUID) -> None:
    """The match of the posting was taken apart; all that stood in it waits again."""
    group = await session.scalar(select(Settlement.group_id).where(Settlement.posting_id == posting_id))
    await _reopened(session, connection_id, group)


async def _reopened(session: AsyncSession, connection_id: uuid.UUID, group: uuid.UUID | None) -> None:
    if group is not None:
        await session.execute(
            update(Settlement)
            .where(Settlement.connection_id == connection_id, Settlement.group_id == group)
            .values(state=SettlementState.REOPENED, group_id=None, settled_at=None, tried_at=None)
        )


async def carry(
    session: AsyncSession, connection_id: uuid.UUID, accounting_entry_id: str, posting_id: uuid.UUID
) -> None:
    """Give a posting found in the ERP the claim of the latest intent for its entry that was held for not booked."""
    latest = (
        select(Settlement.posting_id)
        .join(Posting, Posting.id == Settlement.posting_id)
        .where(
            Posting.connection_id == connection_id,
            Posting.accounting_entry_id == accounting_entry_id,
            Posting.state == PostingState.NOT_BOOKED,
        )
        .order_by(Posting.revision.desc())
        .limit(1)
        .scalar_subquery()
    )
    await session.execute(
        update(Settlement)
        .where(Settlement.posting_id == latest)
        .values(posting_id=posting_id)
        .execution_options(synchronize_session=False)
    )


async def vendors_with_news(
    session: AsyncSession, connection_id: uuid.UUID, job_id: uuid.UUID | None = None
) -> Sequence[str]:
    """Vendors with an open claim that was never tried, or not for a day, or that a posting of `job_id` left."""
    news = _due() if job_id is None else or_(_due(), Posting.job_id == job_id)
    found = await session.scalars(
        select(Settlement.vendor_id)
        .distinct()
        .join(Posting, Posting.id == Settlement.posting_id)
        .where(Settlement.connection_id == connection_id, *WAITS, news)
        .order_by(Settlement.vendor_id)
    )
    return found.all()


async def companies_due(session: AsyncSession, environment: str) -> Sequence[uuid.UUID]:
    """Active connections of an environment with open claims that were not tried for a day."""
    wanted = (
        select(Settlement.connection_id)
        .distinct()
        .join(Posting, Posting.id == Settlement.posting_id)
        .join(Connection, Connection.id == Settlement.connection_id)
        .where(Connection.environment == environment, Connection.status == ConnectionStatus.ACTIVE, *WAITS, _due())
        .order_by(Settlement.connection_id)
    )
    with across_companies(session, "a round asks which companies have something to do"):
        return (await session.scalars(wanted)).all()


async def of_vendor(session: AsyncSession, connection_id: uuid.UUID, vendor_id: str) -> list[Held]:
    """The vendor's claims that can be matched, in the order they were booked.

    Those are the open ones; and, where a payment came back, what was settled before, because that may be undone.
    """
    mine = (
        select(Settlement, Posting)
        .join(Posting, Posting.id == Settlement.posting_id)
        .where(Settlement.connection_id == connection_id, Settlement.vendor_id == vendor_id, *STANDS)
        .order_by(Posting.intended_at, Posting.id)
    )
    held = [_held(*row) for row in await session.execute(mine.where(*WAITS))]
    if any(one.claim.side is Side.RETURNED for one in held):
        usable = mine.where(Settlement.state != SettlementState.UNDONE)
        held = [_held(*row) for row in await session.execute(usable)]
    return held


async def record(session: AsyncSession, outcome: Mapping[SettlementState, Sequence[Held]]) -> None:
    """Write down what became of claims; those of one final state were matched with each other."""
    now = utcnow()
    for state, held in outcome.items():
        closed = state not in OPEN
        await session.execute(
            update(Settlement)
            .where(*_those(held))
            .values(
                state=state,
                group_id=uuid.uuid4() if closed else None,
                tried_at=now,
                settled_at=now if closed else None,
            )
        )


async def record_tried(session: AsyncSession, held: Sequence[Held]) -> None:
    """Nothing more can be done for these just now."""
    those = _those([one for one in held if one.open])
    await session.execute(update(Settlement).where(*those).values(tried_at=utcnow()))


def _those(held: Sequence[Held]) -> tuple[ColumnElement[bool], ...]:
    """These rows, which must be of one company."""
    return (
        Settlement.connection_id.in_({one.row.connection_id for one in held}),
        Settlement.posting_id.in_([one.row.posting_id for one in held]),
    )


def _due() -> ColumnElement[bool]:
    return or_(Settlement.tried_at.is_(None), Settlement.tried_at < utcnow() - AGAIN_AFTER)


def _held(row: Settlement, posting: Posting) -> Held:
    claim = Claim(
        entry=posting.accounting_entry_id,
        side=Side(row.side),
        vendor_id=row.vendor_id,
        amount=Decimal(row.amount),
        currency=row.currency,
        reconciliation_id=row.reconciliation_id,
        number=row.number,
        settles=tuple(row.settles),
        settled=row.own_payment or row.state not in OPEN,
    )
    return Held(claim, row, DocumentRef(DocumentKind(posting.document), posting.erp_id or ""), posting.final)
