"""Matching interrupted, refused or too early: no outcome is lost, and the next look or round ends the same."""

from __future__ import annotations

import asyncio
import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text, update

from ledgerbridge.connections import erp_binding
from ledgerbridge.exports import claims, resolve
from ledgerbridge.exports.enqueue import SETTLE
from ledgerbridge.ops import overview, rounds
from ledgerbridge.store.leases import acquire
from ledgerbridge.store.tables import Connection, ConnectionStatus, ExportJob, Posting, PostingState, Settlement
from tests.integration.exports.payables import Payables, chosen, invoice, payment, purchase, returned, spent
from tests.support.erp_double import Later, down, lost_reply, refused, unreadable
from tests.support.rig import Killed

THOUSAND = Decimal(1000)


def _statuses(items: list[dict[str, str]]) -> list[str]:
    return [item["status"] for item in items]


# ------------------------------------------------------------------ drafts


@pytest.mark.rule("EXP-AP-04")
async def test_drafts_stay_open_and_are_settled_by_the_round_once_a_person_made_them_final(payables: Payables) -> None:
    await payables.rig.configure(posting_mode="draft")
    items = await payables.export(invoice(), payment())
    assert _statuses(items) == ["successful", "successful"]
    assert await payables.open_claims() == 2
    await payables.round(days=1)
    assert await payables.open_claims() == 2, "they are drafts still"

    for entry in payables.rig.books.entries.values():
        entry.final = True
    await payables.round()
    assert await payables.open_claims() == 2, "tried a moment ago"
    await payables.round(days=1)

    assert payables.owed() == 0
    assert await payables.open_claims() == 0


@pytest.mark.rule("EXP-AP-04", "EXP-AP-10")
async def test_a_draft_bill_is_matched_with_its_own_payment_once_a_person_made_both_final(payables: Payables) -> None:
    await payables.rig.configure(posting_mode="draft")
    await payables.export(purchase(), payment())
    await payables.round(days=1)
    assert await payables.open_claims() == 2, "they are drafts still"

    for entry in payables.rig.books.entries.values():
        entry.final = True
    await payables.round(days=1)

    assert await payables.states() == [("bill", "settled"), ("payment", "open")]
    assert len(payables.rig.books.matches.made) == 1


@pytest.mark.rule("EXP-AP-04")
async def test_a_bill_counts_as_paid_until_the_return_of_its_payment_is_final(payables: Payables) -> None:
    await payables.export(invoice(), payment())
    await payables.rig.configure(posting_mode="draft")
    await payables.export(returned())

    assert await payables.states() == [("bill", "settled"), ("payment", "settled"), ("returned", "open")]
    assert payables.rig.books.calls["reopen"] == 0

    for entry in payables.rig.books.entries.values():
        entry.final = True
    await payables.round(days=1)

    assert await payables.states() == [("bill", "reopened"), ("payment", "undone"), ("returned", "undone")]
    assert payables.owed() == THOUSAND


# ------------------------------------------------------------------ the ERP fails


@pytest.mark.rule("EXP-AP-04", "EXP-DATA-05")
@pytest.mark.parametrize("fault", [down, lost_reply, refused, unreadable])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_erp_that_fails_to_match_costs_no_item_and_no_job(
    payables: Payables, fault: object, when: str
) -> None:
    assert callable(fault)
    getattr(payables.rig.books, when)["settle"] = [fault()]
    job = payables.press(invoice(), payment())
    await payables.rig.look()

    assert payables.rig.pleo.job(job)["status"] == "completed"
    assert await payables.open_claims() == 2

    await payables.round(days=1)

    assert payables.owed() == 0
    assert await payables.open_claims() == 0


async def test_a_match_the_erp_refuses_does_not_hold_up_the_vendors_others(payables: Payables) -> None:
    payables.rig.books.before["settle"] = [refused()]
    await payables.export(invoice(), payment(), invoice("INV-2"), payment("INV-2"))

    assert payables.owed() == 0
    assert sorted(state for _, state in await payables.states()) == ["open", "open", "settled", "settled"]


async def test_an_erp_that_is_down_is_not_asked_for_every_vendor(payables: Payables) -> None:
    pens = chosen("V0002", "Pens & Co")
    payables.rig.books.before["settle"] = [down() for _ in range(9)]
    await payables.export(invoice(), payment(), invoice(vendor=pens), payment(vendor=pens))

    assert payables.rig.books.calls["settle"] == 1
    assert await payables.open_claims() == 4


async def test_a_fault_of_ours_with_one_vendor_does_not_hold_up_the_next(payables: Payables) -> None:
    pens = chosen("V0002", "Pens & Co")
    payables.rig.books.before["settle"] = [KeyError("ours")]
    job = payables.press(invoice(), payment(), invoice(vendor=pens), payment(vendor=pens))
    await payables.rig.look()

    assert payables.rig.pleo.job(job)["status"] == "completed"
    assert await payables.open_claims() == 2


# ------------------------------------------------------------------ killed


