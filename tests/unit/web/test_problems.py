"""Every error is a problem document, and none says more than it should."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, SecretStr
from sqlalchemy.exc import IntegrityError, OperationalError
from starlette.responses import StreamingResponse

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.connections.errors import (
    ActivationRefused,
    BindingRefused,
    ClientRejected,
    ConfigurationRefused,
    ConnectRefused,
    ErpNotBound,
    Fault,
    GrantEnded,
    RefreshUnavailable,
    Refused,
)
from ledgerbridge.erp.port import ErpError
from ledgerbridge.exports.resolve import CannotResolve
from ledgerbridge.ops.metrics import Metrics
from ledgerbridge.pleo.errors import Forbidden, Unavailable
from ledgerbridge.web import problems, refusals
from ledgerbridge.web.middleware import MAX_BODY, RequestFrame


class Sent(BaseModel):
    name: str
    key: SecretStr
    numbers: list[int]


class _Services:
    metrics = Metrics()


def client(error: Exception | None = None) -> httpx.AsyncClient:
    app = FastAPI(openapi_url=None)
    app.state.services = _Services()
    problems.install(app)
    refusals.install(app)
    app.add_middleware(RequestFrame, secure=True)

    @app.get("/fails")
    async def fails() -> None:
        if error is not None:
            raise error

    @app.post("/sent")
    async def sent(body: Sent) -> None: ...

    @app.get("/breaks")
    async def breaks() -> StreamingResponse:
        async def pieces() -> Any:
            yield b"first"
            raise RuntimeError("the rest is lost")

        return StreamingResponse(pieces())

    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://service.example"
    )


async def failing(error: Exception) -> httpx.Response:
    async with client(error) as http:
        return await http.get("/fails")


OUTAGE = OperationalError("select 1", {}, Exception("connection to 10.0.0.5 refused, password=hush"))
CASES: list[tuple[Exception, int, str]] = [
    (OUTAGE, 503, "unavailable"),
    (IntegrityError("insert hush", {}, Exception("duplicate hush")), 500, "unexpected"),
    (RuntimeError("hush: token abc"), 500, "unexpected"),
    (BindingRefused("settings_refused", "No.", [Fault("settings.company", "Enter it.")]), 422, "settings-refused"),
    (BindingRefused("erp_company_taken", "Taken."), 409, "erp-company-taken"),
    (BindingRefused("erp_unreachable", "Away."), 422, "erp-unreachable"),
    (Refused("erp_unreachable", "Away."), 503, "erp-unreachable"),
    (Refused("erp_authentication", "Key."), 422, "erp-authentication"),
    (Refused("pleo_unavailable", "Away."), 503, "pleo-unavailable"),
    (ErpNotBound(), 409, "erp-not-bound"),
    (ConfigurationRefused([Fault("journal", "is missing")]), 422, "configuration-refused"),
    (ActivationRefused("scopes_missing", "Scopes."), 409, "scopes-missing"),
    (ActivationRefused("pleo_unavailable", "Away."), 503, "pleo-unavailable"),
    (ConnectRefused("key_refused", "T", "Text.", "Do."), 422, "key-refused"),
    (ConnectRefused("connected_elsewhere", "T", "Text.", "Do."), 409, "connected-elsewhere"),
    (ConnectRefused("pleo_unreachable", "T", "Text.", "Do."), 503, "pleo-unreachable"),
    (CannotResolve("Not now."), 409, "cannot-resolve"),
    (ErpError(problem(Failure.ERP_TIMEOUT, internal="hush")), 503, "erp-timeout"),
    (ErpError(problem(Failure.ERP_AUTHENTICATION)), 409, "erp-authentication"),
    (ActivationRefused("erp_unreachable", "Away."), 503, "erp-unreachable"),
    (GrantEnded("hush"), 409, "reconnect-needed"),
    (ClientRejected("hush"), 503, "client-rejected"),
    (RefreshUnavailable("hush"), 503, "pleo-unavailable"),
    (Forbidden("op", status=403, message="hush"), 409, "pleo-forbids"),
    (Unavailable("op", status=502, message="hush"), 503, "pleo-unavailable"),
]


@pytest.mark.parametrize(("error", "status", "kind"), CASES, ids=lambda value: repr(value)[:50])
async def test_each_error_becomes_its_problem_and_keeps_the_inside_inside(
    error: Exception, status: int, kind: str
) -> None:
    answer = await failing(error)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == f"urn:ledgerbridge:problem:{kind}"
    assert body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"]
    assert "hush" not in answer.text
    assert "Traceback" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_faults_keep_their_places() -> None:
    answer = await failing(ConfigurationRefused([Fault("journal", "is missing"), Fault("accounts.contra", "is wrong")]))
    assert answer.json()["errors"] == [
        {"path": "journal", "message": "is missing"},
        {"path": "accounts.contra", "message": "is wrong"},
    ]


async def test_a_body_that_does_not_fit_names_each_place_and_no_value() -> None:
    async with client() as http:
        answer = await http.post("/sent", json={"name": ["hush"], "key": {"x": "hush"}, "numbers": [1, "hush"]})
    assert answer.status_code == 422
    assert {one["path"] for one in answer.json()["errors"]} == {"name", "key", "numbers.1"}
    assert "hush" not in answer.text


async def test_a_body_beyond_the_cap_is_413_before_and_while_it_is_read() -> None:
    async def pieces() -> Any:
        for _ in range(MAX_BODY // 65536 + 2):
            yield b" " * 65536

    async with client() as http:
        told = await http.post("/sent", content=b" " * (MAX_BODY + 1), headers={"content-type": "application/json"})
        untold = await http.post("/sent", content=pieces(), headers={"content-type": "application/json"})
    assert (told.status_code, untold.status_code) == (413, 413)
    assert told.headers["content-type"] == untold.headers["content-type"] == "application/problem+json"


async def test_answers_over_https_ask_browsers_to_stay_there() -> None:
    async with client() as http:
        answer = await http.get("/fails")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_an_answer_that_breaks_off_is_not_mended_with_a_second_one() -> None:
    async with client() as http:
        answer = await http.get("/breaks")
    assert answer.text == "first"
