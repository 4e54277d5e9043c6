"""Companies for the connect screen, and an employee's number without the person."""

from __future__ import annotations

import httpx
import pytest

from ledgerbridge.pleo import errors
from ledgerbridge.pleo.companies import CompaniesApi
from ledgerbridge.pleo.employees import EmployeesApi
from tests.unit.pleo.masters import COMPANY, OTHER_COMPANY, check, page, said, uid

ANNA = {
    "id": uid(5),
    "companyId": COMPANY,
    "email": "anna@demo.example",
    "firstName": "Anna",
    "lastName": "Bro",
    "phone": "+45 1",
    "code": "E-5",
}


def company(number: int = 1, **members: object) -> dict[str, object]:
    return {"id": uid(number), "name": f"Company {number}", "address": {}, **members}


@pytest.mark.rule("VEN-113", "VEN-114")
async def test_only_the_number_of_an_employee_is_kept(stage) -> None:
    answer = said(ANNA)
    found = await EmployeesApi(stage.answers(answer).client).get(uid(5))
    assert found.model_dump() == {"id": uid(5), "company_id": COMPANY, "code": "E-5"}
    assert not any(word in repr(found) for word in ("Anna", "Bro", "anna@", "+45"))
    check(stage.requests, [answer])


@pytest.mark.parametrize("code", [None, "absent"])
async def test_an_employee_may_have_no_number(stage, code) -> None:
    body = {name: value for name, value in ANNA.items() if name != "code"}
    stage.answers(said(body if code == "absent" else {**body, "code": None}))
    assert (await EmployeesApi(stage.client).get(uid(5))).code is None


async def test_an_unreadable_employee_is_named_without_the_person(stage) -> None:
    stage.answers(said({**ANNA, "id": None}))
    with pytest.raises(errors.UnreadableAnswer) as caught:
        await EmployeesApi(stage.client).get(uid(5))
    assert "Anna" not in f"{caught.value!r}{caught.value.__cause__!r}"


@pytest.mark.rule("VEN-016")
async def test_companies_come_from_every_page_of_one_organisation(stage) -> None:
    answers = [page(company(1), after="GE"), page(company(2, organizationId=uid(9), registrationNumber="1"))]
    found = await CompaniesApi(stage.answers(*answers).client).all(OTHER_COMPANY)
    assert [one.name for one in found] == ["Company 1", "Company 2"]
    common = [("organization_id", OTHER_COMPANY), ("limit", "100")]
    asked = [request.url.params.multi_items() for request in stage.requests]
    assert asked == [common, [*common, ("after", "GE")]]
    check(stage.requests, answers)


@pytest.mark.rule("VEN-016")
async def test_companies_without_an_organisation_and_one_by_id(stage) -> None:
    api = CompaniesApi(stage.answers(page(company(1)), said(company(2))).client)
    assert len(await api.all()) == 1
    assert (await api.get(uid(2))).name == "Company 2"
    assert stage.requests[0].url.params.multi_items() == [("limit", "100")]


@pytest.mark.rule("VEN-130")
async def test_a_missing_permission_is_final(stage) -> None:
    stage.answers(*[httpx.Response(403)] * 3)
    calls = (
        CompaniesApi(stage.client).all(),
        CompaniesApi(stage.client).get(COMPANY),
        EmployeesApi(stage.client).get("5"),
    )
    stage.in_contract = False
    for call in calls:
        with pytest.raises(errors.Forbidden):
            await call
    assert len(stage.requests) == 3
    assert stage.credential.rejected == []
