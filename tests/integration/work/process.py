"""A worker in a process of its own, to be killed and signalled for real."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

WORKER = """
import asyncio, signal, sys
from ledgerbridge.work.queue import Queue

url, rescue, grace = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])

def tell(*words):
    print(*words, flush=True)

async def nap(seconds):
    tell("began")
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        tell("cancelled")
        raise
    tell("finished")

async def deaf(seconds):
    tell("began")
    while True:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            tell("ignored")

async def tick():
    tell("tick")

async def main():
    stop = asyncio.Event()

    def asked():
        tell("stopping")
        stop.set()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked)
    queue = Queue(url, rescue_seconds=rescue, grace_seconds=grace)
    queue.register("nap", nap)
    queue.register("deaf", deaf)
    queue.every("tick", 0.5, tick)
    await queue.run_worker(stop)
    tell("drained")

asyncio.run(main())
"""


class WorkerProcess:
    """Knows the jobs `nap` and `deaf` and the periodic `tick`, and says what it does."""

    def __init__(self, url: str, rescue: float, grace: float = 5) -> None:
        self.said: list[str] = []
        arguments = [sys.executable, "-c", WORKER, url, str(rescue), str(grace)]
        self._process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line.strip())

    def kill(self) -> None:
        """SIGKILL: no farewell."""
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def terminate(self) -> None:
        os.kill(self._process.pid, signal.SIGTERM)

    async def end(self, seconds: float = 60) -> int:
        """Wait for it to end by itself; its exit status."""
        status = await asyncio.to_thread(self._process.wait, seconds)
        self._reader.join(5)
        return status

    @property
    def alive(self) -> bool:
        return self._process.poll() is None


@contextlib.contextmanager
def worker_process(url: str, rescue: float, grace: float = 5) -> Iterator[WorkerProcess]:
    process = WorkerProcess(url, rescue, grace)
    try:
        yield process
    finally:
        if process.alive:
            process.kill()
