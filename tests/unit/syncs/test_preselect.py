"""Which dimensions are ticked when a company first connects."""

from __future__ import annotations

import pytest

from ledgerbridge.syncs.preselect import preselect
from tests.unit.syncs.make import dimension, group


@pytest.mark.rule("TAG-021", "TAG-026", "TAG-028", "TAG-029")
def test_active_dimensions_with_an_active_group_are_ticked_whatever_the_case() -> None:
    dimensions = [dimension("CC", "Cost centre"), dimension("PRJ"), dimension("DEP"), dimension("OLD", active=False)]
    found = preselect(dimensions, [group("cc"), group("PRJ", archived=True), group("OLD"), group("X", "DEP")])
    assert [one.name for one in found.available] == ["Cost centre", "PRJ", "DEP"]
    assert (found.selected, found.beyond) == (("CC",), ())


@pytest.mark.rule("TAG-020", "TAG-036", "TAG-110")
def test_no_more_than_five_in_the_order_of_the_erp() -> None:
    codes = [f"D{n}" for n in (7, 1, 6, 2, 5, 3, 4)]
    found = preselect([dimension(code) for code in codes], [group(code) for code in sorted(codes)])
    assert found.selected == ("D7", "D1", "D6", "D2", "D5")
    assert found.beyond == ("D3", "D4")


@pytest.mark.rule("TAG-032")
def test_an_erp_without_active_dimensions_offers_nothing() -> None:
    found = preselect([dimension("CC", active=False)], [group("CC")])
    assert (found.available, found.selected) == ((), ())
