"""Killed at every call that changes a real Tryton's books."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledgerbridge.demo.books import bookkeeping
from tests.faults.conftest import MakeStage
from tests.faults.scenarios import Draft, live
from tests.faults.tryton_stage import BillTakenBack, Booked, Payables, Together, TrytonStage
from tests.faults.walk import Scenario, cases, walked
from tests.support.clones import TrytonServers

SCENARIOS: dict[str, Scenario] = {
    "entry": Booked(),  # type: ignore[dict-item]
    "entries": Together(),  # type: ignore[dict-item]
    "payables": Payables(goings=2),  # type: ignore[dict-item]
    "bill taken back": BillTakenBack(),  # type: ignore[dict-item]
    "party": Draft(),
}

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage, tryton_servers: TrytonServers) -> Iterator[TrytonStage]:
    tryton = tryton_servers.fresh()
    try:
        with make_stage(kind=TrytonStage, periodic=("exports.poll", "syncs.sweep"), tryton=tryton) as made:
            made.start()
            live(made, {"kind": "tryton", "settings": tryton.binding()}, bookkeeping(tryton.facts))
            yield made  # type: ignore[misc]
            assert made.leaked() == []
    finally:
        tryton_servers.template.drop(tryton.database)


@pytest.mark.parametrize("name", cases(SCENARIOS, long={"payables", "bill taken back"}))
def test_whatever_the_point_at_which_the_service_dies_trytons_books_are_right(stage: TrytonStage, name: str) -> None:
    walked(stage, name, SCENARIOS[name])


@pytest.mark.long
@pytest.mark.parametrize("name", SCENARIOS)
def test_whatever_the_passing_of_a_point(stage: TrytonStage, name: str) -> None:
    walked(stage, name, SCENARIOS[name], everywhere=True)
