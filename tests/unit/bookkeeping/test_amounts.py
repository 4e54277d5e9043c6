"""Sums, splits, currencies: no cent appears, none is lost."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.amounts import LARGEST, spelled, total
from ledgerbridge.bookkeeping.problem import Failure

from .books import (
    EXPENSE,
    OTHER_EXPENSE,
    PAYABLE,
    VAT_IN,
    WALLET,
    amount,
    booked,
    chart,
    config,
    entry,
    failures,
    item,
    line,
    money,
    problems,
    vat,
)


@pytest.mark.rule("EXP-DATA-09", "EXP-FX-01")
@pytest.mark.parametrize(("minor", "units"), [(6366, "63.66"), (130_000, "1300.00"), (89_696, "896.96"), (1, "0.01")])
def test_money_is_hundredths(minor: int, units: str) -> None:
    assert booked(entry(item(minor=minor))) == [(EXPENSE, units), (WALLET, f"-{units}")]


@pytest.mark.rule("EXP-DATA-09")
@pytest.mark.parametrize("currency", ["JPY", "ISK", "KWD"])
def test_hundredths_hold_for_currencies_with_other_decimals(currency: str) -> None:
    one = item(amount=amount(12_345, currency), lines=[line(12_345, currency=currency)])
    made = entry(one, chart=chart(currency=currency), config=config(wallet={"*": WALLET}))
    assert made.total == Decimal("123.45")


@pytest.mark.rule("EXP-SPLIT-01", "EXP-SPLIT-02", "EXP-MAP-09", "EXP-TAX-01")
def test_a_split_is_one_debit_a_line_and_one_credit() -> None:
    made = entry(
        item(
            lines=[
                line(8_000, on=EXPENSE, tags={"CC": "IT"}),
                line(2_500, on=OTHER_EXPENSE, tags={"CC": "SALES"}, tax=vat(500)),
            ]
        )
    )
    assert booked(made) == [(EXPENSE, "80.00"), (OTHER_EXPENSE, "20.00"), (VAT_IN, "5.00"), (WALLET, "-105.00")]
    assert [one.dimensions for one in made.lines] == [(("CC", "IT"),), (("CC", "SALES"),), (), ()]


@pytest.mark.rule("EXP-TYPE-15")
@pytest.mark.parametrize("sign", [1, -1])
def test_split_lines_keep_their_sign_relative_to_the_total(sign: int) -> None:
    made = entry(item("refund", lines=[line(12_000 * sign), line(-2_000 * sign, on=OTHER_EXPENSE)]))
    assert booked(made) == [(WALLET, "100.00"), (EXPENSE, "-120.00"), (OTHER_EXPENSE, "20.00")]


def test_a_deduction_on_a_purchase_is_credited() -> None:
    made = entry(item(lines=[line(12_000), line(-2_000, on=OTHER_EXPENSE)]))
    assert booked(made) == [(EXPENSE, "120.00"), (OTHER_EXPENSE, "-20.00"), (WALLET, "-100.00")]


def test_a_line_of_zero_leaves_no_trace() -> None:
    assert booked(entry(item(lines=[line(100), line(0)]))) == [(EXPENSE, "1.00"), (WALLET, "-1.00")]


@pytest.mark.rule("EXP-SPLIT-02", "EXP-ERR-01")
@pytest.mark.parametrize("lines", [[line(100), line(99)], [line(100)], []])
def test_lines_that_do_not_make_the_total_hold_the_item_back(lines: list[object]) -> None:
    found = problems(item(minor=200, lines=lines))  # type: ignore[arg-type]
    assert [one.failure for one in found] == [Failure.LINES_DO_NOT_ADD_UP]
    assert "item total is DKK 2.00" in found[0].text


@pytest.mark.rule("EXP-ACCT-09", "EXP-FX-04")
def test_another_currency_than_the_books_is_never_converted() -> None:
    (found,) = problems(
        item(amount=amount(100, "EUR"), lines=[line(100, currency="EUR")]), config=config(wallet={"*": WALLET})
    )
    assert found.failure is Failure.CURRENCY_MISMATCH
    assert "in EUR" in found.text
    assert "kept in DKK" in found.text


@pytest.mark.parametrize("currency", ["UNDEFINED", ""])
def test_an_amount_without_currency_is_held_back(currency: str) -> None:
    somewhere = config(wallet={"*": WALLET})
    whole = item(amount=amount(100, currency), lines=[line(100, currency=currency)])
    assert failures(whole, config=somewhere) == [Failure.CURRENCY_UNDEFINED]
    assert failures(item(amount=amount(100), lines=[line(100, currency=currency)])) == [Failure.CURRENCY_UNDEFINED]


def test_currencies_inside_one_item_must_not_differ() -> None:
    (found,) = problems(item(minor=200, lines=[line(100), line(100, currency="EUR")]))
    assert found.failure is Failure.CURRENCIES_MIXED
    assert "DKK and EUR" in found.text
    assert Failure.CURRENCIES_MIXED in failures(item(lines=[line(100, tax=vat(20, currency="EUR"))]))


def test_an_undefined_supplier_currency_does_not_matter_to_a_purchase() -> None:
    abroad = item(supplier_total=money(5, "UNDEFINED"), lines=[line(100, supplier=5, foreign="UNDEFINED")])
    assert entry(abroad).total == 1
    assert "UNDEFINED" not in entry(abroad).description


def test_an_amount_no_ledger_holds_is_refused() -> None:
    assert failures(item(minor=LARGEST + 1)) == [Failure.AMOUNT_INVALID]
    assert entry(item(minor=LARGEST)).total == Decimal(LARGEST) / 100
    absurd = 10**5000
    assert Failure.AMOUNT_INVALID in failures(item(minor=absurd))


def test_amounts_are_spelled_for_people() -> None:
    assert spelled(money(-123_456)) == "DKK -1234.56"
    assert spelled(money(-5)) == "DKK -0.05"
    assert spelled(money(0)) == "DKK 0.00"
    assert spelled(money(10**5000)) == "DKK over 100000000000000"


def test_the_total_is_what_the_item_moves() -> None:
    assert total(item("refund", -500)) == money(500)


# ------------------------------------------------------------------ supplier's currency


@pytest.mark.rule("EXP-FX-02", "EXP-FX-04")
def test_an_invoice_is_kept_in_the_suppliers_currency_too() -> None:
    lines = [
        line(7_500, supplier=1_000, foreign="EUR", tax=vat(1_500, supplier=money(200, "EUR"))),
        line(3_750, on=OTHER_EXPENSE, supplier=500, foreign="EUR"),
    ]
    made = entry(item("invoice", lines=lines, supplier_total=money(1_500, "EUR")))
    assert [(one.account.code, one.foreign) for one in made.lines] == [
        (EXPENSE, money(800, "EUR")),
        (VAT_IN, money(200, "EUR")),
        (OTHER_EXPENSE, money(500, "EUR")),
        (PAYABLE, money(-1_500, "EUR")),
    ]
    assert booked(made)[-1] == (PAYABLE, "-112.50")


@pytest.mark.rule("EXP-FX-01", "EXP-FX-02", "EXP-FX-03")
@pytest.mark.parametrize("type_", ["invoice_payment", "card_purchase", "out_of_pocket"])
def test_anything_else_is_kept_in_the_wallets_currency_alone(type_: str) -> None:
    lines = [line(7_500, supplier=1_000, foreign="EUR")]
    made = entry(item(type_, lines=lines, supplier_total=money(1_000, "EUR")))
    assert [one.foreign for one in made.lines] == [None, None]
    assert "EUR 10.00" in made.description


def test_an_invoice_in_the_books_own_currency_has_no_second_amount() -> None:
    assert [one.foreign for one in entry(item("invoice")).lines] == [None, None]


def _abroad(**changes: object) -> list[Failure]:
    values = {"supplier": 1_000, "foreign": "EUR"} | changes
    return failures(item("invoice", lines=[line(7_500, **values)], supplier_total=money(1_000, "EUR")))  # type: ignore[arg-type]


def test_the_suppliers_amounts_of_an_invoice_must_agree_as_well() -> None:
    assert _abroad(supplier=900) == [Failure.LINES_DO_NOT_ADD_UP]
    assert _abroad(supplier_net=999) == [Failure.TAX_AMOUNTS_DISAGREE]
    assert _abroad(foreign="USD") == [Failure.CURRENCIES_MIXED]


def test_an_invoice_without_supplier_currency_is_held_back() -> None:
    lines = [line(100, supplier=100, foreign="UNDEFINED")]
    assert failures(item("invoice", lines=lines, supplier_total=money(100, "UNDEFINED"))) == [
        Failure.CURRENCY_UNDEFINED
    ]


@pytest.mark.parametrize(
    ("wallet", "supplier"), [(7_500, -1_000), (7_500, 0), (-7_500, 0), (-7_500, 1_000), (0, 1_000)]
)
def test_both_currencies_of_an_invoice_go_the_same_way(wallet: int, supplier: int) -> None:
    lines = [line(wallet, supplier=supplier, foreign="EUR"), line(10_000, supplier=2_000, foreign="EUR")]
    (found,) = problems(item("invoice", lines=lines, supplier_total=money(supplier + 2_000, "EUR")))
    assert found.failure is Failure.CURRENCIES_CONTRADICT
    assert found.text.startswith(f"Line 1 has DKK {wallet / 100:.2f}")


def test_an_invoice_line_of_zero_in_both_currencies_is_no_contradiction() -> None:
    lines = [line(7_500, supplier=1_000, foreign="EUR"), line(0, supplier=0, foreign="EUR")]
    assert len(entry(item("invoice", lines=lines, supplier_total=money(1_000, "EUR"))).lines) == 2
