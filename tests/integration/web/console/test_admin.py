"""The operators' console: every company and what is wrong with it, and each remedy with its effect."""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text, update

from ledgerbridge.clock import utcnow
from ledgerbridge.exports.run import look
from ledgerbridge.ops.invariants.catalogue import ALL
from ledgerbridge.ops.roster import Trouble
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import (
    AuditRecord,
    Connection,
    ExportItem,
    ExportJob,
    InvariantCheck,
    Lease,
    MappingWarning,
    Posting,
    SyncRun,
    SyncSchedule,
    VendorLink,
    VoucherBookRow,
    VoucherFile,
)
from pleo_sandbox.config import SECOND_COMPANY_ID
from tests.integration.web.conftest import Face
from tests.integration.web.console.quick import live
from tests.integration.web.two_companies import Two
from tests.support.html import Page, press, send
from tests.support.html import look as open_page
from tests.support.rig import Pleo as Rig

LONG = "Aktieselskabet " + "Brønshøj-Husum Bryggeri og Datterselskaber " * 5


async def changed(face: Face, table: type[Any], **values: Any) -> None:
    async with face.services.db.transaction() as session:
        with across_companies(session, "a test"):
            await session.execute(update(table).values(**values))


async def one(face: Face, query: Any) -> Any:
    async with face.services.db.reading() as session:
        with across_companies(session, "a test"):
            return await session.scalar(query)


@pytest.fixture(autouse=True)
def _quiet_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox's own log holds links to receipts."""
    monkeypatch.setattr(logging.getLogger("uvicorn.access"), "disabled", True)


@pytest.fixture
async def operator(face: Face) -> httpx.AsyncClient:
    await face.sign_in_operator()
    return face.operator


async def exported(face: Face) -> tuple[str, str]:
    """A company that is live and a job of it that was worked; connection and job."""
    connection = await face.active()
    rig = Rig(face.pleo.url)
    try:
        job = rig.export(rig.queue("all"))
    finally:
        rig.close()
    await look(face.services.exports, uuid.UUID(connection), "webhook")
    found = await one(face, select(ExportJob.id).where(ExportJob.pleo_job_id == job))
    return connection, str(found)


async def test_the_first_page_says_where_to_connect_when_there_is_nobody(operator: httpx.AsyncClient) -> None:
    page = await open_page(operator, "/admin")
    assert "No company is connected yet" in page.text
    for path in ("/admin/exports", "/admin/unknown", "/admin/syncs"):
        await open_page(operator, path)


async def test_companies_are_found_by_name_on_either_side_by_id_and_by_what_is_wrong(
    face: Face, operator: httpx.AsyncClient
) -> None:
    first = await face.bound()
    company = str(await one(face, select(Connection.company_id)))
    await changed(face, Connection, company_name="Brewers 100%_ ApS")
    face.browser.cookies.clear()
    second = await face.connect(SECOND_COMPANY_ID)
    name = await one(face, text("select company_name from erp_bindings"))

    async def shown(**query: str) -> set[str]:
        answer = await operator.get("/admin", params=query)
        assert answer.status_code == 200
        return {found for found in (first, second) if f"/admin/connections/{found}" in answer.text}

    assert await shown() == {first, second}
    for q in ("brewers", "100%_", company, company.upper(), first, name.lower()[:6]):
        assert await shown(q=q) == {first}, q
    for q in ("%", "_", "nobody", "'"):
        assert await shown(q=q) == ({first} if q in "%_" else set()), q
    assert await shown(status="setting_up") == {first, second}
    assert await shown(status="active") == set()
    assert await shown(status="nonsense") == {first, second}
    assert await shown(trouble="any") == set()
    await changed(face, Connection, status="paused", status_reason="We are looking into it.")
    assert await shown(trouble="paused") == await shown(trouble="any") == {first, second}
    page = await open_page(operator, "/admin?q=nobody")
    assert "Nothing matches." in page.text


