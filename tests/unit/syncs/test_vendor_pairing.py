"""Who belongs to whom, and who is left alone because two would fit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.store.tables import LinkPhase
from ledgerbridge.syncs.vendors.fields import new_vendor, registration_key, tax_key
from ledgerbridge.syncs.vendors.links import Link
from ledgerbridge.syncs.vendors.pairing import By, Pair, pair
from ledgerbridge.syncs.vendors.table import Act
from tests.unit.syncs.vendor_make import TAX, erp, judged, link, mirror, pleo, rows


def one(pairs: tuple[Pair, ...]) -> Pair:
    (found,) = pairs
    return found


@pytest.mark.rule("VEN-025")
def test_equal_names_pair_nobody() -> None:
    found = pair([erp(code=None)], [pleo(name="Vendor 1")], [])
    assert [(one.erp is None, one.pleo is None) for one in found] == [(False, True), (True, False)]


@pytest.mark.rule("VEN-026")
@pytest.mark.parametrize(
    ("held", "shown", "paired"),
    [
        pytest.param("7", " 7 ", True, id="trimmed"),
        pytest.param("7", "07", False, id="never-as-numbers"),
        pytest.param("a7", "A7", False, id="case-counts"),
    ],
)
def test_external_ids_are_compared_as_text(held: str, shown: str, paired: bool) -> None:
    found = pair([erp(id=held, code=None)], [pleo(external_id=shown)], [])
    assert (len(found) == 1) is paired


@pytest.mark.rule("VEN-023")
def test_a_code_does_not_pair_a_vendor_that_carries_another_id() -> None:
    assert rows([erp()], [pleo(code="V1", external_id="99")]) == [4, 14]


@pytest.mark.rule("VEN-024")
@pytest.mark.parametrize(
    ("in_erp", "in_pleo", "country", "same"),
    [
        pytest.param("DK12345678", "12345678", "DK", True, id="with-and-without-prefix"),
        pytest.param("DK 12 34 56 78", "dk-12345678", "DK", True, id="spaces-and-case"),
        pytest.param("DK12345678", "DK12345678", None, True, id="country-from-the-number"),
        pytest.param("12345678", "12345678", None, False, id="no-country"),
        pytest.param("DK12345678", "12345678", "SE", False, id="another-country"),
    ],
)
def test_tax_numbers_match_with_their_country(in_erp: str, in_pleo: str, country: str | None, same: bool) -> None:
    assert (tax_key(in_erp, "DK") == tax_key(in_pleo, country)) is (same and tax_key(in_pleo, country) is not None)
    assert (tax_key(in_erp, "DK") == tax_key(in_pleo, country)) is same


def test_greek_numbers_match_under_both_prefixes() -> None:
    assert tax_key("EL094259216", "GR") == tax_key("094259216", "GR") == ("GR", "094259216")


def test_a_registration_number_keeps_its_letters() -> None:
    assert registration_key("HRB 12345", "DE") == ("DE", "HRB12345")
    assert registration_key("12345", None) is None


@pytest.mark.rule("VEN-024", "VEN-027")
def test_two_erp_vendors_with_one_tax_number_are_both_left_alone() -> None:
    twins = [erp(n, tax_registration_number=TAX) for n in (1, 2)]
    found = one(pair(twins, [pleo(tax_registration_number=TAX)], []))
    assert found.erp_rivals == tuple(twins)


@pytest.mark.rule("VEN-024")
def test_a_vendor_with_an_external_id_is_not_matched_by_tax_number() -> None:
    assert rows([erp(tax_registration_number=TAX)], [pleo(tax_registration_number=TAX, external_id="99")]) == [4, 14]


@pytest.mark.rule("VEN-064", "VEN-098")
def test_a_draft_of_a_supplier_that_is_linked_already_waits_for_a_person() -> None:
    supplier = erp(tax_registration_number=TAX)
    held = mirror(supplier)
    found = judged([supplier], [held, pleo("q", "DRAFT", tax_registration_number=TAX)], [link(supplier, held)])
    assert {one.row.number: one.parks for one in found} == {27: False, 2: True}


@pytest.mark.rule("VEN-063", "VEN-064")
@pytest.mark.parametrize("field", ["tax_registration_number", "registration_number"])
@pytest.mark.parametrize(
    ("there", "here", "waits"),
    [
        pytest.param(None, "DK", True, id="none-in-the-erp"),
        pytest.param("DK", None, True, id="none-in-pleo"),
        pytest.param(None, None, True, id="none-at-all"),
        pytest.param("SE", "DK", False, id="two-countries"),
    ],
)
def test_a_number_without_a_country_is_no_proof_and_no_reason_for_a_second_vendor(
    field: str, there: str | None, here: str | None, waits: bool
) -> None:
    supplier = erp(code="S9", country=there, **{field: "12 34 56 78"})
    found = judged([supplier], [pleo(state="DRAFT", country=here, **{field: "12345678"})], [])
    if not waits:
        assert sorted(one.row.number for one in found) == [4, 11]
        return
    (only,) = found
    assert (only.row.act, only.parks, only.row.tell) == (Act.NOTHING, True, "country_missing")
    assert "S9 Vendor 1" in (only.note or "")


@pytest.mark.rule("VEN-064")
def test_two_drafts_of_one_supplier_wait_for_a_person() -> None:
    supplier = erp(tax_registration_number=TAX)
    found = judged([supplier], [pleo(key, "DRAFT", tax_registration_number=TAX) for key in "pq"], [])
    assert [(one.row.number, one.parks) for one in found] == [(2, True), (2, True)]


@pytest.mark.rule("VEN-063", "VEN-064")
def test_a_draft_that_fits_two_suppliers_waits_for_a_person() -> None:
    found = judged(
        [erp(1, tax_registration_number=TAX), erp(2, registration_number="777")],
        [pleo(state="DRAFT", tax_registration_number=TAX, registration_number="777")],
        [],
    )
    assert [(one.row.number, one.parks) for one in found] == [(1, True)]


@pytest.mark.rule("VEN-063")
def test_a_draft_is_found_by_registration_number_and_country() -> None:
    found = one(pair([erp(registration_number="12 34")], [pleo(state="DRAFT", registration_number="1234")], []))
    assert found.by is By.NUMBER


@pytest.mark.rule("VEN-082")
def test_a_vendor_made_from_a_draft_is_known_by_its_reference_without_a_link() -> None:
    found = one(pair([erp(pleo_id="p")], [pleo(state="DRAFT", name="Other")], []))
    assert found.by is By.REFERENCE


@pytest.mark.rule("VEN-027")
def test_a_vendor_that_two_pleo_vendors_claim_by_id_and_by_reference_is_left_alone() -> None:
    found = one(pair([erp(pleo_id="q")], [pleo(external_id="1"), pleo("q", "DRAFT")], []))
    assert {each.id for each in found.pleo_rivals} == {"p", "q"}


@pytest.mark.rule("VEN-027")
def test_a_second_link_to_one_erp_vendor_archives_nothing() -> None:
    supplier = erp()
    held, second = mirror(supplier), pleo("q", external_id="88")
    assert rows([supplier], [held, second], [link(supplier, held), link(supplier, second)]) == [2, 27]


@pytest.mark.rule("VEN-097")
@pytest.mark.parametrize(
    "fresh",
    [
        pytest.param(erp(9, code="V1"), id="same-number"),
        pytest.param(erp(9, tax_registration_number=TAX), id="same-tax-number"),
        pytest.param(erp(9, pleo_id="p"), id="same-reference"),
    ],
)
def test_a_living_vendor_under_a_new_id_keeps_its_pleo_vendor(fresh: object) -> None:
    before = erp(tax_registration_number=TAX if getattr(fresh, "tax_registration_number", None) else None)
    held = mirror(before)
    (found,) = judged([fresh], [held], [link(before, held)])  # type: ignore[list-item]
    assert (found.row.number, found.pair.by) == (28, By.REKEYED)
    assert found.details is not None
    assert found.details.external_id == "9"


@pytest.mark.rule("VEN-029", "VEN-097")
def test_a_number_given_to_another_company_is_no_new_id_of_the_old_one() -> None:
    before = erp(tax_registration_number=TAX)
    held = mirror(before)
    assert rows([erp(9, code="V1", tax_registration_number="DK87654321")], [held], [link(before, held)]) == [4, 36]


@pytest.mark.rule("VEN-048", "VEN-099")
def test_an_archived_vendor_is_offered_to_its_supplier_made_anew() -> None:
    before = erp(tax_registration_number=TAX)
    archived = mirror(before, state="ARCHIVED")
    tombstone = link(before, archived, LinkPhase.ENDED)
    (found,) = judged([erp(9, tax_registration_number=TAX)], [archived], [tombstone])
    assert (found.row.number, found.pair.by) == (10, By.OFFER)


@pytest.mark.rule("VEN-099")
def test_an_archived_vendor_a_person_turned_down_is_not_offered_again() -> None:
    archived = pleo(state="ARCHIVED", external_id="1", tax_registration_number=TAX)
    turned_down = Link("p", LinkPhase.ENDED)
    assert rows([erp(9, tax_registration_number=TAX)], [archived], [turned_down]) == [4, 16]


@pytest.mark.rule("VEN-096")
def test_a_merged_vendor_is_archived_and_the_other_left_alone() -> None:
    stays, goes = erp(1), erp(2)
    pleo_stays, pleo_goes = mirror(stays, "p"), mirror(goes, "q")
    merged = replace(goes, active=False, merged_into="1")
    known = [link(stays, pleo_stays), link(goes, pleo_goes)]
    assert rows([stays, merged], [pleo_stays, pleo_goes], known) == [27, 35]


@pytest.mark.rule("VEN-036", "VEN-037")
def test_a_draft_brings_no_bank_details_to_the_erp() -> None:
    made = new_vendor(pleo(state="DRAFT", tax_registration_number=TAX, registration_number="777"))
    assert set(made.__slots__) == {
        "pleo_id", "name", "currency", "country", "registration_number", "tax_registration_number",
    }  # fmt: skip
    assert (made.pleo_id, made.currency, made.country) == ("p", "DKK", "DK")


numbers = st.sampled_from([None, "A", "B"])


@given(
    st.lists(st.builds(erp, st.integers(1, 3), active=st.booleans(), code=numbers, tax_registration_number=numbers,
                       pleo_id=st.sampled_from([None, "p0", "p1"])), max_size=4),
    st.lists(st.tuples(st.sampled_from(["DRAFT", "ACTIVE", "ARCHIVED", "ODD"]), numbers, numbers,
                       st.sampled_from([None, "1", "2"])), max_size=4),
    st.dictionaries(st.sampled_from(["p0", "p1", "p9"]),
                    st.tuples(st.sampled_from([*LinkPhase]), st.sampled_from([None, "1", "2", "9"])), max_size=3),
)  # fmt: skip
def test_everybody_stands_in_one_pair_whatever_was_read(
    of_erp: list[object], drawn: list[tuple[str, str | None, str | None, str | None]], known: dict[str, object]
) -> None:
    of_pleo = [
        pleo(f"p{n}", state, code=code, tax_registration_number=tax, external_id=key)
        for n, (state, code, tax, key) in enumerate(drawn)
    ]
    links = [Link(key, phase, erp_id) for key, (phase, erp_id) in known.items()]  # type: ignore[misc]
    made = pair(of_erp, of_pleo, links)  # type: ignore[arg-type]
    main = [each.pleo.id for each in made if each.pleo]
    assert len(main) == len(set(main)), "one Pleo vendor is written to twice"
    told = set(main) | {rival.id for each in made for rival in each.pleo_rivals}
    assert told == {each.id for each in of_pleo}
    alone = [each.erp.id for each in made if each.erp]
    assert len(alone) == len(set(alone)), "one ERP vendor is brought to Pleo twice"
    judged(of_erp, of_pleo, links)  # type: ignore[arg-type]
