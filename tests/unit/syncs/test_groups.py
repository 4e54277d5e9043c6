"""Table A of tags.md: what becomes of each tag group."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from ledgerbridge.bookkeeping.master_data import MasterDimension
from ledgerbridge.pleo.tags import TagGroup
from ledgerbridge.syncs.tags.groups import GroupsPlan, plan_groups
from tests.unit.syncs.make import dimension, group


@dataclass(frozen=True)
class Row:
    dimensions: list[MasterDimension]
    selected: list[str]
    groups: list[TagGroup]
    expected: dict[str, list[str]] = field(default_factory=dict)
    managed: frozenset[str] = frozenset({"cc", "old"})


def wanted(plan: GroupsPlan) -> dict[str, list[str]]:
    """Non-empty parts of a plan, in codes or ids."""
    parts = {
        "keep": [pair.group.id for pair in plan.keep],
        "unarchive": [pair.group.id for pair in plan.unarchive],
        "create": [one.code for one in plan.create],
        "archive": [one.id for one in plan.archive],
        "ask": [one.id for one in plan.ask],
        "deselect": list(plan.deselect),
        "troubles": [one.code for one in plan.troubles],
    }
    return {name: found for name, found in parts.items() if found}


CC = dimension("CC", "Cost centre")
OLD = dimension("CC", active=False)
OTHER = dimension("PRJ")

ROWS = {
    "A-selected-active-none": Row([CC], ["CC"], [], {"create": ["CC"]}),
    "A-selected-active-active": Row([CC], ["CC"], [group("CC")], {"keep": ["g-CC"]}),
    "A-selected-active-archived": Row([CC], ["CC"], [group("CC", archived=True)], {"unarchive": ["g-CC"]}),
    "A-selected-inactive-none": Row([OLD], ["CC"], [], {"deselect": ["CC"]}),
    "A-selected-inactive-active": Row([OLD], ["CC"], [group("CC")], {"deselect": ["CC"], "archive": ["g-CC"]}),
    "A-selected-inactive-archived": Row([OLD], ["CC"], [group("CC", archived=True)], {"deselect": ["CC"]}),
    "A-selected-gone-active": Row([OTHER], ["CC"], [group("CC")], {"deselect": ["CC"], "archive": ["g-CC"]}),
    "A-unselected-none": Row([CC], [], [], {}),
    "A-unselected-active": Row([CC], [], [group("CC")], {"archive": ["g-CC"]}),
    "A-unselected-archived": Row([CC], [], [group("CC", archived=True)], {}),
    "A-unknown-to-the-erp-active": Row([CC], ["CC"], [group("CC"), group("OLD")],
                                       {"keep": ["g-CC"], "archive": ["g-OLD"]}),
    "A-never-managed-active": Row([CC], ["CC"], [group("CC"), group("HAND")], {"keep": ["g-CC"], "ask": ["g-HAND"]}),
    "A-another-name-is-left": Row([CC], ["CC"], [group("CC", "Koststed")], {"keep": ["g-CC"]}),
    "A-same-name-other-code-is-no-match": Row(
        [CC], ["CC"], [group("KST", "Cost centre")], {"create": ["CC"], "ask": ["g-KST"]}
    ),
    "A-case-only": Row([CC], ["cc"], [group("cC")], {"keep": ["g-cC"]}),
    "A-two-groups-both-active": Row(
        [CC], ["CC"], [group("CC", pid="young", day=2), group("cc", pid="old", day=1)],
        {"keep": ["old"], "archive": ["young"], "troubles": ["duplicate_group"]},
    ),
    "A-two-groups-one-active": Row(
        [CC], ["CC"], [group("CC", pid="old", archived=True), group("cc", pid="young", day=2)], {"keep": ["young"]}
    ),
    "A-two-dimensions-differ-by-case": Row(
        [CC, dimension("cc", "Other")], ["CC"], [group("CC")], {"troubles": ["code_collision"]}
    ),
    "A-inactive-twin-of-another-case": Row([dimension("cc", active=False), CC], ["CC"], [group("CC")],
                                           {"keep": ["g-CC"]}),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
@pytest.mark.rule("TAG-035", "TAG-040", "TAG-042", "TAG-043", "TAG-052", "TAG-053", "TAG-054", "TAG-055", "TAG-056")
@pytest.mark.rule("TAG-003", "TAG-022", "TAG-033", "TAG-061")
def test_table_a(row: Row) -> None:
    plan = plan_groups(row.dimensions, row.selected, row.groups, managed=row.managed)
    assert wanted(plan) == row.expected


@pytest.mark.rule("TAG-055")
def test_the_worked_fixture_of_groups() -> None:
    dimensions = [dimension(code) for code in ("Department", "Project", "Finance", "Cost Centre", "Region")]
    groups = [group("Department"), group("Project"), group("Cost Centre", archived=True), group("Region")]
    selected = ["Department", "Project", "Finance", "Cost Centre"]
    plan = plan_groups(dimensions, selected, groups, managed={"region"})
    assert wanted(plan) == {
        "keep": ["g-Department", "g-Project"],
        "unarchive": ["g-Cost Centre"],
        "create": ["Finance"],
        "archive": ["g-Region"],
    }


@pytest.mark.rule("TAG-124", "TAG-127")
def test_a_run_for_one_dimension_touches_no_other_group() -> None:
    dimensions = [CC, dimension("PRJ", active=False)]
    groups = [group("PRJ"), group("HAND"), group("OLD")]
    plan = plan_groups(dimensions, ["CC", "PRJ"], groups, managed={"old"}, only="cc")
    assert wanted(plan) == {"create": ["CC"]}


@pytest.mark.rule("TAG-044")
def test_neither_metadata_nor_an_id_makes_a_group_match() -> None:
    lookalike = group("KST", "Cost centre", pid=CC.id).model_copy(update={"metadata": {"code": "CC", "id": CC.id}})
    assert wanted(plan_groups([CC], ["CC"], [lookalike], managed=())) == {"create": ["CC"], "ask": [CC.id]}
