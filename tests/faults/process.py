"""A service process that can be told where to die, forked from a parent that lived once itself.

`python -m tests.faults.process` obeys one line on stdin after the other. Each process is the service as `serve` runs it
with a second door, a Unix socket, over which a test says what happens at fault points.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

import uvicorn
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from ledgerbridge import faults
from ledgerbridge.app import app_of, running
from ledgerbridge.erp.registry import adapters
from ledgerbridge.exports.context import Patience
from ledgerbridge.ops import calls
from ledgerbridge.ops.logging import configure
from ledgerbridge.outgoing.addresses import Reach
from ledgerbridge.settings import Settings
from ledgerbridge.store import engine
from ledgerbridge.web.admin import connections
from tests.faults.remote_books import RemoteAdapter
from tests.support.files_double import FilesDouble
from tests.support.one_routing import share_routes


class Points:
    """What this process does at its fault points: write down their names, and die at one of them."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self._left: Counter[str] = Counter()
        self._fatal: tuple[str, int] | None = None

    def arm(self, fatal: tuple[str, int] | None) -> None:
        """Begin to write down anew; die when the point `fatal[0]` is passed for the `fatal[1]`th time from now."""
        self.passed, self._left, self._fatal = [], Counter(), fatal
        faults.install(self._pass)

    def _pass(self, name: str) -> None:
        self.passed.append(name)
        self._left[name] += 1
        if self._fatal == (name, self._left[name]):
            os.kill(os.getpid(), signal.SIGKILL)


async def serve(order: dict[str, Any], points: Points) -> None:
    """Run the service until SIGTERM. `order`: settings, port, the control socket, and where the books are kept."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = Settings(_env_file=None, **order["settings"])  # type: ignore[call-arg]
    erps = {
        **adapters(Reach(local=True)),
        "double": RemoteAdapter(order["books"]),
        "files": FilesDouble(),
    }
    calls.STORE_SECONDS = 86_400.0  # on the clock, not on a path that is walked
    connections.ACTIVATION_SECONDS = 0.0  # going live answers at once; the first syncs are queued

    async def control(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            asked = json.loads(line)
            if "arm" in asked:
                points.arm(tuple(asked["arm"]) if asked["arm"] else None)
            writer.write(json.dumps(points.passed).encode() + b"\n")
        writer.close()

    async with running(settings, erps=erps) as services:
        config = uvicorn.Config(
            app_of(services), port=order["port"], lifespan="off", log_config=None, access_log=False,
            timeout_graceful_shutdown=2, http="h11", ws="none",
        )  # fmt: skip
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.001)
        door = await asyncio.start_unix_server(control, order["control"])
        await stop.wait()
        door.close()
        server.should_exit = True
        await serving


def _engine_of(make: Callable[..., AsyncEngine]) -> Callable[..., AsyncEngine]:
    """One engine a database for all lives: its statements are compiled once, in the parent. Its pool is always new."""
    made: dict[str, AsyncEngine] = {}

    def engine(url: URL, **options: Any) -> AsyncEngine:
        key = url.render_as_string(hide_password=False)
        return made[key] if key in made else made.setdefault(key, make(url, **options))

    return engine


def _hasten() -> None:
    """Let pauses be short, also those that nobody can set from outside."""
    names = [one.name for one in fields(Patience)]
    shorter = asdict(Patience()) | {"pause": (0.05, 0.1, 0.2), "settling": 0.5}
    Patience.__init__.__defaults__ = tuple(shorter[name] for name in names)  # type: ignore[attr-defined]


def _live(order: dict[str, Any]) -> None:
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    configure("INFO", "json")
    points = Points()
    points.arm(tuple(order["arm"]) if order.get("arm") else None)
    asyncio.run(serve(order, points))


def main() -> None:
    """An order to live is answered by the process's number; a number, whose end is waited for, by how it ended.

    The first life is the parent's own; it has to be over before there are others.
    """
    engine.create_async_engine = _engine_of(engine.create_async_engine)
    _hasten()
    share_routes()
    answers = os.fdopen(os.dup(1), "w")
    lives = 0

    def say(number: int) -> None:
        print(number, file=answers, flush=True)

    for line in sys.stdin:
        asked = json.loads(line)
        if isinstance(asked, int):
            say(0 if asked == os.getpid() else os.waitstatus_to_exitcode(os.waitpid(asked, 0)[1]))
            continue
        lives += 1
        if lives == 1:
            say(os.getpid())
            _live(asked)
            gc.collect()
            gc.freeze()
        elif child := os.fork():
            say(child)
        else:
            try:
                _live(asked)
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)


if __name__ == "__main__":
    main()
