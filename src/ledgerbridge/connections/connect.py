"""The OAuth flow with a customer's browser: from the press of Connect to a connection (AUTH-021 to AUTH-034).

`begin` and `complete` are the two moments the browser is with us. Between them only hashes and a sealed verifier are
stored; after them, one connection of one company, or a refusal in the customer's words and nothing changed.
"""

from __future__ import annotations

import hmac
import logging
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from ledgerbridge.connections import sessions, subscriptions
from ledgerbridge.connections.access import open_pleo
from ledgerbridge.connections.activation import activate
from ledgerbridge.connections.attach import Attached, attach
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.errors import Refused, SecretUnreadable
from ledgerbridge.connections.proof import prove
from ledgerbridge.connections.refusals import Why, refused
from ledgerbridge.connections.rows import connection_row
from ledgerbridge.connections.sealed import CONNECT_AGAIN, opened
from ledgerbridge.pleo import tokens
from ledgerbridge.pleo.companies import company_name
from ledgerbridge.pleo.errors import PleoError
from ledgerbridge.pleo.oauth import new_state, new_verifier
from ledgerbridge.store.tables import ConnectAttempt
from ledgerbridge.store.vault import hash_token

ATTEMPT_LIFETIME = timedelta(minutes=10)
"""How long a press of Connect may take to come back (AUTH-024)."""

_ERROR_CODE = re.compile(r"[A-Za-z0-9_.-]{1,60}")
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


def redirect_uri(room: Connections) -> str:
    """Our one redirect URI, byte for byte as registered with Pleo (AUTH-016)."""
    return f"{room.settings.public_url}/oauth/callback"


async def begin(room: Connections, browser_token: str) -> str:
    """Start an attempt for the browser that holds this cookie; returns where to send it (AUTH-022 to -024)."""
    state, verifier = new_state(), new_verifier()
    state_hash = hash_token(state)
    now = room.now()
    sealed = room.vault.seal(verifier, table="connect_attempts", column="verifier_sealed", row=state_hash)
    async with room.db.transaction() as session:
        session.add(
            ConnectAttempt(
                state_hash=state_hash,
                browser_hash=hash_token(browser_token),
                verifier_sealed=sealed,
                created_at=now,
                expires_at=now + ATTEMPT_LIFETIME,
            )
        )
    return room.oauth().authorise_url(
        redirect_uri=redirect_uri(room), scopes=room.settings.pleo_scopes, state=state, verifier=verifier
    )


async def complete(
    room: Connections, browser_token: str | None, params: Mapping[str, str], *, session_token: str | None = None
) -> ConnectOutcome:
    """Finish an attempt with what Pleo appended to our redirect URI.

    `browser_token` is the cookie given to `begin`, `session_token` that of an earlier `SignedIn`. Raises
    `ConnectRefused`, whose words are for the customer; then nothing was connected and no connection was changed.
    """
    verifier = await _redeem(room, browser_token, params.get("state", ""))
    if error := params.get("error"):
        if error == "access_denied":
            raise refused(Why.DENIED)
        raise refused(Why.PLEO_ERROR, error=error if _ERROR_CODE.fullmatch(error) else "(unreadable)")
    if not (code := params.get("code")):
        raise refused(Why.CODE_MISSING)
    pair = await _exchanged(room, code, verifier)
    proven = await prove(room, pair)
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


async def _redeem(room: Connections, browser_token: str | None, state: str) -> str:
    """The verifier of the attempt this state belongs to, which is used up by it (AUTH-024, AUTH-028)."""
    if not state:
        raise refused(Why.STATE_MISSING)
    state_hash = hash_token(state)
    async with room.db.transaction() as session:
        # Locked, so that of two answers with the same state only the first finds it unused.
        attempt = await session.get(ConnectAttempt, state_hash, with_for_update=True)
        if attempt is None:
            raise refused(Why.STATE_UNKNOWN)
        # Another browser does not use the attempt up, or anybody who saw the address could spoil it.
        if attempt.used_at is not None:
            raise refused(Why.STATE_USED)
        if not browser_token or not hmac.compare_digest(attempt.browser_hash, hash_token(browser_token)):
            raise refused(Why.OTHER_BROWSER)
        if attempt.expires_at <= room.now():
            raise refused(Why.STATE_EXPIRED)
        attempt.used_at = room.now()
    try:
        return opened(
            room.vault, attempt.verifier_sealed, table="connect_attempts", column="verifier_sealed", row=state_hash,
            remedy=CONNECT_AGAIN,
        )  # fmt: skip
    except SecretUnreadable as error:
        raise refused(Why.STATE_UNKNOWN) from error


async def _exchanged(room: Connections, code: str, verifier: str) -> tokens.TokenAnswer:
    """The first pair, asked for once (AUTH-029, AUTH-030)."""
    try:
        pair = await room.oauth().exchange_code(code=code, redirect_uri=redirect_uri(room), verifier=verifier)
    except tokens.GrantRefused as error:
        raise refused(Why.CODE_REFUSED) from error
    except tokens.ClientRejected as error:
        _log.error("Pleo refuses our client id or secret: %s", error)
        raise refused(Why.CLIENT_REJECTED) from error
    except tokens.TokenEndpointUnavailable as error:
        raise refused(Why.PLEO_UNREACHABLE) from error
    if pair.refresh_token is None:
        _log.error("Pleo gave an access token without a refresh token")
        raise refused(Why.NOT_AUTHORISED)
    return pair


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
