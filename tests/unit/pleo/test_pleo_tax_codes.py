"""Tax codes at Pleo: exact rates, whole bodies, one call each."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import httpx
import pytest

from ledgerbridge.pleo import errors
from ledgerbridge.pleo.tax_codes import TaxCode, TaxCodeDetails, TaxCodesApi
from tests.unit.pleo.masters import COMPANY, OTHER_COMPANY, check, page, said, tax_code, uid

I25 = TaxCodeDetails("I25", "Purchase VAT 25 %", Decimal("0.25"), "inclusive", "6902")
READ = TaxCode.model_validate(tax_code())


def raw_page(rate: str) -> httpx.Response:
    """A page whose rate is written with exactly these digits."""
    text = json.dumps({"data": [tax_code(rate="RATE")], "pagination": {"hasNextPage": False}})
    return httpx.Response(200, content=text.replace('"RATE"', rate).encode())


@pytest.mark.rule("TAX-001", "TAX-030", "TAX-031", "TAX-032", "TAX-033")
async def test_active_and_archived_tax_codes_come_from_every_page(stage) -> None:
    answers = [page(tax_code(1), after="any cursor/+="), page(tax_code(2, archived=True, code=None))]
    found = await TaxCodesApi(stage.answers(*answers).client).all(COMPANY)
    assert [(one.code, one.archived) for one in found] == [("I1", False), (None, True)]
    common = [("company_id", COMPANY), ("limit", "100")]
    asked = [request.url.params.multi_items() for request in stage.requests]
    assert asked == [common, [*common, ("after", "any cursor/+=")]]
    assert stage.bodies == [{}, {}]
    assert {request.url.path for request in stage.requests} == {"/v0/tax-codes:search"}
    check(stage.requests, answers)


@pytest.mark.rule("TAX-025", "TAX-024")
@pytest.mark.parametrize("digits", ["0.25", "0.1", "0.055", "0.333333333333333333333333", "0", "1", "25E-2", "-0.2"])
async def test_a_rate_is_read_with_all_its_digits(stage, digits) -> None:
    (found,) = await TaxCodesApi(stage.answers(raw_page(digits)).client).all(COMPANY)
    assert isinstance(found.rate, Decimal)
    assert found.rate == Decimal(digits)
    assert str(found.rate) == str(Decimal(digits))


@pytest.mark.rule("TAX-025")
@pytest.mark.parametrize(
    "digits", ["1e400", "1e-400", "1" + "0" * 200, "1e99999999999999999999", "NaN", "true", "null", '"x"']
)
async def test_what_is_no_rate_fails_the_whole_list(stage, digits) -> None:
    with pytest.raises(errors.UnreadableAnswer):
        await TaxCodesApi(stage.answers(raw_page(digits)).client).all(COMPANY)


@pytest.mark.parametrize("broken", [{"id": None}, {"archived": None}, {"type": None}, {"companyId": OTHER_COMPANY}])
async def test_one_tax_code_that_cannot_be_read_fails_the_whole_list(stage, broken) -> None:
    with pytest.raises(errors.UnreadableAnswer):
        await TaxCodesApi(stage.answers(page(tax_code(1), tax_code(2, **broken))).client).all(COMPANY)


@pytest.mark.rule("TAX-042")
@pytest.mark.parametrize("moment", ["YYYY-MM-DDTHH:mi:ssZ", "2025-05-01 10:00", None])
async def test_timestamps_of_any_form_do_no_harm(stage, moment) -> None:
    stage.answers(page(tax_code(createdAt=moment, updatedAt=moment)))
    assert len(await TaxCodesApi(stage.client).all(COMPANY)) == 1


async def test_a_search_is_asked_again_like_any_read(stage) -> None:
    stage.answers(httpx.ReadTimeout("slow"), httpx.Response(502), page(tax_code()))
    assert len(await TaxCodesApi(stage.client).all(COMPANY)) == 1


@pytest.mark.rule("TAX-023", "TAX-024", "TAX-025", "TAX-029", "TAX-035", "TAX-039")
@pytest.mark.parametrize("status", [200, 201, 202])
async def test_a_tax_code_is_created_with_its_whole_body_on_any_2xx(stage, status) -> None:
    answer = said(tax_code(), status)
    assert (await TaxCodesApi(stage.answers(answer).client).create(COMPANY, I25)).id == uid(1)
    (request,) = stage.requests
    assert json.loads(request.content) == {
        "archived": False,
        "companyId": COMPANY,
        "code": "I25",
        "name": "Purchase VAT 25 %",
        "rate": 0.25,
        "type": "inclusive",
        "ingoingTaxAccount": "6902",
        "outgoingTaxAccount": None,
    }
    check(stage.requests, [answer])


@pytest.mark.rule("TAX-025")
@pytest.mark.parametrize(
    ("rate", "digits"),
    [("0.1", "0.1"), ("0.333333333333333333333333", "0.333333333333333333333333"), ("2E-1", "0.2"), ("1", "1")],
)
async def test_a_rate_is_sent_with_all_its_digits(stage, rate, digits) -> None:
    await TaxCodesApi(stage.answers(said(tax_code())).client).create(COMPANY, replace(I25, rate=Decimal(rate)))
    assert f'"rate":{digits},' in stage.requests[0].content.decode()


@pytest.mark.rule("TAX-025")
@pytest.mark.parametrize("rate", [0.25, 1, "0.25", Decimal("NaN"), Decimal("Infinity")])
async def test_a_rate_that_is_no_decimal_is_never_sent(stage, rate) -> None:
    with pytest.raises(ValueError, match="TAX-025"):
        await TaxCodesApi(stage.client).create(COMPANY, replace(I25, rate=rate))
    assert stage.requests == []


@pytest.mark.rule("TAX-022", "TAX-026", "TAX-027")
@pytest.mark.parametrize("wrong", [{"code": None}, {"code": " "}, {"type": "exclusive"}, {"type": "NORMAL"}])
async def test_a_tax_code_without_code_or_of_another_type_is_never_created(stage, wrong) -> None:
    with pytest.raises(ValueError, match="TAX-026"):
        await TaxCodesApi(stage.client).create(COMPANY, replace(I25, **wrong))
    assert stage.requests == []


async def test_a_creation_in_doubt_is_never_sent_again(stage) -> None:
    with pytest.raises(errors.OutcomeUnknown):
        await TaxCodesApi(stage.answers(httpx.Response(504)).client).create(COMPANY, I25)
    assert len(stage.requests) == 1


@pytest.mark.rule("TAX-023", "TAX-028", "TAX-037")
async def test_archiving_says_the_rest_as_it_stands_in_pleo(stage) -> None:
    answer = said(tax_code(archived=True))
    read = TaxCode.model_validate(tax_code(type="reverse", outgoingTaxAccount="6903", rate=0.055))
    done = await TaxCodesApi(stage.answers(answer).client).update(read, read.details, archived=True)
    assert done.archived
    assert stage.bodies == [
        {
            "archived": True,
            "companyId": COMPANY,
            "code": "I1",
            "name": "Purchase VAT 1",
            "rate": 0.055,
            "type": "reverse",
            "ingoingTaxAccount": "6902",
            "outgoingTaxAccount": "6903",
        }
    ]
    assert (stage.requests[0].method, stage.requests[0].url.path) == ("PUT", f"/v0/tax-codes/{uid(1)}")
    check(stage.requests, [answer])


@pytest.mark.rule("TAX-026")
async def test_an_unsupported_type_goes_back_only_to_archive_it_unchanged(stage) -> None:
    read = TaxCode.model_validate(tax_code(type="exclusive"))
    api = TaxCodesApi(stage.answers(said(tax_code(type="exclusive", archived=True))).client)
    await api.update(read, read.details, archived=True)
    for details, archived in ((read.details, False), (replace(read.details, name="New"), True)):
        with pytest.raises(ValueError, match="TAX-026"):
            await api.update(read, details, archived=archived)
    assert len(stage.requests) == 1


@pytest.mark.rule("TAX-002", "TAX-038")
def test_there_is_no_call_that_deletes() -> None:
    assert {name for name in vars(TaxCodesApi) if not name.startswith("_")} == {"all", "create", "update"}
