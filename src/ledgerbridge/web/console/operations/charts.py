"""`/admin/charts`: how it goes, over a day or a month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from ledgerbridge.clock import utcnow
from ledgerbridge.ops import figures
from ledgerbridge.ops.figures import Calls, Span, Times, Window
from ledgerbridge.store.tables import CalledSystem, CallOutcome, ItemState
from ledgerbridge.web.console.doors import ConsoleRoute, SignedInOperator
from ledgerbridge.web.console.forms import link
from ledgerbridge.web.console.operations import filters
from ledgerbridge.web.console.operations.svg import Chart, Series
from ledgerbridge.web.console.page import page
from ledgerbridge.web.services import Provided
from ledgerbridge.web.texts import text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
_HERE = "/admin/charts"
_JOBS = (("completed", "good"), ("completed_with_errors", "wait"), ("failed", "bad"))
_ITEMS = (
    (ItemState.BOOKED, "good"),
    (ItemState.NOTHING_TO_POST, "calm"),
    (ItemState.UNKNOWN, "wait"),
    (ItemState.ABANDONED, "off"),
    (ItemState.FAILED, "bad"),
)
_TIMES = (2, 10, 20, 60, 120, 240, 600, 1200, 3600, 7200, 4 * 3600, 8 * 3600, 24 * 3600)
"""Seconds whose half is a time people say."""
_CALLS = ((CallOutcome.OK, "good"), (CallOutcome.LIMITED, "wait"), (CallOutcome.ERROR, "bad"))


@router.get(_HERE)
async def charts(
    request: Request,
    services: Provided,
    operator: SignedInOperator,
    span: str = "",
    company: Annotated[str, Query(max_length=500)] = "",
) -> HTMLResponse:
    """Jobs and items by outcome, how long jobs took, calls and the budget."""
    chosen = Span(span) if span in set(Span) else Span.MONTH
    now = utcnow()
    async with services.db.reading() as session:
        asked = await filters.read(session, company)
        drawn: list[Chart] = []
        if not asked.errors:
            window = Window.of(chosen, now, asked.connection_id)
            labels = [label(column, chosen) for column in window.columns]
            drawn += [
                _outcomes("jobs", labels, await figures.jobs(session, window), _JOBS, "common.job"),
                _outcomes("items", labels, await figures.items(session, window), _ITEMS, "common.item"),
                _times(labels, await figures.times(session, window)),
            ]
            if asked.connection_id is None:
                drawn += _of_calls(labels, await figures.calls(session, window))
                most = await figures.busiest_minutes(session, window)
                drawn.append(_budget(labels, most, services.settings.pleo_requests_per_minute))
        rests = await figures.rests(session, now)
    return page(
        request,
        operator,
        "operations/charts.html",
        charts=drawn,
        asked=asked,
        span=chosen,
        spans=[(one.value, link(_HERE, **asked.kept, span=one.value)) for one in Span],
        rests=rests,
        status=422 if asked.errors else 200,
        errors=asked.errors,
        here=_HERE,
    )


def label(column: dt.datetime, span: Span) -> str:
    """What a column stands for."""
    return f"{column:%H}:00" if span is Span.DAY else f"{column.day} {column:%b}"


def duration(seconds: float) -> str:
    """A time in the unit people would use."""
    if seconds < 120:
        return text("operations.charts.seconds", number=f"{seconds:.1f}".removesuffix(".0"))
    if seconds < 3600:
        return text("operations.charts.minutes", number=f"{seconds / 60:.1f}".removesuffix(".0"))
    return text("operations.charts.hours", number=f"{seconds / 3600:.1f}".removesuffix(".0"))


def number(value: float) -> str:
    """A count; half ones stand only beside a chart of very few."""
    return f"{value:,.0f}"


def _outcomes(
    name: str,
    labels: Sequence[str],
    found: Sequence[Mapping[str, int]],
    known: Sequence[tuple[str, str]],
    words: str,
) -> Chart:
    """Counts by outcome; outcomes we do not know are shown together."""
    series = [
        Series(text(f"{words}.{outcome}"), tone, [column.get(outcome, 0) for column in found])
        for outcome, tone in known
    ]
    names = {outcome for outcome, _ in known}
    others = [sum(count for outcome, count in column.items() if outcome not in names) for column in found]
    if any(others):
        series.append(Series(text("operations.charts.other"), "off", others))
    return Chart(name, labels, series, number)


def _times(labels: Sequence[str], found: Sequence[Times | None]) -> Chart:
    median = [one.median if one else None for one in found]
    slow = [one.slow if one else None for one in found]
    series = [
        Series(text("operations.charts.median"), "line", median),
        Series(text("operations.charts.slow"), "slow", slow),
    ]
    return Chart("times", labels, series, duration, stacked=False, tops=_TIMES)


def _of_calls(labels: Sequence[str], found: Mapping[CalledSystem, Sequence[Calls]]) -> list[Chart]:
    return [
        Chart(
            f"calls_{system}",
            labels,
            [
                Series(
                    text(f"operations.charts.call.{outcome}"), tone, [one.by_outcome.get(outcome, 0) for one in columns]
                )
                for outcome, tone in _CALLS
            ],
            number,
            note=_average(columns),
        )
        for system, columns in found.items()
    ]


def _average(columns: Sequence[Calls]) -> str:
    made = sum(one.calls for one in columns)
    seconds = sum(one.seconds for one in columns)
    return text("operations.charts.average", calls=f"{made:,}", took=f"{seconds / made:.2f}") if made else ""


def _budget(labels: Sequence[str], most: Sequence[int], limit: int) -> Chart:
    used = Series(text("operations.charts.busiest"), "good", list(most))
    line = Series(text("operations.charts.limit", limit=f"{limit:,}"), "limit", [float(limit)] * len(labels))
    return Chart("budget", labels, [used], number, ceiling=line)
