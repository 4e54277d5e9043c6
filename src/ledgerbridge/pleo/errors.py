"""What can go wrong at Pleo, as types. Callers branch on the type and on `kind`, never on Pleo's message (LIMIT-011).

No error holds a request, a header or a URL, so none can carry a credential into a log or a page.
"""

from __future__ import annotations


class PleoError(Exception):
    """A call to Pleo that did not do what was asked."""

    def __init__(
        self,
        operation: str,
        *,
        status: int | None = None,
        kind: str | None = None,
        message: str | None = None,
        detail: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.operation = operation
        """The contract's operation id."""
        self.status = status
        """HTTP status, None when no answer arrived."""
        self.kind = kind.lower() if kind else None
        """Pleo's error `type` in lower case; its case differs from API to API (LIMIT-012)."""
        self.message = message
        """Pleo's own text, shortened. For people to read, never to branch on."""
        self.detail = detail
        """Our own words on what happened."""
        self.retry_after = retry_after
        """Seconds Pleo asked us to wait, where it did."""
        super().__init__(operation)

    def is_type(self, kind: str) -> bool:
        """Whether Pleo named this error type, in whatever case (LIMIT-012)."""
        return self.kind == kind.lower()

    def __str__(self) -> str:
        parts = [self.operation, str(self.status) if self.status else "no answer", self.kind, self.detail, self.message]
        return ": ".join(part for part in parts if part)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


class BadRequest(PleoError):
    """400 or another 4xx without a class of its own: the request must be corrected."""


class Unauthorised(PleoError):
    """401, and a renewed credential did not help or could not be had (AUTH-054)."""


class Forbidden(PleoError):
    """403: a scope or entitlement is missing. No retry, no refresh (AUTH-092)."""


class NotFound(PleoError):
    """404: unknown, or not visible with this credential."""


class Conflict(PleoError):
    """409."""


class TooManyItems(PleoError):
    """413: more than 100 items in one update (LIMIT-004)."""


class Unprocessable(PleoError):
    """422: not possible in the present state of the job."""


class RateLimited(PleoError):
    """429 after all tries, or with a `Retry-After` longer than we wait inside one call."""


class Unavailable(PleoError):
    """5xx, 408 or a transport fault after all tries."""


class Unreached(Unavailable):
    """No connection came about, so the request certainly had no effect."""


class OutcomeUnknown(PleoError):
    """A POST may or may not have taken effect: read the state again before anything else (LIMIT-030)."""


class UnreadableAnswer(PleoError):
    """An answer arrived that is not the contract's: not JSON, the wrong shape, cut off, too large or a redirect."""


_BY_STATUS: dict[int, type[PleoError]] = {
    401: Unauthorised,
    403: Forbidden,
    404: NotFound,
    408: Unavailable,
    409: Conflict,
    413: TooManyItems,
    422: Unprocessable,
    429: RateLimited,
}


def error_class(status: int) -> type[PleoError]:
    """The class of a status that is not a success (LIMIT-010)."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return Unavailable
    return BadRequest if status >= 400 else UnreadableAnswer
