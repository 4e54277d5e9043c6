"""Erasing what is not needed of a company whose connection has ended, piece by piece; `keeping` says what that is.

A large company has more rows than one transaction should touch. Secrets and status are wiped at once, by `uninstall`;
this goes on from wherever it was interrupted, and is repeated by the rounds while stragglers may still write.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Delete, Table, Update, delete, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections.keeping import FATES, owner_column
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import Base, Connection, ConnectionStatus, Lease
from ledgerbridge.work.queue import forget_jobs

BATCH = 1000
"""Rows changed in one transaction."""

Statement = Callable[[ColumnElement[bool]], Delete | Update]


async def stop_work(db: Database, connection_id: uuid.UUID, holder: str = "disconnected") -> None:
    """Take the company from whoever works on it: what they were about to write is refused by its fence.

    In a transaction of its own: a worker in the middle of one holds its lease and may wait for the connection's row.
    """
    async with db.transaction() as session:
        await session.execute(
            update(Lease)
            .where(Lease.connection_id == connection_id)
            .values(fence=Lease.fence + 1, holder=holder, expires_at=func.clock_timestamp())
        )


async def erase(db: Database, connection_id: uuid.UUID) -> Counter[str]:
    """Erase what `keeping` says; how many rows were deleted or emptied, by table.

    Ends at once when the company is connected again meanwhile. Raises SQLAlchemyError; a repeated call goes on.
    """
    done: Counter[str] = Counter()
    for table, pending, statement in _steps(connection_id):
        while True:
            async with db.transaction() as session:
                if not await _still_over(session, connection_id):
                    return done
                changed = await _batch(session, table, pending, statement)
            done[table.name] += changed
            if changed < BATCH:
                break
    async with db.transaction() as session:
        if await _still_over(session, connection_id):
            done["procrastinate_jobs"] += await forget_jobs(session, connection_id=str(connection_id))
    return +done


async def remove(db: Database, connection_id: uuid.UUID) -> Counter[str]:
    """Delete every row of a company that disconnected, its ledger and at last its own included; how many, by table.

    Only for one so long gone that no books have to be kept any more. Ends at once when it is connected again.
    """
    done: Counter[str] = Counter()
    for table in reversed(Base.metadata.sorted_tables):
        if table.name not in FATES:
            continue
        mine = table.c[owner_column(table)] == connection_id
        while True:
            async with db.transaction() as session:
                if not await _still_over(session, connection_id):
                    return done
                changed = await _batch(session, table, mine, lambda rows, table=table: delete(table).where(rows))  # type: ignore[misc]
            done[table.name] += changed
            if changed < BATCH:
                break
    return +done


async def _still_over(session: AsyncSession, connection_id: uuid.UUID) -> bool:
    """Whether the connection is disconnected, and stays so until the caller's transaction ends."""
    query = select(Connection.status).where(Connection.id == connection_id).with_for_update(read=True)
    return await session.scalar(query) == ConnectionStatus.DISCONNECTED


def _steps(connection_id: uuid.UUID) -> Iterator[tuple[Table, ColumnElement[bool], Statement]]:
    """For each table, children first: the rows there is something to do with, and what."""
    for table in reversed(Base.metadata.sorted_tables):
        fate = FATES.get(table.name)
        if fate is None:
            continue
        mine = table.c[owner_column(table)] == connection_id
        if fate.deleted:
            over = mine if fate.once is None else mine & fate.once
            yield table, over, lambda rows, table=table: delete(table).where(rows)  # type: ignore[misc]
        elif fate.emptied:
            full = or_(*(table.c[name].is_distinct_from(value) for name, value in fate.emptied.items()))
            values = dict(fate.emptied)
            yield (
                table,
                mine & full,
                lambda rows, table=table, values=values: (  # type: ignore[misc]
                    update(table).where(rows).values(values)
                ),
            )


async def _batch(session: AsyncSession, table: Table, pending: ColumnElement[bool], statement: Statement) -> int:
    key: Any = tuple_(*table.primary_key.columns)
    some = select(*table.primary_key.columns).where(pending).limit(BATCH)
    owned = pending if table.name == "connections" else key.in_(some) & pending
    result = await session.execute(statement(owned))
    return int(result.rowcount)  # type: ignore[attr-defined]
