"""A preview: what an export would do, told in time and in the bookkeeper's words, with nothing written anywhere."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import Chart, Period
from ledgerbridge.clock import utcnow
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.connections.errors import ConnectionUnknown
from ledgerbridge.exports.outlook import ItemPreview, Outlook
from ledgerbridge.exports.preview import NoSuchItem, NoSuchJob, Preview, preview
from ledgerbridge.exports.shown_entries import ShownKind
from ledgerbridge.store.tables import (
    ConfigVersion,
    Connection,
    ConnectionStatus,
    ErpBinding,
    ExportJob,
    Posting,
    ReversalState,
)
from tests.integration.exports.payables import ACME, Payables, chosen, invoice, purchase
from tests.integration.exports.tryton_company import rows_of
from tests.support.double_master import vendor
from tests.support.erp_double import CODES, Books, down, lost_reply
from tests.support.rig import CONFIGURATION, PATIENT, Killed, Rig

READING = {"company", "preflight", "preflight_bills", "chart", "find", "vendors", "fits"}
"""What a preview may ask an ERP."""


async def told(rig: Rig, **wanted: Any) -> Preview:
    return await preview(rig.context, rig.connection_id, **wanted)


async def one(rig: Rig, *seeds: str, **wanted: Any) -> ItemPreview:
    """The preview of the single item of a fresh job."""
    job = rig.pleo.export(rig.pleo.queue(*seeds))
    (item,) = (await told(rig, job_id=job, **wanted)).items
    return item


def failures(shown: Preview) -> list[Failure]:
    return [found.failure for found in shown.problems_of_the_job]


def as_if(books: Books, **changes: Any) -> Chart:
    """The chart of the books, changed."""
    books.chart = replace(books.chart, **changes)
    return books.chart


# ------------------------------------------------------------------ it only looks


@pytest.mark.rule("EXP-PREV-01", "EXP-PREV-02")
async def test_every_kind_of_expense_is_told_without_a_write_anywhere(rig: Rig, database_url: str) -> None:
    job = rig.pleo.export(rig.pleo.queue("all"))
    rig.pleo.forget()
    before = rows_of(database_url)
    first = await told(rig, job_id=job, limit=40)
    rest = await told(rig, job_id=job, limit=100, place=first.next)

    assert rows_of(database_url) == before
    assert {call.split()[0] for call in rig.pleo.calls("/")} == {"GET"}
    assert not [call for call in rig.pleo.calls("/") if "/files/" in call]
    assert set(rig.books.calls) <= READING
    assert not rig.books.entries
    assert rig.pleo.job(job)["status"] == "pending"

    items = [*first.items, *rest.items]
    seen = {item.accounting_entry_id: item for item in items}
    assert (len(first.items), rest.next, rest.without_data) == (40, None, 0)
    assert len(seen) == len(items)
    await rig.look()
    ended = rig.pleo.items(job)
    assert seen.keys() == ended.keys()
    for entry_id, item in seen.items():
        assert (item.outcome is Outlook.WOULD_FAIL) == (ended[entry_id]["status"] == "failed")
        if item.told is not None:
            assert (item.told.text, item.told.row.item_type) == (
                ended[entry_id]["failureReason"],
                ended[entry_id]["failureReasonType"],
            )


async def test_a_preview_beside_a_running_export_takes_nothing_from_it(rig: Rig) -> None:
    job = rig.pleo.export(rig.pleo.queue("fee", copies=3))
    seen: list[Preview] = []

    async def look_in() -> None:
        seen.append(await told(rig, job_id=job))

    rig.books.meanwhile["book"] = look_in
    await rig.look()
    assert rig.pleo.job(job)["status"] == "completed"
    assert len(rig.books.entries) == 3
    assert [item.outcome for item in seen[0].items].count(Outlook.UNKNOWN) <= 1, "the one under way"


async def test_the_job_that_waits_is_found_and_none_is_no_fault(rig: Rig) -> None:
    nothing = await told(rig)
    assert (nothing.job, nothing.items, nothing.problems_of_the_job) == (None, (), ())
    job = rig.pleo.export(rig.pleo.queue("card_purchase"))
    waiting = await told(rig)
    assert waiting.job is not None
    assert (waiting.job.pleo_job_id, len(waiting.items), waiting.config_version) == (job, 1, 1)


# ------------------------------------------------------------------ what it tells


async def test_a_purchase_is_shown_as_a_bookkeeper_reads_it(rig: Rig) -> None:
    item = await one(rig, "card_purchase")
    (entry,) = item.entries
    assert (item.outcome, item.final, item.revision, item.type) == (Outlook.WOULD_BOOK, True, 1, "card_purchase")
    assert (entry.kind, entry.journal, entry.currency, entry.total) == (
        ShownKind.JOURNAL_ENTRY, "EXP", "DKK", item.amount,
    )  # fmt: skip
    assert entry.period
    assert sum(line.debit - line.credit for line in entry.lines) == 0
    assert all(line.account and line.account_name for line in entry.lines)
    assert {tax.name for line in entry.lines for tax in line.taxes} != {None}
    assert {each.name for line in entry.lines for each in line.dimensions} == {
        dimension.name for dimension in rig.books.chart.dimensions
    }
    assert [(each.type, each.taken) for each in item.receipts] == [("application/pdf", True)] * len(item.receipts)
    assert all(each.name and each.bytes for each in item.receipts)


async def test_a_bill_is_shown_with_its_vendor_and_its_payment(payables: Payables) -> None:
    payables.press(purchase(), invoice("INV-7"))
    paid, owed = (await told(payables.rig)).items
    assert [entry.kind for entry in paid.entries] == [ShownKind.BILL, ShownKind.PAYMENT]
    assert [entry.kind for entry in owed.entries] == [ShownKind.BILL]
    assert (owed.entries[0].vendor, owed.entries[0].number) == (f"{ACME.name} ({ACME.code})", "INV-7")


async def test_a_vendor_that_the_export_would_make_first_is_not_called_a_failure(payables: Payables) -> None:
    unlinked, gone = chosen(None, "New & Bright ApS"), chosen("V999", "Gone ApS", externalId="9")
    payables.press(purchase(vendor=unlinked), purchase(vendor=gone))
    new, lost = (await told(payables.rig)).items
    assert (new.outcome, lost.outcome) == (Outlook.UNKNOWN, Outlook.WOULD_FAIL)
    assert new.told is not None
    assert "New & Bright" in new.told.text
    payables.rig.books.master.vendors.append(vendor(9, name="New & Bright ApS", pleo_id="pleo-None"))
    assert (await told(payables.rig)).items[0].outcome is Outlook.WOULD_BOOK


async def test_a_configuration_that_is_not_stored_is_used_as_if_it_were(rig: Rig) -> None:
    job = rig.pleo.export(rig.pleo.queue("card_purchase"))
    draft = ConfigurationBody.read({**CONFIGURATION, "posting_mode": "draft", "accounts": {
        **CONFIGURATION["accounts"], "wallet": {"*": CODES["external_reimbursement"]}, "external_reimbursement": None,
    }}).configuration(0)  # fmt: skip
    shown = await told(rig, job_id=job, configuration=draft)
    assert (shown.config_version, shown.items[0].final) == (None, False)
    assert (await told(rig, job_id=job)).items[0].final


async def test_a_connection_that_is_being_set_up_can_look_ahead(rig: Rig, database_url: str) -> None:
    """No configuration is stored yet, and it is not live: only Pleo's grant and the accounting system are there."""
    job = rig.pleo.export(rig.pleo.queue("out_of_pocket"))
    async with rig.db.transaction() as session:
        await session.execute(
            update(Connection).where(Connection.id == rig.connection_id).values(status=ConnectionStatus.SETTING_UP)
        )
        await session.execute(delete(ConfigVersion))
    draft = ConfigurationBody.read(CONFIGURATION).configuration(0)
    shown = await told(rig, configuration=draft)
    assert shown.job is not None
    assert (shown.job.pleo_job_id, [item.outcome for item in shown.items]) == (job, [Outlook.WOULD_BOOK])
    assert failures(await told(rig)) == [Failure.NOT_CONFIGURED]


