"""The outer face as a stranger with only its description in hand drives it: every refusal precise, nothing changed."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest

from pleo_sandbox.config import DEMO_COMPANY_ID
from pleo_sandbox.core.signing import signature
from tests.acceptance.conftest import MakeSite
from tests.support.commands import until
from tests.support.leaks import fingerprint
from tests.support.site import Site

NOBODY = str(uuid.UUID(int=0))
SEEDS = ("card_purchase", "out_of_pocket", "bad_unknown_account")


@dataclass
class Worked:
    """A live connection and one job it has worked, with one item that failed."""

    site: Site
    connection: str
    job_id: str
    job: Any

    def item(self, seed: str) -> str:
        return str(next(one["accountingEntryId"] for one in self.job["items"] if one["seed"] == seed))

    @property
    def mailbox(self) -> Any:
        """The subscription at Pleo."""
        (found,) = self.site.sandbox.sandbox.world.subscriptions.all()
        return found

    def deliver(self, body: bytes, **headers: str) -> httpx.Response:
        """A delivery with Pleo's own signature, unless the headers say otherwise."""
        stamp, name = int(time.time()), f"msg_{uuid.uuid4().hex}"
        signed = {
            "content-type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(stamp),
            "webhook-signature": signature(self.mailbox.secret, name, stamp, body),
        }
        return self.site.anybody.post(self.mailbox.wish.endpoint_url, content=body, headers=signed | headers)

    def admin(self, method: str, path: str, **request: Any) -> httpx.Response:
        """A call of the admin API; `{connection}`, `{job}` and `{booked}` in the path are ours."""
        known = {"connection": self.connection, "job": self.job_id, "booked": self.item("card_purchase")}
        return self.site.admin.request(method, f"/admin/api{path.format(**known)}", **request)


@pytest.fixture(scope="module")
def worked(make_site: MakeSite) -> Iterator[Worked]:
    with make_site() as site:
        site.serve()
        connection = site.live(lists=False)
        job_id = site.press_export(*SEEDS)
        job = site.closed(job_id)
        until("the delivery settled", lambda: site.ask("GET", "/webhook-deliveries?status=done")["data"], 30)
        rest(site)
        yield Worked(site, connection, job_id, job)


def rest(site: Site) -> None:
    """No sync is due before these tests are over, and none is under way."""
    with psycopg.connect(site.database_url, autocommit=True) as line:
        line.execute(
            "update sync_schedules set next_due_at = now() + interval '1 day', drafts_due_at = now() + interval '1 day'"
        )
        busy = "select 1 from procrastinate_jobs where status in ('todo', 'doing') and scheduled_at is null limit 1"
        until("nothing is under way", lambda: line.execute(busy).fetchone() is None, 30)


def problem(answer: httpx.Response, status: int) -> Any:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert len(body["detail"]) > 10
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


def state(site: Site) -> dict[str, object]:
    """All that could change in the database, at Pleo and in the ERP."""
    return {
        **fingerprint(site.database_url),
        "subscriptions at Pleo": site.pleo.control("GET", "/subscriptions"),
        "installations at Pleo": site.pleo.control("GET", "/installations"),
        "tokens at Pleo": len(site.sandbox.sandbox.world.tokens._tokens),
        "entries in Tryton": site.entries(),
    }


@pytest.fixture
def unchanged(worked: Worked, last_seen: dict[str, object]) -> Iterator[Worked]:
    """Whatever a test asks for, nothing in the database, at Pleo or in the ERP may change.

    What is found unchanged after one test need not be read again before the next.
    """
    before = dict(last_seen) or state(worked.site)
    last_seen.clear()
    yield worked
    after = state(worked.site)
    assert [name for name in before if before[name] != after[name]] == []
    last_seen |= after


@pytest.fixture(scope="module")
def last_seen() -> dict[str, object]:
    """What the last of the tests that may change nothing found in the end; empty after any other test."""
    return {}


@pytest.fixture(autouse=True)
def _forgotten_by_others(request: pytest.FixtureRequest, last_seen: dict[str, object]) -> None:
    if "unchanged" not in request.fixturenames:
        last_seen.clear()


# ------------------------------------------------------------------ what was done, as the admin API shows it


