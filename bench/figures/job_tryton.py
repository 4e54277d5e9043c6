"""Items a second of one export job whose books are a real Tryton, from the look that finds it to its completion.

Ours: one whole look of the service, with the sandbox as Pleo and a clone of Tryton bound by its REST key: list, start,
chart, both layers, mapping, intents, batches booked by key, outcomes, reports. Bare: a script with the same kind of key
sends another clone of the same Tryton the very same entries, as many creates at once as it likes and one post after the
other, and nothing else: no look for what stands, no record, no Pleo. (Two posts at a time are no quicker; a REST key
cannot post several in one call.) Purchases with VAT and two dimensions, without receipts; rounds in turns, medians.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import statistics
import time
import uuid
from collections.abc import Iterator
from typing import Any, cast

import httpx

from bench import job
from bench.stage import CACHE, database, postgres, size
from bench.terms import Figure, Terms
from ledgerbridge.erp.tryton import TrytonAdapter
from ledgerbridge.ops import logging
from ledgerbridge.outgoing.addresses import Reach
from tests.integration.exports.tryton_company import tryton_company
from tests.support.rig import Rig
from tryton_sandbox import TrytonServer, build, count_moves

FIGURE = Figure("job against a real Tryton, items a second over a bare script's", 0.8, 0.95, higher_is_better=True)
ITEMS = size(200, 30)
ROUNDS = size(5, 1)
WARM_UP = 60
"""Items of the round before the first, which also shows what the service sends."""
SEED = "tax_inclusive"
AT_ONCE = 100
"""Entries in one create of the bare script; from twenty on it makes no difference."""
_NOWHERE = open(os.devnull, "w")  # noqa: SIM115
"""Where the log goes, written as the service writes it."""
_KEY = re.compile(r"\[PLEO:[^\]]+\]")


def measure() -> Terms:
    with postgres() as cluster, database(cluster) as url, job.sandbox() as pleo:
        template = build(CACHE.parent / "tryton", cluster.url(), print)
        template.sweep()
        clones = [template.clone(), template.clone()]
        with template.start(clones[0]) as mine:
            ours, bare, spread = asyncio.run(_rounds(url, pleo, mine, mine.open_database(clones[1])))
        template.drop(*clones)
    return Terms(ours, bare, "items/s", {"items": ITEMS, "rounds": ROUNDS, **spread})


async def _rounds(
    url: str, pleo: str, mine: TrytonServer, other: TrytonServer
) -> tuple[float, float, dict[str, list[float]]]:
    logging.configure("INFO", "json", _NOWHERE)
    script = Script(other)
    ours: list[float] = []
    bare: list[float] = []
    async with tryton_company(url, pleo, mine) as rig:
        erps = cast("dict[str, Any]", rig.context.connections.erps)
        recorder = Recorder()
        erps["tryton"] = TrytonAdapter(reach=Reach(local=True), transport=lambda: recorder)
        await _export(rig, WARM_UP)
        erps["tryton"] = TrytonAdapter(reach=Reach(local=True))
        script.run(recorder.sent, WARM_UP)
        for _ in range(ROUNDS):
            ours.append(ITEMS / await _export(rig, ITEMS))
            bare.append(ITEMS / script.run(recorder.sent, ITEMS))
    booked = [count_moves(server, "%[PLEO:%") for server in (mine, other)]
    assert booked == [WARM_UP + ROUNDS * ITEMS] * 2, f"not the same books: {booked}"
    rates = {"ours": [round(rate, 2) for rate in ours], "bare": [round(rate, 2) for rate in bare]}
    return statistics.median(ours), statistics.median(bare), rates


async def _export(rig: Rig, items: int) -> float:
    """Seconds of one look that works a job of so many items."""
    made = job.exported(rig.pleo, items, (SEED,))
    began = time.perf_counter()
    await rig.look()
    seconds = time.perf_counter() - began
    found = rig.pleo.job(made)
    assert found["status"] == "completed", f"{found['status']}: {[one['failureReason'] for one in found['items']][:3]}"
    return seconds


class Recorder(httpx.AsyncHTTPTransport):
    """The ordinary wire, which keeps the entries that are created in batches."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Any] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/model/account.move/create"):
            self.sent += json.loads(await request.aread())["vlist"]
        return await super().handle_async_request(request)


class Script:
    """What anybody would write who only wants the entries in."""

    def __init__(self, server: TrytonServer) -> None:
        binding = server.binding()
        self._http = httpx.Client(
            base_url=f"{server.base_url}/{server.database}/rest/model/account.move/",
            headers={"Authorization": f"bearer {binding['api_key']}"},
            timeout=120,
        )

    def run(self, entries: list[Any], items: int) -> float:
        """Seconds to make and post so many entries, under keys of their own."""
        wanted = list(_renamed(entries, items))
        began = time.perf_counter()
        for start in range(0, items, AT_ONCE):
            for number in self._send("create", {"vlist": wanted[start : start + AT_ONCE]}):
                assert self._send(f"{number}/post?f=number&f=state", {})["state"] == "posted"
        return time.perf_counter() - began

    def _send(self, path: str, body: Any) -> Any:
        return self._http.post(path, json=body).raise_for_status().json()


def _renamed(entries: list[Any], items: int) -> Iterator[Any]:
    for at in range(items):
        entry = entries[at % len(entries)]
        yield entry | {"description": _KEY.sub(f"[PLEO:{uuid.uuid4()}]", entry["description"])}
