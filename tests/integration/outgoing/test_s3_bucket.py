"""A file lies in a bucket once and whole, or a person is told why not."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from ledgerbridge.clock import utcnow
from ledgerbridge.erp.adapter import SettingsError
from ledgerbridge.erp.files import destination
from ledgerbridge.outgoing.addresses import PUBLIC, Reach
from ledgerbridge.outgoing.placing import Failing, NotPlaced, Parcel
from ledgerbridge.outgoing.s3 import Bucket
from ledgerbridge.outgoing.signing_s3 import S3Key
from tests.support.book_manners import voucher
from tests.support.canaries import canary, found_in
from tests.support.handing import handing
from tests.support.seaweed import ACCESS, BUCKET, READER, REGION, SECRET, Seaweed, seaweed

HERE = Reach(local=True)
CONTENT = bytes(range(256)) * 4096
NAME = "Å file 2026-001+1.si"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    with seaweed(tmp_path_factory.mktemp("seaweed")) as made:
        yield made


@pytest.fixture
def settings(server: Seaweed) -> dict[str, Any]:
    return server.settings(str(uuid.uuid4()))


def parcel(content: bytes = CONTENT) -> Parcel:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 50_000):
            yield content[start : start + 50_000]

    return Parcel(NAME, len(content), hashlib.sha256(content).hexdigest(), pieces)


class Cutting(httpx.AsyncBaseTransport):
    """Lets requests through to the server and spoils what a test says of a PUT, once."""

    def __init__(self, spoil: str) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self._spoil = spoil

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "PUT" or not self._spoil:
            return await self._inner.handle_async_request(request)
        spoil, self._spoil = self._spoil, ""
        if spoil == "in the middle":
            async for _ in request.stream:  # type: ignore[union-attr]
                raise httpx.WriteError("the line is dead")
        if spoil in ("reply lost", "gateway gave up"):
            await (await self._inner.handle_async_request(request)).aread()
        else:
            async for _ in request.stream:  # type: ignore[union-attr]
                pass
        if spoil == "gateway gave up":
            return httpx.Response(504, text="gateway timeout")
        raise httpx.ReadError("the line is dead")


class Noted:
    """Counts decisive steps."""

    def __init__(self) -> None:
        self.steps = 0

    async def __call__(self) -> None:
        self.steps += 1


def bucket(settings: dict[str, Any], spoil: str = "", reach: Reach = HERE) -> Bucket:
    good = destination.check(settings)
    key = S3Key(good["s3_access_key"], good["s3_region"], good["s3_secret_key"])
    transport = Cutting(spoil) if spoil else None
    return Bucket(good["s3_address"], key, reach, utcnow, looks=(0.01, 0.05), transport=transport)


async def refused(settings: dict[str, Any], spoil: str = "", *, sent: bool = False) -> tuple[NotPlaced, int]:
    noted = Noted()
    with pytest.raises(NotPlaced) as caught:
        await bucket(settings, spoil).put(parcel(), decisive=noted, sent=sent)
    assert not found_in(f"{caught.value!r} {caught.value} {caught.value.detail}")
    return caught.value, noted.steps


def there(server: Seaweed, settings: dict[str, Any]) -> bytes | None:
    path = settings["s3_address"].removeprefix(f"{server.address}/")
    found = server.call("GET", f"{path}/%C3%85%20file%202026-001%2B1.si")
    return found.content if found.status_code == 200 else None


async def test_a_file_is_put_there_once_and_found_there_the_next_time(
    server: Seaweed, settings: dict[str, Any]
) -> None:
    noted = Noted()
    assert await bucket(settings).put(parcel(), decisive=noted)
    assert not await bucket(settings).put(parcel(), decisive=noted)
    assert noted.steps == 1
    assert there(server, settings) == CONTENT


async def test_other_bytes_under_the_name_are_left_as_they_are(server: Seaweed, settings: dict[str, Any]) -> None:
    assert await bucket(settings).put(parcel(b"somebody else's"))
    assert (await refused(settings))[0].failing is Failing.OTHER_FILE
    assert there(server, settings) == b"somebody else's"


async def test_two_who_create_at_once_never_overwrite_each_other(settings: dict[str, Any]) -> None:
    """The server refuses the second: the name was free when both looked."""
    ready = asyncio.Barrier(2)

    async def meet() -> None:
        await ready.wait()

    contents = (CONTENT, bytes(reversed(CONTENT)))
    puts = [bucket(settings).put(parcel(one), decisive=meet) for one in contents]
    first, second = sorted(await asyncio.gather(*puts, return_exceptions=True), key=lambda one: one is not True)
    assert first is True
    assert isinstance(second, NotPlaced)
    assert second.failing in (Failing.OTHER_FILE, Failing.BUSY)


async def test_a_line_cut_in_mid_upload_leaves_no_file_and_no_doubt(server: Seaweed, settings: dict[str, Any]) -> None:
    failed, steps = await refused(settings, "in the middle")
    assert (failed.failing, failed.sent, steps) == (Failing.BROKEN, False, 0)
    assert there(server, settings) is None
    assert await bucket(settings).put(parcel())


@pytest.mark.parametrize("spoil", ["reply lost", "gateway gave up"])
async def test_a_file_whose_reply_was_lost_is_found(server: Seaweed, settings: dict[str, Any], spoil: str) -> None:
    assert await bucket(settings, spoil).put(parcel())
    assert there(server, settings) == CONTENT


async def test_a_file_that_is_nowhere_after_a_lost_reply_is_in_doubt(settings: dict[str, Any]) -> None:
    failed, steps = await refused(settings, "never arrived")
    assert (failed.failing, failed.sent, steps) == (Failing.BROKEN, True, 1)
    failed, steps = await refused(settings, sent=True)
    assert (failed.failing, steps) == (Failing.IN_DOUBT, 0)


async def test_nothing_is_sent_to_this_machine_where_it_must_not_be(settings: dict[str, Any]) -> None:
    with pytest.raises(NotPlaced, match="leads to this machine"):
        await bucket(settings, reach=PUBLIC).put(parcel())


async def fault(settings: dict[str, Any], **changed: Any) -> tuple[str, str]:
    with pytest.raises(SettingsError) as caught:
        await destination.test(destination.check({**settings, **changed}), HERE)
    (told,) = caught.value.errors.items()
    return told


async def test_the_test_leaves_nothing_behind_or_says_what_is_missing(
    server: Seaweed, settings: dict[str, Any]
) -> None:
    await destination.test(destination.check(settings), HERE)
    assert "ledgerbridge-test" not in server.call("GET", BUCKET).text
    field, text = await fault(settings, s3_secret_key=canary("wrong S3 key"))
    assert (field, text.split(".")[0]) == ("s3_secret_key", "The server refuses the access key")
    assert (await fault(settings, s3_access_key="AKNOBODY"))[0] == "s3_secret_key"
    field, text = await fault(settings, s3_address=f"{server.address}/no-such-bucket")
    assert field == "s3_address"
    assert "no such bucket" in text
    _, text = await fault(settings, s3_access_key=READER)
    assert "may not write there" in text


async def test_what_is_no_such_server_is_told() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        writer.close()

    standing = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = standing.sockets[0].getsockname()[1]
    settings = {
        "delivery": "s3",
        "s3_address": f"http://127.0.0.1:{port}/bucket",
        "s3_access_key": ACCESS,
        "s3_secret_key": SECRET,
        "s3_region": REGION,
    }
    async with standing:
        assert "not an S3-compatible server" in (await fault(settings))[1]
    assert "Nothing answers" in (await fault(settings))[1]


async def test_a_closed_file_and_its_receipts_reach_the_bucket(
    server: Seaweed, settings: dict[str, Any], database_url: str
) -> None:
    async with handing(database_url) as company:
        await company.bind(destination.check(settings))
        await company.close(CONTENT, voucher("e1"), name=NAME)
        await company.work()
        row = await company.row()
        assert (row.handover_state, row.handover_place) == ("done", settings["s3_address"])
        assert row.handover_sent_at is None
        assert there(server, settings) == CONTENT
        path = settings["s3_address"].removeprefix(f"{server.address}/")
        packed = server.call("GET", f"{path}/%C3%85%20file%202026-001%2B1.zip").content
        assert hashlib.sha256(packed).hexdigest() == row.receipts_sha256
