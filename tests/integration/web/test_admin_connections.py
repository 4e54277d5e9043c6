"""Connections through the admin API, from a key or a browser to going live and the end."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from sqlalchemy import select, text

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.erp.port import ErpError
from ledgerbridge.exports.enqueue import LOOK
from ledgerbridge.store.tables import AuditRecord, ConfigVersion
from pleo_sandbox.config import DEMO_COMPANY_ID
from tests.integration.web.conftest import ERP_SETTINGS, Face
from tests.integration.web.test_admin_api import is_problem
from tests.support.erp_double import PAYABLES, down
from tests.support.rig import CONFIGURATION


async def audit_of(face: Face, connection_id: str) -> list[tuple[str, str]]:
    async with face.services.db.reading() as session:
        rows = await session.scalars(
            select(AuditRecord).where(AuditRecord.connection_id == uuid.UUID(connection_id)).order_by(AuditRecord.id)
        )
        return [(row.actor, row.action) for row in rows]


async def looks(face: Face) -> int:
    async with face.services.db.reading() as session:
        query = text("select count(*) from procrastinate_jobs where task_name = :name and status = 'todo'")
        return int(await session.scalar(query, {"name": LOOK}) or 0)


async def test_a_connection_shows_its_company_what_is_missing_and_no_secret(face: Face) -> None:
    found = await face.connect()
    shown = (await face.admin.get(f"/admin/api/connections/{found}")).json()
    assert shown["id"] == found
    assert shown["company_id"] == DEMO_COMPANY_ID
    assert shown["status"] == "setting_up"
    assert shown["auth_method"] == "oauth"
    assert "export-jobs:read" in shown["scopes"]
    assert shown["erp"] is None
    assert shown["missing"] == [
        "Connect the accounting system.",
        "Choose journal and accounts.",
        "Switch the connection on.",
    ]
    assert shown["webhooks"]["subscribed"] is True
    assert shown["last_job"] is None


async def test_binding_answers_with_the_erp_company_and_keeps_the_key_to_itself(face: Face) -> None:
    found = await face.connect()
    answer = await face.admin.put(
        f"/admin/api/connections/{found}/erp", json={"kind": "double", "settings": ERP_SETTINGS}
    )
    assert answer.status_code == 200
    body = answer.json()
    assert body["id"] == found
    assert body["company"] == {"id": "1", "name": "Demo ApS", "registration_number": "41414141", "currency": "DKK"}
    assert body["settings"] == {"base_url": "https://erp.example", "database": "books", "company": 1}
    shown = await face.admin.get(f"/admin/api/connections/{found}")
    assert shown.json()["erp"] == body
    assert ERP_SETTINGS["api_key"] not in answer.text + shown.text
    assert ("admin:ada", "erp_bound") in await audit_of(face, found)


async def test_what_the_erp_keeps_us_from_shows_with_it(face: Face) -> None:
    found = await face.connect()
    face.books.capabilities = PAYABLES
    face.books.matching_limits = "match bills"
    bound = await face.admin.put(
        f"/admin/api/connections/{found}/erp", json={"kind": "double", "settings": ERP_SETTINGS}
    )
    shown = await face.admin.get(f"/admin/api/connections/{found}")
    told = "In the accounting system the integration user may not match bills."
    assert bound.json()["limits"] == shown.json()["erp"]["limits"] == told


async def test_a_wrong_binding_names_the_place_and_changes_nothing(face: Face) -> None:
    found = await face.connect()
    for body, path in (
        ({"kind": "sap", "settings": {}}, "kind"),
        ({"kind": "double"}, "settings"),
        ({"settings": {}}, "kind"),
        ({"kind": "double", "settings": {}, "confirm": True}, "confirm"),
        ({"kind": 5, "settings": {}}, "kind"),
    ):
        refused = is_problem(await face.admin.put(f"/admin/api/connections/{found}/erp", json=body), 422)
        assert [one["path"] for one in refused["errors"]] == [path]
    assert (await face.admin.get(f"/admin/api/connections/{found}")).json()["erp"] is None


async def test_an_erp_that_refuses_the_key_is_422_in_its_words(face: Face) -> None:
    found = await face.connect()
    face.books.before["company"] = [ErpError(problem(Failure.ERP_AUTHENTICATION))]
    refused = is_problem(
        await face.admin.put(f"/admin/api/connections/{found}/erp", json={"kind": "double", "settings": ERP_SETTINGS}),
        422,
    )
    assert "access key" in refused["detail"]


async def test_a_configuration_is_versioned_and_can_be_sent_back_as_it_came(face: Face) -> None:
    found = await face.bound()
    url = f"/admin/api/connections/{found}/config"
    is_problem(await face.admin.get(url), 404)
    first = await face.admin.put(url, json=CONFIGURATION)
    assert first.status_code == 200
    assert first.json()["version"] == 1
    assert first.json()["created_by"] == "admin:ada"
    exported = (await face.admin.get(url)).json()
    for name, value in CONFIGURATION.items():
        assert exported[name] == value, name
    again = await face.admin.put(url, json=exported)
    assert again.json()["version"] == 2
    assert [one["version"] for one in (await face.admin.get(f"{url}/versions")).json()["data"]] == [2, 1]
    assert (await audit_of(face, found)).count(("admin:ada", "configuration_changed")) == 2


async def test_an_invalid_configuration_is_422_with_the_path_and_stores_no_version(face: Face) -> None:
    found = await face.bound()
    accounts = CONFIGURATION["accounts"]
    changes: list[tuple[dict[str, Any], str]] = [
        ({"journal": "NOPE"}, "journal"),
        ({"accounts": {**accounts, "out_of_pocket": "9999"}}, "accounts.out_of_pocket"),
        ({"accounts": {**accounts, "wallet": {"DKK": "9999"}}}, "accounts.wallet.DKK"),
        ({"accounts": {**accounts, "out_of_pocket": accounts["wallet"]["DKK"]}}, "accounts.out_of_pocket"),
        ({"dimensions": ["A", "B", "C", "D", "E", "F"]}, "dimensions"),
        ({"posting_mode": "maybe"}, "posting_mode"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"jornal": "EXP"}, "jornal"),
    ]
    for change, path in changes:
        body = {**CONFIGURATION, **change}
        refused = is_problem(await face.admin.put(f"/admin/api/connections/{found}/config", json=body), 422)
        assert path in [one["path"] for one in refused["errors"]], (change, refused)
        assert all(one["message"] for one in refused["errors"])
    async with face.services.db.reading() as session:
        assert (await session.scalars(select(ConfigVersion))).all() == []


async def test_configuring_before_binding_is_a_conflict_and_an_erp_that_is_away_is_503(face: Face) -> None:
    found = await face.connect()
    url = f"/admin/api/connections/{found}/config"
    is_problem(await face.admin.put(url, json=CONFIGURATION), 409)
    await face.admin.put(f"/admin/api/connections/{found}/erp", json={"kind": "double", "settings": ERP_SETTINGS})
    face.books.before["chart"] = [down()]
    answer = await face.admin.put(url, json=CONFIGURATION)
    is_problem(answer, 503)
    assert answer.headers["retry-after"]


async def test_activation_says_what_is_missing_then_goes_live_and_looks_once(face: Face) -> None:
    found = await face.connect()
    refused = is_problem(await face.admin.post(f"/admin/api/connections/{found}/activate"), 409)
    assert "accounting system" in refused["detail"]
    assert (await face.admin.get(f"/admin/api/connections/{found}")).json()["status"] == "setting_up"
    await face.admin.put(f"/admin/api/connections/{found}/erp", json={"kind": "double", "settings": ERP_SETTINGS})
    await face.admin.put(f"/admin/api/connections/{found}/config", json=CONFIGURATION)
    live = await face.activate(found)
    assert live["status"] == "active"
    assert live["missing"] == []
    assert live["installation"]["status"] == "ACTIVATED"
    assert await looks(face) == 1
    assert ("admin:ada", "activated") in await audit_of(face, found)


async def test_checking_now_queues_one_look_however_often_it_is_pressed(face: Face) -> None:
    found = await face.active()
    async with face.services.db.transaction() as session:
        await session.execute(text("delete from procrastinate_jobs"))
    url = f"/admin/api/connections/{found}/exports"
    first = await face.admin.post(url)
    assert (first.status_code, first.json()) == (202, {"id": found, "queued": True})
    second = await face.admin.post(url)
    assert (second.status_code, second.json()) == (202, {"id": found, "queued": False})
    assert await looks(face) == 1
    assert (await audit_of(face, found)).count(("admin:ada", "export_look_requested")) == 2


async def test_checking_now_on_a_connection_that_is_not_live_is_a_conflict(face: Face) -> None:
    found = await face.connect()
    refused = is_problem(await face.admin.post(f"/admin/api/connections/{found}/exports"), 409)
    assert "setting_up" in refused["detail"]
    assert await looks(face) == 0


@pytest.mark.rule("AUTH-080")
async def test_disconnecting_wipes_at_pleo_and_here_and_may_be_repeated(face: Face) -> None:
    found = await face.active()
    assert (await face.admin.delete(f"/admin/api/connections/{found}")).status_code == 204
    shown = (await face.admin.get(f"/admin/api/connections/{found}")).json()
    assert shown["status"] == "disconnected"
    assert shown["erp"] is None
    assert shown["webhooks"]["subscribed"] is False
    assert (await face.admin.delete(f"/admin/api/connections/{found}")).status_code == 204
    assert len(face.pleo.requests("DELETE", "/v1/installations/me")) == 1
    assert (await face.browser.get("/settings")).status_code == 401, "its browsers are signed out"
    assert ("admin:ada", "disconnected") in await audit_of(face, found)


@pytest.mark.rule("AUTH-101", "AUTH-102")
async def test_a_company_is_connected_by_an_api_key(face: Face) -> None:
    key = face.pleo.api_key()
    answer = await face.admin.post("/admin/api/connections", json={"api_key": key})
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert shown["auth_method"] == "api_key"
    assert shown["company_id"] == DEMO_COMPANY_ID
    assert key not in answer.text
    assert ("admin:ada", "connected") in await audit_of(face, shown["id"])


@pytest.mark.rule("AUTH-103")
async def test_a_key_is_replaced_by_another_one_of_the_same_company(face: Face) -> None:
    found = (await face.admin.post("/admin/api/connections", json={"api_key": face.pleo.api_key()})).json()["id"]
    new = face.pleo.api_key()
    answer = await face.admin.put(f"/admin/api/connections/{found}/api-key", json={"api_key": new})
    assert answer.status_code == 200
    assert answer.json()["id"] == found
    assert new not in answer.text
    refused = await face.admin.put(f"/admin/api/connections/{found}/api-key", json={"api_key": "wrong-key-1234567890"})
    is_problem(refused, 422)
    assert "wrong-key" not in refused.text


async def test_a_key_pleo_does_not_know_connects_nothing(face: Face) -> None:
    is_problem(await face.admin.post("/admin/api/connections", json={"api_key": "nobody-knows-this-key"}), 422)
    assert (await face.admin.get("/admin/api/connections")).json() == {"data": [], "next_cursor": None}


async def test_no_answer_log_or_audit_record_holds_a_secret(face: Face, capfd: pytest.CaptureFixture[str]) -> None:
    found = await face.active(lists=True)
    async with face.services.db.reading() as session:
        audit = json.dumps([row.detail for row in await session.scalars(select(AuditRecord))])
    pages = [
        (await face.admin.get(path)).text
        for path in (
            "/admin/api/connections",
            f"/admin/api/connections/{found}",
            f"/admin/api/connections/{found}/config",
            "/admin/api/audit",
            "/admin/api/webhook-deliveries",
            "/metrics",
            "/readyz",
            "/openapi.json",
        )
    ] + [(await face.browser.get("/settings")).text]
    world = face.pleo.running.sandbox.world
    secrets = [ERP_SETTINGS["api_key"], face.services.settings.pleo_client_secret.get_secret_value()]
    secrets += [
        token
        for family in world.tokens.families.values()
        for token in vars(family).values()
        if isinstance(token, str) and len(token) > 30
    ]
    assert len(secrets) > 3
    out = capfd.readouterr()
    everything = "".join([*pages, audit, out.out, out.err])
    for secret in secrets:
        assert str(secret) not in everything


async def test_the_key_is_asked_for_again_where_the_place_changed_and_not_for_any_other_setting(face: Face) -> None:
    found = await face.connect()
    path = f"/admin/api/connections/{found}/erp"
    limited = ERP_SETTINGS | {"branch": "7"}
    assert (await face.admin.put(path, json={"kind": "double", "settings": limited})).status_code == 200
    without = {name: value for name, value in ERP_SETTINGS.items() if name != "api_key"}
    nowhere = {name: value for name, value in without.items() if name != "database"}
    answer = await face.admin.put(path, json={"kind": "double", "settings": nowhere})
    assert answer.status_code == 422, "a place that is left out is another place"
    assert answer.json()["errors"][0]["path"] == "settings.api_key"
    assert (await face.admin.put(path, json={"kind": "double", "settings": without})).status_code == 200


async def test_a_connection_is_paused_with_a_reason_and_resumed(face: Face) -> None:
    connection = await face.active()
    here = f"/admin/api/connections/{connection}"
    for body in ({}, {"reason": "  "}, {"reason": "ok", "until": "tomorrow"}, {"reason": "x" * 1001}):
        assert (await face.admin.post(f"{here}/pause", json=body)).status_code == 422, body
    paused = await face.admin.post(f"{here}/pause", json={"reason": "We are looking into it."})
    assert paused.status_code == 200
    assert (paused.json()["status"], paused.json()["status_reason"]) == ("paused", "We are looking into it.")
    assert (await face.admin.post(f"{here}/exports")).status_code == 409
    resumed = await face.admin.post(f"{here}/resume")
    assert (resumed.json()["status"], resumed.json()["status_reason"]) == ("active", None)
    assert (await face.admin.post(f"{here}/resume")).status_code == 200
    actions = [one["action"] for one in (await face.admin.get("/admin/api/audit")).json()["data"]]
    assert actions[:2] == ["resumed", "paused"]


async def test_only_what_is_live_is_paused_and_only_what_is_paused_resumed(face: Face) -> None:
    connection = await face.bound()
    for what, body in (("pause", {"reason": "We are looking into it."}), ("resume", None)):
        refused = await face.admin.post(f"/admin/api/connections/{connection}/{what}", json=body)
        assert refused.status_code == 409, refused.text
