"""What every process counts for the charts: its calls to Pleo and to ERPs by the minute, and deliveries it refused.

Counted in memory and added to the database every few seconds, because neither a call nor a stranger's request may cost
a write. Sums over all processes, unlike the metrics of one. A process that is killed loses what it had not stored, and
a commit whose answer was lost is counted twice: charts bear that, and nothing else reads these numbers.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.clock import utcnow
from ledgerbridge.ops.logging import get_logger
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import CalledSystem, CallMinute, CallOutcome, DeliveryRefusal

STORE_SECONDS = 15.0
"""Between two visits to the database."""
_LONGEST_SECONDS = 5.0
"""For one visit: nobody waits longer for a chart when the process ends."""
_MOST = 10_000
"""Sums held while the database is away, which is more than a day of minutes; later ones are not counted."""
_log = get_logger(__name__)

_CallKey = tuple[dt.datetime, CalledSystem, CallOutcome]


def outcome_of(answer: int | str | None) -> CallOutcome:
    """What became of a call by its HTTP status, or by the name of what came instead of an answer."""
    status = int(answer) if answer is not None and str(answer).isdecimal() else 0
    if status == 429:
        return CallOutcome.LIMITED
    return CallOutcome.OK if 200 <= status < 400 else CallOutcome.ERROR


class Tally:
    """What one process has counted and not stored yet."""

    def __init__(self) -> None:
        self._calls: defaultdict[_CallKey, tuple[int, float]] = defaultdict(lambda: (0, 0.0))
        self._refused: Counter[tuple[dt.date, str]] = Counter()

    def call(self, system: CalledSystem, answer: int | str | None, seconds: float) -> None:
        """One call was answered so, after so long."""
        self._add_call((utcnow().replace(second=0, microsecond=0), system, outcome_of(answer)), 1, seconds)

    def refused(self, reason: str) -> None:
        """One webhook request was refused; `reason` is one of ours."""
        self._add_refused((utcnow().date(), reason), 1)

    async def store(self, db: Database) -> None:
        """Add what was counted to the database. Raises SQLAlchemyError or OSError; then it is still counted here."""
        calls, refused = dict(self._calls), dict(self._refused)
        self._calls.clear()
        self._refused.clear()
        if not calls and not refused:
            return
        try:
            async with db.transaction() as session:
                await _store_calls(session, calls)
                await _store_refused(session, refused)
        except BaseException:
            for key, (number, seconds) in calls.items():
                self._add_call(key, number, seconds)
            for name, number in refused.items():
                self._add_refused(name, number)
            raise

    def _add_call(self, key: _CallKey, number: int, seconds: float) -> None:
        if key in self._calls or len(self._calls) < _MOST:
            before = self._calls[key]
            self._calls[key] = (before[0] + number, before[1] + seconds)

    def _add_refused(self, key: tuple[dt.date, str], number: int) -> None:
        if key in self._refused or len(self._refused) < _MOST:
            self._refused[key] += number


@asynccontextmanager
async def storing(tally: Tally, db: Database) -> AsyncIterator[None]:
    """Store again and again while the body runs, and once more at its end."""
    task = asyncio.create_task(_store_for_ever(tally, db), name="tally")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await _try_to_store(tally, db)


async def _store_for_ever(tally: Tally, db: Database) -> None:
    while True:
        await asyncio.sleep(STORE_SECONDS)
        await _try_to_store(tally, db)


async def _try_to_store(tally: Tally, db: Database) -> None:
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            await tally.store(db)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        _log.warning("calls were not stored for the charts", error=type(error).__name__)


async def _store_calls(session: AsyncSession, calls: dict[_CallKey, tuple[int, float]]) -> None:
    if not calls:
        return
    # In one order everywhere: two processes that add to the same rows must not lock each other out.
    rows = [
        {"minute": minute, "system": system.value, "outcome": outcome.value, "calls": number, "seconds": seconds}
        for (minute, system, outcome), (number, seconds) in sorted(calls.items())
    ]
    added = insert(CallMinute).values(rows)
    await session.execute(
        added.on_conflict_do_update(
            index_elements=[CallMinute.minute, CallMinute.system, CallMinute.outcome],
            set_={
                "calls": CallMinute.calls + added.excluded.calls,
                "seconds": CallMinute.seconds + added.excluded.seconds,
            },
        )
    )


async def _store_refused(session: AsyncSession, refused: dict[tuple[dt.date, str], int]) -> None:
    if not refused:
        return
    rows = [{"day": day, "reason": reason, "deliveries": number} for (day, reason), number in sorted(refused.items())]
    added = insert(DeliveryRefusal).values(rows)
    await session.execute(
        added.on_conflict_do_update(
            index_elements=[DeliveryRefusal.day, DeliveryRefusal.reason],
            set_={"deliveries": DeliveryRefusal.deliveries + added.excluded.deliveries},
        )
    )
