"""Deliveries over HTTP: stored once, queued in the same transaction, answered at once."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, select, text

from ledgerbridge.exports.enqueue import LOOK
from ledgerbridge.store.embedded import EmbeddedPostgres
from ledgerbridge.store.tables import Connection, ConnectionStatus, Subscription, WebhookDelivery
from ledgerbridge.syncs.enqueue import RUN
from ledgerbridge.web import hooks
from pleo_sandbox.config import DEMO_COMPANY_ID
from tests.integration.web.mailbox import JOB, VECTOR_SECRET, Box, export_event


@pytest.mark.rule("HOOK-040")
async def test_a_signed_delivery_is_stored_and_its_work_queued_before_the_answer(box: Box) -> None:
    body = export_event()
    answer = await box.send(body, box.signed(body, "msg_1"))
    assert answer.status_code == 202
    (row,) = await box.stored()
    assert (row.webhook_id, row.status, row.resource_id) == ("msg_1", "queued", JOB)
    assert row.connection_id == box.connection_id
    assert await box.looks_waiting() == 1
    assert box.counted("queued") == 1


@pytest.mark.rule("HOOK-042", "HOOK-043")
async def test_the_same_delivery_again_is_acknowledged_and_done_once(box: Box) -> None:
    body = export_event()
    for _ in range(3):
        answer = await box.send(body, box.signed(body, "msg_same"))
        assert answer.status_code == 202
    (row,) = await box.stored()
    assert row.repeats == 2
    assert await box.looks_waiting() == 1
    assert box.counted("duplicate") == 2


@pytest.mark.rule("HOOK-042")
async def test_the_same_delivery_many_times_at_once_is_one_row_and_one_job(box: Box) -> None:
    body = export_event()
    headers = box.signed(body, "msg_race")
    answers = await asyncio.gather(*(box.send(body, headers) for _ in range(8)))
    assert [answer.status_code for answer in answers] == [202] * 8
    (row,) = await box.stored()
    assert row.repeats == 7
    assert await box.looks_waiting() == 1


@pytest.mark.rule("HOOK-043")
async def test_a_duplicate_after_the_work_is_done_queues_nothing(box: Box) -> None:
    body = export_event()
    headers = box.signed(body, "msg_late")
    await box.send(body, headers)
    async with box.face.services.db.transaction() as session:
        await session.execute(
            text("update procrastinate_jobs set status = 'succeeded' where task_name = :n"), {"n": LOOK}
        )
    assert (await box.send(body, headers)).status_code == 202
    assert await box.looks_waiting() == 0


@pytest.mark.rule("HOOK-044")
async def test_deliveries_for_different_jobs_of_one_company_wait_as_one_look(box: Box) -> None:
    for _ in range(3):
        await box.send(export_event())
    assert len(await box.stored()) == 3
    assert await box.looks_waiting() == 1


@pytest.mark.rule("HOOK-040")
async def test_delivery_and_job_stand_or_fall_together(box: Box) -> None:
    async with box.face.services.db.transaction() as session:
        await session.execute(text("alter table procrastinate_jobs add constraint broken check (false) not valid"))
    answer = await box.send(export_event())
    assert answer.status_code == 500
    assert await box.stored() == []
    async with box.face.services.db.transaction() as session:
        await session.execute(text("alter table procrastinate_jobs drop constraint broken"))
    assert (await box.send(export_event())).status_code == 202
    assert len(await box.stored()) == await box.looks_waiting() == 1


@pytest.mark.rule("HOOK-026", "VEN-015")
@pytest.mark.parametrize("about", ["export", "vendor"])
async def test_another_companys_event_is_acknowledged_dropped_and_alerted(box: Box, about: str) -> None:
    data = {"id": str(uuid.uuid4()), "companyId": str(uuid.uuid4())}
    vendor_event = json.dumps({"data": data, "eventType": "v1.vendor.created", "eventId": "e"}).encode()
    sent = vendor_event if about == "vendor" else export_event(company_id=str(uuid.uuid4()))
    answer = await box.send(sent)
    assert answer.status_code == 202
    (row,) = await box.stored()
    assert row.status == "dropped"
    assert row.note
    assert row.settled_at is not None
    assert await box.looks_waiting() == 0
    async with box.face.services.db.reading() as session:
        assert not await session.scalar(
            text("select count(*) from procrastinate_jobs where task_name = :n"), {"n": RUN}
        )
    registry = box.face.services.metrics.registry
    assert registry.get_sample_value("ledgerbridge_webhook_company_mismatches_total") == 1


@pytest.mark.rule("HOOK-023")
async def test_both_spellings_are_one_event(box: Box) -> None:
    for spelling in ("v1.export-job.created", "v1.export.job-created"):
        assert (await box.send(export_event(event_type=spelling))).status_code == 202
    assert [row.status for row in await box.stored()] == ["queued", "queued"]
    assert await box.looks_waiting() == 1


@pytest.mark.rule("HOOK-021")
async def test_a_wrapped_body_is_the_same_event(box: Box) -> None:
    body = json.dumps({"payload": json.loads(export_event())}).encode()
    assert (await box.send(body)).status_code == 202
    (row,) = await box.stored()
    assert row.resource_id == JOB


@pytest.mark.rule("HOOK-023")
async def test_an_unknown_event_is_parked_for_a_person(box: Box) -> None:
    kinds = ["v2.card.created", "x" * 5000, "nul\0here", "\ud800"]
    for kind in kinds:
        body = json.dumps({"data": {"companyId": DEMO_COMPANY_ID}, "eventType": kind}).encode()
        assert (await box.send(body)).status_code == 202
    rows = await box.stored()
    assert [row.status for row in rows] == ["parked"] * len(kinds)
    assert all(0 < len(row.event_type) <= 200 for row in rows)
    assert await box.looks_waiting() == 0


@pytest.mark.rule("VEN-060")
async def test_a_vendor_event_queues_the_work_on_that_vendor_and_nothing_of_the_vendor_is_kept(box: Box) -> None:
    vendor = str(uuid.uuid4())
    data = {"id": vendor, "companyId": DEMO_COMPANY_ID, "name": "Never stored GmbH", "code": None}
    body = json.dumps({"data": data, "eventType": "v1.vendor.created", "eventId": "e"}).encode()
    assert (await box.send(body)).status_code == 202
    assert (await box.send(body, box.signed(body, "msg_2"))).status_code == 202
    for row in await box.stored():
        assert (row.status, row.resource_id) == ("queued", vendor)
    assert await box.looks_waiting() == 0
    async with box.face.services.db.reading() as session:
        jobs = (
            await session.execute(text("select args from procrastinate_jobs where task_name = :n"), {"n": RUN})
        ).all()
    assert [(job.args["kind"], job.args["only"], job.args["trigger"]) for job in jobs] == [
        ("vendors", vendor, "webhook")
    ]
    assert "Never stored" not in str(jobs)


async def test_a_signed_body_that_is_no_event_is_400_and_stores_nothing(box: Box) -> None:
    no_ids = b'{"eventType": "v1.export-job.created"}'
    for body in (b"", b"[]", b"null", b"{}", b'{"eventType": 7}', no_ids, b"[" * 100_000, b"9" * 5000):
        assert (await box.send(body)).status_code == 400, body[:40]
    assert await box.stored() == []


@pytest.mark.rule("HOOK-048")
async def test_a_body_over_the_cap_is_413_whatever_its_length_header_says(box: Box) -> None:
    body = export_event() + b" " * (256 * 1024)
    headers = box.signed(body)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 10_000):
            yield body[start : start + 10_000]

    true = await box.send(body, headers)
    absent = await box.face.anybody.post(box.path, content=pieces(), headers=headers)
    lying = await box.face.anybody.post(box.path, content=pieces(), headers=headers | {"content-length": "10"})
    assert [answer.status_code for answer in (true, absent, lying)] == [413, 413, 413]
    assert await box.stored() == []


@pytest.mark.rule("HOOK-048")
async def test_a_body_just_below_the_cap_is_taken(box: Box) -> None:
    event = export_event()
    body = event + b" " * (256 * 1024 - len(event))
    assert (await box.send(body)).status_code == 202


@pytest.mark.rule("HOOK-048")
async def test_only_json_is_taken(box: Box) -> None:
    taken = ("application/json", "application/json; charset=utf-8", "Application/JSON", "application/cloudevents+json")
    for content_type in taken:
        body = export_event()
        assert (await box.send(body, box.signed(body) | {"content-type": content_type})).status_code == 202
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        body = export_event()
        assert (await box.send(body, box.signed(body) | {"content-type": content_type})).status_code == 415
    assert len(await box.stored()) == len(taken)


async def test_a_delivery_without_a_content_type_is_judged_by_its_signature(box: Box) -> None:
    body = export_event()
    headers = {name: value for name, value in box.signed(body).items() if name.lower() != "content-type"}
    assert (await box.send(body, headers)).status_code == 202


@pytest.mark.rule("HOOK-007")
async def test_a_path_nobody_was_given_is_404(box: Box) -> None:
    body = export_event()
    for path in ("/webhooks/pleo/guessed", f"{box.path}x", "/webhooks/pleo/"):
        answer = await box.face.anybody.post(path, content=body, headers=box.signed(body))
        assert answer.status_code == 404
    assert (await box.face.anybody.get(box.path)).status_code == 405


@pytest.mark.rule("HOOK-037")
async def test_a_secret_that_changed_at_pleo_is_read_again_once_in_five_minutes(box: Box) -> None:
    wrong = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
    sealed = box.face.services.connections.vault.seal(
        wrong, table="subscriptions", column="secret_sealed", row=box.connection_id
    )
    await box.change(Subscription, secret_sealed=sealed, secret_read_at=None)
    assert (await box.send(export_event())).status_code == 202, "signed with the secret Pleo really uses"
    (row,) = await box.stored()
    assert row.status == "queued"
    pleo_id = await _pleo_id(box)
    before = len(box.face.pleo.requests("GET", f"/v1/subscriptions/{pleo_id}/secret"))
    for _ in range(5):
        body = export_event()
        assert (await box.send(body, box.signed(body, secret=wrong))).status_code == 401
    assert len(box.face.pleo.requests("GET", f"/v1/subscriptions/{pleo_id}/secret")) == before


async def _pleo_id(box: Box) -> str:
    async with box.face.services.db.reading() as session:
        found = (await session.get_one(Subscription, box.connection_id)).pleo_id
    assert found is not None
    return found


@pytest.mark.rule("HOOK-047")
async def test_deliveries_after_the_end_are_acknowledged_and_do_nothing(box: Box) -> None:
    gone = await box.face.admin.delete(f"/admin/api/connections/{box.connection_id}")
    assert gone.status_code == 204
    assert (await box.send(export_event())).status_code == 202
    assert await box.looks_waiting() == 0
    assert box.counted("dropped") == 1


@pytest.mark.rule("HOOK-047")
async def test_a_disconnected_company_whose_secret_is_still_there_gets_a_dropped_row(box: Box) -> None:
    await box.change(Connection, status=ConnectionStatus.DISCONNECTED)
    assert (await box.send(export_event())).status_code == 202
    (row,) = await box.stored()
    assert row.status == "dropped"
    body = export_event()
    assert (await box.send(body, box.signed(body, secret=VECTOR_SECRET))).status_code == 401


async def test_a_body_that_never_ends_is_given_up_on(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "READ_SECONDS", 0.2)

    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)

    answer = await box.face.anybody.post(box.path, content=endless(), headers=box.signed(b"{"))
    assert answer.status_code == 408


@pytest.mark.rule("HOOK-046")
async def test_a_database_that_is_too_slow_is_503(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "STORE_SECONDS", 0.3)
    async with box.face.services.db.transaction() as session:
        await session.execute(text("lock table webhook_deliveries in access exclusive mode"))
        body = export_event()
        headers = box.signed(body)
        assert (await box.send(body, headers)).status_code == 503
    monkeypatch.undo()
    # It may be stored yet, once the table is free: others may go with it by the same statement.
    assert (await box.send(body, headers)).status_code == 202
    assert len(await box.stored()) == 1
    assert await box.looks_waiting() == 1


@pytest.mark.rule("HOOK-046")
async def test_a_delivery_that_cannot_be_stored_is_503_so_that_pleo_sends_it_again(
    box: Box, postgres: EmbeddedPostgres, database_url: str
) -> None:
    postgres.drop_database(database_url.rsplit("/", 1)[1])
    answer = await box.send(export_event())
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"]


async def test_no_delivery_of_one_company_is_seen_under_another(box: Box) -> None:
    await box.send(export_event())
    async with box.face.services.db.reading() as session:
        owners = (
            await session.execute(
                select(WebhookDelivery.connection_id, func.count()).group_by(WebhookDelivery.connection_id)
            )
        ).all()
    assert [(row[0], row[1]) for row in owners] == [(box.connection_id, 1)]
