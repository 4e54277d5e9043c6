"""What comes round by itself: who is asked, how often, and what is cleared away."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from sqlalchemy import func, select, text

from ledgerbridge.clock import utcnow
from ledgerbridge.exports.enqueue import LOOK
from ledgerbridge.ops import rounds
from ledgerbridge.store.tables import Connection, ConnectionStatus, ExportJob, LookSchedule, WebhookDelivery
from tests.integration.web.conftest import Face
from tests.support.rig import Pleo as Bookkeeper


async def add_connection(face: Face, status: ConnectionStatus, environment: str | None = None) -> uuid.UUID:
    found = uuid.uuid4()
    async with face.services.db.transaction() as session:
        session.add(
            Connection(
                id=found,
                environment=environment or face.services.connections.environment,
                company_id=str(uuid.uuid4()),
                status=status,
                auth_method="oauth",
                subject_urn="urn:pleo:company:x",
            )
        )
    return found


async def queued(face: Face, task: str) -> list[dict[str, Any]]:
    async with face.services.db.reading() as session:
        rows = await session.execute(
            text("select args, scheduled_at - now() as wait from procrastinate_jobs where task_name = :n"), {"n": task}
        )
        return [{**row.args, "wait": row.wait.total_seconds()} for row in rows]


@pytest.mark.rule("HOOK-041", "HOOK-045")
async def test_a_job_no_delivery_ever_told_us_of_is_worked_all_the_same(face: Face) -> None:
    connection_id = await face.active()
    bookkeeper = Bookkeeper(face.pleo.url)
    job_id = bookkeeper.export(bookkeeper.queue("fee"))
    async with face.services.db.transaction() as session:
        await session.execute(text("delete from procrastinate_jobs"))
        session.add(LookSchedule(connection_id=uuid.UUID(connection_id), due_at=utcnow()))
    stop = asyncio.Event()
    working = asyncio.create_task(face.services.queue.run_worker(stop))
    try:
        for _ in range(900):
            if bookkeeper.job(job_id)["status"] == "completed":
                break
            await asyncio.sleep(0.1)
    finally:
        stop.set()
        await working
    assert bookkeeper.job(job_id)["status"] == "completed"
    async with face.services.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(WebhookDelivery)) == 0
    registry = face.services.metrics.registry
    assert registry.get_sample_value("ledgerbridge_export_jobs_unannounced_total") == 1
    assert registry.get_sample_value("ledgerbridge_export_items_total", {"outcome": "booked"}) == 1
    status = {"status": "completed", "found_by": "poll"}
    assert registry.get_sample_value("ledgerbridge_export_jobs_total", status) == 1


async def test_a_process_that_starts_looks_after_jobs_left_unfinished(face: Face) -> None:
    left, idle, over = [await add_connection(face, ConnectionStatus.ACTIVE) for _ in range(3)]
    gone = await add_connection(face, ConnectionStatus.DISCONNECTED)
    async with face.services.db.transaction() as session:
        for owner, phase in ((left, "started"), (over, "closed"), (gone, "fetched")):
            session.add(
                ExportJob(
                    connection_id=owner, pleo_job_id=str(uuid.uuid4()), pleo_created_at=utcnow(), phase=phase,
                    pleo_status="in_progress", found_by="poll", number_of_items=1, vendor_based=False,
                    interactive=True, expires_in=3600,
                )
            )  # fmt: skip
    assert await rounds.queue_recovery(face.services.queue, face.services.connections) == 1
    (look,) = await queued(face, LOOK)
    assert (look["connection_id"], look["found_by"]) == (str(left), "recovery")
    assert idle not in (left, over)


@pytest.mark.rule("AUTH-083", "HOOK-010")
async def test_every_connection_that_is_not_over_is_checked_daily(face: Face) -> None:
    wanted = {
        str(await add_connection(face, status))
        for status in (ConnectionStatus.ACTIVE, ConnectionStatus.PAUSED, ConnectionStatus.SETTING_UP)
    }
    await add_connection(face, ConnectionStatus.DISCONNECTED)
    await rounds.queue_checks(face.services.queue, face.services.connections)
    assert {one["connection_id"] for one in await queued(face, rounds.CHECK)} == wanted
