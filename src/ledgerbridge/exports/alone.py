"""How a person's deed on one company's postings is kept apart from every run: under the same lease, or not at all."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.exports import ledger
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.store.leases import Lease, acquire, release


class CannotResolve(Exception):
    """The item is not one to be settled this way just now; the text says why, for the person who asked."""


@asynccontextmanager
async def alone(context: ExportContext, connection_id: uuid.UUID) -> AsyncIterator[Lease]:
    """The company's lease for a short deed. Raises `CannotResolve` while somebody else has it."""
    lease = await taken(context, connection_id)
    try:
        yield lease
    finally:
        await release(context.db, lease)


async def taken(context: ExportContext, connection_id: uuid.UUID) -> Lease:
    """The company's lease, which the caller must give back. Raises `CannotResolve` while somebody else has it."""
    lease = await acquire(context.db, connection_id, f"{context.worker}/{uuid.uuid4()}", context.lease_seconds)
    if lease is None:
        raise CannotResolve("An export of this company is being worked right now. Try again when it has ended.")
    return lease


@asynccontextmanager
async def writing_alone(context: ExportContext, lease: Lease) -> AsyncIterator[AsyncSession]:
    """A transaction for the holder of the lease only. Raises `CannotResolve` when it was lost meanwhile."""
    async with context.db.transaction() as session:
        try:
            await ledger.guard(session, lease)
        except ledger.FenceLost:
            raise CannotResolve("It took too long, and nothing was changed. Try again.") from None
        yield session
