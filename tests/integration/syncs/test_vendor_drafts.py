"""Suppliers an employee makes in Pleo arrive in the ERP once, and a person decides where nobody else can."""

from __future__ import annotations

import pytest

from ledgerbridge.bookkeeping.master_data import ErpVendor, NewVendor
from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.erp.port import ErpError
from ledgerbridge.store.leases import acquire
from ledgerbridge.store.tables import LinkPhase, SyncStatus
from ledgerbridge.syncs.vendors import runs
from ledgerbridge.syncs.vendors.resolve import parked
from tests.integration.syncs.stage import Stage, counts
from tests.integration.syncs.vendor_stage import TAX, VENDORS, VendorStage, problems, suppliers, text_of
from tests.support.erp_double import down, lost_reply, refused
from tests.support.rig import Killed

FROM_DRAFT = ["POST :activate", "PUT vendor"]
"""What a draft costs where the ERP gives it a number and nothing else changes."""


@pytest.fixture
def at(stage: Stage) -> VendorStage:
    return VendorStage(stage)


@pytest.mark.rule("VEN-001", "VEN-061", "VEN-062", "VEN-065", "VEN-066", "VEN-068", "VEN-069", "VEN-083")
async def test_a_draft_arrives_in_the_erp_and_is_active_with_its_number(at: VendorStage) -> None:
    key = at.draft(taxRegistrationNumber=TAX, registrationNumber="777")
    row = await at.event(key)
    assert (counts(row), at.writes()) == ({"unarchived": 1}, ["POST :activate"])
    (made,) = at.erp
    assert (made.pleo_id, made.name, made.tax_registration_number) == (key, "New supplier", TAX)
    vendor = at.pleo[key]
    assert (vendor["state"], vendor["externalId"], vendor["code"]) == ("ACTIVE", made.id, made.code)
    link = await at.link(key)
    assert (link.phase, link.erp_id, link.code) == (LinkPhase.LINKED, made.id, made.code)
    assert counts(await at.run()) == {"unchanged": 1}


@pytest.mark.rule("VEN-070", "VEN-076")
async def test_what_the_erp_changed_while_creating_is_equal_in_pleo_at_once(at: VendorStage) -> None:
    key = at.draft()

    async def shouts() -> None:
        made = at.stage.master.create

        def create(wanted: object) -> object:
            created = made(wanted)  # type: ignore[arg-type]
            at.stage.master.change(created.id, name=created.name.upper())
            return at.stage.master.vendors[-1]

        at.stage.master.create = create  # type: ignore[method-assign, assignment]

    at.stage.rig.books.meanwhile["create_vendor"] = shouts
    await at.event(key)
    assert at.writes() == FROM_DRAFT
    assert at.pleo[key]["name"] == "NEW SUPPLIER"
    assert (counts(await at.run()), at.writes()) == ({"unchanged": 1}, [])


@pytest.mark.rule("VEN-074", "VEN-123")
async def test_drafts_are_found_without_an_event_by_the_poll_and_by_every_run(at: VendorStage) -> None:
    at.erp.extend(suppliers(2))
    first = at.draft()
    await at.poll()
    assert at.pleo[first]["state"] == "ACTIVE"
    assert set(at.states()) == {"New supplier"}, "the poll does drafts only"
    second = at.draft("Second supplier")
    await at.run()
    assert at.writes()[0] == "POST :activate", "drafts come first"
    assert at.pleo[second]["state"] == "ACTIVE"
    at.in_step()


@pytest.mark.rule("VEN-063", "VEN-064")
@pytest.mark.parametrize("way", ["event", "poll", "run"])
async def test_a_draft_of_a_known_supplier_is_linked_and_not_made_twice(at: VendorStage, way: str) -> None:
    at.erp.extend(suppliers(1, tax_registration_number=TAX, name="Known A/S"))
    key = at.draft(taxRegistrationNumber="12 34 56 78")
    await (at.event(key) if way == "event" else at.poll() if way == "poll" else at.run())
    assert len(at.erp) == 1
    assert (at.pleo[key]["state"], at.pleo[key]["name"], at.pleo[key]["externalId"]) == ("ACTIVE", "Known A/S", "1")
    at.in_step()


