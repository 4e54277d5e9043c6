"""Which day an item is booked on."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace

import pytest

from ledgerbridge.bookkeeping.period import local_date, posting_date
from ledgerbridge.bookkeeping.problem import Failed, Failure
from ledgerbridge.bookkeeping.words import ClosedPeriod, Period

from .books import PERIODS, TODAY, chart, config, entry, failures, item, problems

CLOSED_DAY = dt.datetime(2026, 3, 14, 12, tzinfo=dt.UTC)
PASSED = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


@pytest.mark.rule("EXP-PERIOD-01", "EXP-PERIOD-04", "EXP-MAP-03")
@pytest.mark.parametrize("strategy", list(ClosedPeriod))
def test_the_items_own_date_is_kept_while_its_period_is_open(strategy: ClosedPeriod) -> None:
    made = entry(item(), config=config(closed_period=strategy))
    assert made.date == made.original_date == dt.date(2026, 11, 5)
    assert "Expense date" not in made.description


@pytest.mark.rule("EXP-PERIOD-02", "EXP-PERIOD-05", "EXP-PERIOD-10")
def test_a_closed_period_fails_the_item_when_moving_is_off() -> None:
    (found,) = problems(item(date=CLOSED_DAY))
    assert found.failure is Failure.PERIOD_CLOSED
    assert found.row.item_type == "accounting_system_validation_failure"
    assert "2026-03-14" in found.text
    assert "Open it in the accounting system, or allow moving entries" in found.text
    assert "out-of-pocket expense can also get another date in Pleo" in found.text


def test_a_period_that_is_not_opened_in_the_erp_is_told_with_what_opens_it() -> None:
    (found,) = problems(item(date=CLOSED_DAY), chart=chart(opened_by="Turn the page."))
    assert found.failure is Failure.PERIOD_CLOSED
    assert found.text == "The accounting period of 2026-03-14 is closed or not set up. Turn the page."


@pytest.mark.parametrize("renewed_by", [None, "Upload it again."])
def test_what_an_uploaded_chart_does_not_know_is_told_with_what_renews_it(renewed_by: str | None) -> None:
    (found,) = problems(item(), chart=chart(accounts=(), renewed_by=renewed_by))[:1]
    assert found.failure in (Failure.ACCOUNT_UNKNOWN, Failure.CONFIGURED_ACCOUNT_UNKNOWN)
    assert found.text.endswith("Upload it again.") == (renewed_by is not None)


def test_where_nothing_is_open_any_more_what_opens_it_is_told_too() -> None:
    shut = chart(periods=tuple(replace(period, open=False) for period in PERIODS), opened_by="Turn the page.")
    (found,) = problems(item(), chart=shut, config=config(closed_period=ClosedPeriod.NEXT_OPEN))
    assert found.failure is Failure.NO_OPEN_PERIOD
    assert found.text.endswith("Turn the page.")


@pytest.mark.rule("EXP-PERIOD-05", "EXP-PERIOD-09")
@pytest.mark.parametrize(
    ("strategy", "day"), [(ClosedPeriod.NEXT_OPEN, dt.date(2026, 7, 1)), (ClosedPeriod.TODAY, TODAY)]
)
def test_an_item_of_a_closed_period_moves_and_remembers_where_from(strategy: ClosedPeriod, day: dt.date) -> None:
    made = entry(item(date=CLOSED_DAY), config=config(closed_period=strategy))
    assert (made.date, made.original_date) == (day, dt.date(2026, 3, 14))
    assert "Expense date 2026-03-14" in made.description


@pytest.mark.rule("EXP-PERIOD-05")
@pytest.mark.parametrize("strategy", [ClosedPeriod.NEXT_OPEN, ClosedPeriod.TODAY])
def test_without_an_open_period_there_is_no_day_to_move_to(strategy: ClosedPeriod) -> None:
    closed = chart(periods=tuple(Period(p.id, p.name, p.start, p.end, open=False) for p in PERIODS))
    assert failures(item(), chart=closed, config=config(closed_period=strategy)) == [Failure.NO_OPEN_PERIOD]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (dt.date(2026, 6, 30), dt.date(2026, 7, 1)),
        (dt.date(2026, 7, 1), dt.date(2026, 7, 1)),
        (dt.date(2026, 12, 31), dt.date(2026, 12, 31)),
        (dt.date(2020, 1, 1), dt.date(2026, 7, 1)),
    ],
)
def test_the_next_open_period_starts_after_the_source_date(source: dt.date, expected: dt.date) -> None:
    assert posting_date(source, PERIODS[::-1], ClosedPeriod.NEXT_OPEN, TODAY) == expected


def test_a_date_beyond_every_period_cannot_move_on() -> None:
    assert failures(item(date=CLOSED_DAY.replace(year=2031)), config=config(closed_period=ClosedPeriod.NEXT_OPEN)) == [
        Failure.NO_OPEN_PERIOD
    ]
    assert failures(item(date=CLOSED_DAY.replace(year=2031))) == [Failure.PERIOD_CLOSED]


def test_an_erp_that_names_no_periods_judges_for_itself() -> None:
    assert entry(item(date=CLOSED_DAY), chart=chart(periods=())).date == dt.date(2026, 3, 14)


@pytest.mark.rule("EXP-PERIOD-08")
@pytest.mark.parametrize("strategy", list(ClosedPeriod))
@pytest.mark.parametrize("day", [CLOSED_DAY, dt.datetime(2026, 11, 5, tzinfo=dt.UTC)])
def test_the_service_period_moves_nothing(strategy: ClosedPeriod, day: dt.datetime) -> None:
    served = (dt.date(2026, 8, 1), dt.date(2026, 8, 31))
    if strategy is ClosedPeriod.FAIL and day is CLOSED_DAY:
        assert failures(item(date=day, service_period=served)) == [Failure.PERIOD_CLOSED]
        return
    using = config(closed_period=strategy)
    assert entry(item(date=day, service_period=served), config=using).date == entry(item(date=day), config=using).date


@pytest.mark.rule("EXP-PERIOD-01")
@pytest.mark.parametrize(
    ("zone", "day"), [("UTC", 31), ("Europe/Copenhagen", 1), ("America/Los_Angeles", 31), ("Pacific/Kiritimati", 1)]
)
def test_the_calendar_day_is_that_of_the_configured_time_zone(zone: str, day: int) -> None:
    late = dt.datetime(2026, 8, 31, 22, 30, tzinfo=dt.UTC)
    assert entry(item(date=late), config=config(time_zone=zone)).original_date.day == day


def test_an_instant_of_another_zone_is_that_instant() -> None:
    tokyo = dt.timezone(dt.timedelta(hours=9))
    assert local_date(dt.datetime(2026, 9, 1, 6, tzinfo=tokyo), "Europe/Copenhagen") == dt.date(2026, 8, 31)


def test_an_instant_without_zone_is_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    monkeypatch.undo()
    found = local_date(dt.datetime(2026, 8, 31, 22, 30), "Europe/Copenhagen")  # noqa: DTZ001
    time.tzset()
    assert found == dt.date(2026, 9, 1)


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "Europe", "a\0b", "\ud800"])
def test_an_unknown_time_zone_is_a_problem(zone: str) -> None:
    found = local_date(CLOSED_DAY, zone)
    assert isinstance(found, Failed)
    assert [one.failure for one in found.problems] == [Failure.TIME_ZONE_UNKNOWN]


@pytest.mark.parametrize(
    ("instant", "zone"),
    [
        (dt.datetime.max.replace(tzinfo=dt.UTC), "Pacific/Kiritimati"),
        (dt.datetime.min.replace(tzinfo=dt.UTC), "America/Los_Angeles"),
    ],
)
def test_an_instant_at_the_end_of_time_is_a_problem(instant: dt.datetime, zone: str) -> None:
    assert failures(item(date=instant), config=config(time_zone=zone)) == [Failure.PAYLOAD_UNREADABLE]
