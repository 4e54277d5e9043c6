"""The frame around every run: one at a time, only by the holder, against the right company, with an honest end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select, update

from ledgerbridge.erp.port import ErpCompany
from ledgerbridge.store.leases import acquire
from ledgerbridge.store.tables import Connection, ErpBinding, Lease, SyncRun
from ledgerbridge.syncs.desk import Desk
from ledgerbridge.syncs.run import run
from tests.integration.syncs.stage import Stage, accounts, counts
from tests.support.rig import Killed


@pytest.mark.rule("TAG-128", "ACC-107")
async def test_a_second_run_of_the_company_is_told_that_it_is_busy(stage: Stage) -> None:
    stage.master.accounts = accounts(3)
    other = []

    async def meanwhile() -> None:
        other.append(await run(stage.syncs, stage.connection_id, "tags", "schedule"))  # type: ignore[arg-type]

    stage.rig.books.meanwhile["accounts"] = meanwhile
    row = await stage.run("accounts")

    (busy,) = other
    assert (busy.busy, busy.cause.failure, busy.cause.retry) == (True, "busy", True)
    assert row.status == "succeeded"
    assert len(await stage.rows()) == 1


async def test_exports_and_syncs_of_a_company_do_not_wait_for_each_other(stage: Stage) -> None:
    assert await acquire(stage.rig.db, stage.connection_id, "exports", 30)
    stage.master.accounts = accounts(3)
    assert (await stage.run("accounts")).status == "succeeded"


@pytest.mark.rule("TAG-128", "ACC-107")
async def test_a_worker_that_lost_its_lease_writes_nothing_more(stage: Stage) -> None:
    stage.master.accounts = accounts(60)
    await stage.run("accounts")
    stage.master.accounts = [replace(one, name="New") for one in stage.master.accounts]

    async def stolen() -> None:
        async with stage.rig.db.transaction() as session:
            await session.execute(
                update(Lease).where(Lease.scope == "syncs").values(holder="another", fence=Lease.fence + 1)
            )

    seen = 0
    still_ours = Desk.still_ours

    async def counted(desk: Desk) -> None:
        nonlocal seen
        seen += 1
        if seen == 20:
            await stolen()
        await still_ours(desk)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Desk, "still_ours", counted)
        ended = await stage.ended("accounts")

    assert ended.cause is not None
    assert (ended.status, ended.cause.failure) == ("interrupted", "lease_lost")
    assert len(stage.writes()) <= 19
    assert ended.run_id is not None
    assert (await stage.row(ended.run_id)).status == "running"


async def test_a_run_whose_worker_died_is_closed_by_the_next_which_starts_from_scratch(stage: Stage) -> None:
    stage.master.accounts = accounts(4)

    async def killed() -> None:
        raise Killed

    stage.rig.books.meanwhile["accounts"] = killed
    with pytest.raises(Killed):
        await stage.ended("accounts")
    async with stage.rig.db.transaction() as session:
        await session.execute(update(Lease).values(expires_at=func.now()))

    row = await stage.run("accounts")

    first, second = await stage.rows()
    assert (first.status, second.id, second.status) == ("interrupted", row.id, "succeeded")
    assert first.ended_at is not None
    assert counts(row) == {"created": 4}


@pytest.mark.rule("TAG-009", "ACC-012")
async def test_another_erp_company_than_the_bound_one_is_not_synchronised(stage: Stage) -> None:
    stage.master.accounts = accounts(3)
    stage.rig.books.company = ErpCompany("1", "Other ApS", "99999999", "DKK")

    row = await stage.run("accounts")

    assert (row.status, row.failure, stage.calls()) == ("failed", "erp_company_changed", [])
    assert "Other ApS" in (row.reason or "")


@pytest.mark.rule("ACC-112", "TAG-144")
async def test_a_credential_pleo_no_longer_takes_ends_the_run_for_a_person(stage: Stage) -> None:
    stage.fault("status", "POST", "/v1/chart-of-accounts:search", status=401, times=None)

    ended = await stage.ended("accounts")

    assert ended.cause is not None
    assert (ended.cause.failure, ended.cause.kind, ended.cause.retry) == ("pleo_auth", "auth", False)
    assert "Connect" in ended.cause.text


@pytest.mark.rule("TAG-145", "ACC-113")
async def test_a_missing_right_ends_the_run_without_another_try(stage: Stage) -> None:
    stage.fault("status", "GET", "/v0/tag-groups", status=403, times=None)

    ended = await stage.ended("tags")

    assert ended.cause is not None
    assert (ended.cause.failure, ended.cause.retry, len(stage.calls())) == ("pleo_forbidden", False, 1)


@pytest.mark.rule("TAG-146", "TAG-147", "ACC-115", "ACC-116")
@pytest.mark.parametrize(("status", "failure"), [(503, "pleo_unavailable"), (429, "pleo_rate_limit")])
async def test_what_time_heals_is_told_as_such(stage: Stage, status: int, failure: str) -> None:
    stage.fault("status", "GET", "/v0/tag-groups", status=status, times=None, retry_after=0)

    ended = await stage.ended("tags")

    assert ended.cause is not None
    assert (ended.status, ended.cause.failure, ended.cause.retry) == ("failed", failure, True)


@pytest.mark.parametrize(("status", "trigger", "runs"), [
    ("setting_up", "schedule", False), ("setting_up", "activation", True), ("paused", "manual", False),
    ("disconnected", "activation", False), ("paused", "activation", False), ("reconnect_needed", "manual", False),
])  # fmt: skip
async def test_a_connection_that_is_not_live_is_synchronised_only_to_make_it_so(
    stage: Stage, status: str, trigger: str, runs: bool
) -> None:
    stage.master.accounts = accounts(2)
    async with stage.rig.db.transaction() as session:
        await session.execute(update(Connection).values(status=status))

    row = await stage.run("accounts", trigger)

    assert row.status == ("succeeded" if runs else "failed")
    assert row.failure == (None if runs else "not_ready")


@pytest.mark.parametrize("change", ["paused", "rebound"])
async def test_a_run_stops_at_the_next_write_once_its_company_is_paused_or_has_another_erp(
    stage: Stage, change: str
) -> None:
    stage.master.accounts = accounts(60)
    await stage.run("accounts")
    stage.master.accounts = [replace(one, name="New") for one in stage.master.accounts]
    seen, still_ours = 0, Desk.still_ours

    async def counted(desk: Desk) -> None:
        nonlocal seen
        seen += 1
        if seen == 20:
            async with stage.rig.db.transaction() as session:
                if change == "paused":
                    await session.execute(update(Connection).values(status="paused"))
                else:
                    await session.execute(update(ErpBinding).values(bound_at=func.now()))
        await still_ours(desk)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Desk, "still_ours", counted)
        row = await stage.run("accounts")

    assert (row.status, row.failure) == ("failed", "overtaken")
    assert "while this run was under way" in (row.reason or "")
    assert row.updated == len(stage.writes()) <= 19


async def test_a_fault_of_ours_is_an_end_and_not_a_hung_run(stage: Stage) -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    stage.rig.books.meanwhile["accounts"] = broken
    row = await stage.run("accounts")

    assert (row.status, row.failure) == ("failed", "unexpected")
    assert "ZeroDivision" not in (row.reason or "")


async def test_problems_are_told_up_to_a_limit_and_the_rest_is_counted(stage: Stage) -> None:
    stage.master.accounts = [replace(one, id="x" * 300 + one.id) for one in accounts(620)]

    row = await stage.run("accounts")

    assert (row.skipped, len(row.problems), row.problems_left_out) == (620, 500, 120)


@pytest.mark.rule("ACC-121")
async def test_counters_hear_of_every_run(stage: Stage) -> None:
    stage.master.accounts = accounts(6)
    await stage.run("accounts")
    assert ("accounts", "succeeded") in stage.observed
    assert ("accounts", "created", 6) in stage.observed


async def test_nothing_of_a_preview_is_written_down(stage: Stage) -> None:
    await stage.foreseen("tags")
    async with stage.rig.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(SyncRun)) == 0
