"""An accounting system that takes files: its settings, its chart as an upload, what it does not take in plain words."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from ledgerbridge.clock import utcnow
from ledgerbridge.connections import access
from ledgerbridge.erp.adapter import MAX_FILE_BYTES
from ledgerbridge.store.tables import AuditRecord, ErpBinding, Posting, PostingState
from pleo_sandbox.config import SECOND_COMPANY_ID
from tests.integration.web.conftest import Face, Pleo, facing
from tests.integration.web.console.walking import ACCOUNTS, HERE, Walker, errors_of, where
from tests.support.canaries import canary
from tests.support.erp_double import Books, DoubleAdapter
from tests.support.html import Page
from tests.support.shelf import FILES, ShelfAdapter, chart

ERP = f"{HERE}/erp"
SHELF = f"{ERP}?kind=shelf"
SERVER = {"settings.way": "server", "settings.address": "https://files.example"}


@pytest.fixture
def shelf() -> ShelfAdapter:
    return ShelfAdapter(Books(capabilities=FILES))


@pytest.fixture
async def face(database_url: str, pleo: Pleo, shelf: ShelfAdapter) -> AsyncIterator[Face]:
    async with facing(database_url, pleo, shelf.books, {"double": DoubleAdapter(Books()), "shelf": shelf}) as made:
        yield made


@pytest.fixture
async def walker(face: Face) -> Walker:
    return Walker(face, face.browser, await face.connect())


async def upload(
    walker: Walker, press: str = "test", *, files: dict[str, bytes] | None = None, **fields: str
) -> httpx.Response:
    """Fill in the form of the shelf and press a button, as a browser does without script."""
    page = Page((await walker.browser.get(SHELF)).text)
    form = page.form(ERP)
    data = {**form.fields, **{name.replace("__", "."): value for name, value in fields.items()}, "press": press}
    chosen = {
        name: (f"{name.rpartition('.')[2]}.se" if name in (files or {}) else "", (files or {}).get(name, b""))
        for name in form.files
    }
    answer = await walker.browser.post(ERP, data=data, files=chosen)
    walker.seen.append(answer.text)
    return answer


async def bound(walker: Walker, content: bytes | None = None) -> None:
    """Through the first step with the shelf."""
    assert where(await upload(walker, files={"settings.chart": content or chart()})) == ERP
    company = Page((await walker.browser.get(ERP)).text).form(f"{ERP}/company").options["company"][0]
    assert (await walker.choose(company)).status_code == 303


async def stored(walker: Walker) -> dict[str, Any]:
    """The bound settings as they are sealed."""
    own = uuid.UUID(walker.connection)
    async with walker.face.services.db.transaction() as session:
        binding = await session.get_one(ErpBinding, own)
        sealed = binding.settings_sealed or b""
    vault = walker.face.services.connections.vault
    return dict(json.loads(vault.open(sealed, table="erp_bindings", column="settings_sealed", row=own)))


async def queued(walker: Walker) -> list[str]:
    """The kinds of syncs that wait."""
    async with walker.face.services.db.transaction() as session:
        found = await session.execute(
            text("select args ->> 'kind' from procrastinate_jobs where task_name = 'syncs.run' and status = 'todo'")
        )
        return sorted(str(row[0]) for row in found)


async def test_every_accounting_system_is_offered_with_a_sentence_on_what_it_is(walker: Walker) -> None:
    page = await walker.at("erp")
    assert "Double books Books in memory, for tests." in page.text
    assert "Shelf files For programs that take files." in page.text
    assert not [one for one in page.forms if one.action == ERP], "nothing is asked for before one is chosen"
    assert page.links["Shelf files"] == f"{SHELF}#access"


async def test_every_kind_of_setting_is_drawn(walker: Walker) -> None:
    form = Page((await walker.browser.get(SHELF)).text).form(ERP)
    assert form.files == ["settings.chart", "settings.extra"]
    assert form.options["settings.way"] == ["download", "server"]
    assert form.fields["settings.way"] == "download", "the default stands there"
    assert form.fields["settings.rows"] == "50"
    assert "Where files go: To a server" in form.words, "settings of one choice stand under its words"


async def test_a_chart_is_uploaded_bound_and_shown_by_its_summary_alone(walker: Walker) -> None:
    content = chart(accounts=7) + b"\n1999 Not To Be Shown"
    await bound(walker, content)
    kept = await stored(walker)
    assert kept["chart"]["accounts"][-1] == "1999 Not To Be Shown"
    page = await walker.at("erp")
    assert "Demo AB, 8 accounts" in page.text
    answer = await walker.face.admin.get(f"/admin/api/connections/{walker.connection}")
    assert answer.json()["erp"]["settings"]["chart"] == {"summary": "Demo AB, 8 accounts"}
    async with walker.face.services.db.transaction() as session:
        told = [str(one.detail) for one in await session.scalars(select(AuditRecord))]
    everything = [*walker.seen, page.html, answer.text, *told]
    assert not [one for one in everything if "Not To Be Shown" in one]


async def test_a_fault_in_a_file_is_told_beside_its_field_and_the_rest_stays(walker: Walker) -> None:
    good = await upload(walker, files={"settings.extra": chart()}, settings__rows="80")
    assert errors_of(good)["settings.chart"] == "Choose your chart."
    wrong = await upload(walker, files={"settings.chart": b"no number"})
    assert wrong.status_code == 422
    assert errors_of(wrong)["settings.chart"] == "Line 1: the number of the company is missing."
    page = Page(wrong.text)
    assert page.form(ERP).fields["settings.rows"] == "80"
    assert "Stored: extra.se (1 kB)" in page.text, "a good file has not to be chosen again"
    assert "Stored: chart.se" not in page.text, "a faulty one is forgotten"
    assert where(await upload(walker, files={"settings.chart": chart()})) == ERP
    assert (await walker.browser.get(ERP)).text.count("Stored: Demo AB, 3 accounts") == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "This file is empty."), (b"x" * (MAX_FILE_BYTES + 1), "This file is larger than 5 MB.")],
    ids=["empty", "too large"],
)
async def test_a_file_that_nobody_can_read_is_refused_in_words(
    walker: Walker, shelf: ShelfAdapter, content: bytes, told: str
) -> None:
    answer = await upload(walker, files={"settings.chart": content})
    assert answer.status_code == 422
    assert errors_of(answer)["settings.chart"].startswith(told)
    assert shelf.tried == []


async def test_a_form_larger_than_any_file_gets_a_page_and_other_routes_keep_their_bound(walker: Walker) -> None:
    html = {"accept": "text/html"}
    answer = await walker.browser.post(ERP, content=b"x" * (9 * 1024 * 1024), headers=html)
    assert answer.status_code == 413
    assert Page(answer.text).headings
    other = await walker.browser.post(f"{ERP}/company", content=b"x" * (2 * 1024 * 1024))
    assert other.status_code == 413


async def test_a_stranger_cannot_have_us_read_a_large_body(walker: Walker) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(100):
            read += 1
            yield b"x" * 65536

    for method, path in (("POST", ERP), ("PUT", f"/admin/api/connections/{walker.connection}/erp")):
        answer = await walker.face.anybody.request(method, path, content=body())
        assert answer.status_code == 401
    assert read <= 4


async def test_kept_for_later_a_file_is_there_in_another_session(walker: Walker) -> None:
    assert where(await upload(walker, "later", files={"settings.chart": chart()})) == "/settings"
    walker.browser.cookies.clear()
    await walker.face.connect()
    assert "Stored: chart.se (1 kB)" in (await walker.at("erp")).text
    assert where(await upload(walker)) == ERP, "tested without choosing it again"


async def test_a_file_that_may_be_missing_is_taken_out_by_a_tick(walker: Walker) -> None:
    await upload(walker, files={"settings.chart": chart(), "settings.extra": chart("Extra AB")})
    assert (await walker.choose("556000-0001")).status_code == 303
    assert "extra" in await stored(walker)
    assert where(await upload(walker, forget__extra="yes")) == ERP
    assert (await walker.choose("556000-0001")).status_code == 303
    assert "extra" not in await stored(walker)
    assert "chart" in await stored(walker), "what must not be missing stays"


async def test_settings_of_another_choice_are_neither_asked_nor_handed_on(walker: Walker, shelf: ShelfAdapter) -> None:
    secret = canary("password of a file server")
    fields = {"settings.password": secret, "settings.address": "https://files.example"}
    done = await upload(walker, files={"settings.chart": chart()}, **fields)
    assert where(done) == ERP
    assert shelf.tried[-1].keys() == {"chart", "way", "rows"}
    done = await upload(walker, **{**fields, "settings.way": "server"})
    assert where(done) == ERP
    assert shelf.tried[-1]["password"] == secret
    assert isinstance(shelf.tried[-1]["chart"], dict), "read once"
    assert not [one for one in walker.seen if secret in one]


async def test_a_password_stays_with_its_address_while_files_stay_anyhow(walker: Walker, shelf: ShelfAdapter) -> None:
    secret = canary("password of a file server")
    await upload(walker, files={"settings.chart": chart()}, **{**SERVER, "settings.password": secret})
    tried = len(shelf.tried)
    thief = await upload(walker, **{"settings.address": "https://thief.example"})
    assert "because this changed: Address" in errors_of(thief)["settings.password"]
    later = await upload(walker, "later", files={"settings.chart": chart("New AB")},
                         **{"settings.address": "https://thief.example"})  # fmt: skip
    assert later.status_code == 303
    assert len(shelf.tried) == tried
    back = await upload(walker, **{"settings.address": "https://files.example"})
    assert where(back) == ERP
    assert (shelf.tried[-1]["password"], shelf.tried[-1]["chart"]["name"]) == (secret, "New AB")


async def live(walker: Walker) -> None:
    """On to a live company of files."""
    await bound(walker)
    await walker.configure()
    assert (await walker.face.activate(walker.connection))["status"] == "active"
    async with walker.face.services.db.transaction() as session:
        await session.execute(text("delete from procrastinate_jobs where task_name = 'syncs.run'"))
        session.add(
            Posting(
                connection_id=uuid.UUID(walker.connection), accounting_entry_id="e", state=PostingState.BOOKED,
                total="10.00", currency="SEK", config_version=1, fence=1, erp_kind="shelf", intended_at=utcnow(),
            )
        )  # fmt: skip


async def moved(walker: Walker) -> list[str | None]:
    async with walker.face.services.db.transaction() as session:
        return list(await session.scalars(select(Posting.moved_from)))


async def test_a_newer_chart_keeps_what_is_booked_and_brings_pleo_in_step(walker: Walker) -> None:
    await live(walker)
    await upload(walker, files={"settings.chart": chart(accounts=9)})
    done = await walker.choose("556000-0001")
    assert done.status_code == 303, errors_of(done)
    assert "being brought in step" in Page((await walker.browser.get(done.headers["location"])).text).text
    assert await moved(walker) == [None], "the same company: numbers go on"
    assert await queued(walker) == ["accounts", "tags", "tax_codes", "vendors"]
    async with walker.face.services.db.transaction() as session:
        newest = select(AuditRecord).where(AuditRecord.action == "erp_bound").order_by(AuditRecord.id.desc())
        record = (await session.scalars(newest)).first()
    assert record is not None
    assert record.detail["replaced"] == {"chart": "Demo AB, 9 accounts"}


async def test_other_settings_and_the_same_chart_again_have_nothing_read_anew(walker: Walker) -> None:
    await live(walker)
    await upload(walker, files={"settings.chart": chart()}, **{"settings.rows": "90"})
    assert (await walker.choose("556000-0001")).status_code == 303
    assert await queued(walker) == []
    assert await moved(walker) == [None]


async def test_a_number_that_is_spelt_otherwise_is_the_same_company(walker: Walker, shelf: ShelfAdapter) -> None:
    shelf.number_is_id = False
    await live(walker)
    await upload(walker, files={"settings.chart": chart(number="5560000001")})
    assert (await walker.choose("1")).status_code == 303
    assert await moved(walker) == [None]


async def test_the_chart_of_another_company_asks_first(walker: Walker) -> None:
    await live(walker)
    await upload(walker, files={"settings.chart": chart("Other AB", "556999-9999")})
    answer = await walker.choose("556999-9999")
    assert answer.status_code == 422
    assert "already booked in Demo AB (556000-0001)" in errors_of(answer)["confirm"]
    assert (await walker.choose("556999-9999", confirm="yes")).status_code == 303
    assert await moved(walker) == ["Demo AB (556000-0001)"]


async def test_nobody_can_take_a_company_away_by_uploading_its_chart(walker: Walker) -> None:
    """Anybody can make a file with another company's number in it."""
    await bound(walker)
    stranger = Walker(walker.face, walker.browser)
    stranger.connection = await walker.face.connect(SECOND_COMPANY_ID)
    await bound(stranger)


