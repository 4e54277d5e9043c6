"""A booked entry is taken back by a person, whatever dies on the way, and booked anew, once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from ledgerbridge.connections.access import load
from ledgerbridge.exports import resolve
from ledgerbridge.exports.alone import CannotResolve
from ledgerbridge.exports.later import settle_later
from ledgerbridge.exports.reverse import companies_with_pending
from ledgerbridge.store.tables import (
    AuditRecord,
    ExportItem,
    ItemState,
    Posting,
    PostingState,
    ReversalState,
)
from tests.integration.exports.taking_back import (
    ANNA,
    DUE,
    WHY,
    booked,
    counters,
    exported,
    job_of,
    patient,
    postings,
    states,
    taken_back,
    time_passes,
)
from tests.support.erp_double import CAPABILITIES, Later, down, lost_reply, refused
from tests.support.rig import Killed, Rig

# ------------------------------------------------------------------ a person


@pytest.mark.rule("EXP-IDEM-07")
async def test_taken_back_with_reason_and_author_it_is_booked_anew_by_the_next_export(rig: Rig) -> None:
    job, entry = await booked(rig)

    assert await taken_back(rig, job, entry) == ReversalState.REVERSED

    assert (rig.entries_of(entry), counters(rig, entry)) == (0, 1)
    (posting,) = await postings(rig)
    assert (posting.state, posting.reversal_number, posting.reversal_by) == ("reversed", "REV-1000", ANNA)
    assert (posting.reversal_reason, posting.reversal_erp_id) == (WHY, "1000-counter")
    assert rig.books.all_of(entry)[0].reasons == [WHY]
    assert rig.pleo.items(job.pleo_job_id)[entry]["status"] == "successful", "Pleo hears of it with the next export"
    async with rig.db.reading() as session:
        audited = (await session.scalars(select(AuditRecord))).one()
    assert (audited.actor, audited.action, audited.detail["reason"]) == (ANNA, "export_item.reverse", WHY)

    item = await exported(rig, entry)
    assert (item["status"], item["externalId"]) == ("successful", "JE-1001")
    assert rig.entries_of(entry) == 1
    assert await states(rig) == [(1, "reversed", "reversed"), (2, "booked", None)]


async def test_pressed_twice_at_once_it_is_taken_back_once(rig: Rig) -> None:
    job, entry = await booked(rig)
    rig.books.slow = 0.1

    done = await asyncio.gather(*(taken_back(rig, job, entry) for _ in range(3)), return_exceptions=True)

    assert done.count(ReversalState.REVERSED) >= 1
    others = [one for one in done if one != ReversalState.REVERSED]
    assert all(isinstance(one, CannotResolve) and "Try again" in str(one) for one in others)
    assert await taken_back(rig, job, entry) == ReversalState.REVERSED, "who presses later is told that it is done"
    assert (rig.books.calls["reverse"], counters(rig, entry)) == (1, 1)


async def test_a_press_on_an_old_page_does_not_take_back_what_was_booked_since(rig: Rig) -> None:
    job, entry = await booked(rig)
    await taken_back(rig, job, entry)
    await exported(rig, entry)

    with pytest.raises(CannotResolve, match="booked the expense as JE-1001"):
        await taken_back(rig, job, entry)

    assert rig.entries_of(entry) == 1


async def test_a_draft_is_taken_away(rig: Rig) -> None:
    await rig.configure(posting_mode="draft")
    job, entry = await booked(rig)

    assert await taken_back(rig, job, entry) == ReversalState.REVERSED

    assert not rig.books.all_of(entry)
    (posting,) = await postings(rig)
    assert (posting.state, posting.reversal_erp_id) == (PostingState.REVERSED, None)
    assert (await exported(rig, entry))["status"] == "successful"


@pytest.mark.rule("EXP-PERIOD-05")
@pytest.mark.parametrize("rule", ["fail", "next_open", "next_open after a draft"])
async def test_a_closed_period_is_treated_by_the_rule_of_the_configuration(rig: Rig, rule: str) -> None:
    draft = rule.endswith("draft")
    await rig.configure(closed_period=rule.split()[0], posting_mode="draft" if draft else "final")
    job, entry = await booked(rig)
    rig.books.of(entry)[0].final = True  # a person did, if we did not
    day = rig.books.of(entry)[0].entry.date
    rig.books.chart = replace(
        rig.books.chart,
        periods=tuple(
            replace(period, open=period.open and not period.start <= day <= period.end)
            for period in rig.books.chart.periods
        ),
    )
    if rule == "fail":
        with pytest.raises(CannotResolve, match=f"period of {day} is closed.*then try again"):
            await taken_back(rig, job, entry)
        assert await states(rig) == [(1, "booked", None)]
        assert rig.books.calls["reverse"] == 0
    else:
        assert await taken_back(rig, job, entry) == ReversalState.REVERSED
        assert rig.entries_of(entry) == 0


async def test_what_the_erp_refuses_stands_and_says_why(rig: Rig) -> None:
    job, entry = await booked(rig)
    rig.books.before["reverse"] = [refused("The account is closed.")]

    with pytest.raises(CannotResolve, match="The account is closed"):
        await taken_back(rig, job, entry)

    assert await states(rig) == [(1, "booked", None)]
    assert (await exported(rig, entry))["status"] == "successful"
    async with rig.db.reading() as session:
        audited = (await session.scalars(select(AuditRecord))).one()
    assert (audited.actor, audited.action) == (ANNA, "export_item.reverse_refused")


async def test_only_what_we_booked_in_these_books_is_taken_back(rig: Rig) -> None:
    job, entry = await booked(rig)
    cases = {
        "by hand as JE-1000. Reverse that there": {"by_hand": True},
        "booked in Old ApS": {"by_hand": False, "moved_from": "Old ApS"},
    }
    for said, values in cases.items():
        async with rig.db.transaction() as session:
            await session.execute(update(Posting).values(**values))
        with pytest.raises(CannotResolve, match=said):
            await taken_back(rig, job, entry)
    async with rig.db.transaction() as session:
        await session.execute(update(Posting).values(moved_from=None))
    rig.books.capabilities = replace(CAPABILITIES, can_reverse=False)
    with pytest.raises(CannotResolve, match="Reverse JE-1000 there, then export"):
        await taken_back(rig, job, entry)
    assert rig.books.calls["reverse"] == 0


async def test_nothing_is_taken_back_in_books_the_connection_moved_to_at_that_moment(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, entry = await booked(rig)

    async def moved(*of: Any) -> Any:
        async with rig.db.transaction() as session:
            await session.execute(update(Posting).values(moved_from="Old Ltd"))
        rig.books.entries.clear()
        return await load(*of)

    monkeypatch.setattr("ledgerbridge.exports.reverse.load", moved)
    with pytest.raises(CannotResolve):
        await taken_back(rig, job, entry)
    assert await states(rig) == [(1, "booked", None)], "it stands where the connection came from"


async def test_an_item_without_a_booking_has_nothing_to_take_back(rig: Rig) -> None:
    (entry,) = rig.pleo.queue("bad_closed_period")
    await exported(rig, entry)
    with pytest.raises(CannotResolve, match="nothing to take back"):
        await taken_back(rig, await job_of(rig), entry)


async def test_what_an_open_job_reports_as_booked_is_not_taken_back(rig: Rig) -> None:
    first, second = rig.pleo.queue("fee", copies=2)
    rig.pleo.export([first, second])
    rig.books.after["book"] = Later(1, [Killed()])
    with pytest.raises(Killed):
        await rig.look()
    await rig.expire_lease()
    async with rig.db.reading() as session:
        item = (await session.scalars(select(ExportItem).where(ExportItem.state == ItemState.BOOKED))).one()

    with pytest.raises(CannotResolve, match="not closed yet"):
        await taken_back(rig, await job_of(rig), item.accounting_entry_id)


async def test_while_an_export_runs_nobody_takes_anything_back(rig: Rig) -> None:
    job, entry = await booked(rig)
    (other,) = rig.pleo.queue("fee")
    rig.pleo.export([other])
    seen: list[str] = []

    async def press() -> None:
        with pytest.raises(CannotResolve) as refusal:
            await taken_back(rig, job, entry)
        seen.append(str(refusal.value))

    rig.books.meanwhile["book"] = press
    await rig.look()

    assert "being worked right now" in seen[0]
    assert (rig.entries_of(entry), rig.entries_of(other)) == (1, 1)


# ------------------------------------------------------------------ lost replies and deaths


@pytest.mark.rule("EXP-REC-04", "EXP-IDEM-07")
@pytest.mark.parametrize(
    ("who", "arrived"),
    [
        ("person", True),
        ("round", False),
        ("export", True),
        ("export", False),
        pytest.param("person", False, marks=pytest.mark.long),
        pytest.param("round", True, marks=pytest.mark.long),
    ],
)
async def test_a_reversal_whose_reply_was_lost_is_looked_for_and_finished_once(
    rig: Rig, arrived: bool, who: str
) -> None:
    slow = patient(rig, settling=600)
    job, entry = await booked(rig)
    (rig.books.after if arrived else rig.books.before)["reverse"] = [lost_reply()]
    assert await taken_back(slow, job, entry) == ReversalState.UNKNOWN
    assert await states(rig) == [(1, "booked", "unknown")]

    with pytest.raises(CannotResolve, match=r"may still take it back\. Try again in \d+ seconds"):
        await taken_back(slow, job, entry)
    item = await exported(slow, entry)
    assert (item["status"], item["failureReasonType"]) == ("failed", "accounting_system_timeout")
    assert "JE-1000 of this expense is being taken back" in item["failureReason"]
    assert (rig.books.calls["reverse"], rig.books.calls["book"]) == (1, 1), "nothing is repeated or booked beside it"

    await time_passes(rig)
    match who:
        case "person":
            assert await taken_back(slow, job, entry) == ReversalState.REVERSED
        case "round":
            async with rig.db.transaction() as session:
                due = await companies_with_pending(session, rig.context.connections.environment)
            assert due == [rig.connection_id]
            await settle_later(slow.context, rig.connection_id)
        case "export":
            assert (await exported(slow, entry))["externalId"] == "JE-1001"
    assert counters(rig, entry) == 1
    reversed_, *later = await postings(rig)
    assert (reversed_.state, reversed_.reversal_by, reversed_.reversal_reason) == ("reversed", ANNA, WHY)
    if not later:
        assert (await exported(slow, entry))["externalId"] == "JE-1001"
    assert rig.entries_of(entry) == 1


@pytest.mark.rule("EXP-REC-04")
@pytest.mark.parametrize("call", ["find", "reverse"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_death_while_taking_back_leaves_an_intent_that_the_next_press_finishes(
    rig: Rig, call: str, when: str
) -> None:
    job, entry = await booked(rig)
    getattr(rig.books, when)[call] = [Killed()]
    with pytest.raises(Killed):
        await taken_back(rig, job, entry)
    await rig.expire_lease()
    assert await states(rig) == [(1, "booked", "intended")]

    assert await taken_back(rig, job, entry) == ReversalState.REVERSED
    assert (rig.entries_of(entry), counters(rig, entry)) == (0, 1)


async def test_an_intent_brings_the_work_that_finishes_it(rig: Rig) -> None:
    job, entry = await booked(rig)
    rig.books.after["reverse"] = [Killed()]
    with pytest.raises(Killed):
        await taken_back(rig, job, entry)
    await rig.expire_lease()
    await time_passes(rig)

    stop = asyncio.Event()
    async with rig.db.transaction() as session:
        await session.execute(DUE)
    worker = asyncio.create_task(rig.context.queue.run_worker(stop))
    for _ in range(600):
        if (await states(rig))[0][1] == "reversed":
            break
        await asyncio.sleep(0.05)
    stop.set()
    await worker
    assert await states(rig) == [(1, "reversed", "reversed")]
    assert counters(rig, entry) == 1


async def test_an_erp_that_is_down_changes_nothing_and_forgets_nothing(rig: Rig) -> None:
    job, entry = await booked(rig)
    rig.books.before["reverse"] = [down()]
    with pytest.raises(Exception, match="connection refused"):
        await taken_back(rig, job, entry)
    assert await states(rig) == [(1, "booked", None)]

    rig.books.after["reverse"] = [lost_reply()]
    await taken_back(rig, job, entry)
    await time_passes(rig)
    rig.books.before["reverse"] = [down()]
    assert await taken_back(rig, job, entry) == ReversalState.UNKNOWN, "nothing was learned of the first call"
    assert await taken_back(rig, job, entry) == ReversalState.REVERSED, "which is as old as before"
    assert counters(rig, entry) == 1


async def test_what_is_being_taken_back_is_not_settled_otherwise(rig: Rig) -> None:
    job, entry = await booked(rig)
    rig.books.after["reverse"] = [lost_reply()]
    await taken_back(rig, job, entry)
    with pytest.raises(CannotResolve, match="being taken back"):
        await resolve.mark_not_booked(rig.context, job, entry, reason="gone", actor=ANNA)


@pytest.mark.rule("EXP-REC-04")
async def test_a_worker_that_lost_its_lease_writes_no_outcome(rig: Rig) -> None:
    job, entry = await booked(rig)

    async def overtaken() -> None:
        await rig.expire_lease()
        other = Rig(replace(rig.context, worker="other"), rig.connection_id, rig.pleo, rig.books)
        await other.look()

    rig.books.meanwhile["reverse"] = overtaken
    with pytest.raises(CannotResolve, match="took too long"):
        await taken_back(rig, job, entry)
    assert await states(rig) == [(1, "booked", "intended")]
    assert await taken_back(rig, job, entry) == ReversalState.REVERSED
    assert counters(rig, entry) == 1
