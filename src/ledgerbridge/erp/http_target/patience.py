"""How long to keep trying while a partner is busy or out of reach: exponential waits with jitter, bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from ledgerbridge.erp.http_target.errors import CallFailed


@dataclass(frozen=True, slots=True)
class Patience:
    """All times in seconds."""

    tries: int = 6
    first: float = 0.4
    """Upper bound of the first wait; it doubles from there."""
    longest: float = 10.0
    """Also of what a partner may ask us to wait."""
    at_most: float = 120.0
    """No further try once this much time has gone."""
    reply: float = 60.0
    """How long a partner may be silent within a call."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def retrying(self, again: Callable[[CallFailed], bool] = lambda failure: failure.again) -> AsyncRetrying:
        """Repeats a step that raises a `CallFailed` which may pass; raises the last one."""
        jitter = wait_random_exponential(multiplier=self.first, max=self.longest)

        def wait(state: RetryCallState) -> float:
            failure = state.outcome.exception() if state.outcome else None
            asked = failure.after if isinstance(failure, CallFailed) else None
            return max(jitter(state), min(asked or 0.0, self.longest))

        return AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, CallFailed) and again(error)),
            wait=wait,
            stop=stop_after_attempt(self.tries) | stop_after_delay(self.at_most),
            sleep=self.sleep,
            reraise=True,
        )
