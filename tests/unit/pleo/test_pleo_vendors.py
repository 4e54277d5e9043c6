"""Vendors at Pleo: six calls, nine members, states moved on purpose only."""

from __future__ import annotations

from dataclasses import fields, replace

import httpx
import pytest

from ledgerbridge.pleo import errors
from ledgerbridge.pleo.vendors import STATES, Vendor, VendorDetails, VendorsApi
from tests.unit.pleo.masters import COMPANY, OTHER_COMPANY, check, page, said, uid, vendor

ACME = VendorDetails("Acme", "DKK", "77", "V77", "DK", "12345678", "DK12345678")
READ = Vendor.model_validate(vendor(state="ARCHIVED"))
BODY = {
    "name": "Acme",
    "defaultCurrency": "DKK",
    "externalId": "77",
    "code": "V77",
    "country": "DK",
    "registrationNumber": "12345678",
    "taxRegistrationNumber": "DK12345678",
}


@pytest.mark.rule("VEN-010", "VEN-041", "VEN-136", "VEN-137")
async def test_vendors_in_every_state_come_from_every_page(stage) -> None:
    answers = [page(vendor(1), after="GE=~"), page(vendor(2, state="DRAFT", externalId=""), vendor(3))]
    found = await VendorsApi(stage.answers(*answers).client).all(COMPANY)
    assert [(one.id, one.state) for one in found] == [(uid(1), "ACTIVE"), (uid(2), "DRAFT"), (uid(3), "ACTIVE")]
    common = [("company_id", COMPANY), ("limit", "100")]
    asked = [request.url.params.multi_items() for request in stage.requests]
    assert asked == [common, [*common, ("after", "GE=~")]]
    assert stage.bodies == [{"states": ["DRAFT", "ACTIVE", "ARCHIVED"]}] * 2
    check(stage.requests, answers)


@pytest.mark.rule("VEN-074")
async def test_drafts_can_be_asked_for_alone(stage) -> None:
    await VendorsApi(stage.answers(page()).client).all(COMPANY, ["DRAFT"])
    assert stage.bodies == [{"states": ["DRAFT"]}]


@pytest.mark.rule("VEN-090")
async def test_an_unknown_state_is_read_but_never_written_to(stage) -> None:
    (found,) = await VendorsApi(stage.answers(page(vendor(state="MERGED"))).client).all(COMPANY)
    assert found.state not in STATES
    with pytest.raises(ValueError, match="VEN-090"):
        await VendorsApi(stage.client).update(found, ACME)
    assert len(stage.requests) == 1


@pytest.mark.rule("VEN-053")
@pytest.mark.parametrize("broken", [{"id": None}, {"state": None}, {"name": None}, {"companyId": OTHER_COMPANY}])
async def test_one_vendor_that_cannot_be_read_fails_the_whole_list(stage, broken) -> None:
    with pytest.raises(errors.UnreadableAnswer):
        await VendorsApi(stage.answers(page(vendor(1), vendor(2, **broken))).client).all(COMPANY)


@pytest.mark.rule("VEN-028")
@pytest.mark.parametrize(
    ("given", "member"),
    [
        ("external_ids", "externalIds"),
        ("codes", "codes"),
        ("ids", "ids"),
        ("tax_registration_numbers", "taxRegistrationNumbers"),
    ],
)
async def test_a_search_names_a_hundred_values_a_call(stage, given, member) -> None:
    values = [uid(number) for number in range(250)]
    stage.answers(page(vendor(1)), page(vendor(1, name="again")), page(vendor(2)))
    found = await VendorsApi(stage.client).search(COMPANY, **{given: [*values, values[0], " ", ""]})
    assert [(one.id, one.name) for one in found] == [(uid(1), "again"), (uid(2), "Vendor 2")]
    assert [len(body[member]) for body in stage.bodies] == [100, 100, 50]
    assert [value for body in stage.bodies for value in body[member]] == values
    assert all(body["states"] == list(STATES) for body in stage.bodies)


@pytest.mark.parametrize("values", [[], ["", " "]])
async def test_a_search_for_nothing_finds_nothing_and_asks_nobody(stage, values) -> None:
    assert await VendorsApi(stage.client).search(COMPANY, codes=values) == ()


async def test_two_lists_in_one_search_are_refused(stage) -> None:
    with pytest.raises(ValueError, match="one list"):
        await VendorsApi(stage.client).search(COMPANY, codes=["1"], external_ids=["1"])