@pytest.mark.rule("VEN-064", "VEN-072", "VEN-050", "VEN-071")
@pytest.mark.parametrize(
    ("in_erp", "code"),
    [
        pytest.param(suppliers(2, tax_registration_number=TAX), "several_in_erp", id="several"),
        pytest.param(suppliers(1, tax_registration_number=TAX, active=False), "inactive_in_erp", id="inactive"),
    ],
)
async def test_an_ambiguous_draft_waits_for_a_person_and_is_never_archived(
    at: VendorStage, in_erp: list[object], code: str
) -> None:
    at.erp.extend(in_erp)  # type: ignore[arg-type]
    key = at.draft(taxRegistrationNumber=TAX)
    for way in (at.event(key), at.poll(), at.run(), at.run()):
        row = await way
        assert (at.writes(), [one[0] for one in problems(row)]) == ([], [code])
    assert at.pleo[key]["state"] == "DRAFT"
    async with at.stage.rig.db.reading() as session:
        (waits,) = await parked(session, at.stage.connection_id)
    assert (waits.pleo_id, waits.phase) == (key, LinkPhase.PARKED)
    assert "V0001 Vendor 1" in (waits.note or "")


@pytest.mark.rule("VEN-063", "VEN-064")
@pytest.mark.parametrize("way", ["event", "poll", "run"])
async def test_a_draft_whose_number_agrees_without_a_country_waits_and_no_second_vendor_is_made(
    at: VendorStage, way: str
) -> None:
    at.erp.extend(suppliers(1, registration_number="HRB 777", country=None))
    key = at.draft(registrationNumber="HRB777")
    row = await (at.event(key) if way == "event" else at.poll() if way == "poll" else at.run())
    assert (at.writes(), [code for code, _ in problems(row)], len(at.erp)) == ([], ["country_missing"], 1)
    assert "V0001 Vendor 1" in ((await at.link(key)).note or "")
    at.stage.master.change("1", country="DK")
    await at.poll()
    assert (at.pleo[key]["state"], at.pleo[key]["externalId"], len(at.erp)) == ("ACTIVE", "1", 1)


@pytest.mark.rule("VEN-064")
async def test_a_parked_draft_goes_on_by_itself_when_its_supplier_is_active_again(at: VendorStage) -> None:
    at.erp.extend(suppliers(1, tax_registration_number=TAX, active=False))
    key = at.draft(taxRegistrationNumber=TAX)
    await at.event(key)
    at.stage.master.change("1", active=True)
    await at.poll()
    assert (at.pleo[key]["state"], (await at.link(key)).phase) == ("ACTIVE", LinkPhase.LINKED)


@pytest.mark.rule("VEN-071", "VEN-072")
async def test_a_draft_the_erp_refuses_waits_with_the_erps_words(at: VendorStage) -> None:
    key = at.draft(taxRegistrationNumber="DK1")
    at.stage.rig.books.before["create_vendor"] = [refused("The tax number DK1 is not valid.") for _ in range(5)]
    row = await at.event(key)
    assert "The tax number DK1 is not valid." in text_of(row)
    assert (at.pleo[key]["state"], (await at.link(key)).phase) == ("DRAFT", LinkPhase.PARKED)
    tries = at.stage.rig.books.calls["create_vendor"]
    await at.poll()
    assert at.stage.rig.books.calls["create_vendor"] == tries, "the poll offers it unchanged"
    at.stage.rig.books.before.clear()
    at.edit(key, taxRegistrationNumber=TAX)
    await at.poll()
    assert at.pleo[key]["state"] == "ACTIVE"


@pytest.mark.rule("VEN-072", "VEN-133")
async def test_an_erp_that_is_down_leaves_the_draft_for_the_next_time(at: VendorStage) -> None:
    key = at.draft()
    at.stage.rig.books.before["create_vendor"] = [down()]
    row = await at.event(key)
    assert (row.status, row.failure) == (SyncStatus.FAILED, "erp_unreachable")
    assert (counts(row), row.problems[0]["text"]) == ({"failed": 1}, row.reason), "the draft it stopped at is counted"
    assert await at.links() == []
    await at.poll()
    at.in_step()


