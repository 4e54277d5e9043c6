"""How items are joined, ordered, scoped, moved to open periods and given their receipts."""

from __future__ import annotations

import copy
import datetime as dt
import uuid
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import select, update

from ledgerbridge.bookkeeping.problem import TABLE, Failure
from ledgerbridge.exports.context import Patience
from ledgerbridge.pleo.downloads import MAX_BYTES
from ledgerbridge.store.tables import ExportItem, Posting
from tests.support.erp_double import CAPABILITIES, Books
from tests.support.rig import CONFIGURATION, Killed, Rig, company_rig


def _payload(rig: Rig, entry_id: str, **changes: Any) -> dict[str, Any]:
    """The payload of a queued entry as a new entry of its own, with changes."""
    listed = rig.pleo.control("GET", f"/expenses?company_id={rig.pleo.company_id}")
    payload = copy.deepcopy(next(entry["payload"] for entry in listed if entry["id"] == entry_id))
    return payload | {"accountingEntryId": str(uuid.uuid4())} | changes


@pytest.mark.rule("EXP-CTRL-05", "EXP-DATA-11")
async def test_a_control_item_without_a_payload_fails_and_is_not_skipped(rig: Rig) -> None:
    ids = rig.pleo.queue("fee", copies=2)
    job_id = rig.pleo.export(ids)
    rig.books.before["book"] = [Killed()]
    with pytest.raises(Killed):
        await rig.look()
    async with rig.db.transaction() as session:
        await session.execute(update(ExportItem).where(ExportItem.accounting_entry_id == ids[1]).values(payload=None))

    await rig.expire_lease()
    await rig.look()

    items = rig.pleo.items(job_id)
    assert items[ids[0]]["status"] == "successful"
    assert items[ids[1]]["status"] == "failed"
    assert items[ids[1]]["failureReason"] == TABLE[Failure.PAYLOAD_MISSING].text


@pytest.mark.rule("EXP-ENT-07", "EXP-ENT-03")
async def test_an_item_of_another_company_is_never_booked(rig: Rig) -> None:
    (entry,) = rig.pleo.queue("fee")
    stranger = _payload(rig, entry, companyId="8a2d7b10-3f4e-4d55-8c1b-7e9f60a1b222")
    (other,) = rig.pleo.queue(custom=[{"payload": stranger}])
    job_id = rig.pleo.export([entry, other])

    await rig.look()

    items = rig.pleo.items(job_id)
    assert items[entry]["status"] == "successful"
    assert items[other]["failureReasonType"] == "validation_failure"
    assert "another Pleo company" in items[other]["failureReason"]
    assert rig.entries_of(other) == 0


@pytest.mark.rule("EXP-CTRL-07")
async def test_tracking_fields_of_the_control_layer_never_reach_the_books(rig: Rig) -> None:
    ids = rig.pleo.queue("fee", "bad_no_account")
    await _export(rig, ids)
    rig.books.entries.clear()
    async with rig.db.transaction() as session:
        await session.execute(update(ExportItem).values(failure_reason="TRACKED", failure_type="TRACKED"))

    await _export(rig, ids)

    (entry,) = rig.books.entries.values()
    assert "TRACKED" not in repr(entry)


async def _export(rig: Rig, ids: list[str]) -> dict[str, Any]:
    job_id = rig.pleo.export(ids)
    await rig.look()
    return rig.pleo.items(job_id)


@pytest.mark.rule("EXP-ORDER-03")
async def test_items_are_booked_in_the_order_of_the_control_layer(rig: Rig) -> None:
    ids = rig.pleo.queue("fee", copies=30)
    job_id = rig.pleo.export(ids)
    await rig.look()

    listed = [item["accountingEntryId"] for item in rig.pleo.job(job_id)["items"]]
    booked = [entry.entry.key.accounting_entry_id for entry in rig.books.entries.values()]
    assert booked == listed


@pytest.mark.rule("EXP-PERIOD-03", "EXP-PERIOD-05")
@pytest.mark.parametrize("strategy", ["next_open", "today"])
async def test_a_closed_period_is_answered_by_the_setting(rig: Rig, strategy: str) -> None:
    await rig.configure(closed_period=strategy)

    items = await _export(rig, rig.pleo.queue("bad_closed_period"))

    assert {item["status"] for item in items.values()} == {"successful"}
    (entry,) = rig.books.entries.values()
    # The double opens this month by UTC; the configured zone may be a day ahead.
    first_open = dt.datetime.now(dt.UTC).date().replace(day=1)
    today = dt.datetime.now(ZoneInfo("Europe/Copenhagen")).date()
    assert entry.entry.date == (today if strategy == "today" else first_open)
    assert entry.entry.original_date < entry.entry.date


