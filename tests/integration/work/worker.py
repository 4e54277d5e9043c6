"""A program: a worker that knows the jobs `nap` and `deaf` and the periodic `tick`, and says what it does.

`python -m tests.integration.work.worker <database url> <rescue seconds> <grace seconds>`
"""

from __future__ import annotations

import asyncio
import signal
import sys

from ledgerbridge.work.queue import Queue


def tell(*words: str) -> None:
    print(*words, flush=True)


async def nap(seconds: float) -> None:
    tell("began")
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        tell("cancelled")
        raise
    tell("finished")


async def deaf(seconds: float) -> None:
    tell("began")
    while True:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            tell("ignored")


async def tick() -> None:
    tell("tick")


async def main(url: str, rescue: float, grace: float) -> None:
    stop = asyncio.Event()

    def asked() -> None:
        tell("stopping")
        stop.set()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked)
    queue = Queue(url, rescue_seconds=rescue, grace_seconds=grace)
    queue.register("nap", nap)
    queue.register("deaf", deaf)
    queue.every("tick", 0.5, tick)
    await queue.run_worker(stop)
    tell("drained")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])))