@pytest.mark.rule("VEN-066", "VEN-069")
async def test_a_lost_reply_of_the_erp_does_not_make_a_second_vendor(at: VendorStage) -> None:
    key = at.draft()
    at.stage.rig.books.after["create_vendor"] = [lost_reply()]
    await at.event(key)
    await at.poll()
    assert len(at.erp) == 1
    at.in_step()


@pytest.mark.rule("VEN-069", "VEN-082", "VEN-135")
@pytest.mark.parametrize("before", [pytest.param(True, id="before"), pytest.param(False, id="after")])
@pytest.mark.parametrize("effect", range(4))
@pytest.mark.parametrize("next_way", ["event", "poll", "run"])
async def test_a_crash_between_any_two_effects_leaves_one_vendor_on_each_side(
    at: VendorStage, effect: int, before: bool, next_way: str
) -> None:
    key = at.draft(code="will-change")
    with at.killing_after(effect, before=before), pytest.raises(BaseExceptionGroup) as died:
        await at.event(key)
    assert died.group_contains(Killed)
    await at.stage.rig.expire_lease()
    await (at.event(key) if next_way == "event" else at.poll() if next_way == "poll" else at.run())
    at.in_step()
    assert (len(at.erp), at.states()) == (1, {"New supplier": "ACTIVE"})
    assert (await at.link(key)).phase == LinkPhase.LINKED
    assert (counts(await at.run()), at.writes()) == ({"unchanged": 1}, [])


@pytest.mark.rule("VEN-069")
async def test_the_link_alone_resumes_the_write_back_when_the_reference_was_taken_off(at: VendorStage) -> None:
    key = at.draft()
    with at.killing_after(2, before=True), pytest.raises(BaseExceptionGroup):
        await at.event(key)
    pending = await at.link(key)
    assert (pending.phase, pending.erp_id, at.pleo[key]["state"]) == (LinkPhase.PENDING, at.erp[0].id, "DRAFT")
    at.stage.master.change(at.erp[0].id, pleo_id=None, name="Renamed in between")
    await at.stage.rig.expire_lease()
    await at.poll()
    assert (len(at.erp), at.pleo[key]["externalId"]) == (1, at.erp[0].id)


@pytest.mark.rule("VEN-069", "VEN-082")
async def test_the_reference_alone_resumes_the_write_back_when_the_link_was_never_saved(at: VendorStage) -> None:
    key = at.draft()
    with at.killing_after(1, before=True), pytest.raises(BaseExceptionGroup):
        await at.event(key)
    assert (await at.links(), len(at.erp)) == ([], 1)
    await at.stage.rig.expire_lease()
    row = await at.run()
    assert (len(at.erp), counts(row)) == (1, {"unarchived": 1})


@pytest.mark.rule("VEN-069", "VEN-081")
async def test_a_worker_that_lost_its_lease_while_the_erp_was_slow_saves_nothing(at: VendorStage) -> None:
    key = at.draft()

    async def taken_over() -> None:
        await at.stage.rig.expire_lease()
        other = await acquire(at.stage.rig.db, at.stage.connection_id, "other", 30, scope="syncs")
        assert other is not None

    at.stage.rig.books.meanwhile["create_vendor"] = taken_over
    row = await at.event(key)
    assert (row.status, at.writes(), await at.links()) == (SyncStatus.RUNNING, [], [])
    await at.stage.rig.expire_lease()
    await at.event(key)
    assert len(at.erp) == 1
    at.in_step()


@pytest.mark.rule("VEN-133")
async def test_an_erp_user_who_may_not_create_vendors_keeps_no_supplier_from_pleo(at: VendorStage) -> None:
    at.erp.extend(suppliers(2))
    key = at.draft()
    forbidden = problem(Failure.ERP_FORBIDDEN, action="create vendors")
    at.stage.rig.books.before["create_vendor"] = [ErpError(forbidden)]
    row = await at.run()
    assert counts(row) == {"created": 2, "skipped": 1}
    assert (await at.link(key)).phase == LinkPhase.PARKED


@pytest.mark.rule("VEN-053", "VEN-052")
async def test_an_event_archives_nothing_for_want_of_an_erp_vendor(at: VendorStage) -> None:
    at.erp.extend(suppliers(2))
    await at.run()
    keys = list(at.pleo)
    at.erp.clear()
    for key in keys:
        await at.event(key)
        assert at.writes() == []


