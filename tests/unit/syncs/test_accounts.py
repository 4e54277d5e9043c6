"""Table A1 to A19 of accounts-and-tax-codes.md, as far as it is decided before anything is written."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.bookkeeping.master_data import MasterAccount
from ledgerbridge.pleo.chart_of_accounts import Account
from ledgerbridge.syncs.accounts.plan import AccountsPlan, against, plan_accounts, shortened
from tests.unit.syncs.make import account, pleo_account


@dataclass(frozen=True)
class Row:
    erp: list[MasterAccount]
    pleo: list[Account]
    expected: dict[str, list[str]]


def wanted(plan: AccountsPlan) -> dict[str, list[str]]:
    """Non-empty parts of a plan."""
    parts = {
        "create": [one.external_id for one in plan.create],
        "put": [f"{one.account.id}={one.wanted.code} {one.wanted.name}" for one in plan.change],
        "archive": [one.id for one in plan.archive],
        "same": ["yes"] * plan.unchanged,
        "troubles": [one.code for one in plan.troubles],
        "notes": [one.code for one in plan.notes],
    }
    return {name: found for name, found in parts.items() if found}


ROWS = {
    "A1": Row([account("1")], [], {"create": ["1"]}),
    "A2": Row([account("1")], [pleo_account("1")], {"same": ["yes"]}),
    "A3-name": Row([account("1", "Lease")], [pleo_account("1")], {"put": ["a-1=6000 Lease"]}),
    "A3-code": Row([account("1", code="6001")], [pleo_account("1")], {"put": ["a-1=6001 Rent"]}),
    "A3-tax": Row([account("1", tax_code="I25")], [pleo_account("1")], {"put": ["a-1=6000 Rent"]}),
    "A4": Row([account("1")], [pleo_account("1", archived=True)], {"put": ["a-1=6000 Rent"]}),
    "A5": Row([account("1", "Lease")], [pleo_account("1", archived=True)], {"put": ["a-1=6000 Lease"]}),
    "A6": Row([account("1", active=False)], [pleo_account("1")], {"archive": ["a-1"]}),
    "A7": Row([account("1", active=False)], [pleo_account("1", archived=True)], {}),
    "A8": Row([account("1", active=False)], [], {}),
    "A9": Row([], [pleo_account("1")], {"archive": ["a-1"]}),
    "A10": Row([], [pleo_account("1", archived=True)], {}),
    "A11": Row([account("1")], [pleo_account("1"), pleo_account("by-hand", "Cash", "9")],
               {"same": ["yes"], "archive": ["a-by-hand"]}),
    "A12": Row([account("1"), account("1", "Other")], [pleo_account("1", "Third")], {"troubles": ["id_collision"]}),
    "A13": Row([account("new")], [pleo_account("old")],
               {"create": ["new"], "archive": ["a-old"], "notes": ["identifier_changed"]}),
    "A14-long": Row([account("x" * 256)], [], {"troubles": ["id_length"]}),
    "A14-empty": Row([account("")], [], {"troubles": ["id_length"]}),
    "same-code-other-id-is-no-match": Row([account("1"), account("2")], [pleo_account("2")],
                                          {"create": ["1"], "same": ["yes"]}),
    "identifiers-are-compared-exactly": Row([account("a")], [pleo_account("A", code="7")],
                                            {"create": ["a"], "archive": ["a-A"]}),
    "no-number": Row([account("1", code=None)], [], {"create": ["1"], "notes": ["code_missing"]}),
    "no-number-unchanged": Row([account("1", code=" ")], [pleo_account("1", code=None)],
                               {"same": ["yes"], "notes": ["code_missing"]}),
    "no-name": Row([account("1", " ")], [], {"create": ["1"]}),
    "neither-name-nor-number": Row([account("1", "", None)], [pleo_account("1")], {"troubles": ["name_empty"]}),
    "number-too-long": Row([account("1", code="6" * 256)], [pleo_account("1")], {"troubles": ["code_length"]}),
    "two-active-at-pleo": Row([account("1", "Lease")], [pleo_account("1", pid="a"), pleo_account("1", pid="b")],
                              {"troubles": ["duplicate"]}),
    "active-twin-before-archived": Row([account("1")], [pleo_account("1", archived=True, pid="a"), pleo_account("1")],
                                       {"same": ["yes"]}),
    "tax-code-unknown-to-pleo": Row([account("1", tax_code="I99"), account("2", tax_code="I99")], [pleo_account("1")],
                                    {"create": ["2"], "same": ["yes"], "notes": ["tax_code_unknown"]}),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
@pytest.mark.rule("ACC-016", "ACC-021", "ACC-030", "ACC-031", "ACC-034", "ACC-035", "ACC-037", "ACC-070", "ACC-078")
@pytest.mark.rule("ACC-079", "ACC-080", "ACC-081", "ACC-082", "ACC-083", "ACC-086")
def test_table_of_accounts(row: Row) -> None:
    assert wanted(plan_accounts(row.erp, row.pleo, {"I25"})) == row.expected


@pytest.mark.rule("ACC-032", "ACC-035", "ACC-037", "ACC-039", "ACC-040")
def test_what_is_sent_of_an_account() -> None:
    (new,) = plan_accounts([account("77", "Rent", "6000", "I25")], [], {"I25"}).create
    assert (new.external_id, new.code, new.name, new.tax_code) == ("77", "6000", "Rent", "I25")


@pytest.mark.rule("ACC-039")
def test_an_account_without_a_tax_names_none_and_loses_the_one_it_had() -> None:
    plan = plan_accounts([account("1")], [pleo_account("1", tax_code="I25")], {"I25"})
    assert [one.wanted.tax_code for one in plan.change] == [None]


@pytest.mark.parametrize(("made", "put"), [
    pytest.param(pleo_account("1"), False, id="A15-equal"),
    pytest.param(pleo_account("1", archived=True), True, id="A15-archived"),
    pytest.param(pleo_account("1", "Other"), True, id="A16-differs"),
])  # fmt: skip
@pytest.mark.rule("ACC-071", "ACC-072")
def test_an_account_that_was_there_is_compared(made: Account, put: bool) -> None:
    (new,) = plan_accounts([account("1")], [], ()).create
    assert (against(new, made) is not None) == put


@pytest.mark.parametrize(
    "name", ["x" * 300, "å" * 300, "😀" * 200, "x" * 254 + " y"], ids=["plain", "å", "emoji", "blank"]
)
@pytest.mark.rule("ACC-037", "ACC-038")
def test_a_long_name_is_cut_the_same_way_and_compared_cut(name: str) -> None:
    (new,) = plan_accounts([account("1", name)], [], ()).create
    assert 0 < len(new.name.encode("utf-16-le")) // 2 <= 255
    assert name.startswith(new.name)
    assert shortened(new.name) == new.name
    assert plan_accounts([account("1", name)], [pleo_account("1", new.name)], ()).unchanged == 1


erp_accounts = st.lists(
    st.builds(
        MasterAccount,
        st.sampled_from(["1", "2", "3", ""]),
        st.sampled_from(["10", "20", "", None]),
        st.sampled_from(["Rent", "Travel ", " "]),
        st.sampled_from(["I25", "gone", None]),
        st.booleans(),
    ),
    max_size=6,
)
pleo_accounts = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "4"]),
        st.sampled_from(["Rent", "x"]),
        st.sampled_from(["10", None]),
        st.sampled_from(["I25", None]),
        st.booleans(),
    ),
    max_size=5,
).map(lambda rows: [pleo_account(e, n, c, t, archived=a, pid=str(i)) for i, (e, n, c, t, a) in enumerate(rows)])


@given(erp_accounts, pleo_accounts)
@pytest.mark.rule("ACC-082", "ACC-087")
def test_a_plan_carried_out_leaves_nothing_to_write_and_nothing_is_lost(
    erp: list[MasterAccount], there: list[Account]
) -> None:
    plan = plan_accounts(erp, there, {"I25"})
    archived = {one.id for one in plan.archive}
    after = {one.id: one.model_copy(update={"archived": True}) if one.id in archived else one for one in there}
    for one in plan.change:
        w = one.wanted
        after[one.account.id] = pleo_account(w.external_id, w.name, w.code, w.tax_code, pid=one.account.id)
    for new in plan.create:
        after[f"new-{new.external_id}"] = pleo_account(new.external_id, new.name, new.code, new.tax_code)
    again = plan_accounts(erp, list(after.values()), {"I25"})
    assert (again.create, again.change, again.archive) == ((), (), ())
    assert {one.id for one in there} <= after.keys()