# ------------------------------------------------------------------ what it does not take


async def test_what_it_does_not_take_is_said_and_steps_it_has_nothing_for_are_not_asked(walker: Walker) -> None:
    await bound(walker)
    page = await walker.at("erp")
    assert "What this accounting system does not take" in page.text
    for words in ("No dimensions", "No drafts", "No vendor bills", "It takes files only"):
        assert words in page.text
    assert "Dimensions (not needed)" in page.text
    assert "takes no vendor bills" in (await walker.at("accounts")).text
    assert where(await walker.send("accounts", fields=ACCOUNTS)) == f"{HERE}/posting"
    posting = await walker.at("posting")
    assert posting.form(f"{HERE}/posting").options["posting_mode"] == ["final"]
    assert posting.form(f"{HERE}/posting").fields["posting_mode"] == "final"
    assert where(await walker.send("posting")) == f"{HERE}/syncs", "dimensions are passed over"
    syncs = await walker.at("syncs")
    assert "keeps no vendors" in syncs.text
    assert "takes no dimensions" in syncs.text
    assert where(await walker.send("syncs")) == f"{HERE}/preview"
    shown = await walker.at("dimensions")
    assert "nothing to choose" in shown.text
    assert where(await walker.send("dimensions")) == f"{HERE}/preview"


