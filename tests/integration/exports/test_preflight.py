"""Before the first item: what is wrong with the set-up fails the job in words, and nothing is fetched or booked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import delete, update

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.erp.port import ErpCompany, ErpError
from ledgerbridge.exports.preview import preview
from ledgerbridge.store.tables import ConfigVersion, Connection, ConnectionStatus, ErpBinding
from tests.support.erp_double import down
from tests.support.rig import Rig


async def _failed(rig: Rig) -> tuple[str, str]:
    """Export one expense; the job's failure type and reason, after proving that nothing was fetched or booked."""
    ids = rig.pleo.queue("card_purchase")
    job_id = rig.pleo.export(ids)
    rig.pleo.forget()
    await rig.look()
    job = rig.pleo.job(job_id)
    assert job["status"] == "failed"
    assert {item["status"] for item in job["items"]} == {"abandoned"}
    assert not [call for call in rig.pleo.calls() if "items" in call], "an item was fetched before validation passed"
    assert rig.books.entries == {}
    return job["failureReasonType"], job["failureReason"]


@pytest.mark.rule("EXP-VALID-01", "EXP-VALID-07", "EXP-VALID-09", "EXP-VALID-10")
async def test_a_missing_configuration_fails_the_job(rig: Rig) -> None:
    async with rig.db.transaction() as session:
        await session.execute(delete(ConfigVersion))

    kind, reason = await _failed(rig)

    assert kind == "missing_configuration"
    assert "configuration missing" in reason


@pytest.mark.rule("EXP-VALID-07")
async def test_a_missing_erp_fails_the_job(rig: Rig) -> None:
    async with rig.db.transaction() as session:
        await session.execute(delete(ErpBinding))

    kind, reason = await _failed(rig)

    assert kind == "missing_configuration"
    assert "accounting system missing" in reason


@pytest.mark.rule("EXP-VALID-02", "EXP-VALID-10")
async def test_an_unreachable_erp_fails_the_job_after_some_patience(rig: Rig) -> None:
    rig.books.before["company"] = [down() for _ in range(9)]

    kind, reason = await _failed(rig)

    assert kind == "accounting_system_unreachable"
    assert reason.startswith("Failed to reach the Accounting System.")
    assert rig.books.calls["company"] == 4


async def test_a_short_outage_before_the_first_item_is_waited_out(rig: Rig) -> None:
    rig.books.before["preflight"] = [down(), down()]

    job_id = await rig.export("card_purchase")

    assert rig.pleo.job(job_id)["status"] == "completed"


@pytest.mark.rule("EXP-VALID-03", "EXP-VALID-10")
async def test_a_refused_key_fails_the_job(rig: Rig) -> None:
    rig.books.before["company"] = [ErpError(problem(Failure.ERP_AUTHENTICATION))]

    kind, reason = await _failed(rig)

    assert kind == "accounting_system_authentication_failure"
    assert "access key" in reason


@pytest.mark.rule("EXP-VALID-05")
async def test_missing_rights_fail_the_job(rig: Rig) -> None:
    rig.books.before["preflight"] = [ErpError(problem(Failure.ERP_FORBIDDEN, action="create journal entries"))]

    kind, reason = await _failed(rig)

    assert kind == "authorization_failure"
    assert "create journal entries" in reason


@pytest.mark.rule("EXP-VALID-04")
async def test_a_locked_company_fails_the_job(rig: Rig) -> None:
    rig.books.before["preflight"] = [ErpError(problem(Failure.ERP_LOCKED, company="Demo ApS"))]

    kind, reason = await _failed(rig)

    assert kind == "invalid_configuration"
    assert "Demo ApS" in reason


@pytest.mark.rule("EXP-VALID-06", "EXP-ENT-01")
async def test_another_company_behind_the_binding_stops_posting(rig: Rig) -> None:
    rig.books.company = ErpCompany("1", "Other ApS", "99999999", "DKK")

    kind, reason = await _failed(rig)

    assert kind == "invalid_configuration"
    assert "Other ApS" in reason
    assert "Demo ApS" in reason


@pytest.mark.rule("EXP-VALID-08")
async def test_a_vendor_based_job_fails_where_bills_are_not_supported(rig: Rig) -> None:
    ids = rig.pleo.queue("card_purchase")
    job_id = rig.pleo.export(ids, vendor_based=True)
    await rig.look()

    job = rig.pleo.job(job_id)
    assert (job["status"], job["failureReasonType"]) == ("failed", "invalid_configuration")
    assert "takes no vendor bills" in job["failureReason"]
    assert rig.books.entries == {}


