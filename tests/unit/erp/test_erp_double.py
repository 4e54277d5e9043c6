"""The ERP double keeps the port's promises, or the tests that lean on it would prove nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.master_data import NewVendor, TaxKind, VendorLookup
from ledgerbridge.bookkeeping.payables import Bill
from ledgerbridge.bookkeeping.words import EntryLine, JournalEntry, PostingKey
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.port import Booked, DocumentKind, ErpError
from tests.support.double_master import vendor
from tests.support.erp_double import PAYABLES, Books, DoubleErp, down, lost_reply, truncated

NOTHING = Decimal(0)


@pytest.fixture
def books() -> Books:
    made = Books(capabilities=PAYABLES)
    made.master.vendors = [vendor(1), vendor(2, active=False), vendor(3, tax_registration_number="DK 13 58 56 28")]
    return made


def entry(books: Books, id_: str, amounts: Sequence[tuple[str, str]], vendor_id: str) -> JournalEntry:
    """Lines as account code and signed amount; the payable line names the vendor."""
    accounts = {account.code: account for account in books.chart.accounts}
    lines = [
        EntryLine(
            accounts[code],
            max(Decimal(amount), NOTHING),
            max(-Decimal(amount), NOTHING),
            "x",
            vendor=vendor_id if code == "6800" else None,
        )
        for code, amount in amounts
    ]
    today: dt.date = utcnow().date()
    return JournalEntry(PostingKey("c", id_), books.chart.journals[0], today, today, "DKK", "x", tuple(lines))


def bill(books: Books, id_: str, amount: str = "125", who: int = 1, *, paid: bool = False) -> Bill:
    owed = entry(books, id_, [("6000", amount), ("6800", f"-{amount}")], str(who))
    payment = entry(books, id_, [("6800", amount), ("5820", f"-{amount}")], str(who)) if paid else None
    return Bill(owed, books.master.vendors[who - 1], payment=payment)


def payment(books: Books, id_: str, amount: str = "125", who: int = 1) -> JournalEntry:
    return entry(books, id_, [("6800", amount), ("5820", f"-{amount}")], str(who))


async def book(books: Books, document: Bill | JournalEntry, *, final: bool = True) -> Booked:
    return await DoubleErp(books).book(document, (), final=final)


async def test_a_bill_and_its_payment_settle_each_other(books: Books) -> None:
    owed = await book(books, bill(books, "invoice"))
    assert (owed.kind, books.owed("1")) == (DocumentKind.BILL, Decimal(125))
    paid = await book(books, payment(books, "payment"))
    assert (paid.kind, books.owed("1")) == (DocumentKind.JOURNAL_ENTRY, NOTHING)
    erp = DoubleErp(books)
    assert await erp.settle([owed.ref, paid.ref])
    assert await erp.settle([owed.ref, paid.ref])
    assert len(books.matches.made) == 1
    assert await erp.reopen([paid.ref])
    assert books.matches.made == []
    assert await erp.reopen([paid.ref])


@pytest.mark.parametrize("fault", ["another amount", "another vendor", "a draft"])
async def test_what_does_not_match_is_left_alone(books: Books, fault: str) -> None:
    owed = await book(books, bill(books, "invoice"))
    paid = await book(
        books,
        payment(books, "payment", "100" if fault == "another amount" else "125", 3 if fault == "another vendor" else 1),
        final=fault != "a draft",
    )
    assert not await DoubleErp(books).settle([owed.ref, paid.ref])
    assert books.matches.made == []


async def test_a_bill_paid_by_its_own_item_is_settled_when_it_is_final(books: Books) -> None:
    await book(books, bill(books, "purchase", paid=True), final=False)
    assert books.matches.made == []
    again = await book(books, bill(books, "purchase", paid=True))
    assert (again.already_there, again.final, len(books.matches.made)) == (True, True, 1)
    (found,) = await DoubleErp(books).find("purchase", "c")
    assert (found.booked.kind, found.total) == (DocumentKind.BILL, "125.00")


async def test_a_vendor_is_made_once_though_the_reply_is_lost(books: Books) -> None:
    erp, new = DoubleErp(books), NewVendor("pleo-1", "New", "DKK", "DK", None, "DK40001018")
    books.after["create_vendor"] = [lost_reply()]
    with pytest.raises(ErpError) as caught:
        await erp.create_vendor(new)
    assert caught.value.outcome_unknown
    made = await erp.create_vendor(new)
    assert [each.pleo_id for each in await erp.vendors()] == [None, None, None, "pleo-1"]
    assert list(await erp.find_vendors(VendorLookup(pleo_id="pleo-1"))) == [made]


async def test_vendors_are_found_by_any_key_inactive_ones_too(books: Books) -> None:
    wanted = VendorLookup(ids=("2",), codes=("V0001",), tax_registration_number="dk13585628")
    assert [each.id for each in await DoubleErp(books).find_vendors(wanted)] == ["1", "2", "3"]
    assert not await DoubleErp(books).find_vendors(VendorLookup())


@pytest.mark.parametrize("fault", [down, truncated], ids=["down", "truncated"])
@pytest.mark.parametrize("name", ["accounts", "tax_codes", "dimensions", "vendors"])
async def test_lists_agree_with_the_chart_and_fail_on_demand(books: Books, name: str, fault: object) -> None:
    erp = DoubleErp(books)
    assert await getattr(erp, name)()
    books.before[name] = [fault()]  # type: ignore[operator]
    with pytest.raises(ErpError):
        await getattr(erp, name)()
    getattr(books.master, name).clear()
    assert await getattr(erp, name)() == []
    assert books.calls[name] == 3


async def test_the_chart_is_mirrored(books: Books) -> None:
    erp = DoubleErp(books)
    assert [each.code for each in await erp.accounts()] == [account.code for account in books.chart.accounts]
    assert [(tax.kind, str(tax.rate)) for tax in await erp.tax_codes()] == [
        (TaxKind.INCLUSIVE, "0.25"),
        (TaxKind.INCLUSIVE, "0"),
        (TaxKind.REVERSE, "0.25"),
    ]
    assert [value.code for value in await erp.dimension_values("1")] == ["CC01", "CC02", "CC03", "CC04"]