async def _killed(payables: Payables, operation: str, when: str, *items: dict[str, object]) -> str:
    job = payables.press(*items)
    getattr(payables.rig.books, when)[operation] = [Killed()]
    with pytest.raises(Killed):
        await payables.rig.look()
    await payables.rig.expire_lease()
    return job


@pytest.mark.rule("EXP-AP-04", "EXP-REC-02")
@pytest.mark.parametrize("go_on", ["look", "round"])
@pytest.mark.parametrize("when", ["before", "after"], ids=["between-book-and-settle", "between-settle-and-record"])
async def test_killed_around_a_match_it_ends_the_same(payables: Payables, when: str, go_on: str) -> None:
    job = await _killed(payables, "settle", when, invoice(), payment())

    await (payables.rig.look("recovery") if go_on == "look" else payables.round())

    assert payables.owed() == 0
    assert {state for _, state in await payables.states()} == {"settled"}
    await payables.rig.look("recovery")
    assert payables.rig.pleo.job(job)["status"] == "completed"
    assert len(payables.rig.books.entries) == 2


@pytest.mark.rule("EXP-AP-04")
@pytest.mark.parametrize("go_on", ["look", "round"])
@pytest.mark.parametrize(
    ("operation", "when"),
    [("reopen", "before"), ("reopen", "after"), ("settle", "after")],
    ids=["before-reopen", "between-reopen-and-settle", "between-settle-and-record"],
)
async def test_killed_while_a_returned_payment_is_undone_it_ends_the_same(
    payables: Payables, operation: str, when: str, go_on: str
) -> None:
    await payables.export(invoice(), payment())
    await _killed(payables, operation, when, returned())

    await (payables.rig.look("recovery") if go_on == "look" else payables.round())

    assert payables.owed() == THOUSAND
    assert await payables.states() == [("bill", "reopened"), ("payment", "undone"), ("returned", "undone")]
    await payables.rig.look("recovery")
    await payables.export(payment())
    assert payables.owed() == 0


async def test_an_interrupted_bill_is_found_and_its_claim_is_known(payables: Payables) -> None:
    await _killed(payables, "book", "after", invoice())
    await payables.rig.look("recovery")
    await payables.export(payment())

    assert len(payables.rig.books.bills) == 1
    assert payables.owed() == 0


# ------------------------------------------------------------------ settled by a person


async def _unknown_bill(payables: Payables) -> tuple[ExportJob, str]:
    books = payables.rig.books
    books.after["book"] = [lost_reply()]
    books.before["book"] = Later(1, [lost_reply() for _ in range(8)])
    books.before["find"] = [unreadable() for _ in range(9)]
    (item,) = await payables.export(invoice())
    assert item["status"] == "failed"
    books.before.clear()
    async with payables.rig.db.reading() as session:
        return (await session.scalars(select(ExportJob))).one(), item["accountingEntryId"]


@pytest.mark.parametrize("held_for", [PostingState.UNKNOWN, PostingState.NOT_BOOKED])
async def test_a_bill_found_by_hand_can_be_paid(payables: Payables, held_for: PostingState) -> None:
    job, entry = await _unknown_bill(payables)
    async with payables.rig.db.transaction() as session:
        await session.execute(update(Posting).values(state=held_for))
    assert await payables.open_claims() == 0, "nobody knows whether it stands there"

    assert await resolve.probe_item(payables.rig.context, job, entry, "admin:anna") == PostingState.BOOKED
    assert await payables.open_claims() == 1
    await payables.export(payment())

    assert payables.owed() == 0
    assert await payables.open_claims() == 0


async def test_a_bill_marked_booked_under_a_number_is_not_touched(payables: Payables) -> None:
    job, entry = await _unknown_bill(payables)
    word = {"reference": "B-77", "reason": "entered by hand", "actor": "admin:anna"}
    await resolve.mark_booked(payables.rig.context, job, entry, **word)
    await payables.export(payment())

    assert payables.rig.books.calls["settle"] == 0
    assert await payables.open_claims() == 1, "the payment waits, for a person"


# ------------------------------------------------------------------ the round


async def _queued(payables: Payables) -> int:
    async with payables.rig.db.reading() as session:
        wanted = text("select count(*) from procrastinate_jobs where task_name = :name")
        return int(await session.scalar(wanted, {"name": SETTLE}) or 0)


async def test_the_round_queues_companies_with_claims_that_are_due(payables: Payables) -> None:
    rig = payables.rig
    await payables.export(purchase())
    assert await rounds.queue_settling(rig.context.queue, rig.context.connections) == 0, "nothing is open"
    await payables.export(invoice())
    assert await rounds.queue_settling(rig.context.queue, rig.context.connections) == 0, "it was tried in its job"
    async with rig.db.transaction() as session:
        await session.execute(update(Settlement).values(tried_at=Settlement.tried_at - dt.timedelta(days=1)))

    assert await rounds.queue_settling(rig.context.queue, rig.context.connections) == 1
    assert await rounds.queue_settling(rig.context.queue, rig.context.connections) == 1
    assert await _queued(payables) == 1, "a second round does not pile up"

    async with rig.db.transaction() as session:
        await session.execute(update(Connection).values(status=ConnectionStatus.PAUSED))
    assert await rounds.queue_settling(rig.context.queue, rig.context.connections) == 0


