"""Export jobs through the admin API: what happened, why an item failed, and settling one by hand."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest

from ledgerbridge.exports.run import look
from tests.integration.web.conftest import Face
from tests.integration.web.test_admin_api import is_problem
from tests.integration.web.test_admin_connections import audit_of
from tests.support.erp_double import lost_reply, refused
from tests.support.rig import PATIENT
from tests.support.rig import Pleo as Bookkeeper


class Desk:
    """A live connection, its bookkeeper in Pleo, and the look the queue would run."""

    def __init__(self, face: Face, connection_id: str) -> None:
        self.face = face
        self.connection_id = connection_id
        self.bookkeeper = Bookkeeper(face.pleo.url)

    async def export(self, *seeds: str, entries: list[str] | None = None) -> dict[str, Any]:
        """Press Export in Pleo for new expenses or these, let the worker look; the job as the API shows it."""
        pleo_id = self.bookkeeper.export(entries or self.bookkeeper.queue(*seeds))
        await look(replace(self.face.services.exports, patience=PATIENT), uuid.UUID(self.connection_id), "manual")
        return await self.get(f"/export-jobs/{pleo_id}")

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self.face.admin.get(f"/admin/api{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def resolve(self, job: dict[str, Any], entry: str, **body: Any) -> Any:
        return await self.face.admin.post(f"/admin/api/export-jobs/{job['id']}/items/{entry}/resolve", json=body)


@pytest.fixture
async def desk(face: Face) -> Desk:
    return Desk(face, await face.active())


async def test_a_job_shows_state_counts_timeline_and_each_item_with_its_entry(desk: Desk) -> None:
    job = await desk.export("fee", "fee")
    assert job["status"] == "completed"
    assert job["phase"] == "closed"
    assert job["items"]["booked"] == job["number_of_items"] == 2
    names = [step["name"] for step in job["timeline"]]
    assert names[0] == "claimed"
    assert "started" in names
    items = (await desk.get(f"/export-jobs/{job['id']}/items"))["data"]
    assert [item["position"] for item in items] == [0, 1]
    for item in items:
        assert item["id"] == item["accounting_entry_id"]
        assert item["state"] == "booked"
        assert item["erp_url"].startswith("https://erp.example/")
        assert item["posting"]["state"] == "booked"
        assert item["posting"]["erp_number"]
        assert item["reported_at"]
    assert (await desk.get(f"/export-jobs/{job['pleo_job_id']}"))["id"] == job["id"]
    shown = await desk.get(f"/connections/{desk.connection_id}")
    assert shown["last_job"]["id"] == job["id"]


async def test_jobs_are_listed_by_connection_and_status_and_paged(desk: Desk) -> None:
    ids = [(await desk.export("fee"))["id"] for _ in range(3)]
    first = await desk.get("/export-jobs", connection=desk.connection_id, status="completed", limit=2)
    rest = await desk.get("/export-jobs", connection=desk.connection_id, limit=2, cursor=first["next_cursor"])
    assert [job["id"] for job in first["data"] + rest["data"]] == ids[::-1]
    assert rest["next_cursor"] is None
    assert (await desk.get("/export-jobs", status="failed"))["data"] == []


async def test_items_page_in_order_of_work_and_filter_by_state(desk: Desk) -> None:
    job = await desk.export("fee", "fee", "fee")
    url = f"/export-jobs/{job['id']}/items"
    first = await desk.get(url, limit=2)
    rest = await desk.get(url, limit=2, cursor=first["next_cursor"])
    assert [item["position"] for item in first["data"] + rest["data"]] == [0, 1, 2]
    assert (await desk.get(url, state="failed"))["data"] == []
    is_problem(await desk.face.admin.get(f"/admin/api{url}", params={"state": "lost"}), 422)


async def test_a_failed_item_says_why_and_the_customer_reads_it_too(desk: Desk) -> None:
    desk.face.books.before["book"] = [refused("Line 1 needs a cost centre")]
    job = await desk.export("fee")
    assert job["items"]["failed"] == 1
    (item,) = (await desk.get(f"/export-jobs/{job['id']}/items"))["data"]
    assert "Line 1 needs a cost centre" in item["failure_reason"]
    assert item["failure_type"] == "accounting_system_validation_failure"
    page = await desk.face.browser.get("/settings")
    assert "Line 1 needs a cost centre" in page.text
    assert "1 failed" in page.text


async def test_an_unknown_outcome_is_settled_by_looking_again(desk: Desk) -> None:
    job, entry = await _lost(desk)
    answer = await desk.resolve(job, entry, action="probe")
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "booked"
    assert ("admin:ada", "export_item.probe") in await audit_of(desk.face, desk.connection_id)
    is_problem(await desk.resolve(job, entry, action="probe"), 409)


async def test_a_person_can_say_where_it_stands_with_reference_and_reason(desk: Desk) -> None:
    job, entry = await _lost(desk)
    found = is_problem(await desk.resolve(job, entry, action="mark_booked"), 422)
    assert [one["path"] for one in found["errors"]] == ["reference", "reason"]
    blank = is_problem(await desk.resolve(job, entry, action="mark_booked", reference=" ", reason="    "), 422)
    assert [one["path"] for one in blank["errors"]] == ["reference", "reason"]
    answer = await desk.resolve(job, entry, action="mark_booked", reference="EXP/17", reason="Found in the journal")
    assert answer.status_code == 200, answer.text
    assert answer.json()["posting"]["erp_number"] == "EXP/17"
    assert "ada" in answer.json()["posting"]["note"]
    assert ("admin:ada", "export_item.mark_booked") in await audit_of(desk.face, desk.connection_id)


async def test_what_is_not_there_or_settled_is_not_resolved(desk: Desk) -> None:
    job = await desk.export("fee")
    (item,) = (await desk.get(f"/export-jobs/{job['id']}/items"))["data"]
    is_problem(await desk.resolve(job, item["id"], action="probe"), 409)
    is_problem(await desk.resolve(job, "no-such-entry", action="probe"), 404)
    is_problem(await desk.resolve(job, item["id"], action="forget"), 422)


async def _lost(desk: Desk) -> tuple[dict[str, Any], str]:
    """A job whose only item was booked while the reply and every probe were lost."""
    desk.face.books.after["book"] = [lost_reply() for _ in range(20)]
    desk.face.books.before["find"] = [lost_reply() for _ in range(200)]
    job = await desk.export("fee")
    desk.face.books.before.clear()
    desk.face.books.after.clear()
    (item,) = (await desk.get(f"/export-jobs/{job['id']}/items"))["data"]
    assert item["state"] in ("failed", "unknown"), item
    return job, item["id"]
