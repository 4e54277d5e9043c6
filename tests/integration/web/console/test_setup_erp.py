"""The first step of the set-up: an access is tried, a company chosen and pinned, and the key never shown again."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from sqlalchemy import text

from ledgerbridge.clock import utcnow
from ledgerbridge.erp.port import ErpCompany
from ledgerbridge.store.tables import Posting, PostingState
from ledgerbridge.web.limiting import ALLOWED, Limit
from pleo_sandbox.config import SECOND_COMPANY_ID
from tests.integration.web.conftest import ERP_SETTINGS, Face
from tests.integration.web.console.walking import ACCESS, HERE, Walker, errors_of, where
from tests.support.canaries import canary
from tests.support.erp_double import down
from tests.support.html import Page

KEY = str(ERP_SETTINGS["api_key"])
ERP = f"{HERE}/erp"
SECOND = ErpCompany("2", "Demo BV", None, "EUR")


@pytest.fixture
async def walker(face: Face) -> Walker:
    return Walker(face, face.browser, await face.connect())


async def sealed(walker: Walker) -> bool:
    """Whether a key under test is kept."""
    async with walker.face.services.db.transaction() as session:
        found = await session.execute(
            text("select settings_sealed is not null from setup_drafts where connection_id = :connection_id"),
            {"connection_id": walker.connection},
        )
        return bool(found.scalar())


async def test_the_form_is_drawn_from_what_the_adapter_asks_for(walker: Walker) -> None:
    form = (await walker.at("erp")).form(ERP)
    asked = [name for name in form.fields if name.startswith("settings.")]
    assert asked == ["settings.base_url", "settings.database", "settings.api_key", "settings.branch"]
    assert "Branch (optional)" in form.words


async def test_the_companies_of_an_access_are_told_apart_by_name_and_number(face: Face, walker: Walker) -> None:
    face.books.more_companies = [SECOND]
    assert where(await walker.send("erp", "test", fields=ACCESS)) == ERP
    page = await walker.at("erp")
    form = page.form(f"{ERP}/company")
    assert form.options["company"] == ["1", "2"]
    assert "company" not in form.fields, "with several nothing is chosen beforehand"
    assert "Registration number 41414141, books in DKK" in page.text
    assert "Demo BV Books in EUR" in page.text
    assert where(await walker.choose("1")) == f"{HERE}/accounts"
    bound = (await face.admin.get(f"/admin/api/connections/{walker.connection}")).json()["erp"]
    assert (bound["company"]["name"], bound["company"]["registration_number"]) == ("Demo ApS", "41414141")
    assert not await sealed(walker), "the tested key is kept once"
    assert await walker.draft() == {}
    shown = await walker.at("erp")
    assert "Demo ApS" in shown.text
    assert "A key is stored" in shown.text
    assert shown.form(ERP).fields["settings.api_key"] == ""
    assert shown.form(ERP).fields["settings.base_url"] == ERP_SETTINGS["base_url"]
    assert not [one for one in walker.seen if KEY in one], "the key was rendered back"


async def test_one_company_alone_is_chosen_beforehand_but_bound_only_by_a_press(face: Face, walker: Walker) -> None:
    await walker.send("erp", "test", fields=ACCESS)
    assert (await walker.at("erp")).form(f"{ERP}/company").fields["company"] == "1"
    assert (await face.admin.get(f"/admin/api/connections/{walker.connection}")).json()["erp"] is None


async def test_a_fault_is_told_beside_its_field_and_nothing_has_to_be_entered_twice(face: Face, walker: Walker) -> None:
    face.books.refused_keys.add(KEY)
    answer = await walker.send("erp", "test", fields=ACCESS)
    assert answer.status_code == 422
    assert errors_of(answer)["settings.api_key"] == "This key is refused."
    assert KEY not in answer.text
    form = Page(answer.text).form(ERP)
    assert form.fields["settings.base_url"] == ERP_SETTINGS["base_url"]
    good = canary("second key of the ERP")
    assert where(await walker.send("erp", "test", fields={"settings.api_key": good})) == ERP
    assert where(await walker.choose()) == f"{HERE}/accounts"


async def test_an_erp_that_is_away_keeps_the_key_for_the_next_test(face: Face, walker: Walker) -> None:
    face.books.before["companies"] = [down()]
    answer = await walker.send("erp", "test", fields=ACCESS)
    assert answer.status_code == 422
    assert "Failed to reach" in Page(answer.text).text
    assert await sealed(walker)
    assert where(await walker.send("erp", "test")) == ERP, "tested again without entering anything"
    assert where(await walker.choose()) == f"{HERE}/accounts"


async def test_kept_for_later_without_a_test_and_gone_on_with_in_another_session(face: Face, walker: Walker) -> None:
    assert where(await walker.send("erp", "later", fields=ACCESS)) == "/settings"
    assert face.books.calls["companies"] == 0
    face.browser.cookies.clear()
    await face.connect()
    form = (await walker.at("erp")).form(ERP)
    assert form.fields["settings.database"] == ERP_SETTINGS["database"]
    assert where(await walker.send("erp", "test")) == ERP
    assert where(await walker.send("erp", "discard")) == ERP
    assert not await sealed(walker)
    assert (await walker.at("erp")).form(ERP).fields["settings.database"] == ""


@pytest.mark.parametrize("kept", ["under test", "bound"])
async def test_a_stored_key_is_never_sent_to_another_address(face: Face, walker: Walker, kept: str) -> None:
    """Or whoever has the session could have it sent to themselves."""
    if kept == "bound":
        await walker.bind()
    else:
        await walker.send("erp", "test", fields=ACCESS)
    asked = face.books.calls["companies"]
    for step in ("later", "test"):
        answer = await walker.send("erp", step, fields={"settings.base_url": "https://evil.example"})
    assert answer.status_code == 422
    assert errors_of(answer)["settings.api_key"] == "Enter “Key” again, because this changed: Address."
    assert face.books.calls["companies"] == asked
    back = await walker.send("erp", "test", fields={"settings.base_url": ERP_SETTINGS["base_url"]})
    assert back.status_code == 303, "at the place it was entered for it may be used again"


async def test_a_company_that_was_not_shown_cannot_be_chosen(walker: Walker) -> None:
    await walker.send("erp", "test", fields=ACCESS)
    for answer in (await walker.choose("99"), await walker.choose("")):
        assert answer.status_code == 422
        assert "Choose" in errors_of(answer)["company"]


async def test_a_list_that_another_tab_replaced_binds_nothing(face: Face, walker: Walker) -> None:
    """Company 1 of one database is not company 1 of another."""
    await walker.send("erp", "test", fields=ACCESS)
    old = (await walker.at("erp")).form(f"{ERP}/company").fields
    face.books.company = replace(face.books.company, name="Other ApS")
    await walker.send("erp", "test", fields=ACCESS | {"settings.database": "other"})
    answer = await face.browser.post(f"{ERP}/company", data=old)
    assert answer.status_code == 422
    page = Page(answer.text)
    assert "tested anew meanwhile" in page.text
    assert "Other ApS" in page.text
    assert (await face.admin.get(f"/admin/api/connections/{walker.connection}")).json()["erp"] is None


async def test_moving_after_something_was_booked_asks_first(face: Face) -> None:
    walker = Walker(face, face.browser, await face.active())
    async with face.services.db.transaction() as session:
        session.add(
            Posting(
                connection_id=uuid.UUID(walker.connection), accounting_entry_id="e", state=PostingState.BOOKED,
                total="10.00", currency="DKK", config_version=1, fence=1, erp_kind="double", intended_at=utcnow(),
            )
        )  # fmt: skip
    face.books.company = replace(face.books.company, id="2", name="Second ApS")
    await walker.send("erp", "test", fields=ACCESS)
    answer = await walker.choose("2")
    assert answer.status_code == 422
    assert "already booked in Demo ApS (41414141)" in errors_of(answer)["confirm"]
    done = await walker.choose("2", confirm="yes")
    assert where(done) == f"{HERE}/accounts"
    assert "another company than before" in Page((await face.browser.get(done.headers["location"])).text).text


async def test_a_company_of_somebody_else_is_refused_in_words(face: Face, walker: Walker) -> None:
    await walker.bind()
    second = Walker(face, face.browser)
    second.connection = await face.connect(SECOND_COMPANY_ID)
    await second.send("erp", "test", fields=ACCESS)
    answer = await second.choose()
    assert answer.status_code == 422
    assert "already connected to another Pleo company" in Page(answer.text).text


async def test_one_company_cannot_have_us_call_everywhere(face: Face, walker: Walker) -> None:
    form = (await walker.at("erp")).form(ERP).fields | ACCESS | {"press": "test"}
    most = int(ALLOWED[Limit.TRY].partition("/")[0])
    seen = [(await face.browser.post(ERP, data=form)).status_code for _ in range(most + 1)]
    assert seen == [303] * most + [429]
    assert face.books.calls["companies"] == most