@pytest.mark.rule("EXP-DATA-05", "EXP-DATA-07", "EXP-UPD-03", "EXP-UPD-06")
def test_a_job_shows_its_state_its_counts_its_timeline_and_the_reason_of_every_failure(worked: Worked) -> None:
    ask = worked.site.ask
    assert worked.job["status"] == "completed_with_errors"
    (listed,) = ask("GET", f"/export-jobs?connection={worked.connection}&status=completed_with_errors")["data"]
    by_pleos_id, by_ours = ask("GET", f"/export-jobs/{worked.job_id}"), ask("GET", f"/export-jobs/{listed['id']}")
    assert by_pleos_id == by_ours
    assert by_ours["pleo_job_id"] == worked.job_id
    assert by_ours["phase"] == "closed"
    assert (by_ours["items"]["booked"], by_ours["items"]["failed"], by_ours["number_of_items"]) == (2, 1, 3)
    steps = [step["name"] for step in by_ours["timeline"]]
    assert steps == ["claimed", "started", "preflight_passed", "fetched", "reported", "completed_with_errors"]

    first = ask("GET", f"/export-jobs/{worked.job_id}/items?limit=2")
    second = ask("GET", f"/export-jobs/{worked.job_id}/items?limit=2&cursor={first['next_cursor']}")
    items = {item["id"]: item for item in first["data"] + second["data"]}
    assert items.keys() == {item["accountingEntryId"] for item in worked.job["items"]}
    for at_pleo in worked.job["items"]:
        item = items[at_pleo["accountingEntryId"]]
        if at_pleo["seed"] == "bad_unknown_account":
            assert (item["state"], at_pleo["status"]) == ("failed", "failed")
            assert item["failure_type"] == at_pleo["failureReasonType"] == "account_unknown"
            assert item["failure_reason"] == at_pleo["failureReason"]
        else:
            assert (item["state"], at_pleo["status"]) == ("booked", "successful")
            assert item["posting"]["erp_number"] == at_pleo["externalId"]
            assert item["erp_url"] == at_pleo["externalUrl"]
            assert item["posting"]["config_version"] == 1


def test_deliveries_and_deeds_are_on_record(worked: Worked) -> None:
    (delivery,) = worked.site.ask("GET", f"/webhook-deliveries?connection={worked.connection}&status=done")["data"]
    assert delivery["resource_id"] == worked.job_id
    deeds = worked.site.ask("GET", f"/audit?connection={worked.connection}&limit=100")["data"]
    by_admin = [one["action"] for one in reversed(deeds) if one["actor"] == "admin:ada"]
    assert by_admin[:3] == ["erp_bound", "configuration_changed", "activated"]


def test_the_bound_erp_company_is_shown_by_name_and_number(worked: Worked) -> None:
    facts = worked.site.tryton.facts["companies"]["DK"]
    shown = worked.site.ask("GET", f"/connections/{worked.connection}")
    assert shown["company_id"] == DEMO_COMPANY_ID
    assert shown["erp"]["company"]["name"] == facts["name"]
    assert shown["erp"]["company"]["registration_number"] == facts["registration_number"]
    assert "api_key" not in shown["erp"]["settings"]
    assert shown["last_job"]["pleo_job_id"] == worked.job_id
    assert shown["missing"] == []


