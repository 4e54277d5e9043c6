"""The watch over invariant 9 sees what it is there for."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from sqlalchemy import text

from ledgerbridge import faults
from ledgerbridge.store.engine import Database
from tests.support.open_transactions import watched


async def call(name: str) -> None:
    with faults.around(f"pleo {name}"):
        await asyncio.sleep(0)


async def broken_off(db: Database) -> None:
    async with db.reading() as session:
        await session.execute(text("select 1"))
        raise httpx.HTTPError("lost")


async def test_a_call_inside_a_transaction_is_seen_and_one_beside_it_is_not(db: Database) -> None:
    with watched() as watch:
        await call("before")
        async with db.transaction() as session:
            await session.execute(text("select 1"))
            beside = asyncio.create_task(call("beside"))
            await call("inside")
            await beside
        await call("after")
    assert watch.calls == ["pleo inside"]


async def test_a_transaction_that_failed_is_over(db: Database) -> None:
    with watched() as watch:
        with pytest.raises(httpx.HTTPError):
            await broken_off(db)
        await call("after")
    assert watch.calls == []
