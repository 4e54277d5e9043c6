"""Signing in by Pleo without connecting anew: who may allow our access to a company may see and change its connection.

Whatever Pleo grants on the way proves the company and is dropped: it is never stored, refreshed or used for work, and
the connection keeps the pair it has.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from ledgerbridge.connections import attempts, sessions, watch
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.errors import Refused
from ledgerbridge.connections.refusals import Why, refused
from ledgerbridge.pleo.errors import PleoError
from ledgerbridge.store import audit
from ledgerbridge.store.tables import AttemptPurpose, Connection, ConnectionStatus

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entered:
    """A browser that is signed in now."""

    connection_id: uuid.UUID
    session: sessions.SignedIn
    return_to: str | None
    """Path of ours it wanted to go to."""


async def begin(room: Connections, browser_token: str, return_to: str | None) -> str:
    """Start signing in for the browser that holds this cookie; returns where to send it (AUTH-022 to -024)."""
    return await attempts.begin(room, browser_token, AttemptPurpose.SIGN_IN, return_to)


async def complete(
    room: Connections, browser_token: str | None, params: Mapping[str, str], *, session_token: str | None = None
) -> Entered:
    """Finish with what Pleo appended to our redirect URI; the session of `session_token` ends with the new one.

    Raises `ConnectRefused`; then nobody is signed in anew.
    """
    redeemed = await attempts.redeem(room, browser_token, params.get("state", ""), AttemptPurpose.SIGN_IN)
    proven = await attempts.consented(room, redeemed, params)
    query = select(Connection).where(
        Connection.environment == room.environment, Connection.company_id == proven.company_id
    )
    async with room.db.transaction() as session:
        connection = await session.scalar(query.with_for_update(read=True))
        if connection is None or connection.status == ConnectionStatus.DISCONNECTED:
            raise refused(Why.NOT_CONNECTED)
        signed_in = await sessions.sign_in(session, connection.id, room.now(), replaces=session_token)
        audit.record(session, "customer", "signed_in", connection.id)
    if proven.installation is not None and proven.installation.awaits_activation:
        await _tell_again(room, connection.id)
    return Entered(connection.id, signed_in, redeemed.return_to)


async def _tell_again(room: Connections, connection_id: uuid.UUID) -> None:
    """Consent was given anew, and Pleo may wait for a word of a connection that said it long ago (AUTH-070)."""
    try:
        await watch.check(room, connection_id)
    except (PleoError, Refused) as error:
        _log.warning("connection %s is looked at by the daily check: %s", connection_id, error)
