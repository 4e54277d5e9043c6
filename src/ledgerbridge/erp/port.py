"""The port every accounting system is driven through.

An adapter is one folder beside this file. It declares what its ERP can do (`Capabilities`) and implements `Erp`; the
conformance suite (`erp/conformance.py`) then tests it against the real thing. Adapters translate every failure into an
`ErpError` carrying one row of the failure table; no ERP library error and no HTTP error leaves an adapter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ledgerbridge.bookkeeping.problem import Problem
from ledgerbridge.bookkeeping.words import Chart, JournalEntry, PostingKey


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an ERP can do. The caller decides by these, never by the adapter's name."""

    vendor_bills: bool
    """Books supplier invoices and payments (method `accounts_payable`)."""
    drafts: bool
    """Knows entries that are not final yet."""
    attachments: bool
    several_attachments: bool
    """Takes more than one file an entry; otherwise the caller merges first (EXP-ATT-06)."""
    computes_tax_on_journal_entries: bool
    can_probe: bool
    """Can look an entry up by its key after a lost reply. Without it an unknown outcome waits for a person."""
    can_reverse: bool
    parallel_writers: int
    """How many entries of one company may be written at once."""
    max_attachment_bytes: int | None = None
    """Largest file known to be accepted; None when the ERP decides per request."""


@dataclass(frozen=True, slots=True)
class ErpCompany:
    """The ERP company behind a binding; name and registration number are pinned at binding time."""

    id: str
    name: str
    registration_number: str | None
    currency: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A receipt ready to be uploaded."""

    name: str
    """Reconciliation id and position with the extension of the type (EXP-ATT-16); the same on every try."""
    type: str
    """MIME type."""
    content: bytes


@dataclass(frozen=True, slots=True)
class Booked:
    """An entry that stands in the ERP."""

    id: str
    """The ERP's id, reported to Pleo as `externalId` when there is no number."""
    number: str | None
    """The number people know the entry by; None for a draft."""
    final: bool
    url: str | None
    """Direct link for a person."""
    booked_at: datetime
    """When the ERP made it (aware, UTC)."""
    already_there: bool = False
    """True when this call found it instead of making it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a probe by key saw in the ERP."""

    key: PostingKey
    booked: Booked
    total: str
    """Sum of debits in the company's currency, two decimals, for comparison with what was wanted."""
    complete: bool
    """True for a final entry. False for a draft whose files an ERP cannot vouch for: call `book` again, which changes
    nothing on a draft that is whole already."""


class ErpError(Exception):
    """A failure of an ERP call, already classified."""

    def __init__(self, problem: Problem, *, outcome_unknown: bool = False) -> None:
        super().__init__(problem.internal or problem.text)
        self.problem = problem
        self.outcome_unknown = outcome_unknown
        """True when the ERP may have carried out a write whose reply was lost: probe before anything else."""


Observe = Callable[[str, str, float], None]
"""Told of every call to an ERP: operation (`account.move post`), outcome (an HTTP status or a word), seconds."""


class Erp(Protocol):
    """One ERP company, opened for work. Every method raises `ErpError` and nothing else on a foreseeable failure."""

    capabilities: Capabilities

    async def company(self) -> ErpCompany:
        """Read the company (one cheap call); raises when unreachable, refused, or not visible."""
        ...

    async def preflight(self, *, final: bool = False) -> None:
        """Check before a job that entries could be made: access, rights, company not locked (EXP-VALID-02 to -05).

        With `final` also that the user may make entries final.
        """
        ...

    async def chart(self) -> Chart:
        """Read accounts, journals, taxes, dimensions and periods of the company, completely."""
        ...

    async def find(self, accounting_entry_id: str, company_id: str) -> Sequence[Found]:
        """All live entries that carry this Pleo accounting entry, any revision, reversed ones left out."""
        ...

    async def book(self, entry: JournalEntry, attachments: Sequence[Attachment], *, final: bool) -> Booked:
        """Make the entry with its files, draft or final, exactly once.

        Safe to call again after any failure: it looks for the key first and continues what an earlier call left.
        Nothing stays behind when it raises without `outcome_unknown`, apart from a draft a later call picks up.
        An entry that stands there under the key with another total is left alone: BOOKED_ELSEWHERE.
        """
        ...

    def url(self, erp_id: str) -> str | None:
        """Direct link to an entry for a person."""
        ...


class Adapter(Protocol):
    """A kind of ERP: checks its settings and opens one company."""

    kind: str
    """As in `{"kind": ..., "settings": ...}`."""

    def check_settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Validate and normalise what a person entered; raises `SettingsError` naming field and fault."""
        ...

    def secret_fields(self) -> frozenset[str]:
        """Names of the settings that are never shown again."""
        ...

    def open(self, settings: dict[str, Any], observe: Observe | None = None) -> AbstractAsyncContextManager[Erp]:
        """Open a company without calling it yet; connections are closed when the context ends."""
        ...


class SettingsError(ValueError):
    """Settings a person can correct: `errors` maps a field name to a sentence."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = errors