async def test_an_accounting_system_with_dimensions_has_them_asked_for_again(
    walker: Walker, shelf: ShelfAdapter
) -> None:
    await bound(walker)
    assert "dimensions" in await walker.draft()
    shelf.books.capabilities = replace(FILES, dimensions=True)
    assert where(await upload(walker, files={"settings.chart": chart(accounts=4)})) == ERP
    assert (await walker.choose("556000-0001")).status_code == 303
    assert "dimensions" not in await walker.draft()


async def test_the_set_up_at_a_glance_says_it_too(walker: Walker) -> None:
    await live(walker)
    page = await walker.at("")
    assert "Shelf files" in page.text
    assert "No dimensions" in page.text
    assert "Dimensions This accounting system takes no dimensions" in page.text
    assert "Vendors Not kept there" in page.text
    await walker.face.sign_in_operator()
    operators = await walker.face.operator.get(f"/admin/connections/{walker.connection}")
    assert "No drafts. " in Page(operators.text).text


# ------------------------------------------------------------------ the admin API


async def put(walker: Walker, settings: dict[str, Any], **more: Any) -> httpx.Response:
    body = {"kind": "shelf", "settings": settings, **more}
    return await walker.face.admin.put(f"/admin/api/connections/{walker.connection}/erp", json=body)


