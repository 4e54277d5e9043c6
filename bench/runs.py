"""Runs figures, each in a process of its own that is ended with everything it started, within a bounded time."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from tempfile import TemporaryDirectory, TemporaryFile
from types import TracebackType
from typing import Any

LONGEST_SECONDS = 2400
"""Of one figure; then its process is ended and the figure counts as failed."""
FAREWELL_SECONDS = 20
"""What a figure that must end gets to stop its servers and drop its databases."""
SHARED = "BENCH_SHARED"
"""Names the folder in which figures of one run leave what they share; see `bench.stage.shared`."""


class Runs:
    """The runs of one `make bench`. A context manager: what figures share is gone at its end."""

    def __init__(self, *, quick: bool, longest_seconds: float = LONGEST_SECONDS) -> None:
        self.quick = quick
        self._longest = longest_seconds
        self._folder = TemporaryDirectory(prefix="bench-")

    def __enter__(self) -> Runs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def forget(self) -> None:
        """Let what figures share be measured anew."""
        self._folder.cleanup()
        self._folder = TemporaryDirectory(prefix="bench-")

    def measure(self, name: str) -> dict[str, Any]:
        """Both terms and the ratio, or `error` with why there are none; and the seconds it took."""
        began = time.monotonic()
        found = self._run([sys.executable, "-m", "bench", "--one", name])
        return {**found, "seconds": round(time.monotonic() - began, 1)}

    def _run(self, command: list[str]) -> dict[str, Any]:
        environment = os.environ | {SHARED: self._folder.name} | ({"BENCH_QUICK": "1"} if self.quick else {})
        # Not a pipe, which a server that a figure left behind would hold open; and a group of its own, so that the
        # figure can be ended with every server it started.
        with TemporaryFile("w+") as printed:
            process = subprocess.Popen(command, env=environment, stdout=printed, start_new_session=True)
            try:
                status = process.wait(self._longest)
            except subprocess.TimeoutExpired:
                return {"error": f"not done after {self._longest:g} s"}
            finally:
                _end(process)
            printed.seek(0)
            return _read(printed.read(), status)


def _read(printed: str, status: int) -> dict[str, Any]:
    """The last line a figure printed."""
    if status != 0:
        return {"error": f"exit status {status}"}
    try:
        found: dict[str, Any] = json.loads(printed.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return {"error": "nothing that can be read"}
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and whatever of its group is left, asking first."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(FAREWELL_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
