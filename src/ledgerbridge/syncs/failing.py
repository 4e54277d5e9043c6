"""What ended a run as a whole, as a value: who must act, whether time helps, and a sentence for a person."""

from __future__ import annotations

from dataclasses import dataclass

from ledgerbridge.bookkeeping.problem import Failure, Kind, Problem
from ledgerbridge.connections.errors import ClientRejected, CredentialError, GrantEnded, Refused
from ledgerbridge.erp.port import ErpError
from ledgerbridge.pleo.errors import (
    Forbidden,
    OutcomeUnknown,
    PleoError,
    RateLimited,
    Unauthorised,
    Unavailable,
    UnreadableAnswer,
)
from ledgerbridge.store.leases import LeaseLost
from ledgerbridge.syncs.guard import EmptyRead


class Stopped(Exception):
    """A run that cannot go on for a reason told in `cause`."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.text)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a run ended early."""

    failure: str
    """A row of the failure table for what the ERP said, else one of the words below."""
    kind: Kind
    """Who or what must change: `auth` and `config` need a person, `transient` and `rate` time, `bug` us."""
    text: str
    """For a person."""
    retry: bool = False
    """Whether the same run may succeed soon without anybody doing anything."""
    retry_after: float | None = None
    """Seconds Pleo asked us to wait, where it did."""


BUSY = "busy"
"""Another worker has the company: come back later."""
LEASE_LOST = "lease_lost"
NOT_READY = "not_ready"
"""Not connected, no accounting system bound, or not configured."""
OVERTAKEN = "overtaken"
"""Paused, removed, or another accounting system bound while the run was under way."""
NOT_KEPT = "not_kept"
"""The ERP keeps no such records at all: there is nothing to synchronise. No failure, and the next run asks again."""
ERP_EMPTY = "erp_empty"
PLEO_AUTH = "pleo_auth"
"""401, or Pleo ended the grant: somebody must connect again (ACC-112, TAG-144)."""
PLEO_FORBIDDEN = "pleo_forbidden"
"""403: a scope or an entitlement is missing; no retry (ACC-113, TAG-145, VEN-004)."""
PLEO_RATE = "pleo_rate_limit"
PLEO_UNAVAILABLE = "pleo_unavailable"
PLEO_REFUSED = "pleo_refused"
"""Pleo refused a read, or answered something that is not its contract's."""
UNEXPECTED = "unexpected"

_AGAIN = "Press Connect in Pleo again and allow everything that is asked for."


_OF_AN_EXPORT = (
    ("Nothing was booked for this item. ", ""),
    ("Nothing was booked. ", ""),
    ("then export again.", "then synchronise again."),
    ("was busy with other entries for too long", "was busy for too long"),
)
"""What the failure table tells somebody who exports, and what it is for somebody who looks at a run."""


def of_problem(found: Problem) -> Cause:
    """A failure of the ERP, in the words of the failure table, less what they say about an export."""
    text = found.text
    for said, meant in _OF_AN_EXPORT:
        text = text.replace(said, meant)
    return Cause(found.failure.value, found.row.kind, text, retry=found.row.retry)


def not_ready(text: str) -> Cause:
    return Cause(NOT_READY, Kind.CONFIG, text)


def overtaken(text: str) -> Cause:
    """Somebody changed the connection under the run; the next run goes by what stands then."""
    return Cause(OVERTAKEN, Kind.TRANSIENT, text, retry=True)


def not_kept(text: str) -> Cause:
    return Cause(NOT_KEPT, Kind.CONFIG, text)


def cause_of(error: Exception) -> Cause:
    """Why a run ended that raised `error`; anything unforeseen is a bug of ours."""
    match error:
        case Stopped():
            return error.cause
        case ErpError():
            return of_problem(error.problem)
        case EmptyRead():
            return Cause(ERP_EMPTY, Kind.DATA, error.text)
        case LeaseLost():
            return Cause(LEASE_LOST, Kind.TRANSIENT, "The run was taken over by another worker.", retry=True)
        case Refused():
            return not_ready(error.text)
        case PleoError():
            return _of_pleo(error)
        case _:
            text = "The synchronisation stopped because of a fault of ours. It is recorded and will be looked at."
            return Cause(UNEXPECTED, Kind.BUG, text)


def _of_pleo(error: PleoError) -> Cause:
    match error:
        case GrantEnded():
            return Cause(PLEO_AUTH, Kind.AUTH, error.text)
        case ClientRejected():
            return Cause(PLEO_UNAVAILABLE, Kind.BUG, error.text, retry=True)
        case Unauthorised():
            return Cause(PLEO_AUTH, Kind.AUTH, f"Pleo does not accept our access any more. {_AGAIN}")
        case CredentialError():
            return Cause(PLEO_UNAVAILABLE, Kind.TRANSIENT, error.text, retry=True, retry_after=error.retry_after)
        case Forbidden():
            text = f"Pleo does not allow this integration to read or write these records of the company. {_AGAIN}"
            return Cause(PLEO_FORBIDDEN, Kind.AUTH, text)
        case RateLimited():
            text = "Pleo limits how much we may ask just now. We go on later."
            return Cause(PLEO_RATE, Kind.RATE, text, retry=True, retry_after=error.retry_after)
        case Unavailable() | OutcomeUnknown():
            text = "Pleo does not answer just now. We try again later."
            return Cause(PLEO_UNAVAILABLE, Kind.TRANSIENT, text, retry=True, retry_after=error.retry_after)
        case UnreadableAnswer():
            text = "Pleo answered in a way we do not understand. It is recorded and will be looked at."
            return Cause(PLEO_REFUSED, Kind.BUG, text)
        case _:
            text = "Pleo refused to show its records. It is recorded and will be looked at."
            return Cause(PLEO_REFUSED, Kind.BUG, text)


def concerns_all(error: Exception) -> bool:
    """Whether an error met while working on one record ends the run instead of failing that record."""
    if isinstance(error, PleoError):
        return isinstance(error, CredentialError | Unauthorised | Forbidden | RateLimited)
    if isinstance(error, ErpError):
        return error.problem.row.kind in (Kind.AUTH, Kind.RATE, Kind.TRANSIENT) or (
            error.problem.failure in (Failure.ERP_COMPANY_CHANGED, Failure.ERP_COMPANY_UNKNOWN)
        )
    return True
