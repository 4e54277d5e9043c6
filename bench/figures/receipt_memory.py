"""Memory for handing a receipt on: what a process needs beyond what it has, while 30 MB go from Pleo to Tryton.

Ours: in a process of its own that does only this, the service's downloader fetches a file of 30 MB (Pleo's limit for
one) from a server, and the service's Tryton client hangs it on an entry at another, which takes Tryton's call and reads
every byte of it. Measured is the highest resident memory (`VmHWM`, set back before) less the resident memory before,
in MiB, after a receipt of 100 kB went the same way, so that libraries loaded on first use do not count. The median of
some processes. On disk lie 30 MB meanwhile; the kernel's cache of them belongs to nobody and is given up when needed.

Bare: 1 MiB, the unit of the goal. In the detail stands the same with the file read whole and sent whole.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.stage import size
from bench.terms import Figure, Terms
from ledgerbridge.erp.port import Attachment
from ledgerbridge.erp.tryton import attachments
from ledgerbridge.erp.tryton.client import Client, http_client
from ledgerbridge.erp.tryton.patience import Patience
from ledgerbridge.erp.tryton.settings import Access
from ledgerbridge.outgoing.addresses import Reach
from ledgerbridge.pleo.downloads import Downloader, files_client

FIGURE = Figure("forwarding a 30 MB receipt: extra memory", floor=64, aim=16, higher_is_better=False)
RECEIPT, SMALL = 30 * 1024 * 1024, 100_000
_MIB = 1024 * 1024
_PIECE = bytes(64 * 1024)
_MADE = b'{"id": 2, "name": "x"}'


def measure() -> Terms:
    return asyncio.run(_measure(rounds=size(5, 1)))


async def _measure(rounds: int) -> Terms:
    extras: dict[str, list[float]] = {"in pieces": [], "whole": []}
    async with _server(_file_host) as files, _server(_tryton) as tryton:
        for _ in range(rounds):
            for manner, found in extras.items():
                found.append(await _child(manner, files, tryton))
    median = {manner: statistics.median(found) for manner, found in extras.items()}
    detail = {"receipt_mib": RECEIPT / _MIB, "whole_mib": round(median["whole"], 2), "rounds": extras["in pieces"]}
    return Terms(round(median["in pieces"], 2), 1.0, "MiB", detail)


# ------------------------------------------------------------------ both servers


@asynccontextmanager
async def _server(talk: Any) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                await talk(head, reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _file_host(head: str, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    left = int(head.split(" ")[1].rpartition("/")[2])
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nContent-Length: {left}\r\n\r\n".encode())
    while left:
        piece = _PIECE[:left]
        left -= len(piece)
        writer.write(piece)
        await writer.drain()


async def _tryton(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    left = int(head.lower().partition("content-length: ")[2].split("\r\n")[0])
    while left:
        left -= len(await reader.read(min(left, len(_PIECE))))
    kind = "Content-Type: application/json"
    writer.write(f"HTTP/1.1 200 OK\r\n{kind}\r\nContent-Length: {len(_MADE)}\r\n\r\n".encode() + _MADE)


# ------------------------------------------------------------------ the process that is measured


async def _child(manner: str, files: str, tryton: str) -> float:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.figures.receipt_memory", manner, files, tryton, stdout=subprocess.PIPE
    )
    try:
        said, _ = await asyncio.wait_for(child.communicate(), 120)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return float(json.loads(said))


async def _hand_on(manner: str, files: str, tryton: str) -> float:
    """MiB that the large receipt took beyond what was there before."""
    access = Access(base_url=tryton, database="books", api_key="key")
    async with files_client(local_allowed=True) as files_http, http_client(access, reach=Reach(local=True)) as http:
        downloads, client = Downloader(files_http, local_allowed=True), Client(http, Patience(tries=1))

        async def one(length: int) -> None:
            with (await downloads.fetch(f"{files}/{length}")).file as file:
                if file.size != length:
                    raise RuntimeError(f"{file.size} bytes came instead of {length}")
                if manner == "in pieces":
                    receipt = Attachment("R-1-1.pdf", "application/pdf", file)
                    await attachments.upload(client, "account.move,7", receipt)
                else:
                    values = {"name": "R-1-1.pdf", "type": "data", "resource": "account.move,7", "data": file.whole()}
                    await client.create("ir.attachment", values, ("name",))

        await one(SMALL)
        Path("/proc/self/clear_refs").write_text("5")
        before = _status("VmRSS")
        await one(RECEIPT)
        return (_status("VmHWM") - before) / 1024


def _status(name: str) -> int:
    """KiB."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[name].split()[0])


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_hand_on(*sys.argv[1:4]))))
