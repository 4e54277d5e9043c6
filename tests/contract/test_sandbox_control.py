"""The control API: recordings without secrets, tokens, custom payloads, reset, loopback only."""

from __future__ import annotations

import base64

import httpx
import pytest

from pleo_sandbox.__main__ import main
from pleo_sandbox.config import DEMO_COMPANY_ID, SandboxConfig, config_from_environment
from pleo_sandbox.core.clock import Clock
from tests.contract.contracts import recorded_breaches
from tests.contract.desk import URL, Desk, booked


async def test_calls_are_recorded_in_order_and_fit_the_contract(connected: Desk):
    job = await connected.started("card_purchase")
    await connected.pleo.get("/v3/export-items", params={"job_id": job["id"]})
    await connected.report(job["id"], booked(job["items"][0]["accountingEntryId"]))
    await connected.event(job["id"], "completed")
    recorded = (await connected.control.get("/sandbox/requests")).json()
    assert [entry["endpoint"] for entry in recorded] == [
        "POST /oauth/token",
        "POST /v3/export-job-events",
        "GET /v3/export-items",
        "PUT /v3/export-jobs/{id}/items",
        "POST /v3/export-job-events",
    ]
    assert [entry["status"] for entry in recorded] == [200, 202, 200, 200, 202]
    assert [breach for entry in recorded for breach in recorded_breaches(entry)] == []
    counts = (await connected.control.get("/sandbox/requests/counts")).json()
    assert counts["POST /v3/export-job-events"] == 2
    newer = (await connected.control.get("/sandbox/requests", params={"after": recorded[2]["number"]})).json()
    assert len(newer) == 2
    only = (await connected.control.get("/sandbox/requests", params={"method": "PUT"})).json()
    assert len(only) == 1
    await connected.control.delete("/sandbox/requests")
    assert (await connected.control.get("/sandbox/requests")).json() == []


async def test_recordings_hold_no_secret(desk: Desk):
    back = await desk.consent()
    pair = (await desk.exchange(back["code"])).json()
    await desk.refresh(pair["refresh_token"])
    desk.use(pair["access_token"])
    await desk.pleo.get("/v1/introspect")
    form = {"token": pair["access_token"]}
    await desk.pleo.post("/oauth/token/introspect", data=form, headers=desk.basic())
    body = {"grant_type": "refresh_token", "refresh_token": "x", "client_secret": desk.client.client_secret}
    await desk.raw.post("/oauth/token", data=body)
    text = (await desk.control.get("/sandbox/requests")).text
    for secret in (back["code"], "v" * 43, *list(pair.values())[:2], desk.client.client_secret):
        assert str(secret) not in text
    assert desk.basic()["authorization"].split()[1] not in text
    assert '"Bearer"' in text
    assert (await desk.control.get("/sandbox/tokens")).text.find(pair["access_token"]) == -1


