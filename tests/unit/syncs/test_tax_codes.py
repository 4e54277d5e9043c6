"""Table T1 to T10 of accounts-and-tax-codes.md."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.bookkeeping.master_data import MasterTaxCode, TaxKind
from ledgerbridge.pleo.tax_codes import TaxCode
from ledgerbridge.syncs.tax_codes.plan import TaxPlan, details_of, plan_tax_codes
from tests.unit.syncs.make import pleo_tax, tax


@dataclass(frozen=True)
class Row:
    erp: list[MasterTaxCode]
    pleo: list[TaxCode]
    expected: dict[str, list[str]]


def wanted(plan: TaxPlan) -> dict[str, list[str]]:
    """Non-empty parts of a plan."""
    parts = {
        "create": [str(one.code) for one in plan.create],
        "put": [one.tax_code.id for one in plan.change],
        "archive": [one.id for one in plan.archive],
        "same": ["yes"] * plan.unchanged,
        "troubles": [one.code for one in plan.troubles],
    }
    return {name: found for name, found in parts.items() if found}


ROWS = {
    "T1": Row([tax("I25")], [], {"create": ["I25"]}),
    "T2": Row([tax("I25")], [pleo_tax("I25")], {"same": ["yes"]}),
    "T2-rate-written-otherwise": Row([tax("I25", rate="0.250")], [pleo_tax("I25", rate="0.25")], {"same": ["yes"]}),
    "T3-name": Row([tax("I25", "Moms")], [pleo_tax("I25")], {"put": ["x-I25"]}),
    "T3-rate": Row([tax("I25", rate="0.2")], [pleo_tax("I25")], {"put": ["x-I25"]}),
    "T3-type": Row([tax("I25", kind=TaxKind.REVERSE)], [pleo_tax("I25")], {"put": ["x-I25"]}),
    "T3-ingoing": Row([tax("I25", accounts=("1301", None))], [pleo_tax("I25")], {"put": ["x-I25"]}),
    "T3-outgoing": Row([tax("I25", accounts=("1300", "2300"))], [pleo_tax("I25")], {"put": ["x-I25"]}),
    "T4": Row([tax("I25", "Moms")], [pleo_tax("I25", archived=True)], {"put": ["x-I25"]}),
    "T4-details-equal": Row([tax("I25")], [pleo_tax("I25", archived=True)], {"put": ["x-I25"]}),
    "T5-inactive": Row([tax("I25", active=False)], [pleo_tax("I25")], {"archive": ["x-I25"]}),
    "T5-absent": Row([], [pleo_tax("I25")], {"archive": ["x-I25"]}),
    "T6-archived": Row([tax("I25", active=False)], [pleo_tax("I25", archived=True)], {}),
    "T6-none": Row([tax("I25", active=False)], [], {}),
    "T7": Row([tax("I25", kind=TaxKind.EXCLUSIVE)], [pleo_tax("I25", "Other")], {"troubles": ["exclusive"]}),
    "T8-one-active": Row([tax("I25")], [pleo_tax("I25", archived=True, pid="0"), pleo_tax("I25")], {"same": ["yes"]}),
    "T8-several-active": Row([tax("I25", "Moms")], [pleo_tax("I25", pid="1"), pleo_tax("I25", pid="2")],
                             {"troubles": ["duplicate"]}),
    "T8-all-archived": Row([tax("I25")], [pleo_tax("I25", archived=True, pid=i) for i in "21"], {"put": ["1"]}),
    "T9-none": Row([tax("I25")], [pleo_tax(None), pleo_tax("I25")], {"same": ["yes"], "troubles": ["code_missing"]}),
    "T9-empty": Row([], [pleo_tax(" ")], {"troubles": ["code_missing"]}),
    "T9-archived": Row([], [pleo_tax(None, archived=True)], {}),
    "two-erp-taxes-one-code": Row([tax("I25"), tax("I25", "Other")], [pleo_tax("I25", "Third")],
                                  {"troubles": ["code_collision"]}),
    "erp-tax-without-code": Row([tax(" ")], [], {"troubles": ["code_missing"]}),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
@pytest.mark.rule("TAX-021", "TAX-022", "TAX-025", "TAX-027", "TAX-036", "TAX-037")
def test_table_of_tax_codes(row: Row) -> None:
    assert wanted(plan_tax_codes(row.erp, row.pleo)) == row.expected


@pytest.mark.rule("TAX-023", "TAX-024", "TAX-026", "TAX-028", "ACC-040")
def test_what_is_sent_of_a_reverse_charge() -> None:
    sent = details_of(tax("RC25", "Reverse charge", "0.25", TaxKind.REVERSE, accounts=("1300", "2300")))
    assert (sent.code, sent.name, sent.rate, sent.type) == ("RC25", "Reverse charge", Decimal("0.25"), "reverse")
    assert (sent.ingoing_account, sent.outgoing_account) == ("1300", "2300")


erp_taxes = st.lists(
    st.builds(
        MasterTaxCode,
        st.sampled_from(["A", "B", "C", ""]),
        st.sampled_from(["VAT ", "", "Other"]),
        st.sampled_from([Decimal("0.25"), Decimal(0)]),
        st.sampled_from(list(TaxKind)),
        st.sampled_from(["1", None, ""]),
        st.none(),
        st.booleans(),
    ),
    max_size=5,
)
pleo_taxes = st.lists(
    st.tuples(st.sampled_from(["A", "B", "D", None]), st.sampled_from(["VAT", "x"]), st.booleans()), max_size=5
).map(lambda rows: [pleo_tax(c, n, archived=a, pid=str(i)) for i, (c, n, a) in enumerate(rows)])


@given(erp_taxes, pleo_taxes)
@pytest.mark.rule("TAX-053")
def test_a_plan_carried_out_leaves_nothing_to_write_and_nothing_is_lost(
    erp: list[MasterTaxCode], there: list[TaxCode]
) -> None:
    plan = plan_tax_codes(erp, there)
    gone = {one.id for one in plan.archive}
    after = {one.id: one.model_copy(update={"archived": True}) if one.id in gone else one for one in there}
    for key, d in [(one.tax_code.id, one.details) for one in plan.change] + [(f"n-{d.code}", d) for d in plan.create]:
        after[key] = pleo_tax(
            d.code, d.name, str(d.rate), d.type, pid=key, accounts=(d.ingoing_account, d.outgoing_account)
        )
    again = plan_tax_codes(erp, list(after.values()))
    assert (again.create, again.change, again.archive) == ((), (), ())
    assert {one.id for one in there} <= after.keys()
