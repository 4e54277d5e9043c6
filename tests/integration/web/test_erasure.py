"""Disconnecting forgets the people: what is planted everywhere beforehand is nowhere afterwards, and the ledger still
keeps an expense from being booked a second time."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import Column, Table, Text, func, insert, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.clock import utcnow
from ledgerbridge.connections import erasure, keeping
from ledgerbridge.exports.enqueue import LOOK
from ledgerbridge.exports.ledger import FenceLost, guard
from ledgerbridge.exports.run import look
from ledgerbridge.pleo.errors import Unavailable
from ledgerbridge.store.leases import acquire
from ledgerbridge.store.tables import (
    AuditRecord,
    Base,
    BrowserSession,
    ConnectionStatus,
    DeliveryStatus,
    ExportItem,
    ExportJob,
    JobEvent,
    JobPhase,
    MappingWarning,
    Posting,
    Settlement,
    SetupDraft,
    SyncRun,
    VendorLink,
    Voucher,
    VoucherBookRow,
    VoucherCounter,
    VoucherFile,
    VoucherPiece,
    VoucherReceipt,
    WebhookDelivery,
)
from pleo_sandbox.config import SECOND_COMPANY_ID
from tests.integration.web.conftest import ERP_SETTINGS, Face
from tests.support.rig import Pleo as Bookkeeper

CANARY = "Kanarie Vogelsang"
CANARY_PERSON = f"{CANARY}, kanarie@example.org, +45 12 34 56 78"


def test_somebody_has_decided_about_every_column() -> None:
    assert keeping.undecided() == []


async def exported(face: Face, bookkeeper: Bookkeeper, entries: list[str], connection_id: str) -> Any:
    job_id = bookkeeper.export(entries)
    await look(face.services.exports, uuid.UUID(connection_id), "poll")
    return bookkeeper.job(job_id)


async def at_once(_: float) -> None:
    """Back-off that does not wait."""


async def bind_again(face: Face, connection_id: str) -> None:
    """What a company that comes back has to do: its ERP access was wiped, its configuration was not."""
    bound = {"kind": "double", "settings": ERP_SETTINGS}
    assert (await face.admin.put(f"/admin/api/connections/{connection_id}/erp", json=bound)).status_code == 200
    assert (await face.activate(connection_id))["status"] == "active"


async def fill(face: Face, owner: uuid.UUID) -> None:
    """At least one row of this company in every table, as the rooms leave them."""
    now = utcnow()
    async with face.services.db.transaction() as session:
        posting = await session.scalar(select(Posting).where(Posting.connection_id == owner).limit(1))
        assert posting is not None
        job = ExportJob(
            id=uuid.uuid4(), connection_id=owner, pleo_job_id="interrupted", pleo_created_at=now,
            phase=JobPhase.FETCHED, pleo_status="in_progress", found_by="poll", number_of_items=1, vendor_based=False,
            interactive=True, expires_in=3600,
        )  # fmt: skip
        session.add(job)
        await session.flush()
        session.add_all([
            ExportItem(job_id=job.id, accounting_entry_id="e", connection_id=owner, position=0, state="waiting",
                       attempts=0, payload={}),
            JobEvent(connection_id=owner, job_id=job.id, name="failed"),
            SyncRun(connection_id=owner, kind="vendors", trigger="schedule", status="running"),
            VendorLink(connection_id=owner, pleo_id="p", phase="parked"),
            MappingWarning(connection_id=owner, kind="vendors", code="c", used_by="u", text="t"),
            WebhookDelivery(connection_id=owner, webhook_id="m", event_type="x", status=DeliveryStatus.PARKED),
            AuditRecord(actor="admin:ada", action="paused", connection_id=owner),
            BrowserSession(token_hash=b"h", connection_id=owner, expires_at=now + timedelta(hours=1)),
            SetupDraft(connection_id=owner, step="erp", updated_by="customer"),
            Settlement(posting_id=posting.id, connection_id=owner, side="bill", vendor_id="v", amount="1.00",
                       currency="DKK", reconciliation_id="r"),
        ])  # fmt: skip
        await face.services.queue.defer(session, LOOK, connection_id=str(owner), found_by=CANARY_PERSON)
        await vouchers(session, owner)


async def vouchers(session: AsyncSession, owner: uuid.UUID) -> None:
    """A book with two vouchers: one in a file that was handed over, one that waits. Their receipts name a person."""
    book, file = uuid.uuid4(), uuid.uuid4()
    session.add(VoucherBookRow(id=book, connection_id=owner, kind="files", company_ref="1", company_name="Books AB",
                               currency="SEK"))  # fmt: skip
    await session.flush()
    session.add(VoucherCounter(book_id=book, series="A", year="2026-01-01", connection_id=owner, last=2))
    session.add(VoucherFile(id=file, connection_id=owner, book_id=book, name="a.si", sha256="", size=1, vouchers=1,
                            debit=1, content=CANARY.encode(), handover_state="done"))  # fmt: skip
    await session.flush()
    for number, file_id in ((1, file), (2, None)):
        one = uuid.uuid4()
        session.add(Voucher(id=one, connection_id=owner, book_id=book, series="A", year="2026-01-01", number=number,
                            company_id="c", accounting_entry_id=str(number), revision=1, takes_back=False, total=1,
                            date=utcnow().date(), body={"text": "Lunch"}, digest="", file_id=file_id))  # fmt: skip
        await session.flush()
        session.add(VoucherReceipt(voucher_id=one, position=0, connection_id=owner, name="r-1.pdf", size=1, sha256="",
                                   type="application/pdf"))  # fmt: skip
        await session.flush()
        session.add(VoucherPiece(voucher_id=one, position=0, piece=0, connection_id=owner, content=CANARY.encode()))


async def handed_over(face: Face, owner: uuid.UUID) -> None:
    """Somebody took what waited."""
    async with face.services.db.transaction() as session:
        mine = VoucherFile.connection_id == owner
        left = await session.scalars(select(VoucherPiece.content).where(VoucherPiece.connection_id == owner))
        assert len(left.all()) == 1, "the receipt of the voucher that waits, and no other"
        assert await session.scalar(select(VoucherFile.content).where(mine)) is None
        file = select(VoucherFile.id).where(mine).scalar_subquery()
        waits = (Voucher.connection_id == owner, Voucher.file_id.is_(None))
        await session.execute(update(Voucher).where(*waits).values(file_id=file))


def plantable(table: Table) -> list[Column[Any]]:
    """Columns that may hold what people wrote, unless somebody has decided that they stay."""
    fate = keeping.FATES[table.name]
    constrained = {"state", "status", "phase", "kind", "side"} | {key.name for key in table.primary_key}
    return [
        column for column in table.columns
        if isinstance(column.type, Text | JSONB) and column.name not in fate.kept and column.name not in constrained
    ]  # fmt: skip


async def plant(face: Face, owner: uuid.UUID) -> set[str]:
    """Personal data in every such column of every row; where it now stands."""
    planted = set()
    async with face.services.db.transaction() as session:
        for table in Base.metadata.sorted_tables:
            if table.name in keeping.OTHERS:
                continue
            columns = plantable(table)
            if not columns:
                continue
            values = {
                column: {"reason": CANARY_PERSON, "deep": [{"name": CANARY_PERSON}]}
                if isinstance(column.type, JSONB)
                else func.concat(CANARY_PERSON, func.gen_random_uuid())
                for column in columns
            }
            changed = await session.execute(
                update(table).where(table.c[keeping.owner_column(table)] == owner).values(values)
            )
            assert changed.rowcount, f"no row to plant anything in: {table.name}"
            planted |= {f"{table.name}.{column.name}" for column in columns}
    return planted


def places(database_url: str) -> set[str]:
    """Tables, the queue's included, in whose rows the canary stands."""
    with psycopg.connect(database_url) as line:
        tables = [row[0] for row in line.execute("select relname from pg_stat_user_tables")]
        found = {
            name: line.execute(f"select count(*) from {name} r where r::text ilike %s", [f"%{CANARY}%"]).fetchone()
            for name in tables
        }
    return {name for name, row in found.items() if row and row[0]}


