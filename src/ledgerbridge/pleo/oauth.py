"""OAuth 2.0 with Pleo: the authorise URL, the code exchange, the refresh, token introspection.

What is tried again at the token endpoint: a code only when no connection came about, since it is single-use. A refresh
on transport faults, 5xx, 408 and 429, a lost reply included: either Pleo never saw the token, and the repeat saves the
connection, or it spent it, and the new pair is lost already. That holds only while nobody else can have refreshed, so
`refresh` is called under the connection's lock, with the token just read from storage (AUTH-052, AUTH-055).
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

from ledgerbridge import faults
from ledgerbridge.clock import utcnow
from ledgerbridge.pleo import retry, tokens
from ledgerbridge.pleo.credentials import client_header
from ledgerbridge.pleo.endpoints import PleoEndpoints
from ledgerbridge.pleo.tokens import IntrospectedToken, TokenAnswer, TokenEndpointUnavailable
from ledgerbridge.pleo.transport import Observation, Observe
from ledgerbridge.pleo.wire import Answer, Limits, NoAnswer, bare_request, exchange

TOKEN_LIMITS = Limits(read=60.0, max_bytes=256 * 1024)
"""A lost refresh answer can lose the connection, so this waits longer than other calls (LIMIT-041)."""

MAX_TRIES = 4
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)


def new_state() -> str:
    """A fresh, unguessable `state`, 43 characters (AUTH-024)."""
    return secrets.token_urlsafe(32)


def new_verifier() -> str:
    """A fresh PKCE verifier, 86 characters; keep it on the server (AUTH-023)."""
    return secrets.token_urlsafe(64)


class OAuthClient:
    """Our application at one Pleo environment."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        endpoints: PleoEndpoints,
        client_id: str,
        client_secret: str,
        observe: Observe | None = None,
        *,
        secret_in_body: bool = False,
        limits: Limits = TOKEN_LIMITS,
        sleep: retry.Sleep = asyncio.sleep,
        now: Callable[[], datetime] = utcnow,
    ) -> None:
        """`secret_in_body` sends id and secret as form fields instead of the Basic header (AUTH-032).

        Raises `EndpointsRefused` when the endpoints must not be called.
        """
        self._http = http
        self._endpoints = endpoints.checked()
        self._client_id = client_id
        self._client_secret = client_secret
        self._observe = observe
        self._secret_in_body = secret_in_body
        self._limits = limits
        self._sleep = sleep
        self._now = now

    def authorise_url(self, *, redirect_uri: str, scopes: str | Sequence[str], state: str, verifier: str) -> str:
        """Where to send the browser: exactly seven parameters, the verifier not among them (AUTH-022, -023).

        `scopes` space-separated or as a sequence. Raises `ValueError` for a verifier PKCE does not allow.
        """
        if not _VERIFIER.fullmatch(verifier):
            raise ValueError("a PKCE verifier has 43 to 128 unreserved characters")
        return self._endpoints.authorise(
            (
                ("response_type", "code"),
                ("client_id", self._client_id),
                ("redirect_uri", redirect_uri),
                ("scope", scopes if isinstance(scopes, str) else " ".join(scopes)),
                ("state", state),
                ("code_challenge", create_s256_code_challenge(verifier)),
                ("code_challenge_method", "S256"),
            )
        )

    async def exchange_code(self, *, code: str, redirect_uri: str, verifier: str) -> TokenAnswer:
        """Trade the code for the first token pair, once (AUTH-029, -030); `redirect_uri` as in the authorise URL.

        Raises `GrantRefused` for a used, expired or foreign code, `ClientRejected`, `TokenEndpointUnavailable`; after
        any of them the user starts the connection again.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        return await self._grant("exchangeToken", form, previous=None, again=_never_reached)

    async def refresh(self, refresh_token: str) -> TokenAnswer:
        """Trade the refresh token for a new pair; every earlier token stops working (AUTH-050, -051).

        Only under the connection's lock, with the token just read; store the answer before anything else. Raises
        `GrantRefused` (terminal: AUTH-056, AUTH-059), `TokenEndpointUnavailable` (keep the pair, try later) or
        `ClientRejected` (our own fault: keep every connection, AUTH-057a).
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return await self._grant("refreshToken", form, previous=refresh_token, again=_transient)

    async def introspect(self, token: str, hint: str = "access_token") -> IntrospectedToken:
        """What Pleo knows of one of our tokens, for support; never a substitute for expiry tracking (AUTH-046).

        `hint` is `access_token` or `refresh_token`. Raises `ClientRejected` and `TokenEndpointUnavailable`.
        """
        form = {"token": token, "token_type_hint": hint}
        answer = await self._post("introspectToken", self._endpoints.token_introspection(), form, 1)
        return tokens.read_introspection(answer)

    async def _grant(
        self, operation: str, form: dict[str, str], *, previous: str | None, again: Callable[[BaseException], bool]
    ) -> TokenAnswer:
        made = 0
        lost = False

        async def attempt() -> TokenAnswer:
            nonlocal made, lost
            made += 1
            asked = self._now()
            try:
                answer = await self._post(operation, self._endpoints.token(), form, made)
                return tokens.read_grant(answer, previous=previous, asked=asked, after_lost_reply=lost, now=self._now())
            except TokenEndpointUnavailable as error:
                lost = lost or error.may_have_spent_the_grant
                raise

        retrying = AsyncRetrying(
            retry=retry_if_exception(again),
            wait=retry.pause,
            stop=stop_after_attempt(MAX_TRIES),
            sleep=self._sleep,
            reraise=True,
        )
        return await retrying(attempt)

    async def _post(self, operation: str, url: str, form: Mapping[str, str], attempt: int) -> Answer:
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        fields = dict(form)
        if self._secret_in_body:
            fields |= {"client_id": self._client_id, "client_secret": self._client_secret}
        else:
            headers["Authorization"] = client_header(self._client_id, self._client_secret)
        request = bare_request("POST", url, headers=headers, content=urlencode(fields).encode(), limits=self._limits)
        started = time.monotonic()
        fault: NoAnswer | None = None
        try:
            with faults.around(f"pleo {operation}"):
                answer = await exchange(self._http, request, self._limits)
        except NoAnswer as error:
            fault = error
        if self._observe:
            status, cause = (None, fault.cause) if fault else (answer.status, None)
            self._observe(Observation(operation, "POST", status, cause, time.monotonic() - started, attempt))
        if fault is None:
            return answer
        raise TokenEndpointUnavailable(fault.cause, may_have_spent_the_grant=fault.sent)


def _transient(error: BaseException) -> bool:
    return isinstance(error, TokenEndpointUnavailable) and (error.retry_after or 0) <= retry.LONGEST_WAIT


def _never_reached(error: BaseException) -> bool:
    return isinstance(error, TokenEndpointUnavailable) and error.status is None and not error.may_have_spent_the_grant
