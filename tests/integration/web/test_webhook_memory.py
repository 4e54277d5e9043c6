"""What a process remembers of a subscription saves a look, and never lets a delivery through that a look would not."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from ledgerbridge.store.tables import Connection, ConnectionStatus, Subscription
from ledgerbridge.store.vault import hash_token
from ledgerbridge.web.gathering import Gathering, Row
from ledgerbridge.web.mailboxes import Mailbox, Mailboxes
from tests.integration.web.mailbox import VECTOR_SECRET, Box, export_event


@contextmanager
def statements() -> Iterator[list[str]]:
    """What psycopg is told to run in the meantime, by whomever in this process; no BEGIN or COMMIT stands in it."""
    seen: list[str] = []
    execute = psycopg.AsyncCursor.execute

    async def seeing(self: Any, query: Any, *values: Any, **options: Any) -> Any:
        seen.append(query.decode() if isinstance(query, bytes) else str(query))
        return await execute(self, query, *values, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.AsyncCursor, "execute", seeing)
        yield seen


def own(seen: list[str]) -> int:
    """How many statements a delivery waited for: workers are told meanwhile, of several at once."""
    return len([one for one in seen if "select 1" not in one and "pg_notify" not in one and one.strip(" ;")])


async def sealed(box: Box, secret: str) -> bytes:
    vault = box.face.services.connections.vault
    return vault.seal(secret, table="subscriptions", column="secret_sealed", row=box.connection_id)


async def test_a_delivery_is_one_statement_and_the_first_of_a_company_one_more(box: Box) -> None:
    counts = []
    for _ in range(3):
        body = export_event()
        headers = box.signed(body)
        with statements() as seen:
            assert (await box.send(body, headers)).status_code == 202
        counts.append(own(seen))
    assert counts == [2, 1, 1]
    with statements() as seen:
        assert (await box.send(body, headers)).status_code == 202, "the same one again"
    assert own(seen) == 1
    assert len(await box.stored()) == 3
    assert await box.looks_waiting() == 1


async def test_workers_are_told_of_a_new_look_and_of_one_that_waits_already(box: Box, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as worker:
        worker.execute("listen procrastinate_any_queue_v1")
        for _ in range(2):
            assert (await box.send(export_event())).status_code == 202
            await asyncio.sleep(0)
            heard = await asyncio.to_thread(lambda: list(worker.notifies(timeout=20, stop_after=1)))
            assert "job_inserted" in heard[0].payload
    assert await box.looks_waiting() == 1


@pytest.mark.rule("HOOK-037")
async def test_a_secret_that_another_process_stored_counts_at_once_and_the_old_one_no_more(box: Box) -> None:
    assert (await box.send(export_event())).status_code == 202
    old, box.secret = box.secret, VECTOR_SECRET
    await box.change(Subscription, secret_sealed=await sealed(box, box.secret))
    body = export_event()
    assert (await box.send(body, box.signed(body, secret=old))).status_code == 401, "the allowance to re-read is used"
    assert (await box.send(body)).json()["result"] == "queued"
    assert len(await box.stored()) == 2


@pytest.mark.rule("HOOK-047")
async def test_a_connection_that_another_process_ended_is_ended_at_once(box: Box) -> None:
    assert (await box.send(export_event())).status_code == 202
    await box.change(Connection, status=ConnectionStatus.DISCONNECTED)
    answer = await box.send(export_event())
    assert (answer.status_code, answer.json()["result"]) == (202, "dropped")
    assert await box.looks_waiting() == 1
    await box.change(Connection, status=ConnectionStatus.ACTIVE)
    assert (await box.send(export_event())).json()["result"] == "queued"


@pytest.mark.rule("HOOK-047")
async def test_a_wiped_secret_is_believed_no_more(box: Box) -> None:
    assert (await box.send(export_event())).status_code == 202
    await box.change(Subscription, secret_sealed=None, pleo_id=None)
    assert (await box.send(export_event())).status_code == 401
    assert len(await box.stored()) == 1


async def test_a_secret_sealed_anew_costs_one_more_look_and_nothing_else(box: Box) -> None:
    assert (await box.send(export_event())).status_code == 202
    await box.change(Subscription, secret_sealed=await sealed(box, box.secret))
    assert (await box.send(export_event())).json()["result"] == "queued"
    assert len(await box.stored()) == 2


async def test_a_subscription_that_changes_all_the_time_is_503_so_that_pleo_sends_it_again(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await sealed(box, box.secret)
    store = Gathering.store

    async def overtaken(gathering: Gathering, row: Row) -> bool | None:
        return await store(gathering, {**row, "sealed": other.hex()})

    monkeypatch.setattr(Gathering, "store", overtaken)
    assert (await box.send(export_event())).status_code == 503
    assert await box.stored() == []


async def test_connections_that_died_while_idle_lose_no_delivery(box: Box, database_url: str) -> None:
    assert (await box.send(export_event())).status_code == 202
    kill = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and {}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        killed = connection.execute(kill.format("pid <> pg_backend_pid()")).fetchall()
    assert len(killed) > 1
    assert (await box.send(export_event())).status_code == 202
    assert len(await box.stored()) == 2


async def test_no_statement_of_its_own_looks_at_all_companies(box: Box) -> None:
    with pytest.raises(Exception, match="not bound to one company"):
        await box.face.services.db.alone("select webhook_id from webhook_deliveries", {})


def test_a_process_remembers_so_many_and_no_secret() -> None:
    boxes = Mailboxes(most=2)
    paths = [hash_token(str(number)) for number in range(3)]
    for path in paths:
        boxes.learn(path, Mailbox(uuid.uuid4(), "c", ended=False, sealed=b"sealed"))
        boxes.known(paths[0])
    assert [boxes.known(path) is not None for path in paths] == [True, False, True]
    assert "sealed=" not in repr(boxes.known(paths[0]))
    boxes.forget(paths[0])
    assert boxes.known(paths[0]) is None
