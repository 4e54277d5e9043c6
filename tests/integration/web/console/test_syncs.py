"""The customer's page of synchronisation: what is fresh, what ran, and the question before anything is archived."""

from __future__ import annotations

import uuid

import httpx
import pytest

from ledgerbridge.store.tables import SyncRun
from tests.integration.web.conftest import Face
from tests.integration.web.console.quick import live
from tests.support.html import look, press, send


async def row(face: Face, owner: str, **values: object) -> str:
    found = SyncRun(
        id=uuid.uuid4(), connection_id=uuid.UUID(owner), **{"kind": "accounts", "trigger": "activation", **values}
    )
    async with face.services.db.transaction() as session:
        session.add(found)
    return str(found.id)


ASKING = {
    "status": "needs_confirmation",
    "created": 3,
    "to_archive": 2,
    "held": ["a", "b"],
    "problems": [
        {
            "record": "account 6000 Rent",
            "action": "archive",
            "code": "needs_confirmation",
            "text": "It would be archived.",
        }
    ],
}


async def test_a_fresh_connection_shows_what_will_be_synchronised_and_no_button(face: Face) -> None:
    await face.bound()

    page = await look(face.browser, "/settings/syncs")

    assert "No run yet" in page.text
    assert "Nothing is synchronised while the connection is not active" in page.text
    assert [form.action for form in page.forms] == ["/settings/sign-out"]


async def test_synchronise_now_queues_the_same_run_as_the_schedule_and_says_so(face: Face) -> None:
    owner = await live(face)
    page = await look(face.browser, "/settings/syncs")

    after = await press(face.browser, page.form("/settings/syncs", kind="vendors"))

    assert "The synchronisation begins in a moment." in after.text
    audit = (await face.admin.get(f"/admin/api/audit?connection={owner}")).json()["data"]
    assert (audit[0]["action"], audit[0]["actor"], audit[0]["detail"]["kind"]) == (
        "sync_requested",
        "customer",
        "vendors",
    )
    again = await press(face.browser, page.form("/settings/syncs", kind="vendors"))
    assert "waiting for its turn already" in again.text


async def test_a_run_shows_what_it_did_and_what_needs_a_look(face: Face) -> None:
    owner = await live(face)
    run = await row(face, owner, **ASKING)

    overview = await look(face.browser, "/settings/syncs")
    page = await look(face.browser, f"/settings/syncs/{run}")

    assert "2 records of Pleo (Accounts) are not in your accounting system" in overview.text
    assert "account 6000 Rent" in page.text
    assert page.form(f"/settings/syncs/{run}").buttons == ["Archive these 2 records in Pleo"]


async def test_the_permission_is_for_what_was_shown_and_bears_the_customers_name(face: Face) -> None:
    owner = await live(face)
    run = await row(face, owner, **ASKING)
    page = await look(face.browser, f"/settings/syncs/{run}")

    after = await press(face.browser, page.form(f"/settings/syncs/{run}"))

    assert "will be archived in a moment" in after.text
    audit = (await face.admin.get(f"/admin/api/audit?connection={owner}")).json()["data"][0]
    assert (audit["action"], audit["actor"], audit["detail"]["most"]) == ("archiving_allowed", "customer", 2)


async def test_an_outdated_question_has_no_button_and_is_refused(face: Face) -> None:
    owner = await live(face)
    older = await row(face, owner, **ASKING)
    form = (await look(face.browser, f"/settings/syncs/{older}")).form(f"/settings/syncs/{older}")
    await row(face, owner, status="succeeded")

    page = await look(face.browser, f"/settings/syncs/{older}")
    answer = await send(face.browser, form)

    assert "A newer run has looked since" in page.text
    assert f"/settings/syncs/{older}" not in [one.action for one in page.forms]
    assert answer.status_code == 409


@pytest.mark.parametrize("how", ["no token", "another token", "another site", "nobody"])
async def test_no_other_site_can_press_it(face: Face, how: str) -> None:
    owner = await live(face)
    before = (await face.admin.get(f"/admin/api/audit?connection={owner}")).json()["data"]
    form = (await look(face.browser, "/settings/syncs")).form("/settings/syncs", kind="vendors")
    headers, data, browser = {}, dict(form.fields), face.browser
    match how:
        case "no token":
            data.pop("csrf")
        case "another token":
            data["csrf"] = "0" * 64
        case "another site":
            headers["origin"] = "https://evil.example"
        case "nobody":
            browser = face.anybody

    answer: httpx.Response = await browser.post("/settings/syncs", data=data, headers=headers)

    assert answer.status_code == (401 if how == "nobody" else 403)
    assert (await face.admin.get(f"/admin/api/audit?connection={owner}")).json()["data"] == before


async def test_a_run_of_another_company_is_not_there(face: Face) -> None:
    owner = await live(face)
    run = await row(face, owner, status="succeeded")
    assert (await face.anybody.get(f"/settings/syncs/{run}")).status_code == 401
    missing = await look(face.browser, f"/settings/syncs/{uuid.uuid4()}", 404)
    assert "There is no such run of your company." in missing.text


async def test_runs_come_in_pages(face: Face) -> None:
    owner = await live(face)
    for _ in range(25):
        await row(face, owner, status="succeeded")

    first = await look(face.browser, "/settings/syncs")
    second = await look(face.browser, first.links["Older"])

    runs = [path for page in (first, second) for path in page.addresses if path.startswith("/settings/syncs/")]
    assert len(runs) == len(set(runs)) >= 25
    assert second.links["Newest"] == "/settings/syncs"


async def test_the_stream_ends_at_once_when_nothing_runs(face: Face) -> None:
    await live(face)
    answer = await face.browser.get("/settings/syncs/live")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "event: piece" in answer.text
    assert answer.text.endswith("event: over\ndata: \n\n")
