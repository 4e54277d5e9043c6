"""Replay: work that was lost is done after all, and work that was done is not done twice."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text, update

from ledgerbridge.exports.run import look
from ledgerbridge.exports.spool import settle_deliveries
from ledgerbridge.ops import replay
from ledgerbridge.ops.deliveries import Filter
from ledgerbridge.ops.invariants import check_all
from ledgerbridge.store import tables
from ledgerbridge.store.tables import Connection, WebhookDelivery
from ledgerbridge.syncs import tasks
from pleo_sandbox.config import DEMO_COMPANY_ID
from tests.integration.web.conftest import Face
from tests.integration.web.mailbox import Box, export_event, mailbox, mailbox_of
from tests.support.erp_double import PAYABLES
from tests.support.rig import CONFIGURATION
from tests.support.rig import Pleo as Bookkeeper

PATH = "/admin/api/webhook-deliveries/replay"


@dataclass
class Office:
    """An active company, its mailbox, and a bookkeeper in Pleo."""

    box: Box
    bookkeeper: Bookkeeper

    @property
    def face(self) -> Face:
        return self.box.face

    @property
    def owner(self) -> uuid.UUID:
        return self.box.connection_id

    async def told_of_a_job(self) -> str:
        """Pleo tells of an export job, and the work for it is lost; the job's id."""
        job_id = self.bookkeeper.export(self.bookkeeper.queue("fee"))
        assert (await self.box.send(export_event(job_id=job_id))).json() == {"result": "queued"}
        await self.lose_work()
        return job_id

    async def lose_work(self) -> None:
        async with self.face.services.db.transaction() as session:
            await session.execute(text("delete from procrastinate_jobs"))

    async def waiting(self) -> list[tuple[str, dict[str, Any]]]:
        async with self.face.services.db.reading() as session:
            rows = await session.execute(
                text("select task_name, args from procrastinate_jobs where status = 'todo' order by id")
            )
            return [(name, arguments) for name, arguments in rows]

    async def work(self) -> None:
        """What a worker would do with what waits."""
        for name, arguments in await self.waiting():
            owner = uuid.UUID(arguments["connection_id"])
            if name == "exports.look":
                await look(self.face.services.exports, owner, arguments["found_by"])
            else:
                await tasks.work(self.face.services.syncs, owner, tables.SyncKind(arguments["kind"]),
                                 **{key: value for key, value in arguments.items()
                                    if key not in ("connection_id", "kind")})  # fmt: skip
        await self.lose_work()

    async def press(self, **body: Any) -> httpx.Response:
        return await self.face.admin.post(PATH, json=body)

    async def deliveries(self) -> list[dict[str, Any]]:
        answer = await self.face.admin.get("/admin/api/webhook-deliveries")
        return list(answer.json()["data"])

    async def audited(self) -> list[dict[str, Any]]:
        answer = await self.face.admin.get("/admin/api/audit", params={"action": "deliveries_replayed"})
        return list(answer.json()["data"])

    async def change(self, **values: Any) -> None:
        async with self.face.services.db.transaction() as session:
            where = WebhookDelivery.connection_id == self.owner
            await session.execute(update(WebhookDelivery).where(where).values(**values))


@pytest.fixture
async def office(face: Face) -> Office:
    """Everything works."""
    face.books.capabilities = PAYABLES
    owner = uuid.UUID(await face.active())
    found = Office(await mailbox_of(face, owner), Bookkeeper(face.pleo.url))
    await found.lose_work()
    return found


@pytest.fixture
async def desk(face: Face) -> Office:
    """Deliveries come in; nothing is worked."""
    found = Office(await mailbox(face), Bookkeeper(face.pleo.url))
    await found.box.change(Connection, status="active")
    await found.lose_work()
    return found


