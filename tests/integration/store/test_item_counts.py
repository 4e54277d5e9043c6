"""The database counts a job's items by state as they come, change and go, for whoever looks at a page."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter

import pytest
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from ledgerbridge.clock import utcnow
from ledgerbridge.exports import queries
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import Connection, ExportItem, ExportItemCount, ExportJob, ItemState

STATES = list(ItemState)


async def company(db: Database) -> uuid.UUID:
    found = uuid.uuid4()
    async with db.transaction() as session:
        session.add(
            Connection(
                id=found, environment="custom", company_id=str(found), company_name="One", status="active",
                auth_method="oauth", subject_urn=f"urn:{found}", scopes="",
            )
        )  # fmt: skip
    return found


async def job(db: Database, owner: uuid.UUID, *, counted: bool = True) -> uuid.UUID:
    found = uuid.uuid4()
    async with db.transaction() as session:
        session.add(
            ExportJob(
                id=found, connection_id=owner, pleo_job_id=str(found), pleo_created_at=utcnow(), pleo_status="pending",
                found_by="poll", number_of_items=0, vendor_based=False, interactive=False, expires_in=3600,
                counted=counted,
            )
        )  # fmt: skip
    return found


def rows(owner: uuid.UUID, of: uuid.UUID, numbers: range, state: str = "waiting") -> list[dict[str, object]]:
    return [
        {"job_id": of, "accounting_entry_id": f"e{n}", "connection_id": owner, "position": n, "state": state}
        for n in numbers
    ]


async def counted(db: Database, owner: uuid.UUID, of: uuid.UUID) -> dict[str, int]:
    """As the pages read it."""
    async with db.reading() as session:
        found = await queries.job_of(session, owner, of)
    assert found is not None
    return found.items


async def there(db: Database, of: uuid.UUID) -> dict[str, int]:
    async with db.reading() as session:
        found = await session.execute(
            select(ExportItem.state, func.count()).where(ExportItem.job_id == of).group_by(ExportItem.state)
        )
    return {state: number for state, number in found}  # noqa: C416 - dict() loses the types


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_is_done_to_items_the_counts_are_those_of_the_items(db: Database, seed: int) -> None:
    chance = random.Random(seed)
    owner = await company(db)
    jobs = [await job(db, owner), await job(db, owner)]
    for _ in range(20):
        of, state, other = chance.choice(jobs), chance.choice(STATES), chance.choice(STATES)
        first = chance.randrange(30)
        some = range(first, first + chance.randrange(1, 12))
        entries = [f"e{n}" for n in some]
        async with db.transaction() as session:
            match chance.choice(["spool", "spool", "move", "settle", "touch", "drop"]):
                case "spool":
                    new = upsert(ExportItem).values(rows(owner, of, some, state))
                    await session.execute(
                        new.on_conflict_do_update(
                            index_elements=[ExportItem.job_id, ExportItem.accounting_entry_id],
                            set_={"state": new.excluded.state},
                        )
                    )
                case "move":
                    await session.execute(
                        update(ExportItem).where(ExportItem.job_id == of, ExportItem.state == state).values(state=other)
                    )
                case "settle":
                    await session.execute(
                        update(ExportItem)
                        .where(ExportItem.job_id == of, ExportItem.accounting_entry_id.in_(entries))
                        .values(state=other)
                    )
                case "touch":
                    await session.execute(
                        update(ExportItem).where(ExportItem.job_id == of).values(reported_at=utcnow())
                    )
                case "drop":
                    await session.execute(
                        delete(ExportItem).where(ExportItem.job_id == of, ExportItem.accounting_entry_id.in_(entries))
                    )
        for one in jobs:
            assert await counted(db, owner, one) == await there(db, one)


async def test_what_is_rolled_back_is_not_counted(db: Database) -> None:
    owner = await company(db)
    of = await job(db, owner)
    async with db.transaction() as session:
        await session.execute(insert(ExportItem).values(rows(owner, of, range(5))))
        await session.rollback()
    assert await counted(db, owner, of) == {}


async def test_a_job_of_an_earlier_release_is_counted_when_it_is_looked_at(db: Database) -> None:
    owner = await company(db)
    of = await job(db, owner, counted=False)
    async with db.transaction() as session:
        await session.execute(insert(ExportItem).values(rows(owner, of, range(5))))
        await session.execute(update(ExportItem).where(ExportItem.job_id == of).values(state="booked"))
        stored = select(func.count()).select_from(ExportItemCount).where(ExportItemCount.job_id == of)
        assert await session.scalar(stored) == 0
    assert await counted(db, owner, of) == {"booked": 5}


async def test_what_an_earlier_release_writes_beside_a_new_one_is_counted_too(db: Database) -> None:
    """Its code knows nothing of counts; a job it claims is one it does not say is counted."""
    owner = await company(db)
    of = await job(db, owner)
    async with db.transaction() as session:
        await session.execute(
            text(
                "insert into export_items (job_id, accounting_entry_id, connection_id, position, state, attempts) "
                "values (:of, 'x', :owner, 0, 'waiting', 0)"
            ),
            {"of": of, "owner": owner},
        )
    assert await counted(db, owner, of) == {"waiting": 1}


async def test_items_settled_side_by_side_are_all_counted_and_nobody_waits_in_a_circle(db: Database) -> None:
    owner = await company(db)
    of = await job(db, owner)
    async with db.transaction() as session:
        await session.execute(insert(ExportItem).values(rows(owner, of, range(60), "waiting")))

    async def settle(number: int, state: str) -> None:
        """As the service does: one statement changes states in a transaction."""
        async with db.transaction() as session:
            await session.execute(
                update(ExportItem)
                .where(ExportItem.job_id == of, ExportItem.accounting_entry_id.in_([f"e{number}", f"e{number + 1}"]))
                .values(state=state)
            )

    async def twice(number: int) -> None:
        await settle(number, ("booked", "failed", "unknown")[number // 2 % 3])
        await settle(number, ("failed", "unknown", "booked")[number // 2 % 3])

    done = await asyncio.gather(*map(twice, range(0, 60, 2)), return_exceptions=True)

    stuck = Counter(type(one).__name__ for one in done if one is not None)
    assert stuck == {}
    assert await counted(db, owner, of) == await there(db, of) == {"booked": 20, "failed": 20, "unknown": 20}
