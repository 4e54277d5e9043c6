"""A scripted Tryton for unit tests: answers by method and path, records what was asked, opens no socket."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx

from ledgerbridge.erp.port import Erp
from ledgerbridge.erp.tryton import TrytonAdapter
from ledgerbridge.erp.tryton.patience import Patience

SETTINGS = {"base_url": "https://tryton.example.com", "database": "books", "api_key": "secret-key", "company": 1}

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@dataclass
class Stage:
    answers: dict[str, Answer | list[Answer]] = field(default_factory=dict)
    """By the end of the path: `account.move` or `account.move/7/post`. Of a list the last answer stays."""
    asked: list[httpx.Request] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=lambda: dict(SETTINGS))

    async def _wait(self, seconds: float) -> None:
        self.waited.append(seconds)

    @property
    def sleep(self) -> Callable[[float], Awaitable[None]]:
        return self._wait

    def opened(self, observe: Any = None, **patience: Any) -> AbstractAsyncContextManager[Erp]:
        adapter = TrytonAdapter(
            patience=Patience(sleep=self.sleep, **patience), transport=lambda: httpx.MockTransport(self._answer)
        )
        return adapter.open(self.settings, observe)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        path = request.url.path.partition("/rest/model/")[2]
        answer = self.answers.get(path, records())
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


def records(*rows: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, json=list(rows))


def page(status: int, said: str = "a page", **headers: str) -> httpx.Response:
    """An HTML error page as Tryton's server makes them."""
    return httpx.Response(
        status, html=f"<!doctype html><title>x</title><h1>{status}</h1><p>{said}</p>", headers=headers
    )


def refusal(message: str, description: str = "") -> httpx.Response:
    return httpx.Response(400, json={"status": 400, "message": message, "description": description})


def domain(request: httpx.Request) -> Any:
    """The domain a search was asked with."""
    return json.loads(base64.urlsafe_b64decode(parse_qs(request.url.query.decode())["d"][0]))


def rights(**missing: str) -> httpx.Response:
    """Full rights, less those named: `rights(create="account.move")`."""
    models = ("account.move", "account.move.line", "account.tax.line", "analytic_account.line", "ir.attachment")
    granted = {model: dict.fromkeys(("read", "write", "create", "delete"), 1) for model in models}
    for right, model in missing.items():
        granted[model][right] = 0
    return httpx.Response(200, json=granted)


COMPANY_ROW = {
    "id": 1,
    "party": {"name": "Demo ApS", "tax_identifier": None, "identifiers": []},
    "currency": {"code": "DKK"},
}


def healthy() -> Stage:
    """A Tryton in which everything reads well and nothing stands yet."""
    return Stage(
        {
            "company.company": records(COMPANY_ROW),
            "res.user/get_preferences": httpx.Response(
                200, json={"company_filter": "all", "companies": [1], "groups": [7], "company": 1}
            ),
            "ir.model.access/get_access": rights(),
            "ir.model.button": records({"id": 29, "groups": []}),
            "account.period": records(period_row()),
        }
    )


def period_row(state: str = "open") -> dict[str, Any]:
    def date(month: int, day: int) -> dict[str, Any]:
        return {"__class__": "date", "year": 2026, "month": month, "day": day}

    return {"id": 47, "name": "2026-11", "state": state, "start_date": date(11, 1), "end_date": date(11, 30)}
