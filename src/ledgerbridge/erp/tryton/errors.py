"""What can come of a call to Tryton, and which row of the failure table each outcome is.

Tryton answers business errors with 400 and a translated sentence without a code, everything else with an HTML page.
So the outcome is read off the status and the kind of body alone; which business error it was is found out by reading
the records again (`explain`), never by matching text.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.erp.port import ErpError
from ledgerbridge.erp.tryton import wire
from ledgerbridge.outgoing.texts import holdable


class Outcome(StrEnum):
    """What came of a call that did not succeed; also the label under which calls are counted."""

    ADDRESS_REFUSED = "address_refused"
    """Not called: the address leads to where we must not go."""
    NOT_SENT = "not_sent"
    NO_REPLY = "no_reply"
    TIMED_OUT = "timed_out"
    STRANGE = "strange"
    """An answer that no Tryton gives: a redirect, a page with status 200, more than we are willing to read."""
    REFUSED = "refused"
    BAD_KEY = "bad_key"
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
        Outcome.NO_REPLY: Row(Failure.ERP_UNREACHABLE, again=True, perhaps_done=True),
        Outcome.TIMED_OUT: Row(Failure.ERP_TIMEOUT, again=True, perhaps_done=True),
        Outcome.STRANGE: Row(Failure.ERP_UNREACHABLE, perhaps_done=True),
        Outcome.REFUSED: Row(Failure.ERP_REFUSED),
        Outcome.BAD_KEY: Row(Failure.ERP_AUTHENTICATION),
        Outcome.FORBIDDEN: Row(Failure.ERP_FORBIDDEN),
        # A database or a base URL that is not there; a record that is not there is understood where it was asked for.
        Outcome.NOT_FOUND: Row(Failure.ERP_UNREACHABLE),
        Outcome.TOO_LARGE: Row(Failure.ERP_REFUSED),
        Outcome.TOO_MANY: Row(Failure.ERP_RATE_LIMIT, again=True),
        Outcome.FAULT: Row(Failure.ERP_FAULT),
        # Tryton rolled back, above all for the lock on the numbering; or a proxy has nobody to ask.
        Outcome.BUSY: Row(Failure.ERP_BUSY, again=True),
        Outcome.GATEWAY: Row(Failure.ERP_UNREACHABLE, again=True, perhaps_done=True),
        Outcome.GATEWAY_TIMED_OUT: Row(Failure.ERP_TIMEOUT, again=True, perhaps_done=True),
    }
)

_BY_STATUS = MappingProxyType(
    {
        401: Outcome.BAD_KEY,
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
        self, outcome: Outcome, operation: str, *, said: str = "", status: int | None = None, after: float | None = None
    ) -> None:
        super().__init__(f"{operation}: {outcome}")
        self.outcome = outcome
        self.operation = operation
        self.said = said
        """Tryton's own sentence for REFUSED; else what a page or the transport said."""
        self.status = status
        self.after = after
        """Seconds the server asked us to wait."""

    @property
    def again(self) -> bool:
        return TABLE[self.outcome].again

    @property
    def perhaps_done(self) -> bool:
        return TABLE[self.outcome].perhaps_done

    @property
    def no_answer(self) -> bool:
        """Whether nothing that is Tryton's came back: it is down, unreachable or stuck."""
        return self.again and TABLE[self.outcome].failure in (Failure.ERP_UNREACHABLE, Failure.ERP_TIMEOUT)

    @property
    def internal(self) -> str:
        status = f" {self.status}" if self.status else ""
        return f"Tryton: {self.operation}:{status} {self.outcome}: {self.said}"[:600]

    def problem(self, action: str = "do what this needs") -> Problem:
        """The row of the failure table; `action` completes "the integration user may not ..."."""
        message = sentence(self.said) if self.outcome is Outcome.REFUSED else "it is too large."
        return problem(TABLE[self.outcome].failure, self.internal, action=action, message=message, address=self.said)

    def reading(self, action: str) -> ErpError:
        """The error of a failed read. We only ask for what there is, so a refusal is a missing right."""
        if self.outcome is Outcome.REFUSED:
            return ErpError(problem(Failure.ERP_FORBIDDEN, self.internal, action=action))
        return ErpError(self.problem(action))


def of_response(operation: str, status: int, content_type: str, body: bytes, after: float | None) -> CallFailed | None:
    """The failure an answer stands for, or None when it is a good one."""
    said = page_text(body)
    if status in (200, 204):
        if status == 204 or "json" in content_type:
            return None
        return CallFailed(Outcome.STRANGE, operation, status=status, said=said)
    if status == 400:
        if (message := _message(content_type, body)) is not None:
            return CallFailed(Outcome.REFUSED, operation, status=status, said=message)
        return CallFailed(Outcome.FAULT, operation, status=status, said=said)
    if 200 < status < 400:
        return CallFailed(Outcome.STRANGE, operation, status=status, said=said)
    return CallFailed(_BY_STATUS.get(status, Outcome.FAULT), operation, status=status, said=said, after=after)


def page_text(body: bytes) -> str:
    """What the paragraph of an HTML error page says, for operators only; otherwise the beginning of the body."""
    text = holdable(body[:20_000].decode("utf-8", "replace"))
    found = re.search(r"<p>(.*?)</p>", text, re.DOTALL | re.IGNORECASE)
    plain = html.unescape(re.sub(r"<[^>]*>", " ", found.group(1) if found else text[:300]))
    return " ".join(plain.split())[:300]


def sentence(said: str) -> str:
    """Tryton's words on one line, closed with a full stop."""
    text = " ".join(said.split())[:600]
    return text if text.endswith((".", "!", "?")) else f"{text or 'no reason given'}."


def _message(content_type: str, body: bytes) -> str | None:
    if "json" not in content_type:
        return None
    try:
        answer = wire.loads(body)
    except ValueError:
        return None
    if not isinstance(answer, dict) or not isinstance(answer.get("message"), str):
        return None
    description = answer.get("description")
    return " ".join(part for part in (answer["message"], description) if isinstance(part, str) and part)
