"""All documents of a period that carry a key of ours, for the comparison with the posting ledger. Only reads.

What is taken back counts for nothing here as it does for a probe (`standing`), but copies a person made by hand are
listed like the original: finding those is what the list is for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from ledgerbridge.bookkeeping.words import PostingKey
from ledgerbridge.erp.port import DocumentKind, DocumentRef, Keyed
from ledgerbridge.erp.tryton import bills, key, moves
from ledgerbridge.erp.tryton.bills import VendorBill
from ledgerbridge.erp.tryton.chart import shaped
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.documents import Live
from ledgerbridge.erp.tryton.key import Mark
from ledgerbridge.erp.tryton.reference import Reference
from ledgerbridge.erp.tryton.standing import chunks, in_force, is_mirror, reversed_moves
from ledgerbridge.erp.tryton.wire import Record

_CARRIES_A_KEY = ["description", "like", "%[PLEO:%]"]


async def entries(
    client: Client, reference: Reference, first: dt.date, last: dt.date, company_id: str
) -> Sequence[Keyed]:
    """Journal entries, then bills and credit notes, each by rising id; see the port."""
    found = await _moves(client, reference, first, last, company_id)
    if await reference.takes_bills():
        found += await _bills(client, reference, first, last, company_id)
    return found


async def _moves(client: Client, reference: Reference, first: dt.date, last: dt.date, company_id: str) -> list[Keyed]:
    domain = [["company", "=", reference.number], ["date", ">=", first], ["date", "<=", last], _CARRIES_A_KEY]
    fields = moves.fields(analytic=False)
    listed: dict[int, Keyed] = {}
    originals = []
    for record in await client.whole(moves.MODEL, domain, (*fields, "date")):
        move = moves.parse(record)
        mark, named = _key(move.description, company_id)
        if named is None or is_mirror(move):
            continue
        originals.append(move)
        listed[move.id] = Keyed(
            key=named,
            ref=DocumentRef(DocumentKind.JOURNAL_ENTRY, str(move.id)),
            number=move.number if move.posted else None,
            final=move.posted,
            total=f"{move.total:.2f}",
            date=_date(record, "date"),
            own_payment=mark is Mark.PAYMENT,
        )
    gone = await reversed_moves(client, reference.number, originals, fields)
    return [one for number, one in listed.items() if number not in gone]


async def _bills(client: Client, reference: Reference, first: dt.date, last: dt.date, company_id: str) -> list[Keyed]:
    within = [["accounting_date", ">=", first], ["accounting_date", "<=", last]]
    # A person may have emptied it; then Tryton posts on the date of the bill.
    undated = [["accounting_date", "=", None], ["invoice_date", ">=", first], ["invoice_date", "<=", last]]
    domain = [
        ["company", "=", reference.number],
        ["type", "=", "in"],
        _CARRIES_A_KEY,
        ["OR", within, undated],
    ]
    listed: dict[int, Keyed] = {}
    keyed: list[Live[VendorBill]] = []
    for record in await client.whole(
        bills.MODEL, domain, (*bills.fields(analytic=False), "accounting_date", "invoice_date")
    ):
        bill = bills.parse(record)
        _, named = _key(bill.description, company_id)
        if named is None or bill.takes_back:
            continue
        keyed.append(Live(Mark.DOCUMENT, named.revision, bill))
        listed[bill.id] = Keyed(
            key=named,
            ref=DocumentRef(DocumentKind.BILL, str(bill.id)),
            number=bill.number if bill.posted else None,
            final=bill.posted,
            total=f"{abs(bill.total):.2f}",
            date=_date(record, "accounting_date" if record["accounting_date"] else "invoice_date"),
        )
    return [listed[live.document.id] for live in await _standing(client, reference, keyed)]


async def _standing(client: Client, reference: Reference, keyed: Sequence[Live[VendorBill]]) -> list[Live[VendorBill]]:
    """Bills in force. Which are credited is asked one by one only among a hundred of which any is."""
    left: list[Live[VendorBill]] = []
    by_id = {live.document.id: live for live in keyed if not live.document.cancelled}
    for numbers in chunks(list(by_id)):
        domain = [
            ["company", "=", reference.number],
            ["type", "=", "in"],
            ["lines.origin.invoice", "in", list(numbers), bills.LINE],
        ]
        some = [by_id[number] for number in numbers]
        credited = await client.search(bills.MODEL, domain, ("state",))
        left += await in_force(client, reference, some) if credited else some
    return left


def _key(description: str, company_id: str) -> tuple[Mark, PostingKey | None]:
    for mark in Mark:
        if named := key.read(description, company_id, mark):
            return mark, named
    return Mark.DOCUMENT, None


def _date(record: Record, field: str) -> dt.date:
    def read() -> dt.date:
        value = record[field]
        if not isinstance(value, dt.date):
            raise TypeError(f"{field}: {value!r}")
        return value

    return shaped(read)
