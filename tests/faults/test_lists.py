"""Killed at every point while the ERP's lists come to Pleo and Pleo's new vendors to the ERP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.conftest import MakeStage
from tests.faults.scenarios import KINDS, Dimension, Draft, Sync, live
from tests.faults.stage import Stage
from tests.faults.walk import Scenario, cases, walked
from tests.support.double_master import vendor
from tests.support.erp_double import PAYABLES, Books

SCENARIOS: dict[str, Scenario] = {
    **{kind: Sync(kind) for kind in KINDS},
    "many accounts": Sync("accounts", change="many accounts"),
    "dimension": Dimension(),
    "draft": Draft(),
}

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Iterator[Stage]:
    books = Books(capabilities=PAYABLES)
    books.master.vendors = [vendor(number) for number in range(1, 5)]
    with make_stage(periodic=("syncs.sweep",), books=books) as made:
        made.start()
        live(made)
        yield made
        assert made.leaked() == []


@pytest.mark.parametrize("name", cases(SCENARIOS, long={"tags", "accounts", "many accounts", "tax_codes", "dimension"}))
def test_whatever_the_point_at_which_the_service_dies_both_lists_agree_in_the_end(stage: Stage, name: str) -> None:
    walked(stage, name, SCENARIOS[name])


@pytest.mark.long
@pytest.mark.parametrize("name", SCENARIOS)
def test_whatever_the_passing_of_a_point(stage: Stage, name: str) -> None:
    walked(stage, name, SCENARIOS[name], everywhere=True)