def test_every_route_is_described_and_the_machines_are_answered(worked: Worked) -> None:
    anybody = worked.site.anybody
    paths = anybody.get("/openapi.json").json()["paths"]
    for path in (
        "/connect", "/oauth/callback", "/settings", "/webhooks/pleo/{subscription_token}", "/healthz", "/readyz",
        "/metrics", "/admin/api/connections/{connection_id}/erp", "/admin/api/connections/{connection_id}/config",
        "/admin/api/connections/{connection_id}/exports", "/admin/api/export-jobs/{job_id}/items/{entry_id}/resolve",
    ):  # fmt: skip
        assert path in paths
    assert anybody.get("/docs").status_code == 200
    assert anybody.get("/healthz").status_code == 200
    assert anybody.get("/readyz").status_code == 200


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/connections"),
        ("GET", "/connections/{connection}/config"),
        ("PUT", "/connections/{connection}/erp"),
        ("POST", "/connections/{connection}/activate"),
        ("POST", "/connections/{connection}/exports"),
        ("DELETE", "/connections/{connection}"),
        ("GET", "/export-jobs"),
        ("POST", "/export-jobs/{job}/items/{booked}/resolve"),
        ("GET", "/webhook-deliveries"),
        ("GET", "/audit"),
    ],
)
def test_a_wrong_administrator_token_is_401_whatever_is_asked(unchanged: Worked, method: str, path: str) -> None:
    for authorization in ("Bearer wrong", "", f"Basic {unchanged.site.admin_token}"):
        refused = unchanged.admin(method, path, headers={"Authorization": authorization}, json={"kind": "tryton"})
        problem(refused, 401)
        assert refused.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/connections/{NOBODY}", 404),
        ("PUT", f"/connections/{NOBODY}/config", 404),
        ("POST", f"/connections/{NOBODY}/activate", 404),
        ("POST", f"/connections/{NOBODY}/exports", 404),
        ("DELETE", f"/connections/{NOBODY}", 404),
        ("GET", "/connections/not-an-id", 422),
        ("GET", f"/export-jobs?connection={NOBODY}", 404),
        ("GET", "/export-jobs?status=lost", 422),
        ("GET", "/export-jobs?cursor=made-up", 400),
        ("GET", "/export-jobs?limit=0", 422),
        ("GET", f"/export-jobs/{NOBODY}", 404),
        ("GET", f"/export-jobs/{NOBODY}/items", 404),
        ("GET", f"/webhook-deliveries?connection={NOBODY}", 404),
        ("GET", f"/audit?connection={NOBODY}", 404),
        ("GET", "/nothing-here", 404),
        ("PATCH", "/connections", 405),
    ],
)
def test_what_is_not_there_is_told_apart_from_what_cannot_be_read(
    unchanged: Worked, method: str, path: str, status: int
) -> None:
    body = unchanged.site.configuration() if method == "PUT" else None
    problem(unchanged.admin(method, path, json=body), status)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"journal": "NOSUCH"}, "journal"),
        ({"accounts": {"out_of_pocket": "99.99"}}, "accounts.out_of_pocket"),
        ({"accounts": {"wallet": {"DKK": "2.1.0"}}}, "accounts.wallet.DKK"),
        ({"dimensions": ["A", "B", "C", "D", "E", "F"]}, "dimensions"),
        ({"dimensions": ["NOSUCH"]}, "dimensions"),
        ({"tax": {"mode": "explicit", "codes": {"DK25": "999"}}}, "tax.codes.DK25"),
        ({"posting_mode": "perhaps"}, "posting_mode"),
        ({"time_zone": "Europe/Atlantis"}, "time_zone"),
        ({"dimentions": ["CC"]}, "dimentions"),
    ],
)
def test_a_configuration_that_does_not_fit_the_erp_is_422_and_names_the_place(
    unchanged: Worked, change: dict[str, Any], path: str
) -> None:
    wanted = unchanged.site.configuration()
    wanted |= {name: wanted[name] | value if name == "accounts" else value for name, value in change.items()}
    found = problem(unchanged.admin("PUT", "/connections/{connection}/config", json=wanted), 422)
    assert any(one["path"].startswith(path) and one["message"] for one in found["errors"]), found


@pytest.mark.rule("EXP-ACCT-14")
@pytest.mark.parametrize(("one", "other"), [("out_of_pocket", "wallet"), ("external_reimbursement", "out_of_pocket")])
def test_wallet_out_of_pocket_and_reimbursement_must_differ(unchanged: Worked, one: str, other: str) -> None:
    wanted = unchanged.site.configuration()
    taken = wanted["accounts"][other]
    wanted["accounts"][one] = taken["DKK"] if isinstance(taken, dict) else taken
    found = problem(unchanged.admin("PUT", "/connections/{connection}/config", json=wanted), 422)
    assert found["errors"]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"journal=EXP", "headers": {"content-type": "text/plain"}}, 415),
        ({"content": b" " * (1024 * 1024 + 1), "headers": {"content-type": "application/json"}}, 413),
        ({"json": ["a list"]}, 422),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(unchanged: Worked, request_: dict[str, Any], status: int) -> None:
    problem(unchanged.admin("PUT", "/connections/{connection}/config", **request_), status)


@pytest.mark.parametrize(
    ("kind", "change"),
    [("tryton", {"company": 99}), ("tryton", {"api_key": "wrong"}), ("tryton", {"company": None}), ("sap", {})],
)
def test_an_erp_company_that_cannot_be_read_is_not_bound(unchanged: Worked, kind: str, change: dict[str, Any]) -> None:
    settings = unchanged.site.tryton.binding() | change
    problem(unchanged.admin("PUT", "/connections/{connection}/erp", json={"kind": kind, "settings": settings}), 422)