@pytest.mark.rule("VEN-130")
@pytest.mark.parametrize("fault", [httpx.ReadTimeout("slow"), httpx.Response(500), httpx.Response(502)])
async def test_a_search_is_asked_again_like_any_read(stage, fault) -> None:
    assert await VendorsApi(stage.answers(fault, page(vendor())).client).search(COMPANY, external_ids=["erp-1"])


@pytest.mark.rule("VEN-061", "VEN-014", "VEN-037")
async def test_one_vendor_is_read_with_its_company_and_without_what_is_blank(stage) -> None:
    answer = said(vendor(code="", registrationNumber=None, accountingSystem="x", bankAccount="DK50", country="UK"))
    found = await VendorsApi(stage.answers(answer).client).get(uid(1))
    assert (found.company_id, found.accounting_system) == (COMPANY, "x")
    assert found.details == VendorDetails("Vendor 1", "DKK", "erp-1", None, "GB", None, None)
    assert not hasattr(found, "bank_account")


@pytest.mark.rule("VEN-003", "VEN-005", "VEN-007", "VEN-030", "VEN-031", "VEN-036", "VEN-037")
async def test_a_vendor_is_created_with_the_eight_members_and_no_state(stage) -> None:
    answer = said(vendor(), 201)
    made = await VendorsApi(stage.answers(answer).client).create(COMPANY, ACME)
    assert made.state == "ACTIVE"
    assert stage.bodies == [{"companyId": COMPANY, **BODY}]
    assert stage.requests[0].url.params.multi_items() == []
    check(stage.requests, [answer])


@pytest.mark.rule("VEN-033", "VEN-034", "VEN-035")
async def test_blanks_and_unknown_countries_are_left_out_and_currencies_upper_case(stage) -> None:
    blank = VendorDetails(" Acme ", " dkk", " 77 ", "", "Atlantis", "  ", None)
    await VendorsApi(stage.answers(said(vendor(), 201)).client).create(COMPANY, blank)
    assert stage.bodies == [{"companyId": COMPANY, "name": "Acme", "defaultCurrency": "DKK", "externalId": "77"}]


@pytest.mark.rule("VEN-031", "VEN-033")
@pytest.mark.parametrize("wrong", [{"name": " "}, {"external_id": None}, {"currency": "DK"}, {"currency": "ÆØÅ"}])
async def test_a_vendor_without_name_key_or_currency_is_never_sent(stage, wrong) -> None:
    for write in (VendorsApi(stage.client).create(COMPANY, replace(ACME, **wrong)),):
        with pytest.raises(ValueError, match="a vendor"):
            await write
    assert stage.requests == []


@pytest.mark.rule("VEN-055", "VEN-130", "VEN-132")
@pytest.mark.parametrize(
    ("status", "error"), [(400, errors.BadRequest), (403, errors.Forbidden), (409, errors.Conflict)]
)
async def test_a_refused_creation_is_typed_and_not_repeated(stage, status, error) -> None:
    with pytest.raises(error):
        await VendorsApi(stage.answers(httpx.Response(status, content=b"<p>")).client).create(COMPANY, ACME)
    assert len(stage.requests) == 1


@pytest.mark.rule("VEN-131")
@pytest.mark.parametrize("fault", [httpx.ReadTimeout("slow"), httpx.Response(502), httpx.Response(201, content=b"")])
async def test_a_creation_in_doubt_is_never_sent_again(stage, fault) -> None:
    with pytest.raises(errors.OutcomeUnknown):
        await VendorsApi(stage.answers(fault).client).create(COMPANY, ACME)
    assert len(stage.requests) == 1


@pytest.mark.rule("VEN-010", "VEN-030", "VEN-032", "VEN-054")
async def test_an_update_says_all_nine_members_and_the_state_as_read(stage) -> None:
    answer = said(vendor())
    await VendorsApi(stage.answers(answer).client).update(READ, ACME)
    assert stage.bodies == [{"companyId": COMPANY, "state": "ARCHIVED", **BODY}]
    assert len(stage.bodies[0]) == 9
    assert (stage.requests[0].method, stage.requests[0].url.path) == ("PUT", f"/v1/vendors/{uid(1)}")
    check(stage.requests, [answer])


@pytest.mark.rule("VEN-047", "VEN-068", "VEN-022")
@pytest.mark.parametrize(
    ("code", "body"),
    [("V77", {"externalId": "77", "code": "V77"}), (None, {"externalId": "77"}), (" ", {"externalId": "77"})],
)
async def test_activating_says_the_erps_identifiers(stage, code, body) -> None:
    await VendorsApi(stage.answers(httpx.Response(204)).client).activate(uid(1), "77", code)
    assert stage.bodies == [body]
    assert stage.requests[0].url.path == f"/v1/vendors/{uid(1)}:activate"


