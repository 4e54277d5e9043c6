"""What is wrong with a configuration before a cent is booked with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledgerbridge.bookkeeping.configuration import check, check_job
from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import Journal

from .books import (
    CHART,
    CLOSED,
    CONFIG,
    CONTRA,
    CONTRA_WALLET,
    DIMENSIONS,
    EXTERNAL,
    OUT_OF_POCKET,
    PARTY_PAYABLE,
    PAYABLE,
    TWIN,
    VENDORS,
    WALLET,
    chart,
    config,
)


def faults(**changes: Any) -> dict[str, str]:
    return {fault.path: fault.text for fault in check(config(**changes), CHART)}


def job_failures(**changes: Any) -> list[Failure]:
    return [found.failure for found in check_job(config(**changes), chart())]


def test_a_good_configuration_has_no_fault() -> None:
    assert check(CONFIG, CHART) == ()
    assert check_job(CONFIG, chart()) == ()
    assert faults(external_reimbursement=None, payable=None, dimensions=(), tax_codes={"X": "t1"}) == {}
    assert faults(wallet={"DKK": WALLET, "EUR": CONTRA_WALLET, "*": WALLET}) == {}
    assert faults(external_reimbursement=CONTRA) == {}


@pytest.mark.rule("EXP-ACCT-09")
@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"journal": ""}, "journal"),
        ({"journal": "NOPE"}, "journal"),
        ({"wallet": {"DKK": "0000"}}, "accounts.wallet.DKK"),
        ({"wallet": {"DKK": WALLET, "EUR": CLOSED}}, "accounts.wallet.EUR"),
        ({"wallet": {"*": ""}}, "accounts.wallet.*"),
        ({"wallet": {"EUR": WALLET}}, "accounts.wallet.DKK"),
        ({"wallet": {}}, "accounts.wallet.DKK"),
        ({"out_of_pocket": "0000"}, "accounts.out_of_pocket"),
        ({"out_of_pocket": ""}, "accounts.out_of_pocket"),
        ({"contra": TWIN}, "accounts.contra"),
        ({"external_reimbursement": "0000"}, "accounts.external_reimbursement"),
        ({"out_of_pocket": PARTY_PAYABLE}, "accounts.out_of_pocket"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"tax_codes": {"X": "t4"}}, "tax.codes.X"),
        ({"dimensions": ("CC", "NOPE")}, "dimensions.1"),
    ],
)
def test_a_fault_names_its_place_and_says_what_is_wrong(changes: dict[str, Any], path: str) -> None:
    found = faults(**changes)
    assert list(found) == [path]
    assert found[path].endswith(".")
    assert "?" not in found[path]
    assert "{" not in found[path]


def test_the_sentence_names_the_code() -> None:
    assert faults(payable="0000") == {
        "accounts.payable": "Account 0000 does not exist in the accounting system or is closed there."
    }
    assert faults(out_of_pocket=PARTY_PAYABLE)["accounts.out_of_pocket"].startswith(
        f"Account {PARTY_PAYABLE} needs a supplier"
    )


def test_at_most_five_dimensions() -> None:
    codes = tuple(f"D{number}" for number in range(6))
    known = replace(CHART, dimensions=tuple(replace(DIMENSIONS[0], code=code) for code in codes))
    assert [fault.path for fault in check(config(dimensions=codes), known)] == ["dimensions"]
    assert check(config(dimensions=codes[:5]), known) == ()


def test_a_dimension_is_selected_once() -> None:
    assert list(faults(dimensions=("CC", "cc"))) == ["dimensions.0", "dimensions.1"]


def test_a_journal_code_must_be_unique() -> None:
    twice = replace(CHART, journals=(*CHART.journals, Journal("j2", "EXP", "Other")))
    assert [fault.path for fault in check(CONFIG, twice)] == ["journal"]


@pytest.mark.rule("EXP-ACCT-14")
@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"out_of_pocket": WALLET}, "accounts.out_of_pocket"),
        ({"external_reimbursement": WALLET}, "accounts.external_reimbursement"),
        ({"external_reimbursement": OUT_OF_POCKET}, "accounts.external_reimbursement"),
        ({"external_reimbursement": None, "contra": WALLET}, "accounts.contra"),
        ({"external_reimbursement": None, "contra": OUT_OF_POCKET}, "accounts.contra"),
        ({"wallet": {"DKK": WALLET, "EUR": OUT_OF_POCKET}}, "accounts.out_of_pocket"),
        ({"contra": WALLET}, "accounts.contra"),
        ({"payable": WALLET}, "accounts.payable"),
    ],
)
def test_accounts_that_stand_for_different_things_must_differ(changes: dict[str, Any], path: str) -> None:
    found = faults(**changes)
    assert list(found) == [path]
    assert "must differ" in found[path]
    assert job_failures(**changes) == [Failure.ACCOUNTS_EQUAL]


@pytest.mark.rule("EXP-ACCT-16")
def test_contra_and_external_reimbursement_may_be_one_account() -> None:
    assert faults(external_reimbursement=EXTERNAL, contra=EXTERNAL) == {}
    assert faults(payable=OUT_OF_POCKET, out_of_pocket=PAYABLE, contra=CONTRA) == {}
    assert faults(contra=OUT_OF_POCKET) == {}


@pytest.mark.rule("EXP-VALID-13")
@pytest.mark.parametrize(
    ("changes", "failure"),
    [
        ({"journal": ""}, Failure.JOURNAL_MISSING),
        ({"journal": "NOPE"}, Failure.JOURNAL_UNKNOWN),
        ({"wallet": {"DKK": CLOSED}}, Failure.CONFIGURED_ACCOUNT_UNKNOWN),
        ({"wallet": {}}, Failure.ACCOUNT_NOT_CONFIGURED),
        ({"out_of_pocket": "0000"}, Failure.CONFIGURED_ACCOUNT_UNKNOWN),
        ({"out_of_pocket": PARTY_PAYABLE}, Failure.CONFIGURED_ACCOUNT_NEEDS_PARTY),
        ({"wallet": {"DKK": TWIN}}, Failure.ACCOUNT_AMBIGUOUS),
        ({"time_zone": "Mars/Olympus"}, Failure.TIME_ZONE_UNKNOWN),
    ],
)
def test_faults_that_spoil_every_item_fail_the_job(changes: dict[str, Any], failure: Failure) -> None:
    (found,) = check_job(config(**changes), chart())
    assert found.failure is failure
    assert found.row.job_type in ("missing_configuration", "invalid_configuration")
    assert "?" not in found.text


@pytest.mark.parametrize(
    "changes",
    [{"payable": "0000"}, {"contra": "0000"}, {"external_reimbursement": "0000"}, {"dimensions": ("NOPE",)}],
)
def test_a_fault_that_only_some_items_meet_does_not_stop_the_others(changes: dict[str, Any]) -> None:
    assert faults(**changes)
    assert job_failures(**changes) == []


def test_the_payable_account_may_ask_for_a_party_because_bills_name_one() -> None:
    assert faults(payable=PARTY_PAYABLE) == {}


@pytest.mark.rule("EXP-VENDOR-09", "EXP-ACCT-09")
@pytest.mark.parametrize("code", ["V0", "V4"])
def test_a_default_vendor_must_be_known_and_open(code: str) -> None:
    (fault,) = check(config(default_vendor=code), CHART, VENDORS)
    assert (fault.path, fault.problem) == ("default_vendor", None)
    assert fault.text.startswith(f"Vendor {code} does not exist")
    assert job_failures(default_vendor=code) == []


def test_a_default_vendor_is_looked_at_only_where_vendors_are_known() -> None:
    assert check(config(default_vendor="V999"), CHART, VENDORS) == ()
    assert check(config(default_vendor="V0"), CHART) == ()
    assert check(config(default_vendor=None), CHART, VENDORS) == ()
