"""A partner's refusals as rows of the failure table: one line a code, which is all that decides.

The list of codes is closed. An entry that is refused with another code is refused all the same, in the partner's words.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType

from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import EntryLine, JournalEntry
from ledgerbridge.erp.http_target import wire
from ledgerbridge.erp.http_target.errors import CallFailed, Outcome, phrase, sentence
from ledgerbridge.erp.port import Attachment


@dataclass(frozen=True, slots=True)
class About:
    """What a refusal is about, as far as we know ourselves; a partner's facts only choose among this."""

    document: Document | None = None
    files: Mapping[str, Attachment] = field(default_factory=dict)
    """By hash."""
    vendor: str = "?"
    number: str = ""
    """Tax number of a vendor that is to be created."""
    company: str = "?"

    @property
    def lines(self) -> tuple[EntryLine, ...]:
        if self.document is None:
            return ()
        if isinstance(self.document, Bill):
            paid = self.document.payment.lines if self.document.payment else ()
            return (*self.document.entry.lines, *paid)
        return self.document.lines

    @property
    def entry(self) -> JournalEntry | None:
        return self.document.entry if isinstance(self.document, Bill) else self.document


Facts = Callable[[wire.Problem, About], dict[str, object]]


@dataclass(frozen=True, slots=True)
class Code:
    failure: Failure
    facts: Facts
    meaning: str
    """For a partner's developer."""
    members: tuple[str, ...] = ()
    """Those of a problem that it needs besides `code` and `detail`."""
    status: int = 422
    """When it refuses a whole request; inside a result there is none."""


def _message(told: wire.Problem, about: About) -> dict[str, object]:
    return {"message": sentence(told.detail)}


def _account(told: wire.Problem, about: About) -> dict[str, object]:
    code = phrase(told.account or "?", 60)
    names = {line.account.code: line.account.name for line in about.lines}
    return {"code": code, "name": names.get(code, "?")}


def _value(told: wire.Problem, about: About) -> dict[str, object]:
    return {"code": phrase(told.value or "?", 60), "group": phrase(told.dimension or "?", 60)}


def _dimension(told: wire.Problem, about: About) -> dict[str, object]:
    return {"dimension": phrase(told.dimension or "dimension", 60), "account": phrase(told.account or "?", 60)}


def _date(told: wire.Problem, about: About) -> dict[str, object]:
    with suppress(ValueError):
        return {"date": dt.date.fromisoformat(told.date or "")}
    return {"date": about.entry.date if about.entry else "?"}


def _reference(told: wire.Problem, about: About) -> dict[str, object]:
    return {"reference": phrase(told.reference or "?", 100)}


def _similar(told: wire.Problem, about: About) -> dict[str, object]:
    bill = about.document if isinstance(about.document, Bill) else None
    vendor, number = (bill.vendor.name, bill.number or "?") if bill else ("?", "?")
    return _reference(told, about) | {"vendor": vendor, "number": number}


def _file(told: wire.Problem, about: About) -> dict[str, object]:
    found = about.files.get(told.attachment or "") or next(iter(about.files.values()), None)
    return {
        "name": found.name if found else "?",
        "size": f"{found.file.size / 1e6:.1f} MB" if found else "?",
        "limit": f"{told.limit / 1e6:.1f} MB" if isinstance(told.limit, int) else phrase(told.limit or "?", 40),
        "detail": phrase(told.detail).removesuffix(".") or "no reason given",
    }


def _vendor(told: wire.Problem, about: About) -> dict[str, object]:
    name = about.document.vendor.name if isinstance(about.document, Bill) else about.vendor
    return {"vendor": name, "erp": "blocked", "number": about.number, "message": sentence(told.detail)}


