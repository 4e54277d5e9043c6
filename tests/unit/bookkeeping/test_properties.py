"""What holds for every item there could be."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ledgerbridge.bookkeeping.payables import Bill, Document, payable
from ledgerbridge.bookkeeping.posting_table import TABLE, Role
from ledgerbridge.bookkeeping.vendors import VendorIndex
from ledgerbridge.bookkeeping.words import (
    Amount,
    ClosedPeriod,
    EntryLine,
    ExportItem,
    InvoiceInformation,
    ItemLine,
    JournalEntry,
    Money,
    NothingToPost,
    Person,
    PleoAccount,
    PleoTag,
    PleoTax,
    Supplier,
    Vendor,
)

from .books import (
    ACME_PAYABLE,
    CONFIG,
    CONTRA_WALLET,
    EMPLOYEE,
    EXPENSE,
    OTHER_EXPENSE,
    PAYABLE,
    SPEND,
    STAFF_PAYABLE,
    VAT_IN,
    VAT_OUT,
    VENDORS,
    account,
    chart,
    config,
    document,
    entry,
    item,
    line,
    result,
    vat,
    vendor,
)

CHART = chart()
ANY_TYPE = st.sampled_from(sorted(TABLE, key=str))
MANY = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


# ------------------------------------------------------------------ items that can be booked


@st.composite
def taxed_line(draw: st.DrawFn, sign: int) -> ItemLine:
    minor = draw(st.integers(-(10**6), 10**7)) * sign
    code = draw(st.sampled_from(["I25", "RC25", None]))
    on = draw(st.sampled_from([EXPENSE, OTHER_EXPENSE]))
    if code is None:
        return line(minor, on=on)
    part = draw(st.integers(0, abs(minor)))
    tax = part if minor > 0 else -part
    if code == "RC25":
        return line(minor, on=on, tax=vat(tax, "reverse", code))
    type_ = draw(st.sampled_from(["inclusive", "exclusive"]))
    return line(minor, on=on, net=minor if type_ == "inclusive" else minor - tax, tax=vat(tax, type_, code))


@st.composite
def bookable(draw: st.DrawFn, kinds: st.SearchStrategy[tuple[str, str | None]] = ANY_TYPE) -> ExportItem:
    """Any type and sub type, any split, any tax; of either sign where either sign is believed."""
    type_, sub_type = draw(kinds)
    sign = 1 if type_ in SPEND else draw(st.sampled_from([1, -1]))
    lines = draw(st.lists(taxed_line(sign), min_size=1, max_size=6))
    total = sum(one.amount.wallet.minor for one in lines)
    assume(total * sign > 0)
    contra = draw(st.none() | st.just(account(CONTRA_WALLET)))
    return item(type_, total, sub_type, lines=lines, contra_account=contra)


def net(made: JournalEntry, *codes: str) -> Decimal:
    return sum((one.debit - one.credit for one in made.lines if one.account.code in codes), Decimal(0))


@pytest.mark.rule("EXP-BOOK-06")
@MANY
@given(bookable())
def test_every_entry_balances_and_every_line_has_one_side(one: ExportItem) -> None:
    made = entry(one)
    assert sum(posted.debit for posted in made.lines) == sum(posted.credit for posted in made.lines) == made.total > 0
    for posted in made.lines:
        assert min(posted.debit, posted.credit) == 0 < max(posted.debit, posted.credit)
        assert posted.debit.as_tuple().exponent == posted.credit.as_tuple().exponent == -2


@pytest.mark.rule("EXP-SPLIT-02", "EXP-TYPE-15", "EXP-FX-06")
@MANY
@given(bookable())
def test_no_cent_appears_and_none_vanishes(one: ExportItem) -> None:
    made = entry(one)
    row = TABLE[one.type, one.sub_type]
    total = Decimal(abs(one.amount.wallet.minor)) / 100
    counter = made.lines[-1] if row.credit is not Role.EXPENSE else made.lines[0]
    assert max(counter.debit, counter.credit) == total
    if not row.on_lines:
        assert len(made.lines) == 2
        return
    toward = (1 if row.debit is Role.EXPENSE else -1) * (1 if one.amount.wallet.minor > 0 else -1)
    sent = {VAT_IN: 0, VAT_OUT: 0, EXPENSE: 0, OTHER_EXPENSE: 0}
    for each in one.lines:
        assert each.account is not None
        tax = each.tax.amount.wallet.minor if each.tax is not None and row.taxed else 0
        reverse = each.tax is not None and each.tax.type == "reverse"
        sent[VAT_IN] += tax
        sent[VAT_OUT] -= tax if reverse else 0
        sent[str(each.account.code)] += each.amount.wallet.minor - (0 if reverse else tax)
    assert {code: net(made, code) * 100 for code in sent} == {code: minor * toward for code, minor in sent.items()}


@pytest.mark.rule("EXP-TAX-01", "EXP-TAX-08")
@MANY
@given(bookable())
def test_the_vat_return_is_told_what_stands_in_the_books(one: ExportItem) -> None:
    made = entry(one)
    for posted in made.lines:
        assert len(posted.taxes) <= 2
        for told in posted.taxes:
            assert told.amount == posted.debit - posted.credit
        kinds = Counter(told.kind for told in posted.taxes)
        assert kinds["tax"] == (1 if posted.account.code in (VAT_IN, VAT_OUT) else 0)


@MANY
@given(bookable())
def test_the_same_item_always_makes_the_same_entry(one: ExportItem) -> None:
    assert entry(one) == entry(replace(one))


@pytest.mark.rule("EXP-MAP-12")
@MANY
@given(bookable(), st.text(max_size=50), st.sampled_from(["SALES", "IT"]))
def test_texts_and_tags_never_change_accounts_or_amounts(one: ExportItem, text: str, tag: str) -> None:
    tagged = tuple(replace(each, tags=(PleoTag("t", tag, "CC"),)) for each in one.lines)
    changed = replace(one, note=text, attendees=(text,), user=None, lines=tagged)
    sides = [(posted.account, posted.debit, posted.credit) for posted in entry(changed).lines]
    assert sides == [(posted.account, posted.debit, posted.credit) for posted in entry(one).lines]


@pytest.mark.rule("EXP-FX-02", "EXP-FX-04")
@MANY
@given(bookable(st.just(("invoice", None))), st.integers(1, 1_000))
def test_an_invoice_balances_in_both_currencies(one: ExportItem, rate: int) -> None:
    """The supplier's amounts are the wallet's times a whole number, so that no rounding is ours."""

    def abroad(amount: Amount) -> Amount:
        return Amount(amount.wallet, Money(amount.wallet.minor * rate, "EUR"))

    lines = tuple(
        replace(
            each,
            amount=abroad(each.amount),
            net=abroad(each.net),
            tax=replace(each.tax, amount=abroad(each.tax.amount)) if each.tax else None,
        )
        for each in one.lines
    )
    made = entry(replace(one, amount=abroad(one.amount), lines=lines))
    assert sum(posted.foreign.minor for posted in made.lines if posted.foreign) == 0
    for posted in made.lines:
        assert posted.foreign == Money(int((posted.debit - posted.credit) * 100) * rate, "EUR")


# ------------------------------------------------------------------ accounts payable

PAYABLE_CODES = (PAYABLE, ACME_PAYABLE, STAFF_PAYABLE)


@st.composite
def owed(draw: st.DrawFn) -> ExportItem:
    """Anything bookable, for accounts payable: a vendor with or without an account of its own, an employee."""
    one = draw(bookable())
    chosen = vendor(draw(st.sampled_from(["V1", "V2"])))
    return replace(one, method="accounts_payable", vendor=chosen, user=EMPLOYEE)


def entries(made: Document) -> list[JournalEntry]:
    if isinstance(made, Bill):
        return [made.entry] if made.payment is None else [made.entry, made.payment]
    return [made]


@pytest.mark.rule("EXP-BOOK-06", "EXP-AP-02", "EXP-AP-03", "EXP-VENDOR-08")
@MANY
@given(owed())
def test_every_document_balances_and_names_its_vendor_once(one: ExportItem) -> None:
    made = document(one)
    for each in entries(made):
        assert sum(line.debit for line in each.lines) == sum(line.credit for line in each.lines) > 0
        assert [line.vendor for line in each.lines if line.account.code in PAYABLE_CODES] == [
            line.vendor for line in each.lines if line.vendor is not None
        ]
    named = {line.vendor for each in entries(made) for line in each.lines if line.vendor}
    assert len(named) == (0 if one.type.startswith("wallet_") else 1)
    if isinstance(made, Bill):
        assert named == {made.vendor.id}
        assert abs(payable(made.entry)) == made.total == Decimal(abs(one.amount.wallet.minor)) / 100
        assert made.credit_note == (payable(made.entry) > 0)


@pytest.mark.rule("EXP-AP-02", "EXP-AP-10", "EXP-TAX-08")
@MANY
@given(owed())
def test_bill_and_payment_together_are_what_the_journal_would_have_booked(one: ExportItem) -> None:
    """The payable account is left as it was; expense, VAT and wallet move as in a journal entry."""
    made = document(one)
    if not isinstance(made, Bill) or made.payment is None:
        return
    together = net_by_account(*made.entry.lines, *made.payment.lines)
    assert not together.keys() & set(PAYABLE_CODES)
    assert together == net_by_account(*entry(replace(one, method="journal")).lines)


def net_by_account(*lines: EntryLine) -> dict[str, Decimal]:
    """Debit minus credit of every account that is left with something."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for posted in lines:
        sums[posted.account.code] += posted.debit - posted.credit
    return {code: moved for code, moved in sums.items() if moved}


