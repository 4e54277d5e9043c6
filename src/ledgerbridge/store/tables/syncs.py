"""Syncs: when each kind is due, what each run did, and the pairs of vendors."""

from __future__ import annotations

import datetime as dt
import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ledgerbridge.store.tables.base import NOW, Base, one_of, owner

_NONE = text("0")


class SyncKind(StrEnum):
    """What is kept in step with the ERP."""

    TAGS = "tags"
    ACCOUNTS = "accounts"
    TAX_CODES = "tax_codes"
    VENDORS = "vendors"


class SyncSchedule(Base):
    """When a kind is due for a connection, and how it has fared."""

    __tablename__ = "sync_schedules"
    __table_args__ = (
        Index("ix_sync_schedules_due", "next_due_at", postgresql_where=text("switched_off_at is null")),
        Index(
            "ix_sync_schedules_drafts",
            "drafts_due_at",
            postgresql_where=text("switched_off_at is null and drafts_due_at is not null"),
        ),
        one_of("kind", SyncKind),
    )

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    next_due_at: Mapped[dt.datetime | None]
    """None while the configuration switches the kind off."""
    config_version: Mapped[int]
    """The version of the configuration that `next_due_at` was reckoned from."""
    drafts_due_at: Mapped[dt.datetime | None]
    """Of vendors: when Pleo is asked for drafts that no webhook told of."""
    last_started_at: Mapped[dt.datetime | None]
    last_success_at: Mapped[dt.datetime | None]
    """End of the last run that read everything and did what it could; single records may have failed in it."""
    failing_since: Mapped[dt.datetime | None]
    """Start of the first of the failed runs in a row; None after a success."""
    failures: Mapped[int] = mapped_column(server_default=_NONE, default=0)
    """Failed runs in a row."""
    warned_at: Mapped[dt.datetime | None]
    """When somebody was told of the long failure."""
    switched_off_at: Mapped[dt.datetime | None]
    """No run starts by itself any more, until a person asks for one."""
    switched_off_reason: Mapped[str | None]
    note: Mapped[str | None]
    """What a person should know of the last run, in a sentence; None when all went well."""


class SyncStatus(StrEnum):
    RUNNING = "running"
    """Also a run whose worker died, until the next run of the company closes it."""
    SUCCEEDED = "succeeded"
    WITH_FAILURES = "with_failures"
    """Everything was read and compared; single records failed, for the reasons in `problems`."""
    NEEDS_CONFIRMATION = "needs_confirmation"
    """All but the archiving was done; it goes on when a person allows it."""
    FAILED = "failed"
    """Nothing more was done from the point where it failed, and nothing was archived."""
    INTERRUPTED = "interrupted"
    """Its worker died; the next run starts from scratch."""


class SyncRun(Base):
    """One comparison of a kind, from both reads to the last write."""

    __tablename__ = "sync_runs"
    __table_args__ = (
        Index(None, "connection_id", "started_at"),
        Index("ix_sync_runs_started_at", "started_at"),
        Index("ix_sync_runs_running", "connection_id", postgresql_where=text("status = 'running'")),
        one_of("kind", SyncKind),
        one_of("status", SyncStatus),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    connection_id: Mapped[uuid.UUID] = owner()
    kind: Mapped[str]
    trigger: Mapped[str]
    """`schedule`, `manual`, `activation`, `webhook`, `poll`, `export` or `confirmed`."""
    only: Mapped[str | None]
    """Code of the one dimension, or id of the one vendor, the run was limited to."""
    status: Mapped[str] = mapped_column(default=SyncStatus.RUNNING)
    started_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    ended_at: Mapped[dt.datetime | None]
    created: Mapped[int] = mapped_column(server_default=_NONE, default=0)
    updated: Mapped[int] = mapped_column(server_default=_NONE, default=0)
    unarchived: Mapped[int] = mapped_column(server_default=_NONE, default=0)
    """Brought back; for vendors, activated."""
    archived: Mapped[int] = mapped_column(server_default=_NONE, default=0)
    unchanged: Mapped[int] = mapped_column(server_default=_NONE, default=0)
    skipped: Mapped[int] = mapped_column(server_default=_NONE, default=0)
    """Left alone on purpose, and told in `problems`; for vendors, parked."""
    failed: Mapped[int] = mapped_column(server_default=_NONE, default=0)
    calls: Mapped[int] = mapped_column(server_default=_NONE, default=0)
    """Calls made to Pleo, repeats included (TAG-117)."""
    failure: Mapped[str | None]
    """Row of the failure table, or a short word, for a run that failed as a whole; `not_kept` for one that succeeded
    because the ERP keeps nothing of the kind."""
    reason: Mapped[str | None]
    """The same as a sentence for a person."""
    problems: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    """`{"record", "action", "code", "text"}` of each record that failed or was left alone, up to a limit."""
    problems_left_out: Mapped[int] = mapped_column(server_default=_NONE, default=0)
    to_archive: Mapped[int | None]
    """How many records wait for a person to allow their archiving."""
    held: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))
    """Pleo's ids of those records; forgotten some time after a newer run has looked."""
    archive_allowed: Mapped[int | None]
    """How many a person allowed this run to archive."""
    allowed_by: Mapped[str | None]


