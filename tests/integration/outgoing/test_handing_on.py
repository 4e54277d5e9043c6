"""A receipt on its way from Pleo's file host to the ERP: never whole in memory, never changed, never left behind."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.erp.port import Attachment, ErpError
from ledgerbridge.erp.tryton import attachments
from ledgerbridge.erp.tryton.client import Client, http_client
from ledgerbridge.erp.tryton.patience import Patience
from ledgerbridge.erp.tryton.settings import Access
from ledgerbridge.outgoing.addresses import Reach
from ledgerbridge.outgoing.files import HeldFile
from ledgerbridge.pleo.downloads import Downloader, DownloadFailed, LinkExpired, NotKept, TooLarge, files_client
from tests.integration.outgoing.conftest import Internet, Server

Talk = Callable[["Host", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Authority = tuple[ssl.SSLContext, ssl.SSLContext]
ERP = "93.184.216.34"
MB = 1024 * 1024
CONTENT = b"%PDF-1.7 " + bytes(at * 7 % 256 for at in range(300_000))


@dataclass
class Host:
    """A server that answers each request as its turn says; what it was sent it keeps, or only its digest."""

    talk: Talk
    port: int = 0
    heads: list[str] = field(default_factory=list)
    body: bytes = b""
    length: int = 0
    digest: str = ""

    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
            await self.talk(self, reader, writer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def host(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[Host]:
    made = Host(talk)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made


def answer(status: int, body: bytes, kind: str, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


REFUSED = b'{"message": "No files on Fridays", "description": ""}'
MADE = answer(200, b'{"id": 2, "name": "x"}', "application/json")


async def take(host: Host, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytes = MADE) -> None:
    """As Tryton: read all that was announced, then say that it was made."""
    left = int(host.heads[-1].lower().partition("content-length: ")[2].split("\r\n")[0])
    digest = hashlib.sha256()
    while left and (piece := await reader.read(min(left, 65536))):
        digest.update(piece)
        left -= len(piece)
        host.length += len(piece)
        host.body = (host.body + piece)[:1000]
    host.digest = digest.hexdigest()
    writer.write(said)


@asynccontextmanager
async def opened(to: Host, internet: Internet | None = None) -> AsyncIterator[Client]:
    """A Tryton at this host, with an `internet` by its name and over TLS."""
    base_url, transport = f"http://127.0.0.1:{to.port}", None
    if internet is not None:
        internet.names, internet.routes = {"erp.example": [[ERP]]}, {ERP: Server(port=to.port)}
        base_url, transport = "https://erp.example", internet.transport()
    settings = Access(base_url=base_url, database="books", api_key="key")
    async with http_client(settings, transport, reach=Reach(local=True)) as http:
        yield Client(http, Patience(tries=1))


def receipt(file: HeldFile) -> Attachment:
    return Attachment("R-1.pdf", "application/pdf", file)


async def upload(to: Host, file: HeldFile, internet: Internet | None = None) -> None:
    async with opened(to, internet) as client:
        await attachments.upload(client, "account.move,7", receipt(file))


@asynccontextmanager
async def downloads(**options: float) -> AsyncIterator[Downloader]:
    async def soon(_: float) -> None:
        await asyncio.sleep(0)

    async with files_client(local_allowed=True) as http:
        yield Downloader(http, local_allowed=True, sleep=soon, **options)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def no_file_stays() -> Iterator[None]:
    def held() -> int:
        links = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
        return sum("(deleted)" in os.readlink(link) for link in links if os.path.islink(link))

    before = held()
    yield
    assert held() == before


def sent(content: bytes) -> bytes:
    """The body as it was sent when receipts were sent at once."""
    tagged = {"__class__": "bytes", "base64": base64.b64encode(content).decode()}
    values = {"name": "R-1.pdf", "type": "data", "resource": "account.move,7", "data": tagged}
    return json.dumps(values, separators=(",", ":")).encode()


@pytest.mark.rule("EXP-ATT-03")
async def test_a_receipt_arrives_as_it_is_with_its_length_announced() -> None:
    async with host(take) as erp:
        await upload(erp, HeldFile.of(CONTENT))
    assert erp.digest == hashlib.sha256(sent(CONTENT)).hexdigest()
    assert "transfer-encoding" not in erp.heads[0].lower()
    assert f"Content-Length: {len(sent(CONTENT))}\r\n" in erp.heads[0]
    assert "Content-Type: application/json\r\n" in erp.heads[0]


async def test_a_receipt_of_many_megabytes_needs_memory_for_a_few_pieces() -> None:
    size, piece = 16 * MB, bytes(65536)

    async def give(_: Host, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(200, b"", "application/pdf", size))
        for _ in range(size // len(piece)):
            writer.write(piece)
            await writer.drain()

    async with host(give) as files, host(take) as erp, downloads() as fetching:
        tracemalloc.start()
        try:
            with (await fetching.fetch(f"http://127.0.0.1:{files.port}/f/1")).file as file:
                assert file.size == size
                await upload(erp, file)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert erp.length > size // 3 * 4
    assert peak < 3 * MB


async def hang_up(_: Host, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(413, b"<p>too large</p>", "text/html"))


async def hang_up_later(_: Host, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(200_000)
    writer.write(answer(400, REFUSED, "application/json"))


async def read_on(_: Host, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(413, b"<p>too large</p>", "text/html"))
    await writer.drain()
    while await reader.read(65536):
        pass


async def wait(_: Host, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(413, b"<p>too large</p>", "text/html"))
    await writer.drain()
    await asyncio.sleep(20)


@pytest.mark.rule("EXP-ATT-14", "EXP-REC-04")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("size", [1, 6], ids=["1 MB", "6 MB"])
@pytest.mark.parametrize(
    ("talk", "failure"),
    [
        (hang_up, Failure.RECEIPT_TOO_LARGE),
        (hang_up_later, Failure.RECEIPT_UPLOAD),
        (read_on, Failure.RECEIPT_TOO_LARGE),
        (wait, Failure.RECEIPT_TOO_LARGE),
    ],
    ids=["and hangs up", "in the middle and hangs up", "and reads on", "and reads no more"],
)
async def test_a_refusal_that_comes_while_the_file_is_sent_is_heard(
    internet: Internet, authority: Authority, talk: Talk, failure: Failure, size: int, tls: bool
) -> None:
    """A refusal that is missed would be an outcome that nobody knows."""
    async with host(talk, authority[0] if tls else None) as erp:
        with pytest.raises(ErpError) as refused:
            await upload(erp, HeldFile.of(bytes(size * MB)), internet if tls else None)
    assert refused.value.problem.failure is failure
    assert not refused.value.outcome_unknown


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_a_server_that_says_go_on_is_sent_all(internet: Internet, authority: Authority, tls: bool) -> None:
    async def encourage(host: Host, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await take(host, reader, writer)

    content = os.urandom(MB)
    async with host(encourage, authority[0] if tls else None) as erp:
        await upload(erp, HeldFile.of(content), internet if tls else None)
    assert erp.digest == hashlib.sha256(sent(content)).hexdigest()


async def test_receipts_one_after_another_go_over_one_connection() -> None:
    async def keep(host: Host, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await take(host, reader, writer, MADE.replace(b"Connection: close\r\n", b""))
            host.heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))

    async with host(keep) as erp, opened(erp) as client:
        for _ in range(3):
            await attachments.upload(client, "account.move,7", receipt(HeldFile.of(CONTENT)))
            assert erp.digest == hashlib.sha256(sent(CONTENT)).hexdigest()
    assert (len(erp.heads), erp.connections) == (3, 1)


async def test_a_receipt_that_cannot_be_read_again_is_cut_off_and_taken_by_nobody() -> None:
    with HeldFile() as file:
        file.add(bytes(MB))
        os.truncate(file._file.fileno(), MB // 2)
        async with host(take) as erp:
            with pytest.raises(ErpError) as refused:
                await upload(erp, file)
            assert refused.value.problem.failure is Failure.RECEIPT_NOT_KEPT
            assert "temporary files" in refused.value.problem.internal
    assert erp.length < int(erp.heads[0].partition("Content-Length: ")[2].split("\r\n")[0])


@pytest.mark.rule("EXP-ATT-08")
async def test_a_download_that_breaks_off_begins_anew() -> None:
    async def give(host: Host, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cut = len(CONTENT) // 2 if len(host.heads) < 3 else len(CONTENT)
        writer.write(answer(200, CONTENT[:cut], "application/pdf", len(CONTENT)))

    async with host(give) as files, downloads() as fetching:
        with (await fetching.fetch(f"http://127.0.0.1:{files.port}/f/1")).file as file:
            assert file.whole() == CONTENT
    assert len(files.heads) == 3


def refusing(status: int) -> Talk:
    async def give(_: Host, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(status, b"x" * MB, "text/html", 64 * MB))

    return give


@pytest.mark.parametrize(("status", "error"), [(404, LinkExpired), (418, DownloadFailed), (200, TooLarge)])
async def test_of_a_refusal_and_of_a_file_too_large_nothing_is_kept(status: int, error: type[Exception]) -> None:
    async with host(refusing(status)) as files, downloads(max_bytes=MB // 2) as fetching:
        with pytest.raises(error):
            await fetching.fetch(f"http://127.0.0.1:{files.port}/f/1")
    assert len(files.heads) == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
async def test_a_full_disk_is_told_at_once_and_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def give(_: Host, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(200, CONTENT, "application/pdf"))

    monkeypatch.setattr(
        "ledgerbridge.outgoing.files.tempfile.TemporaryFile",
        lambda buffering: open("/dev/full", "r+b", buffering),  # noqa: SIM115
    )
    async with host(give) as files, downloads() as fetching:
        with pytest.raises(NotKept, match="No space left on device"):
            await fetching.fetch(f"http://127.0.0.1:{files.port}/f/1")
    assert len(files.heads) == 1
