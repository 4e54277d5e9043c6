"""Table B of tags.md: what becomes of each tag of one active pair."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.bookkeeping.master_data import MasterValue
from ledgerbridge.pleo.tags import Tag
from ledgerbridge.syncs.tags.values import TagsPlan, plan_tags
from tests.unit.syncs.make import tag, value


@dataclass(frozen=True)
class Row:
    values: list[MasterValue]
    tags: list[Tag]
    expected: dict[str, list[str]]


def wanted(plan: TagsPlan) -> dict[str, list[str]]:
    """Non-empty parts of a plan."""
    parts = {
        "archive": [one.id for one in plan.archive],
        "revive": [one.id for one in plan.revive],
        "put": [f"{one.tag.id}={one.wanted.name}" for one in plan.rename],
        "post": [f"{one.code}={one.name}" for one in plan.create],
        "same": ["yes"] * plan.unchanged,
        "troubles": [one.code for one in plan.troubles],
    }
    return {name: found for name, found in parts.items() if found}


ENG = value("ENG", "Engineering")
BLOCKED = value("ENG", "Engineering", active=False)

ROWS = {
    "B-active-none": Row([ENG], [], {"post": ["ENG=Engineering"]}),
    "B-active-one-active-equal": Row([ENG], [tag("ENG", "Engineering")], {"same": ["yes"]}),
    "B-active-one-active-differs": Row([ENG], [tag("ENG", "Motors")], {"put": ["t-ENG=Engineering"]}),
    "B-active-one-archived-equal": Row([ENG], [tag("ENG", "Engineering", archived=True)], {"revive": ["t-ENG"]}),
    "B-active-one-archived-differs": Row([ENG], [tag("ENG", "Motors", archived=True)], {"put": ["t-ENG=Engineering"]}),
    "B-active-several-exactly-one-equal": Row(
        [ENG], [tag("ENG", "Motors", pid="1"), tag("eng", "Engineering", pid="2")], {"same": ["yes"], "archive": ["1"]}
    ),
    "B-active-several-the-equal-one-archived": Row(
        [ENG], [tag("ENG", "Motors", pid="1"), tag("eng", "Engineering", pid="2", archived=True)],
        {"revive": ["2"], "archive": ["1"]},
    ),
    "B-active-several-none-equal": Row(
        [ENG], [tag("ENG", "X", pid="1", archived=True), tag("eng", "Y", pid="3", day=3), tag("Eng", "Z", pid="2")],
        {"put": ["2=Engineering"], "archive": ["3"]},
    ),
    "B-active-several-none-equal-all-archived": Row(
        [ENG], [tag("ENG", "X", pid="2", archived=True), tag("eng", "Y", pid="1", archived=True)],
        {"put": ["1=Engineering"]},
    ),
    "B-active-several-many-equal": Row(
        [ENG], [tag("ENG", "Engineering", pid="2"), tag("eng", "Engineering", pid="1"), tag("Eng", "X", pid="0")],
        {"same": ["yes"], "archive": ["2", "0"]},
    ),
    "B-absent-one-active": Row([], [tag("ENG")], {"archive": ["t-ENG"]}),
    "B-absent-several-active": Row([], [tag("ENG", pid="1"), tag("eng", pid="2")], {"archive": ["1", "2"]}),
    "B-blocked-one-active": Row([BLOCKED], [tag("ENG", "Engineering")], {"archive": ["t-ENG"]}),
    "B-absent-all-archived": Row([], [tag("ENG", archived=True), tag("eng", pid="2", archived=True)], {}),
    "B-blocked-archived": Row([BLOCKED], [tag("ENG", archived=True)], {}),
    "B-absent-none": Row([BLOCKED], [], {}),
    "B-values-differ-by-case": Row(
        [ENG, value("eng", "Engines")], [tag("ENG", "Other")], {"troubles": ["code_collision"]}
    ),
    "B-blocked-twin-of-another-case": Row([ENG, value("eng", active=False)], [tag("ENG", "Engineering")],
                                          {"same": ["yes"]}),
    "B-value-without-code": Row([value(None, "No code"), value(" ", "Blank")], [],
                                {"troubles": ["code_missing", "code_missing"]}),
    "B-blocked-value-without-code": Row([value(None, "No code", active=False)], [], {}),
    "B-value-without-name": Row([value("ENG", " ")], [], {"post": ["ENG=ENG"]}),
    "B-changed-code": Row([value("NEW", "Engineering")], [tag("ENG", "Engineering")],
                          {"post": ["NEW=Engineering"], "archive": ["t-ENG"]}),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
@pytest.mark.rule("TAG-041", "TAG-042", "TAG-043", "TAG-046", "TAG-071", "TAG-073", "TAG-074", "TAG-075", "TAG-076")
@pytest.mark.rule("TAG-003", "TAG-077", "TAG-078", "TAG-079", "TAG-080", "TAG-081", "TAG-087")
def test_table_b(row: Row) -> None:
    assert wanted(plan_tags("DEP", row.values, row.tags)) == row.expected


@pytest.mark.rule("TAG-005")
def test_the_worked_fixture_of_tags() -> None:
    values = [value("ENG", "Engineering"), value("MKT", "Marketing"), value("OPS", "Operations")]
    tags = [tag("ENG", "Engineering"), tag("MKT", "Marketing", archived=True), tag("SAL", "Sales")]
    plan = plan_tags("Department", values, tags)
    expected = {"revive": ["t-MKT"], "post": ["OPS=Operations"], "archive": ["t-SAL"], "same": ["yes"]}
    assert wanted(plan) == expected


codes = st.sampled_from(["a", "A", "b", "B", "c", "", None])
names = st.sampled_from(["one", "two", " one ", ""])
erp_values = st.lists(st.builds(MasterValue, st.text(max_size=2), codes, names, st.booleans()), max_size=6)
pleo_tags = st.lists(
    st.tuples(st.sampled_from(["a", "A", "b", "C"]), names, st.booleans(), st.integers(1, 9)), max_size=6
).map(lambda rows: [tag(c, n, archived=a, pid=str(i), day=d) for i, (c, n, a, d) in enumerate(rows)])


@given(erp_values, pleo_tags)
@pytest.mark.rule("TAG-005", "TAG-034", "TAG-082")
def test_a_plan_carried_out_leaves_nothing_to_write_and_nothing_is_lost(
    values: list[MasterValue], tags: list[Tag]
) -> None:
    after = carried_out(plan_tags("DEP", values, tags), tags)
    again = plan_tags("DEP", values, after)
    assert (again.archive, again.revive, again.rename, again.create) == ((), (), (), ())
    assert {one.id for one in tags} <= {one.id for one in after}


def carried_out(plan: TagsPlan, tags: list[Tag]) -> list[Tag]:
    """Pleo's tags after the plan, as a model of Pleo."""
    changes = {one.id: {"archived": True} for one in plan.archive} | {
        one.id: {"archived": False} for one in plan.revive
    }
    changes |= {one.tag.id: {"archived": False, "name": one.wanted.name} for one in plan.rename}
    kept = [one.model_copy(update=changes.get(one.id, {})) for one in tags]
    return kept + [tag(new.code, new.name, pid=f"new-{new.code}") for new in plan.create]
