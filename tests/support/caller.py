"""A program: a replica without a web server that makes many calls to Pleo at the same instant.

`python -m tests.support.caller <connection> <calls>` says `ready`, waits for SIGUSR1, and prints how many were
answered.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import uuid

from ledgerbridge.app import running
from ledgerbridge.connections.access import open_pleo
from ledgerbridge.pleo.installations import InstallationsApi
from ledgerbridge.settings import Settings


async def call(connection_id: uuid.UUID, times: int) -> int:
    """How many of the calls were answered."""
    async with running(Settings(), worker=False) as services:
        room = services.connections
        clients = [await open_pleo(room, connection_id) for _ in range(times)]
        told = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, told.set)
        print("ready", flush=True)
        await told.wait()
        answers = await asyncio.gather(*(InstallationsApi(client).get() for client in clients))
        return len(answers)


if __name__ == "__main__":
    print(asyncio.run(call(uuid.UUID(sys.argv[1]), int(sys.argv[2]))), flush=True)
