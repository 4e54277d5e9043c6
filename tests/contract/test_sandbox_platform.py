"""Installations, credentials, companies and scopes."""

from __future__ import annotations

import base64

import pytest

from pleo_sandbox.config import DEMO_COMPANY_ID, ORGANISATION_ID, SECOND_COMPANY_ID
from tests.contract.desk import Desk

ME = "/v1/installations/me"
COMPANY_URN = f"urn:pleo:company:{DEMO_COMPANY_ID}"


async def test_oauth_ends_with_an_authorised_installation(connected: Desk):
    installation = (await connected.pleo.get(ME)).json()
    assert installation["status"] == "AUTHORIZED"
    assert installation["resource"] == COMPANY_URN
    assert "data" not in installation


async def test_activation_works_once(connected: Desk):
    assert (await connected.pleo.post(f"{ME}:activate")).json()["status"] == "ACTIVATED"
    assert (await connected.pleo.post(f"{ME}:activate")).status_code == 400


async def test_connecting_again_keeps_a_working_installation(connected: Desk):
    before = (await connected.pleo.post(f"{ME}:activate")).json()
    await connected.connect()
    after = (await connected.pleo.get(ME)).json()
    assert (after["id"], after["status"]) == (before["id"], "ACTIVATED")


async def test_connecting_again_revives_a_broken_installation(connected: Desk):
    await connected.pleo.put(ME, json={"status": "ERROR", "errorCode": "AUTH_ERROR"})
    await connected.connect()
    revived = (await connected.pleo.get(ME)).json()
    assert revived["status"] == "AUTHORIZED"
    assert "errorCode" not in revived


async def test_an_application_without_activation_step_starts_activated(desk: Desk):
    await desk.control.post("/sandbox/clients", json={"client_id": desk.client.client_id, "needs_activation": False})
    await desk.connect()
    assert (await desk.pleo.get(ME)).json()["status"] == "ACTIVATED"


async def test_status_and_metadata_can_be_put(connected: Desk):
    body = {"status": "ERROR", "errorCode": "AUTH_ERROR", "metadata": {"tenant": "t-1"}}
    changed = (await connected.pleo.put(ME, json=body)).json()
    assert (changed["status"], changed["errorCode"], changed["metadata"]) == ("ERROR", "AUTH_ERROR", {"tenant": "t-1"})
    back = (await connected.pleo.put(ME, json={"status": "PENDING_INTEGRATION"})).json()
    assert "errorCode" not in back
    assert back["metadata"] == {"tenant": "t-1"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"status": "ERROR", "metadata": 1},
        {"status": "READY"},
        {"status": "ERROR", "errorCode": "X"},
        [],
        {"status": None},
    ],
)
async def test_a_bad_put_changes_nothing(connected: Desk, body: object):
    assert (await connected.raw.put(ME, json=body)).status_code == 400
    assert (await connected.pleo.get(ME)).json()["status"] == "AUTHORIZED"


async def test_deleting_revokes_every_token_of_the_installation(connected: Desk):
    other = await connected.connect(SECOND_COMPANY_ID)
    await connected.connect()
    assert (await connected.pleo.delete(ME)).status_code == 204
    assert (await connected.pleo.get(ME)).status_code == 401
    connected.use(other["access_token"])
    assert (await connected.pleo.get(ME)).status_code == 200


async def test_the_customer_can_disconnect_inside_pleo(connected: Desk):
    body = {"company_id": DEMO_COMPANY_ID}
    assert (await connected.control.post("/sandbox/installations/disconnect", json=body)).json() == {"disconnected": 1}
    assert (await connected.pleo.get(ME)).status_code == 401


async def test_an_organisation_narrows_to_a_company(desk: Desk):
    await desk.connect()
    await desk.connect(f"urn:pleo:organisation:{ORGANISATION_ID}")
    assert (await desk.pleo.get(ME)).json()["resource"] == f"urn:pleo:organisation:{ORGANISATION_ID}"
    narrowed = await desk.pleo.get(ME, params={"company_id": DEMO_COMPANY_ID})
    assert narrowed.json()["resource"] == COMPANY_URN
    assert (await desk.pleo.get(ME, params={"company_id": SECOND_COMPANY_ID})).status_code == 404
    assert (await desk.raw.get(ME, params={"company_id": "x"})).status_code == 400


