"""VAT as Pleo sent it: on its own line, once, and in the ERP's VAT return."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import PleoTax, TaxMode, TaxPosting

from .books import (
    CLOSED,
    EXPENSE,
    OTHER_VAT,
    PARTY_PAYABLE,
    VAT_IN,
    VAT_OUT,
    WALLET,
    amount,
    booked,
    config,
    entry,
    failures,
    item,
    line,
    problems,
    vat,
)


def _base(component: str, units: str) -> TaxPosting:
    return TaxPosting(component, "base", Decimal(units))


def _tax(component: str, units: str) -> TaxPosting:
    return TaxPosting(component, "tax", Decimal(units))


@pytest.mark.rule("EXP-TAX-02", "EXP-TAX-03", "EXP-TAX-04", "EXP-BOOK-07")
@pytest.mark.parametrize(("type_", "net"), [("inclusive", 12_500), ("exclusive", 10_000)])
def test_net_is_read_in_the_light_of_the_tax_type(type_: str, net: int) -> None:
    made = entry(item(lines=[line(12_500, net=net, tax=vat(2_500, type_))]))
    assert booked(made) == [(EXPENSE, "100.00"), (VAT_IN, "25.00"), (WALLET, "-125.00")]
    assert [one.taxes for one in made.lines] == [(_base("c1", "100.00"),), (_tax("c1", "25.00"),), ()]


@pytest.mark.rule("EXP-TAX-02", "EXP-TAX-05")
def test_reverse_charge_is_booked_both_ways_and_costs_nothing() -> None:
    made = entry(item(lines=[line(10_000, tax=vat(2_500, "reverse", "RC25"))]))
    assert booked(made) == [(EXPENSE, "100.00"), (VAT_IN, "25.00"), (VAT_OUT, "-25.00"), (WALLET, "-100.00")]
    assert [one.taxes for one in made.lines] == [
        (_base("c3", "100.00"), _base("c4", "100.00")),
        (_tax("c3", "25.00"),),
        (_tax("c4", "-25.00"),),
        (),
    ]


@pytest.mark.rule("EXP-TAX-05")
def test_the_accounts_pleo_names_for_a_tax_come_first() -> None:
    reverse = vat(2_500, "reverse", "RC25", ingoing=OTHER_VAT, outgoing=VAT_IN)
    made = entry(item(lines=[line(10_000, tax=reverse)]))
    assert booked(made)[1:3] == [(OTHER_VAT, "25.00"), (VAT_IN, "-25.00")]
    standard = vat(2_500, ingoing=OTHER_VAT, outgoing=VAT_OUT)
    made = entry(item(lines=[line(12_500, tax=standard)]))
    assert booked(made) == [(EXPENSE, "100.00"), (OTHER_VAT, "25.00"), (WALLET, "-125.00")]


@pytest.mark.rule("EXP-TAX-08")
def test_vat_is_booked_as_sent_and_not_worked_out_from_the_rate() -> None:
    overwritten = PleoTax("tax", "I25", Decimal("0.25"), "inclusive", amount(1_999), None, None)
    made = entry(item(lines=[line(12_500, tax=overwritten)]))
    assert booked(made) == [(EXPENSE, "105.01"), (VAT_IN, "19.99"), (WALLET, "-125.00")]


@pytest.mark.rule("EXP-TAX-04")
@pytest.mark.parametrize("mode", list(TaxMode))
def test_a_journal_entry_carries_its_vat_in_either_mode_and_only_once(mode: TaxMode) -> None:
    made = entry(item(lines=[line(12_500, tax=vat(2_500))]), config=config(tax_mode=mode))
    assert [code for code, _ in booked(made)].count(VAT_IN) == 1
    assert sum(one.debit for one in made.lines) == 125


@pytest.mark.rule("EXP-TYPE-01")
@pytest.mark.parametrize("type_", ["refund", "chargeback"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_refund_takes_its_vat_back(type_: str, sign: int) -> None:
    made = entry(item(type_, lines=[line(12_500 * sign, tax=vat(2_500 * sign))]))
    assert booked(made) == [(WALLET, "125.00"), (EXPENSE, "-100.00"), (VAT_IN, "-25.00")]
    assert [one.taxes for one in made.lines] == [(), (_base("c1", "-100.00"),), (_tax("c1", "-25.00"),)]


def test_a_refund_under_reverse_charge_turns_all_of_it_round() -> None:
    made = entry(item("refund", lines=[line(10_000, tax=vat(2_500, "reverse", "RC25"))]))
    assert booked(made) == [(WALLET, "100.00"), (EXPENSE, "-100.00"), (VAT_IN, "-25.00"), (VAT_OUT, "25.00")]
    assert made.lines[3].taxes == (_tax("c4", "25.00"),)


@pytest.mark.rule("EXP-TYPE-20")
@pytest.mark.parametrize("type_", ["cashback", "personal_spend", "atm_withdrawal", "invoice_payment"])
def test_vat_has_no_place_in_postings_that_are_no_purchase(type_: str) -> None:
    made = entry(item(type_, lines=[line(12_500, net=10_000, tax=vat(2_500, "nonsense", "NOPE"))]))
    assert [one.taxes for one in made.lines] == [(), ()]
    assert made.total == 125


@pytest.mark.rule("EXP-TAX-07")
def test_a_line_without_tax_is_booked_in_full() -> None:
    made = entry(item(lines=[line(12_500, tax=None)]))
    assert booked(made) == [(EXPENSE, "125.00"), (WALLET, "-125.00")]
    assert made.lines[0].taxes == ()


@pytest.mark.parametrize(
    ("code", "type_", "bases"),
    [
        ("I0", "inclusive", ("c2",)),
        ("I25", "exclusive", ("c1",)),
        ("RC25", "reverse", ("c3", "c4")),
        ("EMPTY", "inclusive", ()),
        (None, "inclusive", ()),
    ],
)
def test_vat_of_zero_still_reports_its_base(code: str | None, type_: str, bases: tuple[str, ...]) -> None:
    made = entry(item(lines=[line(10_000, tax=vat(0, type_, code))]))
    assert booked(made) == [(EXPENSE, "100.00"), (WALLET, "-100.00")]
    assert made.lines[0].taxes == tuple(_base(one, "100.00") for one in bases)


def test_a_line_that_is_nothing_but_vat_has_no_base() -> None:
    made = entry(item(lines=[line(2_500, tax=vat(2_500))]))
    assert booked(made) == [(VAT_IN, "25.00"), (WALLET, "-25.00")]


@pytest.mark.rule("EXP-MAP-09", "EXP-TAX-01")
@pytest.mark.parametrize("named", ["I25", "t1", "Purchase VAT 25%"])
def test_a_tax_code_is_found_by_code_id_or_name(named: str) -> None:
    assert entry(item(lines=[line(12_500, tax=vat(2_500, code=named))])).lines[1].taxes == (_tax("c1", "25.00"),)


def test_the_mapping_of_the_customer_comes_first() -> None:
    mapped = config(tax_codes={"I0": "t1"})
    assert entry(item(lines=[line(12_500, tax=vat(2_500, code="I0"))]), config=mapped).lines[1].account.code == VAT_IN


@pytest.mark.rule("EXP-TAX-06", "EXP-ERR-01", "EXP-ERR-02", "EXP-ERR-07")
@pytest.mark.parametrize("code", ["NOPE", "OLD", "t4", "Same name"])
@pytest.mark.parametrize("tax", [0, 2_500])
def test_an_unknown_retired_or_ambiguous_tax_code_fails_the_item(code: str, tax: int) -> None:
    (found,) = problems(item(lines=[line(12_500, tax=vat(tax, code=code))]))
    assert found.failure is Failure.TAX_CODE_UNKNOWN
    assert found.internal == ("2 taxes match" if code == "Same name" else "")
    assert found.row.item_type == "tax_code_unknown"
    assert found.text == (
        f"Tax code {code} does not exist in the accounting system. Choose another tax code on the expense in Pleo, "
        "or map or revive the code, then export again."
    )


def test_a_mapping_to_a_retired_tax_fails_the_item() -> None:
    mapped = config(tax_codes={"I25": "t4"})
    (found,) = problems(item(lines=[line(12_500, tax=vat(2_500))]), config=mapped)
    assert (found.failure, found.internal) == (Failure.TAX_CODE_UNKNOWN, "mapped to ERP tax t4")


@pytest.mark.rule("EXP-TAX-05")
@pytest.mark.parametrize("code", [None, ""])
def test_vat_without_a_code_goes_on_the_accounts_pleo_names_outside_the_vat_return(code: str | None) -> None:
    made = entry(item(lines=[line(12_500, tax=vat(2_500, code=code, ingoing=VAT_IN))]))
    assert booked(made) == [(EXPENSE, "100.00"), (VAT_IN, "25.00"), (WALLET, "-125.00")]
    assert all(one.taxes == () for one in made.lines)
    reverse = vat(2_500, "reverse", code, ingoing=VAT_IN, outgoing=VAT_OUT)
    made = entry(item(lines=[line(10_000, tax=reverse)]))
    assert booked(made) == [(EXPENSE, "100.00"), (VAT_IN, "25.00"), (VAT_OUT, "-25.00"), (WALLET, "-100.00")]


def test_reverse_charge_without_a_code_needs_both_accounts_and_they_must_exist() -> None:
    half = vat(2_500, "reverse", None, ingoing=VAT_IN)
    assert failures(item(lines=[line(10_000, tax=half)])) == [Failure.TAX_CODE_MISSING]
    gone = vat(2_500, code=None, ingoing="0000")
    assert failures(item(lines=[line(12_500, tax=gone)])) == [Failure.TAX_ACCOUNT_UNKNOWN]


@pytest.mark.parametrize("code", [None, ""])
def test_vat_without_a_code_has_no_account_to_go_to(code: str | None) -> None:
    (found,) = problems(item(lines=[line(12_500, tax=vat(2_500, code=code))]))
    assert found.failure is Failure.TAX_CODE_MISSING
    assert found.text.startswith("The expense has VAT of DKK 25.00 but no tax code")


@pytest.mark.rule("EXP-TAX-02")
@pytest.mark.parametrize("type_", ["", "margin", "INCLUSIVE"])
def test_an_unknown_tax_type_is_never_guessed(type_: str) -> None:
    (found,) = problems(item(lines=[line(12_500, tax=vat(2_500, type_))]))
    assert found.failure is Failure.TAX_TYPE_UNKNOWN
    assert f"the tax type {type_ or '(none)'}," in found.text


@pytest.mark.rule("EXP-TAX-03", "EXP-TAX-08")
@pytest.mark.parametrize(
    ("type_", "net", "tax"),
    [
        ("inclusive", 10_000, 2_500),
        ("exclusive", 12_500, 2_500),
        ("exclusive", 10_001, 2_500),
        ("reverse", 10_000, 2_500),
        ("inclusive", 12_500, -2_500),
        ("exclusive", 15_000, -2_500),
        ("inclusive", 12_500, 12_501),
    ],
)
def test_amounts_that_do_not_agree_hold_the_item_back(type_: str, net: int, tax: int) -> None:
    code = "RC25" if type_ == "reverse" else "I25"
    (found,) = problems(item(lines=[line(12_500, net=net, tax=vat(tax, type_, code))]))
    assert found.failure is Failure.TAX_AMOUNTS_DISAGREE
    assert "the line amount DKK 125.00" in found.text


def test_a_net_amount_without_tax_must_be_the_line_amount() -> None:
    assert failures(item(lines=[line(12_500, net=10_000)])) == [Failure.TAX_AMOUNTS_DISAGREE]


@pytest.mark.parametrize(("type_", "code"), [("inclusive", "RC25"), ("exclusive", "RC25"), ("reverse", "I25")])
def test_reverse_charge_on_one_side_only_is_held_back(type_: str, code: str) -> None:
    assert Failure.TAX_TYPE_CONTRADICTS in failures(item(lines=[line(10_000, tax=vat(0, type_, code))]))


def test_the_contradiction_is_spelled_out() -> None:
    (found,) = problems(item(lines=[line(12_500, tax=vat(2_500, code="RC25"))]))
    assert found.text.startswith(
        "Pleo sent inclusive VAT for tax code RC25, but in the accounting system that tax is a reverse charge."
    )
    (found,) = problems(item(lines=[line(12_500, tax=vat(2_500, "reverse"))]))
    assert "that tax is not a reverse charge." in found.text


def test_a_tax_of_several_parts_is_not_shared_out() -> None:
    assert failures(item(lines=[line(12_500, tax=vat(0, "reverse", "TWO-OUT"))])) == [Failure.TAX_NOT_SPLITTABLE]
    assert failures(item(lines=[line(12_500, tax=vat(2_500, code="TWO"))])) == [Failure.TAX_NOT_SPLITTABLE]


@pytest.mark.parametrize("code", ["I0", "EMPTY"])
def test_a_tax_without_vat_account_is_named(code: str) -> None:
    assert failures(item(lines=[line(12_500, tax=vat(2_500, code=code))])) == [Failure.TAX_ACCOUNT_MISSING]


@pytest.mark.rule("EXP-ACCT-09")
def test_a_vat_account_must_be_usable() -> None:
    assert failures(item(lines=[line(12_500, tax=vat(2_500, code="LOST"))])) == [Failure.TAX_ACCOUNT_UNKNOWN]
    gone = vat(2_500, "reverse", "RC25", ingoing=CLOSED, outgoing="0000")
    (ingoing, outgoing) = problems(item(lines=[line(12_500, tax=gone)]))
    assert (ingoing.facts["account"], outgoing.facts["account"]) == (CLOSED, "0000")
    assert failures(item(lines=[line(12_500, tax=vat(2_500, ingoing=PARTY_PAYABLE))])) == [Failure.ACCOUNT_NEEDS_PARTY]