@pytest.mark.rule("EXP-POST-02")
async def test_a_configuration_without_a_posting_mode_books_drafts(rig: Rig) -> None:
    body = {name: value for name, value in CONFIGURATION.items() if name != "posting_mode"}
    await rig.configure_exactly(body)

    await _export(rig, rig.pleo.queue("fee"))

    (entry,) = rig.books.entries.values()
    assert entry.final is False


@pytest.mark.rule("EXP-DONE-09", "EXP-ORDER-01")
async def test_after_a_job_the_next_oldest_is_worked_at_once(rig: Rig) -> None:
    first = rig.pleo.export(rig.pleo.queue("fee"))
    second = rig.pleo.export(rig.pleo.queue("fee"), alongside=True)

    await rig.look()

    assert [rig.pleo.job(job)["status"] for job in (first, second)] == ["completed", "completed"]


# ------------------------------------------------------------------ receipts


@pytest.mark.rule("EXP-ATT-02")
async def test_a_lapsed_link_is_renewed_by_fetching_the_item_again(rig: Rig) -> None:
    ids = rig.pleo.queue("receipt_jpeg")
    job_id = rig.pleo.export(ids, expires_in=10 * 86400)
    rig.books.before["book"] = [Killed()]
    with pytest.raises(Killed):
        await rig.look()
    rig.pleo.control("POST", "/clock", {"seconds": 25 * 3600})

    await rig.expire_lease()
    await rig.look()

    assert rig.pleo.items(job_id)[ids[0]]["status"] == "successful"
    (entry,) = rig.books.entries.values()
    assert len(entry.files) == 1


@pytest.mark.rule("EXP-ATT-07", "EXP-ATT-14", "EXP-ATT-05")
async def test_a_receipt_that_cannot_be_fetched_fails_its_item_before_anything_is_booked(rig: Rig) -> None:
    rig.pleo.fault("status", path="/files/**", status=404, times=None)

    items = await _export(rig, rig.pleo.queue("receipt_jpeg", "tax_none"))

    outcomes = {item["status"]: item for item in items.values()}
    assert outcomes["failed"]["failureReasonType"] == "receipt_download_failure"
    assert len(rig.books.entries) == 1
    assert rig.books.calls["book"] == 1
    async with rig.db.reading() as session:
        states = set(await session.scalars(select(Posting.state)))
    assert states == {"booked"}


@pytest.mark.rule("EXP-ATT-14", "EXP-ATT-13")
async def test_a_receipt_larger_than_the_erp_takes_fails_with_both_sizes(rig: Rig) -> None:
    rig.books.capabilities = replace(CAPABILITIES, max_attachment_bytes=10)

    items = await _export(rig, rig.pleo.queue("receipt_jpeg"))

    (item,) = items.values()
    assert item["failureReasonType"] == "receipt_file_size_limit_exceeded"
    assert rig.books.entries == {}
    assert MAX_BYTES == 30 * 1024 * 1024


@pytest.mark.rule("EXP-IDEM-04")
async def test_a_retried_item_offers_the_same_names_so_that_no_file_is_uploaded_twice(rig: Rig) -> None:
    await rig.configure(posting_mode="draft")
    ids = rig.pleo.queue("receipt_many")
    job_id = rig.pleo.export(ids)
    rig.books.after["book"] = [Killed()]
    with pytest.raises(Killed):
        await rig.look()
    first = [entry.files for entry in rig.books.entries.values()]
    rig.books.offered.clear()

    await rig.expire_lease()
    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"
    assert rig.books.offered == first
    assert len(set(first[0])) == len(first[0])


# ------------------------------------------------------------------ limits


@pytest.mark.rule("EXP-RATE-05", "LIMIT-003")
async def test_a_limit_that_does_not_pass_fails_the_job_as_pleo_rate_limit(database_url: str, sandbox_url: str) -> None:
    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    patience = Patience(pause=(0.01,), deadline_share=0.0)
    async with company_rig(database_url, sandbox_url, books=Books(), patience=patience) as rig:
        job_id = rig.pleo.export(rig.pleo.queue("fee"))
        rig.pleo.fault("status", path="/v3/export-items", status=429, retry_after=0, times=None)

        await rig.look()

        job = rig.pleo.job(job_id)
        assert (job["status"], job["failureReasonType"]) == ("failed", "pleo_rate_limit")


@pytest.mark.rule("EXP-POST-05")
async def test_draft_mode_applies_to_the_mapped_moved_entry_with_its_receipts(rig: Rig) -> None:
    await rig.configure(posting_mode="draft", closed_period="next_open")
    (closed,) = rig.pleo.queue("bad_closed_period")
    receipt = {"type": "text/plain", "base64": "cmVjZWlwdA=="}
    (entry,) = rig.pleo.queue(custom=[{"payload": _payload(rig, closed), "files": [receipt]}])

    await _export(rig, [entry])

    (booked,) = rig.books.entries.values()
    assert booked.final is False
    assert booked.entry.date > booked.entry.original_date
    assert len(booked.files) == 1
