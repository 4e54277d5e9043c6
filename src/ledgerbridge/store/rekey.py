"""Sealing everything stored again with the first key, while the service runs, so that an older key can be retired.

Each value is replaced only if it still is the value that was opened: a pair that a refresh stores meanwhile is never
overwritten. Values sealed already are passed over, so a run that was killed is simply repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Select, Table, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.store.engine import Database
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import Base
from ledgerbridge.store.vault import PREFIX_BYTES, Vault, VaultError

BATCH = 50
"""Values replaced in one transaction, whose rows others wait for."""
PASSES = 3
"""How often the tables are gone through: a process that still runs with older keys may store under one meanwhile."""
_PAUSE_SECONDS = 1.0

Progress = Callable[[str, int], object]
"""Told `table.column` and how many of its values were sealed again, after each batch."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One column that holds sealed values, and the column that names its row in the seal."""

    table: Table
    column: Column[Any]
    row: Column[Any]

    @property
    def name(self) -> str:
        return f"{self.table.name}.{self.column.name}"


@dataclass(slots=True)
class Census:
    """How many sealed values there are by key; nothing is opened for it."""

    current: int = 0
    """Under the first key."""
    older: int = 0
    """Under another listed key, which must stay listed as long as there are any."""
    foreign: dict[str, int] = field(default_factory=dict)
    """`table.column` to values under a key that is not listed, or that were never sealed."""

    @property
    def unlisted(self) -> int:
        return sum(self.foreign.values())


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A value that does not open, and so was left as it is."""

    cell: str
    """`table.column`."""
    row: str
    """Primary key of its row; no secret."""
    why: str


@dataclass(slots=True)
class Outcome:
    """What a rotation did."""

    sealed: int = 0
    overtaken: int = 0
    """Changed or deleted by somebody else between our reading and our writing; looked at again in the next pass."""
    unreadable: list[Unreadable] = field(default_factory=list)
    left: Census = field(default_factory=Census)
    """Counted at the end."""

    @property
    def complete(self) -> bool:
        """Whether every stored value is under the first key, so that no other is needed for this database."""
        return not (self.left.older or self.left.unlisted or self.unreadable)


def cells() -> Iterator[Cell]:
    """Every column whose name ends with `_sealed`. A seal names its row by the table's primary key."""
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if column.name.endswith("_sealed"):
                (row,) = table.primary_key.columns
                yield Cell(table, column, row)


async def census(session: AsyncSession, vault: Vault) -> Census:
    """Count the sealed values by key, in the caller's transaction."""
    found = Census()
    for cell in cells():
        prefix = func.substr(cell.column, 1, PREFIX_BYTES)
        query = select(prefix, func.count()).where(cell.column.is_not(None)).group_by(prefix)
        with across_companies(session, "a key is retired for all companies or for none"):
            rows = await session.execute(query)
        for start, count in rows:
            if bytes(start) == vault.prefix:
                found.current += count
            elif vault.lists(bytes(start)):
                found.older += count
            else:
                found.foreign[cell.name] = found.foreign.get(cell.name, 0) + count
    return found


async def rotate(
    db: Database,
    vault: Vault,
    *,
    progress: Progress | None = None,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Outcome:
    """Seal every stored value again that is not under the vault's first key, and count what is left.

    May run beside any number of services and of other rotations, and be killed anywhere. Raises SQLAlchemyError when
    the database fails; what was done stays done.
    """
    outcome = Outcome()
    for turn in range(PASSES):
        if turn:
            await pause(_PAUSE_SECONDS)
        outcome.unreadable.clear()
        for cell in cells():
            await _rotate_cell(db, vault, cell, outcome, progress)
        async with db.reading() as session:
            outcome.left = await census(session, vault)
        if not outcome.left.older:
            break
    return outcome


async def _rotate_cell(db: Database, vault: Vault, cell: Cell, outcome: Outcome, progress: Progress | None) -> None:
    last: object = None
    while batch := await _next(db, vault, cell, last):
        last = batch[-1][0]
        news = list(_sealed_again(vault, cell, batch, outcome))
        async with db.transaction() as session:
            done = 0
            for row, old, new in news:
                taken = await session.execute(
                    update(cell.table).where(cell.row == row, cell.column == old).values({cell.column: new})
                )
                done += taken.rowcount  # type: ignore[attr-defined]
        outcome.sealed += done
        outcome.overtaken += len(news) - done
        if progress is not None:
            progress(cell.name, done)


async def _next(db: Database, vault: Vault, cell: Cell, last: object) -> Sequence[tuple[Any, bytes]]:
    """The next values under another key, in the order of their rows."""
    query: Select[Any] = select(cell.row, cell.column).where(
        cell.column.is_not(None), func.substr(cell.column, 1, PREFIX_BYTES) != vault.prefix
    )
    if last is not None:
        query = query.where(cell.row > last)
    async with db.reading() as session:
        with across_companies(session, "a key is retired for all companies or for none"):
            rows = await session.execute(query.order_by(cell.row).limit(BATCH))
        return [(row, bytes(sealed)) for row, sealed in rows]


def _sealed_again(
    vault: Vault, cell: Cell, batch: Sequence[tuple[Any, bytes]], outcome: Outcome
) -> Iterator[tuple[Any, bytes, bytes]]:
    table, column = cell.table.name, cell.column.name
    for row, old in batch:
        try:
            text = vault.open(old, table=table, column=column, row=row)
        except VaultError as error:
            named = row.hex() if isinstance(row, bytes) else str(row)
            outcome.unreadable.append(Unreadable(cell.name, named, str(error)))
            continue
        yield row, old, vault.seal(text, table=table, column=column, row=row)
