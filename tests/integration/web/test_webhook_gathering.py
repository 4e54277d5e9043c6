"""Deliveries that come together are stored by one statement, and what happens to one of them is its own affair."""

from __future__ import annotations

import asyncio
import time
import uuid

import psycopg
import pytest

from ledgerbridge.store.tables import Subscription
from ledgerbridge.web import gathering
from ledgerbridge.web.gathering import Gathering
from tests.integration.web.mailbox import Box, export_event
from tests.integration.web.test_webhook_memory import own, sealed, statements
from tests.integration.web.two_companies import Two


async def _warm(box: Box) -> int:
    """The company is remembered; how many deliveries are stored by now."""
    assert (await box.send(export_event())).status_code == 202
    return len(await box.stored())


@pytest.mark.rule("HOOK-042")
async def test_many_at_once_are_a_few_statements_and_each_is_stored_once(box: Box) -> None:
    before = await _warm(box)
    with statements() as seen:
        answers = await asyncio.gather(*(box.send(export_event()) for _ in range(40)))
    assert {answer.json()["result"] for answer in answers} == {"queued"}
    assert own(seen) <= 10
    assert len(await box.stored()) == before + 40
    assert await box.looks_waiting() == 1


@pytest.mark.rule("HOOK-043")
async def test_the_same_delivery_many_times_at_once_is_stored_once_and_its_repeats_are_counted(box: Box) -> None:
    before = await _warm(box)
    body = export_event()
    headers = box.signed(body)
    answers = await asyncio.gather(*(box.send(body, headers) for _ in range(12)))
    assert sorted(answer.json()["result"] for answer in answers) == ["duplicate"] * 11 + ["queued"]
    stored = await box.stored()
    assert len(stored) == before + 1
    assert stored[-1].repeats == 11


async def test_a_company_whose_row_is_held_keeps_nobody_else_back(
    box: Box, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "PLACES", 1)
    held = export_event()
    headers = box.signed(held)
    assert (await box.send(held, headers)).status_code == 202
    with psycopg.connect(database_url) as holder:
        holder.execute("select 1 from webhook_deliveries where webhook_id = %s for update", [headers["webhook-id"]])
        waiting = asyncio.create_task(box.send(held, headers))
        await asyncio.sleep(0.3)
        others = [asyncio.create_task(box.send(export_event())) for _ in range(5)]
        began = time.monotonic()
        assert {(await one).json()["result"] for one in others} == {"queued"}
        assert time.monotonic() - began < 8, "a delivery may wait ten seconds for the database"
        assert not waiting.done()
    assert (await waiting).json()["result"] == "duplicate"


async def test_many_of_a_company_whose_row_is_held_leave_places_for_the_others(two: Two, database_url: str) -> None:
    gatherer = Gathering(two.face.services.db)

    async def row(connection_id: uuid.UUID) -> dict[str, object]:
        async with two.face.services.db.reading() as session:
            secret = (await session.get_one(Subscription, connection_id)).secret_sealed
        return _row(connection_id, secret)

    mine, theirs = await row(two.mine.connection_id), await row(two.theirs.connection_id)
    with psycopg.connect(database_url) as holder:
        holder.execute("select 1 from connections where id = %s for update", [two.mine.connection_id])
        held = [asyncio.create_task(gatherer.store(mine | _named())) for _ in range(120)]
        await asyncio.sleep(2)
        began = time.monotonic()
        assert await gatherer.store(theirs | _named())
        assert time.monotonic() - began < 6, "a delivery may wait ten seconds for the database"
        assert not any(one.done() for one in held)
    assert await asyncio.gather(*held) == [True] * 120


def _named() -> dict[str, object]:
    return {"id": str(uuid.uuid4()), "webhook_id": f"msg_{uuid.uuid4().hex}"}


def _row(connection_id: uuid.UUID, secret: bytes | None) -> dict[str, object]:
    assert secret is not None
    known = {"event_type": "v1.export-job.created", "status": "queued"}
    return {"connection_id": str(connection_id), "sealed": secret.hex(), "ended": False, **known, **_named()}


async def test_one_that_cannot_be_stored_costs_the_others_nothing(box: Box) -> None:
    await _warm(box)
    gatherer = Gathering(box.face.services.db)
    async with box.face.services.db.reading() as session:
        secret = (await session.get_one(Subscription, box.connection_id)).secret_sealed
    assert secret is not None

    def row(**odd: object) -> dict[str, object]:
        plain = {
            "connection_id": str(box.connection_id), "sealed": secret.hex(), "ended": False, "id": str(uuid.uuid4()),
            "webhook_id": f"msg_{uuid.uuid4().hex}", "event_type": "v1.export-job.created", "status": "queued",
        }  # fmt: skip
        return plain | odd

    other = await sealed(box, box.secret)
    answers = await asyncio.gather(
        *(gatherer.store(row()) for _ in range(4)),
        gatherer.store(row(resource_id="\0")),
        gatherer.store(row(sealed=other.hex())),
        *(gatherer.store(row()) for _ in range(4)),
        return_exceptions=True,
    )
    assert answers[:4] == answers[6:] == [True] * 4
    assert isinstance(answers[4], psycopg.DataError)
    assert answers[5] is None, "its subscription is not as it was taken for"


async def test_one_whose_sender_gave_up_is_left_out_and_may_come_again(box: Box, database_url: str) -> None:
    before = await _warm(box)
    body = export_event()
    headers = box.signed(body)
    with psycopg.connect(database_url) as holder:
        holder.execute("lock table webhook_deliveries")
        patient = asyncio.create_task(box.send(export_event()))
        gone = asyncio.create_task(box.send(body, headers))
        await asyncio.sleep(0.2)
        gone.cancel()
    assert (await patient).json()["result"] == "queued"
    assert (await box.send(body, headers)).status_code == 202
    assert len(await box.stored()) == before + 2
