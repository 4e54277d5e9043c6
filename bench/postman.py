"""Deliveries as bytes, and those who bring them: processes of their own that keep their connections alive."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from ledgerbridge.pleo.signature import sign

POSTMEN = 2
"""Processes."""
CONNECTIONS = 12
"""Of each of them."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the deliveries of one company go, and how they are signed."""

    company_id: str
    token: str
    secret: str


def delivery(address: Address) -> bytes:
    """A whole HTTP request about a new export job, signed now."""
    data = {"companyId": address.company_id, "id": str(uuid.uuid4()), "status": "pending", "numberOfItems": 12}
    body = json.dumps({"data": data, "eventId": str(uuid.uuid4()), "eventType": "v1.export-job.created"}).encode()
    webhook_id, now = f"msg_{uuid.uuid4().hex}", int(time.time())
    head = (
        f"POST /webhooks/pleo/{address.token} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: Pleo\r\naccept: */*\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\nwebhook-id: {webhook_id}\r\n"
        f"webhook-timestamp: {now}\r\nwebhook-signature: {sign(address.secret, webhook_id, now, body)}\r\n\r\n"
    )
    return head.encode() + body


def deliveries(addresses: Sequence[Address], count: int) -> list[bytes]:
    """Distinct ones, for one company after the other."""
    return [delivery(addresses[number % len(addresses)]) for number in range(count)]


def rate(port: int, requests: Sequence[bytes]) -> float:
    """Deliveries a second when the next one is sent as soon as one is answered."""
    shares = [requests[number::POSTMEN] for number in range(POSTMEN)]
    with ProcessPoolExecutor(POSTMEN, get_context("fork")) as pool:
        times = list(pool.map(_bring_in_turn, [port] * POSTMEN, shares))
    return len(requests) / (max(end for _, end in times) - min(begin for begin, _ in times))


def latencies(port: int, requests: Sequence[bytes], a_second: float) -> list[float]:
    """Seconds from when each was due to its answer; they come by the clock, whether or not others were answered."""
    with ProcessPoolExecutor(1, get_context("fork")) as pool:
        return pool.submit(_bring_by_clock, port, requests, a_second).result()


def _bring_in_turn(port: int, requests: Sequence[bytes]) -> tuple[float, float]:
    return asyncio.run(_in_turn(port, requests))


async def _in_turn(port: int, requests: Sequence[bytes]) -> tuple[float, float]:
    lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS)]
    waiting = iter(requests)

    async def bring(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for request in waiting:
            await _exchange(reader, writer, request)

    began = time.monotonic()
    await asyncio.gather(*(bring(*line) for line in lines))
    ended = time.monotonic()
    for _, writer in lines:
        writer.close()
    return began, ended


def _bring_by_clock(port: int, requests: Sequence[bytes], a_second: float) -> list[float]:
    return asyncio.run(_by_clock(port, requests, a_second))


async def _by_clock(port: int, requests: Sequence[bytes], a_second: float) -> list[float]:
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS)]
    took: list[float] = []

    async def bring(due: float, request: bytes) -> None:
        line = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
        await _exchange(*line, request)
        took.append(time.monotonic() - due)
        idle.append(line)

    began = time.monotonic() + 0.1
    under_way = []
    for number, request in enumerate(requests):
        due = began + number / a_second
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        under_way.append(asyncio.create_task(bring(due, request)))
    await asyncio.gather(*under_way)
    for _, writer in idle:
        writer.close()
    return took


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    """Send one and read its answer. Raises RuntimeError unless it was taken."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    body = await reader.readexactly(int(length.partition(b":")[2]))
    if not head.startswith(b"HTTP/1.1 202"):
        raise RuntimeError(f"{head.splitlines()[0].decode()}: {body.decode()[:200]}")
