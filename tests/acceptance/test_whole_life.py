"""A customer's whole life with us, step by step over HTTP, and that no step of it lets a secret out."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from pleo_sandbox.config import DEMO_COMPANY_ID, SECOND_COMPANY_ID
from tests.acceptance.conftest import MakeSite
from tests.support.commands import until
from tests.support.leaks import in_texts
from tests.support.site import Site

AUTHORISE = {"response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method"}


@pytest.mark.long  # tests/browser/test_story.py goes most of the way, web/test_erasure.py leaves and comes back
@pytest.mark.rule(
    "AUTH-014", "AUTH-015", "AUTH-022", "AUTH-026", "AUTH-045", "AUTH-070", "AUTH-080", "AUTH-101",
    "EXP-ENT-01", "EXP-ENT-02", "EXP-IDEM-03", "HOOK-003",
)  # fmt: skip
def test_connect_set_up_export_leave_come_back_and_nothing_is_booked_twice(make_site: MakeSite) -> None:
    with make_site(LOG_LEVEL="DEBUG") as site:
        service = site.serve()
        connection = _connects(site)
        _sets_up(site, connection)
        job_id = site.press_export("card_purchase", "out_of_pocket", "bad_unknown_account")
        first = site.closed(job_id)
        assert first["status"] == "completed_with_errors"
        until("the job on the page", lambda: "Completed with errors" in site.browser.get("/settings").text, 20)
        _another_company_connects_by_key(site)
        mailbox = site.sandbox.sandbox.world.subscriptions.all()[0].wish.endpoint_url
        _leaves(site, connection)
        late = site.anybody.post(mailbox, json={"data": {}, "eventType": "v1.export-job.created"})
        assert late.status_code == 202

        _comes_back(site, connection)
        booked = {item["accountingEntryId"]: item["externalId"] for item in first["items"] if item["externalId"]}
        again = site.closed(site.pleo.export(list(booked)))
        assert {item["accountingEntryId"]: item["externalId"] for item in again["items"]} == booked
        assert [item["status"] for item in again["items"]] == ["successful", "successful"]
        assert site.entries() == dict.fromkeys(booked, 1)

        for path in ("connections", "export-jobs", "webhook-deliveries", "audit", f"export-jobs/{job_id}/items"):
            site.ask("GET", f"/{path}?limit=100")
        for path in ("/metrics", "/openapi.json", "/docs", "/readyz", "/settings"):
            site.anybody.get(path)
        assert '"level": "debug"' in service.stderr
        assert len(site.secrets) > 10
        assert site.leaked() == []
        planted = [("log", service.stderr + site.admin_token)]
        assert in_texts(site.secrets, planted) == ["log: admin token"], "this search finds nothing at all"


def _connects(site: Site) -> str:
    """Presses Connect, chooses the company on Pleo's page, and sees its own page."""
    assert site.browser.get("/settings").status_code == 401
    pressed = site.browser.get("/connect?entity=whatever-pleo-adds")
    assert pressed.status_code == 302
    target = urlsplit(pressed.headers["location"])
    asked = parse_qs(target.query)
    assert asked.keys() == AUTHORISE
    assert asked["redirect_uri"] == [f"{site.url}/oauth/callback"]
    assert asked["code_challenge_method"] == ["S256"]
    consent = {"authorize_url": pressed.headers["location"], "subject": DEMO_COMPANY_ID}
    location = site.pleo.control("POST", "/consents", consent)["location"]
    site.secrets["authorisation code"] = parse_qs(urlsplit(location).query)["code"][0]
    back = site.browser.get(location)
    assert (back.status_code, back.headers["location"]) == (303, "/settings")
    assert site.browser.get(location).status_code in (400, 403, 409), "a return was taken twice"
    page = site.browser.get("/settings")
    assert page.status_code == 200
    assert DEMO_COMPANY_ID in page.text
    (shown,) = site.ask("GET", "/connections")["data"]
    assert shown["status"] == "setting_up"
    assert len(shown["missing"]) == 3
    return str(shown["id"])