async def test_an_entry_in_a_closed_period_is_told_with_the_day_it_would_land_on(rig: Rig) -> None:
    closed = tuple(replace(period, open=False) for period in rig.books.chart.periods)
    as_if(rig.books, periods=closed)
    item = await one(rig, "card_purchase")
    assert (item.outcome, [found.failure for found in item.problems]) == (Outlook.WOULD_FAIL, [Failure.PERIOD_CLOSED])
    day = max(period.end for period in closed) + dt.timedelta(days=1)
    later = Period("later", "next", day, day, open=True)
    as_if(rig.books, periods=(*closed, later))
    await rig.configure(closed_period="next_open")
    (moved,) = (await told(rig)).items
    assert (moved.outcome, moved.entries[0].date, moved.entries[0].period) == (Outlook.WOULD_BOOK, later.start, "next")
    assert moved.entries[0].original_date < later.start


async def test_what_the_accounting_system_would_refuse_is_told_before(rig: Rig) -> None:
    job = rig.pleo.export(rig.pleo.queue("card_purchase"))

    async def closes_meanwhile() -> None:
        as_if(rig.books, periods=tuple(replace(period, open=False) for period in rig.books.chart.periods))

    rig.books.meanwhile["fits"] = closes_meanwhile
    (item,) = (await told(rig, job_id=job)).items
    assert [found.failure for found in item.problems] == [Failure.PERIOD_CLOSED]


