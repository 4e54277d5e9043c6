"""Something a configuration or a category uses goes from the ERP: said the same day, taken back when it is mended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import select

from ledgerbridge.store.tables import AuditRecord, MappingWarning
from tests.integration.syncs.stage import Stage, accounts, dimension, values
from tests.support.double_master import vendor
from tests.support.erp_double import CODES, PAYABLES, down

CATEGORY_SEARCH = '"excludeIfAssignedToCategory":true'


async def warnings(stage: Stage, *, resolved: bool = False) -> Sequence[tuple[str, str, str]]:
    async with stage.rig.db.reading() as session:
        rows = await session.scalars(
            select(MappingWarning)
            .where(MappingWarning.resolved_at.is_not(None) if resolved else MappingWarning.resolved_at.is_(None))
            .order_by(MappingWarning.code)
        )
        return [(row.kind, row.code, row.used_by) for row in rows]


async def audited(stage: Stage) -> list[str]:
    async with stage.rig.db.reading() as session:
        rows = await session.scalars(select(AuditRecord.action).order_by(AuditRecord.id))
        return [one for one in rows if one.startswith("mapping")]


def close(stage: Stage, code: str, *, active: bool = False) -> None:
    stage.master.accounts = [replace(one, active=active) if one.code == code else one for one in stage.master.accounts]


async def test_a_closed_account_of_the_configuration_is_told_until_it_is_back(stage: Stage) -> None:
    await stage.run("accounts")
    assert await warnings(stage) == []
    close(stage, CODES["payable"])
    for _ in range(2):
        await stage.run("accounts")
        assert await warnings(stage) == [("accounts", CODES["payable"], "configuration: accounts.payable")]
    assert await audited(stage) == ["mapping_warning"], "said once, not with every run"
    close(stage, CODES["payable"], active=True)
    await stage.run("accounts")
    assert await warnings(stage) == []
    assert await warnings(stage, resolved=True) == [("accounts", CODES["payable"], "configuration: accounts.payable")]
    assert await audited(stage) == ["mapping_warning", "mapping_warning_resolved"]


async def test_choosing_another_account_takes_it_back_too(stage: Stage) -> None:
    close(stage, CODES["payable"])
    await stage.run("accounts")
    await stage.rig.configure(accounts={"wallet": {"*": CODES["wallet"]}, "out_of_pocket": CODES["out_of_pocket"],
                                        "contra": CODES["contra"]})  # fmt: skip
    await stage.run("accounts")
    assert await warnings(stage) == []


async def test_an_erp_that_cannot_be_read_warns_of_nothing_and_takes_nothing_back(stage: Stage) -> None:
    close(stage, CODES["payable"])
    await stage.run("accounts")
    stage.rig.books.before["accounts"] = [down()]
    close(stage, CODES["payable"], active=True)
    close(stage, CODES["contra"])
    await stage.run("accounts")
    assert [code for _, code, _ in await warnings(stage)] == [CODES["payable"]]


@pytest.mark.rule("ACC-093")
async def test_an_account_that_is_archived_while_a_category_uses_it_is_told_with_one_more_search(
    stage: Stage,
) -> None:
    stage.master.accounts += accounts(30, first=501)
    await stage.run("accounts")
    company = stage.rig.pleo.company_id
    stage.rig.pleo.control("PUT", f"/companies/{company}/categories", {"categories": {"Travel": "501", "Meals": "503"}})
    assert not any(CATEGORY_SEARCH in body for body in stage.bodies("POST"))

    for code in ("00501", "00502"):
        close(stage, code)
    await stage.run("accounts")
    assert await warnings(stage) == [("accounts", "00501", "category")]
    assert sum(CATEGORY_SEARCH in body for body in stage.bodies("POST")) == 1

    await stage.run("accounts")
    assert await warnings(stage) == [("accounts", "00501", "category")], "still used"
    stage.rig.pleo.control("PUT", f"/companies/{company}/categories", {"categories": {"Travel": "502", "Meals": "503"}})
    await stage.run("accounts")
    assert await warnings(stage) == []
    await stage.run("accounts")
    assert not any(CATEGORY_SEARCH in body for body in stage.bodies("POST"))


async def test_a_dimension_that_is_closed_is_told_on_the_day_it_is_deselected(stage: Stage) -> None:
    stage.master.dimensions = [dimension("CC"), dimension("PRJ")]
    stage.master.values = {"d-CC": values("1"), "d-PRJ": values("1")}
    await stage.run("tags")
    stage.master.dimensions = [dimension("CC"), dimension("PRJ", active=False)]
    await stage.run("tags")
    assert await warnings(stage) == [("tags", "PRJ", "configuration: dimensions")]
    await stage.run("tags", only="CC")
    assert await warnings(stage) == [("tags", "PRJ", "configuration: dimensions")], "only one dimension was looked at"


async def test_a_default_vendor_that_is_blocked_is_told(stage: Stage) -> None:
    stage.rig.books.capabilities = PAYABLES
    stage.master.vendors = [vendor(1), vendor(2)]
    await stage.rig.configure(default_vendor=stage.master.vendors[0].code)
    await stage.run("vendors")
    assert await warnings(stage) == []
    stage.master.vendors = [replace(stage.master.vendors[0], active=False), stage.master.vendors[1]]
    await stage.run("vendors")
    (found,) = await warnings(stage)
    assert found[2] == "configuration: default_vendor"
