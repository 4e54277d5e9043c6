"""One refresh of a token pair: claim the row, ask Pleo, store the answer, and the three ways it can fail."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, or_, update
from sqlalchemy.exc import SQLAlchemyError

from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.errors import ClientRejected, GrantEnded, RefreshUnavailable
from ledgerbridge.connections.rows import connection_row, credential_row, wipe
from ledgerbridge.connections.sealed import CONNECT_AGAIN, opened
from ledgerbridge.pleo import tokens
from ledgerbridge.pleo.retry import LONGEST_WAIT
from ledgerbridge.pleo.tokens import TokenAnswer, refresh_lead
from ledgerbridge.store import audit
from ledgerbridge.store.tables import ConnectionStatus, Credential

CLAIM_SECONDS = 30
"""A claim runs out after this unless it is kept alive, so a crash delays the next refresh by no more."""

STORE_TRIES = 30
"""Tries, a second apart at most, to store a pair while the database fails: it exists nowhere else."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pair:
    """A stored token pair, as far as calls need it."""

    access_token: str = field(repr=False)
    generation: int
    due_at: datetime
    """When it should be refreshed (AUTH-053)."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to refresh one generation of one connection's pair."""

    connection_id: uuid.UUID
    holder: str
    generation: int
    refresh_token: str = field(repr=False)


async def stored_pair(room: Connections, connection_id: uuid.UUID) -> Pair:
    """The pair in storage. Raises `GrantEnded` when there is none, `SecretUnreadable` when it does not open."""
    async with room.db.transaction() as session:
        row = await credential_row(session, connection_id)
    if row is None or row.access_token_sealed is None or row.expires_at is None:
        raise GrantEnded("The access to Pleo has ended. Press Connect in Pleo again.")
    token = opened(
        room.vault, row.access_token_sealed, table="credentials", column="access_token_sealed", row=connection_id,
        remedy=CONNECT_AGAIN,
    )  # fmt: skip
    # The lead of a very short token must leave some of its life for use.
    lead = min(refresh_lead(row.expires_in or 0), (row.expires_in or 0) / 2)
    return Pair(token, row.generation, row.expires_at - timedelta(seconds=lead), row.expires_at)


async def newer_pair(room: Connections, connection_id: uuid.UUID, generation: int) -> Pair | None:
    """The stored pair if it is newer than `generation`. Raises `GrantEnded` when there is none any more."""
    pair = await stored_pair(room, connection_id)
    return pair if pair.generation > generation else None


async def claim(room: Connections, connection_id: uuid.UUID, generation: int, holder: str) -> Claim | None:
    """Take the right to refresh, unless somebody has it or was quicker. One statement, so one taker (AUTH-052)."""
    async with room.db.transaction() as session:
        sealed = await session.scalar(
            update(Credential)
            .where(
                Credential.connection_id == connection_id,
                Credential.generation == generation,
                Credential.refresh_token_sealed.is_not(None),
                or_(Credential.refresh_until.is_(None), Credential.refresh_until <= func.clock_timestamp()),
            )
            .values(refresh_holder=holder, refresh_until=func.clock_timestamp() + timedelta(seconds=CLAIM_SECONDS))
            .returning(Credential.refresh_token_sealed)
        )
        if sealed is None:
            return None
        # Inside the transaction: a right nobody can use is not taken, or others would wait for it to run out.
        token = opened(
            room.vault, sealed, table="credentials", column="refresh_token_sealed", row=connection_id,
            remedy=CONNECT_AGAIN,
        )  # fmt: skip
    return Claim(connection_id, holder, generation, token)


async def refreshed(room: Connections, right: Claim) -> Pair:
    """Trade the refresh token and store the answer before anybody uses it (AUTH-050, AUTH-051).

    Refused for good: the connection ends (`GrantEnded`, AUTH-059). Pleo unwell: the pair is kept
    (`RefreshUnavailable`, AUTH-057). Our own client refused: an alert, and nobody is disconnected (`ClientRejected`,
    AUTH-057a).
    """
    async with _kept(room, right):
        try:
            answer = await room.oauth().refresh(right.refresh_token)
        except tokens.GrantRefused as error:
            room.count_refresh("refused")
            if await _ended(room, right, error):
                raise GrantEnded("Pleo ended the access. Press Connect in Pleo again.") from error
            return await stored_pair(room, right.connection_id)
        except tokens.ClientRejected as error:
            room.count_refresh("client_rejected")
            _log.error("Pleo refuses our client id or secret: %s; every connection keeps its tokens", error)
            raise ClientRejected(
                "Pleo refuses our own access. We have been told; nothing is lost.", retry_after=LONGEST_WAIT + 1
            ) from error
        except tokens.TokenEndpointUnavailable as error:
            room.count_refresh("unavailable")
            _log.warning("token pair of connection %s not refreshed: %s", right.connection_id, error)
            raise RefreshUnavailable(
                "Pleo does not answer our request for new access. Try again later.", retry_after=LONGEST_WAIT + 1
            ) from error
        await _store_surely(room, right, answer)
        room.count_refresh("renewed")
    return await stored_pair(room, right.connection_id)


