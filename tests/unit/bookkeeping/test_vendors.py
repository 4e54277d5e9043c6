"""Which vendor an item is booked on: by its keys or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.bookkeeping.problem import Failed, Failure, Problem
from ledgerbridge.bookkeeping.vendor_index import tax_number
from ledgerbridge.bookkeeping.vendors import VendorIndex, default, resolve
from ledgerbridge.bookkeeping.words import ExportItem, Person, Supplier

from .books import ACME, ANNA, BOLT, CONFIG, EMPLOYEE, GONE, SUNDRY, VENDORS, config, erp_vendor, payable_item, vendor


def found(what: ExportItem, index: VendorIndex = VENDORS, **changes: Any) -> ErpVendor:
    answer = resolve(what, index, config(**changes))
    assert isinstance(answer, ErpVendor), answer
    return answer


def refused(what: ExportItem, index: VendorIndex = VENDORS, **changes: Any) -> Problem:
    answer = resolve(what, index, config(**changes))
    assert isinstance(answer, Failed), answer
    (one,) = answer.problems
    assert "?" not in one.text
    return one


def tagged(*codes: str | None, **keys: Any) -> ExportItem:
    return payable_item(vendor=vendor(*codes, **keys))


# ------------------------------------------------------------------ a vendor chosen in Pleo


@pytest.mark.rule("VEN-106", "VEN-109")
@pytest.mark.parametrize("country", ["SE", "DK", "UK", None])
@pytest.mark.parametrize("key", ["tax_registration_number", "registration_number"])
def test_a_number_of_another_country_is_another_vendors(key: str, country: str | None) -> None:
    homes: dict[str | None, ErpVendor] = {
        home: erp_vendor(home, f"V-{home}", f"Acme {home}", country=home, **{key: "55512345"}) for home in ("SE", "GB")
    }
    index = VendorIndex(list(homes.values()))
    chosen = tagged(None, country=country, **{key: "555 123 45"})
    if country == "DK":
        assert refused(chosen, index).failure is Failure.VENDOR_UNKNOWN
    elif country is None:
        assert refused(chosen, index).failure is Failure.VENDOR_AMBIGUOUS
    else:
        assert found(chosen, index) == homes["GB" if country == "UK" else country]


@pytest.mark.rule("EXP-VENDOR-04", "VEN-106", "EXP-MAP-08")
@pytest.mark.parametrize(
    "keys",
    [
        pytest.param({"code": "V1"}, id="code"),
        pytest.param({"code": " V1 "}, id="code-trimmed"),
        pytest.param({"code": None, "external_id": "e1"}, id="erp-id"),
        pytest.param({"code": "old number", "external_id": "e1"}, id="erp-id-after-unknown-code"),
        pytest.param({"code": None, "tax_registration_number": "DK12345678"}, id="tax-id"),
        pytest.param({"code": None, "registration_number": "HRB 77"}, id="registration-number"),
        pytest.param({"code": "V1", "external_id": "e1", "tax_registration_number": "12345678"}, id="all-agree"),
        pytest.param({"code": "V1", "tax_registration_number": "DK 0"}, id="code-though-tax-id-unknown"),
    ],
)
def test_the_vendor_is_found_by_what_names_it(keys: dict[str, Any]) -> None:
    acme = replace(ACME, registration_number="HRB77")
    assert found(tagged(**keys), VendorIndex([acme, BOLT])) == acme


@pytest.mark.rule("EXP-VENDOR-04", "VEN-106")
@pytest.mark.parametrize(
    "keys",
    [
        {"code": "V1", "external_id": "e2"},
        {"code": "V2", "tax_registration_number": "DK12345678"},
        {"code": None, "external_id": "e2", "tax_registration_number": "DK12345678"},
    ],
)
def test_keys_of_different_vendors_fail_the_item_and_name_both(keys: dict[str, Any]) -> None:
    one = refused(tagged(**keys))
    assert (one.failure, one.row.item_type) == (Failure.VENDOR_CONTRADICTORY, "vendor_unknown")
    assert "Acme (number V1)" in one.text
    assert "Bolt (number V2)" in one.text


@pytest.mark.rule("EXP-VENDOR-07", "VEN-109", "EXP-ERR-01", "EXP-ERR-07")
def test_an_unknown_vendor_fails_by_name_and_number_with_both_ways_out() -> None:
    one = refused(tagged("V0"))
    assert (one.failure, one.row.item_type) == (Failure.VENDOR_UNKNOWN, "vendor_unknown")
    assert one.text == (
        "Vendor Acme Corporation (number V0) does not exist in the accounting system, or is blocked there. Check the "
        "vendor there, or choose another one on the expense in Pleo, then export again."
    )
    assert "pleo-vendor" in one.internal


@pytest.mark.rule("EXP-VENDOR-07", "VEN-109")
def test_a_blocked_vendor_fails_and_says_who_it_is_in_the_erp() -> None:
    one = refused(tagged("V4", name="Gone Ltd"), default_vendor="V999")
    assert (one.failure, one.row.item_type) == (Failure.VENDOR_BLOCKED, "vendor_unknown")
    assert one.text.startswith("Vendor Gone Ltd (number V4) is blocked or inactive in the accounting system")
    assert "Gone (number V4)" in one.text


@pytest.mark.rule("EXP-VENDOR-07")
@pytest.mark.parametrize(
    "keys",
    [{"code": "V1"}, {"code": None, "tax_registration_number": "DK12345678"}],
)
def test_several_vendors_of_one_key_are_not_chosen_between(keys: dict[str, Any]) -> None:
    index = VendorIndex([ACME, replace(ACME, id="e9", name="Acme Nord")])
    one = refused(tagged(**keys), index)
    assert (one.failure, one.row.item_type) == (Failure.VENDOR_AMBIGUOUS, "vendor_unknown")
    assert "Acme (number V1) and Acme Nord (number V1)" in one.text


def test_a_second_key_tells_vendors_of_one_number_apart() -> None:
    index = VendorIndex([ACME, replace(ACME, id="e9", name="Acme Nord")])
    assert found(tagged("V1", "e9"), index).name == "Acme Nord"


@pytest.mark.rule("VEN-026")
@pytest.mark.parametrize("code", ["007", "7", "7.0"])
def test_numbers_are_compared_as_they_are_written(code: str) -> None:
    index = VendorIndex([erp_vendor(f"id-{each}", each, each) for each in ("007", "7", "7.0", "v1")])
    assert found(tagged(f" {code}\t"), index).code == code
    assert refused(tagged("V1"), index).failure is Failure.VENDOR_UNKNOWN


@pytest.mark.rule("VEN-025")
def test_a_name_is_no_key() -> None:
    assert refused(tagged(None, name="Acme")).failure is Failure.VENDOR_UNKNOWN


@pytest.mark.rule("VEN-096")
def test_a_vendor_merged_away_is_found_where_it_lives_on() -> None:
    merged = {"a": "b", "b": "e1"}
    assert found(tagged(None, "a"), VendorIndex([ACME], merged)) == ACME
    old = erp_vendor("b", "OLD", "Old Acme", active=False, tax_registration_number="DK12345678")
    by_all = tagged("OLD", "b", tax_registration_number="DK12345678")
    assert found(by_all, VendorIndex([old, ACME], merged)) == ACME
    assert found(by_all, VendorIndex([replace(old, merged_into="e1"), ACME])) == ACME
    assert refused(tagged(None, "a"), VendorIndex([ACME], {"a": "b", "b": "a"})).failure is Failure.VENDOR_UNKNOWN


@pytest.mark.rule("VEN-110")
def test_a_vendor_just_created_from_pleo_is_found_by_pleos_id_until_it_has_a_number() -> None:
    created = replace(BOLT, pleo_id="pleo-vendor")
    index = VendorIndex([ACME, created])
    assert found(tagged(None), index) == created
    assert found(tagged("V1"), index) == ACME
    assert refused(tagged(None)).text.startswith("Vendor Acme Corporation (no number)")


@pytest.mark.rule("EXP-VENDOR-05", "VEN-107")
def test_the_supplier_is_not_looked_at_when_a_vendor_is_there() -> None:
    supplier = Supplier(name="Bolt", code="V2", tax_identifier="DK12345678")
    assert found(replace(tagged("V1"), supplier=supplier)) == ACME
    assert refused(replace(tagged("V0"), supplier=supplier)).failure is Failure.VENDOR_UNKNOWN


@pytest.mark.rule("EXP-VENDOR-03", "VEN-104")
def test_accounts_payable_needs_a_vendor() -> None:
    nobody = payable_item(vendor=None, supplier=Supplier(name="Acme", code="V1"))
    one = refused(nobody)
    assert (one.failure, one.row.item_type) == (Failure.VENDOR_MISSING, "vendor_unknown")
    assert "This card purchase is to be booked on the account of a vendor, but none is chosen." in one.text
    assert found(nobody, default_vendor="V999") == SUNDRY


@pytest.mark.rule("EXP-VENDOR-09")
@pytest.mark.parametrize(("wanted", "who"), [("V999", SUNDRY), ("e5", SUNDRY), (" V999 ", SUNDRY)])
def test_the_default_vendor_is_named_by_number_or_id(wanted: str, who: ErpVendor) -> None:
    assert default(VENDORS, config(default_vendor=wanted)) == who


@pytest.mark.rule("EXP-VENDOR-09", "EXP-ACCT-09")
@pytest.mark.parametrize("wanted", ["V0", "V4", "e4"])
def test_a_default_vendor_that_cannot_be_used_fails_the_item_that_needs_it(wanted: str) -> None:
    one = refused(payable_item(vendor=None), default_vendor=wanted)
    assert (one.failure, one.row.item_type) == (Failure.DEFAULT_VENDOR_UNUSABLE, "invalid_configuration")
    assert f"default vendor {wanted} " in one.text
    assert found(tagged("V1"), default_vendor=wanted) == ACME


# ------------------------------------------------------------------ employees

OWED = ["out_of_pocket", "mileage", "per_diem", "direct_reimbursement", "external_reimbursement", "personal_spend"]


@pytest.mark.rule("EXP-AP-08", "EXP-AP-09", "EXP-VENDOR-02", "VEN-103", "VEN-112", "VEN-113")
@pytest.mark.parametrize("type_", OWED)
def test_the_vendor_of_what_is_owed_to_an_employee_is_the_employee(type_: str) -> None:
    assert found(payable_item(type_)) == ANNA
    assert found(payable_item(type_, vendor=None, user=replace(EMPLOYEE, code=" E7 "))) == ANNA


@pytest.mark.rule("EXP-AP-09", "EXP-VENDOR-09", "VEN-113")
@pytest.mark.parametrize("user", [None, Person("u2", "Bo Lund", None), Person("u2", "Bo Lund", " ")])
def test_people_without_a_number_are_booked_on_the_default_vendor_if_there_is_one(user: Person | None) -> None:
    mileage = payable_item("mileage", user=user)
    assert found(mileage, default_vendor="V999") == SUNDRY
    one = refused(mileage)
    assert (one.failure, one.row.item_type) == (Failure.EMPLOYEE_WITHOUT_NUMBER, "vendor_unknown")
    assert one.text.startswith(f"{user.name if user else 'The employee'} has no employee number in Pleo")


@pytest.mark.rule("EXP-VENDOR-07", "EXP-VENDOR-09", "VEN-113")
@pytest.mark.parametrize(("code", "failure"), [("E0", Failure.EMPLOYEE_UNKNOWN), ("V4", Failure.VENDOR_BLOCKED)])
def test_a_number_that_is_unknown_or_blocked_never_becomes_the_default_vendor(code: str, failure: Failure) -> None:
    one = refused(payable_item("mileage", user=Person("u2", "Bo Lund", code)), default_vendor="V999")
    assert (one.failure, one.row.item_type) == (failure, "vendor_unknown")
    assert "Bo Lund" in one.text
    assert code in one.text


def test_two_vendors_of_one_employee_number_are_not_chosen_between() -> None:
    index = VendorIndex([ANNA, replace(ANNA, id="e9", name="A. Holm")])
    assert refused(payable_item("mileage"), index).failure is Failure.VENDOR_AMBIGUOUS


def test_an_employee_is_never_found_by_an_erp_id() -> None:
    assert refused(payable_item("mileage", user=Person("u1", "Anna Holm", "e3"))).failure is Failure.EMPLOYEE_UNKNOWN


# ------------------------------------------------------------------ numbers


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("DK12345678", "12345678"),
        ("DK 12.34.56.78", "dk12345678"),
        ("EL123456789", "GR123456789"),
        ("BE 0123.456.789", "BE0123456789"),
        ("NL123456789B01", "123456789 b01"),
    ],
)
def test_tax_ids_match_however_they_are_written(one: str, other: str) -> None:
    for held, sent in ((one, other), (other, one)):
        acme = erp_vendor(tax_registration_number=held)
        assert VendorIndex([acme]).by_tax_number(sent) == (acme,)


@pytest.mark.parametrize(("country", "sent"), [("GR", "EL123456789"), ("EL", "GR123456789"), ("GB", "XI123456789")])
def test_a_country_of_two_names_is_one(country: str, sent: str) -> None:
    acme = erp_vendor(tax_registration_number="123456789", country=country)
    assert VendorIndex([acme]).by_tax_number(sent) == (acme,)


@pytest.mark.parametrize(
    ("held", "country", "sent"),
    [
        ("DK12345678", None, "SE12345678"),
        ("12345678", "SE", "DK12345678"),
        ("DK12345678", None, "DK12345679"),
        (None, None, ""),
        ("", "DK", "DK"),
        (None, None, "..-"),
    ],
)
def test_tax_ids_of_different_countries_or_none_at_all_never_match(
    held: str | None, country: str | None, sent: str
) -> None:
    acme = erp_vendor(tax_registration_number=held, country=country)
    assert VendorIndex([acme]).by_tax_number(sent) == ()


@given(st.text(max_size=20))
def test_a_tax_id_read_twice_is_the_same(text: str) -> None:
    country, rest = tax_number(text)
    assert tax_number(f" {text}.") == (country, rest)


@given(
    st.lists(
        st.builds(
            erp_vendor,
            st.sampled_from(["e1", "e2", "e3"]),
            st.none() | st.sampled_from(["1", "2", " 2", ""]),
            st.just("Any"),
            tax_registration_number=st.none() | st.sampled_from(["DK1", "1", "SE1", "2"]),
            active=st.booleans(),
        ),
        max_size=5,
    ),
    st.builds(
        vendor,
        st.none() | st.sampled_from(["1", "2", "e1", ""]),
        st.none() | st.sampled_from(["e1", "e2", "1"]),
        tax_registration_number=st.none() | st.sampled_from(["DK1", "1", "2"]),
    ),
    st.dictionaries(st.sampled_from(["e1", "e2", "x"]), st.sampled_from(["e1", "e3"])),
)
@pytest.mark.rule("VEN-106", "EXP-VENDOR-07")
def test_the_answer_is_an_active_vendor_that_some_key_names_or_a_reason(
    vendors: list[ErpVendor], chosen: Any, aliases: dict[str, str]
) -> None:
    index = VendorIndex(vendors, aliases)
    answer = resolve(payable_item(vendor=chosen), index, CONFIG)
    if isinstance(answer, Failed):
        assert all(one.row.item_type == "vendor_unknown" and "?" not in one.text for one in answer.problems)
        return
    assert answer.active
    hits = [index.by_code(chosen.code), index.by_id(chosen.external_id)]
    hits.append(index.by_tax_number(chosen.tax_registration_number))
    assert any(hits)
    assert all(answer in those for those in hits if those)


def test_blocked_vendors_stay_in_the_index() -> None:
    assert VENDORS.by_code("V4") == (GONE,)