async def test_a_receipt_that_the_accounting_system_does_not_take_is_told_unfetched(rig: Rig) -> None:
    rig.books.capabilities = replace(rig.books.capabilities, max_attachment_bytes=10)
    job = rig.pleo.export(rig.pleo.queue("card_purchase"))
    (item,) = (await told(rig, job_id=job)).items
    assert [found.failure for found in item.problems] == [Failure.RECEIPT_TOO_LARGE]
    await rig.look()
    assert item.told is not None
    assert rig.pleo.items(job)[item.accounting_entry_id]["failureReason"] == item.told.text


# ------------------------------------------------------------------ what comes again


async def test_what_is_booked_already_would_not_be_booked_twice(rig: Rig) -> None:
    job = rig.pleo.export(ids := rig.pleo.queue("card_purchase"))
    await rig.look()
    assert (await told(rig, job_id=job)).ended
    again = rig.pleo.export(ids)
    (item,) = (await told(rig, job_id=again)).items
    assert item.outcome is Outlook.ALREADY_BOOKED
    rig.books.entries.clear()
    (gone,) = (await told(rig, job_id=again)).items
    assert gone.outcome is Outlook.WOULD_BOOK


@pytest.mark.parametrize("policy", ["fail", "reverse_and_rebook"])
async def test_an_expense_that_changed_since_is_told_as_the_configuration_has_it(rig: Rig, policy: str) -> None:
    rig.books.capabilities = replace(rig.books.capabilities, can_reverse=True)
    await rig.configure(changed_reexport=policy)
    (entry_id,) = rig.pleo.queue("card_purchase")
    rig.pleo.export([entry_id])
    await rig.look()
    rig.pleo.control("POST", f"/expenses/{entry_id}/unexport", {"changes": {"type": "personal_spend"}})
    job = rig.pleo.export([entry_id])
    (item,) = (await told(rig, job_id=job)).items
    if policy == "fail":
        assert [found.failure for found in item.problems] == [Failure.CHANGED_SINCE_BOOKED]
    else:
        assert (item.outcome, item.revision) == (Outlook.WOULD_BOOK, 2)
        assert item.replaces
    await rig.look()
    ended = rig.pleo.items(job)[entry_id]
    assert ended["status"] == ("failed" if policy == "fail" else "successful")
    assert ended["failureReason"] == (item.told.text if item.told else None)


