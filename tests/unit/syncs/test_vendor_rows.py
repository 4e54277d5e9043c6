"""The 38 rows of vendors.md section 13, each reached from vendors and links as they are read."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.pleo.vendors import Vendor
from ledgerbridge.store.tables import LinkPhase
from ledgerbridge.syncs.vendors.links import Link
from ledgerbridge.syncs.vendors.table import ROWS, Act, After, Case, Changed, Erp, Last, Pleo, decide
from tests.unit.syncs.vendor_make import TAX, erp, judged, link, mirror, pleo

A, X = erp(), erp(active=False)
RENAMED = erp(name="Vendor 1 A/S")
TAXED = erp(tax_registration_number=TAX)
ACTIVE, DRAFT, ARCHIVED = mirror(A), mirror(A, state="DRAFT"), mirror(A, state="ARCHIVED")
BARE_DRAFT = pleo(state="DRAFT", tax_registration_number=TAX)
EDITED = mirror(A, name="Wendor 1")
PENDING, LINKED = LinkPhase.PENDING, LinkPhase.LINKED

Side = list[Any]


def case(number: int, of_erp: Side, of_pleo: Side, links: Side, act: Act, after: After, name: str = "") -> Any:
    return pytest.param(of_erp, of_pleo, links, number, act, after, id=f"row-{number}{name}")


CASES = [
    case(1, [A, erp(name="Twin")], [ACTIVE], [], Act.NOTHING, After.KEEP),
    case(2, [A], [ACTIVE, mirror(A, "q")], [], Act.NOTHING, After.KEEP),
    case(3, [A], [mirror(A, state="MERGED")], [], Act.NOTHING, After.KEEP),
    case(4, [A], [], [], Act.CREATE_IN_PLEO, After.LINKED),
    case(5, [A], [ACTIVE], [], Act.EQUALISE, After.LINKED),
    case(6, [A], [ARCHIVED], [], Act.ACTIVATE, After.LINKED),
    case(7, [A], [DRAFT], [], Act.ACTIVATE, After.LINKED),
    case(8, [TAXED], [BARE_DRAFT], [], Act.ACTIVATE, After.LINKED, "-by-tax-number"),
    case(8, [A], [pleo(state="DRAFT", code="V1")], [], Act.ACTIVATE, After.LINKED, "-by-code"),
    case(9, [A], [pleo(code="V1")], [], Act.EQUALISE, After.LINKED, "-by-code"),
    case(9, [A], [pleo(code="V1", external_id="V1")], [], Act.EQUALISE, After.LINKED, "-by-code-as-id"),
    case(9, [TAXED], [pleo(tax_registration_number=TAX)], [], Act.EQUALISE, After.LINKED, "-by-tax-number"),
    case(10, [A], [pleo(state="ARCHIVED", code="V1")], [], Act.NOTHING, After.PARKED),
    case(11, [], [pleo(state="DRAFT")], [], Act.CREATE_IN_ERP, After.LINKED),
    case(12, [replace(TAXED, active=False)], [BARE_DRAFT], [], Act.NOTHING, After.PARKED),
    case(13, [X], [ACTIVE], [], Act.ARCHIVE, After.LINKED),
    case(14, [], [ACTIVE], [], Act.ARCHIVE, After.ENDED),
    case(14, [], [mirror(A, accounting_system="Tryton")], [], Act.ARCHIVE, After.ENDED, "-named-ours"),
    case(15, [], [mirror(A, accounting_system="e-conomic")], [], Act.NOTHING, After.KEEP, "-of-another-system"),
    case(15, [], [pleo()], [], Act.NOTHING, After.KEEP, "-made-by-hand"),
    case(15, [X], [pleo(code="V1")], [], Act.NOTHING, After.KEEP, "-inactive"),
    case(16, [], [ARCHIVED], [], Act.NOTHING, After.KEEP),
    case(16, [X], [ARCHIVED], [], Act.NOTHING, After.KEEP, "-inactive"),
    case(17, [X], [], [], Act.NOTHING, After.KEEP),
    case(18, [A], [pleo(state="DRAFT")], [link(A, pleo(), PENDING)], Act.ACTIVATE, After.LINKED),
    case(18, [replace(A, pleo_id="p")], [pleo(state="DRAFT")], [], Act.ACTIVATE, After.LINKED, "-by-reference"),
    case(19, [A], [ACTIVE], [link(A, pleo(), PENDING)], Act.EQUALISE, After.LINKED),
    case(20, [A], [mirror(A, external_id="77")], [link(A, pleo(), PENDING)], Act.NOTHING, After.KEEP),
    case(21, [A], [pleo(state="ARCHIVED")], [link(A, pleo(), PENDING)], Act.ACTIVATE, After.LINKED),
    case(22, [X], [pleo(state="DRAFT")], [link(A, pleo(), PENDING)], Act.NOTHING, After.PARKED),
    case(22, [X], [ACTIVE], [link(A, pleo(), PENDING)], Act.NOTHING, After.PARKED, "-active"),
    case(23, [], [pleo(state="DRAFT")], [link(A, pleo(), PENDING)], Act.NOTHING, After.PARKED),
    case(24, [], [ACTIVE], [link(A, pleo(), PENDING)], Act.ARCHIVE, After.ENDED),
    case(25, [X], [ARCHIVED], [link(A, pleo(), PENDING)], Act.NOTHING, After.ENDED),
    case(26, [A], [], [link(A, pleo(), PENDING)], Act.NOTHING, After.BROKEN),
    case(27, [A], [ACTIVE], [link(A, ACTIVE)], Act.NOTHING, After.KEEP),
    case(28, [RENAMED], [ACTIVE], [link(A, ACTIVE)], Act.EQUALISE, After.LINKED),
    case(29, [A], [EDITED], [link(A, ACTIVE)], Act.EQUALISE, After.LINKED),
    case(30, [RENAMED], [mirror(RENAMED)], [link(A, ACTIVE)], Act.NOTHING, After.REFRESHED),
    case(31, [RENAMED], [EDITED], [link(A, ACTIVE)], Act.EQUALISE, After.LINKED),
    case(32, [A], [ARCHIVED], [link(A, ACTIVE)], Act.ACTIVATE, After.LINKED),
    case(33, [A], [DRAFT], [link(A, ACTIVE)], Act.ACTIVATE, After.LINKED),
    case(34, [A], [], [link(A, ACTIVE)], Act.LOOK_AGAIN, After.DROPPED),
    case(35, [X], [ACTIVE], [link(A, ACTIVE)], Act.ARCHIVE, After.LINKED),
    case(35, [X], [DRAFT], [link(A, ACTIVE)], Act.ARCHIVE, After.LINKED, "-draft"),
    case(36, [], [ACTIVE], [link(A, ACTIVE)], Act.ARCHIVE, After.ENDED),
    case(37, [X], [ARCHIVED], [link(A, ACTIVE)], Act.NOTHING, After.REFRESHED),
    case(37, [], [ARCHIVED], [link(A, ACTIVE, LinkPhase.ENDED)], Act.NOTHING, After.REFRESHED, "-tombstone"),
    case(38, [X], [], [link(A, ACTIVE)], Act.NOTHING, After.DROPPED),
]


@pytest.mark.rule(
    "VEN-008", "VEN-020", "VEN-022", "VEN-043", "VEN-045", "VEN-046", "VEN-047", "VEN-048", "VEN-049", "VEN-050",
    "VEN-051", "VEN-057", "VEN-062", "VEN-064", "VEN-069", "VEN-075", "VEN-082", "VEN-088", "VEN-090", "VEN-095",
)  # fmt: skip
@pytest.mark.parametrize(("of_erp", "of_pleo", "links", "number", "act", "after"), CASES)
def test_a_pair_of_vendors_finds_its_row(
    of_erp: list[ErpVendor], of_pleo: list[Vendor], links: list[Link], number: int, act: Act, after: After
) -> None:
    (found,) = judged(of_erp, of_pleo, links)
    assert (found.row.number, found.row.act, found.row.after) == (number, act, after)


def test_every_row_has_a_case() -> None:
    assert {str(one.id).split("-")[1] for one in CASES} == {str(row.number) for row in ROWS}
    assert sorted(row.number for row in ROWS) == list(range(1, 39))


def test_every_case_that_can_be_has_a_row() -> None:
    for of_erp, of_pleo, last, changed, equal, same in itertools.product(
        Erp, Pleo, Last, Changed, (True, False), (True, False)
    ):
        nobody = of_erp is Erp.ABSENT and of_pleo is Pleo.ABSENT and last is Last.NONE
        if not nobody:
            assert decide(Case(of_erp, of_pleo, last, changed, equal, same, has_external_id=same))
    with pytest.raises(ValueError, match="no row"):
        decide(Case(Erp.ABSENT, Pleo.ABSENT))


@pytest.mark.rule("VEN-053", "VEN-072")
def test_only_what_the_erp_once_knew_is_ever_archived() -> None:
    for row in ROWS:
        if row.act is Act.ARCHIVE:
            assert not (set(row.erp.split()) & {"A", "any"})
            assert "none" not in row.last.split() or row.pleo == "ACTIVE", "an undecided draft would be archived"


@pytest.mark.rule("VEN-084")
def test_a_later_updated_at_alone_is_no_change() -> None:
    touched = ACTIVE.model_copy(update={"updated_at": "2026-11-21T10:00:00Z"})
    (found,) = judged([A], [touched], [link(A, ACTIVE)])
    assert found.row.number == 27


@pytest.mark.rule("VEN-035", "VEN-038", "VEN-018", "VEN-034")
@pytest.mark.parametrize(
    ("in_erp", "shown"),
    [
        pytest.param(erp(country="GB"), {"country": "UK"}, id="UK-is-GB"),
        pytest.param(erp(country=None), {"country": "UNDEFINED"}, id="undefined-is-no-country"),
        pytest.param(erp(country="ZZ"), {"country": None}, id="country-pleo-has-no-word-for"),
        pytest.param(erp(country="EL"), {"country": "GR"}, id="EL-is-GR"),
        pytest.param(erp(registration_number=" "), {"registration_number": ""}, id="blanks"),
        pytest.param(erp(name="  Vendor 1 "), {"name": "Vendor 1"}, id="trimmed"),
        pytest.param(erp(currency=None), {"default_currency": "DKK"}, id="company-currency"),
        pytest.param(erp(currency="eur"), {"default_currency": "EUR"}, id="lower-case-currency"),
    ],
)
def test_a_lossy_mapping_is_no_change(in_erp: ErpVendor, shown: dict[str, Any]) -> None:
    (found,) = judged([in_erp], [mirror(in_erp, **shown)], [])
    assert found.pair.pleo is not None
    assert found.pair.pleo.details == found.details


@pytest.mark.rule("VEN-039", "VEN-030", "VEN-033")
@pytest.mark.parametrize(
    ("in_erp", "words"),
    [
        pytest.param(erp(name=" "), "no name", id="nameless"),
        pytest.param(erp(currency="EURO"), "EURO is no ISO 4217", id="no-currency"),
    ],
)
def test_a_record_pleo_cannot_hold_is_told_and_not_sent(in_erp: ErpVendor, words: str) -> None:
    (found,) = judged([in_erp], [], [])
    assert found.fault is not None
    assert words in found.fault
