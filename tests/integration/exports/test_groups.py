"""Items booked together: each has its own outcome, whatever becomes of the call they went with."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import event, select

from ledgerbridge.erp.port import Booked
from ledgerbridge.exports.context import Patience
from ledgerbridge.store.tables import ItemState, ObservedSign, Posting
from tests.integration.exports.grouping import dies_at, ledger, outcomes
from tests.integration.exports.payables import Payables, invoice, payment
from tests.support.erp_double import CAPABILITIES, PAYABLES, Books, DoubleErp, Later, refused
from tests.support.rig import Killed, Rig, company_rig

# ------------------------------------------------------------------ one outcome each


@pytest.mark.rule("EXP-DATA-05", "EXP-POST-06")
async def test_a_group_is_booked_in_one_call_and_each_item_reported_with_its_own_entry(grouped: Rig) -> None:
    ids = grouped.pleo.queue("fee", copies=7)
    job_id = grouped.pleo.export(ids)

    await grouped.look()

    assert grouped.books.calls["book_many"] == 1
    items = grouped.pleo.items(job_id)
    numbers = {entry: f"JE-{grouped.books.of(entry)[0].id}" for entry in ids}
    assert {entry: item["externalId"] for entry, item in items.items()} == numbers
    assert grouped.observed.count(("item", "booked")) == 7
    async with grouped.db.reading() as session:
        rows = (await session.scalars(select(Posting).where(Posting.connection_id == grouped.connection_id))).all()
    assert {row.accounting_entry_id: row.erp_number for row in rows} == numbers
    assert {(row.state, row.revision, row.document, row.final) for row in rows} == {
        ("booked", 1, "journal_entry", True)
    }
    assert all(row.booked_at and row.digest and row.posting_date and row.total != "0.00" for row in rows)


@pytest.mark.rule("EXP-DATA-05")
async def test_half_a_group_refused_costs_the_other_half_nothing(grouped: Rig) -> None:
    ids = grouped.pleo.queue("fee", copies=6)
    job_id = grouped.pleo.export(ids)
    grouped.books.before["book"] = Later(2, [refused("Blocked."), refused("Not for this journal."), refused("No.\0")])

    await grouped.look()

    items = [grouped.pleo.items(job_id)[entry] for entry in ids]
    assert [item["status"] for item in items] == ["successful"] * 2 + ["failed"] * 3 + ["successful"]
    assert "Blocked." in items[2]["failureReason"]
    assert "Not for this journal." in items[3]["failureReason"]
    assert await ledger(grouped) == {"booked": 3, "not_booked": 3}


@pytest.mark.rule("EXP-DATA-05", "EXP-TYPE-18")
async def test_what_cannot_be_booked_is_settled_beside_what_can(grouped: Rig) -> None:
    bad = grouped.pleo.queue("bad_unknown_account", "bad_no_account", "bad_sum")
    good = grouped.pleo.queue("fee", "card_purchase")
    job_id = grouped.pleo.export([*bad, *good])

    await grouped.look()

    items = grouped.pleo.items(job_id)
    assert [items[entry]["status"] for entry in bad] == ["failed"] * 3
    assert [items[entry]["status"] for entry in good] == ["successful"] * 2
    assert grouped.books.calls["book_many"] == 1
    assert await ledger(grouped) == {"booked": 2}


@pytest.mark.rule("EXP-ATT-07", "EXP-ATT-14")
async def test_a_receipt_that_cannot_be_fetched_costs_only_its_item(grouped: Rig) -> None:
    lost, *others = grouped.pleo.queue("receipt_jpeg", "fee", "fee")
    job_id = grouped.pleo.export([lost, *others])
    grouped.pleo.fault("status", path="/files/**", status=418, times=None)

    await grouped.look()

    items = grouped.pleo.items(job_id)
    assert (items[lost]["status"], items[lost]["failureReasonType"]) == ("failed", "receipt_download_failure")
    assert [items[entry]["status"] for entry in others] == ["successful"] * 2
    assert grouped.entries_of(lost) == 0


@pytest.mark.rule("EXP-ATT-02")
async def test_links_that_lapsed_for_a_whole_group_are_renewed_once(grouped: Rig) -> None:
    ids = grouped.pleo.queue("receipt_jpeg", copies=5)
    job_id = grouped.pleo.export(ids, expires_in=10 * 86400)
    dies_at("commit exports.fetch:both_layers after")
    with pytest.raises(Killed):
        await grouped.look()
    grouped.pleo.control("POST", "/clock", {"seconds": 2 * 86400})
    await grouped.expire_lease()
    grouped.pleo.forget()

    await grouped.look()

    assert grouped.pleo.job(job_id)["status"] == "completed"
    assert [len(grouped.books.of(entry)[0].files) for entry in ids] == [1] * 5
    assert grouped.pleo.calls("/v3/export-items").count("GET /v3/export-items") == 1


@pytest.mark.rule("EXP-TYPE-15")
async def test_an_item_of_the_other_sign_is_judged_by_what_was_booked_before_it(grouped: Rig) -> None:
    first = grouped.pleo.queue("wallet_topup")
    listed = grouped.pleo.control("GET", f"/expenses?company_id={grouped.pleo.company_id}")
    text = json.dumps(next(entry["payload"] for entry in listed if entry["id"] == first[0]))
    turned = json.loads(
        re.sub(r'("value": )(-?)(\d+)', lambda found: f"{found[1]}{'' if found[2] else '-'}{found[3]}", text)
    )
    second = grouped.pleo.queue(custom=[{"payload": turned | {"accountingEntryId": str(uuid.uuid4())}}])
    job_id = grouped.pleo.export([*first, *second])

    await grouped.look()

    items = grouped.pleo.items(job_id)
    assert (items[first[0]]["status"], items[second[0]]["status"]) == ("successful", "failed")
    async with grouped.db.reading() as session:
        known = await session.execute(
            select(ObservedSign.type, ObservedSign.sign).where(ObservedSign.connection_id == grouped.connection_id)
        )
        assert len(known.all()) == 1


# ------------------------------------------------------------------ what comes again


@pytest.mark.rule("EXP-IDEM-07", "EXP-IDEM-03")
async def test_what_stands_already_goes_its_own_way_out_of_a_group(grouped: Rig) -> None:
    ids = grouped.pleo.queue("fee", copies=5)
    grouped.pleo.export(ids[:2])
    await grouped.look()
    again = grouped.pleo.export(ids)

    await grouped.look()

    assert grouped.pleo.job(again)["status"] == "completed"
    assert [grouped.entries_of(entry) for entry in ids] == [1] * 5
    assert grouped.books.calls["book"] == 5


@pytest.mark.rule("EXP-IDEM-06")
async def test_a_group_that_was_refused_is_sent_again_as_the_same_postings(grouped: Rig) -> None:
    ids = grouped.pleo.queue("fee", copies=4)
    grouped.pleo.export(ids)
    grouped.books.before["book"] = [refused("No.") for _ in ids]
    await grouped.look()
    assert await ledger(grouped) == {"not_booked": 4}

    again = grouped.pleo.export(ids)
    await grouped.look()

    assert grouped.pleo.job(again)["status"] == "completed"
    async with grouped.db.reading() as session:
        rows = (await session.scalars(select(Posting).where(Posting.connection_id == grouped.connection_id))).all()
    assert [(row.state, row.revision, row.note) for row in rows] == [("booked", 1, None)] * 4


@pytest.mark.rule("EXP-AP-04")
async def test_bills_and_payments_of_a_group_leave_their_claims_once_and_are_matched(payables: Payables) -> None:
    books = payables.rig.books
    books.capabilities = replace(PAYABLES, batch=10)
    books.before["book"] = [refused("Not today.") for _ in range(4)]
    items = (invoice("INV-1"), payment("INV-1"), invoice("INV-2"), payment("INV-2"))
    job_id = payables.press(*items)
    await payables.rig.look()
    assert {item["status"] for item in payables.seen(job_id)} == {"failed"}
    ids = [item["accountingEntryId"] for item in payables.seen(job_id)]

    again = payables.rig.pleo.export(ids, vendor_based=True)
    await payables.rig.look()

    assert payables.rig.pleo.job(again)["status"] == "completed"
    assert books.calls["book_many"] == 2
    assert await payables.states() == [("bill", "settled"), ("payment", "settled")] * 2
    assert payables.owed() == 0


# ------------------------------------------------------------------ how many at once


@pytest.mark.parametrize(("batch", "writers", "calls"), [(1, 3, 0), (2, 2, 4), (4, 1, 2), (100, 4, 4)])
async def test_no_more_calls_are_under_way_than_the_erp_takes_writers(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, batch: int, writers: int, calls: int
) -> None:
    rig.books.capabilities = replace(CAPABILITIES, batch=batch, parallel_writers=writers)
    rig.books.slow = 0.01
    under_way, most = 0, 0
    whole = DoubleErp.book

    async def watched(self: DoubleErp, *arguments: object, **options: object) -> Booked:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await whole(self, *arguments, **options)  # type: ignore[arg-type]
        finally:
            under_way -= 1

    monkeypatch.setattr(DoubleErp, "book", watched)
    job_id = rig.pleo.export(rig.pleo.queue("fee", copies=8))

    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"
    assert (most, rig.books.calls["book_many"]) == (writers, calls)
    assert len(rig.books.entries) == 8


@pytest.mark.rule("EXP-EXPIRE-01", "EXP-UPD-10", "EXP-UPD-12")
async def test_a_batch_that_takes_longer_than_the_job_may_wait_keeps_it_alive(
    database_url: str, sandbox_url: str
) -> None:
    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    books = Books(capabilities=replace(CAPABILITIES, batch=4), slow=0.9)
    async with company_rig(database_url, sandbox_url, books=books, patience=Patience(pause=(0.05,))) as rig:
        job_id = rig.pleo.export(rig.pleo.queue("fee", copies=4), expires_in=3)

        await rig.look()

        assert rig.pleo.job(job_id)["status"] == "completed"
        working = [call for call in rig.pleo.requests("/v3/export-jobs") if '"in_progress"' in (call["body"] or "")]
        assert working, "nothing was heard of the job while its batch was booked"


async def test_a_job_that_ends_while_a_batch_is_booked_keeps_what_was_booked(
    database_url: str, sandbox_url: str
) -> None:
    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    books = Books(capabilities=replace(CAPABILITIES, batch=4), slow=0.6)
    async with company_rig(database_url, sandbox_url, books=books, patience=Patience(pause=(0.05,))) as rig:
        job_id = rig.pleo.export(rig.pleo.queue("fee", copies=4), expires_in=4)

        async def cancelled() -> None:
            await asyncio.to_thread(rig.pleo.control, "POST", f"/jobs/{job_id}/cancel", {})

        books.meanwhile["book"] = cancelled
        await rig.look()

        assert await ledger(rig) == {"booked": 4}
        assert set((await outcomes(rig)).values()) == {ItemState.BOOKED}


@pytest.mark.parametrize("copies", [50, 200])
async def test_statements_grow_with_the_groups_of_a_job_and_not_with_its_items(rig: Rig, copies: int) -> None:
    rig.books.capabilities = replace(CAPABILITIES, attachments=False, batch=50)
    job_id = rig.pleo.export(rig.pleo.queue("fee", copies=copies))
    seen: list[str] = []
    engine = rig.db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *told: seen.append(told[2]))

    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"
    assert rig.books.calls["book_many"] == copies // 50
    assert len(seen) <= 50 + 25 * (copies // 50)
