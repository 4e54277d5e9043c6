"""Reading Pleo's scalars: moments, days, money, rates."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from ledgerbridge.pleo.models import (
    ExportJob,
    ExportJobItem,
    format_instant,
    parse_day,
    parse_fraction,
    parse_instant,
    parse_minor_units,
    read,
)

moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.rule("HOOK-027")
@given(moment=moments, digits=st.integers(0, 9), tail=st.integers(0, 999))
def test_timestamps_with_0_to_9_fractional_digits(moment: datetime, digits: int, tail: int) -> None:
    fraction = f"{moment.microsecond:06d}{tail:03d}"[:digits]
    text = moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if digits else "") + "Z"
    kept = int(f"{fraction[:6]:0<6}") if digits else 0
    assert parse_instant(text) == moment.replace(microsecond=kept)


@pytest.mark.rule("HOOK-027")
def test_pleos_own_sample() -> None:
    assert parse_instant("2025-02-21T10:05:43.530450712Z") == datetime(2025, 2, 21, 10, 5, 43, 530450, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2025-05-23T17:21:32+02:00", "2025-05-23T17:21:32+0200", "2025-05-23T15:21:32"])
def test_other_zones_become_utc_and_no_zone_is_utc(text: str) -> None:
    assert parse_instant(text) == datetime(2025, 5, 23, 15, 21, 32, tzinfo=UTC)
    assert parse_instant(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "value",
    ["", "2025-05-23", "20250523T152132Z", "2025-13-01T00:00:00Z", "0001-01-01T00:00:00+09:00", 7, None, "x" * 99],
)
def test_what_is_no_timestamp_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not a timestamp"):
        parse_instant(value)


def test_a_day_comes_as_day_or_as_timestamp() -> None:
    assert parse_day("2025-05-23") == parse_day("2025-05-23T15:21:32Z") == date(2025, 5, 23)


@given(moment=moments)
def test_moments_go_out_in_pleos_mask_and_come_back(moment: datetime) -> None:
    text = format_instant(moment.astimezone(timezone(timedelta(hours=5, minutes=30))))
    assert len(text) == len("YYYY-MM-DDTHH:MM:SSZ")
    assert parse_instant(text) == moment.replace(microsecond=0)


def test_a_moment_without_a_zone_does_not_go_out() -> None:
    with pytest.raises(ValueError, match="time zone"):
        format_instant(datetime(2025, 1, 1))  # noqa: DTZ001


@pytest.mark.rule("EXP-DATA-09")
@given(minor=st.integers(-(10**15), 10**15))
def test_money_is_the_same_as_int_float_and_text(minor: int) -> None:
    assert {parse_minor_units(form) for form in (minor, float(minor), str(minor), f"{minor}.00")} == {minor}


@pytest.mark.rule("EXP-DATA-09")
def test_hundredths_as_pleo_writes_them() -> None:
    assert Decimal(parse_minor_units(89696)).scaleb(-2) == Decimal("896.96")


@pytest.mark.rule("EXP-DATA-09")
@pytest.mark.parametrize(
    "value",
    [1.5, "1.50", "1,00", "1e3", "", " 1", "١", True, None, [], {}, float("inf"), float("nan"), 2**60, 1e17, "9" * 30],
)
def test_money_that_is_not_whole_minor_units_is_refused(value: object) -> None:
    with pytest.raises(PydanticCustomError, match="whole number of cents"):
        parse_minor_units(value)


@pytest.mark.rule("EXP-DATA-10")
@pytest.mark.parametrize("value", [0.25, "0.25", "0.250"])
def test_rates_are_fractions_and_exact(value: object) -> None:
    assert parse_fraction(value) == Decimal("0.25")


@pytest.mark.parametrize("value", [True, None, "x", float("nan"), "Infinity", []])
def test_what_is_no_rate_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not a number"):
        parse_fraction(value)


@pytest.mark.rule("EXP-EXPIRE-02")
def test_expiry_counts_from_the_last_action_with_the_jobs_own_window(sample) -> None:
    fresh = read(ExportJob, sample.job(expiresIn=1800, lastUpdatedAt=None), "op")
    touched = read(ExportJob, sample.job(expiresIn=600, lastUpdatedAt="2025-06-01T11:00:00Z"), "op")
    assert fresh.expires_at == datetime(2025, 6, 1, 10, 30, tzinfo=UTC)
    assert touched.expires_at == datetime(2025, 6, 1, 11, 10, tzinfo=UTC)


def test_an_expired_job_shows_it_in_either_member(sample) -> None:
    assert read(ExportJob, sample.job(expiredAt="2025-06-01T11:00:00Z"), "op").expired
    assert read(ExportJob, sample.job(failureReasonType="job_expired"), "op").expired
    assert not read(ExportJob, sample.job(), "op").expired


@pytest.mark.parametrize(
    ("status", "is_open"),
    [
        ("pending", True),
        ("in_progress", True),
        ("successful", False),
        ("failed", False),
        ("abandoned", False),
        ("new", False),
    ],
)
def test_only_pending_and_in_progress_items_are_open(sample, status: str, is_open: bool) -> None:
    assert read(ExportJobItem, sample.job_item(status=status), "op").open is is_open
