"""What vendors cost and bring before an export job is worked."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ledgerbridge.store.tables import SyncStatus
from ledgerbridge.syncs.vendors import runs
from tests.integration.syncs.stage import Stage
from tests.integration.syncs.vendor_stage import VENDORS, VendorStage, suppliers
from tests.support.erp_double import down


@pytest.fixture
def at(stage: Stage) -> VendorStage:
    return VendorStage(stage)


@pytest.mark.rule("VEN-110", "VEN-111", "VEN-127")
async def test_before_an_export_the_drafts_among_its_vendors_come_to_the_erp(at: VendorStage) -> None:
    at.erp.extend(suppliers(1))
    await at.run()
    ours, (linked,) = at.draft(), [one for one in at.pleo if at.pleo[one]["state"] == "ACTIVE"]
    at.stage.rig.pleo.forget()
    await runs.ready(at.stage.syncs, at.stage.connection_id, [ours, linked])
    assert at.pleo[ours]["state"] == "ACTIVE"
    assert f"GET {VENDORS}/{ours}" in at.stage.calls(), "its state is not on the export item"
    assert not any(linked in call for call in at.stage.calls()), "a linked vendor was asked for on a fresh day"
    row = (await at.stage.rows())[-1]
    assert (row.trigger, row.only) == ("export", ours)


@pytest.mark.rule("VEN-127")
async def test_after_a_failed_run_all_vendors_of_the_job_are_brought_in_step(at: VendorStage) -> None:
    at.erp.extend(suppliers(2))
    await at.run()
    first, second = sorted(at.pleo, key=lambda key: at.pleo[key]["externalId"])
    at.stage.master.change("1", name="Renamed")
    at.stage.master.change("2", name="Renamed, too")
    at.stage.rig.books.before["vendors"] = [down()]
    await at.run()
    await runs.ready(at.stage.syncs, at.stage.connection_id, [first])
    assert (at.pleo[first]["name"], at.pleo[second]["name"]) == ("Renamed", "Vendor 2")


@pytest.mark.rule("VEN-053")
@pytest.mark.parametrize("how", ["left_the_selection", pytest.param("deleted", marks=pytest.mark.long)])
async def test_an_export_archives_nothing_that_the_guard_has_not_seen(at: VendorStage, how: str) -> None:
    at.erp.extend(suppliers(30))
    await at.run()
    kept = [replace(one, active=False) for one in at.erp] if how == "left_the_selection" else []
    at.erp[:] = kept
    at.stage.rig.books.before["vendors"] = [down()]
    await at.run()
    at.stage.rig.pleo.forget()
    await runs.ready(at.stage.syncs, at.stage.connection_id, list(at.pleo))
    assert set(at.states().values()) == {"ACTIVE"}
    held = await at.run()
    assert (
        (held.status, set(at.states().values())) == (SyncStatus.NEEDS_CONFIRMATION, {"ACTIVE"})
        if kept
        else (SyncStatus.FAILED, {"ACTIVE"})
    )


@pytest.mark.rule("VEN-110")
async def test_an_export_waits_a_while_for_its_vendors_and_then_goes_on(at: VendorStage) -> None:
    key = at.draft()
    seen: list[str] = []

    async def export_comes() -> None:
        await runs.ready(at.stage.syncs, at.stage.connection_id, [key], runs.Waiting(lease=0.3, pause=0.1))
        seen.append(at.pleo[key]["state"])

    at.stage.rig.books.meanwhile["vendors"] = export_comes
    await at.run()
    assert seen == ["DRAFT"]
    at.stage.rig.books.before["company"] = [down()]
    await runs.ready(at.stage.syncs, at.stage.connection_id, [key])


@pytest.mark.rule("VEN-004")
async def test_an_export_asks_for_no_vendor_where_vendors_are_switched_off(at: VendorStage) -> None:
    await at.stage.rig.configure(syncs={"vendors": {"enabled": False}})
    key = at.draft()
    at.stage.rig.pleo.forget()
    await runs.ready(at.stage.syncs, at.stage.connection_id, [key])
    assert at.stage.calls() == []


@pytest.mark.rule("VEN-037")
async def test_nothing_sent_to_pleo_or_kept_by_us_speaks_of_a_bank(at: VendorStage) -> None:
    at.erp.extend(suppliers(1, payable="6800"))
    at.draft()
    await at.run()
    sent = [json.loads(body) for body in at.stage.bodies("POST") + at.stage.bodies("PUT") if body]
    known = {"companyId", "name", "defaultCurrency", "externalId", "code", "country", "state", "states",
             "registrationNumber", "taxRegistrationNumber", "externalIds", "codes", "ids"}  # fmt: skip
    assert set().union(*sent) <= known
