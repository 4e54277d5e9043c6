"""Tax codes, and the order between them and the accounts that refer to them."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.master_data import TaxKind
from tests.integration.syncs.stage import Stage, accounts, counts, taxes
from tests.support.erp_double import down


@pytest.mark.rule("TAX-020", "TAX-022", "TAX-023", "TAX-024", "TAX-026", "TAX-029", "TAX-030", "TAX-031", "TAX-035")
async def test_taxes_of_the_erp_become_tax_codes(stage: Stage) -> None:
    reverse = replace(taxes("RC25")[0], kind=TaxKind.REVERSE, rate=Decimal("0.25"), outgoing_account="2300")
    stage.master.tax_codes = [*taxes("I25"), reverse, replace(taxes("EX")[0], kind=TaxKind.EXCLUSIVE)]

    row = await stage.run("tax_codes")

    assert (row.status, counts(row)) == ("succeeded", {"created": 2, "skipped": 1})
    first, second = sorted((json.loads(body) for body in stage.bodies("POST", "/v0/tax-codes")[1:]), key=_code)
    assert first == {
        "archived": False, "companyId": stage.rig.pleo.company_id, "code": "I25", "name": "Tax I25", "rate": 0.25,
        "type": "inclusive", "ingoingTaxAccount": "1300", "outgoingTaxAccount": None,
    }  # fmt: skip
    assert (second["type"], second["outgoingTaxAccount"]) == ("reverse", "2300")
    assert all(f"company_id={stage.rig.pleo.company_id}" in str(one["query"]) or "company_id" in str(one["query"])
               for one in stage.rig.pleo.requests("/v0/tax-codes:search"))  # fmt: skip


def _code(body: dict[str, str]) -> str:
    return body["code"]


@pytest.mark.rule("TAX-032", "TAX-034", "TAX-036", "TAX-037", "TAX-038", "TAX-052", "TAX-053")
async def test_every_run_compares_all_and_sends_only_what_differs(stage: Stage) -> None:
    stage.master.tax_codes = taxes("A", "B", "C", "D")
    await stage.run("tax_codes")
    assert (counts(await stage.run("tax_codes")), stage.writes()) == ({"unchanged": 4}, [])

    a, b, c, d = stage.master.tax_codes
    stage.master.tax_codes = [replace(a, rate=Decimal("0.2")), replace(b, active=False), c, *taxes("E")]
    row = await stage.run("tax_codes")

    assert counts(row) == {"created": 1, "updated": 1, "archived": 2, "unchanged": 1}
    assert stage.bodies("POST", "/v0/tax-codes:search") == ["{}"]
    puts = [json.loads(body) for body in stage.bodies("PUT")]
    assert [put["archived"] for put in puts] == [False, True, True]
    assert all({"archived", "companyId", "name", "rate", "type", "code"} <= put.keys() for put in puts)

    stage.master.tax_codes += [d]
    assert counts(await stage.run("tax_codes")) == {"unarchived": 1, "unchanged": 3}


@pytest.mark.rule("TAX-050", "ACC-111")
async def test_an_accounts_run_brings_the_tax_codes_it_needs_first(stage: Stage) -> None:
    stage.choose(account_tax_code_checked="always")
    stage.master.tax_codes = taxes("I25", "I12")
    stage.master.accounts = accounts(2, tax_code="I25")

    row = await stage.run("accounts")

    assert (row.status, counts(row)) == ("succeeded", {"created": 2})
    assert [call.split("/")[2] for call in stage.writes()] == ["tax-codes"] * 2 + ["chart-of-accounts"] * 2
    assert {one["taxCodeExternalId"] for one in stage.pleo("accounts")} == {"I25"}
    assert counts(await stage.run("accounts")) == {"unchanged": 2}


@pytest.mark.rule("ACC-111", "ACC-039")
async def test_without_tax_codes_in_sync_accounts_go_without_an_unknown_one(stage: Stage) -> None:
    await stage.rig.configure(syncs={"tax_codes": {"enabled": False}})
    stage.choose(account_tax_code_checked="always")
    stage.master.tax_codes = taxes("I25")
    stage.master.accounts = accounts(2, tax_code="I25")

    row = await stage.run("accounts")

    assert (row.status, counts(row)) == ("succeeded", {"created": 2})
    assert row.problems[0]["code"] == "tax_code_unknown"
    assert stage.pleo("tax_codes") == []


@pytest.mark.rule("TAX-051")
async def test_a_tax_code_is_archived_only_after_the_accounts_that_refer_to_it(stage: Stage) -> None:
    await stage.went_through_before("tax_codes")
    stage.master.tax_codes = taxes("I25", "I12")
    stage.master.accounts = accounts(3, tax_code="I25")
    await stage.run("accounts")
    stage.master.tax_codes[0] = replace(stage.master.tax_codes[0], active=False)

    first = await stage.ended("tax_codes")
    assert first.run_id is not None
    row = await stage.row(first.run_id)
    assert (counts(row), stage.writes()) == ({"skipped": 1, "unchanged": 1}, [])
    assert "3 active accounts" in row.problems[0]["text"]
    assert first.then == ("accounts",)

    second = await stage.ended("accounts")
    assert second.run_id is not None
    assert counts(await stage.row(second.run_id)) == {"updated": 3}
    assert second.then == ("tax_codes",)

    third = await stage.ended("tax_codes")
    assert third.run_id is not None
    assert counts(await stage.row(third.run_id)) == {"archived": 1, "unchanged": 1}
    assert third.then == ()


async def test_an_erp_without_taxes_or_out_of_reach_archives_nothing(stage: Stage) -> None:
    stage.master.tax_codes = taxes("A", "B")
    await stage.run("tax_codes")
    stage.rig.books.before["tax_codes"] = [down()]
    assert (await stage.run("tax_codes")).failure == "erp_unreachable"

    stage.master.tax_codes = []
    row = await stage.run("tax_codes")

    assert (row.failure, stage.writes()) == ("erp_empty", [])


async def test_an_unusual_number_of_tax_codes_waits_for_a_person(stage: Stage) -> None:
    stage.master.tax_codes = taxes(*(f"T{n}" for n in range(20)))
    await stage.run("tax_codes")
    stage.master.tax_codes = taxes("T0", "NEW")

    row = await stage.run("tax_codes")
    assert (row.status, row.to_archive, row.created) == ("needs_confirmation", 19, 1)
    assert (await stage.run("tax_codes", archive_allowed=19)).archived == 19


@pytest.mark.rule("TAX-036")
@pytest.mark.parametrize("effect", [True, False], ids=["arrived", "lost"])
async def test_an_unanswered_create_makes_no_second_tax_code(stage: Stage, effect: bool) -> None:
    stage.master.tax_codes = taxes("A")
    stage.fault("drop", "POST", "/v0/tax-codes", after_effect=effect)

    row = await stage.run("tax_codes")

    assert (row.status, counts(row), len(stage.pleo("tax_codes"))) == ("succeeded", {"created": 1}, 1)


async def test_one_failing_tax_code_does_not_stop_the_others(stage: Stage) -> None:
    stage.master.tax_codes = taxes("A", "B", "C")
    stage.fault("status", "POST", "/v0/tax-codes", status=400, after_effect=False)

    row = await stage.run("tax_codes")

    assert (row.status, counts(row)) == ("with_failures", {"created": 2, "failed": 1})


async def test_a_preview_counts_what_the_run_then_does_and_writes_nothing(stage: Stage) -> None:
    stage.put("tax-codes", items=[{"code": "A", "name": "x"}, {"code": "B", "name": "y", "archived": True},
                                  {"code": "Z", "name": "z"}, {"name": "no code"}])  # fmt: skip
    stage.master.tax_codes = taxes("A", "B", "C")

    foreseen = await stage.foreseen("tax_codes")

    assert stage.writes() == []
    assert foreseen == counts(await stage.run("tax_codes"))
