"""Master data as Pleo answers it; members can be changed by keyword. Every sample is checked against the contracts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from tests.contract.contracts import response_breaches

COMPANY = "b5fdaec1-1b43-4b62-996a-b0471c3bb336"
OTHER_COMPANY = "0e9f3b7a-2c5d-4f61-8a90-1b2c3d4e5f60"
GROUP = "6f1d0a4e-0f65-4a5e-9a8b-2f6f7c1d2e30"
TIMES = {"createdAt": "2025-05-01T10:00:00.123456789Z", "updatedAt": "2025-05-01T10:00:00Z"}


def uid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def group(number: int = 1, **members: Any) -> dict[str, Any]:
    return {
        "id": uid(number),
        "companyId": COMPANY,
        "code": f"DIM-{number}",
        "name": f"Dimension {number}",
        "archived": False,
        "metadata": {},
        **TIMES,
        **members,
    }


def tag(number: int = 1, **members: Any) -> dict[str, Any]:
    return {
        "id": uid(number),
        "groupId": GROUP,
        "code": f"T-{number}",
        "name": f"Value {number}",
        "archived": False,
        **TIMES,
        **members,
    }


def account(number: int = 1, **members: Any) -> dict[str, Any]:
    return {
        "id": uid(number),
        "companyId": COMPANY,
        "externalId": f"erp-{number}",
        "code": f"{4000 + number}",
        "name": f"Account {number}",
        "taxCodeExternalId": None,
        "archived": False,
        **members,
    }


def tax_code(number: int = 1, **members: Any) -> dict[str, Any]:
    return {
        "id": uid(number),
        "companyId": COMPANY,
        "code": f"I{number}",
        "name": f"Purchase VAT {number}",
        "rate": 0.25,
        "type": "inclusive",
        "ingoingTaxAccount": "6902",
        "outgoingTaxAccount": None,
        "archived": False,
        "accountingIntegrationSystem": None,
        **TIMES,
        **members,
    }


def vendor(number: int = 1, **members: Any) -> dict[str, Any]:
    return {
        "id": uid(number),
        "companyId": COMPANY,
        "name": f"Vendor {number}",
        "defaultCurrency": "DKK",
        "state": "ACTIVE",
        "externalId": f"erp-{number}",
        "code": f"V{number}",
        "country": "DK",
        **TIMES,
        **members,
    }


def page(*data: Any, after: str | None = None) -> httpx.Response:
    pagination: dict[str, Any] = {
        "currentRequestPagination": {"parameters": {}},
        "hasNextPage": after is not None,
        "hasPreviousPage": False,
        **({"endCursor": after} if after else {}),
    }
    return httpx.Response(200, json={"data": list(data), "pagination": pagination})


def said(data: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json={"data": data})


def check(requests: Sequence[httpx.Request], answers: Sequence[httpx.Response]) -> None:
    """Each answer is one that the contract allows to its request."""
    for request, answer in zip(requests, answers, strict=True):
        typed = httpx.Response(
            answer.status_code,
            content=answer.content,
            headers={"content-type": "application/json;charset=UTF-8"} if answer.content else {},
        )
        found = response_breaches(request, typed)
        assert [breach for breach in found if "content type" not in breach] == []
