"""What machines that watch us see, well and unwell."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from ledgerbridge.ops import gauges, readiness
from ledgerbridge.store.embedded import EmbeddedPostgres
from ledgerbridge.web.shared import Shared
from tests.integration.web.conftest import Face
from tests.integration.web.test_admin_api import is_problem

METRICS = [
    "ledgerbridge_webhook_deliveries_total",
    "ledgerbridge_webhook_company_mismatches_total",
    "ledgerbridge_webhook_deliveries_waiting",
    "ledgerbridge_export_jobs_total",
    "ledgerbridge_export_jobs_open",
    "ledgerbridge_export_jobs_unannounced_total",
    "ledgerbridge_export_job_seconds",
    "ledgerbridge_export_items_total",
    "ledgerbridge_outgoing_calls_total",
    "ledgerbridge_outgoing_call_seconds",
    "ledgerbridge_token_refreshes_total",
    "ledgerbridge_http_requests_total",
    "ledgerbridge_http_request_seconds",
    "ledgerbridge_connections",
    "ledgerbridge_polls_late_seconds",
    "ledgerbridge_postings_unknown",
    "ledgerbridge_invariant_violations",
    "ledgerbridge_invariant_checked_seconds",
    "ledgerbridge_invariant_check_failed",
    "ledgerbridge_queue_depth",
    "ledgerbridge_queue_oldest_waiting_seconds",
    "ledgerbridge_workers_alive",
    "ledgerbridge_database_up",
]


@contextlib.asynccontextmanager
async def a_worker(face: Face) -> AsyncIterator[None]:
    stop = asyncio.Event()
    working = asyncio.create_task(face.services.queue.run_worker(stop))
    try:
        yield
    finally:
        stop.set()
        await working


async def test_alive_says_so_even_without_a_database(face: Face, postgres: EmbeddedPostgres, database_url: str) -> None:
    postgres.drop_database(database_url.rsplit("/", 1)[1])
    answer = await face.anybody.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_ready_needs_a_living_worker(face: Face) -> None:
    without = await face.anybody.get("/readyz")
    assert without.status_code == 503
    assert without.json()["checks"]["worker"]["ok"] is False
    assert without.json()["checks"]["database"]["ok"] is True
    assert without.json()["checks"]["migrations"]["ok"] is True
    async with a_worker(face):
        for _ in range(600):
            ready = await face.anybody.get("/readyz")
            if ready.status_code == 200:
                break
            await asyncio.sleep(0.1)
        assert ready.json()["status"] == "ready"
        assert all(check["ok"] for check in ready.json()["checks"].values())


@pytest.mark.parametrize(("path", "room", "name"), [("/readyz", readiness, "checks"), ("/metrics", gauges, "read")])
async def test_a_crowd_of_strangers_costs_the_database_what_one_costs(
    face: Face, monkeypatch: pytest.MonkeyPatch, path: str, room: Any, name: str
) -> None:
    """Else a few dozen of them keep deliveries waiting and make a service that works look dead."""
    look, share, looks, asked, all_here = getattr(room, name), Shared.get, 0, 0, asyncio.Event()

    async def asking(self: Shared[Any], wanted: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 40:
            all_here.set()
        return await share(self, wanted)

    async def counted(*given: Any) -> Any:
        nonlocal looks
        looks += 1
        async with asyncio.timeout(60):
            await all_here.wait()
        return await look(*given)

    monkeypatch.setattr(room, name, counted)
    monkeypatch.setattr(Shared, "get", asking)
    answers = await asyncio.gather(*(face.anybody.get(path) for _ in range(40)))
    assert len({answer.status_code for answer in answers}) == 1
    assert looks == 1, "one for all who ask meanwhile"
    await face.anybody.get(path)
    assert looks == 2, "and whoever asks later gets a new one"


async def test_an_older_schema_is_not_ready(face: Face) -> None:
    async with face.services.db.transaction() as session:
        await session.execute(text("update alembic_version set version_num = '0001'"))
    answer = await face.anybody.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == {"ok": False, "detail": "not current; run `ledgerbridge migrate`"}


async def test_a_database_that_is_away_is_not_ready_and_shows_in_the_metrics(
    face: Face, postgres: EmbeddedPostgres, database_url: str
) -> None:
    postgres.drop_database(database_url.rsplit("/", 1)[1])
    answer = await face.anybody.get("/readyz")
    assert answer.status_code == 503
    assert [name for name, check in answer.json()["checks"].items() if not check["ok"]] == [
        "database",
        "migrations",
        "worker",
    ]
    assert "postgresql://" not in answer.text
    metrics = await face.anybody.get("/metrics")
    assert metrics.status_code == 200
    assert "ledgerbridge_database_up 0.0" in metrics.text
    is_problem(await face.admin.get("/admin/api/audit"), 503)


async def test_the_metrics_have_names_values_and_nobodys_identity(face: Face) -> None:
    found = await face.active(lists=True)
    await face.anybody.post("/webhooks/pleo/guessed", json={})
    shown = (await face.anybody.get("/metrics")).text
    for name in METRICS:
        assert f"# TYPE {name.removesuffix('_total')}" in shown or f"# TYPE {name}" in shown, name
    assert 'ledgerbridge_connections{status="active"} 1.0' in shown
    assert 'ledgerbridge_webhook_deliveries_total{result="unknown_path"} 1.0' in shown
    assert 'ledgerbridge_queue_depth{status="waiting"}' in shown
    assert 'side="pleo"' in shown
    assert 'status="200"' in shown
    assert 'route="/webhooks/pleo/{subscription_token}"' in shown
    assert "guessed" not in shown
    assert found not in shown


async def test_every_call_to_pleo_is_counted_with_its_status(face: Face) -> None:
    await face.connect()
    registry = face.services.metrics.registry
    counted = {
        sample.labels["operation"]: sample.value
        for metric in registry.collect()
        if metric.name == "ledgerbridge_outgoing_calls"
        for sample in metric.samples
        if sample.name.endswith("_total")
    }
    recorded = [
        one
        for one in face.pleo.running.sandbox.world.recorder.requests
        if one.path.startswith(("/v1", "/v3", "/oauth/token"))
    ]
    assert sum(counted.values()) == len(recorded)
