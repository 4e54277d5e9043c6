"""The budget of calls to Pleo, shared by all replicas through Postgres (LIMIT-001).

The generic cell rate algorithm, one statement a call, by the database's clock. Of `per_minute` calls, `burst` may come
at once and the rest are spread evenly, so that no window of a minute, wherever it begins, sees more than `per_minute`.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Double, Text

from ledgerbridge.store.engine import Database

_ENSURE = text(
    """
    insert into rate_budgets (key, next_free_at)
    select key, 'epoch' from unnest(:keys) as wanted(key) order by key
    on conflict do nothing
    """
).bindparams(bindparam("keys", type_=ARRAY(Text)))

# Rows are locked in the order of their keys, so that two budgets that share one cannot deadlock; the clock is read
# only once they are locked, so that waiting for another replica does not date the call back.
_TAKE = text(
    """
    with wanted as (
        select * from unnest(:keys, :spacings, :tolerances) as w(key, spacing, tolerance)
    ), locked as materialized (
        select b.key, b.next_free_at, w.spacing, w.tolerance
        from rate_budgets b join wanted w on w.key = b.key order by b.key for update of b
    ), verdict as materialized (
        select clock_timestamp() as at, count(*) as found,
               max(next_free_at - make_interval(secs => tolerance)) as free_at
        from locked
    ), taken as (
        update rate_budgets b
        set next_free_at = greatest(l.next_free_at, v.at) + make_interval(secs => l.spacing)
        from locked l cross join verdict v
        where b.key = l.key and v.free_at <= v.at and v.found = (select count(*) from wanted)
        returning 1
    )
    select found, extract(epoch from free_at - at)::float8 as wait, (select count(*) from taken) as taken from verdict
    """
).bindparams(
    bindparam("keys", type_=ARRAY(Text)),
    bindparam("spacings", type_=ARRAY(Double)),
    bindparam("tolerances", type_=ARRAY(Double)),
)


@dataclass(frozen=True)
class Limit:
    """At most `per_minute` calls in any minute under `key`, of which `burst` may come at once."""

    key: str
    per_minute: int
    burst: int

    def __post_init__(self) -> None:
        if not 1 <= self.burst <= max(self.per_minute - 1, 1) or self.per_minute < 1:
            raise ValueError(f"burst must be at least 1 and below {self.per_minute} a minute, not {self.burst}")

    def spacing(self, minute: float) -> float:
        """Seconds between calls once the burst is used up; `minute` is the length of a minute in seconds."""
        return minute / max(self.per_minute - self.burst, 1)


class PostgresBudget:
    """The calls allowed under a key, and under a ceiling shared with other keys if one is given.

    Share one object a key within a process: its callers are served in the order in which they came. `minute` is the
    length of a minute in seconds, for tests.
    """

    def __init__(
        self, db: Database, key: str, per_minute: int, burst: int, *, ceiling: Limit | None = None, minute: float = 60
    ) -> None:
        limits = [Limit(key, per_minute, burst), *([ceiling] if ceiling else [])]
        self._db = db
        spacings = [limit.spacing(minute) for limit in limits]
        self._spacing = min(spacings)
        self._keys = [limit.key for limit in limits]
        self._values: dict[str, list[str] | list[float]] = {
            "keys": self._keys,
            "spacings": spacings,
            "tolerances": [spacing * (limit.burst - 1) for spacing, limit in zip(spacings, limits, strict=True)],
        }
        self._turn = asyncio.Lock()

    async def take(self) -> None:
        """Wait until one more call is allowed, and count it. Holds no transaction while it waits.

        Raises sqlalchemy.exc.SQLAlchemyError when the database cannot be asked: then no call is allowed.
        """
        async with self._turn:
            while True:
                wait = await self._try()
                if wait is None:
                    return
                # A little extra, so that replicas that wait for one slot do not all ask at the same instant.
                await asyncio.sleep(wait + random.uniform(0, self._spacing / 4))  # noqa: S311

    async def _try(self) -> float | None:
        """Count a call and return None, or return the seconds until it is worth asking again."""
        async with self._db.transaction() as session:
            row = (await session.execute(_TAKE, self._values)).one()
            if row.taken:
                return None
            if row.found == len(self._keys):
                return max(float(row.wait), 0.0)
            await session.execute(_ENSURE, {"keys": self._keys})
        return 0.0
