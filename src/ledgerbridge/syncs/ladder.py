"""What a run's end means for the schedule: try again sooner, tell somebody, and after long failure stop and say so.

Pure but for `apply`, which writes the rung down and tells of it in the audit log.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.bookkeeping.problem import Kind
from ledgerbridge.store import audit
from ledgerbridge.store.tables import SyncKind, SyncSchedule
from ledgerbridge.syncs.failing import PLEO_AUTH, PLEO_FORBIDDEN, Cause
from ledgerbridge.syncs.patience import Patience

NAMES = {
    SyncKind.TAGS: "tags",
    SyncKind.ACCOUNTS: "accounts",
    SyncKind.TAX_CODES: "tax codes",
    SyncKind.VENDORS: "vendors",
}
"""As people read them."""


@dataclass(frozen=True, slots=True)
class Rung:
    """Where a kind of one connection stands after a failed run."""

    failing_since: dt.datetime
    failures: int
    again_in: dt.timedelta
    warn: bool = False
    """Tell somebody now; once in a row of failures."""
    off: str | None = None
    """Stop, for this reason."""


def climb(row: SyncSchedule, kind: SyncKind, cause: Cause, now: dt.datetime, patience: Patience) -> Rung:
    """The next rung after one more failure; `row.last_started_at` is still that of the try before it."""
    lapsed = row.last_started_at is not None and now - row.last_started_at > patience.lapse
    since, failures = (now, 1) if lapsed else (row.failing_since or now, row.failures + 1)
    again = min(patience.first * 2 ** min(failures - 1, 20), patience.longest)
    needs_person = cause.kind in (Kind.AUTH, Kind.CONFIG, Kind.DATA)
    if needs_person or not cause.retry:
        again = patience.hopeless
    if cause.retry_after:
        again = max(again, dt.timedelta(seconds=cause.retry_after))
    lasts = now - since
    rung = Rung(
        since, failures, again, warn=(lapsed or row.warned_at is None) and (needs_person or lasts >= patience.warn)
    )
    if kind is SyncKind.VENDORS and cause.failure == PLEO_FORBIDDEN:
        return replace(rung, warn=False, off=f"Pleo does not open its Vendors API to this company. {_ON_AGAIN}")
    if lasts >= patience.off:
        days = max(lasts.days, 1)
        return replace(rung, warn=False, off=f"It failed for {days} days: {cause.text} {_ON_AGAIN}")
    return rung


_ON_AGAIN = "It is switched off; it is tried again when somebody asks for this synchronisation."


def succeeded(row: SyncSchedule, now: dt.datetime, note: str | None) -> None:
    """Note a run that read everything and did what it could, in the caller's transaction."""
    row.last_success_at, row.note = now, note
    row.failing_since, row.failures, row.warned_at = None, 0, None


def apply(session: AsyncSession, row: SyncSchedule, cause: Cause, now: dt.datetime, patience: Patience) -> Rung:
    """Note a failed run in the caller's transaction, and tell of what it leads to."""
    kind = SyncKind(row.kind)
    rung = climb(row, kind, cause, now, patience)
    row.failing_since, row.failures, row.note = rung.failing_since, rung.failures, cause.text
    if row.next_due_at is not None:
        row.next_due_at = min(row.next_due_at, now + rung.again_in)
    if rung.off is not None:
        row.switched_off_at, row.switched_off_reason = now, rung.off
        audit.record(session, "system", "sync_switched_off", row.connection_id, kind=kind.value, reason=rung.off)
    elif rung.warn and cause.failure != PLEO_AUTH:
        row.warned_at = now
        audit.record(
            session, "system", "sync_failing", row.connection_id, kind=kind.value, failure=cause.failure,
            reason=cause.text, failures=rung.failures, since=rung.failing_since.isoformat(),
        )  # fmt: skip
    return rung
