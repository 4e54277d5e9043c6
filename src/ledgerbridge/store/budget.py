"""The budget of calls to Pleo, shared by all replicas through Postgres (LIMIT-001).

The generic cell rate algorithm, one statement a call, by the database's clock. Of `per_minute` calls, `burst` may come
at once and the rest are spread evenly, so that no window of a minute, wherever it begins, sees more than `per_minute`.
A small burst is enough to make good what callers lose by asking late, so nearly the whole budget can be used. Urgent
callers go first, over replicas too, and what Pleo asks one caller to wait, every caller of the key waits.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
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
# only once they are locked, so that waiting for another replica does not date the call back. An urgent caller that is
# refused leaves a mark on the rows that refused it: others are refused until it had the time to come back. Nobody waits
# for the disk: a database that crashes forgets the calls of its last moments, and no more.
_TAKE = text(
    """
    with wanted as (
        select * from unnest(:keys, :spacings, :tolerances) as w(key, spacing, tolerance)
    ), locked as materialized (
        select b.key, b.next_free_at, b.urgent_until, b.paused_until, w.spacing, w.tolerance
        from rate_budgets b join wanted w on w.key = b.key order by b.key for update of b
    ), looked as materialized (
        select clock_timestamp() as at, count(*) as found,
               greatest(max(next_free_at - make_interval(secs => tolerance)), max(paused_until),
                        max(urgent_until) filter (where not :urgent)) as open_at,
               max(paused_until) as paused_until
        from locked
    ), verdict as materialized (
        select *, open_at <= at and found = (select count(*) from wanted) as granted from looked
    ), taken as (
        update rate_budgets b
        set next_free_at = greatest(l.next_free_at, v.at) + make_interval(secs => l.spacing)
        from locked l cross join verdict v
        where b.key = l.key and v.granted
    ), marked as (
        update rate_budgets b
        set urgent_until = greatest(
            l.urgent_until, l.next_free_at - make_interval(secs => l.tolerance - :grace * l.spacing))
        from locked l cross join verdict v
        where :urgent and not v.granted and b.key = l.key
            and l.next_free_at - make_interval(secs => l.tolerance) > v.at
    )
    select found, granted, extract(epoch from open_at - at)::float8 as wait,
           extract(epoch from paused_until - at)::float8 as paused,
           set_config('synchronous_commit', 'off', true)
    from verdict
    """
).bindparams(
    bindparam("keys", type_=ARRAY(Text)),
    bindparam("spacings", type_=ARRAY(Double)),
    bindparam("tolerances", type_=ARRAY(Double)),
)

_PAUSE = text(
    """
    insert into rate_budgets as b (key, next_free_at, paused_until)
    values (:key, 'epoch', clock_timestamp() + make_interval(secs => :seconds))
    on conflict (key) do update set paused_until = greatest(b.paused_until, excluded.paused_until)
    """
)

_GRACE = 2
"""Spacings that a slot is kept for an urgent caller behind the moment it was told to come back at."""
_SHARE_OF_THE_PATIENT = 1 / 60
"""Of a minute: a caller that is not urgent and waited so long goes as if it were, so that nobody starves."""

Waited = Callable[[bool, float], None]
"""Told of every call let through: whether it was urgent, and the seconds it waited."""


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

    Share one object a key within a process: its callers are served in the order in which they came, the urgent ones
    before the others. `minute` is the length of a minute in seconds, for tests.
    """

    def __init__(
        self,
        db: Database,
        key: str,
        per_minute: int,
        burst: int,
        *,
        ceiling: Limit | None = None,
        minute: float = 60,
        longest_pause: float = 120,
        waited: Waited | None = None,
    ) -> None:
        """`longest_pause`: of a longer one, `take` tells its caller instead of waiting it out."""
        limits = [Limit(key, per_minute, burst), *([ceiling] if ceiling else [])]
        self._db = db
        self._key = key
        spacings = [limit.spacing(minute) for limit in limits]
        self._spacing = min(spacings)
        self._keys = [limit.key for limit in limits]
        self._values: dict[str, list[str] | list[float] | float] = {
            "keys": self._keys,
            "spacings": spacings,
            "tolerances": [spacing * (limit.burst - 1) for spacing, limit in zip(spacings, limits, strict=True)],
            "grace": float(_GRACE),
        }
        self._longest_pause = longest_pause
        self._patience = minute * _SHARE_OF_THE_PATIENT
        self._waited = waited
        self._turns = {True: asyncio.Lock(), False: asyncio.Lock()}

    def lane(self, *, urgent: bool) -> Lane:
        """The same allowance for callers that are all urgent, or all not."""
        return Lane(self, urgent)

    async def take(self, *, urgent: bool = True) -> float | None:
        """Wait until one more call is allowed, and count it. Holds no transaction while it waits.

        Returns None then, or, without a call, the seconds of a pause too long to be waited for. Raises
        sqlalchemy.exc.SQLAlchemyError when the database cannot be asked: then no call is allowed.
        """
        came = time.monotonic()
        async with self._turns[urgent]:
            first = time.monotonic()
            while True:
                pressing = urgent or time.monotonic() - first > self._patience
                wait = await self._try(pressing)
                if wait is None:
                    if self._waited:
                        self._waited(urgent, time.monotonic() - came)
                    return None
                if wait > self._longest_pause:
                    return wait
                # A little extra, so that replicas that wait for one slot do not all ask at the same instant.
                await asyncio.sleep(wait + random.uniform(0, self._spacing / 4))  # noqa: S311

    async def pause(self, seconds: float) -> None:
        """Let no call of this key through for `seconds`, in any replica; a longer pause under way stays (LIMIT-002)."""
        async with self._db.transaction() as session:
            await session.execute(_PAUSE, {"key": self._key, "seconds": seconds})

    async def _try(self, urgent: bool) -> float | None:
        """Count a call and return None, or return the seconds until it is worth asking again."""
        async with self._db.transaction() as session:
            row = (await session.execute(_TAKE, self._values | {"urgent": urgent})).one()
            if row.granted:
                return None
            if row.found == len(self._keys):
                return max(float(row.wait), 0.0)
            await session.execute(_ENSURE, {"keys": self._keys})
        return 0.0


@dataclass(frozen=True, slots=True)
class Lane:
    """One way to the allowance of a key: for callers that go first, or for those that let others go first."""

    budget: PostgresBudget
    urgent: bool

    async def take(self) -> float | None:
        """As `PostgresBudget.take`."""
        return await self.budget.take(urgent=self.urgent)

    async def pause(self, seconds: float) -> None:
        """As `PostgresBudget.pause`."""
        await self.budget.pause(seconds)
