"""What stands in Pleo before the first synchronisation may be somebody else's: nothing of it goes without a word."""

from __future__ import annotations

import pytest

from tests.integration.syncs.stage import Stage, accounts, counts, taxes
from tests.support.erp_double import down


def archived(stage: Stage, what: str) -> int:
    return sum(1 for one in stage.pleo(what) if one["archived"])


async def test_first_syncs_archive_no_account_until_a_person_allows_it(stage: Stage) -> None:
    stage.master.accounts = accounts(5)
    await stage.run("accounts")
    stage.master.accounts = accounts(4, first=2)

    row = await stage.run("accounts", "activation")

    assert (row.status, row.to_archive, counts(row)) == ("needs_confirmation", 1, {"unchanged": 4})
    assert "unusually" not in str(row.problems)
    row = await stage.run("accounts", "schedule")
    assert (row.status, row.to_archive, archived(stage, "accounts")) == ("needs_confirmation", 1, 0)
    row = await stage.run("accounts", "confirmed", archive_allowed=1, allowed_by="customer", asked_in=row.id)
    assert (row.status, row.archived, archived(stage, "accounts")) == ("succeeded", 1, 1)


@pytest.mark.parametrize("how", ["left behind by the activation", "switched on later"])
async def test_a_kind_that_was_never_synchronised_asks_whenever_its_first_run_comes(stage: Stage, how: str) -> None:
    stage.put("accounts", items=[{"externalId": "x", "name": "By hand", "code": None}])
    stage.master.accounts = accounts(4)
    if how == "left behind by the activation":
        stage.rig.books.before["accounts"] = [down()]
        assert (await stage.run("accounts", "activation")).status == "failed"

    row = await stage.run("accounts", "schedule")

    assert (row.status, row.to_archive, archived(stage, "accounts")) == ("needs_confirmation", 1, 0)


async def test_once_answered_a_small_number_goes_without_asking(stage: Stage) -> None:
    stage.master.accounts = accounts(5)
    await stage.run("accounts", "activation")
    stage.master.accounts = accounts(4, first=2)

    row = await stage.run("accounts", "schedule")

    assert (row.status, row.archived) == ("succeeded", 1)


async def test_a_question_ends_when_there_is_nothing_left_to_archive(stage: Stage) -> None:
    stage.master.accounts = accounts(5)
    await stage.run("accounts")
    stage.master.accounts = accounts(4, first=2)
    await stage.run("accounts", "activation")
    stage.master.accounts = accounts(5)

    row = await stage.run("accounts", "schedule")

    assert (row.status, row.to_archive) == ("succeeded", None)


async def test_first_syncs_of_tax_codes_ask_as_well(stage: Stage) -> None:
    stage.master.tax_codes = taxes("A", "B", "C")
    await stage.run("tax_codes")
    stage.master.tax_codes = taxes("A", "B")

    row = await stage.run("tax_codes", "activation")

    assert (row.status, row.to_archive, row.archived) == ("needs_confirmation", 1, 0)
