"""Commands of ours without the two seconds of a processor that every start of Python with all our modules costs.

A parent has imported everything, and each command is a fork of it: a process of its own in a session of its own, with
its own environment, folder, output and signals. What a start from nothing does is tried by the tests of the command.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class Fork:
    """As much of `subprocess.Popen` as `tests.support.commands.Process` needs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = _parent().ask({"poll": self.pid})
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        end = time.monotonic() + (timeout or 3600)
        while (status := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("a fork", timeout or 3600)
            time.sleep(0.01)
        return status

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def forked(arguments: list[str], environment: Mapping[str, str], cwd: Path, out: Path, err: Path) -> Fork:
    """`ledgerbridge` with these arguments, or `python` if they begin with -m."""
    order = {"run": arguments, "environment": dict(environment), "cwd": str(cwd), "out": str(out), "err": str(err)}
    return Fork(_parent().ask(order))


class _Parent:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self._one_at_a_time = threading.Lock()

    def ask(self, order: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._one_at_a_time:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


_parents: list[_Parent] = []


def _parent() -> _Parent:
    if not _parents:
        _parents.append(_Parent())
        atexit.register(_parents[0].close)
    return _parents[0]


# ------------------------------------------------------------------ in the parent and its children


def _ended(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _become(order: dict[str, Any]) -> None:
    """Now in the child: be what the order says as far as a process can tell."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for number, opened in enumerate((nothing, os.open(order["out"], flags), os.open(order["err"], flags))):
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environment"])
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _first_order_of_a_child() -> list[str]:
    """Fork until the parent's own end; returns in each child, with its arguments."""
    import gc

    gc.collect()
    gc.freeze()
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        order = json.loads(line)
        if "poll" in order:
            print(json.dumps(_ended(order["poll"])), file=answers, flush=True)
            continue
        ready, tell = os.pipe()
        child = os.fork()
        if not child:
            _become(order)
            answers.close()
            os.close(ready)
            os.close(tell)  # the parent hears of it by this
            return list(order["run"])
        os.close(tell)
        os.read(ready, 1)
        os.close(ready)
        print(json.dumps(child), file=answers, flush=True)
    os._exit(0)


def _main() -> None:
    import runpy

    from ledgerbridge.cli import main

    arguments = _first_order_of_a_child()
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = ["ledgerbridge", *arguments]
        main()


if __name__ == "__main__":
    _main()
