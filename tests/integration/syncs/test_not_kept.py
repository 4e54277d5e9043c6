"""Master data that an ERP does not keep: told as such, no failure, and nothing of Pleo is touched for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import delete

from ledgerbridge.clock import utcnow
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.connections.rows import newest_config
from ledgerbridge.store.tables import ConnectionStatus, SyncKind, SyncRun, SyncStatus
from ledgerbridge.syncs.failing import NOT_KEPT, Stopped
from ledgerbridge.syncs.first import first_syncs, progress
from ledgerbridge.syncs.freshness import Freshness, State, freshness
from tests.integration.syncs.planned import Planned, planned
from tests.integration.syncs.stage import Stage, counts, dimension, taxes, values
from tests.support.erp_double import CAPABILITIES

KINDS = {"tax_codes": "tax codes", "tags": "tags", "vendors": "vendors"}
BARE = replace(CAPABILITIES, vendors=False, dimensions=False, tax_codes=False)


@pytest.fixture
async def plan(stage: Stage, database_url: str) -> Planned:
    """A company whose Pleo holds master data of the accounting system it had before."""
    stage.master.tax_codes = taxes("S1", "S2")
    stage.master.dimensions = [dimension("CC")]
    stage.master.values = {"d-CC": values("A", "B")}
    for kind in ("tax_codes", "tags"):
        await stage.run(kind)
    stage.master.tax_codes, stage.master.dimensions, stage.master.values = [], [], {}
    stage.rig.books.capabilities = BARE
    made = planned(stage, database_url)
    await made.sweep()
    await made.taken()
    return made


async def shown(plan: Planned, kind: str) -> Freshness:
    async with plan.syncs.db.reading() as session:
        newest = await newest_config(session, plan.connection_id)
    assert newest is not None
    body = ConfigurationBody.read(newest.body)
    return freshness(await plan.connection(), body, SyncKind(kind), await plan.row(kind), plan.clock())


@pytest.mark.rule("TAG-148", "ACC-090")
@pytest.mark.parametrize("kind", KINDS)
async def test_what_an_erp_does_not_keep_is_no_failure_and_nothing_is_archived(plan: Planned, kind: str) -> None:
    before = {what: plan.stage.pleo(what) for what in ("tax_codes", "tag_groups")}
    assert any(not one["archived"] for one in before["tax_codes"])

    await plan.work(kind)

    run = (await plan.stage.rows())[-1]
    assert (run.status, run.failure, counts(run)) == (SyncStatus.SUCCEEDED, NOT_KEPT, {})
    assert run.reason == f"The connected accounting system keeps no {KINDS[kind]}, so nothing of Pleo is touched."
    assert {what: plan.stage.pleo(what) for what in before} == before
    fresh = await shown(plan, kind)
    assert (fresh.state, fresh.reason, fresh.failing_since) == (State.ON_TIME, run.reason, None)
    assert not {"sync_failing", "sync_switched_off"} & set(await plan.audit())


@pytest.mark.parametrize("kind", KINDS)
async def test_a_preview_says_that_nothing_is_kept(plan: Planned, kind: str) -> None:
    with pytest.raises(Stopped, match="keeps no"):
        await plan.stage.foreseen(kind)


async def test_the_first_syncs_leave_nothing_behind_that_is_not_kept(plan: Planned) -> None:
    await plan.connection(status=ConnectionStatus.SETTING_UP, activating_since=utcnow(), activating_by="admin:ada")
    await first_syncs(plan.syncs, plan.connection_id)

    assert (await plan.connection()).status == ConnectionStatus.ACTIVE
    assert "first_sync_left_behind" not in await plan.audit()
    connection = await plan.connection()
    async with plan.syncs.db.reading() as session:
        connection.activating_since = connection.activating_since or plan.clock()
        found = await progress(session, connection)
    assert found is not None
    assert found.left_behind == ()


async def test_an_erp_that_keeps_them_later_is_asked_about_archiving_first(plan: Planned) -> None:
    """A run that found nothing kept has compared nothing, so the next one is the first of its ERP."""
    async with plan.syncs.db.transaction() as session:
        await session.execute(delete(SyncRun))
    await plan.work("tax_codes")
    plan.stage.rig.books.capabilities = replace(BARE, tax_codes=True)
    plan.stage.master.tax_codes = taxes("S1")

    ended = await plan.stage.ended("tax_codes")

    assert (ended.status, ended.to_archive) == (SyncStatus.NEEDS_CONFIRMATION, 1)
    assert {one["code"]: one["archived"] for one in plan.stage.pleo("tax_codes")} == {"S1": False, "S2": False}