@MANY
@given(bookable())
def test_vendors_change_no_journal_entry_that_names_none(one: ExportItem) -> None:
    assert document(one) == entry(one)


# ------------------------------------------------------------------ anything at all

WEIRD = st.text(max_size=12)
CURRENCY = st.sampled_from(["DKK", "DKK", "DKK", "EUR", "UNDEFINED", ""]) | WEIRD
MONEY = st.builds(Money, st.integers(-(10**20), 10**20) | st.integers(-500, 500), CURRENCY)
AMOUNT = st.builds(Amount, MONEY, MONEY)
CODES = st.sampled_from([EXPENSE, "0000", "a1", "7000", "6802", "9999", "5820"]) | WEIRD
PLEO_ACCOUNT = st.builds(PleoAccount, WEIRD, WEIRD, st.none() | CODES, st.none() | CODES)
PLEO_TAX = st.builds(
    PleoTax,
    WEIRD,
    st.none() | st.sampled_from(["I25", "I0", "RC25", "OLD", "TWO", "EMPTY", "LOST"]) | WEIRD,
    st.decimals(),
    st.sampled_from(["inclusive", "exclusive", "reverse"]) | WEIRD,
    AMOUNT,
    st.none() | CODES,
    st.none() | CODES,
)
TAGS = st.lists(
    st.builds(PleoTag, WEIRD, st.sampled_from(["IT", "P1"]) | WEIRD, st.sampled_from(["CC", "prj"]) | WEIRD), max_size=3
).map(tuple)
LINE = st.builds(ItemLine, WEIRD, AMOUNT, AMOUNT, st.none() | PLEO_ACCOUNT, st.none() | PLEO_TAX, TAGS)
TYPES = st.sampled_from(sorted({type_ for type_, _ in TABLE})) | WEIRD
SUB_TYPES = st.none() | st.sampled_from(sorted({sub for _, sub in TABLE if sub})) | WEIRD
PERSON = st.builds(Person, WEIRD, WEIRD, st.none() | WEIRD)
ANYTHING = st.builds(
    ExportItem,
    accounting_entry_id=WEIRD,
    company_id=WEIRD,
    type=TYPES,
    sub_type=SUB_TYPES,
    date=st.datetimes(timezones=st.none() | st.timezones()),
    amount=AMOUNT,
    lines=st.lists(LINE, max_size=4).map(tuple),
    reconciliation_id=WEIRD,
    method=st.none() | st.sampled_from(["journal", "none", "accounts_payable"]) | WEIRD,
    contra_account=st.none() | PLEO_ACCOUNT,
    supplier=st.none() | st.builds(Supplier, name=st.none() | WEIRD, account=st.none() | CODES),
    vendor=st.none() | st.builds(Vendor, WEIRD, WEIRD, *[st.none() | WEIRD | st.sampled_from(["V1", "e1", "V4"])] * 5),
    user=st.none() | PERSON,
    note=st.none() | st.text(),
    attendees=st.lists(WEIRD, max_size=3).map(tuple),
    reconciled_entries=st.lists(WEIRD, max_size=3).map(tuple),
    invoice=st.none()
    | st.builds(InvoiceInformation, WEIRD, st.dates(), WEIRD, st.none() | st.dates(), st.none() | st.dates()),
    service_period=st.none() | st.tuples(st.dates(), st.dates()),
)


