"""What can come of a call to a partner, and which row of the failure table each outcome is.

The outcome is read off the status and the `code` of a problem, never off its words. What a partner writes is shown to
people on one line, without secrets and cut short.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from ledgerbridge.bookkeeping import problem as problems
from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.erp.http_target import wire
from ledgerbridge.erp.port import ErpError
from ledgerbridge.outgoing.texts import holdable
from ledgerbridge.redaction import redact_text

LONGEST_DETAIL = 300


class Outcome(StrEnum):
    """What came of a call that did not succeed; also the label under which calls are counted."""

    ADDRESS_REFUSED = "address_refused"
    """Not called: the address leads to where we must not go."""
    NOT_SENT = "not_sent"
    NOT_KEPT = "not_kept"
    """Not sent: a receipt could not be read from our own disk."""
    NO_REPLY = "no_reply"
    TIMED_OUT = "timed_out"
    STRANGE = "strange"
    """Nothing of a partner's: a redirect, a page, more than we are willing to read."""
    UNFIT = "unfit"
    """An answer that is not as the document asks; what is wrong with it is told by operation and field."""
    PROBLEM = "problem"
    """A refusal with a code."""
    REFUSED = "refused"
    """A refusal of the request as such, without a code that we know."""
    BAD_SECRET = "bad_secret"  # noqa: S105
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    FAULT = "fault"
    BUSY = "busy"
    GATEWAY = "gateway"
    GATEWAY_TIMED_OUT = "gateway_timed_out"


@dataclass(frozen=True, slots=True)
class Row:
    failure: Failure
    again: bool = False
    """Whether the call may succeed a moment later."""
    perhaps_done: bool = False
    """Whether a write may have been carried out all the same."""


TABLE = MappingProxyType(
    {
        Outcome.ADDRESS_REFUSED: Row(Failure.ERP_ADDRESS_REFUSED),
        Outcome.NOT_SENT: Row(Failure.ERP_UNREACHABLE, again=True),
        Outcome.NOT_KEPT: Row(Failure.RECEIPT_NOT_KEPT),
        Outcome.NO_REPLY: Row(Failure.ERP_UNREACHABLE, again=True, perhaps_done=True),
        Outcome.TIMED_OUT: Row(Failure.ERP_TIMEOUT, again=True, perhaps_done=True),
        Outcome.STRANGE: Row(Failure.ERP_UNREACHABLE, perhaps_done=True),
        Outcome.UNFIT: Row(Failure.ERP_FAULT, perhaps_done=True),
        Outcome.PROBLEM: Row(Failure.ERP_REFUSED),
        Outcome.REFUSED: Row(Failure.ERP_FAULT),
        Outcome.BAD_SECRET: Row(Failure.ERP_AUTHENTICATION),
        Outcome.FORBIDDEN: Row(Failure.ERP_FORBIDDEN),
        Outcome.NOT_FOUND: Row(Failure.ERP_UNREACHABLE),
        Outcome.TOO_LARGE: Row(Failure.ERP_FAULT),
        Outcome.TOO_MANY: Row(Failure.ERP_RATE_LIMIT, again=True),
        Outcome.FAULT: Row(Failure.ERP_FAULT, perhaps_done=True),
        Outcome.BUSY: Row(Failure.ERP_BUSY, again=True),
        Outcome.GATEWAY: Row(Failure.ERP_UNREACHABLE, again=True, perhaps_done=True),
        Outcome.GATEWAY_TIMED_OUT: Row(Failure.ERP_TIMEOUT, again=True, perhaps_done=True),
    }
)

BY_STATUS = MappingProxyType(
    {
        401: Outcome.BAD_SECRET,
        403: Outcome.FORBIDDEN,
        404: Outcome.NOT_FOUND,
        408: Outcome.TIMED_OUT,
        413: Outcome.TOO_LARGE,
        429: Outcome.TOO_MANY,
        502: Outcome.GATEWAY,
        503: Outcome.BUSY,
        504: Outcome.GATEWAY_TIMED_OUT,
    }
)


class CallFailed(Exception):
    """A call that did not succeed. Stays inside the adapter, where it becomes an `ErpError`."""

    def __init__(
        self,
        outcome: Outcome,
        operation: str,
        *,
        said: str = "",
        status: int | None = None,
        after: float | None = None,
        told: wire.Problem | None = None,
    ) -> None:
        super().__init__(f"{operation}: {outcome}")
        self.outcome = outcome
        self.operation = operation
        self.said = said
        """What the partner, a page or the transport said, cut short."""
        self.status = status
        self.after = after
        """Seconds the partner asked us to wait."""
        self.told = told
        """The refusal, where there was one with a code."""

    @property
    def again(self) -> bool:
        return TABLE[self.outcome].again

    @property
    def perhaps_done(self) -> bool:
        return TABLE[self.outcome].perhaps_done

    @property
    def internal(self) -> str:
        status = f" {self.status}" if self.status else ""
        return f"HTTP target: {self.operation}:{status} {self.outcome}: {self.said}"[:600]

    def problem(self, action: str = "do what this needs") -> problems.Problem:
        """The row of the failure table; `action` completes "the integration user may not ..."."""
        told = self.told
        if told is not None and told.action:
            action = phrase(told.action)
        return problems.problem(TABLE[self.outcome].failure, self.internal, action=action, address=self.said, name="")

    def error(self, action: str = "do what this needs") -> ErpError:
        """The same as an error of the port, for a call that changes nothing."""
        return ErpError(self.problem(action))


def phrase(said: str, most: int = LONGEST_DETAIL) -> str:
    """A partner's words for people: one line, nothing secret, cut short."""
    text = redact_text(" ".join(holdable(said).split()))
    text = "".join(letter for letter in text if letter.isprintable())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def sentence(said: str) -> str:
    """The same, closed with a full stop."""
    text = phrase(said)
    return text if text.endswith((".", "!", "?", "…")) else f"{text or 'no reason given'}."
