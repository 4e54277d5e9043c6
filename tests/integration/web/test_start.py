"""Starting refuses what it cannot work with, in one sentence; the ASGI application opens and closes everything."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from ledgerbridge.app import StartRefused, create_app, running
from ledgerbridge.ops.doctor import Level
from ledgerbridge.ops.doctor_database import inspect_database
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import Connection, ConnectionStatus
from tests.integration.web.conftest import KEY, Pleo, settings_for

OTHER_KEY = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="


async def refusal(database_url: str, pleo_url: str = "http://127.0.0.1:1", **changes: Any) -> str:
    with pytest.raises(StartRefused) as caught:
        async with running(settings_for(database_url, pleo_url, **changes), worker=False):
            pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_an_empty_database_is_refused(empty_database_url: str) -> None:
    assert "ledgerbridge migrate" in await refusal(empty_database_url)


async def test_an_older_schema_is_refused_and_named(database_url: str) -> None:
    db = Database(database_url)
    async with db.transaction() as session:
        await session.execute(text("update alembic_version set version_num = '0001'"))
    await db.close()
    said = await refusal(database_url)
    assert "0001" in said
    assert "ledgerbridge migrate" in said


async def test_a_database_that_is_not_there_is_refused_without_its_password() -> None:
    said = await refusal("postgresql://someone:hush-hush@127.0.0.1:1/books")
    assert "cannot be reached" in said
    assert "hush-hush" not in said


@pytest.mark.rule("AUTH-001")
async def test_a_mixed_pair_of_hosts_is_refused_before_anything_is_opened() -> None:
    said = await refusal(
        "postgresql://127.0.0.1:1/none",
        pleo_auth_url="https://auth.pleo.io",
        pleo_api_url="https://external.staging.pleo.io",
    )
    assert "Mixed pair" in said


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"encryption_keys": ""}, "ENCRYPTION_KEYS"),
        ({"encryption_keys": "c2hvcnQ="}, "ENCRYPTION_KEYS"),
        ({"admin_tokens": "ada:nonsense"}, "ADMIN_TOKENS"),
    ],
)
async def test_settings_nobody_can_work_with_are_refused(changes: dict[str, Any], word: str) -> None:
    assert word in await refusal("postgresql://127.0.0.1:1/none", **changes)


async def test_a_database_that_is_no_postgresql_is_refused() -> None:
    assert "DATABASE_URL" in await refusal("mysql://somewhere")


async def add_connection(database_url: str, environment: str, status: str = ConnectionStatus.ACTIVE) -> None:
    db = Database(database_url)
    async with db.transaction() as session:
        session.add(
            Connection(
                environment=environment,
                company_id=str(uuid.uuid4()),
                status=status,
                auth_method="oauth",
                subject_urn="u",
            )
        )
    await db.close()


@pytest.mark.rule("AUTH-001")
async def test_a_database_of_another_environment_is_refused(database_url: str) -> None:
    await add_connection(database_url, "production")
    said = await refusal(database_url)
    assert "production" in said
    findings = await inspect_database(settings_for(database_url, "http://127.0.0.1:1"), database_url)
    (found,) = [one for one in findings if one.check == "environment"]
    assert found.level is Level.ERROR


@pytest.mark.rule("AUTH-001")
async def test_a_disconnected_company_of_another_environment_harms_nobody(database_url: str) -> None:
    await add_connection(database_url, "production", ConnectionStatus.DISCONNECTED)
    async with running(settings_for(database_url, "http://127.0.0.1:1"), worker=False):
        pass


async def test_the_doctor_finds_a_good_database_good(database_url: str) -> None:
    findings = await inspect_database(settings_for(database_url, "http://127.0.0.1:1"), database_url)
    assert {one.level for one in findings} == {Level.OK}
    assert {"DATABASE_URL", "clock", "migrations", "environment", "ENCRYPTION_KEYS"} == {one.check for one in findings}


async def test_the_doctor_notices_a_pooler_that_drops_what_every_connection_asks_for(database_url: str) -> None:
    """Without the limit nothing ends a transaction that idles (invariant 9); the service would not notice."""
    dropped = f"{database_url}?options=-c%20idle_in_transaction_session_timeout%3D0"
    findings = await inspect_database(settings_for(database_url, "http://127.0.0.1:1"), dropped)
    (found,) = [one for one in findings if one.level is Level.ERROR]
    assert "(idle_in_transaction_session_timeout)" in found.text
    assert "ALTER ROLE" in str(found.fix)


async def test_the_doctor_finds_an_empty_an_absent_and_a_misspelt_database(empty_database_url: str) -> None:
    settings = settings_for(empty_database_url, "http://127.0.0.1:1")
    for url, words in (
        (empty_database_url, "empty"),
        ("postgresql://x:hush@127.0.0.1:1/none", "Cannot be reached"),
        ("mysql://x", "must look like"),
    ):
        (found,) = [one for one in await inspect_database(settings, url) if one.level is Level.ERROR]
        assert words in found.text
        assert found.fix
        assert "hush" not in found.text


async def test_the_doctor_notices_that_the_keys_do_not_open_what_is_stored(database_url: str, pleo: Pleo) -> None:
    async with running(settings_for(database_url, pleo.url), worker=False) as services:
        from ledgerbridge.connections.api_keys import connect_with_key

        await connect_with_key(services.connections, pleo.api_key(), "admin:test")
    for keys, level in ((KEY, Level.OK), (f"{OTHER_KEY},{KEY}", Level.WARNING), (OTHER_KEY, Level.ERROR)):
        findings = await inspect_database(settings_for(database_url, pleo.url, encryption_keys=keys), database_url)
        (found,) = [one for one in findings if one.check == "ENCRYPTION_KEYS"]
        assert found.level is level, found


async def test_the_application_works_in_any_asgi_server_and_drains_its_worker(database_url: str, pleo: Pleo) -> None:
    app = create_app(settings_for(database_url, pleo.url, rescue_seconds=20))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/openapi.json")).json()["info"]["title"] == "Ledgerbridge"
