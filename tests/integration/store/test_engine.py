"""Transactions commit whole or not at all, and the server ends what waits too long."""

import asyncio
import io
import logging

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from ledgerbridge.ops.logging import QUIET, configure
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import RateBudget
from tests.support.leak_watch import keep_logging

COUNT = text("select count(*) from rate_budgets")
PUT = text("insert into rate_budgets (key, next_free_at) values (:key, now())")


async def stored(db: Database) -> int:
    async with db.reading() as session:
        return int((await session.execute(COUNT)).scalar_one())


async def test_a_transaction_commits_at_the_end(db: Database) -> None:
    async with db.transaction() as session:
        await session.execute(PUT, {"key": "a"})
        assert await stored(db) == 0
    assert await stored(db) == 1


@pytest.mark.parametrize("trouble", [ValueError, asyncio.CancelledError])
async def test_an_error_or_a_cancellation_leaves_nothing(db: Database, trouble: type[BaseException]) -> None:
    with pytest.raises(trouble):  # noqa: PT012
        async with db.transaction() as session:
            await session.execute(PUT, {"key": "a"})
            raise trouble
    assert await stored(db) == 0


async def test_rows_stay_readable_after_the_commit(db: Database) -> None:
    row = RateBudget(key="a", next_free_at=text("now()"))
    async with db.transaction() as session:
        session.add(row)
        await session.flush()
        await session.refresh(row)
    assert row.next_free_at.tzinfo is not None


async def test_reading_sees_one_snapshot_and_cannot_write(db: Database) -> None:
    async with db.reading() as session:
        assert (await session.execute(COUNT)).scalar_one() == 0
        async with db.transaction() as writer:
            await writer.execute(PUT, {"key": "a"})
        assert (await session.execute(COUNT)).scalar_one() == 0
    with pytest.raises(DBAPIError, match="read-only"):
        async with db.reading() as session:
            await session.execute(PUT, {"key": "b"})
    async with db.transaction() as session:  # the pool's connections are none the worse for it
        await session.execute(PUT, {"key": "c"})
    assert await stored(db) == 2


async def test_the_server_knows_our_limits(db: Database) -> None:
    async with db.reading() as session:
        names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "TimeZone")
        told = [(await session.execute(text(f"show {name}"))).scalar_one() for name in names]
        assert told == ["30s", "10s", "30s", "UTC"]
        assert (await session.execute(text("show application_name"))).scalar_one() == "ledgerbridge"


async def test_the_operators_own_options_win(database_url: str) -> None:
    database = Database(f"{database_url}?options=-c%20statement_timeout%3D5s%20-c%20work_mem%3D9MB")
    async with database.reading() as session:
        shown = [(await session.execute(text(f"show {n}"))).scalar_one() for n in ("statement_timeout", "work_mem")]
    await database.close()
    assert shown == ["5s", "9MB"]


async def test_a_transaction_left_idle_is_ended_by_the_server(database_url: str) -> None:
    database = Database(f"{database_url}?options=-c%20idle_in_transaction_session_timeout%3D200ms")
    with pytest.raises(DBAPIError):  # noqa: PT012
        async with database.transaction() as session:
            await session.execute(PUT, {"key": "a"})
            await asyncio.sleep(0.5)
            await session.execute(COUNT)
    assert await stored(database) == 0
    await database.close()


@pytest.mark.rule("AUTH-045")
async def test_a_failed_statement_does_not_tell_its_parameters(db: Database) -> None:
    with pytest.raises(IntegrityError) as caught:
        async with db.transaction() as session:
            await session.execute(
                text(
                    "insert into credentials (connection_id, access_token_sealed, generation) values (:id, :token, 0)"
                ),
                {"id": "00000000-0000-0000-0000-000000000001", "token": b"s3cret-token"},
            )
    assert "s3cret" not in str(caught.value)


async def test_connections_that_the_server_dropped_are_replaced(db: Database) -> None:
    await asyncio.gather(*(db.ping() for _ in range(5)))
    async with db.transaction() as session:
        dropped = await session.execute(
            text(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where pid <> pg_backend_pid() and datname = current_database()"
            )
        )
        assert len(dropped.all()) >= 2, "nothing of the pool was dropped"
    await asyncio.gather(*(db.ping() for _ in range(5)))


async def test_a_ping_without_a_server_says_so() -> None:
    database = Database("postgresql://x:y@127.0.0.1:1/none")
    with pytest.raises(OperationalError):
        await database.ping()
    await database.close()


async def test_what_is_read_from_the_database_is_in_no_log_even_when_debugging(database_url: str) -> None:
    restore, stream = keep_logging(), io.StringIO()
    try:
        configure("DEBUG", "json", stream)
        debugged = Database(database_url)
        async with debugged.reading() as session:
            read = await session.scalar(text("select 'Dinner with ' || :whom"), {"whom": "Mette Nørgaard"})
        await debugged.close()
    finally:
        restore()
        for name in QUIET:
            logging.getLogger(name).setLevel(logging.WARNING)
    assert read == "Dinner with Mette Nørgaard"
    assert "select 'Dinner with '" in stream.getvalue(), "statements may be seen"
    assert "Mette" not in stream.getvalue()
