"""The OAuth flow with a customer's browser: from the press of Connect to a connection (AUTH-021 to AUTH-034).

`begin` and `complete` are the two moments the browser is with us; `attempts` is what lies between. After them, one
connection of one company, or a refusal in the customer's words and nothing changed.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from ledgerbridge.connections import attempts, sessions, subscriptions
from ledgerbridge.connections.access import open_pleo
from ledgerbridge.connections.activation import activate
from ledgerbridge.connections.attach import Attached, attach
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.errors import Refused
from ledgerbridge.connections.rows import connection_row
from ledgerbridge.pleo.companies import company_name
from ledgerbridge.pleo.errors import PleoError
from ledgerbridge.store.tables import AttemptPurpose

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ConnectOutcome:
    """A company that is connected now."""

    connection_id: uuid.UUID
    company_id: str
    company_name: str | None
    created: bool
    """False when an earlier connection of the company was taken over."""
    status: str
    """`setting_up`, or `active` again."""
    subscribed: bool
    """Whether webhooks are on; if not, activation and the daily check try again."""
    missing_scopes: tuple[str, ...]
    session: sessions.SignedIn
    """Signs this browser in to the connection's settings."""


async def begin(room: Connections, browser_token: str) -> str:
    """Start connecting for the browser that holds this cookie; returns where to send it (AUTH-022 to -024)."""
    return await attempts.begin(room, browser_token)


async def complete(
    room: Connections, browser_token: str | None, params: Mapping[str, str], *, session_token: str | None = None
) -> ConnectOutcome:
    """Finish an attempt with what Pleo appended to our redirect URI.

    `browser_token` is the cookie given to `begin`, `session_token` that of an earlier `SignedIn`. Raises
    `ConnectRefused`, whose words are for the customer; then nothing was connected and no connection was changed.
    """
    redeemed = await attempts.redeem(room, browser_token, params.get("state", ""), AttemptPurpose.CONNECT)
    proven = await attempts.consented(room, redeemed, params)
    owned = await sessions.connection_of(room, session_token)
    attached = await attach(room, proven, "customer", owned=owned, replaces=session_token)
    return await finish(room, attached, proven.company_id)


async def finish(room: Connections, attached: Attached, company_id: str) -> ConnectOutcome:
    """What follows once a credential is stored; none of it can undo the connection any more."""
    connection_id = attached.connection_id
    name = await _named(room, connection_id, company_id) or attached.company_name
    subscribed = await _subscribed(room, connection_id)
    status = attached.status
    if attached.goes_live_again:
        try:
            activated = await activate(room, connection_id, "customer")
            status = status if activated.under_way else "active"
        except Refused as error:
            _log.warning("connection %s not active again: %s", connection_id, error)
    return ConnectOutcome(
        connection_id=connection_id,
        company_id=company_id,
        company_name=name,
        created=attached.created,
        status=status,
        subscribed=subscribed,
        missing_scopes=attached.missing_scopes,
        session=attached.session,
    )


async def _named(room: Connections, connection_id: uuid.UUID, company_id: str) -> str | None:
    """Read and note the company's name, a courtesy that may fail."""
    try:
        name = await company_name(await open_pleo(room, connection_id), company_id)
    except PleoError as error:
        _log.info("company of connection %s has no name yet: %s", connection_id, error)
        return None
    if name is not None:
        async with room.db.transaction() as session:
            (await connection_row(session, connection_id, lock=True)).company_name = name
    return name


async def _subscribed(room: Connections, connection_id: uuid.UUID) -> bool:
    try:
        await subscriptions.ensure(room, connection_id)
    except PleoError as error:
        _log.warning("connection %s is not subscribed yet: %s", connection_id, error)
        return False
    return True
