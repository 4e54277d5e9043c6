"""Booking a bill where Tryton answers otherwise than wanted, or in an order a real server gives by chance."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.bookkeeping.payables import Bill
from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import Account, EntryLine, Journal, JournalEntry, PostingKey, TaxPosting
from ledgerbridge.erp.port import ErpError
from tests.support.tryton_stage import Answer, Stage, healthy, records, refusal

EXPENSE, VAT, PAYABLE = Account("10", "6000", "Software"), Account("20", "1440", "VAT"), Account("30", "6800", "Owed")
VENDOR = ErpVendor("7", "V-7", "Acme", None, None, None, None, None, active=True)
NOTHING = Decimal(0)
BILL = Bill(
    JournalEntry(
        PostingKey("pleo-company", "e-1"),
        Journal("2", "EXP", "Expense"),
        dt.date(2026, 11, 5),
        dt.date(2026, 11, 5),
        "DKK",
        "Acme",
        (
            EntryLine(EXPENSE, Decimal("100.00"), NOTHING, "Acme", (TaxPosting("1", "base", Decimal("100.00")),)),
            EntryLine(VAT, Decimal("24.99"), NOTHING, "Acme", (TaxPosting("1", "tax", Decimal("24.99")),)),
            EntryLine(PAYABLE, NOTHING, Decimal("124.99"), "Acme", vendor="7"),
        ),
    ),
    VENDOR,
    number="INV-1",
)
DRAFT_PATH = "account.invoice/9"
POST = f"{DRAFT_PATH}/post"


def amount(value: str) -> dict[str, Any]:
    return {"__class__": "Decimal", "decimal": value}


def moment(second: int = 0) -> dict[str, Any]:
    return {
        "__class__": "datetime", "year": 2026, "month": 11, "day": 21, "hour": 2, "minute": 0, "second": second,
        "microsecond": 0,
    }  # fmt: skip


def row(vat: str = "24.99", total: str = "124.99", tax: int = 1, **changes: Any) -> dict[str, Any]:
    """The bill as Tryton answers it once it is there."""
    times = {"create_date": moment(), "write_date": None}
    line = {"id": 1, "account": 10, "amount": amount("100.00"), "taxes": [1], **times}
    taxes = [{"id": 1, "account": 20, "tax": tax, "amount": amount(vat), **times}]
    made = {"id": 9, "state": "draft", "number": None, "reference": "INV-1", "description": "Acme [PLEO:e-1]"}
    made |= {"party": 7, "account": 30, "total_amount": amount(total), "create_uid": 4, "lines": [line], "taxes": taxes}
    return made | {"lines_to_pay": [], "payment_lines": [], **times} | changes


def stage(search: list[httpx.Response], made: httpx.Response) -> Stage:
    ready = healthy()
    company = ready.answers["company.company"]

    def companies(request: httpx.Request) -> httpx.Response:
        if request.url.params.get_list("f") == ["currency"]:
            return records({"id": 1, "currency": 2})
        assert isinstance(company, httpx.Response)
        return company

    def invoices(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return made
        return search.pop(0) if len(search) > 1 else search[0]

    tax = {"id": 1, "type": "percentage", "parent": None, "active": True, "start_date": None, "end_date": None}
    answers: dict[str, Answer | list[Answer]] = {
        "company.company": companies,
        "account.invoice": invoices,
        DRAFT_PATH: httpx.Response(204),
        POST: httpx.Response(200, json=row(state="posted", number="2026/1", write_date=moment(1))),
        "ir.module": records({"id": 1, "name": "account_invoice"}),
        "account.journal": records({"id": 2}),
        "account.account": records({"id": 10}, {"id": 20}, {"id": 30}),
        "account.tax": records(tax | {"invoice_account": 20, "credit_note_account": 20}),
        "party.party": records({"id": 7, "name": "Acme", "active": True, "addresses": [{"id": 3, "invoice": False}]}),
        "account.fiscalyear": records({"id": 1, "name": "2026", "invoice_sequences": [{"id": 1}]}),
        "ir.model.access/get_access": httpx.Response(200, json=_all_rights()),
    }
    ready.answers |= answers
    return ready


def _all_rights() -> dict[str, Any]:
    models = (
        *("account.invoice", "account.invoice.line", "account.invoice.tax", "account.move.reconciliation"),
        *("party.party", "party.address", "account.move", "account.move.line", "account.tax.line", "ir.attachment"),
    )
    return {model: dict.fromkeys(("read", "write", "create", "delete"), 1) for model in models}


def made(answer: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, json=answer)


def asked(ready: Stage, method: str, path: str) -> list[Any]:
    return [
        json.loads(request.content) if request.content else None
        for request in ready.asked
        if request.method == method and request.url.path.endswith(f"/model/{path}")
    ]


async def failed(ready: Stage, wanted: Bill = BILL) -> ErpError:
    async with ready.opened(tries=4) as erp:
        with pytest.raises(ErpError) as caught:
            await erp.book(wanted, (), final=True)
    return caught.value


NONE = records()


async def test_the_clear_run_looks_creates_looks_posts() -> None:
    ready = stage([NONE, records(row())], made(row()))
    async with ready.opened(tries=4) as erp:
        booked = await erp.book(BILL, (), final=True)
    assert (booked.id, booked.number, booked.final) == ("9", "2026/1", True)
    (values,) = asked(ready, "POST", "account.invoice")
    assert (values["party"], values["invoice_address"], values["account"], values["currency"]) == (7, 3, 30, 2)
    assert (values["reference"], values["description"]) == ("INV-1", "Acme [PLEO:e-1]")
    assert len(asked(ready, "POST", POST)) == 1


@pytest.mark.rule("EXP-TAX-08")
@pytest.mark.parametrize(
    "answer",
    [row(vat="25.00", total="125.00"), row(total="125.00"), row(tax=2), row(party=8), row(account=31)],
    ids=["vat_computed_anew", "total", "another_tax", "another_vendor", "another_payable_account"],
)
async def test_a_draft_that_is_not_what_was_wanted_is_never_posted(answer: dict[str, Any]) -> None:
    ready = stage([NONE], made(answer))
    error = await failed(ready)
    assert error.problem.failure is Failure.ERP_FAULT
    assert not asked(ready, "POST", POST)
    assert len(asked(ready, "DELETE", DRAFT_PATH)) == 1


async def test_a_second_draft_of_the_same_bill_is_no_duplicate_but_a_race() -> None:
    similar = {"id": 12, "number": None, "state": "draft", "description": "Acme [PLEO:e-1]"}
    ready = stage([NONE, records(row()), records(row()), records(similar), records(row())], made(row()))
    posted = ready.answers[POST]
    assert isinstance(posted, httpx.Response)
    ready.answers[POST] = [refusal("similar"), posted]
    async with ready.opened(tries=4) as erp:
        assert (await erp.book(BILL, (), final=True)).final


async def test_a_bill_of_somebody_else_with_the_number_is_named() -> None:
    similar = {"id": 12, "number": "2026/00017", "state": "posted", "description": "by hand"}
    ready = stage([NONE, records(row()), records(row()), records(similar)], made(row()))
    ready.answers[POST] = refusal("similar")
    error = await failed(ready)
    assert error.problem.failure is Failure.BILL_SIMILAR
    assert all(word in error.problem.text for word in ("2026/00017", "Acme", "INV-1"))
    assert len(asked(ready, "DELETE", DRAFT_PATH)) == 1


@pytest.mark.parametrize("spoiled", ["vendor", "payment", "unbalanced"])
async def test_a_bill_that_contradicts_itself_is_not_sent(spoiled: str) -> None:
    entry = BILL.entry
    paying = replace(entry, lines=(replace(entry.lines[2], debit=Decimal("1.00"), credit=NOTHING),))
    wrong = {
        "vendor": replace(BILL, vendor=replace(VENDOR, id="8")),
        "payment": replace(BILL, payment=paying),
        "unbalanced": replace(BILL, entry=replace(entry, lines=entry.lines[1:])),
    }
    ready = stage([NONE], made(row()))
    assert (await failed(ready, wrong[spoiled])).problem.failure is Failure.UNEXPECTED
    assert not ready.asked


async def test_a_tryton_without_the_module_for_invoices_says_so_before_any_item() -> None:
    ready = stage([NONE], made(row()))
    ready.answers["ir.module"] = NONE
    async with ready.opened() as erp:
        with pytest.raises(ErpError) as caught:
            await erp.preflight(bills=True)
    assert caught.value.problem.failure is Failure.BILLS_NOT_SET_UP
