"""Believed deliveries on their way into the database: those that wait together are stored by one statement.

A delivery that comes alone is stored at once. While the places are taken, others gather, and go together when one is
free: one visit and one commit for all of them. Each still is judged by its own subscription's row, and has an outcome
of its own: a group that fails, or has to wait for a row that somebody holds, is stored one by one (decision 0175).
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

import psycopg
import structlog

from ledgerbridge.ops.logging import get_logger
from ledgerbridge.store.engine import Database
from ledgerbridge.work.statements import defer_from

PLACES = 2
"""Groups on their way at once: one that has to wait does not keep back who comes after it."""
MOST = 64
"""Deliveries of a group."""
SINGLY = 2
"""Of one company on their way one by one, so that a row of it that is held takes no more connections from others."""
_log = get_logger(__name__)

Row = Mapping[str, object]
"""A delivery and its work, by the names of `_STORE`; nothing that is not in JSON."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    row: Row
    stored: asyncio.Future[bool | None]

    @property
    def key(self) -> tuple[object, object]:
        return self.row["connection_id"], self.row["webhook_id"]


class Gathering:
    """That of one process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: deque[_Waiting] = deque()
        self._places = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines: WeakValueDictionary[object, asyncio.Semaphore] = WeakValueDictionary()

    async def store(self, row: Row) -> bool | None:
        """Store one delivery and queue its work, together or not at all. True when it is new, False when it was there.

        None, and nothing is stored, when its subscription is not as the row says. Raises `psycopg.Error`.
        """
        one = _Waiting(row, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        if self._places < PLACES:
            self._places += 1
            self._begin(self._empty())
        return await one.stored

    async def _empty(self) -> None:
        """Store until nobody waits."""
        structlog.contextvars.clear_contextvars()  # those of whoever came first
        try:
            while self._waiting:
                await self._together(self._group())
        finally:
            self._places -= 1

    def _group(self) -> Sequence[_Waiting]:
        """Who goes next: not two of one name, because a statement cannot touch a row twice."""
        group: dict[tuple[object, object], _Waiting] = {}
        again = []
        while self._waiting and len(group) < MOST:
            one = self._waiting.popleft()
            if one.key in group:
                again.append(one)
            elif not one.stored.done():  # whoever asked may have given up
                group[one.key] = one
        self._waiting.extendleft(reversed(again))
        return list(group.values())

    async def _together(self, group: Sequence[_Waiting]) -> None:
        try:
            await self._store(group)
        except Exception as error:
            if len(group) > 1:
                _log.warning("deliveries are stored one by one", count=len(group), error=type(error).__name__)
            for one in group:
                self._begin(self._singly(one))

    async def _singly(self, one: _Waiting) -> None:
        """Store one for as long as somebody waits for it; a row that is held is waited for again."""
        company = one.row["connection_id"]
        line = self._lines.get(company) or asyncio.Semaphore(SINGLY)
        self._lines[company] = line
        while not one.stored.done():
            async with line:
                await self._try(one)

    async def _try(self, one: _Waiting) -> None:
        if one.stored.done():
            return
        try:
            await self._store([one])
        except psycopg.errors.LockNotAvailable:
            return
        except Exception as error:
            if not one.stored.done():
                one.stored.set_exception(error)

    async def _store(self, group: Sequence[_Waiting]) -> None:
        if not group:
            return
        rows = json.dumps([one.row for one in group])
        found = await self._db.alone(_STORE, {"rows": rows}, across="each row is held to its own connection_id")
        new: dict[tuple[object, object], bool] = {(str(row[0]), row[1]): row[2] for row in found}
        for one in group:
            if not one.stored.done():
                one.stored.set_result(new.get(one.key))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


# One visit to the server: whether each subscription is what it was taken for, its delivery or a count of its repeat,
# and the work of a new one. A row that an INSERT has just made carries no xmax; one that it updated does. In one order,
# so that two statements never wait for each other.
_STORE = f"""
    with given as materialized (
        select * from json_to_recordset(%(rows)s) as g (
            connection_id uuid, sealed text, ended boolean, id uuid, webhook_id text, event_id text, event_type text,
            resource_id text, company_id text, status text, note text, settled_at timestamptz,
            name text, lock text, queueing_lock text, args text, seconds float8
        )
    ), held as (
        select g.* from given g
        join subscriptions s on s.connection_id = g.connection_id join connections c on c.id = g.connection_id
        where s.secret_sealed is not distinct from decode(g.sealed, 'hex')
          and (s.ended_at is not null or c.status = 'disconnected') = g.ended
    ), delivery as (
        insert into webhook_deliveries as d (
            id, connection_id, webhook_id, event_id, event_type, resource_id, company_id, status, note, settled_at,
            repeats
        )
        select id, connection_id, webhook_id, event_id, event_type, resource_id, company_id, status, note, settled_at, 0
        from held order by connection_id, webhook_id
        on conflict (connection_id, webhook_id) do update set repeats = d.repeats + 1
        returning connection_id, webhook_id, xmax = 0 as new
    ), due as (
        select distinct on (coalesce(queueing_lock, held.id::text)) held.*
        from delivery join held using (connection_id, webhook_id)
        where new and name is not null order by coalesce(queueing_lock, held.id::text)
    ), work as (
        {defer_from("due")}
    )
    select connection_id, webhook_id, new from delivery
"""  # noqa: S608
