"""Administrators' browsers: sessions opened with a token of `ADMIN_TOKENS`. Only hashes of their tokens are stored."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from ledgerbridge.clock import utcnow
from ledgerbridge.settings import Settings
from ledgerbridge.store import audit
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import AdminSession, SignInMethod
from ledgerbridge.store.vault import hash_token, new_token

LIFETIME = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session to hand to the browser as an HttpOnly cookie."""

    name: str
    token: str = field(repr=False)
    expires_at: datetime


async def sign_in(db: Database, settings: Settings, token: str) -> SignedIn | None:
    """Open a session for the administrator whose token this is; None when it is nobody's."""
    name = settings.admin_named(token)
    if name is None:
        return None
    now = utcnow()
    made = SignedIn(name, new_token(), now + LIFETIME)
    async with db.transaction() as session:
        session.add(
            AdminSession(
                token_hash=hash_token(made.token),
                name=name,
                method=SignInMethod.TOKEN,
                credential=hashlib.sha256(token.encode()).digest(),
                last_seen_at=now,
                expires_at=made.expires_at,
            )
        )
        audit.record(session, f"admin:{name}", "signed_in", None, method=SignInMethod.TOKEN.value)
    return made


async def named(db: Database, settings: Settings, token: str | None) -> str | None:
    """Whose session this is; None for no, unknown, expired or revoked one."""
    if not token:
        return None
    async with db.reading() as session:
        found = await session.scalar(
            select(AdminSession).where(AdminSession.token_hash == hash_token(token), AdminSession.expires_at > utcnow())
        )
    if found is None or (found.credential is not None and settings.admins.get(found.name) != found.credential):
        return None
    return found.name


async def sign_out(db: Database, token: str | None) -> None:
    """End the session of this token, if there is one."""
    if token:
        async with db.transaction() as session:
            await session.execute(delete(AdminSession).where(AdminSession.token_hash == hash_token(token)))