async def test_an_unknown_journal_fails_the_whole_job(rig: Rig) -> None:
    await rig.configure(journal="GONE")

    kind, reason = await _failed(rig)

    assert kind == "invalid_configuration"
    assert "GONE" in reason


@pytest.mark.rule("EXP-START-06")
@pytest.mark.parametrize(
    "status", [ConnectionStatus.SETTING_UP, ConnectionStatus.PAUSED, ConnectionStatus.RECONNECT_NEEDED]
)
async def test_a_connection_that_is_not_active_starts_nothing(rig: Rig, status: ConnectionStatus) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("card_purchase"))
    async with rig.db.transaction() as session:
        await session.execute(update(Connection).values(status=status))
    rig.pleo.forget()

    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "pending"
    assert rig.pleo.calls() == []


@pytest.mark.rule("EXP-DATA-03")
async def test_missing_contra_accounts_name_the_currency_and_the_place_to_fix_it(rig: Rig) -> None:
    ids = rig.pleo.queue("card_purchase")
    job_id = rig.pleo.export(ids)
    rig.pleo.control("PUT", f"/companies/{rig.pleo.company_id}/contra-accounts", {"contra_accounts": {}})

    await rig.look()

    job = rig.pleo.job(job_id)
    assert (job["status"], job["failureReasonType"]) == ("failed", "missing_configuration")
    assert "DKK" in job["failureReason"]
    assert "Contra accounts" in job["failureReason"]


@pytest.mark.rule("AUTH-092", "EXP-RATE-06")
async def test_a_forbidden_call_is_reported_and_not_repeated(rig: Rig) -> None:
    rig.pleo.fault("status", path="/v3/export-jobs", method="GET", status=403, times=5)
    rig.pleo.forget()

    await rig.look()

    assert rig.pleo.calls() == ["GET /v3/export-jobs"]
    async with rig.db.reading() as session:
        connection = await session.get_one(Connection, rig.connection_id)
    assert connection.status_reason is not None
    assert "Press Connect" in connection.status_reason


async def _refused(rig: Rig, **able: bool) -> str:
    """Export to an ERP that can do so much less; the job's reason, after proving that nothing was fetched or booked."""
    rig.books.capabilities = replace(rig.books.capabilities, **able)
    kind, reason = await _failed(rig)
    assert kind == "invalid_configuration"
    assert rig.books.calls == {}, "what needs no question to the ERP is refused without one"
    return reason


@pytest.mark.rule("EXP-VALID-13")
async def test_drafts_are_refused_where_the_erp_keeps_none(rig: Rig) -> None:
    await rig.configure(posting_mode="draft")
    reason = await _refused(rig, drafts=False)
    assert "booked as drafts, and the connected accounting system keeps none" in reason
    assert "Choose final entries" in reason

    await rig.configure(posting_mode="final")
    assert rig.pleo.job(await rig.export("card_purchase"))["status"] == "completed"


@pytest.mark.rule("EXP-VALID-13")
async def test_dimensions_are_refused_where_the_erp_takes_none(rig: Rig) -> None:
    await rig.configure(dimensions=["CC", "PRJ"])
    reason = await _refused(rig, dimensions=False)
    assert "are to carry CC, PRJ, and the connected accounting system takes no dimensions" in reason

    await rig.configure(dimensions=[])
    rig.books.chart = replace(rig.books.chart, dimensions=())
    assert rig.pleo.job(await rig.export("card_purchase"))["status"] == "completed"


async def test_all_that_an_erp_cannot_do_is_told_of_a_job_before_it_is_exported(rig: Rig) -> None:
    rig.books.capabilities = replace(rig.books.capabilities, drafts=False, dimensions=False)
    await rig.configure(dimensions=["CC"], posting_mode="draft")
    job_id = rig.pleo.export(rig.pleo.queue("card_purchase"), vendor_based=True)

    shown = await preview(rig.context, rig.connection_id, job_id=job_id)

    assert [found.failure for found in shown.problems_of_the_job] == [
        Failure.BILLS_NOT_SUPPORTED, Failure.DRAFTS_NOT_SUPPORTED, Failure.DIMENSIONS_NOT_SUPPORTED,
    ]  # fmt: skip
    assert shown.items == ()
