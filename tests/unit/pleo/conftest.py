"""A Pleo made of scripted answers. Every request that reaches it is checked against the contracts of docs/pleo."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from ledgerbridge.pleo.endpoints import PleoEndpoints
from ledgerbridge.pleo.oauth import OAuthClient
from ledgerbridge.pleo.transport import Observation, PleoClient
from tests.contract.contracts import request_breaches, response_breaches

NOW = datetime(2025, 6, 1, 12, 0, 0, tzinfo=UTC)
PRODUCTION = PleoEndpoints("https://auth.pleo.io", "https://external.pleo.io")

Script = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def check_answer(method: str, path: str, status: int, body: Any) -> None:
    """A sample of these tests must be an answer Pleo could give."""
    request = httpx.Request(method, PRODUCTION.api(path))
    assert response_breaches(request, httpx.Response(status, json=body)) == []


@dataclass
class FakeCredential:
    """Headers in the order a credential store would give them."""

    current: str = "Bearer access-token-1"
    newer: list[str | None] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)

    async def header(self) -> str:
        return self.current

    async def renew(self, rejected: str) -> str | None:
        self.rejected.append(rejected)
        newer = self.newer.pop(0) if self.newer else None
        self.current = newer or self.current
        return newer


@dataclass
class CountingBudget:
    taken: int = 0
    rest: float | None = None
    """What `take` answers."""
    pauses: list[float] = field(default_factory=list)

    async def take(self) -> float | None:
        if self.rest is None:
            self.taken += 1
        return self.rest

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


@dataclass
class Stage:
    """Scripted answers, and what was asked."""

    script: list[Script] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    observed: list[Observation] = field(default_factory=list)
    credential: FakeCredential = field(default_factory=FakeCredential)
    budget: CountingBudget = field(default_factory=CountingBudget)
    endpoints: PleoEndpoints = PRODUCTION
    in_contract: bool = True

    def answers(self, *script: Script) -> Stage:
        self.script.extend(script)
        return self

    async def handle(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        if self.in_contract:
            assert request_breaches(request) == []
        assert self.script, f"unexpected call: {request.method} {request.url}"
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, httpx.Response) else step(request)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    @property
    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self.handle))

    @property
    def client(self) -> PleoClient:
        return PleoClient(
            self.http,
            self.endpoints,
            self.credential,
            self.budget,
            self.observed.append,
            sleep=self.sleep,
            now=lambda: NOW,
        )

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests if request.content]


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    assert made.script == [], "an answer was not asked for"


class Samples:
    """Answers in the contract's shape; members can be changed by keyword."""

    now = NOW
    company = "b5fdaec1-1b43-4b62-996a-b0471c3bb336"
    job_id = "b4c4d068-ebbe-45b7-b562-2f16f0deb8b9"
    urn = f"urn:pleo:company:{company}"

    check_answer = staticmethod(check_answer)

    def entry(self, number: int = 1) -> str:
        return f"00000000-0000-4000-8000-{number:012d}"

    def job(self, **members: Any) -> dict[str, Any]:
        return {
            "id": self.job_id,
            "companyId": self.company,
            "status": "pending",
            "createdAt": "2025-06-01T10:00:00Z",
            "createdBy": None,
            "expiresIn": 3600,
            "isInteractive": True,
            "numberOfItems": 1,
            "vendorBasedBookkeeping": False,
            **members,
        }

    def job_item(self, number: int = 1, **members: Any) -> dict[str, Any]:
        return {
            "accountingEntryId": self.entry(number),
            "exportJobId": self.job_id,
            "status": "pending",
            "failureReasonType": None,
            **members,
        }

    def amount(self, value: Any, currency: str = "DKK") -> dict[str, Any]:
        money = {"currency": currency, "value": value}
        return {"inSupplierCurrency": dict(money), "inWalletCurrency": dict(money)}

    def item(self, number: int = 1, **members: Any) -> dict[str, Any]:
        line = {
            "accountingEntryLineId": self.entry(900_000 + number),
            "lineAmount": self.amount(12500),
            "netAmount": self.amount(10000),
            "account": {"id": self.entry(7), "name": "Travel", "code": "4010", "identifier": None},
            "tax": {
                "id": self.entry(8),
                "code": "I25",
                "rate": 0.25,
                "type": "exclusive",
                "amount": self.amount(2500),
            },
            "tags": [{"id": self.entry(9), "code": "OPS", "groupCode": "CC"}],
        }
        return {
            "_links": {"web": {"exportItem": "https://app.pleo.io/expense/1"}},
            "accountingEntryId": self.entry(number),
            "accountingEntryLines": [line],
            "additionalInformation": {"reconciliationId": f"R-{number}"},
            "amount": self.amount(12500),
            "companyId": self.company,
            "date": "2025-05-23T15:21:32Z",
            "type": "card_purchase",
            **members,
        }

    def page(self, *data: Any, after: str | None = None, total: int | None = None) -> dict[str, Any]:
        pagination: dict[str, Any] = {
            "currentRequestPagination": {"parameters": {}},
            "hasNextPage": after is not None,
            "hasPreviousPage": False,
        }
        if after:
            pagination["endCursor"] = after
        if total is not None:
            pagination["total"] = total
        return {"data": list(data), "pagination": pagination}

    def installation(self, **members: Any) -> dict[str, Any]:
        return {
            "id": self.entry(11),
            "applicationId": self.entry(12),
            "createdAt": "2025-06-01T10:00:00Z",
            "updatedAt": "2025-06-01T10:00:00.123456789Z",
            "metadata": {},
            "resource": self.urn,
            "status": "AUTHORIZED",
            **members,
        }

    def subscription(self, **members: Any) -> dict[str, Any]:
        return {
            "id": self.entry(13),
            "createdAt": "2025-06-01T10:00:00Z",
            "updatedAt": "2025-06-01T10:00:00Z",
            "endpointUrl": "https://bridge.example/webhooks/pleo/abc",
            "eventTypes": ["v1.export-job.created", "v1.vendor.created"],
            "status": "ACTIVE",
            **members,
        }


@pytest.fixture(scope="session")
def sample() -> Samples:
    return Samples()


@pytest.fixture
def oauth(stage: Stage) -> OAuthClient:
    return OAuthClient(
        stage.http,
        stage.endpoints,
        "s6BhdRkqt3",
        "gX1fBat3bV",
        stage.observed.append,
        sleep=stage.sleep,
        now=lambda: NOW,
    )
