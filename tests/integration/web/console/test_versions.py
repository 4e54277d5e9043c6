"""Versions of the configuration: who changed what and when, back to one of them, to a file and from a file."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from ledgerbridge.connections import config_diff
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.connections.config_diff import changes
from ledgerbridge.store.tables import ConfigVersion
from ledgerbridge.web.console.customer import versions as pages
from tests.integration.web.conftest import Face
from tests.support.erp_double import CODES, down
from tests.support.html import Form, Page, look, press, send
from tests.support.rig import CONFIGURATION

HERE = "/settings/versions"


async def put(face: Face, connection: str, **changed: Any) -> None:
    answer = await face.admin.put(f"/admin/api/connections/{connection}/config", json={**CONFIGURATION, **changed})
    assert answer.status_code == 200, answer.text


async def newest(face: Face, connection: str) -> dict[str, Any]:
    return dict((await face.admin.get(f"/admin/api/connections/{connection}/config")).json())


async def numbers(face: Face, connection: str) -> list[int]:
    async with face.services.db.reading() as session:
        mine = ConfigVersion.connection_id == uuid.UUID(connection)
        return list(await session.scalars(select(ConfigVersion.version).where(mine).order_by(ConfigVersion.version)))


async def uploaded(face: Face, content: bytes, name: str = "c.json") -> httpx.Response:
    form = (await look(face.browser, HERE)).form(f"{HERE}/upload")
    file = {"file": (name, content, "application/json")}
    return await face.browser.post(form.action, data={"csrf": form.fields["csrf"]}, files=file)


def apply_form(page: Page) -> Form:
    return page.form(f"{HERE}/apply")


async def test_before_the_first_version_the_page_leads_to_the_set_up(face: Face) -> None:
    await face.connect()
    page = await look(face.browser, HERE)
    assert "There is no configuration yet." in page.text
    assert "/settings/setup" in page.addresses


async def test_each_version_tells_who_changed_what_in_words(face: Face) -> None:
    connection = await face.bound()
    await put(face, connection)
    wallet = {"DKK": CODES["wallet"], "EUR": CODES["wallet"], "*": CODES["wallet"]}
    await put(
        face, connection, posting_mode="draft", dimensions=["CC"],
        accounts={**CONFIGURATION["accounts"], "wallet": wallet},
        syncs={"tags": {"enabled": False, "every_minutes": 120}},
    )  # fmt: skip
    page = await look(face.browser, HERE)
    assert [words for level, words in page.headings if level == "h2"][:2] == ["Version 2 In force", "Version 1"]
    assert "ada of the operations team" in page.text
    assert f"Pleo wallet in EUR not set {CODES['wallet']}" in page.text
    assert "Entries are made as final entries drafts, which people post" in page.text
    assert "Dimensions CC, PRJ CC" in page.text
    assert "Synchronise: Dimensions on off" in page.text
    assert "How often: Dimensions every hour every 2 hours" in page.text
    assert "The first version." in page.text


async def test_codes_have_the_names_of_the_chart_where_it_can_be_read(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await face.bound()
    await put(face, connection)
    page = await look(face.browser, f"{HERE}/1")
    name = next(one.name for one in face.books.chart.accounts if one.code == CODES["wallet"])
    assert f"{CODES['wallet']} {name}" in page.text
    face.books.before["chart"] = [down()]
    away = await look(face.browser, f"{HERE}/1")
    assert "codes are shown without their names" in away.text
    assert CODES["wallet"] in away.text
    monkeypatch.setattr(config_diff, "NAMES_SECONDS", 0.0)
    assert "codes are shown without their names" in (await look(face.browser, f"{HERE}/1")).text


async def test_an_older_version_is_put_in_force_again_as_a_new_one(face: Face) -> None:
    connection = await face.bound()
    await put(face, connection)
    await put(face, connection, posting_mode="draft")
    page = await look(face.browser, f"{HERE}/1")
    assert "Entries are made as drafts, which people post final entries" in page.text
    form = page.form(f"{HERE}/1/restore")
    after = await press(face.browser, form)
    assert "The version is in force." in after.text
    now = await newest(face, connection)
    assert (now["version"], now["posting_mode"], now["created_by"]) == (3, "final", "customer")
    assert "somebody at your company" in after.text
    stale = await send(face.browser, form)
    assert stale.status_code == 422
    assert "Somebody changed the configuration meanwhile" in stale.text
    assert await numbers(face, connection) == [1, 2, 3]
    assert HERE + "/3/restore" not in [one.action for one in (await look(face.browser, f"{HERE}/3")).forms]


async def test_going_back_to_an_account_that_is_gone_is_refused_by_name(face: Face) -> None:
    connection = await face.bound()
    await put(face, connection)
    await put(face, connection, posting_mode="draft")
    form = (await look(face.browser, f"{HERE}/1")).form(f"{HERE}/1/restore")
    left = tuple(one for one in face.books.chart.accounts if one.code != CODES["out_of_pocket"])
    face.books.chart = replace(face.books.chart, accounts=left)
    answer = await send(face.browser, form)
    assert answer.status_code == 422
    assert "Owed to employees" in Page(answer.text).text
    assert await numbers(face, connection) == [1, 2]


async def test_a_form_that_does_not_say_what_it_follows_changes_nothing(face: Face) -> None:
    connection = await face.bound()
    await put(face, connection)
    await put(face, connection, posting_mode="draft")
    form = (await look(face.browser, f"{HERE}/1")).form(f"{HERE}/1/restore")
    for following in ("", "two", "-1", "99999999999999999999"):
        assert (await send(face.browser, form, following=following)).status_code == 422, following
    assert await numbers(face, connection) == [1, 2]


async def test_a_file_goes_out_and_comes_back_with_the_same_meaning(face: Face) -> None:
    connection = await face.bound()
    await put(face, connection, tax={"mode": "explicit", "codes": {}}, syncs={"tags": {"every_minutes": 5}})
    file = await face.browser.get(f"{HERE}/1/file")
    assert file.headers["content-disposition"] == 'attachment; filename="ledgerbridge-configuration-1.json"'
    assert file.headers["content-type"].startswith("application/json")
    assert file.json() == await newest(face, connection)
    again = await uploaded(face, file.content)
    assert again.status_code == 200
    assert "There is nothing to put in force." in again.text

    await put(face, connection, posting_mode="draft")
    back = Page((await uploaded(face, b"\xef\xbb\xbf" + file.content)).text)
    assert "Entries are made as drafts, which people post final entries" in back.text
    assert await numbers(face, connection) == [1, 2], "it was put in force unasked"
    after = await press(face.browser, apply_form(back))
    assert "The version is in force." in after.text
    then = await newest(face, connection)
    meant = ConfigurationBody.read({name: file.json()[name] for name in ConfigurationBody.model_fields})
    assert not changes(meant, ConfigurationBody.read({name: then[name] for name in ConfigurationBody.model_fields}))
    twice = await send(face.browser, apply_form(back))
    assert twice.status_code == 422
    assert "Somebody changed the configuration meanwhile" in twice.text
    assert await numbers(face, connection) == [1, 2, 3]


async def test_a_file_of_another_company_is_named_so(face: Face) -> None:
    connection = await face.bound()
    await put(face, connection)
    file = {**await newest(face, connection), "id": f"{uuid.uuid4()}:1", "posting_mode": "draft"}
    page = Page((await uploaded(face, json.dumps(file).encode())).text)
    assert "This file was downloaded from another company." in page.text
    assert apply_form(page).buttons == ["Put it in force"]


NO_CONFIGURATIONS = {
    "empty": (b"", "not readable as JSON"),
    "binary": (b"PK\x03\x04\xff", "not readable as JSON"),
    "list": (b"[1]", "not readable as JSON"),
    "deep": (b"[" * 100_000, "not readable as JSON"),
    "nothing": (b"{}", "Journal: is missing Accounts: is missing"),
    "unknown": (json.dumps({**CONFIGURATION, "colour": "red"}).encode(), "colour: is not a setting we know"),
    "wrong": (json.dumps({**CONFIGURATION, "posting_mode": "maybe"}).encode(), "Entries are made as: must be one of"),
    "large": (b" " * (pages.MAX_FILE + 1), "larger than 256 KB"),
}


async def test_what_is_no_configuration_is_refused_in_words(face: Face) -> None:
    await face.bound()
    for what, (content, words) in NO_CONFIGURATIONS.items():
        answer = await uploaded(face, content)
        assert answer.status_code == 422, what
        assert words in Page(answer.text).text, what


async def test_no_file_at_all_is_asked_for(face: Face) -> None:
    await face.bound()
    form = (await look(face.browser, HERE)).form(f"{HERE}/upload")
    answer = await face.browser.post(form.action, data={"csrf": form.fields["csrf"]})
    assert answer.status_code == 422
    assert "Choose a file first." in answer.text
    meant = await face.browser.post(f"{HERE}/apply", data={"csrf": form.fields["csrf"], "body": "[]", "following": "0"})
    assert meant.status_code == 422


async def test_a_file_the_accounting_system_does_not_bear_out_is_shown_with_what_is_wrong(face: Face) -> None:
    connection = await face.bound()
    await put(face, connection)
    file = json.dumps({**CONFIGURATION, "journal": "NOPE"}).encode()
    page = Page((await uploaded(face, file)).text)
    answer = await send(face.browser, apply_form(page))
    assert answer.status_code == 422
    assert "NOPE" in answer.text
    assert "Journal:" in Page(answer.text).text
    assert apply_form(Page(answer.text)).fields["body"] == apply_form(page).fields["body"], "what was sent is lost"
    assert await numbers(face, connection) == [1]


async def test_versions_are_paged_and_the_last_of_a_page_still_tells_what_it_changed(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    connection = await face.bound()
    for mode in ("draft", "final", "draft"):
        await put(face, connection, posting_mode=mode)
    first = await look(face.browser, HERE)
    assert first.text.count("Entries are made as") == 2
    second = await look(face.browser, first.links["Older"])
    assert "The first version." in second.text
    assert "In force" not in second.text


async def test_there_is_no_version_that_was_never_made(face: Face) -> None:
    connection = await face.bound()
    await put(face, connection)
    for path in ("/2", "/0", "/2/file", "/99999999999", "/first"):
        assert (await face.browser.get(f"{HERE}{path}")).status_code in (404, 422), path
    gone = await look(face.browser, f"{HERE}/2", 404)
    assert "There is no such version." in gone.text


def test_what_differs_is_told_field_by_field() -> None:
    old = ConfigurationBody.read({**CONFIGURATION, "tax": {"mode": "explicit", "codes": {"A.1": 7, "B": "8"}}})
    new = ConfigurationBody.read({**CONFIGURATION, "tax": {"mode": "erp", "codes": {"A.1": "9"}}, "dimensions": None})
    assert {one.path: (one.old, one.new) for one in changes(old, new)} == {
        ("tax", "mode"): ("explicit", "erp"),
        ("tax", "codes", "A.1"): ("7", "9"),
        ("tax", "codes", "B"): ("8", None),
        ("dimensions",): (("CC", "PRJ"), None),
    }
    assert changes(old, old) == []
