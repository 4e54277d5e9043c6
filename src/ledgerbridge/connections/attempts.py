"""One visit to Pleo's consent page and back: begun with a state, ended with a proven credential (AUTH-022 to AUTH-030).

Between the two only hashes and a sealed verifier are stored. What the visit was for, connecting or only signing in, is
decided when it begins and cannot be changed on the way.
"""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.errors import SecretUnreadable
from ledgerbridge.connections.proof import Proven, prove
from ledgerbridge.connections.refusals import Why, refused
from ledgerbridge.connections.sealed import CONNECT_AGAIN, opened
from ledgerbridge.pleo import tokens
from ledgerbridge.pleo.oauth import new_state, new_verifier
from ledgerbridge.store.tables import AttemptPurpose, ConnectAttempt
from ledgerbridge.store.vault import hash_token

ATTEMPT_LIFETIME = timedelta(minutes=10)
"""How long a visit to Pleo may take to come back (AUTH-024)."""

_ERROR_CODE = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Redeemed:
    """An attempt whose state came back from Pleo in its own browser; it is used up."""

    verifier: str = field(repr=False)
    return_to: str | None
    """Path of ours to go on to."""


def redirect_uri(room: Connections) -> str:
    """Our one redirect URI, byte for byte as registered with Pleo (AUTH-016)."""
    return f"{room.settings.public_url}/oauth/callback"


async def begin(
    room: Connections,
    browser_token: str,
    purpose: AttemptPurpose = AttemptPurpose.CONNECT,
    return_to: str | None = None,
) -> str:
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
                purpose=purpose,
                return_to=return_to,
            )
        )
    return room.oauth().authorise_url(
        redirect_uri=redirect_uri(room), scopes=room.settings.pleo_scopes, state=state, verifier=verifier
    )


async def purpose_of(room: Connections, state: str | None) -> AttemptPurpose:
    """What an attempt was begun for, without using it up; connecting, where there is none."""
    async with room.db.reading() as session:
        attempt = await session.get(ConnectAttempt, hash_token(state)) if state else None
    return AttemptPurpose(attempt.purpose) if attempt else AttemptPurpose.CONNECT


async def redeem(room: Connections, browser_token: str | None, state: str, purpose: AttemptPurpose) -> Redeemed:
    """Use up the attempt this state belongs to (AUTH-024, AUTH-028). Raises `ConnectRefused`."""
    if not state:
        raise refused(Why.STATE_MISSING)
    state_hash = hash_token(state)
    async with room.db.transaction() as session:
        # Locked, so that of two answers with the same state only the first finds it unused.
        attempt = await session.get(ConnectAttempt, state_hash, with_for_update=True)
        if attempt is None or attempt.purpose != purpose:
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
        verifier = opened(
            room.vault, attempt.verifier_sealed, table="connect_attempts", column="verifier_sealed", row=state_hash,
            remedy=CONNECT_AGAIN,
        )  # fmt: skip
    except SecretUnreadable as error:
        raise refused(Why.STATE_UNKNOWN) from error
    return Redeemed(verifier, attempt.return_to)


async def consented(room: Connections, redeemed: Redeemed, params: Mapping[str, str]) -> Proven:
    """What the person allowed at Pleo, proven to be about one company (AUTH-027). Raises `ConnectRefused`."""
    if error := params.get("error"):
        if error == "access_denied":
            raise refused(Why.DENIED)
        raise refused(Why.PLEO_ERROR, error=error if _ERROR_CODE.fullmatch(error) else "(unreadable)")
    if not (code := params.get("code")):
        raise refused(Why.CODE_MISSING)
    return await prove(room, await _exchanged(room, code, redeemed.verifier))


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