async def test_an_api_key_installs_itself(desk: Desk):
    made = (await desk.control.post("/sandbox/api-keys", json={"company_id": DEMO_COMPANY_ID, "name": "erp"})).json()
    desk.pleo.headers["authorization"] = "Basic " + base64.b64encode(f"{made['key']}:".encode()).decode()
    details = (await desk.pleo.get("/v1/introspect")).json()["data"]
    assert (details["authMethod"], details["subjectURN"]) == ("API_KEY", COMPANY_URN)
    assert (await desk.pleo.get(ME)).status_code == 404
    assert (await desk.pleo.post(ME, json={"status": "ACTIVATED"})).json()["status"] == "ACTIVATED"
    assert (await desk.pleo.get(ME)).status_code == 200
    assert (await desk.pleo.post(ME, json={})).status_code == 400


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer nonsense",
        "Token x",
        "Basic !!!",
        "Basic " + base64.b64encode(b"unknown:").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:").decode(),
    ],
)
async def test_a_bad_credential_is_401(desk: Desk, header: str):
    answer = await desk.raw.get("/v1/introspect", headers={"authorization": header})
    assert answer.status_code == 401
    assert answer.json()["type"] == "UNAUTHORIZED"


async def test_a_key_with_a_password_is_401(desk: Desk):
    made = (await desk.control.post("/sandbox/api-keys", json={"company_id": DEMO_COMPANY_ID})).json()
    header = "Basic " + base64.b64encode(f"{made['key']}:secret".encode()).decode()
    assert (await desk.raw.get("/v1/introspect", headers={"authorization": header})).status_code == 401


async def test_a_company_is_read_by_those_who_may(connected: Desk):
    company = (await connected.pleo.get(f"/v1/companies/{DEMO_COMPANY_ID}")).json()["data"]
    assert company["name"] == "Demo ApS"
    assert (await connected.pleo.get(f"/v1/companies/{SECOND_COMPANY_ID}")).status_code == 404


JOB = "b4c4d068-ebbe-45b7-b562-2f16f0deb8b9"


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        ("companies:read", "GET", f"/v1/companies/{DEMO_COMPANY_ID}"),
        ("export-jobs:read", "GET", "/v3/export-jobs"),
        ("export-jobs:read", "GET", f"/v3/export-jobs/{JOB}"),
        ("export-jobs:read", "GET", f"/v3/export-jobs/{JOB}/items"),
        ("export-jobs:write", "PUT", f"/v3/export-jobs/{JOB}/items"),
        ("export-jobs:write", "POST", "/v3/export-jobs"),
        ("export-jobs:write", "POST", "/v3/export-job-events"),
        ("export-items:read", "GET", f"/v3/export-items?job_id={JOB}"),
    ],
)
async def test_every_call_needs_its_scope(desk: Desk, scope: str, method: str, path: str):
    others = [known for known in desk.client.scopes if known != scope]
    await desk.connect(scope=others)
    assert (await desk.raw.request(method, path)).status_code == 403
    await desk.connect(scope=[scope])
    assert (await desk.raw.request(method, path)).status_code != 403


async def test_an_organisations_names_must_be_its_own(desk: Desk):
    await desk.connect(f"urn:pleo:organisation:{ORGANISATION_ID}")
    for company, status in (("x", 400), (JOB, 404), (DEMO_COMPANY_ID, 200)):
        assert (await desk.raw.get("/v3/export-jobs", params={"company_id": company})).status_code == status


async def test_an_unknown_path_is_a_plain_404(connected: Desk):
    answer = await connected.control.get("/v1/unicorns")
    assert (answer.status_code, answer.json()["type"]) == (404, "NOT_FOUND")
