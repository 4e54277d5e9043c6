"""Whatever Pleo answers, a call gives a record or an error of ours that names no secret: never another exception."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.pleo import introspect, tokens
from ledgerbridge.pleo.chart_of_accounts import Account, AccountsApi, NewAccount
from ledgerbridge.pleo.companies import CompaniesApi, company_name
from ledgerbridge.pleo.employees import EmployeesApi
from ledgerbridge.pleo.errors import PleoError
from ledgerbridge.pleo.export import ExportApi, missing_contra_accounts
from ledgerbridge.pleo.installations import InstallationsApi
from ledgerbridge.pleo.models import Wire
from ledgerbridge.pleo.oauth import OAuthClient
from ledgerbridge.pleo.reports import ItemUpdate
from ledgerbridge.pleo.subscriptions import SubscriptionsApi
from ledgerbridge.pleo.tags import TagsApi
from ledgerbridge.pleo.tax_codes import TaxCodesApi
from ledgerbridge.pleo.transport import PleoClient
from ledgerbridge.pleo.vendors import VendorDetails, VendorsApi
from tests.fuzz.shapes import sent
from tests.fuzz.trying import Count, tries
from tests.unit.pleo.conftest import NOW, PRODUCTION, FakeCredential, Samples, Stage

S = Samples()
ONE = S.entry(1)
ACCOUNT = {"id": ONE, "companyId": S.company, "externalId": "a1", "code": "4010", "name": "Travel", "archived": False}
TAX = {
    "id": ONE,
    "companyId": S.company,
    "code": "I25",
    "name": "25",
    "rate": 0.25,
    "type": "inclusive",
    "archived": False,
}
VENDOR = {
    "id": ONE, "companyId": S.company, "name": "Acme", "state": "ACTIVE", "defaultCurrency": "DKK", "externalId": "e1",
    "code": "V1", "country": "DK", "createdAt": "2025-06-01T10:00:00Z",
}  # fmt: skip
GROUP = {"id": ONE, "companyId": S.company, "code": "CC", "name": "Cost centre", "archived": False}
TAG = {"id": ONE, "groupId": ONE, "code": "OPS", "name": "Operations", "archived": False}
COMPANY = {"id": S.company, "name": "Demo", "organizationId": None}
EMPLOYEE = {"id": ONE, "companyId": S.company, "code": "E7"}
CLIENT = {"authMethod": "OAUTH2", "clientId": "c", "scope": "a b", "subjectURN": S.urn, "applicationName": "x"}
UPDATED = {
    "data": [S.job_item(status="successful")],
    "errors": [{"accountingEntryId": ONE, "type": "x", "message": "y"}],
}
BATCH = {"data": {"created": [ACCOUNT], "failed": [{"request": {"externalId": "a2"}, "reasons": ["OTHER"]}]}}

Api = Callable[[PleoClient], Coroutine[Any, Any, Any]]


async def _all(pages: Any) -> list[Any]:
    return [page async for page in pages]


def inside(*records: Any) -> list[Any]:
    return [{"data": record} for record in records]


CALLS: dict[str, tuple[Api, list[Any]]] = {
    "jobs": (lambda c: ExportApi(c).list_jobs(S.company, ["pending"]), [S.page(S.job(), S.job(id=S.entry(5)))]),
    "job": (lambda c: ExportApi(c).get_job(S.job_id), inside(S.job())),
    "control": (lambda c: _all(ExportApi(c).job_items(S.job_id)), [S.page(S.job_item(), S.job_item(2))]),
    "items": (lambda c: _all(ExportApi(c).export_items(S.job_id)), [S.page(S.item(), S.item(2))]),
    "report": (
        lambda c: ExportApi(c).update_items(S.job_id, [ItemUpdate.failed(ONE, reason="r", reason_type="tag_unknown")]),
        [UPDATED],
    ),
    "event": (lambda c: ExportApi(c).send_event(S.job_id, "started"), [{}]),
    "accounts": (lambda c: AccountsApi(c).all(S.company), [S.page(ACCOUNT)]),
    "account": (lambda c: AccountsApi(c).find(S.company, "a1"), [S.page(ACCOUNT)]),
    "new account": (lambda c: AccountsApi(c).create(S.company, NewAccount("a1", "Travel")), inside(ACCOUNT)),
    "batch": (lambda c: AccountsApi(c).create_batch(S.company, [NewAccount("a1", "Travel")]), [BATCH]),
    "changed account": (
        lambda c: AccountsApi(c).update(
            Account.model_validate(ACCOUNT), name="x", code=None, tax_code=None, archived=True
        ),
        inside(ACCOUNT),
    ),
    "tax codes": (lambda c: TaxCodesApi(c).all(S.company), [S.page(TAX)]),
    "vendors": (lambda c: VendorsApi(c).all(S.company), [S.page(VENDOR)]),
    "vendor": (lambda c: VendorsApi(c).get(ONE), inside(VENDOR)),
    "new vendor": (lambda c: VendorsApi(c).create(S.company, VendorDetails("Acme", "DKK", "e1")), inside(VENDOR)),
    "activated vendor": (lambda c: VendorsApi(c).activate(ONE, "e1", "V1"), inside(VENDOR)),
    "archived vendor": (lambda c: VendorsApi(c).archive(ONE), inside(VENDOR)),
    "groups": (lambda c: TagsApi(c).groups(S.company), [S.page(GROUP)]),
    "tags": (lambda c: TagsApi(c).tags(ONE), [S.page(TAG)]),
    "new tag": (lambda c: TagsApi(c).create_tag(ONE, "OPS", "Operations"), inside(TAG)),
    "archived tags": (lambda c: TagsApi(c).archive_tags(S.company, [ONE], archived=True), [{"data": [TAG]}]),
    "companies": (lambda c: CompaniesApi(c).all(), [S.page(COMPANY)]),
    "company name": (lambda c: company_name(c, S.company), inside(COMPANY)),
    "employee": (lambda c: EmployeesApi(c).get(ONE), inside(EMPLOYEE)),
    "introspection": (introspect.introspect, inside(CLIENT)),
    "installation": (lambda c: InstallationsApi(c).get(), [S.installation(), [S.installation()]]),
    "subscriptions": (lambda c: SubscriptionsApi(c).list_all(), [S.page(S.subscription())]),
    "secret": (
        lambda c: SubscriptionsApi(c).secret(ONE),
        inside({"secretKey": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}),
    ),
}
WAITS = (
    "0",
    "5",
    "-1",
    "1e9",
    "99999999999999999999",
    "nan",
    "Wed, 21 Oct 2099 07:28:00 GMT",
    "x",
    "٣",
    "31 Feb 99999",
)
STATUSES = st.sampled_from(
    (200, 200, 200, 200, 201, 202, 204, 301, 400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 503)
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Retry-After": st.sampled_from(WAITS).map(lambda text: text.encode()),
        "Content-Type": st.sampled_from(
            (b"application/json", b"text/html", b"application/json; charset=utf-16", b"\xff")
        ),
        "Content-Encoding": st.sampled_from((b"gzip", b"br", b"identity", b"deflate, gzip")),
    },
)


def test_every_reader_of_pleo_has_a_sample_that_it_reads() -> None:
    for call, samples in CALLS.values():
        for sample in samples:
            asyncio.run(called(call, httpx.Response(200, json=sample)))


@pytest.mark.parametrize("name", CALLS)
def test_pleo_may_answer_anything(name: str, tried: Count) -> None:
    call, samples = CALLS[name]

    @tries(6)
    @given(STATUSES, sent(*samples), HEADERS)
    def answer(status: int, body: bytes, headers: dict[str, bytes]) -> None:
        tried()
        try:
            found = asyncio.run(called(call, lambda _: _response(status, body, headers)))
        except PleoError as error:
            missing_contra_accounts(error)
            _speaks_plainly(error)
        else:
            _looked_at(found)

    answer()


@pytest.mark.parametrize("what", ["refresh", "exchange", "introspect"])
def test_the_token_endpoint_may_answer_anything(what: str, tried: Count) -> None:
    pair = {
        "access_token": "a" * 40,
        "refresh_token": "r" * 40,
        "expires_in": 900,
        "token_type": "Bearer",
        "scope": "x",
    }
    known = {"active": True, "exp": 1, "client_id": "c", "urn:pleo:params:oauth:subject_urn": S.urn}

    @tries(20)
    @given(STATUSES, sent(pair, known, {"error": "invalid_grant"}), HEADERS)
    def answer(status: int, body: bytes, headers: dict[str, bytes]) -> None:
        tried()
        stage = Stage()
        http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: _response(status, body, headers)))
        oauth = OAuthClient(http, PRODUCTION, "id", "s3cret", sleep=stage.sleep, now=lambda: NOW)
        call = {
            "refresh": lambda: oauth.refresh("old-refresh-token"),
            "exchange": lambda: oauth.exchange_code(code="c0de", redirect_uri="https://x/y", verifier="v" * 43),
            "introspect": lambda: oauth.introspect("t0ken"),
        }[what]
        try:
            found = asyncio.run(call())
        except tokens.TokenError as error:
            _speaks_plainly(error)
        else:
            if what != "introspect":
                assert found.expires_at > NOW
                assert "a" * 40 not in repr(found)

    answer()


async def called(call: Api, answer: Any) -> Any:
    stage = Stage()
    credential = FakeCredential("Bearer s3cret-access-token")
    transport = httpx.MockTransport(answer if callable(answer) else lambda _: answer)
    async with httpx.AsyncClient(transport=transport) as http:
        return await call(PleoClient(http, PRODUCTION, credential, stage.budget, sleep=stage.sleep, now=lambda: NOW))


def _response(status: int, body: bytes, headers: dict[str, bytes]) -> httpx.Response:
    return httpx.Response(status, headers=list(headers.items()), stream=httpx.ByteStream(body))


def _speaks_plainly(error: Exception) -> None:
    assert not re.search("s3cret|old-refresh-token|v{43}|c0de", f"{error} {error!r}")


def _looked_at(found: Any) -> None:
    """Everything a caller may ask of the records."""
    if isinstance(found, tuple | list):
        for one in found:
            _looked_at(one)
    elif isinstance(found, Wire):
        for name in dir(type(found)):
            if isinstance(getattr(type(found), name), property) and not name.startswith(("_", "model_")):
                getattr(found, name)
        repr(found)
        can_be_kept(found.model_dump())


def can_be_kept(value: Any) -> None:
    """Nothing that PostgreSQL would refuse when it is stored."""
    if isinstance(value, dict):
        for name, inner in value.items():
            can_be_kept(name)
            can_be_kept(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            can_be_kept(inner)
    elif isinstance(value, str):
        assert "\0" not in value
        value.encode()
    elif isinstance(value, float | Decimal):
        assert math.isfinite(value)