async def test_an_entry_that_is_being_taken_back_would_be_booked_anew(rig: Rig) -> None:
    rig.books.capabilities = replace(rig.books.capabilities, can_reverse=True)
    rig.pleo.export(ids := rig.pleo.queue("card_purchase"))
    await rig.look()
    async with rig.db.transaction() as session:
        asked = {
            "reversal_reason": "Wrong month",
            "reversal_by": "admin:ada",
            "reversal_at": utcnow() - dt.timedelta(days=1),
        }
        await session.execute(update(Posting).values(reversal_state=ReversalState.INTENDED, **asked))
    job = rig.pleo.export(ids)
    (item,) = (await told(rig, job_id=job)).items
    assert (item.outcome, item.revision, bool(item.replaces)) == (Outlook.WOULD_BOOK, 2, True)
    await rig.look()
    assert rig.pleo.items(job)[ids[0]]["status"] == "successful"
    assert [one.entry.key.revision for one in rig.books.of(ids[0])] == [2]


async def test_what_cannot_be_taken_back_here_any_more_would_fail(rig: Rig) -> None:
    rig.books.capabilities = replace(rig.books.capabilities, can_reverse=False)
    rig.pleo.export(ids := rig.pleo.queue("card_purchase"))
    await rig.look()
    async with rig.db.transaction() as session:
        await session.execute(update(Posting).values(reversal_state=ReversalState.INTENDED))
    job = rig.pleo.export(ids)
    (item,) = (await told(rig, job_id=job)).items
    await rig.look()
    assert item.told is not None
    assert rig.pleo.items(job)[ids[0]]["failureReason"] == item.told.text


async def test_an_entry_that_may_still_be_on_its_way_is_in_doubt(rig: Rig) -> None:
    rig.books.before["book"] = [lost_reply()]
    job = rig.pleo.export(rig.pleo.queue("card_purchase"))

    async def killed() -> None:
        raise Killed

    rig.books.meanwhile["find"] = killed
    with pytest.raises(Killed):
        await rig.look()
    rig.context = replace(rig.context, patience=replace(PATIENT, settling=600))
    (item,) = (await told(rig, job_id=job)).items
    assert (item.outcome, [found.failure for found in item.problems]) == (Outlook.UNKNOWN, [Failure.OUTCOME_UNKNOWN])


# ------------------------------------------------------------------ what stops a job


@pytest.mark.parametrize(
    ("trouble", "failure"),
    [
        ("erp-down", Failure.ERP_UNREACHABLE),
        ("other-company", Failure.ERP_COMPANY_CHANGED),
        ("no-journal", Failure.JOURNAL_UNKNOWN),
        ("no-erp", Failure.NOT_CONFIGURED),
        ("no-contra-accounts", Failure.CONTRA_ACCOUNTS_MISSING),
    ],
)
async def test_what_would_fail_the_whole_job_is_told_in_its_words(rig: Rig, trouble: str, failure: Failure) -> None:
    job = rig.pleo.export(rig.pleo.queue("card_purchase"))
    match trouble:
        case "erp-down":
            rig.books.before["company"] = [down()] * 20
        case "other-company":
            rig.books.company = replace(rig.books.company, name="Another ApS")
        case "no-journal":
            as_if(rig.books, journals=())
        case "no-erp":
            async with rig.db.transaction() as session:
                await session.execute(update(ErpBinding).values(settings_sealed=None))
        case "no-contra-accounts":
            rig.pleo.fault("missing_contra_accounts", times=10)
    shown = await told(rig, job_id=job)
    assert failures(shown)[:1] == [failure]
    assert not shown.items
    await rig.look()
    assert rig.pleo.job(job)["failureReason"] == shown.problems_of_the_job[0].text


