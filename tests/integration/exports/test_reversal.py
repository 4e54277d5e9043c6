"""A booked entry is taken back: by a person, by a changed export, whatever dies on the way; and booked anew, once."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, text, update

from ledgerbridge.connections.access import load
from ledgerbridge.exports import resolve
from ledgerbridge.exports.alone import CannotResolve
from ledgerbridge.exports.later import settle_later
from ledgerbridge.exports.reverse import companies_with_pending, reverse
from ledgerbridge.store.tables import (
    AuditRecord,
    ExportItem,
    ExportJob,
    ItemState,
    Posting,
    PostingState,
    ReversalState,
)
from tests.integration.exports.payables import Payables, invoice, payment, purchase
from tests.support.erp_double import CAPABILITIES, Later, down, lost_reply, refused, unreadable
from tests.support.rig import PATIENT, Killed, Rig

ANNA = "admin:anna"
WHY = "Booked on the wrong cost centre"
CHANGED = {"type": "personal_spend"}
_DUE = text("update procrastinate_jobs set scheduled_at = now() where task_name = 'exports.settle'")


async def _job(rig: Rig) -> ExportJob:
    """The newest job."""
    async with rig.db.reading() as session:
        newest = await session.scalars(select(ExportJob).order_by(ExportJob.pleo_created_at.desc()).limit(1))
        return newest.one()


async def _postings(rig: Rig) -> list[Posting]:
    async with rig.db.reading() as session:
        return list(await session.scalars(select(Posting).order_by(Posting.revision)))


async def _states(rig: Rig) -> list[tuple[int, str, str | None]]:
    return [(one.revision, one.state, one.reversal_state) for one in await _postings(rig)]


async def _exported(rig: Rig, entry: str, **options: Any) -> dict[str, Any]:
    """Press Export for one entry and look; the item as Pleo shows it."""
    job_id = rig.pleo.export([entry], **options)
    await rig.look()
    item: dict[str, Any] = rig.pleo.items(job_id)[entry]
    return item


async def _booked(rig: Rig) -> tuple[ExportJob, str]:
    (entry,) = rig.pleo.queue("card_purchase")
    assert (await _exported(rig, entry))["status"] == "successful"
    return await _job(rig), entry


async def _taken_back(rig: Rig, job: ExportJob, entry: str) -> ReversalState:
    return await reverse(rig.context, job, entry, reason=WHY, actor=ANNA)


async def _time_passes(rig: Rig) -> None:
    async with rig.db.transaction() as session:
        await session.execute(update(Posting).values(reversal_at=Posting.reversal_at - dt.timedelta(hours=1)))


def patient(rig: Rig, **changes: float) -> Rig:
    """The same company with more patience."""
    context = replace(rig.context, patience=replace(PATIENT, **changes))  # type: ignore[arg-type]
    return Rig(context, rig.connection_id, rig.pleo, rig.books)


def counters(rig: Rig, entry: str) -> int:
    """How many counter-entries stand for an accounting entry."""
    return sum(one.taken_back is not None for one in rig.books.all_of(entry))


# ------------------------------------------------------------------ a person


@pytest.mark.rule("EXP-IDEM-07")
async def test_taken_back_with_reason_and_author_it_is_booked_anew_by_the_next_export(rig: Rig) -> None:
    job, entry = await _booked(rig)

    assert await _taken_back(rig, job, entry) == ReversalState.REVERSED

    assert (rig.entries_of(entry), counters(rig, entry)) == (0, 1)
    (posting,) = await _postings(rig)
    assert (posting.state, posting.reversal_number, posting.reversal_by) == ("reversed", "REV-1000", ANNA)
    assert (posting.reversal_reason, posting.reversal_erp_id) == (WHY, "1000-counter")
    assert rig.books.all_of(entry)[0].reasons == [WHY]
    assert rig.pleo.items(job.pleo_job_id)[entry]["status"] == "successful", "Pleo hears of it with the next export"
    async with rig.db.reading() as session:
        audited = (await session.scalars(select(AuditRecord))).one()
    assert (audited.actor, audited.action, audited.detail["reason"]) == (ANNA, "export_item.reverse", WHY)

    item = await _exported(rig, entry)
    assert (item["status"], item["externalId"]) == ("successful", "JE-1001")
    assert rig.entries_of(entry) == 1
    assert await _states(rig) == [(1, "reversed", "reversed"), (2, "booked", None)]


async def test_pressed_twice_at_once_it_is_taken_back_once(rig: Rig) -> None:
    job, entry = await _booked(rig)
    rig.books.slow = 0.1

    done = await asyncio.gather(*(_taken_back(rig, job, entry) for _ in range(3)), return_exceptions=True)

    assert done.count(ReversalState.REVERSED) >= 1
    others = [one for one in done if one != ReversalState.REVERSED]
    assert all(isinstance(one, CannotResolve) and "Try again" in str(one) for one in others)
    assert await _taken_back(rig, job, entry) == ReversalState.REVERSED, "who presses later is told that it is done"
    assert (rig.books.calls["reverse"], counters(rig, entry)) == (1, 1)


async def test_a_press_on_an_old_page_does_not_take_back_what_was_booked_since(rig: Rig) -> None:
    job, entry = await _booked(rig)
    await _taken_back(rig, job, entry)
    await _exported(rig, entry)

    with pytest.raises(CannotResolve, match="booked the expense as JE-1001"):
        await _taken_back(rig, job, entry)

    assert rig.entries_of(entry) == 1


async def test_a_draft_is_taken_away(rig: Rig) -> None:
    await rig.configure(posting_mode="draft")
    job, entry = await _booked(rig)

    assert await _taken_back(rig, job, entry) == ReversalState.REVERSED

    assert not rig.books.all_of(entry)
    (posting,) = await _postings(rig)
    assert (posting.state, posting.reversal_erp_id) == (PostingState.REVERSED, None)
    assert (await _exported(rig, entry))["status"] == "successful"


@pytest.mark.rule("EXP-PERIOD-05")
@pytest.mark.parametrize("rule", ["fail", "next_open", "next_open after a draft"])
async def test_a_closed_period_is_treated_by_the_rule_of_the_configuration(rig: Rig, rule: str) -> None:
    draft = rule.endswith("draft")
    await rig.configure(closed_period=rule.split()[0], posting_mode="draft" if draft else "final")
    job, entry = await _booked(rig)
    rig.books.of(entry)[0].final = True  # a person did, if we did not
    booked = rig.books.of(entry)[0].entry.date
    rig.books.chart = replace(
        rig.books.chart,
        periods=tuple(
            replace(period, open=period.open and not period.start <= booked <= period.end)
            for period in rig.books.chart.periods
        ),
    )
    if rule == "fail":
        with pytest.raises(CannotResolve, match=f"period of {booked} is closed.*then try again"):
            await _taken_back(rig, job, entry)
        assert await _states(rig) == [(1, "booked", None)]
        assert rig.books.calls["reverse"] == 0
    else:
        assert await _taken_back(rig, job, entry) == ReversalState.REVERSED
        assert rig.entries_of(entry) == 0


async def test_what_the_erp_refuses_stands_and_says_why(rig: Rig) -> None:
    job, entry = await _booked(rig)
    rig.books.before["reverse"] = [refused("The account is closed.")]

    with pytest.raises(CannotResolve, match="The account is closed"):
        await _taken_back(rig, job, entry)

    assert await _states(rig) == [(1, "booked", None)]
    assert (await _exported(rig, entry))["status"] == "successful"
    async with rig.db.reading() as session:
        audited = (await session.scalars(select(AuditRecord))).one()
    assert (audited.actor, audited.action) == (ANNA, "export_item.reverse_refused")


async def test_only_what_we_booked_in_these_books_is_taken_back(rig: Rig) -> None:
    job, entry = await _booked(rig)
    cases = {
        "by hand as JE-1000. Reverse that there": {"by_hand": True},
        "booked in Old ApS": {"by_hand": False, "moved_from": "Old ApS"},
    }
    for said, values in cases.items():
        async with rig.db.transaction() as session:
            await session.execute(update(Posting).values(**values))
        with pytest.raises(CannotResolve, match=said):
            await _taken_back(rig, job, entry)
    async with rig.db.transaction() as session:
        await session.execute(update(Posting).values(moved_from=None))
    rig.books.capabilities = replace(CAPABILITIES, can_reverse=False)
    with pytest.raises(CannotResolve, match="Reverse JE-1000 there, then export"):
        await _taken_back(rig, job, entry)
    assert rig.books.calls["reverse"] == 0


async def test_nothing_is_taken_back_in_books_the_connection_moved_to_at_that_moment(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, entry = await _booked(rig)

    async def moved(*of: Any) -> Any:
        async with rig.db.transaction() as session:
            await session.execute(update(Posting).values(moved_from="Old Ltd"))
        rig.books.entries.clear()
        return await load(*of)

    monkeypatch.setattr("ledgerbridge.exports.reverse.load", moved)
    with pytest.raises(CannotResolve):
        await _taken_back(rig, job, entry)
    assert await _states(rig) == [(1, "booked", None)], "it stands where the connection came from"


async def test_an_item_without_a_booking_has_nothing_to_take_back(rig: Rig) -> None:
    (entry,) = rig.pleo.queue("bad_closed_period")
    await _exported(rig, entry)
    with pytest.raises(CannotResolve, match="nothing to take back"):
        await _taken_back(rig, await _job(rig), entry)


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
        await _taken_back(rig, await _job(rig), item.accounting_entry_id)


async def test_while_an_export_runs_nobody_takes_anything_back(rig: Rig) -> None:
    job, entry = await _booked(rig)
    (other,) = rig.pleo.queue("fee")
    rig.pleo.export([other])
    seen: list[str] = []

    async def press() -> None:
        with pytest.raises(CannotResolve) as refusal:
            await _taken_back(rig, job, entry)
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
    job, entry = await _booked(rig)
    (rig.books.after if arrived else rig.books.before)["reverse"] = [lost_reply()]
    assert await _taken_back(slow, job, entry) == ReversalState.UNKNOWN
    assert await _states(rig) == [(1, "booked", "unknown")]

    with pytest.raises(CannotResolve, match=r"may still take it back\. Try again in \d+ seconds"):
        await _taken_back(slow, job, entry)
    item = await _exported(slow, entry)
    assert (item["status"], item["failureReasonType"]) == ("failed", "accounting_system_timeout")
    assert "JE-1000 of this expense is being taken back" in item["failureReason"]
    assert (rig.books.calls["reverse"], rig.books.calls["book"]) == (1, 1), "nothing is repeated or booked beside it"

    await _time_passes(rig)
    match who:
        case "person":
            assert await _taken_back(slow, job, entry) == ReversalState.REVERSED
        case "round":
            async with rig.db.transaction() as session:
                due = await companies_with_pending(session, rig.context.connections.environment)
            assert due == [rig.connection_id]
            await settle_later(slow.context, rig.connection_id)
        case "export":
            assert (await _exported(slow, entry))["externalId"] == "JE-1001"
    assert counters(rig, entry) == 1
    reversed_, *later = await _postings(rig)
    assert (reversed_.state, reversed_.reversal_by, reversed_.reversal_reason) == ("reversed", ANNA, WHY)
    if not later:
        assert (await _exported(slow, entry))["externalId"] == "JE-1001"
    assert rig.entries_of(entry) == 1


@pytest.mark.rule("EXP-REC-04")
@pytest.mark.parametrize("call", ["find", "reverse"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_death_while_taking_back_leaves_an_intent_that_the_next_press_finishes(
    rig: Rig, call: str, when: str
) -> None:
    job, entry = await _booked(rig)
    getattr(rig.books, when)[call] = [Killed()]
    with pytest.raises(Killed):
        await _taken_back(rig, job, entry)
    await rig.expire_lease()
    assert await _states(rig) == [(1, "booked", "intended")]

    assert await _taken_back(rig, job, entry) == ReversalState.REVERSED
    assert (rig.entries_of(entry), counters(rig, entry)) == (0, 1)


async def test_an_intent_brings_the_work_that_finishes_it(rig: Rig) -> None:
    job, entry = await _booked(rig)
    rig.books.after["reverse"] = [Killed()]
    with pytest.raises(Killed):
        await _taken_back(rig, job, entry)
    await rig.expire_lease()
    await _time_passes(rig)

    stop = asyncio.Event()
    async with rig.db.transaction() as session:
        await session.execute(_DUE)
    worker = asyncio.create_task(rig.context.queue.run_worker(stop))
    for _ in range(600):
        if (await _states(rig))[0][1] == "reversed":
            break
        await asyncio.sleep(0.05)
    stop.set()
    await worker
    assert await _states(rig) == [(1, "reversed", "reversed")]
    assert counters(rig, entry) == 1


async def test_an_erp_that_is_down_changes_nothing_and_forgets_nothing(rig: Rig) -> None:
    job, entry = await _booked(rig)
    rig.books.before["reverse"] = [down()]
    with pytest.raises(Exception, match="connection refused"):
        await _taken_back(rig, job, entry)
    assert await _states(rig) == [(1, "booked", None)]

    rig.books.after["reverse"] = [lost_reply()]
    await _taken_back(rig, job, entry)
    await _time_passes(rig)
    rig.books.before["reverse"] = [down()]
    assert await _taken_back(rig, job, entry) == ReversalState.UNKNOWN, "nothing was learned of the first call"
    assert await _taken_back(rig, job, entry) == ReversalState.REVERSED, "which is as old as before"
    assert counters(rig, entry) == 1


async def test_what_is_being_taken_back_is_not_settled_otherwise(rig: Rig) -> None:
    job, entry = await _booked(rig)
    rig.books.after["reverse"] = [lost_reply()]
    await _taken_back(rig, job, entry)
    with pytest.raises(CannotResolve, match="being taken back"):
        await resolve.mark_not_booked(rig.context, job, entry, reason="gone", actor=ANNA)


@pytest.mark.rule("EXP-REC-04")
async def test_a_worker_that_lost_its_lease_writes_no_outcome(rig: Rig) -> None:
    job, entry = await _booked(rig)

    async def overtaken() -> None:
        await rig.expire_lease()
        other = Rig(replace(rig.context, worker="other"), rig.connection_id, rig.pleo, rig.books)
        await other.look()

    rig.books.meanwhile["reverse"] = overtaken
    with pytest.raises(CannotResolve, match="took too long"):
        await _taken_back(rig, job, entry)
    assert await _states(rig) == [(1, "booked", "intended")]
    assert await _taken_back(rig, job, entry) == ReversalState.REVERSED
    assert counters(rig, entry) == 1


# ------------------------------------------------------------------ changed and exported again


async def _changed(rig: Rig, **configuration: Any) -> str:
    """A booked expense that was changed in Pleo, in a company that has such entries reversed and booked anew."""
    await rig.configure(changed_reexport="reverse_and_rebook", **configuration)
    _, entry = await _booked(rig)
    rig.pleo.control("POST", f"/expenses/{entry}/unexport", {"changes": CHANGED})
    return entry


@pytest.mark.rule("EXP-IDEM-06", "EXP-IDEM-07")
async def test_a_changed_entry_is_reversed_and_booked_as_its_next_revision(rig: Rig) -> None:
    entry = await _changed(rig)

    item = await _exported(rig, entry)

    assert (item["status"], item["externalId"]) == ("successful", "JE-1001")
    assert (rig.entries_of(entry), counters(rig, entry)) == (1, 1)
    assert await _states(rig) == [(1, "reversed", "reversed"), (2, "booked", None)]
    assert (await _postings(rig))[0].reversal_by == "system"
    assert (await _exported(rig, entry))["externalId"] == "JE-1001", "and that is what stands from now on"
    assert rig.books.calls["reverse"] == 1


@pytest.mark.rule("EXP-IDEM-07")
async def test_where_the_erp_cannot_reverse_a_changed_entry_fails_as_ever(rig: Rig) -> None:
    rig.books.capabilities = replace(CAPABILITIES, can_reverse=False)
    entry = await _changed(rig)
    item = await _exported(rig, entry)
    assert (item["status"], rig.entries_of(entry)) == ("failed", 1)
    assert "booked before as JE-1000 with other contents" in item["failureReason"]


async def test_nothing_is_taken_back_for_what_cannot_be_booked_anew(rig: Rig) -> None:
    entry = await _changed(rig)
    rig.pleo.control("POST", f"/expenses/{entry}/unexport", {"changes": {"type": "brand_new"}})
    item = await _exported(rig, entry)
    assert item["status"] == "failed"
    assert "brand_new" in item["failureReason"], "what must be mended, not what stands in the way"
    assert (rig.entries_of(entry), rig.books.calls["reverse"]) == (1, 0)
    assert await _states(rig) == [(1, "booked", None)]


async def test_a_receipt_that_cannot_be_fetched_takes_nothing_back(rig: Rig) -> None:
    await rig.configure(changed_reexport="reverse_and_rebook")
    (entry,) = rig.pleo.queue("receipt_jpeg")
    await _exported(rig, entry)
    rig.pleo.control("POST", f"/expenses/{entry}/unexport", {"changes": CHANGED})
    rig.books.capabilities = replace(CAPABILITIES, max_attachment_bytes=1)
    item = await _exported(rig, entry)
    assert item["failureReasonType"] == "receipt_file_size_limit_exceeded"
    assert (rig.entries_of(entry), rig.books.calls["reverse"]) == (1, 0)


async def test_a_new_booking_that_is_refused_says_that_the_old_one_is_gone(rig: Rig) -> None:
    entry = await _changed(rig)
    rig.books.before["book"] = [refused("No.")]
    item = await _exported(rig, entry)
    assert item["status"] == "failed"
    assert "Its earlier booking JE-1000 has been taken back." in item["failureReason"]
    assert (await _exported(rig, entry))["externalId"] == "JE-1001"


@pytest.mark.rule("EXP-REC-04", "EXP-IDEM-07")
@pytest.mark.parametrize(
    ("when", "call"),
    [("before", "reverse"), ("after", "reverse"), ("before", "book"), ("after", "book")],
)
@pytest.mark.parametrize("how", ["killed", pytest.param("lost", marks=pytest.mark.long)])
async def test_whatever_dies_on_the_way_a_changed_entry_stands_once_in_its_new_form(
    rig: Rig, when: str, call: str, how: str
) -> None:
    entry = await _changed(rig)
    job_id = rig.pleo.export([entry])
    getattr(rig.books, when)[call] = [Killed() if how == "killed" else lost_reply()]
    if how == "killed":
        with pytest.raises(Killed):
            await rig.look()
        await rig.expire_lease()
    await rig.look()

    item = rig.pleo.items(job_id)[entry]
    assert item["status"] == "successful", item["failureReason"]
    assert (rig.entries_of(entry), counters(rig, entry)) == (1, 1)
    (standing,) = rig.books.of(entry)
    assert standing.entry.key.revision == 2


async def test_an_erp_that_cannot_be_read_leaves_the_item_in_doubt_and_books_nothing(rig: Rig) -> None:
    entry = await _changed(rig)
    rig.books.before["reverse"] = [unreadable()]
    item = await _exported(rig, entry)
    assert item["status"] == "failed"
    assert (rig.entries_of(entry), rig.books.calls["book"]) == (1, 1)


# ------------------------------------------------------------------ what settles what


@pytest.mark.rule("EXP-AP-04", "EXP-IDEM-07")
@pytest.mark.parametrize("which", ["bill", "payment"])
async def test_what_the_posting_was_matched_with_is_open_again(payables: Payables, which: str) -> None:
    rig = payables.rig
    bill, paid = await payables.export(invoice(), payment())
    assert await payables.states() == [("bill", "settled"), ("payment", "settled")]
    entry = (bill if which == "bill" else paid)["accountingEntryId"]

    assert await _taken_back(rig, await _job(rig), entry) == ReversalState.REVERSED

    assert await payables.states() == [("payment" if which == "bill" else "bill", "reopened")]
    assert await payables.open_claims() == 1
    assert payables.owed() == (1000 if which == "payment" else -1000)
    await _exported(rig, entry, vendor_based=True)
    await payables.round(days=1)
    assert payables.owed() == 0


@pytest.mark.rule("EXP-AP-04", "EXP-REC-04")
@pytest.mark.parametrize("call", ["reopen", "reverse"])
async def test_a_death_after_the_match_was_taken_apart_is_gone_on_from(payables: Payables, call: str) -> None:
    rig = payables.rig
    bill, _ = await payables.export(invoice(), payment())
    rig.books.after[call] = [Killed()]
    with pytest.raises(Killed):
        await _taken_back(rig, await _job(rig), bill["accountingEntryId"])
    await rig.expire_lease()
    await payables.round(days=1)
    assert rig.books.calls["settle"] == 1, "nothing is matched with what is being taken back"
    assert await _taken_back(rig, await _job(rig), bill["accountingEntryId"]) == ReversalState.REVERSED
    assert await payables.states() == [("payment", "reopened")]
    assert payables.owed() == -1000


async def test_a_match_that_may_not_be_taken_apart_keeps_the_posting(payables: Payables) -> None:
    rig = payables.rig
    bill, _ = await payables.export(invoice(), payment())
    rig.books.locked = True
    with pytest.raises(CannotResolve, match="is matched with other entries"):
        await _taken_back(rig, await _job(rig), bill["accountingEntryId"])
    assert await payables.states() == [("bill", "settled"), ("payment", "settled")]
    assert payables.owed() == 0


@pytest.mark.rule("EXP-AP-10")
async def test_a_bill_goes_with_the_payment_of_its_own_item(payables: Payables) -> None:
    rig = payables.rig
    (bill,) = await payables.export(purchase())
    await _taken_back(rig, await _job(rig), bill["accountingEntryId"])
    assert (payables.owed(), rig.entries_of(bill["accountingEntryId"])) == (0, 0)
    await _exported(rig, bill["accountingEntryId"])
    assert (payables.owed(), rig.entries_of(bill["accountingEntryId"])) == (0, 1)
