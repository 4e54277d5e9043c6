"""Browsers signed in to one connection by its OAuth flow. Only hashes of their tokens are stored.

A session ends when its time is over, when nobody used it for a while, and when it is signed out.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections.context import Connections
from ledgerbridge.store import audit
from ledgerbridge.store.tables import BrowserSession
from ledgerbridge.store.vault import hash_token, new_token

LIFETIME = timedelta(hours=8)
"""However much it is used."""
IDLE = timedelta(hours=2)
"""Without a request."""
NOTED_EVERY = timedelta(minutes=5)
"""How exactly the last use is remembered, so that looking at pages seldom writes."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session to hand to the browser as an HttpOnly cookie."""

    token: str = field(repr=False)
    expires_at: datetime


async def sign_in(
    session: AsyncSession, connection_id: uuid.UUID, now: datetime, *, replaces: str | None = None
) -> SignedIn:
    """Open a session in the caller's transaction, always with a new token: a planted cookie never becomes a session.

    The session of the token `replaces`, which the browser had until now, ends with it.
    """
    if replaces:
        await session.execute(delete(BrowserSession).where(BrowserSession.token_hash == hash_token(replaces)))
    signed_in = SignedIn(new_token(), now + LIFETIME)
    session.add(
        BrowserSession(
            token_hash=hash_token(signed_in.token),
            connection_id=connection_id,
            created_at=now,
            last_seen_at=now,
            expires_at=signed_in.expires_at,
        )
    )
    return signed_in


async def connection_of(room: Connections, token: str | None) -> uuid.UUID | None:
    """The connection a browser is signed in to; None for no, unknown, expired or idle token. Counts as a use of it."""
    if not token:
        return None
    mine, now = BrowserSession.token_hash == hash_token(token), room.now()
    async with room.db.transaction() as session:
        found = await session.scalar(select(BrowserSession).where(mine, ~over(now)))
        if found is None:
            return None
        if found.last_seen_at is None or found.last_seen_at < now - NOTED_EVERY:
            await session.execute(update(BrowserSession).where(mine).values(last_seen_at=now))
        return found.connection_id


async def sign_out(room: Connections, token: str | None) -> None:
    """End the session of this token, if there is one."""
    if not token:
        return
    async with room.db.transaction() as session:
        ended = delete(BrowserSession).where(BrowserSession.token_hash == hash_token(token))
        owner = await session.scalar(ended.returning(BrowserSession.connection_id))
        if owner is not None:
            audit.record(session, "customer", "signed_out", owner)


def over(now: datetime) -> ColumnElement[bool]:
    """Sessions that have ended by themselves; one of an earlier release counts from its beginning."""
    used = func.coalesce(BrowserSession.last_seen_at, BrowserSession.created_at)
    return ~and_(BrowserSession.expires_at > now, used > now - IDLE)
