"""The documents of an item: one journal entry, a bill or credit note, or a payment (EXP-BOOK-02, EXP-AP-01).

First everything is looked up, the vendor before all else (EXP-AP-03); then the documents are composed, which cannot
fail. Liability and settlement are entries apart, also where one item brings both (EXP-AP-02, EXP-AP-10).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ledgerbridge.bookkeeping import accounts, lines, vendors
from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.descriptions import invoice_of
from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.bookkeeping.posting_table import Posting, Role
from ledgerbridge.bookkeeping.problem import Failed, Findings
from ledgerbridge.bookkeeping.vendors import VendorIndex
from ledgerbridge.bookkeeping.words import Configuration, ExportItem, Journal, JournalEntry, PostingKey


@dataclass(frozen=True, slots=True)
class Header:
    """What every entry of an item carries alike."""

    key: PostingKey
    journal: Journal
    date: dt.date
    original_date: dt.date
    currency: str
    description: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All that the documents of an item need; at least one of the three is there."""

    entry: lines.Plan | None = None
    """A journal entry, or a payment."""
    bill: lines.Plan | None = None
    payment: lines.Plan | None = None
    """The settlement of `bill`."""


def plan_journal(
    item: ExportItem, row: Posting, config: Configuration, chart: ChartIndex, index: VendorIndex | None
) -> Plan | Failed:
    """The one entry of an item whose method is the journal; its payable line names the vendor where one is known."""
    findings = Findings()
    vendor = None
    if index is not None and Role.PAYABLE in (row.debit, row.credit):
        vendor = findings.take(_journal_vendor(item, config, chart, index))
        if findings.problems:
            return Failed(findings.problems)
    entry = findings.take(lines.look_up(item, row, config, chart, vendor))
    return Failed(findings.problems) if entry is None else Plan(entry)


def plan_payable(
    item: ExportItem, row: Posting, config: Configuration, chart: ChartIndex, index: VendorIndex
) -> Plan | Failed:
    """Bill, payment or both on the account of the item's vendor (export.md section 21, accounts payable)."""
    findings = Findings()
    vendor = findings.take(vendors.resolve(item, index, config))
    if vendor is None:
        return Failed(findings.problems)
    bill = payment = None
    if row.as_bill is not None:
        bill = findings.take(lines.look_up(item, row.as_bill, config, chart, vendor))
    if row.as_payment is not None:
        payment = findings.take(lines.look_up(item, row.as_payment, config, chart, vendor))
    if bill is not None and payment is not None:
        for expense in bill.expenses:
            findings.add(lines.same(Role.EXPENSE, expense.account, payment.roles))
    if findings.problems:
        return Failed(findings.problems)
    return Plan(payment) if bill is None else Plan(bill=bill, payment=payment)


def compose(item: ExportItem, plan: Plan, header: Header) -> Document:
    """The document a plan describes."""
    if plan.entry is not None:
        return _entry(item, plan.entry, header)
    bill = plan.bill
    if bill is None or bill.vendor is None:
        raise ValueError("a plan without an entry has a bill with a vendor")
    invoice = invoice_of(item)
    return Bill(
        entry=_entry(item, bill, header),
        vendor=bill.vendor,
        credit_note=bill.posting.debit is Role.PAYABLE,
        number=(invoice.number.strip() or None) if invoice else None,
        invoice_date=invoice.invoice_date if invoice else None,
        due_date=invoice.due_date if invoice else None,
        payment=_entry(item, plan.payment, header) if plan.payment is not None else None,
    )


def _entry(item: ExportItem, plan: lines.Plan, header: Header) -> JournalEntry:
    return JournalEntry(
        key=header.key,
        journal=header.journal,
        date=header.date,
        original_date=header.original_date,
        currency=header.currency,
        description=header.description,
        lines=lines.compose(item, plan),
    )


def _journal_vendor(
    item: ExportItem, config: Configuration, chart: ChartIndex, index: VendorIndex
) -> ErpVendor | Failed | None:
    """The vendor of the payable line; None where the line does without one (EXP-VENDOR-06, -08, -09).

    A chosen vendor that is not found, and a supplier whose own account can be used, leave the line as it would be in
    an ERP without vendors. Only an account that wants a party makes the vendor necessary.
    """
    found = vendors.of_journal(item, index, config)
    if isinstance(found, ErpVendor):
        return found
    if accounts.supplier_account(item, chart) is not None:
        return None
    if found is None and config.default_vendor:
        return vendors.default(index, config)
    wanting = [one for one in chart.accounts(config.accounts.payable or "") if one.party_required]
    if not wanting:
        return None
    return found or vendors.supplier_unknown(item, wanting[0].code)
