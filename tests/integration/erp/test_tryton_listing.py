"""The Tryton adapter lists what carries our keys: the suite every adapter passes, and what is Tryton's own."""

from __future__ import annotations

import datetime as dt

import httpx
import pytest

from ledgerbridge.erp import conformance
from ledgerbridge.erp.conformance.bench import PLEO_COMPANY, entry
from ledgerbridge.erp.conformance.payables import bill, vendor
from ledgerbridge.erp.tryton import TrytonAdapter, client, standing
from tests.support.tryton_bench import IMPATIENT, TrytonBench


@pytest.mark.rule("EXP-AP-05", "EXP-AP-10", "EXP-IDEM-02", "EXP-IDEM-07", "EXP-POST-03")
class TestListing(conformance.Listing):
    pass


def test_the_marks_of_the_suite_are_those_of_its_tests() -> None:
    named = {rule for test in vars(conformance.Listing).values() for rule in _rules(test)}
    assert set(_rules(TestListing)) == named


def _rules(marked: object) -> list[str]:
    return [rule for mark in getattr(marked, "pytestmark", []) if mark.name == "rule" for rule in mark.args]


class Watched(httpx.AsyncBaseTransport):
    """The real wire, with every request kept."""

    def __init__(self, seen: list[str]) -> None:
        self._wire = httpx.AsyncHTTPTransport(verify=False)
        self._seen = seen

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._seen.append(f"{request.method} {request.url.path.partition('/rest/')[2]}")
        return await self._wire.handle_async_request(request)

    async def aclose(self) -> None:
        await self._wire.aclose()


@pytest.mark.long  # pages of Tryton: `test_long_lists_are_read_page_by_page_to_the_end`
async def test_a_list_goes_over_all_pages_and_only_reads(bench: TrytonBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a day of its own: five entries of which one is reversed, three bills of which one is credited."""
    day = bench.facts.open_date + dt.timedelta(days=9)
    async with bench.opened() as erp:
        chart, seller = await bench.chart(), await vendor(bench)
        entries = [entry(chart, bench.facts, date=day) for _ in range(5)]
        moves = [await erp.book(one, (), final=True) for one in entries]
        owed = [bill(chart, bench.facts, seller, date=day, number=f"N{number}") for number in range(3)]
        notes = [await erp.book(one, (), final=True) for one in owed]
    await bench.reverse(moves[0].id)
    await bench.credit_bill(notes[0].id)

    monkeypatch.setattr(client, "_PAGE", 2)
    monkeypatch.setattr(standing, "_NAMED_AT_ONCE", 2)
    seen: list[str] = []
    adapter = TrytonAdapter(patience=IMPATIENT, transport=lambda: Watched(seen))
    async with adapter.open(bench.settings) as erp:
        listed = await erp.entries(day, day, PLEO_COMPANY)

    assert {one.ref for one in listed} == {one.ref for one in (*moves[1:], *notes[1:])}
    posted = {call for call in seen if not call.startswith("GET ")}
    assert posted <= {"POST model/account.move/search_count", "POST model/account.invoice/search_count"}
    assert sum(call == "GET model/account.move" for call in seen) >= 3
