"""Exports: jobs and their items as we work them, and the ledger of postings."""

from __future__ import annotations

import datetime as dt
import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ledgerbridge.bookkeeping.payables import Side
from ledgerbridge.store.tables.base import NOW, Base, of_same_company, one_of, owner


class JobPhase(StrEnum):
    CLAIMED = "claimed"
    """Our row stands; `started` may or may not have reached Pleo."""
    STARTED = "started"
    """Pleo shows it in progress; its items are being validated, fetched, booked or reported."""
    FETCHED = "fetched"
    """Both layers are spooled; items are being booked and reported."""
    CLOSED = "closed"
    """Pleo has a final status; payloads are dropped."""


class ExportJob(Base):
    """One Pleo export job as we work it."""

    __tablename__ = "export_jobs"
    __table_args__ = (
        UniqueConstraint("connection_id", "pleo_job_id"),
        UniqueConstraint("id", "connection_id"),
        Index(None, "connection_id", "pleo_created_at"),
        Index("ix_export_jobs_open", "connection_id", postgresql_where=text("phase <> 'closed'")),
        Index(None, "closed_at"),
        one_of("phase", JobPhase),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    connection_id: Mapped[uuid.UUID] = owner()
    pleo_job_id: Mapped[str]
    pleo_created_at: Mapped[dt.datetime]
    pleo_status: Mapped[str]
    """As last known: pending, in_progress, completed, completed_with_errors, failed."""
    phase: Mapped[str] = mapped_column(default=JobPhase.CLAIMED)
    found_by: Mapped[str]
    """`webhook`, `poll`, `manual` or `recovery`."""
    announced_at: Mapped[dt.datetime | None]
    """When a webhook told of it; None for a job that only polling found."""
    number_of_items: Mapped[int]
    vendor_based: Mapped[bool]
    interactive: Mapped[bool]
    created_by: Mapped[str | None]
    expires_in: Mapped[int]
    """Seconds after the last action at Pleo (EXP-EXPIRE-02)."""
    last_action_at: Mapped[dt.datetime | None]
    """Our last event or item update that Pleo accepted."""
    config_version: Mapped[int | None]
    claimed_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    started_at: Mapped[dt.datetime | None]
    closed_at: Mapped[dt.datetime | None]
    failure_type: Mapped[str | None]
    failure_reason: Mapped[str | None]
    counted: Mapped[bool] = mapped_column(default=True, server_default=text("false"))
    """Whether the database counts its items in `export_item_counts`; false for jobs of releases before that."""


class JobEvent(Base):
    """The timeline of an export job."""

    __tablename__ = "export_job_events"
    __table_args__ = (
        of_same_company("job_id", "export_jobs"),
        Index(None, "job_id", "id"),
        Index("ix_export_job_events_in_time", "job_id", "at", "id"),
        Index("ix_export_job_events_at", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    connection_id: Mapped[uuid.UUID] = owner()
    job_id: Mapped[uuid.UUID]
    at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    name: Mapped[str]
    """A short past tense: claimed, started, preflight_passed, fetched, reported, completed, failed, resumed, ..."""
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)


class ItemState(StrEnum):
    WAITING = "waiting"
    """Spooled, nothing done yet."""
    BOOKED = "booked"
    """Stands in the ERP; see its posting."""
    NOTHING_TO_POST = "nothing_to_post"
    """Counts as successful without an entry (EXP-TYPE-18)."""
    FAILED = "failed"
    """Has a reason a bookkeeper can act on; nothing stands in the ERP for it."""
    UNKNOWN = "unknown"
    """A write whose reply was lost and that could not be probed yet."""
    ABANDONED = "abandoned"
    """The job ended before the item was worked."""


class ExportItem(Base):
    """One item of one export job: both layers joined on the accounting entry (EXP-DATA-11)."""

    __tablename__ = "export_items"
    __table_args__ = (
        of_same_company("job_id", "export_jobs"),
        of_same_company("posting_id", "postings"),
        UniqueConstraint("job_id", "position"),
        Index("ix_export_items_unreported", "job_id", "position", postgresql_where=text("reported_at is null")),
        Index(None, "connection_id", "accounting_entry_id"),
        Index("ix_export_items_by_state", "job_id", "state", "position"),
        Index("ix_export_items_held", "job_id", postgresql_where=text("payload is not null")),
        one_of("state", ItemState),
    )

    job_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    accounting_entry_id: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[uuid.UUID] = owner()
    position: Mapped[int]
    """Order in the control layer; fixes the order of work (EXP-ORDER-03)."""
    payload: Mapped[dict[str, Any] | None]
    """The data layer as sent, dropped when the job is closed; None also when Pleo sent none."""
    pleo_url: Mapped[str | None]
    """Where Pleo shows the expense to people, kept when the payload goes: how else would anybody find it again."""
    glance: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What outlives the payload besides, so that people know which expense it was: `{"type", "date", "minor",
    "currency"}`, as far as Pleo sent them. Names nobody."""
    state: Mapped[str] = mapped_column(default=ItemState.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str | None]
    """Name of the row of the failure table."""
    failure_type: Mapped[str | None]
    """Pleo's `failureReasonType`."""
    failure_reason: Mapped[str | None]
    """The text the bookkeeper reads."""
    internal: Mapped[str | None]
    """For operators."""
    posting_id: Mapped[uuid.UUID | None]
    reported_at: Mapped[dt.datetime | None]
    """When Pleo accepted the outcome."""
    report_refusal: Mapped[str | None]
    """Pleo's `errors[]` type when it refused the update (EXP-UPD-07)."""


class ExportItemCount(Base):
    """How many items of a job are in a state. Kept by triggers on `export_items`, so that looking costs the same for
    ten items and for a hundred thousand; only for jobs that are `counted`."""

    __tablename__ = "export_item_counts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["job_id", "connection_id"], ["export_jobs.id", "export_jobs.connection_id"], ondelete="CASCADE"
        ),
    )

    job_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), index=True)
    items: Mapped[int] = mapped_column(BigInteger)
    """May be 0."""


