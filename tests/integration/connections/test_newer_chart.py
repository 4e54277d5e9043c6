"""A chart that is uploaded again is the same company, whose vouchers go on by number; another has a book of its own."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from ledgerbridge.bookkeeping.words import Account, EntryLine, Journal, JournalEntry, PostingKey
from ledgerbridge.connections.access import open_erp
from ledgerbridge.connections.erp_binding import Bound, bind
from ledgerbridge.erp.sie import SieAdapter
from tests.integration.connections.conftest import House
from tests.support import sie_company

DAY = dt.date(2026, 3, 2)


def entry(name: str) -> JournalEntry:
    size, nothing = Decimal("100.00"), Decimal(0)
    lines = (
        EntryLine(Account("6540", "6540", "IT"), size, nothing, "Hosting"),
        EntryLine(Account("1940", "1940", "Pleo"), nothing, size, "Hosting"),
    )
    return JournalEntry(PostingKey("company", name, 1), Journal("P", "P", "P"), DAY, DAY, "SEK", "AWS", lines)


async def bound(house: House, connection: Any, *, confirmed: bool = False, **told: Any) -> Bound:
    settings = {"chart": sie_company.uploaded(sie_company.chart_file(**told))}
    return await bind(house.room, connection, "sie", settings, "admin:test", confirm_company_change=confirmed)


async def number(house: House, connection: Any, name: str) -> str | None:
    async with open_erp(house.room, connection) as erp:
        return (await erp.book(entry(name), (), final=True)).number


@pytest.mark.rule("EXP-ENT-01")
async def test_numbers_go_on_under_a_newer_chart_and_begin_anew_in_another_company(house: House) -> None:
    house.room = replace(house.room, erps={"sie": SieAdapter()})
    own = (await house.connect()).connection_id
    assert not (await bound(house, own)).replaced, "the first chart takes nobody's place"
    assert await number(house, own, "one") == "P1"
    newer = await bound(house, own, accounts={**sie_company.ACCOUNTS, "6545": "Moln"}, number="5563343689")
    assert newer.replaced.keys() == {"chart"}
    assert await number(house, own, "two") == "P2"
    other = await bound(house, own, company="Annat AB", number="556999-9990")
    assert not other.replaced, "that is another company, and not another file"
    assert await number(house, own, "three") == "P1"
    await bound(house, own)
    assert await number(house, own, "four") == "P3", "no number is ever used again"
