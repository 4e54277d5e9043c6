"""Calls of every method, and answers to them; the token endpoint's answers and forms."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import httpx

from ledgerbridge.pleo.transport import Call

GET = Call("introspect", "GET", "/v1/introspect")
PUT = Call("updateClientInstallation", "PUT", "/v1/installations/me", body={"status": "ACTIVATED"})
DELETE = Call("deleteClientInstallation", "DELETE", "/v1/installations/me")
POST = Call("createClientInstallation", "POST", "/v1/installations/me", body={})
OK = httpx.Response(200, json={"fine": True})
PAIR = {"access_token": "new-access", "refresh_token": "new-refresh", "expires_in": 900, "token_type": "Bearer", "x": 1}


def answer(status: int, **options: Any) -> httpx.Response:
    return httpx.Response(status, **options)


def ok(body: Any = PAIR, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


def form(request: httpx.Request) -> dict[str, str]:
    return dict(parse_qsl(request.content.decode(), keep_blank_values=True, strict_parsing=True))
