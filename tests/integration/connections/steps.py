"""Steps that several test files of this room take."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import func, select, text

from ledgerbridge.clock import utcnow
from ledgerbridge.connections import (
    connect,
)
from ledgerbridge.connections.access import open_pleo
from ledgerbridge.connections.errors import (
    ConnectRefused,
)
from ledgerbridge.pleo.installations import InstallationsApi
from tests.integration.connections.conftest import BROWSER, House, Pleo


def asked(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


async def refusal(house: House, params: dict[str, str], browser: str | None = BROWSER) -> ConnectRefused:
    with pytest.raises(ConnectRefused) as caught:
        await connect.complete(house.room, browser, params)
    return caught.value


async def count(house: House, table: type[Any]) -> int:
    async with house.room.db.transaction() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


@asynccontextmanager
async def held(house: House, table: type[Any], *, until_in_line: int) -> AsyncIterator[None]:
    """Nobody can lock or change a row of this table meanwhile; ends when so many stand in line for it."""
    async with house.room.db.transaction() as session:
        await session.execute(select(table).with_for_update())
        yield
        async with asyncio.timeout(60):
            while await _in_line(house) < until_in_line:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


async def _in_line(house: House) -> int:
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    async with house.room.db.reading() as session:
        return int((await session.execute(text(waiting))).scalar_one())


async def make_due(house: House, connection_id: uuid.UUID, *, seconds_left: float = 30) -> None:
    await house.change(connection_id, expires_at=utcnow() + dt.timedelta(seconds=seconds_left))


async def works(house: House, connection_id: uuid.UUID) -> bool:
    return (await InstallationsApi(await open_pleo(house.room, connection_id)).get()).works


def live_header(pleo: Pleo) -> set[str]:
    tokens = pleo.running.sandbox.world.tokens._tokens.values()
    return {f"Bearer {one.value}" for one in tokens if one.kind == "access_token" and not one.spent}
