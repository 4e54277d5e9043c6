"""Administrators signing in by the operations team's own provider: an attempt bound to its browser, then a session."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ledgerbridge.clock import utcnow
from ledgerbridge.ops import administrators
from ledgerbridge.ops.openid import NotBelieved, Provider
from ledgerbridge.pleo.oauth import new_state, new_verifier
from ledgerbridge.settings import Settings
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import OidcAttempt
from ledgerbridge.store.vault import Vault, VaultError, hash_token

ATTEMPT_LIFETIME = timedelta(minutes=10)
_MOST_NAME = 200


class Refused(Exception):
    """Nobody was let in. `why` names a text of the console (`doors.provider.<why>`)."""

    def __init__(self, why: str, detail: str = "") -> None:
        super().__init__(f"{why}: {detail}" if detail else why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Door:
    """The way in by the provider; made once a process where it is configured."""

    settings: Settings
    db: Database
    vault: Vault
    provider: Provider

    @property
    def redirect_uri(self) -> str:
        """As registered with the provider."""
        return f"{self.settings.public_url}/admin/sign-in/back"


async def begin(door: Door, browser_token: str, return_to: str | None) -> str:
    """Start an attempt for the browser that holds this cookie; where to send it. Raises `ProviderUnavailable`."""
    state, nonce, verifier = new_state(), new_state(), new_verifier()
    url = await door.provider.authorise_url(redirect_uri=door.redirect_uri, state=state, nonce=nonce, verifier=verifier)
    state_hash, now = hash_token(state), utcnow()
    sealed = door.vault.seal(verifier, table="oidc_attempts", column="verifier_sealed", row=state_hash)
    async with door.db.transaction() as session:
        session.add(
            OidcAttempt(
                state_hash=state_hash,
                browser_hash=hash_token(browser_token),
                nonce_hash=hash_token(nonce),
                verifier_sealed=sealed,
                return_to=return_to,
                created_at=now,
                expires_at=now + ATTEMPT_LIFETIME,
            )
        )
    return url


async def complete(
    door: Door, browser_token: str | None, params: Mapping[str, str], *, session_token: str | None = None
) -> tuple[administrators.SignedIn, str | None]:
    """Finish with what the provider appended to our redirect URI: the session, and the path to go on to.

    Raises `Refused`, `NotBelieved` and `ProviderUnavailable`; then nobody is let in.
    """
    attempt = await _redeem(door, browser_token, params.get("state", ""))
    if params.get("iss", door.settings.oidc_issuer) != door.settings.oidc_issuer:
        raise NotBelieved("another provider answered")
    if error := params.get("error"):
        why = "denied" if error == "access_denied" else "failed"
        raise Refused(why, error[:60])
    if not (code := params.get("code")):
        raise Refused("failed", "no code")
    try:
        verifier = door.vault.open(
            attempt.verifier_sealed, table="oidc_attempts", column="verifier_sealed", row=attempt.state_hash
        )
    except VaultError as unreadable:
        raise Refused("state", str(unreadable)) from unreadable
    claims = await door.provider.claims(code=code, redirect_uri=door.redirect_uri, verifier=verifier)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(hash_token(nonce), attempt.nonce_hash):
        raise NotBelieved("the ID token was made for another attempt")
    let_in = admitted(door.settings, claims)
    if let_in is None:
        raise Refused("not_admitted", f"subject {str(claims.get('sub'))[:_MOST_NAME]}")
    name, entry = let_in
    amr = claims.get("amr")
    told = [str(one)[:40] for one in amr[:10]] if isinstance(amr, list) else None
    made = await administrators.admit(door.db, name, entry, replaces=session_token, told=told)
    return made, attempt.return_to


def admitted(settings: Settings, claims: Mapping[str, Any]) -> tuple[str, str] | None:
    """Under which name somebody works, and the entry of `OIDC_ADMINS` that lets them in; None for nobody's.

    An address counts only when the provider says that it was verified: else anybody could enter that of another.
    """
    email = claims.get("email")
    verified = claims.get("email_verified") in (True, "true") and isinstance(email, str) and bool(email.strip())
    address = str(email).strip().lower() if verified else None
    name = address or f"oidc:{claims['sub']}"
    if not name.isprintable() or len(name) > _MOST_NAME:
        return None
    if address is not None and address in settings.oidc_admins:
        return name, address
    groups = claims.get(settings.oidc_groups_claim)
    held = {groups} if isinstance(groups, str) else set()
    if isinstance(groups, list):
        held = {one for one in groups if isinstance(one, str)}
    for entry in settings.oidc_admins:
        if entry.startswith("group:") and entry.removeprefix("group:").strip() in held:
            return name, entry
    return None


async def _redeem(door: Door, browser_token: str | None, state: str) -> OidcAttempt:
    """The attempt this state belongs to, used up by it."""
    if not state:
        raise Refused("state", "none")
    now = utcnow()
    async with door.db.transaction() as session:
        attempt = await session.get(OidcAttempt, hash_token(state), with_for_update=True)
        if attempt is None or attempt.used_at is not None or attempt.expires_at <= now:
            raise Refused("state", "unknown, used or too old")
        # Another browser does not use the attempt up, or anybody who saw the address could spoil it.
        if not browser_token or not hmac.compare_digest(attempt.browser_hash, hash_token(browser_token)):
            raise Refused("other_browser")
        attempt.used_at = now
    return attempt
