"""From an export item to what stands in the books: the one door through which money enters them.

The order is Pleo's (EXP-MAP-01): method, vendor, accounts, data, VAT, period, then the entry. Nothing is raised and
nothing is guessed: what cannot be booked comes back as every problem found, not only the first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType

from ledgerbridge.bookkeeping import amounts, descriptions, documents, method, period, posting_table
from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.documents import Header
from ledgerbridge.bookkeeping.method import Method
from ledgerbridge.bookkeeping.payables import Document
from ledgerbridge.bookkeeping.posting_table import Posting
from ledgerbridge.bookkeeping.problem import Failed, Failure, Findings, Problem, failed, of_chart
from ledgerbridge.bookkeeping.vendors import VendorIndex
from ledgerbridge.bookkeeping.words import Configuration, ExportItem, Journal, NothingToPost, PostingKey

NO_SIGNS: Mapping[tuple[str, str | None], int] = MappingProxyType({})


def book(
    item: ExportItem,
    config: Configuration,
    chart: ChartIndex,
    *,
    today: dt.date,
    revision: int = 1,
    known_signs: Mapping[tuple[str, str | None], int] = NO_SIGNS,
    vendors: VendorIndex | None = None,
) -> Document | NothingToPost | tuple[Problem, ...]:
    """The balanced entry or bill of an item, or why there is none. Total: raises for no item.

    `today` is the day in the configuration's time zone, used by the closed-period strategy alone. `known_signs` tells
    for a type and sub type whether this company's items were positive (1) or negative (-1) so far (EXP-TYPE-15).
    `vendors` are the ERP's; None means it books no vendor bills, and an item for accounts payable is refused.
    """
    findings = Findings()
    row = findings.take(posting_table.posting(item.type, item.sub_type))
    findings.add(amounts.check(item, row, chart.currency, known_signs))
    key = PostingKey(item.company_id, item.accounting_entry_id, revision)
    if row is not None and not findings.problems and amounts.is_nothing(item):
        return NothingToPost(key, "The amount is 0.")

    journal = findings.take(_journal(config, chart))
    original = findings.take(period.local_date(item.date, config.time_zone))
    posted = None
    if original is not None:
        posted = findings.take(
            period.posting_date(original, chart.periods, config.closed_period, today, chart.opened_by)
        )
    plan = findings.take(_plan(item, row, config, chart, vendors)) if row is not None else None
    if findings.problems or journal is None or original is None or posted is None or plan is None:
        return tuple(of_chart(found, chart.renewed_by) for found in findings.problems)
    text = descriptions.entry_description(item, original, posted)
    return documents.compose(item, plan, Header(key, journal, posted, original, chart.currency, text))


def _plan(
    item: ExportItem, row: Posting, config: Configuration, chart: ChartIndex, vendors: VendorIndex | None
) -> documents.Plan | Failed:
    """What the method makes of the item. Its lines are looked at even where no method fits, to tell all at once."""
    findings = Findings()
    how = findings.take(method.resolve(item, row, vendor_bills=vendors is not None))
    if how is Method.ACCOUNTS_PAYABLE and vendors is not None:
        return documents.plan_payable(item, row, config, chart, vendors)
    plan = findings.take(documents.plan_journal(item, row, config, chart, vendors))
    return Failed(findings.problems) if findings.problems or plan is None else plan


def _journal(config: Configuration, chart: ChartIndex) -> Journal | Failed:
    if not config.journal:
        return failed(Failure.JOURNAL_MISSING)
    found = chart.journals(config.journal)
    if len(found) != 1:
        return failed(Failure.JOURNAL_UNKNOWN, f"{len(found)} journals match", code=config.journal)
    return found[0]
