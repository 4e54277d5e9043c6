"""What stops or delays a whole job: told in its own words, waited out where time helps, within the life of the job."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.connections.errors import SecretUnreadable
from ledgerbridge.erp.port import ErpError
from ledgerbridge.exports import outbox, spool
from ledgerbridge.exports.context import Patience
from ledgerbridge.pleo.models import ExportJobItem
from ledgerbridge.store.tables import ErpBinding, ExportItem, ExportJob, JobPhase
from tests.support.erp_double import down
from tests.support.rig import Killed, Rig, company_rig


@pytest.fixture
async def late(database_url: str, sandbox_url: str) -> AsyncIterator[Rig]:
    """A rig for which every job is at its deadline."""
    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    async with company_rig(database_url, sandbox_url, patience=Patience(pause=(0.01,), deadline_share=0)) as rig:
        yield rig


def closed() -> ErpError:
    return ErpError(problem(Failure.PERIOD_CLOSED, date="2026-11-05"))


# ------------------------------------------------------------------ the reason


@pytest.mark.rule("EXP-DONE-03", "EXP-ERR-01")
async def test_a_job_nothing_of_which_could_be_booked_names_what_stopped_it(rig: Rig) -> None:
    rig.books.before["book"] = [ErpError(problem(Failure.ERP_AUTHENTICATION))]

    job_id = await rig.export("fee", copies=3)

    job = rig.pleo.job(job_id)
    assert (job["status"], job["failureReasonType"]) == ("failed", "accounting_system_authentication_failure")
    assert {item["failureReasonType"] for item in job["items"]} == {"accounting_system_authentication_failure"}


@pytest.mark.rule("EXP-ERR-01")
async def test_a_job_given_up_for_a_fault_of_ours_does_not_say_that_nothing_was_booked(late: Rig) -> None:
    job_id = late.pleo.export(late.pleo.queue("fee"))
    late.books.before["chart"] = [KeyError("a bug")]

    await late.look()

    job = late.pleo.job(job_id)
    assert (job["status"], job["failureReasonType"]) == ("failed", "integration_unusable")
    assert "othing was booked" not in job["failureReason"]


@pytest.mark.rule("EXP-EXPIRE-04")
async def test_a_request_pleo_never_accepts_fails_the_job_instead_of_letting_it_run_out(late: Rig) -> None:
    job_id = late.pleo.export(late.pleo.queue("fee"))
    late.pleo.fault("status", path="/v3/export-items", status=400, times=None)

    await late.look()

    assert late.pleo.job(job_id)["status"] == "failed"


@pytest.mark.rule("EXP-DATA-05")
async def test_a_bug_in_mapping_one_item_does_not_stop_the_others(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    from ledgerbridge.exports import judging as module

    ids = rig.pleo.queue("fee", copies=3)
    real = module.book

    def buggy(item, *rest, **named):  # type: ignore[no-untyped-def]
        if item.accounting_entry_id == ids[1]:
            raise ArithmeticError("a bug")
        return real(item, *rest, **named)

    monkeypatch.setattr(module, "book", buggy)
    job_id = rig.pleo.export(ids)
    await rig.look()

    items = rig.pleo.items(job_id)
    assert [items[entry]["status"] for entry in ids] == ["successful", "failed", "successful"]
    assert items[ids[1]]["failureReasonType"] == "unexpected_failure"


# ------------------------------------------------------------------ a period that closed under us


@pytest.mark.rule("EXP-PERIOD-04")
async def test_an_outage_while_the_chart_is_read_again_is_waited_out(rig: Rig) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("fee", copies=2))
    rig.books.before["book"] = [closed()]
    rig.books.after["chart"] = []

    async def goes_down() -> None:
        rig.books.before["chart"] = [down(), down()]

    rig.books.meanwhile["book"] = goes_down
    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"
    assert rig.books.calls["chart"] == 4


async def test_a_chart_that_may_not_be_read_again_fails_the_rest_for_that_and_not_for_the_period(rig: Rig) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("fee", copies=2))
    rig.books.before["book"] = [closed()]

    async def revoked() -> None:
        rig.books.before["chart"] = [ErpError(problem(Failure.ERP_AUTHENTICATION))]

    rig.books.meanwhile["book"] = revoked
    await rig.look()

    kinds = {item["failureReasonType"] for item in rig.pleo.items(job_id).values()}
    assert kinds == {"accounting_system_authentication_failure"}


# ------------------------------------------------------------------ begun before


@pytest.mark.rule("EXP-START-05")
async def test_a_job_whose_start_was_refused_for_a_moment_is_not_lost(rig: Rig) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("fee"))
    rig.pleo.fault("status", path="/v3/export-job-events", method="POST", status=422)
    await rig.look()
    assert rig.books.entries == {}

    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"


@pytest.mark.rule("EXP-EXPIRE-01", "EXP-START-04")
async def test_taking_a_job_up_again_does_not_make_its_deadline_later(rig: Rig) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("fee"))
    rig.books.before["company"] = [Killed()]
    with pytest.raises(Killed):
        await rig.look()
    await rig.expire_lease()
    async with rig.db.transaction() as session:
        await session.execute(
            update(ExportJob).values(phase=JobPhase.CLAIMED, last_action_at=ExportJob.last_action_at - dt.timedelta(1))
        )

    rig.books.before["company"] = [Killed()]
    with pytest.raises(Killed):
        await rig.look()

    async with rig.db.reading() as session:
        job = (await session.scalars(select(ExportJob))).one()
    assert job.phase == JobPhase.STARTED
    assert rig.pleo.calls().count("POST /v3/export-job-events") == 1, "started was sent again"
    assert job.last_action_at == dt.datetime.fromisoformat(rig.pleo.job(job_id)["lastUpdatedAt"])


# ------------------------------------------------------------------ ended under us


@pytest.mark.rule("EXP-EXPIRE-03", "EXP-UPD-09", "EXP-DATA-02")
@pytest.mark.parametrize(("operation", "booked"), [("chart", 0), ("book", 2)])
async def test_a_job_cancelled_in_the_middle_is_closed_as_pleo_says(rig: Rig, operation: str, booked: int) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("fee", copies=2))

    async def cancelled() -> None:
        rig.pleo.control("POST", f"/jobs/{job_id}/cancel")

    rig.books.meanwhile[operation] = cancelled
    rig.pleo.forget()
    await rig.look()

    async with rig.db.reading() as session:
        job = (await session.scalars(select(ExportJob))).one()
    assert (job.pleo_status, job.failure_type) == ("failed", "canceled_by_user")
    assert job.closed_at is not None
    assert len(rig.books.entries) == booked
    refused = [call["path"] for call in rig.pleo.requests() if call["status"] == 422]
    wanted = f"/v3/export-jobs/{job_id}/items" if operation == "book" else "/v3/export-items"
    assert refused == [wanted]


@pytest.mark.rule("EXP-DONE-06")
async def test_a_refused_completion_is_read_back_and_taken_as_pleo_has_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("fee"))
    real = outbox.refused_count

    async def ended_just_before(session: AsyncSession, job: uuid.UUID) -> int:
        rig.pleo.control("POST", f"/jobs/{job_id}/cancel")
        return await real(session, job)

    monkeypatch.setattr(outbox, "refused_count", ended_just_before)
    await rig.look()

    async with rig.db.reading() as session:
        job = (await session.scalars(select(ExportJob))).one()
    assert (job.phase, job.pleo_status) == (JobPhase.CLOSED, "failed")


# ------------------------------------------------------------------ the control layer


def _listed(entry: str) -> ExportJobItem:
    return ExportJobItem(accounting_entry_id=entry, status="pending")


@pytest.mark.rule("EXP-CTRL-05")
async def test_an_entry_listed_twice_is_one_item_and_a_new_order_on_resume_harms_nothing(rig: Rig) -> None:
    job_id = await rig.export()
    first, second, third = (_listed(str(uuid.uuid4())) for _ in range(3))

    async with rig.db.transaction() as session:
        job = (await session.scalars(select(ExportJob).where(ExportJob.pleo_job_id == job_id))).one()
        assert await spool.add_control_page(session, job, [first, first, second]) == 2
    async with rig.db.transaction() as session:
        assert await spool.add_control_page(session, job, [third, second]) == 2

    async with rig.db.reading() as session:
        rows = list(await session.scalars(select(ExportItem).order_by(ExportItem.position)))
    assert [row.accounting_entry_id for row in rows] == [one.accounting_entry_id for one in (first, second, third)]


# ------------------------------------------------------------------ access that cannot be opened


@pytest.mark.rule("EXP-EXPIRE-04", "EXP-DONE-03")
async def test_access_to_the_erp_that_cannot_be_opened_fails_the_job_instead_of_letting_it_run_out(late: Rig) -> None:
    job_id = late.pleo.export(late.pleo.queue("fee"))
    async with late.db.transaction() as session:
        moved = update(ErpBinding).where(ErpBinding.connection_id == late.connection_id)
        await session.execute(moved.values(settings_sealed=b"\x01" + bytes(60)))

    await late.look()

    job = late.pleo.job(job_id)
    assert (job["status"], job["failureReasonType"]) == ("failed", "invalid_configuration")
    assert "cannot be read" in job["failureReason"]
    assert late.books.calls["book"] == 0


async def test_access_to_the_erp_that_is_mended_in_time_books_the_job(rig: Rig) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("fee"))
    mine = ErpBinding.connection_id == rig.connection_id
    async with rig.db.transaction() as session:
        sealed = await session.scalar(select(ErpBinding.settings_sealed).where(mine))
        await session.execute(update(ErpBinding).where(mine).values(settings_sealed=b"\x01" + bytes(60)))
    with pytest.raises(SecretUnreadable):
        await rig.look()
    assert rig.pleo.job(job_id)["status"] == "in_progress"

    async with rig.db.transaction() as session:
        await session.execute(update(ErpBinding).where(mine).values(settings_sealed=sealed))
    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"


@pytest.mark.rule("EXP-EXPIRE-04")
async def test_payloads_pleo_never_gives_out_fail_the_job_instead_of_letting_it_run_out(late: Rig) -> None:
    job_id = late.pleo.export(late.pleo.queue("fee"))
    late.pleo.fault("status", path="/v3/export-items", status=500, times=None)

    await late.look()

    job = late.pleo.job(job_id)
    assert job["status"] == "failed"
    assert "Pleo did not hand over" in job["failureReason"]


async def test_new_receipt_links_pleo_never_gives_out_cost_only_what_is_not_booked_yet(late: Rig) -> None:
    first, second = late.pleo.queue("fee", "receipt_jpeg")
    job_id = late.pleo.export([first, second])
    late.pleo.fault("status", path="/files/**", status=403, times=None)

    async def stays_away() -> None:
        late.pleo.fault("status", path="/v3/export-items", status=500, times=None)

    late.books.meanwhile["book"] = stays_away
    await late.look()

    items = late.pleo.items(job_id)
    assert (items[first]["status"], items[second]["status"]) == ("successful", "failed")
    assert "Pleo did not hand over" in items[second]["failureReason"]
    assert late.pleo.job(job_id)["status"] == "completed_with_errors"
