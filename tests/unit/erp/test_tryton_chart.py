"""What a Tryton company offers to book on, where its records are odd."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import Chart
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.port import ErpError
from tests.support.tryton_stage import COMPANY_ROW, Stage, domain, healthy, records, rights

ANALYTIC = records({"id": 1, "name": "analytic_account.line"})


def tagged(date: dt.date) -> dict[str, Any]:
    return {"__class__": "date", "year": date.year, "month": date.month, "day": date.day}


def tax(id_: int, name: str, rate: str | None, **changes: Any) -> dict[str, Any]:
    row = {
        "id": id_,
        "name": name,
        "type": "none" if rate is None else "percentage",
        "rate": rate and {"__class__": "Decimal", "decimal": rate},
        "parent": None,
        "group": {"kind": "purchase"},
        "active": True,
        "start_date": None,
        "end_date": None,
        "invoice_account": {"code": "1300"},
    }
    return row | changes


def value(id_: int, code: str | None, **changes: Any) -> dict[str, Any]:
    row = {"id": id_, "code": code, "name": f"value {id_}", "type": "normal", "root": 1, "state": "opened"}
    return row | changes


def account(id_: int, statement: str = "income", **changes: Any) -> dict[str, Any]:
    row = {"id": id_, "code": str(id_), "name": "x", "party_required": False, "type": {"statement": statement}}
    return row | changes


ROOT = value(1, "CC", type="root", root=None, name="Cost centre", state="draft")


async def chart_of(stage: Stage) -> Chart:
    async with stage.opened() as erp:
        return await erp.chart()


def with_analytic(rows: list[dict[str, Any]], rules: list[dict[str, Any]] | None = None) -> Stage:
    stage = healthy()
    stage.answers |= {
        "ir.model": ANALYTIC,
        "analytic_account.account": records(*rows),
        "analytic_account.rule": records(*(rules or [])),
        "account.account": records(account(10), account(11), account(20, "balance")),
    }
    return stage


async def test_taxes_are_the_purchase_taxes_with_all_their_parts() -> None:
    stage = healthy()
    last_year = utcnow().date() - dt.timedelta(days=365)
    stage.answers["account.tax"] = records(
        tax(1, "plain", "0.25"),
        tax(2, "sales", "0.25", group={"kind": "sale"}),
        tax(3, "without a group", "0.1", group=None),
        tax(4, "reverse charge", None, invoice_account=None),
        tax(5, "deducted", "0.25", parent=4, group=None),
        tax(6, "owed", "-0.25", parent=4, group=None, invoice_account={"code": "2300"}),
        tax(7, "with a part of a fixed amount", None),
        tax(8, "fixed", None, type="fixed", parent=7, group=None),
        tax(9, "grouped twice", None),
        tax(10, "group", None, parent=9, group=None),
        tax(11, "leaf", "0.05", parent=10, group=None),
        tax(12, "leaf of former times", "0.04", parent=10, group=None, end_date=tagged(last_year)),
        tax(13, "both a rate and a part", "0.2"),
        tax(14, "surcharge", "0.01", parent=13, group=None),
        tax(15, "over", "0.25", end_date=tagged(last_year)),
        tax(16, "exempt", None),
    )
    found = {each.name: each for each in (await chart_of(stage)).taxes}
    parts = {name: [(part.tax_id, part.rate, part.account) for part in each.components] for name, each in found.items()}
    assert parts == {
        "plain": [("1", Decimal("0.25"), "1300")],
        "without a group": [("3", Decimal("0.1"), "1300")],
        "reverse charge": [("5", Decimal("0.25"), "1300"), ("6", Decimal("-0.25"), "2300")],
        "grouped twice": [("11", Decimal("0.05"), "1300")],
        "both a rate and a part": [("13", Decimal("0.2"), "1300"), ("14", Decimal("0.01"), "1300")],
        "over": [("15", Decimal("0.25"), "1300")],
        "exempt": [],
    }
    assert [name for name, each in found.items() if not each.active] == ["over"]
    assert [name for name, each in found.items() if each.is_reverse_charge] == ["reverse charge"]


async def test_dimension_values_are_those_that_can_be_told_apart() -> None:
    rows = [ROOT, value(2, "A"), value(3, None), value(4, "closed", state="closed"), value(5, "view", type="view")]
    rows += [value(6, "twice"), value(7, "twice"), value(8, "other", root=9)]
    (dimension,) = (await chart_of(with_analytic(rows))).dimensions
    assert (dimension.id, dimension.code, dimension.name, dimension.required) == ("1", "CC", "Cost centre", True)
    assert dimension.values == {"A": "2", "value 3": "3"}


async def test_a_dimension_without_values_is_not_demanded() -> None:
    chart = await chart_of(with_analytic([ROOT]))
    assert not chart.dimensions[0].required
    assert not any(each.needs_dimensions for each in chart.accounts)


@pytest.mark.parametrize(
    ("rules", "needy"),
    [
        ([], ["10", "11"]),
        ([{"id": 1, "account": 10, "journal": None, "party": None}], ["11"]),
        ([{"id": 1, "account": 10, "journal": 2, "party": None}], ["11"]),
        ([{"id": 1, "account": None, "journal": None, "party": None}], []),
        ([{"id": 1, "account": 10, "journal": None, "party": 5}], ["10", "11"]),
    ],
)
async def test_income_accounts_that_no_rule_fills_need_dimensions(
    rules: list[dict[str, Any]], needy: list[str]
) -> None:
    chart = await chart_of(with_analytic([ROOT, value(2, "A")], rules))
    assert [each.id for each in chart.accounts if each.needs_dimensions] == needy


async def test_a_tryton_without_the_analytic_module_is_never_asked_about_it() -> None:
    stage = healthy()
    stage.answers["account.account"] = records(account(10))
    chart = await chart_of(stage)
    async with stage.opened() as erp:
        await erp.find("e-1", "c")
        await erp.preflight()
    assert chart.dimensions == ()
    assert not chart.accounts[0].needs_dimensions
    asked = b"".join(request.url.raw_path + request.content for request in stage.asked)
    assert b"analytic" not in asked


async def test_only_this_companys_records_are_asked_for() -> None:
    stage = with_analytic([ROOT])
    await chart_of(stage)
    for request in stage.asked:
        model = request.url.path.rpartition("/")[2]
        if model.startswith(("account.", "analytic_account.")) and model != "account.journal":
            assert ["company", "=", 1] in domain(request), model


@pytest.mark.parametrize(
    ("party", "number"),
    [
        ({"tax_identifier": {"code": "DK123"}, "identifiers": [{"type": "a", "code": "1"}]}, "DK123"),
        ({"identifiers": [{"type": "b", "code": "2"}, {"type": None, "code": "3"}, {"type": "b", "code": "1"}]}, "3"),
        ({}, None),
    ],
)
async def test_the_registration_number_never_wavers(party: dict[str, Any], number: str | None) -> None:
    stage = healthy()
    stage.answers["company.company"] = records(COMPANY_ROW | {"party": COMPANY_ROW["party"] | party})  # type: ignore[operator]
    async with stage.opened() as erp:
        assert (await erp.company()).registration_number == number


@pytest.mark.rule("EXP-VALID-04", "EXP-VALID-05")
@pytest.mark.parametrize(
    ("path", "answer", "failure", "words"),
    [
        ("ir.model.access/get_access", rights(create="account.move"), Failure.ERP_FORBIDDEN, "create journal entries"),
        ("ir.model.access/get_access", rights(delete="account.move.line"), Failure.ERP_FORBIDDEN, "create journal"),
        ("ir.model.access/get_access", rights(create="ir.attachment"), Failure.ERP_FORBIDDEN, "attach files"),
        ("ir.model.button", records({"id": 29, "groups": [8]}), Failure.ERP_FORBIDDEN, "post journal entries"),
        ("account.period", records(), Failure.ERP_LOCKED, "Demo ApS"),
        ("company.company", records(), Failure.ERP_COMPANY_UNKNOWN, "1"),
        (
            "res.user/get_preferences",
            httpx.Response(200, json={"company_filter": "one", "companies": [1, 2], "company": 2}),
            Failure.ERP_COMPANY_UNKNOWN,
            "1",
        ),
        (
            "res.user/get_preferences",
            httpx.Response(200, json={"company_filter": "all", "companies": [2], "company": 2}),
            Failure.ERP_COMPANY_UNKNOWN,
            "1",
        ),
    ],
)
async def test_preflight_says_what_is_missing(path: str, answer: httpx.Response, failure: Failure, words: str) -> None:
    stage = healthy()
    stage.answers[path] = answer
    async with stage.opened() as erp:
        with pytest.raises(ErpError) as caught:
            await erp.preflight(final=True)
    assert caught.value.problem.failure is failure
    assert words in caught.value.problem.text


async def test_a_user_who_may_not_post_may_still_make_drafts() -> None:
    stage = healthy()
    stage.answers["ir.model.button"] = records({"id": 29, "groups": [8]})
    async with stage.opened() as erp:
        await erp.preflight(final=False)
