"""What the charts show: jobs and items by outcome, how long jobs took, calls made, and how much of the budget was used.

One query a chart, over a day by the hour or a month by the day, each bounded by an index on time. Times are UTC.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, func, literal, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import CalledSystem, CallMinute, ExportItemCount, ExportJob, RateBudget

_DOOR = "an operator's chart counts over all companies"
Value = TypeVar("Value")


class Span(StrEnum):
    """How far back a chart looks, and how finely."""

    DAY = "day"
    """The last 24 hours, by the hour."""
    MONTH = "month"
    """The last 30 days, by the day."""

    @property
    def unit(self) -> str:
        """What a column stands for, as PostgreSQL cuts times."""
        return "hour" if self is Span.DAY else "day"

    def columns(self, now: dt.datetime) -> tuple[dt.datetime, ...]:
        """The beginning of each column, oldest first; the last one is still going on."""
        if self is Span.DAY:
            last, step, number = now.replace(minute=0, second=0, microsecond=0), timedelta(hours=1), 24
        else:
            last, step, number = now.replace(hour=0, minute=0, second=0, microsecond=0), timedelta(days=1), 30
        return tuple(last - step * back for back in reversed(range(number)))


@dataclass(frozen=True, slots=True)
class Window:
    """What a chart is asked for."""

    columns: tuple[dt.datetime, ...]
    unit: str
    connection_id: uuid.UUID | None = None
    """One company; None for all. Calls and the budget are counted over all companies alone."""

    @classmethod
    def of(cls, span: Span, now: dt.datetime, connection_id: uuid.UUID | None = None) -> Window:
        return cls(span.columns(now), span.unit, connection_id)

    @property
    def since(self) -> dt.datetime:
        return self.columns[0]

    def cut(self, moment: Any) -> ColumnElement[dt.datetime]:
        """The column a moment falls into."""
        return func.date_trunc(literal(self.unit, literal_execute=True), moment)

    def spread(self, found: Mapping[dt.datetime, Value], otherwise: Value) -> list[Value]:
        """One value a column, in order."""
        return [found.get(column, otherwise) for column in self.columns]


@dataclass(frozen=True, slots=True)
class Times:
    """From the webhook to the end of the jobs that closed in one column. Seconds."""

    jobs: int
    median: float
    slow: float
    """95 of 100 were quicker."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls to one system in one column."""

    by_outcome: Mapping[str, int]
    seconds: float
    """All of them together."""

    @property
    def calls(self) -> int:
        return sum(self.by_outcome.values())


NO_CALLS = Calls({}, 0.0)


@dataclass(frozen=True, slots=True)
class Rest:
    """A pause that Pleo asked for with a 429, under way."""

    key: str
    """Environment, and the connection's credential if it is not for all."""
    until: dt.datetime


async def jobs(session: AsyncSession, window: Window) -> list[Mapping[str, int]]:
    """Export jobs closed, by final status at Pleo."""
    cut = window.cut(ExportJob.closed_at)
    query = (
        select(cut, ExportJob.pleo_status, func.count())
        .where(ExportJob.closed_at >= window.since)
        .group_by(cut, ExportJob.pleo_status)
    )
    return window.spread(_nested(await _asked(session, window, query)), {})


async def items(session: AsyncSession, window: Window) -> list[Mapping[str, int]]:
    """Items of the jobs closed, by outcome; of the counts that the database keeps, and not of the items themselves."""
    cut = window.cut(ExportJob.closed_at)
    counts = select(ExportItemCount.state, ExportItemCount.items).where(
        ExportItemCount.job_id == ExportJob.id, ExportItemCount.connection_id == ExportJob.connection_id
    )
    if window.connection_id is not None:
        counts = counts.where(ExportItemCount.connection_id == window.connection_id)
    # The offset keeps the planner to looking the counts of each job up, where it would rather read all there ever were.
    each = counts.offset(0).lateral()
    query = (
        select(cut, each.c.state, func.sum(each.c["items"]))
        .select_from(ExportJob)
        .join(each, true())
        .where(ExportJob.closed_at >= window.since)
        .group_by(cut, each.c.state)
    )
    return window.spread(_nested(await _asked(session, window, query)), {})


async def times(session: AsyncSession, window: Window) -> list[Times | None]:
    """From the first webhook about a job to its end, for jobs that a webhook told of; None where there was none."""
    cut = window.cut(ExportJob.closed_at)
    took = func.extract("epoch", ExportJob.closed_at - ExportJob.announced_at)
    query = (
        select(
            cut,
            func.count(),
            func.percentile_cont(0.5).within_group(took),
            func.percentile_cont(0.95).within_group(took),
        )
        .where(ExportJob.closed_at >= window.since, ExportJob.announced_at.is_not(None))
        .group_by(cut)
    )
    rows = await _asked(session, window, query)
    found = {column: Times(number, float(median), float(slow)) for column, number, median, slow in rows}
    return window.spread(found, None)


async def calls(session: AsyncSession, window: Window) -> dict[CalledSystem, list[Calls]]:
    """Calls by system and outcome, of all companies."""
    cut = window.cut(CallMinute.minute)
    query = (
        select(cut, CallMinute.system, CallMinute.outcome, func.sum(CallMinute.calls), func.sum(CallMinute.seconds))
        .where(CallMinute.minute >= window.since)
        .group_by(cut, CallMinute.system, CallMinute.outcome)
    )
    found: dict[str, dict[dt.datetime, Calls]] = {system: {} for system in CalledSystem}
    for column, system, outcome, number, seconds in (await session.execute(query)).all():
        before = found[system].get(column, NO_CALLS)
        found[system][column] = Calls({**before.by_outcome, outcome: int(number)}, before.seconds + seconds)
    return {system: window.spread(found[system], NO_CALLS) for system in CalledSystem}


async def busiest_minutes(session: AsyncSession, window: Window) -> list[int]:
    """Calls to Pleo in the busiest minute of each column; what the ceiling over all companies is to be held against."""
    minutes = (
        select(CallMinute.minute.label("minute"), func.sum(CallMinute.calls).label("calls"))
        .where(CallMinute.minute >= window.since, CallMinute.system == CalledSystem.PLEO)
        .group_by(CallMinute.minute)
        .subquery()
    )
    cut = window.cut(minutes.c.minute)
    rows = (await session.execute(select(cut, func.max(minutes.c.calls)).group_by(cut))).all()
    return window.spread({column: int(most) for column, most in rows}, 0)


async def rests(session: AsyncSession, now: dt.datetime) -> list[Rest]:
    """Pauses that Pleo asked for and that are not over."""
    query = select(RateBudget).where(RateBudget.paused_until > now).order_by(RateBudget.key).limit(20)
    return [Rest(row.key, row.paused_until) for row in await session.scalars(query) if row.paused_until]


async def _asked(session: AsyncSession, window: Window, query: Any) -> list[Any]:
    if window.connection_id is not None:
        query = query.where(ExportJob.connection_id == window.connection_id)
    with across_companies(session, _DOOR, unless=window.connection_id):
        return list((await session.execute(query)).all())


def _nested(rows: Iterable[Any]) -> dict[dt.datetime, Mapping[str, int]]:
    found: dict[dt.datetime, dict[str, int]] = {}
    for column, name, number in rows:
        found.setdefault(column, {})[name] = int(number)
    return dict(found)
