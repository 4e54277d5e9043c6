"""Before going live and on the way: what would happen is shown and nothing written, then progress, and the way back."""

from __future__ import annotations

import uuid
from dataclasses import replace

from sqlalchemy import text

from ledgerbridge.syncs.enqueue import FIRST
from ledgerbridge.syncs.first import first_syncs
from tests.integration.web.conftest import Face
from tests.support.html import Page, look, press, send
from tests.support.rig import CONFIGURATION

PREVIEW, ACTIVATE = "/settings/setup/preview", "/settings/setup/activate"


async def configured(face: Face) -> str:
    found = await face.bound()
    put = await face.admin.put(f"/admin/api/connections/{found}/config", json=CONFIGURATION)
    assert put.status_code == 200, put.text
    return found


async def rows(face: Face) -> dict[str, int]:
    """How many rows each table holds."""
    async with face.services.db.reading() as session:
        names = await session.scalars(
            text("select relname from pg_stat_user_tables where relname not in ('rate_budgets', 'browser_sessions')")
        )
        return {name: await session.scalar(text(f"select count(*) from {name}")) or 0 for name in names}


def pleo_writes(face: Face) -> list[str]:
    """Calls that changed something at Pleo."""
    return [
        f"{one.method} {one.path}"
        for one in list(face.pleo.running.sandbox.world.recorder.requests)
        if one.method != "GET" and not one.path.endswith("search") and one.path.startswith("/v")
    ]


async def test_an_unfinished_set_up_says_what_is_missing(face: Face) -> None:
    await face.connect()
    for path in (PREVIEW, ACTIVATE):
        page = await look(face.browser, path)
        assert "the following steps have to be finished" in page.text
        assert "/settings/setup/erp" in page.addresses
        assert [form.action for form in page.forms] == ["/settings/sign-out"]


async def test_the_preview_without_script_shows_the_first_syncs_and_writes_nothing(face: Face) -> None:
    await configured(face)
    before, sent = await rows(face), pleo_writes(face)

    waiting = await look(face.browser, PREVIEW)
    page = await look(face.browser, f"{PREVIEW}?look=1")

    assert "Reading both sides" in waiting.text
    assert "Reading both sides" not in page.text
    assert "To create" in page.text
    assert "No export waits in Pleo just now" in page.text
    assert (await rows(face), pleo_writes(face)) == (before, sent)


async def test_the_preview_follows_kind_by_kind_and_ends(face: Face) -> None:
    await configured(face)
    answer = await face.browser.get(f"{PREVIEW}/live")
    assert answer.text.count("event: piece") >= 4
    assert answer.text.endswith("event: over\ndata: \n\n")


async def test_going_live_shows_the_progress_and_leads_back_to_pleo(face: Face) -> None:
    owner = await configured(face)
    page = await look(face.browser, ACTIVATE)

    under_way = await press(face.browser, page.form(ACTIVATE))

    assert "Your lists go to Pleo" in under_way.text
    assert 'http-equiv="refresh"' in under_way.html
    await first_syncs(face.services.syncs, uuid.UUID(owner))
    async with face.services.db.transaction() as session:
        await session.execute(text("delete from procrastinate_jobs where task_name = :name"), {"name": FIRST})
    done = await look(face.browser, ACTIVATE)
    assert "You are live" in done.text
    assert done.links["Back to Pleo"] == face.pleo.url
    answer = await face.browser.get(f"{ACTIVATE}/live")
    assert answer.text.endswith("event: over\ndata: \n\n")


async def test_what_stands_against_it_is_told_in_words(face: Face) -> None:
    await configured(face)
    page = await look(face.browser, ACTIVATE)
    gone = CONFIGURATION["accounts"]["out_of_pocket"]
    left = tuple(one for one in face.books.chart.accounts if one.code != gone)
    face.books.chart = replace(face.books.chart, accounts=left)

    answer = await send(face.browser, page.form(ACTIVATE))

    assert answer.status_code == 409
    told = Page(answer.text)
    assert "Correct it, then activate again" in told.text
    assert told.form(ACTIVATE).buttons == ["Activate"]


async def test_what_operations_paused_is_not_made_active_by_the_customer(face: Face) -> None:
    connection = await face.active()
    page = await look(face.browser, ACTIVATE)
    csrf = page.form("/settings/sign-out").fields["csrf"]
    async with face.services.db.transaction() as session:
        paused = "update connections set status = 'paused', paused_by = 'operator', status_reason = 'Booked twice?'"
        await session.execute(text(paused))

    page = await look(face.browser, ACTIVATE)
    answer = await face.browser.post(ACTIVATE, data={"csrf": csrf})

    assert ACTIVATE not in [form.action for form in page.forms]
    assert "Booked twice?" in page.text
    assert answer.status_code == 409
    assert "We have paused this connection" in answer.text
    shown = (await face.admin.get(f"/admin/api/connections/{connection}")).json()
    assert shown["status"] == "paused"