CODES: Mapping[str, Code] = MappingProxyType(
    {
        "unauthorised": Code(
            Failure.ERP_AUTHENTICATION, _message, "The signature is missing, wrong or too old.", status=401
        ),
        "not_authorised": Code(
            Failure.ERP_FORBIDDEN,
            lambda told, about: {"action": phrase(told.action or "do what this needs", 120)},
            'The signature is right, but this may not be done. `action` completes "the integration may not ...".',
            ("action",),
            403,
        ),
        "unknown_company": Code(
            Failure.ERP_COMPANY_UNKNOWN,
            lambda told, about: {"company": about.company},
            "There is no such company, or this secret may not book in it.",
            status=404,
        ),
        "locked": Code(
            Failure.ERP_LOCKED, lambda told, about: {"company": about.company}, "The company is locked or read-only."
        ),
        "busy": Code(
            Failure.ERP_BUSY,
            _message,
            "Nothing was done; the same request may succeed after `Retry-After`.",
            status=503,
        ),
        "too_many_requests": Code(Failure.ERP_RATE_LIMIT, _message, "As `busy`, for a limit of calls.", status=429),
        "validation": Code(
            Failure.ERP_FAULT,
            _message,
            "The request is not as this document has it; `pointer` tells where. A fault of one side's program.",
            ("pointer",),
            400,
        ),
        "not_supported": Code(
            Failure.ERP_FAULT, _message, "An operation that the capabilities do not claim.", status=422
        ),
        "refused": Code(Failure.ERP_REFUSED, _message, "Refused for a reason without a code; `detail` tells it."),
        "unknown_account": Code(
            Failure.ACCOUNT_UNKNOWN, _account, "An account does not exist or is closed.", ("account",)
        ),
        "account_needs_vendor": Code(
            Failure.ACCOUNT_NEEDS_PARTY, _account, "An account wants a vendor or customer on every line.", ("account",)
        ),
        "unknown_journal": Code(
            Failure.JOURNAL_UNKNOWN,
            lambda told, about: {"code": about.entry.journal.code if about.entry else "?"},
            "The journal does not exist.",
        ),
        "journal_takes_no_bills": Code(
            Failure.JOURNAL_TAKES_NO_BILLS,
            lambda told, about: {"code": about.entry.journal.code if about.entry else "?"},
            "The journal is not one for bills.",
        ),
        "unknown_tax": Code(
            Failure.TAX_CODE_UNKNOWN,
            lambda told, about: {"code": phrase(told.tax or "?", 60)},
            "A tax does not exist.",
            ("tax",),
        ),
        "unknown_dimension_value": Code(
            Failure.TAG_UNKNOWN, _value, "A dimension has no such value, or it is inactive.", ("dimension", "value")
        ),
        "dimension_missing": Code(
            Failure.DIMENSION_MISSING, _dimension, "An account wants a dimension.", ("dimension", "account")
        ),
        "currency_mismatch": Code(
            Failure.CURRENCY_MISMATCH,
            lambda told, about: {"currency": about.entry.currency if about.entry else "?", "books": "another currency"},
            "The company's books are kept in another currency.",
        ),
        "closed_period": Code(
            Failure.PERIOD_CLOSED, _date, "The period of a day is closed or not set up; `date` is the day.", ("date",)
        ),
        "duplicate_key_other_content": Code(
            Failure.BOOKED_ELSEWHERE,
            _reference,
            "A document in force carries the accounting entry with another total, kind or revision.",
            ("reference",),
        ),
        "unknown_vendor": Code(Failure.VENDOR_UNKNOWN, _vendor, "The vendor does not exist."),
        "blocked_vendor": Code(Failure.VENDOR_BLOCKED, _vendor, "The vendor is blocked or inactive."),
        "similar_bill": Code(
            Failure.BILL_SIMILAR, _similar, "The vendor's invoice number is booked already.", ("reference",)
        ),
        "bills_not_set_up": Code(
            Failure.BILLS_NOT_SET_UP,
            lambda told, about: {"missing": phrase(told.missing or told.detail or "something", 200)},
            "Vendor bills cannot be booked yet; `missing` says what is not set up.",
            ("missing",),
        ),
        "attachment_too_large": Code(
            Failure.RECEIPT_TOO_LARGE, _file, "A file is too large.", ("attachment", "limit"), 413
        ),
        "attachment_type": Code(Failure.RECEIPT_UPLOAD, _file, "A file is of a type not taken.", ("attachment",), 415),
        "attachment_refused": Code(
            Failure.RECEIPT_UPLOAD, _file, "A file cannot be read or is refused otherwise.", ("attachment",)
        ),
        "attachment_missing": Code(
            Failure.RECEIPT_UPLOAD, _file, "A file is named that was not uploaded, or not lately.", ("attachment",)
        ),
        "matched": Code(
            Failure.REVERSAL_MATCHED, _reference, "Not taken back: it is matched with other documents.", ("reference",)
        ),
        "not_reversible": Code(
            Failure.REVERSAL_REFUSED,
            lambda told, about: _reference(told, about) | _message(told, about),
            "Not taken back: not the document of this key, or a draft somebody worked on.",
            ("reference",),
        ),
        "vendor_refused": Code(Failure.VENDOR_REFUSED, _vendor, "The vendor is not created; `detail` says why."),
        "vendor_tax_number": Code(
            Failure.VENDOR_TAX_NUMBER_REFUSED, _vendor, "The vendor is not created because of its tax number."
        ),
    }
)
"""Every code a partner may answer, and the row it is."""

_REVERSAL = {
    Failure.PERIOD_CLOSED: Failure.REVERSAL_PERIOD_CLOSED,
    Failure.ERP_REFUSED: Failure.REVERSAL_REFUSED,
    Failure.BOOKED_ELSEWHERE: Failure.REVERSAL_REFUSED,
}


def failed(failure: CallFailed, about: About, action: str = "do what this needs") -> Problem:
    """The row of a call that did not succeed and has done nothing."""
    if failure.outcome is Outcome.PROBLEM and failure.told is not None:
        return told_as(failure.operation, failure.told, about)
    return failure.problem(action)


def strange(operation: str, said: str) -> CallFailed:
    """An answer that does not belong to what was asked."""
    return CallFailed(Outcome.UNFIT, operation, said=f"{operation} answered what the document does not allow: {said}")


def told_as(operation: str, told: wire.Problem, about: About) -> Problem:
    """The row of a refusal with the facts it needs."""
    code = CODES.get(told.code, CODES["refused"])
    return problem(code.failure, internal(operation, told), **code.facts(told, about))


def reversal(operation: str, told: wire.Problem, about: About, *, bill: bool, reference: str) -> Problem:
    """The same of a reversal, which has rows of its own for what also befalls a booking."""
    plain = told_as(operation, told, about)
    failure = _REVERSAL.get(plain.failure, plain.failure)
    if bill and failure is Failure.REVERSAL_PERIOD_CLOSED:
        failure = Failure.REVERSAL_OF_BILL_PERIOD_CLOSED
    facts: dict[str, object] = {"message": sentence(told.detail), **plain.facts, "reference": reference}
    return problem(failure, plain.internal, **facts)


def internal(operation: str, told: wire.Problem) -> str:
    """For operators and the partner's developer: what was really said."""
    known = "" if told.code in CODES else " (no code of the document)"
    pointer = f" at {phrase(told.pointer, 200)}" if told.pointer else ""
    return f"HTTP target: {operation}: {phrase(told.code, 60)}{known}{pointer}: {phrase(told.detail)}"
