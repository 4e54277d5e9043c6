"""What a person settles by hand: booked or not booked, and what Pleo is told of it afterwards."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from ledgerbridge.exports import resolve
from ledgerbridge.exports.context import Patience
from ledgerbridge.store.tables import (
    AuditRecord,
    Connection,
    ConnectionStatus,
    ExportItem,
    ExportJob,
    ItemState,
    Posting,
    PostingState,
)
from tests.support.erp_double import CAPABILITIES, Later, lost_reply, refused
from tests.support.rig import PATIENT, Killed, Rig

ANNA = "admin:anna"
WAITS_FOR_A_PERSON = "contact support: with its number if it is there, or to have it booked if it is not"


async def _job(rig: Rig) -> ExportJob:
    """The newest job."""
    async with rig.db.reading() as session:
        newest = await session.scalars(select(ExportJob).order_by(ExportJob.pleo_created_at.desc()).limit(1))
        return newest.one()


async def _posting(rig: Rig) -> Posting:
    async with rig.db.reading() as session:
        return (await session.scalars(select(Posting))).one()


async def _exported(rig: Rig, *ids: str) -> str:
    job_id = rig.pleo.export(list(ids))
    await rig.look()
    return job_id


async def _lost_where_nobody_can_look(rig: Rig, *, booked: bool) -> tuple[ExportJob, str]:
    rig.books.capabilities = replace(CAPABILITIES, can_probe=False)
    (entry,) = rig.pleo.queue("fee")
    (rig.books.after if booked else rig.books.before)["book"] = [lost_reply()]
    job_id = await _exported(rig, entry)
    item = rig.pleo.items(job_id)[entry]
    assert WAITS_FOR_A_PERSON in item["failureReason"]
    assert f"PLEO:{entry}" in item["failureReason"]
    return await _job(rig), entry


def patient(rig: Rig, **changes: float) -> Rig:
    """The same company with more or less patience."""
    context = replace(rig.context, patience=replace(PATIENT, **changes))  # type: ignore[arg-type]
    return Rig(context, rig.connection_id, rig.pleo, rig.books)


async def _switched(rig: Rig, status: ConnectionStatus) -> None:
    async with rig.db.transaction() as session:
        mine = update(Connection).where(Connection.id == rig.connection_id)
        await session.execute(mine.values(status=status, paused_by="operator" if status == "paused" else None))


async def _time_passes(rig: Rig) -> None:
    async with rig.db.transaction() as session:
        await session.execute(update(Posting).values(intended_at=Posting.intended_at - dt.timedelta(hours=1)))


# ------------------------------------------------------------------ not booked


@pytest.mark.rule("EXP-REC-04", "EXP-IDEM-07")
async def test_an_item_marked_not_booked_is_booked_by_the_next_export(rig: Rig) -> None:
    job, entry = await _lost_where_nobody_can_look(rig, booked=False)
    assert WAITS_FOR_A_PERSON in rig.pleo.items(await _exported(rig, entry))[entry]["failureReason"]
    assert rig.books.calls["book"] == 1

    await resolve.mark_not_booked(rig.context, job, entry, reason="not in the journal", actor=ANNA)

    assert rig.pleo.items(await _exported(rig, entry))[entry]["status"] == "successful"
    assert rig.entries_of(entry) == 1
    async with rig.db.reading() as session:
        audited = (await session.scalars(select(AuditRecord))).one()
    assert (audited.actor, audited.action) == (ANNA, "export_item.mark_not_booked")
    assert audited.detail["reason"] == "not in the journal"


async def test_what_the_erp_shows_is_not_taken_for_not_booked(rig: Rig) -> None:
    job, entry = await _lost_where_nobody_can_look(rig, booked=True)
    rig.books.capabilities = CAPABILITIES

    with pytest.raises(resolve.CannotResolve, match="stands in the accounting system as JE-1000"):
        await resolve.mark_not_booked(patient(rig, settling=0).context, job, entry, reason="did not look", actor=ANNA)

    assert (await _posting(rig)).state == PostingState.UNKNOWN


async def test_a_word_that_was_wrong_can_be_taken_back(rig: Rig) -> None:
    job, entry = await _lost_where_nobody_can_look(rig, booked=False)
    await resolve.mark_booked(rig.context, job, entry, reference="JE-7", reason="saw it", actor=ANNA)
    assert rig.pleo.items(await _exported(rig, entry))[entry]["externalId"] == "JE-7"

    await resolve.mark_not_booked(rig.context, job, entry, reason="JE-7 is another expense", actor=ANNA)

    assert rig.pleo.items(await _exported(rig, entry))[entry]["externalId"] == "JE-1000"
    assert rig.entries_of(entry) == 1


async def test_what_nothing_is_held_for_need_not_be_marked(rig: Rig) -> None:
    (entry,) = rig.pleo.queue("bad_closed_period")
    await _exported(rig, entry)

    with pytest.raises(resolve.CannotResolve, match="next export books it anyway"):
        await resolve.mark_not_booked(rig.context, await _job(rig), entry, reason="not there", actor=ANNA)


# ------------------------------------------------------------------ a call that may still arrive


@pytest.mark.rule("EXP-REC-04", "EXP-IDEM-01")
@pytest.mark.parametrize("how", ["probe", "mark_not_booked"])
async def test_a_call_under_way_is_not_called_absent_by_a_person_either(rig: Rig, how: str) -> None:
    slow = patient(rig, settling=600)
    (entry,) = rig.pleo.queue("fee")
    rig.books.before["book"] = [lost_reply()]
    await _exported(slow, entry)
    job = await _job(rig)

    async def settle() -> None:
        if how == "probe":
            await resolve.probe_item(slow.context, job, entry, ANNA)
        else:
            await resolve.mark_not_booked(slow.context, job, entry, reason="not there", actor=ANNA)

    with pytest.raises(resolve.CannotResolve, match=r"may still book it\. Try again in \d+ seconds"):
        await settle()
    assert (await _posting(rig)).state == PostingState.UNKNOWN
    await _time_passes(rig)
    await settle()
    assert (await _posting(rig)).state == PostingState.NOT_BOOKED


@pytest.mark.rule("EXP-REC-04", "EXP-IDEM-01")
async def test_the_call_of_a_worker_that_died_is_waited_for_before_it_is_repeated(rig: Rig) -> None:
    slow = patient(rig, interrupted=600)
    (entry,) = rig.pleo.queue("fee")
    rig.pleo.export([entry])
    rig.books.before["book"] = [Killed()]
    with pytest.raises(Killed):
        await slow.look()
    await rig.expire_lease()

    await slow.look()

    assert rig.books.calls["book"] == 1, "its call may still be on the way"
    assert (await _posting(rig)).state == PostingState.UNKNOWN
    await _time_passes(rig)
    assert rig.pleo.items(await _exported(slow, entry))[entry]["status"] == "successful"
    assert rig.entries_of(entry) == 1


def test_a_worker_that_died_costs_no_more_than_the_pauses_of_a_job() -> None:
    usual = Patience()
    assert 0 < usual.interrupted <= sum(usual.pause[:3]), "or its item would wait for the next export"
    assert usual.settling <= sum(usual.pause)


# ------------------------------------------------------------------ while the job is open


@pytest.mark.rule("EXP-REC-04")
@pytest.mark.parametrize("arrived", [True, False], ids=["it-had-booked", "it-had-not"])
async def test_what_a_dead_worker_left_of_a_paused_company_can_be_settled_before_it_goes_on(
    rig: Rig, arrived: bool
) -> None:
    (entry,) = rig.pleo.queue("fee")
    job_id = rig.pleo.export([entry])
    (rig.books.after if arrived else rig.books.before)["book"] = [Killed()]
    with pytest.raises(Killed):
        await rig.look()
    await rig.expire_lease()
    await _switched(rig, ConnectionStatus.PAUSED)
    await rig.look()
    assert (await _posting(rig)).state == PostingState.INTENDED

    settled = await resolve.probe_item(rig.context, await _job(rig), entry, ANNA)

    assert settled == (PostingState.BOOKED if arrived else PostingState.NOT_BOOKED)
    await _switched(rig, ConnectionStatus.ACTIVE)
    await rig.look("recovery")
    assert rig.pleo.items(job_id)[entry]["status"] == "successful"
    assert rig.entries_of(entry) == 1


async def test_an_item_whose_turn_has_not_come_is_not_for_a_person_to_settle(rig: Rig) -> None:
    first, second = rig.pleo.queue("fee", copies=2)
    rig.pleo.export([first, second])
    rig.books.before["book"] = [Killed()]
    with pytest.raises(Killed):
        await rig.look()
    await rig.expire_lease()

    with pytest.raises(resolve.CannotResolve, match="waits for its turn"):
        await resolve.mark_booked(rig.context, await _job(rig), second, reference="JE-7", reason="saw it", actor=ANNA)


async def _refused_and_reported(rig: Rig, entry: str, other: str) -> str:
    """A job whose first item was refused, and reported or about to be, when the worker died at the second."""
    job_id = rig.pleo.export([entry, other])
    rig.books.before["book"] = [refused()]
    rig.books.after["book"] = [Killed()]
    with pytest.raises(Killed):
        await rig.look()
    await rig.expire_lease()
    return job_id


@pytest.mark.rule("EXP-DONE-01", "EXP-DONE-02", "EXP-IDEM-07")
async def test_what_pleo_was_told_in_an_open_job_stays_true_until_it_is_closed(rig: Rig) -> None:
    eager = patient(rig, report_share=0)
    entry, other = rig.pleo.queue("fee", copies=2)
    job_id = await _refused_and_reported(eager, entry, other)
    job = await _job(rig)

    with pytest.raises(resolve.CannotResolve, match="not closed yet"):
        await resolve.mark_booked(rig.context, job, entry, reference="JE-7", reason="by hand", actor=ANNA)
    await rig.look()
    assert rig.pleo.job(job_id)["status"] == "completed_with_errors"
    await resolve.mark_booked(rig.context, job, entry, reference="JE-7", reason="by hand", actor=ANNA)

    told = rig.pleo.items(await _exported(rig, entry))[entry]
    assert (told["status"], told["externalId"]) == ("successful", "JE-7")
    assert rig.entries_of(entry) == 0


@pytest.mark.rule("EXP-DONE-01", "EXP-DONE-02", "EXP-UPD-08")
async def test_a_failure_that_pleo_holds_without_our_knowing_does_not_keep_the_job_from_its_end(rig: Rig) -> None:
    eager = patient(rig, report_share=0)
    entry, other = rig.pleo.queue("fee", copies=2)
    job_id = await _refused_and_reported(eager, entry, other)
    async with rig.db.transaction() as session:  # as a lost reply and a crash leave it
        await session.execute(update(ExportItem).values(reported_at=None))
    job = await _job(rig)
    await resolve.mark_booked(rig.context, job, entry, reference="JE-7", reason="by hand", actor=ANNA)

    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed_with_errors"
    assert rig.pleo.items(await _exported(rig, entry))[entry]["externalId"] == "JE-7"


async def test_what_an_open_job_will_report_as_booked_is_not_taken_back(rig: Rig) -> None:
    rig.books.capabilities = replace(CAPABILITIES, can_probe=False)
    entry, other = rig.pleo.queue("fee", copies=2)
    rig.pleo.export([entry, other])
    rig.books.after["book"] = Later(1, [Killed()])
    with pytest.raises(Killed):
        await rig.look()
    await rig.expire_lease()
    async with rig.db.reading() as session:
        item = await session.scalar(select(ExportItem).where(ExportItem.state == ItemState.BOOKED))
    assert item is not None

    with pytest.raises(resolve.CannotResolve, match="not closed yet"):
        await resolve.mark_not_booked(
            rig.context, await _job(rig), item.accounting_entry_id, reason="I think", actor=ANNA
        )


# ------------------------------------------------------------------ one expense, two spellings


@pytest.mark.rule("EXP-DATA-11", "EXP-IDEM-03", "EXP-IDEM-07")
async def test_an_id_in_other_letter_case_is_the_same_expense(rig: Rig) -> None:
    (entry,) = rig.pleo.queue("fee")
    await _exported(rig, entry)
    rig.pleo.control("POST", f"/expenses/{entry}/unexport", {"changes": {"accountingEntryId": entry.upper()}})

    assert rig.pleo.items(await _exported(rig, entry))[entry]["status"] == "successful"
    assert rig.entries_of(entry) == 1
    assert rig.entries_of(entry.upper()) == 0