def _book(own: uuid.UUID) -> VoucherBookRow:
    return VoucherBookRow(
        id=own, connection_id=own, kind="sie", company_ref="1", company_name="A", currency="SEK", opened_at=utcnow()
    )


TROUBLES: dict[Trouble, Any] = {
    Trouble.UNKNOWN: lambda own, job: Posting(
        connection_id=own, accounting_entry_id="e", state="unknown", total="1.00", currency="DKK", config_version=1,
        job_id=job, fence=1, erp_kind="double", intended_at=utcnow(),
    ),
    Trouble.FILES: lambda own, _: VoucherFile(
        connection_id=own, book_id=own, name="P.si", sha256="", size=1, content=b"x", vouchers=1, debit=1,
        handover_state="stuck",
    ),
    Trouble.SYNC: lambda own, _: SyncSchedule(
        connection_id=own, kind="tags", config_version=1, failing_since=utcnow()
    ),
    Trouble.VENDORS: lambda own, _: VendorLink(connection_id=own, pleo_id="v", phase="parked", note="Two fit."),
    Trouble.WARNINGS: lambda own, _: MappingWarning(
        connection_id=own, kind="accounts", code="6000", used_by="configuration: journal", text="Choose another."
    ),
    Trouble.LAST_EXPORT: lambda own, _: ExportJob(
        connection_id=own, pleo_job_id="late", pleo_created_at=utcnow(), pleo_status="failed", phase="closed",
        found_by="poll", number_of_items=1, vendor_based=False, interactive=False, expires_in=1, claimed_at=utcnow(),
        failure_reason="The journal is gone.",
    ),
}  # fmt: skip
STATES: dict[Trouble, dict[str, Any]] = {
    Trouble.RECONNECT: {"status": "reconnect_needed"},
    Trouble.PAUSED: {"status": "paused"},
    Trouble.STUCK: {"status": "setting_up", "activation_refusal": {"code": "x", "text": "The journal is gone."}},
}


async def test_each_trouble_is_shown_and_found_and_only_where_it_is(face: Face, operator: httpx.AsyncClient) -> None:
    assert TROUBLES.keys() | STATES.keys() == set(Trouble)
    own = {trouble: uuid.uuid4() for trouble in Trouble}
    async with face.services.db.transaction() as session:
        for trouble, found in own.items():
            values = {"status": "active", **STATES.get(trouble, {})}
            session.add(
                Connection(
                    id=found, environment="custom", company_id=str(found), company_name=f"Company {trouble}",
                    auth_method="oauth", subject_urn="x", **values,
                )
            )  # fmt: skip
        await session.flush()
        for trouble, make in TROUBLES.items():
            job = None
            if trouble is Trouble.UNKNOWN:
                session.add(earlier := _job(own[trouble]))
                await session.flush()
                job = earlier.id
            if trouble is Trouble.FILES:
                session.add(_book(own[trouble]))
                await session.flush()
            session.add(make(own[trouble], job))
    for trouble, found in own.items():
        answer = await operator.get("/admin", params={"trouble": trouble.value})
        assert {str(each) for each in own.values() if str(each) in answer.text} == {str(found)}, trouble
        assert (await open_page(operator, f"/admin/connections/{found}")).headings[0][1] == f"Company {trouble}"
    page = await open_page(operator, "/admin?trouble=any")
    assert all(str(found) in page.html for found in own.values())
    assert f"{len(Trouble)}" in page.text


def _job(own: uuid.UUID) -> ExportJob:
    return ExportJob(
        id=uuid.uuid4(), connection_id=own, pleo_job_id=str(uuid.uuid4()), pleo_created_at=utcnow(),
        pleo_status="completed", phase="closed", found_by="poll", number_of_items=1, vendor_based=False,
        interactive=False, expires_in=1,
    )  # fmt: skip


