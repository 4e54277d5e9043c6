"""Access to Pleo that ends in the middle of a job: by the clock, or because somebody took it away."""

from __future__ import annotations

import psycopg
import pytest

from pleo_sandbox.config import DEMO_COMPANY_ID, SandboxConfig
from tests.acceptance.conftest import MakeSite
from tests.support.commands import until
from tests.support.site import Site

ITEMS = 60
"""More than Tryton takes at once, so that a job has a middle."""
TOKEN_SECONDS = 4
REFRESHES = "ledgerbridge_token_refreshes_total"


def status(site: Site, connection: str) -> str:
    return str(site.ask("GET", f"/connections/{connection}")["status"])


@pytest.mark.long
@pytest.mark.rule("AUTH-041", "AUTH-042", "AUTH-051", "AUTH-053")
def test_tokens_that_expire_during_a_job_are_renewed_and_the_job_completes(make_site: MakeSite) -> None:
    with make_site(sandbox=SandboxConfig(access_token_seconds=TOKEN_SECONDS)) as site:
        site.serve()
        site.live(lists=False)
        (family,) = site.sandbox.sandbox.world.tokens.families.values()
        site.pleo.fault("slow", path="/files/**", seconds=2, times=None)
        before = family.refreshes
        job_id = site.press_export("card_purchase", copies=ITEMS)
        assert site.closed(job_id, 120)["status"] == "completed"
        assert site.events(job_id) == ["started", "completed"]
        assert len(site.entries()) == ITEMS
        assert family.refreshes > before
        assert family.ended_because is None
        assert site.metric(REFRESHES, result="renewed") == family.refreshes
        calls = site.calls_after(0)
        assert all(200 <= call.status < 300 for call in calls), "a call was made with a dead token"
        assert {dict(call.headers)["authorization"] for call in calls} == {"Bearer"}


@pytest.mark.long
@pytest.mark.rule("AUTH-056", "AUTH-059", "AUTH-082", "AUTH-084", "EXP-REC-03")
def test_a_grant_revoked_in_the_middle_of_a_job_stops_it_until_the_customer_connects_again(make_site: MakeSite) -> None:
    with make_site() as site:
        service = site.serve()
        connection = site.live(lists=False)
        before = site.ask("GET", f"/connections/{connection}")
        site.pleo.fault("slow", path="/files/**", seconds=1, skip=2, times=None)
        job_id = site.press_export("card_purchase", copies=ITEMS)
        site.booked_some(2, ITEMS)
        site.note_secrets()
        site.pleo.control("POST", "/tokens/revoke", {"company_id": DEMO_COMPANY_ID})
        until("reconnect needed", lambda: status(site, connection) == "reconnect_needed")
        assert site.pleo.job(job_id)["status"] == "in_progress"
        tried = [call for call in site.pleo.requests("/oauth/token") if call["status"] >= 400]
        assert len(tried) == 1, "a refused grant was tried again"
        with psycopg.connect(site.database_url) as database:
            kept = database.execute("select access_token_sealed, refresh_token_sealed from credentials").fetchone()
        assert kept == (None, None)
        assert "needs to reconnect" in service.stderr
        page = site.browser.get("/settings")
        assert "Press Connect in Pleo again" in page.text

        site.pleo.control("DELETE", "/faults")
        assert site.press_connect().status_code == 303
        shown = site.ask("GET", f"/connections/{connection}")
        for name in ("id", "company_id", "config_version", "erp", "activated_at"):
            assert shown[name] == before[name], name
        assert shown["status"] == "active"
        assert shown["webhooks"]["subscribed"] is True
        job = site.closed(job_id, 120)
        assert job["status"] == "completed"
        assert site.events(job_id) == ["started", "completed"]
        assert site.entries() == {item["accountingEntryId"]: 1 for item in job["items"]}