async def test_tokens_can_be_expired_and_revoked(connected: Desk):
    pair = await connected.connect()
    body = {"company_id": DEMO_COMPANY_ID}
    assert (await connected.control.post("/sandbox/tokens/expire", json=body)).json() == {"expired": 2}
    assert (await connected.pleo.get("/v1/introspect")).status_code == 401
    fresh = (await connected.refresh(pair["refresh_token"])).json()
    connected.use(fresh["access_token"])
    assert (await connected.control.post("/sandbox/tokens/revoke", json={})).json() == {"revoked": 2}
    assert (await connected.pleo.get("/v1/introspect")).status_code == 401
    assert (await connected.refresh(fresh["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_payload_can_be_given_whole(connected: Desk):
    content = base64.b64encode(b"hello").decode()
    custom = {
        "payload": {"type": "card_purchase", "anything": [1]},
        "files": [{"type": "text/plain", "base64": content}],
        "verbatim": True,
        "expected_failure": "validation_failure",
    }
    (entry,) = await connected.queue(custom=[custom])
    job = await connected.export()
    headers = {"authorization": connected.pleo.headers["authorization"]}
    answer = await connected.control.get("/v3/export-items", params={"job_id": job["id"]}, headers=headers)
    (item,) = answer.json()["data"]
    assert item["anything"] == [1]
    assert item["accountingEntryId"] == entry["id"]
    assert "bookkeeping" not in item
    assert (await connected.control.get(item["files"][0]["url"])).content == b"hello"
    bad = {"company_id": DEMO_COMPANY_ID, "custom": [{**custom, "files": [{"type": "x", "base64": "!"}]}]}
    assert (await connected.control.post("/sandbox/expenses", json=bad)).status_code == 400


async def test_reset_forgets_everything(connected: Desk):
    await connected.export("all")
    await connected.fault("status")
    await connected.control.post("/sandbox/clock", json={"seconds": 1000})
    await connected.control.post("/sandbox/reset")
    assert (await connected.pleo.get("/v1/introspect")).status_code == 401
    assert (await connected.control.get("/sandbox/jobs")).json() == []
    assert len((await connected.control.get("/sandbox/requests")).json()) == 1
    assert (await connected.control.get("/sandbox/tokens")).json() == []


async def test_companies_can_be_added(desk: Desk):
    body = {"name": "Nye ApS", "default_currency": "SEK", "contra_accounts": {"SEK": "1940"}}
    company = (await desk.control.post("/sandbox/companies", json=body)).json()
    await desk.connect(company["id"])
    assert (await desk.pleo.get(f"/v1/companies/{company['id']}")).json()["data"]["name"] == "Nye ApS"
    assert (await desk.control.post("/sandbox/companies", json={**body, "id": "x"})).status_code == 400


async def test_clients_keep_what_a_change_leaves_out(desk: Desk):
    body = {"client_id": desk.client.client_id, "redirect_uris": ["http://127.0.0.1:9/oauth/callback"]}
    changed = (await desk.control.post("/sandbox/clients", json=body)).json()
    assert changed["redirect_uris"] == body["redirect_uris"]
    assert changed["initiation_uri"] == desk.client.initiation_uri
    assert "client_secret" not in changed
    assert (await desk.consent(redirect_uri=body["redirect_uris"][0]))["code"]


@pytest.mark.parametrize(
    "body", [{"client_id": ""}, {"client_id": "c", "client_secret": ""}, {"client_id": "c", "scopes": ["all:write"]}]
)
async def test_a_client_without_sense_is_refused(desk: Desk, body: dict[str, object]):
    assert (await desk.control.post("/sandbox/clients", json=body)).status_code == 400
    assert len((await desk.control.get("/sandbox/clients")).json()) == 1


async def test_a_person_can_decide_through_the_control_api(desk: Desk):
    assert (await desk.consent(decision="deny"))["error"] == "access_denied"
    assert (await desk.consent(scope="everything:write"))["error"] == "invalid_scope"
    for body in (
        {"authorize_url": f"{URL}/oauth/authorize?client_id=other"},
        {"authorize_url": str(httpx.URL(f"{URL}/", params=desk.authorise_query())), "subject": "c" * 36},
    ):
        assert (await desk.control.post("/sandbox/consents", json=body)).status_code == 400


async def test_what_is_not_there_is_404(desk: Desk):
    for path in ("/sandbox/clients/x/rotate-secret", "/sandbox/deliveries/x/resend"):
        assert (await desk.control.post(path)).status_code == 404
    assert (await desk.control.post("/sandbox/subscriptions/x/rotate-secret", json={})).status_code == 404
    assert (await desk.control.get("/sandbox/jobs/x")).status_code == 404


async def test_everything_can_be_seen(connected: Desk):
    wish = {"endpointUrl": "https://bridge.example/1", "eventTypes": ["v1.export-job.created"]}
    await connected.pleo.post("/v1/subscriptions", json=wish)
    (subscription,) = (await connected.control.get("/sandbox/subscriptions")).json()
    assert subscription["subject"] == f"urn:pleo:company:{DEMO_COMPANY_ID}"
    (installation,) = (await connected.control.get("/sandbox/installations")).json()
    assert installation["client_id"] == connected.client.client_id
    assert "now" in (await connected.control.get("/sandbox/clock")).json()
    await connected.fault("status", path="/nowhere")
    await connected.control.delete("/sandbox/faults")
    assert (await connected.control.get("/sandbox/faults")).json() == []


def test_time_never_runs_backwards():
    with pytest.raises(ValueError, match="forward"):
        Clock().advance(-1)


def test_the_command_line_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch):
    started: list[tuple[SandboxConfig, str, int]] = []
    monkeypatch.setattr("pleo_sandbox.__main__.serve", lambda *given: started.append(given))
    monkeypatch.setenv("PLEO_SANDBOX_REDIRECT_URIS", "https://environment.example/cb")
    main(["--port", "0", "--redirect-uri", "https://a.example/cb", "--settings-uri", "https://a.example/settings"])
    main(["--page-cap", "7"])
    (first, host, port), (second, _, default_port) = started
    assert (host, port, default_port) == ("127.0.0.1", 0, 8090)
    assert first.clients[0].redirect_uris == ("https://a.example/cb",)
    assert first.clients[0].settings_uri == "https://a.example/settings"
    assert second.clients[0].redirect_uris == ("https://environment.example/cb",)
    assert second.page_cap == 7


async def test_the_clock_only_moves_forward(desk: Desk):
    assert (await desk.control.post("/sandbox/clock", json={"seconds": -1})).status_code == 422


@pytest.mark.parametrize("path", ["/sandbox/companies", "/sandbox/tokens", "/sandbox/faults", "/"])
async def test_control_and_pages_are_for_this_machine_only(desk: Desk, path: str):
    far = httpx.ASGITransport(app=desk.sandbox, client=("203.0.113.9", 1))
    async with httpx.AsyncClient(transport=far, base_url=URL) as client:
        assert (await client.get(path)).status_code == 403
        assert (await client.get("/v1/introspect")).status_code == 401


async def test_its_own_documentation_lists_control_calls_only(desk: Desk):
    paths = (await desk.control.get("/sandbox/openapi.json")).json()["paths"]
    assert paths
    assert all(path.startswith("/sandbox/") for path in paths)


def test_the_environment_configures_the_client():
    config = config_from_environment(
        {
            "PLEO_SANDBOX_CLIENT_ID": "c",
            "PLEO_SANDBOX_CLIENT_SECRET": "s",
            "PLEO_SANDBOX_REDIRECT_URIS": "https://a.example/cb,https://b.example/cb",
            "PLEO_SANDBOX_PAGE_CAP": "7",
            "PLEO_SANDBOX_WEBHOOK_RETRY_SECONDS": "0,1.5",
        }
    )
    assert (config.clients[0].client_id, config.clients[0].client_secret) == ("c", "s")
    assert config.clients[0].redirect_uris == ("https://a.example/cb", "https://b.example/cb")
    assert (config.page_cap, config.webhook_retry_seconds) == (7, (0, 1.5))


@pytest.mark.parametrize("changes", [{"page_cap": 0}, {"webhook_retry_seconds": ()}])
def test_a_senseless_configuration_is_refused(changes: dict[str, object]):
    with pytest.raises(ValueError):
        SandboxConfig(**changes)  # type: ignore[arg-type]
