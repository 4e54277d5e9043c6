"""What Tryton would refuse is known without writing anything into it."""

from __future__ import annotations

import httpx

from ledgerbridge.erp import conformance
from ledgerbridge.erp.conformance.bench import entry
from ledgerbridge.erp.conformance.payables import bill, vendor
from ledgerbridge.erp.tryton import TrytonAdapter
from tests.support.tryton_bench import IMPATIENT, TrytonBench

READS = ("/model/res.user/get_preferences",)
"""What Tryton's API wants a POST for, though it changes nothing."""


class TestFits(conformance.Fits):
    pass


class ReadingWire(httpx.AsyncBaseTransport):
    """The real wire, which lets no call through but those that read."""

    def __init__(self) -> None:
        self._wire = httpx.AsyncHTTPTransport()
        self.methods: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.methods.append(request.method)
        assert request.method == "GET" or request.url.path.endswith(READS), f"{request.method} {request.url.path}"
        return await self._wire.handle_async_request(request)


async def test_asking_whether_something_fits_only_reads(bench: TrytonBench) -> None:
    wire = ReadingWire()
    chart = await bench.chart()
    wanted = [entry(chart, bench.facts), bill(chart, bench.facts, await vendor(bench), number="N-1", paid=True)]
    async with TrytonAdapter(patience=IMPATIENT, transport=lambda: wire).open(bench.settings) as erp:
        for each in wanted:
            assert await erp.fits(each, final=True) is None
    assert wire.methods
