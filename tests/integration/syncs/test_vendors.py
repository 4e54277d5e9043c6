"""Suppliers of the ERP arrive in Pleo once, follow their changes, and leave only when they are surely gone."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import delete

from ledgerbridge.bookkeeping.vendor_index import VendorIndex
from ledgerbridge.exports.vendors import aliases
from ledgerbridge.store.tables import Connection, LinkPhase, SyncStatus, VendorLink
from tests.integration.syncs.stage import Stage, counts
from tests.integration.syncs.vendor_stage import TAX, VENDORS, VendorStage, problems, suppliers, text_of
from tests.support.erp_double import down, truncated
from tests.support.rig import Killed


@pytest.fixture
def at(stage: Stage) -> VendorStage:
    return VendorStage(stage)


@pytest.mark.rule("VEN-001", "VEN-031", "VEN-040", "VEN-041", "VEN-043", "VEN-057", "VEN-133", "VEN-136", "VEN-137")
async def test_two_hundred_suppliers_arrive_once_and_a_second_run_writes_nothing(at: VendorStage) -> None:
    at.erp.extend(suppliers(200))
    first = await at.run()
    assert (first.status, counts(first)) == (SyncStatus.SUCCEEDED, {"created": 200})
    sent = [json.loads(body) for body in at.stage.bodies("POST", VENDORS)]
    created = [one for one in sent if "name" in one]
    assert all(one["externalId"] and one["code"] and one["companyId"] for one in created)
    at.in_step()
    second = await at.run()
    assert (counts(second), at.writes()) == ({"unchanged": 200}, [])
    assert len(at.stage.calls()) == 2, "two pages of a hundred and nothing else"


@pytest.mark.rule("VEN-032", "VEN-042", "VEN-045", "VEN-054", "VEN-083", "VEN-014")
async def test_a_change_of_one_per_cent_sends_exactly_that_many_writes(at: VendorStage) -> None:
    at.erp.extend(suppliers(200, tax_registration_number=None))
    await at.run()
    for number in ("7", "8"):
        at.stage.master.change(number, name=f"Renamed {number}", country="GB")
    row = await at.run()
    assert (counts(row), at.writes()) == ({"updated": 2, "unchanged": 198}, ["PUT vendor"] * 2)
    body = json.loads(at.stage.bodies("PUT")[0])
    assert set(body) == {"companyId", "state", "name", "defaultCurrency", "externalId", "code", "country"}
    assert (body["country"], body["state"]) == ("GB", "ACTIVE")
    calls = at.stage.calls()
    put = next(n for n, call in enumerate(calls) if call.startswith("PUT"))
    assert any(call.startswith("GET") for call in calls[:put]), "written without a look at the vendor first"


@pytest.mark.rule("VEN-046", "VEN-047", "VEN-048", "VEN-091", "VEN-052")
async def test_a_supplier_that_ends_and_returns_is_archived_and_brought_back(at: VendorStage) -> None:
    at.erp.extend(suppliers(3))
    await at.run()
    at.stage.master.change("1", active=False)
    assert (counts(await at.run()), at.writes()) == ({"archived": 1, "unchanged": 2}, ["POST :archive"])
    assert at.stage.bodies("POST", f"{VENDORS}/")[0] in ("", None)
    assert counts(await at.run()) == {"unchanged": 2}
    at.stage.master.change("1", active=True, name="Vendor 1 again")
    row = await at.run()
    assert (counts(row), at.writes()) == ({"unarchived": 1, "unchanged": 2}, ["POST :activate", "PUT vendor"])
    at.in_step()


@pytest.mark.rule("VEN-052", "VEN-058")
async def test_a_supplier_missing_in_the_list_but_there_when_asked_for_by_id_stays(at: VendorStage) -> None:
    at.erp.extend(suppliers(12))
    await at.run()

    async def short() -> None:
        held = at.stage.master.vendors.pop()

        async def back() -> None:
            at.stage.master.vendors.append(held)

        at.stage.rig.books.meanwhile["find_vendors"] = back

    at.stage.rig.books.meanwhile["vendors"] = short
    assert (counts(await at.run()), at.writes()) == ({"unchanged": 12}, [])


@pytest.mark.rule("VEN-046", "VEN-052", "VEN-029")
async def test_a_deleted_supplier_is_archived_and_its_link_kept(at: VendorStage) -> None:
    at.erp.extend(suppliers(2))
    await at.run()
    gone = at.erp.pop()
    assert counts(await at.run()) == {"archived": 1, "unchanged": 1}
    assert at.stage.rig.books.calls["find_vendors"] == 1
    (ended,) = [one for one in await at.links() if one.phase == LinkPhase.ENDED]
    assert ended.erp_id == gone.id
    assert (counts(await at.run()), at.writes()) == ({"unchanged": 1}, [])


@pytest.mark.rule("VEN-053")
async def test_an_erp_that_shows_no_suppliers_at_all_archives_nothing(at: VendorStage) -> None:
    at.erp.extend(suppliers(3))
    await at.run()
    at.erp.clear()
    row = await at.run()
    assert (row.status, row.failure, at.writes()) == (SyncStatus.FAILED, "erp_empty", [])


@pytest.mark.rule("VEN-053")
@pytest.mark.parametrize("trouble", [pytest.param(down, id="unreachable"), pytest.param(truncated, id="cut-short")])
async def test_an_erp_read_that_failed_archives_nothing(at: VendorStage, trouble: object) -> None:
    at.erp.extend(suppliers(3))
    await at.run()
    at.erp.pop()
    at.stage.rig.books.before["vendors"] = [trouble()]  # type: ignore[operator]
    row = await at.run()
    assert (row.status, at.writes()) == (SyncStatus.FAILED, [])


@pytest.mark.rule("VEN-053")
async def test_archiving_many_waits_for_a_person_while_the_rest_goes_on(at: VendorStage) -> None:
    at.erp.extend(suppliers(40))
    await at.run()
    del at.erp[28:]
    at.erp.append(suppliers(1, first=99)[0])
    row = await at.run()
    assert (row.status, row.to_archive) == (SyncStatus.NEEDS_CONFIRMATION, 12)
    assert counts(row) == {"created": 1, "unchanged": 28}
    allowed = await at.run("confirmed", archive_allowed=12, allowed_by="admin:ada")
    assert counts(allowed) == {"archived": 12, "unchanged": 29}
    at.in_step()


@pytest.mark.rule("VEN-053", "VEN-062")
async def test_what_turns_out_archivable_only_after_the_guard_waits_for_the_next_run(at: VendorStage) -> None:
    at.erp.extend(suppliers(2))
    await at.run()
    draft = at.put(name="Draft")["id"]
    at.erp.pop()

    async def somebody_activates() -> None:
        at.edit(draft, state="ACTIVE", externalId="x77")

    at.stage.rig.books.meanwhile["find_vendors"] = somebody_activates  # asked for vendor 2, which is gone
    assert counts(await at.run()) == {"archived": 1, "unchanged": 1}
    assert (at.pleo[draft]["state"], len(at.erp)) == ("ACTIVE", 1)


@pytest.mark.parametrize(
    ("method", "path"),
    [pytest.param("GET", f"{VENDORS}/*", id="looked-at"), pytest.param("POST", f"{VENDORS}/*:archive", id="archived")],
)
async def test_a_vendor_that_pleo_does_not_know_any_more_when_it_is_archived_is_counted(
    at: VendorStage, method: str, path: str
) -> None:
    at.erp.extend(suppliers(2))
    await at.run()
    at.erp.pop()
    at.stage.fault("status", method, path, status=404, after_effect=False)
    row = await at.run()
    assert counts(row) == {"unchanged": 1, "skipped": 1}
    assert problems(row) == [("gone", "vendor V0002 Vendor 2")]


@pytest.mark.rule("VEN-053")
async def test_ten_suppliers_may_go_without_asking(at: VendorStage) -> None:
    at.erp.extend(suppliers(12))
    await at.run()
    del at.erp[2:]
    assert counts(await at.run()) == {"archived": 10, "unchanged": 2}


@pytest.mark.rule("VEN-008", "VEN-085", "VEN-088")
async def test_what_a_person_changes_in_pleo_is_put_back_and_told_and_never_reaches_the_erp(at: VendorStage) -> None:
    at.erp.extend(suppliers(1))
    await at.run()
    (key,) = at.pleo
    at.edit(key, name="Wendor", code="X")
    row = await at.run()
    assert (counts(row), at.states()) == ({"updated": 1}, {"Vendor 1": "ACTIVE"})
    assert "name, code" in text_of(row)
    assert at.erp == suppliers(1)
    at.edit(key, state="ARCHIVED")
    assert counts(await at.run()) == {"unarchived": 1}


@pytest.mark.rule("VEN-087")
async def test_the_fourth_write_of_a_day_without_a_change_in_the_erp_is_not_made(at: VendorStage) -> None:
    at.erp.extend(suppliers(1))
    await at.run()
    (key,) = at.pleo
    for _ in range(3):
        at.edit(key, name="Again and again")
        assert counts(await at.run()) == {"updated": 1}
    at.edit(key, name="Again and again")
    row = await at.run()
    assert (problems(row)[0][0], at.writes()) == ("write_brake", [])
    at.stage.master.change("1", name="Vendor One")
    assert counts(await at.run()) == {"updated": 1}, "a change in the ERP is sent whatever went before"


@pytest.mark.rule("VEN-044")
async def test_a_created_vendor_that_pleo_shows_as_a_draft_is_activated(at: VendorStage) -> None:
    at.stage.choose(vendor_active_by="code")
    at.erp.extend(suppliers(1, code=None))
    await at.run()
    assert (at.writes(), at.states()) == (["POST", "POST :activate"], {"Vendor 1": "ACTIVE"})


@pytest.mark.rule("VEN-057")
async def test_a_field_pleo_keeps_although_it_was_left_out_is_not_sent_for_ever(at: VendorStage) -> None:
    at.stage.choose(put_omitted="kept")
    at.erp.extend(suppliers(1, registration_number="777"))
    await at.run()
    at.stage.master.change("1", registration_number=None)
    assert counts(await at.run()) == {"updated": 1}
    assert (counts(await at.run()), at.writes()) == ({"unchanged": 1}, [])


@pytest.mark.rule("VEN-055", "VEN-131")
async def test_a_creation_without_an_answer_is_looked_for_and_not_repeated(at: VendorStage) -> None:
    at.erp.extend(suppliers(1))
    at.stage.fault("drop", "POST", VENDORS)
    assert counts(await at.run()) == {"created": 1}
    at.in_step()
    assert len(at.pleo) == 1


@pytest.mark.rule("VEN-055")
@pytest.mark.parametrize(
    ("state", "writes"),
    [
        pytest.param("ACTIVE", ["PUT vendor"], id="active"),
        pytest.param("DRAFT", ["POST :activate", "PUT vendor"], id="draft"),
        pytest.param("ARCHIVED", ["POST :activate", "PUT vendor"], id="archived"),
    ],
)
async def test_a_clash_on_creation_adopts_the_vendor_made_meanwhile(
    at: VendorStage, state: str, writes: list[str]
) -> None:
    await at.meanwhile_in_pleo(name="By hand", externalId="3", state=state)
    await at.run()
    assert at.writes() == ["POST", *writes, "POST :archive"]
    at.in_step()


@pytest.mark.rule("VEN-055")
async def test_a_clash_on_creation_without_a_true_match_is_told_and_not_repeated(at: VendorStage) -> None:
    await at.meanwhile_in_pleo(name="Another", code="V0003", externalId="77", state="ACTIVE")
    at.stage.choose(vendor_conflict_by="code")
    row = await at.run()
    assert at.writes() == ["POST", "POST :archive"]
    assert problems(row) == [("pleo_409", "vendor V0003 Vendor 3")]
    told = text_of(row)
    assert "already uses the number V0003 or the identifier 3: V0003 Another (active)" in told
    assert "give this one another number in the accounting system" in told


@pytest.mark.rule("VEN-056")
@pytest.mark.parametrize(("clashes", "after"), [pytest.param(1, {"updated": 1}, id="once"),
                                                pytest.param(2, {"failed": 1}, id="twice")])  # fmt: skip
async def test_a_clash_on_update_is_tried_once_more_after_a_look(
    at: VendorStage, clashes: int, after: dict[str, int]
) -> None:
    at.erp.extend(suppliers(1))
    await at.run()
    at.stage.master.change("1", name="Renamed")
    at.stage.fault("status", "PUT", f"{VENDORS}/*", status=409, times=clashes, after_effect=False)
    assert counts(await at.run()) == after
    assert at.writes() == ["PUT vendor"] * 2
    put, look, again = [one for one in at.stage.calls() if not one.endswith(":search")][-3:]
    assert (put[:3], look[:3], again[:3]) == ("PUT", "GET", "PUT")


@pytest.mark.rule("VEN-012")
async def test_the_links_of_another_company_are_neither_read_nor_touched(at: VendorStage) -> None:
    at.erp.extend(suppliers(1))
    await at.run()
    (own,) = await at.links()
    other = uuid.uuid4()
    async with at.stage.rig.db.transaction() as session:
        session.add(
            Connection(
                id=other,
                environment="other",
                company_id=str(uuid.uuid4()),
                status="active",
                auth_method="api_key",
                subject_urn="urn:pleo:company:other",
            )
        )
        await session.flush()
        session.add(VendorLink(connection_id=other, pleo_id=own.pleo_id, erp_id="1", phase="parked", note="theirs"))
    at.stage.master.change("1", name="Renamed")
    assert counts(await at.run()) == {"updated": 1}
    theirs = next(one for one in await at.links() if one.connection_id == other)
    assert (theirs.phase, theirs.note, theirs.pleo_digest) == ("parked", "theirs", None)


@pytest.mark.rule("VEN-027")
async def test_two_pleo_vendors_of_one_supplier_are_told_and_not_touched(at: VendorStage) -> None:
    at.erp.extend(suppliers(1))
    for name in ("One", "Two"):
        at.put(name=name, externalId="1", state="ACTIVE")
    row = await at.run()
    assert (at.writes(), problems(row)[0][0]) == ([], "several_in_pleo")
    assert "One" in text_of(row)


@pytest.mark.rule("VEN-051", "VEN-098")
async def test_vendors_that_are_not_ours_are_left_alone_and_told(at: VendorStage) -> None:
    at.erp.extend(suppliers(1))
    at.put(name="By hand", state="ACTIVE")
    at.put(name="Of another system", externalId="x", accountingSystem="e-conomic", state="ACTIVE")
    row = await at.run()
    assert at.writes() == ["POST"]
    assert sorted(code for code, _ in problems(row)) == ["not_ours", "not_ours"]


@pytest.mark.rule("VEN-009")
async def test_lost_links_are_rebuilt_from_both_systems_without_a_write(at: VendorStage) -> None:
    at.erp.extend(suppliers(5))
    await at.run()
    async with at.stage.rig.db.transaction() as session:
        for one in await at.links():
            await session.delete(await session.get(VendorLink, one.id))
    assert (counts(await at.run()), at.writes()) == ({"unchanged": 5}, [])
    assert len(await at.links()) == 5
    kept = set(VendorLink.__table__.columns.keys())
    assert not kept & {"name", "country", "tax_registration_number", "registration_number", "currency", "iban"}


@pytest.mark.rule("VEN-009", "VEN-082")
async def test_lost_links_of_drafts_ended_and_undecided_vendors_are_rebuilt_as_well(at: VendorStage) -> None:
    at.erp.extend([*suppliers(1), *suppliers(1, first=2, tax_registration_number="DK12345678")])
    made, parked = at.draft("Made here"), at.draft("Twice", taxRegistrationNumber="DK12345678")
    await at.run()
    at.stage.master.change("1", active=False)
    await at.run()
    before, states = {one.pleo_id: (one.phase, one.erp_id) for one in await at.links()}, at.states()
    async with at.stage.rig.db.transaction() as session:
        await session.execute(delete(VendorLink))
    await at.run()
    assert (at.writes(), at.states(), len(at.erp)) == ([], states, 3)
    after = {one.pleo_id: (one.phase, one.erp_id) for one in await at.links()}
    assert [after[key] for key in (made, parked)] == [before[key] for key in (made, parked)]


@pytest.mark.rule("VEN-039", "VEN-133")
async def test_one_refused_vendor_does_not_stop_the_others(at: VendorStage) -> None:
    at.erp.extend(suppliers(5))
    at.erp[0] = replace(at.erp[0], name=" ")
    at.stage.fault("status", "POST", VENDORS, status=400, after_effect=False)
    row = await at.run()
    assert (row.status, counts(row)) == (SyncStatus.WITH_FAILURES, {"created": 3, "failed": 2})
    assert {code for code, _ in problems(row)} == {"not_mappable", "pleo_400"}
    (told,) = [one for one in row.problems if one["code"] == "pleo_400"]
    assert f"Look at {told['record']} (country" in told["text"]
    assert "in the accounting system: its name, number" in told["text"]


@pytest.mark.rule("VEN-004")
async def test_a_company_not_admitted_to_vendors_ends_the_run_and_no_other_kind(at: VendorStage) -> None:
    at.erp.extend(suppliers(5))
    at.stage.fault("status", "POST", f"{VENDORS}:search", status=403)
    row = await at.run()
    assert (row.status, row.failure) == (SyncStatus.FAILED, "pleo_forbidden")
    assert [one for one in at.stage.calls() if "/v1/vendors" in one] == ["POST /v1/vendors:search"]
    at.stage.rig.pleo.control("DELETE", "/faults")
    assert (await at.stage.run("accounts")).status == SyncStatus.SUCCEEDED


@pytest.mark.rule("VEN-135", "VEN-131")
async def test_a_first_load_that_was_killed_goes_on_where_it_stood(at: VendorStage) -> None:
    at.erp.extend(suppliers(60))
    with at.killing_after(25), pytest.raises(BaseExceptionGroup) as died:
        await at.run()
    assert died.group_contains(Killed)
    there = len(at.pleo)
    assert 0 < there < 60
    await at.stage.rig.expire_lease()
    row = await at.run()
    assert counts(row)["created"] == 60 - there
    assert len(at.stage.bodies("POST", VENDORS)) < 200
    at.in_step()
    assert len(at.pleo) == 60


@pytest.mark.rule("VEN-096")
async def test_a_supplier_merged_into_another_is_archived_and_still_stands_for_it(at: VendorStage) -> None:
    at.erp.extend(suppliers(3))
    await at.run()
    at.stage.master.change("1", active=False, merged_into="2")
    at.stage.master.change("2", active=False, merged_into="3")
    assert counts(await at.run()) == {"archived": 2, "unchanged": 1}
    at.erp.pop(0)
    await at.run()
    async with at.stage.rig.db.reading() as session:
        index = VendorIndex(at.erp, await aliases(session, at.stage.connection_id))
    assert [vendor.id for vendor in index.by_id("1")] == ["3"], "an item tagged with the one that is gone"


@pytest.mark.rule("VEN-097")
async def test_a_supplier_under_a_new_id_keeps_its_vendor_in_pleo(at: VendorStage) -> None:
    at.erp.extend(suppliers(2, tax_registration_number=None))
    at.erp[0] = replace(at.erp[0], tax_registration_number=TAX)
    await at.run()
    at.erp[0] = replace(at.erp[0], id="4711")
    row = await at.run()
    assert (counts(row), at.writes()) == ({"updated": 1, "unchanged": 1}, ["PUT vendor"])
    at.in_step()


@pytest.mark.rule("VEN-095")
async def test_a_vendor_pleo_lost_is_made_anew_and_told(at: VendorStage) -> None:
    at.erp.extend(suppliers(2))
    await at.run()
    httpx.post(f"{at.stage.rig.pleo.url}/sandbox/reset").raise_for_status()
    await at.reconnect()
    row = await at.run()
    assert (counts(row), {code for code, _ in problems(row)}) == ({"created": 2}, {"vanished_from_pleo"})
    at.in_step()
    assert len(await at.links()) == 2


async def test_a_preview_counts_what_a_run_would_do_and_writes_nothing(at: VendorStage) -> None:
    at.erp.extend(suppliers(3))
    await at.run()
    at.stage.master.change("1", name="Other")
    at.stage.master.change("2", active=False)
    at.erp.append(suppliers(1, first=9)[0])
    at.draft()
    foreseen = await at.stage.foreseen("vendors")
    assert (foreseen, at.writes()) == (
        {"created": 1, "updated": 1, "archived": 1, "unchanged": 1, "unarchived": 1},
        [],
    )
