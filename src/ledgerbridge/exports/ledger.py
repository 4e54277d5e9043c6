"""The posting ledger: what we put into the ERP, written down before and after (invariants 1 and 2).

An intent is written before anything is sent. Intents and outcomes are written under the lease's fence, so that a
worker that lost its lease can neither begin a posting nor overwrite what the next one found out. The partial unique
index `uq_postings_one_live` makes a second live posting impossible.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.port import Booked, DocumentKind
from ledgerbridge.exports.rows import any_of
from ledgerbridge.store.leases import Lease, holds
from ledgerbridge.store.tables import Posting, PostingState

LIVE = (PostingState.INTENDED, PostingState.BOOKED, PostingState.UNKNOWN)


class FenceLost(Exception):
    """The lease passed to another worker; this one must stop at once."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What an intent row says about the posting to come."""

    digest: str
    """Of the item's content, to recognise it when it comes again (EXP-IDEM-07)."""
    config_version: int
    job_id: uuid.UUID
    erp_kind: str


async def live(session: AsyncSession, connection_id: uuid.UUID, accounting_entry_id: str) -> Posting | None:
    """The one live posting of an accounting entry, or None."""
    return await session.scalar(
        select(Posting).where(
            Posting.connection_id == connection_id,
            Posting.accounting_entry_id == accounting_entry_id,
            Posting.state.in_(LIVE),
        )
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger knows of an accounting entry before it is booked."""

    live: Posting | None
    """Its one live posting."""
    revision: int
    """That of the live posting, or the one a new posting takes: 1, or one above a reversed one. A posting never made
    keeps its number."""


async def standings(
    session: AsyncSession, connection_id: uuid.UUID, accounting_entry_ids: Sequence[str]
) -> dict[str, Standing]:
    """What is known of each of these accounting entries, in one question."""
    rows = await session.scalars(
        select(Posting).where(
            Posting.connection_id == connection_id,
            Posting.accounting_entry_id == any_of(accounting_entry_ids),
            Posting.state.in_((*LIVE, PostingState.REVERSED)),
        )
    )
    known = dict.fromkeys(accounting_entry_ids, Standing(None, 1))
    for row in rows:
        before = known[row.accounting_entry_id]
        if row.state != PostingState.REVERSED:
            now = Standing(row, row.revision)
        else:
            now = Standing(before.live, before.revision if before.live else max(before.revision, row.revision + 1))
        known[row.accounting_entry_id] = now
    return known


async def doubt(session: AsyncSession, connection_id: uuid.UUID, accounting_entry_id: str) -> Posting | None:
    """The live posting; an intent that nobody will come back to soon is an unknown outcome from now on."""
    standing = await live(session, connection_id, accounting_entry_id)
    if standing is not None and standing.state == PostingState.INTENDED:
        standing.state = PostingState.UNKNOWN
        standing.note = standing.note or "interrupted"
        await session.flush()
    return standing


async def free_revision(session: AsyncSession, connection_id: uuid.UUID, accounting_entry_id: str) -> int:
    """A revision no row of this accounting entry has."""
    highest = await session.scalar(
        select(func.max(Posting.revision)).where(
            Posting.connection_id == connection_id, Posting.accounting_entry_id == accounting_entry_id
        )
    )
    return (highest or 0) + 1


async def guard(session: AsyncSession, lease: Lease) -> None:
    """Hold on to the lease until the caller's transaction ends. Raises `FenceLost` when it is no longer ours."""
    if not await holds(session, lease):
        raise FenceLost


async def intend(
    session: AsyncSession, lease: Lease, connection_id: uuid.UUID, document: Document, intent: Intent
) -> uuid.UUID:
    """Write the intent to book `document`, or take over the one an earlier, interrupted attempt left.

    Raises `FenceLost` when the lease is no longer ours.
    """
    await guard(session, lease)
    posting = await session.scalar(
        select(Posting)
        .where(
            Posting.connection_id == connection_id,
            Posting.accounting_entry_id == document.key.accounting_entry_id,
            Posting.revision == document.key.revision,
        )
        .with_for_update()
    )
    if posting is None:
        posting = Posting(
            id=uuid.uuid4(),
            connection_id=connection_id,
            accounting_entry_id=document.key.accounting_entry_id,
            revision=document.key.revision,
        )
        session.add(posting)
    posting.state = PostingState.INTENDED
    posting.digest = intent.digest
    posting.total = f"{document.total:.2f}"
    posting.currency = document.currency
    posting.posting_date = (document.entry if isinstance(document, Bill) else document).date
    posting.config_version = intent.config_version
    posting.job_id = intent.job_id
    posting.erp_kind = intent.erp_kind
    posting.document = DocumentKind.BILL if isinstance(document, Bill) else DocumentKind.JOURNAL_ENTRY
    posting.fence = lease.fence
    posting.intended_at = utcnow()
    posting.erp_id = posting.erp_number = posting.erp_url = posting.booked_at = posting.note = posting.moved_from = None
    posting.by_hand = posting.final = False
    posting.reversal_state = posting.reversal_reason = posting.reversal_by = posting.reversal_at = None
    await session.flush()
    return posting.id


async def record_booked(session: AsyncSession, posting_id: uuid.UUID, booked: Booked, note: str | None = None) -> None:
    """The entry stands in the ERP."""
    await session.execute(
        update(Posting)
        .where(Posting.id == posting_id)
        .values(
            state=PostingState.BOOKED,
            document=booked.kind,
            erp_id=booked.id,
            erp_number=booked.number,
            erp_url=booked.url,
            final=booked.final,
            booked_at=booked.booked_at,
            moved_from=None,
            note=note,
        )
    )


async def record_state(
    session: AsyncSession, posting_id: uuid.UUID, state: PostingState, note: str | None = None
) -> None:
    """The entry is certainly absent (`not_booked`), or nobody knows (`unknown`); nobody is taking it back then."""
    changed = {"state": state, "note": note, "reversal_state": None}
    await session.execute(update(Posting).where(Posting.id == posting_id).values(**changed))


async def record_lost(session: AsyncSession, posting_id: uuid.UUID, note: str) -> None:
    """The reply to a write did not come, so nobody knows.

    What may still arrive is counted from now: the attempt may have taken long before the write that was lost.
    """
    lost = update(Posting).where(Posting.id == posting_id)
    await session.execute(lost.values(state=PostingState.UNKNOWN, note=note, intended_at=utcnow()))


def booked_at(posting: Posting) -> dt.datetime:
    """When the ERP made the entry; the intent's time for one adopted without it."""
    return posting.booked_at or posting.intended_at
