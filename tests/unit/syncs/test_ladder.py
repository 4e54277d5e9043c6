"""What repeated failure leads to: sooner tries, a word to somebody, and at last an end that says so."""

import datetime as dt
import uuid

import pytest

from ledgerbridge.bookkeeping.problem import Kind
from ledgerbridge.store.tables import SyncKind, SyncSchedule
from ledgerbridge.syncs import failing
from ledgerbridge.syncs.failing import Cause
from ledgerbridge.syncs.ladder import climb
from ledgerbridge.syncs.patience import Patience

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
PATIENCE = Patience()
DOWN = Cause("erp_unreachable", Kind.TRANSIENT, "The accounting system does not answer.", retry=True)
REFUSED = Cause("erp_authentication", Kind.AUTH, "The access key is refused.")


def row(kind: SyncKind = SyncKind.TAGS, *, failures: int = 0, since: dt.timedelta | None = None) -> SyncSchedule:
    return SyncSchedule(
        connection_id=uuid.uuid4(), kind=kind, failures=failures, failing_since=NOW - since if since else None
    )


@pytest.mark.rule("TAG-146")
def test_tries_come_with_growing_distance_and_never_more_than_two_hours_apart() -> None:
    minutes = [climb(row(failures=n), SyncKind.TAGS, DOWN, NOW, PATIENCE).again_in.seconds // 60 for n in range(9)]
    assert minutes == [2, 4, 8, 16, 32, 64, 120, 120, 120]


@pytest.mark.rule("LIMIT-002")
def test_what_pleo_asks_us_to_wait_is_waited() -> None:
    limited = Cause(failing.PLEO_RATE, Kind.RATE, "Later.", retry=True, retry_after=900)
    assert climb(row(), SyncKind.TAGS, limited, NOW, PATIENCE).again_in == dt.timedelta(seconds=900)


def test_what_only_a_person_can_mend_is_told_at_once_and_not_tried_again_in_minutes() -> None:
    rung = climb(row(), SyncKind.ACCOUNTS, REFUSED, NOW, PATIENCE)
    assert (rung.warn, rung.off, rung.again_in) == (True, None, PATIENCE.hopeless)


def test_a_failure_before_a_long_pause_does_not_switch_off_the_first_try_after_it() -> None:
    paused = row(failures=3, since=dt.timedelta(days=9))
    paused.last_started_at = paused.warned_at = NOW - dt.timedelta(days=9)
    rung = climb(paused, SyncKind.TAGS, DOWN, NOW, PATIENCE)
    assert (rung.off, rung.failures, rung.failing_since, rung.again_in) == (None, 1, NOW, PATIENCE.first)
    going_on = row(failures=90, since=dt.timedelta(days=9))
    going_on.last_started_at = NOW - PATIENCE.hopeless
    assert climb(going_on, SyncKind.TAGS, DOWN, NOW, PATIENCE).off is not None


def test_what_time_may_mend_is_told_after_hours_and_only_once() -> None:
    early = climb(row(failures=6, since=dt.timedelta(hours=2)), SyncKind.TAGS, DOWN, NOW, PATIENCE)
    late = climb(row(failures=9, since=dt.timedelta(hours=5)), SyncKind.TAGS, DOWN, NOW, PATIENCE)
    told = row(failures=9, since=dt.timedelta(hours=6))
    told.warned_at = NOW - dt.timedelta(hours=1)
    again = climb(told, SyncKind.TAGS, DOWN, NOW, PATIENCE)
    assert (early.warn, late.warn, again.warn) == (False, True, False)


def test_after_a_week_it_is_switched_off_and_says_why_and_how_it_goes_on() -> None:
    assert climb(row(since=dt.timedelta(days=6, hours=23)), SyncKind.TAGS, DOWN, NOW, PATIENCE).off is None
    rung = climb(row(failures=90, since=dt.timedelta(days=8)), SyncKind.TAGS, DOWN, NOW, PATIENCE)
    assert rung.off is not None
    assert "8 days" in rung.off
    assert DOWN.text in rung.off
    assert "asks for this synchronisation" in rung.off


FORBIDDEN = Cause(failing.PLEO_FORBIDDEN, Kind.AUTH, "Pleo does not allow it.")


@pytest.mark.rule("VEN-004")
def test_403_switches_vendors_off_at_once_and_no_other_kind() -> None:
    off = {kind: climb(row(kind), kind, FORBIDDEN, NOW, PATIENCE).off for kind in SyncKind}
    assert [kind for kind, reason in off.items() if reason] == [SyncKind.VENDORS]
    assert "Vendors API" in (off[SyncKind.VENDORS] or "")