async def test_an_erp_that_goes_away_in_the_middle_leaves_the_rest_unknown(rig: Rig) -> None:
    job = rig.pleo.export(rig.pleo.queue("fee", copies=3))
    rig.books.before["fits"] = [down()]
    shown = await told(rig, job_id=job)
    assert failures(shown) == [Failure.ERP_UNREACHABLE]
    assert [item.outcome for item in shown.items] == [Outlook.UNKNOWN] * 3
    assert {item.told.failure for item in shown.items if item.told} == {Failure.ERP_UNREACHABLE}


async def test_a_person_does_not_wait_for_ever_for_an_erp_that_does_not_answer(rig: Rig) -> None:
    job = rig.pleo.export(rig.pleo.queue("fee"))
    rig.context = replace(rig.context, patience=replace(PATIENT, preview=0.3))

    async def never() -> None:
        await asyncio.Event().wait()

    rig.books.meanwhile["chart"] = never
    shown = await told(rig, job_id=job)
    assert (failures(shown), shown.items) == ([Failure.ERP_TIMEOUT], ())


async def test_when_time_is_up_in_the_middle_the_rest_is_unknown(rig: Rig) -> None:
    job = rig.pleo.export(rig.pleo.queue("fee", copies=2))

    async def time_is_up() -> None:
        raise TimeoutError

    rig.books.meanwhile["fits"] = time_is_up
    shown = await told(rig, job_id=job)
    assert failures(shown) == [Failure.ERP_TIMEOUT]
    assert [item.outcome for item in shown.items] == [Outlook.UNKNOWN, Outlook.UNKNOWN]


# ------------------------------------------------------------------ which job, which item


async def test_one_item_is_found_however_far_back_it_stands(rig: Rig) -> None:
    ids = rig.pleo.queue("fee", copies=120)
    job = rig.pleo.export(ids)
    for wanted in (ids[0], ids[-1]):
        (item,) = (await told(rig, job_id=job, entry_id=wanted)).items
        assert item.accounting_entry_id == wanted
    with pytest.raises(NoSuchItem):
        await told(rig, job_id=job, entry_id=str(uuid.uuid4()))


@pytest.mark.parametrize("name", [str(uuid.uuid4()), "not a uuid", "..", "a/b"], ids=["unknown", "odd", "dots", "path"])
async def test_a_job_nobody_knows_is_no_job(rig: Rig, name: str) -> None:
    with pytest.raises(NoSuchJob):
        await told(rig, job_id=name)


async def test_a_connection_nobody_knows_is_no_connection(rig: Rig) -> None:
    with pytest.raises(ConnectionUnknown):
        await preview(rig.context, uuid.uuid4())


@pytest.mark.rule("EXP-ENT-07")
async def test_a_job_and_an_item_of_another_company_are_not_shown(rig: Rig) -> None:
    rig.pleo.control("POST", "/companies", {"name": "Other ApS", "id": (other := str(uuid.uuid4()))})
    theirs = rig.pleo.control("POST", "/expenses", {"company_id": other, "seeds": ["fee"]})
    body = {"company_id": other, "entry_ids": [entry["id"] for entry in theirs]}
    job = rig.pleo.control("POST", "/exports", body)["id"]
    with pytest.raises(NoSuchJob):
        await told(rig, job_id=job)
    mine = rig.pleo.export(rig.pleo.queue("fee"))
    with pytest.raises(NoSuchItem):
        await told(rig, job_id=mine, entry_id=theirs[0]["id"])


async def test_our_own_id_of_a_job_names_it_too(rig: Rig) -> None:
    job = await rig.export("fee")
    async with rig.db.reading() as session:
        ours = await session.scalar(select(ExportJob.id).where(ExportJob.pleo_job_id == job))
    shown = await told(rig, job_id=str(ours))
    assert shown.job is not None
    assert (shown.job.pleo_job_id, shown.ended, shown.items) == (job, True, ())
