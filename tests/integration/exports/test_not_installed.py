"""A company whose ERP adapter is gone or broken: nothing is lost, and everybody is told why."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import update

from ledgerbridge.erp.port import ErpError
from ledgerbridge.exports.context import Patience
from ledgerbridge.ops.doctor import Level
from ledgerbridge.ops.doctor_database import inspect_database
from ledgerbridge.store.tables import ErpBinding
from tests.support.rig import Rig, company_rig


async def bound_to(rig: Rig, kind: str) -> None:
    async with rig.db.transaction() as session:
        mine = update(ErpBinding).where(ErpBinding.connection_id == rig.connection_id)
        await session.execute(mine.values(kind=kind))


@pytest.fixture
async def late(database_url: str, sandbox_url: str) -> AsyncIterator[Rig]:
    """A rig for which every job is at its deadline."""
    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    async with company_rig(database_url, sandbox_url, patience=Patience(pause=(0.01,), deadline_share=0)) as rig:
        yield rig


async def test_a_job_waits_for_the_adapter_to_be_installed_again(rig: Rig) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("fee"))
    await bound_to(rig, "acme")
    with pytest.raises(ErpError, match="No installed package brings the kind acme"):
        await rig.look()
    assert rig.pleo.job(job_id)["status"] == "in_progress"

    await bound_to(rig, "double")
    await rig.look()
    assert rig.pleo.job(job_id)["status"] == "completed"
    assert rig.books.calls["book"] == 1


async def test_a_job_that_would_expire_meanwhile_fails_and_says_why(late: Rig, database_url: str) -> None:
    job_id = late.pleo.export(late.pleo.queue("fee"))
    await bound_to(late, "acme")

    await late.look()

    job = late.pleo.job(job_id)
    assert (job["status"], job["failureReasonType"]) == ("failed", "integration_unusable")
    assert "(acme) is not installed" in job["failureReason"]
    assert late.books.calls["book"] == 0

    settings = late.context.connections.settings
    told = [one for one in await inspect_database(settings, database_url) if one.check == "adapters"]
    assert [(one.level, "1 connection bound to acme" in one.text) for one in told] == [(Level.ERROR, True)]
