"""What the token endpoint answers: a token pair, or one of three failures that must never be mixed up."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ledgerbridge.pleo import retry
from ledgerbridge.pleo.wire import Answer, NotJson, read_json

_REFUSED_GRANTS = frozenset({"invalid_grant", "invalid_token", "invalid_refresh_token"})
_UNTOLD_LIFETIME = 300
"""Seconds assumed when an answer names no lifetime: short, so that a rotated pair is kept and soon replaced (ours)."""
_LONGEST_LIFETIME = 366 * 24 * 3600


class TokenError(Exception):
    """The token endpoint gave no tokens. Holds Pleo's error code, never a token or a body."""

    def __init__(self, detail: str, *, status: int | None = None, error: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.error = error
        """Pleo's error code in lower case."""


class GrantRefused(TokenError):
    """Terminal: this code or refresh token will never work again (AUTH-056). End the connection (AUTH-059)."""

    after_lost_reply: bool = False
    """Whether an earlier try of the same call went unanswered: then Pleo probably rotated, and the new pair is lost."""


class ClientRejected(TokenError):
    """Our own client id or secret was refused: stop, alert, keep every connection's tokens (AUTH-057a)."""


class TokenEndpointUnavailable(TokenError):
    """Transient: transport fault, 5xx, 408, 429 or an answer nobody can read. Keep the tokens, try later (AUTH-057)."""

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        error: str | None = None,
        retry_after: float | None = None,
        may_have_spent_the_grant: bool = False,
    ) -> None:
        super().__init__(detail, status=status, error=error)
        self.retry_after = retry_after
        self.may_have_spent_the_grant = may_have_spent_the_grant
        """Whether Pleo may have handed out a new pair that never arrived."""


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """A token pair; both tokens are opaque (AUTH-040)."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    """The new one, or the previous one when the answer carries none (AUTH-058); None only after a code exchange."""
    expires_in: int
    """Seconds, from this answer only (AUTH-042)."""
    expires_at: datetime
    """Counted from before the request was sent, so it is never later than Pleo's."""
    scope: str | None = None
    """What was granted, space-separated, where Pleo says it (AUTH-034)."""


def refresh_lead(expires_in: int) -> float:
    """Seconds before expiry at which a token is due: 60, or 10 % of its lifetime if that is longer (AUTH-053)."""
    return max(60.0, 0.1 * expires_in)


@dataclass(frozen=True, slots=True)
class IntrospectedToken:
    """Pleo's view of a token (AUTH-046)."""

    active: bool
    subject_urn: str | None = None
    client_id: str | None = None
    expires_at: int | None = None
    """Unix seconds."""


def read_grant(
    answer: Answer, *, previous: str | None, asked: datetime, after_lost_reply: bool, now: datetime
) -> TokenAnswer:
    """The pair in an answer. Raises a `TokenError`, classified by AUTH-056, -057 and -057a."""
    body = _object(answer)
    access_token, refresh_token = body.get("access_token"), body.get("refresh_token")
    if not (200 <= answer.status < 300 and isinstance(access_token, str) and access_token):
        raise _failure(answer, body, after_lost_reply, now)
    seconds = _lifetime(body.get("expires_in"))
    scope = body.get("scope")
    return TokenAnswer(
        access_token=access_token,
        refresh_token=refresh_token if isinstance(refresh_token, str) and refresh_token else previous,
        expires_in=seconds,
        expires_at=asked + timedelta(seconds=seconds),
        scope=scope if isinstance(scope, str) and scope.strip() else None,
    )


def read_introspection(answer: Answer) -> IntrospectedToken:
    """Token metadata. Raises `ClientRejected`, or `TokenEndpointUnavailable` for whatever else is not an answer."""
    body = _object(answer)
    if answer.status == 401 or _error(body) == "invalid_client":
        raise ClientRejected("Pleo refused our client id or secret", status=answer.status, error=_error(body))
    active = body.get("active")
    if not 200 <= answer.status < 300 or not isinstance(active, bool):
        raise TokenEndpointUnavailable(f"no introspection, status {answer.status}", status=answer.status)
    expiry = body.get("exp")
    return IntrospectedToken(
        active=active,
        subject_urn=_string(body.get("urn:pleo:params:oauth:subject_urn")),
        client_id=_string(body.get("client_id")),
        expires_at=expiry if isinstance(expiry, int) and not isinstance(expiry, bool) else None,
    )


def _failure(answer: Answer, body: dict[str, Any], after_lost_reply: bool, now: datetime) -> TokenError:
    status, error = answer.status, _error(body)
    said = f"status {status}" + (f", {error}" if error else "")
    if status >= 500 or status in (408, 429):
        wait = retry.retry_after(answer.headers, now)
        spent = status >= 500
        return TokenEndpointUnavailable(
            said, status=status, error=error, retry_after=wait, may_have_spent_the_grant=spent
        )
    if status == 401 or error == "invalid_client":
        return ClientRejected(f"Pleo refused our client id or secret: {said}", status=status, error=error)
    if 400 <= status < 500 or error in _REFUSED_GRANTS:
        refused = GrantRefused(said, status=status, error=error)
        refused.after_lost_reply = after_lost_reply
        return refused
    return TokenEndpointUnavailable(f"unreadable, {said}", status=status, error=error, may_have_spent_the_grant=True)


def _object(answer: Answer) -> dict[str, Any]:
    try:
        body = read_json(answer)
    except NotJson:
        return {}
    return body if isinstance(body, dict) else {}


def _error(body: dict[str, Any]) -> str | None:
    """The error code, when it looks like one: it ends up in logs and audit."""
    error = body.get("error")
    if not isinstance(error, str):
        return None
    code = error.strip().lower()
    return code if code.replace("_", "").isalnum() and code.isascii() and len(code) <= 64 else None


def _lifetime(value: object) -> int:
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value.strip()[:12])
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _LONGEST_LIFETIME:
        return int(value) or _UNTOLD_LIFETIME
    return _UNTOLD_LIFETIME


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
