"""A connected company as the service sees it: its own Pleo client over the sandbox, the contracts watching."""

from __future__ import annotations

import secrets

import httpx

from ledgerbridge.pleo.credentials import bearer_header
from ledgerbridge.pleo.endpoints import PleoEndpoints
from ledgerbridge.pleo.oauth import OAuthClient, new_verifier
from ledgerbridge.pleo.tokens import TokenAnswer
from ledgerbridge.pleo.transport import PleoClient
from pleo_sandbox.config import ALL_SCOPES
from tests.contract.desk import Desk

URL = "http://localhost"
ENDPOINTS = PleoEndpoints(URL, URL)


class Company:
    """Credential, budget and clients over the desk's transports."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.http = httpx.AsyncClient(transport=desk.checked)
        self.oauth = OAuthClient(
            self.http, ENDPOINTS, desk.client.client_id, desk.client.client_secret, sleep=self._no_wait
        )
        self.pleo = PleoClient(self.http, ENDPOINTS, self, self, sleep=self._no_wait)
        self.tokens: TokenAnswer
        self.calls = 0

    async def connect(self) -> TokenAnswer:
        verifier = new_verifier()
        back = await self.desk.consent(verifier=verifier, scope=" ".join(ALL_SCOPES), state=secrets.token_urlsafe(8))
        self.code, self.verifier = back["code"], verifier
        self.tokens = await self.oauth.exchange_code(
            code=self.code, redirect_uri=self.desk.client.redirect_uris[0], verifier=verifier
        )
        return self.tokens

    async def header(self) -> str:
        return bearer_header(self.tokens.access_token)

    async def renew(self, rejected: str) -> str | None:
        self.tokens = await self.oauth.refresh(self.tokens.refresh_token or "")
        return await self.header()

    async def take(self) -> float | None:
        self.calls += 1
        return None

    async def pause(self, seconds: float) -> None:
        return None

    async def _no_wait(self, seconds: float) -> None:
        return None