def _sets_up(site: Site, connection: str) -> None:
    """Binds the ERP, configures, goes live; too early a try is refused."""
    early = site.admin.post(f"/admin/api/connections/{connection}/activate")
    assert early.status_code == 409
    assert "accounting system" in early.json()["detail"]
    assert site.admin.post(f"/admin/api/connections/{connection}/exports").status_code == 409
    bound = site.ask("PUT", f"/connections/{connection}/erp", {"kind": "tryton", "settings": site.tryton.binding()})
    assert bound["company"]["name"] == site.tryton.facts["companies"]["DK"]["name"]
    assert site.admin.get(f"/admin/api/connections/{connection}/config").status_code == 404
    wanted = site.configuration()
    first = site.ask("PUT", f"/connections/{connection}/config", wanted)
    exported = site.ask("GET", f"/connections/{connection}/config")
    assert first == exported
    assert {name: exported[name] for name in wanted if name != "accounts"} == {
        name: value for name, value in wanted.items() if name != "accounts"
    }
    assert site.ask("PUT", f"/connections/{connection}/config", exported)["version"] == 2
    assert [one["status"] for one in site.pleo.control("GET", "/installations")] == ["AUTHORIZED"]
    assert site.activate(connection)["status"] == "active"
    assert [one["status"] for one in site.pleo.control("GET", "/installations")] == ["ACTIVATED"]
    until("a look for waiting jobs", lambda: "GET /v3/export-jobs" in site.pleo.calls(), 20)
    order = ("POST /v1/subscriptions", "POST /v1/installations/me:activate", "GET /v3/export-jobs")
    made = [call for call in site.pleo.calls("/") if call in order]
    assert made[:3] == list(order)


def _another_company_connects_by_key(site: Site) -> None:
    """A second company, by an API key, may not book in the first one's books, but in books of its own."""
    refused = site.admin.post("/admin/api/connections", json={"api_key": "pleo_made_up"})
    assert refused.status_code == 422, refused.text
    key = site.pleo.control("POST", "/api-keys", {"company_id": SECOND_COMPANY_ID})["key"]
    site.secrets["API key"] = key
    other = site.ask("POST", "/connections", {"api_key": key})
    assert (other["company_id"], other["auth_method"], other["status"]) == (SECOND_COMPANY_ID, "api_key", "setting_up")
    wanted = {"kind": "tryton", "settings": site.tryton.binding()}
    taken = site.admin.put(f"/admin/api/connections/{other['id']}/erp", json=wanted)
    assert taken.status_code == 409, taken.text
    wanted["settings"] = site.tryton.binding("BE", "erp_be_only")
    bound = site.ask("PUT", f"/connections/{other['id']}/erp", wanted)
    assert bound["company"]["name"] == site.tryton.facts["companies"]["BE"]["name"]
    site.note_secrets()
    site.ask("DELETE", f"/connections/{other['id']}")


def _leaves(site: Site, connection: str) -> None:
    """Disconnects: nothing is left at Pleo, no secret is left with us, what was booked stays on record."""
    site.note_secrets()
    jobs = _kept(site.ask("GET", "/export-jobs"))
    site.ask("DELETE", f"/connections/{connection}")
    assert site.pleo.control("GET", "/subscriptions") == []
    assert site.pleo.control("GET", "/installations") == []
    assert [family["alive"] for family in site.pleo.control("GET", "/tokens")] == [False]
    deletions = [call["endpoint"] for call in site.pleo.requests("/v1") if call["method"] == "DELETE"]
    assert deletions[-2:] == ["DELETE /v1/subscriptions/{id}", "DELETE /v1/installations/me"]
    with psycopg.connect(site.database_url) as database:
        for table, columns in (
            ("credentials", "access_token_sealed, refresh_token_sealed, api_key_sealed"),
            ("erp_bindings", "settings_sealed, company_key"),
            ("subscriptions", "secret_sealed"),
        ):
            assert set(database.execute(f"select {columns} from {table}").fetchone() or ()) == {None}, table
    assert site.ask("GET", f"/connections/{connection}")["status"] == "disconnected"
    assert _kept(site.ask("GET", "/export-jobs")) == jobs
    assert site.browser.get("/settings").status_code == 401
    assert site.admin.delete(f"/admin/api/connections/{connection}").status_code == 204, "not repeatable"
    assert site.admin.post(f"/admin/api/connections/{connection}/exports").status_code == 409


def _kept(listed: dict[str, Any]) -> list[dict[str, Any]]:
    """What stays of the jobs of a list: not the items, nor reasons and names, which are erased at the end."""
    fields = ("id", "pleo_job_id", "status", "phase", "number_of_items", "config_version", "claimed_at", "closed_at")
    return [{field: job[field] for field in fields} for job in listed["data"]]


def _comes_back(site: Site, connection: str) -> None:
    """Connects again: the same connection with its configuration; the ERP's key has to be given anew."""
    assert site.connect() == connection
    shown = site.ask("GET", f"/connections/{connection}")
    assert (shown["status"], shown["config_version"]) == ("setting_up", 2)
    site.ask("PUT", f"/connections/{connection}/erp", {"kind": "tryton", "settings": site.tryton.binding()})
    assert site.activate(connection)["status"] == "active"
