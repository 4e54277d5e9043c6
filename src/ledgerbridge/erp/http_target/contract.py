"""The operations of the HTTP target in one table: what each is sent, what it answers, and what it may refuse.

`tools.http_target` makes the document for partners of it, and the tests hold every call against it.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from ledgerbridge.erp.http_target import wire, wire_master

ALWAYS = ("unauthorised", "not_authorised", "busy", "too_many_requests", "validation", "not_supported")
"""Codes that any operation may answer."""
_COMPANY = ("unknown_company",)
_DOCUMENT = (
    *("unknown_account", "account_needs_vendor", "unknown_journal", "journal_takes_no_bills", "unknown_tax"),
    *("unknown_dimension_value", "dimension_missing", "currency_mismatch", "closed_period", "refused", "locked"),
    *("duplicate_key_other_content", "unknown_vendor", "blocked_vendor", "similar_bill", "bills_not_set_up"),
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One address below `/v1/`, called with POST."""

    name: str
    asked: type[BaseModel]
    answer: type[BaseModel]
    summary: str
    about: str
    """What a partner must do and may rely on."""
    writes: bool = False
    codes: tuple[str, ...] = _COMPANY
    """Besides `ALWAYS`; those of documents stand inside the results."""
    capability: str | None = None
    """Only called where this is claimed."""


_LIST = "All of them, inactive ones included, in an order that does not change."


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "capabilities", wire.Request, wire_master.CapabilitiesAnswer, "What this accounting system can do",
        "Asked whenever a company is opened; the answer counts until it is closed, for one job for instance.",
        codes=(),
    ),
    Operation(
        "companies", wire.Request, wire_master.CompaniesAnswer, "The companies that this secret may book in",
        "A person chooses one. Name and registration number are pinned then: booking stops when they change.",
        codes=(),
    ),
    Operation(
        "preflight", wire.PreflightRequest, wire.Empty, "Whether entries could be made now",
        "Asked before a job: access, rights and locks, with `final` also whether entries may be made final, with "
        "`bills` whether vendor bills could be booked. Changes nothing.",
        codes=(*_COMPANY, "locked", "bills_not_set_up"),
    ),
    Operation("accounts", wire_master.ListRequest, wire_master.AccountPage, "Accounts that lines can stand on", _LIST),
    Operation(
        "tax_codes", wire_master.ListRequest, wire_master.TaxCodePage, "Purchase taxes", _LIST, capability="tax_codes"
    ),
    Operation(
        "dimensions", wire_master.ListRequest, wire_master.DimensionPage, "Dimensions", _LIST, capability="dimensions"
    ),
    Operation(
        "dimension_values", wire_master.ValuesRequest, wire_master.ValuePage, "Values of one dimension",
        f"{_LIST} Flat, however deep they are kept.", capability="dimensions",
    ),
    Operation("journals", wire_master.ListRequest, wire_master.JournalPage, "Journals that can be booked in", "All."),
    Operation(
        "periods", wire_master.ListRequest, wire_master.PeriodPage, "Accounting periods",
        "They do not overlap. A day in none of them counts as closed.",
    ),
    Operation(
        "vendors", wire_master.ListRequest, wire_master.VendorPage, "Vendors", _LIST, capability="vendors"
    ),
    Operation(
        "find_vendors", wire_master.FindVendorsRequest, wire_master.VendorsAnswer, "Vendors with any of these keys",
        "Each once, inactive ones included, straight from the books and not from a cache.", capability="vendors",
    ),
    Operation(
        "create_vendor", wire_master.CreateVendorRequest, wire_master.VendorAnswer, "Create a vendor once",
        "A vendor that carries the `pleo_id` already is answered as it is, and nothing is created.",
        writes=True, codes=(*_COMPANY, "vendor_refused", "vendor_tax_number"), capability="vendors",
    ),
    Operation(
        "find", wire.FindRequest, wire.FindAnswer, "The probe: what stands under these accounting entries",
        "Straight from the books, and never behind a `book` that was answered. Money depends on it: after a lost reply "
        "it alone decides whether something was booked.",
        capability="can_probe",
    ),
    Operation(
        "fits", wire.BookRequest, wire.FitsAnswer, "What booking would be refused for",
        "The same checks and codes as `book`, and nothing is written. Files are left out.",
        codes=_COMPANY + _DOCUMENT,
    ),
    Operation(
        "book", wire.BookRequest, wire.BookAnswer, "Book documents, each exactly once",
        "In one transaction for each document: look for its key; book it with its files, or answer what stands. A "
        "document that stands under the key with the same kind and total is answered with `already_there`; a draft is "
        "made anew from what is sent unless somebody worked on it, and made final where `final` asks for it. One with "
        "another total, kind or revision is `duplicate_key_other_content`. What one document is refused for costs the "
        "others nothing, and nothing stays behind of it. A bill is booked with its payment and matched with it, or not "
        "at all. Never answer a refusal from a store of answers: what was refused may be right a minute later.",
        writes=True,
        codes=(*_COMPANY, *_DOCUMENT, "attachment_missing", "attachment_type", "attachment_too_large",
               "attachment_refused"),
    ),
    Operation(
        "entries", wire.EntriesRequest, wire.EntriesAnswer, "What stands in a period with a key of Pleo's",
        "Everything in force with a posting date in the period, copies made by hand included if they carry the key. "
        "Not what was taken back, nor what took it back. It is compared with the ledger of the integration.",
        capability="lists_entries",
    ),
    Operation(
        "reverse", wire.ReverseRequest, wire.ReverseAnswer, "Take back a document once",
        "What is final gets one counter-entry that names it, with `reason` and the accounting entry in its text; an "
        "untouched draft is deleted; a payment booked with a bill goes with it. What was taken back already is "
        "answered with its counter-entry. A document that is not that of the key is left alone.",
        writes=True, codes=(*_COMPANY, "closed_period", "matched", "not_reversible", "locked"),
        capability="can_reverse",
    ),
    Operation(
        "settle", wire.DocumentsRequest, wire.DoneAnswer, "Match bills with payments",
        "Matches the payable lines of these documents of one vendor with each other. `done` also when they are matched "
        "already, false when they do not balance or one is a draft. May be sent again.",
        writes=True, capability="vendor_bills",
    ),
    Operation(
        "reopen", wire.DocumentsRequest, wire.DoneAnswer, "Take matches apart",
        "Takes every match apart that these documents stand in. `done` also when there was none. May be sent again.",
        writes=True, capability="vendor_bills",
    ),
)  # fmt: skip

UPLOAD_CODES = ("unauthorised", "attachment_too_large", "attachment_type", "attachment_refused", "validation", "busy")
"""What `PUT /v1/attachments/{sha256}` may be refused with."""
