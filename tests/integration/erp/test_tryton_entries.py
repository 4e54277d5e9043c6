"""How entries stand in a real Tryton: tax lines like those of its own bills, dimensions, second currency."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import Chart, EntryLine, ErpTax, JournalEntry, Money, TaxPosting
from ledgerbridge.erp.conformance.bench import account, entry, failure_of
from ledgerbridge.erp.tryton import client as tryton_client
from ledgerbridge.erp.tryton import settings
from ledgerbridge.erp.tryton.client import Client, http_client
from ledgerbridge.erp.tryton.errors import CallFailed, Outcome
from ledgerbridge.erp.tryton.patience import Patience
from ledgerbridge.outgoing.addresses import Reach
from tests.support.tryton_bench import TrytonBench

NET = Decimal("200.00")


def purchase(chart: Chart, bench: TrytonBench, tax: ErpTax, *, credit_note: bool) -> JournalEntry:
    """What bookkeeping makes of a purchase or a refund with this tax."""
    facts = bench.facts

    def line(code: str, amount: Decimal, *taxes: TaxPosting) -> EntryLine:
        signed = -amount if credit_note else amount
        return EntryLine(account(chart, code), max(signed, Decimal(0)), max(-signed, Decimal(0)), "x", taxes)

    def towards(amount: Decimal) -> Decimal:
        return -amount if credit_note else amount

    base = line(facts.expense, NET, *(TaxPosting(part.tax_id, "base", towards(NET)) for part in tax.components))
    vat = [
        line(str(part.account), NET * part.rate, TaxPosting(part.tax_id, "tax", towards(NET * part.rate)))
        for part in tax.components
        if part.rate
    ]
    gross = NET * (1 + sum(part.rate for part in tax.components))
    wallet = line(facts.wallet, -gross)
    return replace(entry(chart, facts), lines=(base, *vat, wallet))


async def bill(bench: TrytonBench, tax: ErpTax, *, credit_note: bool) -> str:
    """A vendor bill made and posted in Tryton, whose journal entry Tryton computes; answers that entry's id."""
    company = bench.at.company
    party = await bench.send(
        "POST", "model/party.party", {"name": "Vendor", "addresses": [["create", [{"city": "X"}]]]}
    )
    (address,) = await bench.search("party.address", [["party", "=", party["id"]]], "id")
    (currency,) = await bench.search("currency.currency", [["code", "=", bench.facts.currency]], "id")
    accounts = {
        row["code"]: row["id"]
        for row in await bench.search("account.account", [["company", "=", company], ["closed", "!=", True]], "code")
    }
    (journal,) = await bench.search("account.journal", [["code", "=", bench.facts.journal]], "id")
    line: dict[str, Any] = {
        "type": "line",
        "account": accounts[bench.facts.expense],
        "quantity": -1 if credit_note else 1,
        "unit_price": NET,
        "currency": currency["id"],
        "taxes": [["add", [int(tax.id)]]],
    }
    values = {
        "company": company,
        "type": "in",
        "party": party["id"],
        "invoice_address": address["id"],
        "reference": f"{tax.id}-{credit_note}",
        "invoice_date": bench.facts.open_date,
        "journal": journal["id"],
        "currency": currency["id"],
        "account": accounts["2.1.1"],
        "lines": [["create", [line]]],
    }
    made = await bench.send("POST", "model/account.invoice", values)
    await bench.send("POST", f"model/account.invoice/{made['id']}/post", {})
    (posted,) = await bench.search("account.invoice", [["id", "=", made["id"]]], "move")
    return str(posted["move"])


@pytest.mark.rule("EXP-TAX-09")
@pytest.mark.parametrize(
    ("name", "credit_note"),
    [
        ("I25 Purchase VAT 25%", False),
        ("RC25 Reverse charge 25%", True),
        ("I0 Exempt / no VAT", False),
        pytest.param("I25 Purchase VAT 25%", True, marks=pytest.mark.long),
        pytest.param("RC25 Reverse charge 25%", False, marks=pytest.mark.long),
        pytest.param("I0 Exempt / no VAT", True, marks=pytest.mark.long),
    ],
)
async def test_tax_lines_are_those_of_trytons_own_bill(bench: TrytonBench, name: str, credit_note: bool) -> None:
    async with bench.opened() as erp:
        chart = await bench.chart()
        tax = next(tax for tax in chart.taxes if tax.name == name)
        booked = await erp.book(purchase(chart, bench, tax, credit_note=credit_note), (), final=True)
    ours = await bench.lines(booked.id)
    theirs = await bench.lines(await bill(bench, tax, credit_note=credit_note))
    taxed = [
        sorted((line.account, line.amount, line.taxes) for line in lines if line.taxes) for lines in (ours, theirs)
    ]
    assert taxed[0] == taxed[1]
    assert taxed[0]


async def test_each_dimension_has_a_line_of_its_own_on_the_expense_only(bench: TrytonBench) -> None:
    async with bench.opened() as erp:
        chart = await bench.chart()
        tagged = entry(chart, bench.facts)
        everywhere = replace(
            tagged, lines=tuple(replace(line, dimensions=tuple(bench.facts.dimensions)) for line in tagged.lines)
        )
        booked = await erp.book(everywhere, (), final=True)
    expense, vat, wallet = await bench.lines(booked.id)
    values = sorted(value for _, value in bench.facts.dimensions)
    assert expense.dimensions == [(value, Decimal("100.00")) for value in values]
    assert expense.complete
    assert vat.dimensions == wallet.dimensions == []