async def test_a_long_list_goes_on_over_pages_within_its_filter(face: Face, operator: httpx.AsyncClient) -> None:
    async with face.services.db.transaction() as session:
        for number in range(60):
            session.add(
                Connection(
                    environment="custom", company_id=str(uuid.uuid4()), company_name=f"Number {number:02}",
                    auth_method="oauth", subject_urn="x", status="paused" if number % 10 else "setting_up",
                    created_at=utcnow() - dt.timedelta(hours=number),
                )
            )  # fmt: skip
    first = await open_page(operator, "/admin?status=paused&q=number")
    second = await open_page(operator, first.links["Older"])
    seen = [f"Number {number:02}" for number in range(60) if number % 10]
    assert [name for name in seen if name in first.text] == seen[:50]
    assert [name for name in seen if name in second.text] == seen[50:]
    assert "Older" not in second.links
    foreign = first.links["Older"].replace("status=paused", "status=active")
    assert (await operator.get(foreign)).status_code == 400


async def test_the_page_of_a_company_shows_it_whole_and_no_secret(face: Face, operator: httpx.AsyncClient) -> None:
    connection, job = await exported(face)
    page = await open_page(operator, f"/admin/connections/{connection}")
    for words in ("Active", "Version 1", "OAuth", "ACTIVATED", "v1.export-job.created", "Switched the connection on"):
        assert words in page.text, words
    assert f"/admin/exports/{job}" in page.addresses
    assert "Connected the accounting system" in page.text, "deeds have the words of the audit log"
    assert (await operator.get(f"/admin/connections/{uuid.uuid4()}")).status_code == 404


async def test_looking_and_syncing_are_queued_with_the_operators_name(face: Face, operator: httpx.AsyncClient) -> None:
    connection = await live(face)
    here = f"/admin/connections/{connection}"
    page = await open_page(operator, here)
    before = await one(face, text("select count(*) from procrastinate_jobs where status = 'todo'"))
    for action in [f"{here}/look", *(f"{here}/sync/{kind}" for kind in ("tags", "accounts", "tax_codes", "vendors"))]:
        (form,) = (found for found in page.forms if found.action == action)
        after = await press(operator, form)
        assert "queued" in after.text
    assert await one(face, text("select count(*) from procrastinate_jobs where status = 'todo'")) > before
    query = select(func.count()).select_from(AuditRecord).where(AuditRecord.actor == "admin:ada")
    assert await one(face, query.where(AuditRecord.action == "sync_requested")) == 4
    assert (await face.press(operator, f"{here}/sync/nothing")).status_code == 422


async def test_pausing_needs_a_reason_stops_work_at_once_and_is_taken_back_by_resuming(
    face: Face, operator: httpx.AsyncClient
) -> None:
    connection = await live(face)
    here = f"/admin/connections/{connection}"
    async with face.services.db.transaction() as session:
        session.add(
            Lease(
                connection_id=uuid.UUID(connection), holder="a worker", fence=7,
                expires_at=utcnow() + dt.timedelta(minutes=1),
            )
        )  # fmt: skip
    (form,) = (found for found in (await open_page(operator, here)).forms if found.action == f"{here}/pause")
    refused = await send(operator, form, reason=" x ", at_once="yes")
    assert refused.status_code == 422
    again = Page(refused.text)
    (kept,) = (found for found in again.forms if found.action == f"{here}/pause")
    assert kept.fields["reason"] == "x"
    assert kept.fields["at_once"] == "yes"
    assert await one(face, select(Connection.status)) == "active"

    page = await press(operator, form, reason="Looks odd.", at_once="yes")
    assert "Paused" in page.text
    assert "Looks odd." in page.text
    assert await one(face, select(Connection.paused_by)) == "operator"
    assert await one(face, select(func.max(Lease.fence))) == 8, "a worker's next write must be refused"
    assert f"{here}/look" not in [found.action for found in page.forms]
    assert "Looks odd." in (await open_page(face.browser, "/settings")).text

    (resume,) = (found for found in page.forms if found.action == f"{here}/resume")
    await press(operator, resume)
    assert await one(face, select(Connection.status)) == "active"
    late = await send(operator, resume)
    assert late.status_code == 303, "pressed twice"