def test_only_an_open_question_can_be_settled_by_hand(unchanged: Worked) -> None:
    path, failed = "/export-jobs/{job}/items/{booked}/resolve", unchanged.item("bad_unknown_account")
    booked = {"action": "mark_booked", "reference": "EXP/1", "reason": "Seen in the journal."}
    assert "only failed or unknown" in problem(unchanged.admin("POST", path, json=booked), 409)["detail"]
    problem(unchanged.admin("POST", path, json={"action": "probe"}), 409)
    problem(unchanged.admin("POST", path, json={"action": "forget"}), 422)
    problem(unchanged.admin("POST", f"/export-jobs/{{job}}/items/{NOBODY}/resolve", json={"action": "probe"}), 404)
    nameless = unchanged.admin("POST", f"/export-jobs/{{job}}/items/{failed}/resolve", json={"action": "mark_booked"})
    assert [one["path"] for one in problem(nameless, 422)["errors"]] == ["reference", "reason"]


EVENT = {
    "data": {"id": NOBODY, "companyId": DEMO_COMPANY_ID},
    "eventId": NOBODY,
    "eventType": "v1.export-job.created",
}
GOOD = json.dumps(EVENT).encode()


@pytest.mark.rule("HOOK-030", "HOOK-034", "HOOK-035", "HOOK-036")
@pytest.mark.parametrize(
    ("send", "status"),
    [
        (lambda at: at.deliver(b'{"data":'), 400),
        (lambda at: at.deliver(b"[]"), 400),
        (lambda at: at.deliver(json.dumps({**EVENT, "data": {}}).encode()), 400),
        (lambda at: at.deliver(b"{" + b" " * 256 * 1024 + b"}"), 413),
        (lambda at: at.deliver(GOOD, **{"content-type": "text/plain"}), 415),
        (lambda at: at.deliver(GOOD, **{"webhook-signature": ""}), 401),
        (lambda at: at.deliver(b'{"data":', **{"webhook-signature": signature("whsec_QUJD", "x", 1, b"")}), 401),
        (lambda at: at.deliver(GOOD, **{"webhook-signature": "v1"}), 401),
        (lambda at: at.deliver(GOOD, **{"webhook-signature": "v1,g0hM9SsE+OTPJTGttmIKtSyZlE3uFJELVlNIOLJ1OE="}), 401),
        (lambda at: at.deliver(GOOD, **{"webhook-timestamp": "yesterday"}), 401),
        (lambda at: at.deliver(GOOD, **{"webhook-timestamp": str(int(time.time()) - 301)}), 401),
        (lambda at: at.deliver(GOOD, **{"webhook-id": "msg_of_another"}), 401),
        (lambda at: at.site.anybody.post(at.mailbox.wish.endpoint_url, json=EVENT), 401),
        (lambda at: at.site.anybody.post("/webhooks/pleo/somebody-elses", json=EVENT), 404),
        (lambda at: at.site.anybody.get(at.mailbox.wish.endpoint_url), 405),
    ],
)
def test_a_delivery_that_is_not_pleos_or_no_event_is_refused_and_not_stored(
    unchanged: Worked, send: Callable[[Worked], httpx.Response], status: int
) -> None:
    problem(send(unchanged), status)


@pytest.mark.rule("HOOK-026")
def test_a_delivery_that_names_an_unknown_company_is_acknowledged_dropped_and_counted(worked: Worked) -> None:
    mismatches = "ledgerbridge_webhook_company_mismatches_total"
    before, jobs = worked.site.metric(mismatches), worked.site.ask("GET", "/export-jobs")
    event = {**EVENT, "data": {"id": str(uuid.uuid4()), "companyId": NOBODY}}
    assert worked.deliver(json.dumps(event).encode()).status_code == 202
    assert worked.site.metric(mismatches) == before + 1
    (kept,) = worked.site.ask("GET", "/webhook-deliveries?status=dropped")["data"]
    assert kept["company_id"] == NOBODY
    assert worked.site.ask("GET", "/export-jobs") == jobs


@pytest.mark.rule("AUTH-028")
def test_a_return_from_pleo_that_nobody_began_connects_nobody(unchanged: Worked) -> None:
    for query in ("", "?code=made-up", "?code=made-up&state=made-up", "?error=access_denied&state=made-up"):
        page = unchanged.site.anybody.get(f"/oauth/callback{query}")
        assert 400 <= page.status_code < 500
        assert page.headers["content-type"].startswith("text/html")
        assert "<h1>" in page.text
