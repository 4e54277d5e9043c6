"""The same accounting entry in a later job: recognised, compared, and never booked twice (EXP-IDEM-*)."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select, update

from ledgerbridge.connections.erp_binding import bind
from ledgerbridge.erp.port import ErpCompany, ErpError
from ledgerbridge.exports import ledger, queries, resolve
from ledgerbridge.store.tables import AuditRecord, ExportItem, ExportJob, ItemState, Lease, Posting, PostingState
from tests.support.erp_double import Later, down, lost_reply, unreadable
from tests.support.rig import Rig


async def _again(rig: Rig, ids: list[str]) -> dict[str, object]:
    job_id = rig.pleo.export(ids)
    await rig.look()
    (item,) = rig.pleo.job(job_id)["items"]
    return item


@pytest.mark.rule("EXP-IDEM-03", "EXP-IDEM-07", "EXP-IDEM-02")
async def test_an_entry_exported_again_is_reported_with_its_first_booking(rig: Rig) -> None:
    ids = rig.pleo.queue("card_purchase")
    first = await _again(rig, ids)
    second = await _again(rig, ids)

    assert second["status"] == "successful"
    assert second["externalId"] == first["externalId"]
    assert rig.entries_of(ids[0]) == 1


@pytest.mark.rule("EXP-IDEM-07")
async def test_a_newer_configuration_does_not_make_it_another_entry(rig: Rig) -> None:
    ids = rig.pleo.queue("card_purchase")
    await _again(rig, ids)
    await rig.configure(dimensions=[])

    assert (await _again(rig, ids))["status"] == "successful"
    assert rig.entries_of(ids[0]) == 1


@pytest.mark.rule("EXP-IDEM-06", "EXP-IDEM-07")
async def test_a_changed_entry_is_refused_with_the_number_of_the_first_booking(rig: Rig) -> None:
    ids = rig.pleo.queue("card_purchase")
    first = await _again(rig, ids)
    rig.pleo.control("POST", f"/expenses/{ids[0]}/unexport", {"changes": {"type": "personal_spend"}})

    second = await _again(rig, ids)

    assert second["status"] == "failed"
    assert second["failureReasonType"] == "validation_failure"
    assert str(first["externalId"]) in str(second["failureReason"])
    assert rig.entries_of(ids[0]) == 1


@pytest.mark.rule("EXP-IDEM-07")
async def test_an_entry_that_was_removed_from_the_erp_is_booked_again(rig: Rig) -> None:
    ids = rig.pleo.queue("card_purchase")
    await _again(rig, ids)
    rig.books.entries.clear()

    assert (await _again(rig, ids))["status"] == "successful"
    assert rig.entries_of(ids[0]) == 1


@pytest.mark.rule("EXP-REC-04")
async def test_an_entry_our_ledger_lost_is_found_in_the_erp(rig: Rig) -> None:
    ids = rig.pleo.queue("card_purchase")
    first = await _again(rig, ids)
    async with rig.db.transaction() as session:
        await session.execute(delete(ExportItem))
        await session.execute(delete(Posting))

    second = await _again(rig, ids)

    assert second["externalId"] == first["externalId"]
    assert rig.entries_of(ids[0]) == 1


async def test_an_entry_that_failed_is_booked_once_it_is_mended(rig: Rig) -> None:
    ids = rig.pleo.queue("bad_closed_period")
    assert (await _again(rig, ids))["status"] == "failed"
    await rig.configure(closed_period="next_open")

    assert (await _again(rig, ids))["status"] == "successful"
    assert rig.entries_of(ids[0]) == 1


# ------------------------------------------------------------------ settled by a person


async def _unknown(rig: Rig, *, booked: bool) -> tuple[ExportJob, str]:
    """A closed job with one item whose outcome stayed unknown."""
    (entry,) = rig.pleo.queue("card_purchase")
    rig.pleo.export([entry])
    faults = [lost_reply() for _ in range(9)]
    if booked:
        rig.books.after["book"] = [lost_reply()]
    rig.books.before["book"] = Later(1, faults) if booked else faults
    rig.books.before["find"] = [unreadable() for _ in range(9)]
    await rig.look()
    rig.books.before.clear()
    async with rig.db.reading() as session:
        job = (await session.scalars(select(ExportJob))).one()
    return job, entry


async def test_probing_settles_an_unknown_item_that_is_booked(rig: Rig) -> None:
    job, entry = await _unknown(rig, booked=True)

    state = await resolve.probe_item(rig.context, job, entry, "admin:anna")

    assert state == PostingState.BOOKED
    async with rig.db.reading() as session:
        found = await queries.item(session, job.id, entry)
        records = list(await session.scalars(select(AuditRecord)))
    assert found is not None
    assert found.posting is not None
    assert found.posting.state == PostingState.BOOKED
    assert [(record.actor, record.action) for record in records] == [("admin:anna", "export_item.probe")]
    assert (await _again(rig, [entry]))["status"] == "successful"
    assert rig.entries_of(entry) == 1


async def test_probing_settles_an_unknown_item_that_is_not_booked(rig: Rig) -> None:
    job, entry = await _unknown(rig, booked=False)

    assert await resolve.probe_item(rig.context, job, entry, "admin:anna") == PostingState.NOT_BOOKED
    assert (await _again(rig, [entry]))["status"] == "successful"
    assert rig.entries_of(entry) == 1


async def test_an_item_marked_booked_is_never_posted_again(rig: Rig) -> None:
    job, entry = await _unknown(rig, booked=False)

    await resolve.mark_booked(
        rig.context, job, entry, reference="2026-000042", reason="entered by hand", actor="admin:anna"
    )
    again = await _again(rig, [entry])

    assert again["status"] == "successful"
    assert again["externalId"] == "2026-000042"
    assert rig.entries_of(entry) == 0


async def test_a_booked_item_cannot_be_settled_by_hand(rig: Rig) -> None:
    job_id = await rig.export("card_purchase")
    async with rig.db.reading() as session:
        summary = await queries.job(session, job_id)
    assert summary is not None
    (entry,) = rig.pleo.items(job_id)

    with pytest.raises(resolve.CannotResolve, match="booked"):
        await resolve.mark_booked(rig.context, summary.job, entry, reference="1", reason="x", actor="admin:anna")


async def _state(rig: Rig, job: ExportJob, entry: str) -> tuple[str, str | None]:
    async with rig.db.reading() as session:
        found = await queries.item(session, job.id, entry)
        posting = await ledger.live(session, rig.connection_id, entry)
    assert found is not None
    return found.item.state, posting.state if posting else None


async def test_probing_adopts_an_entry_the_ledger_holds_for_not_booked(rig: Rig) -> None:
    job, entry = await _unknown(rig, booked=True)
    async with rig.db.transaction() as session:
        await session.execute(update(Posting).values(state=PostingState.NOT_BOOKED))

    assert await resolve.probe_item(rig.context, job, entry, "admin:anna") == PostingState.BOOKED

    assert await _state(rig, job, entry) == ("booked", "booked")


async def test_a_persons_word_is_not_undone_by_a_probe(rig: Rig) -> None:
    job, entry = await _unknown(rig, booked=False)
    await resolve.mark_booked(rig.context, job, entry, reference="2026-000042", reason="by hand", actor="admin:anna")
    async with rig.db.transaction() as session:
        await session.execute(update(ExportItem).values(state=ItemState.ABANDONED))

    with pytest.raises(resolve.CannotResolve, match="2026-000042"):
        await resolve.probe_item(rig.context, job, entry, "admin:anna")

    assert await _state(rig, job, entry) == ("abandoned", "booked")


async def test_a_probe_that_took_too_long_changes_nothing(rig: Rig) -> None:
    job, entry = await _unknown(rig, booked=False)

    async def taken_over() -> None:
        async with rig.db.transaction() as session:
            await session.execute(update(Lease).values(fence=Lease.fence + 1, holder="another"))
            await session.execute(update(Posting).values(state=PostingState.BOOKED))

    rig.books.meanwhile["find"] = taken_over
    with pytest.raises(resolve.CannotResolve, match="took too long"):
        await resolve.probe_item(rig.context, job, entry, "admin:anna")

    assert await _state(rig, job, entry) == ("failed", "booked")


async def test_a_probe_the_erp_does_not_answer_says_why(rig: Rig) -> None:
    job, entry = await _unknown(rig, booked=False)
    rig.books.before["find"] = [down()]

    with pytest.raises(ErpError):
        await resolve.probe_item(rig.context, job, entry, "admin:anna")

    assert await _state(rig, job, entry) == ("failed", "unknown")


async def _move(rig: Rig) -> None:
    """Bind another ERP company, as a person who confirmed it."""
    rig.books.entries.clear()
    rig.books.company = ErpCompany("2", "Other ApS", "99999999", "DKK")
    settings = {"api_key": "another"}
    await bind(
        rig.context.connections, rig.connection_id, "double", settings, "admin:test", confirm_company_change=True
    )


@pytest.mark.rule("EXP-IDEM-07")
async def test_what_was_booked_in_another_erp_company_is_not_booked_again_in_the_new_one(rig: Rig) -> None:
    ids = rig.pleo.queue("card_purchase")
    first = await _again(rig, ids)
    await _move(rig)

    second = await _again(rig, ids)

    assert (second["status"], second["externalId"]) == ("successful", first["externalId"])
    assert rig.entries_of(ids[0]) == 0
    assert (await _again(rig, rig.pleo.queue("card_purchase")))["status"] == "successful"


async def test_what_was_in_doubt_in_another_erp_company_waits_for_a_person(rig: Rig) -> None:
    ids = rig.pleo.queue("card_purchase")
    rig.books.after["book"] = [lost_reply()]
    rig.books.before["find"] = [down() for _ in range(2_000)]
    assert (await _again(rig, ids))["status"] == "failed"
    rig.books.before.clear()
    await _move(rig)

    assert (await _again(rig, ids))["status"] == "failed"
    assert rig.entries_of(ids[0]) == 0