class LinkPhase(StrEnum):
    """How far a pair of vendors has come (vendors.md section 13)."""

    PENDING = "pending"
    """The ERP vendor stands; Pleo is not known to have its number yet (VEN-069)."""
    LINKED = "linked"
    PARKED = "parked"
    """A draft that waits for a person, for the reason in `note` (VEN-064, VEN-071)."""
    BROKEN = "broken"
    """Pleo no longer knows the vendor; the ERP's stays (VEN-075)."""
    ENDED = "ended"
    """The ERP vendor is gone and the Pleo vendor archived; kept so that its id is never used for another (VEN-029)."""


class VendorLink(Base):
    """One vendor of Pleo beside one of the ERP; nothing of the vendor itself is kept (VEN-009)."""

    __tablename__ = "vendor_links"
    __table_args__ = (
        UniqueConstraint("connection_id", "pleo_id"),
        Index(None, "connection_id", "erp_id"),
        Index("ix_vendor_links_open", "connection_id", postgresql_where=text("phase in ('pending', 'parked')")),
        one_of("phase", LinkPhase),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    connection_id: Mapped[uuid.UUID] = owner()
    pleo_id: Mapped[str]
    erp_id: Mapped[str | None]
    """`externalId`; None for a parked draft without one."""
    code: Mapped[str | None]
    """The vendor number last seen in the ERP."""
    merged_into: Mapped[str | None]
    """ERP id of the vendor that took this one's place; what is still tagged with this one means that one (VEN-096)."""
    phase: Mapped[str]
    erp_digest: Mapped[str | None]
    """Of the ERP's mapped fields at the last write or comparison (VEN-038)."""
    pleo_digest: Mapped[str | None]
    """Of Pleo's fields after the last write (VEN-083)."""
    note: Mapped[str | None]
    """Why it is parked or broken, in a sentence for a person."""
    writes: Mapped[int] = mapped_column(server_default=_NONE, default=0)
    """Writes to Pleo since `writes_since` without a change in the ERP (VEN-087)."""
    writes_since: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    updated_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)


class MappingWarning(Base):
    """Something a configuration or a category still uses has gone from the ERP."""

    __tablename__ = "mapping_warnings"
    __table_args__ = (
        Index(
            "uq_mapping_warnings_open",
            "connection_id",
            "kind",
            "code",
            "used_by",
            unique=True,
            postgresql_where=text("resolved_at is null"),
        ),
        one_of("kind", SyncKind),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    connection_id: Mapped[uuid.UUID] = owner()
    kind: Mapped[str]
    code: Mapped[str]
    """The account, tax code, dimension or vendor as people know it."""
    used_by: Mapped[str]
    """`configuration: accounts.payable`, `category`, and so on."""
    text: Mapped[str]
    """What to do, in a sentence for a person."""
    seen_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    resolved_at: Mapped[dt.datetime | None]
