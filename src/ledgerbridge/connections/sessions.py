"""Browsers signed in to one connection by its OAuth flow. Only hashes of their tokens are stored."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections.context import Connections
from ledgerbridge.store.tables import BrowserSession
from ledgerbridge.store.vault import hash_token, new_token

LIFETIME = timedelta(hours=8)


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
            token_hash=hash_token(signed_in.token), connection_id=connection_id, expires_at=signed_in.expires_at
        )
    )
    return signed_in


async def connection_of(room: Connections, token: str | None) -> uuid.UUID | None:
    """The connection a browser is signed in to; None for no, unknown or expired token."""
    if not token:
        return None
    async with room.db.transaction() as session:
        return await session.scalar(
            select(BrowserSession.connection_id).where(
                BrowserSession.token_hash == hash_token(token), BrowserSession.expires_at > room.now()
            )
        )