def lately(**more: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    ends = {"from": now - timedelta(hours=1), "to": now + timedelta(minutes=5)}
    return {name: end.isoformat() for name, end in ends.items()} | more


@pytest.mark.rule("HOOK-042", "HOOK-043")
async def test_lost_work_is_done_by_a_replay_and_a_second_one_books_nothing_twice(office: Office) -> None:
    job_id = await office.told_of_a_job()
    (delivery,) = await office.deliveries()
    assert (await office.press(ids=[delivery["id"]])).json()["replayed"] == 1
    assert [name for name, _ in await office.waiting()] == ["exports.look"]
    await office.work()
    assert office.bookkeeper.job(job_id)["status"] == "completed"
    assert len(office.face.books.entries) == 1
    (row,) = await office.deliveries()
    assert (row["status"], row["replays"], row["replayed_by"]) == ("done", 1, "admin:ada")

    again = await office.press(**lately(status="done"))
    assert (again.status_code, again.json()["replayed"]) == (202, 1)
    (row,) = await office.deliveries()
    assert (row["status"], row["settled_at"], row["replays"]) == ("queued", None, 2)
    await office.work()
    assert len(office.face.books.entries) == 1, "booked twice"
    assert office.face.books.calls["book"] == 1, "not even offered to the ERP again"
    (row,) = await office.deliveries()
    assert row["status"] == "done"
    assert [(one["actor"], one["detail"]["deliveries"]) for one in await office.audited()] == [("admin:ada", 1)] * 2


async def test_a_preview_says_what_would_be_done_and_does_nothing(desk: Office) -> None:
    await desk.told_of_a_job()
    before = await desk.deliveries()
    answer = await desk.press(**lately(preview=True))
    assert answer.status_code == 200
    said = answer.json()
    (share,) = said.pop("companies")
    assert said == {"preview": True, "replayed": 1, "skipped": {}}
    assert (share["id"], share["replayed"], share["skipped"]) == (str(desk.owner), 1, {})
    assert await desk.deliveries() == before
    assert await desk.waiting() == []
    assert await desk.audited() == []


async def test_a_draft_vendor_whose_work_was_lost_is_worked(office: Office) -> None:
    vendor = office.face.pleo.draft_vendor("Brewers Supply")
    every_kind = await office.face.admin.put(f"/admin/api/connections/{office.owner}/config", json=CONFIGURATION)
    assert every_kind.status_code == 200, every_kind.text
    event = {"data": {"companyId": DEMO_COMPANY_ID, "id": vendor}, "eventId": "e", "eventType": "v1.vendor.created"}
    assert (await office.box.send(json.dumps(event).encode())).json() == {"result": "queued"}
    await office.lose_work()
    assert (await office.press(**lately(about="exports"))).json()["replayed"] == 0
    assert (await office.press(**lately(about="vendors"))).json()["replayed"] == 1
    ((name, arguments),) = await office.waiting()
    assert (name, arguments["only"], arguments["trigger"]) == ("syncs.run", vendor, "webhook")
    await office.work()
    (row,) = await office.deliveries()
    assert row["status"] == "done", row["note"]


async def test_many_vendors_of_a_company_are_one_look_at_its_drafts(desk: Office) -> None:
    async with desk.face.services.db.transaction() as session:
        session.add_all(
            WebhookDelivery(connection_id=desk.owner, webhook_id=f"m{n}", event_type="v1.vendor.created",
                            resource_id=str(uuid.uuid4()), company_id=DEMO_COMPANY_ID, status="done")
            for n in range(30)
        )  # fmt: skip
    assert (await desk.press(**lately())).json()["replayed"] == 30
    ((name, arguments),) = await desk.waiting()
    assert (name, arguments["only"]) == ("syncs.run", "drafts")


async def test_what_was_never_believed_or_understood_is_told_apart_and_left_alone(desk: Office) -> None:
    await desk.box.send(export_event(company_id=str(uuid.uuid4())))
    await desk.box.send(export_event(event_type="v9.something.new"))
    await desk.box.send(export_event())
    await desk.lose_work()
    before = {row["id"]: row for row in await desk.deliveries()}
    answer = (await desk.press(**lately())).json()
    assert (answer["replayed"], answer["skipped"]) == (1, {"other_company": 1, "unknown_type": 1})
    after = await desk.deliveries()
    assert [row["status"] for row in after if row["replays"] == 0] == ["parked", "dropped"]
    assert [row for row in after if row["replays"] == 0] == [before[row["id"]] for row in after if row["replays"] == 0]


async def test_nothing_is_queued_for_a_company_that_is_not_worked(desk: Office) -> None:
    await desk.told_of_a_job()
    for status, why in {
        "disconnected": "disconnected", "paused": "not_active", "reconnect_needed": "not_active",
        "setting_up": "not_active",
    }.items():  # fmt: skip
        await desk.box.change(Connection, status=status)
        answer = await desk.press(**lately())
        assert (answer.status_code, answer.json()["replayed"], answer.json()["skipped"]) == (202, 0, {why: 1})
    assert await desk.waiting() == []
    assert await desk.audited() == []


async def test_what_was_dropped_while_disconnected_can_be_replayed_once_connected_again(office: Office) -> None:
    job_id = await office.told_of_a_job()
    await office.change(status="dropped", note="the connection has ended", company_id=None, resource_id=None)
    assert (await office.press(**lately(status="dropped"))).json()["replayed"] == 1
    await office.work()
    assert office.bookkeeper.job(job_id)["status"] == "completed"


async def test_two_replays_at_once_make_one_look(office: Office) -> None:
    job_id = await office.told_of_a_job()
    answers = await asyncio.gather(*(office.press(**lately()) for _ in range(4)))
    assert [one.json()["replayed"] for one in answers] == [1, 1, 1, 1]
    assert len(await office.waiting()) == 1
    await office.work()
    assert len(office.face.books.entries) == 1
    assert office.bookkeeper.job(job_id)["status"] == "completed"
    (row,) = await office.deliveries()
    assert (row["status"], row["replays"]) == ("done", 4)


async def test_a_look_that_was_under_way_does_not_end_a_replayed_delivery(office: Office) -> None:
    """Its own look is still to come: only that one has seen what the person wants looked at."""
    await office.told_of_a_job()
    (delivery,) = await office.deliveries()
    await office.change(received_at=datetime.now(UTC) - timedelta(days=1))

    async def press() -> None:
        await office.press(id=delivery["id"])

    office.face.books.meanwhile["book"] = press
    await look(office.face.services.exports, office.owner, "poll")
    (row,) = await office.deliveries()
    assert (row["status"], row["replays"]) == ("queued", 1)
    await office.work()
    (row,) = await office.deliveries()
    assert row["status"] == "done"


async def test_a_look_that_ends_and_a_replay_never_wait_for_each_other_in_a_circle(desk: Office) -> None:
    await desk.told_of_a_job()
    await desk.box.send(export_event(job_id=str(uuid.uuid4())))
    await desk.lose_work()
    db, newest = desk.face.services.db, uuid.UUID(int=1)
    async with db.transaction() as session:
        last = select(WebhookDelivery.id).order_by(WebhookDelivery.received_at.desc()).limit(1).scalar_subquery()
        await session.execute(update(WebhookDelivery).where(WebhookDelivery.id == last).values(id=newest))

    async def ends() -> None:
        async with db.transaction() as session:
            await settle_deliveries(session, desk.owner, datetime.now(UTC))

    async def waits(number: int) -> None:
        query = text(
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        )
        for _ in range(600):
            async with db.reading() as session:
                if (await session.scalar(query) or 0) >= number:
                    return
            await asyncio.sleep(0.05)
        raise AssertionError("nobody waits")

    async with db.transaction() as session:
        oldest = select(WebhookDelivery).where(WebhookDelivery.id != newest).with_for_update()
        await session.scalar(oldest)
        ending = asyncio.create_task(ends())
        await waits(1)
        pressing = asyncio.create_task(desk.press(**lately()))
        await waits(2)
    await ending
    assert (await pressing).json()["replayed"] == 2


async def test_an_old_delivery_that_waits_anew_is_not_taken_for_one_that_was_forgotten(desk: Office) -> None:
    await desk.told_of_a_job()
    await desk.change(received_at=datetime.now(UTC) - timedelta(days=2), status="done")
    (delivery,) = await desk.deliveries()
    await desk.press(id=delivery["id"])
    await check_all(desk.face.services.db, deep=False)
    (found,) = [
        one for one in (await desk.face.admin.get("/admin/api/invariants")).json()["data"]
        if one["id"] == "webhook-settled"
    ]  # fmt: skip
    assert found["violations"] == 0


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "body"),
    ({"ids": []}, "body"),
    ({"from": "2026-01-01T00:00:00Z"}, "to"),
    ({"status": "done"}, "from"),
    ({"from": "2026-01-01T00:00:00", "to": "2026-01-02T00:00:00"}, "from"),
    ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-02T00:00:00Z"}, "to"),
    ({"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:01Z"}, "to"),
    ({"ids": [str(uuid.UUID(int=1))], "from": "2026-01-01T00:00:00Z"}, "body"),
    ({"ids": ["x"]}, "ids.0"),
    ({"everything": True}, "everything"),
]


