"""The daily look at every connection: does Pleo still want us, does it still notify us, is a token getting old?

Pleo sends no notice when a customer disconnects there (AUTH-082), so silence is checked.
"""

from __future__ import annotations

import logging
import uuid
from enum import StrEnum

from sqlalchemy import select

from ledgerbridge.connections import subscriptions
from ledgerbridge.connections.access import open_pleo
from ledgerbridge.connections.activation import lift_pause, remember, tell_pleo
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.credentials import refresh_if_idle
from ledgerbridge.connections.errors import GrantEnded
from ledgerbridge.connections.rows import connection_row
from ledgerbridge.pleo.errors import Forbidden, NotFound, Unauthorised
from ledgerbridge.pleo.installations import Installation, InstallationsApi
from ledgerbridge.store import audit
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import Connection, ConnectionStatus

_WATCHED = (ConnectionStatus.ACTIVE, ConnectionStatus.PAUSED, ConnectionStatus.SETTING_UP)

_log = logging.getLogger(__name__)


class Verdict(StrEnum):
    """What a check found."""

    WELL = "well"
    MENDED = "mended"
    """The subscription had to be made or mended; a look at the export jobs is queued (HOOK-010)."""
    RESUMED = "resumed"
    """Pleo wants us again: the pause of an earlier check is lifted, or Pleo is told anew that we are ready."""
    PAUSED = "paused"
    """Pleo does not want us at present; somebody has to reconnect (AUTH-083)."""
    ENDED = "ended"
    """The grant is gone; the connection needs a new one (AUTH-059)."""


async def watched(room: Connections) -> list[uuid.UUID]:
    """The connections of this environment that a daily check is for."""
    query = select(Connection.id).where(Connection.environment == room.environment, Connection.status.in_(_WATCHED))
    async with room.db.transaction() as session:
        with across_companies(session, "the daily look goes to every company"):
            return list(await session.scalars(query.order_by(Connection.created_at)))


async def check(room: Connections, connection_id: uuid.UUID) -> Verdict:
    """Read the installation, keep the token young, and see to the subscription of an active connection.

    Raises `PleoError` when Pleo does not answer: that says nothing about the connection, so nothing changes.
    """
    try:
        await refresh_if_idle(room, connection_id)
        installation = await InstallationsApi(await open_pleo(room, connection_id)).get()
    except GrantEnded:
        return Verdict.ENDED
    except (Unauthorised, Forbidden, NotFound) as error:
        return await _paused(room, connection_id, None, f"Pleo no longer lets us in ({error.status}).")
    if not installation.works:
        code = f", {installation.error_code}" if installation.error_code else ""
        reason = f"Pleo shows this integration as {installation.status}{code}."
        return await _paused(room, connection_id, installation, reason)
    resumed, connection = await _wanted(room, connection_id, installation)
    if connection.status == ConnectionStatus.ACTIVE:
        if installation.awaits_activation:
            # Consent was given anew without us: Pleo waits for a word that was said long ago.
            await _noted(room, connection_id, await tell_pleo(room, connection))
            resumed = True
        if await subscriptions.ensure(room, connection_id):
            async with room.db.transaction() as session:
                audit.record(session, "system", "subscription_mended", connection_id)
                await room.enqueue_look(session, connection_id)
            return Verdict.MENDED
    return Verdict.RESUMED if resumed else Verdict.WELL


async def _paused(
    room: Connections, connection_id: uuid.UUID, installation: Installation | None, reason: str
) -> Verdict:
    async with room.db.transaction() as session:
        connection = await connection_row(session, connection_id, lock=True)
        if installation is not None:
            remember(connection, installation, room)
        if connection.status == ConnectionStatus.ACTIVE:
            connection.status, connection.paused_by = ConnectionStatus.PAUSED, "watch"
            connection.status_reason = f"{reason} Work is paused. Press Connect in Pleo again."
            connection.updated_at = room.now()
            audit.record(session, "system", "paused", connection_id, reason=reason)
            _log.warning("connection %s paused: %s", connection_id, reason)
    return Verdict.PAUSED


async def _wanted(room: Connections, connection_id: uuid.UUID, installation: Installation) -> tuple[bool, Connection]:
    """Note a working installation; whether that lifted a pause of ours, and the connection as it is now."""
    async with room.db.transaction() as session:
        connection = await connection_row(session, connection_id, lock=True)
        remember(connection, installation, room)
        resumed = connection.status == ConnectionStatus.PAUSED and connection.paused_by == "watch"
        if resumed:
            lift_pause(connection, room)
            audit.record(session, "system", "resumed", connection_id, installation=installation.status)
            await room.enqueue_look(session, connection_id)
        return resumed, connection


async def _noted(room: Connections, connection_id: uuid.UUID, installation: Installation) -> None:
    async with room.db.transaction() as session:
        remember(await connection_row(session, connection_id, lock=True), installation, room)
        audit.record(session, "system", "activated", connection_id, installation=installation.status)
        await room.enqueue_look(session, connection_id)
