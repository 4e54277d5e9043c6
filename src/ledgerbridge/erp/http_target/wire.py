"""What we send a partner and what it answers about documents: the keyed entries and bills of the books.

These models are the contract; `docs/http-target.openapi.yaml` is made from them (`tools.http_target`).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ledgerbridge.erp.http_target.forms import (
    Amount,
    Currency,
    Day,
    Flag,
    Id,
    Moment,
    Name,
    Positive,
    Sha256,
    Text,
    Wire,
    count,
)

MOST_AT_ONCE = 100
"""Documents in one request, whatever a partner declares."""


class Request(Wire):
    """What every request holds."""

    operation: Text = Field(description="The last part of the address once more, so that the signature covers it.")


class CompanyRequest(Request):
    company: Id = Field(description="Id of the company, as `companies` told it.")


# ------------------------------------------------------------------ keys and references


class Key(Wire):
    """Names one wanted posting for ever. At most one document in force carries an `entry` of a `company`."""

    company: Id = Field(description="Pleo's id of the company.")
    entry: Id = Field(description="Pleo's id of the accounting entry.")
    revision: int = Field(ge=1, strict=True, description="Rises when a changed expense is taken back and booked anew.")


class Ref(Wire):
    """Names one document of the partner's."""

    kind: Literal["journal_entry", "bill"]
    id: Id


class Named(Wire):
    """An account or journal, by its id and by the code people know it by."""

    id: Id
    code: Text


# ------------------------------------------------------------------ documents


class LineDimension(Wire):
    dimension: Text = Field(description="Code of the dimension.")
    value: Text = Field(description="Code of the value.")


class LineTax(Wire):
    tax: Text = Field(description="Id of the component of a tax code, as `tax_codes` told it.")
    kind: Literal["base", "tax"]
    amount: Amount = Field(description="Base: positive for a purchase. Tax: debit less credit of this line.")


class Foreign(Wire):
    amount: Amount = Field(description="Debit less credit.")
    currency: Text


class Line(Wire):
    """One line. Exactly one of debit and credit is not zero."""

    account: Named
    debit: Positive
    credit: Positive
    text: Text
    dimensions: tuple[LineDimension, ...] = ()
    taxes: tuple[LineTax, ...] = Field(default=(), description="What the VAT return is to be told of this line.")
    vendor: Id | None = Field(default=None, description="Id of the vendor, on a line of accounts payable.")
    foreign: Foreign | None = Field(default=None, description="The amount in the vendor's currency, for information.")


class File(Wire):
    """A receipt, uploaded before under its hash."""

    name: Name
    type: Text = Field(description="MIME type.")
    size: int = count(0)
    sha256: Sha256


class Payment(Wire):
    """What settles a bill from the same item; to be booked and matched with it at once, under the same key."""

    journal: Named
    date: Day
    text: Text
    lines: tuple[Line, ...]


class BillPart(Wire):
    """What makes a document a vendor bill or credit note."""

    vendor: Id
    credit_note: Flag = Field(description="The inverse of a bill, for refunds.")
    number: Text | None = Field(default=None, description="The vendor's own invoice number.")
    invoice_date: Day | None = None
    due_date: Day | None = None
    payment: Payment | None = None


class Document(Wire):
    """A balanced entry to be booked, as it is or as a vendor bill."""

    kind: Literal["journal_entry", "bill"]
    key: Key
    journal: Named
    date: Day = Field(description="The day it is booked on.")
    original_date: Day = Field(description="The day of the expense, where a closed period moved the other one.")
    currency: Currency
    text: Text = Field(description="What a bookkeeper reads. May be empty and may have several lines.")
    total: Positive = Field(description="Of an entry the sum of its debits; of a bill what is owed, VAT included.")
    lines: tuple[Line, ...] = Field(min_length=1)
    attachments: tuple[File, ...] = ()
    bill: BillPart | None = Field(default=None, description="Only with kind `bill`.")


class BookRequest(CompanyRequest):
    final: Flag = Field(description="Whether they are to be final; else drafts. A draft that stands is made final.")
    documents: tuple[Document, ...] = Field(min_length=1, max_length=MOST_AT_ONCE)