async def test_pausing_without_the_box_lets_the_work_under_way_end(face: Face, operator: httpx.AsyncClient) -> None:
    connection = await live(face)
    before = await one(face, select(func.max(Lease.fence)))
    answer = await face.press(operator, f"/admin/connections/{connection}/pause", reason="Month's end.")
    assert answer.status_code == 303
    assert await one(face, select(func.max(Lease.fence))) == before


async def test_disconnecting_asks_for_the_name_to_be_typed(face: Face, operator: httpx.AsyncClient) -> None:
    connection = await live(face)
    here = f"/admin/connections/{connection}"
    name = await one(face, select(Connection.company_name))
    for typed in ("", name[:-1], name.upper() + "x"):
        refused = await face.press(operator, f"{here}/disconnect", name=typed)
        assert refused.status_code == 422
        assert "Nothing was changed." in refused.text
    assert await one(face, select(Connection.status)) == "active"
    done = await face.press(operator, f"{here}/disconnect", name=f" {name} ")
    assert done.status_code == 303
    assert await one(face, select(Connection.status)) == "disconnected"
    page = await open_page(operator, here)
    assert [found for found in page.forms if found.action.startswith(here)] == []


async def test_what_is_refused_is_told_on_the_page_it_was_pressed_on(face: Face, operator: httpx.AsyncClient) -> None:
    connection = await face.bound()
    answer = await face.press(operator, f"/admin/connections/{connection}/activate")
    assert answer.status_code == 409
    page = Page(answer.text)
    assert "Error" in page.title
    assert "onfigur" in page.text
    answer = await face.press(operator, f"/admin/connections/{connection}/look")
    assert answer.status_code == 409
    assert "only an active one" in answer.text


async def test_a_job_shows_its_timeline_and_its_items_by_state(face: Face, operator: httpx.AsyncClient) -> None:
    connection, job = await exported(face)
    page = await open_page(operator, "/admin/exports")
    assert f"/admin/exports/{job}" in page.addresses
    assert f"/admin/connections/{connection}" in page.addresses
    pleo_id = await one(face, select(ExportJob.pleo_job_id))
    for query in ({"job": pleo_id}, {"job": job}, {"connection": connection}):
        found = await operator.get("/admin/exports", params=query)
        assert f"/admin/exports/{job}" in found.text
    assert "Nothing matches." in (await open_page(operator, "/admin/exports?job=nothing")).text
    assert (await operator.get("/admin/exports?connection=nonsense")).status_code == 404
    assert (await operator.get("/admin/exports/nonsense")).status_code == 404
    page = await open_page(operator, f"/admin/exports/{job}")
    for words in ("Claimed", "Fetched", "Reported", pleo_id):
        assert words in page.text, words
    states = (await face.admin.get(f"/admin/api/export-jobs/{job}")).json()["items"]
    assert states["failed"] > 0
    failed = await open_page(operator, f"/admin/exports/{job}?state=failed")
    items = [path for path in failed.addresses if "/items/" in path]
    assert len(items) == states["failed"]


async def test_a_page_of_items_goes_on_behind_its_last(face: Face, operator: httpx.AsyncClient) -> None:
    connection = uuid.UUID(await face.connect())
    async with face.services.db.transaction() as session:
        session.add(job := _job(connection))
        await session.flush()
        session.add_all(
            ExportItem(
                job_id=job.id, accounting_entry_id=f"entry-{number:03}", connection_id=connection, position=number,
                state="booked" if number % 2 else "failed", failure_reason="x" * 600 if not number else None,
            )
            for number in range(130)
        )  # fmt: skip
    page = await open_page(operator, f"/admin/exports/{job.id}?state=booked")
    seen = []
    while True:
        seen += [path.rpartition("/")[2] for path in page.addresses if "/items/" in path]
        if "Older" not in page.links:
            break
        page = await open_page(operator, page.links["Older"])
    assert seen == [f"entry-{number:03}" for number in range(130) if number % 2]