@pytest.mark.rule("VEN-080", "VEN-081", "VEN-086")
@pytest.mark.parametrize("event", ["draft", "always", "never"])
async def test_our_own_vendor_coming_back_as_an_event_changes_nothing(at: VendorStage, event: str) -> None:
    at.stage.choose(vendor_event=event)
    at.erp.extend(suppliers(1))
    await at.run()
    (key,) = at.pleo
    for _ in range(2):
        assert (counts(await at.event(key)), at.writes()) == ({"unchanged": 1}, [])
    assert len(at.erp) == 1


@pytest.mark.rule("VEN-080", "VEN-081")
async def test_an_event_before_the_201_waits_for_the_run_under_way(at: VendorStage) -> None:
    at.erp.extend(suppliers(1))
    seen: list[bool] = []

    async def event_comes() -> None:
        seen.append((await runs.event(at.stage.syncs, at.stage.connection_id, "whoever")).busy)

    at.stage.rig.books.meanwhile["vendors"] = event_comes
    await at.run()
    assert seen == [True]


@pytest.mark.rule("VEN-080")
async def test_an_event_of_our_own_vendor_only_completes_a_lost_link(at: VendorStage) -> None:
    at.erp.extend(suppliers(1))
    key = at.put(name="Vendor 1", externalId="1", code="V0001", country="DK", state="ACTIVE")["id"]
    row = await at.event(key)
    assert (counts(row), at.writes(), (await at.link(key)).phase) == ({"unchanged": 1}, [], LinkPhase.LINKED)


@pytest.mark.rule("VEN-061")
async def test_an_event_of_a_vendor_pleo_does_not_know_does_nothing(at: VendorStage) -> None:
    row = await at.event("c27ed4d6-3d3d-458e-8f3f-735fdf32a3bc")
    assert (row.status, counts(row), at.writes()) == (SyncStatus.SUCCEEDED, {}, [])


@pytest.mark.rule("VEN-014")
async def test_a_vendor_of_another_company_is_never_written_to(at: VendorStage) -> None:
    pleo = at.stage.rig.pleo
    other = pleo.control("POST", "/companies", {"name": "Other ApS"})["id"]
    key = pleo.control("POST", f"/companies/{other}/vendors", {"items": [{"name": "Foreign"}]})[0]["id"]
    await at.reconnect(pleo.control("POST", "/api-keys", {"company_id": other})["key"])
    row = await at.event(key)
    assert (at.writes(), at.erp, [code for code, _ in problems(row)]) == ([], [], ["other_company"])


@pytest.mark.rule("VEN-073", "VEN-069")
async def test_a_vendor_the_erp_must_approve_is_activated_in_pleo_only_then(at: VendorStage) -> None:
    key = at.draft()
    made = at.stage.master.create

    def unapproved(wanted: NewVendor) -> ErpVendor:
        created = made(wanted)
        at.stage.master.change(created.id, active=False)
        return at.erp[-1]

    at.stage.master.create = unapproved  # type: ignore[method-assign]
    for way in (at.event(key), at.poll(), at.run()):
        assert ((await way).skipped, at.writes(), at.pleo[key]["state"]) == (1, [], "DRAFT")
    at.stage.master.change(at.erp[0].id, active=True)
    await at.poll()
    assert (len(at.erp), at.pleo[key]["state"]) == (1, "ACTIVE")
    at.in_step()


@pytest.mark.rule("VEN-075")
async def test_a_vendor_pleo_lost_before_the_write_back_keeps_its_erp_vendor(at: VendorStage) -> None:
    key = at.draft()
    at.stage.fault("status", "POST", f"{VENDORS}/{key}:activate", status=404, after_effect=False)
    at.stage.fault("status", "GET", f"{VENDORS}/{key}", status=404, skip=3, times=None, after_effect=False)
    row = await at.event(key)
    assert [code for code, _ in problems(row)] == ["gone_from_pleo"]
    assert ((await at.link(key)).phase, len(at.erp)) == (LinkPhase.BROKEN, 1)
