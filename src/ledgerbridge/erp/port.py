"""The port every accounting system is driven through.

An adapter is one folder beside this file. It declares what its ERP can do (`Capabilities`) and implements `Erp`; the
conformance suite (`erp/conformance.py`) then tests it against the real thing. Adapters translate every failure into an
`ErpError` carrying one row of the failure table; no ERP library error and no HTTP error leaves an adapter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from ledgerbridge.bookkeeping.master_data import (
    ErpVendor,
    MasterAccount,
    MasterDimension,
    MasterTaxCode,
    MasterValue,
    NewVendor,
    VendorLookup,
)
from ledgerbridge.bookkeeping.payables import Document
from ledgerbridge.bookkeeping.problem import Problem
from ledgerbridge.bookkeeping.words import Chart, PostingKey
from ledgerbridge.outgoing.files import HeldFile


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an ERP can do. The caller decides by these, never by the adapter's name."""

    vendors: bool
    """Lists vendors and creates them."""
    vendor_bills: bool
    """Books supplier invoices and payments (method `accounts_payable`)."""
    drafts: bool
    """Knows entries that are not final yet."""
    attachments: bool
    several_attachments: bool
    """Takes more than one file an entry; otherwise the caller makes one of them first (EXP-ATT-06)."""
    computes_tax_on_journal_entries: bool
    can_probe: bool
    """Can look an entry up by its key after a lost reply. Without it an unknown outcome waits for a person."""
    can_reverse: bool
    """Takes back what it booked by a linked counter-entry (`reverse`). Only together with `can_probe`."""
    parallel_writers: int
    """How many entries of one company may be written at once."""
    max_attachment_bytes: int | None = None
    """Largest file known to be accepted, measured as it is handed over; None when the ERP decides per request."""
    batch: int = 1
    """How many documents `book_many` takes at once; 1 where it is never called."""
    lists_entries: bool = False
    """Can list all documents of a period that carry a key of ours, for the comparison with our ledger."""
    attachment_types: frozenset[str] | None = None
    """MIME types of files it takes, in lower case; None when it takes any. Images become PDFs where only those are
    taken, anything becomes a ZIP where `application/zip` is; what can be neither fails its item (EXP-ATT-12)."""
    dimensions: bool = True
    """Lines can carry dimensions; otherwise a configuration that names some is refused, and no tags are kept."""
    tax_codes: bool = True
    """Knows taxes of its own; otherwise none are kept in Pleo, and an empty list is no reason to archive any."""
    files: bool = False
    """Books into files: what was booked leaves with `hand_over`."""
    told: bool = True
    """False where the ERP itself must say what it can do and could not be asked: the rest is a guess on the safe side,
    and no reason to refuse, to leave out or to change anything."""


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
    file: HeldFile
    """Its bytes, read as often as needed, in pieces where the ERP takes them so; freed by whoever fetched them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A document to be booked, with its files."""

    document: Document
    attachments: Sequence[Attachment] = ()


class DocumentKind(StrEnum):
    """What an item stands in the ERP as."""

    JOURNAL_ENTRY = "journal_entry"
    BILL = "bill"
    """A vendor bill or credit note, with the payment from the same item if there is one."""


@dataclass(frozen=True, slots=True)
class DocumentRef:
    """Names one document of the ERP."""

    kind: DocumentKind
    id: str


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
    kind: DocumentKind = DocumentKind.JOURNAL_ENTRY

    @property
    def ref(self) -> DocumentRef:
        return DocumentRef(self.kind, self.id)


@dataclass(frozen=True, slots=True)
class Reversed:
    """A document that is no longer in force in the ERP."""

    id: str | None
    """The counter-entry, a journal entry; None where none is needed: a draft that was taken away, or is gone."""
    number: str | None
    """The number people know the counter-entry by."""
    url: str | None
    """Direct link to it for a person."""
    date: date | None
    """Its posting date; None without a counter-entry."""
    already_there: bool = False
    """True when this call found it so instead of doing it."""


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


@dataclass(frozen=True, slots=True)
class Keyed:
    """A document of the ERP that is in force and carries a key of ours, as a list of a period shows it."""

    key: PostingKey
    ref: DocumentRef
    number: str | None
    """The number people know it by; None for a draft."""
    final: bool
    total: str
    """As `Found.total`; of a payment the sum of its debits."""
    date: date
    """Its posting date; of a draft the one it would be posted with."""
    own_payment: bool = False
    """The payment that was booked with the bill of the same item and carries the key of that."""


class ErpError(Exception):
    """A failure of an ERP call, already classified."""

    def __init__(self, problem: Problem, *, outcome_unknown: bool = False) -> None:
        super().__init__(problem.internal or problem.text)
        self.problem = problem
        self.outcome_unknown = outcome_unknown
        """True when the ERP may have carried out a write whose reply was lost: probe before anything else."""


Observe = Callable[[str, str, float], None]
"""Told of every call to an ERP: operation (`account.move post`), outcome (an HTTP status or a word), seconds."""