async def test_an_item_is_settled_by_a_persons_word_and_taken_back_again(
    face: Face, operator: httpx.AsyncClient
) -> None:
    _, job = await exported(face)
    entry = str(await one(face, select(ExportItem.accounting_entry_id).where(ExportItem.state == "failed").limit(1)))
    here = f"/admin/exports/{job}/items/{entry}"
    page = await open_page(operator, here)
    by_action = {found.fields.get("action"): found for found in page.forms}
    assert by_action.keys() >= {"probe", "mark_booked"}
    assert "reverse" not in by_action

    for sent, words in (
        ({}, "Say which entry"),
        ({"reference": "EXP/1"}, "how you know"),
        ({"reason": "x"}, "3 to 1000"),
    ):
        refused = await send(operator, by_action["mark_booked"], **sent)
        assert refused.status_code == 422, sent
        assert words in Page(refused.text).text, sent
    page = await press(operator, by_action["mark_booked"], reference="EXP/2025/17", reason="Found in the journal.")
    assert "Marked as booked" in page.text
    assert "EXP/2025/17" in page.text
    assert "Found in the journal." in page.text
    posting = await one(face, select(Posting).where(Posting.accounting_entry_id == entry))
    assert (posting.state, posting.by_hand) == ("booked", True)

    (form,) = (found for found in page.forms if found.fields.get("action") == "mark_not_booked")
    refused = await send(operator, form, reason="It was another one.")
    assert refused.status_code == 422
    kept = {found.fields.get("action"): found for found in Page(refused.text).forms}
    assert kept["mark_not_booked"].fields["reason"] == "It was another one."
    await press(operator, form, reason="It was another one.", confirm="yes")
    assert await one(face, select(Posting.state).where(Posting.accounting_entry_id == entry)) == "not_booked"
    query = select(AuditRecord.actor).where(AuditRecord.action == "export_item.mark_not_booked")
    assert await one(face, query) == "admin:ada"


async def test_a_booked_item_is_taken_back_with_a_reason(face: Face, operator: httpx.AsyncClient) -> None:
    _, job = await exported(face)
    entry = str(await one(face, select(ExportItem.accounting_entry_id).where(ExportItem.state == "booked").limit(1)))
    page = await open_page(operator, f"/admin/exports/{job}/items/{entry}")
    (form,) = (found for found in page.forms if found.fields.get("action") == "reverse")
    assert (await send(operator, form, reason="Wrong account.")).status_code == 422
    answer = await send(operator, form, reason="Wrong account.", confirm="yes")
    if answer.status_code == 409:
        # What this accounting system cannot take back is told in its words.
        assert Page(answer.text).title.startswith("Error")
        return
    page = await open_page(operator, answer.headers["location"])
    assert "Taken back" in page.text
    assert "Wrong account." in page.text


async def test_an_unknown_outcome_of_any_company_is_one_press_from_being_known(
    face: Face, operator: httpx.AsyncClient
) -> None:
    _, job = await exported(face)
    entry = str(await one(face, select(ExportItem.accounting_entry_id).where(ExportItem.state == "booked").limit(1)))
    async with face.services.db.transaction() as session:
        with across_companies(session, "a test"):
            mine = Posting.accounting_entry_id == entry
            await session.execute(update(Posting).where(mine).values(state="unknown", booked_at=None))
            mine = ExportItem.accounting_entry_id == entry
            await session.execute(update(ExportItem).where(mine).values(state="unknown"))
    assert (await operator.get("/admin?trouble=unknown")).text.count(f"/admin/exports/{job}") == 1
    page = await open_page(operator, "/admin/unknown")
    (form,) = (found for found in page.forms if found.action.endswith(f"/items/{entry}"))
    after = await press(operator, form)
    assert "found in the accounting system" in after.text
    assert "Nothing is in doubt." in after.text
    assert await one(face, select(Posting.state).where(Posting.accounting_entry_id == entry)) == "booked"


