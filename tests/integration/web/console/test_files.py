"""Files of vouchers on pages and in the API: what is in them, how far they are, and what a person can do."""

from __future__ import annotations

import asyncio
import io
import uuid
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from ledgerbridge.connections import handover
from ledgerbridge.connections.voucher_rows import Identity
from ledgerbridge.store.tables import AuditRecord, ErpBinding
from tests.integration.web.conftest import Face
from tests.integration.web.console.quick import live
from tests.support.book_manners import receipt, voucher
from tests.support.handing import Clock, Handing
from tests.support.html import look, press, send
from tests.support.sftp_server import SftpStand, sftp_stand

CONTENT = b"#FLAGGA 0\r\n" * 500
NAME = "Å-2026.si"


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[SftpStand]:
    async with sftp_stand(tmp_path) as made:
        yield made


@pytest.fixture
async def company(face: Face) -> Handing:
    """A live company whose book has one file of two vouchers, one with receipts; nothing is brought anywhere."""
    own = uuid.UUID(await live(face))
    async with face.services.db.reading() as session:
        bound = await session.scalar(select(ErpBinding).where(ErpBinding.connection_id == own))
    assert bound is not None
    whose = Identity(own, bound.kind, bound.company_ref, bound.registration_number, bound.company_name, bound.currency)
    made = Handing(face.services.connections, face.services.queue, Clock(), own, whose)
    await made.bind({"delivery": "download"})
    files = (receipt(), receipt("r-2.png", b"a picture" * 30_000))
    await made.close(
        CONTENT, replace(voucher("e1"), attachments=files), replace(voucher("e2"), attachments=()), name=NAME
    )
    return made


async def deeds(face: Face) -> list[tuple[str, str]]:
    async with face.services.db.reading() as session:
        query = select(AuditRecord).where(AuditRecord.action.like("voucher%")).order_by(AuditRecord.id)
        return [(one.actor, one.action) for one in await session.scalars(query)]


async def test_a_customer_downloads_a_file_and_its_receipts_and_says_that_it_was_fetched(
    face: Face, company: Handing
) -> None:
    await handover.work(company.room, company.connection_id)
    home = await look(face.browser, "/settings")
    assert "One file is ready to be downloaded." in home.text
    listed = await look(face.browser, home.links["All files"])
    assert "Ready to download" in listed.text
    page = await look(face.browser, listed.links[NAME])
    assert "25.00" in page.text
    assert (await company.row()).sha256 in page.text
    assert "A1" in page.text
    assert "Lunch" in page.text
    assert "Hand over now" not in page.text, "there is nowhere to bring it to"
    file = await face.browser.get(page.links["Download the file"])
    assert (file.status_code, file.content) == (200, CONTENT)
    assert file.headers["content-disposition"] == (
        "attachment; filename=\"_-2026.si\"; filename*=UTF-8''%C3%85-2026.si"
    )
    packed = await face.browser.get(page.links["Download the receipts"])
    assert packed.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["index.csv", "A-1-1.pdf", "A-1-2.png"]
    page = await look(face.browser, listed.links[NAME])
    assert "Downloaded" in page.text
    page = await press(face.browser, page.form(f"{listed.links[NAME]}/fetched"))
    assert "The file is marked as fetched." in page.text
    assert "Mark as fetched" not in [button for form in page.forms for button in form.buttons]
    assert await deeds(face) == [
        ("customer", "voucher_file_downloaded"),
        ("customer", "voucher_receipts_downloaded"),
        ("customer", "voucher_file_marked_fetched"),
    ]


async def test_what_keeps_a_file_from_its_place_is_told_and_it_is_handed_over_again(
    face: Face, company: Handing, stand: SftpStand
) -> None:
    await company.bind(stand.settings)
    (stand.folder / "in" / NAME).write_bytes(b"theirs")
    await handover.work(company.room, company.connection_id)
    assert "One file is not where it is to be." in (await look(face.browser, "/settings")).text
    listed = await look(face.browser, "/settings/files")
    assert "Waits for you" in listed.text
    assert "Another file with other content lies there under this name." in listed.text
    (stand.folder / "in" / NAME).unlink()
    page = await look(face.browser, listed.links[NAME])
    page = await press(face.browser, page.form(f"{listed.links[NAME]}/hand-over"))
    assert "The file is being handed over." in page.text
    await handover.work(company.room, company.connection_id)
    page = await look(face.browser, listed.links[NAME])
    assert "Handed over" in page.text
    assert f"{stand.address}/in" in page.text
    assert "a program that reads them a second time books them a second time" in page.text
    assert stand.files[NAME] == CONTENT


