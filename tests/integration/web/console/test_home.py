"""The customer's overview: how the connection stands, what went wrong and what to press."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Text, cast, delete, func, select, update
from sqlalchemy.dialects.postgresql import array

from ledgerbridge.clock import utcnow
from ledgerbridge.exports import glance
from ledgerbridge.store.tables import (
    ConfigVersion,
    Connection,
    ErpBinding,
    ExportItem,
    ExportItemCount,
    ExportJob,
    LinkPhase,
    MappingWarning,
    Posting,
    VendorLink,
)
from ledgerbridge.web.console.customer import home
from ledgerbridge.web.console.customer import warnings as warning_pages
from tests.integration.web.conftest import Face
from tests.integration.web.console.quick import live
from tests.integration.web.test_admin_jobs import Desk
from tests.support.erp_double import refused
from tests.support.html import look, press, send

NAVIGATES = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


async def change(face: Face, connection: str, **values: Any) -> None:
    async with face.services.db.transaction() as session:
        await session.execute(update(Connection).where(Connection.id == uuid.UUID(connection)).values(**values))


async def test_a_person_whose_company_never_went_live_is_taken_on_to_the_set_up(face: Face) -> None:
    await face.connect()
    went = await face.browser.get("/settings", headers=NAVIGATES)
    assert (went.status_code, went.headers["location"]) == (303, "/settings/setup")
    page = await look(face.browser, "/settings")
    assert page.links["Continue the set-up"] == "/settings/setup"
    assert "Connect the accounting system." in page.text


async def test_a_live_company_sees_its_overview(face: Face) -> None:
    await live(face)
    page = await face.browser.get("/settings", headers=NAVIGATES)
    assert page.status_code == 200
    assert "Exports from Pleo are booked as soon as somebody presses Export" in page.text
    assert "No export yet." in page.text


@pytest.mark.parametrize(
    ("values", "words", "button"),
    [
        ({"status": "paused", "status_reason": "The year is being closed.", "paused_by": "operator"},
         "The year is being closed.", None),
        ({"status": "paused", "status_reason": "Pleo no longer lets us in.", "paused_by": "watch"},
         "Pleo no longer lets us in.", "/connect"),
        ({"status": "reconnect_needed", "status_reason": "The grant ended."}, "Connect again", "/connect"),
        ({"status": "setting_up"}, "The set-up is not finished", "/settings/setup"),
    ],
    ids=["paused", "paused-by-the-watch", "reconnect", "set-up-again"],
)  # fmt: skip
async def test_each_state_says_what_it_means_and_what_to_press(
    face: Face, values: dict[str, Any], words: str, button: str | None
) -> None:
    connection = await live(face)
    await change(face, connection, **values)
    page = await look(face.browser, "/settings")
    assert words in page.text
    assert "/settings/check" not in [form.action for form in page.forms]
    if button:
        assert button in page.addresses


async def test_check_now_queues_a_look_once_and_says_so(face: Face) -> None:
    connection = await live(face)
    page = await look(face.browser, "/settings")
    first = await press(face.browser, page.form("/settings/check"))
    assert "Looking for exports" in first.text or "already waiting" in first.text
    again = await press(face.browser, first.form("/settings/check"))
    assert "already waiting for its turn" in again.text
    audit = (await face.admin.get(f"/admin/api/audit?connection={connection}")).json()["data"]
    assert (audit[0]["actor"], audit[0]["action"]) == ("customer", "export_look_requested")


async def test_what_was_pressed_on_a_page_of_before_is_refused_in_words(face: Face) -> None:
    connection = await live(face)
    form = (await look(face.browser, "/settings")).form("/settings/check")
    await change(face, connection, status="paused", status_reason="Stop", paused_by="operator")
    answer = await send(face.browser, form)
    assert answer.status_code == 409
    assert "The connection is not active by now" in answer.text


async def test_figures_and_failures_are_those_of_the_last_days(face: Face) -> None:
    desk = Desk(face, await live(face))
    face.books.before["book"] = [refused("Choose a cost centre")]
    job = await desk.export("fee", "fee", "fee")
    page = await look(face.browser, "/settings")
    assert "3 items: 2 booked, 1 failed" in page.text
    assert "Choose a cost centre" in page.text
    assert "<dt>Booked</dt><dd>2</dd>" in page.html
    assert "<dt>Failed</dt><dd>1</dd>" in page.html
    (failed,) = (await desk.get(f"/export-jobs/{job['id']}/items", state="failed"))["data"]
    await desk.export(entries=[failed["id"]])
    mended = await look(face.browser, "/settings")
    assert "Choose a cost centre" not in mended.text, "it is booked since"
    assert "<dt>Failed</dt><dd>1</dd>" in mended.html
    async with face.services.db.transaction() as session:
        old = ExportJob.connection_id == uuid.UUID(desk.connection_id)
        await session.execute(
            update(ExportJob).where(old).values(pleo_created_at=utcnow() - dt.timedelta(days=31), counted=False)
        )
    later = await look(face.browser, "/settings")
    assert "<dt>Booked</dt><dd>0</dd>" in later.html
    assert "3 items: 2 booked, 1 failed" in later.text, "a job of an earlier release is counted as it is looked at"


async def test_a_job_of_an_earlier_release_counts_in_the_figures(face: Face) -> None:
    desk = Desk(face, await live(face))
    await desk.export("fee")
    async with face.services.db.transaction() as session:
        mine = ExportJob.connection_id == uuid.UUID(desk.connection_id)
        await session.execute(update(ExportJob).where(mine).values(counted=False))
        await session.execute(
            delete(ExportItemCount).where(ExportItemCount.connection_id == uuid.UUID(desk.connection_id))
        )
    assert "<dt>Booked</dt><dd>1</dd>" in (await look(face.browser, "/settings")).html


async def test_what_needs_a_look_is_counted_and_listed(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(face, await live(face))
    owner = uuid.UUID(desk.connection_id)
    quiet = await look(face.browser, "/settings/warnings")
    for words in ("Every outcome is known.", "Everything that is in use is there.", "No vendor waits.",
                  "No bill or payment waits"):  # fmt: skip
        assert words in quiet.text
    await desk.export("fee", "fee")
    async with face.services.db.transaction() as session:
        await session.execute(update(Posting).where(Posting.connection_id == owner).values(state="unknown"))
        session.add_all([
            MappingWarning(connection_id=owner, kind="accounts", code="5820", text="Choose another account.",
                           used_by="configuration: accounts.wallet.DKK"),
            MappingWarning(connection_id=owner, kind="accounts", code="6810", text="Choose.", used_by="category"),
            VendorLink(connection_id=owner, pleo_id="vendor-1", code="V-17", phase=LinkPhase.PARKED,
                       note="Two suppliers have this VAT number."),
        ])  # fmt: skip
    page = await look(face.browser, "/settings")
    for words in ("2 expenses may or may not be booked", "2 things the settings or categories use",
                  "1 vendor waits for a decision"):  # fmt: skip
        assert words in page.text

    listed = await look(face.browser, page.links["Look at the warnings"])

    assert "Settings: Pleo wallet in DKK" in listed.text
    assert "A category in Pleo" in listed.text
    assert "Two suppliers have this VAT number." in listed.text
    monkeypatch.setattr(warning_pages, "PAGE", 1)
    first = await look(face.browser, "/settings/warnings")
    older = next(one for one in first.addresses if one.startswith("/settings/warnings?unknown="))
    second = await look(face.browser, older)
    probes = [[form.action for form in one.forms if "probe" in form.action] for one in (first, second)]
    assert len(probes[0]) == len(probes[1]) == 1
    assert probes[0] != probes[1]


async def test_limits_of_the_accounting_system_are_told(face: Face) -> None:
    connection = await live(face)
    limits = "In the accounting system the integration user may not match lines."
    async with face.services.db.transaction() as session:
        mine = ErpBinding.connection_id == uuid.UUID(connection)
        await session.execute(update(ErpBinding).where(mine).values(limits=limits))
    assert limits in (await look(face.browser, "/settings")).text


async def test_a_name_of_two_hundred_characters_and_a_state_of_pleos_own_are_shown(face: Face) -> None:
    desk = Desk(face, await live(face))
    await desk.export("fee")
    name = "Å<i>" * 50
    await change(face, desk.connection_id, company_name=name)
    async with face.services.db.transaction() as session:
        mine = ExportJob.connection_id == uuid.UUID(desk.connection_id)
        await session.execute(update(ExportJob).where(mine).values(pleo_status="archived_by_pleo"))
    page = await look(face.browser, "/settings")
    assert name in page.text
    assert "Archived by pleo" in page.text


async def test_a_list_that_is_switched_off_has_no_button(face: Face) -> None:
    connection = await live(face)
    body = (await face.admin.get(f"/admin/api/connections/{connection}/config")).json()
    body["syncs"]["vendors"]["enabled"] = False
    assert (await face.admin.put(f"/admin/api/connections/{connection}/config", json=body)).status_code == 200
    page = await look(face.browser, "/settings")
    kinds = [form.fields["kind"] for form in page.forms if form.action == "/settings/syncs"]
    assert kinds == ["tax_codes", "accounts", "tags"]
    assert "Switched off in the configuration." in page.text


@pytest.mark.parametrize(
    ("zone", "told"),
    [("Europe/Copenhagen", r"CES?T"), ("Asia/Kathmandu", r"UTC\+0545"), ("Nowhere/At all", "UTC")],
    ids=["by-its-name", "by-its-distance", "one-nobody-knows"],
)
async def test_times_are_those_of_the_company_and_say_so(face: Face, zone: str, told: str) -> None:
    connection = await live(face)
    async with face.services.db.transaction() as session:
        body = func.jsonb_set(ConfigVersion.body, array(["time_zone"]), func.to_jsonb(cast(zone, Text)))
        await session.execute(update(ConfigVersion).values(body=body))
        since = await session.scalar(select(Connection.created_at).where(Connection.id == uuid.UUID(connection)))
    assert since is not None
    here = since.astimezone(ZoneInfo(zone) if told != "UTC" else dt.UTC)
    page = await look(face.browser, "/settings")
    assert re.search(rf"{here:%d %b %Y, %H:%M} {told}(?!\w)", page.text)


async def test_what_failed_earlier_stays_in_sight_however_many_exports_came_since(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(face, await live(face))
    face.books.before["book"] = [refused("Choose a cost centre")]
    await desk.export("fee")
    await desk.export("fee")
    await desk.export("zero_amount")
    monkeypatch.setattr(home, "JOBS", 1)
    page = await look(face.browser, "/settings")
    assert "Choose a cost centre" in page.text
    assert "1 item: 1 with nothing to book" in page.text
    assert "<dt>Booked</dt><dd>1</dd>" in page.html, "where nothing was to book, nothing is booked"
    monkeypatch.setattr(glance, "MOST_FAILING", 0)
    assert "More expenses failed" in (await look(face.browser, "/settings")).text
    monkeypatch.setattr(home, "DAYS", 0)
    assert "More expenses failed" not in (await look(face.browser, "/settings")).text


async def test_a_reason_that_tells_of_our_settings_leads_there(face: Face) -> None:
    desk = Desk(face, await live(face))
    job = await desk.export("fee")
    async with face.services.db.transaction() as session:
        await session.execute(
            update(ExportItem)
            .where(ExportItem.job_id == uuid.UUID(job["id"]))
            .values(state="failed", failure="period_closed", failure_reason="The period is closed.")
        )
        await session.execute(update(Posting).values(state="not_booked"))
    for path in ("/settings", f"/settings/exports/{job['id']}"):
        assert (await look(face.browser, path)).links["Open the set-up"] == "/settings/setup"
