"""The bookkeeper's pages: the whole way by forms alone, everything escaped."""

from __future__ import annotations

import re

import pytest

from pleo_sandbox.config import DEMO_COMPANY_ID, SECOND_COMPANY_ID
from pleo_sandbox.web.pages import wallet_amount, web_link
from tests.contract.desk import Desk, booked, refused


async def test_the_whole_way_by_forms(connected: Desk):
    home = await connected.control.get("/")
    assert home.status_code == 200
    assert "Demo ApS" in home.text
    assert f'href="{connected.client.initiation_uri}"' in home.text
    assert "AUTHORIZED" in home.text
    form = {"company": DEMO_COMPANY_ID, "seed": ["card_purchase", "bad_no_account"]}
    queued = await connected.control.post("/queue", data=form)
    assert queued.status_code == 303
    home = await connected.control.get(queued.headers["location"])
    assert "2 waiting" in home.text
    pressed = await connected.control.post("/export", data={"company": DEMO_COMPANY_ID})
    assert pressed.status_code == 303
    job_id = pressed.headers["location"].rsplit("/", 1)[1]
    await connected.event(job_id, "started")
    good, bad = connected.world.jobs.get(job_id).items
    await connected.report(job_id, booked(good), refused(bad))
    before = (await connected.control.get(f"/jobs/{job_id}")).text
    assert "2 of 2 items reported" in before
    assert "Account 9.9.99" not in before
    await connected.event(job_id, "completed_with_errors")
    after = (await connected.control.get(f"/jobs/{job_id}")).text
    assert 'href="https://erp.example/moves/1"' in after
    assert "Account 9.9.99 does not exist; choose another category." in after
    assert "account_unknown" in after
    home = (await connected.control.get("/")).text
    assert "1 waiting, 1 exported" in home
    assert "Account 9.9.99" in home


async def test_problems_are_shown_in_words(connected: Desk):
    empty = await connected.control.post("/export", data={"company": DEMO_COMPANY_ID}, follow_redirects=True)
    assert "The queue is empty" in empty.text
    none = await connected.control.post("/queue", data={"company": DEMO_COMPANY_ID}, follow_redirects=True)
    assert "Choose at least one" in none.text
    unknown = {"company": DEMO_COMPANY_ID, "seed": "unheard_of"}
    assert "no seed named" in (await connected.control.post("/queue", data=unknown, follow_redirects=True)).text
    await connected.export("card_purchase")
    await connected.queue("refund")
    twice = await connected.control.post("/export", data={"company": DEMO_COMPANY_ID}, follow_redirects=True)
    assert "already has an unfinished export job" in twice.text


async def test_everything_is_escaped(connected: Desk):
    (entry,) = await connected.queue("markup_note")
    assert "<script>alert" not in (await connected.control.get("/")).text
    assert "&lt;script&gt;" in (await connected.control.get("/")).text
    assert "<script>alert" not in (await connected.control.get(f"/expenses/{entry['id']}")).text
    job = await connected.started()
    outcome = {**booked(entry["id"]), "externalUrl": "javascript:alert(1)", "externalId": "<b>JE</b>"}
    await connected.report(job["id"], outcome)
    await connected.event(job["id"], "completed")
    page = await connected.control.get(f"/jobs/{job['id']}")
    assert "javascript:" not in page.text
    assert "<b>JE</b>" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    problem = (await connected.control.get("/", params={"problem": "<img src=x>"})).text
    assert "<img" not in problem


async def test_a_page_needs_no_script(connected: Desk):
    await connected.queue("all")
    assert re.search(r"<script|onclick|onload", (await connected.control.get("/")).text) is None


async def test_every_seed_can_be_shown(connected: Desk):
    entries = await connected.queue("all")
    assert (await connected.control.get("/")).status_code == 200
    for entry in entries:
        assert (await connected.control.get(f"/expenses/{entry['id']}")).status_code == 200
    job = await connected.export()
    await connected.control.post(f"/jobs/{job['id']}/cancel")
    assert "cancelled in Pleo" in (await connected.control.get(f"/jobs/{job['id']}")).text


async def test_a_custom_payload_without_anything_can_be_shown(connected: Desk):
    (entry,) = await connected.queue(custom=[{"payload": {"amount": "much", "note": 7}}])
    assert (await connected.control.get("/")).status_code == 200
    assert (await connected.control.get(f"/expenses/{entry['id']}")).status_code == 200


async def test_companies_are_kept_apart(connected: Desk):
    await connected.queue("card_purchase")
    other = (await connected.control.get("/", params={"company": SECOND_COMPANY_ID})).text
    assert "0 waiting" in other
    assert "not connected" in other


async def test_deliveries_are_shown(connected: Desk):
    wish = {"endpointUrl": "http://127.0.0.1:9/hook", "eventTypes": ["v1.export-job.created"]}
    await connected.pleo.post("/v1/subscriptions", json=wish)
    await connected.fault("lose_webhook")
    await connected.export("card_purchase")
    home = (await connected.control.get("/")).text
    assert "v1.export-job.created" in home
    assert "lost" in home


@pytest.mark.parametrize("path", ["/jobs/17", "/jobs/b4c4d068-ebbe-45b7-b562-2f16f0deb8b9", "/expenses/17"])
async def test_what_is_not_there_is_a_404_page(desk: Desk, path: str):
    answer = await desk.control.get(path)
    assert answer.status_code == 404
    assert "There is no such" in answer.text


@pytest.mark.parametrize("path", ["/queue", "/export", "/jobs/17/cancel"])
async def test_forms_of_other_sites_are_refused(desk: Desk, path: str):
    answer = await desk.control.post(path, data={}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    own = await desk.control.post(path, data={}, headers={"origin": "http://pleo.test"})
    assert own.status_code != 403


def test_amounts_read_like_amounts():
    amount = {"inWalletCurrency": {"currency": "DKK", "value": 125_000}}
    assert wallet_amount({"amount": amount}) == "DKK 1,250.00"
    for payload in ({}, {"amount": "much"}, {"amount": {}}, {"amount": {"inWalletCurrency": {"value": "x"}}}):
        assert wallet_amount(payload) == "–"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil", "https:", "http://[", 7, None])
def test_only_web_addresses_become_links(url: object):
    assert web_link(url) == ""