class PostingState(StrEnum):
    INTENDED = "intended"
    """Written before anything is sent to the ERP. Found after a crash it means: probe first."""
    BOOKED = "booked"
    """Stands in the ERP, draft or final."""
    NOT_BOOKED = "not_booked"
    """The ERP certainly has no entry; the row may be intended again."""
    UNKNOWN = "unknown"
    """A reply was lost and probing did not settle it."""
    REVERSED = "reversed"
    """Taken back in the ERP; a later revision may be live."""


class ReversalState(StrEnum):
    INTENDED = "intended"
    """Written before the ERP is asked to take the entry back. Found after a crash it means: look first."""
    UNKNOWN = "unknown"
    """A reply was lost and looking did not settle it."""
    REVERSED = "reversed"


class Posting(Base):
    """The ledger of what we put into the ERP: at most one live row per accounting entry (invariants 1 and 2)."""

    __tablename__ = "postings"
    __table_args__ = (
        of_same_company("job_id", "export_jobs"),
        UniqueConstraint("id", "connection_id"),
        UniqueConstraint("connection_id", "accounting_entry_id", "revision"),
        Index(
            "uq_postings_one_live",
            "connection_id",
            "accounting_entry_id",
            unique=True,
            postgresql_where=text("state in ('intended', 'booked', 'unknown')"),
        ),
        Index("ix_postings_unknown", "connection_id", postgresql_where=text("state = 'unknown'")),
        Index("ix_postings_intended", "intended_at", postgresql_where=text("state = 'intended'")),
        Index(
            "ix_postings_being_reversed",
            "connection_id",
            postgresql_where=text("reversal_state in ('intended', 'unknown')"),
        ),
        one_of("state", PostingState),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    connection_id: Mapped[uuid.UUID] = owner()
    accounting_entry_id: Mapped[str]
    revision: Mapped[int] = mapped_column(default=1)
    state: Mapped[str]
    digest: Mapped[str | None]
    """Of the entry's bookkeeping content; None when it was adopted from the ERP (EXP-IDEM-07)."""
    total: Mapped[str]
    """Sum of debits in `currency`, two decimals; for a bill what is owed."""
    currency: Mapped[str]
    posting_date: Mapped[dt.date | None]
    """The day the entry was to carry in the ERP; None for one adopted from there, and in rows of early releases."""
    config_version: Mapped[int]
    job_id: Mapped[uuid.UUID | None]
    """The job that intended it last."""
    fence: Mapped[int] = mapped_column(BigInteger)
    """Number of the lease under which it was intended."""
    erp_kind: Mapped[str]
    document: Mapped[str] = mapped_column(default="journal_entry", server_default=text("'journal_entry'"))
    """`journal_entry` or `bill`: what it stands in the ERP as, and what `erp_id` names."""
    erp_id: Mapped[str | None]
    erp_number: Mapped[str | None]
    erp_url: Mapped[str | None]
    final: Mapped[bool] = mapped_column(default=False)
    intended_at: Mapped[dt.datetime]
    """When it was begun last; once a reply was lost, the moment of that."""
    booked_at: Mapped[dt.datetime | None]
    by_hand: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """A person said it is booked under `erp_number`; its entry may not carry our key, so it is never probed."""
    moved_from: Mapped[str | None]
    """The ERP company it was booked in, when the connection was bound to another since: that the new one does not have
    it proves nothing."""
    note: Mapped[str | None]
    """Who settled it by hand, and why."""
    reversal_state: Mapped[str | None]
    """None while nobody has asked to take it back, or the ERP certainly did not."""
    reversal_erp_id: Mapped[str | None]
    """The counter-entry; None for a draft that was taken away."""
    reversal_number: Mapped[str | None]
    reversal_url: Mapped[str | None]
    reversal_reason: Mapped[str | None]
    """Why, in the words of whoever asked."""
    reversal_by: Mapped[str | None]
    """Who asked, as the audit log writes it."""
    reversal_at: Mapped[dt.datetime | None]
    """When it was begun last; once it is reversed, when that was."""


class SettlementState(StrEnum):
    OPEN = "open"
    """Its counterpart has not come, or stands as a draft (EXP-AP-04)."""
    SETTLED = "settled"
    REOPENED = "reopened"
    """Was settled by a payment that came back."""
    UNDONE = "undone"
    """A payment that came back, and what undid it: matched with each other, of no use for anything else."""


class Settlement(Base):
    """A posting of accounts payable that waits for its counterpart, or has found it."""

    __tablename__ = "settlements"
    __table_args__ = (
        of_same_company("posting_id", "postings"),
        Index(
            "ix_settlements_open", "connection_id", "vendor_id", postgresql_where=text("state in ('open', 'reopened')")
        ),
        one_of("side", Side),
        one_of("state", SettlementState),
    )

    posting_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    connection_id: Mapped[uuid.UUID] = owner()
    side: Mapped[str]
    vendor_id: Mapped[str]
    """ERP id of the vendor, or of the employee as vendor."""
    number: Mapped[str | None]
    """Invoice number, where the item has one."""
    amount: Mapped[str]
    """What is owed or paid in `currency`, two decimals, positive."""
    currency: Mapped[str]
    reconciliation_id: Mapped[str]
    """Pleo's reference of the item, by which a reimbursement names what it pays."""
    settles: Mapped[list[str]] = mapped_column(default=list, server_default=text("'[]'"))
    """Reconciliation ids of the items it settles, as Pleo sent them."""
    own_payment: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """A draft bill with the payment from its own item: matched with that once a person made both final."""
    state: Mapped[str] = mapped_column(default=SettlementState.OPEN)
    group_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    """Shared by what was matched with each other."""
    tried_at: Mapped[dt.datetime | None]
    settled_at: Mapped[dt.datetime | None]


class ObservedSign(Base):
    """Which sign Pleo uses for a type and sub type in this company, from the first item booked (EXP-TYPE-15)."""

    __tablename__ = "observed_signs"

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    sub_type: Mapped[str] = mapped_column(primary_key=True, default="")
    """Empty for none."""
    sign: Mapped[int]
    """1 or -1."""
