"""Lists of Tryton are whole or an error, and a vendor that is refused says why."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ledgerbridge.bookkeeping.master_data import NewVendor, VendorLookup
from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.erp.port import ErpError
from ledgerbridge.erp.tryton import wire
from tests.support.tryton_stage import Answer, Stage, domain, healthy, page, records, refusal

NEW = NewVendor("0b0f7f5e-1111-4a39-9d5e-0a3f8f3f1c11", "AWS", "EUR", "DE", None, "DE129273398")
RIGHTS = ("party.party", "party.identifier", "party.address")


def party(number: int, **changes: Any) -> dict[str, Any]:
    row = {
        "id": number,
        "code": str(number),
        "name": f"Vendor {number}",
        "active": True,
        "replaced_by": None,
        "categories": [],
        "account_payable": None,
        "tax_identifier": None,
        "identifiers": [],
        "addresses": [],
    }
    return row | changes


def counted(number: int) -> httpx.Response:
    return httpx.Response(200, json=number)


def with_parties(*answers: Answer, count: Answer | list[Answer]) -> Stage:
    stage = healthy()
    stage.answers |= {
        "company.company": records({"id": 1, "party": 1}),
        "party.party": list(answers),
        "party.party/search_count": count,
    }
    return stage


async def vendors(stage: Stage) -> list[str]:
    async with stage.opened() as erp:
        return [vendor.id for vendor in await erp.vendors()]


async def failure(stage: Stage) -> Failure:
    async with stage.opened() as erp:
        with pytest.raises(ErpError) as caught:
            await erp.vendors()
    return caught.value.problem.failure


@pytest.mark.rule("VEN-053")
async def test_a_list_shorter_than_the_count_is_no_list() -> None:
    cut = with_parties(records(*(party(number) for number in range(2, 102))), count=counted(101))
    assert await failure(cut) is Failure.ERP_UNREACHABLE


async def test_a_list_that_changed_while_it_was_read_is_read_again() -> None:
    stage = with_parties(records(party(2)), records(party(2), party(3)), count=counted(2))
    assert await vendors(stage) == ["2", "3"]


async def test_pages_follow_each_other_by_id() -> None:
    first, second = [party(number) for number in range(2, 502)], [party(502)]
    stage = with_parties(records(*first), records(*second), count=counted(501))
    assert len(await vendors(stage)) == 501
    asked = [domain(request) for request in stage.asked if request.url.path.endswith("/model/party.party")]
    assert ["id", ">", 501] in asked[1]


@pytest.mark.rule("VEN-053")
async def test_a_page_that_comes_again_is_an_error() -> None:
    stage = with_parties(records(*(party(number) for number in range(2, 502))), count=counted(500))
    assert await failure(stage) is Failure.ERP_UNREACHABLE


@pytest.mark.rule("VEN-053")
async def test_a_record_that_cannot_be_read_fails_the_list() -> None:
    odd = party(3)
    del odd["identifiers"]
    assert await failure(with_parties(records(party(2), odd), count=counted(2))) is Failure.ERP_FAULT


@pytest.mark.rule("VEN-053")
@pytest.mark.parametrize("answer", [page(500), page(502), httpx.ReadTimeout("late"), httpx.Response(200, json={})])
async def test_a_list_that_breaks_off_is_an_error(answer: Answer) -> None:
    full = records(*(party(number) for number in range(2, 502)))
    assert await failure(with_parties(full, answer, count=counted(501)))


async def test_a_long_question_is_asked_in_parts() -> None:
    stage = with_parties(records(), count=counted(0))
    async with stage.opened() as erp:
        await erp.find_vendors(VendorLookup(ids=tuple(map(str, range(1, 1_001)))))
    asked = [domain(request) for request in stage.asked if request.url.path.endswith("/model/party.party")]
    assert [len(each[-1][2]) for each in asked] == [200] * 5


def refusing(answer: Answer, **missing: str) -> Stage:
    stage = with_parties(
        lambda request: records() if request.method == "GET" else _given(answer, request), count=counted(0)
    )
    granted = {model: {"read": 1, "create": 1} for model in RIGHTS}
    for right, model in missing.items():
        granted[model][right] = 0
    stage.answers |= {
        "ir.model.access/get_access": httpx.Response(200, json=granted),
        "party.identifier/get_types": httpx.Response(200, json=[[None, ""], ["eu_vat", "European VAT Number"]]),
        "country.country": records({"id": 7, "code": "DE"}),
    }
    return stage


def _given(answer: Answer, request: httpx.Request) -> httpx.Response:
    if isinstance(answer, Exception):
        raise answer
    return answer(request) if callable(answer) else answer


async def error(stage: Stage, new: NewVendor = NEW) -> ErpError:
    async with stage.opened() as erp:
        with pytest.raises(ErpError) as caught:
            await erp.create_vendor(new)
    return caught.value


async def test_a_refused_tax_number_is_told_with_trytons_words() -> None:
    caught = await error(refusing(refusal('The European VAT Number "DE129273398" is not valid.')))
    assert caught.problem.failure is Failure.VENDOR_TAX_NUMBER_REFUSED
    assert caught.problem.text == (
        "The accounting system refused to create vendor AWS with the VAT or tax number DE129273398: The European VAT "
        'Number "DE129273398" is not valid. Correct the number in Pleo, or create the vendor in the accounting system '
        "by hand."
    )


async def test_a_refusal_without_a_tax_number_is_of_the_vendor() -> None:
    caught = await error(refusing(refusal("No more vendors.")), NewVendor("p", "AWS"))
    assert caught.problem.failure is Failure.VENDOR_REFUSED
    assert "vendor AWS: No more vendors. Correct" in caught.problem.text


@pytest.mark.parametrize("model", RIGHTS)
async def test_a_missing_right_to_create_vendors_is_said(model: str) -> None:
    caught = await error(refusing(refusal("You are not allowed to create records."), create=model))
    assert caught.problem.failure is Failure.ERP_FORBIDDEN
    assert "The integration user may not create vendors in the accounting system." in caught.problem.text


@pytest.mark.rule("VEN-066")
@pytest.mark.parametrize(
    "answer",
    [httpx.ReadTimeout("late"), httpx.ReadError("broken"), page(502), page(200)],
    ids=["late", "broken", "502", "odd"],
)
async def test_a_lost_reply_leaves_the_outcome_unknown(answer: Answer) -> None:
    caught = await error(refusing(answer))
    assert caught.outcome_unknown
    assert caught.problem.failure is Failure.VENDOR_UNCONFIRMED
    assert caught.problem.row.retry
    assert "PLEO-H3K5ES35CW" in caught.problem.text


@pytest.mark.rule("VEN-037")
async def test_what_is_sent_is_what_pleo_knows_and_no_more() -> None:
    stage = refusing(refusal("No."))
    await error(stage)
    (sent,) = [
        request for request in stage.asked if request.method == "POST" and request.url.path.endswith("/party.party")
    ]
    assert wire.loads(sent.content) == {
        "name": "AWS",
        "code": "PLEO-H3K5ES35CW",
        "identifiers": [
            [
                "create",
                [
                    {"type": "eu_vat", "code": "DE129273398"},
                    {"type": None, "code": "PLEO:0b0f7f5e-1111-4a39-9d5e-0a3f8f3f1c11"},
                ],
            ]
        ],
        "addresses": [["create", [{"country": 7}]]],
    }


async def test_a_category_that_is_not_there_fails_the_list() -> None:
    stage = with_parties(records(party(2)), count=counted(1))
    stage.answers["party.category"] = records()
    stage.settings = stage.settings | {"vendor_category": "Suppliers"}
    async with stage.opened() as erp:
        with pytest.raises(ErpError) as caught:
            await erp.vendors()
    assert caught.value.problem.failure is Failure.VENDOR_SELECTION_UNKNOWN
    assert "the category Suppliers" in caught.value.problem.text
