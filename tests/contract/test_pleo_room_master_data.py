"""The service's master-data calls against the sandbox, with the contracts watching both directions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from ledgerbridge.pleo import errors
from ledgerbridge.pleo.chart_of_accounts import AccountsApi, NewAccount
from ledgerbridge.pleo.companies import CompaniesApi
from ledgerbridge.pleo.credentials import api_key_header
from ledgerbridge.pleo.employees import EmployeesApi
from ledgerbridge.pleo.paging import batches
from ledgerbridge.pleo.tags import TagsApi
from ledgerbridge.pleo.tax_codes import TaxCodeDetails, TaxCodesApi
from ledgerbridge.pleo.transport import PleoClient
from ledgerbridge.pleo.vendors import VendorDetails, VendorsApi
from pleo_sandbox.app import create_app
from pleo_sandbox.config import DEMO_COMPANY_ID, SandboxConfig
from tests.contract.desk import Desk
from tests.contract.room import ENDPOINTS, Company

ACME = VendorDetails("Acme A/S", "DKK", "77", "V77", "UK", "12345678", "GB12345678")
REVERSE = TaxCodeDetails("REV", "Reverse charge", Decimal("0.25"), "reverse", "6902", "6903")


@pytest.fixture
async def company() -> AsyncIterator[Company]:
    made = Company(Desk(create_app(SandboxConfig())))
    await made.connect()
    yield made
    await made.http.aclose()
    await made.desk.close()


class KeyHolder:
    """An API key as a credential."""

    def __init__(self, key: str) -> None:
        self._key = key

    async def header(self) -> str:
        return api_key_header(self._key)

    async def renew(self, rejected: str) -> str | None:
        return None


async def put(company: Company, what: str, body: dict[str, Any]) -> Any:
    """Puts rows in by hand, past the rules of Pleo's API."""
    answer = await company.desk.control.post(f"/sandbox/companies/{DEMO_COMPANY_ID}/{what}", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def choose(company: Company, **choices: Any) -> None:
    answer = await company.desk.control.put("/sandbox/choices", json=choices)
    assert answer.status_code == 200, answer.text


@pytest.mark.rule("TAG-051", "TAG-053", "TAG-054", "TAG-057")
async def test_a_group_lives_is_archived_and_comes_back_with_its_metadata(company: Company) -> None:
    await put(company, "tag-groups", {"groups": [{"code": "PRJ", "name": "Project", "metadata": {"erp": "4"}}]})
    api = TagsApi(company.pleo)
    await api.create_group(DEMO_COMPANY_ID, "CC", "Cost centre")
    by_code = {group.code: group for group in await api.groups(DEMO_COMPANY_ID)}
    await api.update_group(by_code["PRJ"], archived=True)
    gone = {group.code: group for group in await api.groups(DEMO_COMPANY_ID)}
    assert (gone["PRJ"].archived, gone["CC"].archived) == (True, False)
    back = await api.update_group(gone["PRJ"], archived=False)
    assert (back.archived, back.metadata, back.name) == (False, {"erp": "4"}, "Project")


@pytest.mark.rule("TAG-072", "TAG-075", "TAG-076", "TAG-085", "TAG-086", "TAG-140", "TAG-141")
async def test_two_hundred_tags_are_read_archived_renamed_and_refused(company: Company) -> None:
    (group,) = await put(company, "tag-groups", {"groups": [{"code": "CC", "name": "Cost centre", "generate": 230}]})
    api = TagsApi(company.pleo)
    before = company.pleo.calls
    tags = await api.tags(group["id"])
    assert (len(tags), company.pleo.calls - before) == (230, 3)
    for some in batches([tag.id for tag in tags], 100):
        assert (await api.archive_tags(DEMO_COMPANY_ID, some, archived=True)).unconfirmed == ()
    assert company.pleo.calls - before == 6
    assert all(tag.archived for tag in await api.tags(group["id"]))
    renamed = await api.update_tag(tags[0], name="Renamed", archived=False)
    assert (renamed.code, renamed.name, renamed.archived) == (tags[0].code, "Renamed", False)
    with pytest.raises(errors.Conflict):
        await api.create_tag(group["id"], tags[0].code.lower(), "Again")
    with pytest.raises(errors.Conflict):
        await api.update_tag(tags[1].model_copy(update={"code": tags[0].code}), name="Clash", archived=False)
    await api.create_tag(group["id"], "NEW", "New")


@pytest.mark.rule("TAG-112")
async def test_a_full_group_refuses_with_400(company: Company) -> None:
    (group,) = await put(company, "tag-groups", {"groups": [{"code": "CC", "name": "Cost centre", "generate": 2}]})
    await choose(company, active_tags_per_group=2)
    with pytest.raises(errors.BadRequest):
        await TagsApi(company.pleo).create_tag(group["id"], "NEW", "New")


@pytest.mark.rule("TAG-146", "LIMIT-031")
async def test_an_archive_call_whose_reply_is_lost_is_repeated(company: Company) -> None:
    (group,) = await put(company, "tag-groups", {"groups": [{"code": "CC", "name": "Cost centre", "generate": 2}]})
    api = TagsApi(company.pleo)
    ids = [tag.id for tag in await api.tags(group["id"])]
    await company.desk.fault("drop", method="POST", path="/v0/tags/archive", after_effect=True)
    assert (await api.archive_tags(DEMO_COMPANY_ID, ids, archived=True)).unconfirmed == ()


@pytest.mark.rule("ACC-050", "ACC-073", "ACC-074", "ACC-076")
async def test_a_chart_of_2500_accounts_is_created_in_three_calls(company: Company) -> None:
    api = AccountsApi(company.pleo)
    before = company.pleo.calls
    chart = [NewAccount(f"erp-{n}", f"Account {n}", f"{n:05d}") for n in range(2500)]
    done = [await api.create_batch(DEMO_COMPANY_ID, some) for some in batches(chart, 1000)]
    assert (company.pleo.calls - before, sum(len(one.created) for one in done)) == (3, 2500)
    assert not any(one.refused or one.unanswered for one in done)
    assert {account.external_id for account in await api.all(DEMO_COMPANY_ID)} == {new.external_id for new in chart}


@pytest.mark.rule("ACC-076", "ACC-118")
async def test_accounts_that_are_there_are_refused_by_reason_and_the_rest_created(company: Company) -> None:
    await put(company, "accounts", {"items": [{"externalId": "erp-1", "name": "Old", "code": "1", "archived": True}]})
    api = AccountsApi(company.pleo)
    done = await api.create_batch(DEMO_COMPANY_ID, [NewAccount("erp-1", "Old"), NewAccount("erp-2", "New")])
    assert [account.external_id for account in done.created] == ["erp-2"]
    assert [(one.external_id, one.reasons) for one in done.refused] == [("erp-1", ("EXTERNAL_ID_ALREADY_EXISTS",))]
    assert done.unanswered == ()


@pytest.mark.rule("ACC-071", "ACC-072", "ACC-081", "ACC-084")
@pytest.mark.parametrize("repeat", ["found", "conflict"])
async def test_an_account_that_is_there_is_matched_or_found_and_brought_back(company: Company, repeat: str) -> None:
    await choose(company, account_repeat=repeat)
    await put(company, "accounts", {"items": [{"externalId": "erp-1", "name": "Old", "code": "1", "archived": True}]})
    api = AccountsApi(company.pleo)
    if repeat == "found":
        made = await api.create(DEMO_COMPANY_ID, NewAccount("erp-1", "Travel", "4010"))
        assert made.existed
        found = made.account
    else:
        with pytest.raises(errors.Conflict):
            await api.create(DEMO_COMPANY_ID, NewAccount("erp-1", "Travel", "4010"))
        looked = await api.find(DEMO_COMPANY_ID, "erp-1")
        assert looked is not None
        found = looked
    assert found.archived
    back = await api.update(found, name="Travel", code="4010", tax_code=None, archived=False)
    assert (back.name, back.code, back.archived) == ("Travel", "4010", False)


@pytest.mark.rule("ACC-111")
async def test_a_tax_code_pleo_lacks_refuses_the_account_with_400(company: Company) -> None:
    api = AccountsApi(company.pleo)
    made = await api.create(DEMO_COMPANY_ID, NewAccount("erp-1", "Travel", "4010"))
    assert not made.existed
    with pytest.raises(errors.BadRequest):
        await api.update(made.account, name="Travel", code="4010", tax_code="GONE", archived=False)
    await TaxCodesApi(company.pleo).create(DEMO_COMPANY_ID, replace(REVERSE, code="GONE"))
    done = await api.update(made.account, name="Travel", code="4010", tax_code="GONE", archived=False)
    assert done.tax_code_external_id == "GONE"


async def test_the_accounts_of_categories_are_told_apart(company: Company) -> None:
    await put(company, "accounts", {"generate": 2})
    answer = await company.desk.control.put(
        f"/sandbox/companies/{DEMO_COMPANY_ID}/categories", json={"categories": {"Travel": "gen-1"}}
    )
    assert answer.status_code == 200, answer.text
    free = await AccountsApi(company.pleo).without_category(DEMO_COMPANY_ID)
    assert [account.external_id for account in free] == ["gen-2"]


@pytest.mark.rule("ACC-117")
async def test_a_batch_whose_reply_is_lost_is_not_sent_again(company: Company) -> None:
    api = AccountsApi(company.pleo)
    await company.desk.fault("drop", method="POST", path="/v1/chart-of-accounts/batch", after_effect=True)
    before = company.pleo.calls
    with pytest.raises(errors.OutcomeUnknown):
        await api.create_batch(DEMO_COMPANY_ID, [NewAccount("erp-1", "Travel")])
    assert company.pleo.calls - before == 1
    assert [account.external_id for account in await api.all(DEMO_COMPANY_ID)] == ["erp-1"]


@pytest.mark.rule("TAX-023", "TAX-025", "TAX-028", "TAX-032", "TAX-033", "TAX-037", "TAX-039")
@pytest.mark.parametrize("status", [200, 201])
async def test_a_tax_code_lives_and_is_archived_with_its_whole_body(company: Company, status: int) -> None:
    await choose(company, created_status=status)
    await put(company, "tax-codes", {"generate": 150})
    api = TaxCodesApi(company.pleo)
    made = await api.create(DEMO_COMPANY_ID, replace(REVERSE, rate=Decimal("0.055")))
    assert made.details == replace(REVERSE, rate=Decimal("0.055"))
    archived = await api.update(made, made.details, archived=True)
    assert (archived.archived, archived.details) == (True, made.details)
    found = await api.all(DEMO_COMPANY_ID)
    assert len(found) == 151
    assert [one.code for one in found if one.archived] == ["REV"]


@pytest.mark.rule("VEN-030", "VEN-032", "VEN-034", "VEN-041", "VEN-044", "VEN-047", "VEN-054", "VEN-068")
async def test_a_vendor_from_the_erp_and_a_draft_from_pleo_live_to_the_end(company: Company) -> None:
    await put(company, "vendors", {"items": [{"name": "Typed in Pleo", "country": "DK"}]})
    api = VendorsApi(company.pleo)
    made = await api.create(DEMO_COMPANY_ID, ACME)
    assert (made.state, made.country, made.details) == ("ACTIVE", "GB", ACME.normal())
    (draft,) = await api.all(DEMO_COMPANY_ID, ["DRAFT"])
    await api.activate(draft.id, "88", "V88")
    active = await api.get(draft.id)
    assert (active.state, active.external_id, active.code) == ("ACTIVE", "88", "V88")
    changed = await api.update(active, replace(active.details, name="Renamed in the ERP"))
    assert (changed.name, changed.state) == ("Renamed in the ERP", "ACTIVE")
    await api.archive(draft.id)
    assert [one.state for one in await api.search(DEMO_COMPANY_ID, external_ids=["88"])] == ["ARCHIVED"]
    with pytest.raises(errors.Conflict):
        await api.create(DEMO_COMPANY_ID, ACME)
    assert await api.search(DEMO_COMPANY_ID, codes=["nobody"]) == ()


@pytest.mark.rule("VEN-028", "VEN-136", "VEN-137")
async def test_two_hundred_vendors_are_read_a_hundred_a_page_and_searched_a_hundred_a_call(company: Company) -> None:
    made = await put(company, "vendors", {"generate": 200})
    api = VendorsApi(company.pleo)
    before = company.pleo.calls
    assert len(await api.all(DEMO_COMPANY_ID)) == 200
    assert company.pleo.calls - before == 2
    keys = [vendor["externalId"] for vendor in made]
    assert len(await api.search(DEMO_COMPANY_ID, external_ids=keys)) == 200
    assert company.pleo.calls - before == 4


@pytest.mark.rule("VEN-091", "VEN-131")
@pytest.mark.parametrize("after_effect", [True, False])
async def test_a_lost_reply_to_a_state_call_ends_in_the_wanted_state_said_once(
    company: Company, after_effect: bool
) -> None:
    (draft,) = await put(company, "vendors", {"items": [{"name": "Typed in Pleo"}]})
    api = VendorsApi(company.pleo)
    await company.desk.fault("drop", method="POST", path="/v1/vendors/*", after_effect=after_effect)
    await api.activate(draft["id"], "88", "V88")
    assert (await api.get(draft["id"])).state == "ACTIVE"
    await company.desk.fault("drop", method="POST", path="/v1/vendors/*", after_effect=after_effect)
    await api.archive(draft["id"])
    assert (await api.get(draft["id"])).state == "ARCHIVED"
    remarks = await company.desk.remarks()
    assert not {"vendor_activated_again", "vendor_archived_again"} & set(remarks)


@pytest.mark.rule("VEN-113", "VEN-114", "VEN-016")
async def test_an_employees_number_and_the_company_can_be_read(company: Company) -> None:
    (anna,) = await put(company, "employees", {"items": [{"firstName": "Anna", "lastName": "Bro", "code": "E-5"}]})
    assert (await EmployeesApi(company.pleo).get(anna["id"])).code == "E-5"
    companies = CompaniesApi(company.pleo)
    assert (await companies.get(DEMO_COMPANY_ID)).name == "Demo ApS"
    assert DEMO_COMPANY_ID in {one.id for one in await companies.all()}


@pytest.mark.rule("ACC-013", "TAG-162", "VEN-003", "VEN-130", "TAG-145", "ACC-113")
async def test_a_token_without_the_scope_is_refused_at_once(company: Company) -> None:
    pair = await company.desk.connect(scope=["export-jobs:read"])
    company.tokens = replace(company.tokens, access_token=pair["access_token"], refresh_token=pair["refresh_token"])
    before = company.pleo.calls
    for call in (
        TagsApi(company.pleo).groups(DEMO_COMPANY_ID),
        AccountsApi(company.pleo).all(DEMO_COMPANY_ID),
        TaxCodesApi(company.pleo).all(DEMO_COMPANY_ID),
        VendorsApi(company.pleo).all(DEMO_COMPANY_ID),
    ):
        with pytest.raises(errors.Forbidden):
            await call
    assert company.pleo.calls - before == 4


@pytest.mark.rule("TAG-160", "ACC-014")
async def test_an_api_key_opens_the_same_doors_as_a_user_name_with_an_empty_password(company: Company) -> None:
    made = await company.desk.control.post("/sandbox/api-keys", json={"company_id": DEMO_COMPANY_ID})
    client = PleoClient(company.http, ENDPOINTS, KeyHolder(made.json()["key"]), company)
    assert await TagsApi(client).groups(DEMO_COMPANY_ID) == ()
    assert await AccountsApi(client).all(DEMO_COMPANY_ID) == ()
    assert await TaxCodesApi(client).all(DEMO_COMPANY_ID) == ()
    assert await VendorsApi(client).all(DEMO_COMPANY_ID) == ()
