"""A file lies in a folder on a server once and whole, or a person is told why not."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from ledgerbridge.erp.adapter import SettingsError
from ledgerbridge.erp.files import destination
from ledgerbridge.outgoing.addresses import PUBLIC, Reach
from ledgerbridge.outgoing.placing import Failing, NotPlaced, Parcel
from ledgerbridge.outgoing.sftp import Sftp, SftpLogin
from tests.support.canaries import canary, found_in
from tests.support.sftp_server import PASSWORD, USER, SftpStand, sftp_stand

HERE = Reach(local=True)
CONTENT = bytes(range(256)) * 4096
"""A megabyte."""


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[SftpStand]:
    async with sftp_stand(tmp_path) as made:
        yield made


def parcel(content: bytes = CONTENT, name: str = "EXP-2026-001.si") -> Parcel:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 50_000):
            yield content[start : start + 50_000]

    return Parcel(name, len(content), hashlib.sha256(content).hexdigest(), pieces)


class Noted:
    """Counts decisive steps."""

    def __init__(self) -> None:
        self.steps = 0

    async def __call__(self) -> None:
        self.steps += 1


async def put(stand: SftpStand, wanted: Parcel | None = None, *, sent: bool = False, **changed: Any) -> bool:
    patience = changed.pop("patience", 10.0)
    found = destination.read(destination.check(stand.settings | changed))
    assert found is not None
    place = found.place(HERE)
    assert isinstance(place, Sftp)
    place._patience = patience
    return await place.put(wanted or parcel(), decisive=Noted(), sent=sent)


async def refused(stand: SftpStand, wanted: Parcel | None = None, *, sent: bool = False, **changed: Any) -> NotPlaced:
    with pytest.raises(NotPlaced) as caught:
        await put(stand, wanted, sent=sent, **changed)
    assert not found_in(f"{caught.value!r} {caught.value} {caught.value.detail}")
    return caught.value


async def test_a_file_is_put_there_once_and_found_there_the_next_time(stand: SftpStand) -> None:
    assert await put(stand)
    assert not await put(stand)
    assert stand.files == {"EXP-2026-001.si": CONTENT}


async def test_other_bytes_under_the_name_are_left_as_they_are(stand: SftpStand) -> None:
    for other in (b"somebody else's", bytes(len(CONTENT))):
        (stand.folder / "in" / "EXP-2026-001.si").write_bytes(other)
        assert (await refused(stand)).failing is Failing.OTHER_FILE
        assert stand.files == {"EXP-2026-001.si": other}


async def test_a_line_cut_in_mid_upload_leaves_no_file_and_the_next_try_a_whole_one(stand: SftpStand) -> None:
    stand.break_after = 300_000
    failed = await refused(stand)
    assert (failed.failing, failed.sent) == (Failing.BROKEN, False)
    assert "EXP-2026-001.si" not in stand.files
    assert await put(stand)
    assert stand.files == {"EXP-2026-001.si": CONTENT}


async def test_a_rename_whose_reply_is_lost_is_found_done(stand: SftpStand) -> None:
    stand.rename = "lost"
    failed = await refused(stand)
    assert (failed.failing, failed.sent) == (Failing.BROKEN, True)
    assert not await put(stand, sent=True)
    assert stand.files == {"EXP-2026-001.si": CONTENT}


async def test_a_rename_that_never_happened_is_done_from_the_file_that_is_there_already(stand: SftpStand) -> None:
    stand.rename = "cut"
    assert (await refused(stand)).sent
    stand.full_after = 0
    assert await put(stand, sent=True)
    assert stand.files == {"EXP-2026-001.si": CONTENT}


async def test_a_file_that_was_fetched_before_the_reply_came_is_never_put_there_again(stand: SftpStand) -> None:
    stand.rename = "taken"
    assert (await refused(stand)).sent
    assert (await refused(stand, sent=True)).failing is Failing.IN_DOUBT
    assert stand.files == {}


async def test_a_full_disk_is_told_and_room_mends_it(stand: SftpStand) -> None:
    stand.full_after = 200_000
    assert (await refused(stand)).failing is Failing.FULL
    stand.full_after = None
    assert await put(stand)


async def test_a_slow_server_is_not_waited_for_endlessly(stand: SftpStand) -> None:
    stand.slow = 1.5
    assert (await refused(stand, patience=0.4)).failing is Failing.BROKEN


async def test_a_file_that_never_ends_is_not_read_for_ever(stand: SftpStand) -> None:
    assert await put(stand)
    stand.endless = True
    async with asyncio.timeout(20):
        assert (await refused(stand)).failing is Failing.OTHER_FILE


async def test_what_the_user_may_not_do_is_named(stand: SftpStand) -> None:
    stand.rename = "refused"
    assert (await refused(stand)).failing is Failing.MAY_NOT_RENAME
    stand.rename = "works"
    assert (await refused(stand, sftp_address=f"{stand.address}/nowhere")).failing is Failing.FOLDER
    assert await put(stand)
    stand.may_read = False
    assert (await refused(stand)).failing is Failing.MAY_NOT_READ


async def test_a_wrong_password_is_told(stand: SftpStand) -> None:
    assert (await refused(stand, sftp_secret=canary("wrong password"))).failing is Failing.LOGIN


async def test_a_server_with_another_key_gets_no_password(stand: SftpStand) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").get_fingerprint()
    failed = await refused(stand, sftp_host_key=other)
    assert (failed.failing, failed.detail) == (Failing.HOST_KEY, stand.fingerprint)
    assert stand.passwords == []
    assert await put(stand, sftp_host_key=f"{other}, {stand.fingerprint}")


async def test_a_private_key_lets_in_also_when_its_line_ends_were_lost(stand: SftpStand) -> None:
    stand.client_key = asyncssh.generate_private_key("ssh-ed25519")
    pasted = stand.client_key.export_private_key().decode().replace("\n", " ")
    assert await put(stand, sftp_secret=pasted)
    assert stand.passwords == []


async def test_this_machine_and_private_networks_are_not_called(stand: SftpStand) -> None:
    login = SftpLogin("127.0.0.1", stand.port, USER, "in", (stand.fingerprint,), PASSWORD)
    with pytest.raises(NotPlaced, match="leads to this machine"):
        await Sftp(login, PUBLIC).probe()
    assert stand.connections == []


async def test_a_server_that_speaks_another_language_is_told_and_gets_nothing() -> None:
    heard = bytearray()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        heard.extend(await reader.read(1000))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(NotPlaced) as caught:
            await Sftp(SftpLogin("127.0.0.1", port, USER, "", (), PASSWORD), HERE, patience=2).probe()
    assert caught.value.failing in (Failing.NOT_IT, Failing.BROKEN)
    assert PASSWORD.encode() not in heard
    with pytest.raises(NotPlaced) as caught:
        await Sftp(SftpLogin("127.0.0.1", port, USER, "", (), PASSWORD), HERE).probe()
    assert caught.value.failing is Failing.UNREACHABLE


async def fault(stand: SftpStand, **changed: Any) -> tuple[str, str]:
    settings = destination.check({**stand.settings, **changed})
    with pytest.raises(SettingsError) as caught:
        await destination.test(settings, HERE)
    (told,) = caught.value.errors.items()
    return told


async def test_the_test_shows_the_fingerprint_to_be_compared_before_anything_is_sent(stand: SftpStand) -> None:
    field, text = await fault(stand, sftp_host_key="")
    assert field == "sftp_host_key"
    assert stand.fingerprint in text
    assert "Compare it" in text
    assert stand.passwords == []


async def test_the_test_leaves_nothing_behind_or_says_what_is_missing(stand: SftpStand) -> None:
    await destination.test(destination.check(stand.settings), HERE)
    assert stand.files == {}
    field, text = await fault(stand, sftp_address=f"{stand.address}/nowhere")
    assert (field, "no such folder" in text) == ("sftp_address", True)
    stand.may_delete = False
    _, text = await fault(stand)
    assert "remove the test file" in text
    field, text = await fault(stand, sftp_secret=canary("wrong password"))
    assert (field, "refuses user name or password" in text) == ("sftp_secret", True)


async def test_no_key_is_agreed_on_in_a_way_that_is_given_up(stand: SftpStand) -> None:
    """By the library's own defaults it would be."""
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[stand.host_key], kex_algs=["diffie-hellman-group14-sha1", "rsa2048-sha256"]
    )
    address = {"sftp_address": f"sftp://127.0.0.1:{server.sockets[0].getsockname()[1]}/in"}
    try:
        with pytest.raises(SettingsError) as caught:
            await destination.test(stand.settings | address, HERE)
    finally:
        server.close()
    assert set(caught.value.errors) == {"sftp_address"}
