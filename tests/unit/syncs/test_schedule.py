"""When a kind is due: at the company's own place in the interval, for ever, without a storm."""

import datetime as dt
import uuid

import pytest

from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.store.tables import SyncKind
from ledgerbridge.syncs import schedule

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
BODY = {"journal": "EXP", "accounts": {"wallet": {"*": "1"}, "out_of_pocket": "2", "contra": "3"}}


def company(number: int) -> uuid.UUID:
    return uuid.UUID(int=number * 7919)


@pytest.mark.rule("TAG-121", "ACC-102", "VEN-121")
def test_tags_are_due_hourly_and_the_rest_daily_unless_configured() -> None:
    body = ConfigurationBody.read(BODY)
    assert {kind.value: schedule.every(body, kind) for kind in SyncKind} == {
        "tags": HOUR,
        "accounts": DAY,
        "tax_codes": DAY,
        "vendors": DAY,
    }


@pytest.mark.rule("TAG-122")
def test_another_interval_is_the_customers_choice() -> None:
    body = ConfigurationBody.read({**BODY, "syncs": {"tags": {"every_minutes": 1440}}})
    assert schedule.every(body, SyncKind.TAGS) == DAY


@pytest.mark.parametrize("interval", [dt.timedelta(minutes=1), HOUR, DAY], ids=["minute", "hour", "day"])
def test_a_company_that_runs_on_time_runs_exactly_once_an_interval(interval: dt.timedelta) -> None:
    due = schedule.next_time(company(5), NOON, interval)
    for _ in range(50):
        following = schedule.next_time(company(5), due + interval / 3, interval)
        assert following - due == interval
        due = following


def test_companies_are_spread_over_the_whole_interval() -> None:
    minutes = [(schedule.next_time(company(n), NOON, HOUR) - NOON).seconds // 60 % 60 for n in range(600)]
    filled = {minute // 10 for minute in minutes}
    assert filled == set(range(6))
    assert max(minutes.count(minute) for minute in set(minutes)) < 40


def test_what_was_missed_in_an_outage_is_made_up_for_once() -> None:
    late = NOON + dt.timedelta(days=3)
    following = schedule.next_time(company(5), late, HOUR)
    assert late < following <= late + HOUR * 1.02


@pytest.mark.rule("TAG-121", "ACC-102")
@pytest.mark.parametrize("interval", [HOUR, DAY], ids=["hour", "day"])
def test_after_a_success_half_an_interval_passes_and_never_more_than_one(interval: dt.timedelta) -> None:
    for number in range(400):
        due = schedule.after_success(company(number), NOON, interval)
        assert interval / 2 <= due - NOON <= interval
        following = schedule.next_time(company(number), due, interval)
        assert interval / 2 <= following - due <= interval * 1.02


@pytest.mark.rule("TAX-050")
def test_tax_codes_come_before_the_accounts_that_name_them_and_vendors_last() -> None:
    assert schedule.ORDER == (SyncKind.TAX_CODES, SyncKind.ACCOUNTS, SyncKind.TAGS, SyncKind.VENDORS)
