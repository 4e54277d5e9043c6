"""From an export item to a journal entry: the one door through which money enters the books.

The order is Pleo's (EXP-MAP-01): method, accounts, data, VAT, period, then the entry. Nothing is raised and nothing is
guessed: what cannot be booked comes back as every problem found, not only the first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType

from ledgerbridge.bookkeeping import amounts, descriptions, lines, method, period, posting_table
from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.problem import Failed, Failure, Findings, Problem, failed
from ledgerbridge.bookkeeping.words import (
    Configuration,
    ExportItem,
    Journal,
    JournalEntry,
    NothingToPost,
    PostingKey,
)

NO_SIGNS: Mapping[tuple[str, str | None], int] = MappingProxyType({})


def book(
    item: ExportItem,
    config: Configuration,
    chart: ChartIndex,
    *,
    today: dt.date,
    revision: int = 1,
    known_signs: Mapping[tuple[str, str | None], int] = NO_SIGNS,
) -> JournalEntry | NothingToPost | tuple[Problem, ...]:
    """The balanced entry of an item, or why there is none. Total: raises for no item.

    `today` is the day in the configuration's time zone, used by the closed-period strategy alone. `known_signs` tells
    for a type and sub type whether this company's items were positive (1) or negative (-1) so far (EXP-TYPE-15).
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
        posted = findings.take(period.posting_date(original, chart.periods, config.closed_period, today))
    plan = None
    if row is not None:
        findings.take(method.resolve(item, row))
        plan = findings.take(lines.look_up(item, row, config, chart))
    if findings.problems or journal is None or original is None or posted is None or plan is None:
        return findings.problems
    return JournalEntry(
        key=key,
        journal=journal,
        date=posted,
        original_date=original,
        currency=chart.currency,
        description=descriptions.entry_description(item, original, posted),
        lines=lines.compose(item, plan),
    )


def _journal(config: Configuration, chart: ChartIndex) -> Journal | Failed:
    if not config.journal:
        return failed(Failure.JOURNAL_MISSING)
    found = chart.journals(config.journal)
    if len(found) != 1:
        return failed(Failure.JOURNAL_UNKNOWN, f"{len(found)} journals match", code=config.journal)
    return found[0]
