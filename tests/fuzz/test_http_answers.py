"""Whatever a partner of the HTTP target answers: a value or an `ErpError`, and of a write never a lie about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import date
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.bookkeeping.master_data import NewVendor, VendorLookup
from ledgerbridge.erp.adapter import SettingsError
from ledgerbridge.erp.http_target import HttpAdapter
from ledgerbridge.erp.port import DocumentKind, DocumentRef, Erp, ErpError
from ledgerbridge.outgoing.addresses import Reach
from tests.fuzz.shapes import sent
from tests.fuzz.test_pleo_answers import HEADERS, can_be_kept
from tests.fuzz.test_tryton_answers import speaks_plainly
from tests.fuzz.trying import Count, tries
from tests.support.http_target import SECRET
from tests.unit.erp.test_http_wire import Partner, entry
from tools.http_target_examples import ANSWERS, PROBLEM_MEMBERS

WANTED = entry("8d0a3b52-5c0c-4f4f-8f05-0c7a9a7d3e21")
REF = DocumentRef(DocumentKind.JOURNAL_ENTRY, "4711")
DAY = date(2026, 11, 5)
CALLS: dict[str, tuple[str, Callable[[Erp], Coroutine[Any, Any, Any]]]] = {
    "company": ("companies", lambda erp: erp.company()),
    "chart": ("tax_codes", lambda erp: erp.chart()),
    "accounts": ("accounts", lambda erp: erp.accounts()),
    "values": ("dimension_values", lambda erp: erp.dimension_values("1")),
    "vendors": ("vendors", lambda erp: erp.vendors()),
    "lookup": ("find_vendors", lambda erp: erp.find_vendors(VendorLookup(ids=("77",)))),
    "new vendor": ("create_vendor", lambda erp: erp.create_vendor(NewVendor("5b1f0a4c", "AWS"))),
    "find": ("find", lambda erp: erp.find(WANTED.key.accounting_entry_id, "pleo")),
    "entries": ("entries", lambda erp: erp.entries(DAY, DAY, "pleo")),
    "fits": ("fits", lambda erp: erp.fits(WANTED, final=True)),
    "book": ("book", lambda erp: erp.book(WANTED, (), final=True)),
    "reverse": ("reverse", lambda erp: erp.reverse(REF, WANTED.key, reason="Wrong", day=None)),
    "settle": ("settle", lambda erp: erp.settle([REF])),
    "capabilities": ("capabilities", lambda erp: erp.company()),
}
WRITES = {"book", "reverse", "new vendor"}
STATUSES = st.sampled_from((200, 200, 200, 200, 200, 200, 201, 204, 301, 400, 401, 404, 409, 413, 422, 429, 500, 503))
PROBLEM = {"type": "about:blank", "code": "closed_period", "detail": "No.", **PROBLEM_MEMBERS}
REFUSED = {"results": [{"key": {**ANSWERS["book"]["results"][0]["key"], "company": "pleo"}, "error": PROBLEM}]}


@pytest.mark.rule("EXP-REC-04")
@pytest.mark.parametrize("name", CALLS)
def test_a_partner_may_answer_anything(name: str, tried: Count) -> None:
    operation, call = CALLS[name]

    @tries(12)
    @given(st.data(), STATUSES, HEADERS)
    def answer(data: st.DataObject, status: int, headers: dict[str, bytes]) -> None:
        tried()
        good = ANSWERS[operation]
        body = data.draw(sent(good, good, REFUSED if name in ("book", "fits") else good, PROBLEM))
        shown = {"Content-Type": b"application/json", **headers}
        partner = Partner(**{**ANSWERS, "find": {"found": []}, "find_vendors": {"vendors": []}})
        partner.answers["companies"] = ANSWERS["companies"]
        partner.answers["capabilities"] = ANSWERS["capabilities"] | {"vendor_bills": True}
        partner.answers[operation] = lambda _: httpx.Response(
            status, headers=list(shown.items()), stream=httpx.ByteStream(body)
        )
        try:
            can_be_kept(asyncio.run(_asked(partner, call)))
        except ErpError as error:
            speaks_plainly(f"{error!r} {error.problem!r}", error.problem.text)
            keeps_silent_of_nothing(name, status, body, error)
        assert len(partner.sent(operation)) < 60

    answer()


def keeps_silent_of_nothing(name: str, status: int, body: bytes, error: ErpError) -> None:
    """A write that may have been done is in doubt; only the partner's own refusal says that it was not."""
    may_be_done = name in WRITES and (status < 400 or status in (409, 500))
    refused = b'"code"' in body or (status == 200 and b'"error"' in body)
    assert error.outcome_unknown or not may_be_done or refused, error.problem


async def _asked(partner: Partner, call: Callable[[Erp], Coroutine[Any, Any, Any]]) -> Any:
    async with partner.opened() as erp:
        return await call(erp)


def test_the_set_up_may_be_answered_anything(tried: Count) -> None:
    @tries(25)
    @given(st.data(), STATUSES, HEADERS, st.sampled_from(("companies", "capabilities")))
    def answer(data: st.DataObject, status: int, headers: dict[str, bytes], odd: str) -> None:
        tried()
        body = data.draw(sent(ANSWERS[odd], PROBLEM))
        shown = {"Content-Type": b"application/json", **headers}
        partner = Partner()
        partner.answers[odd] = lambda _: httpx.Response(
            status, headers=list(shown.items()), stream=httpx.ByteStream(body)
        )
        adapter = HttpAdapter(reach=Reach(local=True), transport=lambda: partner)
        given_ = {"base_url": "https://erp.example.com/pleo", "secret": SECRET}
        try:
            can_be_kept(asyncio.run(_companies(adapter, given_)))
        except SettingsError as error:
            speaks_plainly(repr(error), *error.errors.values())
        except ErpError as error:
            speaks_plainly(f"{error!r} {error.problem!r}", error.problem.text)

    answer()


async def _companies(adapter: HttpAdapter, given_: dict[str, Any]) -> Any:
    return await adapter.companies(given_)
