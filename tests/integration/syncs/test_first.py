"""The first syncs of an activation: in Pleo's order, through crashes and failures, and never needlessly."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.connections.activation import activate, finish, give_up
from ledgerbridge.connections.errors import ActivationOver, ActivationRefused, Refused
from ledgerbridge.connections.uninstall import disconnect
from ledgerbridge.erp.port import ErpError
from ledgerbridge.store.tables import ConnectionStatus
from ledgerbridge.syncs.enqueue import enqueue_first
from ledgerbridge.syncs.first import first_syncs, progress
from ledgerbridge.work.retry import TryLater
from tests.integration.syncs.planned import Planned, planned, worker
from tests.integration.syncs.stage import CONFIGURATION, Stage, accounts, dimension, taxes, values, with_connections
from tests.support.double_master import vendor
from tests.support.erp_double import PAYABLES, down
from tests.support.rig import Killed

ACTIVATE = "POST /v1/installations/me:activate"
WRITES = {
    "tax_codes": "/v0/tax-codes",
    "accounts": "/v1/chart-of-accounts",
    "tags": "/v0/tag-groups",
    "vendors": "/v1/vendors",
}
"""Where each kind is written to."""


@pytest.fixture
async def plan(stage: Stage, database_url: str) -> Planned:
    """A company that somebody is just switching on."""
    stage.rig.books.capabilities = PAYABLES
    stage.master.tax_codes = taxes("S1")
    stage.master.accounts = [*stage.master.accounts, *accounts(2, first=500, tax_code="S1")]
    stage.master.vendors = [vendor(1)]
    made = planned(stage, database_url)
    await made.connection(status=ConnectionStatus.SETTING_UP, activating_since=made.clock(), activating_by="admin:ada")
    stage.rig.pleo.forget()
    return made


async def go(plan: Planned) -> None:
    await first_syncs(plan.syncs, plan.connection_id)


async def shown(plan: Planned) -> dict[str, list[str]]:
    connection = await plan.connection()
    async with plan.syncs.db.reading() as session:
        found = await progress(session, connection)
    assert found is not None
    return {name: [kind.value for kind in getattr(found, name)] for name in ("done", "waiting", "left_behind")}


@pytest.mark.rule("AUTH-070", "VEN-100", "VEN-126", "TAG-120", "ACC-101", "TAX-050")
async def test_tax_codes_accounts_tags_vendors_and_only_then_pleo_is_told(plan: Planned) -> None:
    await go(plan)
    written = [call.split()[1] for call in plan.stage.writes()]
    order = [kind for path in written for kind, start in WRITES.items() if path.startswith(start)]
    assert list(dict.fromkeys(order)) == ["tax_codes", "accounts", "tags", "vendors"]
    assert order == sorted(order, key=list(WRITES).index), "one kind after the other"
    assert written[-1] == "/v1/installations/me:activate"
    connection = await plan.connection()
    assert (connection.status, connection.installation_status) == ("active", "ACTIVATED")
    assert connection.activating_since is None
    assert [(row.kind, row.trigger) for row in await plan.stage.rows()] == [
        (kind, "activation") for kind in ("tax_codes", "accounts", "tags", "vendors")
    ]
    assert all([(await plan.row(kind)).last_success_at for kind in WRITES])


async def test_pressing_the_button_queues_them_and_a_worker_does_the_rest(plan: Planned) -> None:
    await plan.connection(activating_since=None, activating_by=None)

    async def queue_first(session: Any, connection_id: Any) -> None:
        await enqueue_first(session, plan.syncs.queue, connection_id)

    async def no_subscription(*_: object) -> bool:
        return False

    room = with_connections(plan.syncs, first_syncs=queue_first).connections
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ledgerbridge.connections.subscriptions.ensure", no_subscription)
        begun = await activate(room, plan.connection_id, "admin:ada")
        await activate(room, plan.connection_id, "admin:ada")
    assert begun.under_way
    assert (await plan.connection()).status == "setting_up"
    assert (await shown(plan))["waiting"] == ["tax_codes", "accounts", "tags", "vendors"]
    assert len(await plan.queued()) == 1
    async with worker(plan.syncs.queue), asyncio.timeout(120):
        while (await plan.connection()).status != "active":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert plan.stage.calls().count(ACTIVATE) == 1
    assert "activated" in await plan.audit()


@pytest.mark.parametrize("at", ["accounts", "dimensions", "vendors"])
async def test_after_a_crash_only_what_is_left_is_done(plan: Planned, at: str) -> None:
    async def crash() -> None:
        raise Killed

    plan.stage.rig.books.meanwhile[at] = crash
    with pytest.raises(Killed):
        await go(plan)
    before = (await shown(plan))["done"]
    assert (await plan.connection()).status == "setting_up"
    await plan.stage.rig.expire_lease()

    await go(plan)

    done = [row.kind for row in await plan.stage.rows() if row.status == "succeeded"]
    assert done == ["tax_codes", "accounts", "tags", "vendors"]
    assert done[: len(before)] == before
    assert plan.stage.calls().count(ACTIVATE) == 1
    assert (await plan.connection()).status == "active"


@pytest.mark.rule("TAG-121", "ACC-102")
async def test_what_has_just_been_synchronised_does_not_come_again_in_the_first_half_hour(plan: Planned) -> None:
    plan.stage.rig.books.before["vendors"] = [down(), down(), down()]
    await go(plan)
    await plan.stage.rig.configure(posting_mode="draft")
    await plan.sweep()  # a new configuration brings nothing forward either
    for kind, hours in (("tax_codes", 24), ("accounts", 24), ("tags", 1)):
        row = await plan.row(kind)
        assert row.next_due_at is not None
        assert row.last_success_at is not None
        away = row.next_due_at - row.last_success_at
        assert dt.timedelta(hours=hours / 2) <= away <= dt.timedelta(hours=hours), kind
    behind = await plan.row("vendors")
    assert behind.next_due_at is not None
    assert behind.next_due_at - plan.clock() <= dt.timedelta(minutes=30)


async def test_what_time_mends_is_tried_three_times_and_then_left_behind(plan: Planned) -> None:
    plan.stage.rig.books.before["vendors"] = [down(), down(), down()]
    await go(plan)
    assert (await plan.connection()).status == "active"
    assert [row.status for row in await plan.stage.rows() if row.kind == "vendors"] == ["failed"] * 3
    assert "first_sync_left_behind" in await plan.audit()
    row = await plan.row("vendors")
    assert row.failures == 3
    assert row.next_due_at is not None


async def test_a_second_try_that_goes_through_leaves_nothing_behind(plan: Planned) -> None:
    plan.stage.rig.books.before["accounts"] = [down()]
    await go(plan)
    assert [row.status for row in await plan.stage.rows() if row.kind == "accounts"] == ["failed", "succeeded"]
    assert "first_sync_left_behind" not in await plan.audit()


async def test_what_only_a_person_can_mend_holds_nobody_up(plan: Planned) -> None:
    plan.stage.rig.books.before["accounts"] = [ErpError(problem(Failure.ERP_REFUSED, message="no rights"))]
    await go(plan)
    assert (await plan.connection()).status == "active"
    assert [row.kind for row in await plan.stage.rows()] == ["tax_codes", "accounts", "tags", "vendors"]


@pytest.mark.rule("VEN-004")
async def test_a_company_without_the_vendors_api_goes_live_without_vendors(plan: Planned) -> None:
    plan.stage.fault("status", "POST", "/v1/vendors:search", status=403, times=None)
    await go(plan)
    assert (await plan.connection()).status == "active"
    assert (await plan.row("vendors")).switched_off_at is not None


async def test_a_refused_credential_ends_the_activation_and_says_so(plan: Planned) -> None:
    plan.stage.fault("status", "POST", "/v1/chart-of-accounts:search", status=401, times=None)
    await go(plan)
    connection = await plan.connection()
    assert (connection.status, connection.activating_since) == ("setting_up", None)
    assert connection.activation_refusal is not None
    assert connection.activation_refusal["code"] == "reconnect_needed"
    assert ACTIVATE not in plan.stage.calls()
    assert "activation_refused" in await plan.audit()


async def test_an_installation_that_is_off_ends_it_too(plan: Planned) -> None:
    plan.stage.fault("status", "POST", "/v1/installations/me:activate", status=404, times=None)
    await go(plan)
    connection = await plan.connection()
    assert (connection.status, (connection.activation_refusal or {})["code"]) == ("setting_up", "installation_gone")


async def test_a_company_that_is_being_removed_meanwhile_never_goes_live(plan: Planned) -> None:
    """Pleo does not let go of it at the first try; the first syncs must not make it active again until the next."""
    plan.stage.fault("status", "DELETE", "/v1/installations/me", status=503, times=None)

    async def removed() -> None:
        with pytest.raises(Refused, match="It is paused"):
            await disconnect(plan.syncs.connections, plan.connection_id, "admin:ada")

    plan.stage.rig.books.meanwhile["dimensions"] = removed
    await go(plan)

    connection = await plan.connection()
    assert (connection.status, connection.activating_since) == ("paused", None)
    assert [row.kind for row in await plan.stage.rows()] == ["tax_codes", "accounts", "tags"]
    assert ACTIVATE not in plan.stage.calls()
    assert "activated" not in await plan.audit()


async def test_an_activation_that_begins_anew_is_not_ended_by_the_one_before(plan: Planned) -> None:
    room, since = plan.syncs.connections, (await plan.connection()).activating_since
    assert since is not None
    plan.clock.move(seconds=5)
    await plan.connection(activating_since=plan.clock())
    with pytest.raises(ActivationOver):
        await finish(room, plan.connection_id, "admin:ada", since=since)
    await give_up(room, plan.connection_id, ActivationRefused("installation_off", "Off."), since=since)
    connection = await plan.connection()
    assert (connection.status, connection.activation_refusal) == ("setting_up", None)
    assert connection.activating_since is not None


async def test_pleo_being_away_at_the_end_is_waited_for(plan: Planned) -> None:
    plan.stage.fault("status", "GET", "/v1/installations/me", status=503, times=None)
    with pytest.raises(TryLater):
        await go(plan)
    assert (await plan.connection()).activating_since is not None
    plan.stage.rig.pleo.control("DELETE", "/faults")
    await go(plan)
    assert (await plan.connection()).status == "active"
    assert len(await plan.stage.rows()) == 4


async def test_a_blip_of_pleo_after_long_first_syncs_is_waited_for_too(plan: Planned) -> None:
    plan.stage.fault("status", "GET", "/v1/installations/me", status=503, times=None)
    await plan.connection(activating_since=plan.clock() - dt.timedelta(hours=1))
    with pytest.raises(TryLater):
        await go(plan)
    plan.clock.move(minutes=31)
    await go(plan)
    assert ((await plan.connection()).activation_refusal or {})["code"] == "pleo_unavailable"


async def test_an_activation_whose_queued_work_was_lost_goes_on_and_one_that_never_ends_is_ended(plan: Planned) -> None:
    await plan.sweep()
    assert await plan.queued() == []
    plan.clock.move(minutes=11)
    await plan.sweep()
    await plan.sweep()
    (job,) = await plan.queued()
    assert job["connection_id"] == str(plan.connection_id)

    plan.clock.move(days=1)
    await plan.sweep()
    connection = await plan.connection()
    assert (connection.status, connection.activating_since) == ("setting_up", None)
    assert (connection.activation_refusal or {})["code"] == "activation_stalled"


async def test_kinds_that_are_switched_off_are_not_synchronised(plan: Planned) -> None:
    await plan.stage.rig.configure(syncs={"vendors": {"enabled": False}, "tags": {"enabled": False}})
    await go(plan)
    assert [row.kind for row in await plan.stage.rows()] == ["tax_codes", "accounts"]
    assert (await plan.connection()).status == "active"


async def test_nothing_happens_when_no_activation_is_under_way(plan: Planned) -> None:
    await plan.connection(status=ConnectionStatus.ACTIVE, activating_since=None)
    await go(plan)
    assert await plan.stage.rows() == []


@pytest.mark.rule("TAG-028", "TAG-029", "TAG-030", "TAG-031", "AUTH-070")
async def test_dimensions_left_open_are_those_that_pleo_has_active_groups_for(plan: Planned) -> None:
    plan.stage.master.dimensions = [dimension("CC"), dimension("PRJ"), dimension("REG")]
    plan.stage.master.values = {f"d-{code}": values("1") for code in ("CC", "PRJ", "REG")}
    plan.stage.put("tag-groups", groups=[{"code": "prj", "name": "Projects"}])
    await plan.stage.rig.configure_exactly({**CONFIGURATION, "dimensions": None})
    await go(plan)
    groups = {group["code"].upper() for group in plan.stage.pleo("tag_groups") if not group["archived"]}
    assert groups == {"PRJ"}
    assert "dimensions_preselected" in await plan.audit()