async def test_activating_without_a_key_is_never_sent(stage) -> None:
    with pytest.raises(ValueError, match="VEN-068"):
        await VendorsApi(stage.client).activate(uid(1), " ")


@pytest.mark.rule("VEN-046")
async def test_archiving_has_no_body(stage) -> None:
    await VendorsApi(stage.answers(httpx.Response(204)).client).archive(uid(1))
    (request,) = stage.requests
    assert (request.method, request.url.path, request.content) == ("POST", f"/v1/vendors/{uid(1)}:archive", b"")


@pytest.mark.rule("VEN-091")
async def test_a_lost_reply_to_an_activation_is_looked_into_before_it_is_said_again(stage) -> None:
    active = said(vendor(externalId="77", code="V77"))
    await VendorsApi(stage.answers(httpx.ReadTimeout("gone"), active).client).activate(uid(1), "77", "V77")
    assert [request.method for request in stage.requests] == ["POST", "GET"]


@pytest.mark.rule("VEN-091")
@pytest.mark.parametrize(
    "members",
    [{"state": "DRAFT"}, {"state": "ARCHIVED"}, {"externalId": "78"}, {"code": "V78"}, {"code": None}],
)
async def test_an_activation_that_had_not_worked_is_said_once_more(stage, members) -> None:
    standing = said(vendor(**{"externalId": "77", "code": "V77", **members}))
    stage.answers(httpx.Response(502), standing, httpx.Response(204))
    await VendorsApi(stage.client).activate(uid(1), "77", "V77")
    assert [request.method for request in stage.requests] == ["POST", "GET", "POST"]


@pytest.mark.rule("VEN-091")
async def test_a_lost_reply_to_an_archiving_is_looked_into_before_it_is_said_again(stage) -> None:
    api = VendorsApi(stage.client)
    stage.answers(httpx.ReadTimeout("gone"), said(vendor(state="ARCHIVED")))
    await api.archive(uid(1))
    stage.answers(httpx.ReadTimeout("gone"), said(vendor()), httpx.Response(204))
    await api.archive(uid(1))
    assert [request.method for request in stage.requests] == ["POST", "GET", "POST", "GET", "POST"]


@pytest.mark.rule("VEN-075")
async def test_a_vendor_that_is_gone_is_not_found(stage) -> None:
    api = VendorsApi(stage.answers(httpx.Response(404), httpx.Response(404), httpx.Response(404)).client)
    for call in (api.get(uid(1)), api.activate(uid(1), "77"), api.archive(uid(1))):
        with pytest.raises(errors.NotFound):
            await call


async def test_doubt_twice_over_is_left_to_the_caller(stage) -> None:
    stage.answers(httpx.Response(502), said(vendor(state="DRAFT")), httpx.Response(502))
    with pytest.raises(errors.OutcomeUnknown):
        await VendorsApi(stage.client).activate(uid(1), "77")


@pytest.mark.rule("VEN-035", "VEN-038")
@pytest.mark.parametrize(
    ("pleo", "erp"),
    [
        ({"code": ""}, {"code": None}),
        ({"code": None}, {"code": "  "}),
        ({"country": "UK"}, {"country": "gb"}),
        ({"country": "GR"}, {"country": "EL"}),
        ({"country": "UNDEFINED"}, {"country": ""}),
        ({"name": "Acme "}, {"name": " Acme"}),
        ({"registrationNumber": ""}, {"registration_number": None}),
        ({"defaultCurrency": "dkk"}, {"currency": "DKK"}),
    ],
)
def test_what_is_written_differently_and_means_the_same_is_no_change(pleo, erp) -> None:
    read = Vendor.model_validate(vendor(**{**BODY, **pleo}))
    assert read.details == replace(ACME, **erp).normal()


@pytest.mark.parametrize("member", [field.name for field in fields(VendorDetails)])
def test_every_member_can_differ(member) -> None:
    other = replace(ACME, **{member: "SE" if member == "country" else "EUR"})
    assert Vendor.model_validate(vendor(**BODY)).details != other.normal()


@pytest.mark.rule("VEN-005", "VEN-006", "VEN-095")
def test_there_are_six_operations_and_none_deletes_merges_or_imports() -> None:
    public = {name for name in vars(VendorsApi) if not name.startswith("_")}
    assert public == {"all", "search", "get", "create", "update", "activate", "archive"}