async def test_a_refund_takes_the_dimensions_back(bench: TrytonBench) -> None:
    async with bench.opened() as erp:
        purchase_ = entry(await bench.chart(), bench.facts)
        turned = tuple(replace(line, debit=line.credit, credit=line.debit, taxes=()) for line in purchase_.lines)
        booked = await erp.book(replace(purchase_, lines=turned), (), final=True)
    expense = (await bench.lines(booked.id))[0]
    assert [amount for _, amount in expense.dimensions] == [Decimal("-100.00")] * 2
    assert expense.complete


async def test_a_dimension_that_was_not_sent_is_left_for_the_bookkeeper(bench: TrytonBench) -> None:
    (code, value), *_ = bench.facts.dimensions
    async with bench.opened() as erp:
        wanted = entry(await bench.chart(), bench.facts, dimensions=[(code, value)])
        booked = await erp.book(wanted, (), final=True)
    expense = (await bench.lines(booked.id))[0]
    assert expense.dimensions == [(value, Decimal("100.00"))]
    assert not expense.complete


async def test_a_line_without_dimensions_is_left_for_the_bookkeeper_to_complete(bench: TrytonBench) -> None:
    async with bench.opened() as erp:
        booked = await erp.book(entry(await bench.chart(), bench.facts, dimensions=()), (), final=True)
    expense = (await bench.lines(booked.id))[0]
    assert booked.final
    assert not expense.complete


async def test_chart_says_where_dimensions_are_needed(bench: TrytonBench) -> None:
    async with bench.opened() as erp:
        chart = await erp.chart()
    assert all(dimension.required for dimension in chart.dimensions)
    assert account(chart, bench.facts.expense).needs_dimensions
    assert not account(chart, bench.facts.wallet).needs_dimensions
    assert not account(chart, bench.facts.vat).needs_dimensions


@pytest.mark.parametrize(
    ("foreign", "kept"),
    [
        (Money(1340, "EUR"), ("EUR", Decimal("13.40"))),
        (Money(-1340, "EUR"), ("EUR", Decimal("13.40"))),
        (Money(99_00, "XTS"), None),
        (Money(100_00, "DKK"), None),
    ],
    ids=["in the line's direction", "whatever its sign", "unknown to the ERP", "the currency of the books"],
)
@pytest.mark.rule("EXP-FX-03")
async def test_the_suppliers_amount_is_information_beside_the_line(
    bench: TrytonBench, foreign: Money, kept: tuple[str, Decimal] | None
) -> None:
    async with bench.opened() as erp:
        wanted = entry(await bench.chart(), bench.facts)
        lines = (replace(wanted.lines[0], foreign=foreign), *wanted.lines[1:])
        booked = await erp.book(replace(wanted, lines=lines), (), final=True)
    assert (await bench.lines(booked.id))[0].foreign == kept


@pytest.mark.rule("EXP-PERIOD-07")
@pytest.mark.parametrize("day", ["open_date", "closable_date"])
async def test_the_entry_goes_into_the_period_its_date_falls_into(bench: TrytonBench, day: str) -> None:
    date: dt.date = getattr(bench.facts, day)
    async with bench.opened() as erp:
        booked = await erp.book(entry(await bench.chart(), bench.facts, date=date), (), final=True)
    fields = "date period.start_date period.end_date"
    (move,) = await bench.search("account.move", [["id", "=", int(booked.id)]], fields)
    assert move["date"] == date
    assert move["period"]["start_date"] <= date <= move["period"]["end_date"]


async def test_a_fault_of_ours_comes_back_as_a_page_and_is_survived(bench: TrytonBench) -> None:
    chosen = settings.parse(bench.settings)
    async with http_client(chosen, reach=Reach(local=True)) as http:
        with pytest.raises(CallFailed) as caught:
            await Client(http, Patience()).search("account.move", [["nofield", "=", 1]], ("id",))
    assert caught.value.outcome is Outcome.FAULT
    assert "nofield" in caught.value.internal


async def test_a_closed_account_is_named(bench: TrytonBench) -> None:
    rows = await bench.search(
        "account.account",
        [["company", "=", bench.at.company], ["closed", "=", True], ["type", "!=", None]],
        "code name",
    )
    async with bench.opened() as erp:
        chart = await bench.chart()
        closed = replace(
            account(chart, bench.facts.expense), id=str(rows[0]["id"]), code=rows[0]["code"], name=rows[0]["name"]
        )
        error = await failure_of(erp, entry(chart, bench.facts, expense=closed, dimensions=()))
    assert error.problem.failure is Failure.ACCOUNT_UNKNOWN
    assert rows[0]["code"] not in {account.code for account in chart.accounts}


async def test_long_lists_are_read_page_by_page_to_the_end(bench: TrytonBench, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench.opened() as erp:
        whole = await erp.chart()
        monkeypatch.setattr(tryton_client, "_PAGE", 7)
        in_pages = await erp.chart()
    assert len(whole.accounts) > 70
    assert in_pages == whole
