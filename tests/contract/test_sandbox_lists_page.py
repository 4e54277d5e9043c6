"""The page of tags, accounts, tax codes and vendors: what arrives is shown, and a person makes a vendor by a form."""

from __future__ import annotations

import re

import pytest

from pleo_sandbox.config import DEMO_COMPANY_ID, SECOND_COMPANY_ID
from tests.contract.desk import Desk

FORM = {
    "company": DEMO_COMPANY_ID,
    "name": "Ærø & Sons",
    "country": "DK",
    "defaultCurrency": "DKK",
    "registrationNumber": "",
    "taxRegistrationNumber": "DK12345674",
}


async def _page(desk: Desk, company: str = DEMO_COMPANY_ID) -> str:
    answer = await desk.control.get("/lists", params={"company": company})
    assert answer.status_code == 200
    return answer.text


async def test_an_employee_makes_a_vendor_that_the_integration_activates(connected: Desk):
    wish = {"endpointUrl": "http://127.0.0.1:9/hook", "eventTypes": ["v1.vendor.created"]}
    await connected.pleo.post("/v1/subscriptions", json=wish)
    sent = await connected.control.post("/vendors", data=FORM)
    assert (sent.status_code, sent.headers["location"]) == (303, f"/lists?company={DEMO_COMPANY_ID}#vendors")
    page = await _page(connected)
    assert "Ærø &amp; Sons" in page
    assert '<span class="mark warn">DRAFT</span>' in page
    (vendor,) = (await connected.control.get(f"/sandbox/companies/{DEMO_COMPANY_ID}/master-data")).json()["vendors"]
    assert (vendor["taxRegistrationNumber"], "registrationNumber" in vendor) == ("DK12345674", False)
    (message,) = (await connected.control.get("/sandbox/deliveries")).json()
    assert vendor["id"] in message["body"]
    assert '"createdBy":"' in message["body"]
    await connected.pleo.post(f"/v1/vendors/{vendor['id']}:activate", json={"externalId": "7", "code": "V-0007"})
    page = await _page(connected)
    assert '<span class="mark good">ACTIVE</span>' in page
    assert "V-0007" in page


async def test_what_arrives_from_the_erp_is_shown(connected: Desk):
    group = await connected.group("CC")
    await connected.tag(group, "A", name="Sales")
    await connected.tag(group, "B", name="Closed", archived=True)
    await connected.tax_code("I25")
    await connected.account("5.1.1", name="Rent", taxCodeExternalId="I25")
    await connected.control.put(
        f"/sandbox/companies/{DEMO_COMPANY_ID}/categories", json={"categories": {"Office": "5.1.1"}}
    )
    page = await _page(connected)
    for shown in ("Dimension CC", "Sales", "Closed", "archived", "Rent", "I25", "25 %", "Office → 5.1.1", "None yet."):
        assert shown in page, shown
    other = await _page(connected, SECOND_COMPANY_ID)
    assert "Dimension CC" not in other


async def test_a_problem_is_shown_in_words_and_nothing_is_made(connected: Desk):
    for change in ({"name": " "}, {"defaultCurrency": "kr"}, {"country": "EL"}):
        page = (await connected.control.post("/vendors", data={**FORM, **change}, follow_redirects=True)).text
        assert 'class="problem"' in page
    assert "Vendors: 0" in await _page(connected)


async def test_everything_is_escaped_and_no_script_is_needed(connected: Desk):
    evil = "<script>alert(1)</script>"
    await connected.vendor(evil, externalId=evil, code=evil, taxRegistrationNumber=evil)
    await connected.tag(await connected.group("X", name=evil), evil, name=evil)
    await connected.tax_code(evil, name=evil)
    await connected.account("1", name=evil, code=evil)
    await connected.control.put(f"/sandbox/companies/{DEMO_COMPANY_ID}/categories", json={"categories": {evil: "1"}})
    answer = await connected.control.get("/lists")
    assert re.search(r"<script|onclick|onload", answer.text) is None
    assert answer.text.count("&lt;script&gt;") >= 10
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    problem = (await connected.control.get("/lists", params={"problem": "<img src=x>"})).text
    assert "<img" not in problem


async def test_a_long_list_is_cut_short(connected: Desk):
    await connected.put("vendors", generate=203)
    page = await _page(connected)
    assert "Vendors: 203" in page
    assert "and 3 more" in page


@pytest.mark.parametrize("origin", ["https://evil.example", "http://pleo.test.evil"])
async def test_a_form_of_another_site_is_refused(connected: Desk, origin: str):
    assert (await connected.control.post("/vendors", data=FORM, headers={"origin": origin})).status_code == 403
    assert "Vendors: 0" in await _page(connected)


async def test_export_with_vendors_is_a_tick(connected: Desk):
    await connected.put("vendors", generate=1)
    await connected.queue("payable_refund")
    pressed = await connected.control.post("/export", data={"company": DEMO_COMPANY_ID, "vendor_based": "yes"})
    job = await connected.job(pressed.headers["location"].rsplit("/", 1)[1])
    assert job["vendorBasedBookkeeping"] is True
