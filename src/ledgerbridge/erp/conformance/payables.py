"""Bills and payments as bookkeeping makes them, for the suites about accounts payable."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.bookkeeping.payables import Bill
from ledgerbridge.bookkeeping.words import Chart, EntryLine, ErpTax, JournalEntry, TaxPosting
from ledgerbridge.erp.conformance.bench import Bench, Facts, Record, account, entry

_NOTHING = Decimal(0)


async def vendor(bench: Bench) -> ErpVendor:
    """A vendor of the test's own."""
    name = f"Vendor {uuid4().hex[:8]}"
    number = await bench.add(Record.VENDOR, f"V-{uuid4().hex[:12]}", name)
    return ErpVendor(number, None, name, None, None, None, None, None, active=True)


def taxed(
    chart: Chart, facts: Facts, net: str, vat: str, tax: ErpTax, *, dimensions: Sequence[tuple[str, str]] = ()
) -> list[EntryLine]:
    """A line of the expense with its VAT; a negative net takes both back."""
    base, on_top = Decimal(net), Decimal(vat)
    postings = tuple(TaxPosting(part.tax_id, "base", base) for part in tax.components)
    lines = [_line(account(chart, facts.expense).code, chart, base, postings, tuple(dimensions))]
    for part in tax.components:
        amount = on_top if part.rate >= 0 else -on_top
        if amount and part.account is not None:
            lines.append(_line(part.account, chart, amount, (TaxPosting(part.tax_id, "tax", amount),)))
    return lines


def _line(
    code: str,
    chart: Chart,
    amount: Decimal,
    taxes: tuple[TaxPosting, ...] = (),
    dimensions: tuple[tuple[str, str], ...] = (),
) -> EntryLine:
    sides = max(amount, _NOTHING), max(-amount, _NOTHING)
    return EntryLine(account(chart, code), *sides, "Hosting in November", taxes, dimensions)


def tax_called(chart: Chart, name: str) -> ErpTax:
    return next(tax for tax in chart.taxes if tax.name == name)


def bill(
    chart: Chart,
    facts: Facts,
    owed_to: ErpVendor,
    *,
    lines: Sequence[EntryLine] | None = None,
    net: str = "100.00",
    vat: str = "25.00",
    number: str | None = None,
    paid: bool = False,
    credit_note: bool = False,
    id_: str | None = None,
    revision: int = 1,
    date: dt.date | None = None,
) -> Bill:
    """A purchase owed to a vendor; with `credit_note` its inverse, with `paid` settled by the same item."""
    wanted = entry(chart, facts, id_=id_, revision=revision, date=date)
    plain = tax_called(chart, facts.tax)
    if lines is None:
        lines = taxed(chart, facts, net, vat, plain, dimensions=facts.dimensions)
    if credit_note:
        lines = [_turned(line) for line in lines]
    owed = sum((line.debit - line.credit for line in lines), _NOTHING)
    payable = replace(_line(facts.payable or "", chart, -owed), vendor=owed_to.id)
    whole = replace(wanted, lines=(*lines, payable))
    return Bill(
        whole,
        owed_to,
        credit_note=credit_note,
        number=number,
        payment=payment(chart, facts, owed_to, owed, like=whole) if paid else None,
    )


def payment(
    chart: Chart, facts: Facts, to: ErpVendor, amount: Decimal, *, like: JournalEntry | None = None
) -> JournalEntry:
    """What pays a vendor from the wallet; a negative amount comes back from it."""
    lines = (
        replace(_line(facts.payable or "", chart, amount), vendor=to.id),
        _line(facts.wallet, chart, -amount),
    )
    return replace(like or entry(chart, facts), lines=lines)


def _turned(line: EntryLine) -> EntryLine:
    taxes = tuple(replace(tax, amount=-tax.amount) for tax in line.taxes)
    return replace(line, debit=line.credit, credit=line.debit, taxes=taxes)