async def test_a_replay_without_bounds_is_refused_in_words(desk: Office) -> None:
    await desk.told_of_a_job()
    for body, path in REFUSED:
        answer = await desk.press(**body)
        assert answer.status_code == 422, (body, answer.text)
        assert path in [error["path"] for error in answer.json()["errors"]], body
    assert await desk.waiting() == []


async def test_unknown_ids_and_companies_replay_nothing_at_all(desk: Office) -> None:
    await desk.told_of_a_job()
    (delivery,) = await desk.deliveries()
    answer = await desk.press(ids=[delivery["id"], str(uuid.uuid4())])
    assert answer.status_code == 422
    assert "There is no delivery" in answer.json()["detail"]
    assert (await desk.press(**lately(connection=str(uuid.uuid4())))).status_code == 404
    assert await desk.waiting() == []


async def test_more_than_can_be_done_at_once_is_refused(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "MOST_DELIVERIES", 2)
    for _ in range(3):
        await desk.box.send(export_event())
    await desk.lose_work()
    for preview in (True, False):
        answer = await desk.press(**lately(preview=preview))
        assert answer.status_code == 422
        assert "more than 2 deliveries" in answer.json()["detail"]
    assert await desk.waiting() == []


async def test_a_replay_is_all_or_nothing(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.told_of_a_job()
    before = await desk.deliveries()

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("between the rows and the record")

    monkeypatch.setattr(replay.audit, "record", broken)
    which = Filter(since=datetime.now(UTC) - timedelta(hours=1), until=datetime.now(UTC))
    with pytest.raises(RuntimeError):
        await replay.replay(desk.face.services.db, desk.face.services.queue, replay.Wanted(which=which), "admin:x")
    assert await desk.deliveries() == before
    assert await desk.waiting() == []


async def test_the_lists_are_narrowed_by_subject_and_time(desk: Office) -> None:
    await desk.box.send(export_event())
    await desk.box.send(export_event(event_type="v9.something.new"))
    path = "/admin/api/webhook-deliveries"

    async def types(**query: str) -> list[str]:
        answer = await desk.face.admin.get(path, params=query)
        return [row["event_type"] for row in answer.json()["data"]]

    assert await types(about="other") == ["v9.something.new"]
    assert await types(about="exports") == ["v1.export-job.created"]
    assert await types(about="vendors") == []
    hour = timedelta(hours=1)
    assert len(await types(**{"from": (datetime.now(UTC) - hour).isoformat()})) == 2
    assert await types(to=(datetime.now(UTC) - hour).isoformat()) == []
    audit = await desk.face.admin.get("/admin/api/audit", params={"by": "customer", "action": "connected"})
    assert [row["action"] for row in audit.json()["data"]] == ["connected"]
    nobodys = await desk.face.admin.get("/admin/api/audit", params={"by": "admin:bob"})
    assert nobodys.json()["data"] == []
