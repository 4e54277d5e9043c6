"""The walk through the set-up: it can be left anywhere and gone on with, and what is finished comes into force."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text

from ledgerbridge.connections import setup
from tests.integration.web.conftest import ERP_SETTINGS, Face
from tests.integration.web.console.walking import ACCOUNTS, HERE, Walker, errors_of, where
from tests.integration.web.two_companies import two_companies
from tests.support.erp_double import CODES, down
from tests.support.html import Page


@pytest.fixture
async def walker(face: Face) -> Walker:
    connection = await face.connect()
    return Walker(face, face.browser, connection)


class Killed(BaseException):
    """Stands for the end of our process."""


async def again(face: Face, walker: Walker) -> Walker:
    """The same person tomorrow: a new session of the same company."""
    face.browser.cookies.clear()
    await face.connect()
    return Walker(face, face.browser, walker.connection)


async def test_a_finance_admin_walks_from_connect_to_the_preview(face: Face, walker: Walker) -> None:
    assert where(await face.browser.get(HERE)) == f"{HERE}/erp"
    await walker.bind()
    assert where(await face.browser.get(HERE)) == f"{HERE}/accounts"
    assert where(await walker.send("accounts", fields=ACCOUNTS)) == f"{HERE}/posting"
    assert where(await walker.send("posting", fields={"posting_mode": "final"})) == f"{HERE}/dimensions"
    assert where(await walker.send("dimensions", lists={"dimensions": ["CC"]})) == f"{HERE}/syncs"
    assert await walker.config() is None, "answers wait until they are whole"
    assert where(await walker.send("syncs", fields={"syncs.tags.every": "1440"})) == f"{HERE}/preview"
    config = await walker.config()
    assert config is not None
    assert (config["version"], config["created_by"]) == (1, "customer")
    assert config["journal"] == "EXP"
    assert config["accounts"] == {
        "wallet": {"*": CODES["wallet"]},
        "out_of_pocket": CODES["out_of_pocket"],
        "contra": CODES["contra"],
        "external_reimbursement": CODES["external_reimbursement"],
        "payable": None,
    }
    assert (config["posting_mode"], config["closed_period"], config["time_zone"]) == (
        "final",
        "fail",
        "Europe/Copenhagen",
    )
    assert config["dimensions"] == ["CC"]
    assert config["syncs"]["tags"] == {"enabled": True, "every_minutes": 1440}
    assert await walker.draft() == {}, "what is in force waits no longer"
    assert where(await face.browser.get(HERE)) == f"{HERE}/preview"
    assert not [one for one in walker.seen if str(ERP_SETTINGS["api_key"]) in one], "the key was rendered back"


async def test_what_was_entered_survives_a_new_session_half_finished_or_not(face: Face, walker: Walker) -> None:
    await walker.bind()
    await walker.send("accounts", fields=ACCOUNTS)
    assert (
        where(await walker.send("posting", "later", fields={"posting_mode": "final", "time_zone": ""})) == "/settings"
    )
    tomorrow = await again(face, walker)
    assert where(await face.browser.get(HERE)) == f"{HERE}/posting"
    accounts, posting = await tomorrow.at("accounts"), await tomorrow.at("posting")
    assert accounts.form(f"{HERE}/accounts").fields.items() >= ACCOUNTS.items()
    assert posting.form(f"{HERE}/posting").fields["posting_mode"] == "final"
    assert posting.form(f"{HERE}/posting").fields["time_zone"] == "", "what was taken out stays out"
    assert "Not finished" in posting.text
    assert "Not finished" not in accounts.text
    assert where(await tomorrow.send("posting", "discard")) == f"{HERE}/posting"
    assert (await tomorrow.at("posting")).form(f"{HERE}/posting").fields["posting_mode"] == "draft"


async def test_a_step_with_a_fault_keeps_what_was_entered(face: Face, walker: Walker) -> None:
    await walker.bind()
    wrong = ACCOUNTS | {"accounts.out_of_pocket": CODES["wallet"]}
    answer = await walker.send("accounts", fields=wrong)
    assert answer.status_code == 422
    assert "must differ" in errors_of(answer)["accounts.out_of_pocket"]
    form = (await (await again(face, walker)).at("accounts")).form(f"{HERE}/accounts")
    assert form.fields.items() >= wrong.items()
    assert where(await face.browser.get(HERE)) == f"{HERE}/accounts", "a faulty step is not finished"


async def test_two_tabs_on_two_steps_lose_nothing_of_each_other(face: Face, walker: Walker) -> None:
    await walker.bind()
    one = (await walker.at("accounts")).form(f"{HERE}/accounts").fields
    other = (await walker.at("syncs")).form(f"{HERE}/syncs").fields
    first = await face.browser.post(f"{HERE}/syncs", data=other | {"press": "save", "syncs.tags.enabled": ""})
    second = await face.browser.post(f"{HERE}/accounts", data=one | ACCOUNTS | {"press": "save"})
    assert (first.status_code, second.status_code) == (303, 303)
    assert set(await walker.draft()) == {"syncs", "accounts"}
    for step in ("posting", "dimensions"):
        await walker.send(step)
    config = await walker.config()
    assert config is not None
    assert config["syncs"]["tags"]["enabled"] is False


async def test_an_erp_that_is_away_takes_nothing_and_a_second_try_goes_on(face: Face, walker: Walker) -> None:
    await walker.bind()
    form = (await walker.at("accounts")).form(f"{HERE}/accounts").fields
    face.books.before["chart"] = [down(), down()]
    answer = await face.browser.post(f"{HERE}/accounts", data=form | ACCOUNTS | {"press": "save"})
    assert answer.status_code == 422
    page = Page(answer.text)
    assert "could not be checked" in page.text
    assert "Failed to reach the Accounting System" in page.text
    assert page.links["Try again"] == f"{HERE}/accounts"
    assert CODES["out_of_pocket"] in page.text, "what was chosen is shown though nothing can be chosen"
    shown = (await walker.at("accounts")).form(f"{HERE}/accounts").fields
    assert shown.items() >= ACCOUNTS.items()
    assert where(await walker.send("accounts")) == f"{HERE}/posting"


async def test_a_death_between_the_version_and_the_clearing_of_the_draft_makes_no_second_version(
    face: Face, walker: Walker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await walker.bind()

    async def dies(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(setup, "_clear", dies)
        with pytest.raises(Killed):
            await walker.configure()
    assert set(await walker.draft()) == {"accounts", "posting", "dimensions", "syncs"}
    assert (await walker.config() or {})["version"] == 1
    assert where(await walker.send("syncs")) == f"{HERE}/preview"
    assert (await walker.config() or {})["version"] == 1
    assert await walker.draft() == {}


async def test_after_going_live_every_saved_step_is_a_version_and_an_unchanged_one_is_none(face: Face) -> None:
    walker = Walker(face, face.browser, await face.active())
    page = await walker.at("")
    assert page.title.startswith("Set-up")
    assert {"Change: Accounts", "Change: Synchronisation"} <= set(page.links)
    assert "Journal EXP Expense" in page.text
    face.books.before["chart"] = [down()]
    assert "EXP Expense" not in (await walker.at("")).text, "codes alone, but the page all the same"
    answer = await walker.send("posting", fields={"closed_period": "next_open"})
    assert answer.headers["location"].endswith("?done=setup.flash.in_force")
    config = await walker.config()
    assert config is not None
    assert (config["version"], config["closed_period"], config["created_by"]) == (2, "next_open", "customer")
    assert "counts for everything" in Page((await face.browser.get(answer.headers["location"])).text).text
    answer = await walker.send("posting")
    assert answer.headers["location"].endswith("?done=common.flash.nothing_changed")
    assert (await walker.config() or {})["version"] == 2
    kept = await walker.send("posting", "later", fields={"posting_mode": "final"})
    page = Page((await face.browser.get(kept.headers["location"])).text)
    assert "Kept, and not in force yet." in page.text
    assert "It is not in force." in page.text
    assert (await walker.config() or {})["version"] == 2


async def test_a_fault_elsewhere_names_its_step_and_nothing_changes(face: Face) -> None:
    """The journal was removed in the accounting system after going live."""
    walker = Walker(face, face.browser, await face.active())
    form = (await walker.at("posting")).form(f"{HERE}/posting").fields
    face.books.chart = replace(face.books.chart, journals=())
    answer = await face.browser.post(f"{HERE}/posting", data=form | {"press": "save", "closed_period": "today"})
    assert answer.status_code == 422
    assert "Accounts: Journal EXP does not exist" in Page(answer.text).text
    assert (await walker.config() or {})["version"] == 1
    page = await walker.at("posting")
    assert page.form(f"{HERE}/posting").fields["closed_period"] == "today"
    assert "Not finished" in page.text, "it looks as if it counted"
    assert "It is not in force" in (await walker.at("")).text


async def test_a_key_that_cannot_be_read_any_more_is_entered_anew(face: Face) -> None:
    walker = Walker(face, face.browser, await face.active())
    async with face.services.db.transaction() as session:
        await session.execute(
            text("update erp_bindings set settings_sealed = 'broken' where connection_id = :connection_id"),
            {"connection_id": walker.connection},
        )
    for step in ("accounts", "posting", "dimensions"):
        assert "Enter the access to the accounting system again" in (await walker.at(step)).text
    await walker.at("syncs")
    await walker.bind()
    assert "cannot be read" not in (await walker.at("accounts")).text


async def test_somebody_elses_change_meanwhile_is_kept(face: Face) -> None:
    """A step changes its own members of the newest version, whatever it was opened on."""
    walker = Walker(face, face.browser, await face.active())
    form = (await walker.at("syncs")).form(f"{HERE}/syncs").fields
    config = await walker.config() or {}
    put = await face.admin.put(
        f"/admin/api/connections/{walker.connection}/config", json=config | {"posting_mode": "draft"}
    )
    assert put.status_code == 200
    answer = await face.browser.post(f"{HERE}/syncs", data=form | {"press": "save", "syncs.tags.every": "360"})
    assert answer.status_code == 303
    now = await walker.config() or {}
    assert (now["version"], now["posting_mode"], now["syncs"]["tags"]["every_minutes"]) == (3, "draft", 360)


async def test_two_steps_saved_at_the_same_moment_both_stand(face: Face) -> None:
    walker = Walker(face, face.browser, await face.active())
    syncs = (await walker.at("syncs")).form(f"{HERE}/syncs").fields | {"press": "save", "syncs.tags.every": "360"}
    posting = (await walker.at("posting")).form(f"{HERE}/posting").fields | {"press": "save", "closed_period": "today"}
    answers = await asyncio.gather(
        face.browser.post(f"{HERE}/syncs", data=syncs), face.browser.post(f"{HERE}/posting", data=posting)
    )
    assert [one.status_code for one in answers] == [303, 303]
    config = await walker.config() or {}
    assert (config["syncs"]["tags"]["every_minutes"], config["closed_period"]) == (360, "today")
    assert await walker.draft() == {}


async def test_without_an_accounting_system_the_other_steps_lead_to_the_first(face: Face, walker: Walker) -> None:
    for step in ("accounts", "posting", "dimensions"):
        page = await walker.at(step)
        assert "No accounting system is connected yet" in page.text
        assert page.links["Look at the connection"] == f"{HERE}/erp"


async def test_another_company_sees_nothing_of_a_draft(face: Face, walker: Walker) -> None:
    await walker.bind()
    await walker.send("accounts", "later", fields={**ACCOUNTS, "wallet.0.currency": "mine alone"})
    stranger = (await two_companies(face)).mine
    for step in ("erp", "accounts", "syncs"):
        answer = await face.anybody.get(
            f"{HERE}/{step}", headers={"cookie": f"ledgerbridge_session={stranger.session}"}
        )
        assert answer.status_code == 200
        assert "mine alone" not in answer.text
        assert walker.connection not in answer.text
    assert "mine alone" in (await walker.at("accounts")).html
