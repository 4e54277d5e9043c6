"""A process that has let its database go ends: nothing opens another connection behind its back."""

from __future__ import annotations

import asyncio

import pytest
from psycopg_pool import PoolClosed

from ledgerbridge.store.engine import Database
from ledgerbridge.work.crier import Crier


def workers() -> set[str]:
    """Tasks of a pool, which swallow being cancelled: with one of them left a process never ends."""
    return {task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("alone")}


async def test_a_pool_that_was_closed_stays_closed(database_url: str) -> None:
    database = Database(database_url)
    assert await database.alone("select 1", {}, across="of no company") == [(1,)]
    assert workers()
    await database.close()
    with pytest.raises(PoolClosed):
        await database.alone("select 1", {}, across="of no company")
    await database.close()
    assert not workers()


async def test_whoever_is_about_to_be_the_first_comes_too_late(database_url: str) -> None:
    database = Database(database_url)
    await database.close()
    with pytest.raises(PoolClosed):
        await database.alone("select 1", {}, across="of no company")
    assert not workers()


async def test_work_that_is_cried_out_at_the_very_end_opens_nothing(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(database_url)
    crier = Crier(database)
    crier.cry()
    await database.alone("select 1", {}, across="the first cry is on its way by now")
    crier.cry()
    await database.close()
    (crying,) = (task for task in asyncio.all_tasks() if task.get_name() == "crier")
    await asyncio.wait_for(crying, 5)
    assert not workers()
    assert caplog.messages == []
