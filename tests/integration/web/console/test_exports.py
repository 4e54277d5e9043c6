"""The customer's pages of exports: what became of every expense, why, where it stands, and what to do next."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import select, update

from ledgerbridge.store.tables import ExportItem, ExportJob, JobEvent, Posting
from ledgerbridge.web.console.customer import exports as pages
from tests.integration.web.conftest import Face
from tests.integration.web.console.quick import live
from tests.integration.web.test_admin_jobs import Desk, _lost
from tests.support.erp_double import lost_reply, refused
from tests.support.html import Page, look, press, send

LONG = "w" * 60


@pytest.fixture
async def desk(face: Face) -> Desk:
    return Desk(face, await live(face))


def job_path(job: dict[str, Any]) -> str:
    return f"/settings/exports/{job['id']}"


async def change(face: Face, job: dict[str, Any], entry: str, **values: object) -> None:
    async with face.services.db.transaction() as session:
        await session.execute(
            update(ExportItem)
            .where(ExportItem.job_id == uuid.UUID(job["id"]), ExportItem.accounting_entry_id == entry)
            .values(**values)
        )


async def test_before_the_first_export_the_page_says_what_to_press(desk: Desk) -> None:
    page = await look(desk.face.browser, "/settings/exports")
    assert "No export yet. Press Export in Pleo" in page.text


async def test_an_export_tells_what_was_booked_where_and_what_happened(desk: Desk) -> None:
    job = await desk.export("fee", "fee")
    listed = await look(desk.face.browser, "/settings/exports")
    assert "2 items: 2 booked" in listed.text
    assert job_path(job) in listed.addresses

    page = await look(desk.face.browser, job_path(job))

    items = (await desk.get(f"/export-jobs/{job['id']}/items"))["data"]
    for item in items:
        assert item["id"] in page.text
        assert item["posting"]["erp_number"] in page.text
        assert item["erp_url"] in page.addresses
    assert "Work began, and Pleo shows it in progress" in page.text
    assert "Finished: everything is booked" in page.text
    assert "The outcomes of 2 items were reported to Pleo" in page.text
    assert "125" in page.text or ".00" in page.text, "no amount"


async def test_an_expense_can_be_found_in_pleo_after_its_payload_is_gone(desk: Desk) -> None:
    job = await desk.export("fee")
    async with desk.face.services.db.reading() as session:
        (item,) = await session.scalars(select(ExportItem).where(ExportItem.job_id == uuid.UUID(job["id"])))
    assert item.payload is None
    page = await look(desk.face.browser, job_path(job))
    assert f"{desk.face.pleo.url}/expenses/{item.accounting_entry_id}" in page.addresses


async def test_a_failed_item_says_why_and_that_it_may_be_exported_again_until_it_is_booked(desk: Desk) -> None:
    entries = desk.bookkeeper.queue("fee", "fee")
    desk.face.books.before["book"] = [refused("Line 1 needs a cost centre")]
    first = await desk.export(entries=entries)

    page = await look(desk.face.browser, f"{job_path(first)}?state=failed")

    assert "Line 1 needs a cost centre" in page.text
    assert "Everything else can be exported again." in page.text
    (failed,) = [one for one in entries if f"<code>{one}</code>" in page.html]
    await desk.export(entries=[failed])
    again = await look(desk.face.browser, f"{job_path(first)}?state=failed")
    assert "Booked since, by a later export." in again.text
    history = await look(desk.face.browser, f"/settings/exports?entry={failed}")
    assert len([one for one in history.addresses if "?entry=" in one]) == 2
    assert "Line 1 needs a cost centre" in history.text


async def test_while_work_goes_on_the_page_shows_what_the_expenses_are(desk: Desk) -> None:
    job = await desk.export(entries=desk.bookkeeper.queue("fee"))
    async with desk.face.services.db.transaction() as session:
        of = uuid.UUID(job["id"])
        await session.execute(update(ExportJob).where(ExportJob.id == of).values(phase="fetched", closed_at=None))
        await session.execute(
            update(ExportItem).where(ExportItem.job_id == of).values(payload=PAYLOAD, state="waiting")
        )
    page = await look(desk.face.browser, job_path(job))
    assert "Bäckerei & Söhne" in page.text
    assert "Kuchen <b>für</b> alle" in page.text
    assert "1,234.50 DKK" in page.text
    assert "02 Mar 2026" in page.text, "the day is not the company's own"
    assert "secret-receipt" not in page.html
    assert f'data-live="{job_path(job)}/live"' in page.html


async def test_an_unreadable_payload_is_no_reason_to_fail(desk: Desk) -> None:
    job = await desk.export("fee")
    (item,) = (await desk.get(f"/export-jobs/{job['id']}/items"))["data"]
    await change(desk.face, job, item["id"], payload={"amount": "none of it"})
    assert item["id"] in (await look(desk.face.browser, job_path(job))).text


async def test_progress_is_told_until_the_export_is_over(desk: Desk) -> None:
    job = await desk.export("fee")
    answer = await desk.face.browser.get(f"{job_path(job)}/live")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "event: piece" in answer.text
    assert "1 booked" in answer.text
    assert answer.text.rstrip().endswith("event: over\ndata:")


# ------------------------------------------------------------------ unknown outcomes


async def test_an_unknown_outcome_is_looked_up_when_the_customer_asks(desk: Desk) -> None:
    job, entry = await _lost(desk)
    page = await look(desk.face.browser, job_path(job))
    assert "Being checked" in page.text
    assert "exporting it again in Pleo is safe" in page.text

    after = await press(desk.face.browser, page.form(f"{job_path(job)}/items/{entry}/probe"))

    assert "It is booked; the entry was found" in after.text or "It is not booked" in after.text
    audit = (await desk.get("/audit", connection=desk.connection_id))["data"]
    assert (audit[0]["actor"], audit[0]["action"]) == ("customer", "export_item.probe")
    stale = await send(desk.face.browser, page.form(f"{job_path(job)}/items/{entry}/probe"))
    assert stale.status_code == 409
    assert "only failed or unknown items" in stale.text or "nothing" in stale.text.lower()


async def test_the_warnings_list_it_with_the_same_button(desk: Desk) -> None:
    job, entry = await _lost(desk)
    page = await look(desk.face.browser, "/settings/warnings")
    assert entry in page.text
    after = await press(desk.face.browser, page.form(f"{job_path(job)}/items/{entry}/probe"))
    assert after.headings[0] == ("h1", "Warnings")


async def test_an_accounting_system_that_is_away_says_so_and_nothing_changes(desk: Desk) -> None:
    job, entry = await _lost(desk)
    page = await look(desk.face.browser, job_path(job))
    desk.face.books.before["find"] = [lost_reply()] * 9
    answer = await send(desk.face.browser, page.form(f"{job_path(job)}/items/{entry}/probe"))
    assert answer.status_code == 409
    assert 'role="alert"' in answer.text
    (item,) = (await desk.get(f"/export-jobs/{job['id']}/items"))["data"]
    assert item["posting"]["state"] == "unknown"


async def test_an_item_nobody_knows_is_not_found(desk: Desk) -> None:
    job, entry = await _lost(desk)
    form = (await look(desk.face.browser, job_path(job))).form(f"{job_path(job)}/items/{entry}/probe")
    form.action = f"{job_path(job)}/items/{uuid.uuid4()}/probe"
    assert (await send(desk.face.browser, form)).status_code == 404


# ------------------------------------------------------------------ what is taken back


async def test_what_was_taken_back_names_its_counter_entry_and_the_reason(desk: Desk) -> None:
    job = await desk.export("fee")
    async with desk.face.services.db.transaction() as session:
        await session.execute(
            update(Posting)
            .where(Posting.connection_id == uuid.UUID(desk.connection_id))
            .values(
                state="reversed", reversal_state="reversed", reversal_number="EXP/99", reversal_erp_id="99",
                reversal_url="https://erp.example/99", reversal_reason="Booked on the wrong account",
                reversal_by="admin:ada",
            )
        )  # fmt: skip
    page = await look(desk.face.browser, job_path(job))
    assert "Taken back by EXP/99" in page.text
    assert "https://erp.example/99" in page.addresses
    assert "Reason: Booked on the wrong account" in page.text
    assert "Export it again in Pleo to book it anew." in page.text


# ------------------------------------------------------------------ much and long


async def test_items_are_paged_filtered_and_found(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    desk.face.books.before["book"] = [refused("no")]
    job = await desk.export(*["fee"] * 5)
    items = [one["id"] for one in (await desk.get(f"/export-jobs/{job['id']}/items"))["data"]]

    def shown(page: Page) -> list[str]:
        return [one for one in items if f"<code>{one}</code>" in page.html]

    page, seen = await look(desk.face.browser, job_path(job)), []
    while True:
        seen += shown(page)
        if "Older" not in page.links:
            break
        page = await look(desk.face.browser, page.links["Older"])
        assert "Newest" in page.links
    assert seen == items
    booked = await look(desk.face.browser, f"{job_path(job)}?state=booked")
    assert "Booked 4" in booked.links
    assert shown(booked) == [one for one in items if one in shown(booked)][:2]
    rest = await look(desk.face.browser, booked.links["Older"])
    assert len(shown(rest)) == 2
    assert not set(shown(rest)) & set(shown(booked))
    found = await look(desk.face.browser, f"{job_path(job)}?entry=%20{items[3]}%20")
    assert shown(found) == [items[3]]
    nothing = await look(desk.face.browser, f"{job_path(job)}?entry=nobody%3Cb%3E")
    assert "This export has no item with this id." in nothing.text
    other = await desk.face.browser.get(f"{booked.links['Older'].replace('state=booked', 'state=failed')}")
    assert other.status_code == 400, "a cursor of one list continued another"
    assert (await desk.face.browser.get(f"{job_path(job)}?cursor=made-up")).status_code == 400


async def test_exports_are_paged(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE", 1)
    jobs = [await desk.export("fee") for _ in range(2)]
    first = await look(desk.face.browser, "/settings/exports")
    second = await look(desk.face.browser, first.links["Older"])
    assert [job_path(jobs[1]) in first.addresses, job_path(jobs[0]) in second.addresses] == [True, True]
    assert "Older" not in second.links


async def test_very_long_things_stand_on_the_page_whole_or_cut_with_sense(desk: Desk) -> None:
    job = await desk.export("fee")
    (item,) = (await desk.get(f"/export-jobs/{job['id']}/items"))["data"]
    reason = "The period is closed. " * 30
    await change(desk.face, job, item["id"], failure_reason=reason, state="failed")
    async with desk.face.services.db.transaction() as session:
        await session.execute(
            update(Posting).values(total="12345678901234567.89", erp_number=LONG, state="booked")
            .where(Posting.connection_id == uuid.UUID(desk.connection_id))
        )  # fmt: skip
    page = await look(desk.face.browser, job_path(job))
    assert " ".join(reason.split()) in page.text
    assert "12,345,678,901,234,567.89" in page.text
    assert LONG in page.text


async def test_a_thousand_steps_are_told_in_few_lines(desk: Desk) -> None:
    job = await desk.export("fee")
    of, owner = uuid.UUID(job["id"]), uuid.UUID(desk.connection_id)
    async with desk.face.services.db.transaction() as session:
        for number in range(300):
            name = "reported" if number % 3 else "resumed"
            session.add(JobEvent(connection_id=owner, job_id=of, name=name, detail={"items": 100}))
        session.add(JobEvent(connection_id=owner, job_id=of, name="of_tomorrow", detail={}))
    page = await look(desk.face.browser, job_path(job))
    assert page.text.count("Work went on after an interruption") < 20
    assert "The outcomes of 200 items were reported to Pleo" in page.text
    assert "steps in between are left out" in page.text
    assert "Of tomorrow" in page.text
    timeline = (await desk.get(f"/export-jobs/{job['id']}"))["timeline"]
    assert len(timeline) == 200
    assert [step["id"] for step in timeline] == sorted(step["id"] for step in timeline)
    assert (timeline[0]["name"], timeline[-1]["name"]) == ("claimed", "of_tomorrow")


async def test_a_job_of_a_company_that_disconnected_meanwhile_can_be_looked_at_until_the_session_ends(
    desk: Desk,
) -> None:
    job = await desk.export("fee")
    async with desk.face.services.db.transaction() as session:
        await session.execute(
            ExportItem.__table__.delete().where(ExportItem.connection_id == uuid.UUID(desk.connection_id))
        )
    page = await look(desk.face.browser, job_path(job))
    assert "The items were deleted a year after the export was finished." in page.text


MONEY = {"value": 123450, "currency": "DKK"}
AMOUNT = {"inWalletCurrency": MONEY, "inSupplierCurrency": MONEY}
PAYLOAD = {
    "_links": {}, "accountingEntryId": "e", "companyId": "c", "type": "card_purchase", "amount": AMOUNT,
    "date": "2026-03-01T23:30:00Z", "note": "Kuchen <b>für</b> alle", "supplier": {"name": "Bäckerei & Söhne"},
    "accountingEntryLines": [{"accountingEntryLineId": "l", "lineAmount": AMOUNT, "netAmount": AMOUNT}],
    "additionalInformation": {"reconciliationId": "R-1"},
    "files": [{"url": "https://files.example/secret-receipt", "type": "image/png"}],
}  # fmt: skip
