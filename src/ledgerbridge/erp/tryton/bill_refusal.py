"""Why Tryton refused a bill, found out by reading again: its sentences are translated and have no code.

What Tryton would only warn a person of, such as a probable duplicate, it refuses our key like any error.
"""

from __future__ import annotations

import datetime as dt

from ledgerbridge.bookkeeping.payables import Bill
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.erp.port import ErpError
from ledgerbridge.erp.tryton import access, bills, chart, explain, key
from ledgerbridge.erp.tryton.bill_reference import BillReference
from ledgerbridge.erp.tryton.bills import VendorBill, WantedBill
from ledgerbridge.erp.tryton.chart import shaped
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.errors import CallFailed, Outcome
from ledgerbridge.erp.tryton.key import Mark

_SIMILAR_DAYS = 60
"""How far apart two bills of a vendor with the same number may be dated and still count as the same to Tryton."""


async def explained(
    client: Client,
    reference: BillReference,
    bill: Bill,
    wanted: WantedBill | None,
    failure: CallFailed,
    document: VendorBill | None,
) -> Problem | CallFailed:
    """The failure a refused write of this bill stands for; Tryton's own sentence where nothing else is found."""
    if failure.outcome is not Outcome.REFUSED:
        return failure.problem("create and post vendor bills")
    company = reference.company.number
    period = await chart.period_of(client, company, bill.entry.date)
    if period is None or not period.open:
        return problem(Failure.PERIOD_CLOSED, failure.internal, date=bill.entry.date)
    if right := await access.missing_bill_right(client):
        return problem(Failure.ERP_FORBIDDEN, failure.internal, action=right)
    try:
        await reference.party(bill.vendor)
    except ErpError as error:
        return error.problem
    if found := await against_draft(client, company, bill, failure.internal):
        return found
    drafted = wanted if document is not None else None
    return (
        await against_final(client, company, bill, drafted, document.id if document else None, failure.internal)
        or failure.problem()
    )


async def against_draft(client: Client, company: int, bill: Bill, internal: str = "") -> Problem | None:
    """What of its accounts Tryton would refuse a bill for. Rights, period and vendor are looked at apart."""
    for line in bill.entry.lines:
        if line.vendor is None:
            continue
        domain = [*chart.account_domain(company), ["id", "=", int(line.account.id)], ["type.payable", "=", True]]
        if not await client.search("account.account", domain, ("id",)):
            named = bill.vendor.name or bill.vendor.id
            return problem(Failure.VENDOR_ACCOUNT_UNKNOWN, internal, code=line.account.code, vendor=named)
    used = {int(line.account.id): line.account for line in bill.entry.lines}
    return await explain.closed_account(client, company, used, internal)


async def against_final(
    client: Client, company: int, bill: Bill, wanted: WantedBill | None, document: int | None, internal: str = ""
) -> Problem | CallFailed | None:
    """What Tryton would refuse besides when a bill is to be made final; `document` is its draft, if there is one."""
    if wanted is not None and wanted.number:
        similar = await _similar(client, wanted, document, bill.key.accounting_entry_id)
        if similar is not None:
            return similar.told(bill, wanted, internal) if isinstance(similar, _Similar) else similar
    if missing := await missing_numbering(client, company, bill.entry.date):
        return problem(Failure.BILLS_NOT_SET_UP, internal, missing=missing)
    return None


async def missing_numbering(client: Client, company: int, date: dt.date | None = None) -> str | None:
    """What numbering of bills is missing in the fiscal year of a day, or in all open ones; None when all is well."""
    domain: list[object] = [["company", "=", company], ["state", "=", "open"]]
    if date is not None:
        domain += [["start_date", "<=", date], ["end_date", ">=", date]]
    fields = ("name", "invoice_sequences.in_invoice_sequence", "invoice_sequences.in_credit_note_sequence")
    rows = await client.search("account.fiscalyear", domain, fields)
    bare = shaped(lambda: [str(row["name"]) for row in rows if not row["invoice_sequences"]])
    if not bare or (date is None and len(bare) < len(rows)):
        return None
    return f"fiscal year {', '.join(bare)} has no numbering for invoices"


class _Similar:
    """Another bill of the vendor with the same number."""

    def __init__(self, reference: str) -> None:
        self._reference = reference

    def told(self, bill: Bill, wanted: WantedBill, internal: str) -> Problem:
        return problem(
            Failure.BILL_SIMILAR,
            internal,
            reference=self._reference,
            vendor=bill.vendor.name or bill.vendor.id,
            number=wanted.number,
        )


async def _similar(
    client: Client, wanted: WantedBill, document: int | None, accounting_entry_id: str
) -> _Similar | CallFailed | None:
    """What Tryton holds to be the same bill; a `CallFailed` when it is a second draft of this very one."""
    span = dt.timedelta(days=_SIMILAR_DAYS)
    near = [["invoice_date", ">=", wanted.invoice_date - span], ["invoice_date", "<=", wanted.invoice_date + span]]
    domain = [
        ["company", "=", wanted.company],
        ["type", "=", "in"],
        ["party", "=", wanted.party],
        ["reference", "=", wanted.number],
        ["id", "!=", document or 0],
        ["OR", ["invoice_date", "=", None], near],
    ]
    rows = await client.search(bills.MODEL, domain, ("number", "description", "state"))
    for row in rows:
        named = key.read(row["description"], "", Mark.DOCUMENT)
        if named and named.accounting_entry_id == accounting_entry_id:
            return CallFailed(Outcome.BUSY, f"{bills.MODEL} post", said="another draft of the same bill stands")
    return _Similar(str(rows[0]["number"] or f"draft bill {rows[0]['id']}")) if rows else None