class MasterData(Protocol):
    """What an ERP company is asked for its mirror in Pleo.

    Every list is whole or raises `ErpError`: a list that was cut short must never look like one from which records
    vanished (ACC-090, TAG-148, VEN-053).
    """

    async def accounts(self) -> Sequence[MasterAccount]:
        """All accounts that accept lines, inactive ones included."""
        ...

    async def tax_codes(self) -> Sequence[MasterTaxCode]:
        """All purchase taxes, inactive ones included."""
        ...

    async def dimensions(self) -> Sequence[MasterDimension]:
        """All dimensions in the ERP's order, inactive ones included; empty when the company keeps none."""
        ...

    async def dimension_values(self, dimension_id: str) -> Sequence[MasterValue]:
        """All values of one dimension, however deep, flat, inactive ones included (TAG-088)."""
        ...

    async def vendors(self) -> Sequence[ErpVendor]:
        """All vendors of the company's selection, inactive ones included (VEN-040, VEN-058)."""
        ...

    async def find_vendors(self, wanted: VendorLookup) -> Sequence[ErpVendor]:
        """Vendors with any of these keys, inactive ones included, each once; a direct read (VEN-052, VEN-063)."""
        ...

    async def create_vendor(self, vendor: NewVendor) -> ErpVendor:
        """Create a vendor exactly once: looks for its Pleo id first and returns the one found (VEN-065, VEN-066).

        Safe to call again after any failure; `outcome_unknown` as for `book`.
        """
        ...


class Payables(Protocol):
    """Matching of bills and payments (EXP-AP-04). Only where `capabilities.vendor_bills`."""

    async def settle(self, documents: Sequence[DocumentRef]) -> bool:
        """Match the payable lines of these bills, credit notes and payments of one vendor with each other.

        One bill alone is matched with the payment that was booked with it.

        Where the ERP does not let us match, payments are noted on their bills by what else it has, so that it shows
        none of these bills as due; `matching_limits` says so. True when that is reached, also when an earlier call did
        it, and for payments and their return that cancel out and serve no bill. False when it cannot be, because one is
        a draft, they do not balance, or the ERP has no way to note them; nothing has changed then.
        """
        ...

    async def reopen(self, documents: Sequence[DocumentRef]) -> bool:
        """Take apart every match and note these documents stand in, so that what was paid is owed again (returned
        payment).

        True also when there was none. False when the ERP does not allow it; nothing has changed then.
        """
        ...

    async def matching_limits(self) -> str | None:
        """What of matching the set-up of the ERP does not allow, as it completes "the integration user may not ...";
        None when all is well. Bills and payments are booked all the same; what is left open a person matches."""
        ...


class Erp(MasterData, Payables, Protocol):
    """One ERP company, opened for work. Every method raises `ErpError` and nothing else on a foreseeable failure."""

    capabilities: Capabilities

    async def company(self) -> ErpCompany:
        """Read the company (one cheap call); raises when unreachable, refused, or not visible."""
        ...

    async def preflight(self, *, final: bool = False, bills: bool = False) -> None:
        """Check before a job that entries could be made: access, rights, company not locked (EXP-VALID-02 to -05).

        With `final` also that the user may make entries final; with `bills` also that vendor bills could be booked.
        """
        ...

    async def chart(self) -> Chart:
        """Read accounts, journals, taxes, dimensions and periods of the company, completely."""
        ...

    async def find(self, accounting_entry_id: str, company_id: str) -> Sequence[Found]:
        """All live entries that carry this Pleo accounting entry, any revision, reversed ones left out."""
        ...

    async def entries(self, first: date, last: date, company_id: str) -> Sequence[Keyed]:
        """All documents in force with a key of ours and a posting date from `first` to `last`, copies made by hand
        included; whole or an error. Only where `capabilities.lists_entries`."""
        ...

    async def book(self, document: Document, attachments: Sequence[Attachment], *, final: bool) -> Booked:
        """Make the entry or bill with its files, draft or final, exactly once; a bill's own payment with it, matched.

        Safe to call again after any failure: it looks for the key first and continues what an earlier call left.
        Nothing stays behind when it raises without `outcome_unknown`, apart from a draft a later call picks up.
        An entry that stands there under the key with another total is left alone: BOOKED_ELSEWHERE.
        """
        ...

    async def book_many(self, wanted: Sequence[Wanted], *, final: bool) -> Sequence[Booked | ErpError]:
        """As `book` for each of at most `capabilities.batch` documents with different keys: one outcome each, in their
        order. What one is refused for costs the others nothing.

        Where replies are lost or do not come, each document of which something may stand carries `outcome_unknown`,
        and no other.
        Raises nothing foreseeable; whatever else it raises leaves every outcome unknown. Only where
        `capabilities.batch` is more than 1.
        """
        ...

    async def reverse(self, document: DocumentRef, key: PostingKey, *, reason: str, day: date | None) -> Reversed:
        """Take back the document with this key, and what was booked with it from the same item, exactly once.

        What is final gets a counter-entry that names it, with `reason` and the key in its text, on `day`, or on the
        document's own date without one; an untouched draft is deleted. A match with the payment from the same item is
        taken apart; any other match, and a document without just this key, is a refusal.
        Safe to call again after any failure: it looks for a counter-entry first. Without `outcome_unknown` an error
        means that the document stands as before. Only where `capabilities.can_reverse`.
        """
        ...

    async def fits(self, document: Document, *, final: bool) -> Problem | None:
        """What `book` would refuse this document for, in the same words, found by reading alone; None when nothing is
        known to speak against it.

        Access and rights are asked of `preflight`, the size of files of `capabilities`. Raises what may pass by itself.
        """
        ...

    async def hand_over(self, *, now: bool = False) -> None:
        """Close what was booked since the last time into a file, whose delivery is queued with it; nothing where there
        is nothing. Called at the end of every job and by a sweep; safe to call again. Only where `capabilities.files`.

        What waits by a setting, as for the end of the day, waits on; with `now` it does not: the company is left.
        """
        ...

    def url(self, document: DocumentRef) -> str | None:
        """Direct link to an entry or bill for a person."""
        ...