async def test_a_round_or_a_look_without_anything_to_do_does_not_ask_the_erp(payables: Payables) -> None:
    await payables.export(invoice())
    payables.rig.books.calls.clear()

    await payables.rig.look()
    await payables.round()

    assert not payables.rig.books.calls


async def test_a_paused_company_is_left_alone(payables: Payables) -> None:
    payables.rig.books.before["settle"] = [down()]
    await payables.export(invoice(), payment())
    async with payables.rig.db.transaction() as session:
        await session.execute(update(Connection).values(status=ConnectionStatus.PAUSED))
    payables.rig.books.calls.clear()

    await payables.round(days=1)

    assert not payables.rig.books.calls


async def test_nothing_is_matched_in_another_company_than_the_one_bound(payables: Payables) -> None:
    rig = payables.rig
    rig.books.before["settle"] = [down()]
    await payables.export(invoice(), payment())
    rig.books.company = erp_binding.ErpCompany("2", "Another ApS", "99999999", "DKK")
    rig.books.calls.clear()

    await payables.round(days=1)
    assert rig.books.calls["settle"] == 0

    await erp_binding.bind(
        rig.context.connections, rig.connection_id, "double", {}, "admin:test", confirm_company_change=True
    )
    await payables.round(days=1)

    assert rig.books.calls["settle"] == 0
    assert await payables.open_claims() == 0, "their ids name other documents there"


async def test_while_somebody_works_the_company_the_round_comes_back_later(payables: Payables) -> None:
    rig = payables.rig
    rig.books.before["settle"] = [down()]
    await payables.export(invoice(), payment())
    rig.books.calls.clear()
    await acquire(rig.db, rig.connection_id, "another", 30)

    await payables.round()

    assert not rig.books.calls
    assert await _queued(payables) == 1


async def test_a_job_that_would_expire_leaves_the_matching_to_work_of_its_own(payables: Payables) -> None:
    rig = payables.rig
    rig.books.meanwhile["settle"] = lambda: asyncio.sleep(6)
    pens = chosen("V0002", "Pens & Co")
    job = payables.press(invoice(), payment(), invoice(vendor=pens), payment(vendor=pens), expires_in=9)

    await rig.look()

    assert rig.pleo.job(job)["status"] == "completed"
    assert await payables.open_claims() == 2
    assert await _queued(payables) == 1
    await payables.round()
    assert await payables.open_claims() == 0


async def test_an_attempt_that_was_refused_leaves_no_claim_of_its_own_on_a_later_booking(payables: Payables) -> None:
    payables.rig.books.before["book"] = [refused()]
    (item,) = await payables.export(invoice())
    entry = item["accountingEntryId"]
    assert item["status"] == "failed"
    changed = {"vendor": chosen("V0002", "Pens & Co")}
    payables.rig.pleo.control("POST", f"/expenses/{entry}/unexport", {"changes": changed})

    await payables.export(entry_ids=[entry])
    await payables.export(payment())

    assert await payables.states() == [("bill", "open"), ("payment", "open")], "the bill is another vendor's now"


async def test_a_bill_that_became_a_journal_entry_leaves_no_claim(payables: Payables) -> None:
    payables.rig.books.before["book"] = [refused()]
    (item,) = await payables.export(invoice())
    entry = item["accountingEntryId"]
    changed = {"vendor": None, "bookkeeping": {"method": "journal"}}
    payables.rig.pleo.control("POST", f"/expenses/{entry}/unexport", {"changes": changed})

    (again,) = await payables.export(entry_ids=[entry])
    await payables.export(payment())

    assert again["status"] == "successful"
    assert await payables.states() == [("payment", "open")]


async def test_open_claims_are_counted_on_the_connection(payables: Payables) -> None:
    await payables.export(invoice(), spent("taxi", 100), purchase())

    async with payables.rig.db.reading() as session:
        shown = await overview.connection(session, payables.rig.connection_id)
    assert shown is not None
    assert shown.open_claims == 2


# ------------------------------------------------------------------ many of them


@pytest.mark.rule("EXP-AP-04")
async def test_the_claims_of_a_vendor_are_read_once_however_many_are_matched(
    payables: Payables, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [f"INV-{number}" for number in range(12)]
    await payables.export(*(invoice(number) for number in numbers))
    reads = 0
    real = claims.of_vendor

    async def counted(*arguments: Any) -> list[claims.Held]:
        nonlocal reads
        reads += 1
        return await real(*arguments)

    monkeypatch.setattr(claims, "of_vendor", counted)
    await payables.export(*(payment(number) for number in numbers))
    assert reads == 1
    assert (payables.owed(), await payables.open_claims()) == (0, 0)
