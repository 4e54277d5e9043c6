"""Administrators' browsers: sessions opened with a token of `ADMIN_TOKENS`, or by the operations team's own provider.

Only hashes of the sessions' tokens are stored. A session ends when its time is over, when nobody used it for a while,
when it is signed out, and as soon as what let it in is no longer in the settings.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, or_, select, update

from ledgerbridge.clock import utcnow
from ledgerbridge.settings import Settings
from ledgerbridge.store import audit
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import AdminSession, SignInMethod
from ledgerbridge.store.vault import hash_token, new_token

LIFETIME = timedelta(hours=8)
"""However much it is used."""
IDLE = timedelta(hours=2)
"""Without a request."""
NOTED_EVERY = timedelta(minutes=5)
"""How exactly the last use is remembered."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session to hand to the browser as an HttpOnly cookie."""

    name: str
    token: str = field(repr=False)
    expires_at: datetime


async def sign_in(db: Database, settings: Settings, token: str, *, replaces: str | None = None) -> SignedIn | None:
    """Open a session for the administrator whose token this is; None when it is nobody's.

    The session of the token `replaces`, which the browser had until now, ends with it.
    """
    name = settings.admin_named(token)
    if name is None:
        return None
    credential = hashlib.sha256(token.encode()).digest()
    return await _opened(db, name, SignInMethod.TOKEN, credential, replaces)


async def admit(
    db: Database, name: str, entry: str, *, replaces: str | None = None, told: list[str] | None = None
) -> SignedIn:
    """Open a session for somebody whom the provider named and the entry `entry` of `OIDC_ADMINS` lets in.

    `told` is how they proved themselves there, as the provider says (`amr`).
    """
    return await _opened(db, name, SignInMethod.OIDC, _digest(entry), replaces, entry=entry, amr=told)


async def named(db: Database, settings: Settings, token: str | None) -> str | None:
    """Whose session this is; None for no, unknown, expired, idle or revoked one. Counts as a use of it."""
    if not token:
        return None
    mine, now = AdminSession.token_hash == hash_token(token), utcnow()
    async with db.transaction() as session:
        found = await session.scalar(select(AdminSession).where(mine, ~over(now)))
        if found is None or not _still_let_in(settings, found):
            return None
        if found.last_seen_at < now - NOTED_EVERY:
            await session.execute(update(AdminSession).where(mine).values(last_seen_at=now))
        return found.name


async def sign_out(db: Database, token: str | None) -> None:
    """End the session of this token, if there is one."""
    if not token:
        return
    async with db.transaction() as session:
        ended = delete(AdminSession).where(AdminSession.token_hash == hash_token(token))
        name = await session.scalar(ended.returning(AdminSession.name))
        if name is not None:
            audit.record(session, f"admin:{name}", "signed_out", None)


def over(now: datetime) -> ColumnElement[bool]:
    """Sessions that have ended by themselves."""
    return or_(AdminSession.expires_at <= now, AdminSession.last_seen_at <= now - IDLE)


def _still_let_in(settings: Settings, found: AdminSession) -> bool:
    if found.credential is None:
        return False
    if found.method == SignInMethod.TOKEN:
        known = [settings.admins.get(found.name, b"")]
    else:
        known = [_digest(entry) for entry in settings.oidc_admins] if settings.oidc_configured else []
    return any(hmac.compare_digest(one, found.credential) for one in known)


async def _opened(
    db: Database, name: str, method: SignInMethod, credential: bytes, replaces: str | None, **detail: Any
) -> SignedIn:
    now = utcnow()
    made = SignedIn(name, new_token(), now + LIFETIME)
    async with db.transaction() as session:
        if replaces:
            await session.execute(delete(AdminSession).where(AdminSession.token_hash == hash_token(replaces)))
        session.add(
            AdminSession(
                token_hash=hash_token(made.token),
                name=name,
                method=method,
                credential=credential,
                created_at=now,
                last_seen_at=now,
                expires_at=made.expires_at,
            )
        )
        audit.record(session, f"admin:{name}", "signed_in", None, method=method.value, **detail)
    return made


def _digest(entry: str) -> bytes:
    return hashlib.sha256(entry.encode()).digest()