class FindRequest(CompanyRequest):
    pleo_company: Id
    entries: tuple[Id, ...] = Field(min_length=1, max_length=MOST_AT_ONCE, description="Pleo's accounting entries.")
    taken_back: Flag = Field(description="Whether to tell also of final documents that were taken back.")


class EntriesRequest(CompanyRequest):
    pleo_company: Id
    first: Day
    last: Day = Field(description="Inclusive.")
    cursor: Text | None = Field(default=None, description="`next` of the page before; null for the first one.")


class ReverseRequest(CompanyRequest):
    document: Ref
    key: Key
    reason: Text
    day: Day | None = Field(default=None, description="Date of the counter-entry; null for the document's own.")


class DocumentsRequest(CompanyRequest):
    documents: tuple[Ref, ...] = Field(min_length=1)


class PreflightRequest(CompanyRequest):
    final: Flag
    bills: Flag


# ------------------------------------------------------------------ answers


class Problem(Wire):
    """Why something was not done (RFC 9457). `code` says it; the members it needs besides stand with the code."""

    code: Text = Field(max_length=60)
    detail: Text = Field(default="", description="A sentence a bookkeeper reads, without secrets; cut at 300 letters.")
    type: Text = Field(default="about:blank")
    title: Text = Field(default="")
    pointer: Text | None = Field(default=None, description="JSON pointer to what is wrong in the request.")
    account: Text | None = Field(default=None, description="Code of the account.")
    journal: Text | None = None
    dimension: Text | None = Field(default=None, description="Code of the dimension.")
    value: Text | None = Field(default=None, description="Code of the value.")
    tax: Text | None = None
    date: Text | None = Field(default=None, description="A day such as 2026-11-30.")
    reference: Text | None = Field(default=None, description="What people call the document that stands in the way.")
    attachment: Text | None = Field(default=None, description="Hash of the file.")
    limit: Text | int | None = Field(default=None, description="Largest size of a file, in bytes.")
    action: Text | None = Field(default=None, description='Completes "the integration may not ...".')
    missing: Text | None = Field(default=None, description="What is not set up, in words.")


class BookedDocument(Wire):
    document: Ref
    number: Id | None = Field(description="The number people know it by; null for a draft.")
    final: Flag
    booked_at: Moment
    already_there: Flag = Field(description="True when it stood before this request.")


class BookResult(Wire):
    """What became of one document: exactly one of `booked` and `error`."""

    key: Key
    booked: BookedDocument | None = None
    error: Problem | None = None

    @model_validator(mode="after")
    def _one(self) -> BookResult:
        if (self.booked is None) == (self.error is None):
            raise ValueError("must hold either booked or error")
        return self


class BookAnswer(Wire):
    results: tuple[BookResult, ...] = Field(description="One for each document, in their order.")


class FitResult(Wire):
    key: Key
    error: Problem | None = Field(description="What booking it would be refused for; null when nothing is known.")


class FitsAnswer(Wire):
    results: tuple[FitResult, ...]


class Counter(Wire):
    """What took a final document back."""

    id: Id
    number: Id | None
    date: Day


class FoundDocument(Wire):
    key: Key
    document: Ref
    number: Id | None
    final: Flag
    booked_at: Moment
    total: Positive
    complete: Flag = Field(description="True for what is final with all its files, and of a bill with its payment.")
    taken_back_by: Counter | None = Field(default=None, description="Set on what is no longer in force.")


class FindAnswer(Wire):
    found: tuple[FoundDocument, ...]


class KeyedDocument(Wire):
    key: Key
    document: Ref
    number: Id | None
    final: Flag
    total: Positive
    date: Day
    own_payment: Flag = Field(default=False, description="The payment that was booked with the bill of the same item.")


class EntriesAnswer(Wire):
    items: tuple[KeyedDocument, ...]
    next: Text | None
    total: int = count(0)


class ReverseAnswer(Wire):
    counter: Counter | None = Field(description="The counter-entry; null where a draft was taken away, or is gone.")
    already_there: Flag


class DoneAnswer(Wire):
    done: Flag = Field(description="Whether it is so now, also when it was so before. False: nothing has changed.")


class Empty(Wire):
    """An object with nothing in it that counts."""
