"""The `ledgerbridge` command as a person starts it: a process of its own, real signals, always ended by its id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tests.support.forked import Fork, forked

LEDGERBRIDGE = Path(sys.executable).with_name("ledgerbridge")
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR")
"""Of our own environment; settings of a real installation must not leak into a test."""

Found = TypeVar("Found")


def until(what: str, look: Callable[[], Found | None], seconds: float = 60, pause: float = 0.1) -> Found:
    """Look again and again until there is something to see; fails after `seconds` with the last thing seen."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}; last seen: {found!r}"
        time.sleep(pause)


class Process:
    """A running command; its output goes to files, so that nobody has to read a pipe."""

    def __init__(
        self,
        name: str,
        arguments: list[str],
        environment: Mapping[str, str],
        folder: Path,
        cwd: Path | None = None,
        command: Sequence[str | Path] = (LEDGERBRIDGE,),
        *,
        fork: bool = False,
    ) -> None:
        """It runs in `cwd`, or in `folder`, where its output goes. `command` may stand in for `ledgerbridge`.

        With `fork` it is one of `tests.support.forked`, and arguments that begin with -m stand for `python`.
        """
        self._out, self._err = folder / f"{name}.out", folder / f"{name}.err"
        self._process: subprocess.Popen[bytes] | Fork
        if fork:
            self._process = forked(arguments, _inherited() | dict(environment), cwd or folder, self._out, self._err)
            return
        with self._out.open("ab") as out, self._err.open("ab") as err:
            self._process = subprocess.Popen(
                [*command, *arguments],
                env=_inherited() | dict(environment),
                cwd=cwd or folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Also the id of its process group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def stdout(self) -> str:
        return self._out.read_text(errors="replace")

    @property
    def stderr(self) -> str:
        """Where the log goes."""
        return self._err.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL: no farewell."""
        self._process.kill()
        self._process.wait(30)

    def terminate(self) -> None:
        """SIGTERM: end in good order. Nothing happens to a process that is gone."""
        self._process.terminate()

    def interrupt(self) -> None:
        """Ctrl-C, which a terminal sends to the whole group."""
        os.killpg(self.pid, signal.SIGINT)

    def wait(self, seconds: float = 60) -> int:
        """Its exit status; fails when it is still there after `seconds`."""
        return self._process.wait(seconds)

    def end(self) -> None:
        """Make sure that it is gone."""
        if self.running:
            self.terminate()
            try:
                self.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def running(
    name: str,
    arguments: list[str],
    environment: Mapping[str, str],
    folder: Path,
    cwd: Path | None = None,
    *,
    fork: bool = False,
) -> Iterator[Process]:
    """The command for the length of a `with` block; see `Process`."""
    process = Process(name, arguments, environment, folder, cwd, fork=fork)
    try:
        yield process
    finally:
        process.end()


def _inherited() -> dict[str, str]:
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