async def test_a_doubt_whose_job_is_gone_says_so(face: Face, operator: httpx.AsyncClient) -> None:
    own = uuid.UUID(await face.connect())
    async with face.services.db.transaction() as session:
        session.add(job := _job(own))
        await session.flush()
        session.add(TROUBLES[Trouble.UNKNOWN](own, job.id))
    page = await open_page(operator, "/admin/unknown")
    assert "Its job was deleted" in page.text


async def test_a_sync_that_asks_is_allowed_from_its_page(face: Face, operator: httpx.AsyncClient) -> None:
    own = uuid.UUID(await live(face))
    async with face.services.db.transaction() as session:
        asking = SyncRun(
            connection_id=own, kind="accounts", trigger="schedule", status="needs_confirmation", to_archive=40,
            held=["a"], started_at=utcnow() + dt.timedelta(minutes=1), ended_at=utcnow(),
            problems=[{"record": "account 6000", "action": "archive", "code": "held", "text": "x" * 600}],
            problems_left_out=7,
        )  # fmt: skip
        session.add(asking)
    page = await open_page(operator, "/admin/syncs?status=needs_confirmation&kind=accounts")
    assert f"/admin/syncs/{asking.id}" in page.addresses
    page = await open_page(operator, f"/admin/syncs/{asking.id}")
    assert "7 more are left out" in page.text
    (form,) = (found for found in page.forms if found.action.endswith("/confirm"))
    assert form.buttons == ["Allow archiving 40 records"]
    assert "queued" in (await press(operator, form)).text
    assert await one(face, select(AuditRecord.actor).where(AuditRecord.action == "archiving_allowed")) == "admin:ada"
    newer = SyncRun(connection_id=own, kind="accounts", trigger="schedule", status="succeeded")
    newer.started_at = utcnow() + dt.timedelta(minutes=2)
    async with face.services.db.transaction() as session:
        session.add(newer)
    refused = await send(operator, form)
    assert refused.status_code == 409
    assert "A newer run has looked" in refused.text
    assert (await operator.get(f"/admin/syncs/{uuid.uuid4()}")).status_code == 404


async def test_a_broken_invariant_stands_first_and_leads_to_what_breaks_it(
    face: Face, operator: httpx.AsyncClient
) -> None:
    connection, job, entry = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    names = [invariant.name for invariant in ALL]
    async with face.services.db.transaction() as session:
        for name in names[:-2]:
            session.add(InvariantCheck(name=name, samples=[], violations=0, checked_at=utcnow(), tried_at=utcnow()))
        session.add(
            InvariantCheck(
                name=names[-2], samples=[f"{connection} job {job} entry {entry}"], violations=1, since=utcnow(),
                checked_at=utcnow(), tried_at=utcnow(),
            )
        )  # fmt: skip
    page = await open_page(operator, "/admin/invariants")
    assert page.headings[1][1] == ALL[-2].statement
    assert page.headings[2][1] == ALL[-1].statement, "what nobody knows comes next"
    for path in (f"/admin/connections/{connection}", f"/admin/exports/{job}", f"/admin/exports/{job}/items/{entry}"):
        assert path in page.addresses
    first = await open_page(operator, "/admin")
    assert "2 checks" in first.text


async def test_every_page_bears_very_long_words(face: Face, operator: httpx.AsyncClient, two: Two) -> None:
    await changed(face, Connection, company_name=LONG, status_reason="because " * 80)
    await changed(face, ExportItem, failure_reason="reason " * 90, internal="internal " * 90)
    await changed(face, Posting, total="12345678901234567.89", note="note " * 90, state="unknown")
    ids = two.mine.ids
    job = f"/admin/exports/{ids['job_id']}"
    for path in (
        "/admin", f"/admin/connections/{ids['connection_id']}", "/admin/exports", job, f"{job}/items/{ids['entry_id']}",
        f"{job}/items/{two.mine['booked']}", "/admin/unknown", "/admin/syncs", f"/admin/syncs/{ids['run_id']}",
        "/admin/invariants",
    ):  # fmt: skip
        page = await open_page(operator, path)
        assert [level for level, _ in page.headings].count("h1") == 1, path