@pytest.mark.rule("AUTH-080", "AUTH-081")
async def test_nothing_personal_is_left_and_no_expense_is_booked_twice_when_the_company_comes_back(
    face: Face, database_url: str
) -> None:
    found = await face.active(lists=True)
    owner = uuid.UUID(found)
    bookkeeper = Bookkeeper(face.pleo.url)
    entries = bookkeeper.queue("fee", copies=2)
    first = await exported(face, bookkeeper, entries, found)
    assert first["status"] == "completed"
    await fill(face, owner)
    planted = await plant(face, owner)
    assert {
        "export_items.failure_reason",
        "export_jobs.failure_reason",
        "sync_runs.problems",
        "audit_log.detail",
    } < planted
    assert {name.partition(".")[0] for name in planted} | {"procrastinate_jobs"} == places(database_url)

    answer = await face.admin.delete(f"/admin/api/connections/{found}")

    assert answer.status_code == 204, answer.text
    assert places(database_url) == {"vouchers"}, "what waits to be handed over is lost, or more than that is kept"
    await handed_over(face, owner)
    assert await erasure.erase(face.services.db, owner)
    assert places(database_url) == set()
    async with face.services.db.reading() as session:
        ledger = list(await session.scalars(select(Posting).where(Posting.connection_id == owner)))
        payloads = await session.scalar(select(func.count()).where(ExportItem.connection_id == owner))
    assert {row.accounting_entry_id for row in ledger} == set(entries)
    assert {row.state for row in ledger} == {"booked"}
    assert all(row.digest and row.erp_id and row.total for row in ledger)
    assert payloads == 0

    assert await face.connect() == found
    await bind_again(face, found)
    again = await exported(face, bookkeeper, entries, found)

    assert again["status"] == "completed"
    numbers = {item["accountingEntryId"]: item["externalId"] for item in first["items"]}
    assert {item["accountingEntryId"]: item["externalId"] for item in again["items"]} == numbers
    assert [len(face.books.of(entry)) for entry in entries] == [1, 1]