async def test_the_api_takes_a_file_as_base64_and_what_was_made_of_it(walker: Walker) -> None:
    encoded = base64.encodebytes(chart()).decode()
    answer = await put(walker, {"chart": encoded})
    assert answer.status_code == 200, answer.text
    assert answer.json()["settings"]["chart"] == {"summary": "Demo AB, 3 accounts"}
    again = await put(walker, answer.json()["settings"])
    assert again.status_code == 200, "what was shown may be sent back"
    made = (await stored(walker))["chart"]
    assert (await put(walker, {"chart": made})).status_code == 200
    assert (await put(walker, {"rows": "70"})).status_code == 200, "left out it stays"
    assert (await stored(walker))["chart"] == made


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("not base64?", "base64"),
        (5, "base64"),
        ({"summary": "Another"}, "only its summary"),
        ({"summary": "x", "else": 1}, "not a chart we made"),
        (base64.b64encode(b"x" * (MAX_FILE_BYTES + 1)).decode(), "larger than 5 MB"),
    ],
    ids=["no base64", "a number", "a summary", "another object", "too large"],
)
async def test_the_api_says_what_is_wrong_with_a_file(walker: Walker, value: object, told: str) -> None:
    answer = await put(walker, {"chart": value})
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["path"] == "settings.chart"
    assert told in fault["message"]


async def test_the_api_takes_a_chart_of_five_megabytes_and_nothing_beyond(walker: Walker) -> None:
    large = chart() + b"\n" + b"1" * (MAX_FILE_BYTES - 200)
    answer = await put(walker, {"chart": base64.b64encode(large).decode()})
    assert answer.status_code == 200, answer.text[:300]
    async with access.open_erp(walker.face.services.connections, uuid.UUID(walker.connection)) as erp:
        assert (await erp.company()).name == "Demo AB"
    assert (await put(walker, {"chart": "x" * (9 * 1024 * 1024)})).status_code == 413


async def test_the_api_forgets_what_may_be_missing_by_null_and_reads_a_newer_chart_anew(walker: Walker) -> None:
    await live(walker)
    newer = {"chart": base64.b64encode(chart(accounts=5)).decode(), "extra": base64.b64encode(chart("X")).decode()}
    assert (await put(walker, newer)).status_code == 200
    assert "accounts" in await queued(walker)
    assert (await put(walker, {"extra": None, "chart": None})).status_code == 200
    assert "extra" not in await stored(walker)
    assert "chart" in await stored(walker)
