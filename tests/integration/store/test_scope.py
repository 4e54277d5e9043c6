"""A statement that is not bound to one company never reaches the database, however it is made (invariant 7)."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from sqlalchemy import ClauseElement, delete, func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from ledgerbridge.clock import utcnow
from ledgerbridge.store.engine import Database
from ledgerbridge.store.scope import UnscopedQuery, across_companies
from ledgerbridge.store.tables import (
    Base,
    Connection,
    ErpBinding,
    ExportItem,
    ExportJob,
    JobEvent,
    MappingWarning,
    Posting,
    Settlement,
    SyncSchedule,
)
from tests.support.open_door import as_the_service

ALL = select(func.count()).select_from(MappingWarning)
WHY = "a test"


@pytest.fixture
async def companies(db: Database) -> list[uuid.UUID]:
    """Two companies with a warning each."""
    made = [Connection(**company(name)) for name in ("a", "b")]
    async with db.transaction() as session:
        session.add_all(made)
        await session.flush()
        session.add_all(warning(one.id) for one in made)
    return [one.id for one in made]


def company(name: str) -> dict[str, Any]:
    return {
        "id": uuid.uuid4(), "environment": "custom", "company_id": name, "auth_method": "oauth",
        "subject_urn": f"urn:pleo:company:{name}",
    }  # fmt: skip


def warning(connection_id: uuid.UUID) -> MappingWarning:
    return MappingWarning(connection_id=connection_id, kind="tags", code="CC", used_by="dimensions", text="gone")


async def stored(db: Database) -> dict[uuid.UUID, str]:
    async with db.transaction() as session:
        return {row.connection_id: row.text for row in await session.scalars(select(MappingWarning))}


@pytest.mark.parametrize(
    "statement",
    [
        select(MappingWarning),
        ALL,
        update(MappingWarning).values(text="changed"),
        delete(MappingWarning).where(MappingWarning.kind == "tags"),
        text("select * from mapping_warnings"),
        text("update mapping_warnings set text = 'changed'"),
        text("insert into mapping_warnings select * from mapping_warnings"),
        text("select 1 from rate_budgets, connections where key = :connection_id").bindparams(connection_id="x"),
    ],
    ids=["rows", "count", "update", "delete", "text", "text update", "text insert of rows", "text of two tables"],
)
async def test_what_is_not_bound_is_not_run(db: Database, companies: list[uuid.UUID], statement: ClauseElement) -> None:
    with pytest.raises(UnscopedQuery, match="not bound to one company"):
        async with as_the_service(db) as session:
            await session.execute(statement)  # type: ignore[call-overload]
    assert await stored(db) == dict.fromkeys(companies, "gone")


async def test_it_ends_the_transaction_with_what_was_written_before(db: Database, companies: list[uuid.UUID]) -> None:
    with pytest.raises(UnscopedQuery):  # noqa: PT012
        async with as_the_service(db) as session:
            await session.execute(
                update(MappingWarning).where(MappingWarning.connection_id == companies[0]).values(text="changed")
            )
            await session.execute(ALL)
    assert await stored(db) == dict.fromkeys(companies, "gone")


async def test_one_company_is_worked_on_in_every_usual_way(db: Database, companies: list[uuid.UUID]) -> None:
    mine, other = companies
    async with as_the_service(db) as session:
        connection = await session.get_one(Connection, mine, with_for_update=True)
        connection.status_reason = "flushed"
        session.add(SyncSchedule(connection_id=mine, kind="tags", config_version=1))
        await session.flush()
        await session.refresh(connection)
        row = await session.scalar(select(MappingWarning).where(MappingWarning.connection_id == mine))
        assert row is not None
        session.expire(row)
        await session.refresh(row, ["text"])
        await session.delete(row)
        assert await session.get(SyncSchedule, (mine, "tags")) is not None
        await session.execute(delete(SyncSchedule).where(SyncSchedule.connection_id == mine))
        await session.execute(text("select 1 from mapping_warnings where connection_id = :connection_id"), {
            "connection_id": mine
        })  # fmt: skip
    assert await stored(db) == {other: "gone"}


async def test_a_column_read_late_belongs_to_one_row(db: Database, companies: list[uuid.UUID]) -> None:
    async with as_the_service(db) as session:
        query = select(Connection).where(Connection.id == companies[0]).options(defer(Connection.subject_urn))
        row = (await session.scalars(query)).one()
        assert await session.run_sync(lambda _: row.subject_urn) == "urn:pleo:company:a"


@pytest.mark.parametrize("first", ["one company first", "two companies first"])
async def test_a_list_may_name_one_company_and_not_two(db: Database, companies: list[uuid.UUID], first: str) -> None:
    """The verdict on a statement is kept; what a list holds is looked at every time."""
    tries = [companies[:1], companies] if first == "one company first" else [companies, companies[:1]]
    for named in [*tries, []]:
        query = select(func.count()).where(MappingWarning.connection_id.in_(named))
        async with as_the_service(db) as session:
            if len(named) > 1:
                with pytest.raises(UnscopedQuery):
                    await session.scalar(query)
            else:
                assert await session.scalar(query) == len(named)


async def test_the_door_opens_for_its_body_alone(db: Database, companies: list[uuid.UUID]) -> None:
    async with as_the_service(db) as session:
        with across_companies(session, WHY):
            assert await session.scalar(ALL) == 2
            with across_companies(session, WHY):
                assert await session.scalar(ALL) == 2
            assert await session.scalar(ALL) == 2
        await refused(session)
    async with as_the_service(db) as session:
        with pytest.raises(ZeroDivisionError), across_companies(session, WHY):
            raise ZeroDivisionError
        await refused(session)


async def test_the_door_opens_for_its_session_alone(db: Database, companies: list[uuid.UUID]) -> None:
    async with as_the_service(db) as one, as_the_service(db) as other:
        with across_companies(one, WHY):
            await asyncio.gather(one.scalar(ALL), refused(other))
            await asyncio.create_task(refused(other))


async def test_the_door_stays_shut_for_a_list_of_one_company(db: Database, companies: list[uuid.UUID]) -> None:
    async with as_the_service(db) as session:
        with across_companies(session, WHY, unless=companies[0]):
            await refused(session)
        with across_companies(session, WHY, unless=None):
            assert await session.scalar(ALL) == 2


async def test_the_door_does_not_pass_on_with_a_connection(database_url: str, companies: list[uuid.UUID]) -> None:
    """One pooled connection, used with the door open, then without."""
    db = Database(database_url, pool_size=1)
    try:
        async with as_the_service(db) as session:
            with across_companies(session, WHY):
                assert await session.scalar(ALL) == 2
        async with as_the_service(db) as session:
            await refused(session)
    finally:
        await db.close()


async def test_below_the_session_it_holds_as_well(db: Database, companies: list[uuid.UUID]) -> None:
    bound = select(ErpBinding).where(ErpBinding.connection_id == companies[0])
    async with db.engine.connect() as connection:
        await connection.execute(bound)
        for statement in (ALL, text("select count(*) from mapping_warnings")):
            with pytest.raises(UnscopedQuery):
                await connection.execute(statement)
        with pytest.raises(UnscopedQuery):
            await connection.exec_driver_sql("select count(*) from mapping_warnings")


async def refused(session: AsyncSession) -> None:
    with pytest.raises(UnscopedQuery) as told:
        await session.scalar(ALL)
    assert told.value.tables == ("mapping_warnings",)


@pytest.mark.parametrize("kind", ["item", "event", "posting", "item's posting", "settlement"])
async def test_what_hangs_on_a_job_or_posting_belongs_to_its_company(
    db: Database, companies: list[uuid.UUID], kind: str
) -> None:
    mine, other = companies
    job, posting = uuid.uuid4(), uuid.uuid4()
    async with db.transaction() as session:
        session.add(export_job(job, mine))
        await session.flush()
        session.add(booking(posting, mine, job))
    row: Base = {
        "item": ExportItem(job_id=job, accounting_entry_id="b", connection_id=other, position=0),
        "event": JobEvent(job_id=job, connection_id=other, name="claimed"),
        "posting": booking(uuid.uuid4(), other, job),
        "item's posting": ExportItem(
            job_id=(theirs := uuid.uuid4()),
            accounting_entry_id="b",
            connection_id=other,
            position=0,
            posting_id=posting,
        ),
        "settlement": Settlement(
            posting_id=posting,
            connection_id=other,
            side="bill",
            vendor_id="v",
            amount="1.00",
            currency="EUR",
            reconciliation_id="r",
        ),
    }[kind]
    async with db.transaction() as session:
        session.add(export_job(theirs, other))
    with pytest.raises(IntegrityError, match=r"fk_.*_connection_id"):
        async with db.transaction() as session:
            session.add(row)


def export_job(job_id: uuid.UUID, connection_id: uuid.UUID) -> ExportJob:
    return ExportJob(
        id=job_id,
        connection_id=connection_id,
        pleo_job_id=str(job_id),
        pleo_created_at=utcnow(),
        pleo_status="pending",
        found_by="poll",
        number_of_items=1,
        vendor_based=False,
        interactive=False,
        expires_in=60,
    )


def booking(posting_id: uuid.UUID, connection_id: uuid.UUID, job_id: uuid.UUID) -> Posting:
    return Posting(
        id=posting_id,
        connection_id=connection_id,
        accounting_entry_id="e",
        job_id=job_id,
        state="booked",
        total="1.00",
        currency="EUR",
        config_version=1,
        fence=1,
        erp_kind="double",
        intended_at=utcnow(),
    )
