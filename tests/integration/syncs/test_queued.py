"""Queued runs: one a company at a time, and what each end means for the schedule, the connection and the webhooks."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.port import ErpError
from ledgerbridge.store.leases import acquire
from ledgerbridge.store.tables import DeliveryStatus, SyncKind, SyncRun, SyncStatus, WebhookDelivery
from ledgerbridge.syncs import tasks
from ledgerbridge.syncs.enqueue import RUN, enqueue_drafts, enqueue_sync, enqueue_vendor
from ledgerbridge.syncs.failing import of_problem
from ledgerbridge.syncs.run import Ended
from ledgerbridge.work.queue import Queue
from ledgerbridge.work.retry import TryLater
from tests.integration.syncs.planned import Planned, planned, worker
from tests.integration.syncs.stage import Stage, accounts
from tests.support.erp_double import PAYABLES, down


@pytest.fixture
async def plan(stage: Stage, database_url: str) -> Planned:
    stage.rig.books.capabilities = PAYABLES
    made = planned(stage, database_url)
    await made.sweep()
    await made.taken()
    return made


async def ask(plan: Planned, kind: str, trigger: str = "manual", **order: Any) -> bool:
    async with plan.syncs.db.transaction() as session:
        return await enqueue_sync(session, plan.syncs.queue, plan.connection_id, SyncKind(kind), trigger, **order)


@pytest.mark.rule("TAG-123", "TAG-124", "TAG-125", "ACC-103", "VEN-122")
async def test_asking_twice_is_one_run_and_every_way_asks_for_the_same_work(plan: Planned) -> None:
    assert await ask(plan, "tags")
    assert not await ask(plan, "tags", "schedule")
    assert await ask(plan, "tags", only="CC")
    assert await ask(plan, "accounts")
    assert [(one["kind"], one["only"]) for one in await plan.queued()] == [
        ("tags", None), ("tags", "CC"), ("accounts", None)
    ]  # fmt: skip


async def test_a_persons_word_on_archiving_is_never_lost_in_a_run_that_waits(plan: Planned) -> None:
    await ask(plan, "accounts", "schedule")
    assert await ask(plan, "accounts", "confirmed", archive_allowed=40, allowed_by="admin:ada")
    assert [one["archive_allowed"] for one in await plan.queued()] == [None, 40]


async def test_nothing_waits_for_its_time_with_the_lock_of_the_company(plan: Planned) -> None:
    assert await ask(plan, "tags", in_seconds=300)
    assert await plan.queued() == []
    due = (await plan.row("tags")).next_due_at
    assert due is not None
    assert due <= plan.clock() + dt.timedelta(minutes=5)
    async with plan.syncs.db.transaction() as session:
        await enqueue_vendor(session, plan.syncs.queue, plan.connection_id, "v1", "webhook")
        await enqueue_drafts(session, plan.syncs.queue, plan.connection_id, "poll")
    await ask(plan, "accounts")
    found = await plan.queued()
    assert len(found) == 3
    assert {(one["lock"], one["ready"]) for one in found} == {(f"syncs:{plan.connection_id}", True)}


@pytest.mark.rule("TAG-128", "ACC-107", "VEN-124")
async def test_two_replicas_never_run_two_syncs_of_one_company_side_by_side(plan: Planned, database_url: str) -> None:
    plan.stage.rig.books.slow_lists = 0.1
    plan.stage.master.accounts = accounts(3)
    now, most, done = 0, 0, 0

    def taught(name: str) -> Queue:
        queue = Queue(database_url, rescue_seconds=60)
        syncs = replace(plan.syncs, queue=queue, worker=name)

        async def run(connection_id: str, kind: str, **order: Any) -> None:
            nonlocal now, most, done
            now += 1
            most = max(most, now)
            try:
                await tasks.work(syncs, uuid.UUID(connection_id), SyncKind(kind), **order)
            finally:
                now -= 1
                done += 1

        queue.register(RUN, run)
        return queue

    for kind in SyncKind:
        await ask(plan, kind.value)
    await ask(plan, "tags", only="CC")
    async with worker(taught("one")), worker(taught("two")):
        async with asyncio.timeout(120):
            while done < 5:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert most == 1
    assert {row.status for row in await plan.stage.rows()} == {"succeeded"}
    assert len(await plan.stage.rows()) == 5


async def test_a_company_that_a_dead_worker_still_holds_is_come_back_to(plan: Planned) -> None:
    assert await acquire(plan.syncs.db, plan.connection_id, "dead", 30, scope="syncs")
    with pytest.raises(TryLater):
        await plan.work("tags")
    assert (await plan.row("tags")).failures == 0


async def test_a_run_that_went_through_is_noted_and_clears_the_ladder(plan: Planned) -> None:
    await plan.set_row("accounts", failures=3, failing_since=utcnow(), warned_at=utcnow(), note="Down.")
    await plan.work("accounts")
    row = await plan.row("accounts")
    assert (row.failures, row.failing_since, row.warned_at, row.note) == (0, None, None, None)
    assert row.last_success_at is not None


async def test_a_run_over_one_dimension_says_nothing_about_the_rest(plan: Planned) -> None:
    await plan.work("tags", only="CC")
    assert (await plan.row("tags")).last_success_at is None


async def test_a_failed_run_is_tried_again_soon_and_then_later(plan: Planned) -> None:
    plan.stage.rig.books.before["accounts"] = [down(), down(), down()]
    await plan.sweep_at(minutes=31)
    waits = []
    for _ in range(3):
        await plan.work("accounts")
        row = await plan.row("accounts")
        assert row.next_due_at is not None
        waits.append(round((row.next_due_at - plan.clock()).total_seconds() / 60))
        assert "accounts" in await plan.sweep_at(minutes=waits[-1] + 1)
    assert waits == [2, 4, 8]
    assert (row.failures, row.note) == (3, of_problem(down().problem).text)
    assert "sync_failing" not in await plan.audit()


async def test_a_long_failure_is_told_once_then_ends_and_a_person_lifts_it(plan: Planned) -> None:
    plan.stage.rig.books.before["accounts"] = [down() for _ in range(4)]
    for hours in (0, 5, 1):
        plan.clock.move(hours=hours)
        await plan.work("accounts")
    plan.clock.move(days=8)
    await plan.set_row("accounts", last_started_at=plan.clock() - dt.timedelta(hours=2))  # tried all the while
    await plan.work("accounts")
    row = await plan.row("accounts")
    assert row.switched_off_reason is not None
    assert "8 days" in row.switched_off_reason
    told = [action for action in await plan.audit() if action.startswith("sync_")]
    assert told == ["sync_failing", "sync_switched_off"]
    assert (await plan.row("tags")).switched_off_at is None

    await plan.work("accounts")
    assert "accounts" not in [one.kind for one in (await plan.stage.rows())[4:]], "switched off means no run by itself"
    await ask(plan, "accounts", "manual")
    row = await plan.row("accounts")
    assert (row.switched_off_at, row.failures, row.failing_since) == (None, 0, None)


@pytest.mark.rule("VEN-004")
async def test_403_on_the_vendors_api_switches_vendors_off_and_all_else_goes_on(plan: Planned) -> None:
    plan.stage.fault("status", "POST", "/v1/vendors:search", status=403, times=None)
    for kind in ("vendors", "tags", "accounts", "tax_codes"):
        await plan.work(kind)
    rows = {kind: await plan.row(kind) for kind in ("vendors", "tags", "accounts", "tax_codes")}
    assert {kind: row.switched_off_at is not None for kind, row in rows.items()} == {
        "vendors": True, "tags": False, "accounts": False, "tax_codes": False
    }  # fmt: skip
    assert (await plan.connection()).status == "active"
    assert all(rows[kind].last_success_at for kind in ("tags", "accounts", "tax_codes"))
    assert "sync_switched_off" in await plan.audit()
    plan.clock.move(days=3)
    await plan.sweep()
    assert not any(one.startswith("vendors") for one in await plan.taken())


@pytest.mark.rule("ACC-112", "AUTH-083")
async def test_a_credential_that_pleo_refuses_pauses_the_connection_and_says_so(plan: Planned) -> None:
    for path in ("/v0/tag-groups", "/v1/installations/me"):
        plan.stage.fault("status", "GET", path, status=401, times=None)
    await plan.work("tags")
    connection = await plan.connection()
    assert connection.status == "paused"
    assert "401" in (connection.status_reason or "")
    assert "Press Connect" in (connection.status_reason or "")
    assert "paused" in await plan.audit()


async def test_what_only_a_person_can_mend_in_the_erp_is_told_at_once(plan: Planned) -> None:
    plan.stage.rig.books.before["accounts"] = [ErpError(problem(Failure.ERP_AUTHENTICATION))]
    await plan.work("accounts")
    row = await plan.row("accounts")
    assert row.warned_at is not None
    assert "sync_failing" in await plan.audit()
    assert (await plan.connection()).status == "active"


@pytest.mark.rule("TAX-051")
async def test_work_that_one_run_leaves_for_another_kind_is_queued_but_not_for_ever(
    plan: Planned, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def leaves_work(_syncs: object, _connection_id: object, kind: SyncKind, *_: object, **__: object) -> Ended:
        following = SyncKind.TAX_CODES if kind is SyncKind.ACCOUNTS else SyncKind.ACCOUNTS
        return Ended(uuid.uuid4(), SyncStatus.SUCCEEDED, then=(following,))

    monkeypatch.setattr(tasks, "run", leaves_work)
    await ask(plan, "tax_codes", "schedule")
    hops = []
    while found := await plan.queued():
        await plan.taken()
        hops += [one["kind"] for one in found]
        for one in found:
            await plan.work(one["kind"], one["trigger"], hop=one["hop"])
    assert hops == ["tax_codes", "accounts", "tax_codes"]


# ------------------------------------------------------------------ webhooks about vendors


async def delivered(plan: Planned, vendor_id: str) -> uuid.UUID:
    found = uuid.uuid4()
    async with plan.syncs.db.transaction() as session:
        session.add(
            WebhookDelivery(
                id=found, connection_id=plan.connection_id, webhook_id=str(found), event_type="v1.vendor.created",
                resource_id=vendor_id, status=DeliveryStatus.QUEUED,
            )
        )  # fmt: skip
    return found


async def state_of(plan: Planned, delivery: uuid.UUID) -> tuple[str, str | None]:
    async with plan.syncs.db.reading() as session:
        row = await session.get_one(WebhookDelivery, delivery)
        return row.status, row.note


async def drafted(plan: Planned, name: str) -> str:
    return str(plan.stage.put("vendors", items=[{"name": name, "country": "DK"}])[0]["id"])


async def test_a_webhook_about_a_vendor_ends_when_that_vendor_was_worked_on(plan: Planned) -> None:
    ours, other = await drafted(plan, "Acme"), await drafted(plan, "Brew")
    first, second = await delivered(plan, ours), await delivered(plan, other)
    await plan.work("vendors", "webhook", only=ours)
    assert (await state_of(plan, first))[0] == "done"
    assert (await state_of(plan, second))[0] == "queued"
    assert [one.name for one in plan.stage.master.vendors] == ["Acme"]
    async with plan.syncs.db.reading() as session:
        run = (await session.scalars(select(SyncRun))).one()
    assert (run.kind, run.trigger, run.only, run.status) == ("vendors", "webhook", ours, "succeeded")

    await plan.work("vendors", "poll", only="drafts")
    assert (await state_of(plan, second))[0] == "done"
    assert [one.name for one in plan.stage.master.vendors] == ["Acme", "Brew"]


async def test_after_a_failure_the_webhook_waits_for_the_next_look_at_the_drafts(plan: Planned) -> None:
    draft = await drafted(plan, "Acme")
    delivery = await delivered(plan, draft)
    plan.stage.fault("status", "GET", f"/v1/vendors/{draft}", status=503, times=None)
    await plan.work("vendors", "webhook", only=draft)
    assert (await state_of(plan, delivery))[0] == "queued"
    assert (await plan.row("vendors")).failures == 0, "the daily run has not failed"


@pytest.mark.rule("VEN-004")
async def test_a_webhook_is_parked_with_the_reason_where_vendors_are_not_synchronised(plan: Planned) -> None:
    await plan.stage.rig.configure(syncs={"vendors": {"enabled": False}})
    delivery = await delivered(plan, "any")
    await plan.work("vendors", "webhook", only="any")
    status, note = await state_of(plan, delivery)
    assert status == "parked"
    assert "switched off in the configuration" in (note or "")
    assert await plan.stage.rows() == []
