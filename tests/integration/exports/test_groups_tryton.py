"""Items booked together in a real Tryton that falls silent: no draft is called unbooked, nothing is booked twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import httpx
import pytest

from ledgerbridge.demo.books import bookkeeping
from ledgerbridge.erp.tryton import TrytonAdapter
from ledgerbridge.exports.context import Patience
from ledgerbridge.outgoing.addresses import Reach
from tests.integration.exports.tryton_company import tryton_company
from tests.support.clones import TrytonServers
from tests.support.rig import Rig
from tests.support.tryton_bench import IMPATIENT
from tryton_sandbox import TrytonServer
from tryton_sandbox.books import read


@pytest.fixture(scope="module")
def tryton(tryton_servers: TrytonServers) -> Iterator[TrytonServer]:
    server = tryton_servers.fresh()
    yield server
    tryton_servers.template.drop(server.database)


@dataclass
class Line(httpx.AsyncBaseTransport):
    """The real wire, until so many calls of a kind have gone through; then nobody answers."""

    ending: str
    left: int
    silent: bool = False

    def __post_init__(self) -> None:
        self._wire = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.url.path.endswith(self.ending):
            self.left -= 1
            self.silent = self.silent or self.left < 0
        if self.silent:
            raise httpx.ConnectError("nobody there", request=request)
        return await self._wire.handle_async_request(request)


@dataclass
class Company:
    rig: Rig
    tryton: TrytonServer

    def talks_over(self, line: Line) -> None:
        erps = cast("dict[str, Any]", self.rig.context.connections.erps)
        erps["tryton"] = TrytonAdapter(
            reach=Reach(local=True), patience=replace(IMPATIENT, tries=2), transport=lambda: line
        )

    def standing(self, ids: list[str]) -> list[list[str]]:
        """States of what stands for each entry."""
        moves = read(self.tryton, "account.move", [], ["description", "state"])
        return [[move["state"] for move in moves if f"[PLEO:{one}]" in (move["description"] or "")] for one in ids]


@pytest.fixture
async def company(database_url: str, sandbox_url: str, tryton: TrytonServer) -> AsyncIterator[Company]:
    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    async with tryton_company(database_url, sandbox_url, tryton) as rig:
        patience = Patience(erp_down=0.2, pause=(0.05, 0.05), settling=0, interrupted=0)
        rig.context = replace(rig.context, patience=patience)
        yield Company(rig, tryton)


@pytest.mark.rule("EXP-REC-04", "EXP-IDEM-01")
@pytest.mark.parametrize(
    ("mode", "ending"), [("final", "/post"), pytest.param("draft", "/ir.attachment", marks=pytest.mark.long)]
)
async def test_drafts_over_which_tryton_falls_silent_are_told_as_in_doubt_and_finished_by_the_next_export(
    company: Company, mode: str, ending: str
) -> None:
    rig = company.rig
    await rig.configure_exactly(bookkeeping(company.tryton.facts) | {"posting_mode": mode})
    ids = rig.pleo.queue("receipt_jpeg", copies=6)
    company.talks_over(Line(ending, left=2))

    job_id = rig.pleo.export(ids)
    await rig.look()

    items = rig.pleo.items(job_id)
    standing = company.standing(ids)
    assert Counter(items[one]["status"] for one in ids) == {"successful": 2, "failed": 4}
    for one, stands in zip(ids, standing, strict=True):
        if items[one]["status"] == "failed":
            assert stands == ["draft"]
            assert f"PLEO:{one}" in items[one]["failureReason"], "who reads it must know that something may stand"

    company.talks_over(Line("nothing", left=99))
    again = rig.pleo.export([one for one in ids if items[one]["status"] == "failed"])
    await rig.look()

    assert rig.pleo.job(again)["status"] == "completed"
    assert company.standing(ids) == [["posted" if mode == "final" else "draft"]] * 6