async def test_a_job_that_was_under_way_starts_over_when_the_company_comes_back(face: Face) -> None:
    """Its payloads are gone with the connection; what had been booked of it is recognised."""
    found = await face.active(lists=True)
    owner = uuid.UUID(found)
    bookkeeper = Bookkeeper(face.pleo.url)
    entries = bookkeeper.queue("fee", copies=2)
    job_id = bookkeeper.export(entries)
    face.pleo.fault("status", "PUT", f"/v3/export-jobs/{job_id}/items", status=503, times=None)
    hurried = replace(face.services.connections, sleep=at_once)
    with pytest.raises(Unavailable):
        await look(replace(face.services.exports, connections=hurried), owner, "poll")
    face.pleo.control("DELETE", "/faults")
    assert [len(face.books.of(entry)) for entry in entries] == [1, 1]

    assert (await face.admin.delete(f"/admin/api/connections/{found}")).status_code == 204
    assert await face.connect() == found
    await bind_again(face, found)
    await look(face.services.exports, owner, "recovery")

    assert bookkeeper.job(job_id)["status"] == "completed"
    assert [len(face.books.of(entry)) for entry in entries] == [1, 1]


async def test_whoever_works_on_the_company_writes_nothing_more(face: Face) -> None:
    found = await face.connect()
    db = face.services.db
    lease = await acquire(db, uuid.UUID(found), "a worker in the middle of a job", 60)
    assert lease is not None
    assert (await face.admin.delete(f"/admin/api/connections/{found}")).status_code == 204
    async with db.transaction() as session:
        with pytest.raises(FenceLost):
            await guard(session, lease)


async def test_other_companies_keep_everything(face: Face) -> None:
    found = await face.connect()
    other = uuid.uuid4()
    async with face.services.db.transaction() as session:
        await session.execute(
            insert(Base.metadata.tables["connections"]).values(
                id=other, environment="custom", company_id=SECOND_COMPANY_ID, status=ConnectionStatus.ACTIVE,
                auth_method="oauth", subject_urn="urn:x", scopes="a", company_name="Other ApS",
            )
        )  # fmt: skip
        session.add(VendorLink(connection_id=other, pleo_id="p", phase="parked", note="stays"))
        session.add(AuditRecord(actor="a", action="paused", connection_id=other, detail={"reason": "stays"}))
        await face.services.queue.defer(session, LOOK, connection_id=str(other), found_by="poll")
    assert (await face.admin.delete(f"/admin/api/connections/{found}")).status_code == 204
    async with face.services.db.reading() as session:
        assert await session.scalar(select(VendorLink.note).where(VendorLink.connection_id == other)) == "stays"
        detail = await session.scalar(select(AuditRecord.detail).where(AuditRecord.connection_id == other))
        assert detail == {"reason": "stays"}


async def test_an_erasure_that_was_cut_short_is_gone_on_with_and_stops_when_the_company_is_back(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await face.connect()
    owner, db = uuid.UUID(found), face.services.db
    assert (await face.admin.delete(f"/admin/api/connections/{found}")).status_code == 204
    async with db.transaction() as session:  # as a worker would that had not noticed yet
        session.add_all(VendorLink(connection_id=owner, pleo_id=str(n), phase="parked") for n in range(5))
    monkeypatch.setattr(erasure, "BATCH", 2)
    assert (await erasure.erase(db, owner))["vendor_links"] == 5
    assert not await erasure.erase(db, owner), "a second erasure finds nothing to do"
    assert await face.connect() == found
    async with db.transaction() as session:
        session.add(VendorLink(connection_id=owner, pleo_id="new", phase="parked"))
    assert not await erasure.erase(db, owner)
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).where(VendorLink.connection_id == owner)) == 1
