"""Tags become dimensions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledgerbridge.bookkeeping.problem import Failure

from .books import ACCOUNTS, BALANCE, DIMENSIONS, VAT_IN, chart, config, entry, failures, item, line, problems, vat

REQUIRED = tuple(replace(one, required=one.code == "PRJ") for one in DIMENSIONS)


@pytest.mark.rule("EXP-MAP-02", "EXP-MAP-09")
def test_tags_of_selected_dimensions_are_carried_as_the_erp_spells_them() -> None:
    made = entry(item(lines=[line(100, tags={"prj": "p1", "cc": "Sales"})]))
    assert made.lines[0].dimensions == (("CC", "SALES"), ("PRJ", "P1"))
    assert made.lines[1].dimensions == ()


@pytest.mark.rule("TAG-111")
def test_five_tags_on_one_expense_all_reach_the_books() -> None:
    """Five is the most Pleo puts on an expense and the most that can be selected, so none is ever left behind."""
    five = tuple(replace(DIMENSIONS[0], code=f"D{number}") for number in range(5))
    tags = {f"D{number}": "IT" for number in range(5)}
    made = entry(
        item(lines=[line(100, tags=tags)]), chart=chart(dimensions=five), config=config(dimensions=tuple(tags))
    )
    assert made.lines[0].dimensions == tuple(tags.items())


def test_a_tag_of_a_dimension_that_is_not_selected_is_information_only() -> None:
    made = entry(item(lines=[line(100, tags={"PRJ": "nowhere", "TEAM": "x"})]), config=config(dimensions=("CC",)))
    assert made.lines[0].dimensions == ()


@pytest.mark.rule("EXP-ERR-01", "EXP-ERR-02", "EXP-ERR-07")
@pytest.mark.parametrize("code", ["nowhere", "Dup", ""])
def test_a_tag_the_erp_does_not_know_fails_the_item(code: str) -> None:
    (found,) = problems(item(lines=[line(100, tags={"CC": code})]))
    assert found.failure is Failure.TAG_UNKNOWN
    assert found.row.item_type == "tag_unknown"
    assert found.text == (
        f"Tag {code} of CC does not exist in the accounting system. Choose another tag on the expense in Pleo, "
        "or revive it there, then export again."
    )


def test_values_that_differ_in_case_alone_are_found_by_their_exact_code() -> None:
    assert entry(item(lines=[line(100, tags={"CC": "DUP"})])).lines[0].dimensions == (("CC", "DUP"),)


def test_a_selected_dimension_the_erp_lost_fails_items_that_use_it() -> None:
    lost = chart(dimensions=DIMENSIONS[:1])
    assert failures(item(lines=[line(100, tags={"PRJ": "P1"})]), chart=lost) == [Failure.TAG_UNKNOWN]
    assert entry(item(lines=[line(100, tags={"CC": "IT"})]), chart=lost).lines[0].dimensions == (("CC", "IT"),)


def test_two_tags_of_one_dimension_are_a_contradiction() -> None:
    (found,) = problems(item(lines=[line(100, tags=[("CC", "IT"), ("cc", "SALES")])]))
    assert found.failure is Failure.TAG_REPEATED
    assert "CC: IT, SALES" in found.text


def test_the_same_tag_twice_is_one_tag() -> None:
    assert entry(item(lines=[line(100, tags=[("CC", "IT"), ("CC", "it")])])).lines[0].dimensions == (("CC", "IT"),)


def test_a_required_dimension_must_be_there_on_accounts_that_need_it() -> None:
    demanding = chart(dimensions=REQUIRED)
    (found,) = problems(item(lines=[line(100, tags={"CC": "IT"})]), chart=demanding)
    assert found.failure is Failure.DIMENSION_MISSING
    assert "wants a Project on account 4010" in found.text
    assert entry(item(lines=[line(100, on=BALANCE)]), chart=demanding).lines[0].dimensions == ()
    tagged = entry(item(lines=[line(100, tags={"PRJ": "P2"})]), chart=demanding)
    assert tagged.lines[0].dimensions == (("PRJ", "P2"),)


def test_a_required_dimension_that_is_not_selected_is_left_to_the_erp() -> None:
    tagged = item(lines=[line(100, tags={"CC": "IT", "PRJ": "P2"})])
    booked = entry(tagged, chart=chart(dimensions=REQUIRED), config=config(dimensions=("CC",)))
    assert booked.lines[0].dimensions == (("CC", "IT"),)


def test_a_vat_line_carries_dimensions_only_where_its_account_needs_them() -> None:
    taxed = item(lines=[line(12_500, tags={"PRJ": "P1"}, tax=vat(2_500))])
    assert entry(taxed).lines[1].dimensions == ()
    needing = tuple(replace(one, needs_dimensions=True) if one.code == VAT_IN else one for one in ACCOUNTS)
    assert entry(taxed, chart=chart(accounts=needing)).lines[1].dimensions == (("PRJ", "P1"),)


def test_a_line_without_any_tag_is_booked_without_dimensions_for_a_person_to_complete() -> None:
    untagged = entry(item(lines=[line(100)]), chart=chart(dimensions=REQUIRED))
    assert all(one.dimensions == () for one in untagged.lines)
