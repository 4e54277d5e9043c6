"""A worker in a process of its own, to be killed and signalled for real."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from tests.support.commands import Process


class WorkerProcess:
    """One of `worker`, as a fork (`tests.support.forked`)."""

    def __init__(self, url: str, rescue: float, folder: Path, grace: float) -> None:
        arguments = ["-m", "tests.integration.work.worker", url, str(rescue), str(grace)]
        self._process = Process(f"worker-{uuid.uuid4().hex}", arguments, {}, folder, fork=True)

    @property
    def said(self) -> list[str]:
        """What it has said so far, line by line."""
        return [line.strip() for line in self._process.stdout.splitlines()]

    def kill(self) -> None:
        """SIGKILL: no farewell."""
        self._process.kill()

    def terminate(self) -> None:
        self._process.terminate()

    async def end(self, seconds: float = 60) -> int:
        """Wait for it to end by itself; its exit status."""
        return await asyncio.to_thread(self._process.wait, seconds)

    @property
    def alive(self) -> bool:
        return self._process.running


@contextlib.contextmanager
def worker_process(folder: Path, url: str, rescue: float, grace: float = 5) -> Iterator[WorkerProcess]:
    """What it says goes to `folder`."""
    process = WorkerProcess(url, rescue, folder, grace)
    try:
        yield process
    finally:
        if process.alive:
            process.kill()
