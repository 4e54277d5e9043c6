"""`ledgerbridge reconcile`, run as a person runs it, against the books of a real Tryton changed by hand."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import uuid
from pathlib import Path
from typing import Any

import pytest

from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.bookkeeping.words import JournalEntry
from ledgerbridge.erp.conformance.bench import entry
from ledgerbridge.erp.conformance.payables import bill, vendor
from ledgerbridge.erp.port import Booked
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import PostingState
from ledgerbridge.store.vault import Vault
from tests.integration.ops.planting import Garden
from tests.support.commands import Process, running
from tests.support.tryton_bench import TrytonBench

KEY = os.urandom(32)


async def connected(garden: Garden, bench: TrytonBench) -> uuid.UUID:
    """A connection that is bound to the bench's company."""
    owner = garden.company(company_name="Demo ApS")
    sealed = Vault([KEY]).seal(json.dumps(bench.settings), table="erp_bindings", column="settings_sealed", row=owner)
    async with bench.opened() as erp:
        company = await erp.company()
    garden.binding(
        owner,
        kind="tryton",
        settings_sealed=sealed,
        company_ref=company.id,
        company_name=company.name,
        registration_number=company.registration_number,
    )
    return owner


def record(garden: Garden, owner: uuid.UUID, document: Document, booked: Booked, **columns: Any) -> None:
    """What the ledger says once a document is booked."""
    wanted: JournalEntry = document.entry if isinstance(document, Bill) else document
    values: dict[str, Any] = {
        "document": booked.kind,
        "erp_id": booked.id,
        "erp_number": booked.number,
        "final": booked.final,
        "total": f"{document.total:.2f}",
        "posting_date": wanted.date,
        "digest": "x",
    }
    garden.posting(owner, wanted.key.accounting_entry_id, PostingState.BOOKED, **(values | columns))


async def run(
    folder: Path, database_url: str, owner: uuid.UUID, day: Any, *more: str, fork: bool = True
) -> tuple[int, str, str]:
    """Exit status, what it said, and what it said beside."""
    settings = {
        "DATABASE_URL": database_url,
        "PLEO_AUTH_URL": "http://127.0.0.1:9",
        "PLEO_API_URL": "http://127.0.0.1:9",
        "ENCRYPTION_KEYS": base64.urlsafe_b64encode(KEY).decode(),
        "ADMIN_TOKENS": f"ada:{hashlib.sha256(b'x').hexdigest()}",
    }
    arguments = ["reconcile", "--connection", str(owner), "--from", str(day), "--to", str(day), *more]

    def finished() -> tuple[int, str, str]:
        with running(f"reconcile-{uuid.uuid4().hex[:6]}", arguments, settings, folder, fork=fork) as process:
            return _ended(process)

    return await asyncio.to_thread(finished)


def _ended(process: Process) -> tuple[int, str, str]:
    status = process.wait(120)
    assert "Traceback" not in process.stderr, process.stderr
    return status, process.stdout, process.stderr


@pytest.mark.rule("EXP-IDEM-02")
async def test_what_people_do_in_tryton_is_found_and_said(
    db: Database, database_url: str, bench: TrytonBench, tmp_path: Path
) -> None:
    chart, day, garden = await bench.chart(), bench.facts.open_date, Garden(db)
    owner = await connected(garden, bench)
    sound, doubled, owed = (
        entry(chart, bench.facts),
        entry(chart, bench.facts),
        bill(chart, bench.facts, await vendor(bench), paid=True),
    )
    deleted, changed, finished = (entry(chart, bench.facts) for _ in range(3))
    async with bench.opened() as erp:
        for one in (sound, doubled, owed):
            record(garden, owner, one, await erp.book(one, (), final=True))
        drafts = {
            one.key.accounting_entry_id: await erp.book(one, (), final=False) for one in (deleted, changed, finished)
        }
    for one in (deleted, changed, finished):
        record(garden, owner, one, drafts[one.key.accounting_entry_id])
    await garden.planted()
    status, said, _ = await run(tmp_path, database_url, owner, day)
    assert (status, said.splitlines()) == (
        0,
        [
            f"Demo ApS in {bench.facts.name}, {day} to {day}",
            "6 accounting entries in our ledger, 7 documents in the accounting system",
            "  6 agree",
            "No differences.",
        ],
    )

    await bench.copy((await bench.entries(doubled.key.accounting_entry_id))[0].id)
    await bench.send("DELETE", f"model/account.move/{drafts[deleted.key.accounting_entry_id].id}")
    await bench.change_amounts(drafts[changed.key.accounting_entry_id].id)
    await bench.post(drafts[finished.key.accounting_entry_id].id)
    status, said, _ = await run(tmp_path, database_url, owner, day, "--json")

    found = json.loads(said)
    assert status == 1
    assert {(one["accounting_entry_id"], one["kind"]) for one in found["differences"]} == {
        (doubled.key.accounting_entry_id, "twice_in_erp"),
        (deleted.key.accounting_entry_id, "missing_in_erp"),
        (changed.key.accounting_entry_id, "amount_differs"),
    }
    assert (found["well"]["agrees"], found["well"]["made_final"]) == (2, 1)
    twice = next(one for one in found["differences"] if one["kind"] == "twice_in_erp")
    assert all(each["url"].startswith("http") for each in twice["erp"])
    assert bench.settings["api_key"] not in said


async def test_what_cannot_be_compared_ends_apart_from_what_differs(database_url: str, tmp_path: Path) -> None:
    nobody = uuid.uuid4()
    status, said, beside = await run(tmp_path, database_url, nobody, "2026-11-05", "--json", fork=False)
    assert (status, set(json.loads(said))) == (2, {"error"})
    assert beside.startswith(f"ledgerbridge: not compared: There is no connection {nobody}.")
