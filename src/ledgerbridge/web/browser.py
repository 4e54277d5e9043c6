"""The cookies: which browser began connecting, which connection it is signed in to, and as which administrator."""

from __future__ import annotations

import re

from fastapi import Request
from fastapi.responses import Response

from ledgerbridge.connections.sessions import SignedIn
from ledgerbridge.ops import administrators
from ledgerbridge.store.vault import new_token
from ledgerbridge.web.services import Services, services_of

_CONNECTING = "ledgerbridge_connecting"
_SESSION = "ledgerbridge_session"
_ADMIN = "ledgerbridge_admin"
_MARK = re.compile(r"[A-Za-z0-9_-]{43}")
CONNECTING_SECONDS = 600
"""As long as a connect attempt lives (AUTH-024)."""


def connecting(request: Request) -> str | None:
    """What marks the browser that began connecting, if it did. Kept over attempts, so that tabs do not fight."""
    mark = request.cookies.get(_name(_CONNECTING, request), "")
    return mark if _MARK.fullmatch(mark) else None


def new_mark() -> str:
    """A mark for a browser that has none."""
    return new_token()


def mark_connecting(services: Services, answer: Response, value: str) -> None:
    """Mark the browser that begins connecting, so that only it can finish (AUTH-024)."""
    _set(services, answer, _CONNECTING, value, CONNECTING_SECONDS)


def session(request: Request) -> str | None:
    """The browser's session token, if it has one."""
    return request.cookies.get(_name(_SESSION, request))


def sign_in(services: Services, answer: Response, signed_in: SignedIn) -> None:
    """Hand the session to the browser and forget the mark of connecting."""
    seconds = max(0, int((signed_in.expires_at - services.connections.now()).total_seconds()))
    _set(services, answer, _SESSION, signed_in.token, seconds)
    answer.delete_cookie(_full(_CONNECTING, secure=_secure(services)), path="/", httponly=True, samesite="lax")


def sign_out(services: Services, answer: Response) -> None:
    """Take the session from the browser."""
    _delete(services, answer, _SESSION)


def admin_session(request: Request) -> str | None:
    """The token of the browser's administrator session, if it has one."""
    return request.cookies.get(_name(_ADMIN, request))


def sign_in_admin(services: Services, answer: Response, signed_in: administrators.SignedIn) -> None:
    """Hand the administrator's session to the browser."""
    seconds = max(0, int((signed_in.expires_at - services.connections.now()).total_seconds()))
    _set(services, answer, _ADMIN, signed_in.token, seconds)


def sign_out_admin(services: Services, answer: Response) -> None:
    """Take the administrator's session from the browser."""
    _delete(services, answer, _ADMIN)


def _delete(services: Services, answer: Response, name: str) -> None:
    secure = _secure(services)
    answer.delete_cookie(_full(name, secure=secure), path="/", secure=secure, httponly=True, samesite="lax")


def _set(services: Services, answer: Response, name: str, value: str, seconds: int) -> None:
    secure = _secure(services)
    answer.set_cookie(
        _full(name, secure=secure), value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax"
    )


def _secure(services: Services) -> bool:
    return services.settings.public_url.startswith("https://")


def _full(name: str, *, secure: bool) -> str:
    """`__Host-` pins a cookie to this very host, but browsers take it over HTTPS only."""
    return f"__Host-{name}" if secure else name


def _name(name: str, request: Request) -> str:
    return _full(name, secure=_secure(services_of(request)))
