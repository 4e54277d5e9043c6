"""When a call is tried again, and how long we wait before it (LIMIT-002, LIMIT-031)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from tenacity import RetryCallState, wait_random_exponential

from ledgerbridge.pleo.errors import RateLimited, Unavailable, Unreached

Sleep = Callable[[float], Awaitable[None]]

MAX_TRIES = 6
LONGEST_WAIT = 120.0
"""Seconds of `Retry-After` we sit out inside one call. A longer one goes to the caller, who can let go of the job."""

LONGEST_REST = 3600.0
"""Seconds of `Retry-After` anybody believes: a mistaken one would silence a company for years. Then we ask again."""

_backoff = wait_random_exponential(multiplier=2, min=1, max=60)


def may_repeat(repeatable: bool, error: BaseException) -> bool:
    """Whether the same request may be sent once more.

    One that is not repeatable goes out again only when it certainly had no effect: no connection, or 429.
    """
    if isinstance(error, RateLimited | Unreached):
        return (error.retry_after or 0) <= LONGEST_WAIT
    if isinstance(error, Unavailable):
        return repeatable and (error.retry_after or 0) <= LONGEST_WAIT
    return False


def pause(state: RetryCallState) -> float:
    """Seconds to wait: what Pleo asked for, else exponential back-off with full jitter between 1 and 60."""
    asked = getattr(state.outcome.exception() if state.outcome else None, "retry_after", None)
    return max(float(asked), 1.0) if asked is not None else float(_backoff(state))


def rest(error: RateLimited, attempt: int) -> float:
    """Seconds that nobody calls with a credential after a 429: what Pleo asked for, else more with each attempt."""
    return error.retry_after if error.retry_after is not None else min(2.0 ** (attempt - 1), 60.0)


def retry_after(headers: httpx.Headers, now: datetime) -> float | None:
    """Seconds from now that the answer asks us to wait, given as seconds or as an HTTP date; None when it does not.

    At most `LONGEST_REST`.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_REST)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), LONGEST_REST)
