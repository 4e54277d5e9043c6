"""Leases: who may work on a company just now, over all replicas (invariant 4), with a fence against the slow.

A lease ends by itself when its holder dies. A holder that was only slow may still be running then; so everything it
writes is written in a transaction that asks `holds` first: the answer locks the lease's row until that transaction
ends, and a newer holder has a higher fence. All times are the database's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from dataclasses import dataclass
from types import TracebackType

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.store.engine import Database

_log = logging.getLogger(__name__)

_ACQUIRE = text(
    """
    insert into leases as l (connection_id, scope, holder, fence, expires_at)
    values (:connection_id, :scope, :holder, 1, clock_timestamp() + make_interval(secs => :seconds))
    on conflict (connection_id, scope) do update
        set holder = excluded.holder, fence = l.fence + 1,
            expires_at = clock_timestamp() + make_interval(secs => :seconds)
        where l.expires_at <= clock_timestamp()
    returning fence
    """
)
_RENEW = text(
    """
    update leases set expires_at = clock_timestamp() + make_interval(secs => :seconds)
    where connection_id = :connection_id and scope = :scope and holder = :holder and fence = :fence
        and expires_at > clock_timestamp()
    returning fence
    """
)
_RELEASE = text(
    """
    update leases set expires_at = least(expires_at, clock_timestamp())
    where connection_id = :connection_id and scope = :scope and holder = :holder and fence = :fence
    """
)
# Share mode: the next holder's update waits for this transaction, other readers do not.
_HOLDS = text(
    """
    select 1 from leases
    where connection_id = :connection_id and scope = :scope and holder = :holder and fence = :fence
        and expires_at > clock_timestamp()
    for share
    """
)


@dataclass(frozen=True)
class Lease:
    """The right to work on one connection until it expires or is lost."""

    connection_id: uuid.UUID
    holder: str
    """Unique per attempt to work: host, process and a random part, not a name that a restart repeats."""
    fence: int
    """Higher than every earlier holder's of this connection and scope."""
    scope: str = "exports"
    """What may be worked on: exports and syncs of one company do not wait for each other."""

    @property
    def _key(self) -> dict[str, object]:
        return {
            "connection_id": self.connection_id,
            "scope": self.scope,
            "holder": self.holder,
            "fence": self.fence,
        }


class LeaseLost(Exception):
    """The lease ended while its holder worked; whatever is unfinished belongs to the next holder."""


async def acquire(
    db: Database, connection_id: uuid.UUID, holder: str, seconds: float, *, scope: str = "exports"
) -> Lease | None:
    """Take the lease of a connection and scope for `seconds`; None while anybody (this holder included) has it."""
    async with db.transaction() as session:
        values = {"connection_id": connection_id, "scope": scope, "holder": holder, "seconds": seconds}
        fence = (await session.execute(_ACQUIRE, values)).scalar()
    return None if fence is None else Lease(connection_id, holder, fence, scope)


async def renew(db: Database, lease: Lease, seconds: float) -> bool:
    """Let the lease run `seconds` from now; False when it is lost (an expired lease is not revived)."""
    async with db.transaction() as session:
        return (await session.execute(_RENEW, lease._key | {"seconds": seconds})).scalar() is not None


async def release(db: Database, lease: Lease) -> None:
    """Give the lease back; nothing happens if it is lost already."""
    async with db.transaction() as session:
        await session.execute(_RELEASE, lease._key)


async def holds(session: AsyncSession, lease: Lease) -> bool:
    """Whether the lease is still held; if so, nobody else gets it before the caller's transaction ends.

    Call it first in every transaction that writes on the strength of the lease, and write nothing on False.
    """
    return (await session.execute(_HOLDS, lease._key)).scalar() is not None


class LeaseKeeper:
    """Keeps a lease while the body of `async with` runs, and gives it back at the end.

    A lease whose body was cancelled is not given back but runs out: a write may be on its way that the next holder
    would look for in vain, were it to look at once.

    Renews every third of `seconds`. When the lease is lost, or the database cannot be asked until shortly before it
    would expire, the body is cancelled and `async with` raises LeaseLost.
    """

    def __init__(self, db: Database, lease: Lease, seconds: float) -> None:
        self._db = db
        self._lease = lease
        self._seconds = seconds
        self._lost = False
        self._body: asyncio.Task[object] | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._cancelled_before = 0

    async def __aenter__(self) -> Lease:
        self._body = asyncio.current_task()
        assert self._body is not None  # noqa: S101
        self._cancelled_before = self._body.cancelling()
        if not await renew(self._db, self._lease, self._seconds):
            raise LeaseLost(f"the lease of connection {self._lease.connection_id} was lost before work began")
        self._renewing = asyncio.create_task(self._renew_for_ever(), name="lease keeper")
        return self._lease

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._renewing is not None  # noqa: S101
        assert self._body is not None  # noqa: S101
        self._renewing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._renewing
        if self._lost:
            # Ours was one of the requests to cancel; somebody else's must go on being a cancellation.
            others = self._body.uncancel() > self._cancelled_before
            if not others and (kind is None or issubclass(kind, asyncio.CancelledError)):
                raise LeaseLost(f"the lease of connection {self._lease.connection_id} was lost") from error
            return
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            return
        try:
            await release(self._db, self._lease)
        except SQLAlchemyError as trouble:
            _log.warning("lease of connection %s not released: %s", self._lease.connection_id, type(trouble).__name__)

    async def _renew_for_ever(self) -> None:
        assert self._body is not None  # noqa: S101
        safe_until = time.monotonic() + self._seconds * 0.8
        pause = self._seconds / 3
        while True:
            await asyncio.sleep(min(pause, max(0.0, safe_until - time.monotonic())))
            asked = time.monotonic()
            kept = await self._ask(safe_until - asked)
            if kept:
                safe_until = asked + self._seconds * 0.8
                pause = self._seconds / 3
            elif kept is None and time.monotonic() < safe_until:
                pause = min(1.0, self._seconds / 10)
            else:
                _log.error("lease of connection %s lost", self._lease.connection_id)
                self._lost = True
                self._body.cancel("lease lost")
                return

    async def _ask(self, patience: float) -> bool | None:
        """Renew; None when no answer came. Asked aside, because a query on a dead line does not end when cancelled."""
        asking = asyncio.create_task(renew(self._db, self._lease, self._seconds), name="lease renewal")
        try:
            await asyncio.wait({asking}, timeout=max(0.0, patience))
        finally:
            if not asking.done():
                asking.add_done_callback(lambda late: late.cancelled() or late.exception())
                asking.cancel()
        if not asking.done():
            return None
        try:
            return asking.result()
        except (SQLAlchemyError, OSError) as trouble:
            _log.warning(
                "lease of connection %s not renewed yet: %s", self._lease.connection_id, type(trouble).__name__
            )
            return None