def put_pair(room: Connections, row: Credential, answer: TokenAnswer) -> None:
    """Seal a pair into its row, in the caller's transaction, as the next generation."""
    row.access_token_sealed = room.vault.seal(
        answer.access_token, table="credentials", column="access_token_sealed", row=row.connection_id
    )
    if answer.refresh_token is not None:
        row.refresh_token_sealed = room.vault.seal(
            answer.refresh_token, table="credentials", column="refresh_token_sealed", row=row.connection_id
        )
    row.expires_at, row.expires_in, row.refreshed_at = answer.expires_at, answer.expires_in, room.now()
    row.generation += 1
    row.refresh_holder = row.refresh_until = None


async def _store_surely(room: Connections, right: Claim, answer: TokenAnswer) -> None:
    for left in range(STORE_TRIES - 1, -1, -1):
        try:
            async with room.db.transaction() as session:
                row = await credential_row(session, right.connection_id, lock=True)
                # Another generation means that somebody connected anew or disconnected meanwhile; their word counts.
                if row is not None and row.generation == right.generation:
                    put_pair(room, row, answer)
            return
        except (SQLAlchemyError, OSError) as error:
            if not left:
                _log.critical("token pair of connection %s is lost: the database takes no write", right.connection_id)
                raise
            _log.error("token pair of connection %s not stored yet: %s", right.connection_id, type(error).__name__)
            await asyncio.sleep(1)


async def _ended(room: Connections, right: Claim, error: tokens.GrantRefused) -> bool:
    """Wipe the pair and ask for a new connection, keeping everything else (AUTH-059).

    False, and nothing done, when the refused pair is no longer the stored one.
    """
    cause = error.error or f"status {error.status}"
    async with room.db.transaction() as session:
        connection = await connection_row(session, right.connection_id, lock=True)
        row = await credential_row(session, right.connection_id, lock=True)
        if row is None or row.generation != right.generation:
            return False
        wipe(row)
        connection.status, connection.paused_by = ConnectionStatus.RECONNECT_NEEDED, None
        connection.status_reason = (
            f"Pleo ended the access ({cause}). Press Connect in Pleo again; all settings are kept."
        )
        connection.updated_at = room.now()
        audit.record(
            session, "pleo", "grant_ended", right.connection_id, cause=cause, after_lost_reply=error.after_lost_reply
        )
    _log.warning("connection %s needs to reconnect: %s", right.connection_id, cause)
    return True


@contextlib.asynccontextmanager
async def _kept(room: Connections, right: Claim) -> AsyncIterator[None]:
    """Keep the claim alive while the body runs, and give it back at the end."""
    keeping = asyncio.create_task(_keep(room, right), name="claim of a refresh")
    try:
        yield
    finally:
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping
        # A claim that cannot be given back runs out by itself.
        with contextlib.suppress(SQLAlchemyError):
            await _extend(room, right, seconds=None)


async def _keep(room: Connections, right: Claim) -> None:
    while True:
        await asyncio.sleep(CLAIM_SECONDS / 3)
        try:
            await _extend(room, right, seconds=CLAIM_SECONDS)
        except SQLAlchemyError as error:
            _log.warning("claim on connection %s not extended: %s", right.connection_id, type(error).__name__)


async def _extend(room: Connections, right: Claim, *, seconds: float | None) -> None:
    until = None if seconds is None else func.clock_timestamp() + timedelta(seconds=seconds)
    async with room.db.transaction() as session:
        await session.execute(
            update(Credential)
            .where(Credential.connection_id == right.connection_id, Credential.refresh_holder == right.holder)
            .values(refresh_holder=None if until is None else right.holder, refresh_until=until)
        )