@pytest.mark.rule("EXP-DATA-12", "EXP-BOOK-06")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    ANYTHING,
    st.sampled_from(list(ClosedPeriod)),
    st.sampled_from(["UTC", "Europe/Copenhagen", "Nowhere"]),
    st.sampled_from([None, VENDORS]),
)
def test_nothing_pleo_could_send_breaks_the_books(
    one: ExportItem, strategy: ClosedPeriod, zone: str, vendors: VendorIndex | None
) -> None:
    """Always an answer; if a document, one that balances; if problems, each with all its facts."""
    made: Any = result(one, config=config(closed_period=strategy, time_zone=zone), chart=CHART, vendors=vendors)
    if isinstance(made, JournalEntry | Bill):
        for each in entries(made):
            assert sum(posted.debit for posted in each.lines) == sum(posted.credit for posted in each.lines) > 0
    elif not isinstance(made, NothingToPost):
        assert made
        for found in made:
            assert found.row.item_type is not None
            assert found.row.text.format_map(dict(found.facts))


def test_booking_leaves_its_inputs_alone() -> None:
    one = item(lines=[line(12_500, tax=vat(2_500), tags={"CC": "IT"})])
    before = repr((one, CONFIG))
    entry(one)
    assert repr((one, CONFIG)) == before


def test_today_matters_to_no_item_of_an_open_period() -> None:
    assert result(item(date=dt.datetime(2026, 12, 31, 22, tzinfo=dt.UTC))) == result(
        item(date=dt.datetime(2026, 12, 31, 10, tzinfo=dt.UTC))
    )
