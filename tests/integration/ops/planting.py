"""Rows put into the tables by hand, as no code of ours would leave them."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from ledgerbridge.clock import utcnow
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import (
    AuditRecord,
    Base,
    Connection,
    ConnectionStatus,
    Credential,
    ErpBinding,
    ExportItem,
    ExportJob,
    ItemState,
    JobEvent,
    JobPhase,
    Lease,
    Posting,
    PostingState,
    SyncRun,
    Voucher,
    VoucherBookRow,
    VoucherCounter,
    VoucherFile,
    WebhookDelivery,
)

SEALED = b"\x01" + bytes(60)


def ago(**spent: float) -> dt.datetime:
    """A moment in the past."""
    return utcnow() - dt.timedelta(**spent)


@dataclass
class Garden:
    """Rows of one or more companies, written in one transaction."""

    db: Database
    rows: list[Base] = field(default_factory=list)

    def company(self, status: ConnectionStatus = ConnectionStatus.ACTIVE, **columns: Any) -> uuid.UUID:
        connection_id = uuid.uuid4()
        credential = {
            "refresh_token_sealed": SEALED,
            "access_token_sealed": SEALED,
            "expires_at": utcnow() + dt.timedelta(hours=1),
            "refreshed_at": utcnow(),
        }
        wiped = status in (ConnectionStatus.DISCONNECTED, ConnectionStatus.RECONNECT_NEEDED)
        for name in [name for name in columns if name in Credential.__table__.columns]:
            credential[name] = columns.pop(name)
            wiped = False
        columns = {"auth_method": "oauth", "subject_urn": "urn:pleo:company:x"} | columns
        self.rows.append(
            Connection(id=connection_id, environment="custom", company_id=str(uuid.uuid4()), status=status, **columns)
        )
        self.rows.append(Credential(connection_id=connection_id, **({} if wiped else credential)))
        return connection_id

    def job(self, owner: uuid.UUID, phase: JobPhase = JobPhase.CLOSED, **columns: Any) -> uuid.UUID:
        job_id = uuid.uuid4()
        values: dict[str, Any] = {
            "pleo_created_at": ago(hours=3),
            "claimed_at": ago(hours=2),
            "started_at": ago(hours=2),
            "last_action_at": utcnow(),
            "closed_at": ago(hours=1) if phase is JobPhase.CLOSED else None,
            "expires_in": 3600,
        }
        self.rows.append(
            ExportJob(
                id=job_id,
                connection_id=owner,
                pleo_job_id=str(uuid.uuid4()),
                pleo_status="completed",
                phase=phase,
                found_by="poll",
                number_of_items=1,
                vendor_based=False,
                interactive=False,
                **(values | columns),
            )
        )
        return job_id

    def item(self, owner: uuid.UUID, job: uuid.UUID, entry: str, state: ItemState, **columns: Any) -> None:
        place = sum(isinstance(row, ExportItem) for row in self.rows)
        self.rows.append(
            ExportItem(
                job_id=job, accounting_entry_id=entry, connection_id=owner, position=place, state=state, **columns
            )
        )

    def posting(self, owner: uuid.UUID, entry: str, state: PostingState, **columns: Any) -> uuid.UUID:
        posting_id = uuid.uuid4()
        values: dict[str, Any] = {"intended_at": ago(hours=2), "total": "125.00", "currency": "DKK"}
        if state is PostingState.BOOKED:
            values |= {"erp_id": str(uuid.uuid4()), "booked_at": ago(hours=2)}
        self.rows.append(
            Posting(
                id=posting_id,
                connection_id=owner,
                accounting_entry_id=entry,
                state=state,
                config_version=1,
                fence=1,
                **({"erp_kind": "double"} | values | columns),
            )
        )
        return posting_id

    def book(self, owner: uuid.UUID, **columns: Any) -> uuid.UUID:
        """Of vouchers, with a counter that has not been moved."""
        book_id = uuid.uuid4()
        values: dict[str, Any] = {"kind": "files", "company_ref": "1", "company_name": "Books AB", "currency": "SEK"}
        self.rows.append(VoucherBookRow(id=book_id, connection_id=owner, **(values | columns)))
        return book_id

    def counter(self, owner: uuid.UUID, book: uuid.UUID, last: int) -> None:
        row = VoucherCounter(connection_id=owner, book_id=book, series="A", year="2026-01-01", last=last)
        self.rows.append(row)

    def file(self, owner: uuid.UUID, book: uuid.UUID, **columns: Any) -> uuid.UUID:
        file_id = uuid.uuid4()
        values: dict[str, Any] = {"name": str(file_id), "sha256": "", "size": 0, "vouchers": 0, "debit": 0}
        self.rows.append(VoucherFile(id=file_id, connection_id=owner, book_id=book, **(values | columns)))
        return file_id

    def voucher(self, owner: uuid.UUID, book: uuid.UUID, number: int, entry: str, **columns: Any) -> uuid.UUID:
        """With its posting, unless `reverses` or `posting` says otherwise."""
        voucher_id = uuid.uuid4()
        posting = columns.pop("posting", "reverses" not in columns)
        values: dict[str, Any] = {
            "series": "A", "year": "2026-01-01", "company_id": "c", "revision": 1, "total": 125, "body": {},
            "date": ago().date(), "digest": "", "recorded_at": ago(hours=2), "takes_back": "reverses" in columns,
        }  # fmt: skip
        self.rows.append(
            Voucher(
                id=voucher_id,
                connection_id=owner,
                book_id=book,
                number=number,
                accounting_entry_id=entry,
                **(values | columns),
            )
        )
        if posting:
            self.posting(owner, entry, PostingState.BOOKED, erp_kind="files", erp_id=str(voucher_id))
        return voucher_id

    def delivery(self, owner: uuid.UUID, **columns: Any) -> None:
        values: dict[str, Any] = {
            "event_type": "v1.export-job.created",
            "status": "queued",
            "received_at": ago(minutes=20),
            "webhook_id": str(uuid.uuid4()),
        }
        self.rows.append(WebhookDelivery(connection_id=owner, **(values | columns)))

    def run(self, owner: uuid.UUID, **columns: Any) -> None:
        values: dict[str, Any] = {"kind": "accounts", "trigger": "schedule", "status": "succeeded"}
        self.rows.append(SyncRun(connection_id=owner, **({"started_at": ago(hours=1)} | values | columns)))

    def lease(self, owner: uuid.UUID, scope: str = "exports", fence: int = 1) -> None:
        """Somebody works on the company just now."""
        until = utcnow() + dt.timedelta(seconds=60)
        self.rows.append(Lease(connection_id=owner, scope=scope, holder="test", fence=fence, expires_at=until))

    def binding(self, owner: uuid.UUID, **columns: Any) -> None:
        values: dict[str, Any] = {
            "kind": "double",
            "settings_sealed": SEALED,
            "settings_shown": {},
            "company_ref": "1",
            "company_name": "Demo ApS",
        }
        self.rows.append(ErpBinding(connection_id=owner, currency="DKK", bound_by="test", **(values | columns)))

    def event(self, owner: uuid.UUID, job: uuid.UUID) -> None:
        self.rows.append(JobEvent(connection_id=owner, job_id=job, name="claimed", detail={}))

    def audit(self, owner: uuid.UUID, **detail: Any) -> None:
        self.rows.append(AuditRecord(actor="system", action="tested", connection_id=owner, detail=detail))

    async def planted(self) -> None:
        """Write the rows, as if no reference were checked."""
        order = list(Base.metadata.sorted_tables)
        async with self.db.transaction() as session:
            await session.execute(text("set local session_replication_role = replica"))
            for row in sorted(self.rows, key=lambda row: order.index(row.__table__)):
                session.add(row)
                await session.flush()
        self.rows = []

    async def sql(self, statement: str) -> None:
        """Change the schema behind everybody's back."""
        async with self.db.transaction() as session:
            await session.execute(text(statement))
