"""The service asks for no more than a managed PostgreSQL gives: a role that owns its database and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from psycopg import sql

from ledgerbridge.ops import gauges, keys, readiness
from ledgerbridge.ops.doctor import Level
from ledgerbridge.ops.doctor_database import inspect_database
from ledgerbridge.ops.invariants import check_all
from ledgerbridge.ops.invariants.standing import standings
from ledgerbridge.ops.metrics import Metrics
from ledgerbridge.ops.retention import clear_away
from ledgerbridge.store import schema
from ledgerbridge.store.embedded import EmbeddedPostgres
from tests.support.clones import new_name
from tests.support.rig import company_rig

PASSWORD = "only-for-this-test"


@pytest.fixture
def owner_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """An empty database whose owner may nothing else."""
    name = new_name()
    role = f"owner_of_{name}"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("create role {} login password {} nosuperuser nocreatedb nocreaterole").format(
                sql.Identifier(role), sql.Literal(PASSWORD)
            )
        )
        connection.execute(
            sql.SQL("create database {} owner {} template template0").format(sql.Identifier(name), sql.Identifier(role))
        )
        yield urlsplit(postgres.url(name))._replace(netloc=f"{role}:{PASSWORD}@127.0.0.1:{postgres.port}").geturl()
        postgres.drop_database(name)
        connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


async def test_an_expense_is_booked_and_looked_after_by_a_role_that_owns_its_database_alone(
    owner_url: str, sandbox_url: str
) -> None:
    await asyncio.to_thread(schema.upgrade, owner_url)
    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    async with company_rig(owner_url, sandbox_url) as rig:
        exported = rig.pleo.export(rig.pleo.queue("card_purchase"))
        stop = asyncio.Event()
        working = asyncio.create_task(rig.context.queue.run_worker(stop))
        await rig.look()
        assert rig.pleo.job(exported)["status"] == "completed"
        for deep in (False, True):
            await check_all(rig.db, deep=deep)
        async with rig.db.reading() as session:
            for one in await standings(session):
                assert one.row is not None
                assert (one.known, one.row.failure) == (0, None), one.invariant.name
        await clear_away(rig.context.connections)
        metrics = Metrics()
        await gauges.read(metrics, rig.db, rig.context.queue)
        assert b"ledgerbridge_database_up 1.0" in metrics.render()
        checks = {check.name: check for check in await readiness.checks(rig.db, rig.context.queue)}
        assert checks["database"].ok
        assert checks["migrations"].ok
        found = await inspect_database(rig.context.connections.settings, owner_url)
        # The double is no adapter that is installed, and the doctor says so.
        assert [one.check for one in found if one.level is Level.ERROR] == ["adapters"]
        assert await keys.rotate(rig.context.connections.settings, owner_url, lambda _: None, dry_run=False)
        stop.set()
        await working
