"""Syncs through the admin API: started, looked into, allowed, and what waits for a person."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from sqlalchemy import select, text

from ledgerbridge.clock import utcnow
from ledgerbridge.store.tables import (
    Connection,
    ErpBinding,
    LinkPhase,
    MappingWarning,
    SyncKind,
    SyncRun,
    SyncSchedule,
    SyncStatus,
    VendorLink,
)
from ledgerbridge.syncs import tasks
from ledgerbridge.syncs.enqueue import RUN
from ledgerbridge.syncs.failing import of_problem
from tests.integration.syncs.stage import accounts
from tests.integration.web.conftest import Face
from tests.integration.web.console.quick import live
from tests.integration.web.test_admin_api import is_problem
from tests.integration.web.test_admin_connections import audit_of
from tests.support.erp_double import CODES, PAYABLES, down
from tests.support.rig import CONFIGURATION


async def queued(face: Face) -> list[dict[str, Any]]:
    async with face.services.db.reading() as session:
        rows = await session.execute(
            text("select args from procrastinate_jobs where task_name = :n and status = 'todo' order by id"), {"n": RUN}
        )
        return [dict(row.args) for row in rows]


async def add(face: Face, *rows: Any) -> None:
    async with face.services.db.transaction() as session:
        session.add_all(rows)


async def work(face: Face, found: str, kind: str, trigger: str = "schedule", **order: Any) -> None:
    await tasks.work(face.services.syncs, uuid.UUID(found), SyncKind(kind), trigger, **order)


@pytest.mark.rule("TAG-123", "TAG-124", "ACC-103", "VEN-121", "TAX-052")
async def test_sync_now_queues_the_same_run_as_the_schedule_once(face: Face) -> None:
    found = await live(face)
    url = f"/admin/api/connections/{found}/syncs"
    first = await face.admin.post(f"{url}/tags")
    assert (first.status_code, first.json()) == (202, {"id": found, "queued": True})
    assert (await face.admin.post(f"{url}/tags")).json()["queued"] is False
    assert (await face.admin.post(f"{url}/tags", json={"only": "CC"})).json()["queued"] is True
    for kind in ("accounts", "tax_codes", "vendors"):
        assert (await face.admin.post(f"{url}/{kind}")).status_code == 202
    assert [(one["kind"], one["only"], one["trigger"]) for one in await queued(face)] == [
        ("tags", None, "manual"),
        ("tags", "CC", "manual"),
        ("accounts", None, "manual"),
        ("tax_codes", None, "manual"),
        ("vendors", None, "manual"),
    ]
    assert ("admin:ada", "sync_requested") in await audit_of(face, found)


async def test_what_cannot_be_synchronised_is_refused_in_words(face: Face) -> None:
    found = await face.connect()
    url = f"/admin/api/connections/{found}/syncs"
    said = is_problem(await face.admin.post(f"{url}/employees"), 404)
    assert "tags, accounts, tax_codes, vendors" in said["detail"]
    assert "setting_up" in is_problem(await face.admin.post(f"{url}/tags"), 409)["detail"]
    is_problem(await face.admin.post(f"{url}/accounts", json={"only": "6000"}), 422)
    is_problem(await face.admin.post(f"{url}/tags", json={"nonsense": 1}), 422)
    is_problem(await face.admin.post(f"/admin/api/connections/{uuid.uuid4()}/syncs/tags"), 404)
    assert await queued(face) == []


async def test_a_kind_that_the_configuration_switches_off_is_refused_with_where_to_enable_it(face: Face) -> None:
    found = await live(face)
    off = {**CONFIGURATION, "syncs": {"accounts": {"enabled": False}}}
    assert (await face.admin.put(f"/admin/api/connections/{found}/config", json=off)).is_success
    said = is_problem(await face.admin.post(f"/admin/api/connections/{found}/syncs/accounts"), 409)
    assert "switched off in the configuration" in said["detail"]
    assert "syncs.accounts.enabled" in said["detail"]
    assert await queued(face) == []
    assert (await face.admin.post(f"/admin/api/connections/{found}/syncs/tags")).status_code == 202


async def test_a_dimension_that_is_not_selected_is_refused_with_those_that_are(face: Face) -> None:
    found = await live(face)
    url = f"/admin/api/connections/{found}/syncs/tags"
    said = is_problem(await face.admin.post(url, json={"only": "ZZ"}), 422)
    assert said["detail"] == "Dimension ZZ is not selected in the configuration. The selected ones are CC, PRJ."
    assert await queued(face) == []
    assert (await face.admin.post(url, json={"only": "cc"})).status_code == 202


async def test_sync_now_takes_back_a_switch_off(face: Face) -> None:
    found = await face.active(lists=True)
    async with face.services.db.transaction() as session:
        row = await session.get_one(SyncSchedule, (uuid.UUID(found), "tags"))
        row.switched_off_at, row.switched_off_reason, row.failures = utcnow(), "It failed for 8 days.", 90
    shown = (await face.admin.get(f"/admin/api/connections/{found}")).json()["syncs"]
    tags = next(one for one in shown if one["kind"] == "tags")
    assert (tags["state"], tags["reason"], tags["next_due_at"]) == ("off", "It failed for 8 days.", None)
    await face.admin.post(f"/admin/api/connections/{found}/syncs/tags")
    shown = (await face.admin.get(f"/admin/api/connections/{found}")).json()["syncs"]
    assert next(one["state"] for one in shown if one["kind"] == "tags") == "on_time"


async def test_a_connection_shows_how_fresh_each_kind_is(face: Face) -> None:
    face.books.capabilities = PAYABLES
    found = await face.active(lists=True)
    shown = (await face.admin.get(f"/admin/api/connections/{found}")).json()["syncs"]
    assert [(one["kind"], one["state"]) for one in shown] == [
        (kind, "on_time") for kind in ("tax_codes", "accounts", "tags", "vendors")
    ]
    assert all(one["last_success_at"] and one["next_due_at"] for one in shown)
    face.books.before["accounts"] = [down()]
    await work(face, found, "accounts")
    shown = (await face.admin.get(f"/admin/api/connections/{found}")).json()["syncs"]
    late = next(one for one in shown if one["kind"] == "accounts")
    assert (late["state"], late["reason"]) == ("failing", of_problem(down().problem).text)
    assert late["failing_since"]

    page = (await face.browser.get("/settings")).text
    assert "Failing" in page
    assert of_problem(down().problem).text in page

    metrics = (await face.anybody.get("/metrics")).text
    assert 'ledgerbridge_sync_freshness{kind="accounts",state="failing"} 1.0' in metrics
    assert 'ledgerbridge_sync_freshness{kind="tags",state="on_time"} 1.0' in metrics
    assert 'ledgerbridge_sync_runs_total{kind="accounts",status="failed"} 1.0' in metrics
    assert 'ledgerbridge_pleo_budget_wait_seconds_count{lane="patient"}' in metrics
    assert found not in metrics


async def test_an_activation_under_way_is_202_and_shows_how_far_it_is(face: Face) -> None:
    found = await face.bound()
    await face.admin.put(f"/admin/api/connections/{found}/config", json=CONFIGURATION)
    answer = await face.admin.post(f"/admin/api/connections/{found}/activate")
    assert answer.status_code == 202
    body = answer.json()
    assert (body["status"], body["missing"]) == ("setting_up", [])
    assert body["activating"]["under_way"] == "tax_codes"
    assert body["activating"]["waiting"] == ["accounts", "tags", "vendors"]
    await add(
        face,
        SyncRun(connection_id=uuid.UUID(found), kind="tax_codes", trigger="activation", status=SyncStatus.SUCCEEDED,
                started_at=utcnow()),
    )  # fmt: skip
    progress = (await face.admin.get(f"/admin/api/connections/{found}")).json()["activating"]
    assert (progress["done"], progress["under_way"]) == (["tax_codes"], "accounts")
    live = await face.activate(found)
    assert (live["status"], live["activating"]) == ("active", None)


async def test_an_activation_that_was_given_up_meanwhile_is_refused_with_its_reason(face: Face) -> None:
    found = await face.bound()
    await face.admin.put(f"/admin/api/connections/{found}/config", json=CONFIGURATION)
    assert (await face.admin.post(f"/admin/api/connections/{found}/activate")).status_code == 202
    for installation in face.pleo.running.sandbox.world.installations.all():
        installation.status = "INACTIVE"
    shown = await face.activate(found)
    assert (shown["status"], shown["activating"]) == ("setting_up", None)
    assert "INACTIVE" in shown["status_reason"]


# ------------------------------------------------------------------ runs


async def test_runs_are_listed_newest_first_by_page_and_filter(face: Face) -> None:
    found = await live(face)
    begun = utcnow() + dt.timedelta(hours=1)
    await add(face, *(
        SyncRun(connection_id=uuid.UUID(found), kind="tags", trigger="schedule", status=SyncStatus.SUCCEEDED,
                started_at=begun + dt.timedelta(minutes=number), created=number)
        for number in range(5)
    ))  # fmt: skip
    url = f"/admin/api/sync-runs?connection={found}&kind=tags&status=succeeded&limit=3"
    first = (await face.admin.get(url)).json()
    assert [one["created"] for one in first["data"]] == [4, 3, 2]
    second = (await face.admin.get(f"{url}&cursor={first['next_cursor']}")).json()
    assert [one["created"] for one in second["data"]][:2] == [1, 0]
    is_problem(await face.admin.get("/admin/api/sync-runs?kind=employees"), 422)
    is_problem(await face.admin.get(f"/admin/api/sync-runs?connection={uuid.uuid4()}"), 404)


async def test_a_run_tells_the_reason_of_every_record_that_failed(face: Face) -> None:
    found = await live(face)
    run = SyncRun(
        id=uuid.uuid4(), connection_id=uuid.UUID(found), kind="accounts", trigger="manual",
        status=SyncStatus.WITH_FAILURES, failed=1, problems_left_out=2,
        problems=[{"record": "account 6000", "action": "update", "code": "code_taken", "text": "The code is taken."}],
    )  # fmt: skip
    await add(face, run)
    shown = (await face.admin.get(f"/admin/api/sync-runs/{run.id}")).json()
    assert shown["problems"] == run.problems
    assert (shown["failed"], shown["problems_left_out"]) == (1, 2)
    is_problem(await face.admin.get(f"/admin/api/sync-runs/{uuid.uuid4()}"), 404)


@pytest.mark.rule("TAG-149", "VEN-053")
async def test_archiving_that_a_run_asked_for_is_allowed_once_and_only_for_the_newest_run(face: Face) -> None:
    found = await live(face)
    older, newer = (
        SyncRun(
            id=uuid.uuid4(), connection_id=uuid.UUID(found), kind="accounts", trigger="schedule",
            status=SyncStatus.NEEDS_CONFIRMATION, to_archive=number,
            started_at=utcnow() + dt.timedelta(minutes=number),
        )
        for number in (40, 41)
    )  # fmt: skip
    await add(face, older, newer)
    refused = is_problem(await face.admin.post(f"/admin/api/sync-runs/{older.id}/confirm"), 409)
    assert str(newer.id) in refused["detail"]
    allowed = await face.admin.post(f"/admin/api/sync-runs/{newer.id}/confirm")
    assert (allowed.status_code, allowed.json()["queued"]) == (202, True)
    (job,) = await queued(face)
    assert (job["trigger"], job["archive_allowed"], job["allowed_by"]) == ("confirmed", 41, "admin:ada")
    assert ("admin:ada", "archiving_allowed") in await audit_of(face, found)


async def test_allowed_archiving_is_done_and_no_more_than_was_allowed(face: Face) -> None:
    found = await face.active(lists=True)
    master = face.books.master
    keep = [one for one in master.accounts if one.code in CODES.values()]
    master.accounts = [*keep, *accounts(60, first=501)]
    await work(face, found, "accounts")
    master.accounts = [*keep, *accounts(20, first=501)]
    await work(face, found, "accounts")
    run = (await face.admin.get("/admin/api/sync-runs?status=needs_confirmation")).json()["data"][0]
    assert run["to_archive"] == 40
    shown = (await face.admin.get(f"/admin/api/connections/{found}")).json()["syncs"]
    assert "40 records" in next(one["reason"] for one in shown if one["kind"] == "accounts")
    assert "ledgerbridge_sync_confirmations_waiting 1.0" in (await face.anybody.get("/metrics")).text
    await face.admin.post(f"/admin/api/sync-runs/{run['id']}/confirm")
    (job,) = [one for one in await queued(face) if one["trigger"] == "confirmed"]
    assert job["asked_in"] == run["id"]
    await work(face, job.pop("connection_id"), **job)
    done = (await face.admin.get("/admin/api/sync-runs?kind=accounts")).json()["data"][0]
    assert (done["archived"], done["allowed_by"], done["status"]) == (40, "admin:ada", "succeeded")


async def test_a_question_about_another_accounting_system_is_not_answered(face: Face) -> None:
    found = await live(face)
    run = SyncRun(
        id=uuid.uuid4(), connection_id=uuid.UUID(found), kind="accounts", trigger="schedule", to_archive=40,
        status=SyncStatus.NEEDS_CONFIRMATION, started_at=utcnow(),
    )  # fmt: skip
    await add(face, run)
    async with face.services.db.transaction() as session:
        (await session.get_one(ErpBinding, uuid.UUID(found))).bound_at = utcnow() + dt.timedelta(minutes=1)
    refused = is_problem(await face.admin.post(f"/admin/api/sync-runs/{run.id}/confirm"), 409)
    assert "connected anew" in refused["detail"]
    assert await queued(face) == []


async def test_a_run_that_asks_for_nothing_cannot_be_confirmed(face: Face) -> None:
    await face.active(lists=True)
    (run, *_) = (await face.admin.get("/admin/api/sync-runs")).json()["data"]
    is_problem(await face.admin.post(f"/admin/api/sync-runs/{run['id']}/confirm"), 409)
    is_problem(await face.admin.post(f"/admin/api/sync-runs/{uuid.uuid4()}/confirm"), 404)


# ------------------------------------------------------------------ what waits for a person


async def test_open_warnings_are_listed_counted_and_measured(face: Face) -> None:
    found = await live(face)
    owner = uuid.UUID(found)
    await add(
        face,
        MappingWarning(connection_id=owner, kind="accounts", code="6800", used_by="category", text="Choose another."),
        MappingWarning(connection_id=owner, kind="tags", code="CC", used_by="x", text="y", resolved_at=utcnow()),
    )
    url = f"/admin/api/connections/{found}"
    assert (await face.admin.get(url)).json()["mapping_warnings"] == 1
    (shown,) = (await face.admin.get(f"{url}/warnings")).json()["data"]
    assert (shown["code"], shown["text"], shown["resolved_at"]) == ("6800", "Choose another.", None)
    assert len((await face.admin.get(f"{url}/warnings?resolved=true")).json()["data"]) == 2
    metrics = (await face.anybody.get("/metrics")).text
    assert 'ledgerbridge_mapping_warnings_open{kind="accounts"} 1.0' in metrics


async def test_parked_vendors_are_listed_with_the_reason_and_decided_on(face: Face) -> None:
    face.books.capabilities = PAYABLES
    found = await live(face)
    company = (await face.admin.get(f"/admin/api/connections/{found}")).json()["company_id"]
    (draft,) = face.pleo.control("POST", f"/companies/{company}/vendors", items=[{"name": "Acme", "country": "DK"}])
    await add(
        face,
        VendorLink(connection_id=uuid.UUID(found), pleo_id=draft["id"], phase=LinkPhase.PARKED, note="Two fit it."),
    )
    url = f"/admin/api/connections/{found}"
    assert (await face.admin.get(url)).json()["parked_vendors"] == 1
    assert "ledgerbridge_vendors_parked 1.0" in (await face.anybody.get("/metrics")).text
    (shown,) = (await face.admin.get(f"{url}/vendors")).json()["data"]
    assert (shown["id"], shown["phase"], shown["note"]) == (draft["id"], "parked", "Two fit it.")

    resolve = f"{url}/vendors/{draft['id']}/resolve"
    is_problem(await face.admin.post(resolve, json={"action": "forget"}), 422)
    said = is_problem(await face.admin.post(resolve, json={"action": "link", "erp_id": "nobody"}), 409)
    assert "nobody" in said["detail"]
    done = await face.admin.post(resolve, json={"action": "create"})
    assert done.status_code == 200, done.text
    assert done.json()["only"] == draft["id"]
    assert [one.name for one in face.books.master.vendors] == ["Acme"]
    assert (await face.admin.get(url)).json()["parked_vendors"] == 0


async def test_activating_an_active_connection_switches_kinds_on_again_without_syncing(face: Face) -> None:
    found = await face.active(lists=True)
    async with face.services.db.transaction() as session:
        row = await session.get_one(SyncSchedule, (uuid.UUID(found), "vendors"))
        row.switched_off_at, row.switched_off_reason = utcnow(), "No access."
        before = len((await session.scalars(select(SyncRun))).all())
    assert (await face.admin.post(f"/admin/api/connections/{found}/activate")).status_code == 200
    async with face.services.db.reading() as session:
        assert (await session.get_one(SyncSchedule, (uuid.UUID(found), "vendors"))).switched_off_at is None
        assert len((await session.scalars(select(SyncRun))).all()) == before
        assert (await session.get_one(Connection, uuid.UUID(found))).status == "active"
