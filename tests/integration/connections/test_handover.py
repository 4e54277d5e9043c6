"""A closed file reaches its customer once, with its receipts, whatever breaks on the way, or a person is told."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledgerbridge import faults
from ledgerbridge.connections import handover, handover_desk, voucher_files
from ledgerbridge.connections.handover_desk import NotPossible
from ledgerbridge.connections.voucher_files import FileUnknown
from ledgerbridge.erp.files.book import NewVoucher
from tests.support.book_manners import receipt, voucher
from tests.support.canaries import canary, found_in
from tests.support.handing import Handing, handing
from tests.support.rig import Killed
from tests.support.sftp_server import SftpStand, sftp_stand

CONTENT = b"#FLAGGA 0\r\n" * 5000
NAME, ZIP = "P-2026-001.si", "P-2026-001.zip"
ACTOR = "admin:ann"


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[SftpStand]:
    async with sftp_stand(tmp_path) as made:
        yield made


@pytest.fixture
async def company(database_url: str) -> AsyncIterator[Handing]:
    async with handing(database_url) as made:
        yield made


@pytest.fixture
async def to_folder(company: Handing, stand: SftpStand) -> Handing:
    """The company, bound, with one closed file that is due."""
    await company.bind(stand.settings)
    await company.close(CONTENT, bare("e1"))
    return company


def bare(entry: str) -> NewVoucher:
    return replace(voucher(entry), attachments=())


async def test_a_file_and_its_receipts_lie_in_the_folder_and_stay_there_once(
    company: Handing, stand: SftpStand
) -> None:
    await company.bind(stand.settings)
    files = (receipt(), receipt("r-2.png", b"a picture" * 50_000))
    await company.close(CONTENT, replace(voucher("e1"), attachments=files), bare("e2"))
    assert await company.sweep() == 1
    await company.work()
    row = await company.row()
    assert (row.handover_state, row.handover_place) == ("done", f"{stand.address}/in")
    assert (row.handover_error, row.handover_due_at, row.handover_sent_at) == (None, None, None)
    assert stand.files[NAME] == CONTENT
    with zipfile.ZipFile(io.BytesIO(stand.files[ZIP])) as made:
        assert made.namelist() == ["index.csv", "A-1-1.pdf", "A-1-2.png"]
        assert made.read("A-1-2.png") == b"a picture" * 50_000
    assert row.receipts_size == len(stand.files[ZIP])
    assert await company.sweep() == 0
    await company.work()
    assert len(stand.connections) == 2, "the receipts, then the vouchers"


async def test_a_server_that_takes_nothing_gives_its_place_back_after_one_file(
    to_folder: Handing, stand: SftpStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2, 5):
        await to_folder.close(CONTENT, bare(f"e{number}"), name=f"P-2026-00{number}.si")
    monkeypatch.setattr(handover, "_LEAST_SECONDS", 0.3)
    stand.slow = 5.0
    async with asyncio.timeout(15):
        await to_folder.work()
    assert [row.handover_tries for row in await to_folder.rows()] == [1, 0, 0, 0]
    assert await to_folder.sweep() == 0, "others go first"
    stand.slow = 0.0
    to_folder.clock.pass_on(minutes=16)
    await to_folder.work()
    assert {row.handover_state for row in await to_folder.rows()} == {"done"}


async def test_a_server_that_is_away_is_tried_with_growing_waits_and_for_ever(
    to_folder: Handing, stand: SftpStand
) -> None:
    await to_folder.bind(stand.settings | {"sftp_address": "sftp://127.0.0.1:9/in"})
    waits = []
    for _ in range(7):
        await to_folder.work()
        row = await to_folder.row()
        assert (row.handover_state, row.handover_fault) == ("waiting", "unreachable")
        assert "Nothing answers at this address" in (row.handover_error or "")
        assert row.handover_due_at is not None
        waits.append(round((row.handover_due_at - to_folder.clock()) / dt.timedelta(minutes=1)))
        assert await to_folder.sweep() == 0
        to_folder.clock.pass_on(hours=5)
    assert waits == [1, 5, 15, 60, 240, 240, 240]
    await to_folder.bind(stand.settings)
    assert await to_folder.sweep() == 1
    await to_folder.work()
    assert (await to_folder.row()).handover_state == "done"
    assert stand.files == {NAME: CONTENT}


@pytest.mark.parametrize("fate", ["lost", "cut"])
async def test_after_a_lost_reply_the_file_is_there_once(to_folder: Handing, stand: SftpStand, fate: str) -> None:
    stand.rename = fate
    await to_folder.work()
    row = await to_folder.row()
    assert (row.handover_state, row.handover_fault) == ("waiting", "broken")
    assert row.handover_sent_at is not None
    to_folder.clock.pass_on(minutes=2)
    await to_folder.work()
    assert (await to_folder.row()).handover_state == "done"
    assert stand.files == {NAME: CONTENT}


async def test_a_file_that_may_have_been_fetched_is_not_put_there_again_without_a_person(
    to_folder: Handing, stand: SftpStand
) -> None:
    stand.rename = "taken"
    await to_folder.work()
    to_folder.clock.pass_on(minutes=2)
    await to_folder.work()
    row = await to_folder.row()
    assert (row.handover_state, row.handover_due_at, row.handover_fault) == ("stuck", None, "in_doubt")
    assert "mark the file as fetched" in (row.handover_error or "")
    to_folder.clock.pass_on(days=2)
    assert await to_folder.sweep() == 0
    assert stand.files == {}
    await handover_desk.hand_over_again(to_folder.room, to_folder.queue, to_folder.connection_id, row.id, ACTOR)
    await to_folder.work()
    assert (await to_folder.row()).handover_state == "done"
    assert stand.files == {NAME: CONTENT}


async def test_a_server_that_is_away_after_a_lost_reply_leaves_the_doubt_open(
    to_folder: Handing, stand: SftpStand
) -> None:
    stand.rename = "taken"
    await to_folder.work()
    await to_folder.bind(stand.settings | {"sftp_address": "sftp://127.0.0.1:9/in"})
    to_folder.clock.pass_on(minutes=2)
    await to_folder.work()
    assert (await to_folder.row()).handover_fault == "unreachable"
    await to_folder.bind(stand.settings)
    to_folder.clock.pass_on(hours=1)
    await to_folder.work()
    assert (await to_folder.row()).handover_fault == "in_doubt"


async def test_a_refused_rename_is_no_doubt(to_folder: Handing, stand: SftpStand) -> None:
    stand.rename = "refused"
    await to_folder.work()
    row = await to_folder.row()
    assert (row.handover_state, row.handover_fault, row.handover_sent_at) == ("waiting", "may_not_rename", None)
    stand.rename = "works"
    to_folder.clock.pass_on(minutes=2)
    await to_folder.work()
    assert stand.files == {NAME: CONTENT}


async def test_other_bytes_under_the_name_wait_for_a_person(to_folder: Handing, stand: SftpStand) -> None:
    (stand.folder / "in" / NAME).write_bytes(b"theirs")
    await to_folder.work()
    row = await to_folder.row()
    assert (row.handover_state, row.handover_fault) == ("stuck", "other_file")
    assert stand.files == {NAME: b"theirs"}
    await handover_desk.mark_fetched(to_folder.room, to_folder.connection_id, row.id, ACTOR)
    assert (await to_folder.row()).handover_state == "done"


async def test_a_process_that_dies_anywhere_on_the_way_brings_the_file_once(company: Handing, stand: SftpStand) -> None:
    await company.bind(stand.settings)
    passed: list[str] = []
    dies_at, dead = -1, 0

    def hook(point: str) -> None:
        if "handover" in point or "voucher_files" in point:
            passed.append(point)
            if len(passed) == dies_at:
                raise Killed

    faults.install(hook)
    try:
        for number in range(1, 30):
            name = f"P-2026-{number:03}"
            await company.close(CONTENT, voucher(f"e{number}"), name=f"{name}.si")
            passed.clear()
            dies_at = number
            with suppress(Killed):
                await company.work()
            if len(passed) < number:
                break
            dead += 1
            dies_at = -1
            company.clock.pass_on(minutes=2)
            await company.work()
            row = (await company.rows())[-1]
            assert (row.handover_state, row.handover_sent_at) == ("done", None), passed[number - 1]
            assert stand.files.keys() == {f"{name}.si", f"{name}.zip"}, passed[number - 1]
            for one in (stand.folder / "in").iterdir():
                one.unlink()
    finally:
        faults.install(None)
    assert dead == 10, "before and after: the count, the hash of the receipts, their place, the last step, the end"


@pytest.mark.parametrize("person", [False, True])
async def test_a_try_that_was_overtaken_shows_nobody_its_file(
    to_folder: Handing, stand: SftpStand, monkeypatch: pytest.MonkeyPatch, person: bool
) -> None:
    """A worker that was given up comes to life again after another one, or a person, has settled the file."""
    arrived, go_on = asyncio.Event(), asyncio.Event()
    usual = handover.Attempt.decisive

    async def waits(attempt: handover.Attempt) -> None:
        if attempt.number == 1:
            arrived.set()
            await go_on.wait()
        await usual(attempt)

    monkeypatch.setattr(handover.Attempt, "decisive", waits)
    first = asyncio.create_task(to_folder.work())
    await arrived.wait()
    if person:
        await handover_desk.mark_fetched(to_folder.room, to_folder.connection_id, (await to_folder.row()).id, ACTOR)
    else:
        to_folder.clock.pass_on(minutes=2)
        await to_folder.work()
        (stand.folder / "in" / NAME).unlink()
    go_on.set()
    await first
    assert NAME not in stand.files, "it was fetched, and came again"
    assert (await to_folder.row()).handover_state == "done"


async def test_where_a_person_downloads_the_file_waits_for_them(company: Handing) -> None:
    await company.bind({"delivery": "download"})
    made = await company.close(CONTENT, bare("e1"))
    await company.work()
    row = await company.row()
    assert (row.handover_state, row.handover_due_at, row.handover_error) == ("to_fetch", None, None)
    await handover_desk.downloaded(company.room, company.connection_id, row.id, ACTOR)
    assert (await company.row()).fetched_at is not None
    async with company.room.db.reading() as session:
        assert await voucher_files.content(session, company.connection_id, row.id) == CONTENT
    assert made.name == NAME


async def test_vouchers_of_one_company_never_go_to_the_place_of_another(to_folder: Handing, stand: SftpStand) -> None:
    await to_folder.bind(stand.settings, company_ref="2", company_name="Other AB", registration_number="5560000002")
    await to_folder.work()
    row = await to_folder.row()
    assert row.handover_state == "to_fetch"
    assert "These vouchers are of Books AB" in (row.handover_error or "")
    assert stand.connections == []


async def test_files_arrive_in_their_order_and_one_that_fails_holds_up_no_other(
    to_folder: Handing, stand: SftpStand
) -> None:
    await to_folder.close(b"second", bare("e2"), name="P-2026-002.si")
    (stand.folder / "in" / NAME).write_bytes(b"theirs")
    await to_folder.work()
    assert [one.handover_state for one in await to_folder.rows()] == ["stuck", "done"]
    assert stand.files["P-2026-002.si"] == b"second"


async def test_a_stored_secret_that_does_not_open_costs_no_file(to_folder: Handing, stand: SftpStand) -> None:
    await to_folder.bind(stand.settings, settings_sealed=b"not ours")
    await to_folder.work()
    row = await to_folder.row()
    assert (row.handover_state, row.handover_fault) == ("waiting", "secret")
    await to_folder.bind(stand.settings)
    to_folder.clock.pass_on(minutes=2)
    await to_folder.work()
    assert stand.files == {NAME: CONTENT}


async def test_asking_again_while_it_is_being_put_there_is_refused(to_folder: Handing, stand: SftpStand) -> None:
    stand.rename = "taken"
    await to_folder.work()
    row = await to_folder.row()
    with pytest.raises(NotPossible):
        await handover_desk.hand_over_again(to_folder.room, to_folder.queue, to_folder.connection_id, row.id, ACTOR)
    with pytest.raises(FileUnknown):
        await handover_desk.mark_fetched(to_folder.room, row.id, row.id, ACTOR)


async def test_no_secret_is_said_or_logged(
    to_folder: Handing, stand: SftpStand, capsys: pytest.CaptureFixture[str]
) -> None:
    await to_folder.bind(stand.settings | {"sftp_secret": canary("another SFTP password")})
    await to_folder.work()
    row = await to_folder.row()
    assert row.handover_fault == "login"
    assert not found_in(f"{row.handover_error} {capsys.readouterr()}")


async def test_receipts_are_counted_once_and_come_in_pieces(company: Handing) -> None:
    """The ZIP is never whole in memory: not while it is measured, and not while it is sent."""
    await company.bind({"delivery": "download"})
    big = receipt("r-1.pdf", b"%PDF" + bytes(3_000_000))
    await company.close(CONTENT, replace(voucher("e1"), attachments=(big,)))
    row = await company.row()
    async with company.room.db.reading() as session:
        file = await voucher_files.closed_file(session, company.connection_id, row.id)
    parcel = await voucher_files.receipts_parcel(company.room.db, file)
    assert parcel is not None
    pieces: list[Any] = [piece async for piece in parcel.pieces()]
    assert max(len(piece) for piece in pieces) < 1_200_000
    assert sum(len(piece) for piece in pieces) == parcel.size > 3_000_000
    assert (await company.row()).receipts_sha256 == parcel.sha256
