"""Unknown outcomes from the lost reply to the bookkeeper's screen, and settled through the admin API."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from ledgerbridge.store.tables import Posting
from tests.integration.web.conftest import Face
from tests.integration.web.test_admin_api import is_problem
from tests.integration.web.test_admin_connections import audit_of
from tests.integration.web.test_admin_jobs import Desk
from tests.support.erp_double import CAPABILITIES, lost_reply

NOT_THERE = {"action": "mark_not_booked", "reason": "Not in the journal of May.", "confirm": True}
THERE = {"action": "mark_booked", "reference": "EXP/17", "reason": "Found in the journal."}


@pytest.fixture
async def desk(face: Face) -> Desk:
    """A company whose accounting system cannot be searched."""
    face.books.capabilities = replace(CAPABILITIES, can_probe=False)
    return Desk(face, await face.active())


async def _lost(desk: Desk, *, booked: bool) -> tuple[dict[str, Any], str]:
    """A job whose only item's reply was lost, a while ago."""
    books = desk.face.books
    (books.after if booked else books.before)["book"] = [lost_reply()]
    job = await desk.export("fee")
    async with desk.face.services.db.transaction() as session:
        await session.execute(update(Posting).values(intended_at=Posting.intended_at - dt.timedelta(hours=1)))
    (item,) = (await desk.get(f"/export-jobs/{job['id']}/items"))["data"]
    assert (item["state"], item["posting"]["state"]) == ("failed", "unknown")
    return job, item["id"]


async def _again(desk: Desk, entry: str) -> dict[str, Any]:
    """Export the item again; as Pleo's bookkeeper sees it afterwards."""
    job = await desk.export(entries=[entry])
    item: dict[str, Any] = desk.bookkeeper.items(job["pleo_job_id"])[entry]
    return item


@pytest.mark.rule("EXP-REC-04", "EXP-EXPIRE-04", "EXP-ERR-01")
@pytest.mark.parametrize("booked", [True, False])
async def test_where_nobody_can_search_the_job_is_closed_and_says_what_to_do(desk: Desk, booked: bool) -> None:
    job, entry = await _lost(desk, booked=booked)

    assert (job["status"], job["phase"]) == ("failed", "closed")
    item = desk.bookkeeper.items(job["pleo_job_id"])[entry]
    assert (item["status"], item["failureReasonType"]) == ("failed", "accounting_system_timeout")
    assert f"Look there for PLEO:{entry} and contact support" in item["failureReason"]
    assert (await _again(desk, entry))["failureReason"] == item["failureReason"]
    assert desk.face.books.calls["book"] == 1, "nobody posts again before a person has looked"
    found = is_problem(await desk.resolve(job, entry, action="probe"), 409)
    assert "Look there for the entry; then it can be marked booked, with its number, or not booked." in found["detail"]


async def test_marked_booked_it_is_reported_by_the_next_export_and_never_posted(desk: Desk) -> None:
    job, entry = await _lost(desk, booked=True)
    answer = await desk.resolve(job, entry, **THERE)
    assert (answer.status_code, answer.json()["posting"]["state"]) == (200, "booked")

    told = await _again(desk, entry)

    assert (told["status"], told["externalId"]) == ("successful", "EXP/17")
    assert len(desk.face.books.of(entry)) == 1
    assert desk.face.books.calls["book"] == 1
    assert (await desk.get(f"/export-jobs/{job['id']}"))["status"] == "failed", "what Pleo was told then stays"


async def test_marked_not_booked_it_is_booked_by_the_next_export(desk: Desk) -> None:
    job, entry = await _lost(desk, booked=False)
    answer = await desk.resolve(job, entry, **NOT_THERE)
    assert answer.status_code == 200, answer.text
    assert answer.json()["posting"]["state"] == "not_booked"
    assert "ada: Not in the journal of May." in answer.json()["posting"]["note"]
    assert ("admin:ada", "export_item.mark_not_booked") in await audit_of(desk.face, desk.connection_id)

    assert (await _again(desk, entry))["status"] == "successful"
    assert len(desk.face.books.of(entry)) == 1


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        pytest.param({"reason": "Looked."}, ["confirm"], marks=pytest.mark.long),
        pytest.param({"confirm": True}, ["reason"], marks=pytest.mark.long),
        ({"confirm": False, "reason": "   "}, ["reason", "confirm"]),
    ],
    ids=["unconfirmed", "without-a-reason", "neither"],
)
async def test_not_booked_asks_for_a_reason_and_a_confirmation(
    desk: Desk, said: dict[str, Any], missing: Sequence[str]
) -> None:
    job, entry = await _lost(desk, booked=False)
    found = is_problem(await desk.resolve(job, entry, action="mark_not_booked", **said), 422)
    assert [one["path"] for one in found["errors"]] == missing
    assert "not in the ERP" in found["detail"]
    assert (await _again(desk, entry))["status"] == "failed"


async def test_an_erp_that_shows_the_entry_has_the_last_word(desk: Desk) -> None:
    job, entry = await _lost(desk, booked=True)
    desk.face.books.capabilities = CAPABILITIES

    found = is_problem(await desk.resolve(job, entry, **NOT_THERE), 409)
    assert "stands in the accounting system as JE-1000" in found["detail"]
    assert (await desk.resolve(job, entry, action="probe")).json()["posting"]["state"] == "booked"
    assert (await _again(desk, entry))["externalId"] == "JE-1000"


async def test_an_erp_that_cannot_be_asked_now_is_asked_later(desk: Desk) -> None:
    job, entry = await _lost(desk, booked=True)
    desk.face.books.capabilities = CAPABILITIES
    desk.face.books.before["find"] = [lost_reply()]

    is_problem(await desk.resolve(job, entry, **NOT_THERE), 503)
    assert (await desk.get(f"/export-jobs/{job['id']}/items"))["data"][0]["posting"]["state"] == "unknown"
