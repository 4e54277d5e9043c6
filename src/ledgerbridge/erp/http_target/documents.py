"""Documents as a partner is sent them, judged first, and its answers as the port tells them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from decimal import Decimal
from urllib.parse import quote

from pydantic import ValidationError

from ledgerbridge.bookkeeping.payables import Bill, Document, payable
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import Account, EntryLine, Journal, JournalEntry, PostingKey
from ledgerbridge.erp.http_target import wire
from ledgerbridge.erp.port import Attachment, Booked, DocumentKind, DocumentRef, Found, Keyed
from ledgerbridge.outgoing.links import LONGEST

_NOTHING = Decimal(0)


def as_sent(document: Document) -> Document:
    """Where nothing is owed for a bill, since its lines cancel each other out, what is left is a plain entry."""
    if isinstance(document, Bill) and all(line.vendor is None for line in document.entry.lines):
        return document.entry
    return document


# ------------------------------------------------------------------ judged


def unfit(document: Document) -> Problem | None:
    """Why a document must not be sent: a fault of ours that a partner might not notice (EXP-BOOK-06)."""
    entries = [document] if isinstance(document, JournalEntry) else [document.entry, document.payment]
    found = [fault for entry in entries if entry is not None for fault in _faults(entry)]
    if isinstance(document, Bill):
        owed = {(line.account.id, line.vendor) for line in document.entry.lines if line.vendor is not None}
        if len(owed) != 1 or {vendor for _, vendor in owed} != {document.vendor.id}:
            found.append(f"owed on {sorted(map(str, owed))}")
        paid = document.payment
        if paid is not None and (paid.key != document.key or payable(paid) != -payable(document.entry)):
            found.append("its payment does not settle it")
    return problem(Failure.UNEXPECTED, f"not sent to the HTTP target: {'; '.join(found)}") if found else None


def _faults(entry: JournalEntry) -> list[str]:
    found = [fault for line in entry.lines if (fault := _line_fault(line))]
    credit = sum((line.credit for line in entry.lines), _NOTHING)
    if not entry.lines or not entry.total:
        found.append("nothing to book")
    if entry.total != credit:
        found.append(f"debits {entry.total} against credits {credit}")
    for name, value in (("company", entry.key.company_id), ("entry", entry.key.accounting_entry_id)):
        if not 0 < len(value) <= 200:
            found.append(f"{name} of the key has {len(value)} characters")
    return found


def _line_fault(line: EntryLine) -> str | None:
    amounts = (line.debit, line.credit)
    if not all(amount.is_finite() and amount >= 0 for amount in amounts) or sum(map(bool, amounts)) != 1:
        return f"line on {line.account.code} with debit {line.debit} and credit {line.credit}"
    if any(amount != round(amount, 2) for amount in (*amounts, *(tax.amount for tax in line.taxes))):
        return f"line on {line.account.code} with fractions of a cent"
    if len({code for code, _ in line.dimensions}) != len(line.dimensions):
        return f"line on {line.account.code} with two values of one dimension"
    return None


# ------------------------------------------------------------------ sent


def key(of: PostingKey) -> wire.Key:
    return wire.Key(company=of.company_id, entry=of.accounting_entry_id, revision=of.revision)


def posting_key(of: wire.Key) -> PostingKey:
    return PostingKey(of.company, of.entry, of.revision)


def name_of(of: PostingKey) -> str:
    """The key as one text."""
    return f"{of.company_id}/{of.accounting_entry_id}/{of.revision}"


def sent(document: Document, files: Sequence[wire.File]) -> wire.Document:
    """A document with files that were uploaded."""
    bill = document if isinstance(document, Bill) else None
    entry = document.entry if isinstance(document, Bill) else document
    return wire.Document(
        kind="bill" if bill else "journal_entry",
        key=key(entry.key),
        journal=_named(entry.journal),
        date=entry.date,
        original_date=entry.original_date,
        currency=entry.currency,
        text=entry.description,
        total=document.total,
        lines=tuple(map(_line, entry.lines)),
        attachments=tuple(files),
        bill=_bill(bill) if bill else None,
    )


def unsendable(error: ValidationError) -> Problem:
    """Why a document has no form in the contract: a fault of ours."""
    places = "; ".join("/".join(map(str, one["loc"])) for one in error.errors()[:3])
    return problem(Failure.UNEXPECTED, f"not sent to the HTTP target: {places} is not as the contract has it")


def _bill(bill: Bill) -> wire.BillPart:
    paid = bill.payment
    return wire.BillPart(
        vendor=bill.vendor.id,
        credit_note=bill.credit_note,
        number=bill.number,
        invoice_date=bill.invoice_date,
        due_date=bill.due_date,
        payment=wire.Payment(
            journal=_named(paid.journal), date=paid.date, text=paid.description, lines=tuple(map(_line, paid.lines))
        )
        if paid
        else None,
    )


def _named(of: Account | Journal) -> wire.Named:
    return wire.Named(id=of.id, code=of.code)


def _line(line: EntryLine) -> wire.Line:
    foreign = line.foreign
    return wire.Line(
        account=_named(line.account),
        debit=line.debit,
        credit=line.credit,
        text=line.description,
        dimensions=tuple(wire.LineDimension(dimension=code, value=value) for code, value in line.dimensions),
        taxes=tuple(wire.LineTax(tax=tax.tax_id, kind=tax.kind, amount=tax.amount) for tax in line.taxes),
        vendor=line.vendor,
        foreign=wire.Foreign(amount=foreign.decimal, currency=foreign.currency) if foreign else None,
    )


def hashed(files: Sequence[Attachment]) -> list[tuple[str, Attachment]]:
    """Each file with the hash under which it is uploaded. Raises `FileNotKept`."""
    found = []
    for one in files:
        digest = hashlib.sha256()
        for piece in one.file.pieces():
            digest.update(piece)
        found.append((digest.hexdigest(), one))
    return found


def file(sha256: str, of: Attachment) -> wire.File:
    return wire.File(name=of.name, type=of.type, size=of.file.size, sha256=sha256)


# ------------------------------------------------------------------ told


class Links:
    """Links for people, by the pattern a partner declares; none where it is no https address."""

    def __init__(self, pattern: str | None, *, local: bool) -> None:
        schemes = "https?" if local else "https"
        fits = pattern and len(pattern) < LONGEST and re.fullmatch(rf"{schemes}://[^\s@\\<>\"']+", pattern)
        self._pattern = pattern if fits and pattern and "{id}" in pattern else None

    def to(self, document: DocumentRef) -> str | None:
        if self._pattern is None:
            return None
        return self._pattern.replace("{kind}", document.kind.value).replace("{id}", quote(document.id, safe=""))


def ref(of: wire.Ref) -> DocumentRef:
    return DocumentRef(DocumentKind(of.kind), of.id)


def wire_ref(of: DocumentRef) -> wire.Ref:
    return wire.Ref(kind=of.kind.value, id=of.id)


def booked(of: wire.BookedDocument | wire.FoundDocument, links: Links, *, already_there: bool) -> Booked:
    document = ref(of.document)
    return Booked(
        id=document.id,
        number=of.number,
        final=of.final,
        url=links.to(document),
        booked_at=of.booked_at,
        already_there=already_there,
        kind=document.kind,
    )


def found(of: wire.FoundDocument, links: Links) -> Found:
    return Found(posting_key(of.key), booked(of, links, already_there=True), f"{of.total:.2f}", of.complete)


def keyed(of: wire.KeyedDocument) -> Keyed:
    return Keyed(posting_key(of.key), ref(of.document), of.number, of.final, f"{of.total:.2f}", of.date, of.own_payment)
