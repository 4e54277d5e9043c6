"""What all master-data APIs share: how a refusal ends, what is tried again, lists that never end, scopes asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from ledgerbridge.pleo import errors
from ledgerbridge.pleo.chart_of_accounts import AccountsApi
from ledgerbridge.pleo.companies import CompaniesApi
from ledgerbridge.pleo.tags import TagsApi
from ledgerbridge.pleo.tax_codes import TaxCodesApi
from ledgerbridge.pleo.transport import PleoClient
from ledgerbridge.pleo.vendors import VendorsApi
from ledgerbridge.settings import DEFAULT_SCOPES
from tests.unit.pleo.masters import COMPANY, GROUP, page

Read = Callable[[PleoClient], Awaitable[tuple[Any, ...]]]

LISTS: dict[str, Read] = {
    "tags": lambda client: TagsApi(client).tags(GROUP),
    "tax_codes": lambda client: TaxCodesApi(client).all(COMPANY),
    "vendors": lambda client: VendorsApi(client).all(COMPANY),
    "companies": lambda client: CompaniesApi(client).all(),
    "unmapped_accounts": lambda client: AccountsApi(client).without_category(COMPANY),
}
every_list = pytest.mark.parametrize("read", LISTS.values(), ids=LISTS)


@every_list
@pytest.mark.rule("TAG-144", "ACC-112", "VEN-130")
async def test_a_401_renews_the_credential_and_the_read_goes_on(stage, read: Read) -> None:
    stage.credential.newer.append("Bearer access-token-2")
    await read(stage.answers(httpx.Response(401), page()).client)
    sent = [request.headers["authorization"] for request in stage.requests]
    assert sent == ["Bearer access-token-1", "Bearer access-token-2"]


@every_list
@pytest.mark.rule("TAG-144", "ACC-112", "VEN-130")
async def test_a_second_401_is_the_end(stage, read: Read) -> None:
    stage.credential.newer.append("Bearer access-token-2")
    with pytest.raises(errors.Unauthorised):
        await read(stage.answers(httpx.Response(401), httpx.Response(401)).client)


@every_list
@pytest.mark.rule("TAG-145", "ACC-110", "ACC-113", "VEN-130")
@pytest.mark.parametrize(
    ("status", "error"), [(400, errors.BadRequest), (403, errors.Forbidden), (404, errors.NotFound)]
)
async def test_a_refusal_ends_the_read_at_once(stage, read: Read, status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        await read(stage.answers(httpx.Response(status)).client)
    assert (stage.slept, stage.credential.rejected) == ([], [])


@every_list
@pytest.mark.rule("TAG-146", "ACC-115", "VEN-130")
@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_passing_fault_is_waited_out(stage, read: Read, status: int) -> None:
    await read(stage.answers(httpx.Response(status), httpx.Response(status), page()).client)
    assert len(stage.slept) == 2
    assert all(seconds >= 1 for seconds in stage.slept)


@every_list
@pytest.mark.rule("TAG-147", "ACC-116")
async def test_a_429_waits_as_long_as_pleo_asks(stage, read: Read) -> None:
    await read(stage.answers(httpx.Response(429, headers={"Retry-After": "17"}), page()).client)
    assert stage.slept == [17]


@every_list
@pytest.mark.rule("TAG-148", "ACC-090")
async def test_a_list_that_never_ends_or_breaks_off_is_an_error(stage, read: Read) -> None:
    with pytest.raises(errors.UnreadableAnswer, match="twice"):
        await read(stage.answers(page(after="A"), page(after="B"), page(after="A")).client)
    with pytest.raises(errors.UnreadableAnswer):
        await read(stage.answers(httpx.Response(200, json={"data": []})).client)


@every_list
@pytest.mark.rule("TAG-113", "TAG-114", "ACC-055", "ACC-059", "TAX-033", "VEN-136", "VEN-137")
async def test_pages_hold_a_hundred_and_are_walked_by_after_alone(stage, read: Read) -> None:
    await read(stage.answers(page(after="AB"), page()).client)
    names = [{name for name, _ in request.url.params.multi_items()} for request in stage.requests]
    assert [request.url.params["limit"] for request in stage.requests] == ["100", "100"]
    assert stage.requests[1].url.params["after"] == "AB"
    assert not {"before", "offset", "sorting_keys", "sorting_order"} & (names[0] | names[1])


@pytest.mark.rule("TAG-162", "TAX-010", "ACC-013", "VEN-003")
def test_the_scopes_of_every_api_we_call_are_asked_for() -> None:
    needed = {
        f"{name}:{way}" for name in ("tag-groups", "accounts", "tax-codes", "vendors") for way in ("read", "write")
    }
    assert needed | {"users:read", "companies:read"} <= set(DEFAULT_SCOPES.split())


@pytest.mark.rule("TAG-008")
def test_no_call_of_a_sync_can_name_an_organisation() -> None:
    methods = [getattr(api, name) for api in (TagsApi, AccountsApi, TaxCodesApi, VendorsApi) for name in vars(api)]
    names = {name for one in methods if hasattr(one, "__code__") for name in one.__code__.co_varnames}
    assert not {name for name in names if "organi" in name}