async def test_a_file_that_is_being_put_there_is_not_asked_for_again(
    face: Face, company: Handing, stand: SftpStand
) -> None:
    await company.bind(stand.settings)
    stand.rename, stand.rename_of = "lost", ".si"
    await handover.work(company.room, company.connection_id)
    row = await company.row()
    page = await look(face.browser, f"/settings/files/{row.id}")
    assert "Not handed over yet" in page.text
    answer = await send(face.browser, page.form(f"/settings/files/{row.id}/hand-over"))
    assert answer.status_code == 409
    assert "It is being put into its place just now." in answer.text


async def test_an_operator_sees_the_same_and_is_named_in_the_log(face: Face, company: Handing) -> None:
    await face.sign_in_operator()
    page = await look(face.operator, f"/admin/connections/{company.connection_id}")
    assert "One file of vouchers." in page.text
    listed = await look(face.operator, page.links["All files"])
    page = await look(face.operator, listed.links[NAME])
    assert (await face.operator.get(page.links["Download the file"])).content == CONTENT
    assert await deeds(face) == [("admin:ada", "voucher_file_downloaded")]
    audit = await look(face.operator, "/admin/audit")
    assert "Downloaded a file of vouchers" in audit.text


async def test_the_api_lists_gives_out_and_settles_files(face: Face, company: Handing, stand: SftpStand) -> None:
    api = f"/admin/api/connections/{company.connection_id}/files"
    (shown,) = (await face.admin.get(api)).json()["data"]
    assert shown | {"id": "", "made_at": "", "due_at": ""} == {
        "id": "", "connection_id": str(company.connection_id), "name": NAME, "books": company.identity.company_name,
        "sha256": (await company.row()).sha256, "size": len(CONTENT), "vouchers": 2, "debit": "25.00",
        "currency": company.identity.currency, "made_at": "", "state": "waiting", "tries": 0, "due_at": "",
        "handed_over_at": None, "place": None, "fault": None, "error": None, "fetched_at": None,
    }  # fmt: skip
    one = f"{api}/{shown['id']}"
    content = await face.admin.get(f"{one}/content")
    assert content.content == CONTENT
    receipts = await face.admin.get(f"{one}/receipts")
    assert zipfile.ZipFile(io.BytesIO(receipts.content)).testzip() is None
    await company.bind(stand.settings)
    asked = await face.admin.post(f"{one}/hand-over")
    assert (asked.status_code, asked.json()["state"]) == (202, "waiting")
    await handover.work(company.room, company.connection_id)
    settled = (await face.admin.get(one)).json()
    assert (settled["state"], settled["place"]) == ("done", f"{stand.address}/in")
    assert (await face.admin.post(f"{one}/fetched")).json()["state"] == "done"
    unknown = await face.admin.get(f"{api}/{uuid.uuid4()}")
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "There is no such file.")


async def test_a_worker_hands_over_what_is_due(face: Face, company: Handing, stand: SftpStand) -> None:
    await company.bind(stand.settings)
    stop = asyncio.Event()
    working = asyncio.create_task(face.services.queue.run_worker(stop))
    try:
        for _ in range(600):
            if (await company.row()).handover_state == "done":
                break
            await asyncio.sleep(0.1)
    finally:
        stop.set()
        await working
    assert stand.files[NAME] == CONTENT


async def test_the_sweep_queues_what_is_due_and_the_scrape_tells_of_it(face: Face, company: Handing) -> None:
    assert await handover.sweep(company.room, company.queue) == 1
    assert await handover.sweep(company.room, company.queue) == 1, "waiting work stands for both"
    scraped = (await face.anybody.get("/metrics")).text
    waiting = next(line for line in scraped.splitlines() if line.startswith("ledgerbridge_voucher_files_waiting_s"))
    assert float(waiting.split()[1]) > 0
    assert "ledgerbridge_voucher_files_stuck 0.0" in scraped
