"""Posting dates: the item's own date where its period is open, else what the customer chose (EXP-PERIOD).

The service period of an expense plays no part here (EXP-PERIOD-08).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from ledgerbridge.bookkeeping.problem import Failed, Failure, Problem, failed, problem
from ledgerbridge.bookkeeping.words import ClosedPeriod, Period


def zone(name: str) -> ZoneInfo | Failed:
    """The time zone of that name."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return failed(Failure.TIME_ZONE_UNKNOWN, time_zone=name or "(none)")


def local_date(instant: dt.datetime, time_zone: str) -> dt.date | Failed:
    """The calendar day of an instant in a time zone; an instant that names no zone is taken as UTC."""
    place = zone(time_zone)
    if isinstance(place, Failed):
        return place
    aware = instant if instant.tzinfo is not None else instant.replace(tzinfo=dt.UTC)
    try:
        return aware.astimezone(place).date()
    except OverflowError:
        return failed(Failure.PAYLOAD_UNREADABLE, detail=f"date {instant.isoformat()}")


def posting_date(
    source: dt.date, periods: Sequence[Period], strategy: ClosedPeriod, today: dt.date, opened_by: str | None = None
) -> dt.date | Failed:
    """The day an item of `source` is booked on.

    `source` itself where an open period holds it (EXP-PERIOD-01, -04), or where the ERP names no periods at all and so
    leaves the judgement to itself. Otherwise `strategy` decides (EXP-PERIOD-05): the first day of the next open period,
    or `today` if that is open. `opened_by` as in `Chart`.
    """
    if not periods or _is_open(source, periods):
        return source
    if strategy is ClosedPeriod.FAIL:
        return Failed((closed(source, opened_by),))
    if strategy is ClosedPeriod.NEXT_OPEN:
        starts = [period.start for period in periods if period.open and period.start > source]
        return min(starts) if starts else Failed((_none_open(source, opened_by),))
    return today if _is_open(today, periods) else Failed((_none_open(today, opened_by),))


def closed(day: dt.date, opened_by: str | None = None, internal: str = "") -> Problem:
    """That the period of a day is closed or was never made; what opens it as in `Chart`."""
    found = problem(Failure.PERIOD_CLOSED, internal, date=day.isoformat())
    if opened_by is None:
        return found
    return replace(found, spelled=f"The accounting period of {day} is closed or not set up. {opened_by}")


def _none_open(day: dt.date, opened_by: str | None) -> Problem:
    found = problem(Failure.NO_OPEN_PERIOD, date=day.isoformat())
    if opened_by is None:
        return found
    return replace(found, spelled=f"There is no open accounting period on or after {day}. {opened_by}")


def _is_open(day: dt.date, periods: Sequence[Period]) -> bool:
    for period in periods:  # noqa: SIM110 - asked for every item, and a loop calls nothing
        if period.start <= day <= period.end and period.open:
            return True
    return False


_ZONES = {
    "BGN": "Europe/Sofia",
    "CHF": "Europe/Zurich",
    "CZK": "Europe/Prague",
    "DKK": "Europe/Copenhagen",
    "GBP": "Europe/London",
    "HUF": "Europe/Budapest",
    "ISK": "Atlantic/Reykjavik",
    "NOK": "Europe/Oslo",
    "PLN": "Europe/Warsaw",
    "RON": "Europe/Bucharest",
    "SEK": "Europe/Stockholm",
}


def zone_of_currency(currency: str) -> str | None:
    """The time zone that books kept in this currency are most likely kept in; None where several are as likely."""
    return _ZONES.get(currency)
