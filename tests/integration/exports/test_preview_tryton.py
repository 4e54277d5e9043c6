"""A preview against the real ERP: what it says is what the run then does, line by line, and it writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ledgerbridge.exports.outlook import ItemPreview, Outlook
from ledgerbridge.exports.preview import preview
from ledgerbridge.exports.shown_entries import ShownEntry, ShownKind
from ledgerbridge.store.embedded import EmbeddedPostgres
from tests.integration.exports.tryton_company import rows_of, tryton_company
from tests.support.clones import TrytonServers
from tests.support.rig import Rig
from tryton_sandbox import TrytonServer, bills
from tryton_sandbox.books import read

Json = dict[str, Any]


@pytest.fixture(scope="module")
def tryton(tryton_servers: TrytonServers) -> Iterator[TrytonServer]:
    """One Tryton for both tests: each looks for its own entries."""
    server = tryton_servers.fresh()
    yield server
    tryton_servers.template.drop(server.database)


@pytest.fixture
async def company(database_url: str, sandbox_url: str, tryton: TrytonServer) -> AsyncIterator[Rig]:
    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    async with tryton_company(database_url, sandbox_url, tryton) as made:
        yield made


class World:
    """All that could have been written to: our database, the ERP's, and Pleo as it was called."""

    def __init__(self, rig: Rig, ours: str, erps: str) -> None:
        self._rig, self._ours, self._erps = rig, ours, erps
        rig.pleo.forget()
        self._before = self._rows()

    def _rows(self) -> tuple[Json, Json]:
        return rows_of(self._ours), rows_of(self._erps)

    def untouched(self) -> bool:
        assert {call.split()[0] for call in self._rig.pleo.calls("/")} == {"GET"}
        assert not [call for call in self._rig.pleo.calls("/") if "/files/" in call], "a receipt was fetched"
        for before, now in zip(self._before, self._rows(), strict=True):
            assert before == now
        return True


@pytest.mark.rule("EXP-PREV-01", "EXP-PREV-02")
async def test_what_a_preview_says_is_what_the_run_then_books_or_tells(
    company: Rig, tryton: TrytonServer, database_url: str, postgres: EmbeddedPostgres
) -> None:
    job = company.pleo.export(company.pleo.queue("type", "bad"))
    world = World(company, database_url, postgres.url(tryton.database))
    told = await preview(company.context, company.connection_id, job_id=job, limit=100)
    assert world.untouched()
    assert (told.problems_of_the_job, told.next, told.without_data) == ((), None, 0)

    await company.look()
    seen = company.pleo.items(job)
    booked = {key: move for move in _moves(tryton) if (key := _key(move)) in seen}
    assert {one.accounting_entry_id for one in told.items} == set(seen)
    for one in told.items:
        _agrees(one, seen[one.accounting_entry_id])
        if one.outcome is Outlook.WOULD_BOOK:
            (entry,) = one.entries
            _same(entry, booked.pop(one.accounting_entry_id))
    assert not booked


@pytest.mark.long  # `test_preview.py` on the double; what fits as a bill in Tryton: erp/test_tryton_fits.py
@pytest.mark.rule("EXP-PREV-01")
async def test_bills_and_their_payments_are_told_as_they_come_to_stand(
    company: Rig, tryton: TrytonServer, database_url: str, postgres: EmbeddedPostgres
) -> None:
    vendor = _vendor(company, tryton)
    job = company.pleo.export(company.pleo.queue("payables", vendor_id=vendor), vendor_based=True)
    world = World(company, database_url, postgres.url(tryton.database))
    told = await preview(company.context, company.connection_id, job_id=job, limit=100)
    assert world.untouched()

    await company.look()
    seen = company.pleo.items(job)
    entries = _moves(tryton)
    owed = {key: bill for bill in bills(tryton) if (key := _key(bill))}
    kinds: Counter[ShownKind] = Counter()
    for one in told.items:
        _agrees(one, seen[one.accounting_entry_id])
        if one.outcome is not Outlook.WOULD_BOOK:
            continue
        for entry in one.entries:
            kinds[entry.kind] += 1
            if entry.kind in (ShownKind.BILL, ShownKind.CREDIT_NOTE):
                bill = owed[one.accounting_entry_id]
                assert (abs(bill["total"]), bill["accounting_date"]) == (entry.total, entry.date.isoformat())
                (move,) = [each for each in entries if each["id"] == bill["move"]]
                assert _per_account(_shown(entry)) == _per_account(_stands(move))
            else:
                (move,) = [each for each in entries if _key(each) == one.accounting_entry_id]
                _same(entry, move)
    assert set(kinds) >= {ShownKind.BILL, ShownKind.CREDIT_NOTE, ShownKind.PAYMENT}


FIELDS = (
    "date description journal.code period.name lines.account.code lines.debit lines.credit lines.description "
    "lines.tax_lines.tax lines.tax_lines.type lines.analytic_lines.account.code"
)


def _moves(tryton: TrytonServer) -> list[Json]:
    """Every journal entry of the company, those that Tryton made of bills included."""
    return read(tryton, "account.move", [["company", "=", tryton.company_id("DK")]], FIELDS.split())


def _agrees(one: ItemPreview, item: Json) -> None:
    """A preview and what the bookkeeper was told after the run."""
    assert (one.outcome is Outlook.WOULD_FAIL) == (item["status"] == "failed"), (one, item)
    if one.outcome is Outlook.WOULD_FAIL:
        assert one.told is not None
        assert one.told.text == item["failureReason"]
        assert one.told.row.item_type == item["failureReasonType"]


def _same(entry: ShownEntry, move: Json) -> None:
    assert (move["date"], move["period"]["name"], move["journal"]["code"]) == (
        entry.date.isoformat(),
        entry.period,
        entry.journal,
    )
    assert move["description"].startswith(entry.text[:40])
    assert sorted(_shown(entry)) == sorted(_stands(move))


Line = tuple[str, Decimal, str, Sequence[str], Sequence[tuple[int, str]]]


def _shown(entry: ShownEntry) -> list[Line]:
    return [
        (
            line.account,
            line.debit - line.credit,
            line.text,
            sorted(each.value for each in line.dimensions),
            sorted((int(tax.tax_id), tax.kind) for tax in line.taxes),
        )
        for line in entry.lines
    ]


def _stands(move: Json) -> list[Line]:
    return [
        (
            line["account"]["code"],
            line["debit"] - line["credit"],
            line["description"] or "",
            sorted(each["account"]["code"] for each in line["analytic_lines"]),
            sorted((tax["tax"], tax["type"]) for tax in line["tax_lines"]),
        )
        for line in move["lines"]
    ]


def _per_account(lines: Sequence[Line]) -> dict[str, Decimal]:
    net: Counter[str] = Counter()
    for account, amount, *_ in lines:
        net[account] += amount  # type: ignore[assignment]
    return {account: Decimal(amount) for account, amount in net.items() if amount}


def _key(document: Json) -> str | None:
    text: str = document["description"] or ""
    return text.rpartition("[PLEO:")[2].partition("]")[0].partition("#")[0] if "[PLEO:" in text else None


def _vendor(rig: Rig, tryton: TrytonServer) -> str:
    """A vendor that both sides know; Pleo's id."""
    code = tryton.facts["vendors"]["plain_code"]
    body = {"items": [{"name": "Known to both", "code": code, "state": "ACTIVE"}]}
    made = rig.pleo.control("POST", f"/companies/{rig.pleo.company_id}/vendors", body)
    return str(made[0]["id"])
