"""Killed at every point on the way of an expense into the books, and while tokens are refreshed and rounds come."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.conftest import MakeStage
from tests.faults.scenarios import Export, GroupExport, Life, Refresh, Reversal, Rounds, Start, TroubledExport, live
from tests.faults.stage import Stage
from tests.faults.walk import Scenario, cases, walked

SCENARIOS: dict[str, Scenario] = {
    "export": Export(),
    "troubled export": TroubledExport(),
    "group export": GroupExport(),
    "reversal": Reversal(),
    "refresh": Refresh(),
    "start": Start(),
    "rounds": Rounds(),
    "life": Life(),
}

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Iterator[Stage]:
    with make_stage(periodic=("exports.poll",)) as made:
        made.start()
        live(made)
        yield made
        assert made.leaked() == []


@pytest.mark.parametrize("name", cases(SCENARIOS, long={"life"}))
def test_whatever_the_point_at_which_the_service_dies_the_books_are_right_in_the_end(stage: Stage, name: str) -> None:
    walked(stage, name, SCENARIOS[name])


@pytest.mark.long
@pytest.mark.parametrize("name", SCENARIOS)
def test_whatever_the_passing_of_a_point(stage: Stage, name: str) -> None:
    walked(stage, name, SCENARIOS[name], everywhere=True)
